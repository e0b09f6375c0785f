//! From a schema to the files that the crate includes.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use proc_macro2::TokenStream;
use progenitor_impl::{
    GenerationSettings, Generator, HooksMode, InterfaceStyle, TagStyle, TypeImpl,
};
use quote::quote;
use serde_json::Value;
use syn::Item;

use crate::document::{Document, Operation, route};
use crate::fixups::{self, Applied, Union};
use crate::select::{self, Tags};
use crate::surface::Surface;
use crate::types::Model;
use crate::{graft, mocks, operations, overlay, paging, surface, syntax, table, types};

/// Everything that comes out of a schema.
pub struct Output {
    /// `types.rs`: the contents of module `types`.
    pub types: String,
    /// `operations.rs`: the client, its traits, the builders, the prelude.
    pub operations: String,
    /// The surface for reviewers: a line an operation.
    pub surface: String,
    /// The surface for comparing two schemas.
    pub inventory: Surface,
    /// What was noticed on the way.
    pub report: Report,
    calls: TokenStream,
    round_trips: TokenStream,
    mocks: TokenStream,
}

/// Files that most builds want none of: written out on request.
impl Output {
    /// `mocks.rs`: the typed mocks of feature `mock`.
    pub fn mocks(&self) -> Result<String> {
        pretty(self.mocks.clone())
    }

    /// `calls.rs`: a call of every operation, for tests that go over all of them.
    pub fn calls(&self) -> Result<String> {
        pretty(self.calls.clone())
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
    /// Operations that look paged, but whose paging was not recognised.
    pub unrecognised_paging: Vec<String>,
    /// Targets of the overlay that the document does not have.
    pub dangling_documentation: Vec<String>,
    /// What was added to the document because hand-written code uses it.
    pub grafted: Vec<String>,
    /// The tags of the document, in order.
    pub tags: Vec<String>,
}

/// Generates the bindings.
pub fn generate(schema: &str, overlay: Option<&str>, tags: &Tags) -> Result<Output> {
    guarded(|| generate_unguarded(schema, overlay, tags))
}

/// The generator, and the crates below it, panic where they meet what they do not expect.
fn guarded<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = (panic.downcast_ref::<String>().map(String::as_str))
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(anyhow!("the generator panicked: {message}"))
    })
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

    let mut unions = fixups::take_unions(&mut document);
    report.fixups.push(Applied {
        name: "lift_unions".to_owned(),
        count: unions.len(),
    });
    report.fixups.extend(fixups::apply(&mut document, false));
    fixups::rename_unions(&document, &mut unions);
    select::select(&mut document, tags, &unions);
    inventory.retain(|operation| tags.contains(&operation.tag));
    let unions: Vec<_> = unions
        .into_iter()
        .filter(|union| document.schema(&union.name).is_some())
        .collect();

    let (tokens, kept) = guarded(|| run_generator(&document)).map_err(|problem| {
        match culprit(&document, &unions) {
            Some(place) => problem.context(place),
            None => problem,
        }
    })?;
    let generated = syntax::read(tokens)?;
    let model = Model::new(&document, &inventory, &unions, &generated);
    let lowered = operations::pair(&inventory, &generated)?;
    report.unrecognised_paging = lowered
        .iter()
        .filter(|entry| entry.paging.is_none() && paging::looks_paged(entry.operation))
        .map(|entry| entry.operation.id.clone())
        .collect();

    let version = &report.version;
    let traits = operations::emit(&lowered, &model, &tag_descriptions(&document));
    let operations = quote! {
        /// The version of the API that this crate was generated from.
        pub const API_VERSION: &str = #version;
        #kept
        #traits
    };
    Ok(Output {
        types: pretty(types::emit(&model, &generated)?)?,
        operations: pretty(operations)?,
        calls: table::calls(&lowered, &generated),
        round_trips: table::round_trips(&model, &generated),
        mocks: mocks::emit(&lowered),
        surface: surface::write(&lowered),
        inventory: surface::read(&lowered, &model, &generated),
        report,
    })
}

/// What the generator makes of the schema with only the fixups that it needs: the yardstick for
/// compile cost.
pub fn generate_plain(schema: &str) -> Result<String> {
    let mut document = Document::parse(schema)?;
    fixups::prepare(&mut document);
    fixups::apply(&mut document, true);
    let spec = serde_json::from_value(document.tree)?;
    let tokens = Generator::new(&settings()).generate_tokens(&spec)?;
    pretty(tokens)
}

