//! How much of the API our own documentation covers: what the overlay says, not what the published
//! schema says.

use std::path::Path;

use anyhow::Result;
use semver::Version;
use seqera_codegen::document::{Document, for_each_operation};
use seqera_codegen::{overlay, select};
use serde_json::Value;

use crate::Outcome;
use crate::files::{OVERLAY, SCHEMA, read};
use crate::say::say;

/// How much of one kind of thing is documented.
#[derive(Debug, Default)]
pub struct Part {
    /// How many there are.
    pub all: usize,
    /// Those that are not documented.
    pub missing: Vec<String>,
}

impl Part {
    fn count(&mut self, name: impl FnOnce() -> String, documented: bool) {
        self.all += 1;
        if !documented {
            self.missing.push(name());
        }
    }

    /// The documented share in percent.
    pub fn percent(&self) -> f64 {
        match self.all {
            0 => 100.0,
            all => 100.0 * (all - self.missing.len()) as f64 / all as f64,
        }
    }
}

/// The coverage of everything.
#[derive(Debug, Default)]
pub struct Coverage {
    /// Operations, which want a summary and a description.
    pub operations: Part,
    /// Parameters of operations.
    pub parameters: Part,
    /// The properties that requests hold, inline ones too.
    pub request_fields: Part,
    /// The properties that only replies hold, and those that only the server sets.
    pub reply_fields: Part,
    /// Named schemas.
    pub types: Part,
}

impl Coverage {
    /// The parts with their names.
    pub fn parts(&self) -> [(&'static str, &Part); 5] {
        [
            ("operations", &self.operations),
            ("parameters", &self.parameters),
            ("request fields", &self.request_fields),
            ("reply fields", &self.reply_fields),
            ("types", &self.types),
        ]
    }
}

/// Measures what an overlay says of a schema.
pub fn measure(document: &Document, overlay_text: &str) -> Result<Coverage> {
    let mut document = document.clone();
    silence(&mut document.tree);
    overlay::apply(&mut document.tree, overlay_text)?;

    let mut coverage = Coverage::default();
    for_each_operation(&mut document.tree.clone(), &mut |path, operation| {
        let operation = Value::Object(operation.clone());
        let id = operation["operationId"].as_str().unwrap_or(path);
        let documented = says(&operation, "summary") && says(&operation, "description");
        coverage.operations.count(|| id.to_owned(), documented);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = || format!("{id}.{}", parameter["name"].as_str().unwrap_or("?"));
            coverage
                .parameters
                .count(name, says(parameter, "description"));
        }
    });
    let sent = select::sent_schemas(&document, &[]);
    for (name, schema) in document.schemas() {
        coverage
            .types
            .count(|| name.clone(), says(schema, "description"));
        fields(&mut coverage, sent.contains(name), name, schema);
    }
    Ok(coverage)
}

/// Whether our documentation was written for a newer version of the API than this one.
pub fn is_newer(overlay: &str, version: &str) -> Result<bool> {
    let number = |text: &str| Version::parse(text).ok();
    let documented = overlay::api_version(overlay)?;
    let numbers = number(version).zip(documented.as_deref().and_then(number));
    Ok(numbers.is_some_and(|(version, documented)| version < documented))
}

fn fields(coverage: &mut Coverage, sent: bool, owner: &str, schema: &Value) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{owner}.{name}");
        let part = if sent && property["readOnly"] != true {
            &mut coverage.request_fields
        } else {
            &mut coverage.reply_fields
        };
        part.count(|| path.clone(), says(property, "description"));
        fields(coverage, sent, &path, property);
        fields(coverage, sent, &path, &property["items"]);
    }
    for part_schema in schema["allOf"].as_array().into_iter().flatten() {
        fields(coverage, sent, owner, part_schema);
    }
}

fn says(value: &Value, key: &str) -> bool {
    value[key]
        .as_str()
        .is_some_and(|text| !text.trim().is_empty())
}

/// Takes the published documentation out. A property may be called `description`: that one is a
/// mapping, not a text.
fn silence(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, value| {
                !(matches!(key.as_str(), "summary" | "description") && value.is_string())
            });
            object.values_mut().for_each(silence);
        }
        Value::Array(items) => items.iter_mut().for_each(silence),
        _ => {}
    }
}

/// Shows the coverage.
pub fn run(root: &Path, list: bool) -> Result<Outcome> {
    let schema = read(root, SCHEMA)?;
    let overlay = read(root, OVERLAY)?;
    let coverage = measure(&Document::parse(&schema)?, &overlay)?;
    for (name, part) in coverage.parts() {
        say(format!(
            "{name:<15} {:>6.2} %  ({} of {})",
            part.percent(),
            part.all - part.missing.len(),
            part.all
        ));
        if list {
            part.missing
                .iter()
                .for_each(|name| say(format!("  {name}")));
        }
    }
    Ok(Outcome::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_words_count() {
        let document = Document::parse(
            r#"
openapi: 3.0.1
info: {title: t, version: "1"}
paths:
  /a:
    post:
      operationId: A
      summary: the vendor's
      description: the vendor's
      parameters:
      - {name: x, in: query, schema: {type: string}, description: the vendor's}
      - {name: y, in: query, schema: {type: string}}
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/S'}}}}
      responses: {"204": {description: ""}}
  /b: {get: {operationId: B, responses: {"204": {description: ""}}}}
components:
  schemas:
    S:
      type: object
      properties:
        description: {type: string, description: the vendor's}
        inner: {type: object, properties: {deep: {type: string}}}
        set: {type: string, readOnly: true}
    Reply: {type: object, properties: {z: {type: string}}}
"#,
        )
        .unwrap();
        let overlay = r#"
overlay: 1.0.0
actions:
- {target: "$.paths['/a'].post", update: {summary: ours, description: ours}}
- {target: "$.paths[*][*].parameters[?@.name == 'y']", update: {description: ours}}
- {target: "$.components.schemas['S'].properties.inner", update: {description: ours}}
- {target: "$.components.schemas['Reply']", update: {description: ours}}
"#;
        let coverage = measure(&document, overlay).unwrap();
        assert_eq!(coverage.operations.missing, ["B"]);
        assert_eq!(coverage.parameters.missing, ["A.x"]);
        assert_eq!(
            coverage.request_fields.missing,
            ["S.description", "S.inner.deep"]
        );
        assert_eq!(coverage.request_fields.all, 3);
        assert_eq!(coverage.reply_fields.missing, ["Reply.z", "S.set"]);
        assert_eq!(coverage.types.missing, ["S"]);
        assert_eq!(coverage.types.percent(), 50.0);
    }
}
