//! `seqctl demo`: a Platform that ends with Ctrl-C, and finds again what was there.
#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::{of_name, stderr, stdout};

/// A demo that is running.
struct Demo {
    process: Child,
    endpoint: String,
    token: String,
}

impl Demo {
    fn start(state: &Path) -> Self {
        let mut process = of_name("seqctl")
            .args(["demo", "--state", state.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut variable = |name: &str| {
            let line = lines.next().unwrap().unwrap();
            let value = line.strip_prefix(&format!("export {name}="));
            value.unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let endpoint = variable("TOWER_API_ENDPOINT");
        let token = variable("TOWER_ACCESS_TOKEN");
        Self {
            process,
            endpoint,
            token,
        }
    }

    fn run(&self, words: &[&str]) -> String {
        let output = of_name("seqctl")
            .env("TOWER_API_ENDPOINT", &self.endpoint)
            .env("TOWER_ACCESS_TOKEN", &self.token)
            .args(words)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    }

    fn interrupt_and(mut self, check: impl FnOnce()) {
        let id = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
        check();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

#[test]
fn a_demo_keeps_what_was_made_from_one_start_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("demo.json");
    let demo = Demo::start(&state);
    assert!(demo.run(&["info"]).contains(&demo.endpoint));
    demo.run(&["api", "create-label", "-F", "name=kept"]);
    demo.interrupt_and(|| assert!(state.exists()));
    let again = Demo::start(&state);
    let labels = again.run(&["api", "list-labels", "--jq", ".labels[].name"]);
    assert!(labels.lines().any(|name| name == "kept"), "{labels}");
    again.interrupt_and(|| {});
}

#[test]
fn a_command_runs_against_a_demo_that_ends_with_it() {
    let demo = |words: &[&str]| {
        of_name("seqctl")
            .args(["demo", "--run-time", "1", "--"])
            .args(words)
            .output()
            .unwrap()
    };
    let launched = demo(&["seqctl", "launch", "nf-core-rnaseq", "--wait", "SUCCEEDED"]);
    assert_eq!(launched.status.code(), Some(0), "{}", stderr(&launched));
    assert!(
        stdout(&launched).contains("submitted"),
        "{}",
        stdout(&launched)
    );
    // Options are the command's own.
    let version = demo(&["seqctl", "--version"]);
    assert!(stdout(&version).starts_with("seqctl "));
    let shell = demo(&[
        "sh",
        "-c",
        "echo $TOWER_API_ENDPOINT $TOWER_WORKSPACE_ID; exit 7",
    ]);
    assert_eq!(shell.status.code(), Some(7));
    assert!(
        stdout(&shell).starts_with("http://127.0.0.1:"),
        "{}",
        stdout(&shell)
    );
    let none = demo(&["no-such-program"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(
        stderr(&none).contains("`no-such-program` can't run"),
        "{}",
        stderr(&none)
    );
}
