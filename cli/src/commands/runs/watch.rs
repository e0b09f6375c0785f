//! `runs watch`, and the wait of `launch`: what runs come to.

use std::collections::BTreeMap;

use clap::Args;
use futures_util::future::join_all;
use seqera::prelude::*;
use seqera::runs::Change;
use seqera::types::{ProgressData, WorkflowStatus};
use serde_json::{Value, json};

use super::logs;
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::options::InWorkspace;
use crate::output::{Answer, Bar, Column, Progress, Table, View, without_nulls};
use crate::values::choices;

choices! {
    /// What a run may be waited for to be.
    RunStatus {
        Submitted = "SUBMITTED",
        Running = "RUNNING",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
        Cancelled = "CANCELLED",
        Unknown = "UNKNOWN",
    }
}

impl RunStatus {
    /// Whether it is one that runs stay in.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// How many processes are drawn at a time.
const PROCESSES: usize = 8;

#[derive(Args, Debug)]
pub struct Watch {
    /// Ids of the runs
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    workspace: InWorkspace,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Status", "status"),
    Column::new("Error", "errorMessage"),
];

impl Watch {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let waits = self
            .ids
            .iter()
            .map(|id| until(context, &place, id, RunStatus::Succeeded));
        let ended = join_all(waits).await;
        let ended: Vec<Ended> = ended.into_iter().collect::<Result<_>>()?;
        show(context, &place, &ended).await
    }
}

/// Tells what runs came to. It is well only if each is what was wanted of it.
pub async fn show(context: &Context, place: &Place<'_>, ended: &[Ended]) -> Result<Exit> {
    let rows: Vec<Value> = ended.iter().map(Ended::value).collect();
    let reference = place.reference().await?;
    let table = Table {
        title: format!("Pipeline runs at {reference} workspace"),
        rows: rows.clone(),
        columns: COLUMNS,
        footer: None,
    };
    let value = json!({"workspaceRef": reference, "runs": rows});
    context.show(&Answer::new(value, View::Table(table)))?;
    let well = ended.iter().all(|one| one.exit == Exit::Done);
    Ok(if well { Exit::Done } else { Exit::Otherwise })
}

/// What a run came to.
#[derive(Debug)]
pub struct Ended {
    pub id: String,
    pub status: WorkflowStatus,
    /// Whether it is what was wanted.
    pub exit: Exit,
    /// What went wrong, in Nextflow's words.
    pub error: Option<String>,
}

impl Ended {
    fn value(&self) -> Value {
        without_nulls(json!({
            "id": self.id,
            "status": self.status,
            "errorMessage": self.error,
        }))
    }
}

/// Waits until a run has a status, or has had it.
pub async fn until(
    context: &Context,
    place: &Place<'_>,
    id: &str,
    wanted: RunStatus,
) -> Result<Ended> {
    context.goes_on(format!(
        "Run {id} goes on; `runs watch {id}` looks at it again."
    ));
    let mut drawn = Drawn::new(context.progress(), id);
    let mut changes = context.client()?.run(id).workspace(place.id()).watch();
    while let Some(change) = changes.try_next().await? {
        let (status, error) = match change {
            Change::Status(status) => {
                drawn.status(&status);
                if !context.progress().is_shown() {
                    context.note(&format!("Run {id} is {status}"));
                }
                (status, None)
            }
            Change::Progress(progress) => {
                drawn.progress(&progress);
                if !context.progress().is_shown() {
                    let (done, all) = (progress.done(), progress.total());
                    context.note(&format!("Run {id}: {done} of {all} tasks"));
                }
                continue;
            }
            Change::Finished(run) => {
                let error = run.error_message().map(str::to_owned);
                (run.status().clone(), error)
            }
            Change::Trouble(error) => {
                context.note(&format!(
                    "Run {id} can't be looked at, the wait goes on: {error}"
                ));
                continue;
            }
            _ => continue,
        };
        // What went wrong comes with the end.
        if status.is_end()
            && error.is_none()
            && wanted.is_end()
            && let Some(Change::Finished(run)) = finished(&mut changes).await?
        {
            let error = run.error_message().map(str::to_owned);
            return Ok(ended(id, status, wanted, error));
        }
        if reached(&status, wanted).is_some() {
            return Ok(ended(id, status, wanted, error));
        }
    }
    Err(Failure::failed(format!(
        "The watch of run {id} ended before the run"
    )))
}

/// The end of a run that has ended.
async fn finished(changes: &mut seqera::runs::Watch) -> Result<Option<Change>> {
    while let Some(change) = changes.try_next().await? {
        if matches!(change, Change::Finished(_)) {
            return Ok(Some(change));
        }
    }
    Ok(None)
}

