//! Replaces the vendored schema by another version of it.
//!
//! Everything is read, checked and generated before the first file is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use seqera_codegen::document::Document;
use seqera_codegen::names::type_name;
use seqera_codegen::surface::Surface;

use crate::diff::{Change, Kind, Subject};
use crate::files::{self, CHANGELOG, Changes, OVERLAY, SCHEMA, read, read_if_there};
use crate::generation::{self, Bounds, Generation};
use crate::manifest::{self, Manifest, carrying};
use crate::provenance::{self, Provenance, checksum};
use crate::release::{self, RELEASED_SCHEMA, Released, Step};
use crate::report::{Report, Verdict, compare_fixups, count};
use crate::say::say;
use crate::source::Source;
use crate::spelling::of_program;
use crate::{Outcome, PUBLISHED, changelog, coverage, diff, platform_table};

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
    /// How long a silent server or process is waited for, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Takes a schema that has less than half of the operations that are known.
    #[arg(long)]
    pub fewer_operations: bool,
    /// What reading and generating may take.
    #[command(flatten)]
    pub bounds: Bounds,
}

/// Refreshes, or checks whether a refresh is due.
pub fn run(root: &Path, options: &Options) -> Result<Outcome> {
    let source = Source::parse(&options.from)?;
    let bytes = source.read(Duration::from_secs(options.timeout))?;
    if !options.check && files::recover(root)? {
        say("An interrupted refresh is completed.\n");
    }
    let refresh = Refresh::prepare(root, &source, &bytes, options)?;
    say(refresh.report.text());
    if let Some(path) = &options.report {
        files::write(path, &refresh.report.markdown())?;
    }
    let can_be_built = refresh.report.lost_features.is_empty();
    if options.check {
        let verdict = if refresh.report.is_new {
            "behind"
        } else {
            "up to date"
        };
        say(format!("{SCHEMA} is {verdict}."));
        let is_good = !refresh.report.is_new && can_be_built;
        return Ok(Outcome::good_if(is_good));
    }
    let written = refresh.changes.commit()?;
    if written.is_empty() {
        say("Nothing to write.");
    }
    for name in written {
        let verb = if root.join(&name).exists() {
            "wrote"
        } else {
            "removed"
        };
        say(format!("{verb} {name}"));
    }
    Ok(Outcome::good_if(can_be_built))
}

/// A refresh that is ready to be written.
struct Refresh {
    changes: Changes,
    report: Report,
}

/// A schema, and what the generator makes of it.
struct Side<'a> {
    schema: &'a str,
    generation: Generation,
}

impl Refresh {
    fn prepare(root: &Path, source: &Source, bytes: &[u8], options: &Options) -> Result<Self> {
        let of_source = || source.to_string();
        let schema = generation::read(bytes, options.bounds).with_context(of_source)?;
        let document = Document::parse(&schema).with_context(of_source)?;
        let old_schema = read_if_there(&root.join(SCHEMA))?;
        let old_document = old_schema
            .as_deref()
            .and_then(|text| Document::parse(text).ok());
        if let Some(old) = &old_document {
            check_kinship(&document, old, options.fewer_operations).with_context(of_source)?;
        }
        let is_new = old_schema.as_ref() != Some(&schema);
        let old_record = read_if_there(&root.join(provenance::FILE))?;
        let old_record = old_record.as_deref().map(Provenance::parse).transpose()?;
        let released = match (&old_record, &old_schema) {
            (Some(record), Some(old)) => Released::find(root, record, old)?,
            _ => None,
        };

        let overlay = root.join(OVERLAY);
        let new = Side {
            generation: generation::of(&schema, &overlay, options.bounds)
                .with_context(of_source)?,
            schema: &schema,
        };
        let generate = |schema| -> Result<Side<'_>> {
            let generation = generation::of(schema, &overlay, options.bounds)?;
            Ok(Side { schema, generation })
        };
        let old = old_schema.as_deref().filter(|_| is_new).map(generate);
        let (old, unknown) = match old {
            Some(Err(problem)) => {
                let problem = crate::one_line(&problem);
                let text = format!("the vendored schema can't be generated any more: {problem}");
                (None, Some(text))
            }
            old => (old.and_then(Result::ok), None),
        };
        let old = if is_new { old.as_ref() } else { Some(&new) };

