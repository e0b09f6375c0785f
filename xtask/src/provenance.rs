//! The tracked record of where the vendored schema came from, and of what was released last.

use anyhow::{Context, Result};
use semver::Version;
use sha2::{Digest, Sha256};
use toml_edit::{DocumentMut, Item, Table, value};

use crate::source::Source;

/// The file, in the root of the repository.
pub const FILE: &str = "schema-provenance.toml";

const HEAD: &str = "\
# Where seqera-api-latest.yml comes from: written by `cargo xtask refresh-schema`.
# `sha256` is the checksum of the source as it was read, `kept_sha256` that of the file as it is
# kept, which nobody edits by hand.
";

const RELEASE: &str = "
# What version numbers are counted from: the last release, or before the first one what it was
# prepared with. Written by `cargo xtask mark-released`.
";

/// The record.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Where the schema was read.
    pub source: String,
    /// Its version.
    pub version: String,
    /// The checksum of what was read.
    pub sha256: String,
    /// The checksum of the file that is kept.
    pub kept_sha256: String,
    /// The day on which it was read.
    pub date: String,
    /// What was released last.
    pub release: Option<Release>,
}

/// What was released last.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// The version of the crate.
    pub version: Version,
    /// The checksum of the schema that it had, as it was kept.
    pub schema_sha256: String,
}

impl Provenance {
    /// What is to be known of a schema. `bytes` are the source's own, `kept` is what became of them.
    pub fn new(source: &Source, version: &str, bytes: &[u8], kept: &str) -> Self {
        Self {
            source: source.to_string(),
            version: version.to_owned(),
            sha256: checksum(bytes),
            kept_sha256: checksum(kept.as_bytes()),
            date: today(),
            release: None,
        }
    }

    /// Reads the record.
    pub fn parse(text: &str) -> Result<Self> {
        let record: DocumentMut = text.parse().with_context(|| format!("{FILE} is no TOML"))?;
        let field = |table: &Table, name: &str| {
            let field = table.get(name).and_then(Item::as_str).map(str::to_owned);
            field.with_context(|| format!("{FILE} has no `{name}`"))
        };
        let release = match record.get("release").and_then(Item::as_table) {
            Some(release) => Some(Release {
                version: Version::parse(&field(release, "version")?)?,
                schema_sha256: field(release, "schema_sha256")?,
            }),
            None => None,
        };
        let field = |name| field(&record, name);
        Ok(Self {
            source: field("source")?,
            version: field("version")?,
            sha256: field("sha256")?,
            kept_sha256: field("kept_sha256")?,
            date: field("date")?,
            release,
        })
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut record = DocumentMut::new();
        for (name, field) in [
            ("source", &self.source),
            ("version", &self.version),
            ("sha256", &self.sha256),
            ("kept_sha256", &self.kept_sha256),
            ("date", &self.date),
        ] {
            record[name] = value(field);
        }
        if let Some(release) = &self.release {
            let mut table = Table::new();
            table["version"] = value(release.version.to_string());
            table["schema_sha256"] = value(&release.schema_sha256);
            table.decor_mut().set_prefix(RELEASE);
            record["release"] = Item::Table(table);
        }
        format!("{HEAD}{record}")
    }
}

/// The checksum by which contents are known.
pub fn checksum(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The day, in UTC.
pub fn today() -> String {
    chrono::Utc::now().format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_what_was_read_what_is_kept_and_what_was_released() {
        let mut record = Provenance::new(&Source::Stdin, "1.2.3", b"abc", "");
        assert_eq!(Provenance::parse(&record.text()).unwrap(), record);
        assert!(record.text().contains("source = \"standard input\"\n"));
        // The checksum of `abc` in FIPS 180-2.
        assert!(record.text().contains(
            "\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n"
        ));
        record.release = Some(Release {
            version: Version::parse("0.4.0+1.2.0").unwrap(),
            schema_sha256: checksum(b"abc"),
        });
        assert_eq!(Provenance::parse(&record.text()).unwrap(), record);
        let problem = Provenance::parse("source = \"x\"").unwrap_err();
        assert!(problem.to_string().contains("`version`"), "{problem}");
    }
}
