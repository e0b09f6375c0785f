//! The inventory of a document's operations.

use anyhow::{Context, Result, bail, ensure};
use heck::{ToSnakeCase, ToUpperCamelCase};
use serde_json::Value;

use super::openapi::Document;
use super::tree::{list, route};
use crate::names::normal;

/// The media type of JSON.
pub const JSON: &str = "application/json";
/// The media type of forms with files in them.
pub const FORM: &str = "multipart/form-data";
/// The media type of what is just bytes.
pub const BYTES: &str = "application/octet-stream";

/// What the overlay says of an operation: which part of the crate does the same in one call.
const LIBRARY: &str = "x-library";
/// The schema of errors that are a message and no more.
const MESSAGE_ALONE: &str = "ErrorResponse";

/// What builders and the client use, and so can't be called: see `operations.rs`.
const TAKEN: [&str; 14] = [
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
    "IntoFuture",
    "Response",
    "Result",
    "Sending",
];

impl Document {
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
    /// Whether the schema says that it must be there.
    pub body_required: bool,
    /// The success codes and what comes with them, in order.
    pub successes: Vec<(String, Reply)>,
    /// The codes of the declared errors.
    pub errors: Vec<String>,
    /// The schemas that tell more of an error than a message, by its code.
    pub error_details: Vec<(String, String)>,
    /// An example of the JSON that it takes.
    pub example: Option<Value>,
    /// What the crate has for the same end.
    pub library: Option<Library>,
}

/// A part of the crate that does in one call what an operation is one step of.
#[derive(Clone, Debug)]
pub struct Library {
    /// The feature that has it.
    pub feature: String,
    /// What it does, Markdown.
    pub text: String,
}

/// The schema of an error's body, where it is another than that of a message alone.
fn error_type(response: &Value) -> Option<String> {
    let contents = response["content"].as_object()?.values();
    let schemas = contents.map(|content| &content["schema"]);
    let named = schemas.flat_map(|schema| {
        let several = schema["oneOf"].as_array().map_or(&[][..], Vec::as_slice);
        several.iter().chain([schema])
    });
    let mut names = named.filter_map(|schema| schema["$ref"].as_str()?.rsplit('/').next());
    names.find(|name| *name != MESSAGE_ALONE).map(str::to_owned)
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
    /// A typical value.
    pub example: Option<Value>,
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
        let (mut successes, mut errors, mut error_details) = (Vec::new(), Vec::new(), Vec::new());
        for (code, response) in raw["responses"].as_object().into_iter().flatten() {
            if code.starts_with('2') {
                successes.push((code.clone(), Reply::read(response)));
            } else {
                error_details.extend(error_type(response).map(|name| (code.clone(), name)));
                errors.push(code.clone());
            }
        }
        Ok(Self {
            id: id.to_owned(),
            name: id.to_snake_case(),
            method: method.to_owned(),
            path: path.to_owned(),
            tag: feature(raw),
            summary: text("summary").map(str::to_owned),
            description: text("description").map(str::to_owned),
            deprecated: raw["deprecated"].as_bool().unwrap_or(false),
            parameters,
            body: Body::read(document, &raw["requestBody"]),
            body_required: raw["requestBody"]["required"] == true,
            successes,
            errors,
            error_details,
            example: raw["requestBody"]["content"][JSON].get("example").cloned(),
            library: Library::read(&raw[LIBRARY]),
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
            example: raw.get("example").cloned(),
        })
    }
}

impl Library {
    fn read(raw: &Value) -> Option<Self> {
        Some(Self {
            feature: raw["feature"].as_str()?.to_owned(),
            text: raw["text"].as_str()?.trim().to_owned(),
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

/// Stands for the tag of operations that have none. They are always generated.
pub const UNTAGGED: &str = "untagged";

/// The feature of an operation: its first tag in the form that features have, `compute-envs`.
pub fn feature(operation: &Value) -> String {
    feature_of_tag(operation["tags"][0].as_str().unwrap_or(UNTAGGED))
}

/// `Compute Envs` is `compute-envs`.
pub fn feature_of_tag(tag: &str) -> String {
    let words = tag.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_ascii_lowercase()
}
