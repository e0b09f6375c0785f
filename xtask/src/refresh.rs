//! Replaces the vendored schema by another version of it.
//!
//! Everything is read, checked and generated before the first file is touched. The schema is
//! replaced last: an interrupted refresh is one that can be run again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use seqera_codegen::document::Document;

use crate::files::{Changes, read_if_there};
use crate::generation::{self, Generation};
use crate::manifest::{self, Manifest};
use crate::report::{Report, compare_fixups};
use crate::source::Source;
use crate::{Outcome, PUBLISHED, changelog, coverage, diff, platform_table, provenance};

/// The vendored schema.
pub const SCHEMA: &str = "seqera-api-latest.yml";
/// Our documentation of it.
pub const OVERLAY: &str = "overlays/docs.yml";
/// The surface of the generated code, for reviewers.
pub const GOLDEN: &str = "tests/golden/surface.txt";
/// The changelog.
pub const CHANGELOG: &str = "CHANGELOG.md";

/// The options of `refresh-schema`.
#[derive(clap::Args)]
pub struct Options {
    /// A URL, a file, or `-` for standard input.
    #[arg(long, value_name = "SOURCE", default_value = PUBLISHED)]
    pub from: String,
    /// Writes nothing; exits with 1 if the vendored schema is behind.
    #[arg(long)]
    pub check: bool,
    /// Writes the report as Markdown to this file too.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How long a silent server is waited for, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
}

/// Refreshes, or checks whether a refresh is due.
pub fn run(root: &Path, options: &Options) -> Result<Outcome> {
    let source = Source::parse(&options.from)?;
    let bytes = source.read(Duration::from_secs(options.timeout))?;
    let refresh = Refresh::prepare(root, &source, &bytes)?;
    print!("{}", refresh.report.text());
    if let Some(path) = &options.report {
        let mut changes = Changes::default();
        changes.stage(path, &refresh.report.markdown())?;
        changes.commit()?;
    }
    if options.check {
        if refresh.is_new {
            println!("\n{SCHEMA} is behind.");
            return Ok(Outcome::Behind);
        }
        println!("\n{SCHEMA} is up to date.");
        return Ok(Outcome::Good);
    }
    let written = refresh.changes.commit()?;
    println!();
    if written.is_empty() {
        println!("Nothing to write.");
    }
    for path in written {
        println!(
            "wrote {}",
            path.strip_prefix(root).unwrap_or(&path).display()
        );
    }
    Ok(Outcome::Good)
}

/// A refresh that is ready to be written.
struct Refresh {
    changes: Changes,
    report: Report,
    /// Whether the new schema is another than the vendored one.
    is_new: bool,
}

