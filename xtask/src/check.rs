//! Checks everything that can be checked offline without compiling.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use seqera_codegen::document::Document;

use crate::files::{CHANGELOG, OVERLAY, SCHEMA, is_unfinished, read};
use crate::generation::{self, Bounds, Generation};
use crate::manifest::{Manifest, carrying};
use crate::provenance::{self, Provenance, checksum};
use crate::release::{self, Released};
use crate::say::say;
use crate::{Outcome, coverage, platform_table};

/// The least share of operations, parameters, fields of requests and of replies, and types, each, that our
/// documentation must cover, in percent. Not all, so that a schema with new operations can be
/// released before they are documented.
const LEAST_COVERAGE: f64 = 95.0;

/// What the checks look at.
struct Crate<'a> {
    root: &'a Path,
    overlay: String,
    /// Whether our documentation was written for a newer version of the API: of what it says, this
    /// one may lack some.
    is_older: bool,
    schema: String,
    document: Document,
    generation: Generation,
    manifest: Manifest,
}

/// A check: its name, and what is wrong if it fails.
type Check = (&'static str, fn(&Crate<'_>) -> Result<()>);

/// What is worth a note only, where the schema is older than the documentation: nobody mends what
/// the vendor has mended since.
const OF_NEWER_VERSIONS: [Check; 3] = [
    ("every list operation pages", paging),
    ("our documentation has no target that is gone", targets),
    ("our documentation covers the API", covers),
];

const CHECKS: [Check; 8] = [
    ("no refresh was interrupted", whole),
    ("the vendored schema is in canonical order", canonical),
    ("the golden surface is that of the schema", golden),
    ("the test Platform's table is that of the schema", table),
    ("each tag has a feature", features),
    ("the crate's version carries the schema's", version),
    ("the vendored schema is as it was kept", origin),
    ("the last release is known", release),
];

/// Runs all checks.
pub fn run(root: &Path) -> Result<Outcome> {
    let schema = read(root, SCHEMA)?;
    let manifest = Manifest::parse(&read(root, "Cargo.toml")?)?;
    let overlay = read(root, OVERLAY)?;
    let generation =
        generation::of(&schema, &root.join(OVERLAY), Bounds::default()).context(SCHEMA)?;
    let document = Document::parse(&schema).context(SCHEMA)?;
    let subject = Crate {
        root,
        is_older: coverage::is_newer(&overlay, document.version())?,
        overlay,
        document,
        generation,
        manifest,
        schema,
    };
    let mut outcome = Outcome::Good;
    for (name, check) in CHECKS {
        outcome = outcome.and(tell(name, check(&subject), "FAILED"));
    }
    for (name, check) in OF_NEWER_VERSIONS {
        if subject.is_older {
            tell(name, check(&subject), "note  ");
        } else {
            outcome = outcome.and(tell(name, check(&subject), "FAILED"));
        }
    }
    let fixups = subject.generation.report.fixups.iter();
    let idle = fixups.filter(|fixup| fixup.count == 0);
    let idle: Vec<&str> = idle.map(|fixup| fixup.name.as_str()).collect();
    if !idle.is_empty() {
        say(format!(
            "note    fixups that apply nowhere: {}",
            idle.join(", ")
        ));
    }
    let tags = &subject.generation.report.tags;
    let mut features = subject.manifest.tags()?;
    features.retain(|feature| !tags.contains(feature));
    if !features.is_empty() {
        let features: Vec<String> = features.into_iter().collect();
        say(format!(
            "note    features whose tags are gone: {}",
            features.join(", ")
        ));
    }
    Ok(outcome)
}

/// Says how a check ended; one that fails does not keep the others from running.
fn tell(name: &str, checked: Result<()>, failed: &str) -> Outcome {
    match checked {
        Ok(()) => {
            say(format!("ok      {name}"));
            Outcome::Good
        }
        Err(problem) => {
            say(format!("{failed}  {name}: {}", crate::one_line(&problem)));
            Outcome::Behind
        }
    }
}

