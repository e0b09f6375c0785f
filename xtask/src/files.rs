//! Replaces a set of files as one: whenever it is interrupted, the set is the old one, or the next
//! run makes it the new one.
//!
//! The new contents are written into a folder first, then a journal of what goes where. From then
//! on the set is as good as replaced: what an interruption leaves can be completed.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// The vendored schema.
pub const SCHEMA: &str = "seqera-api-latest.yml";
/// Our documentation of it.
pub const OVERLAY: &str = "overlays/docs.yml";
/// The changelog.
pub const CHANGELOG: &str = "CHANGELOG.md";

/// The folder in the root of the crate. It is there only while files are being replaced, or after
/// an interruption.
const FOLDER: &str = ".refresh";
const JOURNAL: &str = "journal.json";

/// Reads a text file; one that does not exist is `None`.
pub fn read_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(problem).with_context(|| format!("{} can't be read", path.display())),
    }
}

/// Reads a file of the crate that has to be there.
pub fn read(root: &Path, name: &str) -> Result<String> {
    read_if_there(&root.join(name))?.with_context(|| format!("there is no {name}"))
}

/// Writes a file that belongs to no set, whole or not at all.
pub fn write(path: &Path, contents: &str) -> Result<()> {
    let name = path.file_name().context("a file needs a name")?;
    let draft = path.with_file_name(format!(".{}.tmp", name.display()));
    write_through(&draft, contents, permissions(path))?;
    fs::rename(draft, path).with_context(|| format!("{} can't be replaced", path.display()))
}

/// New contents of files of the crate. Nothing is written before they are committed.
pub struct Changes {
    root: PathBuf,
    /// The paths below the root, and the contents; a file without contents is removed.
    staged: Vec<(String, Option<String>)>,
}

/// What is moved where. It is written when everything that it names is.
#[derive(Default, Serialize, Deserialize)]
struct Journal {
    /// Names in the folder, and the paths that they replace.
    moves: Vec<(String, String)>,
    /// Paths that are removed.
    removals: Vec<String>,
}

impl Changes {
    /// No changes yet.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            staged: Vec::new(),
        }
    }

    /// Stages a file, unless it has these contents already.
    pub fn stage(&mut self, name: &str, contents: &str) -> Result<()> {
        if read_if_there(&self.root.join(name))?.as_deref() != Some(contents) {
            self.staged
                .push((name.to_owned(), Some(contents.to_owned())));
        }
        Ok(())
    }

    /// Stages that a file goes, if it is there.
    pub fn stage_removal(&mut self, name: &str) {
        if self.root.join(name).exists() {
            self.staged.push((name.to_owned(), None));
        }
    }

    /// Replaces the files. Returns their names.
    pub fn commit(self) -> Result<Vec<String>> {
        self.commit_in_steps(&mut || Ok(()))
    }

    /// As `commit`; `before_step` is called before everything that changes a file.
    fn commit_in_steps(self, before_step: &mut dyn FnMut() -> Result<()>) -> Result<Vec<String>> {
        if self.staged.is_empty() {
            return Ok(Vec::new());
        }
        let _lock = lock(&self.root)?;
        let folder = self.root.join(FOLDER);
        before_step()?;
        fs::create_dir_all(&folder).with_context(|| format!("{FOLDER} can't be made"))?;
        let mut journal = Journal::default();
        for (number, (name, contents)) in self.staged.iter().enumerate() {
            match contents {
                Some(contents) => {
                    before_step()?;
                    let place = number.to_string();
                    let target = self.root.join(name);
                    write_through(&folder.join(&place), contents, permissions(&target))?;
                    journal.moves.push((place, name.clone()));
                }
                None => journal.removals.push(name.clone()),
            }
        }
        before_step()?;
        let draft = folder.join("draft");
        write_through(&draft, &serde_json::to_string(&journal)?, None)?;
        before_step()?;
        fs::rename(draft, folder.join(JOURNAL)).context("the journal can't be written")?;
        finish(&self.root, &journal, before_step)?;
        Ok(self.staged.into_iter().map(|(name, _)| name).collect())
    }
}

/// Whether a set of files was being replaced when something interrupted it: some may be old, some
/// new.
pub fn is_unfinished(root: &Path) -> bool {
    root.join(FOLDER).join(JOURNAL).exists()
}

/// Completes what an interruption left, or clears it away if nothing had been replaced. Returns
/// whether there was something to complete.
pub fn recover(root: &Path) -> Result<bool> {
    let folder = root.join(FOLDER);
    if !folder.exists() {
        return Ok(false);
    }
    let _lock = lock(root)?;
    match read_if_there(&folder.join(JOURNAL))? {
        Some(journal) => {
            let journal = serde_json::from_str(&journal)
                .with_context(|| format!("{FOLDER}/{JOURNAL} is damaged"))?;
            finish(root, &journal, &mut || Ok(()))?;
            Ok(true)
        }
        None => {
            fs::remove_dir_all(&folder).with_context(|| format!("{FOLDER} can't be removed"))?;
            Ok(false)
        }
    }
}

