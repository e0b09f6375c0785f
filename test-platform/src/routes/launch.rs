//! Launching runs, and the launches of runs.

use serde_json::{Map, Value, json};

use super::Routes;
use super::turn::{MOST_LABELS, Turn};
use crate::behaviour::launch::{
    apply_course, described, fill_from_env, find, free_name, has_run_of_name, is_repository,
    new_run, parameters,
};
use crate::behaviour::recipes::always_fails;
use crate::behaviour::{access, compute, datasets, versions};
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::{Outcome, Record, Run, State, iso, mix, numbers, object};

pub const ROUTES: Routes = &[
    ("CreateWorkflowLaunch", launch),
    ("GenerateRandomWorkflowName", random_name),
    ("ValidateWorkflowConstraints", validate),
    ("DescribeWorkflowLaunch", launch_of_run),
    ("DescribeLaunch", describe),
];

/// The longest pre-run or post-run script.
const LONGEST_SCRIPT: usize = 1024;

/// What the launch of a run lacks, other than a launch by itself.
const ONLY_BEFORE_THE_RUN: &[&str] = &[
    "lastUpdated",
    "launchContainer",
    "resumeLaunchId",
    "runName",
    "workspaceId",
];

/// What a launch configuration pins: who may not write pipelines can't change it.
const PINNED: &[&str] = &[
    "pipeline",
    "revision",
    "mainScript",
    "entryName",
    "schemaName",
    "configText",
    "preRunScript",
    "postRunScript",
    "towerConfig",
];

fn launch(turn: &mut Turn<'_>) -> Reply {
    let settings = object(turn.call.field("launch").clone());
    let scope = turn.scope();
    let labels = settings
        .get("labelIds")
        .filter(|labels| labels.is_array())
        .map(numbers);
    let source = turn
        .call
        .query_number("sourceWorkspaceId")?
        .unwrap_or(scope);
    let pipeline = launched_pipeline(turn, &settings, &[scope, source]);
    check_permissions(turn, &settings, pipeline.as_ref(), labels.as_deref())?;
    let labels = labels
        .or_else(|| pipeline.as_ref().map(Record::labels))
        .unwrap_or_default();
    let id = start_for(turn, scope, settings, &labels, pipeline.as_ref())?;
    answer(json!({ "workflowId": id }))
}

fn check_permissions(
    turn: &Turn<'_>,
    settings: &Map<String, Value>,
    pipeline: Option<&Record>,
    labels: Option<&[i64]>,
) -> Result<(), Refusal> {
    let Some(pipeline) = pipeline else {
        return turn.demand("workflow_quick:execute");
    };
    let may_write =
        turn.scope() <= 0 || access::permits(turn.state, turn.user, turn.scope(), "pipeline:write");
    if !may_write {
        let version = versions::default_of(turn.state, pipeline.number("pipelineId"));
        let own = version.map(versions::launch_of).unwrap_or_default();
        let changes = |name: &&&str| {
            let pinned = own.settings.get(**name).filter(|value| !value.is_null());
            pinned.is_some_and(|pinned| settings.get(**name) != Some(pinned))
        };
        if PINNED.iter().any(|name| changes(&name)) {
            turn.demand("pipeline:write")?;
        }
    }
    let is_new_resource = |id: &i64| {
        let label = turn.state.known("label", &id.to_string());
        label.is_some_and(|label| label.is("resource")) && !pipeline.labels().contains(id)
    };
    if labels.unwrap_or_default().iter().any(is_new_resource) {
        turn.demand("pipeline_label:write")?;
    }
    Ok(())
}

/// The pipeline that a launch is for: the one whose launch, or whose runs' launch, it starts from,
/// else the first of this repository.
fn launched_pipeline(
    turn: &Turn<'_>,
    settings: &Map<String, Value>,
    scopes: &[i64],
) -> Option<Record> {
    let state = &*turn.state;
    let id = settings.get("id").and_then(Value::as_str);
    let repository = settings
        .get("pipeline")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let pipeline = |number: i64| {
        let found = state.known("pipeline", &number.to_string())?;
        scopes.contains(&found.scope).then(|| found.clone())
    };
    let of_version = |fits: &dyn Fn(&Record) -> bool| {
        (state.all("pipeline_version"))
            .filter(|version| fits(version))
            .find_map(|version| pipeline(version.number("_pipeline")))
    };
    let by_launch = || of_version(&|version| id == version["_launch_id"].as_str());
    let by_run = || {
        let run = state
            .runs
            .iter()
            .find(|run| id.is_some() && run.launch_id.as_deref() == id)?;
        pipeline(run.pipeline?)
    };
    let by_repository = || {
        of_version(&|version| {
            version.is("isDefault") && version["_launch"]["pipeline"] == repository
        })
    };
    by_launch().or_else(by_run).or_else(by_repository)
}

