//! Defects of bodies and replies.

use serde_json::{Value, json};

use crate::document::operations::{BYTES, JSON};
use crate::document::tree::for_each_operation;

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

/// The generator takes one form of a body, and does not know them all. JSON is the one that has
/// types. A byte stream holds the place of any other: `write::operations` gives such builders
/// setters for the parts of a form, or for the bytes.
pub(super) fn keep_one_body(tree: &mut Value) -> usize {
    let mut count = 0;
    for_each_operation(tree, &mut |_, operation| {
        let content = operation
            .get_mut("requestBody")
            .and_then(|body| body.get_mut("content"));
        let Some(Value::Object(content)) = content.filter(|content| !content.is_null()) else {
            return;
        };
        let kept = match content.get(JSON) {
            Some(json) => json!({ JSON: json }),
            None => json!({ BYTES: { "schema": { "type": "string", "format": "binary" } } }),
        };
        if let Value::Object(kept) = kept
            && kept != *content
        {
            *content = kept;
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

#[cfg(test)]
mod tests {
    use super::super::testing::{operation, with_operation};
    use super::*;

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
    fn json_stays_and_bytes_hold_the_place_of_other_bodies() {
        let json = json!({ "application/json": { "x": 1 } });
        let bytes = json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
        let cases = [
            (
                json!({ "application/json": { "x": 1 }, "application/x-www-form-urlencoded": {} }),
                &json,
            ),
            (
                json!({ "application/json": { "x": 1 }, "multipart/form-data": {} }),
                &json,
            ),
            (json!({ "multipart/form-data": {} }), &bytes),
            (json!({ "text/plain": {}, "application/yaml": {} }), &bytes),
            (
                json!({ "application/octet-stream": { "schema": { "type": "string" } } }),
                &bytes,
            ),
        ];
        for (content, expected) in cases {
            let mut tree = with_operation(json!({ "requestBody": { "content": content } }));
            assert_eq!(keep_one_body(&mut tree), 1);
            assert_eq!(operation(&tree)["requestBody"]["content"], *expected);
            assert_eq!(keep_one_body(&mut tree), 0);
        }
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
}
