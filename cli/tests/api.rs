//! `seqctl api`: every operation as a process, held against the published schema; and what else it does.

mod support;
#[path = "../../tests/support_schema/mod.rs"]
mod support_schema;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use seqera::operations::{self, BodyForm, Kind, List, Operation, Parameter};
use seqera_test_platform::TestPlatform;
use serde_json::{Value, json};
use support::{of_name, stderr, stdout};
use support_schema::compare::differences;
use support_schema::instance::{Extent, MOMENT};
use support_schema::server::{Server, TOKEN};
use support_schema::{reference, schema};
use tokio::runtime::Runtime;

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

fn kebab(name: &str) -> String {
    let dashed = |c: char| match c {
        c if c.is_ascii_uppercase() => format!("-{}", c.to_ascii_lowercase()),
        '_' => "-".to_owned(),
        c => c.to_string(),
    };
    let name: String = name.chars().map(dashed).collect();
    name.trim_start_matches('-').to_owned()
}

/// An option of a parameter, with a value that the schema allows.
fn option(parameter: &Parameter) -> Vec<String> {
    let value = match (parameter.values, parameter.kind) {
        ([first, ..], _) => first,
        (_, Kind::Integer) => "7",
        (_, Kind::Boolean) => "true",
        (_, Kind::Number) => "0.5",
        (_, Kind::Timestamp) => MOMENT,
        _ => "text",
    };
    let name = kebab(parameter.name);
    match parameter.list {
        Some(List::Joined) => vec![format!("--{name}={value},{value}")],
        Some(List::Repeated) => vec![format!("--{name}={value}"), format!("--{name}={value}")],
        None => vec![format!("--{name}={value}")],
    }
}

/// The words that call an operation, and the JSON that it takes.
fn words(operation: &Operation, full: bool, folder: &Path) -> (Vec<String>, Value) {
    let mut words = vec!["api".to_owned(), kebab(operation.name)];
    for parameter in operation.parameters {
        if full || parameter.required {
            words.extend(option(parameter));
        }
    }
    let Some(described) = &operation.body else {
        return (words, Value::Null);
    };
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    for part in described
        .files
        .iter()
        .filter(|_| full || described.form == BodyForm::Form)
    {
        let path = file("samples.csv", "a,b\n1,2\n");
        words.extend(["-F".to_owned(), format!("{part}=@{path}")]);
    }
    let shape = schema().operation(operation.id).body("application/json");
    match (described.form, shape) {
        (BodyForm::Json | BodyForm::JsonOrForm, Some(shape)) => {
            let extent = if full { Extent::Full } else { Extent::Required };
            let body = schema().instance(shape, extent, 0).value;
            words.extend(["-f".to_owned(), file("body.json", &body.to_string())]);
            (words, body)
        }
        (BodyForm::Bytes { .. }, _) => {
            words.extend(["-f".to_owned(), file("body", "a,b\n1,2\n")]);
            (words, Value::Null)
        }
        _ => (words, Value::Null),
    }
}

