//! Which calls find a connection made.

use std::time::Duration;

use tokio::time::Instant;

/// The pool keeps a connection at least for so long.
const KEPT: Duration = Duration::from_secs(45);

/// The connections of a client, as far as its calls tell.
///
/// So many calls at once have had replies, so many connections there are. The pool gives out the
/// one that was used last, so those that only the widest crowds needed are the first to be closed.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// The calls under way.
    busy: usize,
    /// When there was last known to be a connection beside that many busy ones.
    known: Vec<Instant>,
}

impl Connections {
    /// Begins a call. Returns how many were under way before it, and whether there is a connection
    /// that none of them has.
    pub fn begin(&mut self, now: Instant) -> (usize, bool) {
        let others = self.busy;
        self.busy += 1;
        let known = self.known.get(others);
        (others, known.is_some_and(|known| now < *known + KEPT))
    }

    /// Ends a call that began beside so many others, with the moment of its reply. A call without
    /// one takes its connection with it.
    pub fn end(&mut self, others: usize, replied: Option<Instant>) {
        self.busy -= 1;
        match replied {
            Some(now) => {
                let width = self.known.len().max(others + 1);
                self.known.resize(width, now);
                self.known[..=others].fill(now);
            }
            None if self.known.is_empty() => {}
            None => {
                self.known.remove(0);
            }
        }
    }
}
