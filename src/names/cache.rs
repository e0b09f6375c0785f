//! Remembers what names stood for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::{Client, ClientBuilder, Result};

/// Long enough for a script, short enough for a name that moves to another resource.
const USUAL_LIFETIME: Duration = Duration::from_secs(300);

/// So long what every call may need (where it is, and whose it is) outlives the refusal of a call:
/// calls that are refused one after the other look it up now and then, not each.
const PLACE_LIFETIME: Duration = Duration::from_secs(10);
const PLACES: [&str; 3] = ["user", "organization", "workspace"];

/// What was looked up: the kind of resource, where, and the name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub kind: &'static str,
    /// Id of the workspace or organization.
    pub place: Option<i64>,
    pub name: String,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub id: String,
    /// The workspace that the resource is of, where that may be another than the one asked.
    pub home: Option<i64>,
}

impl Found {
    pub(crate) fn of(id: impl ToString) -> Self {
        Self {
            id: id.to_string(),
            home: None,
        }
    }
}

struct Entry {
    since: Instant,
    found: OnceCell<Found>,
}

/// The look-ups of a client. Of many at a time for the same name one asks the server, and a
/// failure is not remembered.
pub(crate) struct NameCache {
    lifetime: Duration,
    entries: Mutex<HashMap<Key, Arc<Entry>>>,
}

/// How long names are remembered, as the client was built.
struct Lifetime(Duration);

impl ClientBuilder {
    /// How long the client remembers what a name was found to stand for. Default 5 minutes; zero
    /// looks names up each time.
    pub fn remember_names(mut self, lifetime: Duration) -> Self {
        self.kept.set(Lifetime(lifetime));
        self
    }
}

impl NameCache {
    pub(crate) fn of(client: &Client) -> Arc<Self> {
        let kept = client.inner.kept();
        kept.get_or_make(|| Self {
            lifetime: kept
                .get()
                .map_or(USUAL_LIFETIME, |set: Arc<Lifetime>| set.0),
            entries: Mutex::default(),
        })
    }

    pub(crate) async fn get_or_ask(
        &self,
        key: Key,
        ask: impl Future<Output = Result<Found>>,
    ) -> Result<Found> {
        let entry = self.entry(key);
        entry.found.get_or_try_init(|| ask).await.cloned()
    }

    fn entry(&self, key: Key) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let lives = |entry: &Entry| entry.since.elapsed() < self.lifetime;
        if let Some(entry) = entries.get(&key).filter(|entry| lives(entry)) {
            return entry.clone();
        }
        entries.retain(|_, entry| lives(entry));
        let entry = Arc::new(Entry {
            since: Instant::now(),
            found: OnceCell::new(),
        });
        entries.insert(key, entry.clone());
        entry
    }

    /// A call that began then was refused: what it named may be gone, or have another id by now.
    pub(crate) fn doubt(&self, begun: Instant) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|key, entry| match PLACES.contains(&key.kind) {
            true => begun.saturating_duration_since(entry.since) < PLACE_LIFETIME,
            false => entry.since > begun,
        });
    }

    /// Whether there is anything but places.
    #[cfg(feature = "runs")]
    pub(crate) fn is_used(&self) -> bool {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.keys().any(|key| !PLACES.contains(&key.kind))
    }

    pub(crate) fn forget(&self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clear();
    }
}
