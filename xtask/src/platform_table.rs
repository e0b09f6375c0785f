//! The schema as the test Platform carries it: what it needs to route calls and to form replies, a
//! line for each operation and type, so that a change of the schema shows as a few changed lines.

use seqera_codegen::document::Document;
use serde_json::{Map, Value, json};

/// Where the table stands.
pub const FILE: &str = "test-platform/src/schema.txt";

/// What of a schema decides its values; the rest is prose and the server's to check.
const KEPT: [&str; 5] = ["type", "format", "enum", "required", "nullable"];

/// The table of a schema.
pub fn of(document: &Document) -> String {
    let mut table = format!("version {}\n", document.version());
    let mut operations: Vec<(String, Value)> = document
        .raw_operations()
        .map(|(path, method, operation)| {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let parameters = document.tree["paths"][path]["parameters"].as_array();
            let line = line(id, path, method, operation, parameters, document);
            (id.to_owned(), line)
        })
        .collect();
    operations.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (_, operation) in operations {
        table += &format!("operation {operation}\n");
    }
    for (name, schema) in document.schemas() {
        table += &format!("type {name} {}\n", compact(schema));
    }
    table
}

fn line(
    id: &str,
    path: &str,
    method: &str,
    operation: &Value,
    of_path: Option<&Vec<Value>>,
    document: &Document,
) -> Value {
    let mut query = Map::new();
    let own = operation["parameters"].as_array();
    for parameter in of_path.into_iter().chain(own).flatten() {
        let parameter = document.resolve(parameter);
        if parameter["in"] != "query" {
            continue;
        }
        let mut schema = compact(&parameter["schema"]);
        if parameter["explode"] == false && schema["type"] == "array" {
            schema["joined"] = json!(true);
        }
        if parameter["required"] == true {
            schema["needed"] = json!(true);
        }
        let name = parameter["name"].as_str().unwrap_or_default();
        query.insert(name.to_owned(), schema);
    }
    let replies: Map<String, Value> = (operation["responses"].as_object().into_iter().flatten())
        .filter(|(status, _)| status.starts_with(['2', '3']))
        .map(|(status, reply)| (status.clone(), content(&reply["content"])))
        .collect();
    let mut line = json!({
        "id": id,
        "method": method.to_uppercase(),
        "path": path,
        "replies": replies,
    });
    if !query.is_empty() {
        line["query"] = Value::Object(query);
    }
    let body = content(&operation["requestBody"]["content"]);
    if body != json!({}) {
        line["body"] = body;
    }
    line
}

/// Media types and their schemas.
fn content(content: &Value) -> Value {
    (content.as_object().into_iter().flatten())
        .map(|(media, content)| (media.clone(), compact(&content["schema"])))
        .collect::<Map<_, _>>()
        .into()
}

fn compact(schema: &Value) -> Value {
    let Some(fields) = schema.as_object() else {
        return json!({});
    };
    if let Some(target) = reference(schema) {
        return json!({ "ref": target });
    }
    let mut kept = Map::new();
    for (name, value) in fields {
        let value = match name.as_str() {
            name if KEPT.contains(&name) => value.clone(),
            "properties" => (value.as_object().into_iter().flatten())
                .map(|(name, schema)| (name.clone(), compact(schema)))
                .collect::<Map<_, _>>()
                .into(),
            "items" | "additionalProperties" => compact(value),
            "allOf" | "oneOf" | "anyOf" => value
                .as_array()
                .into_iter()
                .flatten()
                .map(compact)
                .collect(),
            "discriminator" => {
                let mapping: Map<String, Value> = (value["mapping"].as_object().into_iter())
                    .flatten()
                    .map(|(kind, target)| (kind.clone(), json!(last_part(target))))
                    .collect();
                json!({ "by": value["propertyName"], "kinds": mapping })
            }
            _ => continue,
        };
        kept.insert(name.clone(), value);
    }
    Value::Object(kept)
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref").map(last_part)
}

fn last_part(target: &Value) -> &str {
    let target = target.as_str().unwrap_or_default();
    target.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_what_decides_values_and_drops_prose() {
        let document = Document::parse(
            "openapi: 3.0.1\ninfo: {title: t, version: 1.2.0}\npaths:\n  /things:\n    get:\n      operationId: ListThings\n      \
             tags: [things]\n      parameters:\n      - {name: max, in: query, schema: {type: integer}}\n      responses:\n        \
             '200': {description: fine, content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}\n\
             components:\n  schemas:\n    Thing: {type: object, description: prose, properties: {description: {type: string}}}\n",
        )
        .unwrap();
        assert_eq!(
            of(&document).lines().collect::<Vec<_>>(),
            [
                "version 1.2.0",
                r#"operation {"id":"ListThings","method":"GET","path":"/things","query":{"max":{"type":"integer"}},"replies":{"200":{"application/json":{"ref":"Thing"}}}}"#,
                r#"type Thing {"properties":{"description":{"type":"string"}},"type":"object"}"#,
            ]
        );
    }
}
