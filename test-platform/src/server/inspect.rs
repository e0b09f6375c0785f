//! What came in, and what is kept.

use std::fmt;

use serde_json::{Value, json};

use crate::behaviour::life::Moment;
use crate::state::{Run, State, iso};

/// Everything that is kept, by kind. Runs are as they are now.
pub fn value_of(state: &State) -> Value {
    let now = state.now();
    let mut value = state.value_of_records();
    value["run"] = (state.runs.iter())
        .map(|run| value_of_run(run, now))
        .collect();
    value
}

fn value_of_run(run: &Run, now: i64) -> Value {
    let moment = Moment::of(run, now);
    json!({
        "id": run.id,
        "runName": run.name,
        "sessionId": run.session_id,
        "status": moment.stage.name(),
        "submit": iso(run.submitted),
        "start": moment.started(),
        "complete": moment.completed(),
        "ownerId": run.owner,
        "workspaceId": (run.scope > 0).then_some(run.scope),
        "pipelineId": run.pipeline,
        "launchId": run.launch_id,
        "launch": *run.launch.settings,
        "schedRunId": run.extension,
        "_scope": run.scope,
        "_labels": run.labels,
        "_stars": run.stars,
        "_samples": run.samples,
        "_outcome": run.outcome,
    })
}

/// A call that came in.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Received {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path relative to the endpoint, with the query.
    pub path: String,
    /// The id of the operation, if the path belongs to one.
    pub operation: Option<String>,
    /// Who called, if the token was valid.
    pub user: Option<String>,
    /// The JSON body.
    pub body: Option<Value>,
    /// What it was answered with; 0 while it is being carried out, and where the connection was broken.
    pub status: u16,
    pub(super) number: u64,
}

impl Received {
    /// The fields as JSON.
    pub(super) fn value(&self) -> Value {
        json!({
            "method": self.method,
            "path": self.path,
            "operation": self.operation,
            "user": self.user,
            "body": self.body,
            "status": self.status,
        })
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
