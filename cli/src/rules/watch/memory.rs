//! What watchers remember, and where they tell what they have found.

use std::collections::HashMap;

use serde_json::Value;

use crate::kit::{Error, Result};
use crate::rules::event::Seen;
use crate::rules::state::{Known, State, StateError};

impl From<StateError> for Error {
    fn from(error: StateError) -> Self {
        Self::Other(error.to_string())
    }
}

/// Where watchers note what they find. A note is made of what is found first, then what it was found in
/// is remembered: between the two nothing is lost, and what is found again is known by its key.
#[derive(Clone, Debug)]
pub struct Memory {
    state: State,
    /// What would be noted, where nothing is.
    dry: Option<std::sync::Arc<std::sync::Mutex<Vec<Seen>>>>,
}

impl Memory {
    /// Notes in a database.
    pub fn of(state: State) -> Self {
        Self { state, dry: None }
    }

    /// Reads a database, and changes nothing in it.
    pub fn dry(state: State) -> Self {
        Self {
            state,
            dry: Some(std::sync::Arc::default()),
        }
    }

    /// What would have been noted.
    pub fn would(&self) -> Vec<Seen> {
        let seen = self.dry.as_ref();
        seen.map(|seen| {
            seen.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .clone()
        })
        .unwrap_or_default()
    }

    pub(super) async fn see(&self, seen: &[Seen], memory: Option<(&str, Value)>) -> Result<u64> {
        if let Some(dry) = &self.dry {
            let mut would = dry
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            would.extend_from_slice(seen);
            return Ok(seen.len() as u64);
        }
        match seen.is_empty() && memory.is_none() {
            true => Ok(0),
            false => Ok(self.state.see(seen, memory).await?),
        }
    }

    pub(super) async fn memory(&self, watcher: &str) -> Result<Option<Value>> {
        Ok(self.state.memory(watcher).await?)
    }

    pub(super) async fn known(
        &self,
        place: &str,
        paths: &[&str],
    ) -> Result<HashMap<String, Known>> {
        Ok(self.state.known(place, paths).await?)
    }

    pub(super) async fn remember(&self, place: &str, files: &[(&str, Known)]) -> Result<()> {
        match self.dry.is_some() || files.is_empty() {
            true => Ok(()),
            false => Ok(self.state.remember(place, files).await?),
        }
    }

    pub(super) async fn forget(&self, place: &str, paths: &[&str]) -> Result<()> {
        match self.dry.is_some() || paths.is_empty() {
            true => Ok(()),
            false => Ok(self.state.forget(place, paths).await?),
        }
    }
}
