//! The surface for reviewers: a line for each operation, and one for everything that it, or a type,
//! is made of.

use std::fmt::Write as _;

use crate::model::operations::{Lowered, find};
use crate::model::paging::Kind;
use crate::model::surface::{Surface, TypeSurface, body, reply, short};

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
            let ty = find(entry.builder, &parameter.wire)
                .map(|(name, ty)| format!("{name}: {}", short(ty)))
                .unwrap_or_default();
            if parameter.required {
                ty
            } else {
                ty.replacen(": ", "?: ", 1)
            }
        })
        .collect();
    parameters.extend(body(entry).map(|ty| format!("body: {ty}")));
    let files = entry.parts.iter().filter(|part| part.is_file);
    parameters.extend(files.map(|part| format!("{}: Upload", part.setter)));
    let reply = reply(entry);
    let paged = match &entry.paging {
        None => "",
        Some(paging) if matches!(paging.kind, Kind::Whole) => " [list]",
        Some(_) => " [paged]",
    };
    let mut line = String::new();
    let _ = write!(
        line,
        "{}  {}({}) -> {reply}{paged}",
        operation.route(),
        operation.name,
        parameters.join(", ")
    );
    line
}

/// A line for each operation, parameter, type, field and value, sorted: all of the surface.
pub fn model(surface: &Surface) -> String {
    let mut text = String::new();
    let mut line = |name: &str, parts: &[&str]| {
        let parts: Vec<&str> = parts
            .iter()
            .copied()
            .filter(|part| !part.is_empty())
            .collect();
        let _ = writeln!(text, "{name}  {}", parts.join(", "));
    };
    let when = |holds: bool, text: &'static str| if holds { text } else { "" };
    for (name, operation) in &surface.operations {
        let required = when(operation.body_required, " (required)");
        let body = operation.body.as_ref();
        line(
            name,
            &[
                &format!("{} {}", operation.method, operation.path),
                &operation.tag,
                &body.map_or(String::new(), |body| format!("body {body}{required}")),
                &format!("reply {}", operation.reply),
                when(operation.listed && !operation.paged, "list"),
                when(operation.paged, "paged"),
                when(operation.deprecated, "deprecated"),
            ],
        );
        for (setter, of) in &operation.setters {
            line(
                &format!("{name}.{setter}"),
                &[
                    &format!("{} {}: {}", of.place, of.wire, of.ty),
                    when(of.required, "required"),
                    when(of.joined, "joined"),
                ],
            );
        }
    }
    for (name, ty) in &surface.types {
        match ty {
            TypeSurface::Struct { fields, sent } => {
                line(name, &["struct", when(*sent, "sent")]);
                for (field, of) in fields {
                    line(
                        &format!("{name}.{field}"),
                        &[
                            &format!("{}: {}", of.wire, of.ty),
                            when(of.required, "required"),
                            when(of.nullable, "nullable"),
                        ],
                    );
                }
            }
            TypeSurface::Enum { variants } => {
                line(name, &["enum"]);
                for (variant, value) in variants {
                    line(&format!("{name}.{variant}"), &[value]);
                }
            }
            TypeSurface::Union(union) => {
                line(name, &[&format!("union by {}", union.tag)]);
                for (variant, ty) in &union.variants {
                    let value = union.values.get(variant).map_or("", String::as_str);
                    line(&format!("{name}.{variant}"), &[&format!("{value}: {ty}")]);
                }
            }
            TypeSurface::Other(form) => line(name, &[&format!("is {form}")]),
        }
    }
    text
}