/// Does what the journal says and is not done yet.
fn finish(
    root: &Path,
    journal: &Journal,
    before_step: &mut dyn FnMut() -> Result<()>,
) -> Result<()> {
    let folder = root.join(FOLDER);
    for (place, name) in &journal.moves {
        let (from, to) = (folder.join(place), root.join(name));
        if !from.exists() {
            continue;
        }
        before_step()?;
        let replace = || -> std::io::Result<()> {
            fs::create_dir_all(to.parent().unwrap_or(root))?;
            fs::rename(&from, &to)
        };
        replace().with_context(|| format!("{name} can't be replaced"))?;
    }
    for name in &journal.removals {
        before_step()?;
        match fs::remove_file(root.join(name)) {
            Err(problem) if problem.kind() != ErrorKind::NotFound => {
                return Err(problem).with_context(|| format!("{name} can't be removed"));
            }
            _ => {}
        }
    }
    before_step()?;
    fs::remove_file(folder.join(JOURNAL)).context("the journal can't be removed")?;
    before_step()?;
    fs::remove_dir_all(&folder).with_context(|| format!("{FOLDER} can't be removed"))
}

/// Keeps other runs from writing. Where a folder can't be opened as a file, nothing does.
fn lock(root: &Path) -> Result<Option<File>> {
    let Ok(folder) = File::open(root) else {
        return Ok(None);
    };
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => bail!("another run is replacing files of the crate"),
        _ => Ok(Some(folder)),
    }
}

/// Writes a file to the disk.
fn write_through(path: &Path, contents: &str, rights: Option<fs::Permissions>) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(contents.as_bytes())?;
        if let Some(rights) = rights {
            file.set_permissions(rights)?;
        }
        file.sync_all()
    };
    write().with_context(|| format!("{} can't be written", path.display()))
}

/// The permissions of the file that is replaced, or those that a new file usually has: a temporary
/// file is its owner's only.
fn permissions(path: &Path) -> Option<fs::Permissions> {
    if let Ok(metadata) = fs::metadata(path) {
        return Some(metadata.permissions());
    }
    #[cfg(unix)]
    return Some(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    #[cfg(not(unix))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contents of the files of the set; the last one is removed by it.
    fn contents(root: &Path) -> Vec<Option<String>> {
        let names = ["first", "same", "deep/new", "gone"];
        let read = |name| read_if_there(&root.join(name)).unwrap();
        names.into_iter().map(read).collect()
    }

    fn set_up() -> (tempfile::TempDir, Changes) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["first", "same", "gone"] {
            fs::write(folder.path().join(name), "old").unwrap();
        }
        let mut changes = Changes::new(folder.path());
        changes.stage("first", "new").unwrap();
        changes.stage("same", "old").unwrap();
        changes.stage("deep/new", "new").unwrap();
        changes.stage_removal("gone");
        changes.stage_removal("never there");
        (folder, changes)
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn files_are_replaced_where_they_differ_and_nothing_else_stays() {
        let (folder, changes) = set_up();
        assert_eq!(changes.commit().unwrap(), ["first", "deep/new", "gone"]);
        let new = [text("new"), text("old"), text("new"), None];
        assert_eq!(contents(folder.path()), new);
        assert!(!folder.path().join(FOLDER).exists());
        assert!(!recover(folder.path()).unwrap());
    }

    #[test]
    fn whatever_step_is_the_last_the_set_is_old_or_is_completed() {
        let old = [text("old"), text("old"), None, text("old")];
        let new = [text("new"), text("old"), text("new"), None];
        let (mut kept, mut completed) = (0, 0);
        for last in 0.. {
            let (folder, changes) = set_up();
            let mut steps = 0;
            let outcome = changes.commit_in_steps(&mut || {
                steps += 1;
                anyhow::ensure!(steps <= last, "interrupted");
                Ok(())
            });
            if outcome.is_ok() {
                assert_eq!((kept, completed), (5, 5));
                break;
            }
            let was_unfinished = is_unfinished(folder.path());
            let is_mixture = contents(folder.path()) != old && contents(folder.path()) != new;
            assert!(was_unfinished || !is_mixture, "after {last} steps");
            assert_eq!(recover(folder.path()).unwrap(), was_unfinished);
            assert!(!folder.path().join(FOLDER).exists(), "after {last} steps");
            match contents(folder.path()) {
                now if now == old => kept += 1,
                now if now == new => completed += 1,
                mixture => panic!("after {last} steps: {mixture:?}"),
            }
        }
    }

    #[test]
    fn a_file_that_can_not_be_replaced_is_named_and_the_set_completed_later() {
        let (folder, changes) = set_up();
        // A folder that is not empty can't be replaced by a file.
        fs::create_dir_all(folder.path().join("deep/new/deeper")).unwrap();
        fs::write(folder.path().join("deep/new/deeper/file"), "").unwrap();
        let error = changes.commit().unwrap_err();
        assert!(error.to_string().contains("deep/new"), "{error}");
        assert!(is_unfinished(folder.path()));
        fs::remove_dir_all(folder.path().join("deep/new")).unwrap();
        assert!(recover(folder.path()).unwrap());
        let new = [text("new"), text("old"), text("new"), None];
        assert_eq!(contents(folder.path()), new);
    }

    #[cfg(unix)]
    #[test]
    fn two_runs_do_not_write_at_once() {
        let (folder, changes) = set_up();
        let _other = lock(folder.path()).unwrap();
        let error = changes.commit().unwrap_err().to_string();
        assert!(error.contains("another run"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_the_files_as_before() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
        fs::write(path("old"), "1").unwrap();
        fs::set_permissions(path("old"), fs::Permissions::from_mode(0o664)).unwrap();
        let mut changes = Changes::new(folder.path());
        changes.stage("old", "2").unwrap();
        changes.stage("new", "2").unwrap();
        changes.commit().unwrap();
        write(&path("report"), "2").unwrap();
        assert_eq!(
            (mode("old"), mode("new"), mode("report")),
            (0o664, 0o644, 0o644)
        );
    }
}
