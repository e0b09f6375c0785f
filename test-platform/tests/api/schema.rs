//! The Platform's schema as a check of replies, stricter than it is written: a field that the
//! schema doesn't know is an error, as it would be a misspelt one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../seqera-api-latest.yml");
        let text = std::fs::read_to_string(path).expect("the vendored schema");
        let published: Value = yaml_serde::from_str(&text).expect("YAML");
        let mut document = published.clone();
        convert(&mut document["components"]["schemas"], &published);
        // Declared an object, but an array of strings on the wire.
        document["components"]["schemas"]["Iterator_String_"] =
            json!({ "type": "array", "items": { "type": "string" } });
        document
    })
}

/// Turns OpenAPI 3.0 schemas into JSON Schema 2020-12.
fn convert(schema: &mut Value, published: &Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| convert(item, published)),
        Value::Object(map) => {
            if map
                .get("allOf")
                .and_then(Value::as_array)
                .is_some_and(|parts| parts.len() > 1)
            {
                let mut whole = json!({ "type": "object", "properties": {}, "required": [] });
                merge(&Value::Object(map.clone()), &mut whole, published);
                *map = whole.as_object().cloned().unwrap_or_default();
            }
            for value in map.values_mut() {
                convert(value, published);
            }
            convert_object(map);
        }
        _ => {}
    }
}

fn convert_object(map: &mut Map<String, Value>) {
    // A map's values may be anything, though the schema says objects.
    if map.get("additionalProperties") == Some(&json!({ "type": "object" })) {
        map.insert("additionalProperties".into(), json!(true));
    }
    if let Some(Value::Object(choice)) = map.get("discriminator").cloned()
        && choice.contains_key("mapping")
    {
        let name = &choice["propertyName"];
        let variants: Vec<_> = (choice["mapping"].as_object().into_iter().flatten())
            .map(|(kind, target)| {
                let condition =
                    json!({ "properties": { name.as_str().unwrap(): { "const": kind } } });
                json!({ "if": condition, "then": { "$ref": target } })
            })
            .collect();
        *map = Map::new();
        map.insert("required".into(), json!([name]));
        map.insert("allOf".into(), json!(variants));
        return;
    }
    let required = map.get("required").cloned().unwrap_or(json!([]));
    // `properties` may itself be the name of a field, but then its value has no fields of schemas.
    if let Some(Value::Object(fields)) = map.get_mut("properties") {
        for (name, field) in fields.iter_mut() {
            let optional = required
                .as_array()
                .is_some_and(|names| !names.contains(&json!(name)));
            // Servers send null for any optional field.
            if optional {
                *field = json!({ "anyOf": [field.take(), { "type": "null" }] });
            }
        }
        map.entry("additionalProperties").or_insert(json!(false));
    }
    if map.remove("nullable") == Some(json!(true)) {
        let bare = Value::Object(std::mem::take(map));
        map.insert("anyOf".into(), json!([bare, { "type": "null" }]));
    }
}

/// Gathers the fields of all parts of an `allOf`.
fn merge(part: &Value, whole: &mut Value, published: &Value) {
    if let Some(target) = part["$ref"].as_str() {
        let part = published.pointer(&target[1..]).expect("a target");
        return merge(part, whole, published);
    }
    for (name, field) in part["properties"].as_object().into_iter().flatten() {
        whole["properties"][name] = field.clone();
    }
    for name in part["required"].as_array().into_iter().flatten() {
        whole["required"]
            .as_array_mut()
            .expect("a list")
            .push(name.clone());
    }
    for part in part["allOf"].as_array().into_iter().flatten() {
        merge(part, whole, published);
    }
}

/// The ids of all operations.
pub fn operations() -> Vec<String> {
    let paths = document()["paths"].as_object().expect("paths");
    (paths.values())
        .flat_map(|item| item.as_object().into_iter().flatten())
        .filter_map(|(_, operation)| operation["operationId"].as_str().map(str::to_owned))
        .collect()
}

/// Id, path and query parameters of each operation that reads.
pub fn reads() -> impl Iterator<Item = (&'static str, &'static str, Vec<&'static str>)> {
    let paths = document()["paths"].as_object().expect("paths");
    (paths.iter()).filter_map(|(path, operations)| {
        let operation = operations.get("get")?;
        let id = operation["operationId"].as_str()?;
        let query = (operation["parameters"].as_array().into_iter().flatten())
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        Some((id, path.as_str(), query))
    })
}

