//! A record: what the Platform keeps of an entity.

use std::ops::Index;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// An entity's fields by their names on the wire. What the API never shows begins with `_`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// As it stands in paths.
    pub id: String,
    /// Where it belongs: a workspace's or organization's id, or a user's with a minus before it.
    pub scope: i64,
    pub fields: Map<String, Value>,
}

impl Index<&str> for Record {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        static NOTHING: Value = Value::Null;
        self.fields.get(name).unwrap_or(&NOTHING)
    }
}

impl Record {
    pub fn new(id: impl ToString, scope: i64, fields: Value) -> Self {
        Self {
            id: id.to_string(),
            scope,
            fields: object(fields),
        }
    }

    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    /// A text, empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self[name].as_str().unwrap_or_default()
    }

    /// A number, 0 where there is none.
    pub fn number(&self, name: &str) -> i64 {
        self[name].as_i64().unwrap_or_default()
    }

    pub fn is(&self, name: &str) -> bool {
        self[name] == true
    }

    /// The ids of its labels.
    pub fn labels(&self) -> Vec<i64> {
        numbers(&self["_labels"])
    }

    pub fn set_labels(&mut self, ids: &[i64]) {
        self.set("_labels", json!(ids));
    }

    pub fn value(&self) -> Value {
        Value::Object(self.fields.clone())
    }
}

/// The numbers of a list.
pub fn numbers(list: &Value) -> Vec<i64> {
    (list.as_array().into_iter().flatten())
        .filter_map(|number| number.as_i64().or_else(|| number.as_str()?.parse().ok()))
        .collect()
}

/// The fields of an object; none of anything else.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