/// Launches for an action or another caller of the house. Gives the id of the run.
pub fn start(
    turn: &mut Turn<'_>,
    scope: i64,
    settings: Map<String, Value>,
    labels: &[i64],
) -> Result<String, Refusal> {
    let pipeline = launched_pipeline(turn, &settings, &[scope]);
    start_for(turn, scope, settings, labels, pipeline.as_ref())
}

fn start_for(
    turn: &mut Turn<'_>,
    scope: i64,
    mut settings: Map<String, Value>,
    labels: &[i64],
    pipeline: Option<&Record>,
) -> Result<String, Refusal> {
    let problems = complete(turn, scope, &mut settings, labels, pipeline);
    match problems.as_slice() {
        [] => {}
        [(_, only)] => return Err(Refusal::bad_request(only.clone())),
        several => {
            let errors: Vec<Value> = several
                .iter()
                .map(|(code, message)| json!({ "code": code, "message": message }))
                .collect();
            return Err(Refusal {
                status: 400,
                body: json!({ "message": "The launch is invalid", "errors": errors }),
            });
        }
    }
    let repository = settings
        .get("pipeline")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let fails = always_fails(pipeline.map_or(repository, |pipeline| pipeline.text("name")));
    let outcome = if fails {
        Outcome::Failed
    } else {
        Outcome::Succeeded
    };
    let session = match settings.get("resume") == Some(&json!(true)) {
        true => settings
            .get("sessionId")
            .and_then(Value::as_str)
            .map(str::to_owned),
        false => None,
    };
    let mut run = new_run(turn.state, scope, turn.user, settings);
    run.outcome = outcome;
    run.labels = labels.to_vec();
    run.pipeline = pipeline.map(|pipeline| pipeline.number("pipelineId"));
    if let Some(session) = session {
        run.session_id = session;
    }
    // What a test set for the next runs of this pipeline.
    let name = pipeline
        .map(|pipeline| pipeline.text("name").to_owned())
        .unwrap_or_default();
    apply_course(turn.state, &name, &mut run);
    let id = run.id.clone();
    turn.audit("workflow_launched", "workflow", &id, &run.name.clone());
    turn.state.runs.push(run);
    let now = turn.state.today();
    let env = turn
        .state
        .runs
        .last()
        .and_then(|run| run.launch.text("computeEnvId").map(str::to_owned));
    if let Some(env) = env.and_then(|env| turn.state.find_mut("compute_env", scope, &env)) {
        env.set("lastUsed", now);
    }
    Ok(id)
}

