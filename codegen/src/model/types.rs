//! The types: which there are, and what the generator does not tell of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::facts::Facts;
use super::mentions::Names;
use super::schemas::{self, TypeSchema};
use super::usage::Usage;
use crate::document::fixups::Union;
use crate::document::{Document, Operation};

/// What the emission of types and operations needs to know of the schema.
pub struct Model<'a> {
    /// The fixed document.
    pub document: &'a Document,
    /// The lifted unions.
    pub unions: &'a [Union],
    /// Schemas by the Rust name of their type, those written inline too.
    pub schemas: BTreeMap<String, TypeSchema<'a>>,
    /// What holds over the whole schema.
    pub facts: &'a Facts,
    /// How names are shown in documentation.
    pub names: Names,
    /// Which operations take and return the types.
    pub usage: Usage,
}

impl<'a> Model<'a> {
    /// Reads the fixed document.
    pub fn new(
        document: &'a Document,
        operations: &[Operation],
        unions: &'a [Union],
        facts: &'a Facts,
    ) -> Self {
        Self {
            document,
            unions,
            schemas: schemas::by_type(document),
            facts,
            names: Names::new(document, operations),
            usage: Usage::default(),
        }
    }

    /// Whether a union writes this property of its variant.
    pub(crate) fn is_union_tag(&self, name: &str, wire: &str) -> bool {
        self.facts
            .union_tags
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
