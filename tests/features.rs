//! The features of `Cargo.toml` against the tags of the schema.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use seqera_codegen::document::{self, Document};
use seqera_codegen::{Tags, generate};
use toml_edit::DocumentMut;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn manifest() -> DocumentMut {
    read("Cargo.toml").parse().unwrap()
}

fn tags() -> BTreeSet<String> {
    let document = Document::parse(&read("seqera-api-latest.yml")).unwrap();
    let operations = document.raw_operations();
    let tags = operations.map(|(_, _, operation)| document::feature(operation));
    let tags = tags.filter(|tag| tag != document::UNTAGGED);
    tags.collect()
}

#[test]
fn each_tag_is_a_feature_and_on_by_default() {
    let manifest = manifest();
    let list = |feature: &str| -> Vec<String> {
        let names = manifest["features"][feature].as_array().unwrap();
        names
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    };
    let all: BTreeSet<String> = list("all-tags").into_iter().collect();
    // A feature whose tag is gone stays for those who name it; `cargo xtask check` lists it.
    assert!(
        all.is_superset(&tags()),
        "no feature for {:?}",
        &tags() - &all
    );
    assert!(list("default").contains(&"all-tags".to_owned()));
    let features = manifest["features"].as_table().unwrap();
    for tag in tags() {
        assert!(features.contains_key(&tag), "no feature `{tag}`");
    }
}

#[test]
fn the_version_carries_the_schemas() {
    let manifest = manifest();
    let version = manifest["package"]["version"].as_str().unwrap();
    let (_, schema) = version.split_once('+').unwrap();
    assert_eq!(schema, seqera::API_VERSION);
    let record: DocumentMut = read("schema-provenance.toml").parse().unwrap();
    assert_eq!(record["version"].as_str(), Some(schema));
}

/// What a variable of the environment may hold.
#[cfg(unix)]
fn no_text() -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(vec![0xFF, b'x'])
}

#[cfg(not(unix))]
fn no_text() -> OsString {
    OsString::new()
}

/// The build script sees the package's folder, and reads of it what it says it reads.
#[test]
fn the_build_script_reads_what_it_states_alone() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let builds = Path::new(env!("OUT_DIR")).ancestors().nth(2).unwrap();
    let scripts = fs::read_dir(builds).unwrap().flatten();
    let scripts = scripts.filter(|entry| {
        let name = entry.file_name().into_string().unwrap();
        let hash = name.strip_prefix("seqera-").unwrap_or_default();
        hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let scripts = scripts.map(|entry| entry.path().join("build-script-build"));
    // The one of this build.
    let script = scripts
        .filter(|script| script.exists())
        .max_by_key(|script| fs::metadata(script).unwrap().modified().unwrap())
        .unwrap();
    let manifest = manifest();
    let features = manifest["features"].as_table().unwrap();
    let features = features.iter().map(|(name, _)| {
        let name = name.to_uppercase().replace('-', "_");
        (format!("CARGO_FEATURE_{name}"), "1")
    });
    let features: Vec<_> = features.collect();
    let run = |folder: &Path| {
        let out = tempfile::tempdir().unwrap();
        let done = Command::new(&script)
            .current_dir(folder)
            .env_clear()
            .env("OUT_DIR", out.path())
            .env("NO_TEXT", no_text())
            .envs(features.iter().cloned())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        let files = fs::read_dir(out.path()).unwrap().flatten();
        let files = files.map(|file| (file.file_name(), fs::read(file.path()).unwrap()));
        let files: BTreeMap<_, _> = files.collect();
        (String::from_utf8(done.stdout).unwrap(), files)
    };
    let (said, made) = run(here);
    assert!(made.len() >= 5, "{:?}", made.keys());
    let stated = said
        .lines()
        .filter_map(|line| line.strip_prefix("cargo::rerun-if-changed="));
    let alone = tempfile::tempdir().unwrap();
    for input in stated {
        let to = alone.path().join(input);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(here.join(input), to).unwrap();
    }
    let (_, made_alone) = run(alone.path());
    assert!(made == made_alone);
}

/// The types of a part are those of the whole: two crates of one build may enable different
/// features, and each gets both.
#[test]
fn each_feature_only_adds() {
    let (schema, overlay) = (read("seqera-api-latest.yml"), read("overlays/docs.yml"));
    let surface = |tags: &Tags| generate(&schema, Some(&overlay), tags).unwrap().inventory;
    let whole = surface(&Tags::All);
    for tag in tags() {
        let part = surface(&Tags::from_features([tag.clone()]));
        assert!(!part.operations.is_empty(), "{tag}");
        for (name, operation) in &part.operations {
            assert_eq!(Some(operation), whole.operations.get(name), "{tag}: {name}");
        }
        for (name, ty) in &part.types {
            assert_eq!(Some(ty), whole.types.get(name), "{tag}: {name}");
        }
    }
}
