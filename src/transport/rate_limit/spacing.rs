//! How far apart calls start, since the server refused some that came together.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

use super::WINDOW;

/// For so long after the last refusal. Then calls may come together again.
const LASTS: Duration = Duration::from_secs(120);

/// In so much time the half of what was added to the usual distance is given back.
const HALF: Duration = Duration::from_secs(60);

/// What a first refusal adds to the distance; each that follows at once adds twice as much.
const STEP: f64 = 0.05;

/// No server allows less than a call in so much time.
const LONGEST: Duration = Duration::from_secs(5);

/// The distance to begin with where the client has no limit.
const SHORTEST: Duration = Duration::from_millis(1);

/// Refusals within so much time, or within a few distances, belong together.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Servers and proxies that count by a leaky bucket take no bursts, or small ones: so calls are
/// spaced evenly, as the limit allows. Where that is too close, because arrivals vary or because
/// others use the token, the distance grows with each refusal, and shrinks with time.
#[derive(Debug)]
pub(super) struct Spacing {
    usual: Duration,
    distance: Duration,
    /// Since when calls are that far apart. Refusals of earlier ones tell nothing of it.
    since: Instant,
    /// Refusals that followed at once.
    in_a_row: i32,
    last_refusal: Instant,
    last_start: Instant,
    /// When the next may start.
    next: Option<Instant>,
}

impl Spacing {
    /// After a first refusal.
    pub fn new(limit: Option<NonZeroU32>, now: Instant) -> Self {
        let usual = limit.map_or(SHORTEST, |limit| WINDOW / limit.get());
        Self {
            usual,
            distance: usual,
            since: now,
            in_a_row: 0,
            last_refusal: now,
            last_start: now,
            next: Some(now + usual),
        }
    }

    /// Notes that a call which started then was refused.
    pub fn refused(&mut self, started: Instant, now: Instant) {
        self.last_refusal = now;
        if started < self.since {
            return;
        }
        let at_once = now < self.since + (self.distance * 4).max(AT_ONCE);
        self.in_a_row = if at_once { self.in_a_row + 1 } else { 0 };
        let more = (STEP * 2_f64.powi(self.in_a_row)).min(1.0);
        self.distance = self.distance.mul_f64(1.0 + more).min(LONGEST);
        self.since = now;
    }

    /// Notes that a call starts.
    pub fn started(&mut self, now: Instant) {
        let passed = now.duration_since(self.last_start).as_secs_f64() / HALF.as_secs_f64();
        let added = self.distance.saturating_sub(self.usual);
        self.distance = self.usual + added.mul_f64(0.5_f64.powf(passed));
        self.last_start = now;
        self.next = Some(now + self.distance);
    }

    /// When the next call may start, if that is not now.
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether calls may come together again.
    pub fn is_over(&mut self, now: Instant) -> bool {
        self.next = self.next.filter(|next| *next > now);
        now >= self.last_refusal + LASTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Option<NonZeroU32> = NonZeroU32::new(20);

    #[test]
    fn slower_when_it_is_refused_again_and_faster_by_and_by() {
        let begun = Instant::now();
        let mut spacing = Spacing::new(LIMIT, begun);
        let usual = WINDOW / 20;
        assert_eq!(spacing.next(), Some(begun + usual));
        // Calls that were not spaced yet.
        spacing.refused(begun - usual, begun + usual);
        assert_eq!(spacing.distance, usual);

        let mut now = begun + 5 * usual;
        let mut distances = Vec::new();
        for _ in 0..8 {
            spacing.started(now);
            now += Duration::from_millis(1);
            spacing.refused(now, now);
            distances.push(spacing.distance);
        }
        assert!(distances[0] < usual * 11 / 10, "{distances:?}");
        assert!(distances.is_sorted(), "{distances:?}");
        assert!(distances[7] > usual * 10, "{distances:?}");
        for _ in 0..100 {
            now += Duration::from_secs(1);
            spacing.refused(now, now);
        }
        assert!(spacing.distance <= LONGEST);

        let slow = spacing.distance;
        spacing.started(now);
        spacing.started(now + HALF);
        assert!(spacing.distance < slow * 6 / 10);
        spacing.started(now + 20 * HALF);
        assert!(spacing.distance < usual * 101 / 100);
    }

    #[test]
    fn it_ends_some_time_after_the_last_refusal() {
        let begun = Instant::now();
        let mut spacing = Spacing::new(LIMIT, begun);
        spacing.refused(begun, begun + LASTS / 2);
        assert!(!spacing.is_over(begun + LASTS));
        assert!(spacing.is_over(begun + 2 * LASTS));
    }
}
