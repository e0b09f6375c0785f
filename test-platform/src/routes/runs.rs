//! Runs: list, describe, progress, tasks, metrics; cancel, delete, star.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Routes;
use super::turn::Turn;
use crate::behaviour::compute::{self, executor};
use crate::behaviour::launch::parameters;
use crate::behaviour::life::{Moment, Task, report};
use crate::behaviour::search::Search;
use crate::behaviour::versions;
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::{Progress, Run, State, iso, short_id};

pub const ROUTES: Routes = &[
    ("ListWorkflows", list),
    ("DescribeWorkflow", describe),
    ("UpdateWorkflow", update),
    ("DeleteWorkflow", delete),
    ("DeleteWorkflowMany", delete_many),
    ("CancelWorkflow", cancel),
    ("DescribeWorkflowProgress", progress),
    ("DescribeWorkflowMetrics", metrics),
    ("ListWorkflowTasks", tasks),
    ("DescribeWorkflowTask", describe_task),
    ("DescribeWorkflowStar", star),
    ("CreateWorkflowStar", add_star),
    ("DeleteWorkflowStar", remove_star),
];

/// Keywords of a search of runs.
const KEYWORDS: &[&str] = &[
    "status",
    "label",
    "workflowid",
    "runname",
    "username",
    "projectname",
    "sessionid",
    "after",
    "before",
    "is",
    "datasetid",
];

