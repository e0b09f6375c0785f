//! Emits open enums: the server may send values that the schema does not know yet.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Ident;

use crate::model::Model;
use crate::names::ident;
use crate::write::docs;

/// Emits an enum of strings.
pub fn emit(model: &Model<'_>, name: &str, variants: &[(Ident, String)]) -> TokenStream {
    let doc = docs::of_type(model, name);
    let name = ident(name);
    let meanings = model
        .schemas
        .get(&name.to_string())
        .map(|schema| &schema.schema["x-enum-descriptions"]);
    let variants = variants.iter().map(|(variant, value)| {
        let meaning = meanings.and_then(|meanings| meanings[value.as_str()].as_str());
        let doc = docs::of_value(model, value, meaning);
        quote! { #doc #variant = #value }
    });
    quote! {
        crate::wire::open_enum! {
            #doc
            pub enum #name { #(#variants),* }
        }
    }
}
