//! Applies an OpenAPI Overlay 1.0.0 document: our own documentation of the schema.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use serde_json_path::JsonPath;

/// Applies an overlay's actions in order. Returns the targets that the document does not have.
pub fn apply(tree: &mut Value, overlay: &str) -> Result<Vec<String>> {
    let overlay: Value =
        yaml_serde::from_str(overlay).context("the overlay is not readable as YAML")?;
    let version = overlay["overlay"].as_str().unwrap_or_default();
    ensure!(
        version.starts_with("1."),
        "the overlay's version is `{version}`, not 1.x"
    );
    let mut dangling = Vec::new();
    for action in crate::document::tree::list(&overlay, "actions") {
        let target = action["target"]
            .as_str()
            .context("an action of the overlay has no target")?;
        let path =
            JsonPath::parse(target).with_context(|| format!("the overlay's target {target}"))?;
        let pointers: Vec<String> = path
            .query_located(tree)
            .locations()
            .map(|location| location.to_json_pointer())
            .collect();
        if pointers.is_empty() {
            dangling.push(target.to_owned());
        }
        for pointer in pointers {
            let Some(node) = tree.pointer_mut(&pointer) else {
                continue;
            };
            if let Some(update) = action.get("update") {
                match node {
                    Value::Array(items) => items.push(update.clone()),
                    node => merge(node, update, target, &mut dangling),
                }
            }
        }
    }
    Ok(dangling)
}

/// The version of the API for which an overlay was written.
pub fn api_version(overlay: &str) -> Result<Option<String>> {
    let overlay: Value =
        yaml_serde::from_str(overlay).context("the overlay is not readable as YAML")?;
    Ok(overlay["info"]["x-api-version"].as_str().map(str::to_owned))
}

/// Merges as the overlay specification says: objects member by member, arrays by appending, other
/// values by replacing. But a property that the schema lacks is not added: documentation must not
/// bring fields into being that the API does not have.
fn merge(node: &mut Value, update: &Value, at: &str, dangling: &mut Vec<String>) {
    match (node, update) {
        (Value::Object(node), Value::Object(update)) => {
            for (key, value) in update {
                let at = format!("{at}.{key}");
                match node.get_mut(key) {
                    Some(member) => merge(member, value, &at, dangling),
                    None if key == "properties" => {
                        let names = value.as_object().into_iter().flatten();
                        dangling.extend(names.map(|(name, _)| format!("{at}.{name}")));
                    }
                    None if at.ends_with(&format!(".properties.{key}")) => dangling.push(at),
                    None => {
                        node.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(node), Value::Array(update)) => node.extend(update.iter().cloned()),
        (node, update) => *node = update.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn updates_are_merged_and_missing_targets_reported() {
        let mut tree = json!({ "paths": { "/a": { "get": { "summary": "old", "parameters": [
            { "name": "x" }, { "name": "y" }
        ]}}}, "tags": [] });
        let overlay = r#"
overlay: 1.0.0
info: {title: t, version: "1"}
actions:
- {target: "$.paths['/a'].get", update: {summary: new}}
- {target: "$.paths[*][*].parameters[?@.name == 'y']", update: {description: why}}
- {target: "$.tags", update: {name: things}}
- {target: "$.paths['/gone'].get", update: {summary: lost}}
"#;
        let dangling = apply(&mut tree, overlay).unwrap();
        assert_eq!(dangling, ["$.paths['/gone'].get"]);
        assert_eq!(tree["paths"]["/a"]["get"]["summary"], "new");
        assert_eq!(
            tree["paths"]["/a"]["get"]["parameters"],
            json!([
                { "name": "x" }, { "name": "y", "description": "why" }
            ])
        );
        assert_eq!(tree["tags"], json!([{ "name": "things" }]));
    }

    #[test]
    fn a_property_that_the_schema_lacks_is_reported_and_not_made() {
        let mut tree = json!({ "a": { "properties": { "x": {} } }, "b": {} });
        let overlay = r#"
overlay: 1.0.0
actions:
- {target: "$.a", update: {description: A, properties: {x: {description: X}, y: {description: Y}}}}
- {target: "$.b", update: {properties: {z: {description: Z}}}}
"#;
        let dangling = apply(&mut tree, overlay).unwrap();
        assert_eq!(dangling, ["$.a.properties.y", "$.b.properties.z"]);
        let documented =
            json!({ "description": "A", "properties": { "x": { "description": "X" } } });
        assert_eq!(tree, json!({ "a": documented, "b": {} }));
    }

    #[test]
    fn an_overlay_of_another_kind_is_refused() {
        assert!(apply(&mut json!({}), "openapi: 3.0.1").is_err());
        assert!(
            apply(
                &mut json!({}),
                "overlay: 1.0.0\nactions: [{target: '$[', update: {}}]"
            )
            .is_err()
        );
    }
}
