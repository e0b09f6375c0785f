//! Defects of parameters.

use serde_json::{Value, json};

use crate::document::tree::{for_each_operation, list_mut, resolved};
use crate::names::normal;

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

/// The other way round, a part of the path that no parameter fills in is one all the same, and is
/// never optional.
pub(super) fn declare_parameters_of_the_path(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |path, operation| {
        let parameters = operation.entry("parameters").or_insert(json!([]));
        let Some(parameters) = parameters.as_array_mut() else {
            return;
        };
        let names = path.split('{').skip(1);
        for name in names.filter_map(|rest| Some(rest.split_once('}')?.0)) {
            let is_it = |other: &&mut Value| other["in"] == "path" && other["name"] == name;
            match parameters.iter_mut().find(is_it) {
                Some(parameter) if parameter["required"] == true => continue,
                Some(parameter) => parameter["required"] = json!(true),
                None => parameters.push(json!({
                    "in": "path", "name": name, "required": true, "schema": { "type": "string" },
                })),
            }
            count += 1;
        }
    });
    count
}

/// Two parameters whose names are one in Rust, such as `id` in the path and in the query, can't both
/// be set. The one in the path stays, else the required one, else the first.
pub(super) fn drop_parameters_said_twice(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        let Some(Value::Array(parameters)) = operation.get_mut("parameters") else {
            return;
        };
        let before = parameters.len();
        let mut kept: Vec<Value> = Vec::new();
        let name = |parameter: &Value| normal(parameter["name"].as_str().unwrap_or_default());
        let weight = |parameter: &Value| (parameter["in"] == "path", parameter["required"] == true);
        for parameter in std::mem::take(parameters) {
            match kept
                .iter_mut()
                .find(|other| name(other) == name(&parameter))
            {
                None => kept.push(parameter),
                Some(other) if weight(&parameter) > weight(other) => *other = parameter,
                Some(_) => {}
            }
        }
        count += before - kept.len();
        *parameters = kept;
    });
    count
}

/// Cookies are not for clients with tokens, and the generator does not know them.
pub(super) fn drop_cookie_parameters(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        if let Some(Value::Array(parameters)) = operation.get_mut("parameters") {
            let before = parameters.len();
            parameters.retain(|parameter| parameter["in"] != "cookie");
            count += before - parameters.len();
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

/// A name is text, even where the schema says that it is a number: no name could be sent.
pub(super) fn names_are_texts(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        for parameter in list_mut(operation, "parameters") {
            let is_name = parameter["name"] == "name";
            if let Some(schema) = parameter.get_mut("schema")
                && is_name
                && (schema["type"] == "integer" || schema["type"] == "number")
            {
                *schema = json!({ "type": "string" });
                count += 1;
            }
        }
    });
    count
}

/// A parameter that is an object, a union or JSON, or a list that is not in the query, has no form
/// on the wire that the generator could write: its caller writes it.
pub(super) fn strings_for_structured_parameters(tree: &mut Value) -> usize {
    let whole = tree.clone();
    let is_simple = |schema: &Value| {
        let schema = resolved(&whole, schema);
        let is_scalar = ["string", "integer", "number", "boolean"]
            .iter()
            .any(|kind| schema["type"] == *kind);
        is_scalar && schema.get("oneOf").is_none() && schema.get("anyOf").is_none()
    };
    // One reference in an `allOf`, as OpenAPI 3.0 attaches a description to it, is that reference.
    let bare = |schema: &Value| -> Value {
        match schema["allOf"].as_array().map(Vec::as_slice) {
            Some([only]) => only.clone(),
            _ => schema.clone(),
        }
    };
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        for parameter in list_mut(operation, "parameters") {
            let Value::Object(parameter) = parameter else {
                continue;
            };
            let schema = parameter.get("schema").map(bare).unwrap_or_default();
            let schema = resolved(&whole, &schema).clone();
            let is_list = schema["type"] == "array" && parameter["in"] == "query";
            let is_list_of_simple = is_list && is_simple(&bare(&schema["items"]));
            if !is_simple(&schema) && !is_list_of_simple {
                let text = json!({ "type": "string" });
                let schema = match is_list {
                    true => json!({ "type": "array", "items": text }),
                    false => text,
                };
                parameter.remove("content");
                parameter.remove("style");
                parameter.insert("schema".to_owned(), schema);
                count += 1;
            }
        }
    });
    count
}

