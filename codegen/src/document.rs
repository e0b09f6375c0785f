//! The schema as a tree of JSON values, and the inventory of its operations.

use anyhow::{Context, Result, bail, ensure};
use heck::{ToSnakeCase, ToUpperCamelCase};
use serde_json::{Map, Value};

use crate::names::normal;

/// An object of the tree.
pub type Object = Map<String, Value>;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "patch", "head", "options", "trace",
];

/// The media type of JSON.
pub const JSON: &str = "application/json";
/// The media type of forms with files in them.
pub const FORM: &str = "multipart/form-data";
/// The media type of what is just bytes.
pub const BYTES: &str = "application/octet-stream";

/// What builders and the client use, and so can't be called: see `operations.rs`.
const TAKEN: [&str; 12] = [
    "Argument",
    "ByteStream",
    "Clone",
    "ItemStream",
    "Method",
    "Operation",
    "Paged",
    "PageStream",
    "Paging",
    "Request",
    "ResponseValue",
    "Result",
];

/// An OpenAPI 3.0 document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The whole document.
    pub tree: Value,
}

impl Document {
    /// Reads YAML (and so JSON), and checks that it is an OpenAPI 3.0 document with operations.
    pub fn parse(text: &str) -> Result<Self> {
        ensure!(!text.trim().is_empty(), "the document is empty");
        if text.trim_start().starts_with('<') {
            bail!("this is an HTML or XML page, not an OpenAPI document");
        }
        let tree: Value = yaml_serde::from_str(text).context("not readable as YAML")?;
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
        ensure!(
            document.tree["info"]["version"].is_string(),
            "`info.version` is no text"
        );
        document.check_whole(text)?;
        document.check_references()?;
        document.check_shapes()?;
        Ok(document)
    }

    /// The document in the one order in which it is kept: the keys of mappings sorted, arrays as
    /// they are. The same content gives the same bytes, whoever wrote it.
    pub fn canonical(&self) -> Result<String> {
        let text = yaml_serde::to_string(&sorted(&self.tree))?;
        let read_again: Value = yaml_serde::from_str(&text)?;
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

    /// Reads the inventory: every operation in the document's order.
    pub fn operations(&self) -> Result<Vec<Operation>> {
        let mut operations: Vec<Operation> = Vec::new();
        let mut seen = std::collections::HashMap::new();
        for (path, method, raw) in self.raw_operations() {
            let operation =
                Operation::read(self, path, method, raw).with_context(|| route(method, path))?;
            ensure!(
                !TAKEN.contains(&operation.id.to_upper_camel_case().as_str()),
                "the operationId `{}` is a name that the generated code uses",
                operation.id
            );
            match seen.insert(normal(&operation.name), operation.id.clone()) {
                None => operations.push(operation),
                Some(other) if other == operation.id => {
                    bail!("the operationId `{other}` is used twice")
                }
                Some(other) => bail!(
                    "the operationIds `{other}` and `{}` are one name in Rust",
                    operation.id
                ),
            }
        }
        Ok(operations)
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
            let is_declared = operation["tags"][0]
                .as_str()
                .is_some_and(|tag| declared.contains(&tag));
            ensure!(
                is_declared,
                "the document is cut off: its last line has no end, and the tag of {} is missing",
                route(method, path)
            );
        }
        Ok(())
    }

