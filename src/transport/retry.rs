//! Whether a failed attempt is made again, and when.
//!
//! The decision is a pure function of what happened: no clock, no random numbers, no sleep.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How often, and for how long, a call is tried.
///
/// What is tried again at all is a matter of correctness
/// ([`ClientBuilder::retry_if`](crate::ClientBuilder::retry_if) changes what may be):
/// connections that were never made and 429 for every call; timeouts, broken connections, 502, 503
/// and 504 only for calls that are safe to repeat, never for one that may create something twice.
///
/// ```
/// # use seqera::RetryPolicy;
/// # use std::time::Duration;
/// let patient = RetryPolicy::default()
///     .attempts(8)
///     .total_time(Duration::from_secs(600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    attempts: u32,
    base_backoff: Duration,
    max_backoff: Duration,
    total_time: Duration,
}

impl Default for RetryPolicy {
    /// Four attempts: rides out a restarted proxy or a dropped connection (the three waits
    /// together are 1.75 s on average) and still tells the caller soon that a server is down.
    fn default() -> Self {
        Self {
            attempts: 4,
            base_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(20),
            total_time: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// One attempt, whatever happens.
    pub fn none() -> Self {
        Self::default().attempts(1)
    }

    /// The most attempts of one call, the first included. Default 4; 0 means 1.
    ///
    /// Unless it is 1, those that the server refuses for its limit (429) don't count: such a call takes
    /// its turn again until the [`total_time`](Self::total_time) since its first attempt is over.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The upper bound of the first wait; it doubles with each attempt. Default 500 ms.
    ///
    /// The wait is a random part of the bound, so that clients which failed together do not
    /// return together.
    pub fn base_backoff(mut self, backoff: Duration) -> Self {
        self.base_backoff = backoff;
        self
    }

    /// The upper bound of any wait that the server did not ask for. Default 20 s.
    pub fn max_backoff(mut self, backoff: Duration) -> Self {
        self.max_backoff = backoff;
        self
    }

    /// No attempt begins later than this after the first one, waits for the rate limit not counted.
    /// Default 120 s.
    ///
    /// A `Retry-After` that reaches beyond it ends the call at once; the error carries the time. So
    /// it does for other calls with the token until then, which are not sent.
    pub fn total_time(mut self, total: Duration) -> Self {
        self.total_time = total;
        self
    }

    pub(crate) fn most_attempts(&self) -> u32 {
        self.attempts
    }

    /// The bounds of the first wait, of any, and of all.
    pub(crate) fn times(&self) -> [Duration; 3] {
        [self.base_backoff, self.max_backoff, self.total_time]
    }

    /// What a call may take.
    pub(crate) fn patience(&self) -> Duration {
        self.total_time
    }

    /// The decision after a failed attempt. `random` is in `0.0..1.0`.
    pub(crate) fn decide(&self, failed: &Attempt, random: f64) -> Decision {
        if !failed.may_repeat() || failed.number >= self.attempts || self.attempts == 1 {
            return Decision::Stop;
        }
        if failed.happened == Happened::Refused {
            // Its turn is the wait.
            let wait = failed.server_wait.unwrap_or_default();
            let is_over = failed.elapsed.saturating_add(wait) > self.total_time;
            return if is_over {
                Decision::Stop
            } else {
                Decision::Again(wait)
            };
        }
        let wait = failed
            .server_wait
            .unwrap_or_default()
            .saturating_add(part(self.backoff(failed.number), random));
        if failed.elapsed.saturating_add(wait) > self.total_time {
            return Decision::Stop;
        }
        Decision::Again(wait)
    }

    /// The bound of the wait after an attempt, counted from 1.
    fn backoff(&self, attempt: u32) -> Duration {
        let doubled = 2u32.saturating_pow(attempt.saturating_sub(1));
        self.base_backoff
            .saturating_mul(doubled)
            .min(self.max_backoff)
    }
}

/// A part of a time. The longest have no part that floating point can tell.
fn part(time: Duration, random: f64) -> Duration {
    let part = time.as_secs_f64() * random.clamp(0.0, 1.0);
    Duration::try_from_secs_f64(part).unwrap_or(time)
}

/// A failed attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// Counted from 1.
    pub number: u32,
    /// Since the call began.
    pub elapsed: Duration,
    /// By its method, or because the operation is known to do no harm twice.
    pub safe_to_repeat: bool,
    /// The body was a stream and part of it is gone.
    pub body_spent: bool,
    pub happened: Happened,
    /// What the server asked for.
    pub server_wait: Option<Duration>,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// No connection, so the server has not seen the request.
    NotSent,
    /// 429 of the Platform: the call takes its turn again.
    Refused,
    /// A timeout or a broken connection later on: the server may have acted.
    MaybeSent,
    /// A reply that is no success.
    Status(u16),
    /// What the same call would meet again: a refused certificate, an unreadable reply.
    Permanent,
}

impl Attempt {
    fn may_repeat(&self) -> bool {
        self.would_repeat() && !self.body_spent
    }

