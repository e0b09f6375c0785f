//! Generates and compiles a scratch copy of the crate with another schema.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use seqera_codegen::needs;

use crate::Outcome;
use crate::files;
use crate::generation::Bounds;
use crate::manifest::Manifest;
use crate::refresh::{self, Options};
use crate::say::say;

/// The folder of trials.
pub const PLACE: &str = "target/try-schema";
/// The scratch copy in it.
pub const COPY: &str = "crate";

/// The options of `try-schema`.
#[derive(clap::Args)]
pub struct Trial {
    /// The schema files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Runs the crate's tests with each schema too.
    #[arg(long)]
    test: bool,
}

/// Tries each schema. All are tried, also after one that fails.
pub fn run(root: &Path, trial: &Trial) -> Result<Outcome> {
    let place = root.join(PLACE);
    let mut outcome = Outcome::Good;
    for schema in &trial.files {
        say(format!("trying {}", schema.display()));
        let tried = copy(root, &place.join(COPY)).and_then(|()| try_one(root, schema, trial.test));
        let verdict = match tried {
            Ok(what) => format!("ok: {}: {what}", schema.display()),
            Err(problem) => {
                outcome = Outcome::Behind;
                format!(
                    "FAILED: {}: {}",
                    schema.display(),
                    crate::one_line(&problem)
                )
            }
        };
        say(format!("{verdict}\n"));
    }
    Ok(outcome)
}

fn try_one(root: &Path, schema: &Path, test: bool) -> Result<&'static str> {
    let scratch = &root.join(PLACE).join(COPY);
    let target = target(root)?;
    let options = Options {
        from: schema.to_string_lossy().into_owned(),
        check: false,
        report: Some(root.join(PLACE).join("report.md")),
        timeout: 20,
        fewer_operations: true,
        bounds: Bounds::default(),
    };
    let outcome = refresh::run(scratch, &options)?;
    let cargo = |command: &str, arguments: &[&str]| cargo(scratch, &target, command, arguments);
    // What the refresh says can't be built is not tried as a whole.
    if outcome != Outcome::Good || !cargo("check", &[])? {
        let bindings = ["--no-default-features", "--features", "all-tags,rustls"];
        ensure!(cargo("check", &bindings)?, "the bindings do not compile");
        let manifest = Manifest::parse(&files::read(scratch, "Cargo.toml")?)?;
        let features: BTreeSet<&str> = needs::all().map(|need| need.feature).collect();
        let mut lost = Vec::new();
        for feature in features {
            let only = ["--no-default-features", "--features", feature];
            if manifest.has_feature(feature) && !cargo("check", &only)? {
                lost.push(feature);
            }
        }
        ensure!(
            !lost.is_empty(),
            "the bindings compile, but not the crate with its default features"
        );
        bail!(
            "the bindings compile, but not the features `{}`",
            lost.join("`, `")
        );
    }
    if test {
        ensure!(cargo("test", &[])?, "it compiles, but tests fail");
        return Ok("it compiles, and the tests pass");
    }
    Ok("it compiles, with all default features")
}

fn cargo(scratch: &Path, target: &Path, command: &str, arguments: &[&str]) -> Result<bool> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args([command, "--quiet", "--package", "seqera"])
        .args(arguments)
        .current_dir(scratch)
        .env("CARGO_TARGET_DIR", target)
        .status()
        .context("cargo can't be started")?;
    // That says nothing of the schema.
    ensure!(status.code().is_some(), "cargo was ended: {status}");
    Ok(status.success())
}

/// The folder into which cargo compiles: what the copy depends on is compiled there already.
pub fn target(root: &Path) -> Result<PathBuf> {
    let folder = std::env::var_os("CARGO_TARGET_DIR");
    let folder = folder.map_or_else(|| root.join("target"), PathBuf::from);
    Ok(std::path::absolute(folder)?)
}

/// What a copy of the crate is without, besides hidden files.
const LEFT_OUT: &str = "target";

/// Brings a scratch copy up to date. Files that are the same are left alone, so that cargo sees
/// what has changed.
pub fn copy(root: &Path, scratch: &Path) -> Result<()> {
    copy_all(root, scratch).with_context(|| format!("{} can't be copied", root.display()))
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            if name != LEFT_OUT && !name.as_encoded_bytes().starts_with(b".") {
                copy_all(&from.join(&name), &to.join(&name))?;
                names.push(name);
            }
        }
        for entry in fs::read_dir(to)? {
            let entry = entry?;
            match names.contains(&entry.file_name()) {
                true => {}
                false if entry.file_type()?.is_dir() => fs::remove_dir_all(entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
        return Ok(());
    }
    let contents = fs::read(from)?;
    if fs::read(to).ok().as_deref() != Some(&contents) {
        fs::write(to, contents)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        fs::create_dir_all(path("b/gone/deep")).unwrap();
        copy_all(&path("a"), &path("b")).unwrap();
        assert_eq!(read("b/src/y.rs"), None);
        assert!(!path("b/gone").exists());
        let after = fs::metadata(path("b/src/deep/x.rs"))
            .unwrap()
            .modified()
            .unwrap();
        assert_eq!(before, after);
    }
}
