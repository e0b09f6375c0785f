//! Emits the paging of list operations.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Ident;

use crate::model::paging::{Kind, Member, Paging};
use crate::model::syntax::in_types;

/// Implements paging for a builder.
pub fn emit(builder: &Ident, paging: &Paging) -> TokenStream {
    let (page, item) = (&paging.page, in_types(&paging.item));
    let kind = match &paging.kind {
        Kind::Offset { include_total } => {
            let include_total = optional(include_total.as_ref());
            quote! { Paging::Offset { max: "max", offset: "offset", include_total: #include_total } }
        }
        Kind::Cursor {
            parameter, size, ..
        } => {
            let size = optional(size.as_ref());
            quote! { Paging::Cursor { parameter: #parameter, size: #size } }
        }
        Kind::Whole => quote! { Paging::Whole },
    };
    let take = &paging.items;
    let items = match &paging.inside {
        None => quote! { page.#take.take().unwrap_or_default() },
        Some(inside) => {
            quote! { page.#inside.as_mut().and_then(|inner| inner.#take.take()).unwrap_or_default() }
        }
    };
    let reach = |member: &Member| match &paging.inside {
        None => quote! { page.#member.clone() },
        Some(inside) => quote! { page.#inside.as_ref().and_then(|inner| inner.#member.clone()) },
    };
    let total = paging.total.as_ref().map(|member| {
        let value = reach(member);
        quote! { fn total((): (), page: &Self::Page) -> Option<i64> { #value } }
    });
    let has_more = paging.has_more.as_ref().map(|member| {
        let value = reach(member);
        quote! { fn has_more((): (), page: &Self::Page) -> Option<bool> { #value } }
    });
    let cursors = match &paging.kind {
        Kind::Offset { .. } | Kind::Whole => quote! {},
        Kind::Cursor { token, back, .. } => {
            let token = reach(token);
            let back = back.as_ref().map(|member| {
                let value = reach(member);
                quote! { fn cursor_back((): (), page: &Self::Page) -> Option<String> { #value } }
            });
            quote! {
                fn cursor((): (), page: &Self::Page) -> Option<String> { #token }
                #back
            }
        }
    };
    let id = paging.id.split_last().map(|(last, way)| {
        let steps = way.iter().map(|step| quote! { .#step.as_ref()? });
        quote! {
            fn id((): (), item: &Self::Item) -> Option<String> { item #(#steps)* .#last.as_ref().map(ToString::to_string) }
        }
    });
    quote! {
        impl Paged for #builder {
            type Page = #page;
            type Item = #item;
            type Form = ();
            fn paging((): ()) -> Paging { #kind }
            fn into_request(self) -> (Request, ()) { (self.prepare(), ()) }
            fn items((): (), page: &mut Self::Page) -> Vec<Self::Item> { #items }
            #total
            #has_more
            #cursors
            #id
        }
        impl #builder {
            /// All items, page after page, as a stream.
            pub fn stream(self) -> ItemStream<#item> { ItemStream::new(self) }
            /// All items, page after page, in memory.
            ///
            /// # Errors
            ///
            /// See [`Error`](crate::Error).
            pub fn all(self) -> impl Future<Output = Result<Vec<#item>>> + Send { self.stream().all() }
            /// All pages, as a stream.
            pub fn pages(self) -> PageStream<Self> { PageStream::new(self) }
        }
    }
}

fn optional(value: Option<&String>) -> TokenStream {
    value.map_or_else(|| quote! { None }, |value| quote! { Some(#value) })
}