fn canonical(subject: &Crate<'_>) -> Result<()> {
    ensure!(
        subject.document.canonical()? == subject.schema,
        "run `cargo xtask refresh-schema --from {SCHEMA}`"
    );
    Ok(())
}

fn golden(subject: &Crate<'_>) -> Result<()> {
    for (name, text) in &subject.generation.golden {
        ensure!(
            read(subject.root, name)? == *text,
            "run `cargo xtask golden` and review the difference in {name}"
        );
    }
    Ok(())
}

fn table(subject: &Crate<'_>) -> Result<()> {
    ensure!(
        read(subject.root, platform_table::FILE)? == platform_table::of(&subject.document),
        "run `cargo xtask refresh-schema --from {SCHEMA}`"
    );
    Ok(())
}

fn features(subject: &Crate<'_>) -> Result<()> {
    let features = subject.manifest.tags()?;
    let tags = subject.generation.report.tags.iter();
    let missing: Vec<_> = tags.filter(|tag| !features.contains(*tag)).collect();
    ensure!(missing.is_empty(), "no feature for {missing:?}");
    Ok(())
}

fn version(subject: &Crate<'_>) -> Result<()> {
    let version = subject.manifest.version()?;
    let expected = carrying(&version, subject.document.version())?;
    ensure!(version == expected, "it is {version}, not {expected}");
    let lock = read(subject.root, "Cargo.lock")?;
    ensure!(
        lock.contains(&format!("version = \"{expected}\"")),
        "Cargo.lock does not follow"
    );
    for (name, text) in release::requiring(subject.root, &subject.manifest, &version)? {
        ensure!(
            read(subject.root, &name)? == text,
            "{name} wants another one"
        );
    }
    Ok(())
}

fn whole(subject: &Crate<'_>) -> Result<()> {
    ensure!(
        !is_unfinished(subject.root),
        "some files are old, some new: run `cargo xtask refresh-schema`, which completes it first"
    );
    Ok(())
}

fn origin(subject: &Crate<'_>) -> Result<()> {
    let record = Provenance::parse(&read(subject.root, provenance::FILE)?)?;
    let version = subject.document.version();
    ensure!(
        record.version == version,
        "{} is of version {}, the schema of {version}",
        provenance::FILE,
        record.version
    );
    ensure!(
        record.kept_sha256 == checksum(subject.schema.as_bytes()),
        "{SCHEMA} is not the file that was kept: it was edited by hand, or its refresh was not whole"
    );
    Ok(())
}

fn release(subject: &Crate<'_>) -> Result<()> {
    let record = Provenance::parse(&read(subject.root, provenance::FILE)?)?;
    Released::find(subject.root, &record, &subject.schema)?;
    let changelog = read(subject.root, CHANGELOG)?;
    ensure!(
        changelog.to_ascii_lowercase().contains("unreleased"),
        "{CHANGELOG} has no unreleased section"
    );
    Ok(())
}

fn paging(subject: &Crate<'_>) -> Result<()> {
    let unknown = &subject.generation.report.unrecognised_paging;
    ensure!(unknown.is_empty(), "{}", unknown.join(", "));
    Ok(())
}

fn targets(subject: &Crate<'_>) -> Result<()> {
    let gone = &subject.generation.report.dangling_documentation;
    let count = gone.len();
    ensure!(
        count == 0 || !subject.is_older,
        "{count} are of newer versions"
    );
    ensure!(gone.is_empty(), "{}", gone.join(", "));
    Ok(())
}

fn covers(subject: &Crate<'_>) -> Result<()> {
    let coverage = coverage::measure(&subject.document, &subject.overlay)?;
    for (name, part) in coverage.parts() {
        ensure!(
            part.percent() >= LEAST_COVERAGE,
            "{:.1} % of the {name}, {LEAST_COVERAGE} % wanted: see `cargo xtask coverage --missing`",
            part.percent()
        );
    }
    Ok(())
}
