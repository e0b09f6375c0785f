//! The changes of a run as a stream.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::time::Instant;

use super::pace::Pace;
use super::{Change, FinishedRun, Run, status_of};
use crate::Result;
use crate::transport::again::{Trouble, USUAL_PATIENCE};
use crate::types::{DescribeWorkflowResponse, TaskStatus, WorkflowLoad, WorkflowStatus};

/// The changes of a run: see [`Run::watch`].
#[must_use = "a stream does nothing until it is polled"]
pub struct Watch(State);

enum State {
    Idle(Box<Looks>),
    Running(BoxStream<'static, Result<Change>>),
    Done,
}

impl Run {
    /// The changes of the run, beginning with what it is now and ending with
    /// [`Change::Finished`].
    ///
    /// ```no_run
    /// # async fn example(run: seqera::runs::Run) -> seqera::Result<()> {
    /// use seqera::prelude::*;
    /// use seqera::runs::Change;
    ///
    /// let mut changes = run.watch();
    /// while let Some(change) = changes.try_next().await? {
    ///     match change {
    ///         Change::Status(status) => println!("{status}"),
    ///         Change::Progress(progress) => println!("{:?}", progress.workflow_progress),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The stream ends with an error where the run is unknown or forbidden, or where trouble
    /// outlasts the time given to it.
    pub fn watch(&self) -> Watch {
        Watch(State::Idle(Box::new(Looks {
            run: self.clone(),
            pace: Pace::default(),
            tasks: None,
            begun: Instant::now(),
            trouble: Trouble::new(USUAL_PATIENCE),
            looked: false,
            status: None,
            counts: None,
            ready: VecDeque::new(),
            over: false,
        })))
    }
}

impl Watch {
    /// How often to look.
    pub fn pace(self, pace: Pace) -> Self {
        self.set(|looks| looks.pace = pace)
    }

    /// For how long looks may fail in a row before the stream fails. Default 10 minutes.
    pub fn patience(self, patience: Duration) -> Self {
        self.set(|looks| looks.trouble = Trouble::new(patience))
    }

    /// Tells of each task too ([`Change::Task`]). All tasks are listed, a hundred a call, whenever
    /// the counts have changed.
    pub fn tasks(self) -> Self {
        self.set(|looks| looks.tasks = Some(HashMap::new()))
    }

    fn set(mut self, change: impl FnOnce(&mut Looks)) -> Self {
        if let State::Idle(looks) = &mut self.0 {
            change(looks);
        }
        self
    }
}

impl Stream for Watch {
    type Item = Result<Change>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let state = &mut self.0;
        if let State::Idle(_) = state
            && let State::Idle(looks) = std::mem::replace(state, State::Done)
        {
            let changes = stream::unfold(looks, |mut looks| async {
                looks.next().await.map(|change| (change, looks))
            });
            *state = State::Running(changes.fuse().boxed());
        }
        match state {
            State::Running(changes) => changes.poll_next_unpin(context),
            State::Idle(_) | State::Done => Poll::Ready(None),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// What was seen so far, and what is to be told.
struct Looks {
    run: Run,
    pace: Pace,
    /// The last status of each task, if they are asked for.
    tasks: Option<HashMap<i64, Option<TaskStatus>>>,
    begun: Instant,
    trouble: Trouble,
    looked: bool,
    status: Option<WorkflowStatus>,
    counts: Option<[Option<i64>; 9]>,
    ready: VecDeque<Change>,
    over: bool,
}

impl Looks {
    async fn next(&mut self) -> Option<Result<Change>> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Some(Ok(change));
            }
            if self.over {
                return None;
            }
            if self.looked {
                let pause = self.pace.pause(self.begun.elapsed(), self.trouble.failures);
                tokio::time::sleep(pause).await;
            } else {
                self.begun = Instant::now();
                self.looked = true;
            }
            if let Err(error) = self.look().await {
                if !self.trouble.outlasts(&error) {
                    self.over = true;
                    return Some(Err(error));
                }
                self.ready.push_back(Change::Trouble(Arc::new(error)));
            }
        }
    }

    async fn look(&mut self) -> Result<()> {
        self.run.locate().await?;
        let described = self.run.describe().await?;
        let status = status_of(&described);
        if self.status.as_ref() != Some(&status) {
            self.ready.push_back(Change::Status(status.clone()));
            self.status = Some(status);
        }
        let load = described
            .progress
            .as_ref()
            .and_then(|progress| progress.workflow_progress.as_ref());
        let counts = load.map(counts);
        let finished = FinishedRun::new(self.run.clone(), described.clone());
        // Tasks may be told of before they are counted, so that the end looks at them in any case.
        if (counts.is_some() && self.counts != counts) || finished.is_some() {
            self.look_at_tasks().await?;
            self.tell_progress(described, counts);
        }
        if let Some(finished) = finished {
            self.ready.push_back(Change::Finished(Box::new(finished)));
            self.over = true;
        }
        // Only here: a look may take several calls.
        self.trouble.is_over();
        Ok(())
    }

    fn tell_progress(
        &mut self,
        described: DescribeWorkflowResponse,
        counts: Option<[Option<i64>; 9]>,
    ) {
        if self.counts == counts {
            return;
        }
        self.counts = counts;
        if let Some(progress) = described.progress {
            self.ready.push_back(Change::Progress(Box::new(progress)));
        }
    }

    async fn look_at_tasks(&mut self) -> Result<()> {
        let Some(known) = &mut self.tasks else {
            return Ok(());
        };
        let mut tasks = self.run.tasks();
        while let Some(entry) = tasks.try_next().await? {
            let Some(task) = entry.task else { continue };
            let Some(id) = task.task_id else { continue };
            if known.insert(id, task.status.clone()) != Some(task.status.clone()) {
                self.ready.push_back(Change::Task(Box::new(task)));
            }
        }
        Ok(())
    }
}

fn counts(load: &WorkflowLoad) -> [Option<i64>; 9] {
    [
        load.pending,
        load.submitted,
        load.running,
        load.succeeded,
        load.failed,
        load.cached,
        load.aborted,
        load.ignored,
        load.retries,
    ]
}
