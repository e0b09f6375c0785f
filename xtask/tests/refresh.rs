//! `refresh-schema` as a maintainer meets it, in a small made-up crate.

mod support;

use std::fs;
use std::process::{Output, Stdio};
use std::thread;
use std::time::Instant;

use support::{Crate, NEW, OLD, assert_refused, said};

#[test]
fn features_that_can_not_be_built_are_told_first_and_by_the_exit_status() {
    let made = Crate::new();
    // What these need, no made-up schema has; what builds on them is lost too.
    let manifest = made.read("Cargo.toml");
    let manifest =
        format!("{manifest}names = []\nruns = [\"names\"]\nmore = [\"runs\"]\nother = []\n");
    fs::write(made.path("Cargo.toml"), manifest).unwrap();
    let output = made.refresh_from_text(NEW, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    let line = text.lines().next().unwrap();
    assert!(
        line.ends_with("NOT TO BE BUILT with it: the features `more`, `names`, `runs`"),
        "{line}"
    );
    assert!(
        text.contains("hand-written code: does NOT compile"),
        "{text}"
    );
    assert!(
        text.contains("What hand-written code needs and this version lacks (2)"),
        "{text}"
    );
    assert!(text.contains(" download_workflow_log, "), "{text}");
    assert!(text.contains(" WorkflowLaunchRequest, "), "{text}");
    // It is written all the same: without these features the crate can be built.
    assert!(
        made.read("schema-provenance.toml")
            .contains("version = \"1.1.0\"")
    );
}

#[test]
fn a_refresh_without_a_change_changes_no_byte() {
    let made = Crate::new();
    let before = made.snapshot();
    assert!(made.refresh_from_text(OLD, &[]).status.success());
    assert!(made.snapshot() == before);
    // Nor does the same document, written another way.
    let tree: serde_json::Value = seqera_codegen::document::Document::parse(OLD).unwrap().tree;
    let json = serde_json::to_string_pretty(&tree).unwrap();
    assert!(made.refresh_from_text(&json, &[]).status.success());
    assert!(made.snapshot() == before);
    let vendored = made.path("seqera-api-latest.yml");
    let output = made.refresh(vendored.to_str().unwrap(), &["--check"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(made.snapshot() == before);
}

#[test]
fn check_says_that_the_schema_is_behind_and_writes_nothing() {
    let made = Crate::new();
    let before = made.snapshot();
    let output = made.refresh_from_text(NEW, &["--check"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("seqera-api-latest.yml is behind"));
    assert!(made.snapshot() == before);
}

#[test]
fn the_report_says_what_changes_for_programs() {
    let made = Crate::new();
    let report = made.path("report.md");
    let output = made.refresh_from_text(NEW, &["--report", report.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    // The source and its day are another each time.
    let is_fixed = |line: &&str| !line.starts_with("- source: ");
    let markdown = made.read("report.md");
    let lines: Vec<&str> = markdown.lines().filter(is_fixed).collect();
    let markdown = lines.join("\n");
    let expected = include_str!("fixtures/report.md").replace("\r\n", "\n");
    assert_eq!(markdown.trim_end(), expected.trim_end(), "{markdown}");

    let manifest = made.read("Cargo.toml");
    assert!(
        manifest.contains("version = \"0.5.0+1.1.0\" # kept"),
        "{manifest}"
    );
    assert!(
        manifest.contains("    \"alpha\",\n    \"beta\",\n]"),
        "{manifest}"
    );
    assert!(
        manifest.contains("# The first.\nalpha = []\nbeta = []\n"),
        "{manifest}"
    );
    assert!(made.read("Cargo.lock").contains("0.5.0+1.1.0"));
    let golden = made.read("tests/golden/surface.txt");
    assert!(
        golden.contains("GET /beta  describe_beta() -> Beta\n"),
        "{golden}"
    );
    let model = made.read("tests/golden/model.txt");
    for line in [
        "describe_beta  GET /beta, beta, reply Beta\n",
        "list_things.label_id  query labelId: String\n",
        "NewThing.note  note: String, nullable\n",
        "Status.Broken  broken\n",
    ] {
        assert!(model.contains(line), "{line}{model}");
    }
    let changelog = made.read("CHANGELOG.md");
    assert!(
        changelog.starts_with("# Changelog\n\n## Unreleased\n\n### API 1.0.0 ("),
        "{changelog}"
    );
    let record = made.read("schema-provenance.toml");
    let temporary = std::env::temp_dir();
    assert!(!record.contains(temporary.to_str().unwrap()), "{record}");
}

#[test]
fn what_stood_in_for_a_newer_version_is_told_and_that_it_does_no_more() {
    let with = |values: &str| {
        let ty = format!("    DataLinkItemType: {{type: string, enum: [{values}]}}\n");
        OLD.replacen("  schemas:\n", &format!("  schemas:\n{ty}"), 1)
            .replacen(
                "properties:\n",
                "properties:\n        link: {$ref: '#/components/schemas/DataLinkItemType'}\n",
                1,
            )
    };
    let made = Crate::new();
    let before = said(&made.refresh_from_text(&with("FILE"), &[]));
    let heading = "Added by us, because hand-written code uses it where a server knows it (1)";
    let expected = format!("{heading}\n  DataLinkItemType.FusionSymlinkFile\n");
    assert!(before.contains(&expected), "{before}");
    assert!(!before.contains("No longer added"), "{before}");

    let after = said(&made.refresh_from_text(&with("FILE, FUSION_SYMLINK_FILE"), &[]));
    assert!(after.contains("nothing changes for programs"), "{after}");
    let expected =
        "No longer added by us: the schema has it (1)\n  DataLinkItemType.FusionSymlinkFile\n";
    assert!(after.contains(expected), "{after}");
    assert!(!after.contains("Added by us"), "{after}");
}

#[test]
fn a_killed_refresh_leaves_the_old_files_or_is_completed() {
    let made = Crate::new();
    let old = made.snapshot();
    let source = tempfile::NamedTempFile::new().unwrap();
    fs::write(source.path(), NEW).unwrap();
    let source = source.path().to_str().unwrap();
    let started = Instant::now();
    assert!(made.refresh(source, &[]).status.success());
    let whole = started.elapsed();
    let new = made.snapshot();
    for step in 0..12 {
        for (path, _) in &new {
            match old.iter().find(|(other, _)| other == path) {
                Some((_, bytes)) => fs::write(path, bytes).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
        }
        let mut child = made
            .run(&["refresh-schema", "--from", source])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From the beginning to after the end.
        thread::sleep(whole * step / 10);
        let _ = child.kill();
        child.wait().unwrap();
        let is_unfinished = made.path(".refresh/journal.json").exists();
        let files = made.snapshot();
        let folder = made.path(".refresh");
        let files: Vec<_> = files
            .into_iter()
            .filter(|(path, _)| !path.starts_with(&folder))
            .collect();
        assert!(is_unfinished || files == old || files == new, "a mixture");
        assert!(made.refresh(source, &[]).status.success());
        assert!(made.snapshot() == new, "not what an undisturbed run makes");
    }
}

#[test]
fn an_interruption_between_two_files_is_told_and_completed() {
    let made = Crate::new();
    // As it stands after the first of two files.
    fs::create_dir(made.path(".refresh")).unwrap();
    fs::write(made.path(".refresh/1"), "second").unwrap();
    let journal = r#"{"moves":[["0","first.txt"],["1","second.txt"]],"removals":["gone.txt"]}"#;
    fs::write(made.path(".refresh/journal.json"), journal).unwrap();
    fs::write(made.path("first.txt"), "first").unwrap();
    fs::write(made.path("gone.txt"), "").unwrap();

    let output = made.run(&["check"]).output().unwrap();
    let text = said(&output);
    assert!(
        text.contains("FAILED  no refresh was interrupted"),
        "{text}"
    );
    let before = made.snapshot();
    let output = made.refresh_from_text(OLD, &["--check"]);
    assert_refused(&made, &before, &output, "a refresh was interrupted");

    // A source that is refused does not keep it from being completed.
    let output = made.refresh_from_text("", &[]);
    assert!(said(&output).contains("interrupted refresh is completed"));
    assert_eq!(made.read("second.txt"), "second");
    assert!(!made.path("gone.txt").exists());
    assert!(!made.path(".refresh").exists());
    let output = made.run(&["check"]).output().unwrap();
    assert!(said(&output).contains("ok      no refresh was interrupted"));

    // What was left before anything was replaced goes.
    fs::create_dir(made.path(".refresh")).unwrap();
    fs::write(made.path(".refresh/0"), "half").unwrap();
    assert!(made.refresh_from_text(OLD, &[]).status.success());
    assert!(!made.path(".refresh").exists());
}

#[test]
fn the_step_is_counted_from_the_release_over_all_refreshes() {
    let made = Crate::new();
    let version = || {
        let manifest = made.read("Cargo.toml");
        let line = manifest.lines().find(|line| line.starts_with("version"));
        line.unwrap().split('"').nth(1).unwrap().to_owned()
    };
    let first_line = |output: &Output| said(output).lines().next().unwrap().to_owned();
    assert_eq!(version(), "0.4.0+1.0.0");
    let record = made.read("schema-provenance.toml");
    assert!(
        record.contains("[release]\nversion = \"0.4.0+1.0.0\""),
        "{record}"
    );

    // Breaks programs.
    let output = made.refresh_from_text(NEW, &[]);
    let line = first_line(&output);
    assert!(
        line.contains("a minor release follows (0.5.0 after 0.4.0)"),
        "{line}"
    );
    assert_eq!(version(), "0.5.0+1.1.0");
    assert!(made.read("seqera-api-released.yml") == made_canonical(OLD));

    // Does not, but what is unreleased does. The vendor did not change the version.
    let again = NEW.replace(
        "        color: {",
        "        shade: {type: string}\n        color: {",
    );
    let output = made.refresh_from_text(&again, &[]);
    let line = first_line(&output);
    assert!(
        line.starts_with("API 1.1.0 to other contents of 1.1.0: 0 breaking and 1 compatible"),
        "{line}"
    );
    assert!(
        line.contains("a minor release follows (0.5.0 after 0.4.0)"),
        "{line}"
    );
    assert_eq!(version(), "0.5.0+1.1.0");
    let changelog = made.read("CHANGELOG.md");
    assert_eq!(changelog.matches("### API 1.").count(), 2, "{changelog}");
    assert!(
        changelog.contains("added to `Thing`: `color` (`String`)"),
        "{changelog}"
    );
    assert!(
        changelog.contains("added to `Thing`: `shade` (`String`)"),
        "{changelog}"
    );

    // Back to what was released.
    let line = first_line(&made.refresh_from_text(OLD, &[]));
    assert!(line.starts_with("API 1.1.0 BACK to 1.0.0: "), "{line}");
    assert!(
        line.contains("the schema is that of the release 0.4.0"),
        "{line}"
    );
    assert_eq!(version(), "0.4.0+1.0.0");
    assert!(!made.path("seqera-api-released.yml").exists());

    // A release ends the counting.
    assert!(made.refresh_from_text(NEW, &[]).status.success());
    made.mark_released();
    assert!(!made.path("seqera-api-released.yml").exists());
    let changelog = made.read("CHANGELOG.md");
    let (unreleased, released) = changelog.split_once("\n## 0.5.0+1.1.0 (").unwrap();
    assert!(
        !unreleased.contains("###") && released.contains("### API 1."),
        "{changelog}"
    );
    let line = first_line(&made.refresh_from_text(&again, &[]));
    assert!(
        line.contains("a patch release follows (0.5.1 after 0.5.0)"),
        "{line}"
    );
    assert_eq!(version(), "0.5.1+1.1.0");
}

#[test]
fn the_other_packages_of_the_workspace_take_the_raised_version() {
    let made = Crate::new();
    let manifest = made.read("Cargo.toml");
    let workspace = "[workspace]\nmembers = [\".\", \"cli\"]\n\n";
    made.write("Cargo.toml", &format!("{workspace}{manifest}"));
    let cli = "[package]\nname = \"cli\"\n\n[dependencies]\n\
               seqera = { path = \"..\", version = \"0.4.0\" }\n";
    made.write("cli/Cargo.toml", cli);
    assert!(made.refresh_from_text(NEW, &[]).status.success());
    let raised = cli.replace("0.4.0", "0.5.0");
    assert_eq!(made.read("cli/Cargo.toml"), raised);
    // Back at what was released.
    assert!(made.refresh_from_text(OLD, &[]).status.success());
    assert_eq!(made.read("cli/Cargo.toml"), cli);

    made.write("cli/Cargo.toml", &raised);
    let text = said(&made.run(&["check"]).output().unwrap());
    let expected =
        "FAILED  the crate's version carries the schema's: cli/Cargo.toml wants another one\n";
    assert!(text.contains(expected), "{text}");
}

fn made_canonical(schema: &str) -> String {
    let document = seqera_codegen::document::Document::parse(schema).unwrap();
    document.canonical().unwrap()
}

#[test]
fn a_reader_that_has_heard_enough_is_no_error() {
    let made = Crate::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let source = tempfile::NamedTempFile::new().unwrap();
    fs::write(source.path(), NEW).unwrap();
    let mut command = made.run(&["refresh-schema", "--from", source.path().to_str().unwrap()]);
    let output = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output), "");
    assert!(made.read("Cargo.toml").contains("+1.1.0"));
}

#[test]
fn what_changes_is_not_known_where_the_vendored_schema_is_not_generated() {
    let made = Crate::new();
    let odd = OLD.replacen("in: query,", "in: query, style: spaceDelimited,", 1);
    fs::write(made.path("seqera-api-latest.yml"), odd).unwrap();
    let record = made.read("schema-provenance.toml");
    let (record, _) = record.split_once("\n[release]").unwrap();
    fs::write(made.path("schema-provenance.toml"), record).unwrap();
    let output = made.refresh_from_text(NEW, &["--check"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    let expected = "API 1.0.0 to 1.1.0: what changes for programs is not known: the vendored schema \
                    can't be generated any more: GET /things: ";
    assert!(text.contains(expected), "{text}");
    assert!(!text.contains("nothing changes"), "{text}");
}

#[test]
fn an_operation_whose_name_is_kept_for_hand_written_code_is_not_renamed() {
    let with_log = |id: &str| {
        let responses = "responses: {'200': {description: ''}}";
        let log = format!("  /workflow/{{id}}/log: {{get: {{operationId: {id}, {responses}}}}}\n");
        OLD.replacen("components:\n", &format!("{log}components:\n"), 1)
    };
    let made = Crate::new();
    made.refresh_from_text(&with_log("GetWorkflowLog"), &[]);
    let output = made.refresh_from_text(&with_log("WorkflowLogs"), &["--check"]);
    let text = said(&output);
    assert!(text.contains("nothing changes for programs"), "{text}");
    assert!(
        text.contains("get_workflow_log (named WorkflowLogs)"),
        "{text}"
    );
}

#[test]
fn check_finds_what_is_not_in_order() {
    let made = Crate::new();
    let check = || {
        let output = made.run(&["check"]).output().unwrap();
        (output.status.code(), said(&output))
    };
    fs::write(made.path("CHANGELOG.md"), "# Changelog\n\n## Unreleased\n").unwrap();
    let (code, text) = check();
    assert_eq!(code, Some(1), "{text}"); // the overlay says something of the newer schema
    assert_eq!(text.matches("FAILED").count(), 2, "{text}");
    assert!(
        text.contains("FAILED  our documentation has no target that is gone"),
        "{text}"
    );
    assert!(
        text.contains("FAILED  our documentation covers the API"),
        "{text}"
    );

    // Where it was written for a newer version, that is no fault.
    let overlay = made.read("overlays/docs.yml");
    let version = |text: &str| overlay.replacen("version: 1.0.0", text, 1);
    made.write(
        "overlays/docs.yml",
        &version("version: 1.0.0, x-api-version: 1.1.0"),
    );
    let (code, text) = check();
    assert_eq!(code, Some(0), "{text}");
    for note in [
        "note    our documentation has no target that is gone: 1 are of newer versions\n",
        "note    our documentation covers the API: ",
        "ok      every list operation pages\n",
    ] {
        assert!(text.contains(note), "{note}{text}");
    }
    made.write("overlays/docs.yml", &overlay);

    fs::write(made.path("tests/golden/surface.txt"), "").unwrap();
    let (_, text) = check();
    assert!(text.contains("FAILED  the golden surface"), "{text}");

    let schema = made.read("seqera-api-latest.yml");
    let write = |schema: &str| fs::write(made.path("seqera-api-latest.yml"), schema).unwrap();
    write(&format!("# by hand\n{schema}"));
    let (_, text) = check();
    assert!(
        text.contains("FAILED  the vendored schema is in canonical order"),
        "{text}"
    );

    // A type that no golden line of operations shows.
    write(&schema.replacen("type: integer", "type: string", 1));
    let (_, text) = check();
    assert!(
        text.contains("FAILED  the vendored schema is as it was kept"),
        "{text}"
    );
    write(&schema);

    let record = made.read("schema-provenance.toml");
    let other = record.replace("schema_sha256 = \"", "schema_sha256 = \"0");
    fs::write(made.path("schema-provenance.toml"), other).unwrap();
    let (_, text) = check();
    assert!(text.contains("FAILED  the last release is known"), "{text}");
}
