//! Runs: list, describe, progress, tasks, metrics, logs; cancel, delete, star, label.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::launch::parameters;
use crate::api::{Body, Call, Done, NO_CONTENT, Refusal, Reply};
use crate::data::{ORGANIZATION, ORGANIZATION_ID};
use crate::life::{Moment, Task};
use crate::state::{ComputeEnv, Laboratory, Run, Shared, World, iso, short_id};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/workflow", get(list))
        .route("/workflow/delete", post(delete_many))
        .route("/workflow/labels/add", post(add_labels))
        .route("/workflow/labels/apply", post(apply_labels))
        .route("/workflow/labels/remove", post(remove_labels))
        .route("/workflow/{workflowId}", get(describe).delete(delete))
        .route("/workflow/{workflowId}/cancel", post(cancel))
        .route("/workflow/{workflowId}/progress", get(progress))
        .route("/workflow/{workflowId}/metrics", get(metrics))
        .route("/workflow/{workflowId}/tasks", get(tasks))
        .route("/workflow/{workflowId}/task/{taskId}", get(describe_task))
        .route("/workflow/{workflowId}/log", get(log))
        .route("/workflow/{workflowId}/log/{taskId}", get(task_log))
        .route("/workflow/{workflowId}/download", get(download_log))
        .route(
            "/workflow/{workflowId}/download/{taskId}",
            get(download_task_log),
        )
        .route(
            "/workflow/{workflowId}/star",
            get(star).post(add_star).delete(remove_star),
        )
}

const ATTRIBUTES: &[&str] = &["optimized", "labels", "messages", "minimal", "pipelineInfo"];

async fn list(State(world): State<Shared>, call: Call) -> Reply {
    let mut laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let attributes = call.attributes(ATTRIBUTES)?;
    let wants = |attribute: &str| attributes.contains(&attribute);
    let terms: Vec<String> = (call.query("search").unwrap_or_default())
        .split_whitespace()
        .map(str::to_lowercase)
        .collect();
    let places = (laboratory.runs.iter().enumerate().rev())
        .filter(|(_, run)| run.workspace == workspace && laboratory.matches(run, &terms, &world))
        .map(|(place, _)| place);
    let page = call.page(places)?;
    for &place in &page.items {
        laboratory.runs[place].read();
    }
    let entry = |&place: &usize| {
        let run = &laboratory.runs[place];
        let moment = Moment::of(run, world.pace);
        json!({
            "workflow": laboratory.workflow_json(&moment),
            "progress": null,
            "orgId": ORGANIZATION_ID,
            "orgName": ORGANIZATION,
            "workspaceId": run.workspace,
            "workspaceName": laboratory.workspace_name(run.workspace),
            "starred": run.starred,
            "optimized": wants("optimized").then_some(false),
            "labels": wants("labels").then(|| laboratory.labels_json(&run.labels)),
            "pipelineInfo": if wants("pipelineInfo") { laboratory.pipeline_info(run) } else { Value::Null },
        })
    };
    let workflows: Vec<_> = page.items.iter().map(entry).collect();
    let total = call.flag("includeTotalSize").then_some(page.total);
    Ok(Json(
        json!({ "workflows": workflows, "hasMore": page.has_more, "totalSize": total }),
    ))
}

impl Laboratory {
    /// Whether a run answers every search term: `status:`, `label:`, or a part of its names.
    fn matches(&self, run: &Run, terms: &[String], world: &World) -> bool {
        terms.iter().all(|term| match term.split_once(':') {
            Some(("status", status)) => run.stage(world.pace).name().eq_ignore_ascii_case(status),
            Some(("label", name)) => (run.labels.iter())
                .filter_map(|&id| self.label(id))
                .any(|label| label.name.eq_ignore_ascii_case(name)),
            _ => {
                run.name.contains(term)
                    || run.id.to_lowercase().contains(term)
                    || project_name(run).to_lowercase().contains(term)
            }
        })
    }

    fn pipeline_info(&self, run: &Run) -> Value {
        (self.pipelines.iter())
            .find(|pipeline| Some(pipeline.id) == run.pipeline)
            .map_or(Value::Null, |pipeline| pipeline.brief_json())
    }

