//! Generates the bindings from the vendored schema. Reads files of this package, nothing else.

use std::path::PathBuf;
use std::{env, fs, process};

use seqera_codegen::{Tags, generate, needs};

const SCHEMA: &str = "seqera-api-latest.yml";
const OVERLAY: &str = "overlays/docs.yml";

fn main() {
    if let Err(problem) = run() {
        eprintln!("error: {SCHEMA} can't be generated: {problem:#}");
        process::exit(1);
    }
}

fn run() -> anyhow::Result<()> {
    for input in [SCHEMA, OVERLAY] {
        println!("cargo::rerun-if-changed={input}");
    }
    let tags = enabled_tags();
    let output = generate(
        &fs::read_to_string(SCHEMA)?,
        Some(&fs::read_to_string(OVERLAY)?),
        &tags,
    )?;
    needs::check(&output.report.version, &output.inventory, &tags)?;
    let directory = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(directory.join("types.rs"), &output.types)?;
    fs::write(directory.join("operations.rs"), &output.operations)?;
    if env::var_os("CARGO_FEATURE_MOCK").is_some() {
        fs::write(directory.join("mocks.rs"), output.mocks()?)?;
    }
    if env::var_os("CARGO_FEATURE_OPERATIONS").is_some() {
        fs::write(
            directory.join("operation_table.rs"),
            output.operation_table()?,
        )?;
    }
    if env::var_os("CARGO_FEATURE_TABLES").is_some() {
        fs::write(directory.join("calls.rs"), output.calls()?)?;
        fs::write(directory.join("examples.rs"), output.examples()?)?;
        fs::write(directory.join("round_trips.rs"), output.round_trips()?)?;
    }
    Ok(())
}

/// The schema's tags are features of the same names.
fn enabled_tags() -> Tags {
    // Other variables may be no text.
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let enabled = names.filter_map(|name| Some(name.strip_prefix("CARGO_FEATURE_")?.to_owned()));
    Tags::from_features(enabled)
}
