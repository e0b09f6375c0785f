//! The run of `runs view` and of its sub-commands, and how its facts are shown.

use serde_json::{Map, Value};

use crate::context::{Context, Place};

/// The run that is viewed.
pub struct Run<'a> {
    pub context: &'a Context,
    pub place: &'a Place<'a>,
    pub id: &'a str,
}

/// The fields of a value, one a line.
pub fn facts(value: &Value) -> Vec<(String, String)> {
    let empty = Map::new();
    let fields = value.as_object().unwrap_or(&empty).iter();
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    fields
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}
