//! Generates and compiles a scratch copy of the crate with another schema.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::Outcome;
use crate::refresh::{self, Options};
use crate::say::say;

/// What the package needs to compile, and what its manifest names.
const MEMBERS: [&str; 13] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "CHANGELOG.md",
    "build.rs",
    "src",
    "tests",
    "examples",
    "benches",
    "overlays",
    "codegen",
    "test-platform",
    "xtask",
];

/// Tries each schema. All are tried, also after one that fails.
pub fn run(root: &Path, schemas: &[PathBuf]) -> Result<Outcome> {
    let target = root.join("target/try-schema");
    let scratch = target.join("crate");
    let mut outcome = Outcome::Good;
    for schema in schemas {
        say(format!("trying {}", schema.display()));
        let tried = copy(root, &scratch).and_then(|()| compile(&scratch, &target, schema));
        match tried {
            Ok(()) => say(format!(
                "ok: {} is generated and compiles\n",
                schema.display()
            )),
            Err(problem) => {
                say(format!(
                    "FAILED: {}: {}\n",
                    schema.display(),
                    crate::one_line(&problem)
                ));
                outcome = Outcome::Behind;
            }
        }
    }
    Ok(outcome)
}

fn compile(scratch: &Path, target: &Path, schema: &Path) -> Result<()> {
    let options = Options {
        from: schema.to_string_lossy().into_owned(),
        check: false,
        report: Some(target.join("report.md")),
        timeout: 20,
        fewer_operations: true,
    };
    refresh::run(scratch, &options)?;
    let bindings = ["--no-default-features", "--features", "all-tags,rustls"];
    ensure!(
        check(scratch, target, &bindings)?,
        "the bindings do not compile with it"
    );
    for feature in ["names", "runs", "transfers"] {
        if !check(
            scratch,
            target,
            &["--features", feature, "--no-default-features"],
        )? {
            say(format!(
                "the feature `{feature}` does not compile with it: it needs what this version lacks"
            ));
        }
    }
    Ok(())
}

fn check(scratch: &Path, target: &Path, features: &[&str]) -> Result<bool> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["check", "--quiet", "--package", "seqera"])
        .args(features)
        .current_dir(scratch)
        .env("CARGO_TARGET_DIR", target.join("target"))
        .status()
        .context("cargo can't be started")?;
    Ok(status.success())
}

/// Brings a scratch copy up to date. Files that are the same are left alone, so that cargo sees
/// what has changed.
pub fn copy(root: &Path, scratch: &Path) -> Result<()> {
    fs::create_dir_all(scratch)?;
    for member in MEMBERS.into_iter().chain([refresh::SCHEMA]) {
        copy_all(&root.join(member), &scratch.join(member))
            .with_context(|| format!("{member} can't be copied"))?;
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            if name != "target" {
                copy_all(&from.join(&name), &to.join(&name))?;
                names.push(name);
            }
        }
        for entry in fs::read_dir(to)? {
            let entry = entry?;
            if !names.contains(&entry.file_name()) && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
        return Ok(());
    }
    let Ok(contents) = fs::read(from) else {
        return Ok(()); // not every member need be there
    };
    if fs::read(to).ok().as_deref() != Some(&contents) {
        fs::write(to, contents)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn a_copy_follows_its_original() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("a/src/deep")).unwrap();
        fs::create_dir_all(path("a/target")).unwrap();
        fs::write(path("a/src/deep/x.rs"), "1").unwrap();
        fs::write(path("a/src/y.rs"), "2").unwrap();
        copy_all(&path("a"), &path("b")).unwrap();
        let read = |name: &str| files::read_if_there(&path(name)).unwrap();
        assert_eq!(read("b/src/deep/x.rs").as_deref(), Some("1"));
        assert!(!path("b/target").exists());

        let before = fs::metadata(path("b/src/deep/x.rs"))
            .unwrap()
            .modified()
            .unwrap();
        fs::remove_file(path("a/src/y.rs")).unwrap();
        copy_all(&path("a"), &path("b")).unwrap();
        assert_eq!(read("b/src/y.rs"), None);
        let after = fs::metadata(path("b/src/deep/x.rs"))
            .unwrap()
            .modified()
            .unwrap();
        assert_eq!(before, after);
    }
}
