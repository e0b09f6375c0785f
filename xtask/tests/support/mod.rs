//! A small made-up crate, and what is said of commands that are run in it.

#![allow(dead_code)] // each test file uses a part of it

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

pub const OLD: &str = include_str!("../fixtures/old.yml");
pub const NEW: &str = include_str!("../fixtures/new.yml");

/// A crate in a folder of its own.
pub struct Crate {
    pub folder: tempfile::TempDir,
}

impl Crate {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Self { folder };
        made.write(
            "Cargo.toml",
            "[package]\nname = \"seqera\"\nversion = \"0.4.0+0.0.0\" # kept\n\n[features]\n\
             all-tags = [\n    \"alpha\",\n]\n# The first.\nalpha = []\n",
        );
        made.write(
            "Cargo.lock",
            "version = 4\n\n[[package]]\nname = \"seqera\"\nversion = \"0.4.0+0.0.0\"\n",
        );
        made.write("overlays/docs.yml", include_str!("../fixtures/docs.yml"));
        let output = made.refresh_from_text(OLD, &[]);
        assert!(output.status.success(), "{}", said(&output));
        made.mark_released();
        made
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn run(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .arg("--root")
            .arg(self.folder.path())
            .args(arguments);
        command.stdin(Stdio::null());
        command
    }

    pub fn mark_released(&self) {
        let output = self.run(&["mark-released"]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }

    pub fn refresh(&self, from: &str, more: &[&str]) -> Output {
        let arguments = [&["refresh-schema", "--from", from], more].concat();
        self.run(&arguments).output().unwrap()
    }

    pub fn refresh_from_text(&self, schema: &str, more: &[&str]) -> Output {
        let source = tempfile::NamedTempFile::new().unwrap();
        fs::write(source.path(), schema).unwrap();
        self.refresh(source.path().to_str().unwrap(), more)
    }

    /// All files with their contents.
    pub fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
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

pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The command refused with one line that holds `expected`, and wrote nothing.
#[track_caller]
pub fn assert_refused(
    made: &Crate,
    before: &[(PathBuf, Vec<u8>)],
    output: &Output,
    expected: &str,
) {
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
