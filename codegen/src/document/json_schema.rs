//! The bodies that operations take as JSON Schema (2020-12): what OpenAPI 3.0 writes in its own way
//! (`nullable`, `discriminator`, `example`) is put into the words of the standard.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::openapi::Document;
use super::operations::{FORM, JSON};
use super::tree::{Object, list, reference, references_of};

const NAMED: &str = "#/$defs/";

/// The schemas of bodies.
#[derive(Debug, Default)]
pub struct BodySchemas {
    /// The schema of an operation's body, by the operation's id.
    pub bodies: BTreeMap<String, Value>,
    /// The named schemas that they refer to as `#/$defs/NAME`.
    pub named: BTreeMap<String, Value>,
}

/// The schemas of the bodies of some operations, in a document whose operations have parts of
/// their own.
pub fn of_bodies(document: &Document, keeps: impl Fn(&Value) -> bool) -> BodySchemas {
    let mut schemas = BodySchemas::default();
    let mut pending = std::collections::BTreeSet::new();
    for (_, _, operation) in document.raw_operations() {
        let content = &operation["requestBody"]["content"];
        let described = [JSON, FORM]
            .into_iter()
            .find_map(|media| content.get(media));
        let (Some(id), Some(media)) = (operation["operationId"].as_str(), described) else {
            continue;
        };
        if keeps(operation) {
            pending.append(&mut references_of(&media["schema"]));
            let body = standard(&media["schema"]);
            schemas.bodies.insert(id.to_owned(), body);
        }
    }
    while let Some(name) = pending.pop_first() {
        let known = schemas.named.contains_key(&name);
        if let Some(schema) = document.schema(&name).filter(|_| !known) {
            let mut schema = schema.clone();
            leave_own_union(document, &name, &mut schema);
            pending.append(&mut references_of(&schema));
            pending.extend(variants(&schema).map(|(_, variant)| variant.to_owned()));
            schemas.named.insert(name, standard(&schema));
        }
    }
    schemas
}

/// A variant that takes in its union: whoever checks it there is in that union already.
fn leave_own_union(document: &Document, name: &str, schema: &mut Value) {
    let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) else {
        return;
    };
    parts.retain(|part| {
        let union = reference(part).and_then(|union| document.schema(union));
        !union.is_some_and(|union| variants(union).any(|(_, variant)| variant == name))
    });
}

/// The kinds that a union tells apart, and the names of their schemas.
fn variants(schema: &Value) -> impl Iterator<Item = (&str, &str)> {
    let mapping = schema["discriminator"]["mapping"].as_object();
    mapping.into_iter().flatten().filter_map(|(kind, target)| {
        let target = target.as_str()?;
        Some((kind.as_str(), target.rsplit('/').next().unwrap_or(target)))
    })
}

/// A schema in the words of the standard.
fn standard(schema: &Value) -> Value {
    let Value::Object(members) = schema else {
        return schema.clone();
    };
    if let Some(name) = reference(schema) {
        return json!({ "$ref": format!("{NAMED}{name}") });
    }
    let mut result = Map::new();
    for (key, member) in members {
        let member = match key.as_str() {
            "nullable" | "discriminator" | "xml" | "externalDocs" => continue,
            key if key.starts_with("x-") => continue,
            "example" => {
                result.insert("examples".to_owned(), json!([member]));
                continue;
            }
            "oneOf" if variants(schema).next().is_some() => union(schema),
            "allOf" | "anyOf" | "oneOf" => list(schema, key).map(standard).collect(),
            "items" | "additionalProperties" | "not" => standard(member),
            "properties" => of_properties(member),
            _ => member.clone(),
        };
        result.insert(key.clone(), member);
    }
    if members.get("nullable") == Some(&json!(true)) {
        return or_null(result);
    }
    Value::Object(result)
}

fn of_properties(properties: &Value) -> Value {
    let properties = properties.as_object().into_iter().flatten();
    let properties = properties.map(|(name, schema)| (name.clone(), standard(schema)));
    Value::Object(properties.collect())
}

/// The variants of a union, each with the value that tells it apart.
fn union(schema: &Value) -> Value {
    let tag = schema["discriminator"]["propertyName"].as_str();
    let tag = tag.unwrap_or_default();
    let variants = variants(schema).map(|(kind, variant)| {
        let tagged = json!({ "properties": { tag: { "const": kind } }, "required": [tag] });
        json!({ "allOf": [{ "$ref": format!("{NAMED}{variant}") }, tagged] })
    });
    variants.collect()
}

fn or_null(mut schema: Object) -> Value {
    if let (Some(Value::String(kind)), None) = (schema.get("type"), schema.get("enum")) {
        let kinds = json!([kind, "null"]);
        schema.insert("type".to_owned(), kinds);
        return Value::Object(schema);
    }
    let description = schema.remove("description");
    let mut whole = Map::new();
    whole.extend(description.map(|text| ("description".to_owned(), text)));
    let either = json!([schema, { "type": "null" }]);
    whole.insert("anyOf".to_owned(), either);
    Value::Object(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_openapi_writes_in_its_own_way_is_put_into_the_words_of_the_standard() {
        let schema = json!({
            "type": "object",
            "x-java": "no",
            "properties": {
                "example": { "type": "string", "nullable": true, "example": "x" },
                "discriminator": { "$ref": "#/components/schemas/Kind" },
                "mood": { "type": "string", "enum": ["good"], "nullable": true, "description": "Mood" },
            },
        });
        assert_eq!(
            standard(&schema),
            json!({
                "type": "object",
                "properties": {
                    "example": { "type": ["string", "null"], "examples": ["x"] },
                    "discriminator": { "$ref": "#/$defs/Kind" },
                    "mood": {
                        "description": "Mood",
                        "anyOf": [{ "type": "string", "enum": ["good"] }, { "type": "null" }],
                    },
                },
            })
        );
    }

    #[test]
    fn a_union_tells_its_variants_apart_by_a_constant() {
        let schema = json!({
            "oneOf": [{ "$ref": "#/components/schemas/Cat" }],
            "discriminator": {
                "propertyName": "kind",
                "mapping": { "cat": "#/components/schemas/Cat" },
            },
        });
        assert_eq!(
            standard(&schema),
            json!({ "oneOf": [{ "allOf": [
                { "$ref": "#/$defs/Cat" },
                { "properties": { "kind": { "const": "cat" } }, "required": ["kind"] },
            ] }] })
        );
    }
}
