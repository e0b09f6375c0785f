//! Lowers the generator's operations onto the crate's own transport.
//!
//! The generator gives each operation a builder with a fallible slot for each parameter, and a
//! `send` of some sixty lines. What differs between operations is data: here each becomes a static
//! description, setters that write into one `Request`, and a `send` of one line. The names, the
//! order and the types of parameters and replies stay the generator's.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToShoutySnakeCase;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Type;

use crate::document::fixups::{NULLABLE, REQUIRED, Union};
use crate::document::{Body, Operation, Parameter, Place, Reply, UNTAGGED};
use crate::model::operations::{Lowered, Part, find, is_path_like, is_safe_to_repeat};
use crate::model::syntax::{
    Field, Generated, OWN_METHODS, argument, in_types, last_name, qualified,
};
use crate::model::{Model, Names, TypeSchema};
use crate::names::{ident, type_name};
use crate::write::{docs, examples, paging, types};

/// Emits the client's methods and the builders.
pub fn emit(
    lowered: &[Lowered<'_>],
    model: &Model<'_>,
    generated: &Generated,
    tags: &BTreeMap<String, String>,
) -> TokenStream {
    let names = &model.names;
    let mut by_tag: BTreeMap<&str, Vec<&Lowered<'_>>> = BTreeMap::new();
    for entry in lowered {
        by_tag.entry(&entry.operation.tag).or_default().push(entry);
    }
    let methods = by_tag
        .iter()
        .map(|(tag, entries)| emit_methods(tag, entries, tags, names));
    let builders = lowered
        .iter()
        .map(|entry| emit_builder(entry, model, generated));
    quote! {
        #(#methods)*

        /// One builder for each operation: set its parameters, then `send` it.
        pub mod builder {
            use super::types;
            #[allow(unused_imports)]
            use crate::transport::argument;
            #[allow(unused_imports)]
            use crate::wire::argument::Argument;
            #[allow(unused_imports)]
            use crate::transport::body::ByteStream;
            #[allow(unused_imports)]
            use crate::paginate::{ItemStream, PageStream, Paged, Paging};
            #[allow(unused_imports)]
            use crate::transport::request::Request;
            #[allow(unused_imports)]
            use crate::transport::target::Operation;
            #[allow(unused_imports)]
            use crate::wire::setting::{Setting, SettingList, SettingTexts};
            use crate::Method;
            #[allow(unused_imports)]
            use crate::transport::response::{Response, Sending};
            #[allow(unused_imports)]
            use crate::Result;

            #(#builders)*
        }
    }
}

/// The methods of the client for the operations of a tag.
fn emit_methods(
    tag: &str,
    entries: &[&Lowered<'_>],
    tags: &BTreeMap<String, String>,
    names: &Names,
) -> TokenStream {
    let doc = docs::of_tag(tag, tags.get(tag).map(String::as_str));
    let feature = (tag != UNTAGGED).then(|| quote! { #[cfg(feature = #tag)] });
    let methods = entries.iter().map(|entry| {
        let doc = docs::of_method(entry.operation, names);
        let method = ident(&entry.operation.name);
        let builder = &entry.builder.ident;
        quote! { #doc pub fn #method(&self) -> builder::#builder { builder::#builder::new(self) } }
    });
    quote! {
        #doc
        #feature
        impl Client { #(#methods)* }
    }
}

fn emit_builder(entry: &Lowered<'_>, model: &Model<'_>, generated: &Generated) -> TokenStream {
    let names = &model.names;
    let Lowered {
        operation,
        builder,
        paging,
        ..
    } = entry;
    let name = &builder.ident;
    let constant = ident(&operation.name.to_shouty_snake_case());
    let description = emit_description(entry, &constant);
    let example = examples::of_call(entry, model, generated);
    let doc = docs::of_builder(operation, &example, paging.is_some(), names);

    let setters = operation.parameters.iter().filter_map(|parameter| {
        let (setter, ty) = find(builder, &parameter.wire)?;
        Some(emit_setter(parameter, setter, ty, names))
    });
    let body = BodyCode::new(entry, model);
    let body_fields_setters = body_field_setters(entry, model, generated);
    let (body_fields, body_values, body_setters, prepare) =
        (&body.fields, &body.values, &body.setters, &body.prepare);
    let send = emit_send(entry, prepare);
    let paged = paging.as_ref().map(|paging| paging::emit(name, paging));
    let new_doc = format!(" A request of `{}` through this client.", operation.route());
    quote! {
        #description
        #doc
        #[derive(Clone, Debug)]
        #[must_use = "nothing happens until it is sent"]
        pub struct #name { request: Request, #body_fields }
        impl #name {
            #[doc = #new_doc]
            pub fn new(client: &super::Client) -> Self {
                Self { request: Request::new(&client.inner, &#constant), #body_values }
            }
            #(#setters)*
            #body_setters
            #(#body_fields_setters)*
        }
        #send
        #paged
    }
}

fn emit_description(entry: &Lowered<'_>, constant: &syn::Ident) -> TokenStream {
    let Operation { id, name, path, .. } = entry.operation;
    let method = ident(&entry.operation.method.to_uppercase());
    let required = entry
        .operation
        .parameters
        .iter()
        .filter(|parameter| parameter.required)
        .filter_map(|parameter| {
            let setter = find(entry.builder, &parameter.wire)?.0.to_string();
            let wire = &parameter.wire;
            Some(quote! { (#wire, #setter) })
        });
    let in_workspace = entry
        .operation
        .parameters
        .iter()
        .any(|parameter| parameter.place == Place::Query && parameter.wire == "workspaceId");
    let path_like = entry
        .operation
        .parameters
        .iter()
        .filter(|p| is_path_like(entry.operation, p))
        .map(|p| &p.wire);
    let safe = is_safe_to_repeat(entry.operation);
    quote! {
        pub(crate) static #constant: Operation = Operation {
            id: #id,
            name: #name,
            method: Method::#method,
            path: #path,
            required: &[#(#required),*],
            path_like: &[#(#path_like),*],
            safe_to_repeat: #safe,
            in_workspace: #in_workspace,
        };
    }
}

fn emit_setter(
    parameter: &Parameter,
    setter: &syn::Ident,
    ty: &Type,
    names: &Names,
) -> TokenStream {
    let doc = docs::of_parameter(parameter, names);
    let wire = &parameter.wire;
    if let Some(item) = argument(ty, "Vec") {
        let write = if parameter.explode {
            quote! { query_repeated }
        } else {
            quote! { query_joined }
        };
        return quote! {
            #doc
            pub fn #setter<M>(mut self, values: impl SettingTexts<#item, M>) -> Self {
                if let Some(values) = values.setting_texts() {
                    self.request.#write(#wire, values);
                }
                self
            }
        };
    }
    let write = match parameter.place {
        Place::Path => quote! { path },
        Place::Query => quote! { query },
        Place::Header => quote! { header },
    };
    let name = setter.to_string();
    quote! {
        #doc
        pub fn #setter(mut self, value: impl Argument<#ty>) -> Self {
            argument::#write(&mut self.request, #wire, #name, value);
            self
        }
    }
}

/// The parts of a builder that have to do with the request's body.
#[derive(Default)]
struct BodyCode {
    fields: TokenStream,
    values: TokenStream,
    setters: TokenStream,
    prepare: TokenStream,
}

impl BodyCode {
    fn new(entry: &Lowered<'_>, model: &Model<'_>) -> Self {
        match &entry.operation.body {
            None => Self::default(),
            Some(Body::Empty) => Self {
                prepare: quote! { self.request.json(&::serde_json::Map::new()); },
                ..Self::default()
            },
            Some(Body::Json { description }) => Self::json(entry, model, description.as_deref()),
            Some(Body::Multipart { json, .. }) => {
                let mut code = if *json {
                    Self::json(entry, model, None)
                } else {
                    Self::default()
                };
                code.add_parts(&entry.parts);
                code
            }
            Some(Body::Bytes {
                media_type,
                description,
            }) => Self::bytes(media_type, description.as_deref()),
        }
    }

    fn json(entry: &Lowered<'_>, model: &Model<'_>, description: Option<&str>) -> Self {
        let Some(ty) = &entry.body else {
            return Self::default();
        };
        let name = last_name(ty);
        let doc = docs::attributes(&describe_body(description));
        let check = model
            .facts
            .checked
            .contains(&name)
            .then(|| quote! { self.request.fail_if(crate::wire::check::Missing::of(body)); });
        let starts_empty = |found: &TypeSchema<'_>| found.schema["enum"].is_null();
        let change = model.schemas.get(&name).is_some_and(starts_empty).then(|| {
            quote! {
                /// Changes the request's body in place: by a closure from what was set so far.
                pub fn body_map(mut self, change: impl FnOnce(#ty) -> #ty) -> Self {
                    self.body = Some(change(self.body.take().unwrap_or_default()));
                    self
                }
            }
        });
        let demand = entry.operation.method != "get"
            && !matches!(entry.operation.body, Some(Body::Multipart { .. }));
        let absent = demand.then(no_body);
        Self {
            fields: quote! { body: Option<#ty>, },
            values: quote! { body: None, },
            setters: quote! {
                #doc
                pub fn body(mut self, value: impl Into<#ty>) -> Self {
                    self.body = Some(value.into());
                    self
                }
                #change
            },
            prepare: quote! {
                match &self.body {
                    Some(body) => {
                        #check
                        self.request.json(body);
                    }
                    None => { #absent }
                }
            },
        }
    }

    fn bytes(media_type: &str, description: Option<&str>) -> Self {
        let doc = docs::attributes(&format!(
            "{}\n\nIt is sent as `{media_type}`, as it is.",
            describe_body(description)
        ));
        let absent = no_body();
        Self {
            fields: quote! { body: Option<::bytes::Bytes>, },
            values: quote! { body: None, },
            setters: quote! {
                #doc
                pub fn body(mut self, value: impl Into<::bytes::Bytes>) -> Self {
                    self.body = Some(value.into());
                    self
                }
            },
            prepare: quote! {
                match self.body {
                    Some(body) => self.request.bytes(#media_type, body),
                    None => { #absent }
                }
            },
        }
    }

    fn add_parts(&mut self, parts: &[Part]) {
        self.fields
            .extend(quote! { form: crate::transport::multipart::MultipartForm, });
        self.values
            .extend(quote! { form: crate::transport::multipart::MultipartForm::new(), });
        let is_alternative = !self.prepare.is_empty();
        for Part {
            setter,
            wire,
            is_file,
        } in parts
        {
            let doc = format!(" Sets the part `{wire}` of the form.");
            self.setters.extend(if *is_file {
                quote! {
                    #[doc = #doc]
                    ///
                    /// A file from a path is streamed from the disk as it is sent.
                    pub fn #setter(mut self, file: impl Into<crate::transport::multipart::Upload>) -> Self {
                        self.form = self.form.file(#wire, file);
                        self
                    }
                }
            } else {
                quote! {
                    #[doc = #doc]
                    pub fn #setter(mut self, value: impl ToString) -> Self {
                        self.form = self.form.text(#wire, value);
                        self
                    }
                }
            });
        }
        self.prepare = if is_alternative {
            let json = std::mem::take(&mut self.prepare);
            quote! {
                if self.form.is_empty() {
                    #json
                } else {
                    self.request.multipart(self.form.fields(&self.body));
                }
            }
        } else {
            quote! { self.request.multipart(self.form); }
        };
    }
}

/// Setters of the body's fields, where nothing else is called like them.
fn body_field_setters(
    entry: &Lowered<'_>,
    model: &Model<'_>,
    generated: &Generated,
) -> Vec<TokenStream> {
    let Some(body) = &entry.body else {
        return Vec::new();
    };
    let name = last_name(body);
    let Some(item) = generated.structs.get(&name) else {
        return Vec::new();
    };
    let is_union = |union: &Union| type_name(&union.name) == name;
    if model.unions.iter().any(is_union) {
        return Vec::new();
    }
    let parameters = entry.builder.parameters.iter().map(|(name, _)| name);
    let parts = entry.parts.iter().map(|part| &part.setter);
    let mut taken: BTreeSet<String> = OWN_METHODS.map(str::to_owned).into();
    taken.insert("body".to_owned());
    taken.extend(parameters.chain(parts).map(ToString::to_string));
    let is_sent = model.facts.sent.contains(&name);
    let (required, nullables) = (model.listed(&name, REQUIRED), model.listed(&name, NULLABLE));
    let is_free = |field: &&Field| {
        !taken.contains(&field.ident.to_string()) && !model.is_union_tag(&name, &field.wire)
    };
    let fields = item.fields.iter().filter(is_free).map(|field| {
        let nullable = is_sent && nullables.contains(field.wire.as_str());
        let demanded = is_sent && required.contains(field.wire.as_str());
        let doc = docs::of_field(model, &name, &field.wire, demanded, nullable);
        let doc = quote! {
            #doc
            ///
            /// A field of the request's body.
        };
        let field = Field {
            ident: field.ident.clone(),
            wire: field.wire.clone(),
            ty: in_types(&field.ty),
        };
        let target = quote! { self.body.get_or_insert_default() };
        types::emit_setter(&field, nullable, &target, &doc)
    });
    fields.collect()
}

fn describe_body(description: Option<&str>) -> String {
    description.map_or_else(
        || "Sets the request's body.".to_owned(),
        |text| docs::markdown(text).into_owned(),
    )
}

/// What is said where a body is needed and not set.
fn no_body() -> TokenStream {
    quote! { self.request.fail("`body` is required: call .body(..)".to_owned()); }
}

/// How a builder is sent.
fn emit_send(entry: &Lowered<'_>, prepare: &TokenStream) -> TokenStream {
    let (reply, send, with_response) = match entry.operation.reply() {
        Reply::Empty => (
            quote! { () },
            quote! { send_empty },
            quote! { send_empty_with_response },
        ),
        Reply::Bytes => (
            quote! { ByteStream },
            quote! { send_bytes },
            quote! { send_bytes_with_response },
        ),
        Reply::Json => (
            qualified(&entry.builder.reply).to_token_stream(),
            quote! { send },
            quote! { send_with_response },
        ),
    };
    let name = &entry.builder.ident;
    let doc = format!(
        " Sends `{}`. A builder that is awaited is sent likewise.",
        entry.operation.route()
    );
    let binding = if prepare.is_empty() {
        quote! { self }
    } else {
        quote! { mut self }
    };
    quote! {
        impl #name {
            fn prepare(#binding) -> Request {
                #prepare
                self.request
            }

            #[doc = #doc]
            ///
            /// # Errors
            ///
            /// See [`Error`](crate::Error).
            pub fn send(self) -> Sending<#reply> { self.prepare().#send() }

            /// The same, with the status and the headers of the reply.
            ///
            /// # Errors
            ///
            /// See [`Error`](crate::Error).
            pub fn send_with_response(self) -> Sending<Response<#reply>> {
                self.prepare().#with_response()
            }
        }
        impl IntoFuture for #name {
            type Output = Result<#reply>;
            type IntoFuture = Sending<#reply>;
            fn into_future(self) -> Self::IntoFuture { self.send() }
        }
    }
}
