//! Keeps the operations of the enabled features, and the schemas that they reach.

use std::collections::BTreeSet;

use serde_json::Value;

use super::fixups::Union;
use super::openapi::Document;
use super::operations::{UNTAGGED, feature};
use super::tree::{for_each_operation, for_each_schema, reference_in, references_of};

/// Which of the schema's tags to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// All of them, and every schema.
    All,
    /// These.
    Only(BTreeSet<String>),
}

impl Tags {
    /// The tags whose names are among these features, in whatever case and with whatever dashes
    /// (`CARGO_FEATURE_COMPUTE_ENVS` is `compute-envs`).
    pub fn from_features(features: impl IntoIterator<Item = String>) -> Self {
        Self::Only(
            features
                .into_iter()
                .map(|feature| feature.to_ascii_lowercase().replace('_', "-"))
                .collect(),
        )
    }

    /// Whether operations of this feature are generated.
    pub fn contains(&self, tag: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(tags) => tag == UNTAGGED || tags.contains(tag),
        }
    }
}

/// Drops the operations of other tags, and the schemas that only they reach.
pub fn select(document: &mut Document, tags: &Tags, unions: &[Union]) {
    let is_selected = |operation: &Value| is_selected(operation, tags);
    let is_whole = (document.raw_operations()).all(|(_, _, operation)| is_selected(operation));
    if !is_whole {
        retain(document, is_selected, unions);
    } // else with the schemas that no operation reaches
}

/// Keeps some operations, and the schemas that they reach.
pub fn retain(document: &mut Document, keeps: impl Fn(&Value) -> bool, unions: &[Union]) {
    if let Some(Value::Object(paths)) = document.tree.get_mut("paths") {
        for item in paths.values_mut() {
            if let Value::Object(item) = item {
                item.retain(|_, operation| keeps(operation));
            }
        }
        paths.retain(|_, item| item.as_object().is_some_and(|item| !item.is_empty()));
    }
    let reached = reached_schemas(document, unions);
    if let Some(Value::Object(schemas)) = document.tree.pointer_mut("/components/schemas") {
        schemas.retain(|name, _| reached.contains(name));
    }
}

fn is_selected(operation: &Value, tags: &Tags) -> bool {
    tags.contains(&feature(operation))
}

fn reached_schemas(document: &Document, unions: &[Union]) -> BTreeSet<String> {
    let mut roots = document.tree.clone();
    if let Some(Value::Object(components)) = roots.get_mut("components") {
        components.remove("schemas");
    }
    let mut pending = BTreeSet::new();
    for_each_schema(&mut roots, &mut |schema| {
        pending.extend(reference_in(schema).map(str::to_owned));
    });
    closure(document, unions, pending)
}

/// The schemas that request bodies reach: those that a caller builds.
pub fn sent_schemas(document: &Document, unions: &[Union]) -> BTreeSet<String> {
    let mut pending = BTreeSet::new();
    for_each_operation(&mut document.tree.clone(), &mut |_, operation| {
        if let Some(body) = operation.get("requestBody") {
            for media in body["content"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(_, media)| media)
            {
                pending.extend(references_of(&media["schema"]));
            }
        }
    });
    closure(document, unions, pending)
}

/// The schemas that these reach, themselves among them.
fn closure(
    document: &Document,
    unions: &[Union],
    mut pending: BTreeSet<String>,
) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    while let Some(name) = pending.pop_first() {
        let Some(schema) = document.schema(&name) else {
            continue;
        };
        pending.extend(references_of(schema));
        for union in unions.iter().filter(|union| union.name == name) {
            pending.extend(union.variants.iter().map(|variant| variant.schema.clone()));
        }
        reached.insert(name);
        pending.retain(|next| !reached.contains(next));
    }
    reached
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_a_tag_is_called_its_feature_can_be_named() {
        let of = |tags: Value| feature(&json!({ "tags": tags }));
        assert_eq!(of(json!(["compute-envs"])), "compute-envs");
        assert_eq!(
            of(json!(["New Things & more!", "other"])),
            "new-things-more"
        );
        assert_eq!(of(Value::Null), "untagged");
        let tags = Tags::from_features(["NEW_THINGS_MORE".to_owned()]);
        assert!(tags.contains(&of(json!(["New Things & more!"]))));
        assert!(tags.contains(&of(Value::Null)) && !tags.contains("other"));
    }
}
