//! The surface for reviewers: a line for each operation.

use std::fmt::Write as _;

use crate::model::operations::{Lowered, find};
use crate::model::surface::{body, reply, short};

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
    let paged = if entry.paging.is_some() {
        " [paged]"
    } else {
        ""
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
