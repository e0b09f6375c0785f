//! `refresh-schema` as a maintainer meets it, in a small made-up crate.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const OLD: &str = include_str!("fixtures/old.yml");
const NEW: &str = include_str!("fixtures/new.yml");

/// A crate in a folder of its own.
struct Crate {
    folder: tempfile::TempDir,
}

impl Crate {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "Cargo.toml",
            "[package]\nname = \"seqera\"\nversion = \"0.4.0+0.0.0\" # kept\n\n[features]\n\
             all-tags = [\n    \"alpha\",\n]\n# The first.\nalpha = []\n",
        );
        write(
            "Cargo.lock",
            "version = 4\n\n[[package]]\nname = \"seqera\"\nversion = \"0.4.0+0.0.0\"\n",
        );
        write("overlays/docs.yml", include_str!("fixtures/docs.yml"));
        let made = Self { folder };
        let output = made.refresh_from_text(OLD, &[]);
        assert!(output.status.success(), "{}", said(&output));
        made.mark_released();
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .arg("--root")
            .arg(self.folder.path())
            .args(arguments);
        command.stdin(Stdio::null());
        command
    }

    fn mark_released(&self) {
        let output = self.run(&["mark-released"]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }

    fn refresh(&self, from: &str, more: &[&str]) -> Output {
        let arguments = [&["refresh-schema", "--from", from], more].concat();
        self.run(&arguments).output().unwrap()
    }

    fn refresh_from_text(&self, schema: &str, more: &[&str]) -> Output {
        let source = tempfile::NamedTempFile::new().unwrap();
        fs::write(source.path(), schema).unwrap();
        self.refresh(source.path().to_str().unwrap(), more)
    }

    /// All files with their contents.
    fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push((path.clone(), fs::read(&path).unwrap()));
                }
            }
        }
        files.sort();
        files
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The command refused with one line that holds `expected`, and wrote nothing.
#[track_caller]
fn assert_refused(made: &Crate, before: &[(PathBuf, Vec<u8>)], output: &Output, expected: &str) {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(2),
        "not refused: {expected}: {}",
        said(output)
    );
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("error: "), "{error}");
    assert!(error.contains(expected), "{error}, not {expected}");
    assert!(made.snapshot() == before, "something was written");
}

#[test]
fn broken_input_is_refused_in_one_line() {
    let made = Crate::new();
    let before = made.snapshot();
    let twice = NEW.replace("operationId: DescribeBeta", "operationId: ListThings");
    let dangling = NEW.replace("schemas/Beta'", "schemas/Lost'");
    let circular = NEW.replace(
        "    Beta: ",
        "    Round: {$ref: '#/components/schemas/Round'}\n    Beta: ",
    );
    let swagger = NEW.replace("openapi: 3.0.1", "swagger: '2.0'");
    let newer = NEW.replace("openapi: 3.0.1", "openapi: 3.1.0");
    let other = NEW
        .replace("operationId: ", "operationId: Other")
        .replace("Made-up", "Petstore");
    let twice_in_a_mapping = NEW.replacen(
        "      operationId: ListThings\n",
        "      operationId: ListThings\n      summary: a\n      summary: b\n",
        1,
    );
    let first_path = NEW.find("  /things:\n").unwrap();
    let second_path = NEW.find("  /things/{id}:\n").unwrap();
    let post = NEW[first_path..second_path].find("    post:\n").unwrap() + first_path;
    let beta = NEW.find("  /beta:\n").unwrap();
    let components = NEW.find("components:\n").unwrap();
    let one_operation = [&NEW[..beta], &NEW[first_path..post], &NEW[components..]].concat();
    let cases = [
        ("", "the document is empty"),
        ("\u{feff}\n", "the document is empty"),
        ("\n\n", "the document is empty"),
        ("<!doctype html>\n<html><body>Sign in</body></html>", "HTML"),
        (&NEW[..NEW.len() / 2], ""),
        (&newer, "an OpenAPI 3.1.0 document"),
        (&swagger, "a Swagger 2.0 document"),
        (&twice, "the operationId `ListThings` is used twice"),
        (&dangling, "`#/components/schemas/Lost` leads nowhere"),
        (&circular, "leads in a circle"),
        (&other, "another API: `Petstore`"),
        (
            &twice_in_a_mapping,
            "the key `summary` is there twice in paths./things.get",
        ),
        (
            &NEW.replace("version: 1.1.0", "version: ''"),
            "`info.version` is empty",
        ),
        (
            &NEW.replace("version: 1.1.0", "version: \"1\\n2\""),
            "`info.version` is more than one line",
        ),
        (
            &one_operation,
            "it has 1 operations, and the vendored schema 4: is it cut off?",
        ),
        ("a: b\n", "no `openapi` version"),
        ("- 1\n", "its root is no mapping"),
        ("\0\u{1}", ""),
    ];
    for (schema, expected) in cases {
        let output = made.refresh_from_text(schema, &[]);
        assert_refused(&made, &before, &output, expected);
    }
    let missing = made.refresh("no-such-file.yml", &[]);
    assert_refused(&made, &before, &missing, "no-such-file.yml");
    let folder = made.refresh(made.folder.path().to_str().unwrap(), &[]);
    assert_refused(&made, &before, &folder, "a folder");
    let scheme = made.refresh("ftp://example.com/a.yml", &[]);
    assert_refused(&made, &before, &scheme, "`ftp`");

    let binary = tempfile::NamedTempFile::new().unwrap();
    fs::write(binary.path(), [0xff, 0xfe, 0x00]).unwrap();
    let output = made.refresh(binary.path().to_str().unwrap(), &[]);
    assert_refused(&made, &before, &output, "not a text in UTF-8");
}

