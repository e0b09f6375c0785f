//! Takes events, decides on them, carries them out, and notes what came of each.

mod ends;
pub(crate) mod judge;
mod work;

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use seqera::Client;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::clock::Clock;
use super::file::Rules;
use super::state::{Event, Runner, State, StateError};
use crate::kit::Platform;
use work::Worked;

/// What makes a client: at the start, and whenever the server does not accept the token any more.
pub type Connect = Arc<dyn Fn() -> Result<Client, String> + Send + Sync>;

/// How an engine works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The workspace of rules that name none; none is the personal one.
    pub workspace: Option<String>,
    /// How many events are worked on at once.
    pub at_once: usize,
    /// How long a launch whose answer was lost is looked for, at the least, before it is sent again: the
    /// server may still be at it, or its list late.
    pub catch_up: Duration,
    /// How often the database is asked for what others have put there.
    pub poll: Duration,
    /// How often is asked which runs of rules with `at_once` have ended.
    pub ends_every: Duration,
    /// How often one rule may fire along one chain of runs, each made as the one before it ended.
    pub longest_chain: u32,
    /// For how long an event may meet trouble before somebody has to look.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workspace: None,
            at_once: 8,
            catch_up: Duration::from_secs(120),
            poll: Duration::from_secs(1),
            ends_every: Duration::from_secs(30),
            longest_chain: 10,
            patience: Duration::from_secs(24 * 3600),
        }
    }
}

/// What stands in everybody's way: the network, the token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trouble {
    /// What it is.
    pub why: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it is tried again.
    pub until: DateTime<Utc>,
    failures: u32,
}

/// An engine.
pub struct Engine {
    state: State,
    runner: Runner,
    rules: watch::Receiver<Arc<Rules>>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    connect: Connect,
    /// What is known of the Platform, and since when.
    platform: Mutex<Option<(Instant, Arc<Platform>)>>,
    trouble: Mutex<Option<Trouble>>,
    /// Rules that may begin nothing before a time.
    held: Mutex<HashMap<String, DateTime<Utc>>>,
    looked_for_ends: Mutex<Option<DateTime<Utc>>>,
    woken: Notify,
    stopping: AtomicBool,
}

