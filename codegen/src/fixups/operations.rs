//! Defects of operations: parameters, bodies and replies.

use serde_json::{Value, json};

use crate::document::{for_each_operation, list_mut};

/// A path parameter that the path does not mention can't be filled in; the generator panics on it.
pub(super) fn drop_parameters_missing_from_the_path(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |path, operation| {
        if let Some(Value::Array(parameters)) = operation.get_mut("parameters") {
            let before = parameters.len();
            parameters.retain(|parameter| {
                let name = parameter["name"].as_str().unwrap_or_default();
                parameter["in"] != "path" || path.contains(&format!("{{{name}}}"))
            });
            count += before - parameters.len();
        }
    });
    count
}

/// The generator knows one type of success for an operation, so the richest reply stays: JSON
/// before bytes before nothing. At run time every 2xx code is a success, and an empty reply is an
/// empty value; the caller tells them apart by the status.
pub(super) fn keep_one_success(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        let Some(Value::Object(responses)) = operation.get_mut("responses") else {
            return;
        };
        let mut successes: Vec<(u8, String)> = responses
            .iter()
            .filter(|(code, _)| code.starts_with('2'))
            .map(|(code, response)| (richness(response), code.clone()))
            .collect();
        successes.sort_by_key(|(richness, _)| std::cmp::Reverse(*richness));
        for (_, code) in successes.iter().skip(1) {
            responses.remove(code);
        }
        count += successes.len().saturating_sub(1);
        if successes.is_empty() {
            responses.insert("204".to_owned(), json!({ "description": "" }));
            count += 1;
        }
    });
    count
}

fn richness(response: &Value) -> u8 {
    match response["content"].as_object() {
        Some(content)
            if content
                .keys()
                .any(|kind| kind.starts_with("application/json")) =>
        {
            2
        }
        Some(content) if !content.is_empty() => 1,
        _ => 0,
    }
}

/// Operations declare some errors with a body and some without, which the generator refuses; and
/// the server sends other bodies than declared. Errors are read at run time, whatever they hold.
pub(super) fn drop_error_bodies(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        let Some(Value::Object(responses)) = operation.get_mut("responses") else {
            return;
        };
        let before = responses.len();
        responses.retain(|code, _| code.starts_with('2'));
        count += before - responses.len();
    });
    count
}

/// The generator does not know `multipart/form-data`. Its place is held by JSON where the operation
/// takes that too, else by a byte stream; `emit` gives such builders setters for the parts.
pub(super) fn replace_multipart(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        let Some(Value::Object(content)) = operation
            .get_mut("requestBody")
            .and_then(|body| body.get_mut("content"))
        else {
            return;
        };
        if content.remove("multipart/form-data").is_some() {
            count += 1;
            if content.is_empty() {
                let stream = json!({ "schema": { "type": "string", "format": "binary" } });
                content.insert("application/octet-stream".to_owned(), stream);
            }
        }
    });
    count
}

/// For a nullable header parameter the generator emits code that does not compile, and a parameter
/// can't be null on the wire: it is there or it is not.
pub(super) fn unwrap_nullable_parameters(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        for parameter in list_mut(operation, "parameters") {
            if let Some(Value::Object(schema)) = parameter.get_mut("schema")
                && schema.remove("nullable").is_some()
            {
                count += 1;
            }
        }
    });
    count
}

/// A query parameter that is an array of a bare `object` holds strings (paths, file names).
pub(super) fn strings_for_object_parameters(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        for parameter in list_mut(operation, "parameters") {
            if let Some(items) = parameter.pointer_mut("/schema/items")
                && items["type"] == "object"
                && items.get("properties").is_none()
            {
                *items = json!({ "type": "string" });
                count += 1;
            }
        }
    });
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_operation(operation: Value) -> Value {
        json!({ "paths": { "/things/{id}": { "get": operation } } })
    }

    fn operation(tree: &Value) -> &Value {
        &tree["paths"]["/things/{id}"]["get"]
    }

    #[test]
    fn a_path_parameter_without_a_place_in_the_path_goes() {
        let mut tree = with_operation(json!({ "parameters": [
            { "in": "path", "name": "id" }, { "in": "path", "name": "lost" }, { "in": "query", "name": "lost" }
        ]}));
        assert_eq!(drop_parameters_missing_from_the_path(&mut tree), 1);
        assert_eq!(
            operation(&tree)["parameters"].as_array().map(Vec::len),
            Some(2)
        );
        assert_eq!(drop_parameters_missing_from_the_path(&mut tree), 0);
    }

    #[test]
    fn the_richest_success_stays() {
        let json = json!({ "content": { "application/json": { "schema": {} } } });
        let mut tree =
            with_operation(json!({ "responses": { "200": {}, "202": json, "400": {} } }));
        assert_eq!(keep_one_success(&mut tree), 1);
        let left: Vec<_> = operation(&tree)["responses"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(left, ["202", "400"]);
        assert_eq!(keep_one_success(&mut tree), 0);
    }

    #[test]
    fn an_operation_without_a_success_gets_an_empty_one() {
        let mut tree = with_operation(json!({ "responses": { "400": {} } }));
        assert_eq!(keep_one_success(&mut tree), 1);
        assert!(operation(&tree)["responses"]["204"].is_object());
    }

    #[test]
    fn errors_are_left_to_the_run_time() {
        let mut tree = with_operation(
            json!({ "responses": { "200": {}, "307": {}, "403": {}, "default": {} } }),
        );
        assert_eq!(drop_error_bodies(&mut tree), 3);
        assert_eq!(operation(&tree)["responses"], json!({ "200": {} }));
    }

    #[test]
    fn a_form_becomes_json_where_that_is_taken_too_and_bytes_elsewhere() {
        let form = json!({ "schema": { "type": "object" } });
        let mut tree = with_operation(
            json!({ "requestBody": { "content": { "multipart/form-data": form } } }),
        );
        assert_eq!(replace_multipart(&mut tree), 1);
        assert!(operation(&tree)["requestBody"]["content"]["application/octet-stream"].is_object());

        let mut tree = with_operation(
            json!({ "requestBody": { "content": { "multipart/form-data": form, "application/json": form } } }),
        );
        assert_eq!(replace_multipart(&mut tree), 1);
        assert_eq!(
            operation(&tree)["requestBody"]["content"],
            json!({ "application/json": form })
        );
    }

    #[test]
    fn parameters_are_never_null() {
        let mut tree = with_operation(json!({ "parameters": [
            { "in": "header", "name": "Origin", "schema": { "type": "string", "nullable": true } }
        ]}));
        assert_eq!(unwrap_nullable_parameters(&mut tree), 1);
        assert_eq!(
            operation(&tree)["parameters"][0]["schema"],
            json!({ "type": "string" })
        );
        assert_eq!(unwrap_nullable_parameters(&mut tree), 0);
    }

    #[test]
    fn arrays_of_bare_objects_in_the_query_are_arrays_of_strings() {
        let mut tree = with_operation(json!({ "parameters": [
            { "in": "query", "name": "paths", "schema": { "type": "array", "items": { "type": "object" } } }
        ]}));
        assert_eq!(strings_for_object_parameters(&mut tree), 1);
        assert_eq!(
            operation(&tree)["parameters"][0]["schema"]["items"]["type"],
            "string"
        );
    }
}
