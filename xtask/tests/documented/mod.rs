//! What `overlays/docs.yml` says, by what it says it about.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use seqera_codegen::document::{Document, for_each_operation};
use seqera_codegen::overlay;
use serde_json::Value;

/// A file of this repository.
pub fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(name)).unwrap()
}

/// The vendored schema under our words.
pub fn documented() -> Document {
    let mut document = Document::parse(&read("seqera-api-latest.yml")).unwrap();
    let words = read("overlays/docs.yml");
    let dangling = overlay::apply(&mut document.tree, &words).unwrap();
    // An older version may lack what we write about.
    if overlay::api_version(&words).unwrap().as_deref() == Some(document.version()) {
        assert_eq!(dangling, [""; 0]);
    }
    document
}

/// All texts, by what they are about.
pub fn texts(document: &Document) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for_each_operation(&mut document.tree.clone(), &mut |path, operation| {
        let operation = Value::Object(operation.clone());
        let id = operation["operationId"].as_str().unwrap_or(path);
        add(&mut texts, id, &operation);
        add(&mut texts, &format!("{id}.body"), &operation["requestBody"]);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or("?");
            add(&mut texts, &format!("{id}.{name}"), parameter);
        }
    });
    for (name, schema) in document.schemas() {
        of_schema(&mut texts, name, schema);
    }
    texts
}

fn of_schema(texts: &mut BTreeMap<String, String>, name: &str, schema: &Value) {
    add(texts, name, schema);
    for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
        let name = format!("{name}.{property}");
        of_schema(texts, &name, schema);
        of_schema(texts, &name, &schema["items"]);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        of_schema(texts, name, part);
    }
}

fn add(texts: &mut BTreeMap<String, String>, name: &str, what: &Value) {
    let parts = ["summary", "description"].map(|key| what[key].as_str().unwrap_or_default());
    let values = what["x-enum-descriptions"].as_object();
    let values = values
        .into_iter()
        .flatten()
        .filter_map(|(_, text)| text.as_str());
    let words = parts
        .into_iter()
        .chain(values)
        .flat_map(str::split_whitespace);
    let text = words.collect::<Vec<_>>().join(" ");
    if !text.is_empty() {
        texts.entry(name.to_owned()).or_default().push_str(&text);
    }
}
