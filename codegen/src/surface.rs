//! The surface for reviewers: a line for each operation.

use std::fmt::Write as _;

use quote::ToTokens;
use syn::Type;

use crate::document::{Body, Reply};
use crate::operations::{Lowered, qualified};

/// `METHOD path  fn_name(params) -> Type`, sorted by path and method.
pub fn write(lowered: &[Lowered<'_>]) -> String {
    let mut lines: Vec<String> = lowered.iter().map(line).collect();
    lines.sort();
    lines.join("\n") + "\n"
}

fn line(entry: &Lowered<'_>) -> String {
    let operation = entry.operation;
    let mut parameters: Vec<String> = operation
        .parameters
        .iter()
        .map(|parameter| {
            let ty = entry
                .builder
                .parameters
                .iter()
                .find(|(name, _)| {
                    crate::names::normal(&name.to_string()) == crate::names::normal(&parameter.wire)
                })
                .map(|(name, ty)| format!("{name}: {}", short(ty)))
                .unwrap_or_default();
            if parameter.required {
                ty
            } else {
                ty.replacen(": ", "?: ", 1)
            }
        })
        .collect();
    match &operation.body {
        Some(Body::Json { .. }) => parameters.extend(body(entry)),
        Some(Body::Multipart { parts, json }) => {
            if *json {
                parameters.extend(body(entry));
            }
            parameters.extend(
                parts
                    .iter()
                    .filter(|(_, is_file)| *is_file)
                    .map(|(name, _)| format!("{}: Upload", crate::names::snake(name))),
            );
        }
        Some(Body::Empty) | None => {}
    }
    let reply = match operation.reply() {
        Reply::Empty => "()".to_owned(),
        Reply::Bytes => "ByteStream".to_owned(),
        Reply::Json => short(&entry.builder.reply),
    };
    let paged = if entry.paging.is_some() {
        " [paged]"
    } else {
        ""
    };
    let mut line = String::new();
    let _ = write!(
        line,
        "{} {}  {}({}) -> {reply}{paged}",
        operation.method.to_uppercase(),
        operation.path,
        operation.name,
        parameters.join(", ")
    );
    line
}

fn body(entry: &Lowered<'_>) -> Option<String> {
    let (_, ty) = entry
        .builder
        .parameters
        .iter()
        .find(|(name, _)| name == "body")?;
    Some(format!("body: {}", short(&qualified(ty))))
}

/// A type without the paths to its names.
fn short(ty: &Type) -> String {
    let text = ty.to_token_stream().to_string().replace(' ', "");
    let mut out = String::new();
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        out.push_str(word.rsplit("::").next().unwrap_or_default());
        word.clear();
    };
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' || c == ':' {
            word.push(c);
        } else {
            flush(&mut word, &mut out);
            out.push(c);
        }
    }
    flush(&mut word, &mut out);
    out.replace(',', ", ")
}
