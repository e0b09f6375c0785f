//! The features of `Cargo.toml` against the tags of the schema.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use seqera_codegen::document::{self, Document};
use seqera_codegen::{Tags, generate};
use toml_edit::DocumentMut;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn manifest() -> DocumentMut {
    read("Cargo.toml").parse().unwrap()
}

fn tags() -> BTreeSet<String> {
    let document = Document::parse(&read("seqera-api-latest.yml")).unwrap();
    let operations = document.raw_operations();
    let tags = operations.map(|(_, _, operation)| document::feature(operation));
    let tags = tags.filter(|tag| tag != document::UNTAGGED);
    tags.collect()
}

#[test]
fn each_tag_is_a_feature_and_on_by_default() {
    let manifest = manifest();
    let list = |feature: &str| -> Vec<String> {
        let names = manifest["features"][feature].as_array().unwrap();
        names
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    };
    let all: BTreeSet<String> = list("all-tags").into_iter().collect();
    // A feature whose tag is gone stays for those who name it; `cargo xtask check` lists it.
    assert!(
        all.is_superset(&tags()),
        "no feature for {:?}",
        &tags() - &all
    );
    assert!(list("default").contains(&"all-tags".to_owned()));
    let features = manifest["features"].as_table().unwrap();
    for tag in tags() {
        assert!(features.contains_key(&tag), "no feature `{tag}`");
    }
}

#[test]
fn the_version_carries_the_schemas() {
    let manifest = manifest();
    let version = manifest["package"]["version"].as_str().unwrap();
    let (_, schema) = version.split_once('+').unwrap();
    assert_eq!(schema, seqera::API_VERSION);
    let record: DocumentMut = read("schema-provenance.toml").parse().unwrap();
    assert_eq!(record["version"].as_str(), Some(schema));
}

/// The types of a part are those of the whole: two crates of one build may enable different
/// features, and each gets both.
#[test]
fn each_feature_only_adds() {
    let (schema, overlay) = (read("seqera-api-latest.yml"), read("overlays/docs.yml"));
    let surface = |tags: &Tags| generate(&schema, Some(&overlay), tags).unwrap().inventory;
    let whole = surface(&Tags::All);
    for tag in tags() {
        let part = surface(&Tags::from_features([tag.clone()]));
        assert!(!part.operations.is_empty(), "{tag}");
        for (name, operation) in &part.operations {
            assert_eq!(Some(operation), whole.operations.get(name), "{tag}: {name}");
        }
        for (name, ty) in &part.types {
            assert_eq!(Some(ty), whole.types.get(name), "{tag}: {name}");
        }
    }
}