impl Refresh {
    fn prepare(root: &Path, source: &Source, bytes: &[u8]) -> Result<Self> {
        let of_source = || source.to_string();
        let text = std::str::from_utf8(bytes)
            .map_err(|_| anyhow!("not a text in UTF-8"))
            .with_context(of_source)?;
        let document = Document::parse(text).with_context(of_source)?;
        let old_schema = read_if_there(&root.join(SCHEMA))?;
        let old_document = old_schema
            .as_deref()
            .and_then(|text| Document::parse(text).ok());
        check_kinship(&document, old_document.as_ref()).with_context(of_source)?;
        let schema = document.canonical().with_context(of_source)?;
        let is_new = old_schema.as_ref() != Some(&schema);

        let read = |name: &str| {
            read_if_there(&root.join(name))?.with_context(|| format!("there is no {name}"))
        };
        let mut manifest = Manifest::parse(&read("Cargo.toml")?)?;
        let current = manifest.version()?;
        let version = manifest.carry(document.version())?;

        let overlay = root.join(OVERLAY);
        let mut new = generation::of(&schema, &overlay).with_context(of_source)?;
        new.lacking
            .retain(|feature, _| manifest.has_feature(feature));
        let old = match old_schema.as_deref() {
            Some(text) if is_new => Some(generation::of(text, &overlay)),
            _ => None,
        };
        let (old, unknown) = match old {
            Some(Err(problem)) => {
                let problem = crate::one_line(&problem);
                let text = format!("the vendored schema can't be generated any more: {problem}");
                (None, Some(text))
            }
            old => (old.and_then(Result::ok), None),
        };
        let new_tags = manifest.add_tags(&new.report.tags)?;
        let report = compose(
            &document,
            &read(OVERLAY)?,
            &new,
            if is_new { old.as_ref() } else { Some(&new) },
            Known {
                version: old_document.as_ref().map(Document::version),
                unknown,
                current,
                new_tags,
                tags: manifest.tags()?,
            },
        )?;

        let mut changes = Changes::default();
        let mut stage = |name: &str, text: &str| changes.stage(&root.join(name), text);
        stage("Cargo.toml", &manifest.text())?;
        if let Some(lock) = read_if_there(&root.join("Cargo.lock"))? {
            let package = manifest.name()?;
            stage("Cargo.lock", &manifest::relock(&lock, &package, &version)?)?;
        }
        if let Some(entry) = report.changelog() {
            let old = read_if_there(&root.join(CHANGELOG))?;
            stage(CHANGELOG, &changelog::with_entry(old.as_deref(), &entry))?;
        }
        stage(GOLDEN, &new.golden)?;
        stage(platform_table::FILE, &platform_table::of(&document))?;
        if is_new || read_if_there(&root.join(provenance::FILE))?.is_none() {
            let record = provenance::record(source, document.version(), bytes);
            stage(provenance::FILE, &record)?;
        }
        stage(SCHEMA, &schema)?;
        Ok(Self {
            changes,
            report,
            is_new,
        })
    }
}

/// Refuses the document of another API: one that has next to no operation in common with ours.
fn check_kinship(new: &Document, old: Option<&Document>) -> Result<()> {
    let ids = |document: &Document| -> BTreeSet<String> {
        document
            .raw_operations()
            .filter_map(|(_, _, operation)| Some(operation["operationId"].as_str()?.to_owned()))
            .collect()
    };
    let title = new.tree["info"]["title"].as_str().unwrap_or("untitled");
    if let Some(old) = old {
        let (new, old) = (ids(new), ids(old));
        let common = new.intersection(&old).count();
        ensure!(
            common * 10 >= new.len().min(old.len()),
            "an OpenAPI document of another API: `{title}`"
        );
    }
    Ok(())
}

/// What the crate had before.
struct Known<'a> {
    /// The version of the vendored schema.
    version: Option<&'a str>,
    /// Why what else it had is not known.
    unknown: Option<String>,
    current: semver::Version,
    new_tags: Vec<String>,
    tags: BTreeSet<String>,
}

fn compose(
    document: &Document,
    overlay: &str,
    new: &Generation,
    old: Option<&Generation>,
    known: Known<'_>,
) -> Result<Report> {
    let coverage = coverage::measure(document, overlay)?;
    let tags: BTreeSet<&String> = new.report.tags.iter().collect();
    Ok(Report {
        from: known.version.map(str::to_owned),
        to: new.report.version.clone(),
        current: known.current,
        changes: old
            .map(|old| diff::compare(&old.surface, &new.surface))
            .unwrap_or_default(),
        unknown: known.unknown,
        fixups: compare_fixups(
            old.map(|old| old.report.fixups.as_slice()),
            &new.report.fixups,
        ),
        lacking: new
            .lacking
            .iter()
            .map(|(feature, operations)| {
                let operations: Vec<_> = operations.iter().map(String::as_str).collect();
                format!("`{feature}` needs `{}`", operations.join("`, `"))
            })
            .collect(),
        grafted: new.report.grafted.clone(),
        unrecognised_paging: new.report.unrecognised_paging.clone(),
        undocumented_operations: coverage.operations.missing,
        undocumented_types: coverage.types.missing,
        dangling_documentation: new.report.dangling_documentation.clone(),
        gone_tags: known
            .tags
            .iter()
            .filter(|tag| !tags.contains(tag))
            .cloned()
            .collect(),
        new_tags: known.new_tags,
    })
}
