//! What watchers find.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// What a watcher found. Of all that have one rule and one key, the first counts, whatever happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The name of the rule that it is for.
    pub rule: String,
    /// What it is, with its version: a path with its ETag, or with size and time; a run with its status;
    /// the moment of a schedule; the id of a delivery.
    pub key: String,
    /// What templates see: `event`, and by the kind of what is watched `file`, `run`, or `body` and
    /// `headers`.
    pub data: Value,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When it may be begun, at the earliest.
    pub ready: DateTime<Utc>,
}
