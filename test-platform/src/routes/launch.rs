//! Launching runs, and the launches of runs.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::api::{Body, Call, Done, NO_CONTENT, Refusal, Reply};
use crate::data;
use crate::life::Outcome;
use crate::state::{Clock, Laboratory, Launch, Run, Shared, iso, mix, short_id, uuid};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/workflow/launch", post(launch))
        .route("/workflow/random-name", get(random_name))
        .route("/workflow/validate", get(validate))
        .route("/workflow/{workflowId}/launch", get(launch_of_run))
        .route("/launch/{launchId}", get(describe))
}

/// How many samples a launched run works on: few, so that examples stay readable.
const SAMPLES: usize = 4;

/// Fields of a launch that are answered as they were given.
const SETTINGS: &[&str] = &[
    "commitId",
    "configProfiles",
    "configText",
    "entryName",
    "headJobCpus",
    "headJobMemoryMb",
    "launchContainer",
    "mainScript",
    "nextflowVersion",
    "optimizationId",
    "optimizationTargets",
    "outputDir",
    "paramsText",
    "pipeline",
    "pipelineSchemaId",
    "postRunScript",
    "preRunScript",
    "pullLatest",
    "resume",
    "revision",
    "runName",
    "schemaName",
    "sessionId",
    "stubRun",
    "syntaxParser",
    "towerConfig",
    "userSecrets",
    "workDir",
    "workspaceSecrets",
];

/// What the launch of a run lacks, other than a launch by itself.
const ONLY_BEFORE_THE_RUN: &[&str] = &[
    "lastUpdated",
    "launchContainer",
    "optimizationId",
    "optimizationTargets",
    "resumeLaunchId",
    "runName",
    "workspaceId",
];

/// A launch as it is described, with its compute environment in full.
pub fn launch_json(laboratory: &Laboratory, launch: &Launch, workspace: i64) -> Value {
    let mut json: Map<String, Value> = SETTINGS
        .iter()
        .map(|&name| {
            let value = launch.settings.get(name).cloned().unwrap_or(Value::Null);
            (name.to_owned(), value)
        })
        .collect();
    let env = launch
        .text("computeEnvId")
        .and_then(|id| laboratory.compute_envs.iter().find(|env| env.id == id))
        .map(|env| env.json(laboratory));
    json.extend([
        ("id".to_owned(), json!(launch.id)),
        ("workspaceId".to_owned(), json!(workspace)),
        ("computeEnv".to_owned(), json!(env)),
        ("resumeLaunchId".to_owned(), Value::Null),
        ("dateCreated".to_owned(), json!(iso(launch.created))),
        ("lastUpdated".to_owned(), json!(iso(launch.created))),
    ]);
    Value::Object(json)
}