        let mut manifest = Manifest::parse(&read(root, "Cargo.toml")?)?;
        let current = manifest.version()?;
        let verdict = match &released {
            None => None,
            Some(released) => {
                let mut known = [Some(&new), old].into_iter().flatten();
                let known = known.rfind(|side| side.schema == released.schema);
                let made;
                let side = match known {
                    Some(side) => side,
                    None => {
                        made = generate(&released.schema).context("the released schema")?;
                        &made
                    }
                };
                Some(judge(&current, released, side, old, &new))
            }
        };
        let next = match &verdict {
            Some(verdict) => verdict.next.clone(),
            None => manifest::plain(&current),
        };
        let version = carrying(&next, document.version())?;
        manifest.set_version(&version)?;
        let new_tags = manifest.add_tags(&new.generation.report.tags)?;

        let mut record = Provenance::new(source, document.version(), bytes, &schema);
        record.release = old_record.as_ref().and_then(|old| old.release.clone());
        let from = old_document.as_ref().zip(old_schema.as_deref());
        let from = from.map(|(old, text)| (old.version().to_owned(), checksum(text.as_bytes())));
        let comparison = Comparison {
            from,
            to: record.clone(),
            is_new,
            unknown,
            verdict,
            new_tags,
        };
        let overlay = read(root, OVERLAY)?;
        let old = old.map(|old| &old.generation);
        let report = compose(
            &document,
            &overlay,
            &manifest,
            old,
            &new.generation,
            comparison,
        )?;

        let mut changes = Changes::new(root);
        changes.stage("Cargo.toml", &manifest.text())?;
        if let Some(lock) = read_if_there(&root.join("Cargo.lock"))? {
            let package = manifest.name()?;
            changes.stage("Cargo.lock", &manifest::relock(&lock, &package, &version)?)?;
        }
        for (name, other) in release::requiring(root, &manifest, &version)? {
            changes.stage(&name, &other)?;
        }
        if let Some(entry) = report.changelog() {
            let old = read_if_there(&root.join(CHANGELOG))?;
            changes.stage(CHANGELOG, &changelog::with_entry(old.as_deref(), &entry))?;
        }
        for (name, text) in &new.generation.golden {
            changes.stage(name, text)?;
        }
        changes.stage(platform_table::FILE, &platform_table::of(&document))?;
        match &released {
            Some(released) if released.schema != schema => {
                changes.stage(RELEASED_SCHEMA, &released.schema)?;
            }
            _ => changes.stage_removal(RELEASED_SCHEMA),
        }
        if is_new || old_record.is_none() {
            changes.stage(provenance::FILE, &record.text())?;
        }
        changes.stage(SCHEMA, &schema)?;
        Ok(Self { changes, report })
    }
}

/// Writes the golden files of the vendored schema, after a change of the generator.
pub fn write_golden(root: &Path) -> Result<Outcome> {
    let generation = generation::of(&read(root, SCHEMA)?, &root.join(OVERLAY), Bounds::default())?;
    let mut changes = Changes::new(root);
    for (name, text) in &generation.golden {
        changes.stage(name, text)?;
    }
    for name in changes.commit()? {
        say(format!("wrote {name}"));
    }
    Ok(Outcome::Good)
}

/// Refuses the document of another API, and one of which next to nothing is left.
fn check_kinship(new: &Document, old: &Document, may_have_fewer_operations: bool) -> Result<()> {
    let ids = |document: &Document| -> BTreeSet<String> {
        document
            .raw_operations()
            .filter_map(|(_, _, operation)| Some(operation["operationId"].as_str()?.to_owned()))
            .collect()
    };
    let title = new.tree["info"]["title"].as_str().unwrap_or("untitled");
    let (new, old) = (ids(new), ids(old));
    let common = new.intersection(&old).count();
    ensure!(
        common * 10 >= new.len().min(old.len()),
        "an OpenAPI document of another API: `{title}`"
    );
    ensure!(
        may_have_fewer_operations || new.len() * 2 >= old.len(),
        "it has {} operations, and the vendored schema {}: is it cut off? If not, add --fewer-operations",
        new.len(),
        old.len()
    );
    Ok(())
}

