//! Composes the documentation of generated items.

use std::fmt::Write as _;

use heck::ToUpperCamelCase;
use proc_macro2::TokenStream;
use quote::quote;

use crate::document::fixups::Union;
use crate::document::{Body, Operation, Parameter, Place, Reply};
use crate::model::{Model, Names, wire_name};
use crate::names::snake;

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
    attributes(&text)
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
            let _ = write!(
                resolved,
                "[`{name}`](crate::builder::{})",
                name.to_upper_camel_case()
            );
        } else if segment.split('.').all(|part| names.wire.contains(part)) {
            let parts: Vec<String> = segment.split('.').map(snake).collect();
            let _ = write!(resolved, "`{}`", parts.join("."));
        } else {
            let _ = write!(resolved, "`{segment}`");
        }
    }
    resolved
}

/// What an operation's method says: its summary, and the way to its page.
pub fn of_method(operation: &Operation, names: &Names) -> TokenStream {
    let mut text = format!("{}.\n\n", summary(operation));
    if let Some(description) = &operation.description {
        let _ = writeln!(text, "{}\n", resolve(names, description));
    }
    let route = operation.route();
    let _ = write!(text, "`{route}`");
    let doc = attributes(&text);
    let id = &operation.id;
    let alias = (operation.name != *id).then(|| quote! { #[doc(alias = #id)] });
    quote! { #doc #alias #[doc(alias = #route)] }
}

/// An operation's page: what it does, what it takes, an example, what goes wrong.
pub fn of_builder(operation: &Operation, example: &str, paged: bool, names: &Names) -> TokenStream {
    let mut text = format!("{}.\n\n", summary(operation));
    if let Some(description) = &operation.description {
        let _ = writeln!(text, "{}\n", resolve(names, description));
    }
    let _ = writeln!(text, "`{}` (`{}`)", operation.route(), operation.id);
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
    quote! { #doc #alias }
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
            format!("{code} ({meaning})")
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

/// An example of a call, to be compiled with the documentation.
pub fn example(
    operation: &Operation,
    arguments: &[(String, String)],
    body: Option<&str>,
    paged: bool,
) -> String {
    let mut steps = vec![format!(".{}()", operation.name)];
    steps.extend(
        arguments
            .iter()
            .map(|(setter, value)| format!(".{setter}({value})")),
    );
    steps.extend(body.map(str::to_owned));
    let (binding, last, rest): (_, &[&str], _) = match operation.reply() {
        _ if paged => (
            "let mut items = ",
            &[".stream()"],
            "\nwhile let Some(item) = items.try_next().await? {\n    println!(\"{item:?}\");\n}",
        ),
        Reply::Empty => ("", &[".send()", ".await?"], ""),
        Reply::Json => ("let reply = ", &[".send()", ".await?"], ""),
        Reply::Bytes => (
            "let bytes = ",
            &[".send()", ".await?", ".bytes()", ".await?"],
            "",
        ),
    };
    steps.extend(last.iter().map(|&step| step.to_owned()));
    let line = format!("{binding}client{};", steps.concat());
    let call = if line.len() <= 80 {
        line
    } else {
        format!("{binding}client\n    {};", steps.join("\n    "))
    };
    format!(
        "# async fn example(client: seqera::Client) -> seqera::Result<()> {{\n{call}{rest}\n# Ok(())\n# }}\n"
    )
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