    /// What a run is computed with; for a run from outside, the first there is.
    fn env_of(&self, run: &Run) -> &ComputeEnv {
        (run.launch.text("computeEnvId"))
            .and_then(|id| self.compute_envs.iter().find(|env| env.id == id))
            .unwrap_or(&self.compute_envs[0])
    }

    fn workflow_json(&self, moment: &Moment) -> Value {
        let run = moment.run;
        let launch = &run.launch;
        let project = project_name(run);
        let revision = launch.text("revision");
        let params = (launch.text("paramsText")).and_then(|text| parameters(text).ok());
        let mut command = format!("nextflow run {} -name {}", launch.repository(), run.name);
        if let Some(revision) = revision {
            // Writing to a String can't fail.
            let _ = write!(command, " -r {revision}");
        }
        json!({
            "id": run.id,
            "ownerId": run.owner,
            "userName": self.user(run.owner).user_name,
            "runName": run.name,
            "sessionId": run.session_id,
            "status": moment.stage.name(),
            "submit": iso(run.submitted),
            "start": moment.started(),
            "complete": moment.completed(),
            "dateCreated": iso(run.submitted),
            "lastUpdated": moment.updated(),
            "duration": moment.completed().map(|_| moment.duration()),
            "success": moment.completed().map(|_| moment.error_message().is_none() && run.cancelled.is_none()),
            "exitStatus": moment.completed().map(|_| i32::from(moment.error_message().is_some())),
            "errorMessage": moment.error_message(),
            "errorReport": moment.error_report(),
            "requiresAttention": false,
            "deleted": false,
            "launchId": run.launch_id,
            "repository": launch.repository(),
            "projectName": project,
            "projectDir": format!("/home/nextflow/.nextflow/assets/{project}"),
            "scriptName": launch.text("mainScript").unwrap_or("main.nf"),
            "scriptFile": format!("/home/nextflow/.nextflow/assets/{project}/main.nf"),
            "scriptId": short_id(run.seed ^ 0x5C, 32).to_lowercase(),
            "revision": revision,
            "commitId": launch.text("commitId"),
            "commandLine": command,
            "params": params,
            "profile": profile(run),
            "configFiles": [format!("/home/nextflow/.nextflow/assets/{project}/nextflow.config")],
            "configText": launch.text("configText"),
            "workDir": launch.text("workDir"),
            "launchDir": "/scratch/launch",
            "homeDir": "/home/nextflow",
            "container": null,
            "containerEngine": "docker",
            "resume": launch.settings.get("resume").is_some_and(|resume| *resume == true),
            "nextflow": moment.started().map(|_| json!({
                "version": "25.10.0",
                "build": "10289",
                "timestamp": "2025-10-22T16:26:00Z",
            })),
            "manifest": {
                "name": project,
                "author": null,
                "homePage": launch.repository(),
                "description": null,
                "mainScript": "main.nf",
                "defaultBranch": "master",
                "nextflowVersion": "!>=24.04.2",
                "version": revision,
                "gitmodules": null,
                "icon": null,
            },
            "stats": null,
        })
    }
}

/// Owner and name of the run's repository.
fn project_name(run: &Run) -> String {
    let mut parts = run.launch.repository().trim_end_matches(".git").rsplit('/');
    let name = parts.next().unwrap_or_default();
    format!("{}/{name}", parts.next().unwrap_or_default())
}