/// The template of the operation that a path belongs to, the one with the most fixed segments.
fn template(method: &str, path: &str) -> &'static str {
    let segments: Vec<_> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<_> = template.split('/').collect();
        let last_takes_all = parts.last().is_some_and(|last| last.contains("ath}"));
        (parts.len() == segments.len() || last_takes_all && segments.len() > parts.len())
            && std::iter::zip(&parts, &segments)
                .all(|(part, segment)| part.starts_with('{') || part == segment)
    };
    let paths = document()["paths"].as_object().expect("paths");
    paths
        .iter()
        .filter(|(template, operations)| operations.get(method).is_some() && fits(template))
        .map(|(template, _)| template.as_str())
        .min_by_key(|template| template.matches('{').count())
        .unwrap_or_else(|| panic!("no operation {method} {path}"))
}

/// The check of what an operation answers with a status.
fn validator(method: &str, template: &'static str, status: u16) -> Arc<Validator> {
    type Validators = HashMap<(String, &'static str, u16), Arc<Validator>>;
    static VALIDATORS: Mutex<Option<Validators>> = Mutex::new(None);
    let key = (method.to_owned(), template, status);
    let known = |validators: &Option<Validators>| validators.as_ref()?.get(&key).cloned();
    if let Some(validator) = known(&VALIDATORS.lock().expect("the validators")) {
        return validator;
    }

    let responses = &document()["paths"][template][method]["responses"];
    let declared = &responses[status.to_string()]["content"]["application/json"]["schema"];
    let mut schema = match declared {
        Value::Null if status >= 400 && template.starts_with("/ga4gh/") => {
            json!({ "$ref": "#/components/schemas/WesErrorResponse" })
        }
        // 401, 403, 404 and others are declared nowhere, or without a body.
        Value::Null if status >= 400 => json!({ "$ref": "#/components/schemas/ErrorResponse" }),
        Value::Null => panic!("{method} {template} declares no JSON for {status}"),
        // Errors of two kinds, of which one allows all that the other does.
        either if !either["oneOf"].is_null() => json!({ "anyOf": either["oneOf"] }),
        declared => declared.clone(),
    };
    let mut reached = Map::new();
    reach(&schema, &mut reached);
    schema["components"]["schemas"] = Value::Object(reached);
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema");
    let validator = Arc::new(validator);
    (VALIDATORS.lock().expect("the validators"))
        .get_or_insert_default()
        .insert(key, validator.clone());
    validator
}

/// Gathers the schemas that one refers to: compiling all of them for each operation takes long.
fn reach(schema: &Value, reached: &mut Map<String, Value>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| reach(item, reached)),
        Value::Object(fields) => {
            let name = (fields.get("$ref").and_then(Value::as_str))
                .and_then(|target| target.strip_prefix("#/components/schemas/"));
            if let Some(name) = name
                && !reached.contains_key(name)
            {
                let target = &document()["components"]["schemas"][name];
                reached.insert(name.to_owned(), target.clone());
                reach(target, reached);
            }
            fields.values().for_each(|value| reach(value, reached));
        }
        _ => {}
    }
}

/// Panics where a JSON reply is not one that the schema declares.
pub fn check(method: &str, path: &str, status: u16, reply: &Value) {
    let method = method.to_lowercase();
    let template = template(&method, path);
    let errors: Vec<_> = validator(&method, template, status)
        .iter_errors(reply)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(
        errors.is_empty(),
        "{method} {template} {status}:\n{}\n{reply:#}",
        errors.join("\n")
    );
}

/// A check that accepts everything would make every test pass.
#[test]
fn the_check_refuses_what_the_schema_forbids() {
    let refuses = |reply: Value| {
        std::panic::catch_unwind(|| check("GET", "/workflow/x/task/1", 200, &reply)).is_err()
    };
    assert!(!refuses(
        json!({ "task": { "taskId": 1, "status": "NEW", "hash": null } })
    ));
    assert!(
        refuses(json!({ "task": { "taskId": 1 } })),
        "a required field is missing"
    );
    assert!(
        refuses(json!({ "task": { "taskId": "1", "status": "NEW" } })),
        "a wrong type"
    );
    assert!(
        refuses(json!({ "task": { "taskId": 1, "status": "OTHER" } })),
        "an unknown value"
    );
    assert!(
        refuses(json!({ "task": { "taskId": 1, "status": "NEW", "submit": "today" } })),
        "a wrong date"
    );
    assert!(
        refuses(json!({ "task": { "taskId": 1, "status": "NEW", "colour": 3 } })),
        "an unknown field"
    );
}
