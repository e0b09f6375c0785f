//! The tracked record of where the vendored schema came from.

use sha2::{Digest, Sha256};

use crate::source::Source;

/// The file, in the root of the repository.
pub const FILE: &str = "schema-provenance.toml";

/// Writes the record. `bytes` are the source's own, before they are put in order.
pub fn record(source: &Source, version: &str, bytes: &[u8]) -> String {
    let mut record = toml_edit::DocumentMut::new();
    record["source"] = toml_edit::value(source.to_string());
    record["version"] = toml_edit::value(version);
    record["sha256"] = toml_edit::value(hex(&Sha256::digest(bytes)));
    record["date"] = toml_edit::value(chrono::Utc::now().format("%Y-%m-%d").to_string());
    format!(
        "# Where seqera-api-latest.yml comes from: written by `cargo xtask refresh-schema`.\n\
         # The checksum is that of the source as it was read.\n{record}"
    )
}

/// The version in a record.
pub fn version(record: &str) -> Option<String> {
    let record: toml_edit::DocumentMut = record.parse().ok()?;
    Some(record.get("version")?.as_str()?.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_what_was_read() {
        let record = record(&Source::Stdin, "1.2.3", b"abc");
        assert!(record.contains("source = \"standard input\"\n"));
        // The checksum of `abc` in FIPS 180-2.
        assert!(record.contains(
            "sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n"
        ));
        assert_eq!(version(&record).as_deref(), Some("1.2.3"));
    }
}
