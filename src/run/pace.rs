//! How often to look at something that is on its way.

use std::time::Duration;

use crate::{Error, ErrorKind};

/// How often a run is looked at: fast at first, then less and less, an eighth of the time that it
/// has been watched for. Never beyond the client's rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    fastest: Duration,
    slowest: Duration,
}

impl Default for Pace {
    /// Each second in the first eight, each 30 s after four minutes.
    fn default() -> Self {
        Self::between(Duration::from_secs(1), Duration::from_secs(30))
    }
}

impl Pace {
    /// The shortest and the longest time between two looks.
    pub fn between(fastest: Duration, slowest: Duration) -> Self {
        Self {
            fastest,
            slowest: slowest.max(fastest),
        }
    }

    /// The time until the next look, `failures` being the looks in a row that failed.
    pub(super) fn pause(&self, watched_for: Duration, failures: u32) -> Duration {
        let pause = (watched_for / 8).max(self.fastest);
        let patient = 2_u32.saturating_pow(failures.min(16));
        pause.saturating_mul(patient).min(self.slowest)
    }

    /// How old what others have seen may be to spare a look.
    pub(super) fn tolerance(&self, watched_for: Duration) -> Duration {
        self.pause(watched_for, 0) / 2
    }
}

/// Whether the next look may well succeed: faults of the network, of the server, or of a proxy
/// that answers in its place. A look does no harm, so that more is ridden out than for other calls.
pub(super) fn may_pass(error: &Error) -> bool {
    error.is_retryable()
        || error.kind() == ErrorKind::InvalidResponse
        || (error.status()).is_some_and(|status| status.is_server_error() || status == 408)
}

/// Looks that failed in a row, and for how long they may.
#[derive(Debug)]
pub(super) struct Trouble {
    patience: Duration,
    since: Option<tokio::time::Instant>,
    pub failures: u32,
}

/// Outlasts a redeployed server.
pub(super) const USUAL_PATIENCE: Duration = Duration::from_secs(600);

impl Trouble {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            since: None,
            failures: 0,
        }
    }

    /// Notes a failed look. True if it is worth another.
    pub(super) fn outlasts(&mut self, error: &Error) -> bool {
        self.since.get_or_insert_with(tokio::time::Instant::now);
        self.failures += 1;
        may_pass(error) && !self.is_too_long()
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.since
            .is_some_and(|since| since.elapsed() >= self.patience)
    }

    pub(super) fn is_over(&mut self) {
        self.since = None;
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_at_first_slower_later_and_slower_in_trouble() {
        let pace = Pace::default();
        let table = [
            (0, 0, 1_000),
            (8, 0, 1_000),
            (80, 0, 10_000),
            (3_600, 0, 30_000),
            (0, 1, 2_000),
            (0, 3, 8_000),
            (0, 40, 30_000),
        ];
        for (watched_for, failures, expected) in table {
            let pause = pace.pause(Duration::from_secs(watched_for), failures);
            assert_eq!(
                pause,
                Duration::from_millis(expected),
                "{watched_for} {failures}"
            );
        }
    }
}
