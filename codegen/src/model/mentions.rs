//! The names that texts of the schema mention.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::document::{Document, Operation, for_each_schema};

/// How names in code marks are shown: operations link to their pages, and names on the wire are
/// written as in Rust.
pub struct Names {
    /// The operations' methods, by id and by method.
    pub operations: BTreeMap<String, String>,
    /// Names of properties and parameters on the wire.
    pub wire: BTreeSet<String>,
}

impl Names {
    /// The names of a document.
    pub fn new(document: &Document, operations: &[Operation]) -> Self {
        let mut wire = BTreeSet::new();
        for_each_schema(&mut document.tree.clone(), &mut |schema| {
            if let Some(Value::Object(properties)) = schema.get("properties") {
                wire.extend(properties.keys().cloned());
            }
        });
        wire.extend(
            operations
                .iter()
                .flat_map(|o| &o.parameters)
                .map(|parameter| parameter.wire.clone()),
        );
        let operations = operations
            .iter()
            .flat_map(|o| {
                [
                    (o.id.clone(), o.name.clone()),
                    (o.name.clone(), o.name.clone()),
                ]
            })
            .collect();
        Self { operations, wire }
    }
}