#[test]
fn input_that_would_take_all_there_is_is_refused_at_once() {
    let made = Crate::new();
    let before = made.snapshot();
    let with = |more: &str| NEW.replacen("components:\n", &format!("{more}\ncomponents:\n"), 1);
    let aliases = format!(
        "x-a: &a [{}]\nx-b: [{}]",
        "word, ".repeat(500),
        "*a, ".repeat(400_000)
    );
    let brackets = "[".repeat(1_000_000);
    let schemas = |write: fn(usize) -> String, count: usize| {
        let more: String = (0..count).map(write).collect();
        NEW.replacen("  schemas:\n", &format!("  schemas:\n{more}"), 1)
    };
    let chain = schemas(
        |number| {
            format!(
                "    S{number}: {{$ref: '#/components/schemas/S{}'}}\n",
                number + 1
            )
        },
        5_000,
    ) + "    S5000: {type: string}\n";
    let many = schemas(
        |number| format!("    S{number}: {{type: object, properties: {{a: {{type: string}}}}}}\n"),
        20_000,
    );
    let cases = [
        (with(&aliases), "it unfolds to more than 64 MB"),
        (brackets.clone(), "brackets are open at once"),
        (
            with(&format!("x-a: {brackets}")),
            "brackets are open at once",
        ),
        ("- ".repeat(1_000_000), ""),
        (chain, "leads by way of more than 100 others"),
        (many, "it has 20005 schemas"),
    ];
    for (schema, expected) in cases {
        let started = Instant::now();
        let output = made.refresh_from_text(&schema, &[]);
        assert_refused(&made, &before, &output, expected);
        assert!(started.elapsed() < Duration::from_secs(60), "{expected}");
    }
}

#[test]
fn a_mark_at_the_start_or_no_end_of_the_last_line_is_no_fault() {
    let made = Crate::new();
    for schema in [format!("\u{feff}{NEW}"), NEW.trim_end().to_owned()] {
        let output = made.refresh_from_text(&schema, &[]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(made.refresh_from_text(OLD, &[]).status.success());
    }
}

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
fn a_file_of_200_megabytes_is_refused_without_being_read() {
    let made = Crate::new();
    let before = made.snapshot();
    let large = tempfile::NamedTempFile::new().unwrap();
    large.as_file().set_len(200 * 1024 * 1024).unwrap();
    let output = made.refresh(large.path().to_str().unwrap(), &[]);
    assert_refused(&made, &before, &output, "more than 16 MB");
}

/// Serves one reply, then holds the connection for a while.
fn serve(reply: Vec<u8>, hold: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let _ = connection.read(&mut [0; 4096]);
        let _ = connection.write_all(&reply);
        thread::sleep(hold);
    });
    format!("http://{address}/schema.yml")
}

