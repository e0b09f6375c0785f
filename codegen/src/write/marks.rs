//! Marks what is generated, so that the compiler tells which parts of it hand-written code uses.

use anyhow::Result;
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, ImplItem, Item, ReturnType, parse_quote};

use crate::model::syntax::last_name;

/// Begins the notes of marks.
pub const MARK: &str = "needed: ";

/// Marks all parts of generated code that other code can use by a name of their own.
pub fn mark(source: &str) -> Result<String> {
    let mut file = syn::parse_file(source)?;
    mark_items(&mut file.items, false);
    Ok(file.into_token_stream().to_string())
}

fn note(text: String) -> Attribute {
    let text = format!("{MARK}{text}");
    parse_quote!(#[deprecated(note = #text)])
}

/// The module of the operations.
const BUILDERS: &str = "builder";

fn mark_items(items: &mut [Item], are_builders: bool) {
    for item in items {
        match item {
            Item::Mod(module) => {
                let are_builders = are_builders || module.ident == BUILDERS;
                if let Some((_, items)) = &mut module.content {
                    mark_items(items, are_builders);
                }
            }
            Item::Struct(item) => mark_struct(item),
            Item::Impl(item) if item.trait_.is_none() => {
                let owner = item.self_ty.to_token_stream().to_string();
                for member in &mut item.items {
                    if let ImplItem::Fn(method) = member {
                        if is_of_body(method) {
                            continue;
                        }
                        let mark = mark_of_method(&owner, &method.sig, are_builders);
                        method.attrs.extend(mark.map(note));
                    }
                }
            }
            Item::Macro(item) => {
                let name = item.mac.path.segments.last();
                if name.is_some_and(|name| name.ident == "open_enum") {
                    item.mac.tokens = marked_enum(item.mac.tokens.clone());
                }
            }
            _ => {}
        }
    }
}

/// Structs of `types`, all of whose fields are public.
fn mark_struct(item: &mut syn::ItemStruct) {
    let owner = &item.ident;
    let mut is_type = false;
    for field in &mut item.fields {
        if let (Some(name), syn::Visibility::Public(_)) = (&field.ident, &field.vis) {
            is_type = true;
            field.attrs.push(note(format!("field {owner}.{name}")));
        }
    }
    if is_type {
        item.attrs.push(note(format!("type {owner}")));
    }
}

/// Whether a method of a builder sets a field of the body, which is marked in its own place.
fn is_of_body(method: &syn::ImplItemFn) -> bool {
    let block = method.block.to_token_stream().to_string();
    block.contains("get_or_insert_default")
}

/// Setters of operations set parameters, those of types fields.
fn mark_of_method(owner: &str, method: &syn::Signature, is_builder: bool) -> Option<String> {
    let name = method.ident.to_string();
    if owner == "Client" {
        let ReturnType::Type(_, builder) = &method.output else {
            return None;
        };
        return Some(format!("operation {}", last_name(builder)));
    }
    let mut inputs = method.inputs.iter();
    if name == "body" || !matches!(inputs.next()?, syn::FnArg::Receiver(_)) {
        return None;
    }
    if matches!(name.as_str(), "stream" | "all" | "pages") {
        return Some(format!("paging {owner}"));
    }
    inputs.next()?;
    let kind = if is_builder { "parameter" } else { "field" };
    Some(format!("{kind} {owner}.{name}"))
}

/// `pub enum Name { Variant = "value", … }`, with documentation everywhere.
fn marked_enum(tokens: TokenStream) -> TokenStream {
    let mut owner = String::new();
    let mut marked = TokenStream::new();
    let mut after_enum = false;
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                if after_enum {
                    owner = name.to_string();
                }
                after_enum = name == "enum";
                marked.extend([TokenTree::Ident(name)]);
            }
            TokenTree::Group(group) if !owner.is_empty() => {
                let mut variants = TokenStream::new();
                for token in group.stream() {
                    if let TokenTree::Ident(name) = &token {
                        variants.extend(note(format!("value {owner}.{name}")).into_token_stream());
                    }
                    variants.extend([token]);
                }
                marked.extend(quote!({ #variants }));
            }
            other => marked.extend([other]),
        }
    }
    let mark = note(format!("type {owner}"));
    quote!(#mark #marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_part_is_marked() {
        let marked = mark(
            r#"
            impl Client { pub fn list_things(&self) -> builder::ListThings { todo!() } }
            pub mod builder {
                impl ListThings {
                    pub fn new(client: &super::Client) -> Self { todo!() }
                    pub fn search(mut self, value: impl Argument<String>) -> Self { self }
                    pub fn stream(self) -> ItemStream<Self> { todo!() }
                }
            }
            pub struct Thing { pub name: Option<String> }
            impl Thing { pub fn name(mut self, value: impl Into<String>) -> Self { self } }
            crate::wire::open_enum! { #[doc = "x"] pub enum Color { #[doc = "`RED`"] Red = "RED" } }
            "#,
        )
        .unwrap();
        let notes: Vec<&str> = marked
            .split(MARK)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert_eq!(
            notes,
            [
                "operation ListThings",
                "parameter ListThings.search",
                "paging ListThings",
                "type Thing",
                "field Thing.name",
                "field Thing.name",
                "type Color",
                "value Color.Red",
            ]
        );
    }
}
