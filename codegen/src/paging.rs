//! Which operations page, by what, and where their items and totals stand: read off the schema.

use heck::ToSnakeCase;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Type};

use crate::document::{Operation, Place};
use crate::names::normal;
use crate::operations::qualified;
use crate::syntax::{Builder, Field, Generated, argument, last_name};

/// Names of the query parameter that asks for the page after a token.
const TOKEN_PARAMETERS: [&str; 3] = ["nextpagetoken", "pagetoken", "next"];
/// Names of the member of a reply that holds the token of the next page.
const TOKEN_MEMBERS: [&str; 2] = ["nextpagetoken", "forwardtoken"];
/// Names of the member of a reply that holds the token of the page before.
const BACK_MEMBERS: [&str; 1] = ["rewindtoken"];
/// Names of the query parameter that bounds a page of an operation that pages by token.
const SIZE_PARAMETERS: [&str; 2] = ["pagesize", "max"];

/// How an operation pages.
pub struct Paging {
    /// By what.
    pub kind: Kind,
    /// The type of the reply.
    page: Type,
    /// The member of the reply through which the items and the token are reached, if any.
    inside: Option<Ident>,
    /// The member with the items.
    items: Ident,
    /// The type of an item.
    item: Type,
    /// The member with the number of all items.
    total: Option<Ident>,
    /// The member that says whether there are more.
    has_more: Option<Ident>,
    /// The members that lead from an item to its id.
    id: Vec<Ident>,
}

/// By what an operation pages.
pub enum Kind {
    /// By `max` and `offset`.
    Offset {
        /// A parameter that makes the reply hold the total.
        include_total: Option<String>,
    },
    /// By a token of the reply.
    Cursor {
        /// The parameter that takes the token.
        parameter: String,
        /// The parameter that bounds a page.
        size: Option<String>,
        /// The member of the reply that holds the token.
        token: Ident,
        /// The member that holds the token of the page before, for lists with two directions.
        back: Option<Ident>,
    },
}

/// Whether an operation's parameters say that it pages.
pub fn looks_paged(operation: &Operation) -> bool {
    let has = |names: &[&str]| query(operation, names).is_some();
    (has(&["max"]) && has(&["offset"])) || has(&TOKEN_PARAMETERS)
}

/// How an operation pages, if its parameters and its reply say so.
pub fn recognise(
    operation: &Operation,
    builder: &Builder,
    generated: &Generated,
) -> Option<Paging> {
    if !looks_paged(operation) {
        return None;
    }
    let page = generated.structs.get(&last_name(&builder.reply))?;
    let by_offset = query(operation, &["offset"]).is_some();
    let (inside, holder) = match list_field(&page.fields) {
        Some(_) => (None, page),
        // The page may be wrapped in one object: a log in `log`.
        None => page.fields.iter().find_map(|field| {
            let inner = generated.structs.get(&last_name(&field.ty))?;
            list_field(&inner.fields).map(|_| (Some(field.ident.clone()), inner))
        })?,
    };
    let member = |names: &[&str], ty: &str| {
        let mut fields = holder.fields.iter();
        let is_it = |field: &&Field| {
            names.contains(&normal(&field.wire).as_str()) && last_name(&field.ty) == ty
        };
        fields.find(is_it).map(|field| field.ident.clone())
    };
    let kind = if by_offset {
        Kind::Offset {
            include_total: query(operation, &["includetotalsize"]),
        }
    } else {
        Kind::Cursor {
            parameter: query(operation, &TOKEN_PARAMETERS)?,
            size: query(operation, &SIZE_PARAMETERS),
            token: member(&TOKEN_MEMBERS, "String")?,
            back: member(&BACK_MEMBERS, "String"),
        }
    };
    let items = list_field(&holder.fields)?;
    let item = argument(&items.ty, "Vec")?;
    let id = item_id(&items.wire, &item, generated);
    Some(Paging {
        kind,
        page: qualified(&builder.reply),
        inside,
        items: items.ident.clone(),
        item,
        total: member(&["totalsize", "total"], "i64"),
        has_more: member(&["hasmore"], "bool"),
        id,
    })
}

fn query(operation: &Operation, names: &[&str]) -> Option<String> {
    operation
        .parameters
        .iter()
        .find(|parameter| {
            parameter.place == Place::Query && names.contains(&normal(&parameter.wire).as_str())
        })
        .map(|parameter| parameter.wire.clone())
}

