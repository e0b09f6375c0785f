//! Launches: what they may name, how they are described, and the runs that they make.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::compute::named_or_primary;
use super::recipes::run_name;
use super::versions;
use crate::call::Refusal;
use crate::state::{
    Launch, Outcome, Pace, Progress, Record, Run, State, iso, mix, object, parse_time, short_id,
    uuid,
};

/// How many samples a launched run works on: few, so that examples stay readable.
const SAMPLES: usize = 4;

/// The launch of a pipeline's version, of an action or of a run.
pub fn find(state: &State, scope: i64, id: &str) -> Option<Launch> {
    let of_versions = (state.within("pipeline_version", scope))
        .filter(|version| version["_launch_id"] == id)
        .map(versions::launch_of);
    let of_actions = (state.within("action", scope))
        .filter(|action| action["_launch"] == id)
        .map(of_action);
    let of_runs = (state.runs.iter())
        .filter(|run| run.scope == scope && run.launch_id.as_deref() == Some(id))
        .map(|run| Launch {
            id: id.to_owned(),
            ..run.launch.clone()
        });
    of_versions.chain(of_actions).chain(of_runs).next()
}

/// What an action launches.
pub fn of_action(action: &Record) -> Launch {
    Launch {
        id: action.text("_launch").to_owned(),
        created: parse_time(action.text("dateCreated")).unwrap_or_default(),
        settings: Arc::new(object(action["launch"].clone())),
    }
}

/// A launch as it is described, with its compute environment in full.
pub fn described(state: &State, launch: &Launch, scope: i64) -> Value {
    let mut value = Value::Object((*launch.settings).clone());
    let env = (launch.text("computeEnvId")).and_then(|id| state.known("compute_env", id));
    value["id"] = json!(launch.id);
    value["workspaceId"] = json!((scope > 0).then_some(scope));
    value["computeEnv"] = env.map_or(Value::Null, Record::value);
    value["dateCreated"] = json!(iso(launch.created));
    value["lastUpdated"] = json!(iso(launch.created));
    value
}

/// Whether there may be such a repository. There is none whose owner is `nobody`.
pub fn is_repository(repository: &str) -> bool {
    let path = match repository.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => repository,
    };
    match path.split_once('/') {
        Some((owner, name)) => !owner.is_empty() && owner != "nobody" && !name.is_empty(),
        None => false,
    }
}

/// That a launch names a compute environment of the context, or none.
pub fn check_env(state: &State, scope: i64, launch: &Value) -> Result<(), Refusal> {
    let Some(id) = launch["computeEnvId"].as_str().filter(|id| !id.is_empty()) else {
        return Ok(());
    };
    match state.find("compute_env", scope, id) {
        None => Err(Refusal::bad_request(format!(
            "Unknown compute environment with id: {id}"
        ))),
        Some(_) => Ok(()),
    }
}

/// Fills in what a launch leaves out, and its compute environment says.
pub fn fill_from_env(settings: &mut Map<String, Value>, env: &Record) {
    settings.insert("computeEnvId".to_owned(), json!(env.id));
    let has_folder = (settings.get("workDir").and_then(Value::as_str))
        .is_some_and(|folder| !folder.trim().is_empty());
    if !has_folder {
        settings.insert("workDir".to_owned(), env["config"]["workDir"].clone());
    }
}

/// A launch as the runs of it have it, with what its compute environment says.
pub fn filled_in(state: &State, scope: i64, mut launch: Launch) -> Launch {
    if let Some(env) = named_or_primary(state, scope, launch.text("computeEnvId")) {
        fill_from_env(Arc::make_mut(&mut launch.settings), env);
    }
    launch
}

/// The parameters of a launch: JSON or YAML.
pub fn parameters(text: &str) -> Result<Map<String, Value>, Refusal> {
    let invalid = || Refusal::bad_request("Invalid pipeline parameters: neither JSON nor YAML");
    if let Ok(Value::Object(map)) = serde_json::from_str(text) {
        return Ok(map);
    }
    match yaml_serde::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        _ => Err(invalid()),
    }
}

/// A run that is launched now.
pub fn new_run(state: &mut State, scope: i64, user: i64, settings: Map<String, Value>) -> Run {
    let number = state.next_id();
    let seed = mix(number);
    let now = state.now();
    let name = match settings
        .get("runName")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty())
    {
        Some(name) => name.to_owned(),
        None => free_name(state, seed),
    };
    let pace = state.settings.pace;
    let launch = Launch {
        id: short_id(number, 22),
        created: now,
        settings: Arc::new(settings),
    };
    Run {
        id: short_id(seed, 14),
        scope,
        name,
        session_id: uuid(seed),
        owner: user,
        launch_id: Some(launch.id.clone()),
        launch,
        pipeline: None,
        labels: Vec::new(),
        stars: Vec::new(),
        samples: SAMPLES,
        seed,
        submitted: now,
        length: pace.length(),
        outcome: Outcome::Succeeded,
        progress: Progress::Launched {
            pace,
            at: now,
            reads: 0,
        },
        cancelled: None,
        report: None,
        extension: None,
    }
}

pub fn has_run_of_name(state: &State, name: &str) -> bool {
    state.runs.iter().any(|run| run.name == name)
}

/// A name that no run has; numbered where most are taken.
pub fn free_name(state: &State, seed: u64) -> String {
    let drawn = (0..20).map(|draw| run_name(mix(seed ^ draw)));
    let numbered = (state.runs.len()..).map(|number| format!("run_{number}"));
    let mut names = drawn.chain(numbered);
    names
        .find(|name| !has_run_of_name(state, name))
        .unwrap_or_default()
}

/// Makes a launched run go as a test has set it for its pipeline: the next one before every one.
pub fn apply_course(state: &mut State, pipeline: &str, run: &mut Run) {
    let is_for = |course: &&Record| {
        let name = course.text("pipeline");
        [pipeline, run.launch.repository(), "*"].contains(&name)
    };
    let next = (state.all("course")).find(|course| !course.is("always") && is_for(course));
    let every = || (state.all("course")).rfind(|course| course.is("always") && is_for(course));
    let Some(course) = next.or_else(every).cloned() else {
        return;
    };
    if let Ok(outcome) = serde_json::from_value::<Outcome>(course["outcome"].clone()) {
        run.outcome = outcome;
    }
    if let Some(samples) = course["samples"].as_u64() {
        run.samples = samples as usize;
    }
    if let (Ok(own), Progress::Launched { pace, .. }) = (
        serde_json::from_value::<Pace>(course["pace"].clone()),
        &mut run.progress,
    ) {
        *pace = own;
        run.length = own.length();
    }
    if !course.is("always") {
        state.forget("course", |other| other.id == course.id);
    }
}
