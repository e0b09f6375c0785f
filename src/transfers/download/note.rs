//! What is on disk of a download that is not complete.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::fs;

use crate::Result;
use crate::files::{part_path, unwritable, with_suffix};

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
        let start = part * self.part_size;
        (start, self.length.min(start.saturating_add(self.part_size)))
    }

    /// Reads the note of an interrupted download that can be continued. Something is missing of
    /// it, if only one part again: its reply tells whether the object is still the same, and the
    /// checksum.
    pub(super) async fn read(places: &Places) -> Option<Self> {
        let mut note: Self = serde_json::from_slice(&fs::read(&places.note).await.ok()?).ok()?;
        let content = fs::metadata(&places.part).await.ok()?;
        let usable = note.validator.is_some()
            && note.part_size > 0
            && content.len() == note.length
            && note.done.iter().all(|part| *part < note.parts());
        if note.done.len() as u64 >= note.parts() {
            note.done.pop();
        }
        usable.then_some(note)
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
