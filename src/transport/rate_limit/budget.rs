//! Who may start, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::spacing::Spacing;

/// A caller that may start and is not polled for so long is overtaken.
const PATIENCE: Duration = Duration::from_millis(20);

/// Calls after so long a pause are a burst.
const PAUSE: Duration = Duration::from_secs(2);

/// How often the waiting callers, taken together, look whether those before them are polled.
const LOOK: Duration = Duration::from_millis(5);

/// The calls that count, and those that wait.
///
/// Waiting callers do all the work when they are polled, so that no background task is needed. The
/// first one sets its alarm for when a call may start, and whoever leaves the line wakes the next.
/// Since the first may be a future that nobody polls, the others set theirs for later, each the
/// later the more of them there are: the work of it all does not grow with the line.
#[derive(Debug, Default)]
pub(super) struct Budget {
    pub limit: Option<NonZeroU32>,
    /// Nothing starts before this.
    held_until: Option<Instant>,
    /// Since the server refused calls that came together.
    spacing: Option<Spacing>,
    /// The calls that count, by when they no longer do.
    counted: BTreeSet<(Instant, u64)>,
    last_start: Option<Instant>,
    /// Whether the budget was not used up since the last pause.
    is_burst: bool,
    /// Those that may not start yet, in the order in which they asked.
    waiting: BTreeMap<u64, Waker>,
    /// Those that were woken because they may start, and how long others wait for it.
    granted: BTreeMap<u64, Instant>,
    /// To be woken when the budget is unlocked: a waker may do anything.
    pub woken: Vec<Waker>,
    next_number: u64,
}