fn ended(id: &str, status: WorkflowStatus, wanted: RunStatus, error: Option<String>) -> Ended {
    Ended {
        id: id.to_owned(),
        exit: reached(&status, wanted).unwrap_or(Exit::Otherwise),
        status,
        error,
    }
}

/// As [`until`], with the lines of the log as they come.
pub async fn follow(
    context: &Context,
    place: &Place<'_>,
    id: &str,
    wanted: RunStatus,
) -> Result<Ended> {
    let run = context.client()?.run(id).workspace(place.id());
    let mut printing = std::pin::pin!(logs::print(context, run.logs()));
    let mut watching = std::pin::pin!(until(context, place, id, wanted));
    let mut printed = None;
    let ended = loop {
        tokio::select! {
            ended = &mut watching => break ended?,
            done = &mut printing, if printed.is_none() => printed = Some(done),
        }
    };
    if printed.is_none() && ended.status.is_end() {
        printed = Some(printing.await);
    }
    // A run may come without a log.
    if let Some(Err(failure)) = printed {
        context.note(&format!(
            "The log can't be read: {}",
            failure.line(context.as_tw)
        ));
    }
    Ok(ended)
}

/// Whether a run of this status has come to what is waited for; none while it may.
fn reached(status: &WorkflowStatus, wanted: RunStatus) -> Option<Exit> {
    use WorkflowStatus::{Cancelled, Failed, Running, Submitted, Succeeded};
    if status.to_string() == wanted.as_str() {
        return Some(Exit::Done);
    }
    match (status, wanted) {
        // It has been there, between two looks.
        (Running | Succeeded | Failed | Cancelled, RunStatus::Submitted) => Some(Exit::Done),
        (Succeeded, RunStatus::Running) => Some(Exit::Done),
        (Succeeded | Failed | Cancelled, _) => Some(Exit::Otherwise),
        (Submitted | Running, _) | (_, _) => None,
    }
}

/// A run on the terminal: a line, and one for each process at work.
struct Drawn<'a> {
    progress: &'a Progress,
    id: &'a str,
    line: Bar,
    status: String,
    tasks: Option<(u64, u64)>,
    processes: BTreeMap<String, Bar>,
}

impl<'a> Drawn<'a> {
    fn new(progress: &'a Progress, id: &'a str) -> Self {
        let line = progress.line();
        line.say(id);
        Self {
            progress,
            id,
            line,
            status: String::new(),
            tasks: None,
            processes: BTreeMap::new(),
        }
    }

    fn status(&mut self, status: &WorkflowStatus) {
        self.status = status.to_string();
        self.tell();
    }

    fn tell(&self) {
        let tasks = match self.tasks {
            Some((done, all)) => format!("  {done} of {all} tasks"),
            None => String::new(),
        };
        self.line
            .say(format!("{}  {}{tasks}", self.id, self.status));
    }

    fn progress(&mut self, progress: &ProgressData) {
        self.tasks = Some((progress.done(), progress.total()));
        self.tell();
        let mut shown = BTreeMap::new();
        for one in progress.processes_progress.iter().flatten() {
            let count = |counts: [Option<i64>; 4]| -> u64 {
                let counts = counts.into_iter().flatten();
                counts.filter_map(|count| u64::try_from(count).ok()).sum()
            };
            let done = count([one.succeeded, one.cached, one.failed, None]);
            let open = count([one.pending, one.submitted, one.running, None]);
            let Some(name) = one.process.clone().filter(|_| open > 0) else {
                continue;
            };
            if shown.len() == PROCESSES {
                break;
            }
            let bar = self.processes.remove(&name);
            let bar = bar.unwrap_or_else(|| self.progress.bar(done + open));
            bar.say(&name);
            bar.set(done, done + open);
            shown.insert(name, bar);
        }
        // Those that are left are done, and go.
        self.processes = shown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_passed_between_two_looks_was_reached() {
        use WorkflowStatus::{Failed, Running, Submitted, Succeeded};
        assert_eq!(reached(&Succeeded, RunStatus::Running), Some(Exit::Done));
        assert_eq!(reached(&Failed, RunStatus::Running), Some(Exit::Otherwise));
        assert_eq!(reached(&Running, RunStatus::Submitted), Some(Exit::Done));
        assert_eq!(reached(&Submitted, RunStatus::Running), None);
        assert_eq!(reached(&Running, RunStatus::Succeeded), None);
        assert_eq!(reached(&Failed, RunStatus::Failed), Some(Exit::Done));
    }
}
