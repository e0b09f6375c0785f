//! The vendored schema as it was published: what the tests hold the crate against. An older one has
//! the additions without which hand-written code would not compile with it; nothing else of what
//! the code generator does is seen here.
#![allow(dead_code)]

pub mod compare;
pub mod instance;
pub mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

/// The document, unmodified.
pub struct Schema {
    pub tree: Value,
    /// Types that are variants of a union, with the property that tells them apart.
    tags: BTreeMap<String, String>,
    /// Types that are referred to otherwise than as a variant.
    used_alone: BTreeSet<String>,
}

/// The vendored schema, read once.
pub fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let text = include_str!("../../seqera-api-latest.yml");
        Schema::new(seqera_codegen::grafted(text).unwrap())
    })
}

/// Whether the schema is another than the one for which this repository's tests and texts were
/// written: then what they count need not be there.
pub fn is_other_version() -> bool {
    let words = include_str!("../../overlays/docs.yml");
    let written_for = seqera_codegen::overlay::api_version(words).unwrap();
    written_for.as_deref() != Some(seqera::API_VERSION)
}

/// An operation of the document.
#[derive(Clone, Copy)]
pub struct Operation<'a> {
    pub id: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub raw: &'a Value,
}

impl<'a> Operation<'a> {
    pub fn parameters(self) -> impl Iterator<Item = &'a Value> {
        list(&self.raw["parameters"])
            // Two paths do not have the place that a path parameter of theirs is for.
            .filter(move |parameter| {
                parameter["in"] != "path"
                    || self
                        .path
                        .contains(&format!("{{{}}}", text(&parameter["name"])))
            })
    }

    /// The schema of the body in this media type.
    pub fn body(self, media: &str) -> Option<&'a Value> {
        self.raw["requestBody"]["content"][media].get("schema")
    }

    /// Declared success codes, with the media type and the schema of what comes with them.
    pub fn successes(self) -> impl Iterator<Item = (u16, Option<(&'a str, &'a Value)>)> {
        object(&self.raw["responses"])
            .filter(|(code, _)| code.starts_with('2'))
            .map(|(code, response)| {
                let content = object(&response["content"])
                    .next()
                    .map(|(media, content)| (media.as_str(), &content["schema"]));
                (code.parse().unwrap(), content)
            })
    }
}

