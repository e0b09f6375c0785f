//! The schemas of types, by the names of the types.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::document::Document;
use crate::document::fixups::WIRE_NAME;
use crate::names::type_name;

/// The schema of a type.
pub struct TypeSchema<'a> {
    /// Its name in the document; for one written inline, the owner's and the property's.
    pub wire: String,
    /// The schema.
    pub schema: &'a Value,
}

/// Schemas by the Rust name of their type, those written inline too.
pub fn by_type(document: &Document) -> BTreeMap<String, TypeSchema<'_>> {
    let mut schemas = BTreeMap::new();
    for (name, schema) in document.schemas() {
        collect(&mut schemas, type_name(name), name.clone(), schema);
    }
    schemas
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

/// The name that a schema has in the document as published.
pub fn wire_name<'a>(schema: &'a Value, name: &'a str) -> &'a str {
    schema[WIRE_NAME].as_str().unwrap_or(name)
}