fn settings() -> GenerationSettings {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Separate);
    settings
}

/// Runs progenitor. Returns its output, and the items of it that are kept as they are: the client
/// and what ties it to its hooks.
fn run_generator(document: &Document) -> Result<(TokenStream, TokenStream)> {
    let mut settings = settings();
    settings
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote! { crate::transport::Transport })
        .with_map_type("::std::collections::BTreeMap")
        .with_conversion(
            text(fixups::EXIT_CODE),
            "crate::ExitCode",
            [TypeImpl::Display].into_iter(),
        );
    let spec = serde_json::from_value(document.tree.clone())
        .context("the document is not what OpenAPI 3.0 allows")?;
    let tokens = Generator::new(&settings)
        .generate_tokens(&spec)
        .context("progenitor refuses the document")?;
    let kept = client_items(&tokens)?;
    Ok((tokens, kept))
}

/// The operation that the generator refuses, with what it reaches: by halves.
fn culprit(document: &Document, unions: &[Union]) -> Option<String> {
    let operations = document.raw_operations();
    let mut suspects: Vec<_> = operations
        .map(|(path, method, operation)| (route(method, path), &operation["operationId"]))
        .collect();
    while suspects.len() > 1 {
        let others = suspects.split_off(suspects.len() / 2);
        let is_guilty = |suspects: &[(String, &Value)]| {
            let mut part = document.clone();
            let keeps = |operation: &Value| {
                suspects
                    .iter()
                    .any(|(_, id)| **id == operation["operationId"])
            };
            select::retain(&mut part, keeps, unions);
            guarded(|| run_generator(&part)).is_err()
        };
        if !is_guilty(&suspects) {
            if !is_guilty(&others) {
                return None; // only together
            }
            suspects = others;
        }
    }
    suspects.pop().map(|(place, _)| place)
}

/// The schema of a string of some format.
fn text(format: &str) -> schemars::schema::SchemaObject {
    schemars::schema::SchemaObject {
        instance_type: Some(schemars::schema::InstanceType::String.into()),
        format: Some(format.to_owned()),
        ..Default::default()
    }
}

/// The generator's `Client`, `impl ClientInfo` and the check that the hooks are there; its
/// constructors, which panic, are left out.
fn client_items(tokens: &TokenStream) -> Result<TokenStream> {
    let file: syn::File = syn::parse2(syntax::without_all_modules(tokens.clone()))?;
    let mut kept = quote! {};
    for item in file.items {
        match item {
            Item::Struct(mut client) if client.ident == "Client" => {
                client.attrs.clear();
                kept.extend(quote! {
                    /// A client of the Seqera Platform API: cheap to clone, safe to share.
                    ///
                    /// Its operations are methods of the traits that [`prelude`](crate::prelude)
                    /// brings in, one trait for each tag of the schema.
                    #[derive(Clone)]
                    #client
                });
            }
            Item::Impl(item) if item.trait_.is_some() && is_client_info(&item) => {
                kept.extend(quote! { #item })
            }
            Item::Const(item) => kept.extend(quote! { #item }),
            _ => {}
        }
    }
    Ok(kept)
}

fn is_client_info(item: &syn::ItemImpl) -> bool {
    item.trait_.as_ref().is_some_and(|(path, ..)| {
        path.segments
            .last()
            .is_some_and(|last| last.ident == "ClientInfo")
    })
}

fn tags_of(operations: &[Operation]) -> Vec<String> {
    let tags: std::collections::BTreeSet<&String> =
        operations.iter().map(|operation| &operation.tag).collect();
    let tags = tags.into_iter().filter(|tag| *tag != select::UNTAGGED);
    tags.cloned().collect()
}

fn tag_descriptions(document: &Document) -> BTreeMap<String, String> {
    crate::document::list(&document.tree, "tags")
        .filter_map(|tag| {
            Some((
                select::feature_of_tag(tag["name"].as_str()?),
                tag["description"].as_str()?.to_owned(),
            ))
        })
        .collect()
}

fn pretty(tokens: TokenStream) -> Result<String> {
    Ok(prettyplease::unparse(&syn::parse2(tokens)?))
}
