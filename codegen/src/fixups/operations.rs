//! Defects of operations: parameters, bodies and replies.

use std::collections::BTreeMap;

use heck::ToUpperCamelCase;
use serde_json::{Value, json};

use crate::document::{Object, for_each_operation, for_each_path, list_mut};
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
                .map(|parameter| followed(&whole, parameter))
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
        *part = followed(whole, part).clone();
    }
    is_reference
}

/// What a reference names, through further ones; `Document::parse` has refused circles.
fn followed<'a>(whole: &'a Value, mut part: &'a Value) -> &'a Value {
    while let Some(next) = part["$ref"]
        .as_str()
        .and_then(|target| whole.pointer(target.strip_prefix('#')?))
    {
        part = next;
    }
    part
}

/// `ExploreDataLink_1` is the vendor's second method of that name, which takes one path parameter
/// more. It is called after the parameter, as newer versions call it: `ExploreDataLinkWithPath`.
pub(super) fn name_overloads_after_their_parameter(tree: &mut Value) -> usize {
    let mut paths = BTreeMap::new();
    for_each_operation(tree, &mut |path, operation| {
        if let Some(id) = operation.get("operationId").and_then(Value::as_str) {
            paths.insert(id.to_owned(), path.to_owned());
        }
    });
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
        if !paths.contains_key(&name) {
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

/// `application/json; charset=utf-8` is JSON.
pub(super) fn drop_media_type_parameters(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        if let Some(body) = operation.get_mut("requestBody") {
            count += plain_media_types(body);
        }
        if let Some(Value::Object(responses)) = operation.get_mut("responses") {
            count += responses.values_mut().map(plain_media_types).sum::<usize>();
        }
    });
    count
}

fn plain_media_types(holder: &mut Value) -> usize {
    let Some(Value::Object(content)) = holder.get_mut("content") else {
        return 0;
    };
    let long: Vec<String> = content
        .keys()
        .filter(|kind| kind.contains(';'))
        .cloned()
        .collect();
    for kind in &long {
        if let Some(media) = content.remove(kind) {
            let plain = kind.split(';').next().unwrap_or_default().trim();
            content.entry(plain).or_insert(media);
        }
    }
    long.len()
}

/// An operation that declares only a `default` reply means it for success.
pub(super) fn default_reply_is_success(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        if let Some(Value::Object(responses)) = operation.get_mut("responses")
            && !responses.keys().any(|code| code.starts_with('2'))
            && let Some(reply) = responses.remove("default")
        {
            responses.insert("200".to_owned(), reply);
            count += 1;
        }
    });
    count
}

