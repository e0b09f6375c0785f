//! Discriminated unions: `oneOf` with a `discriminator` that maps a value to each variant.
//!
//! The generator ignores the discriminator and would tell the variants apart by shape; but they are
//! objects of optional fields, so any shape fits several. The unions are lifted out before it runs,
//! a placeholder stays, and `write::unions` emits the types.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToUpperCamelCase;
use serde_json::{Value, json};

use crate::document::openapi::Document;
use crate::document::tree::{
    Object, list, list_mut, reaches, reference, reference_to, references_of,
};
use crate::names::variant;

/// A union of the schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Union {
    /// The name of its schema.
    pub name: String,
    /// The property whose value tells the variant.
    pub discriminator: String,
    /// What it is, in the schema's words.
    pub description: Option<String>,
    /// Its variants by discriminator value.
    pub variants: Vec<Variant>,
}

/// A variant of a [`Union`].
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The value of the discriminator.
    pub value: String,
    /// The name of the variant's schema.
    pub schema: String,
    /// Whether values of the variant may hold the union again, and so have to be boxed.
    pub is_recursive: bool,
}

pub(super) fn take(tree: &mut Value) -> Vec<Union> {
    hoist_inline(tree);
    let mut unions = Vec::new();
    let Some(Value::Object(schemas)) = tree.pointer_mut("/components/schemas") else {
        return unions;
    };
    for (name, schema) in schemas.iter() {
        unions.extend(read(name, schema));
    }
    for union in &unions {
        inherit(schemas, union);
    }
    for union in &unions {
        if let Some(schema) = schemas.get_mut(&union.name) {
            *schema = placeholder();
        }
    }
    unions
}

/// What stands for a union while the generator runs.
pub(super) fn placeholder() -> Value {
    json!({ "type": "object", "additionalProperties": false })
}

/// A variant that is made of its union and more (`allOf`) has the properties that stand beside the
/// union's `oneOf`.
fn inherit(schemas: &mut Object, union: &Union) {
    let mut shared = schemas[&union.name].clone();
    if let Some(shared) = shared.as_object_mut() {
        shared.retain(|key, _| matches!(key.as_str(), "type" | "properties" | "required"));
    }
    for variant in &union.variants {
        let parts = schemas
            .get_mut(&variant.schema)
            .and_then(Value::as_object_mut);
        for part in parts
            .into_iter()
            .flat_map(|schema| list_mut(schema, "allOf"))
        {
            if reference(part) == Some(&union.name) {
                *part = shared.clone();
            }
        }
    }
}

/// Drops variants whose schemas are not there, or whose names are another's (`a-b` and `a_b` have the
/// same): those are read and written as unrecognised ones. Finds those that hold their union again.
pub(super) fn settle(document: &Document, unions: &mut [Union]) {
    for union in unions.iter_mut() {
        let mut taken = BTreeSet::from(["Unrecognized".to_owned()]);
        union.variants.retain(|entry| {
            document.schema(&entry.schema).is_some()
                && taken.insert(variant(&entry.value).to_string())
        });
    }
    let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, schema) in document.schemas() {
        links.insert(name.clone(), references_of(schema).into_iter().collect());
    }
    for union in unions.iter() {
        let schemas = union.variants.iter().map(|variant| variant.schema.clone());
        links.insert(union.name.clone(), schemas.collect());
    }
    for union in unions {
        for variant in &mut union.variants {
            variant.is_recursive = reaches(&links, &variant.schema, &union.name);
        }
    }
}

fn read(name: &str, schema: &Value) -> Option<Union> {
    let discriminator = schema
        .get("discriminator")
        .filter(|_| schema.get("oneOf").is_some())?;
    let variants = match discriminator.get("mapping").and_then(Value::as_object) {
        Some(mapping) => mapping
            .iter()
            .filter_map(|(value, target)| {
                let schema = target.as_str()?.rsplit('/').next()?.to_owned();
                Some(Variant {
                    value: value.clone(),
                    schema,
                    is_recursive: false,
                })
            })
            .collect(),
        // Without a mapping the schema's name is the value.
        None => list(schema, "oneOf")
            .filter_map(reference)
            .map(|name| Variant {
                value: name.to_owned(),
                schema: name.to_owned(),
                is_recursive: false,
            })
            .collect(),
    };
    Some(Union {
        name: name.to_owned(),
        discriminator: discriminator["propertyName"].as_str()?.to_owned(),
        description: schema["description"].as_str().map(str::to_owned),
        variants,
    })
}