/// The one member that is a list; of several, the list of objects, or of log lines (`entries`).
fn list_field(fields: &[Field]) -> Option<&Field> {
    let lists: Vec<&Field> = fields
        .iter()
        .filter(|field| argument(&field.ty, "Vec").is_some())
        .collect();
    match lists.as_slice() {
        [only] => Some(only),
        several => several
            .iter()
            .find(|field| {
                matches!(
                    field.wire.as_str(),
                    "entries" | "items" | "objects" | "content"
                )
            })
            .copied(),
    }
}

/// The way to what identifies an item, so that a row that moved between two pages is seen once:
/// `id`, or `memberId` in `members`, or the same one level down in `member`.
fn item_id(list: &str, item: &Type, generated: &Generated) -> Vec<Ident> {
    let Some(fields) = generated
        .structs
        .get(&last_name(item))
        .map(|item| &item.fields)
    else {
        return Vec::new();
    };
    let singular = list.trim_end_matches('s').to_snake_case();
    let named = |fields: &[Field]| {
        [format!("{singular}_id"), "id".to_owned()]
            .iter()
            .find_map(|name| fields.iter().find(|field| field.ident == name))
            .filter(|field| matches!(last_name(&field.ty).as_str(), "i64" | "String"))
            .map(|field| field.ident.clone())
    };
    if let Some(id) = named(fields) {
        return vec![id];
    }
    let inner = fields.iter().find(|field| field.ident == singular);
    inner
        .and_then(|field| {
            let nested = generated.structs.get(&last_name(&field.ty))?;
            Some(vec![field.ident.clone(), named(&nested.fields)?])
        })
        .unwrap_or_default()
}

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
    };
    let take = &paging.items;
    let items = match &paging.inside {
        None => quote! { page.#take.take().unwrap_or_default() },
        Some(inside) => {
            quote! { page.#inside.as_mut().and_then(|inner| inner.#take.take()).unwrap_or_default() }
        }
    };
    let reach = |member: &Ident| match &paging.inside {
        None => quote! { page.#member.clone() },
        Some(inside) => quote! { page.#inside.as_ref().and_then(|inner| inner.#member.clone()) },
    };
    let total = paging.total.as_ref().map(|member| {
        let value = reach(member);
        quote! { fn total(page: &Self::Page) -> Option<i64> { #value } }
    });
    let has_more = paging.has_more.as_ref().map(|member| {
        let value = reach(member);
        quote! { fn has_more(page: &Self::Page) -> Option<bool> { #value } }
    });
    let cursors = match &paging.kind {
        Kind::Offset { .. } => quote! {},
        Kind::Cursor { token, back, .. } => {
            let token = reach(token);
            let back = back.as_ref().map(|member| {
                let value = reach(member);
                quote! { fn cursor_back(page: &Self::Page) -> Option<String> { #value } }
            });
            quote! {
                fn cursor(page: &Self::Page) -> Option<String> { #token }
                #back
            }
        }
    };
    let id = paging.id.split_last().map(|(last, way)| {
        let steps = way.iter().map(|step| quote! { .#step.as_ref()? });
        quote! {
            fn id(item: &Self::Item) -> Option<String> { item #(#steps)* .#last.as_ref().map(ToString::to_string) }
        }
    });
    quote! {
        impl Paged for #builder {
            type Page = #page;
            type Item = #item;
            const PAGING: Paging = #kind;
            fn into_request(self) -> Request { self.request }
            fn items(page: &mut Self::Page) -> Vec<Self::Item> { #items }
            #total
            #has_more
            #cursors
            #id
        }
        impl #builder {
            /// All items, page after page, as a stream.
            pub fn stream(self) -> ItemStream<Self> { ItemStream::new(self) }
            /// All pages, as a stream.
            pub fn pages(self) -> PageStream<Self> { PageStream::new(self) }
        }
    }
}

fn optional(value: Option<&String>) -> TokenStream {
    value.map_or_else(|| quote! { None }, |value| quote! { Some(#value) })
}

/// A type as module `types` writes it, seen from module `builder`.
fn in_types(ty: &Type) -> Type {
    let name = last_name(ty);
    match ty {
        Type::Path(path) if path.path.segments.len() == 1 && generated_name(&name) => {
            syn::parse_str(&format!("types::{name}")).unwrap_or_else(|_| ty.clone())
        }
        _ => ty.clone(),
    }
}

fn generated_name(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && !["String", "Vec", "Option", "Box"].contains(&name)
}
