//! What was released last, and the number that follows from what changed since.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use semver::Version;

use crate::diff::Change;
use crate::files::{self, CHANGELOG, Changes, SCHEMA, read, read_if_there};
use crate::manifest::{Manifest, plain};
use crate::provenance::{self, Provenance, Release, checksum, today};
use crate::say::say;
use crate::{Outcome, changelog};

/// The schema of the last release. It is there while the vendored one is another.
pub const RELEASED_SCHEMA: &str = "seqera-api-released.yml";

/// How a version number is to be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The schema is that of the release.
    None,
    /// Nothing that a program can name is different.
    Fix,
    /// There is more than before.
    Feature,
    /// Programs may stop to compile or to work.
    Breaking,
}

impl Step {
    /// The step that follows from the changes that another schema makes.
    pub fn of(changes: &[Change]) -> Self {
        if changes.iter().any(|change| change.breaking) {
            Self::Breaking
        } else if changes.is_empty() {
            Self::Fix
        } else {
            Self::Feature
        }
    }

    /// The version after this step, by Cargo's rules: below 1.0 the second number is the one that
    /// tells of breaking changes. The build metadata is not kept.
    pub fn after(self, version: &Version) -> Version {
        let Version {
            major,
            minor,
            patch,
            ..
        } = *version;
        match (self, major) {
            (Self::None, _) => plain(version),
            (Self::Breaking, 0) if minor > 0 => Version::new(0, minor + 1, 0),
            (_, 0) => Version::new(0, minor, patch + 1),
            (Self::Breaking, _) => Version::new(major + 1, 0, 0),
            (Self::Feature, _) => Version::new(major, minor + 1, 0),
            (Self::Fix, _) => Version::new(major, minor, patch + 1),
        }
    }
}

/// The manifests of the other packages of the workspace, which take the crate in this version.
pub fn requiring(
    root: &Path,
    manifest: &Manifest,
    version: &Version,
) -> Result<Vec<(String, String)>> {
    let package = manifest.name()?;
    let mut others = Vec::new();
    for member in manifest.members() {
        let name = format!("{member}/Cargo.toml");
        let mut other = Manifest::parse(&read(root, &name)?).with_context(|| name.clone())?;
        other.require(&package, version);
        others.push((name, other.text()));
    }
    Ok(others)
}

/// The number of a version that is raised to get to another.
pub fn level(from: &Version, to: &Version) -> &'static str {
    if to.major > from.major {
        "major"
    } else if to.minor > from.minor {
        "minor"
    } else {
        "patch"
    }
}

/// The crate's next version. `before` is the step from the release to the schema that is replaced,
/// `now` the one to the new schema. A number that a maintainer raised further stays.
pub fn next(current: &Version, released: &Version, before: Option<Step>, now: Step) -> Version {
    let (current, wanted) = (plain(current), now.after(released));
    if before.is_some_and(|before| before.after(released) == current) {
        return wanted;
    }
    current.max(wanted)
}

/// The last release.
pub struct Released {
    /// The version of the crate.
    pub version: Version,
    /// The schema that it had.
    pub schema: String,
}

impl Released {
    /// Finds the release that a record tells of. `vendored` is the schema that the crate has now.
    pub fn find(root: &Path, record: &Provenance, vendored: &str) -> Result<Option<Self>> {
        let Some(release) = &record.release else {
            return Ok(None);
        };
        let is_it = |schema: &String| checksum(schema.as_bytes()) == release.schema_sha256;
        let kept = read_if_there(&root.join(RELEASED_SCHEMA))?;
        let schema = [Some(vendored.to_owned()), kept]
            .into_iter()
            .flatten()
            .find(is_it)
            .with_context(|| {
                format!(
                    "{RELEASED_SCHEMA} is not the schema of the release {}: restore it",
                    release.version
                )
            })?;
        Ok(Some(Self {
            version: release.version.clone(),
            schema,
        }))
    }
}

/// Makes the present state the one that version numbers are counted from.
pub fn mark(root: &Path) -> Result<Outcome> {
    let schema = read(root, SCHEMA)?;
    let mut record = Provenance::parse(&read(root, provenance::FILE)?)?;
    let schema_sha256 = checksum(schema.as_bytes());
    ensure!(
        schema_sha256 == record.kept_sha256,
        "{SCHEMA} was edited by hand"
    );
    let version = Manifest::parse(&read(root, "Cargo.toml")?)?.version()?;
    let mut changes = Changes::new(root);
    if let Some(text) = files::read_if_there(&root.join(CHANGELOG))? {
        let text = changelog::released(&text, &format!("{version} ({})", today()));
        changes.stage(CHANGELOG, &text)?;
    }
    record.release = Some(Release {
        version: version.clone(),
        schema_sha256,
    });
    changes.stage(provenance::FILE, &record.text())?;
    changes.stage_removal(RELEASED_SCHEMA);
    changes.commit()?;
    say(format!("Version numbers are counted from {version} now."));
    Ok(Outcome::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_cargos_rules() {
        for (step, version, expected) in [
            (Step::Breaking, "0.1.4+1.2.0", ("0.2.0", "minor")),
            (Step::Feature, "0.1.4+1.2.0", ("0.1.5", "patch")),
            (Step::Fix, "0.1.4+1.2.0", ("0.1.5", "patch")),
            (Step::Breaking, "0.0.4", ("0.0.5", "patch")),
            (Step::Breaking, "2.1.4", ("3.0.0", "major")),
            (Step::Feature, "2.1.4", ("2.2.0", "minor")),
            (Step::Fix, "2.1.4", ("2.1.5", "patch")),
        ] {
            let version = Version::parse(version).unwrap();
            let after = step.after(&version);
            let named = (after.to_string(), level(&version, &after));
            assert_eq!((named.0.as_str(), named.1), expected, "{step:?} {version}");
        }
    }

    #[test]
    fn numbers_are_counted_from_the_release() {
        let version = |text| Version::parse(text).unwrap();
        for (current, before, now, expected) in [
            ("0.1.0+1.0.0", Some(Step::None), Step::Fix, "0.1.1"),
            // The former step was never released, and is part of the new one.
            ("0.1.1+1.1.0", Some(Step::Feature), Step::Feature, "0.1.1"),
            ("0.1.1+1.1.0", Some(Step::Feature), Step::Breaking, "0.2.0"),
            ("0.2.0+1.1.0", Some(Step::Breaking), Step::Breaking, "0.2.0"),
            // Back to what was released.
            ("0.2.0+1.1.0", Some(Step::Breaking), Step::None, "0.1.0"),
            // Raised by hand.
            ("0.3.0+1.0.0", Some(Step::None), Step::Fix, "0.3.0"),
            ("0.1.1+1.0.0", Some(Step::None), Step::Breaking, "0.2.0"),
            ("0.2.0+1.0.0", None, Step::Fix, "0.2.0"),
        ] {
            let next = next(&version(current), &version("0.1.0+1.0.0"), before, now);
            assert_eq!(next.to_string(), expected, "{current} {before:?} {now:?}");
        }
    }
}