/// Gives a union that is written inline, perhaps beside a reference to the type that its variants
/// share, a name: `Any…` and that type's, or else the owner's and the property's, with a number if
/// another schema has it.
fn hoist_inline(tree: &mut Value) {
    let Some(Value::Object(schemas)) = tree.pointer_mut("/components/schemas") else {
        return;
    };
    let taken: BTreeSet<String> = schemas.keys().cloned().collect();
    let mut hoisted: Object = Object::new();
    for (owner, schema) in schemas.iter_mut() {
        let Some(Value::Object(properties)) = schema.get_mut("properties") else {
            continue;
        };
        for (property, schema) in properties {
            let (Some(discriminator), Some(variants)) = (
                own_or_inherited(schema, "discriminator"),
                own_or_inherited(schema, "oneOf"),
            ) else {
                continue;
            };
            let union = json!({ "discriminator": discriminator, "oneOf": variants });
            let shared = list(schema, "allOf").find_map(reference);
            let own = format!("{owner}{}", property.to_upper_camel_case());
            let mut names = shared
                .map(|base| format!("Any{base}"))
                .into_iter()
                .chain([own.clone()])
                .chain((2..).map(|number| format!("{own}{number}")));
            let free = names.find(|name| {
                !taken.contains(name) && hoisted.get(name).is_none_or(|other| *other == union)
            });
            if let Some(name) = free {
                *schema = reference_to(&name);
                hoisted.insert(name, union);
            }
        }
    }
    schemas.extend(hoisted);
}

