//! All that a Platform holds, as a file.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::state::State;
use crate::state::store::Store;

pub fn write(state: &State, store: &Store) -> io::Result<String> {
    let objects: Vec<Value> = (store.objects().into_iter())
        .map(|(bucket, key, content)| json!([bucket, key, BASE64_STANDARD.encode(content)]))
        .collect();
    Ok(serde_json::to_string(
        &json!({ "state": serde_json::to_value(state)?, "objects": objects }),
    )?)
}

pub fn read(text: &str, state: &mut State, store: &Store) -> io::Result<()> {
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
