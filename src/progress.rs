//! How a long job tells how far it is.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How far a long job is, as its progress callback is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Files that are done, those of an earlier try included.
    pub files: u64,
    /// All files, once their number is known.
    pub files_total: Option<u64>,
    /// Bytes that are done, those of an earlier try included.
    pub bytes: u64,
    /// All bytes, once their number is known.
    pub bytes_total: Option<u64>,
    /// Requests that were made again after a failure.
    pub retries: u64,
}

type Callback = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Counts, and tells the caller. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Reporter {
    state: Arc<Mutex<Progress>>,
    callback: Option<Callback>,
}

impl Reporter {
    pub(crate) fn new(callback: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        Self {
            state: Arc::default(),
            callback: Some(Arc::new(callback)),
        }
    }

    /// The same callback, counting from nothing.
    pub(crate) fn restarted(&self) -> Self {
        Self {
            state: Arc::default(),
            callback: self.callback.clone(),
        }
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Progress)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        // Under the lock, so that the callback sees the counts in order.
        if let Some(callback) = &self.callback {
            callback(&state);
        }
    }

    pub(crate) fn now(&self) -> Progress {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now().fmt(f)
    }
}
