//! What `refresh-schema` does with sources that are no schema, would take all there is, or stall.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use support::{Crate, NEW, OLD, assert_refused, said};

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
            &NEW.replace("version: 1.1.0", &format!("version: '{}'", "1".repeat(65))),
            "`info.version` has more than 64 bytes",
        ),
        (
            &NEW.replace("tags: [beta]", "tags: [all-tags]"),
            "the tag `all-tags` has the name of a feature that is no tag's",
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

/// Where the bounds above are not the ones that are reached first.
#[cfg(target_os = "linux")]
#[test]
fn reading_and_generating_have_bounds_of_time_memory_and_depth() {
    let made = Crate::new();
    let before = made.snapshot();
    let with = |schema: &str| NEW.replacen("  schemas:\n", &format!("  schemas:\n{schema}\n"), 1);
    let fields: String = (0..20_000)
        .map(|number| format!("f{number}: {{type: string}}, "))
        .collect();
    let large = with(&format!(
        "    Large: {{type: object, properties: {{{fields}}}}}"
    ));
    let levels = 40;
    let deep = with(&format!(
        "    Deep: {}{{type: string}}{}",
        "{type: object, properties: {a: ".repeat(levels),
        "}}".repeat(levels)
    ));
    let deep = deep.replace("schemas/Beta'", "schemas/Deep'");
    let cases = [
        (
            &large,
            "",
            "--processor-time=1",
            "more than 1 s of processor time",
        ),
        (&large, "", "--memory=60", "more than 60 MB of memory"),
        (&deep, "ulimit -s 500;", "--timeout=20", "endless recursion"),
    ];
    for (schema, limit, option, expected) in cases {
        let source = tempfile::NamedTempFile::new().unwrap();
        fs::write(source.path(), schema).unwrap();
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("{limit} exec \"$@\""))
            .arg("sh");
        let arguments = ["refresh-schema", option, "--from"];
        let run = made.run(&arguments);
        command.arg(run.get_program()).args(run.get_args());
        let output = command.arg(source.path()).output().unwrap();
        assert_refused(&made, &before, &output, expected);
        // Without that bound it is a schema like any other.
        if option != "--timeout=20" {
            continue;
        }
        let output = made.refresh_from_text(schema, &["--check"]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
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
fn a_pipe_that_falls_silent_is_refused() {
    let made = Crate::new();
    let before = made.snapshot();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = made.run(&["refresh-schema", "--from", "-", "--timeout", "1"]);
    let output = command.stdin(reader).output().unwrap();
    assert_refused(&made, &before, &output, "nothing came for 1 s");
    drop(writer);
}
