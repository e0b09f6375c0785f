//! Which calls find a connection made.

use std::time::Duration;

use tokio::time::Instant;

/// The connections of a client, as far as its calls tell.
///
/// So many calls at once have had replies, so many connections there are. The pool gives out the
/// one that was used last, so those that only the widest crowds needed are the first to be closed.
#[derive(Debug)]
pub(super) struct Connections {
    /// The pool keeps a connection at least for so long.
    kept: Duration,
    /// The calls under way.
    busy: usize,
    /// When there was last known to be a connection beside that many busy ones.
    known: Vec<Instant>,
}

impl Connections {
    pub fn kept_for(kept: Duration) -> Self {
        Self {
            kept,
            busy: 0,
            known: Vec::new(),
        }
    }

    /// Begins a call. Returns how many were under way before it, and whether there is a connection
    /// that none of them has.
    pub fn begin(&mut self, now: Instant) -> (usize, bool) {
        let others = self.busy;
        self.busy += 1;
        let known = self.known.get(others);
        (others, known.is_some_and(|known| now < *known + self.kept))
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Makes so many calls at once, and returns how many of them found a connection.
    fn at_once(connections: &mut Connections, calls: usize, now: Instant) -> usize {
        let began: Vec<_> = (0..calls).map(|_| connections.begin(now)).collect();
        for (others, _) in &began {
            connections.end(*others, Some(now));
        }
        began
            .iter()
            .filter(|(_, is_connected)| *is_connected)
            .count()
    }

    #[test]
    fn there_are_as_many_as_had_replies_at_once() {
        let (mut connections, now) = (Connections::kept_for(45 * SECOND), Instant::now());
        assert_eq!(at_once(&mut connections, 5, now), 0);
        assert_eq!(at_once(&mut connections, 3, now), 3);
        assert_eq!(at_once(&mut connections, 7, now), 5);
        assert_eq!(at_once(&mut connections, 7, now), 7);
    }

    #[test]
    fn those_that_are_not_needed_are_closed() {
        let (mut connections, begun) = (Connections::kept_for(45 * SECOND), Instant::now());
        at_once(&mut connections, 5, begun);
        for pause in 1..30 {
            assert_eq!(at_once(&mut connections, 2, begun + 2 * pause * SECOND), 2);
        }
        assert_eq!(at_once(&mut connections, 5, begun + 60 * SECOND), 2);
        assert_eq!(at_once(&mut connections, 5, begun + 120 * SECOND), 0);
    }

    #[test]
    fn one_is_lost_with_a_call_that_has_no_reply() {
        let (mut connections, now) = (Connections::kept_for(45 * SECOND), Instant::now());
        at_once(&mut connections, 3, now);
        let (others, _) = connections.begin(now);
        connections.end(others, None);
        assert_eq!(at_once(&mut connections, 3, now), 2);
    }
}