/// For how long names and ids that were looked up count.
const KNOWN_FOR: Duration = Duration::from_secs(300);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// An engine over a database. Rules that are sent to `rules` later count for what is begun from then
    /// on.
    pub fn new(
        state: State,
        runner: Runner,
        rules: watch::Receiver<Arc<Rules>>,
        clock: Arc<dyn Clock>,
        connect: Connect,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            state,
            runner,
            rules,
            clock,
            settings,
            connect,
            platform: Mutex::default(),
            trouble: Mutex::default(),
            held: Mutex::default(),
            looked_for_ends: Mutex::default(),
            woken: Notify::new(),
            stopping: AtomicBool::new(false),
        })
    }

    /// Says that there may be new events.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// What stands in everybody's way, if something does.
    pub fn trouble(&self) -> Option<Trouble> {
        locked(&self.trouble).clone()
    }

    /// Works until `stop` comes; then what is under way is ended, and nothing more begun.
    ///
    /// # Errors
    /// The database is damaged. What else is wrong with it is waited out.
    pub async fn run(self: &Arc<Self>, stop: impl Future<Output = ()>) -> Result<(), StateError> {
        self.go(stop, false).await
    }

    /// Works until nothing is ready: what waits for a time, for its turn, or for the server to come back,
    /// stays.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn drain(self: &Arc<Self>, stop: impl Future<Output = ()>) -> Result<(), StateError> {
        self.go(stop, true).await
    }

    async fn go(
        self: &Arc<Self>,
        stop: impl Future<Output = ()>,
        ends_when_idle: bool,
    ) -> Result<(), StateError> {
        let mut stop = std::pin::pin!(stop);
        let mut stopping = false;
        let mut under_way: JoinSet<Worked> = JoinSet::new();
        let mut heartbeat = tokio::time::interval(self.runner.lease() / 3);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut last = self.clock.now();
        loop {
            self.stopping.store(stopping, Ordering::Relaxed);
            let now = self.clock.now();
            if now < last - chrono::Duration::minutes(1)
                && let Err(error) = self.state.set_back(last, now).await
            {
                self.of_state(error)?;
            }
            last = now;
            let mut idle = false;
            while !stopping && under_way.len() < self.room() {
                match self.take().await {
                    Ok(Some(event)) => {
                        let engine = self.clone();
                        under_way.spawn(async move { engine.work(event).await });
                    }
                    Ok(None) => {
                        idle = true;
                        break;
                    }
                    Err(error) => {
                        self.of_state(error)?;
                        break;
                    }
                }
            }
            if under_way.is_empty() && (stopping || (ends_when_idle && (idle || self.room() == 0)))
            {
                break;
            }
            self.look_for_ends().await;
            let next = match idle {
                true => self.next_ready().await,
                false => None,
            };
            tokio::select! {
                Some(ended) = under_way.join_next() => match ended {
                    Ok(worked) => self.after(worked)?,
                    // The event stays as it is noted, until the next runner takes it.
                    Err(error) => tracing::error!(%error, "the work on an event broke off"),
                },
                () = &mut stop, if !stopping => stopping = true,
                _ = heartbeat.tick() => {
                    if let Err(error) = self.state.still_here(&self.runner).await {
                        self.of_state(error)?;
                    }
                }
                () = self.woken.notified() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
                () = self.until(next) => {}
            }
        }
        self.state.leave(&self.runner).await
    }

    async fn until(&self, time: Option<DateTime<Utc>>) {
        match time {
            Some(time) => self.clock.sleep_until(time).await,
            None => std::future::pending().await,
        }
    }

    /// How many events may be worked on by now.
    fn room(&self) -> usize {
        match &*locked(&self.trouble) {
            None => self.settings.at_once,
            Some(trouble) if self.clock.now() < trouble.until => 0,
            // One tries whether it is over.
            Some(_) => 1,
        }
    }

    /// The names of the rules of which something may begin.
    fn open_rules(&self) -> Vec<String> {
        let now = self.clock.now();
        let mut held = locked(&self.held);
        held.retain(|_, until| *until > now);
        let rules = self.rules.borrow();
        let names = rules.rules.iter().map(|rule| rule.name.clone());
        names.filter(|name| !held.contains_key(name)).collect()
    }

    async fn take(&self) -> Result<Option<Event>, StateError> {
        let rules = self.open_rules();
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        self.state
            .take(&self.runner, &rules, self.clock.now())
            .await
    }

    async fn next_ready(&self) -> Option<DateTime<Utc>> {
        let rules = self.open_rules();
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let next = self.state.next_ready(&rules).await.ok().flatten();
        let held = locked(&self.held).values().min().copied();
        let tried = locked(&self.trouble).as_ref().map(|trouble| trouble.until);
        let next = [next, held, tried].into_iter().flatten().min();
        // What is ready and was not taken is another's; the next look at the database tells.
        next.filter(|next| *next > self.clock.now())
    }

    /// What to do about an error of the database: one that may pass is trouble of everybody.
    fn of_state(&self, error: StateError) -> Result<(), StateError> {
        match error {
            StateError::Lost => Ok(()),
            StateError::Database(why) => {
                self.meet(format!("the state {}: {why}", self.state.place()));
                Ok(())
            }
            error => Err(error),
        }
    }

    /// Notes trouble that everybody has.
    fn meet(&self, why: String) {
        let now = self.clock.now();
        let mut trouble = locked(&self.trouble);
        let (failures, since) = match &*trouble {
            // Others that were under way met the same.
            Some(trouble) if now < trouble.until => return,
            Some(trouble) => (trouble.failures + 1, trouble.since),
            None => (0, now),
        };
        let pause = Duration::from_secs(1) * 2_u32.pow(failures.min(6));
        tracing::warn!(why, ?pause, "nothing can be done for now");
        *trouble = Some(Trouble {
            why,
            since,
            until: now + pause.min(Duration::from_secs(60)),
            failures,
        });
        // A client made anew reads the token anew.
        *locked(&self.platform) = None;
    }

    fn after(&self, worked: Worked) -> Result<(), StateError> {
        match worked {
            Worked::On => {
                if let Some(trouble) = locked(&self.trouble).take() {
                    tracing::info!(since = %trouble.since, "the trouble is over");
                }
            }
            Worked::Nobody(why) => self.meet(why),
            Worked::Held(rule, until) => {
                locked(&self.held).insert(rule, until);
            }
            Worked::State(error) => self.of_state(error)?,
        }
        Ok(())
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The workspace of rules that name none.
    pub(crate) fn workspace(&self) -> Option<&str> {
        self.settings.workspace.as_deref()
    }

    /// The Platform, as far as it is known.
    pub(crate) fn platform(&self) -> Result<Arc<Platform>, String> {
        let mut known = locked(&self.platform);
        if let Some((since, platform)) = &*known
            && since.elapsed() < KNOWN_FOR
        {
            return Ok(platform.clone());
        }
        let platform = Arc::new(Platform::new((self.connect)()?));
        *known = Some((Instant::now(), platform.clone()));
        Ok(platform)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("state", &self.state.place())
            .field("runner", &self.runner.name())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
