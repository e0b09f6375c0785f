//! Every operation and every type as tables, for the tests that go over all of them.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::document::{Body, Reply};
use crate::model::operations::{Lowered, find};
use crate::model::syntax::{Generated, argument, last_name};
use crate::model::{Model, wire_name};
use crate::names::{ident, type_name};

/// Emits a call of each operation. Each is given a `sample`, which has the body as JSON and says
/// whether the parameters that may be left out are set.
pub fn calls(lowered: &[Lowered<'_>], generated: &Generated) -> TokenStream {
    let calls = lowered.iter().map(|entry| emit_call(entry, generated));
    quote! {
        /// A call of each operation.
        pub static CALLS: &[(&str, Call)] = &[#(#calls),*];
    }
}

/// Emits a function for each named type of the schema that reads a value and writes it again.
pub fn round_trips(model: &Model<'_>, generated: &Generated) -> TokenStream {
    let types = model.document.schemas().filter_map(|(wire, schema)| {
        let name = type_name(wire);
        let is_union = model.unions.iter().any(|union| union.name == *wire);
        if !is_union
            && !generated.structs.contains_key(&name)
            && !generated.enums.contains_key(&name)
        {
            return None;
        }
        let wire = wire_name(schema, wire);
        let ty = ident(&name);
        Some(quote! { (#wire, round_trip::<seqera::types::#ty>) })
    });
    quote! {
        /// Reads and writes again a value of each named type.
        pub static TYPES: &[(&str, RoundTrip)] = &[#(#types),*];
    }
}

fn emit_call(entry: &Lowered<'_>, generated: &Generated) -> TokenStream {
    let id = &entry.operation.id;
    let method = ident(&entry.operation.name);
    let setters = entry.operation.parameters.iter().filter_map(|parameter| {
        let (setter, ty) = find(entry.builder, &parameter.wire)?;
        let value = match argument(ty, "Vec") {
            Some(item) => list(&item, generated),
            None if parameter.required => value(ty, generated),
            None => {
                let value = value(ty, generated);
                quote! { sample.optional(#value) }
            }
        };
        Some(quote! { .#setter(#value) })
    });
    let body = match (&entry.body, &entry.operation.body) {
        (Some(ty), _) => {
            let ty = of_crate(ty);
            quote! { .body(from_json::<#ty>(&sample.body)) }
        }
        (None, Some(Body::Bytes { .. })) => quote! { .body("a,b\n1,2\n") },
        _ => quote! {},
    };
    let files = entry.parts.iter().filter(|part| part.is_file).map(|part| {
        let setter = &part.setter;
        quote! { .#setter(seqera::Upload::from_bytes("a,b\n1,2\n").file_name("samples.csv")) }
    });
    let files = match &entry.operation.body {
        // With a file it is a form, without one it is JSON.
        Some(Body::Multipart { json: true, .. }) => {
            quote! { let call = if sample.full { call #(#files)* } else { call }; }
        }
        Some(Body::Multipart { .. }) => quote! { let call = call #(#files)*; },
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
            let call = client.#method() #(#setters)* #body;
            #files
            let reply = call.send_with_response().await?;
            #finish
        }))
    }
}

/// A type of the library, as its users write it.
fn of_crate(ty: &syn::Type) -> syn::Type {
    let text = ty.to_token_stream().to_string();
    syn::parse_str(&text.replace("types ::", "seqera :: types ::")).unwrap_or_else(|_| ty.clone())
}

/// Two values for an array.
fn list(item: &syn::Type, generated: &Generated) -> TokenStream {
    let values = match generated.enums.get(&last_name(item)).map(Vec::as_slice) {
        Some([(_, first), (_, second), ..]) => quote! { [#first, #second] },
        _ => {
            let value = value(item, generated);
            quote! { [#value, #value] }
        }
    };
    quote! { sample.list(#values) }
}

/// A value for a parameter that a schema-conforming server takes.
fn value(ty: &syn::Type, generated: &Generated) -> TokenStream {
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
