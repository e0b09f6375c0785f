//! What all commands have in common: exit statuses, forms, the configuration file.

#[path = "support/platform.rs"]
mod platform;
#[path = "support/server.rs"]
mod server;
mod support;

use std::collections::BTreeMap;

use platform::{Platform, json_of};
use serde_json::json;
use server::{Server, run};
use support::{of_name, stderr, stdout};

#[test]
fn without_a_command_the_help_is_an_error() {
    let bare = of_name("tw").output().unwrap();
    assert_eq!(bare.status.code(), Some(255));
    assert!(bare.stdout.is_empty() && stderr(&bare).contains("launch"));
    let group = of_name("tw").arg("pipelines").output().unwrap();
    assert_eq!(group.status.code(), Some(1));
    assert!(stderr(&group).contains("import") && !stderr(&group).contains("ERROR:"));
    let told = of_name("tw")
        .args(["-v", "credentials", "add"])
        .output()
        .unwrap();
    assert_eq!(told.status.code(), Some(1));
    let text = stderr(&told);
    assert!(
        text.starts_with("\n ERROR: Missing Required Subcommand\n") && text.contains("codecommit")
    );
    let help = of_name("seqctl").args(["launch", "-h"]).output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    assert!(stdout(&help).contains("--params-file"));
}

