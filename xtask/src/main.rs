//! What the maintainers of the crate run: `cargo xtask --help`.

mod changelog;
mod check;
mod coverage;
mod diff;
mod files;
mod generation;
mod manifest;
mod needs;
mod platform_table;
mod provenance;
mod refresh;
mod release;
mod report;
mod say;
mod source;
mod spelling;
mod try_schema;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::ensure;
use clap::{Parser, Subcommand};

/// Where the vendor publishes the schema.
const PUBLISHED: &str = "https://cloud.seqera.io/openapi/seqera-api-latest.yml";

/// Maintains the `seqera` crate.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    /// The folder of the crate.
    #[arg(long, global = true, hide = true, default_value = env!("CARGO_MANIFEST_DIR").trim_end_matches("xtask"))]
    root: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Replaces the vendored schema by another version, and reports what that means for users.
    ///
    /// Nothing is written unless the crate can be generated from the new schema. Exits with 1 if
    /// it is written, and features can't be built with it; the first line names them.
    RefreshSchema(refresh::Options),
    /// Checks everything that can be checked offline without compiling.
    Check,
    /// Shows how much of the API our own documentation covers.
    Coverage {
        /// Lists what is not documented.
        #[arg(long)]
        missing: bool,
    },
    /// Generates and compiles a scratch copy of the crate with other schemas.
    ///
    /// Exits with 1 unless all of the crate compiles with each of them.
    TrySchema(try_schema::Trial),
    /// Makes the present state the one that version numbers are counted from; run after a release.
    MarkReleased,
    /// Writes the golden files of the vendored schema, after a change of the generator.
    Golden,
    /// Lists what hand-written code needs of the schema, in `codegen/src/model/needs.txt`.
    Needs {
        /// Writes nothing; exits with 1 if the list is behind.
        #[arg(long)]
        check: bool,
    },
    /// Puts the document on standard input in order: a part of `refresh-schema` that runs in a
    /// process of its own.
    #[command(hide = true, name = generation::READ)]
    ReadSchema {
        #[command(flatten)]
        bounds: generation::Bounds,
    },
    /// Generates from the schema on standard input: another such part.
    #[command(hide = true, name = generation::GENERATE)]
    Generate {
        /// The overlay.
        overlay: PathBuf,
        #[command(flatten)]
        bounds: generation::Bounds,
    },
}

fn main() -> ExitCode {
    let Arguments { root, command } = Arguments::parse();
    let outcome = is_whole(&root, &command).and_then(|()| match command {
        Command::RefreshSchema(options) => refresh::run(&root, &options),
        Command::Check => check::run(&root),
        Command::Coverage { missing } => coverage::run(&root, missing),
        Command::TrySchema(trial) => try_schema::run(&root, &trial),
        Command::Needs { check } => needs::run(&root, check),
        Command::Golden => refresh::write_golden(&root),
        Command::MarkReleased => release::mark(&root),
        Command::ReadSchema { bounds } => generation::serve_read(bounds),
        Command::Generate { overlay, bounds } => generation::serve_generate(&overlay, bounds),
    });
    match outcome {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Behind) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("error: {}", one_line(&problem));
            ExitCode::from(2)
        }
    }
}

/// Keeps commands from working on files some of which are old and some new. The exceptions are the
/// one that completes them, and the one that tells.
fn is_whole(root: &Path, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Check => Ok(()),
        Command::RefreshSchema(options) if !options.check => Ok(()),
        _ => {
            ensure!(
                !files::is_unfinished(root),
                "a refresh was interrupted: run `cargo xtask refresh-schema`, which completes it first"
            );
            Ok(())
        }
    }
}

/// How a command ended that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// All is as it should be.
    Good,
    /// Something is behind, or wrong; the command said what.
    Behind,
}

impl Outcome {
    fn good_if(is_good: bool) -> Self {
        if is_good { Self::Good } else { Self::Behind }
    }

    fn and(self, other: Self) -> Self {
        Self::good_if(self == Self::Good && other == Self::Good)
    }
}

/// An error and its causes in one line of bearable length.
fn one_line(problem: &anyhow::Error) -> String {
    const LONGEST: usize = 600;
    let text = format!("{problem:#}");
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(cut);
        line.push('…');
    }
    line
}
