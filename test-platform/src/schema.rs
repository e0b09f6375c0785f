//! What this Platform knows of the API: its operations, and the types of what they take and answer.
//! It stands in `schema.txt`, which `cargo xtask refresh-schema` writes from the vendored schema.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

/// The API.
pub struct Schema {
    /// Its version.
    pub version: &'static str,
    operations: Vec<Operation>,
    /// Places in `operations`, by method and first segment, the most fixed paths first.
    routes: HashMap<(&'static str, &'static str), Vec<usize>>,
    types: HashMap<&'static str, (&'static str, OnceLock<Value>)>,
}

/// An operation of the API.
pub struct Operation {
    pub id: &'static str,
    pub method: &'static str,
    segments: Vec<&'static str>,
    about: Value,
}

/// What a path leads to.
pub enum Route<'a> {
    /// An operation, with the values of its path parameters.
    Operation(&'static Operation, Vec<(&'static str, String)>),
    /// Only operations of other methods.
    OtherMethod,
    /// Nothing.
    Unknown(&'a str),
}

/// How replies differ from what the schema says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shaping {
    /// Fields without a value are left out, `exit` is a text, and what old servers lack is missing.
    pub older: bool,
    /// Every object has a field that the schema doesn't know.
    pub newer: bool,
}

/// Paths that the schema has no longer and servers still take.
const OLDER_PATHS: &[(&str, &str)] = &[(
    "DownloadDatasetV2",
    "/workspaces/{workspaceId}/datasets/{datasetId}/v/{version}/n/{fileName}",
)];

/// Required today, missing on older servers.
const YOUNG_FIELDS: &[&str] = &[
    "aborted",
    "ignored",
    "retries",
    "path",
    "exitStatus",
    "provider",
];
/// What a newer server adds to every object.
pub const UNKNOWN_FIELD: &str = "addedByANewerServer";

/// The API, read once in a process.
pub fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| Schema::read(include_str!("schema.txt")))
}

impl Schema {
    fn read(text: &'static str) -> Self {
        let mut schema = Self {
            version: "",
            operations: Vec::new(),
            routes: HashMap::new(),
            types: HashMap::new(),
        };
        for line in text.lines() {
            let (sort, rest) = line.split_once(' ').unwrap_or((line, ""));
            match sort {
                "version" => schema.version = rest,
                "operation" => schema.operations.extend(Operation::read(rest)),
                _ => {
                    let (name, text) = rest.split_once(' ').unwrap_or((rest, "{}"));
                    schema.types.insert(name, (text, OnceLock::new()));
                }
            }
        }
        let mut places: Vec<usize> = (0..schema.operations.len()).collect();
        places.sort_by_key(|&place| {
            let segments = &schema.operations[place].segments;
            let parameters = segments.iter().filter(|s| s.starts_with('{')).count();
            (parameters, usize::MAX - segments.len())
        });
        // Of two that fit, the one with more fixed segments is meant.
        places.sort_by_key(|&place| {
            let segments = &schema.operations[place].segments;
            usize::MAX - segments.iter().filter(|s| !s.starts_with('{')).count()
        });
        for place in places {
            let operation = &schema.operations[place];
            let key = (operation.method, operation.segments[0]);
            schema.routes.entry(key).or_default().push(place);
        }
        schema
    }

