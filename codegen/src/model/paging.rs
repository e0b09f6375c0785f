//! Which operations page, by what, and where their items and totals stand: read off the schema.

use heck::ToSnakeCase;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Ident, Type};

use crate::document::{Operation, Place};
use crate::model::syntax::{Builder, Field, Generated, argument, last_name, qualified};
use crate::names::normal;

/// Names of the query parameter that asks for the page after a token.
const TOKEN_PARAMETERS: [&str; 3] = ["nextpagetoken", "pagetoken", "next"];
/// Names of the member of a reply that holds the token of the next page.
const TOKEN_MEMBERS: [&str; 2] = ["nextpagetoken", "forwardtoken"];
/// Names of the member of a reply that holds the token of the page before.
const BACK_MEMBERS: [&str; 1] = ["rewindtoken"];
/// Names of the query parameter that bounds a page of an operation that pages by token.
const SIZE_PARAMETERS: [&str; 2] = ["pagesize", "max"];

/// A member of a reply, which code is written with by its name in Rust.
#[derive(Clone)]
pub struct Member {
    /// The name on the wire.
    pub wire: String,
    ident: Ident,
}

impl Member {
    fn of(field: &Field) -> Self {
        Self {
            wire: field.wire.clone(),
            ident: field.ident.clone(),
        }
    }
}

impl ToTokens for Member {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.ident.to_tokens(tokens);
    }
}

/// How an operation pages.
pub struct Paging {
    /// By what.
    pub kind: Kind,
    /// The type of the reply.
    pub page: Type,
    /// The member of the reply through which the items and the token are reached, if any.
    pub inside: Option<Member>,
    /// The member with the items.
    pub items: Member,
    /// The type of an item.
    pub item: Type,
    /// The member with the number of all items.
    pub total: Option<Member>,
    /// The member that says whether there are more.
    pub has_more: Option<Member>,
    /// The members that lead from an item to its id.
    pub id: Vec<Member>,
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
        token: Member,
        /// The member that holds the token of the page before, for lists with two directions.
        back: Option<Member>,
    },
    /// Not at all: one reply has everything.
    Whole,
}

/// Whether an operation's parameters say that it pages.
pub fn looks_paged(operation: &Operation) -> bool {
    let has = |names: &[&str]| query(operation, names).is_some();
    (has(&["max"]) && has(&["offset"])) || has(&TOKEN_PARAMETERS)
}

/// Whether an operation's name says that it lists: `ListLabels`, `TokenList`.
pub fn is_list(operation: &Operation) -> bool {
    let name = &operation.name;
    operation.method == "get" && (name.starts_with("list_") || name.ends_with("_list"))
}

/// How an operation pages, if its parameters and its reply say so.
pub fn recognise(
    operation: &Operation,
    builder: &Builder,
    generated: &Generated,
) -> Option<Paging> {
    if !looks_paged(operation) && !is_list(operation) {
        return None;
    }
    let page = generated.structs.get(&last_name(&builder.reply))?;
    let by_offset = query(operation, &["offset"]).is_some();
    let (inside, holder) = match list_field(&page.fields) {
        Some(_) => (None, page),
        // The page may be wrapped in one object: a log in `log`.
        None => page.fields.iter().find_map(|field| {
            let inner = generated.structs.get(&last_name(&field.ty))?;
            list_field(&inner.fields).map(|_| (Some(Member::of(field)), inner))
        })?,
    };
    let member = |names: &[&str], ty: &str| {
        let mut fields = holder.fields.iter();
        let is_it = |field: &&Field| {
            names.contains(&normal(&field.wire).as_str()) && last_name(&field.ty) == ty
        };
        fields.find(is_it).map(Member::of)
    };
    let kind = if !looks_paged(operation) {
        Kind::Whole
    } else if by_offset {
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
        items: Member::of(items),
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
fn item_id(list: &str, item: &Type, generated: &Generated) -> Vec<Member> {
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
            .map(Member::of)
    };
    if let Some(id) = named(fields) {
        return vec![id];
    }
    let inner = fields.iter().find(|field| field.ident == singular);
    inner
        .and_then(|field| {
            let nested = generated.structs.get(&last_name(&field.ty))?;
            Some(vec![Member::of(field), named(&nested.fields)?])
        })
        .unwrap_or_default()
}