impl Schema {
    pub fn new(tree: Value) -> Self {
        let mut schema = Self {
            tree,
            tags: BTreeMap::new(),
            used_alone: BTreeSet::new(),
        };
        let (mut tags, mut used_alone) = (BTreeMap::new(), BTreeSet::new());
        survey(&schema.tree, &mut tags, &mut used_alone);
        schema.tags = tags;
        schema.used_alone = used_alone;
        schema
    }

    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        object(&self.tree["paths"]).flat_map(|(path, item)| {
            object(item).map(move |(method, raw)| Operation {
                id: text(&raw["operationId"]),
                method,
                path,
                raw,
            })
        })
    }

    pub fn operation(&self, id: &str) -> Operation<'_> {
        self.operations()
            .find(|operation| operation.id == id)
            .unwrap_or_else(|| panic!("the schema has no operation {id}"))
    }

    pub fn types(&self) -> impl Iterator<Item = (&String, &Value)> {
        object(&self.tree["components"]["schemas"])
    }

    pub fn named(&self, name: &str) -> &Value {
        self.tree["components"]["schemas"]
            .get(name)
            .unwrap_or_else(|| panic!("the schema has no type {name}"))
    }

    /// The name of the property that tells a variant from the others of its union, where the type
    /// occurs as nothing else.
    fn tag_of_variant(&self, name: &str) -> Option<&str> {
        let tag = self.tags.get(name)?;
        (!self.used_alone.contains(name)).then_some(tag)
    }

    /// A schema with its reference followed and its `allOf` merged.
    fn flat(&self, schema: &Value) -> Value {
        self.flat_inside(schema, &mut Vec::new())
    }

    /// As `flat`, inside of types that are being merged. A variant that takes in its union has the
    /// union's properties; it is not told apart by them once more.
    fn flat_inside(&self, schema: &Value, around: &mut Vec<String>) -> Value {
        if let Some(name) = reference(schema) {
            if around.iter().any(|other| other == name) {
                return json!({});
            }
            around.push(name.to_owned());
            let mut flat = self.flat_inside(self.named(name), around);
            around.pop();
            let is_around = |target: &Value| {
                let target = text(target).rsplit('/').next();
                around.iter().any(|other| Some(other.as_str()) == target)
            };
            if object(&flat["discriminator"]["mapping"]).any(|(_, target)| is_around(target))
                && let Some(union) = flat.as_object_mut()
            {
                union.remove("discriminator");
                union.remove("oneOf");
            }
            return flat;
        }
        let Value::Object(mut whole) = schema.clone() else {
            return json!({});
        };
        for part in list(&whole.remove("allOf").unwrap_or_default()) {
            let Value::Object(part) = self.flat_inside(part, around) else {
                continue;
            };
            for (key, value) in part {
                match (whole.get_mut(&key), value) {
                    (Some(Value::Object(own)), Value::Object(more)) if key == "properties" => {
                        own.extend(more);
                    }
                    (Some(Value::Array(own)), Value::Array(more)) if key == "required" => {
                        own.extend(more);
                    }
                    (Some(_), _) => {}
                    (None, value) => {
                        whole.insert(key, value);
                    }
                }
            }
        }
        Value::Object(whole)
    }

    /// A type that, where it is a variant, does not take in its union: whoever checks it there is in
    /// that union already.
    fn without_own_union(&self, name: &str) -> Value {
        let mut schema = self.named(name).clone();
        if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
            parts.retain(|part| {
                let union = reference(part).map(|union| self.named(union));
                let mut mapping = union
                    .into_iter()
                    .flat_map(|union| object(&union["discriminator"]["mapping"]));
                !mapping.any(|(_, target)| text(target).rsplit('/').next() == Some(name))
            });
        }
        schema
    }

    /// As JSON Schema, with the types that it reaches: what OpenAPI 3.0 writes in its own way
    /// (`nullable`, `discriminator`) is put into the words of the standard.
    pub fn json_schema(&self, schema: &Value) -> Value {
        let mut root = standard(schema);
        let mut pending = references(schema);
        let mut types = Map::new();
        while let Some(name) = pending.pop_first() {
            if !types.contains_key(&name) {
                pending.append(&mut references(self.named(&name)));
                types.insert(name.clone(), standard(&self.without_own_union(&name)));
            }
        }
        root["components"] = json!({ "schemas": types });
        root
    }
}

/// The named types that a schema refers to.
fn references(schema: &Value) -> BTreeSet<String> {
    let (mut tags, mut found) = (BTreeMap::new(), BTreeSet::new());
    survey(schema, &mut tags, &mut found);
    found.extend(tags.into_keys());
    found
}

/// Notes the variants of unions, and what is referred to otherwise.
fn survey(value: &Value, tags: &mut BTreeMap<String, String>, used_alone: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            used_alone.extend(reference(value).map(str::to_owned));
            for (key, member) in members {
                if key == "discriminator" && member.get("mapping").is_some() {
                    for (_, target) in object(&member["mapping"]) {
                        let name = text(target).rsplit('/').next().unwrap().to_owned();
                        tags.insert(name, text(&member["propertyName"]).to_owned());
                    }
                } else if key != "oneOf" {
                    survey(member, tags, used_alone);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| survey(item, tags, used_alone)),
        _ => {}
    }
}

fn standard(schema: &Value) -> Value {
    let mut result = match schema {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, member)| (key.clone(), standard(member)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(standard).collect()),
        other => other.clone(),
    };
    let Some(members) = result.as_object_mut() else {
        return result;
    };
    if members.contains_key("oneOf") && members.get("discriminator").is_some_and(Value::is_object) {
        members.remove("oneOf");
        let discriminator = members.remove("discriminator").unwrap();
        let tag = text(&discriminator["propertyName"]);
        let cases: Vec<Value> = object(&discriminator["mapping"])
            .map(|(kind, target)| {
                json!({
                    "if": { "properties": { tag: { "const": kind } } },
                    "then": { "$ref": target },
                })
            })
            .collect();
        let kinds: Vec<&String> = object(&discriminator["mapping"])
            .map(|(kind, _)| kind)
            .collect();
        members.insert("required".to_owned(), json!([tag]));
        members.insert("properties".to_owned(), json!({ tag: { "enum": kinds } }));
        members.insert("allOf".to_owned(), json!(cases));
    }
    match members.get("nullable") {
        Some(Value::Bool(true)) => {
            members.remove("nullable");
            json!({ "anyOf": [result, { "type": "null" }] })
        }
        _ => result,
    }
}

pub fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
