//! Writes files whole: an interruption leaves the old file or the new one, never half of one.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::{Builder, NamedTempFile};

/// Reads a text file; one that does not exist is `None`.
pub fn read_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(problem).with_context(|| format!("{} can't be read", path.display())),
    }
}

/// New contents of files, written beside the old ones before the first of them is replaced.
#[derive(Default)]
pub struct Changes {
    staged: Vec<(NamedTempFile, PathBuf)>,
}

impl Changes {
    /// Stages a file, unless it has these contents already.
    pub fn stage(&mut self, path: &Path, contents: &str) -> Result<()> {
        if read_if_there(path)?.as_deref() == Some(contents) {
            return Ok(());
        }
        let failed = || format!("{} can't be written", path.display());
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).with_context(failed)?;
        let mut file = Builder::new()
            .prefix(".refresh-")
            .suffix(".tmp")
            .tempfile_in(folder)
            .with_context(failed)?;
        file.write_all(contents.as_bytes()).with_context(failed)?;
        if let Some(permissions) = permissions(path) {
            file.as_file()
                .set_permissions(permissions)
                .with_context(failed)?;
        }
        file.as_file().sync_all().with_context(failed)?;
        self.staged.push((file, path.to_owned()));
        Ok(())
    }

    /// Replaces the files in the order in which they were staged. Returns their paths.
    pub fn commit(self) -> Result<Vec<PathBuf>> {
        self.staged
            .into_iter()
            .map(|(file, path)| {
                // The temporary file goes, which the error would keep.
                file.persist(&path)
                    .map_err(|failed| failed.error)
                    .with_context(|| format!("{} can't be replaced", path.display()))?;
                Ok(path)
            })
            .collect()
    }
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

    #[test]
    fn files_are_replaced_together_and_only_where_they_differ() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("same"), "1").unwrap();
        fs::write(path("other"), "2").unwrap();

        let mut changes = Changes::default();
        changes.stage(&path("same"), "1").unwrap();
        changes.stage(&path("other"), "3").unwrap();
        changes.stage(&path("deep/new"), "4").unwrap();
        assert_eq!(fs::read_to_string(path("other")).unwrap(), "2");
        assert_eq!(changes.commit().unwrap(), [path("other"), path("deep/new")]);
        assert_eq!(fs::read_to_string(path("other")).unwrap(), "3");
        assert_eq!(fs::read_to_string(path("deep/new")).unwrap(), "4");
    }

    #[test]
    fn what_is_not_committed_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let mut changes = Changes::default();
        changes.stage(&folder.path().join("a"), "1").unwrap();
        drop(changes);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_end_in_the_middle_leaves_whole_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("first"), "old").unwrap();
        fs::write(path("last"), "old").unwrap();
        let mut changes = Changes::default();
        for name in ["first", "middle", "last"] {
            changes.stage(&path(name), "new").unwrap();
        }
        // A folder that is not empty can't be replaced by a file.
        fs::create_dir_all(path("middle/deep")).unwrap();
        let error = changes.commit().unwrap_err();
        assert!(error.to_string().contains("middle"), "{error}");
        assert_eq!(fs::read_to_string(path("first")).unwrap(), "new");
        assert_eq!(fs::read_to_string(path("last")).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_the_files_as_before() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, "1").unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o664)).unwrap();
        let mut changes = Changes::default();
        changes.stage(&old, "2").unwrap();
        changes.stage(&new, "2").unwrap();
        changes.commit().unwrap();
        assert_eq!((mode(&old), mode(&new)), (0o664, 0o644));
    }
}
