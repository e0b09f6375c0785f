//! The help of every command, held against `tests/golden/help/`, a file for each group. With
//! `REFRESH_HELP=1` in the environment the files are written anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Operations of the API are documented by the API.
const MADE: &str = "api";

fn write(command: &mut clap::Command, path: &str, text: &mut String) {
    let help = command.render_long_help().to_string();
    let help: Vec<_> = help.lines().map(str::trim_end).collect();
    let _ = writeln!(text, "## {path}\n\n{}\n", help.join("\n"));
    if command.get_name() == MADE {
        return;
    }
    for inner in command.get_subcommands_mut() {
        let path = format!("{path} {}", inner.get_name());
        write(inner, &path, text);
    }
}

/// The text of each file, by its name.
fn texts() -> BTreeMap<String, String> {
    let mut grammar = crate::program::grammar::grammar().term_width(100);
    grammar.build();
    let mut texts = BTreeMap::new();
    let root = grammar.render_long_help().to_string();
    let root: Vec<_> = root.lines().map(str::trim_end).collect();
    texts.insert("seqctl".to_owned(), root.join("\n") + "\n");
    for command in grammar.get_subcommands_mut() {
        let name = command.get_name().to_owned();
        let mut text = String::new();
        write(command, &format!("seqctl {name}"), &mut text);
        texts.insert(name, text);
    }
    texts
}

#[test]
fn help_of_every_command_is_as_it_was_read() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/help");
    let texts = texts();
    if std::env::var_os("REFRESH_HELP").is_some() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in &texts {
            std::fs::write(folder.join(format!("{name}.txt")), text).unwrap();
        }
    }
    let read = |name: &str| std::fs::read_to_string(folder.join(format!("{name}.txt")));
    let changed: Vec<_> = (texts.iter())
        .filter(|(name, text)| read(name).ok().as_ref() != Some(text))
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(
        changed.is_empty(),
        "the help of {} has changed: read it with `REFRESH_HELP=1 cargo test -p seqera-cli help_of` and `git diff`",
        changed.join(", ")
    );
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(
        files,
        texts.len(),
        "there are files of commands that are gone"
    );
}

/// What every option and command says of itself.
#[test]
fn nothing_is_without_help() {
    fn check(command: &clap::Command, path: &str, silent: &mut Vec<String>) {
        if command.get_about().is_none() {
            silent.push(path.to_owned());
        }
        for arg in command
            .get_arguments()
            .filter(|arg| arg.get_help().is_none())
        {
            silent.push(format!("{path} {}", arg.get_id()));
        }
        for inner in command.get_subcommands() {
            check(inner, &format!("{path} {}", inner.get_name()), silent);
        }
    }
    let mut silent = Vec::new();
    check(&crate::program::grammar::grammar(), "seqctl", &mut silent);
    assert!(silent.is_empty(), "{silent:#?}");
}

/// Who knows nothing finds how to launch a pipeline and wait for it.
#[test]
fn the_first_help_tells_how_to_launch_and_wait() {
    let text = &texts()["seqctl"];
    for wanted in [
        "auth login",
        "launch",
        "--wait SUCCEEDED",
        "--follow",
        "demo",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in:\n{text}");
    }
}