fn profile(run: &Run) -> String {
    let profiles: Vec<_> = (run.launch.settings.get("configProfiles"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match profiles.is_empty() {
        true => "standard".to_owned(),
        false => profiles.join(","),
    }
}

/// Shows a caller the run of the call, as it is at this moment.
fn look<T>(
    world: &World,
    call: &Call,
    show: impl FnOnce(&Laboratory, &Moment) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let id = call.path("workflowId");
    laboratory.run_mut(workspace, id)?.read();
    let run = laboratory.run(workspace, id)?;
    show(&laboratory, &Moment::of(run, world.pace))
}

async fn describe(State(world): State<Shared>, call: Call) -> Reply {
    let attributes = call.attributes(ATTRIBUTES)?;
    let wants = |attribute: &str| attributes.contains(&attribute);
    look(&world, &call, |laboratory, moment| {
        let run = moment.run;
        let env = laboratory.env_of(run);
        let mut workflow = laboratory.workflow_json(moment);
        workflow["stats"] = moment.stats();
        let described = [
            ("logFile", json!(log_file(run))),
            ("outFile", json!(out_file(run))),
            ("operationId", json!(short_id(run.seed ^ 0x0B, 36))),
            (
                "configProfiles",
                json!(run.launch.settings.get("configProfiles")),
            ),
            ("preRunScript", json!(run.launch.text("preRunScript"))),
            ("postRunScript", json!(run.launch.text("postRunScript"))),
            ("towerConfig", json!(run.launch.text("towerConfig"))),
            ("nextflowConfig", json!(run.launch.text("configText"))),
            ("nextflowVersion", json!(run.launch.text("nextflowVersion"))),
            ("syntaxParser", json!(run.launch.text("syntaxParser"))),
            (
                "fusion",
                json!({ "enabled": env.config["fusion2Enabled"] == true, "version": null }),
            ),
            (
                "wave",
                json!({ "enabled": env.config["waveEnabled"] == true }),
            ),
        ];
        for (name, value) in described {
            workflow[name] = value;
        }
        Ok(Json(json!({
            "workflow": workflow,
            "progress": moment.progress(env.executor()),
            "platform": { "id": env.platform, "name": env.name },
            "jobInfo": {
                "id": run.seed >> 12,
                "operationId": short_id(run.seed ^ 0x0B, 36),
                "message": null,
                "status": moment.stage.name(),
                "exitCode": null,
            },
            "orgId": ORGANIZATION_ID,
            "orgName": ORGANIZATION,
            "workspaceId": run.workspace,
            "workspaceName": laboratory.workspace_name(run.workspace),
            "labels": wants("labels").then(|| laboratory.labels_json(&run.labels)),
            "optimized": wants("optimized").then_some(false),
            "messages": wants("messages").then(Vec::<String>::new),
            "pipelineInfo": if wants("pipelineInfo") { laboratory.pipeline_info(run) } else { Value::Null },
            "cost": null,
            "costCurrency": null,
            "costIsEstimate": null,
            "instancesProvisioned": null,
            "schedConfig": null,
            "schedEnabled": null,
            "schedRunId": null,
        })))
    })
}

async fn progress(State(world): State<Shared>, call: Call) -> Reply {
    look(&world, &call, |laboratory, moment| {
        let executor = laboratory.env_of(moment.run).executor();
        Ok(Json(json!({ "progress": moment.progress(executor) })))
    })
}

async fn metrics(State(world): State<Shared>, call: Call) -> Reply {
    look(&world, &call, |_, moment| {
        Ok(Json(json!({ "metrics": moment.metrics() })))
    })
}

async fn tasks(State(world): State<Shared>, call: Call) -> Reply {
    look(&world, &call, |laboratory, moment| {
        let mut tasks = moment.tasks();
        tasks.retain(|task| call.finds(&task.name()));
        if call.query("sortBy") == Some("name") {
            tasks.sort_by_key(Task::name);
        }
        if call
            .query("sortDir")
            .is_some_and(|dir| dir.eq_ignore_ascii_case("desc"))
        {
            tasks.reverse();
        }
        let page = call.page(tasks)?;
        let tasks: Vec<_> = (page.items.iter())
            .map(|task| json!({ "task": laboratory.task_json(moment, task) }))
            .collect();
        Ok(Json(json!({ "tasks": tasks, "total": page.total })))
    })
}

impl Laboratory {
    fn task_json(&self, moment: &Moment, task: &Task) -> Value {
        let env = self.env_of(moment.run);
        moment.task_json(task, env.executor(), env.work_dir())
    }
}

async fn describe_task(State(world): State<Shared>, call: Call) -> Reply {
    look(&world, &call, |laboratory, moment| {
        let task = find_task(moment, &call)?;
        Ok(Json(json!({ "task": laboratory.task_json(moment, &task) })))
    })
}

fn find_task(moment: &Moment, call: &Call) -> Result<Task, Refusal> {
    let id = call.path_number("taskId")?;
    (moment.tasks().into_iter())
        .find(|task| task.id as i64 == id)
        .ok_or_else(|| Refusal::not_found(format!("Unknown task with id: {id}")))
}

fn log_file(run: &Run) -> String {
    format!("nf-{}.log", run.id)
}

fn out_file(run: &Run) -> String {
    format!("nf-{}.txt", run.id)
}

/// The logs of a run from outside never reach the Platform.
fn check_logs(run: &Run) -> Result<(), Refusal> {
    match run.launch_id {
        Some(_) => Ok(()),
        None => Err(Refusal::bad_request("No log is available for this run")),
    }
}

async fn log(State(world): State<Shared>, call: Call) -> Reply {
    look(&world, &call, |_, moment| {
        check_logs(moment.run)?;
        let downloads = json!([
            { "saveName": out_file(moment.run), "fileName": out_file(moment.run), "displayText": "Nextflow console output" },
            { "saveName": log_file(moment.run), "fileName": log_file(moment.run), "displayText": "Nextflow log file" },
        ]);
        log_page(&call, moment.log(), !moment.stage.is_over(), downloads)
    })
}

async fn task_log(State(world): State<Shared>, call: Call) -> Reply {
    look(&world, &call, |_, moment| {
        check_logs(moment.run)?;
        let task = find_task(moment, &call)?;
        let downloads = json!([
            { "saveName": TASK_LOG, "fileName": TASK_LOG, "displayText": "Task log" },
        ]);
        log_page(&call, moment.task_log(&task), task.is_alive(), downloads)
    })
}

const TASK_LOG: &str = ".command.log";
/// How many lines a page of a log has at most.
const LOG_LINES: usize = 100;

/// The lines from the cursor `next` on. `forwardToken` is the cursor of the lines after them; where
/// it doesn't move, nothing has come since.
fn log_page(call: &Call, lines: Vec<String>, grows: bool, downloads: Value) -> Reply {
    let from = match call.query("next") {
        None => 0,
        Some(token) => (token.strip_prefix("f/"))
            .and_then(|place| place.parse::<usize>().ok())
            .ok_or_else(|| Refusal::bad_request(format!("Invalid log token: {token}")))?
            .min(lines.len()),
    };
    let mut room = call.size("maxLength")?.unwrap_or(usize::MAX);
    let mut entries = Vec::new();
    for line in lines[from..].iter().take(LOG_LINES) {
        // One line at least, or a caller with little room would never get on.
        if !entries.is_empty() && line.len() > room {
            break;
        }
        room = room.saturating_sub(line.len() + 1);
        entries.push(line);
    }
    let next = from + entries.len();
    Ok(Json(json!({ "log": {
        "entries": entries,
        "forwardToken": format!("f/{next:08}"),
        "rewindToken": format!("b/{from:08}"),
        "pending": grows && lines.is_empty(),
        "truncated": next < lines.len(),
        "message": if grows && lines.is_empty() { json!("The log is not available yet") } else { Value::Null },
        "downloads": downloads,
    }})))
}

type Download = Result<([(axum::http::HeaderName, String); 2], String), Refusal>;

fn download(call: &Call, names: &[String], lines: Vec<String>) -> Download {
    let name = call
        .query("fileName")
        .or(names.first().map(String::as_str))
        .unwrap_or_default();
    if !names.iter().any(|known| known == name) {
        return Err(Refusal::not_found(format!("Unknown file: {name}")));
    }
    let headers = [
        (CONTENT_TYPE, "text/plain".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    let mut text = lines.join("\n");
    text.push('\n');
    Ok((headers, text))
}

async fn download_log(State(world): State<Shared>, call: Call) -> impl IntoResponse {
    look(&world, &call, |_, moment| {
        check_logs(moment.run)?;
        download(
            &call,
            &[out_file(moment.run), log_file(moment.run)],
            moment.log(),
        )
    })
}

async fn download_task_log(State(world): State<Shared>, call: Call) -> impl IntoResponse {
    look(&world, &call, |_, moment| {
        check_logs(moment.run)?;
        let task = find_task(moment, &call)?;
        let names = [TASK_LOG, ".command.out", ".command.err"].map(str::to_owned);
        download(&call, &names, moment.task_log(&task))
    })
}

/// Changes the run of the call.
fn change<T>(
    world: &World,
    call: &Call,
    change: impl FnOnce(&mut Run) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    change(laboratory.run_mut(workspace, call.path("workflowId"))?)
}

async fn cancel(State(world): State<Shared>, call: Call) -> Done {
    change(&world, &call, |run| {
        if run.stage(world.pace).is_over() {
            return Err(Refusal::bad_request(
                "The run has ended and can't be cancelled",
            ));
        }
        run.cancelled = Some(run.lived(world.pace));
        NO_CONTENT
    })
}

async fn delete(State(world): State<Shared>, call: Call) -> Done {
    let mut laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let run = laboratory.run(workspace, call.path("workflowId"))?;
    if !call.flag("force") && !run.stage(world.pace).is_over() {
        return Err(Refusal::bad_request("The run is active; cancel it first"));
    }
    let id = run.id.clone();
    laboratory.runs.retain(|run| run.id != id);
    NO_CONTENT
}

async fn delete_many(State(world): State<Shared>, call: Call, body: Body) -> Reply {
    let mut laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let force = call.flag("force");
    let failed: Vec<&str> = (body.texts("workflowIds").into_iter())
        .filter(|id| {
            (laboratory.run(workspace, id))
                .map_or(true, |run| !force && !run.stage(world.pace).is_over())
        })
        .collect();
    let wanted = body.texts("workflowIds");
    (laboratory.runs).retain(|run| {
        let id = run.id.as_str();
        run.workspace != workspace || !wanted.contains(&id) || failed.contains(&id)
    });
    Ok(Json(json!({ "failedWorkflowIds": failed })))
}

async fn star(State(world): State<Shared>, call: Call) -> Reply {
    change(&world, &call, |run| match run.starred {
        true => Ok(Json(json!({ "workflowId": run.id }))),
        false => Err(Refusal::not_found("The run has no star")),
    })
}

async fn add_star(State(world): State<Shared>, call: Call) -> Reply {
    change(&world, &call, |run| {
        if run.starred {
            return Err(Refusal::conflict("The run has a star already"));
        }
        run.starred = true;
        Ok(Json(json!({ "workflowId": run.id })))
    })
}

async fn remove_star(State(world): State<Shared>, call: Call) -> Reply {
    change(&world, &call, |run| {
        run.starred = false;
        Ok(Json(json!({ "workflowId": run.id })))
    })
}

/// Applies a change of labels to every run that the body names, or to none.
fn label(world: &World, call: &Call, body: &Body, change: impl Fn(&mut Vec<i64>, &[i64])) -> Done {
    let mut laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let labels = body.numbers("labelIds");
    laboratory.check_labels(workspace, &labels)?;
    let runs = body.texts("workflowIds");
    for id in &runs {
        laboratory.run(workspace, id)?;
    }
    for id in runs {
        change(&mut laboratory.run_mut(workspace, id)?.labels, &labels);
    }
    NO_CONTENT
}

async fn add_labels(State(world): State<Shared>, call: Call, body: Body) -> Done {
    label(&world, &call, &body, |own, named| {
        own.extend(named);
        own.sort_unstable();
        own.dedup();
    })
}

async fn apply_labels(State(world): State<Shared>, call: Call, body: Body) -> Done {
    label(&world, &call, &body, |own, named| *own = named.to_vec())
}

async fn remove_labels(State(world): State<Shared>, call: Call, body: Body) -> Done {
    label(&world, &call, &body, |own, named| {
        own.retain(|id| !named.contains(id))
    })
}
