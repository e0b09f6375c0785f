//! The Platform as a program of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A running program, which ends with this value.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the program, and reads where it is.
fn start(arguments: &[&str]) -> (Program, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_seqera-test-platform"));
    let mut child = program
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let out = child.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["token"], "secret");
    (
        Program(child),
        said["endpoint"].as_str().unwrap().to_owned(),
    )
}

async fn labels(endpoint: &str) -> Vec<String> {
    let request = reqwest::Client::new().get(format!("{endpoint}/labels?workspaceId=70"));
    let reply: Value = request
        .bearer_auth("secret")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    (reply["labels"].as_array().unwrap().iter())
        .map(|label| label["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits for the state file to hold a text.
async fn saved(file: &Path, text: &str) {
    let started = Instant::now();
    while !std::fs::read_to_string(file).is_ok_and(|state| state.contains(text)) {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{text} is never saved"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn it_takes_a_seed_keeps_its_state_and_notes_its_calls() {
    let folder = std::env::temp_dir().join(format!("test-platform-program-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let seed = "
users: [{ userName: ada }]
organizations:
  - { name: acme, members: [{ user: ada, role: owner }], workspaces: [{ name: w, id: 70, labels: [{ name: seeded }] }] }
";
    std::fs::write(path("seed.yml"), seed).unwrap();
    let (state, log, seed) = (path("state.json"), path("calls.jsonl"), path("seed.yml"));
    let arguments = [
        "--token", "secret", "--empty", "--seed", &seed, "--state", &state, "--log", &log,
        "--rate", "0",
    ];
    {
        let (_program, endpoint) = start(&arguments);
        assert!(
            Path::new(&state).exists(),
            "the state is there from the start"
        );
        assert_eq!(labels(&endpoint).await, ["seeded"]);
        let request = reqwest::Client::new().post(format!("{endpoint}/labels?workspaceId=70"));
        let body = json!({ "name": "made", "resource": false });
        let reply = request
            .bearer_auth("secret")
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), 200);
        saved(Path::new(&state), "\"made\"").await;
    }
    let (_program, endpoint) = start(&arguments);
    assert_eq!(labels(&endpoint).await, ["seeded", "made"]);
    let lines = std::fs::read_to_string(&log).unwrap();
    let calls: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let operations: Vec<_> = calls
        .iter()
        .map(|call| call["operation"].as_str().unwrap())
        .collect();
    assert_eq!(operations, ["ListLabels", "CreateLabel", "ListLabels"]);
    assert_eq!(
        (&calls[1]["body"]["name"], &calls[1]["status"]),
        (&json!("made"), &json!(200))
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What the program says before it gives up.
fn refusal(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_seqera-test-platform"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn it_names_what_it_can_not_use() {
    let folder = std::env::temp_dir().join(format!("test-platform-refused-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("wrong");
    std::fs::write(&file, "wrong: [").unwrap();
    let file = file.to_str().unwrap();
    let nowhere = folder.join("nowhere/file");
    let nowhere = nowhere.to_str().unwrap();
    for (option, path) in [
        ("--seed", file),
        ("--seed", nowhere),
        ("--state", file),
        ("--state", nowhere),
        ("--log", nowhere),
    ] {
        let said = refusal(&["--empty", option, path]);
        assert!(said.contains(path), "{option}: {said}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = refusal(&["--empty", "--port", &port]);
    assert!(said.contains(&port), "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn it_says_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_seqera-test-platform"))
        .arg("--version")
        .output()
        .unwrap();
    let version = concat!("seqera-test-platform ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), version);
}

#[test]
fn what_it_does_not_know_it_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_seqera-test-platform"))
        .arg("--colour")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--colour"));
}
