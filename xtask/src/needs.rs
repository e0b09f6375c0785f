//! Lists what hand-written code needs of the schema, by what the compiler says of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use seqera_codegen::surface::Surface;
use seqera_codegen::{Tags, generate, marks, needs};
use serde_json::Value;

use crate::Outcome;
use crate::files::{Changes, OVERLAY, SCHEMA, read};
use crate::say::say;
use crate::try_schema;

/// The list.
const LIST: &str = "codegen/src/model/needs.txt";

/// Writes the list, or checks whether it is what it should be.
pub fn run(root: &Path, check: bool) -> Result<Outcome> {
    let read = |name: &str| read(root, name);
    let output = generate(&read(SCHEMA)?, Some(&read(OVERLAY)?), &Tags::All)?;
    let surface = &output.inventory;
    let place = root.join(try_schema::PLACE);
    let scratch = place.join(try_schema::COPY);
    try_schema::copy(root, &scratch)?;
    // A list that is behind would keep the crate from being compiled.
    fs::write(scratch.join(LIST), "")?;
    let includes = scratch.join("src/generated.rs");
    let mut including =
        fs::read_to_string(&includes)?.replacen("#![allow(", "#![allow(deprecated, ", 1);
    for (name, source) in [("types", &output.types), ("operations", &output.operations)] {
        let marked = place.join(format!("marked-{name}.rs"));
        fs::write(&marked, marks::mark(source)?)?;
        let of_build = format!("concat!(env!(\"OUT_DIR\"), \"/{name}.rs\")");
        ensure!(
            including.contains(&of_build),
            "src/generated.rs does not include {name}.rs"
        );
        including = including.replace(&of_build, &format!("{:?}", fs::canonicalize(marked)?));
    }
    fs::write(&includes, including)?;
    let compiled = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args([
            "check",
            "--quiet",
            "--package",
            "seqera",
            "--message-format=json",
        ])
        .current_dir(&scratch)
        .env("CARGO_TARGET_DIR", try_schema::target(root)?)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo can't be started")?;
    let messages = String::from_utf8_lossy(&compiled.stdout);
    let found: BTreeSet<String> = messages.lines().flat_map(needs_of).collect();
    ensure!(
        compiled.status.success(),
        "the marked crate does not compile"
    );
    ensure!(!found.is_empty(), "the compiler told nothing");

    let text: String = found
        .iter()
        .map(|need| with_form(need, surface) + "\n")
        .collect();
    if read(LIST)? == text {
        say(format!("{LIST} is up to date."));
        return Ok(Outcome::Good);
    }
    if check {
        say(format!("{LIST} is behind: run `cargo xtask needs`."));
        return Ok(Outcome::Behind);
    }
    let mut changes = Changes::new(root);
    changes.stage(LIST, &text)?;
    changes.commit()?;
    say(format!("wrote {LIST}"));
    Ok(Outcome::Good)
}

/// The needs that a message of the compiler tells of: a line of the list for each place.
fn needs_of(message: &str) -> Vec<String> {
    let message: Value = serde_json::from_str(message).unwrap_or_default();
    let text = message["message"]["message"].as_str().unwrap_or_default();
    let Some((_, need)) = text.split_once(marks::MARK) else {
        return Vec::new();
    };
    let spans = message["message"]["spans"].as_array();
    let files = spans.into_iter().flatten().filter_map(|span| {
        let file = span["file_name"].as_str()?.replace('\\', "/");
        let file = file.strip_prefix("src/")?;
        Some(format!("{} {file} {need}", feature_of(file)?))
    });
    files.collect()
}

/// A line of the list with what the thing has to be.
fn with_form(need: &str, surface: &Surface) -> String {
    let mut words = need.split(' ').skip(2);
    let form = words.next().zip(words.next());
    let form = form.and_then(|(kind, name)| needs::form(kind, name, surface));
    match form.filter(|form| !form.is_empty()) {
        Some(form) => format!("{need}: {form}"),
        None => need.to_owned(),
    }
}

/// The feature with which a file is compiled: its folder is called as the feature; none for files
/// that are part of what is generated.
fn feature_of(file: &str) -> Option<&str> {
    let folder = file.split(['/', '.']).next()?;
    ["names", "runs", "transfers"]
        .contains(&folder)
        .then_some(folder)
}
