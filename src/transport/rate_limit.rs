//! The budget of calls that belongs to an access token.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout_at};

const SECOND: Duration = Duration::from_secs(1);

/// A second, and 1.6 % for calls that reach the server closer together than they left.
/// Sustained load is 98.4 % of the limit.
const WINDOW: Duration = Duration::from_millis(1_016);

/// How many calls a second may start.
///
/// The Platform counts per access token, so clients of one token and endpoint in one process
/// share one budget; where their limits differ, the lowest holds for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit(Option<NonZeroU32>);

impl RateLimit {
    /// At most `calls` start in any second, however it is placed; an idle client may start them
    /// all at once. 0 means 1.
    pub fn per_second(calls: u32) -> Self {
        Self(Some(NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN)))
    }

    /// No limit, for self-hosted servers that have none. A 429 still slows everyone down.
    pub fn unlimited() -> Self {
        Self(None)
    }
}

impl Default for RateLimit {
    /// What the Platform documents: 20 calls a second for an access token.
    fn default() -> Self {
        Self::per_second(20)
    }
}

/// Lets calls start in the order in which they asked.
///
/// A call takes a permit, which comes back one window after the call *started*. Waiting callers
/// bring expired permits back themselves, so that no background task is needed and a caller that
/// stops being polled delays nobody but itself.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// Fair: permits go to waiting callers in order.
    permits: Option<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: u32,
    /// The calls whose permits are out.
    started: Vec<Started>,
    /// Counts calls, to tell them apart.
    next_id: u64,
    /// Permits to keep when they come back, because the limit was lowered.
    surplus: usize,
    /// Nothing starts before this.
    held_until: Option<Instant>,
}

#[derive(Debug)]
struct Started {
    id: u64,
    at: Instant,
    /// When the permit comes back; not known while a call of a burst is on its way.
    expires: Option<Instant>,
}

impl Started {
    fn is_expired(&self, now: Instant) -> bool {
        // A server that is slow to answer keeps a permit for two windows at most.
        self.expires.unwrap_or(self.at + 2 * WINDOW) <= now
    }

    /// When it is worth looking again.
    fn next_look(&self, now: Instant) -> Instant {
        const PAUSE: Duration = Duration::from_millis(10);
        self.expires.unwrap_or((self.at + WINDOW).max(now + PAUSE))
    }
}

