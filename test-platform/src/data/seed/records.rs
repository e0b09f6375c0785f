//! The form of a seed's records: which id one has, what it needs, and which fields there are.

use serde_json::Value;

use super::{More, SeedError};
use crate::schema::schema;

/// A kind of record.
pub struct Form {
    pub kind: &'static str,
    /// The field that holds its id.
    pub id_field: &'static str,
    /// How long its id is; none where it is a number.
    pub id_length: Option<usize>,
    /// Fields without which it is of no use.
    needs: &'static [&'static str],
    /// The types of the API whose fields it has.
    types: &'static [&'static str],
}

const fn form(
    kind: &'static str,
    (id_field, id_length): (&'static str, Option<usize>),
    needs: &'static [&'static str],
    types: &'static [&'static str],
) -> Form {
    Form {
        kind,
        id_field,
        id_length,
        needs,
        types,
    }
}

const NUMBER: (&str, Option<usize>) = ("id", None);
const TEXT: (&str, Option<usize>) = ("id", Some(22));

pub const LABEL: Form = form("label", NUMBER, &["name"], &["LabelDbDto"]);
pub const CREDENTIALS: Form = form("credentials", TEXT, &["name", "provider"], &["Credentials"]);
pub const SECRET: Form = form("pipeline_secret", NUMBER, &["name"], &["PipelineSecret"]);
pub const COMPUTE_ENV: Form = form(
    "compute_env",
    TEXT,
    &["name", "platform"],
    &["ComputeEnvResponseDto"],
);
pub const PIPELINE: Form = form(
    "pipeline",
    ("pipelineId", None),
    &["name"],
    &["PipelineDbDto"],
);
pub const DATASET: Form = form("dataset", TEXT, &["name"], &["DatasetDto"]);
pub const DATA_LINK: Form = form(
    "data_link",
    TEXT,
    &["name", "resourceRef"],
    &["DataLinkDto"],
);
pub const STUDIO: Form = form(
    "studio",
    ("sessionId", Some(8)),
    &["name"],
    &["DataStudioDto"],
);
pub const ACTION: Form = form(
    "action",
    TEXT,
    &["name"],
    &["ActionResponseDto", "CreateActionRequest"],
);

impl Form {
    /// That a record has what it needs, and no field that the API doesn't know.
    pub fn check(&self, fields: &More) -> Result<(), SeedError> {
        check_fields(self.kind, fields, self.types)?;
        match self.needs.iter().find(|name| !fields.contains_key(**name)) {
            None => Ok(()),
            Some(missing) => Err(SeedError(format!("a {} has no `{missing}`", self.kind))),
        }
    }
}

/// That types of the API have all the fields: one with another name would never be seen.
pub fn check_fields(what: &str, fields: &More, types: &[&str]) -> Result<(), SeedError> {
    let is_known = |field: &String| {
        let mut types = types.iter().map(|name| schema().named(name));
        types.any(|known| !known["properties"][field].is_null())
    };
    let Some(unknown) = fields.keys().find(|field| !is_known(field)) else {
        return Ok(());
    };
    let named = match fields.get("name").and_then(Value::as_str) {
        Some(name) => format!(" {name}"),
        None => String::new(),
    };
    Err(SeedError(format!("{what}{named} has no field `{unknown}`")))
}