pub fn find(turn: &Turn<'_>) -> Result<Run, Refusal> {
    let id = turn.call.path("workflowId");
    turn.state
        .run(turn.scope(), id)
        .cloned()
        .ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Refusal {
    Refusal::not_found(format!("Unknown workflow with id: {id}"))
}

fn list(turn: &mut Turn<'_>) -> Reply {
    let search = turn.search(KEYWORDS);
    let mut bounds = Vec::new();
    for (keyword, value) in &search.keywords {
        if keyword == "after" || keyword == "before" {
            bounds.push((keyword == "after", Search::time(value)?));
        }
    }
    let (scope, now) = (turn.scope(), turn.state.now());
    let late = turn.state.settings.listed_after;
    let places = (turn.state.runs.iter().enumerate().rev())
        .filter(|(_, run)| run.scope == scope)
        .filter(|(_, run)| {
            late == 0 || matches!(run.progress, Progress::Over) || run.submitted + late <= now
        })
        .filter(|(_, run)| {
            bounds.iter().all(|(after, time)| {
                if *after {
                    run.submitted >= *time
                } else {
                    run.submitted <= *time
                }
            })
        })
        .filter(|(_, run)| fits(turn, run, &search, now))
        .map(|(place, _)| place);
    let page = turn.call.page(places)?;
    for &place in &page.items {
        turn.state.runs[place].read();
    }
    let minimal = turn.call.wants("minimal");
    let workflows: Vec<Value> = (page.items.iter())
        .map(|&place| {
            let run = &turn.state.runs[place];
            let moment = Moment::of(run, now);
            let mut entry = Value::Object(turn.state.context(scope));
            entry["workflow"] = workflow(turn, &moment, !minimal);
            entry["progress"] = Value::Null;
            entry["starred"] = json!(run.stars.contains(&turn.user));
            add_attributes(turn, run, &mut entry);
            entry
        })
        .collect();
    let total = turn.call.flag("includeTotalSize").then_some(page.total);
    answer(json!({ "workflows": workflows, "hasMore": page.has_more, "totalSize": total }))
}

fn fits(turn: &Turn<'_>, run: &Run, search: &Search, now: i64) -> bool {
    if search.keywords.is_empty() && search.text.is_empty() {
        return true;
    }
    let project = project_name(run);
    let owner = || {
        turn.state
            .known("user", &run.owner.to_string())
            .map_or("", |user| user.text("userName"))
    };
    let same = |keyword: &str, own: &dyn Fn() -> String| {
        search.all(keyword, |value| own().eq_ignore_ascii_case(value))
    };
    search.finds([project.as_str(), &run.name, &run.session_id])
        && same("status", &|| Moment::of(run, now).stage.name().to_owned())
        && same("workflowid", &|| run.id.clone())
        && same("runname", &|| run.name.clone())
        && same("username", &|| owner().to_owned())
        && same("projectname", &|| project.clone())
        && same("sessionid", &|| run.session_id.clone())
        && search.has_labels(turn.state, &run.labels)
        && search.all("is", |value| {
            value == "starred" && run.stars.contains(&turn.user)
        })
        && search.all("datasetid", |id| {
            run.launch
                .text("paramsText")
                .is_some_and(|text| text.contains(id))
        })
}

/// What stands beside a run when it is asked for.
fn add_attributes(turn: &Turn<'_>, run: &Run, entry: &mut Value) {
    let wants = |attribute: &str| turn.call.wants(attribute);
    entry["labels"] = if wants("labels") {
        turn.state.labels(&run.labels)
    } else {
        Value::Null
    };
    entry["optimized"] = json!(wants("optimized").then_some(false));
    entry["messages"] = json!(wants("messages").then(Vec::<String>::new));
    entry["pipelineInfo"] = if wants("pipelineInfo") {
        pipeline_info(turn.state, run)
    } else {
        Value::Null
    };
}

fn pipeline_info(state: &State, run: &Run) -> Value {
    let Some(pipeline) = run
        .pipeline
        .and_then(|id| state.known("pipeline", &id.to_string()))
    else {
        return Value::Null;
    };
    let id = pipeline.number("pipelineId");
    let version = (state.all("pipeline_version"))
        .find(|version| version.number("_pipeline") == id && run.is_of(&version["_launch_id"]))
        .or_else(|| versions::default_of(state, id));
    json!({
        "id": pipeline["pipelineId"],
        "workspaceId": (pipeline.scope > 0).then_some(pipeline.scope),
        "version": version.map(|version| versions::described(state, version)),
    })
}

fn workflow(turn: &Turn<'_>, moment: &Moment, whole: bool) -> Value {
    let (run, state) = (moment.run, &*turn.state);
    let launch = &run.launch;
    let owner = state.known("user", &run.owner.to_string());
    let mut workflow = json!({
        "id": run.id,
        "ownerId": run.owner,
        "userName": owner.map(|owner| owner.text("userName")),
        "runName": run.name,
        "sessionId": run.session_id,
        "status": moment.stage.name(),
        "submit": iso(run.submitted),
        "start": moment.started(),
        "complete": moment.completed(),
        "dateCreated": iso(run.submitted),
        "lastUpdated": moment.updated(),
        "duration": moment.completed().map(|_| moment.duration()),
        "launchId": run.launch_id,
        "projectName": project_name(run),
        "repository": launch.repository(),
        "requiresAttention": false,
        "deleted": false,
    });
    if !whole {
        return workflow;
    }
    let project = project_name(run);
    let revision = launch.text("revision");
    let mut command = format!("nextflow run {} -name {}", launch.repository(), run.name);
    if let Some(revision) = revision {
        // Writing to a String can't fail.
        let _ = write!(command, " -r {revision}");
    }
    let error = moment.error_message();
    let rest = json!({
        "success": moment.completed().map(|_| error.is_none() && run.cancelled.is_none()),
        "exitStatus": moment.completed().map(|_| i32::from(error.is_some())),
        "errorMessage": error,
        "errorReport": moment.error_report(),
        "projectDir": format!("/home/nextflow/.nextflow/assets/{project}"),
        "scriptName": launch.text("mainScript").unwrap_or("main.nf"),
        "scriptFile": format!("/home/nextflow/.nextflow/assets/{project}/main.nf"),
        "scriptId": short_id(run.seed ^ 0x5C, 32).to_lowercase(),
        "revision": revision,
        "commitId": launch.text("commitId"),
        "commandLine": command,
        "params": launch.text("paramsText").and_then(|text| parameters(text).ok()),
        "profile": profile(run),
        "configFiles": [format!("/home/nextflow/.nextflow/assets/{project}/nextflow.config")],
        "configText": launch.text("configText"),
        "workDir": launch.text("workDir"),
        "launchDir": "/scratch/launch",
        "homeDir": "/home/nextflow",
        "containerEngine": "docker",
        "resume": launch.settings.get("resume").is_some_and(|resume| *resume == true),
        "nextflow": moment.started().map(|_| json!({
            "version": "25.10.0",
            "build": "10289",
            "timestamp": "2025-10-22T16:26:00Z",
        })),
        "manifest": {
            "name": project,
            "homePage": launch.repository(),
            "mainScript": "main.nf",
            "defaultBranch": "master",
            "nextflowVersion": "!>=24.04.2",
            "version": revision,
        },
    });
    extend(&mut workflow, rest);
    if let Some(report) = &run.report {
        let told = report
            .workflow
            .iter()
            .filter(|(name, value)| !value.is_null() && *name != "status" && *name != "id");
        for (name, value) in told {
            workflow[name] = value.clone();
        }
    }
    workflow
}

fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, more) {
        fields.extend(more);
    }
}

