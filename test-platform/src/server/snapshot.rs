//! All that a Platform holds, as a file.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::state::State;
use crate::state::store::Store;

/// Writes all of it. The file is whole at every moment: a reader sees the former one or this.
pub fn write(path: &Path, state: &State, store: &Store) -> io::Result<()> {
    let objects: Vec<Value> = (store.objects().into_iter())
        .map(|(bucket, key, content)| json!([bucket, key, BASE64_STANDARD.encode(content)]))
        .collect();
    let whole = json!({ "state": serde_json::to_value(state)?, "objects": objects });
    let beside = path.with_extension("new");
    std::fs::write(&beside, whole.to_string())
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| about(path, &error))
}

/// Takes over what was written.
pub fn read(path: &Path, state: &mut State, store: &Store) -> io::Result<()> {
    let text = std::fs::read_to_string(path).map_err(|error| about(path, &error))?;
    take_over(&text, state, store).map_err(|error| about(path, &error))
}

/// An error with the file that it is about.
pub fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn take_over(text: &str, state: &mut State, store: &Store) -> io::Result<()> {
    let mut snapshot: Value = serde_json::from_str(text)?;
    let settings = state.settings.clone();
    *state = serde_json::from_value(snapshot["state"].take())?;
    state.settings = settings;
    for object in snapshot["objects"].as_array().into_iter().flatten() {
        let part = |place: usize| object[place].as_str().unwrap_or_default();
        let content = BASE64_STANDARD
            .decode(part(2))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        store.put(part(0), part(1), content.into());
    }
    Ok(())
}