    /// Whether it may be made again, had the body not been used up.
    pub fn would_repeat(&self) -> bool {
        match self.happened {
            Happened::NotSent | Happened::Refused | Happened::Status(429) => true,
            Happened::MaybeSent | Happened::Status(502..=504) => self.safe_to_repeat,
            Happened::Status(_) | Happened::Permanent => false,
        }
    }
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Stop,
    Again(Duration),
}

/// `Retry-After` in both its forms: seconds, or a date, which is compared with `now`.
pub(crate) fn retry_after(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = DateTime::parse_from_rfc2822(header).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

/// The time in `Maximum request rate exceeded. Wait 12secs before issuing a new request`.
pub(crate) fn wait_in_message(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("Wait ")?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let seconds: u32 = rest[..digits].parse().ok()?;
    rest[digits..]
        .trim_start()
        .starts_with("sec")
        .then(|| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Happened::*;

    const FIRST: Attempt = Attempt {
        number: 1,
        elapsed: Duration::ZERO,
        safe_to_repeat: false,
        body_spent: false,
        happened: NotSent,
        server_wait: None,
    };

    fn again(attempt: Attempt) -> bool {
        RetryPolicy::default().decide(&attempt, 0.5) != Decision::Stop
    }

    #[test]
    fn what_is_tried_again() {
        // what happened, a call that is safe to repeat, any other
        let table = [
            (NotSent, true, true),
            (Status(429), true, true),
            (MaybeSent, true, false),
            (Status(502), true, false),
            (Status(503), true, false),
            (Status(504), true, false),
            (Status(500), false, false),
            (Status(501), false, false),
            (Status(505), false, false),
            (Status(302), false, false),
            (Status(400), false, false),
            (Status(401), false, false),
            (Status(403), false, false),
            (Status(404), false, false),
            (Status(408), false, false),
            (Status(409), false, false),
            (Permanent, false, false),
        ];
        for (happened, safe, other) in table {
            let attempt = Attempt { happened, ..FIRST };
            assert_eq!(
                again(Attempt {
                    safe_to_repeat: true,
                    ..attempt
                }),
                safe,
                "{happened:?}"
            );
            assert_eq!(again(attempt), other, "{happened:?}");
            let spent = Attempt {
                safe_to_repeat: true,
                body_spent: true,
                ..attempt
            };
            assert!(!again(spent), "{happened:?}: a stream can't be sent twice");
        }
    }

    #[test]
    fn bounded_by_attempts() {
        let policy = RetryPolicy::default().attempts(3);
        let after = |number| policy.decide(&Attempt { number, ..FIRST }, 0.0);
        assert_eq!(after(2), Decision::Again(Duration::ZERO));
        assert_eq!(after(3), Decision::Stop);
        assert_eq!(RetryPolicy::none().decide(&FIRST, 0.0), Decision::Stop);
        assert_eq!(RetryPolicy::none(), RetryPolicy::default().attempts(0));
    }

    #[test]
    fn refusals_are_bounded_by_time_alone() {
        let policy = RetryPolicy::default().total_time(Duration::from_secs(10));
        let refused = |policy: RetryPolicy, elapsed, wait| {
            let attempt = Attempt {
                number: 1,
                happened: Refused,
                elapsed: Duration::from_secs(elapsed),
                server_wait: Some(Duration::from_secs(wait)),
                ..FIRST
            };
            policy.decide(&attempt, 1.0)
        };
        assert_eq!(refused(policy, 0, 0), Decision::Again(Duration::ZERO));
        assert_eq!(
            refused(policy, 7, 3),
            Decision::Again(Duration::from_secs(3))
        );
        assert_eq!(refused(policy, 8, 3), Decision::Stop);
        assert_eq!(refused(RetryPolicy::none(), 0, 0), Decision::Stop);
    }

    #[test]
    fn the_longest_times_are_no_trouble() {
        let policy = RetryPolicy::default()
            .base_backoff(Duration::MAX)
            .max_backoff(Duration::MAX)
            .total_time(Duration::MAX);
        for random in [0.0, 0.5, 1.0] {
            assert_ne!(policy.decide(&FIRST, random), Decision::Stop);
        }
    }

    #[test]
    fn bounded_by_total_time() {
        let policy = RetryPolicy::default().total_time(Duration::from_secs(10));
        let after = |elapsed, wait| {
            let server_wait = Some(Duration::from_secs(wait));
            let elapsed = Duration::from_secs(elapsed);
            policy.decide(
                &Attempt {
                    elapsed,
                    server_wait,
                    happened: Status(429),
                    ..FIRST
                },
                0.0,
            )
        };
        assert_eq!(after(4, 6), Decision::Again(Duration::from_secs(6)));
        assert_eq!(after(5, 6), Decision::Stop);
        assert_eq!(after(0, u64::MAX), Decision::Stop);
    }

    #[test]
    fn full_jitter_doubles_up_to_its_bound() {
        let policy = RetryPolicy::default()
            .attempts(u32::MAX)
            .base_backoff(Duration::from_secs(1))
            .max_backoff(Duration::from_secs(5));
        let wait = |number, random| match policy.decide(&Attempt { number, ..FIRST }, random) {
            Decision::Again(wait) => wait.as_millis(),
            Decision::Stop => panic!("stopped"),
        };
        assert_eq!(
            [1, 2, 3, 4, 40].map(|n| wait(n, 1.0)),
            [1000, 2000, 4000, 5000, 5000]
        );
        assert_eq!(
            [0.0, 0.25, 0.5].map(|random| wait(2, random)),
            [0, 500, 1000]
        );
    }

    #[test]
    fn never_earlier_than_the_server_asks() {
        let server_wait = Some(Duration::from_secs(7));
        let attempt = Attempt {
            happened: Status(503),
            safe_to_repeat: true,
            server_wait,
            ..FIRST
        };
        let policy = RetryPolicy::default();
        assert_eq!(
            policy.decide(&attempt, 0.0),
            Decision::Again(Duration::from_secs(7))
        );
    }

    #[test]
    fn retry_after_forms() {
        let now = DateTime::parse_from_rfc3339("2026-03-01T09:30:00Z")
            .unwrap()
            .to_utc();
        let seconds = |header| retry_after(header, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("0"), Some(0));
        assert_eq!(seconds(" 120 "), Some(120));
        assert_eq!(seconds("Sun, 01 Mar 2026 09:30:30 GMT"), Some(30));
        assert_eq!(
            seconds("Sun, 01 Mar 2026 09:29:00 GMT"),
            Some(0),
            "a date in the past"
        );
        for nonsense in [
            "",
            "-1",
            "1.5",
            "soon",
            "99999999999999999999",
            "2026-03-01",
        ] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn wait_in_messages() {
        let seconds = |text| wait_in_message(text).map(|wait| wait.as_secs());
        assert_eq!(
            seconds("Maximum request rate exceeded. Wait 0secs before issuing a new request"),
            Some(0)
        );
        assert_eq!(seconds("Wait 15 seconds"), Some(15));
        for nonsense in [
            "Wait",
            "Wait secs",
            "Wait 5 apples",
            "Wait 99999999999secs",
            "await 5secs",
        ] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
    }
}