/// Fills in what a launch may leave out, and lists everything that is wrong with it.
fn complete(
    turn: &Turn<'_>,
    scope: i64,
    settings: &mut Map<String, Value>,
    labels: &[i64],
    pipeline: Option<&Record>,
) -> Vec<(&'static str, String)> {
    let text = |settings: &Map<String, Value>, name: &str| {
        let value = settings
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.trim().is_empty());
        value.map(str::to_owned)
    };
    let mut problems = Vec::new();
    match text(settings, "pipeline") {
        None => problems.push(("MISSING", "Missing `pipeline`".to_owned())),
        Some(repository) if !is_repository(&repository) => {
            problems.push((
                "PIPELINE",
                format!("Unknown pipeline repository or missing credentials: {repository}"),
            ));
        }
        Some(_) => {}
    }
    let named = text(settings, "computeEnvId");
    match (
        compute::named_or_primary(turn.state, scope, named.as_deref()),
        named,
    ) {
        (None, Some(id)) => problems.push((
            "COMPUTE_ENV",
            format!("Unknown compute environment with id: {id}"),
        )),
        (None, None) => problems.push(("MISSING", "Missing `computeEnvId`".to_owned())),
        (Some(env), _) if env["status"] != "AVAILABLE" => {
            problems.push((
                "COMPUTE_ENV",
                format!(
                    "The compute environment is {}, not AVAILABLE",
                    env.text("status")
                ),
            ));
        }
        (Some(env), _) => {
            fill_from_env(settings, env);
            if text(settings, "workDir").is_none() {
                problems.push(("MISSING", "Missing `workDir`".to_owned()));
            }
        }
    }
    for script in ["preRunScript", "postRunScript"] {
        if text(settings, script).is_some_and(|text| text.len() > LONGEST_SCRIPT) {
            problems.push((
                "SCRIPT",
                format!("`{script}` is longer than {LONGEST_SCRIPT} bytes"),
            ));
        }
    }
    if let Some(params) = text(settings, "paramsText") {
        if let Err(refusal) = parameters(&params) {
            problems.push(("PARAMS", message(&refusal)));
        }
        if turn.state.settings.refuses_references && pipeline.is_some() && params.contains("${") {
            let reason = "Overwritten parameters cannot contain referenced values";
            problems.push(("PARAMS", reason.to_owned()));
        }
        let is_used = |version: &&Record| {
            version.is("disabled") && params.contains(&datasets::url_of(turn.state, version))
        };
        if let Some(version) = turn.state.within("dataset_version", scope).find(is_used) {
            let (name, number) = (version.text("fileName"), version.number("version"));
            let reason = format!("Version {number} of the dataset of {name} is disabled");
            problems.push(("DATASET", reason));
        }
    }
    if labels.len() > MOST_LABELS {
        problems.push(("LABEL", format!("A run has at most {MOST_LABELS} labels")));
    }
    if let Some(unknown) = labels
        .iter()
        .find(|id| turn.state.known("label", &id.to_string()).is_none())
    {
        problems.push(("LABEL", format!("Unknown label with ID {unknown}")));
    }
    if settings.get("resume") == Some(&json!(true)) {
        let session = text(settings, "sessionId");
        if !turn
            .state
            .runs
            .iter()
            .any(|run| Some(&run.session_id) == session.as_ref())
        {
            problems.push(("SESSION", "Can't resume an unknown session".to_owned()));
        }
    }
    if let Some(name) = text(settings, "runName")
        && let Err(refusal) = check_name(turn.state, &name, 400)
    {
        problems.push(("RUN_NAME", message(&refusal)));
    }
    problems
}

fn message(refusal: &Refusal) -> String {
    refusal.body["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn check_name(state: &State, name: &str, taken: u16) -> Result<(), Refusal> {
    let well_formed = name.len() <= 80
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with(['-', '_'])
        && (name.chars()).all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    if !well_formed {
        return Err(Refusal::bad_request(format!("Invalid run name: '{name}'")));
    }
    match has_run_of_name(state, name) {
        true => Err(Refusal::new(
            taken,
            format!("Run name '{name}' is already used"),
        )),
        false => Ok(()),
    }
}

fn random_name(turn: &mut Turn<'_>) -> Reply {
    let seed = mix(turn.state.next_id());
    answer(json!({ "name": free_name(turn.state, seed) }))
}

fn validate(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.query("runName");
    match (name, turn.call.query("sessionId")) {
        // With a session, only a run that has both is in the way.
        (Some(name), Some(session)) => {
            let has_both = |run: &Run| run.name == name && run.session_id == session;
            match turn.state.runs.iter().any(has_both) {
                true => Err(Refusal::conflict(format!(
                    "Run name '{name}' is already used"
                ))),
                false => Ok(DONE),
            }
        }
        (Some(name), None) => check_name(turn.state, name, 409).map(|()| DONE),
        (None, _) => Ok(DONE),
    }
}

fn launch_of_run(turn: &mut Turn<'_>) -> Reply {
    let run = super::runs::find(turn)?;
    let Some(launch_id) = &run.launch_id else {
        return Err(Refusal::bad_request(
            "The run was not launched from the Platform",
        ));
    };
    let mut launch = described(turn.state, &run.launch, run.scope);
    if let Value::Object(fields) = &mut launch {
        fields.retain(|name, _| !ONLY_BEFORE_THE_RUN.contains(&name.as_str()));
    }
    launch["id"] = json!(launch_id);
    launch["dateCreated"] = json!(iso(run.submitted));
    launch["sessionId"] = json!(run.session_id);
    launch["pipelineId"] = json!(run.pipeline);
    launch["resumeDir"] = launch["workDir"].clone();
    launch["resumeCommitId"] = launch["commitId"].clone();
    answer(json!({ "launch": launch }))
}

fn describe(turn: &mut Turn<'_>) -> Reply {
    let id = turn.call.path("launchId");
    let launch = find(turn.state, turn.scope(), id)
        .ok_or_else(|| Refusal::not_found(format!("Unknown launch with id: {id}")))?;
    answer(json!({ "launch": described(turn.state, &launch, turn.scope()) }))
}
