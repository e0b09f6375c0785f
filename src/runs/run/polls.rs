//! Polls that the waits of a client share.
//!
//! Runs that are waited for are looked at in rounds, one at a time for each workspace. A round for
//! one run describes it; a round for more reads the workspace's newest runs, a hundred a call, and
//! describes only what is further back. Whoever wants news finds it in the last round, joins the
//! one that is under way, or starts one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument;

use crate::types::{DescribeWorkflowResponse, WorkflowStatus};
use crate::{Client, Error, Result};

/// Calls that describe a run, at a time.
const CONCURRENCY: usize = 8;

/// The waits of a client, by workspace.
#[derive(Default)]
struct Polls(Mutex<HashMap<Option<i64>, Place>>);

#[derive(Default)]
struct Place {
    runs: HashMap<String, Watched>,
    /// Closed when the round is over.
    round: Option<watch::Receiver<()>>,
}

#[derive(Default)]
struct Watched {
    watchers: usize,
    /// What the last round saw, and when it began.
    last: Option<(Instant, Look)>,
}

/// What a round saw of a run. Errors are shared by all who wait.
pub(super) type Look = Result<Seen, Arc<Error>>;

#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub status: WorkflowStatus,
    /// The whole of it, where the run was described.
    pub described: Option<Arc<DescribeWorkflowResponse>>,
}

/// One who waits for a run.
pub(super) struct Watcher {
    client: Client,
    workspace: Option<i64>,
    id: String,
}

impl Polls {
    fn of(client: &Client) -> Arc<Self> {
        client.inner.kept().get_or_make(Self::default)
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Option<i64>, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    pub(super) fn new(client: &Client, workspace: Option<i64>, id: &str) -> Self {
        let polls = Polls::of(client);
        let mut places = polls.places();
        let place = places.entry(workspace).or_default();
        place.runs.entry(id.to_owned()).or_default().watchers += 1;
        drop(places);
        Self {
            client: client.clone(),
            workspace,
            id: id.to_owned(),
        }
    }

    /// What there was to see of the run at `since` or later.
    pub(super) async fn look(&self, since: Instant) -> Look {
        loop {
            let mut round = {
                let polls = Polls::of(&self.client);
                let mut places = polls.places();
                let place = places.entry(self.workspace).or_default();
                let last = &place.runs.entry(self.id.clone()).or_default().last;
                if let Some((_, look)) = last.as_ref().filter(|(at, _)| *at >= since) {
                    return look.clone();
                }
                let running = |round: &watch::Receiver<()>| round.has_changed().is_ok();
                match place.round.clone().filter(running) {
                    Some(round) => round,
                    None => {
                        let (end, round) = watch::channel(());
                        place.round = Some(round.clone());
                        let (client, workspace) = (self.client.clone(), self.workspace);
                        // Of its own, so that it goes on when the one who began it gives up.
                        tokio::spawn(
                            async move {
                                go_round(&client, workspace).await;
                                drop(end);
                            }
                            .in_current_span(),
                        );
                        round
                    }
                }
            };
            // An error is the end of the round; nothing is ever sent.
            let _ = round.changed().await;
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let polls = Polls::of(&self.client);
        let mut places = polls.places();
        let Some(place) = places.get_mut(&self.workspace) else {
            return;
        };
        if let Some(watched) = place.runs.get_mut(&self.id) {
            watched.watchers -= 1;
            if watched.watchers == 0 {
                place.runs.remove(&self.id);
            }
        }
        if place.runs.is_empty() {
            places.remove(&self.workspace);
        }
    }
}

async fn go_round(client: &Client, workspace: Option<i64>) {
    let began = Instant::now();
    let wanted: Vec<String> = {
        let polls = Polls::of(client);
        let places = polls.places();
        let runs = places.get(&workspace).map(|place| place.runs.keys());
        runs.into_iter().flatten().cloned().collect()
    };
    let note = |id: &str, look: Look| {
        let polls = Polls::of(client);
        let mut places = polls.places();
        let runs = places.get_mut(&workspace).map(|place| &mut place.runs);
        if let Some(watched) = runs.and_then(|runs| runs.get_mut(id)) {
            watched.last = Some((began, look));
        }
    };
    let left = match read_list(client, workspace, wanted.clone(), &note).await {
        Ok(left) => left,
        // The list may be forbidden, or one of its entries unreadable: ask for each.
        Err(error) if !error.is_retryable() => wanted,
        Err(error) => {
            let error = Arc::new(error);
            return wanted.iter().for_each(|id| note(id, Err(error.clone())));
        }
    };
    stream::iter(left)
        .for_each_concurrent(CONCURRENCY, |id| async move {
            note(&id, describe(client, workspace, &id).await);
        })
        .await;
}

/// Notes what the list of runs tells, and gives back those that are not worth reading on for.
async fn read_list(
    client: &Client,
    workspace: Option<i64>,
    mut wanted: Vec<String>,
    note: impl Fn(&str, Look),
) -> Result<Vec<String>> {
    let mut pages = client
        .list_workflows()
        .workspace_id(workspace)
        .pages()
        .concurrency(1);
    // A page costs as much as describing one run.
    while wanted.len() > 1
        && let Some(page) = pages.try_next().await?
    {
        let before = wanted.len();
        for workflow in page.items.into_iter().filter_map(|entry| entry.workflow) {
            let id = workflow.id.unwrap_or_default();
            if let Some(place) = wanted.iter().position(|wanted| *wanted == id) {
                wanted.swap_remove(place);
                let status = workflow.status.unwrap_or(WorkflowStatus::Unknown);
                let described = None;
                note(&id, Ok(Seen { status, described }));
            }
        }
        if before - wanted.len() < 2 {
            break;
        }
    }
    Ok(wanted)
}

async fn describe(client: &Client, workspace: Option<i64>, id: &str) -> Look {
    let reply = client
        .describe_workflow()
        .workflow_id(id)
        .workspace_id(workspace)
        .send()
        .await;
    let described = reply.map_err(Arc::new)?;
    Ok(Seen {
        status: super::status_of(&described),
        described: Some(Arc::new(described)),
    })
}