#[cfg(test)]
mod tests {
    use super::super::testing::{operation, with_operation};
    use super::*;

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
    fn what_the_path_takes_is_declared_and_required() {
        let mut tree = json!({ "paths": { "/a/{id}.{ext}": { "get": {
            "parameters": [{ "in": "path", "name": "id" }, { "in": "query", "name": "ext" }],
        } } } });
        assert_eq!(declare_parameters_of_the_path(&mut tree), 2);
        assert_eq!(
            tree["paths"]["/a/{id}.{ext}"]["get"]["parameters"],
            json!([
                { "in": "path", "name": "id", "required": true },
                { "in": "query", "name": "ext" },
                { "in": "path", "name": "ext", "required": true, "schema": { "type": "string" } },
            ])
        );
        assert_eq!(declare_parameters_of_the_path(&mut tree), 0);
    }

    #[test]
    fn of_two_parameters_with_one_name_the_weightier_one_stays() {
        let mut tree = with_operation(json!({ "parameters": [
            { "in": "query", "name": "id", "required": true },
            { "in": "path", "name": "id", "required": true },
            { "in": "query", "name": "sort_by" },
            { "in": "query", "name": "sortBy" },
            { "in": "query", "name": "user" },
            { "in": "header", "name": "User", "required": true }
        ]}));
        assert_eq!(drop_parameters_said_twice(&mut tree), 3);
        assert_eq!(
            operation(&tree)["parameters"],
            json!([
                { "in": "path", "name": "id", "required": true },
                { "in": "query", "name": "sort_by" },
                { "in": "header", "name": "User", "required": true }
            ])
        );
    }

    #[test]
    fn cookies_go() {
        let mut tree = with_operation(json!({ "parameters": [
            { "in": "cookie", "name": "session" }, { "in": "query", "name": "max" }
        ]}));
        assert_eq!(drop_cookie_parameters(&mut tree), 1);
        assert_eq!(
            operation(&tree)["parameters"],
            json!([{ "in": "query", "name": "max" }])
        );
    }

    #[test]
    fn structured_parameters_are_text() {
        let kept = json!([
            { "in": "query", "name": "a", "schema": { "type": "array", "items": { "type": "integer" } } },
            { "in": "query", "name": "b", "schema": { "$ref": "#/components/schemas/Kind" } },
            { "in": "query", "name": "c", "schema": { "allOf": [{ "$ref": "#/components/schemas/Kind" }] } }
        ]);
        let mut tree = with_operation(json!({ "parameters": kept }));
        tree["components"]["schemas"]["Kind"] = json!({ "type": "string", "enum": ["x"] });
        assert_eq!(strings_for_structured_parameters(&mut tree), 0);

        let mut tree = with_operation(json!({ "parameters": [
            { "in": "query", "name": "filter", "style": "deepObject", "schema": { "type": "object" } },
            { "in": "query", "name": "json", "content": { "application/json": { "schema": {} } } },
            { "in": "query", "name": "either", "schema": { "oneOf": [{ "type": "string" }, { "type": "integer" }] } },
            { "in": "query", "name": "table", "schema": {
                "type": "array", "items": { "type": "array", "items": { "type": "string" } }
            }},
            { "in": "path", "name": "ids", "schema": { "type": "array", "items": { "type": "integer" } } },
            { "in": "header", "name": "X-Ids", "schema": { "type": "array", "items": { "type": "integer" } } }
        ]}));
        assert_eq!(strings_for_structured_parameters(&mut tree), 6);
        let parameters = &operation(&tree)["parameters"];
        assert_eq!(
            parameters[0],
            json!({ "in": "query", "name": "filter", "schema": { "type": "string" } })
        );
        assert_eq!(
            parameters[1],
            json!({ "in": "query", "name": "json", "schema": { "type": "string" } })
        );
        assert_eq!(parameters[2]["schema"], json!({ "type": "string" }));
        assert_eq!(
            parameters[3]["schema"]["items"],
            json!({ "type": "string" })
        );
        for elsewhere in [4, 5] {
            assert_eq!(parameters[elsewhere]["schema"], json!({ "type": "string" }));
        }
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
    fn a_name_that_is_a_number_is_text() {
        let mut tree = with_operation(json!({ "parameters": [
            { "in": "query", "name": "name", "schema": { "type": "integer", "format": "int64" } },
            { "in": "query", "name": "max", "schema": { "type": "integer" } },
            { "in": "path", "name": "name", "schema": { "type": "string" } }
        ]}));
        assert_eq!(names_are_texts(&mut tree), 1);
        let parameters = &operation(&tree)["parameters"];
        let types = [0, 1, 2].map(|index| &parameters[index]["schema"]["type"]);
        assert_eq!(types, ["string", "integer", "string"]);
        assert_eq!(parameters[0]["schema"], json!({ "type": "string" }));
        assert_eq!(names_are_texts(&mut tree), 0);
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