/// A call that may start now; to be dropped when its reply has come.
///
/// The calls of a burst may have to make their connections first, and so reach the server later
/// than those after them, which find them made. Hence the second of a call that did not have to
/// wait ends a second after its reply.
#[must_use]
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    limiter: &'a Limiter,
    /// Of a call of a burst.
    id: Option<u64>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.limiter.state);
        if let Some(started) = state
            .started
            .iter_mut()
            .find(|started| Some(started.id) == self.id)
        {
            started.expires = Some((started.at + WINDOW).max(Instant::now() + SECOND));
        }
    }
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let calls = limit.0.map_or(0, NonZeroU32::get);
        Self {
            permits: limit.0.map(|calls| Semaphore::new(calls.get() as usize)),
            state: Mutex::new(State {
                calls,
                ..State::default()
            }),
        }
    }

    /// The limiter of a token at an endpoint: the same one for every client in this process.
    pub(crate) fn shared(token: &str, endpoint: &str, limit: RateLimit) -> Arc<Self> {
        /// The token itself is not kept here, only its hash under a key of this process.
        type Key = (u64, bool);
        static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static LIMITERS: LazyLock<Mutex<HashMap<Key, Weak<Limiter>>>> =
            LazyLock::new(Mutex::default);

        let key = (HASHER.hash_one((token, endpoint)), limit.0.is_none());
        let mut limiters = lock(&LIMITERS);
        if let Some(limiter) = limiters.get(&key).and_then(Weak::upgrade) {
            limiter.lower(limit);
            return limiter;
        }
        limiters.retain(|_, limiter| limiter.strong_count() > 0);
        let limiter = Arc::new(Self::new(limit));
        limiters.insert(key, Arc::downgrade(&limiter));
        limiter
    }

    pub(crate) fn start_now(&self) -> Option<Turn<'_>> {
        let free = self.permits.is_none() && lock(&self.state).held_until.is_none();
        free.then_some(Turn {
            limiter: self,
            id: None,
        })
    }

    /// Returns when a call may start, and counts it as started.
    pub(crate) async fn wait(&self) -> Turn<'_> {
        let Some(permits) = &self.permits else {
            self.wait_for_hold().await;
            return Turn {
                limiter: self,
                id: None,
            };
        };
        let mut turn = std::pin::pin!(permits.acquire());
        self.reclaim(permits);
        let mut waited = false;
        // Asked once without waiting, then whenever a permit may be back.
        let mut until = Instant::now();
        let permit = loop {
            if let Ok(permit) = timeout_at(until, &mut turn).await {
                break permit;
            }
            waited = true;
            until = self.reclaim(permits);
        };
        self.wait_for_hold().await;
        // Until here, a caller that is dropped gives its permit back.
        if let Ok(permit) = permit {
            permit.forget();
        }
        self.start(waited)
    }

    fn start(&self, waited: bool) -> Turn<'_> {
        let mut state = lock(&self.state);
        let (id, at) = (state.next_id, Instant::now());
        state.next_id += 1;
        let expires = waited.then(|| at + WINDOW);
        state.started.push(Started { id, at, expires });
        Turn {
            limiter: self,
            id: (!waited).then_some(id),
        }
    }

    /// Nothing starts before `moment`. A later hold extends an earlier one.
    pub(crate) fn hold_until(&self, moment: Instant) {
        let mut state = lock(&self.state);
        state.held_until = state.held_until.max(Some(moment));
    }

    async fn wait_for_hold(&self) {
        loop {
            let held_until = lock(&self.state).held_until;
            match held_until.filter(|moment| *moment > Instant::now()) {
                Some(moment) => sleep_until(moment).await,
                None => return,
            }
        }
    }

    /// Brings back the permits that have expired, and returns when to look again.
    fn reclaim(&self, permits: &Semaphore) -> Instant {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let before = state.started.len();
        state.started.retain(|started| !started.is_expired(now));
        let back = before - state.started.len();
        let kept = back.min(state.surplus);
        state.surplus -= kept;
        permits.add_permits(back - kept);
        let looks = state.started.iter().map(|started| started.next_look(now));
        looks.min().unwrap_or(now + WINDOW)
    }

    fn lower(&self, limit: RateLimit) {
        let (Some(permits), Some(calls)) = (&self.permits, limit.0) else {
            return;
        };
        let mut state = lock(&self.state);
        let excess = state.calls.saturating_sub(calls.get()) as usize;
        state.calls = state.calls.min(calls.get());
        state.surplus += excess - permits.forget_permits(excess);
    }
}

