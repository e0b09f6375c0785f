//! Waiting for the end of a run.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::pace::Pace;
use super::polls::{Look, Seen, Watcher};
use super::{Change, FinishedRun, Run};
use crate::transport::again::{Trouble, USUAL_PATIENCE};
use crate::types::WorkflowStatus;
use crate::{Error, Result};

/// A wait for the end of a run: see [`Run::wait`].
#[must_use = "a wait does nothing until it is awaited"]
pub struct Wait {
    run: Run,
    pace: Pace,
    timeout: Option<Duration>,
    patience: Duration,
    report: Box<dyn FnMut(&Change) + Send>,
}

impl Run {
    /// Waits until the run has ended, and gives the finished run: SUCCEEDED, FAILED and CANCELLED
    /// are values alike. A status that this crate does not know is no end.
    ///
    /// Waits of one client for runs of one workspace share their calls. Faults of the network and
    /// the server are ridden out for ten minutes, beyond the retries of each call.
    ///
    /// ```no_run
    /// # async fn example(run: seqera::runs::Run) -> seqera::Result<()> {
    /// use std::time::Duration;
    ///
    /// let done = run.wait().timeout(Duration::from_secs(6 * 3600)).await?;
    /// println!("{}", done.status());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The time given is over, and the run goes on ([`Error::is_time_over`]); the run is unknown
    /// or forbidden; or trouble outlasted the time given to it.
    pub fn wait(&self) -> Wait {
        Wait {
            run: self.clone(),
            pace: Pace::default(),
            timeout: None,
            patience: USUAL_PATIENCE,
            report: Box::new(|_| {}),
        }
    }
}

impl Wait {
    /// Gives up after this time, a [`Duration`] or an `Option` of one. Default: never.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// How often to look.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// For how long looks may fail in a row before the wait fails. Default 10 minutes.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Calls this with each new status ([`Change::Status`]) and each look that failed
    /// ([`Change::Trouble`]). For progress too, use [`Run::watch`].
    pub fn on_change(mut self, report: impl FnMut(&Change) + Send + 'static) -> Self {
        self.report = Box::new(report);
        self
    }

    async fn until_end(mut self) -> Result<FinishedRun> {
        let mut last = None;
        let Some(timeout) = self.timeout else {
            return self.follow(&mut last).await;
        };
        match tokio::time::timeout(timeout, self.follow(&mut last)).await {
            Ok(done) => done,
            Err(_) => {
                let status = last.unwrap_or(WorkflowStatus::Unknown);
                let text = format!(
                    "run {} is {status} after {timeout:?}, and goes on",
                    self.run.id
                );
                Err(Error::time_over(text).in_operation("wait"))
            }
        }
    }

    async fn follow(&mut self, last: &mut Option<WorkflowStatus>) -> Result<FinishedRun> {
        let begun = Instant::now();
        let mut watcher = None;
        let mut trouble = Trouble::new(self.patience);
        loop {
            let now = Instant::now();
            let tolerance = self.pace.tolerance(now - begun);
            let since = now.checked_sub(tolerance).unwrap_or(now);
            match self.look(&mut watcher, since).await {
                Ok(seen) => {
                    if last.as_ref() != Some(&seen.status) {
                        *last = Some(seen.status.clone());
                        (self.report)(&Change::Status(seen.status.clone()));
                    }
                    match finished(&self.run, seen).await {
                        Ok(Some(done)) => return Ok(done),
                        // Only here: the look at the end of a run takes two calls.
                        Ok(None) => trouble.is_over(),
                        Err(error) => self.ride_out(&mut trouble, Arc::new(error))?,
                    }
                }
                Err(error) => self.ride_out(&mut trouble, error)?,
            }
            let pause = self.pace.pause(begun.elapsed(), trouble.failures);
            tokio::time::sleep(pause).await;
        }
    }

    async fn look(&mut self, watcher: &mut Option<Watcher>, since: Instant) -> Look {
        let watcher = match watcher {
            Some(watcher) => watcher,
            None => {
                let workspace = self.run.locate().await?;
                watcher.insert(Watcher::new(&self.run.client, workspace, &self.run.id))
            }
        };
        watcher.look(since).await
    }

    fn ride_out(&mut self, trouble: &mut Trouble, error: Arc<Error>) -> Result<()> {
        let goes_on = trouble.outlasts(&error);
        (self.report)(&Change::Trouble(error.clone()));
        if goes_on {
            return Ok(());
        }
        // Others may wait for the same run and have the error too.
        Err(Arc::try_unwrap(error).unwrap_or_else(|error| error.repeat()))
    }
}

/// The whole of a run that was seen at its end.
async fn finished(run: &Run, seen: Seen) -> Result<Option<FinishedRun>> {
    if !seen.status.is_end() {
        return Ok(None);
    }
    let details = match seen.described {
        Some(described) => Arc::unwrap_or_clone(described),
        None => run.describe().await?,
    };
    Ok(FinishedRun::new(run.clone(), details))
}

impl IntoFuture for Wait {
    type Output = Result<FinishedRun>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.until_end())
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("run", &self.run)
            .field("pace", &self.pace)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
