//! Runs by the Workflow Execution Service of GA4GH.

use serde_json::{Map, Value, json};

use super::Routes;
use super::launch::start;
use super::turn::Turn;
use crate::behaviour::access;
use crate::behaviour::life::{Moment, Stage};
use crate::call::{Refusal, Reply, answer};
use crate::state::{Run, object};

pub const ROUTES: Routes = &[
    ("Ga4ghServiceInfo", info),
    ("Ga4ghRunList", list),
    ("Ga4ghRunCreate", create),
    ("Ga4ghRunDescribe", describe),
    ("Ga4ghRunStatus", status),
    ("Ga4ghRunCancel", cancel),
];

fn info(turn: &mut Turn<'_>) -> Reply {
    let mut counts: Map<String, Value> = Map::new();
    for run in own_runs(turn) {
        let count = counts.entry(state(turn, run)).or_insert(json!(0));
        *count = json!(count.as_i64().unwrap_or_default() + 1);
    }
    answer(json!({
        "workflow_type_versions": { "NEXTFLOW": { "workflow_type_version": ["DSL2"] } },
        "supported_wes_versions": ["1.0.0"],
        "supported_filesystem_protocols": ["s3", "gs", "https"],
        "workflow_engine_versions": { "NEXTFLOW": "25.10.0" },
        "default_workflow_engine_parameters": [
            { "name": "workspaceId", "type": "string", "default_value": null },
            { "name": "computeEnvId", "type": "string", "default_value": null },
        ],
        "system_state_counts": counts,
        "auth_instructions_url": format!("{}/docs", turn.state.settings.endpoint),
        "contact_info_url": "https://open-genomics.example",
        "tags": {},
    }))
}

/// Runs of all contexts that the caller can see, newest first.
fn own_runs<'a>(turn: &'a Turn<'_>) -> impl Iterator<Item = &'a Run> {
    let mut seen = std::collections::HashMap::new();
    (turn.state.runs.iter().rev()).filter(move |run| {
        *(seen.entry(run.scope).or_insert_with(|| {
            run.scope == -turn.user
                || !access::roles_in(turn.state, turn.user, run.scope).is_empty()
        }))
    })
}

fn state(turn: &Turn<'_>, run: &Run) -> String {
    match Moment::of(run, turn.state.now()).stage {
        Stage::Submitted => "QUEUED",
        Stage::Running => "RUNNING",
        Stage::Succeeded => "COMPLETE",
        Stage::Failed => "EXECUTOR_ERROR",
        Stage::Cancelled => "CANCELED",
    }
    .to_owned()
}

fn list(turn: &mut Turn<'_>) -> Reply {
    let size = turn.call.size("page_size")?.unwrap_or(50).clamp(1, 100);
    let from = match turn.call.query("page_token") {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .map_err(|_| Refusal::bad_request(format!("Invalid page token: {token}")))?,
    };
    let runs: Vec<&Run> = own_runs(turn).skip(from).take(size + 1).collect();
    let next = (runs.len() > size).then(|| (from + size).to_string());
    let runs: Vec<Value> = (runs.iter().take(size))
        .map(|run| json!({ "run_id": run.id, "state": state(turn, run) }))
        .collect();
    answer(json!({ "runs": runs, "next_page_token": next }))
}

/// A part of the request, which comes as JSON or as a form whose parts are JSON texts.
fn part(turn: &Turn<'_>, name: &str) -> Value {
    let field = turn.call.field(name);
    if !field.is_null() {
        return field.clone();
    }
    let part = turn.call.parts.iter().find(|part| part.name == name);
    part.map_or(Value::Null, |part| {
        serde_json::from_slice(&part.content)
            .unwrap_or_else(|_| json!(String::from_utf8_lossy(&part.content)))
    })
}

fn create(turn: &mut Turn<'_>) -> Reply {
    let url = part(turn, "workflow_url")
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if url.is_empty() {
        return Err(Refusal::bad_request("Missing `workflow_url` parameter"));
    }
    let engine = part(turn, "workflow_engine_parameters");
    let text = |name: &str| match &engine[name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    if let Some(workspace) = text("workspaceId") {
        let workspace: i64 = workspace
            .parse()
            .map_err(|_| Refusal::bad_request("Invalid workspaceId"))?;
        if access::roles_in(turn.state, turn.user, workspace).is_empty() {
            return Err(Refusal::forbidden(
                "User not authorized to access this workspace",
            ));
        }
        turn.context.scope = workspace;
        turn.demand("workflow_quick:execute")?;
    }
    let params = match part(turn, "workflow_params") {
        Value::Null => Value::Null,
        Value::String(text) => json!(text),
        other => json!(other.to_string()),
    };
    let settings = json!({
        "pipeline": url,
        "revision": text("revision"),
        "computeEnvId": text("computeEnvId"),
        "paramsText": params,
    });
    let id = start(turn, turn.scope(), object(settings), &[])?;
    answer(json!({ "run_id": id }))
}

fn find(turn: &mut Turn<'_>) -> Result<Run, Refusal> {
    let id = turn.call.path("run_id").to_owned();
    let found = own_runs(turn).find(|run| run.id == id).map(|run| run.scope);
    let scope = found.ok_or_else(|| Refusal::not_found(format!("Unknown run: {id}")))?;
    let run = turn
        .state
        .run_mut(scope, &id)
        .ok_or_else(|| Refusal::not_found(format!("Unknown run: {id}")))?;
    run.read();
    Ok(run.clone())
}

fn describe(turn: &mut Turn<'_>) -> Reply {
    let run = find(turn)?;
    let moment = Moment::of(&run, turn.state.now());
    let log = |name: &str, start: Value, end: Value, exit: Value, cmd: Value| json!({ "name": name, "cmd": cmd, "start_time": start, "end_time": end, "stdout": null, "stderr": null, "exit_code": exit });
    let tasks: Vec<Value> = (moment.tasks().iter())
        .map(|task| {
            let value = moment.task_json(task, "local", "");
            log(
                &task.name(),
                value["start"].clone(),
                value["complete"].clone(),
                value["exit"].clone(),
                json!([value["script"]]),
            )
        })
        .collect();
    let command = json!(["nextflow", "run", run.launch.repository()]);
    let exit = match moment.stage.is_over() {
        true => json!(i32::from(moment.stage != Stage::Succeeded)),
        false => Value::Null,
    };
    answer(json!({
        "run_id": run.id,
        "state": state(turn, &run),
        "request": {
            "workflow_url": run.launch.repository(),
            "workflow_params": run.launch.text("paramsText"),
            "workflow_type": "NEXTFLOW",
            "workflow_type_version": "DSL2",
            "tags": {},
            "workflow_engine_parameters": {},
        },
        "run_log": log(&run.name, json!(moment.started()), json!(moment.completed()), exit, command),
        "task_logs": tasks,
        "outputs": {},
    }))
}

fn status(turn: &mut Turn<'_>) -> Reply {
    let run = find(turn)?;
    answer(json!({ "run_id": run.id, "state": state(turn, &run) }))
}

fn cancel(turn: &mut Turn<'_>) -> Reply {
    let run = find(turn)?;
    let now = turn.state.now();
    if run.scope > 0 {
        access::demand(turn.state, turn.user, run.scope, "workflow:execute")?;
    }
    if Moment::of(&run, now).stage.is_over() {
        return Err(Refusal::bad_request(
            "The run has ended and can't be cancelled",
        ));
    }
    if let Some(kept) = turn.state.run_mut(run.scope, &run.id) {
        kept.cancelled = Some(kept.lived(now));
    }
    answer(json!({ "run_id": run.id }))
}
