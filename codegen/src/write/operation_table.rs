//! All operations as data, for feature `operations`: what generic tools are made of.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Type;

use heck::ToShoutySnakeCase;

use crate::document::json_schema::BodySchemas;
use crate::document::{Body, Parameter, Place, Reply};
use crate::model::operations::{Lowered, Part, find};
use crate::model::paging::{Kind, Member, Paging};
use crate::model::syntax::{Generated, argument, last_name};
use crate::names::ident;

/// Emits the table, and the named schemas that bodies refer to.
pub fn emit(lowered: &[Lowered<'_>], generated: &Generated, schemas: &BodySchemas) -> TokenStream {
    let operations = lowered
        .iter()
        .map(|entry| emit_operation(entry, generated, schemas));
    let named = schemas.named.iter().map(|(name, schema)| {
        let schema = schema.to_string();
        quote! { (#name, #schema) }
    });
    quote! {
        /// All operations, in the schema's order.
        pub(super) static OPERATIONS: &[Operation] = &[#(#operations),*];

        /// The named schemas that bodies refer to, by name, as JSON.
        pub(super) static SCHEMAS: &[(&str, &str)] = &[#(#named),*];
    }
}

fn emit_operation(
    entry: &Lowered<'_>,
    generated: &Generated,
    schemas: &BodySchemas,
) -> TokenStream {
    let operation = entry.operation;
    let (id, name, path, tag) = (
        &operation.id,
        &operation.name,
        &operation.path,
        &operation.tag,
    );
    let method = ident(&operation.method.to_uppercase());
    let summary = operation.summary.as_deref().unwrap_or_default();
    let summary = summary.trim_end_matches('.');
    let description = operation.description.as_deref().unwrap_or_default();
    let deprecated = operation.deprecated;
    let constant = ident(&operation.name.to_shouty_snake_case());
    let parameters = operation
        .parameters
        .iter()
        .filter_map(|parameter| emit_parameter(entry, parameter, generated));
    let body = optional(emit_body(entry, schemas));
    let replies = operation.successes.iter().filter_map(|(code, reply)| {
        // Ranges (`2XX`) and `default` are no statuses.
        let status: u16 = code.parse().ok()?;
        let content = emit_content(*reply);
        Some(quote! { Reply { status: #status, content: #content } })
    });
    let content = emit_content(operation.reply());
    let listing = optional(entry.paging.as_ref().map(emit_listing));
    quote! {
        Operation {
            id: #id,
            name: #name,
            method: Method::#method,
            path: #path,
            tag: #tag,
            summary: #summary,
            description: #description,
            deprecated: #deprecated,
            parameters: &[#(#parameters),*],
            body: #body,
            replies: &[#(#replies),*],
            content: #content,
            listing: #listing,
            sent: &builder::#constant,
        }
    }
}

fn emit_content(reply: Reply) -> TokenStream {
    match reply {
        Reply::Empty => quote! { Content::Empty },
        Reply::Bytes => quote! { Content::Bytes },
        Reply::Json => quote! { Content::Json },
    }
}

fn emit_parameter(
    entry: &Lowered<'_>,
    parameter: &Parameter,
    generated: &Generated,
) -> Option<TokenStream> {
    let (_, ty) = find(entry.builder, &parameter.wire)?;
    let wire = &parameter.wire;
    let item = argument(ty, "Vec");
    let list = optional(item.as_ref().map(|_| match parameter.explode {
        true => quote! { List::Repeated },
        false => quote! { List::Joined },
    }));
    let ty = item.as_ref().unwrap_or(ty);
    let (kind, values) = emit_kind(ty, generated);
    let place = match parameter.place {
        Place::Path => quote! { Place::Path },
        Place::Query => quote! { Place::Query },
        Place::Header => quote! { Place::Header },
    };
    let required = parameter.required;
    let description = parameter.description.as_deref().unwrap_or_default();
    Some(quote! {
        Parameter {
            name: #wire,
            place: #place,
            kind: #kind,
            values: &[#(#values),*],
            list: #list,
            required: #required,
            description: #description,
        }
    })
}

/// What a parameter's values are, and which are allowed, where the schema lists them.
fn emit_kind<'a>(ty: &Type, generated: &'a Generated) -> (TokenStream, Vec<&'a str>) {
    let name = last_name(ty);
    let kind = match name.as_str() {
        "i64" => quote! { Kind::Integer },
        "f64" => quote! { Kind::Number },
        "bool" => quote! { Kind::Boolean },
        "Timestamp" => quote! { Kind::Timestamp },
        _ => quote! { Kind::Text },
    };
    let values = generated.enums.get(&name).into_iter().flatten();
    (kind, values.map(|(_, value)| value.as_str()).collect())
}

fn emit_body(entry: &Lowered<'_>, schemas: &BodySchemas) -> Option<TokenStream> {
    let operation = entry.operation;
    let body = operation.body.as_ref()?;
    let (form, description) = match body {
        Body::Empty => (quote! { BodyForm::Empty }, None),
        Body::Json { description } => (quote! { BodyForm::Json }, description.as_deref()),
        Body::Multipart { json: true, .. } => (quote! { BodyForm::JsonOrForm }, None),
        Body::Multipart { .. } => (quote! { BodyForm::Form }, None),
        Body::Bytes {
            media_type,
            description,
        } => (
            quote! { BodyForm::Bytes { media_type: #media_type } },
            description.as_deref(),
        ),
    };
    let description = description.unwrap_or_default();
    let demanded = matches!(body, Body::Json { .. } | Body::Bytes { .. });
    let required = demanded && operation.method != "get";
    let files = entry.parts.iter().filter(|part| part.is_file);
    let files = files.map(|Part { wire, .. }| wire);
    let schema = schemas.bodies.get(&operation.id);
    let schema = schema.map(ToString::to_string).unwrap_or_default();
    Some(quote! {
        Body {
            form: #form,
            required: #required,
            description: #description,
            files: &[#(#files),*],
            schema: #schema,
        }
    })
}

fn emit_listing(paging: &Paging) -> TokenStream {
    let by = match &paging.kind {
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
    let (token, back) = match &paging.kind {
        Kind::Cursor { token, back, .. } => (Some(token), back.as_ref()),
        Kind::Offset { .. } | Kind::Whole => (None, None),
    };
    let wire = |member: Option<&Member>| optional(member.map(|member| &member.wire));
    let (token, back) = (wire(token), wire(back));
    let (inside, total) = (wire(paging.inside.as_ref()), wire(paging.total.as_ref()));
    let has_more = wire(paging.has_more.as_ref());
    let items = &paging.items.wire;
    let id = paging.id.iter().map(|step| &step.wire);
    quote! {
        Listing {
            by: #by,
            inside: #inside,
            items: #items,
            total: #total,
            has_more: #has_more,
            cursor: #token,
            cursor_back: #back,
            id: &[#(#id),*],
        }
    }
}

fn optional(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote! { Some(#value) },
        None => quote! { None },
    }
}
