//! From a schema to the files that the crate includes.

use std::collections::BTreeMap;

use anyhow::Result;
use proc_macro2::TokenStream;
use quote::quote;

use crate::document::fixups::{self, Applied};
use crate::document::select::{self, Tags};
use crate::document::{
    Document, Operation, UNTAGGED, feature, feature_of_tag, graft, json_schema, list, overlay,
};
use crate::model::facts::Facts;
use crate::model::surface::{self, Surface};
use crate::model::{Model, Usage, operations, paging, progenitor, syntax};
use crate::write;

/// Everything that comes out of a schema.
pub struct Output {
    /// `types.rs`: the contents of module `types`.
    pub types: String,
    /// `operations.rs`: the client, its methods, the builders.
    pub operations: String,
    /// The surface for reviewers: a line an operation.
    pub surface: String,
    /// All of the surface for reviewers: a line for each parameter, field and value too.
    pub model: String,
    /// The surface for comparing two schemas.
    pub inventory: Surface,
    /// What was noticed on the way.
    pub report: Report,
    calls: TokenStream,
    examples: TokenStream,
    round_trips: TokenStream,
    mocks: TokenStream,
    operation_table: TokenStream,
}

/// Files that most builds want none of: written out on request.
impl Output {
    /// `mocks.rs`: the typed mocks of feature `mock`.
    pub fn mocks(&self) -> Result<String> {
        pretty(self.mocks.clone())
    }

    /// `operation_table.rs`: all operations as data, for feature `operations`.
    pub fn operation_table(&self) -> Result<String> {
        pretty(self.operation_table.clone())
    }

    /// `calls.rs`: a call of every operation, for tests that go over all of them.
    pub fn calls(&self) -> Result<String> {
        pretty(self.calls.clone())
    }

    /// `examples.rs`: the documentation's example of every operation, for a test that runs them.
    pub fn examples(&self) -> Result<String> {
        pretty(self.examples.clone())
    }

    /// `round_trips.rs`: every type, likewise.
    pub fn round_trips(&self) -> Result<String> {
        pretty(self.round_trips.clone())
    }
}

/// What was noticed while generating.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// The schema's version.
    pub version: String,
    /// How often each fixup applied.
    pub fixups: Vec<Applied>,
    /// Operations that list or look paged, but whose items or paging were not recognised.
    pub unrecognised_paging: Vec<String>,
    /// Targets of the overlay that the document does not have.
    pub dangling_documentation: Vec<String>,
    /// What was added to the document because hand-written code uses it.
    pub grafted: Vec<String>,
    /// Schemas whose types were to have names of their own, but are not there, or the name is
    /// another schema's: their types go by the schemas' names.
    pub idle_names: Vec<String>,
    /// The tags of the document, in order.
    pub tags: Vec<String>,
}

/// Generates the bindings.
pub fn generate(schema: &str, overlay: Option<&str>, tags: &Tags) -> Result<Output> {
    progenitor::guarded(|| generate_unguarded(schema, overlay, tags))
}

fn generate_unguarded(schema: &str, overlay: Option<&str>, tags: &Tags) -> Result<Output> {
    let mut document = Document::parse(schema)?;
    let mut report = Report {
        version: document.version().to_owned(),
        grafted: graft::apply(&mut document)?,
        ..Report::default()
    };
    if let Some(overlay) = overlay {
        report.dangling_documentation = overlay::apply(&mut document.tree, overlay)?;
    }
    report.fixups = fixups::prepare(&mut document);
    let mut inventory = document.operations()?;
    report.tags = tags_of(&inventory);
    let body_schemas = json_schema::of_bodies(&document, |raw| tags.contains(&feature(raw)));

    let mut unions = fixups::take_unions(&mut document);
    report.fixups.push(Applied {
        name: "lift_unions".to_owned(),
        count: unions.len(),
    });
    report.fixups.extend(fixups::apply(&mut document, false));
    fixups::rename_unions(&document, &mut unions);
    report.idle_names = fixups::idle_names(&document);
    let facts = Facts::of(&document, &unions);
    select::select(&mut document, tags, &unions);
    inventory.retain(|operation| tags.contains(&operation.tag));
    let unions: Vec<_> = unions
        .into_iter()
        .filter(|union| document.schema(&union.name).is_some())
        .collect();

    let (tokens, kept) = progenitor::run(&document, &unions)?;
    let generated = syntax::read(tokens)?;
    let mut model = Model::new(&document, &inventory, &unions, &facts);
    let lowered = operations::pair(&inventory, &generated)?;
    model.usage = Usage::new(&lowered, &generated, &unions);
    report.unrecognised_paging = lowered
        .iter()
        .filter(|entry| {
            entry.paging.is_none()
                && (paging::looks_paged(entry.operation) || paging::is_list(entry.operation))
        })
        .map(|entry| entry.operation.id.clone())
        .collect();

    let version = &report.version;
    let methods =
        write::operations::emit(&lowered, &model, &generated, &tag_descriptions(&document));
    let operations = quote! {
        /// The version of the API that this crate was generated from.
        pub const API_VERSION: &str = #version;
        #kept
        #methods
    };
    let inventory = surface::read(&lowered, &model, &generated);
    Ok(Output {
        types: library(write::types::emit(&model, &generated)?)?,
        operations: library(operations)?,
        calls: write::table::calls(&lowered, &generated),
        examples: write::examples::table(&lowered, &model, &generated),
        round_trips: write::table::round_trips(&model, &generated),
        mocks: write::mocks::emit(&lowered),
        operation_table: write::operation_table::emit(&lowered, &generated, &body_schemas),
        surface: write::golden::write(&lowered),
        model: write::golden::model(&inventory),
        inventory,
        report,
    })
}

/// A schema with what is added to older ones because hand-written code uses it: what the tests hold
/// the crate against.
pub fn grafted(schema: &str) -> Result<serde_json::Value> {
    let mut document = Document::parse(schema)?;
    graft::apply(&mut document)?;
    Ok(document.tree)
}

/// What the generator makes of the schema with only the fixups that it needs: the yardstick for
/// compile cost.
pub fn generate_plain(schema: &str) -> Result<String> {
    let mut document = Document::parse(schema)?;
    fixups::prepare(&mut document);
    fixups::apply(&mut document, true);
    let tokens = progenitor::plain(document.tree)?;
    pretty(tokens)
}

fn tags_of(operations: &[Operation]) -> Vec<String> {
    let tags: std::collections::BTreeSet<&String> =
        operations.iter().map(|operation| &operation.tag).collect();
    let tags = tags.into_iter().filter(|tag| *tag != UNTAGGED);
    tags.cloned().collect()
}

fn tag_descriptions(document: &Document) -> BTreeMap<String, String> {
    list(&document.tree, "tags")
        .filter_map(|tag| {
            Some((
                feature_of_tag(tag["name"].as_str()?),
                tag["description"].as_str()?.to_owned(),
            ))
        })
        .collect()
}

/// Code of the library itself.
fn library(tokens: TokenStream) -> Result<String> {
    let mut file = syn::parse2(tokens)?;
    write::lazy::mark(&mut file);
    Ok(prettyplease::unparse(&file))
}

fn pretty(tokens: TokenStream) -> Result<String> {
    Ok(prettyplease::unparse(&syn::parse2(tokens)?))
}
