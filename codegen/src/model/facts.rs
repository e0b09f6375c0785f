//! What holds of types over the whole schema. It is read before a part of the schema is selected, so
//! that a type is the same whatever features are on: one crate of a build may enable more of them
//! than another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::schemas::{self, TypeSchema};
use crate::document::fixups::{REQUIRED, Union};
use crate::document::{Document, for_each_schema, reference, reference_in, select};
use crate::names::type_name;

/// Facts of the types, which go by their Rust names.
pub struct Facts {
    /// The types that request bodies reach.
    pub sent: BTreeSet<String>,
    /// The types that demand fields when they are sent, themselves or further down.
    pub checked: BTreeSet<String>,
    /// Variants of unions, and the property that the union writes for them.
    pub union_tags: BTreeSet<(String, String)>,
}

impl Facts {
    /// The facts of a whole document, whose unions were lifted.
    pub fn of(document: &Document, unions: &[Union]) -> Self {
        let schemas = schemas::by_type(document);
        let roots = select::sent_schemas(document, unions);
        let is_sent = |schema: &TypeSchema<'_>| {
            roots.contains(schema.wire.split(" → ").next().unwrap_or_default())
        };
        let inline = schemas.iter().filter(|(_, schema)| is_sent(schema));
        let inline: Vec<String> = inline.map(|(name, _)| name.clone()).collect();
        let mut sent: BTreeSet<String> = roots.iter().map(|name| type_name(name)).collect();
        sent.extend(inline);
        Self {
            checked: checked_types(&schemas, &sent, unions),
            sent,
            union_tags: union_tags(document, unions),
        }
    }
}

/// The types with a required field, and those that hold such a type.
fn checked_types(
    schemas: &BTreeMap<String, TypeSchema<'_>>,
    sent: &BTreeSet<String>,
    unions: &[Union],
) -> BTreeSet<String> {
    let structs = sent
        .iter()
        .filter_map(|name| Some((name, schemas.get(name)?.schema)))
        .filter(|(_, schema)| {
            let properties = schema["properties"].as_object();
            properties.is_some_and(|properties| !properties.is_empty())
        });
    let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut checked = BTreeSet::new();
    for (name, schema) in structs {
        holders.insert(name.clone(), held(name, schema));
        if schema.get(REQUIRED).is_some() {
            checked.insert(name.clone());
        }
    }
    for union in unions {
        let variants = union.variants.iter();
        let variants = variants.map(|variant| type_name(&variant.schema)).collect();
        holders.insert(type_name(&union.name), variants);
    }
    loop {
        let more: Vec<String> = holders
            .iter()
            .filter(|(name, held)| !checked.contains(*name) && !held.is_disjoint(&checked))
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            return checked;
        }
        checked.extend(more);
    }
}

/// The types that the fields of a struct hold, themselves or in lists.
fn held(name: &str, schema: &Value) -> BTreeSet<String> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .filter_map(|(property, inner)| element(&format!("{name}{}", type_name(property)), inner))
        .collect()
}

fn element(own: &str, schema: &Value) -> Option<String> {
    if let Some(name) = reference(schema) {
        Some(type_name(name))
    } else if schema.get("properties").is_some() {
        Some(own.to_owned())
    } else {
        element(&format!("{own}Item"), schema.get("items")?)
    }
}

/// A union carries the discriminator of its variants; only where a variant's type occurs alone does
/// it keep the property.
fn union_tags(document: &Document, unions: &[Union]) -> BTreeSet<(String, String)> {
    let alone = used_alone(document);
    unions
        .iter()
        .flat_map(|union| {
            union
                .variants
                .iter()
                .map(|variant| (type_name(&variant.schema), union.discriminator.clone()))
        })
        .filter(|(variant, _)| !alone.contains(variant))
        .collect()
}

/// The types that occur elsewhere than as a variant of a union: they keep their discriminator.
fn used_alone(document: &Document) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for_each_schema(&mut document.tree.clone(), &mut |schema| {
        found.extend(reference_in(schema).map(type_name));
    });
    found
}