#[test]
fn every_operation_is_reached_with_all_it_takes_and_with_what_it_needs() {
    let runtime = runtime();
    let server = runtime.block_on(Server::start());
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for operation in operations::all() {
        for full in [true, false] {
            let (words, body) = words(operation, full, folder.path());
            let output = of_name("seqctl")
                .env("TOWER_API_ENDPOINT", &server.endpoint)
                .env("TOWER_ACCESS_TOKEN", TOKEN)
                .args(&words)
                .output()
                .unwrap();
            let told = format!("{words:?}: {}", stderr(&output));
            if output.status.code() != Some(0) {
                wrong.push(told);
                continue;
            }
            let seen = server.last();
            let declared = schema().operation(operation.id);
            let expected: BTreeSet<&str> = declared
                .parameters()
                .filter(|raw| full || raw["required"] == true)
                .map(|raw| raw["name"].as_str().unwrap())
                .collect();
            let arrived: BTreeSet<&str> = seen.parameters.keys().map(String::as_str).collect();
            let shape = declared.body("application/json");
            let is_empty = shape.and_then(reference) == Some("EmptyBodyRequest");
            let mut problems = seen.problems.clone();
            if let Some(sent) = seen.body.as_ref().filter(|_| !body.is_null() && !is_empty) {
                problems.extend(differences(&body, sent));
            }
            if seen.operation != operation.id || arrived != expected || !problems.is_empty() {
                wrong.push(format!("{told}: {seen:?} {problems:?}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A Platform that lives as long as this.
struct Platform {
    platform: TestPlatform,
    _runtime: Runtime,
}

impl Platform {
    fn start() -> Self {
        let runtime = runtime();
        let platform = runtime.block_on(TestPlatform::builder().start()).unwrap();
        Self {
            platform,
            _runtime: runtime,
        }
    }

    fn api(&self, words: &[&str]) -> Output {
        of_name("seqctl")
            .env("TOWER_API_ENDPOINT", self.platform.endpoint())
            .env("TOWER_ACCESS_TOKEN", self.platform.token())
            .arg("api")
            .args(words)
            .output()
            .unwrap()
    }

    fn json(&self, words: &[&str]) -> Value {
        let output = self.api(words);
        serde_json::from_str(&stdout(&output))
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {}", stderr(&output)))
    }
}

#[test]
fn lists_are_read_whole_and_shown_in_every_form() {
    let platform = Platform::start();
    let user = platform.json(&["user-info", "--jq", ".user.id", "-o", "json"]);
    let user = user.to_string();
    let workspaces = platform.json(&["list-workspaces-user", "--user-id", &user]);
    let entries = workspaces["orgsAndWorkspaces"].as_array().unwrap();
    let names: Vec<String> = entries
        .iter()
        .filter(|entry| entry["workspaceName"].is_string())
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap();
            format!("{}/{}", text("orgName"), text("workspaceName"))
        })
        .collect();
    let count = |name: &str| {
        let all = ["list-workflows", "-w", name, "--all", "--jq", "length"];
        platform.json(&all).as_u64().unwrap()
    };
    let largest = names.iter().max_by_key(|name| count(name)).unwrap();
    let all = count(largest);
    assert!(all > 100, "{all}");
    let one = platform.json(&["list-workflows", "-w", largest, "--max", "2", "-o", "json"]);
    assert_eq!(one["workflows"].as_array().unwrap().len(), 2);
    let lines = platform.api(&["list-workflows", "-w", largest, "--all", "-o", "jsonl"]);
    assert_eq!(stdout(&lines).lines().count() as u64, all);
    let csv = platform.api(&["list-workflows", "-w", largest, "--max", "2", "-o", "csv"]);
    assert!(
        stdout(&csv).lines().next().unwrap().contains("workflow.id"),
        "{}",
        stdout(&csv)
    );
    let table = [
        "list-workflows",
        "-w",
        largest,
        "--max",
        "2",
        "--columns",
        "workflow.id",
    ];
    assert_eq!(stdout(&platform.api(&table)).lines().count(), 3);
    let path = format!(
        "/workflow?workspaceId={}",
        entries.last().unwrap()["workspaceId"]
    );
    let raw = platform.json(&["GET", &path, "-q", "max=1"]);
    assert!(raw["workflows"].as_array().unwrap().len() <= 1);
}

#[test]
fn bodies_come_from_files_and_fields_and_a_dry_run_shows_them() {
    let platform = Platform::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("label.yml");
    std::fs::write(&file, "name: nightly\nresource: false\n").unwrap();
    let file = file.display().to_string();
    let dry = [
        "create-label",
        "--dry-run",
        "-o",
        "json",
        "-f",
        &file,
        "-F",
        "name=weekly",
    ];
    let shown = platform.json(&dry);
    assert_eq!(shown["method"], "POST");
    assert_eq!(
        shown["body"],
        json!({ "name": "weekly", "resource": false })
    );
    let made = platform.json(&["create-label", "-f", &file]);
    assert_eq!(made["name"], "nightly");
    let id = made["id"].to_string();
    let deleted = platform.api(&["delete-label", "--label-id", &id]);
    assert_eq!(deleted.status.code(), Some(0), "{}", stderr(&deleted));
    assert_eq!(
        platform
            .api(&["delete-label", "--label-id", &id])
            .status
            .code(),
        // The Platform says no more of labels that are not there.
        Some(4)
    );
    let schema = platform.json(&["create-label", "--schema"]);
    assert_eq!(schema["$ref"], "#/$defs/CreateLabelRequest");
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    let table = [
        (&["list-workflow"][..], "is it `list-workflows`"),
        (
            &["list-workflows", "--max", "many"],
            "`max` takes a whole number, not `many`",
        ),
        (
            &["list-workflows", "--attributes", "moods"],
            "[possible values: ",
        ),
        (&["create-label"], "give -f FILE or -F NAME=VALUE"),
        (
            &["create-label", "-F", "nmae=x"],
            "The body has no field `nmae`: it has ",
        ),
        (
            &["create-label", "-F", "resource=maybe"],
            "`resource` takes `true` or `false`",
        ),
        (&["describe-workflow"], "--workflow-id"),
        (
            &["upload-dataset", "--dataset-id", "1", "--workspace-id", "1"],
            "give -F file=PATH",
        ),
        (&["FETCH", "/workflow"], "`FETCH` is no method"),
        (&[], "--list"),
    ];
    for (words, expected) in table {
        let output = of_name("seqctl")
            .env("TOWER_API_ENDPOINT", "http://127.0.0.1:1/api")
            .env("TOWER_ACCESS_TOKEN", "x")
            .arg("api")
            .args(words)
            .output()
            .unwrap();
        assert!(
            stderr(&output).contains(expected),
            "{words:?}: {}",
            stderr(&output)
        );
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn operations_are_searched_and_their_help_is_our_documentation() {
    let api = |words: &[&str]| {
        let output = of_name("seqctl").arg("api").args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let all: Value = serde_json::from_str(&api(&["--list", "-o", "json"])).unwrap();
    assert_eq!(
        all["operations"].as_array().unwrap().len(),
        operations::all().len()
    );
    assert!(api(&["--list", "cancel", "workflow"]).contains("cancel-workflow"));
    let help = api(&["list-workflows", "--help"]);
    for expected in [
        "--workspace-id",
        "--all",
        "GET /workflow",
        "Page size",
        "possible values",
    ] {
        assert!(help.contains(expected), "{expected}: {help}");
    }
    assert!(api(&["--help"]).contains("api --list"));
}