/// A launch that is refused says what is wrong with it, in full.
struct Invalid(Refusal, Vec<&'static str>);

impl From<Refusal> for Invalid {
    fn from(refusal: Refusal) -> Self {
        Self(refusal, Vec::new())
    }
}

impl IntoResponse for Invalid {
    fn into_response(self) -> Response {
        let Self(refusal, missing) = self;
        if missing.is_empty() {
            return refusal.into_response();
        }
        let errors: Vec<_> = missing
            .iter()
            .map(|name| json!({ "code": "MISSING", "message": format!("Missing `{name}`") }))
            .collect();
        let body = json!({ "message": refusal.message, "errors": errors });
        (refusal.status, Json(body)).into_response()
    }
}

async fn launch(
    State(world): State<Shared>,
    call: Call,
    body: Body,
) -> Result<Json<Value>, Invalid> {
    let mut laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let body = Body(body.0["launch"].clone());

    let missing: Vec<_> = ["pipeline", "computeEnvId", "workDir"]
        .into_iter()
        .filter(|name| body.text(name).is_none())
        .collect();
    if !missing.is_empty() {
        let refusal = Refusal::bad_request("The launch lacks what it can't do without");
        return Err(Invalid(refusal, missing));
    }
    let (repository, env) = (body.required("pipeline")?, body.required("computeEnvId")?);
    if laboratory.compute_env(workspace, env).is_none() {
        let message = format!("Unknown compute environment with id: {env}");
        return Err(Refusal::bad_request(message).into());
    }
    let source = call.query_number("sourceWorkspaceId")?.unwrap_or(workspace);
    let pipeline = laboratory.launchable(&[workspace, source], body.text("id"), repository);
    if !(laboratory.pipelines.iter()).any(|known| known.launch.repository() == repository) {
        let message = format!("Unknown pipeline repository or missing credentials: {repository}");
        return Err(Refusal::bad_request(message).into());
    }
    let pipeline = pipeline.map(|index| &laboratory.pipelines[index]);
    let pipeline_id = pipeline.map(|pipeline| pipeline.id);
    let fails = pipeline.map_or(repository, |pipeline| &pipeline.name);
    let outcome = match data::always_fails(fails) {
        true => Outcome::Failed,
        false => Outcome::Succeeded,
    };
    if let Some(text) = body.text("paramsText") {
        parameters(text)?;
    }
    let labels = body.numbers("labelIds");
    laboratory.check_labels(workspace, &labels)?;
    let session_id = match (body.0["resume"] == true, body.text("sessionId")) {
        (true, Some(id)) if laboratory.runs.iter().any(|run| run.session_id == id) => Some(id),
        (true, _) => return Err(Refusal::bad_request("Can't resume an unknown session").into()),
        (false, _) => None,
    };
    if let Some(name) = body.text("runName") {
        check_name(&laboratory, name)?;
    }

    let id = laboratory.next_id();
    let seed = mix(id);
    let name = match body.text("runName") {
        Some(name) => name.to_owned(),
        None => laboratory.free_name(seed),
    };
    let submitted = SystemTime::now();
    let launch = Launch {
        id: short_id(id, 22),
        created: submitted,
        settings: Arc::new(data::object(body.0.clone())),
    };
    let run = Run {
        id: short_id(seed, 14),
        workspace,
        name,
        session_id: session_id.map_or_else(|| uuid(seed), str::to_owned),
        owner: laboratory.user.user_id,
        launch_id: Some(launch.id.clone()),
        pipeline: pipeline_id,
        labels,
        starred: false,
        recipe: data::recipe(repository),
        samples: SAMPLES,
        seed,
        submitted,
        length: world.pace.length(),
        outcome,
        clock: Clock::Launched {
            at: Instant::now(),
            reads: 0,
        },
        cancelled: None,
        launch,
    };
    let reply = json!({ "workflowId": run.id });
    laboratory.runs.push(run);
    Ok(Json(reply))
}

impl Laboratory {
    fn has_run_of_name(&self, name: &str) -> bool {
        self.runs.iter().any(|run| run.name == name)
    }

    /// A name that no run has; numbered where most are taken.
    fn free_name(&self, seed: u64) -> String {
        let drawn = (0..20).map(|draw| data::run_name(mix(seed ^ draw)));
        let numbered = (self.runs.len()..).map(|number| format!("run_{number}"));
        let mut names = drawn.chain(numbered);
        let free = names.find(|name| !self.has_run_of_name(name));
        free.unwrap_or_default()
    }

    /// The place of the pipeline that a launch is for: the one whose launch, or whose runs' launch,
    /// it starts from, else the first of this repository.
    fn launchable(
        &self,
        workspaces: &[i64],
        launch: Option<&str>,
        repository: &str,
    ) -> Option<usize> {
        let by_run = || {
            let id = launch?;
            let run = self
                .runs
                .iter()
                .find(|run| run.launch_id.as_deref() == Some(id))?;
            self.pipelines
                .iter()
                .position(|p| Some(p.id) == run.pipeline)
        };
        let in_reach = |workspace: i64| workspaces.contains(&workspace);
        (self.pipelines.iter())
            .position(|p| in_reach(p.workspace) && launch == Some(p.launch.id.as_str()))
            .or_else(by_run)
            .or_else(|| {
                (self.pipelines.iter())
                    .position(|p| in_reach(p.workspace) && p.launch.repository() == repository)
            })
    }
}

/// The parameters of a launch: JSON, or YAML as far as it is one `name: value` a line.
pub fn parameters(text: &str) -> Result<Map<String, Value>, Refusal> {
    if let Ok(Value::Object(map)) = serde_json::from_str(text) {
        return Ok(map);
    }
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line
                .split_once(':')
                .filter(|(name, _)| !name.starts_with('{'))
                .ok_or_else(|| {
                    Refusal::bad_request("Invalid pipeline parameters: neither JSON nor YAML")
                })?;
            let value = value.trim();
            let value =
                serde_json::from_str(value).unwrap_or_else(|_| json!(value.trim_matches('\'')));
            Ok((name.trim().to_owned(), value))
        })
        .collect()
}

fn check_name(laboratory: &Laboratory, name: &str) -> Result<(), Refusal> {
    let well_formed = name.len() <= 80
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with(['-', '_'])
        && (name.chars()).all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    if !well_formed {
        return Err(Refusal::bad_request(format!("Invalid run name: '{name}'")));
    }
    match laboratory.has_run_of_name(name) {
        true => Err(Refusal::bad_request(format!(
            "Run name '{name}' is already used"
        ))),
        false => Ok(()),
    }
}

async fn random_name(State(world): State<Shared>) -> Json<Value> {
    let mut laboratory = world.laboratory();
    let seed = mix(laboratory.next_id());
    Json(json!({ "name": laboratory.free_name(seed) }))
}

async fn validate(State(world): State<Shared>, call: Call) -> Done {
    let laboratory = world.laboratory();
    match call.query("runName") {
        Some(name) if laboratory.has_run_of_name(name) => Err(Refusal::conflict(format!(
            "Run name '{name}' is already used"
        ))),
        Some(name) => check_name(&laboratory, name).and(NO_CONTENT),
        None => NO_CONTENT,
    }
}

async fn launch_of_run(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let run = laboratory.run(workspace, call.path("workflowId"))?;
    let Some(launch_id) = &run.launch_id else {
        let message = "The run was not launched from the Platform";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
    };
    let mut launch = launch_json(&laboratory, &run.launch, run.workspace);
    if let Value::Object(fields) = &mut launch {
        fields.retain(|name, _| !ONLY_BEFORE_THE_RUN.contains(&name.as_str()));
    }
    launch["id"] = json!(launch_id);
    launch["dateCreated"] = json!(iso(run.submitted));
    launch["sessionId"] = json!(run.session_id);
    launch["pipelineId"] = json!(run.pipeline);
    launch["resumeDir"] = launch["workDir"].clone();
    launch["resumeCommitId"] = Value::Null;
    Ok(Json(json!({ "launch": launch })))
}

async fn describe(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let id = call.path("launchId");
    let of_pipelines = (laboratory.pipelines.iter())
        .filter(|pipeline| pipeline.workspace == workspace && pipeline.launch.id == id)
        .map(|pipeline| &pipeline.launch);
    let of_runs = (laboratory.runs.iter())
        .filter(|run| run.workspace == workspace && run.launch_id.as_deref() == Some(id))
        .map(|run| &run.launch);
    let launch = (of_pipelines.chain(of_runs).next())
        .ok_or_else(|| Refusal::not_found(format!("Unknown launch with id: {id}")))?;
    let mut described = launch_json(&laboratory, launch, workspace);
    described["id"] = json!(id);
    Ok(Json(json!({ "launch": described })))
}