fn http(status: &str, length: usize, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

#[test]
fn a_schema_is_downloaded() {
    let made = Crate::new();
    let url = serve(http("200 OK", NEW.len(), NEW), Duration::ZERO);
    let output = made.refresh(&url, &[]);
    assert!(output.status.success(), "{}", said(&output));
    let record = made.read("schema-provenance.toml");
    assert!(record.contains(&format!("source = \"{url}\"")), "{record}");
    assert!(record.contains("version = \"1.1.0\""), "{record}");
}

#[test]
fn a_download_may_be_packed_and_elsewhere() {
    let made = Crate::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(NEW.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    let target = serve(
        [head.as_bytes(), packed.as_slice()].concat(),
        Duration::ZERO,
    );
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
    let output = made.refresh(&serve(moved.into_bytes(), Duration::ZERO), &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        made.read("schema-provenance.toml")
            .contains("version = \"1.1.0\"")
    );
}

#[test]
fn what_a_server_says_in_place_of_a_schema_is_refused_in_one_line() {
    let made = Crate::new();
    let before = made.snapshot();
    let page = "<!doctype html>\n<html><body>Sign in</body></html>";
    let swagger = NEW.replace("openapi: 3.0.1", "swagger: '2.0'");
    let cases = [
        (page, "HTML"),
        ("", "the document is empty"),
        (&swagger, "a Swagger 2.0 document"),
        (&NEW[..NEW.len() * 2 / 3], ""),
    ];
    for (body, expected) in cases {
        let url = serve(http("200 OK", body.len(), body), Duration::ZERO);
        assert_refused_of_server(&made, &before, &made.refresh(&url, &[]), expected);
    }
    // More than the bound once unpacked.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&vec![b' '; 32 * 1024 * 1024]).unwrap();
    let packed = packed.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    let url = serve(
        [head.as_bytes(), packed.as_slice()].concat(),
        Duration::ZERO,
    );
    assert_refused_of_server(&made, &before, &made.refresh(&url, &[]), "more than 16 MB");
}

/// As `assert_refused`, after a download that came to its end and said so.
#[track_caller]
fn assert_refused_of_server(
    made: &Crate,
    before: &[(PathBuf, Vec<u8>)],
    output: &Output,
    expected: &str,
) {
    let mut output = output.clone();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with("downloaded "));
    output.stderr = lines.collect::<Vec<_>>().join("\n").into_bytes();
    assert_refused(made, before, &output, expected);
}

#[test]
fn a_schema_is_read_from_standard_input() {
    let made = Crate::new();
    let refresh = |schema: &str| {
        let mut command = made.run(&["refresh-schema", "--from", "-"]);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(schema.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    };
    let before = made.snapshot();
    assert_refused(
        &made,
        &before,
        &refresh(&NEW[..NEW.len() / 2]),
        "standard input: ",
    );
    let output = refresh(NEW);
    assert!(output.status.success(), "{}", said(&output));
    let record = made.read("schema-provenance.toml");
    assert!(record.contains("source = \"standard input\""), "{record}");
}

#[test]
fn servers_that_stall_cut_off_or_refuse_are_errors() {
    let made = Crate::new();
    let before = made.snapshot();
    let hour = Duration::from_secs(3600);
    let endless = http("200 OK", 200 * 1024 * 1024, "openapi: 3.0.1\n");
    let cases = [
        (Vec::new(), hour, ""),
        (
            http("200 OK", NEW.len(), &NEW[..100]),
            hour,
            "the download stopped after 100 bytes",
        ),
        (
            http("200 OK", NEW.len(), &NEW[..100]),
            Duration::ZERO,
            "the download stopped",
        ),
        (
            http("404 Not Found", 0, ""),
            Duration::ZERO,
            "404 Not Found",
        ),
        (endless, hour, "more than 16 MB"),
    ];
    for (reply, hold, expected) in cases {
        let started = Instant::now();
        let output = made.refresh(&serve(reply, hold), &["--timeout", "1"]);
        assert_refused(&made, &before, &output, expected);
        assert!(started.elapsed() < Duration::from_secs(30));
    }
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
fn a_pipe_that_falls_silent_is_refused() {
    let made = Crate::new();
    let before = made.snapshot();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = made.run(&["refresh-schema", "--from", "-", "--timeout", "1"]);
    let output = command.stdin(reader).output().unwrap();
    assert_refused(&made, &before, &output, "nothing came for 1 s");
    drop(writer);
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
