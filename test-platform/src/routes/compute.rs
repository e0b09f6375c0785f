//! Compute environments and credentials.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::api::{Call, Refusal, Reply};
use crate::data::ORGANIZATION_ID;
use crate::state::{ComputeEnv, Credentials, Laboratory, Shared, iso};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/compute-envs", get(list))
        .route("/compute-envs/{computeEnvId}", get(describe))
        .route("/credentials", get(list_credentials))
        .route("/credentials/{credentialsId}", get(describe_credentials))
}

const ATTRIBUTES: &[&str] = &["labels", "resources"];
const STATUS: &str = "AVAILABLE";

async fn list(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let attributes = call.attributes(ATTRIBUTES)?;
    let entry = |env: &ComputeEnv| {
        json!({
            "id": env.id,
            "name": env.name,
            "description": env.description,
            "platform": env.platform,
            "status": STATUS,
            "message": null,
            "primary": env.primary,
            "region": env.region,
            "workDir": env.config["workDir"],
            "credentialsId": env.credentials,
            "workspaceName": laboratory.workspace_name(env.workspace),
            "visibility": null,
            "lastUsed": iso(laboratory.opened),
            "waveEnabled": env.config["waveEnabled"],
            "fusion2Enabled": env.config["fusion2Enabled"],
            "labels": attributes.contains(&"labels").then(|| laboratory.labels_json(&env.labels)),
            "resources": null,
        })
    };
    let entries: Vec<_> = (laboratory.compute_envs.iter())
        .filter(|env| env.workspace == workspace)
        .filter(|_| call.query("status").is_none_or(|status| status == STATUS))
        .map(entry)
        .collect();
    Ok(Json(json!({ "computeEnvs": entries })))
}

async fn describe(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let attributes = call.attributes(ATTRIBUTES)?;
    let id = call.path("computeEnvId");
    // As on the real Platform, an unknown one and a forbidden one look the same.
    let env = (laboratory.compute_env(workspace, id))
        .ok_or_else(|| Refusal::forbidden(format!("Unknown compute environment with id: {id}")))?;
    let mut described = env.json(&laboratory);
    described["labels"] = match attributes.contains(&"labels") {
        true => laboratory.labels_json(&env.labels),
        false => Value::Null,
    };
    described["resources"] = Value::Null;
    Ok(Json(json!({ "computeEnv": described })))
}

impl ComputeEnv {
    /// The full form, which stands in launches too.
    pub fn json(&self, laboratory: &Laboratory) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "platform": self.platform,
            "config": self.config,
            "dateCreated": iso(laboratory.founded),
            "lastUpdated": iso(laboratory.founded),
            "lastUsed": iso(laboratory.opened),
            "deleted": false,
            "status": STATUS,
            "message": null,
            "primary": self.primary,
            "credentialsId": self.credentials,
            "orgId": ORGANIZATION_ID,
            "workspaceId": self.workspace,
            "fusionMetricsCollectionEnabled": false,
        })
    }

    pub fn brief_json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "platform": self.platform,
            "region": self.region,
        })
    }

    /// What Nextflow calls its executor.
    pub fn executor(&self) -> &'static str {
        match self.platform {
            "aws-batch" => "awsbatch",
            "google-batch" => "google-batch",
            _ => "slurm",
        }
    }

    pub fn work_dir(&self) -> &str {
        self.config["workDir"].as_str().unwrap_or_default()
    }
}

async fn list_credentials(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let platform = call.query("platformId");
    let fits = |credentials: &&Credentials| {
        platform.is_none_or(|platform| {
            (laboratory.compute_envs.iter())
                .any(|env| env.platform == platform && env.credentials == credentials.id)
        })
    };
    let entries: Vec<_> = (laboratory.credentials.iter())
        .filter(|credentials| credentials.workspace == workspace)
        .filter(fits)
        .map(|credentials| credentials.json(&laboratory))
        .collect();
    Ok(Json(json!({ "credentials": entries })))
}

async fn describe_credentials(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let id = call.path("credentialsId");
    let credentials = (laboratory.credentials.iter())
        .find(|credentials| credentials.workspace == workspace && credentials.id == id)
        .ok_or_else(|| Refusal::forbidden(format!("Unknown credentials with id: {id}")))?;
    Ok(Json(
        json!({ "credentials": credentials.json(&laboratory), "setupSnippet": null }),
    ))
}

impl Credentials {
    fn json(&self, laboratory: &Laboratory) -> Value {
        let created = iso(laboratory.founded);
        json!({
            "id": self.id,
            "name": self.name,
            "description": null,
            "provider": self.provider,
            "baseUrl": null,
            "category": null,
            "deleted": false,
            "status": "AVAILABLE",
            "message": null,
            "lastUsed": iso(laboratory.opened),
            "lastValidated": created,
            "dateCreated": created,
            "lastUpdated": created,
            "keys": self.keys,
        })
    }
}