/// Two parameters whose names are one in Rust, such as `id` in the path and in the query, can't both
/// be set. The required one stays, else the first.
pub(super) fn drop_parameters_said_twice(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        let Some(Value::Array(parameters)) = operation.get_mut("parameters") else {
            return;
        };
        let before = parameters.len();
        let mut kept: Vec<Value> = Vec::new();
        let name = |parameter: &Value| normal(parameter["name"].as_str().unwrap_or_default());
        for parameter in std::mem::take(parameters) {
            match kept
                .iter_mut()
                .find(|other| name(other) == name(&parameter))
            {
                None => kept.push(parameter),
                Some(other) if parameter["required"] == true && other["required"] != true => {
                    *other = parameter;
                }
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

/// A parameter that is an object, a union or JSON has no form on the wire that the generator could
/// write: its caller writes it.
pub(super) fn strings_for_structured_parameters(tree: &mut Value) -> usize {
    let whole = tree.clone();
    let is_simple = |schema: &Value| {
        let schema = followed(&whole, schema);
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
            let schema = followed(&whole, &schema).clone();
            let is_list_of_simple = schema["type"] == "array" && is_simple(&bare(&schema["items"]));
            if !is_simple(&schema) && !is_list_of_simple {
                let text = json!({ "type": "string" });
                let schema = match schema["type"] == "array" {
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

/// The generator takes one form of a body; JSON is the one that has types.
pub(super) fn keep_one_body(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        let content = operation
            .get_mut("requestBody")
            .and_then(|body| body.get_mut("content"));
        if let Some(Value::Object(content)) = content
            && content.len() > 1
            && content.contains_key("application/json")
        {
            count += content.len() - 1;
            content.retain(|kind, _| kind == "application/json");
        }
    });
    count
}

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

/// The generator refuses a body without a schema. JSON may be anything then, and other media types
/// are bytes; a body of no media type is none.
pub(super) fn give_bodies_a_schema(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        let content = operation
            .get_mut("requestBody")
            .map(|body| &mut body["content"]);
        match content {
            Some(Value::Object(content)) if !content.is_empty() => {
                for (kind, media) in content {
                    if media["schema"].is_null() {
                        let is_json = kind == "application/json";
                        let bytes = json!({ "type": "string", "format": "binary" });
                        media["schema"] = if is_json { json!({}) } else { bytes };
                        count += 1;
                    }
                }
            }
            Some(_) => {
                operation.remove("requestBody");
                count += 1;
            }
            None => {}
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
    fn bodies_without_a_schema_hold_anything() {
        let mut tree = with_operation(json!({ "requestBody": { "content": {
            "application/json": {}, "application/zip": {}, "text/plain": { "schema": { "type": "string" } },
        } } }));
        assert_eq!(give_bodies_a_schema(&mut tree), 2);
        let content = &operation(&tree)["requestBody"]["content"];
        assert_eq!(content["application/json"]["schema"], json!({}));
        assert_eq!(content["application/zip"]["schema"]["format"], "binary");
        assert_eq!(give_bodies_a_schema(&mut tree), 0);
        let mut tree = with_operation(json!({ "requestBody": { "content": {} } }));
        assert_eq!(give_bodies_a_schema(&mut tree), 1);
        assert_eq!(operation(&tree), &json!({}));
    }

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
            "/other": { "get": { "operationId": "Browse_2" }, "put": { "operationId": "Lone_1" } }
        }});
        assert_eq!(name_overloads_after_their_parameter(&mut tree), 2);
        let id = |path: &str, method: &str| tree["paths"][path][method]["operationId"].clone();
        assert_eq!(id("/links/{id}/browse/{path}", "get"), "BrowseWithPath");
        assert_eq!(id("/links/{id}/upload/{dirPath}", "post"), "UploadWithPath");
        assert_eq!(id("/other", "get"), "Browse_2");
        assert_eq!(id("/other", "put"), "Lone_1");
    }

    #[test]
    fn media_types_lose_their_parameters() {
        let mut tree = with_operation(json!({
            "requestBody": { "content": { "application/json;charset=UTF-8": {} } },
            "responses": { "200": { "content": {
                "text/plain": { "x": 1 }, "text/plain; charset=utf-8": { "x": 2 }
            }}}
        }));
        assert_eq!(drop_media_type_parameters(&mut tree), 2);
        assert_eq!(
            operation(&tree)["requestBody"]["content"],
            json!({ "application/json": {} })
        );
        assert_eq!(
            operation(&tree)["responses"]["200"]["content"],
            json!({ "text/plain": { "x": 1 } })
        );
        assert_eq!(drop_media_type_parameters(&mut tree), 0);
    }

    #[test]
    fn a_lone_default_is_the_success() {
        let reply = json!({ "description": "all" });
        let mut tree = with_operation(json!({ "responses": { "default": reply, "400": {} } }));
        assert_eq!(default_reply_is_success(&mut tree), 1);
        assert_eq!(
            operation(&tree)["responses"],
            json!({ "200": reply, "400": {} })
        );
        let mut tree = with_operation(json!({ "responses": { "default": reply, "201": {} } }));
        assert_eq!(default_reply_is_success(&mut tree), 0);
    }

    #[test]
    fn of_two_parameters_with_one_name_the_required_one_stays() {
        let mut tree = with_operation(json!({ "parameters": [
            { "in": "query", "name": "id" },
            { "in": "path", "name": "id", "required": true },
            { "in": "query", "name": "sort_by" },
            { "in": "query", "name": "sortBy" }
        ]}));
        assert_eq!(drop_parameters_said_twice(&mut tree), 2);
        assert_eq!(
            operation(&tree)["parameters"],
            json!([
                { "in": "path", "name": "id", "required": true },
                { "in": "query", "name": "sort_by" }
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
            }}
        ]}));
        assert_eq!(strings_for_structured_parameters(&mut tree), 4);
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
    }

    #[test]
    fn of_several_bodies_json_stays() {
        let mut tree = with_operation(json!({ "requestBody": { "content": {
            "application/json": { "x": 1 }, "application/x-www-form-urlencoded": {}
        }}}));
        assert_eq!(keep_one_body(&mut tree), 1);
        assert_eq!(
            operation(&tree)["requestBody"]["content"],
            json!({ "application/json": { "x": 1 } })
        );
        assert_eq!(keep_one_body(&mut tree), 0);
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
