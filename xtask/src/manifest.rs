//! What a refresh changes in `Cargo.toml` and `Cargo.lock`: the version, and a feature for each new
//! tag. Order and comments stay.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use semver::{BuildMetadata, Version, VersionReq};
use toml_edit::{Array, DocumentMut, Item, value};

/// The feature that turns on every tag.
const ALL_TAGS: &str = "all-tags";

/// The crate's manifest.
pub struct Manifest {
    document: DocumentMut,
}

impl Manifest {
    /// Reads `Cargo.toml`.
    pub fn parse(text: &str) -> Result<Self> {
        let document = text.parse().context("Cargo.toml is no TOML")?;
        Ok(Self { document })
    }

    /// The file.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// The crate's name.
    pub fn name(&self) -> Result<String> {
        let name = self.document["package"]["name"].as_str();
        Ok(name.context("Cargo.toml has no name")?.to_owned())
    }

    /// The folders of the other packages of the workspace.
    pub fn members(&self) -> Vec<String> {
        let workspace = self.document.get("workspace");
        let members = workspace.and_then(|workspace| workspace.get("members"));
        let members = members.and_then(Item::as_array).into_iter().flatten();
        let members = members.filter_map(|member| member.as_str());
        let others = members.filter(|member| *member != ".");
        others.map(str::to_owned).collect()
    }

    /// Lets the manifest's dependencies on a package of the workspace take this version, where they
    /// don't.
    pub fn require(&mut self, package: &str, version: &Version) {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let table = self.document.get_mut(kind);
            let dependency = table.and_then(|table| table.get_mut(package));
            let Some(dependency) = dependency.and_then(Item::as_table_like_mut) else {
                continue;
            };
            let is_local = dependency.contains_key("path");
            let wanted = dependency.get_mut("version").and_then(Item::as_value_mut);
            let Some(wanted) = wanted.filter(|_| is_local) else {
                continue;
            };
            let takes = wanted
                .as_str()
                .and_then(|text| VersionReq::parse(text).ok());
            if !takes.is_some_and(|takes| takes.matches(version)) {
                let decor = wanted.decor().clone();
                *wanted = plain(version).to_string().into();
                *wanted.decor_mut() = decor;
            }
        }
    }

    /// The crate's version.
    pub fn version(&self) -> Result<Version> {
        let version = self.document["package"]["version"]
            .as_str()
            .context("Cargo.toml has no version")?;
        Ok(Version::parse(version)?)
    }

    /// Writes the crate's version.
    pub fn set_version(&mut self, version: &Version) -> Result<()> {
        let old = self.document["package"]["version"].as_value_mut();
        let old = old.context("Cargo.toml has no version")?;
        let decor = old.decor().clone();
        *old = version.to_string().into();
        *old.decor_mut() = decor;
        Ok(())
    }

    /// Whether the crate has a feature.
    pub fn has_feature(&self, name: &str) -> bool {
        self.document["features"].get(name).is_some()
    }

    /// The features that turn on one of some features, and these themselves, in order.
    pub fn building_on(&self, features: &BTreeSet<String>) -> BTreeSet<String> {
        let mut found = features.clone();
        let all = self.document["features"].as_table_like();
        loop {
            let before = found.len();
            for (name, turned_on) in all.into_iter().flat_map(|all| all.iter()) {
                let turned_on = turned_on.as_array().into_iter().flatten();
                let mut turned_on = turned_on.filter_map(|other| other.as_str());
                if name != "default" && turned_on.any(|other| found.contains(other)) {
                    found.insert(name.to_owned());
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    /// The features that `all-tags` turns on.
    pub fn tags(&self) -> Result<BTreeSet<String>> {
        let tags = self.document["features"][ALL_TAGS]
            .as_array()
            .context("Cargo.toml has no feature `all-tags`")?;
        Ok(tags
            .iter()
            .filter_map(|tag| tag.as_str().map(str::to_owned))
            .collect())
    }

    /// Adds a feature for each tag that has none. Returns the new ones.
    pub fn add_tags(&mut self, tags: &[String]) -> Result<Vec<String>> {
        let known = self.tags()?;
        let mut added = Vec::new();
        for tag in tags.iter().filter(|tag| !known.contains(*tag)) {
            let features = self.document["features"]
                .as_table_mut()
                .context("Cargo.toml has no features")?;
            let before = neighbour(&known, tag);
            ensure!(
                !features.contains_key(tag),
                "the tag `{tag}` has the name of a feature that is no tag's"
            );
            insert_after(features, before, tag);
            if let Some(all) = features.get_mut(ALL_TAGS).and_then(Item::as_array_mut) {
                insert_into(all, tag);
            }
            added.push(tag.clone());
        }
        Ok(added)
    }
}

/// A version with the schema's as its build metadata.
pub fn carrying(version: &Version, schema: &str) -> Result<Version> {
    let metadata: String = schema
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => c,
            _ => '-',
        })
        .collect();
    let mut version = version.clone();
    version.build = BuildMetadata::new(&metadata)
        .with_context(|| format!("the schema's version `{schema}` is no build metadata"))?;
    Ok(version)
}

/// A version without its build metadata.
pub fn plain(version: &Version) -> Version {
    Version {
        build: BuildMetadata::EMPTY,
        ..version.clone()
    }
}

/// `Cargo.lock` with another version of a package.
pub fn relock(lock: &str, package: &str, version: &Version) -> Result<String> {
    let mut lock: DocumentMut = lock.parse().context("Cargo.lock is no TOML")?;
    let packages = lock
        .get_mut("package")
        .and_then(Item::as_array_of_tables_mut)
        .into_iter()
        .flat_map(|packages| packages.iter_mut());
    for entry in packages {
        let is_it = entry.get("name").and_then(Item::as_str) == Some(package);
        if is_it && !entry.contains_key("source") {
            entry["version"] = value(version.to_string());
        }
    }
    Ok(lock.to_string())
}

/// The tag before which, in the alphabet, a new one stands.
fn neighbour<'a>(known: &'a BTreeSet<String>, tag: &str) -> Option<&'a str> {
    known
        .range(..tag.to_owned())
        .next_back()
        .map(String::as_str)
}

