//! The tree of JSON values that a document is: what stands where, and how to go through it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// An object of the tree.
pub type Object = Map<String, Value>;

pub(super) const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "patch", "head", "options", "trace",
];

/// What a `$ref` names, through further ones: documents that are read have no circles, and references
/// that lead nowhere.
pub fn resolved<'a>(tree: &'a Value, mut value: &'a Value) -> &'a Value {
    while let Some(next) = value["$ref"]
        .as_str()
        .and_then(|target| tree.pointer(target.strip_prefix('#')?))
    {
        value = next;
    }
    value
}

/// `METHOD path`, as people write it.
pub fn route(method: &str, path: &str) -> String {
    format!("{} {path}", method.to_uppercase())
}

const SCHEMAS: &str = "#/components/schemas/";

/// The name of the schema that a `$ref` points to.
pub fn reference(schema: &Value) -> Option<&str> {
    reference_in(schema.as_object()?)
}

/// The name of the schema that a `$ref` points to.
pub fn reference_in(schema: &Object) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(SCHEMAS)
}

/// A `$ref` to a named schema.
pub fn reference_to(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("{SCHEMAS}{name}") })
}

/// The elements of an array member, none if it is absent.
pub fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// Calls `visit` for every schema of the document, parents before children.
pub fn for_each_schema(tree: &mut Value, visit: &mut dyn FnMut(&mut Object)) {
    if let Some(Value::Object(schemas)) = tree.pointer_mut("/components/schemas") {
        schemas
            .values_mut()
            .for_each(|schema| walk_schema(schema, visit));
    }
    for_each_operation(tree, &mut |_, operation| {
        for parameter in list_mut(operation, "parameters") {
            if let Some(schema) = parameter.get_mut("schema") {
                walk_schema(schema, visit);
            }
        }
        let bodies = operation.get_mut("requestBody").into_iter().chain([]);
        bodies.for_each(|body| walk_content(body, visit));
        if let Some(Value::Object(responses)) = operation.get_mut("responses") {
            responses
                .values_mut()
                .for_each(|response| walk_content(response, visit));
        }
    });
}

fn walk_content(holder: &mut Value, visit: &mut dyn FnMut(&mut Object)) {
    if let Some(Value::Object(content)) = holder.get_mut("content") {
        for media in content.values_mut() {
            if let Some(schema) = media.get_mut("schema") {
                walk_schema(schema, visit);
            }
        }
    }
}

/// Calls `visit` for a schema and all schemas inside it, parents first.
pub fn walk_schema(schema: &mut Value, visit: &mut dyn FnMut(&mut Object)) {
    let Value::Object(object) = schema else {
        return;
    };
    visit(object);
    if let Some(Value::Object(members)) = object.get_mut("properties") {
        members
            .values_mut()
            .for_each(|member| walk_schema(member, visit));
    }
    for key in ["items", "additionalProperties", "not"] {
        if let Some(member) = object.get_mut(key) {
            walk_schema(member, visit);
        }
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        for member in list_mut_of(object, key) {
            walk_schema(member, visit);
        }
    }
}

/// Calls `visit` with the object of every path.
pub fn for_each_path(tree: &mut Value, visit: &mut dyn FnMut(&mut Object)) {
    let paths = tree.get_mut("paths").and_then(Value::as_object_mut);
    for item in paths.into_iter().flat_map(|paths| paths.values_mut()) {
        if let Value::Object(item) = item {
            visit(item);
        }
    }
}

/// Calls `visit` with the path and the object of every operation.
pub fn for_each_operation(tree: &mut Value, visit: &mut dyn FnMut(&str, &mut Object)) {
    let Some(Value::Object(paths)) = tree.get_mut("paths") else {
        return;
    };
    for (path, item) in paths {
        for method in METHODS {
            if let Some(Value::Object(operation)) = item.get_mut(method) {
                visit(path, operation);
            }
        }
    }
}

/// The elements of an array member, to change; none if it is absent.
pub fn list_mut<'a>(object: &'a mut Object, key: &str) -> impl Iterator<Item = &'a mut Value> {
    list_mut_of(object, key)
}

fn list_mut_of<'a>(object: &'a mut Object, key: &str) -> impl Iterator<Item = &'a mut Value> {
    object
        .get_mut(key)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// The schemas that a schema refers to, itself and its children.
pub fn references_of(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk_schema(&mut schema.clone(), &mut |object| {
        found.extend(reference_in(object).map(str::to_owned));
    });
    found
}

/// Whether one name leads to another.
pub fn reaches(links: &BTreeMap<String, Vec<String>>, from: &str, to: &str) -> bool {
    let (mut stack, mut seen) = (vec![from], BTreeSet::new());
    while let Some(name) = stack.pop() {
        for next in links.get(name).into_iter().flatten() {
            if next == to {
                return true;
            }
            if seen.insert(next.as_str()) {
                stack.push(next);
            }
        }
    }
    false
}

/// A path whose parameters have no names.
pub fn template(path: &str) -> String {
    let nameless = |segment: &str| {
        if segment.starts_with('{') {
            "{}".to_owned()
        } else {
            segment.to_owned()
        }
    };
    path.split('/').map(nameless).collect::<Vec<_>>().join("/")
}
