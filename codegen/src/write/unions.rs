//! Emits tagged unions: the variant is told by the discriminator, never guessed by shape.

use proc_macro2::TokenStream;
use quote::quote;

use crate::document::fixups::{Union, Variant};
use crate::model::Model;
use crate::names::{ident, type_ident, type_name, variant};
use crate::write::docs;

/// Emits a union.
pub fn emit(model: &Model<'_>, union: &Union) -> TokenStream {
    let name = type_name(&union.name);
    let doc = docs::of_union(model, union);
    let tag = &union.discriminator;
    let variants = union.variants.iter().map(|entry| {
        let doc = docs::of_variant(model, entry);
        let (variant, ty, value) = (
            variant(&entry.value),
            type_ident(&entry.schema),
            &entry.value,
        );
        let ty = match entry.is_recursive {
            true => quote! { ::std::boxed::Box<#ty> },
            false => quote! { #ty },
        };
        quote! { #doc #variant(#ty) = #value }
    });
    let check = model.facts.checked.contains(&name).then(|| {
        let arms = union
            .variants
            .iter()
            .filter(|entry| model.facts.checked.contains(&type_name(&entry.schema)))
            .map(|entry| variant(&entry.value));
        let ident = ident(&name);
        quote! {
            impl crate::wire::check::Check for #ident {
                fn check(&self, missing: &mut crate::wire::check::Missing) {
                    match self {
                        #(Self::#arms(value) => value.check(missing),)*
                        _ => {}
                    }
                }
            }
        }
    });
    let name = ident(&name);
    let conversions = conversions(union);
    quote! {
        crate::wire::tagged_union! {
            #doc
            #[tag = #tag]
            pub enum #name { #(#variants),* }
        }
        #check
        #(#conversions)*
    }
}

/// A union is made of the type of a variant, where only one variant has that type.
fn conversions(union: &Union) -> impl Iterator<Item = TokenStream> {
    let is_only = |entry: &&Variant| {
        let same = |other: &&Variant| other.schema == entry.schema;
        union.variants.iter().filter(same).count() == 1
    };
    let name = type_ident(&union.name);
    union.variants.iter().filter(is_only).map(move |entry| {
        let (variant, ty) = (variant(&entry.value), type_ident(&entry.schema));
        let value = match entry.is_recursive {
            true => quote! { ::std::boxed::Box::new(value) },
            false => quote! { value },
        };
        quote! {
            impl From<#ty> for #name {
                fn from(value: #ty) -> Self { Self::#variant(#value) }
            }
        }
    })
}
