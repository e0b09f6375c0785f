//! The budget of calls that belongs to an access token.

mod budget;
mod connections;
mod spacing;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::future::poll_fn;
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use budget::Budget;
use connections::Connections;

const SECOND: Duration = Duration::from_secs(1);

/// A second, and 1.6 % for calls that reach the server closer together than they left.
/// Sustained load is 98.4 % of the limit.
const WINDOW: Duration = Duration::from_millis(1_016);

/// A server that is slow to answer delays others for so long at most.
const UNANSWERED: Duration = WINDOW.saturating_mul(2);

/// The pools of connections keep them at least for so long: those of calls that may be sent again, and
/// those of calls that may not.
const KEPT: [Duration; 2] = [Duration::from_secs(45), Duration::from_millis(900)];

/// How many calls a second may start.
///
/// The Platform counts per access token, so clients of one token and endpoint in one process
/// share one budget. Where their limits differ, the lowest holds for all of them, until none of
/// them and of their clones is left.
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

impl RateLimit {
    /// Calls a second, if they are limited.
    pub(crate) fn calls(self) -> Option<u32> {
        self.0.map(NonZeroU32::get)
    }
}

impl Default for RateLimit {
    /// What the Platform documents: 20 calls a second for an access token.
    fn default() -> Self {
        Self::per_second(20)
    }
}

/// Lets the calls of a client start in the order in which they asked.
///
/// A call counts for one window. That of most calls begins when they start. But a call that has to
/// make its connection, and one of a burst, which keeps the client busy, reach the server later than
/// those after them that have less to do: theirs begins when the reply has come.
#[derive(Debug)]
pub(crate) struct Limiter {
    budget: Arc<SharedBudget>,
    connections: [Mutex<Connections>; 2],
}

/// A caller that wants to start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asking {
    /// Whether the call can't be sent again, and has connections of its own therefore.
    pub once: bool,
    /// Its place in the line, if it was refused before.
    pub place: Option<u64>,
}

/// What the clients of a token have in common.
#[derive(Debug)]
struct SharedBudget {
    /// [`Budget::is_free`], for calls that need to know no more.
    free: AtomicBool,
    budget: Mutex<Budget>,
}

impl SharedBudget {
    fn new(limit: RateLimit) -> Arc<Self> {
        Arc::new(Self {
            free: AtomicBool::new(limit.0.is_none()),
            budget: Mutex::new(Budget::new(limit.0)),
        })
    }

    /// Uses the budget, then wakes whoever has to know.
    fn with<R>(&self, work: impl FnOnce(&mut Budget) -> R) -> R {
        let mut budget = lock(&self.budget);
        let result = work(&mut budget);
        self.free.store(budget.is_free(), Ordering::Relaxed);
        let woken = std::mem::take(&mut budget.woken);
        drop(budget);
        woken.into_iter().for_each(Waker::wake);
        result
    }

    fn is_free(&self) -> bool {
        self.free.load(Ordering::Relaxed)
    }
}

/// A call that may start now. To be told when its reply has come; dropped before, the call failed.
#[must_use]
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    limiter: &'a Limiter,
    asked: Asking,
    started: Instant,
    /// None without a limit.
    counted: Option<Counted>,
}

/// A call that counts.
#[derive(Clone, Copy, Debug)]
struct Counted {
    call: u64,
    /// How many calls of the client were under way.
    others: usize,
    until: Instant,
}

impl Turn<'_> {
    /// Ends the turn with a reply.
    pub(crate) fn replied(mut self) {
        self.end(true);
    }

    /// Ends the turn with a refusal (429): calls are spaced from now on. Returns the place in the line
    /// at which the call may ask again, before those that came after it.
    pub(crate) fn refused(mut self) -> u64 {
        let counted = self.counted;
        self.end(true);
        let now = Instant::now();
        self.limiter.budget.with(|budget| {
            // It was not processed.
            if let Some(Counted { call, .. }) = counted {
                budget.uncount(call);
            }
            budget.refused(self.started, now);
            self.asked.place.unwrap_or_else(|| budget.number())
        })
    }

    fn end(&mut self, replied: bool) {
        let Some(Counted {
            call,
            others,
            until,
        }) = self.counted.take()
        else {
            return;
        };
        let (now, started) = (Instant::now(), self.started);
        lock(self.limiter.connections(self.asked)).end(others, replied.then_some(now));
        // Without a reply it is not known when, if at all, the call reached the server.
        let may_be_delayed = until == started + UNANSWERED;
        if may_be_delayed || !replied {
            let again = (now + SECOND).clamp(started + WINDOW, started + UNANSWERED);
            let budget = &self.limiter.budget;
            budget.with(|budget| budget.recount(call, until, again));
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// A caller in the line, which it leaves when it is dropped.
struct Waiting<'a> {
    limiter: &'a Limiter,
    /// None when it has left.
    caller: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(caller) = self.caller {
            self.limiter.budget.with(|budget| budget.leave(caller));
        }
    }
}

