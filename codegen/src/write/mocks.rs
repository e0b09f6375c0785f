//! Typed mocks of the operations: for each a `when` that says which calls are meant, a `then` that
//! says what they are answered, and a method of `MockApi` that takes both.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use heck::ToShoutySnakeCase;

use crate::document::{Operation, Place, Reply};
use crate::model::operations::{Lowered, Part, find};
use crate::model::syntax::{argument, qualified};
use crate::names::ident;
use crate::write::docs;

/// Emits the mocks.
pub fn emit(lowered: &[Lowered<'_>]) -> TokenStream {
    let constants = lowered.iter().map(|entry| constant(entry.operation));
    let methods = lowered.iter().map(emit_method);
    let whens = lowered.iter().map(emit_when);
    let thens = lowered.iter().map(emit_then);
    quote! {
        /// Every operation, for telling which one a call is.
        pub(super) static OPERATIONS: &[&Operation] = &[#(&builder::#constants),*];

        impl MockApi { #(#methods)* }

        /// Which calls of an operation are meant.
        pub mod when {
            use super::*;
            #(#whens)*
        }

        /// What mocked calls are answered: several replies in turn, or always the same.
        pub mod then {
            use super::*;
            #(#thens)*
        }
    }
}

fn constant(operation: &Operation) -> syn::Ident {
    ident(&operation.name.to_shouty_snake_case())
}

fn emit_method(entry: &Lowered<'_>) -> TokenStream {
    let operation = entry.operation;
    let (method, constant) = (ident(&operation.name), constant(operation));
    let name = &entry.builder.ident;
    let doc = docs::attributes(&format!(
        "Mocks [`{}`](crate::builder::{name}): `{}`.",
        operation.name,
        operation.route()
    ));
    quote! {
        #doc
        pub async fn #method<R>(
            &self,
            describe: impl FnOnce(when::#name, then::#name) -> R,
        ) -> Mock<'_> {
            self.operation(&builder::#constant, |when, then| {
                describe(when::#name(when), then::#name(then));
            })
            .await
        }
    }
}

fn emit_when(entry: &Lowered<'_>) -> TokenStream {
    let operation = entry.operation;
    let name = &entry.builder.ident;
    let parameters = operation.parameters.iter().filter_map(|parameter| {
        let (setter, ty) = find(entry.builder, &parameter.wire)?;
        let wire = &parameter.wire;
        let doc = docs::attributes(&format!("Calls with this `{wire}`."));
        if let Some(item) = argument(ty, "Vec") {
            let condition = if parameter.explode {
                quote! { query_repeated }
            } else {
                quote! { query_joined }
            };
            return Some(quote! {
                #doc
                pub fn #setter(self, values: impl IntoIterator<Item = impl Into<#item>>) -> Self {
                    Self(self.0.#condition(#wire, values.into_iter().map(Into::<#item>::into)))
                }
            });
        }
        let condition = match parameter.place {
            Place::Path => quote! { path },
            Place::Query => quote! { query },
            Place::Header => quote! { header },
        };
        let optional = if parameter.required {
            doc
        } else {
            docs::attributes(&format!(
                "Calls with this `{wire}`, or with `None` calls without one."
            ))
        };
        Some(quote! {
            #optional
            pub fn #setter(self, value: impl Argument<#ty>) -> Self {
                Self(self.0.#condition(#wire, Argument::<#ty>::resolve(value)))
            }
        })
    });
    let body = emit_body(entry);
    let doc = docs::attributes(&format!(
        "Which calls of [`{}`](crate::builder::{name}) are meant: those that meet all conditions.",
        operation.name
    ));
    quote! {
        #doc
        pub struct #name(pub(super) Conditions);
        impl #name { #(#parameters)* #body }
        conditions!(#name);
    }
}

/// Conditions on the body: the JSON as a whole, or the parts of a form.
fn emit_body(entry: &Lowered<'_>) -> TokenStream {
    let body = entry.body.as_ref().map(|ty| {
        quote! {
            /// Calls with exactly this body.
            pub fn body(self, value: impl Into<#ty>) -> Self {
                Self(self.0.json(&value.into()))
            }
        }
    });
    let parts = entry.parts.iter().map(|Part { setter, wire, .. }| {
        let doc = docs::attributes(&format!(
            "Calls whose form has a part `{wire}` with this content."
        ));
        quote! {
            #doc
            pub fn #setter(self, content: impl AsRef<[u8]>) -> Self {
                Self(self.0.part(#wire, content.as_ref()))
            }
        }
    });
    quote! { #body #(#parts)* }
}

fn emit_then(entry: &Lowered<'_>) -> TokenStream {
    let operation = entry.operation;
    let name = &entry.builder.ident;
    // Ranges (`4XX`) and `default` are no statuses to answer.
    let successes = operation.successes.iter().filter_map(|(code, reply)| {
        let status = code.parse().ok()?;
        Some(emit_success(entry, code, status, *reply))
    });
    let errors = operation.errors.iter().filter_map(|code| {
        let status = code.parse().ok()?;
        Some(emit_error(code, status))
    });
    let doc = docs::attributes(&format!(
        "What a call of [`{}`](crate::builder::{name}) is answered.",
        operation.name
    ));
    quote! {
        #doc
        pub struct #name(pub(super) Answer);
        impl #name { #(#successes)* #(#errors)* }
        answers!(#name);
    }
}

fn emit_success(entry: &Lowered<'_>, code: &str, status: u16, reply: Reply) -> TokenStream {
    let method = method_of(code);
    match reply {
        Reply::Json if code != "204" => {
            let ty = qualified(&entry.builder.reply).to_token_stream();
            let doc = docs::attributes(&format!("{code} with this value."));
            quote! {
                #doc
                pub fn #method(self, value: impl Into<#ty>) -> Self {
                    Self(self.0.json(#status, &value.into()))
                }
            }
        }
        Reply::Bytes => {
            let doc = docs::attributes(&format!("{code} with this content."));
            quote! {
                #doc
                pub fn #method(self, content: impl AsRef<[u8]>) -> Self {
                    Self(self.0.bytes(#status, content.as_ref()))
                }
            }
        }
        Reply::Json | Reply::Empty => {
            let doc = docs::attributes(&format!("{code} without a body."));
            quote! {
                #doc
                pub fn #method(self) -> Self {
                    Self(self.0.empty(#status))
                }
            }
        }
    }
}

fn emit_error(code: &str, status: u16) -> TokenStream {
    let method = method_of(code);
    if code.starts_with('3') {
        let doc = docs::attributes(&format!("{code} to this URL."));
        return quote! {
            #doc
            pub fn #method(self, location: impl AsRef<str>) -> Self {
                Self(self.0.redirect(#status, location.as_ref()))
            }
        };
    }
    let doc = docs::attributes(&format!(
        "{code} with this message, or with this body: see [`ErrorBody`](crate::mock::ErrorBody)."
    ));
    quote! {
        #doc
        pub fn #method(self, body: impl ErrorBody) -> Self {
            Self(self.0.error(#status, body))
        }
    }
}

/// A method named after a status: `not_found` for 404.
fn method_of(code: &str) -> syn::Ident {
    ident(match code {
        "200" => "ok",
        "201" => "created",
        "202" => "accepted",
        "204" => "no_content",
        "307" => "temporary_redirect",
        "400" => "bad_request",
        "401" => "unauthorized",
        "403" => "forbidden",
        "404" => "not_found",
        "405" => "method_not_allowed",
        "409" => "conflict",
        other => return ident(&format!("status_{other}")),
    })
}