fn insert_after(features: &mut toml_edit::Table, before: Option<&str>, tag: &str) {
    let mut order: Vec<String> = features.iter().map(|(key, _)| key.to_owned()).collect();
    let position = before
        .and_then(|before| order.iter().position(|key| key == before))
        .map_or(order.len(), |index| index + 1);
    order.insert(position, tag.to_owned());
    features.insert(tag, value(Array::new()));
    let place = |key: &str| order.iter().position(|other| other == key);
    features.sort_values_by(|a, _, b, _| place(a.get()).cmp(&place(b.get())));
}

fn insert_into(all: &mut Array, tag: &str) {
    let position = all
        .iter()
        .position(|other| other.as_str().is_some_and(|other| other > tag))
        .unwrap_or(all.len());
    let decor = all.get(0).map(|first| first.decor().clone());
    all.insert(position, tag);
    if let (Some(decor), Some(new)) = (decor, all.get_mut(position)) {
        *new.decor_mut() = decor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"[package]
name = "example"
version = "0.3.1+1.2.0" # the schema's after the plus

[features]
default = ["all-tags", "tls"]

## Every tag of the schema.
all-tags = [
    "alpha",
    "gamma",
]
## The first.
alpha = []
gamma = []
## Not a tag.
tls = []

[dependencies]
"#;

    #[test]
    fn the_version_carries_the_schemas() {
        let mut manifest = Manifest::parse(MANIFEST).unwrap();
        let version = carrying(&Version::new(0, 4, 0), "1.3.0_rc1").unwrap();
        assert_eq!(version.to_string(), "0.4.0+1.3.0-rc1");
        manifest.set_version(&version).unwrap();
        let expected = MANIFEST.replace("0.3.1+1.2.0", "0.4.0+1.3.0-rc1");
        assert_eq!(manifest.text(), expected);
        assert!(carrying(&version, "a..b").is_err());
    }

    #[test]
    fn new_tags_take_their_place_among_the_features() {
        let mut manifest = Manifest::parse(MANIFEST).unwrap();
        let tags = ["beta", "gamma", "omega"].map(str::to_owned);
        assert_eq!(manifest.add_tags(&tags).unwrap(), ["beta", "omega"]);
        let expected = MANIFEST
            .replace(
                "    \"gamma\",\n",
                "    \"beta\",\n    \"gamma\",\n    \"omega\",\n",
            )
            .replace("alpha = []\n", "alpha = []\nbeta = []\n")
            .replace("gamma = []\n", "gamma = []\nomega = []\n");
        assert_eq!(manifest.text(), expected);
        assert_eq!(manifest.add_tags(&tags).unwrap(), [""; 0]);
        assert_eq!(manifest.text(), expected);
    }

    #[test]
    fn packages_of_the_workspace_take_the_version() {
        let root = Manifest::parse("[workspace]\nmembers = [\".\", \"cli\", \"tools\"]\n").unwrap();
        assert_eq!(root.members(), ["cli", "tools"]);
        assert_eq!(Manifest::parse(MANIFEST).unwrap().members(), [""; 0]);

        let text = "[dependencies]\n# kept\nseqera = { path = \"..\", version = \"0.1.0\" } # kept\n\
                    other = { path = \"../other\", version = \"0.1.0\" }\n\n\
                    [dev-dependencies]\nseqera = { path = \"..\", features = [\"mock\"] }\n";
        let after = |version| {
            let mut manifest = Manifest::parse(text).unwrap();
            manifest.require("seqera", &Version::parse(version).unwrap());
            manifest.text()
        };
        assert_eq!(after("0.1.1+1.2.0"), text);
        let raised = text.replacen("version = \"0.1.0\"", "version = \"0.2.0\"", 1);
        assert_eq!(after("0.2.0+1.2.0"), raised);
    }

    #[test]
    fn features_build_on_others() {
        let manifest = Manifest::parse(
            "[features]\ndefault = [\"c\"]\na = []\nb = [\"a\"]\nc = [\"dep:x\", \"b\"]\nd = []\n",
        );
        let found = manifest.unwrap().building_on(&["a".to_owned()].into());
        assert_eq!(found, ["a", "b", "c"].map(str::to_owned).into());
    }

    #[test]
    fn the_generator_knows_which_features_build_on_others() {
        let manifest = Manifest::parse(include_str!("../../Cargo.toml")).unwrap();
        let (base, others) = seqera_codegen::needs::BUILD_ON[0];
        let mut expected: BTreeSet<String> = others.iter().map(|name| (*name).to_owned()).collect();
        expected.insert(base.to_owned());
        assert_eq!(manifest.building_on(&[base.to_owned()].into()), expected);
    }

    #[test]
    fn the_lock_follows() {
        let lock = "# Generated.\nversion = 4\n\n[[package]]\nname = \"example\"\nversion = \"0.3.1+1.2.0\"\n\n\
                    [[package]]\nname = \"other\"\nversion = \"1.0.0\"\nsource = \"registry\"\n";
        let version = Version::parse("0.3.1+1.3.0").unwrap();
        let new = relock(lock, "example", &version).unwrap();
        assert_eq!(new, lock.replace("+1.2.0", "+1.3.0"));
    }
}