impl Limiter {
    /// The limiter of a client. The budget is that of the token at the endpoint: the same one for
    /// every client in this process.
    pub(crate) fn shared(token: &str, endpoint: &str, limit: RateLimit) -> Self {
        /// The token itself is not kept here, only its hash under a key of this process.
        static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static BUDGETS: LazyLock<Mutex<HashMap<u64, Arc<SharedBudget>>>> =
            LazyLock::new(Mutex::default);

        let key = HASHER.hash_one((token, endpoint));
        let mut budgets = lock(&BUDGETS);
        let now = Instant::now();
        let is_used = |budget: &Arc<SharedBudget>| Arc::strong_count(budget) > 1;
        // What the last client left behind counts for the next one.
        budgets.retain(|_, budget| is_used(budget) || budget.with(|budget| budget.is_left(now)));
        let budget = budgets
            .entry(key)
            .or_insert_with(|| SharedBudget::new(limit));
        if is_used(budget) {
            budget.with(|budget| budget.lower(limit.0));
        } else {
            budget.with(|budget| budget.limit = limit.0);
        }
        Self::of(budget.clone())
    }

    fn of(budget: Arc<SharedBudget>) -> Self {
        Self {
            budget,
            connections: KEPT.map(|kept| Mutex::new(Connections::kept_for(kept))),
        }
    }

    fn connections(&self, asked: Asking) -> &Mutex<Connections> {
        &self.connections[usize::from(asked.once)]
    }

    /// A turn, if a call may start now and none waits.
    pub(crate) fn start_now(&self, asked: Asking) -> Option<Turn<'_>> {
        if self.budget.is_free() {
            return Some(Turn {
                limiter: self,
                asked,
                started: Instant::now(),
                counted: None,
            });
        }
        self.budget.with(|budget| {
            let now = Instant::now();
            budget
                .may_start(now)
                .then(|| self.start(budget, asked, now))
        })
    }

    /// Returns when a call may start, and counts it as started.
    pub(crate) async fn wait_in_line(&self, mut asked: Asking) -> Turn<'_> {
        let caller = match asked.place {
            Some(place) => place,
            None => self.budget.with(Budget::number),
        };
        asked.place = Some(caller);
        let mut waiting = Waiting {
            limiter: self,
            caller: Some(caller),
        };
        let mut alarm = pin!(sleep_until(Instant::now()));
        poll_fn(|context| {
            loop {
                match self.ask(caller, asked, context.waker()) {
                    Ok(turn) => {
                        waiting.caller = None;
                        return Poll::Ready(turn);
                    }
                    Err(again) => alarm.as_mut().reset(again),
                }
                ready!(alarm.as_mut().poll(context));
            }
        })
        .await
    }

    fn ask(&self, caller: u64, asked: Asking, waker: &Waker) -> Result<Turn<'_>, Instant> {
        self.budget.with(|budget| {
            let now = Instant::now();
            budget.ask(caller, waker, now)?;
            let turn = self.start(budget, asked, now);
            budget.pass_on(now);
            Ok(turn)
        })
    }

    fn start(&self, budget: &mut Budget, mut asked: Asking, now: Instant) -> Turn<'_> {
        let is_of_burst = budget.start(now);
        let counted = budget.limit.map(|_| {
            let (others, is_connected) = lock(self.connections(asked)).begin(now);
            let is_delayed = is_of_burst || !is_connected;
            let until = now + if is_delayed { UNANSWERED } else { WINDOW };
            let call = budget.count(until);
            asked.place.get_or_insert(call);
            Counted {
                call,
                others,
                until,
            }
        });
        Turn {
            limiter: self,
            asked,
            started: now,
            counted,
        }
    }

    /// Nothing starts before `moment`. A later hold extends an earlier one.
    pub(crate) fn hold_until(&self, moment: Instant) {
        self.budget.with(|budget| budget.hold_until(moment));
    }

    /// Until when nothing starts, if a hold is on.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        if self.budget.is_free() {
            return None;
        }
        self.budget.with(|budget| budget.held_until(Instant::now()))
    }
}

/// No code that holds these locks can panic, so a poisoned one is still sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
