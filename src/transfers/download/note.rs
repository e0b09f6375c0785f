//! What is on disk of a download that is not complete.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::fs;

use crate::files::{part_path, unwritable, with_suffix};
use crate::{Error, ErrorKind, Result};

/// What is added to a file's name for what lies beside it until it is complete.
pub(super) const SUFFIXES: [&str; 4] = [".part", ".part.json", ".part.json.new", ".part.lock"];

/// What is known of an object whose download has begun, as it is noted beside the unfinished file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Note {
    pub(super) length: u64,
    /// The object's ETag, or when it was changed: what tells it from a later one.
    pub(super) validator: Option<String>,
    pub(super) part_size: u64,
    /// The numbers of the parts that are complete.
    pub(super) done: Vec<u64>,
}

impl Note {
    pub(super) fn parts(&self) -> u64 {
        self.length.div_ceil(self.part_size)
    }

    /// First byte of a part, and the one after its last.
    pub(super) fn bounds(&self, part: u64) -> (u64, u64) {
        let start = part.saturating_mul(self.part_size);
        (start, self.length.min(start.saturating_add(self.part_size)))
    }

    /// Reads the note of an interrupted download that can be continued. Something is missing of
    /// it, if only one part again: its reply tells whether the object is still the same, and the
    /// checksum.
    pub(super) async fn read(places: &Places) -> Option<Self> {
        let mut note: Self = serde_json::from_slice(&fs::read(&places.note).await.ok()?).ok()?;
        let content = fs::metadata(&places.part).await.ok()?;
        // It may be damaged.
        let usable = note.validator.is_some()
            && note.part_size > 0
            && content.len() == note.length
            && note.done.iter().all(|part| *part < note.parts());
        if !usable {
            return None;
        }
        note.done.sort_unstable();
        note.done.dedup();
        if note.done.len() as u64 >= note.parts() {
            note.done.pop();
        }
        Some(note)
    }

    pub(super) async fn write(&self, places: &Places) -> Result<()> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let new = with_suffix(&places.note, ".new");
        fs::write(&new, text).await.map_err(unwritable(&new))?;
        fs::rename(&new, &places.note)
            .await
            .map_err(unwritable(&places.note))
    }
}

/// Held as long as a file is being downloaded.
pub(super) struct Lock {
    path: PathBuf,
    _file: std::fs::File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Before it is unlocked, so that nobody locks a file that is gone.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether an open file is the one that has this path now.
fn is_at(file: &std::fs::File, path: &Path) -> bool {
    let (Ok(file), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else {
        return false;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (file.dev(), file.ino()) == (there.dev(), there.ino())
    }
    #[cfg(not(unix))]
    {
        file.created().ok() == there.created().ok()
    }
}

pub(super) struct Places {
    pub(super) file: PathBuf,
    pub(super) part: PathBuf,
    note: PathBuf,
}

impl Places {
    pub(super) fn new(file: PathBuf) -> Self {
        let part = part_path(&file);
        Self {
            note: with_suffix(&part, ".json"),
            part,
            file,
        }
    }

    /// Keeps other downloads to the same path away, until the lock is dropped.
    ///
    /// The lock is on a file of its own: those of the download come and go.
    pub(super) fn lock(&self) -> Result<Lock> {
        let path = with_suffix(&self.part, ".lock");
        loop {
            let mut options = std::fs::OpenOptions::new();
            let opened = options.create(true).truncate(false).write(true).open(&path);
            let file = opened.map_err(unwritable(&path))?;
            match file.try_lock() {
                // Whoever had it may have removed it meanwhile.
                Ok(()) if is_at(&file, &path) => return Ok(Lock { path, _file: file }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let text = format!(
                        "{} is being written by another download",
                        self.file.display()
                    );
                    return Err(Error::new(ErrorKind::Io, text));
                }
                // Some file systems know no locks.
                Err(TryLockError::Error(error)) => {
                    tracing::debug!(%error, "other downloads to this path are not kept away");
                    return Ok(Lock { path, _file: file });
                }
            }
        }
    }

    pub(super) async fn forget(&self) {
        let _ = fs::remove_file(&self.note).await;
        let _ = fs::remove_file(&self.part).await;
    }

    pub(super) async fn complete(&self) -> Result<()> {
        fs::rename(&self.part, &self.file)
            .await
            .map_err(unwritable(&self.file))?;
        let _ = fs::remove_file(&self.note).await;
        Ok(())
    }
}
