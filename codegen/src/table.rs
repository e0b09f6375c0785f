//! Every operation and every type as a table, for the tests that go over all of them.

use proc_macro2::TokenStream;
use quote::quote;

use crate::document::{Body, Reply};
use crate::names::{ident, normal, snake, type_name};
use crate::operations::Lowered;
use crate::syntax::{Generated, argument, last_name};
use crate::types::Model;

/// Emits the table.
pub fn emit(lowered: &[Lowered<'_>], model: &Model<'_>, generated: &Generated) -> TokenStream {
    let calls = lowered.iter().map(|entry| emit_call(entry, generated));
    let types = model.document.schemas().filter_map(|(wire, schema)| {
        let name = type_name(wire);
        let is_union = model.unions.iter().any(|union| union.name == *wire);
        if !is_union
            && !generated.structs.contains_key(&name)
            && !generated.enums.contains_key(&name)
        {
            return None;
        }
        let wire = schema["x-wire-name"].as_str().unwrap_or(wire);
        let ty = ident(&name);
        Some(quote! { (#wire, round_trip::<seqera::types::#ty>) })
    });
    quote! {
        /// A call of each operation with every parameter set; bodies are read from JSON.
        pub static CALLS: &[(&str, Call)] = &[#(#calls),*];
        /// Reads and writes again a value of each named type.
        pub static TYPES: &[(&str, RoundTrip)] = &[#(#types),*];
    }
}

fn emit_call(entry: &Lowered<'_>, generated: &Generated) -> TokenStream {
    let id = &entry.operation.id;
    let method = ident(&entry.operation.name);
    let setters = entry.operation.parameters.iter().filter_map(|parameter| {
        let wanted = normal(&parameter.wire);
        let (setter, ty) = entry
            .builder
            .parameters
            .iter()
            .find(|(name, _)| normal(&name.to_string()) == wanted)?;
        let value = sample(ty, generated);
        Some(quote! { .#setter(#value) })
    });
    let body_type = entry
        .builder
        .parameters
        .iter()
        .find(|(name, _)| name == "body")
        .map(|(_, ty)| {
            let text = quote! { #ty }
                .to_string()
                .replace("types :: builder ::", "types ::")
                .replace("types ::", "seqera :: types ::");
            syn::parse_str::<syn::Type>(&text).ok()
        });
    let body = match (&entry.operation.body, body_type.flatten()) {
        (Some(Body::Json { .. }), Some(ty)) => quote! { .body(from_json::<#ty>(sample.body(#id))) },
        (Some(Body::Multipart { parts, .. }), _) => {
            let files = parts.iter().filter(|(_, is_file)| *is_file).map(|(name, _)| {
                let setter = ident(&snake(name));
                quote! { .#setter(seqera::Upload::from_bytes("a,b\n1,2\n").file_name("samples.csv")) }
            });
            quote! { #(#files)* }
        }
        _ => quote! {},
    };
    let finish = match entry.operation.reply() {
        Reply::Bytes => quote! { collect(reply).await },
        Reply::Json => quote! { keep(reply) },
        Reply::Empty => quote! { empty(reply) },
    };
    quote! {
        (#id, |client, sample| Box::pin(async move {
            let _ = &sample;
            let reply = client.#method() #(#setters)* #body .send().await?;
            #finish
        }))
    }
}

/// A value for a parameter that a schema-conforming server takes.
fn sample(ty: &syn::Type, generated: &Generated) -> TokenStream {
    if let Some(item) = argument(ty, "Vec") {
        let item = sample(&item, generated);
        return quote! { [#item, #item] };
    }
    let name = last_name(ty);
    match name.as_str() {
        "i64" => quote! { 7 },
        "bool" => quote! { true },
        "f64" => quote! { 0.5 },
        "Timestamp" => quote! { moment() },
        _ => match generated
            .enums
            .get(&name)
            .and_then(|variants| variants.first())
        {
            Some((_, value)) => quote! { #value },
            None => quote! { "text" },
        },
    }
}
