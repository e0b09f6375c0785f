//! How often to look at something that is on its way.

use std::time::Duration;

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
