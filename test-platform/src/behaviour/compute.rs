//! Compute environments: which one is meant, which runs depend on it, and what is said of it where it
//! is used.

use serde_json::{Value, json};

use super::life::active_runs;
use crate::state::{Record, Run, State};

/// The compute environment of an id, or the primary one where there is none.
pub fn named_or_primary<'a>(state: &'a State, scope: i64, id: Option<&str>) -> Option<&'a Record> {
    match id {
        Some(id) => state.find("compute_env", scope, id),
        None => state
            .within("compute_env", scope)
            .find(|env| env.is("primary")),
    }
}

/// What a run is computed with; for a run from outside, what it would have been.
pub fn of_run<'a>(state: &'a State, run: &Run) -> Option<&'a Record> {
    run.launch
        .text("computeEnvId")
        .and_then(|id| state.known("compute_env", id))
}

/// The active runs on compute environments for which `uses` holds, as a refusal lists them.
pub fn dependent_runs(state: &State, uses: impl Fn(&Run, &Record) -> bool) -> Vec<Value> {
    active_runs(state)
        .filter(|run| of_run(state, run).is_some_and(|env| uses(run, env)))
        .map(|run| json!({ "id": run.id, "name": run.name, "type": "workflow", "url": null }))
        .collect()
}

/// The managed identity by which it is reached, if by one.
pub fn identity_id(env: &Record) -> Option<String> {
    match &env["managedIdentityId"] {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Where its machines are.
pub fn region(record: &Record) -> Value {
    let config = &record["config"];
    match config["region"].is_string() {
        true => config["region"].clone(),
        false => config["location"].clone(),
    }
}

/// What Nextflow calls its executor.
pub fn executor(env: Option<&Record>) -> &str {
    match env.map(|env| env.text("platform")).unwrap_or_default() {
        "aws-batch" => "awsbatch",
        "google-batch" => "google-batch",
        "azure-batch" => "azurebatch",
        "slurm-platform" => "slurm",
        "lsf-platform" => "lsf",
        "k8s-platform" | "eks-platform" | "gke-platform" => "k8s",
        _ => "local",
    }
}

/// The short form that stands in pipelines and Studios.
pub fn brief(env: &Record) -> Value {
    json!({
        "id": env["id"],
        "name": env["name"],
        "platform": env["platform"],
        "region": region(env),
        "credentialsId": env["credentialsId"],
        "workDir": env["config"]["workDir"],
    })
}
