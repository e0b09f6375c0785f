//! What the README at the root shows: each command as it stands there, and the program.

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;

use support::{of_name, stderr, stdout};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut parts = text.split("```");
    let mut found = Vec::new();
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        if let Some((first, rest)) = block.split_once('\n')
            && first == language
        {
            found.push(rest.to_owned());
        }
    }
    found
}

/// Runs the words after `cargo run -p seqera-cli --`.
fn run(words: &str) -> Output {
    of_name("seqctl")
        .current_dir(root())
        .args(words.split(' '))
        .output()
        .unwrap()
}

/// Whether the lines are among those that were printed, in their order. `…` is any number of lines.
fn shows(printed: &str, lines: &[&str]) -> bool {
    let mut printed = printed.lines();
    let mut wanted = lines.iter().filter(|line| **line != "…");
    wanted.all(|line| printed.any(|other| other == *line))
}

#[test]
fn the_first_program_is_an_example() {
    let readme = read("README.md");
    let first = &blocks(&readme, "rust,no_run")[0];
    let example = read("examples/failures.rs");
    assert!(example.ends_with(first.as_str()), "{example}");
}

#[test]
fn each_command_works_as_it_stands_there() {
    let readme = read("README.md");
    let mut tried = 0;
    for block in blocks(&readme, "console") {
        let (command, shown) = block.split_once('\n').unwrap();
        let words = command
            .strip_prefix("$ cargo run -p seqera-cli -- ")
            .unwrap();
        let output = match words.split_once("cargo run --example ") {
            // The example is built by cargo, which is not called from here: that it is there is
            // enough, and CI runs it so.
            Some((_, example)) => {
                assert!(root().join(format!("examples/{example}.rs")).exists());
                continue;
            }
            None => run(words),
        };
        assert_eq!(
            output.status.code(),
            Some(0),
            "{command}: {}",
            stderr(&output)
        );
        let lines: Vec<&str> = shown.lines().collect();
        let printed = stdout(&output);
        assert!(
            !printed.is_empty() && shows(&printed, &lines),
            "{command}: {printed}"
        );
        tried += 1;
    }
    assert!(tried >= 2);
}

/// What the text names is there: files, examples, packages, commands.
#[test]
fn no_step_leads_to_something_that_is_not_there() {
    let readme = read("README.md");
    for link in readme.split("](").skip(1) {
        let target = link.split(')').next().unwrap();
        if !target.starts_with("http") {
            assert!(root().join(target).exists(), "{target}");
        }
    }
    for example in readme.split("--example ").skip(1) {
        let name: String = example
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '-')
            .collect();
        assert!(
            root().join(format!("examples/{name}.rs")).exists(),
            "{name}"
        );
    }
    for command in readme.split("`seqctl ").skip(1) {
        let words = command.split('`').next().unwrap();
        let words: Vec<&str> = words
            .split(' ')
            .take_while(|word| !word.starts_with('-'))
            .collect();
        let output = of_name("seqctl")
            .args(&words)
            .arg("--help")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}");
    }
}
