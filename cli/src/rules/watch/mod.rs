//! Watchers: each looks at a part of the world, and notes what is new there.

pub mod data_links;
pub mod files;
pub mod memory;
pub mod runs;
pub mod schedule;
pub mod settle;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use seqera::Client;

pub use files::Told;
pub use memory::Memory;

use super::clock::Clock;
use super::engine::Connect;
use super::file::{DataLink, On, Rules, Run};
use crate::kit::{Error, Home, Platform, Result, Scope};
use data_links::DataLinkWatcher;
use files::FileWatcher;
use runs::RunWatcher;
use schedule::ScheduleWatcher;

/// How long after a look that failed is looked again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// What is watched by calls of the Platform.
#[derive(Debug)]
enum Remote {
    DataLink(DataLinkWatcher),
    Runs(RunWatcher),
}

/// All watchers of some rules.
pub struct Watchers {
    memory: Memory,
    clock: Arc<dyn Clock>,
    files: FileWatcher,
    schedules: Vec<ScheduleWatcher>,
    remote: Vec<Remote>,
    /// What makes a client for looks after one that failed: the token may be another.
    connect: Option<Connect>,
    /// How often in a row something failed.
    failures: u32,
    not_before: Option<DateTime<Utc>>,
}

/// What a look came to.
#[derive(Debug, Default)]
pub struct Looked {
    /// How many events are new.
    pub new: u64,
    /// What could not be looked at, and why.
    pub problems: Vec<String>,
}

impl Watchers {
    /// Watchers for rules. `client` is needed for what is watched on the Platform, `web` is the address of
    /// its pages, and `told` is what tells of files in between looks.
    ///
    /// # Errors
    /// The state can't be read, or there is no such workspace.
    pub async fn new(
        rules: &Rules,
        client: Option<&Client>,
        web: &str,
        told: Option<Told>,
        memory: Memory,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let now = clock.now();
        let files = rules.rules.iter().filter_map(|rule| match &rule.on {
            On::Files(files) => Some((rule.name.as_str(), files)),
            _ => None,
        });
        let files = FileWatcher::new(files, told, now, &memory).await?;
        let mut schedules = Vec::new();
        let mut links: BTreeMap<(&str, &str), Vec<(&str, &DataLink)>> = BTreeMap::new();
        let mut runs: BTreeMap<&str, Vec<(&str, &Run)>> = BTreeMap::new();
        for rule in &rules.rules {
            let workspace = rule.workspace.as_deref().unwrap_or_default();
            match &rule.on {
                On::Schedule(schedule) => {
                    schedules.push(ScheduleWatcher::new(&rule.name, schedule, &memory).await?);
                }
                On::DataLink(link) => {
                    let place = (workspace, link.name.as_str());
                    links.entry(place).or_default().push((&rule.name, link));
                }
                On::Run(run) => runs.entry(workspace).or_default().push((&rule.name, run)),
                On::Files(_) | On::Webhook(_) => {}
            }
        }
        let mut remote = Vec::new();
        if !(links.is_empty() && runs.is_empty()) {
            let client = client.ok_or_else(|| Error::other("there is no client"))?;
            let platform = Platform::new(client.clone());
            for ((workspace, _), rules) in links {
                let home = home(&platform, workspace).await?.workspace;
                let watcher = DataLinkWatcher::new(client.clone(), home, &rules, now, &memory);
                remote.push(Remote::DataLink(watcher.await?));
            }
            // The same workspace may be named by its name and by its id.
            let mut by_id: BTreeMap<Option<i64>, Vec<(&str, &Run)>> = BTreeMap::new();
            for (workspace, rules) in runs {
                let home = home(&platform, workspace).await?.workspace;
                by_id.entry(home).or_default().extend(rules);
            }
            for (workspace, rules) in by_id {
                let watcher = RunWatcher::new(client.clone(), workspace, web, &rules, now, &memory);
                remote.push(Remote::Runs(watcher.await?));
            }
        }
        Ok(Self {
            memory,
            clock,
            files,
            schedules,
            remote,
            connect: None,
            failures: 0,
            not_before: None,
        })
    }

    /// Has a new client made whenever a look has failed, as the engine does: a token that is not accepted
    /// any more is read anew.
    #[must_use]
    pub fn with_new_clients(mut self, connect: Connect) -> Self {
        self.connect = Some(connect);
        self
    }

    /// Looks at all that is due.
    pub async fn look(&mut self) -> Looked {
        let now = self.clock.now();
        self.connect_anew();
        let mut looked = Looked::default();
        let mut take = |what: &str, result: Result<u64>| match result {
            Ok(new) => looked.new += new,
            Err(error) => looked.problems.push(format!("{what}: {error}")),
        };
        take("files", self.files.look(now, &self.memory).await);
        for schedule in &mut self.schedules {
            take("schedule", schedule.look(now, &self.memory).await);
        }
        for remote in &mut self.remote {
            match remote {
                Remote::DataLink(link) => take("data link", link.look(now, &self.memory).await),
                Remote::Runs(runs) => take("runs", runs.look(now, &self.memory).await),
            }
        }
        looked
            .problems
            .extend(std::mem::take(&mut self.files.notes));
        self.failures = match looked.problems.is_empty() {
            true => 0,
            false => self.failures.saturating_add(1),
        };
        self.not_before = (self.failures > 0).then(|| {
            let wait = AGAIN
                .0
                .saturating_mul(1 << self.failures.min(10))
                .min(AGAIN.1);
            now + wait
        });
        looked
    }

    fn connect_anew(&mut self) {
        if self.failures == 0 || self.remote.is_empty() {
            return;
        }
        // One that can't be made is told by the look that fails again.
        if let Some(Ok(client)) = self.connect.as_ref().map(|connect| connect()) {
            for remote in &mut self.remote {
                match remote {
                    Remote::DataLink(link) => link.client = client.clone(),
                    Remote::Runs(runs) => runs.client = client.clone(),
                }
            }
        }
    }

    /// When to look next; never, where nothing is watched.
    pub fn next(&self) -> Option<DateTime<Utc>> {
        let now = self.clock.now();
        let schedules = self
            .schedules
            .iter()
            .filter_map(|schedule| schedule.next(now));
        let remote = self.remote.iter().map(|remote| match remote {
            Remote::DataLink(link) => link.next(),
            Remote::Runs(runs) => runs.next(),
        });
        let next = self
            .files
            .next()
            .into_iter()
            .chain(schedules)
            .chain(remote)
            .min()?;
        Some(
            self.not_before
                .map_or(next, |time| next.max(time.min(now + AGAIN.1))),
        )
    }

    /// Looks whenever it is time, for ever, and tells what each look came to.
    pub async fn run(mut self, mut tell: impl FnMut(Looked)) {
        loop {
            tell(self.look().await);
            let clock = self.clock.clone();
            let next = self.next();
            let sleep = async {
                match next {
                    Some(next) => clock.sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => {}
                () = self.files.told() => {
                    // What comes at once is looked at at once.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

impl std::fmt::Debug for Watchers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watchers")
            .field("files", &self.files)
            .field("schedules", &self.schedules)
            .field("remote", &self.remote)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

async fn home(platform: &Platform, workspace: &str) -> Result<Home> {
    let home = platform.home(Scope::Workspace, workspace).await?;
    home.ok_or_else(|| Error::other(format!("there is no workspace `{workspace}`")))
}

#[cfg(test)]
mod tests;
