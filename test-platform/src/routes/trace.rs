//! What Nextflow reports of a run while it runs.

use serde_json::{Map, Value, json};

use super::Routes;
use super::turn::Turn;
use crate::behaviour::launch::new_run;
use crate::call::{Refusal, Reply, answer};
use crate::state::{Progress, Run, object};

pub const ROUTES: Routes = &[
    ("CreateTrace", create),
    ("UpdateTraceBegin", begin),
    ("UpdateTraceProgress", advance),
    ("UpdateTraceHeartbeat", heartbeat),
    ("UpdateTraceComplete", complete),
];

fn watch_url(turn: &Turn<'_>, id: &str) -> String {
    let host = turn.state.settings.endpoint.trim_end_matches("/api");
    let context = turn.state.context(turn.scope());
    match (
        context["orgName"].as_str(),
        context["workspaceName"].as_str(),
    ) {
        (Some(organization), Some(workspace)) => {
            format!("{host}/orgs/{organization}/workspaces/{workspace}/watch/{id}")
        }
        _ => format!("{host}/watch/{id}"),
    }
}

/// A run that was started outside, or one that the Platform launched and that now reports.
fn create(turn: &mut Turn<'_>) -> Reply {
    let body = turn.call.body.clone();
    let launch = body["launchId"].as_str();
    let launched =
        (turn.state.runs.iter()).find(|run| launch.is_some() && run.launch_id.as_deref() == launch);
    let id = match launched {
        Some(run) => run.id.clone(),
        None => {
            let settings =
                json!({ "pipeline": body["repository"].as_str().or(body["projectName"].as_str()) });
            let mut run = new_run(turn.state, turn.scope(), turn.user, object(settings));
            run.launch_id = None;
            if let Some(name) = body["runName"].as_str() {
                run.name = name.to_owned();
            }
            if let Some(session) = body["sessionId"].as_str() {
                run.session_id = session.to_owned();
            }
            if let Some(id) = body["workflowId"].as_str() {
                run.id = id.to_owned();
            }
            run.report = Some(Box::default());
            let id = run.id.clone();
            turn.audit("workflow_created", "workflow", &id, &run.name.clone());
            turn.state.runs.push(run);
            id
        }
    };
    let user = turn.state.user_info(turn.user);
    let mut metadata = Value::Object(turn.state.context(turn.scope()));
    metadata["userId"] = user["id"].clone();
    metadata["userName"] = user["userName"].clone();
    answer(json!({
        "workflowId": id,
        "watchUrl": watch_url(turn, &id),
        "message": null,
        "metadata": metadata,
    }))
}

/// Notes what a call reports; the run is its own from now on.
fn note(turn: &mut Turn<'_>, note: impl FnOnce(&mut Run)) -> Result<String, Refusal> {
    let (scope, id) = (turn.scope(), turn.call.path("workflowId").to_owned());
    let run = turn
        .state
        .run_mut(scope, &id)
        .ok_or_else(|| Refusal::not_found(format!("Unknown workflow with id: {id}")))?;
    run.report.get_or_insert_default();
    note(run);
    Ok(id)
}

fn begin(turn: &mut Turn<'_>) -> Reply {
    let workflow = object(turn.call.field("workflow").clone());
    let id = note(turn, |run| {
        if let Some(report) = &mut run.report {
            report.workflow = workflow;
            report.begun = true;
        }
    })?;
    answer(json!({ "workflowId": id, "status": "OK", "watchUrl": watch_url(turn, &id) }))
}

fn advance(turn: &mut Turn<'_>) -> Reply {
    let (tasks, progress) = (
        turn.call.field("tasks").clone(),
        turn.call.field("progress").clone(),
    );
    let id = note(turn, |run| {
        if let Some(report) = &mut run.report {
            for task in tasks.as_array().into_iter().flatten() {
                // A task is reported again with each change.
                match report
                    .tasks
                    .iter_mut()
                    .find(|known| known["taskId"] == task["taskId"])
                {
                    Some(known) => *known = task.clone(),
                    None => report.tasks.push(task.clone()),
                }
            }
            report.progress = progress;
        }
    })?;
    answer(json!({ "workflowId": id, "status": "OK" }))
}

fn heartbeat(turn: &mut Turn<'_>) -> Reply {
    let progress = turn.call.field("progress").clone();
    let mut cancelled = false;
    note(turn, |run| {
        cancelled = run.cancelled.is_some();
        if let Some(report) = run.report.as_mut().filter(|_| !progress.is_null()) {
            report.progress = progress;
        }
    })?;
    answer(json!({ "message": if cancelled { "cancelled" } else { "OK" } }))
}

fn complete(turn: &mut Turn<'_>) -> Reply {
    let workflow = object(turn.call.field("workflow").clone());
    let (progress, metrics) = (
        turn.call.field("progress").clone(),
        turn.call.field("metrics").clone(),
    );
    let now = turn.state.now();
    let id = note(turn, |run| {
        run.length = now - run.submitted;
        run.progress = Progress::Over;
        if let Some(report) = &mut run.report {
            let kept: Map<String, Value> = workflow
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .collect();
            report.workflow.extend(kept);
            if !progress.is_null() {
                report.progress = progress;
            }
            report.metrics = metrics.as_array().cloned().unwrap_or_default();
            report.completed = true;
        }
    })?;
    turn.audit("workflow_completed", "workflow", &id, "");
    answer(json!({ "workflowId": id, "status": "OK" }))
}
