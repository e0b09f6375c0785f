//! Discriminated unions: `oneOf` with a `discriminator` that maps a value to each variant.
//!
//! The generator ignores the discriminator and would tell the variants apart by shape; but they are
//! objects of optional fields, so any shape fits several. The unions are lifted out before it runs,
//! a placeholder stays, and `crate::unions` emits the types.

use heck::ToUpperCamelCase;
use serde_json::{Value, json};

use crate::document::{Object, list, reference, reference_to};

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
}

pub(super) fn take(tree: &mut Value) -> Vec<Union> {
    hoist_inline(tree);
    let mut unions = Vec::new();
    let Some(Value::Object(schemas)) = tree.pointer_mut("/components/schemas") else {
        return unions;
    };
    for (name, schema) in schemas.iter_mut() {
        if let Some(union) = read(name, schema) {
            *schema = json!({ "type": "object", "additionalProperties": false });
            unions.push(union);
        }
    }
    unions
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
                })
            })
            .collect(),
        // Without a mapping the schema's name is the value.
        None => list(schema, "oneOf")
            .filter_map(reference)
            .map(|name| Variant {
                value: name.to_owned(),
                schema: name.to_owned(),
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
/// share, a name: `Any…` and that type's, or else the owner's and the property's.
fn hoist_inline(tree: &mut Value) {
    let Some(Value::Object(schemas)) = tree.pointer_mut("/components/schemas") else {
        return;
    };
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
            let name = match list(schema, "allOf").find_map(reference) {
                Some(base) => format!("Any{base}"),
                None => format!("{owner}{}", property.to_upper_camel_case()),
            };
            hoisted.insert(
                name.clone(),
                json!({ "discriminator": discriminator, "oneOf": variants }),
            );
            *schema = reference_to(&name);
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