    fn check_references(&self) -> Result<()> {
        let mut stack = vec![&self.tree];
        while let Some(value) = stack.pop() {
            match value {
                Value::Object(object) => {
                    if let Some(target) = object.get("$ref").and_then(Value::as_str) {
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
        let mut seen = std::collections::BTreeSet::new();
        let mut next = target;
        loop {
            ensure!(
                seen.insert(next),
                "the reference `{target}` leads in a circle"
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

/// What a `$ref` names, through further ones: [`Document::parse`] refuses circles, and references
/// that lead nowhere.
pub fn resolved<'a>(tree: &'a Value, mut value: &'a Value) -> &'a Value {
    while let Some(next) = value["$ref"]
        .as_str()
        .and_then(|target| tree.pointer(target.strip_prefix('#')?))
    {
        value = next;
    }
    value
}

/// `METHOD path`, as people write it.
pub fn route(method: &str, path: &str) -> String {
    format!("{} {path}", method.to_uppercase())
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

/// One operation, as the layers above the generator need to know it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The `operationId`.
    pub id: String,
    /// The method of the client: the id in snake case.
    pub name: String,
    /// `get`, `post`, …
    pub method: String,
    /// The path template.
    pub path: String,
    /// The first tag, as a feature.
    pub tag: String,
    /// The one-line summary.
    pub summary: Option<String>,
    /// The description, Markdown.
    pub description: Option<String>,
    /// Whether the schema says that the operation is deprecated.
    pub deprecated: bool,
    /// Path, query and header parameters in the document's order.
    pub parameters: Vec<Parameter>,
    /// The request's body.
    pub body: Option<Body>,
    /// The success codes and what comes with them, in order.
    pub successes: Vec<(String, Reply)>,
    /// The codes of the declared errors.
    pub errors: Vec<String>,
}

/// Where a parameter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into the path.
    Path,
    /// Into the query.
    Query,
    /// Into a header.
    Header,
}

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name on the wire.
    pub wire: String,
    /// Where it goes.
    pub place: Place,
    /// Whether a call without it is refused.
    pub required: bool,
    /// For an array: whether the key is repeated (`explode`), rather than the values joined by commas.
    pub explode: bool,
    /// What it means.
    pub description: Option<String>,
}

/// The body of a request.
#[derive(Clone, Debug)]
pub enum Body {
    /// A JSON value of a schema with something in it.
    Json {
        /// What the body is, in the schema's words.
        description: Option<String>,
    },
    /// An object without properties: sent as `{}` without the caller's doing.
    Empty,
    /// A form.
    Multipart {
        /// The parts: name, and whether it is a file.
        parts: Vec<(String, bool)>,
        /// Whether the same operation takes JSON as well.
        json: bool,
    },
    /// Neither: text, an archive, … Its caller writes it.
    Bytes {
        /// What is said to be in it.
        media_type: String,
        /// What the body is, in the schema's words.
        description: Option<String>,
    },
}

/// What a success code brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reply {
    /// Nothing.
    Empty,
    /// Bytes: a download.
    Bytes,
    /// A JSON value.
    Json,
}

impl Operation {
    fn read(document: &Document, path: &str, method: &str, raw: &Value) -> Result<Self> {
        let id = raw["operationId"]
            .as_str()
            .filter(|id| !normal(id).is_empty())
            .context("the operation has no operationId")?;
        let text = |key: &str| raw[key].as_str().map(str::trim).filter(|t| !t.is_empty());
        let parameters = list(raw, "parameters")
            .filter_map(Parameter::read)
            .collect();
        let (mut successes, mut errors) = (Vec::new(), Vec::new());
        for (code, response) in raw["responses"].as_object().into_iter().flatten() {
            if code.starts_with('2') {
                successes.push((code.clone(), Reply::read(response)));
            } else {
                errors.push(code.clone());
            }
        }
        Ok(Self {
            id: id.to_owned(),
            name: id.to_snake_case(),
            method: method.to_owned(),
            path: path.to_owned(),
            tag: crate::select::feature(raw),
            summary: text("summary").map(str::to_owned),
            description: text("description").map(str::to_owned),
            deprecated: raw["deprecated"].as_bool().unwrap_or(false),
            parameters,
            body: Body::read(document, &raw["requestBody"]),
            successes,
            errors,
        })
    }

    /// `METHOD path`.
    pub fn route(&self) -> String {
        route(&self.method, &self.path)
    }

    /// The richest of the success replies: what the operation's method returns.
    pub fn reply(&self) -> Reply {
        self.successes
            .iter()
            .map(|(_, reply)| *reply)
            .max()
            .unwrap_or(Reply::Empty)
    }
}

impl Parameter {
    fn read(raw: &Value) -> Option<Self> {
        Some(Self {
            wire: raw["name"].as_str()?.to_owned(),
            place: match raw["in"].as_str()? {
                "path" => Place::Path,
                "query" => Place::Query,
                "header" => Place::Header,
                _ => return None,
            },
            required: raw["required"].as_bool().unwrap_or(false),
            explode: raw["explode"].as_bool().unwrap_or(true),
            description: raw["description"]
                .as_str()
                .map(|text| text.trim().to_owned()),
        })
    }
}

impl Body {
    fn read(document: &Document, raw: &Value) -> Option<Self> {
        let content = raw["content"].as_object()?;
        let description = raw["description"].as_str().map(str::to_owned);
        let json = content.get(JSON);
        if let Some(form) = content.get(FORM) {
            let parts = parts(document.resolve(&form["schema"]));
            // A form without files says no more than the JSON in its place.
            if json.is_none() || parts.iter().any(|(_, is_file)| *is_file) {
                let json = json.is_some();
                return Some(Self::Multipart { parts, json });
            }
        }
        let Some(json) = json else {
            let media_type = content.keys().next()?;
            // A range is nothing that a body can be.
            let is_type = media_type.is_ascii() && !media_type.contains('*');
            let media_type = if is_type { media_type } else { BYTES };
            return Some(Self::Bytes {
                media_type: media_type.to_owned(),
                description,
            });
        };
        let schema = document.resolve(&json["schema"]);
        let is_empty = schema["type"] == "object"
            && !["properties", "allOf", "oneOf", "additionalProperties"]
                .iter()
                .any(|key| schema.get(key).is_some());
        Some(if is_empty {
            Self::Empty
        } else {
            Self::Json { description }
        })
    }
}

/// The parts of a form.
fn parts(schema: &Value) -> Vec<(String, bool)> {
    /// The schema of GA4GH's form of a run shows its fields only: the standard has a part for files.
    const GA4GH: (&str, &str) = ("workflow_url", "workflow_attachment");
    let is_file = |schema: &Value| {
        schema["format"] == "binary" || schema["items"]["format"] == "binary" // or several
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut parts: Vec<(String, bool)> = properties
        .map(|(name, schema)| (name.clone(), is_file(schema)))
        .collect();
    let has = |name| parts.iter().any(|(other, _)| other == name);
    if has(GA4GH.0) && !has(GA4GH.1) {
        parts.push((GA4GH.1.to_owned(), true));
    }
    parts
}

impl Reply {
    fn read(response: &Value) -> Self {
        let content = response["content"].as_object().into_iter().flatten();
        content
            .map(|(kind, media)| {
                // A file is a file, also where the schema calls it JSON.
                let is_file = media["schema"]["format"] == "binary";
                match kind.starts_with("application/json") && !is_file {
                    true => Self::Json,
                    false => Self::Bytes,
                }
            })
            .max()
            .unwrap_or(Self::Empty)
    }
}

const SCHEMAS: &str = "#/components/schemas/";

/// The name of the schema that a `$ref` points to.
pub fn reference(schema: &Value) -> Option<&str> {
    reference_in(schema.as_object()?)
}

/// The name of the schema that a `$ref` points to.
pub fn reference_in(schema: &Object) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(SCHEMAS)
}

/// A `$ref` to a named schema.
pub fn reference_to(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("{SCHEMAS}{name}") })
}

/// The elements of an array member, none if it is absent.
pub fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// Calls `visit` for every schema of the document, parents before children.
pub fn for_each_schema(tree: &mut Value, visit: &mut dyn FnMut(&mut Object)) {
    if let Some(Value::Object(schemas)) = tree.pointer_mut("/components/schemas") {
        schemas
            .values_mut()
            .for_each(|schema| walk_schema(schema, visit));
    }
    for_each_operation(tree, &mut |_, operation| {
        for parameter in list_mut(operation, "parameters") {
            if let Some(schema) = parameter.get_mut("schema") {
                walk_schema(schema, visit);
            }
        }
        let bodies = operation.get_mut("requestBody").into_iter().chain([]);
        bodies.for_each(|body| walk_content(body, visit));
        if let Some(Value::Object(responses)) = operation.get_mut("responses") {
            responses
                .values_mut()
                .for_each(|response| walk_content(response, visit));
        }
    });
}

fn walk_content(holder: &mut Value, visit: &mut dyn FnMut(&mut Object)) {
    if let Some(Value::Object(content)) = holder.get_mut("content") {
        for media in content.values_mut() {
            if let Some(schema) = media.get_mut("schema") {
                walk_schema(schema, visit);
            }
        }
    }
}

/// Calls `visit` for a schema and all schemas inside it, parents first.
pub fn walk_schema(schema: &mut Value, visit: &mut dyn FnMut(&mut Object)) {
    let Value::Object(object) = schema else {
        return;
    };
    visit(object);
    if let Some(Value::Object(members)) = object.get_mut("properties") {
        members
            .values_mut()
            .for_each(|member| walk_schema(member, visit));
    }
    for key in ["items", "additionalProperties", "not"] {
        if let Some(member) = object.get_mut(key) {
            walk_schema(member, visit);
        }
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        for member in list_mut_of(object, key) {
            walk_schema(member, visit);
        }
    }
}

/// Calls `visit` with the object of every path.
pub fn for_each_path(tree: &mut Value, visit: &mut dyn FnMut(&mut Object)) {
    let paths = tree.get_mut("paths").and_then(Value::as_object_mut);
    for item in paths.into_iter().flat_map(|paths| paths.values_mut()) {
        if let Value::Object(item) = item {
            visit(item);
        }
    }
}

/// Calls `visit` with the path and the object of every operation.
pub fn for_each_operation(tree: &mut Value, visit: &mut dyn FnMut(&str, &mut Object)) {
    let Some(Value::Object(paths)) = tree.get_mut("paths") else {
        return;
    };
    for (path, item) in paths {
        for method in METHODS {
            if let Some(Value::Object(operation)) = item.get_mut(method) {
                visit(path, operation);
            }
        }
    }
}

/// The elements of an array member, to change; none if it is absent.
pub fn list_mut<'a>(object: &'a mut Object, key: &str) -> impl Iterator<Item = &'a mut Value> {
    list_mut_of(object, key)
}

fn list_mut_of<'a>(object: &'a mut Object, key: &str) -> impl Iterator<Item = &'a mut Value> {
    object
        .get_mut(key)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// A path whose parameters have no names.
pub fn template(path: &str) -> String {
    let nameless = |segment: &str| {
        if segment.starts_with('{') {
            "{}".to_owned()
        } else {
            segment.to_owned()
        }
    };
    path.split('/').map(nameless).collect::<Vec<_>>().join("/")
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
