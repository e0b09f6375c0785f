//! Bodies against their schemas: what is missing or can't be meant, by its path.

use serde_json::{Map, Value, json};

use crate::Timestamp;

use super::table::SCHEMAS;
use super::values::{one_of, quoted};
use super::{Body, BodyForm};

/// How many problems of a body are told.
const MOST: usize = 5;

impl Body {
    /// The JSON Schema (2020-12) of the body, with all that it refers to. `None` for content that
    /// is sent as it is.
    ///
    /// Kinds of a union are told apart by a constant property. Descriptions are those of this
    /// crate's documentation, with names as on the wire.
    pub fn json_schema(&self) -> Option<Value> {
        let mut root: Map<String, Value> = serde_json::from_str(self.schema).ok()?;
        let mut named = Map::new();
        let mut pending = references(&Value::Object(root.clone()));
        while let Some(name) = pending.pop() {
            if named.contains_key(&name) {
                continue;
            }
            let place = SCHEMAS.binary_search_by_key(&name.as_str(), |(name, _)| name);
            let (_, text) = SCHEMAS.get(place.ok()?)?;
            let schema: Value = serde_json::from_str(text).ok()?;
            pending.extend(references(&schema));
            named.insert(name, schema);
        }
        let dialect = json!("https://json-schema.org/draft/2020-12/schema");
        root.insert("$schema".to_owned(), dialect);
        if !named.is_empty() {
            root.insert("$defs".to_owned(), Value::Object(named));
        }
        Some(Value::Object(root))
    }

    /// What the schema has against a body, if anything: fields that are required and missing, and
    /// values that are of another type or not among those that are allowed.
    ///
    /// # Errors
    /// The problems, with what would be right, by their paths.
    pub(super) fn check(&self, value: &Value) -> Result<(), String> {
        let root = match self.form {
            BodyForm::Bytes { .. } => return Ok(()),
            _ => self.json_schema().unwrap_or_default(),
        };
        let mut check = Check {
            named: &root["$defs"],
            problems: Vec::new(),
        };
        check.value(&root, value, "");
        match check.problems.len() {
            0 => Ok(()),
            count => {
                check.problems.truncate(MOST);
                let more = count.saturating_sub(MOST);
                if more > 0 {
                    check.problems.push(format!("and {more} more"));
                }
                Err(check.problems.join("; "))
            }
        }
    }
}

/// The named schemas that a schema refers to.
fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            let own = own.and_then(|target| target.strip_prefix("#/$defs/"));
            let inner = members.values().flat_map(references);
            own.map(str::to_owned).into_iter().chain(inner).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

struct Check<'a> {
    named: &'a Value,
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    fn problem(&mut self, path: &str, what: &str) {
        let place = match path {
            "" => "the body".to_owned(),
            path => format!("the body's `{path}`"),
        };
        self.problems.push(format!("{place} {what}"));
    }

    fn value(&mut self, schema: &'a Value, value: &Value, path: &str) {
        let list = |key: &str| schema[key].as_array().into_iter().flatten();
        if let Some(target) = schema["$ref"].as_str() {
            let name = target.rsplit('/').next().unwrap_or(target);
            return self.value(&self.named[name], value, path);
        }
        for part in list("allOf") {
            self.value(part, value, path);
        }
        // One of them is null.
        for part in list("anyOf").filter(|part| part["type"] != "null" && !value.is_null()) {
            self.value(part, value, path);
        }
        if schema.get("oneOf").is_some() {
            self.union(schema, value, path);
        }
        let allowed = list("enum").filter_map(Value::as_str);
        if let (Some(text), Some(_)) = (value.as_str(), schema.get("enum")) {
            match one_of(allowed, text) {
                Ok(known) if known == text => {}
                Ok(known) => self.problem(path, &format!("is `{text}`: write `{known}`")),
                Err(wrong) => self.problem(path, &wrong),
            }
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) if value.is_null() && kinds.contains(&json!("null")) => return,
            Value::Array(kinds) => kinds.first().and_then(Value::as_str),
            kind => kind.as_str(),
        };
        if let Some(wanted) = kind.and_then(|kind| mismatch(kind, schema, value)) {
            self.problem(path, &format!("takes {wanted}, not {}", kind_of(value)));
            return;
        }
        match value {
            Value::Object(fields) => self.fields(schema, fields, path),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(&schema["items"], item, &format!("{path}[{index}]"));
                }
            }
            _ => {}
        }
    }

    fn fields(&mut self, schema: &'a Value, fields: &Map<String, Value>, path: &str) {
        let inside = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if fields.get(name).is_none_or(Value::is_null) {
                self.problem(&inside(name), "is required");
            }
        }
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            let known = schema["properties"].get(name);
            if let Some(schema) = known.or_else(|| schema.get("additionalProperties")) {
                self.value(schema, value, &inside(name));
            }
        }
    }

    /// One of several types, told apart by a constant.
    fn union(&mut self, schema: &'a Value, value: &Value, path: &str) {
        let branches = schema["oneOf"].as_array().into_iter().flatten();
        let kinds: Vec<(&str, &str, &Value)> = branches
            .filter_map(|branch| {
                let [variant, tagged] = branch["allOf"].as_array()?.as_slice() else {
                    return None;
                };
                let (tag, constant) = tagged["properties"].as_object()?.iter().next()?;
                Some((tag.as_str(), constant["const"].as_str()?, variant))
            })
            .collect();
        let (Some((tag, ..)), Some(fields)) = (kinds.first(), value.as_object()) else {
            return;
        };
        let place = match path {
            "" => (*tag).to_owned(),
            path => format!("{path}.{tag}"),
        };
        let names = || kinds.iter().map(|(_, kind, _)| *kind);
        let Some(kind) = fields.get(*tag).and_then(Value::as_str) else {
            let which = format!("is required: one of {}", quoted(names()));
            return self.problem(&place, &which);
        };
        match kinds.iter().find(|(_, known, _)| *known == kind) {
            Some((_, _, variant)) => self.value(variant, value, path),
            None => {
                let wrong = one_of(names(), kind).map(|known| format!("must be `{known}`"));
                self.problem(&place, &wrong.unwrap_or_else(|wrong| wrong));
            }
        }
    }
}

/// What a schema of this type takes, where it does not take this value.
fn mismatch(kind: &str, schema: &Value, value: &Value) -> Option<&'static str> {
    let is_moment = |text: &str| text.parse::<Timestamp>().is_ok();
    let (fits, wanted) = match kind {
        "string" if schema["format"] == "date-time" => (
            value.as_str().is_some_and(is_moment),
            "a date-time such as `2026-03-01T09:30:00Z`",
        ),
        "string" => (value.is_string(), "text"),
        "integer" => (value.is_i64() || value.is_u64(), "a whole number"),
        "number" => (value.is_number(), "a number"),
        "boolean" => (value.is_boolean(), "`true` or `false`"),
        "array" => (value.is_array(), "a list"),
        "object" => (value.is_object(), "an object"),
        _ => (true, ""),
    };
    (!fits).then_some(wanted)
}

/// A value for people. Text is not shown: it may be secret.
fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(_) => "this text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => format!("`{other}`"),
    }
}