    /// All operations, by id.
    #[cfg(test)]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation of an id.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        let place = self.operations.binary_search_by(|known| known.id.cmp(id));
        place.ok().map(|place| &self.operations[place])
    }

    /// What a method and a path, relative to the endpoint, lead to.
    pub fn route<'a>(&'static self, method: &str, path: &'a str) -> Route<'a> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let mut other_method = false;
        for known in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let Some(places) = self.routes.get(&(known, segments[0])) else {
                continue;
            };
            for &place in places {
                if let Some(parameters) = fits(&self.operations[place].segments, &segments) {
                    if known == method {
                        return Route::Operation(&self.operations[place], parameters);
                    }
                    other_method = true;
                }
            }
        }
        for (id, older) in OLDER_PATHS {
            let older: Vec<&'static str> = older.trim_start_matches('/').split('/').collect();
            let operation = self
                .operation(id)
                .filter(|operation| operation.method == method);
            if let (Some(operation), Some(parameters)) = (operation, fits(&older, &segments)) {
                return Route::Operation(operation, parameters);
            }
        }
        match other_method {
            true => Route::OtherMethod,
            false => Route::Unknown(path),
        }
    }

    /// A named type.
    pub fn named(&'static self, name: &str) -> &'static Value {
        static NOTHING: Value = Value::Null;
        match self.types.get(name) {
            None => &NOTHING,
            Some((text, parsed)) => parsed.get_or_init(|| {
                let mut schema = serde_json::from_str(text).unwrap_or_default();
                self.merge_parts(&mut schema);
                schema
            }),
        }
    }

    /// Follows references to a type.
    pub fn resolve<'a>(&'static self, mut schema: &'a Value) -> &'a Value {
        while let Some(name) = schema["ref"].as_str() {
            schema = self.named(name);
        }
        schema
    }

    /// Makes one type of what is written as several that hold together.
    fn merge_parts(&'static self, schema: &mut Value) {
        match schema {
            Value::Array(items) => items.iter_mut().for_each(|item| self.merge_parts(item)),
            Value::Object(fields) => {
                fields
                    .values_mut()
                    .for_each(|field| self.merge_parts(field));
                let Some(Value::Array(parts)) = fields.remove("allOf") else {
                    return;
                };
                let union = parts.iter().find(|part| !part["discriminator"].is_null());
                match (parts.as_slice(), union) {
                    ([only], _) | (_, Some(only)) => {
                        for (name, value) in only.as_object().into_iter().flatten() {
                            fields.insert(name.clone(), value.clone());
                        }
                    }
                    _ => {
                        let mut properties = Map::new();
                        let mut required = Vec::new();
                        for part in &parts {
                            let part = self.resolve(part);
                            for (name, value) in
                                part["properties"].as_object().into_iter().flatten()
                            {
                                properties.insert(name.clone(), value.clone());
                            }
                            required
                                .extend(part["required"].as_array().cloned().unwrap_or_default());
                        }
                        fields.insert("properties".to_owned(), Value::Object(properties));
                        fields.insert("required".to_owned(), Value::Array(required));
                    }
                }
            }
            _ => {}
        }
    }

    /// A value as the schema wants it: what it doesn't know is left out, what is missing is null
    /// or, where it must be there, the plainest value.
    pub fn shape(&'static self, schema: &Value, value: Value, how: Shaping) -> Value {
        let schema = self.resolve(schema);
        if !schema["discriminator"].is_null() {
            return self.shape_union(schema, value, how);
        }
        match value {
            Value::Null => Value::Null,
            Value::Array(items) if schema["type"] == "array" => (items.into_iter())
                .map(|item| self.shape(&schema["items"], item, how))
                .collect(),
            Value::Object(fields) => {
                let Some(properties) = schema["properties"].as_object() else {
                    return Value::Object(fields);
                };
                let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
                self.shape_object(properties, required, fields, how)
            }
            value => value,
        }
    }

    fn shape_object(
        &'static self,
        properties: &Map<String, Value>,
        required: &[Value],
        mut fields: Map<String, Value>,
        how: Shaping,
    ) -> Value {
        let mut shaped = Map::new();
        for (name, schema) in properties {
            let value = fields.remove(name).unwrap_or_default();
            let mut value = self.shape(schema, value, how);
            if how.older && YOUNG_FIELDS.contains(&name.as_str()) {
                continue;
            }
            let must_be_there = required.iter().any(|known| known == name);
            match (value.is_null(), must_be_there) {
                (true, true) => value = self.plainest(schema),
                (true, false) if how.older => continue,
                _ => {}
            }
            if how.older && name == "exit" {
                value = json!(
                    value
                        .as_i64()
                        .map(|code| code.to_string())
                        .unwrap_or_default()
                );
            }
            shaped.insert(name.clone(), value);
        }
        if how.newer {
            shaped.insert(
                UNKNOWN_FIELD.to_owned(),
                json!({ "since": "a later version" }),
            );
        }
        Value::Object(shaped)
    }

    fn shape_union(&'static self, schema: &Value, value: Value, how: Shaping) -> Value {
        let by = schema["discriminator"]["by"].as_str().unwrap_or_default();
        let kind = value[by].as_str().unwrap_or_default();
        match schema["discriminator"]["kinds"][kind].as_str() {
            // A kind that the schema doesn't know stays as it is.
            None => value,
            Some(name) => {
                let tag = value[by].clone();
                let mut shaped = self.shape(self.named(name), value, how);
                shaped[by] = tag;
                shaped
            }
        }
    }

    /// The plainest value of a type.
    pub fn plainest(&'static self, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
            return first.clone();
        }
        if let Some((kind, name)) =
            (schema["discriminator"]["kinds"].as_object()).and_then(|kinds| kinds.iter().next())
        {
            let by = schema["discriminator"]["by"].as_str().unwrap_or_default();
            let mut value = self.plainest(self.named(name.as_str().unwrap_or_default()));
            value[by] = json!(kind);
            return value;
        }
        match schema["type"].as_str() {
            Some("string") if schema["format"] == "date-time" => json!("1970-01-01T00:00:00Z"),
            Some("string") => json!(""),
            Some("integer") => json!(0),
            Some("number") => json!(0.0),
            Some("boolean") => json!(false),
            Some("array") => json!([]),
            _ => self.shape(schema, json!({}), Shaping::default()),
        }
    }
}