/// A member of a schema, or of one of the parts that it is made of.
fn own_or_inherited(schema: &Value, key: &str) -> Option<Value> {
    schema
        .get(key)
        .or_else(|| list(schema, "allOf").find_map(|part| part.get(key)))
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(schemas: Value) -> Value {
        json!({ "components": { "schemas": schemas } })
    }

    fn variants(union: &Union) -> Vec<(&str, &str)> {
        let pairs = union.variants.iter();
        pairs
            .map(|variant| (variant.value.as_str(), variant.schema.as_str()))
            .collect()
    }

    #[test]
    fn a_mapping_tells_the_variants() {
        let mut tree = document(json!({ "Config": {
            "description": "one of two",
            "oneOf": [{ "$ref": "#/components/schemas/A" }, { "$ref": "#/components/schemas/B" }],
            "discriminator": { "propertyName": "kind", "mapping": {
                "a-batch": "#/components/schemas/A", "b-batch": "B", "odd": 3
            }}
        }}));
        let unions = take(&mut tree);
        assert_eq!(unions.len(), 1);
        assert_eq!(unions[0].discriminator, "kind");
        assert_eq!(unions[0].description.as_deref(), Some("one of two"));
        assert_eq!(variants(&unions[0]), [("a-batch", "A"), ("b-batch", "B")]);
        assert!(
            tree["components"]["schemas"]["Config"]
                .get("oneOf")
                .is_none()
        );
    }

    #[test]
    fn without_a_mapping_the_schemas_names_are_the_values() {
        let mut tree = document(json!({ "Config": {
            "oneOf": [{ "$ref": "#/components/schemas/A" }, { "type": "string" }],
            "discriminator": { "propertyName": "kind" }
        }}));
        assert_eq!(variants(&take(&mut tree)[0]), [("A", "A")]);
    }

    #[test]
    fn variants_that_hold_their_union_are_found_and_missing_ones_dropped() {
        let union = |a: &str, b: &str| {
            json!({
                "oneOf": [reference_to(a), reference_to(b)], "discriminator": { "propertyName": "kind" }
            })
        };
        let tree = document(json!({
            "A": { "properties": { "inner": reference_to("Middle") } },
            "B": { "type": "object" },
            "Middle": { "properties": { "config": reference_to("Config") } },
            "Config": union("A", "B"),
            "Other": union("B", "Lost"),
        }));
        let mut document = Document { tree };
        let mut unions = take(&mut document.tree);
        settle(&document, &mut unions);
        let variants: Vec<_> = unions.iter().flat_map(|union| &union.variants).collect();
        let found = variants
            .iter()
            .map(|variant| (variant.schema.as_str(), variant.is_recursive));
        assert_eq!(
            found.collect::<Vec<_>>(),
            [("A", true), ("B", false), ("B", false)]
        );
    }

    #[test]
    fn variants_that_are_made_of_their_union_keep_its_properties() {
        let mut tree = document(json!({
            "Config": {
                "oneOf": [reference_to("Local")],
                "discriminator": { "propertyName": "kind" },
                "type": "object",
                "properties": { "workDir": { "type": "string" } },
            },
            "Local": { "allOf": [reference_to("Config"), { "properties": { "a": {} } }] },
        }));
        take(&mut tree);
        assert_eq!(
            tree["components"]["schemas"]["Local"]["allOf"],
            json!([
                { "type": "object", "properties": { "workDir": { "type": "string" } } },
                { "properties": { "a": {} } },
            ])
        );
    }

    #[test]
    fn inline_unions_get_names() {
        let union = json!({
            "oneOf": [{ "$ref": "#/components/schemas/A" }],
            "discriminator": { "propertyName": "kind" }
        });
        let mut beside_base = union.clone();
        beside_base["allOf"] = json!([{ "$ref": "#/components/schemas/Image" }]);
        let mut tree = document(json!({ "Owner": { "properties": {
            "eventType": union, "image": beside_base
        }}}));
        let unions = take(&mut tree);
        let names: Vec<_> = unions.iter().map(|union| union.name.as_str()).collect();
        assert_eq!(names, ["AnyImage", "OwnerEventType"]);
        let properties = &tree["components"]["schemas"]["Owner"]["properties"];
        assert_eq!(properties["eventType"], reference_to("OwnerEventType"));
        assert_eq!(properties["image"], reference_to("AnyImage"));
    }

    #[test]
    fn inline_unions_that_differ_get_names_that_are_free() {
        let beside_base = |kind: &str| {
            json!({
                "allOf": [reference_to("Image")],
                "oneOf": [reference_to("A")],
                "discriminator": { "propertyName": kind }
            })
        };
        let mut tree = document(json!({
            "Owner": { "properties": {
                "first": beside_base("kind"), "other": beside_base("type"), "same": beside_base("kind"),
            } },
            "OwnerOther": { "type": "string" },
        }));
        take(&mut tree);
        let schemas = &tree["components"]["schemas"];
        assert_eq!(schemas["OwnerOther"], json!({ "type": "string" }));
        let properties = &schemas["Owner"]["properties"];
        assert_eq!(properties["first"], reference_to("AnyImage"));
        assert_eq!(properties["other"], reference_to("OwnerOther2"));
        assert_eq!(properties["same"], reference_to("AnyImage"));
    }

    #[test]
    fn variants_have_names_of_their_own() {
        let tree = document(json!({
            "A": { "type": "object" },
            "Config": { "oneOf": [reference_to("A")], "discriminator": { "propertyName": "kind", "mapping": {
                "aws-batch": "A", "aws_batch": "A", "unrecognized": "A", "v4": "A", "4": "A"
            } } },
        }));
        let mut document = Document { tree };
        let mut unions = take(&mut document.tree);
        settle(&document, &mut unions);
        assert_eq!(variants(&unions[0]), [("4", "A"), ("aws-batch", "A")]);
    }

    #[test]
    fn what_is_no_union_stays() {
        let schemas = json!({
            "Parent": { "type": "object", "discriminator": { "propertyName": "kind" } },
            "Choice": { "oneOf": [{ "type": "string" }] },
            "Nameless": { "oneOf": [], "discriminator": {} }
        });
        let mut tree = document(schemas.clone());
        assert!(take(&mut tree).is_empty());
        assert_eq!(tree, document(schemas));
        assert!(take(&mut json!({})).is_empty());
    }
}
