//! The operations: what the schema says of each, together with what the generator made of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use syn::Type;

use super::paging::{self, Paging};
use super::syntax::{Builder, Generated, OWN_METHODS, qualified};
use crate::document::{Body, Operation, Parameter, Place};
use crate::names::{ident, normal};

/// An operation with what the generator made of it.
pub struct Lowered<'a> {
    /// The schema's side.
    pub operation: &'a Operation,
    /// The generator's side.
    pub builder: &'a Builder,
    /// How it pages, if it does.
    pub paging: Option<Paging>,
    /// The type of the JSON that it takes, if it does.
    pub body: Option<Type>,
    /// The parts of the form that it takes, less those that the JSON has.
    pub parts: Vec<Part>,
}

/// A part of a form.
pub struct Part {
    /// The setter's name.
    pub setter: syn::Ident,
    /// The name on the wire.
    pub wire: String,
    /// Whether it is a file, rather than text.
    pub is_file: bool,
}

/// Brings each operation together with its builder.
pub fn pair<'a>(operations: &'a [Operation], generated: &'a Generated) -> Result<Vec<Lowered<'a>>> {
    let mut builders: BTreeMap<String, &Builder> = generated
        .builders
        .iter()
        .map(|(name, builder)| (normal(name), builder))
        .collect();
    let lowered = operations
        .iter()
        .map(|operation| {
            let builder = builders.remove(&normal(&operation.name)).with_context(|| {
                format!("the generator dropped the operation `{}`", operation.id)
            })?;
            let paging = paging::recognise(operation, builder, generated);
            Ok(Lowered {
                operation,
                builder,
                paging,
                body: json_body(operation, builder),
                parts: parts(operation, builder),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    ensure!(
        builders.is_empty(),
        "the generator made operations that the schema does not have"
    );
    Ok(lowered)
}

fn json_body(operation: &Operation, builder: &Builder) -> Option<Type> {
    let takes_json = matches!(
        operation.body,
        Some(Body::Json { .. } | Body::Multipart { json: true, .. })
    );
    let (name, ty) = builder.parameters.last().filter(|_| takes_json)?; // the body is the last
    (name == "body").then(|| qualified(ty))
}

fn parts(operation: &Operation, builder: &Builder) -> Vec<Part> {
    let Some(Body::Multipart { parts, json }) = &operation.body else {
        return Vec::new();
    };
    let mut taken: BTreeSet<String> = OWN_METHODS.map(str::to_owned).into();
    taken.insert("body".to_owned());
    taken.extend(builder.parameters.iter().map(|(name, _)| name.to_string()));
    let parts = parts.iter().filter(|(_, is_file)| *is_file || !json);
    parts
        .map(|(wire, is_file)| {
            let name = ident(&crate::names::snake(wire)).to_string();
            let free = [name.clone(), format!("{name}_part")]
                .into_iter()
                .chain((2..).map(|number| format!("{name}_part{number}")))
                .find(|name| taken.insert(name.clone()));
            Part {
                setter: ident(&free.unwrap_or(name)),
                wire: wire.clone(),
                is_file: *is_file,
            }
        })
        .collect()
}

/// The setter and the type that the generator gave a parameter.
pub fn find<'b>(builder: &'b Builder, wire: &str) -> Option<(&'b syn::Ident, &'b Type)> {
    let wanted = normal(wire);
    builder
        .parameters
        .iter()
        .find(|(name, _)| normal(&name.to_string()) == wanted)
        .map(|(name, ty)| (name, ty))
}

/// POST operations that may be sent again although the first try may have been processed, each with
/// the reason. Every other POST and PATCH is sent again only where it surely was not processed.
///
/// The end of an upload is not here: only the workflow can tell what a refusal of the second means
/// (`src/transfers/upload/s3.rs`).
const SAFE_POSTS: &[(&str, &str)] = &[
    (
        "ResolveCronExpression",
        "computes an answer, changes nothing",
    ),
    ("ValidateComputeEnv", "checks what is there"),
    ("ValidateCredentials", "checks what is there"),
    ("ValidateDatasetUrl", "checks a URL"),
    ("PreviewDatasetUrl", "reads a URL"),
    (
        "ApplyLabelsToActions",
        "sets the whole list of labels: twice is the same as once",
    ),
    (
        "ApplyLabelsToDatasets",
        "sets the whole list of labels: twice is the same as once",
    ),
    (
        "ApplyLabelsToPipelines",
        "sets the whole list of labels: twice is the same as once",
    ),
    (
        "ApplyLabelsToWorkflows",
        "sets the whole list of labels: twice is the same as once",
    ),
    ("HideDatasets", "sets a state: twice is the same as once"),
    ("ShowDatasets", "sets a state: twice is the same as once"),
    (
        "EnableComputeEnv",
        "sets a state: twice is the same as once",
    ),
    (
        "DisableComputeEnv",
        "sets a state: twice is the same as once",
    ),
    (
        "UpdateComputeEnvPrimary",
        "sets a state: twice is the same as once",
    ),
];

/// Whether sending an operation twice does no harm although its method does not say so.
pub fn is_safe_to_repeat(operation: &Operation) -> bool {
    (SAFE_POSTS.iter()).any(|(safe, _)| *safe == operation.id)
}

/// A parameter that is itself a path: its slashes stay slashes.
pub fn is_path_like(operation: &Operation, parameter: &Parameter) -> bool {
    let name = parameter.wire.to_ascii_lowercase();
    parameter.place == Place::Path
        && name.ends_with("path")
        && operation.path.ends_with(&format!("{{{}}}", parameter.wire))
}