impl Operation {
    fn read(text: &'static str) -> Option<Self> {
        let about: Value = serde_json::from_str(text).ok()?;
        // The line outlives the process, so that its parts can be lent out of it.
        let part = |name: &str| -> Option<&'static str> {
            let start = text.find(&format!("\"{name}\":\""))? + name.len() + 4;
            text[start..].split('"').next()
        };
        let path = part("path")?;
        Some(Self {
            id: part("id")?,
            method: part("method")?,
            segments: path.trim_start_matches('/').split('/').collect(),
            about,
        })
    }

    /// The schema of a query parameter, null where the operation has none of this name.
    pub fn query(&self, name: &str) -> &Value {
        &self.about["query"][name]
    }

    /// The query parameters and their schemas.
    pub fn queries(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.about["query"].as_object().into_iter().flatten()
    }

    /// The schema of the JSON body, null where it takes none.
    pub fn body(&self) -> &Value {
        &self.about["body"]["application/json"]
    }

    /// Whether it takes a form.
    pub fn takes_form(&self) -> bool {
        !self.about["body"]["multipart/form-data"].is_null()
    }

    /// The schema of the JSON that it answers with a status.
    pub fn reply(&self, status: u16) -> &Value {
        &self.about["replies"][status.to_string()]["application/json"]
    }

    /// The status of a success, with a body or without.
    pub fn success(&self, with_body: bool) -> u16 {
        let mut statuses = self.about["replies"].as_object().into_iter().flatten();
        let found = statuses.find(|(_, content)| {
            content
                .as_object()
                .is_some_and(|content| content.is_empty() != with_body)
        });
        let fallback = if with_body { 200 } else { 204 };
        found
            .and_then(|(status, _)| status.parse().ok())
            .unwrap_or(fallback)
    }
}

/// The values of the path's parameters, if the segments fit.
fn fits(own: &[&'static str], segments: &[&str]) -> Option<Vec<(&'static str, String)>> {
    let takes_rest = own
        .last()
        .is_some_and(|last| matches!(*last, "{path}" | "{dirPath}" | "{filePath}"));
    let count = own.len();
    if segments.len() != count && !(takes_rest && segments.len() > count) {
        return None;
    }
    let mut parameters = Vec::new();
    for (place, (&own, &given)) in own.iter().zip(segments).enumerate() {
        let Some(name) = own.strip_prefix('{').and_then(|own| own.strip_suffix('}')) else {
            if own != given {
                return None;
            }
            continue;
        };
        let given = match takes_rest && place + 1 == count {
            true => segments[place..].join("/"),
            false => given.to_owned(),
        };
        let text = percent_encoding::percent_decode_str(&given).decode_utf8_lossy();
        parameters.push((name, text.into_owned()));
    }
    Some(parameters)
}
