//! Defects of operations as wholes.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToUpperCamelCase;
use serde_json::{Value, json};

use crate::document::tree::{Object, for_each_operation, for_each_path, list_mut, resolved};
use crate::names::normal;

/// Parameters, bodies and replies may be kept in one place and referred to, and parameters may stand
/// above the operations of a path. Every operation gets its own: what comes after looks at one place.
pub(super) fn give_operations_their_own_parts(tree: &mut Value) -> usize {
    let whole = tree.clone();
    let mut count = 0;
    for_each_path(tree, &mut |item| {
        let Some(Value::Array(shared)) = item.remove("parameters") else {
            return;
        };
        for operation in operations_of(item) {
            let mut parameters: Vec<Value> = list_of(operation, "parameters");
            let known: Vec<(Value, Value)> = parameters.iter().map(identity).collect();
            let more = shared
                .iter()
                .map(|parameter| resolved(&whole, parameter))
                .filter(|parameter| !known.contains(&identity(parameter)));
            parameters.extend(more.cloned());
            operation.insert("parameters".to_owned(), Value::Array(parameters));
            count += 1;
        }
    });
    for_each_operation(tree, &mut |_, operation| {
        let mut own = |part: &mut Value| count += usize::from(resolve(&whole, part));
        list_mut(operation, "parameters").for_each(&mut own);
        if let Some(Value::Object(responses)) = operation.get_mut("responses") {
            responses.values_mut().for_each(&mut own);
        }
        if let Some(body) = operation.get_mut("requestBody") {
            own(body);
        }
    });
    count
}

fn operations_of(item: &mut Object) -> impl Iterator<Item = &mut Object> {
    item.values_mut().filter_map(Value::as_object_mut)
}

fn list_of(operation: &Object, key: &str) -> Vec<Value> {
    let list = operation.get(key).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn identity(parameter: &Value) -> (Value, Value) {
    (parameter["name"].clone(), parameter["in"].clone())
}

/// Replaces a reference by what it names.
fn resolve(whole: &Value, part: &mut Value) -> bool {
    let is_reference = part.get("$ref").is_some();
    if is_reference {
        *part = resolved(whole, part).clone();
    }
    is_reference
}

/// `ExploreDataLink_1` is the vendor's second method of that name, which takes one path parameter
/// more. It is called after the parameter, as newer versions call it: `ExploreDataLinkWithPath`.
/// Where that name is taken, it keeps its own.
pub(super) fn name_overloads_after_their_parameter(tree: &mut Value) -> usize {
    let mut paths = BTreeMap::new();
    for_each_operation(tree, &mut |path, operation| {
        if let Some(id) = operation.get("operationId").and_then(Value::as_str) {
            paths.insert(id.to_owned(), path.to_owned());
        }
    });
    let mut taken: BTreeSet<String> = paths.keys().map(|id| normal(id)).collect();
    let mut renames = BTreeMap::new();
    for (id, path) in &paths {
        let Some((base, number)) = id.rsplit_once('_') else {
            continue;
        };
        let parameter = paths
            .get(base)
            .filter(|_| number.chars().all(|c| c.is_ascii_digit()))
            .and_then(|shorter| path.strip_prefix(shorter.as_str()))
            .and_then(|rest| rest.rsplit_once("/{")?.1.strip_suffix('}'));
        let Some(parameter) = parameter else { continue };
        // A folder's path is a path.
        let is_path = parameter.to_ascii_lowercase().ends_with("path");
        let suffix = match is_path {
            true => "Path".to_owned(),
            false => parameter.to_upper_camel_case(),
        };
        let name = format!("{base}With{suffix}");
        if taken.insert(normal(&name)) {
            renames.insert(id.clone(), name);
        }
    }
    for_each_operation(tree, &mut |_, operation| {
        let id = operation.get("operationId").and_then(Value::as_str);
        if let Some(name) = id.and_then(|id| renames.get(id)) {
            operation.insert("operationId".to_owned(), json!(name));
        }
    });
    renames.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_parts_are_given_to_each_operation() {
        let mut tree = json!({
            "paths": { "/things/{id}": {
                "parameters": [
                    { "$ref": "#/components/parameters/Id" },
                    { "name": "own", "in": "query", "description": "shared" }
                ],
                "get": {
                    "parameters": [{ "name": "own", "in": "query", "description": "own" }],
                    "responses": { "200": { "$ref": "#/components/responses/Thing" } }
                },
                "put": { "requestBody": { "$ref": "#/components/requestBodies/Thing" } }
            }},
            "components": {
                "parameters": { "Id": { "name": "id", "in": "path" } },
                "responses": { "Thing": { "$ref": "#/components/responses/Other" }, "Other": { "description": "x" } },
                "requestBodies": { "Thing": { "content": {} } }
            }
        });
        assert_eq!(give_operations_their_own_parts(&mut tree), 4);
        let item = &tree["paths"]["/things/{id}"];
        assert!(item.get("parameters").is_none());
        assert_eq!(
            item["get"]["parameters"],
            json!([
                { "name": "own", "in": "query", "description": "own" },
                { "name": "id", "in": "path" }
            ])
        );
        assert_eq!(item["get"]["responses"]["200"]["description"], "x");
        assert_eq!(item["put"]["parameters"].as_array().map(Vec::len), Some(2));
        assert_eq!(item["put"]["requestBody"], json!({ "content": {} }));
        assert_eq!(give_operations_their_own_parts(&mut tree), 0);
    }

    #[test]
    fn overloads_are_named_after_what_they_take() {
        let mut tree = json!({ "paths": {
            "/links/{id}/browse": { "get": { "operationId": "Browse" } },
            "/links/{id}/browse/{path}": { "get": { "operationId": "Browse_1" } },
            "/links/{id}/upload": { "post": { "operationId": "Upload" } },
            "/links/{id}/upload/{dirPath}": { "post": { "operationId": "Upload_1" } },
            "/links/{id}/browse/{dirPath}": { "put": { "operationId": "Browse_3" } },
            "/other": { "get": { "operationId": "Browse_2" }, "put": { "operationId": "Lone_1" } }
        }});
        assert_eq!(name_overloads_after_their_parameter(&mut tree), 2);
        let id = |path: &str, method: &str| tree["paths"][path][method]["operationId"].clone();
        assert_eq!(id("/links/{id}/browse/{path}", "get"), "BrowseWithPath");
        assert_eq!(id("/links/{id}/upload/{dirPath}", "post"), "UploadWithPath");
        assert_eq!(id("/links/{id}/browse/{dirPath}", "put"), "Browse_3");
        assert_eq!(id("/other", "get"), "Browse_2");
        assert_eq!(id("/other", "put"), "Lone_1");
    }
}