/// No code that holds these locks can panic, so a poisoned one is still sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Waker};
    use tokio::time::{advance, sleep};

    /// Starts `calls` waiting callers in order; returns when each started, in order of starting.
    async fn starts(limiter: &Arc<Limiter>, calls: usize) -> Vec<(usize, Instant)> {
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for call in 0..calls {
            let (limiter, log) = (limiter.clone(), log.clone());
            tasks.push(tokio::spawn(async move {
                drop(limiter.wait().await);
                lock(&log).push((call, Instant::now()));
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        lock(&log).clone()
    }

    fn most_in_a_second(starts: &[(usize, Instant)]) -> usize {
        let within = |first: Instant| {
            let second = Duration::from_secs(1);
            starts
                .iter()
                .filter(|(_, t)| *t >= first && *t < first + second)
                .count()
        };
        starts
            .iter()
            .map(|(_, first)| within(*first))
            .max()
            .unwrap_or(0)
    }

    fn limiter(calls: u32) -> Arc<Limiter> {
        Arc::new(Limiter::new(RateLimit::per_second(calls)))
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_and_sustained_load_reaches_98_percent() {
        let limiter = limiter(20);
        let begun = Instant::now();
        let starts = starts(&limiter, 2_020).await;
        assert_eq!(most_in_a_second(&starts), 20);
        // 20 at once, then 2,000 at the limit: 100 s at best.
        let rate = 2_000.0 / begun.elapsed().as_secs_f64();
        assert!(rate >= 0.983 * 20.0, "{rate}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_client_may_burst_and_order_is_kept() {
        let limiter = limiter(5);
        let begun = Instant::now();
        let starts = starts(&limiter, 12).await;
        assert!(starts[..5].iter().all(|(_, at)| *at == begun));
        assert!(starts[5].1 >= begun + WINDOW);
        assert!(
            starts
                .iter()
                .enumerate()
                .all(|(order, (call, _))| order == *call)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_counts_from_its_replies_and_sustained_load_from_its_starts() {
        let limiter = limiter(5);
        let begun = Instant::now();
        let starts = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for _ in 0..15 {
            let (limiter, starts) = (limiter.clone(), starts.clone());
            tasks.push(tokio::spawn(async move {
                let _turn = limiter.wait().await;
                lock(&starts).push(begun.elapsed().as_millis());
                sleep(Duration::from_millis(300)).await;
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let starts = lock(&starts).clone();
        assert_eq!(starts[4], 0);
        assert!((1_300..1_320).contains(&starts[5]), "{starts:?}");
        assert!((2_316..2_330).contains(&starts[10]), "{starts:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn replies_that_never_come_keep_permits_for_two_windows_at_most() {
        let limiter = limiter(1);
        let begun = Instant::now();
        let _unanswered = limiter.wait().await;
        drop(limiter.wait().await);
        assert!(begun.elapsed() < 2 * WINDOW + Duration::from_millis(20));
        assert!(begun.elapsed() >= 2 * WINDOW);
    }

    #[tokio::test(start_paused = true)]
    async fn windows_hold_wherever_they_begin() {
        let limiter = limiter(4);
        let mut all = Vec::new();
        for pause in [0, 300, 450, 100, 900, 20, 20, 990] {
            advance(Duration::from_millis(pause)).await;
            all.extend(starts(&limiter, 3).await);
        }
        assert_eq!(most_in_a_second(&all), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_callers_cost_nothing() {
        let limiter = limiter(2);
        starts(&limiter, 2).await;
        let waiting: Vec<_> = (0..50)
            .map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move { drop(limiter.wait().await) })
            })
            .collect();
        sleep(Duration::from_millis(500)).await;
        waiting.iter().for_each(|task| task.abort());
        let begun = Instant::now();
        starts(&limiter, 2).await;
        assert!(
            begun.elapsed() < Duration::from_millis(520),
            "{:?}",
            begun.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_is_not_polled_delays_nobody() {
        let limiter = limiter(2);
        starts(&limiter, 2).await;
        let mut stalled = Box::pin(limiter.wait());
        let mut context = Context::from_waker(Waker::noop());
        assert!(stalled.as_mut().poll(&mut context).is_pending());
        let begun = Instant::now();
        starts(&limiter, 4).await;
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
        drop(stalled.await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_stops_everyone_even_without_a_limit() {
        for limit in [RateLimit::per_second(20), RateLimit::unlimited()] {
            let limiter = Arc::new(Limiter::new(limit));
            let until = Instant::now() + Duration::from_secs(7);
            limiter.hold_until(until);
            limiter.hold_until(until - Duration::from_secs(3));
            let starts = starts(&limiter, 3).await;
            assert!(starts.iter().all(|(_, at)| *at >= until), "{limit:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn clients_of_one_token_and_endpoint_share_a_budget() {
        let shared =
            |token, endpoint, calls| Limiter::shared(token, endpoint, RateLimit::per_second(calls));
        let first = shared("one", "https://a", 10);
        let second = shared("one", "https://a", 10);
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &shared("two", "https://a", 10)));
        assert!(!Arc::ptr_eq(&first, &shared("one", "https://b", 10)));

        starts(&first, 9).await;
        shared("one", "https://a", 4);
        let mut all = starts(&first, 12).await;
        // One permit was left, and the limit is 4 from now on.
        all.drain(..4);
        assert_eq!(most_in_a_second(&all), 4);
        assert!(Arc::ptr_eq(&first, &shared("one", "https://a", 10)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_of_zero_is_one_and_a_dropped_limiter_is_forgotten() {
        let weak = Arc::downgrade(&Limiter::shared(
            "gone",
            "https://a",
            RateLimit::per_second(0),
        ));
        assert!(weak.upgrade().is_none());
        let again = Limiter::shared("gone", "https://a", RateLimit::per_second(0));
        assert_eq!(most_in_a_second(&starts(&again, 3).await), 1);
    }
}