impl Budget {
    pub fn new(limit: Option<NonZeroU32>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// A number above all before it, for a caller or a call.
    pub fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Whether every call may start at any time.
    pub fn is_free(&self) -> bool {
        self.limit.is_none()
            && self.held_until.is_none()
            && self.spacing.is_none()
            && self.waiting.is_empty()
    }

    /// Whether there is something left that matters to later calls.
    pub fn is_left(&mut self, now: Instant) -> bool {
        self.forget_the_past(now);
        !self.counted.is_empty() || self.held_until.is_some() || self.spacing.is_some()
    }

    /// Notes that the server refused a call which started then.
    pub fn refused(&mut self, started: Instant, now: Instant) {
        match &mut self.spacing {
            Some(spacing) => spacing.refused(started, now),
            None => self.spacing = Some(Spacing::new(self.limit, now)),
        }
    }

    pub fn hold_until(&mut self, moment: Instant) {
        self.held_until = self.held_until.max(Some(moment));
    }

    /// Until when nothing starts.
    pub fn held_until(&mut self, now: Instant) -> Option<Instant> {
        self.forget_the_past(now);
        self.held_until
    }

    /// Lets a limit hold as well.
    pub fn lower(&mut self, limit: Option<NonZeroU32>) {
        self.limit = match (self.limit, limit) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// Whether a caller may start that has not waited.
    pub fn may_start(&mut self, now: Instant) -> bool {
        self.forget_the_past(now);
        self.waiting.is_empty() && self.has_room()
    }

    /// Whether a caller may start: it has left the line then, and is to be counted. If not, when it
    /// has to ask again, unless it is woken before.
    pub fn ask(&mut self, caller: u64, waker: &Waker, now: Instant) -> Result<(), Instant> {
        self.forget_the_past(now);
        let was_granted = self.granted.remove(&caller).is_some();
        let is_first = self.first().is_none_or(|first| caller <= first);
        if self.has_room() && (was_granted || is_first) {
            let before = self.waiting.remove(&caller);
            self.retire(before, waker);
            return Ok(());
        }
        // One that was overtaken is back in its place.
        let before = self.waiting.insert(caller, waker.clone());
        self.retire(before, waker);
        self.grant(now);
        Err(self.ask_again(caller, now))
    }

    /// Notes that a call starts. Returns whether it is one of a burst.
    pub fn start(&mut self, now: Instant) -> bool {
        let paused = |last: Instant| now.duration_since(last) > PAUSE;
        self.is_burst |= self.last_start.is_none_or(paused);
        self.last_start = Some(now);
        if let Some(spacing) = &mut self.spacing {
            spacing.started(now);
        }
        self.is_burst
    }

    /// Counts a call until a moment, and returns what tells it from others.
    pub fn count(&mut self, until: Instant) -> u64 {
        let call = self.number();
        self.counted.insert((until, call));
        self.is_burst &= self.has_room();
        call
    }

    /// Counts a call until another moment than before.
    pub fn recount(&mut self, call: u64, before: Instant, until: Instant) {
        if self.counted.remove(&(before, call)) {
            self.counted.insert((until, call));
            self.wake_from(0);
        }
    }

    /// Takes back a call, which the server did not count.
    pub fn uncount(&mut self, call: u64) {
        self.counted.retain(|(_, counted)| *counted != call);
    }

    /// Lets others start after one that did.
    pub fn pass_on(&mut self, now: Instant) {
        self.grant(now);
        self.wake_from(0);
    }

    /// Takes a caller out of the line.
    pub fn leave(&mut self, caller: u64) {
        self.woken.extend(self.waiting.remove(&caller));
        let next = match self.granted.remove(&caller) {
            Some(_) => 0,
            None => caller,
        };
        self.wake_from(next);
    }

    fn first(&self) -> Option<u64> {
        self.waiting.keys().next().copied()
    }

    fn forget_the_past(&mut self, now: Instant) {
        self.held_until = self.held_until.filter(|moment| *moment > now);
        self.spacing.take_if(|spacing| spacing.is_over(now));
        while self.counted.first().is_some_and(|(until, _)| *until <= now) {
            self.counted.pop_first();
        }
    }

    /// Whether there is a start that is not granted to anyone.
    fn has_room(&self) -> bool {
        let is_spaced = |spacing: &Spacing| spacing.next().is_none() && self.granted.is_empty();
        self.held_until.is_none() && !self.is_full() && self.spacing.as_ref().is_none_or(is_spaced)
    }

    fn is_full(&self) -> bool {
        let taken = self.counted.len() + self.granted.len();
        let is_full = |limit: NonZeroU32| taken >= limit.get() as usize;
        self.limit.is_some_and(is_full)
    }

    /// Lets the first ones start, and others than those that did not when they could.
    fn grant(&mut self, now: Instant) {
        let before = self.first();
        loop {
            while self.has_room()
                && let Some((caller, waker)) = self.waiting.pop_first()
            {
                self.granted.insert(caller, now + PATIENCE);
                self.woken.push(waker);
            }
            let all = self.granted.len();
            if !self.waiting.is_empty() {
                self.granted.retain(|_, patience| *patience > now);
            }
            if self.granted.len() == all {
                break;
            }
        }
        if self.first() != before {
            self.wake_from(0);
        }
    }

    /// Does away with a waker that another replaces: later, for to drop the last one may do anything.
    fn retire(&mut self, before: Option<Waker>, now: &Waker) {
        self.woken
            .extend(before.filter(|before| !before.will_wake(now)));
    }

    /// Wakes the next one in the line.
    fn wake_from(&mut self, caller: u64) {
        let next = self.waiting.range(caller..).next();
        self.woken.extend(next.map(|(_, waker)| waker.clone()));
    }

    fn ask_again(&self, caller: u64, now: Instant) -> Instant {
        let uncounted = self.counted.first().filter(|_| self.is_full());
        let uncounted = uncounted.map(|(until, _)| *until);
        let patience = self.granted.values().min().copied();
        let change = [uncounted, patience].into_iter().flatten().min();
        let spaced = self.spacing.as_ref().and_then(Spacing::next);
        let change = change.max(self.held_until).max(spaced).unwrap_or(now);
        if patience.is_some() || self.first() == Some(caller) {
            return change;
        }
        let others = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        change + LOOK.saturating_mul(others)
    }
}

#[cfg(test)]
impl Budget {
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub fn first_uncounted(&self) -> Option<Instant> {
        self.counted.first().map(|(until, _)| *until)
    }
}