#[test]
fn a_usage_error_is_no_error_of_the_command() {
    let output = of_name("tw")
        .args(["labels", "add", "--nonsense"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        !stderr(&output).to_lowercase().contains("error:"),
        "{}",
        stderr(&output)
    );
    let wrong = of_name("tw")
        .env("TOWER_CLI_OUTPUT_FORMAT", "xml")
        .args(["organizations", "list"])
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn tw_wants_a_token_and_encryption() {
    let none = of_name("tw").args(["runs", "list"]).output().unwrap();
    assert_eq!(none.status.code(), Some(1));
    let text = "\n ERROR: Missing TOWER_ACCESS_TOKEN environment variable or 'tw -t <token> ...' parameter\n\n";
    assert_eq!(stderr(&none), text);
    let plain = of_name("tw")
        .args(["-t", "x", "-u", "http://127.0.0.1:9/api", "runs", "list"])
        .output()
        .unwrap();
    assert_eq!(plain.status.code(), Some(1));
    assert!(stderr(&plain).contains("insecure server"));
}

#[test]
fn the_exit_status_tells_scripts_what_happened() {
    let statuses = [(401, 4), (403, 4), (404, 5), (409, 6), (400, 1)];
    for (status, exit) in statuses {
        let replies = BTreeMap::from([(
            "DELETE /labels/1".to_owned(),
            (status, json!({"message": "No"})),
        )]);
        let server = Server::start(replies);
        let words = ["labels", "delete", "-i", "1"];
        assert_eq!(
            run("seqctl", server.endpoint(), &words).status.code(),
            Some(exit),
            "{status}"
        );
        assert_eq!(run("tw", server.endpoint(), &words).status.code(), Some(1));
    }
    let output = of_name("seqctl")
        .args([
            "--insecure",
            "-t",
            "x",
            "-u",
            "http://127.0.0.1:1/api",
            "labels",
            "delete",
            "-i",
            "1",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
}

#[test]
fn forms_of_a_result() {
    let replies = BTreeMap::from([(
        "GET /labels".to_owned(),
        (
            200,
            json!({"labels": [{"id": 5, "name": "a,b", "value": "x"}, {"id": 6, "name": "c"}], "totalSize": 2}),
        ),
    )]);
    let server = Server::start(replies);
    let print = |words: &[&str]| {
        let output = run(
            "seqctl",
            server.endpoint(),
            &[words, &["labels", "list"]].concat(),
        );
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    assert_eq!(
        print(&["-o", "csv", "--columns", "id,name"]),
        "Id,Name\n5,\"a,b\"\n6,c\n"
    );
    assert_eq!(print(&["--jq", ".labels[].name"]), "a,b\nc\n");
    assert_eq!(print(&["-o", "jsonl"]).lines().count(), 2);
    assert!(print(&["-o", "yaml"]).contains("labelType: all"));
    let table = print(&["--columns", "Name,value"]);
    assert!(
        table.contains("NAME") && table.contains("a,b") && !table.contains("ID"),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'), "{table:?}");
    assert!(print(&["--color", "always"]).contains('\u{1b}'));
    let wrong = run(
        "seqctl",
        server.endpoint(),
        &["--columns", "nonsense", "labels", "list"],
    );
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_dry_run_shows_the_request_and_sends_nothing() {
    let server = Server::start(BTreeMap::new());
    let words = [
        "--dry-run",
        "-o",
        "json",
        "secrets",
        "add",
        "-n",
        "TOK",
        "-v",
        "s3cret",
    ];
    let output = run("seqctl", server.endpoint(), &words);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let printed = json_of(&output);
    assert_eq!(printed["method"], "POST");
    assert_eq!(printed["body"], json!({"name": "TOK", "value": "…"}));
    assert!(
        printed["url"]
            .as_str()
            .unwrap()
            .ends_with("/api/pipeline-secrets"),
        "{printed}"
    );
    assert!(server.changes().is_empty());
}

#[test]
fn profiles_hold_platforms_and_accounts() {
    let platform = Platform::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sub/config.yml");
    let seqctl = |words: &[&str]| {
        of_name("seqctl")
            .env("SEQCTL_CONFIG", &file)
            .args(words)
            .output()
            .unwrap()
    };
    let endpoint = platform.platform.endpoint();
    let login = seqctl(&[
        "-u",
        endpoint,
        "-t",
        platform.platform.token(),
        "--profile",
        "lab",
        "auth",
        "login",
    ]);
    assert_eq!(login.status.code(), Some(0), "{}", stderr(&login));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let status = seqctl(&["-o", "json", "auth", "status"]);
    assert_eq!(json_of(&status)["profiles"][0]["profile"], "lab");
    // The token of the file is used; a command's word goes over it.
    assert_eq!(seqctl(&["organizations", "list"]).status.code(), Some(0));
    assert_eq!(
        seqctl(&["-t", "wrong", "organizations", "list"])
            .status
            .code(),
        Some(4)
    );
    assert_eq!(
        seqctl(&["--profile", "none", "organizations", "list"])
            .status
            .code(),
        Some(2)
    );
    let command = format!("echo {}", platform.platform.token());
    let login = seqctl(&[
        "-u",
        endpoint,
        "--profile",
        "cmd",
        "auth",
        "login",
        "--token-command",
        &command,
    ]);
    assert_eq!(login.status.code(), Some(0), "{}", stderr(&login));
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches(platform.platform.token()).count(), 2, "{text}");
    assert_eq!(seqctl(&["organizations", "list"]).status.code(), Some(0));
    assert_eq!(seqctl(&["auth", "logout"]).status.code(), Some(0));
    // `tw` has no configuration file.
    let tw = of_name("tw")
        .env("SEQCTL_CONFIG", &file)
        .args(["organizations", "list"])
        .output()
        .unwrap();
    assert_eq!(tw.status.code(), Some(1));
}

#[test]
fn info_tells_whether_all_is_well() {
    let platform = Platform::start();
    let well = platform.run("tw", &["-o", "json", "info"]);
    assert_eq!(well.status.code(), Some(0), "{}", stdout(&well));
    let told = json_of(&well);
    for check in ["connectionCheck", "versionCheck", "credentialsCheck"] {
        assert_eq!(told[check], 1, "{told}");
    }
    assert_eq!(told["opts"]["userName"], "bench-lead");
    let text = platform.run("seqctl", &["info"]);
    assert!(stdout(&text).contains("bench-lead"), "{}", stdout(&text));
    let replies = BTreeMap::from([
        (
            "GET /service-info".to_owned(),
            (
                200,
                json!({"serviceInfo": {"version": "25.1", "apiVersion": "1.200.0"}}),
            ),
        ),
        ("GET /user-info".to_owned(), (401, json!({"message": "No"}))),
    ]);
    let server = Server::start(replies);
    let wrong = run("tw", server.endpoint(), &["-o", "json", "info"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(wrong.stderr.is_empty(), "{}", stderr(&wrong));
    assert_eq!(json_of(&wrong)["credentialsCheck"], 0);
}

#[test]
fn man_pages_are_made_from_the_grammar() {
    let folder = tempfile::tempdir().unwrap();
    let output = of_name("seqctl")
        .arg("man")
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(folder.path().join("seqctl-runs-view-task.1").exists());
}
