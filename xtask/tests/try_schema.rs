//! `try-schema` as a maintainer meets it, in a small made-up crate that compiles where its schema
//! has what it needs.

mod support;

use std::fs;
use std::process::Output;

use support::{Crate, NEW, OLD, said};

/// Code that compiles with a schema which has a text.
const SOURCE: &str = r#"
const SCHEMA: &[u8] = include_bytes!("../seqera-api-latest.yml");

const fn has(text: &[u8]) -> bool {
    let mut start = 0;
    while start + text.len() <= SCHEMA.len() {
        let mut same = 0;
        while same < text.len() && SCHEMA[start + same] == text[same] {
            same += 1;
        }
        if same == text.len() {
            return true;
        }
        start += 1;
    }
    false
}

// What is generated.
const _: () = assert!(has(b"ListThings"));
// A hand-written workflow.
#[cfg(feature = "more")]
const _: () = assert!(has(b"size:\n          type: integer"));

#[test]
fn there_is_no_beta() {
    assert!(!has(b"/beta:"));
}
"#;

/// A crate that compiles with the schema that it has.
fn made() -> Crate {
    let made = Crate::new();
    let manifest = made.read("Cargo.toml").replace("[features]", "edition = \"2024\"\n\n[features]\ndefault = [\"all-tags\", \"more\"]\nmore = []\nrustls = []");
    made.write("Cargo.toml", &manifest);
    made.write("src/lib.rs", SOURCE);
    made
}

fn try_schema(made: &Crate, schema: &str, more: &[&str]) -> Output {
    let source = made.folder.path().join("target/other.yml");
    made.write("target/other.yml", schema);
    let mut command = made.run(&["try-schema", source.to_str().unwrap()]);
    command
        .env_remove("CARGO_TARGET_DIR")
        .args(more)
        .output()
        .unwrap()
}

#[track_caller]
fn assert_tried(output: &Output, code: i32, last_line: &str) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    let line = text.trim_end().lines().last().unwrap();
    assert_eq!(line.replace('\\', "/"), last_line, "{}", said(output));
}

#[test]
fn a_schema_is_ok_where_the_crate_compiles_and_its_tests_pass() {
    let made = made();
    let kept = made.read("seqera-api-latest.yml");
    let name = made.path("target/other.yml").display().to_string();
    let ok = format!("ok: {name}: it compiles, with all default features");
    let with_color = OLD.replace(
        "        size: ",
        "        color: {type: string}\n        size: ",
    );
    assert_tried(&try_schema(&made, &with_color, &[]), 0, &ok);
    let ok = format!("ok: {name}: it compiles, and the tests pass");
    assert_tried(&try_schema(&made, &with_color, &["--test"]), 0, &ok);

    let fails = format!("FAILED: {name}: it compiles, but tests fail");
    let with_beta = OLD.replace("  /things:", "  /beta: {get: {operationId: DescribeBeta, tags: [alpha], responses: {'204': {description: ''}}}}\n  /things:");
    assert_tried(&try_schema(&made, &with_beta, &["--test"]), 1, &fails);
    // Nothing was changed here.
    assert!(made.read("seqera-api-latest.yml") == kept);
}

#[test]
fn a_schema_fails_where_hand_written_code_does_not_compile() {
    let made = made();
    let name = made.path("target/other.yml").display().to_string();
    let of_another_type = OLD.replace("size: {type: integer}", "size: {type: string}");
    assert!(of_another_type != OLD);
    let fails = format!(
        "FAILED: {name}: the bindings compile, but not the crate with its default features"
    );
    assert_tried(&try_schema(&made, &of_another_type, &[]), 1, &fails);

    // Of the features that the list of needs knows, those are named that do not compile.
    let manifest = made.read("Cargo.toml");
    let manifest = manifest.replace("more = []", "more = []\nnames = [\"more\"]\nruns = []");
    made.write("Cargo.toml", &manifest);
    let output = try_schema(&made, &of_another_type, &[]);
    let fails = format!("FAILED: {name}: the bindings compile, but not the features `names`");
    assert_tried(&output, 1, &fails);
    assert!(said(&output).contains("NOT TO BE BUILT with it: the features `names`, `runs`"));

    let other = OLD.replace("operationId: ListThings", "operationId: ShowThings");
    let fails = format!("FAILED: {name}: the bindings do not compile");
    assert_tried(&try_schema(&made, &other, &[]), 1, &fails);
}

#[test]
fn all_schemas_are_tried_and_one_that_fails_is_enough() {
    let made = made();
    fs::create_dir_all(made.path("target")).unwrap();
    made.write("target/bad.yml", "nonsense\n");
    let bad = made.path("target/bad.yml").display().to_string();
    let output = try_schema(&made, NEW, &[&bad]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    let expected =
        format!("FAILED: {bad}: bad.yml: not an OpenAPI document: its root is no mapping");
    assert!(text.contains(&expected), "{text}");
    assert_eq!(text.matches("\nFAILED: ").count(), 2, "{text}");
}