/// Owner and name of the run's repository.
fn project_name(run: &Run) -> String {
    let mut parts = run.launch.repository().trim_end_matches(".git").rsplit('/');
    let name = parts.next().unwrap_or_default();
    match parts.next().unwrap_or_default() {
        "" => name.to_owned(),
        owner => format!("{owner}/{name}"),
    }
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
pub fn look<T>(
    turn: &mut Turn<'_>,
    show: impl FnOnce(&Turn<'_>, &Moment) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let (scope, id) = (turn.scope(), turn.call.path("workflowId"));
    turn.state
        .run_mut(scope, id)
        .ok_or_else(|| unknown(id))?
        .read();
    let now = turn.state.now();
    let run = turn.state.run(scope, id).ok_or_else(|| unknown(id))?;
    show(turn, &Moment::of(run, now))
}

fn describe(turn: &mut Turn<'_>) -> Reply {
    look(turn, |turn, moment| answer(described(turn, moment)))
}

fn described(turn: &Turn<'_>, moment: &Moment) -> Value {
    let run = moment.run;
    let env = compute::of_run(turn.state, run);
    let launch = &run.launch;
    let config = |name: &str| env.is_some_and(|env| env["config"][name] == true);
    let mut whole = workflow(turn, moment, true);
    let told = whole["stats"].is_object();
    let rest = json!({
        "logFile": moment.log_file(),
        "outFile": moment.out_file(),
        "operationId": short_id(run.seed ^ 0x0B, 36),
        "configProfiles": launch.settings.get("configProfiles"),
        "preRunScript": launch.text("preRunScript"),
        "postRunScript": launch.text("postRunScript"),
        "towerConfig": launch.text("towerConfig"),
        "nextflowConfig": launch.text("configText"),
        "nextflowVersion": launch.text("nextflowVersion"),
        "syntaxParser": launch.text("syntaxParser"),
        "fusion": { "enabled": config("fusion2Enabled"), "version": null },
        "wave": { "enabled": config("waveEnabled") },
    });
    extend(&mut whole, rest);
    if !told {
        whole["stats"] = moment.stats();
    }
    let mut entry = Value::Object(turn.state.context(run.scope));
    let rest = json!({
        "workflow": whole,
        "progress": progress_of(turn, moment),
        "platform": env.map(|env| json!({ "id": env["platform"], "name": env["name"] })),
        "jobInfo": {
            "id": run.seed >> 12,
            "operationId": short_id(run.seed ^ 0x0B, 36),
            "message": null,
            "status": moment.stage.name(),
            "exitCode": null,
        },
        "schedRunId": run.extension,
    });
    extend(&mut entry, rest);
    add_attributes(turn, run, &mut entry);
    entry
}

fn progress_of(turn: &Turn<'_>, moment: &Moment) -> Value {
    match &moment.run.report {
        Some(told) if !told.progress.is_null() => report::progress(&told.progress),
        _ => moment.progress(executor(compute::of_run(turn.state, moment.run))),
    }
}

/// Only what extends a run.
fn update(turn: &mut Turn<'_>) -> Reply {
    let (scope, id) = (turn.scope(), turn.call.path("workflowId"));
    let given = turn.call.body.get("schedRunId").cloned();
    let run = turn.state.run_mut(scope, id).ok_or_else(|| unknown(id))?;
    if let Some(given) = given {
        run.extension = given.as_str().map(str::to_owned);
    }
    describe(turn)
}

fn progress(turn: &mut Turn<'_>) -> Reply {
    look(turn, |turn, moment| {
        answer(json!({ "progress": progress_of(turn, moment) }))
    })
}

fn metrics(turn: &mut Turn<'_>) -> Reply {
    look(turn, |_, moment| {
        let told = moment
            .run
            .report
            .as_ref()
            .filter(|report| !report.metrics.is_empty());
        answer(
            json!({ "metrics": told.map_or_else(|| moment.metrics(), |report| report.metrics.clone()) }),
        )
    })
}

/// The tasks as they are shown.
fn all_tasks(turn: &Turn<'_>, moment: &Moment) -> Vec<Value> {
    if let Some(report) = &moment.run.report {
        return report.tasks.clone();
    }
    let env = compute::of_run(turn.state, moment.run);
    let work_dir = moment.run.launch.text("workDir").unwrap_or_default();
    (moment.tasks().iter())
        .map(|task: &Task| moment.task_json(task, executor(env), work_dir))
        .collect()
}

fn tasks(turn: &mut Turn<'_>) -> Reply {
    look(turn, |turn, moment| {
        let search = turn.search(&[]);
        let mut tasks = all_tasks(turn, moment);
        tasks.retain(|task| search.finds([task["name"].as_str().unwrap_or_default()]));
        let key = turn.call.query("sortBy").unwrap_or("taskId");
        tasks.sort_by(|a, b| match (&a[key], &b[key]) {
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (a, b) => a
                .as_f64()
                .unwrap_or_default()
                .total_cmp(&b.as_f64().unwrap_or_default()),
        });
        if turn
            .call
            .query("sortDir")
            .is_some_and(|dir| dir.eq_ignore_ascii_case("desc"))
        {
            tasks.reverse();
        }
        let page = turn.call.page(tasks)?;
        let tasks: Vec<Value> = page
            .items
            .into_iter()
            .map(|task| json!({ "task": task }))
            .collect();
        answer(json!({ "tasks": tasks, "total": page.total }))
    })
}

fn describe_task(turn: &mut Turn<'_>) -> Reply {
    look(turn, |turn, moment| {
        let id = turn.call.path_number("taskId")?;
        let task = all_tasks(turn, moment)
            .into_iter()
            .find(|task| task["taskId"] == id);
        match task {
            Some(task) => answer(json!({ "task": task })),
            None => Err(Refusal::not_found(format!("Unknown task with id: {id}"))),
        }
    })
}

/// Changes the run of the call.
fn change<T>(
    turn: &mut Turn<'_>,
    change: impl FnOnce(&mut Run) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let (scope, id) = (turn.scope(), turn.call.path("workflowId"));
    change(turn.state.run_mut(scope, id).ok_or_else(|| unknown(id))?)
}

fn cancel(turn: &mut Turn<'_>) -> Reply {
    let now = turn.state.now();
    change(turn, |run| {
        if Moment::of(run, now).stage.is_over() {
            return Err(Refusal::bad_request(
                "The run has ended and can't be cancelled",
            ));
        }
        run.cancelled = Some(run.lived(now));
        Ok(DONE)
    })
}

fn delete(turn: &mut Turn<'_>) -> Reply {
    let run = find(turn)?;
    if !turn.call.flag("force") && !Moment::of(&run, turn.state.now()).stage.is_over() {
        return Err(Refusal::bad_request("The run is active; cancel it first"));
    }
    turn.state.runs.retain(|other| other.id != run.id);
    turn.audit("workflow_deleted", "workflow", &run.id, &run.name);
    Ok(DONE)
}

fn delete_many(turn: &mut Turn<'_>) -> Reply {
    let (scope, now, force) = (turn.scope(), turn.state.now(), turn.call.flag("force"));
    let wanted = turn.call.texts("workflowIds");
    let failed: Vec<&str> = (wanted.iter().copied())
        .filter(|id| {
            let run = turn.state.run(scope, id);
            run.is_none_or(|run| !force && !Moment::of(run, now).stage.is_over())
        })
        .collect();
    turn.state.runs.retain(|run| {
        let id = run.id.as_str();
        run.scope != scope || !wanted.contains(&id) || failed.contains(&id)
    });
    answer(json!({ "failedWorkflowIds": failed }))
}

/// A star is one user's.
fn star(turn: &mut Turn<'_>) -> Reply {
    let user = turn.user;
    change(turn, |run| match run.stars.contains(&user) {
        true => answer(json!({ "workflowId": run.id })),
        false => Err(Refusal::not_found("The run has no star")),
    })
}

fn add_star(turn: &mut Turn<'_>) -> Reply {
    let user = turn.user;
    change(turn, |run| {
        if run.stars.contains(&user) {
            return Err(Refusal::conflict("The run has a star already"));
        }
        run.stars.push(user);
        answer(json!({ "workflowId": run.id }))
    })
}

fn remove_star(turn: &mut Turn<'_>) -> Reply {
    let user = turn.user;
    change(turn, |run| {
        run.stars.retain(|own| *own != user);
        answer(json!({ "workflowId": run.id }))
    })
}
