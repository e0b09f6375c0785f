//! An OpenAPI document: reading it, and whether it is one that can be generated from.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::tree::{METHODS, list, reference, resolved, route};
use super::yaml;

/// The most named types, and the most operations; the published schema has a tenth of them.
const MOST_SCHEMAS: usize = 6_000;
const MOST_OPERATIONS: usize = 3_000;

/// The longest version, in bytes: it becomes a part of the crate's.
const LONGEST_VERSION: usize = 64;

/// The most references that may lead from one to the next.
const LONGEST_CHAIN: usize = 100;

/// An OpenAPI 3.0 document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The whole document.
    pub tree: Value,
}

impl Document {
    /// Reads YAML (and so JSON), and checks that it is an OpenAPI 3.0 document with operations.
    pub fn parse(text: &str) -> Result<Self> {
        let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        ensure!(!start.is_empty(), "the document is empty");
        if start.starts_with('<') {
            bail!("this is an HTML or XML page, not an OpenAPI document");
        }
        let tree = yaml::read(text)?;
        let root = tree
            .as_object()
            .context("not an OpenAPI document: its root is no mapping")?;
        if let Some(version) = root.get("swagger") {
            bail!(
                "a Swagger {} document; OpenAPI 3.0 is needed",
                plain(version)
            );
        }
        match root.get("openapi").and_then(Value::as_str) {
            Some(version) if version.starts_with("3.0") => {}
            Some(version) => bail!("an OpenAPI {version} document; OpenAPI 3.0 is needed"),
            None => bail!("not an OpenAPI document: it has no `openapi` version"),
        }
        let document = Self { tree };
        ensure!(
            document.raw_operations().next().is_some(),
            "the document has no operations (is it cut off?)"
        );
        let version = document.tree["info"]["version"]
            .as_str()
            .context("`info.version` is no text")?;
        ensure!(!version.trim().is_empty(), "`info.version` is empty");
        ensure!(
            !version.contains(char::is_control),
            "`info.version` is more than one line"
        );
        ensure!(
            version.len() <= LONGEST_VERSION,
            "`info.version` has more than {LONGEST_VERSION} bytes"
        );
        document.check_size()?;
        document.check_whole(text)?;
        document.check_references()?;
        document.check_shapes()?;
        Ok(document)
    }

    /// The document in the one order in which it is kept: the keys of mappings sorted, arrays as
    /// they are. The same content gives the same bytes, whoever wrote it.
    pub fn canonical(&self) -> Result<String> {
        let text = yaml_serde::to_string(&sorted(&self.tree))?;
        let read_again = yaml::read(&text)?;
        ensure!(
            read_again == self.tree,
            "the document does not survive being written as YAML"
        );
        Ok(text)
    }

    /// `info.version`.
    pub fn version(&self) -> &str {
        self.tree["info"]["version"].as_str().unwrap_or("unknown")
    }

    /// `components.schemas`, or an empty mapping.
    pub fn schemas(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.tree["components"]["schemas"]
            .as_object()
            .into_iter()
            .flatten()
    }

    /// A named schema.
    pub fn schema(&self, name: &str) -> Option<&Value> {
        self.tree["components"]["schemas"].get(name)
    }

    /// Follows a `$ref` to a named schema, if the value is one.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        reference(schema)
            .and_then(|name| self.schema(name))
            .unwrap_or(schema)
    }

    /// The raw operations: path, method, operation.
    pub fn raw_operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.tree["paths"]
            .as_object()
            .into_iter()
            .flatten()
            .flat_map(|(path, item)| {
                METHODS
                    .iter()
                    .filter_map(move |method| Some((path.as_str(), *method, item.get(*method)?)))
            })
    }

    /// The generator takes time by the square of these.
    fn check_size(&self) -> Result<()> {
        let counts = [
            ("schemas", self.schemas().count(), MOST_SCHEMAS),
            ("operations", self.raw_operations().count(), MOST_OPERATIONS),
        ];
        for (what, count, most) in counts {
            ensure!(
                count <= most,
                "it has {count} {what}, and {most} are the most that are read"
            );
        }
        Ok(())
    }

    /// A document cut off at its end may still be readable YAML. Then its last line has no end, and
    /// the list of tags, which the vendor writes last, is short.
    fn check_whole(&self, text: &str) -> Result<()> {
        if text.ends_with('\n') || text.ends_with('}') {
            return Ok(());
        }
        let declared: Vec<&str> = list(&self.tree, "tags")
            .filter_map(|tag| tag["name"].as_str())
            .collect();
        for (path, method, operation) in self.raw_operations() {
            let tag = operation["tags"][0].as_str();
            ensure!(
                tag.is_some_and(|tag| declared.contains(&tag)),
                "the document is cut off: its last line has no end, and the tag of {} is not among `tags` \
                 (if it is whole, end its last line)",
                route(method, path)
            );
        }
        Ok(())
    }

    fn check_references(&self) -> Result<()> {
        let mut followed = BTreeSet::new();
        let mut stack = vec![&self.tree];
        while let Some(value) = stack.pop() {
            match value {
                Value::Object(object) => {
                    if let Some(target) = object.get("$ref").and_then(Value::as_str)
                        && followed.insert(target)
                    {
                        self.follow(target)?;
                    }
                    stack.extend(object.values());
                }
                Value::Array(items) => stack.extend(items),
                _ => {}
            }
        }
        Ok(())
    }

    /// Follows a reference, and the references that it leads to, to something that is none.
    fn follow(&self, target: &str) -> Result<()> {
        let mut seen = BTreeSet::new();
        let mut next = target;
        loop {
            ensure!(
                seen.insert(next),
                "the reference `{target}` leads in a circle"
            );
            ensure!(
                seen.len() <= LONGEST_CHAIN,
                "the reference `{target}` leads by way of more than {LONGEST_CHAIN} others"
            );
            let pointer = next
                .strip_prefix('#')
                .with_context(|| format!("the reference `{next}` leads out of the document"))?;
            let found = self
                .tree
                .pointer(pointer)
                .with_context(|| format!("the reference `{next}` leads nowhere"))?;
            match found.get("$ref").and_then(Value::as_str) {
                Some(further) => next = further,
                None => return Ok(()),
            }
        }
    }

    /// Checks that schemas and operations are mappings, and that operations are complete: what the
    /// rest of the generator takes for granted.
    fn check_shapes(&self) -> Result<()> {
        for (name, schema) in self.schemas() {
            ensure!(schema.is_object(), "the schema `{name}` is no mapping");
            for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
                ensure!(
                    schema.is_object(),
                    "the property `{name}.{property}` is no mapping"
                );
            }
        }
        for (path, method, operation) in self.raw_operations() {
            let which = route(method, path);
            let responses = operation["responses"].as_object();
            ensure!(
                responses.is_some_and(|responses| !responses.is_empty()),
                "{which}: the operation has no responses (is the document cut off?)"
            );
            for parameter in list(operation, "parameters") {
                let parameter = resolved(&self.tree, parameter);
                ensure!(
                    parameter["name"].is_string() && parameter["in"].is_string(),
                    "{which}: a parameter has no name or no place"
                );
            }
        }
        Ok(())
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            let members = members
                .into_iter()
                .map(|(key, value)| (key.clone(), sorted(value)));
            Value::Object(members.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
