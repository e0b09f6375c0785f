//! Runs progenitor.

use anyhow::{Context, Result, anyhow};
use proc_macro2::TokenStream;
use progenitor_impl::{
    GenerationSettings, Generator, HooksMode, InterfaceStyle, TagStyle, TypeImpl,
};
use quote::quote;
use serde_json::Value;
use syn::Item;

use super::syntax;
use crate::document::fixups::{self, Union};
use crate::document::{Document, route, select};

fn settings() -> GenerationSettings {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Separate);
    settings
}

/// The generator, and the crates below it, panic where they meet what they do not expect.
pub fn guarded<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = (panic.downcast_ref::<String>().map(String::as_str))
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(anyhow!("the generator panicked: {message}"))
    })
}

/// What progenitor makes of a document by itself.
pub fn plain(tree: Value) -> Result<TokenStream> {
    let spec = serde_json::from_value(tree)?;
    Ok(Generator::new(&settings()).generate_tokens(&spec)?)
}

/// Runs progenitor. An error names the operation that it refuses.
pub fn run(document: &Document, unions: &[Union]) -> Result<(TokenStream, TokenStream)> {
    guarded(|| run_generator(document)).map_err(|problem| match culprit(document, unions) {
        Some(place) => problem.context(place),
        None => problem,
    })
}

/// Runs progenitor. Returns its output, and the items of it that are kept as they are: the client
/// and what ties it to its hooks.
fn run_generator(document: &Document) -> Result<(TokenStream, TokenStream)> {
    let mut settings = settings();
    settings
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote! { crate::transport::Transport })
        .with_map_type("::std::collections::BTreeMap")
        .with_derive("PartialEq")
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
                    /// ```no_run
                    /// use seqera::Client;
                    ///
                    /// # async fn example() -> seqera::Result<()> {
                    /// let client = Client::from_env()?; // or `Client::builder(token)`, with all there is to set
                    /// let research = client.in_workspace("acme/research").await?;
                    /// # Ok(()) }
                    /// ```
                    ///
                    /// The operations of the API are methods of it, one block for each tag of the
                    /// schema. Each returns a builder of [`builder`](crate::builder): set its
                    /// parameters, then `send` it, or await it, which is the same.
                    ///
                    /// What takes several calls is here too: launches and runs, data links, datasets
                    /// and Studios, and names in place of ids.
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
