//! The types: which there are, and the facts of them that the generator does not tell.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::mentions::Names;
use super::syntax::{Generated, element};
use super::usage::Usage;
use crate::document::fixups::{REQUIRED, Union, WIRE_NAME};
use crate::document::{Document, Operation, for_each_schema, reference_in, select};
use crate::names::type_name;

/// What the emission of types and operations needs to know of the schema.
pub struct Model<'a> {
    /// The fixed document.
    pub document: &'a Document,
    /// The lifted unions.
    pub unions: &'a [Union],
    /// Schemas by the Rust name of their type, those written inline too.
    pub schemas: BTreeMap<String, TypeSchema<'a>>,
    /// The Rust names of types that request bodies reach.
    pub sent: BTreeSet<String>,
    /// The Rust names of types that demand fields when they are sent, themselves or further down.
    pub checked: BTreeSet<String>,
    /// How names are shown in documentation.
    pub names: Names,
    /// Which operations take and return the types.
    pub usage: Usage,
    /// Variants of unions, and the property that the union writes for them.
    pub(crate) union_tags: BTreeSet<(String, String)>,
}

/// The schema of a type.
pub struct TypeSchema<'a> {
    /// Its name in the document; for one written inline, the owner's and the property's.
    pub wire: String,
    /// The schema.
    pub schema: &'a Value,
}

impl<'a> Model<'a> {
    /// Reads the fixed document.
    pub fn new(
        document: &'a Document,
        operations: &[Operation],
        unions: &'a [Union],
        generated: &Generated,
    ) -> Self {
        let mut schemas = BTreeMap::new();
        for (name, schema) in document.schemas() {
            collect(&mut schemas, type_name(name), name.clone(), schema);
        }
        let roots = select::sent_schemas(document, unions);
        let mut sent: BTreeSet<String> = roots.iter().map(|name| type_name(name)).collect();
        let inline: Vec<String> = schemas
            .iter()
            .filter(|(_, schema)| {
                roots.contains(schema.wire.split(" → ").next().unwrap_or_default())
            })
            .map(|(name, _)| name.clone())
            .collect();
        sent.extend(inline);
        let checked = checked_types(&schemas, &sent, unions, generated);
        Self {
            document,
            unions,
            schemas,
            sent,
            checked,
            names: Names::new(document, operations),
            usage: Usage::default(),
            union_tags: union_tags(document, unions),
        }
    }

    /// Whether a union writes this property of its variant.
    pub(crate) fn is_union_tag(&self, name: &str, wire: &str) -> bool {
        self.union_tags
            .contains(&(name.to_owned(), wire.to_owned()))
    }

    /// The properties of a type that a fixup has put on a list.
    pub(crate) fn listed(&self, name: &str, list: &str) -> BTreeSet<&str> {
        self.schemas
            .get(name)
            .into_iter()
            .flat_map(|schema| crate::document::list(schema.schema, list))
            .filter_map(Value::as_str)
            .collect()
    }

    /// The schema of a type's property.
    pub fn property(&self, name: &str, wire: &str) -> Option<&Value> {
        self.schemas.get(name)?.schema["properties"].get(wire)
    }
}

fn collect<'a>(
    found: &mut BTreeMap<String, TypeSchema<'a>>,
    name: String,
    wire: String,
    schema: &'a Value,
) {
    for (property, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{wire} → {property}");
        let own = format!("{name}{}", type_name(property));
        if inner.get("enum").is_some() || inner.get("properties").is_some() {
            collect(found, own, path, inner);
        } else if let Some(items) = inner.get("items") {
            collect(found, format!("{own}Item"), path, items);
        }
    }
    found.insert(name, TypeSchema { wire, schema });
}

/// The types with a required field, and those that hold such a type.
fn checked_types(
    schemas: &BTreeMap<String, TypeSchema<'_>>,
    sent: &BTreeSet<String>,
    unions: &[Union],
    generated: &Generated,
) -> BTreeSet<String> {
    let mut holders: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for name in sent {
        if let Some(item) = generated.structs.get(name) {
            holders.insert(
                name,
                item.fields.iter().map(|field| element(&field.ty)).collect(),
            );
        }
    }
    let union_names: Vec<(String, BTreeSet<String>)> = unions
        .iter()
        .map(|union| {
            (
                type_name(&union.name),
                union
                    .variants
                    .iter()
                    .map(|v| type_name(&v.schema))
                    .collect(),
            )
        })
        .collect();
    for (name, variants) in &union_names {
        holders.insert(name, variants.clone());
    }
    let mut checked: BTreeSet<String> = sent
        .iter()
        .filter(|name| {
            schemas
                .get(*name)
                .is_some_and(|schema| schema.schema.get(REQUIRED).is_some())
        })
        .filter(|name| generated.structs.contains_key(*name))
        .cloned()
        .collect();
    loop {
        let more: Vec<String> = holders
            .iter()
            .filter(|(name, held)| {
                !checked.contains(**name) && held.iter().any(|inner| checked.contains(inner))
            })
            .map(|(name, _)| (*name).to_owned())
            .collect();
        if more.is_empty() {
            return checked;
        }
        checked.extend(more);
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

/// The name that a schema has in the document as published.
pub fn wire_name<'a>(schema: &'a Value, name: &'a str) -> &'a str {
    schema[WIRE_NAME].as_str().unwrap_or(name)
}