/// Works out what everything that is unreleased means for the crate's version.
fn judge(
    current: &semver::Version,
    released: &Released,
    side: &Side<'_>,
    old: Option<&Side<'_>>,
    new: &Side<'_>,
) -> Verdict {
    let since = |other: &Side<'_>| -> (Step, Vec<Change>) {
        if other.schema == side.schema {
            return (Step::None, Vec::new());
        }
        let changes = diff::compare(&side.generation.surface, &other.generation.surface);
        (Step::of(&changes), changes)
    };
    let before = old.map(|old| since(old).0);
    let (step, changes) = since(new);
    Verdict {
        released: released.version.clone(),
        step,
        changes: count(&changes),
        next: release::next(current, &released.version, before, step),
    }
}

/// What is known before the two sides are compared.
struct Comparison {
    from: Option<(String, String)>,
    to: Provenance,
    is_new: bool,
    unknown: Option<String>,
    verdict: Option<Verdict>,
    new_tags: Vec<String>,
}

fn compose(
    document: &Document,
    overlay: &str,
    manifest: &Manifest,
    old: Option<&Generation>,
    new: &Generation,
    comparison: Comparison,
) -> Result<Report> {
    let coverage = coverage::measure(document, overlay)?;
    let tags: BTreeSet<&String> = new.report.tags.iter().collect();
    let mut gone_tags = manifest.tags()?;
    gone_tags.retain(|tag| !tags.contains(tag));
    let spelled = |names: &[String]| -> Vec<String> {
        let names = names.iter().map(|name| of_program(name, &new.surface));
        names.collect()
    };
    let types = coverage.types.missing.iter().map(|name| type_name(name));
    let mut changes = old
        .map(|old| diff::compare(&old.surface, &new.surface))
        .unwrap_or_default();
    add_summaries(&mut changes, &new.surface, document);
    let grafted_before = old.map_or(&[][..], |old| &old.report.grafted);
    let no_longer = |name: &&String| !new.report.grafted.contains(name);
    let no_longer: Vec<String> = grafted_before.iter().filter(no_longer).cloned().collect();
    let mut lacking: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for lack in &new.lacking {
        if manifest.has_feature(&lack.feature) {
            let of_feature = lacking.entry(lack.feature.clone()).or_default();
            // Types and their members are listed as programs write them.
            let name = match lack.kind.as_str() {
                "type" | "field" | "value" => lack.name.clone(),
                _ => of_program(&lack.name, &new.surface),
            };
            let form = match &lack.found {
                Some(found) => format!(" as `{}`, not `{found}`", lack.wanted),
                None => String::new(),
            };
            let text = format!("`{name}`{form}");
            if !of_feature.contains(&text) {
                of_feature.push(text);
            }
        }
    }
    Ok(Report {
        from: comparison.from,
        to: comparison.to,
        is_new: comparison.is_new,
        changes,
        unknown: comparison.unknown,
        verdict: comparison.verdict,
        fixups: compare_fixups(
            old.map(|old| old.report.fixups.as_slice()),
            &new.report.fixups,
        ),
        lost_features: manifest.building_on(&lacking.keys().cloned().collect()),
        lacking,
        grafted: spelled(&new.report.grafted),
        no_longer_grafted: spelled(&no_longer),
        unrecognised_paging: spelled(&new.report.unrecognised_paging),
        undocumented_operations: spelled(&coverage.operations.missing),
        undocumented_types: types.collect(),
        dangling_documentation: new.report.dangling_documentation.clone(),
        is_older_than_documented: coverage::is_newer(overlay, document.version())?,
        gone_tags: gone_tags.into_iter().collect(),
        new_tags: comparison.new_tags,
    })
}

/// Says of new operations what the schema itself says of them.
fn add_summaries(changes: &mut [Change], surface: &Surface, document: &Document) {
    let of_schema: BTreeMap<&str, &str> = document
        .raw_operations()
        .filter_map(|(_, _, operation)| {
            let text = operation["summary"].as_str()?.trim();
            Some((operation["operationId"].as_str()?, text))
        })
        .collect();
    for change in changes {
        if (change.subject, change.kind) != (Subject::Operation, Kind::Added) {
            continue;
        }
        let operation = surface.operations.get(&change.name);
        let summary = operation.and_then(|operation| of_schema.get(operation.id.as_str()));
        if let Some(summary) = summary.filter(|summary| !summary.is_empty()) {
            change.detail = format!("{}: {summary}", change.detail);
        }
    }
}
