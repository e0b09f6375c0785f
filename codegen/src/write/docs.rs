//! Composes the documentation of generated items.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use heck::ToUpperCamelCase;
use proc_macro2::TokenStream;
use quote::quote;

use crate::document::fixups::{Union, Variant};
use crate::document::{Body, Library, Operation, Parameter, Place, UNTAGGED};
use crate::model::{Model, Names, wire_name};
use crate::names::{snake, type_name};

/// Documentation of a type.
pub fn of_type(model: &Model<'_>, name: &str) -> TokenStream {
    let mut text = String::new();
    let mut alias = None;
    if let Some(schema) = model.schemas.get(name) {
        if let Some(description) = schema.schema["description"].as_str() {
            let _ = writeln!(text, "{}\n", resolve(&model.names, description));
        }
        let wire = wire_name(schema.schema, &schema.wire);
        let is_another = wire != schema.wire;
        alias = is_another.then(|| quote! { #[doc(alias = #wire)] });
        let _ = write!(text, "`{wire}` in the schema.");
        if schema.schema["deprecated"] == true {
            text.push_str(" Deprecated by the vendor.");
        }
        text.push_str(&uses(model, name));
    }
    if text.is_empty() {
        text = format!("`{name}`.");
    }
    let doc = attributes(&text);
    quote! { #doc #alias }
}

/// Documentation of a union.
pub fn of_union(model: &Model<'_>, union: &Union) -> TokenStream {
    let mut text = String::new();
    let schema = model.document.schema(&union.name);
    let name = schema.map_or(&*union.name, |schema| wire_name(schema, &union.name));
    if let Some(description) = &union.description {
        let _ = writeln!(text, "{}\n", markdown(description));
    }
    let _ = write!(
        text,
        "`{name}` in the schema: one of several types, told apart by `{}`, which is written by itself. \
         A kind that this version does not know is kept as the JSON value that the server sent.",
        union.discriminator
    );
    text.push_str(&uses(model, &type_name(&union.name)));
    attributes(&text)
}

/// Which operations take and return a type, as a paragraph.
fn uses(model: &Model<'_>, name: &str) -> String {
    /// How many operations are named.
    const NAMED: usize = 6;
    let Some(uses) = model.usage.of(name) else {
        return String::new();
    };
    let named = |operations: &BTreeSet<String>| {
        let links: Vec<String> = operations
            .iter()
            .take(NAMED)
            .map(|name| link(name))
            .collect();
        let more = match operations.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}", links.join(", "))
    };
    let errors: Vec<String> = uses
        .error
        .iter()
        .map(|(name, code)| format!("{code} of {}", link(name)))
        .collect();
    let sentences: Vec<String> = [
        ("Body of", &uses.body),
        ("Reply of", &uses.reply),
        ("Part of the body of", &uses.in_body),
        ("Part of the reply of", &uses.in_reply),
    ]
    .into_iter()
    .filter(|(_, operations)| !operations.is_empty())
    .map(|(what, operations)| format!("{what} {}.", named(operations)))
    .chain((!errors.is_empty()).then(|| {
        format!(
            "Read by [`Error::details`](crate::Error::details) from {}.",
            errors.join(", ")
        )
    }))
    .collect();
    match sentences.is_empty() {
        true => String::new(),
        false => format!("\n\n{}", sentences.join(" ")),
    }
}

/// Documentation of a value of an enum.
pub fn of_value(model: &Model<'_>, value: &str, meaning: Option<&str>) -> TokenStream {
    let meaning = meaning.map_or_else(String::new, |text| {
        format!(": {}", resolve(&model.names, text))
    });
    attributes(&format!("`{value}`{meaning}"))
}

/// Documentation of a variant of a union: the first sentence of its type.
pub fn of_variant(model: &Model<'_>, variant: &Variant) -> TokenStream {
    let schema = model.schemas.get(&type_name(&variant.schema));
    let text = schema.and_then(|schema| schema.schema["description"].as_str());
    let words = text.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let sentence = words.as_deref().map(|text| match text.split_once(". ") {
        Some((first, _)) => first.trim_end_matches('.'),
        None => text.trim_end_matches('.'),
    });
    let sentence = sentence.map(|text| format!("{text}."));
    of_value(model, &variant.value, sentence.as_deref())
}

/// Documentation of a field.
pub fn of_field(
    model: &Model<'_>,
    owner: &str,
    wire: &str,
    demanded: bool,
    nullable: bool,
) -> TokenStream {
    let property = model
        .schemas
        .get(owner)
        .map(|schema| &schema.schema["properties"][wire]);
    let mut text = property
        .and_then(|property| property["description"].as_str())
        .map_or_else(
            || format!("`{wire}`."),
            |description| resolve(&model.names, description),
        );
    let mut note = |sentence: &str| {
        text.push_str("\n\n");
        text.push_str(sentence);
    };
    if demanded {
        note("Required when sent.");
    }
    if nullable {
        note("May be sent as null, which clears the value.");
    }
    if property.is_some_and(|property| property["deprecated"] == true) {
        note("Deprecated by the vendor.");
    }
    attributes(&text)
}

/// Markdown with the names in code marks resolved.
fn resolve(names: &Names, text: &str) -> String {
    let mut resolved = String::new();
    for (index, segment) in markdown(text).split('`').enumerate() {
        if index % 2 == 0 {
            resolved.push_str(segment);
        } else if let Some(name) = names.operations.get(segment) {
            resolved.push_str(&link(name));
        } else if segment.starts_with("guide::") {
            let _ = write!(resolved, "[`{segment}`](crate::{segment})");
        } else if segment.split('.').all(|part| names.wire.contains(part)) {
            let parts: Vec<String> = segment.split('.').map(snake).collect();
            let _ = write!(resolved, "`{}`", parts.join("."));
        } else {
            let _ = write!(resolved, "`{segment}`");
        }
    }
    resolved
}

/// An operation by the name of its method, with the way to its page.
fn link(name: &str) -> String {
    format!("[`{name}`](crate::builder::{})", name.to_upper_camel_case())
}

/// What an operation's method says: its summary, and the way to its page.
pub fn of_method(operation: &Operation, names: &Names) -> TokenStream {
    let head = attributes(&format!("{}.", summary(operation)));
    let library = library(operation, names);
    let mut text = String::new();
    if let Some(description) = &operation.description {
        let _ = writeln!(text, "{}\n", resolve(names, description));
    }
    let route = operation.route();
    let _ = write!(text, "{}", place(operation));
    let doc = attributes(&text);
    // The search finds an operation by its id, by its route, by the path alone and by its tag.
    let (id, tag) = (&operation.id, &operation.tag);
    let path = operation.path.trim_start_matches('/');
    let aliases: BTreeSet<&str> = [id, route.as_str(), path, tag]
        .into_iter()
        .filter(|alias| **alias != *operation.name)
        .collect();
    quote! { #head #library #[doc = ""] #doc #(#[doc(alias = #aliases)])* }
}

/// Where an operation is: its route, its id and its feature.
fn place(operation: &Operation) -> String {
    let Operation { id, tag, .. } = operation;
    let feature = match tag == UNTAGGED {
        true => String::new(),
        false => format!(", feature `{tag}`"),
    };
    format!("`{}` (`{id}`){feature}.", operation.route())
}

/// What the crate has for the same end as an operation: with links where the feature that has it is on.
fn library(operation: &Operation, names: &Names) -> TokenStream {
    let Some(Library { feature, text }) = &operation.library else {
        return TokenStream::new();
    };
    let text = format!("{} Feature `{feature}`.", resolve(names, text));
    let linked = with_library_links(&text);
    quote! {
        #[doc = ""]
        #[cfg_attr(feature = #feature, doc = #linked)]
        #[cfg_attr(not(feature = #feature), doc = #text)]
    }
}

/// Links what is in code marks and a path in the library: `Client::launch`, `Run::wait`.
fn with_library_links(text: &str) -> String {
    const HANDLES: [(&str, &str); 7] = [
        ("Client", "crate::Client"),
        ("DataLink", "crate::DataLink"),
        ("Dataset", "crate::Dataset"),
        ("Organization", "crate::names::Organization"),
        ("Run", "crate::runs::Run"),
        ("Studio", "crate::Studio"),
        ("Workspace", "crate::Workspace"),
    ];
    let segments = text.split('`').enumerate().map(|(index, segment)| {
        let handle = segment.split_once("::").filter(|_| index % 2 == 1);
        let found = handle.and_then(|(owner, item)| {
            let (_, path) = HANDLES.iter().find(|(name, _)| *name == owner)?;
            Some(format!("[`{segment}`]({path}::{item})"))
        });
        match (found, index % 2) {
            (Some(link), _) => link,
            (None, 1) => format!("`{segment}`"),
            (None, _) => segment.to_owned(),
        }
    });
    segments.collect()
}

/// An operation's page: what it does, what it takes, an example, what goes wrong.
pub fn of_builder(operation: &Operation, example: &str, paged: bool, names: &Names) -> TokenStream {
    let head = attributes(&format!("{}.", summary(operation)));
    let library = library(operation, names);
    let mut text = String::new();
    if let Some(description) = &operation.description {
        let _ = writeln!(text, "{}\n", resolve(names, description));
    }
    let _ = writeln!(text, "{}", place(operation));
    if operation.deprecated {
        text.push_str("\nDeprecated by the vendor.\n");
    }
    let statuses: Vec<&str> = operation
        .successes
        .iter()
        .map(|(code, _)| code.as_str())
        .collect();
    if statuses.len() > 1 {
        let _ = writeln!(
            text,
            "\nAnswers {}: `send_with_response()` tells which ([`Response::status`](crate::Response::status)). A reply without a body is an empty value.",
            statuses.join(" or ")
        );
    }
    if matches!(operation.body, Some(Body::Empty)) {
        text.push_str(
            "\nThe body that this operation takes has no fields; it is sent by itself.\n",
        );
    }
    if paged {
        text.push_str(
            "\n`stream()` reads the items of all pages, `all()` collects them, `pages()` reads whole pages, and `send()` one page.\n",
        );
    }
    let _ = write!(
        text,
        "\n# Example\n\n```no_run\n{example}```\n\n# Errors\n\n{}",
        errors(operation)
    );
    let doc = attributes(&text);
    let id = &operation.id;
    let alias =
        (operation.name.to_upper_camel_case() != *id).then(|| quote! { #[doc(alias = #id)] });
    let tag = &operation.tag;
    let badge = (tag != UNTAGGED).then(|| quote! { #[cfg_attr(docsrs, doc(cfg(feature = #tag)))] });
    quote! { #head #library #[doc = ""] #doc #alias #badge }
}

fn summary(operation: &Operation) -> String {
    match &operation.summary {
        Some(summary) => markdown(summary.trim_end_matches('.')).into_owned(),
        None => format!("`{}`", operation.id),
    }
}

fn errors(operation: &Operation) -> String {
    let codes: Vec<String> = operation
        .errors
        .iter()
        .filter(|code| code.starts_with('4'))
        .map(|code| {
            let meaning = match code.as_str() {
                "400" => "a request that the server can't use, or one that it can't use yet",
                "403" => "no permission, or no such resource, or an invalid token",
                "404" => "no such resource",
                "405" => "not possible in this state",
                "409" => "in conflict with what is there",
                _ => "see the message",
            };
            let details = operation.error_details.iter().find(|(of, _)| of == code);
            let details = details.map_or_else(String::new, |(_, name)| {
                let name = type_name(name);
                format!(
                    "; [`details`](crate::Error::details) reads [`{name}`](crate::types::{name})"
                )
            });
            format!("{code} ({meaning}{details})")
        })
        .collect();
    let and = if codes.is_empty() { "" } else { ", and " };
    format!(
        "Beside faults of the network, [`Error`](crate::Error) reports {}{and}401, 429 and 5xx, \
         which any call may meet.",
        codes.join(", ")
    )
}

/// Documentation of a parameter's setter.
pub fn of_parameter(parameter: &Parameter, names: &Names) -> TokenStream {
    let place = match parameter.place {
        Place::Path => "path parameter",
        Place::Query => "query parameter",
        Place::Header => "header",
    };
    let mut text = match &parameter.description {
        Some(description) => resolve(names, description),
        None => format!("Sets `{}`.", parameter.wire),
    };
    let place = if parameter.required {
        format!("Required {place}")
    } else {
        capitalised(place)
    };
    let _ = write!(text, "\n\n{place} `{}`.", parameter.wire);
    attributes(&text)
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// Documentation of the block of a tag's methods.
pub fn of_tag(tag: &str, description: Option<&str>) -> TokenStream {
    let text = description.map_or_else(String::new, |text| format!("{}\n\n", markdown(text)));
    attributes(&format!(
        "{text}Operations tagged `{tag}`: feature `{tag}`."
    ))
}

/// Doc attributes, one a line, so that the output reads like hand-written code.
pub fn attributes(text: &str) -> TokenStream {
    let lines = text.trim().lines().map(|line| {
        if line.is_empty() {
            String::new()
        } else {
            format!(" {line}")
        }
    });
    quote! { #(#[doc = #lines])* }
}

/// Text of the schema as Markdown without raw HTML and without links that lead nowhere.
pub fn markdown(text: &str) -> std::borrow::Cow<'_, str> {
    let risky = |segment: &str| segment.contains(['<', '[', ']']);
    if !risky(text) {
        return text.trim().into();
    }
    let mut safe = String::new();
    for (index, segment) in text.trim().split('`').enumerate() {
        if index > 0 {
            safe.push('`');
        }
        if index % 2 == 1 || !risky(segment) {
            safe.push_str(segment);
            continue;
        }
        for (position, c) in segment.char_indices() {
            let is_link = segment[position..].starts_with("<https://");
            if matches!(c, '<' | '[' | ']') && !is_link {
                safe.push('\\');
            }
            safe.push(c);
        }
    }
    safe.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_and_brackets_are_text() {
        assert_eq!(
            markdown("a <br> b [x] `<code>[y]`"),
            "a \\<br> b \\[x\\] `<code>[y]`"
        );
        assert_eq!(
            markdown("see <https://example.com>"),
            "see <https://example.com>"
        );
    }
}
