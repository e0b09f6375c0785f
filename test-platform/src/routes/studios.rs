//! Studios: list, describe, start, stop.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::api::{Call, Refusal, Reply};
use crate::state::{Laboratory, Shared, Studio, Switched, iso};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/studios", get(list))
        .route("/studios/{sessionId}", get(describe))
        .route("/studios/{sessionId}/start", put(start))
        .route("/studios/{sessionId}/stop", put(stop))
}

async fn list(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let attributes = call.attributes(&["labels"])?;
    let studios = (laboratory.studios.iter())
        .filter(|studio| studio.workspace == workspace && call.finds(studio.name));
    let page = call.page(studios)?;
    let studios: Vec<_> = (page.items.iter())
        .map(|studio| {
            let mut json = studio.json(&laboratory);
            if attributes.contains(&"labels") {
                json["labels"] = json!([]);
            }
            json
        })
        .collect();
    Ok(Json(json!({ "studios": studios, "totalSize": page.total })))
}

/// Answered by 202 while the Studio starts or stops.
async fn describe(
    State(world): State<Shared>,
    call: Call,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let laboratory = world.laboratory();
    let studio = &laboratory.studios[laboratory.studio(&call)?];
    let json = studio.json(&laboratory);
    let status = match json["statusInfo"]["status"].as_str() {
        Some("starting" | "stopping") => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    Ok((status, Json(json)))
}

async fn start(State(world): State<Shared>, call: Call) -> Reply {
    let mut laboratory = world.laboratory();
    let place = laboratory.studio(&call)?;
    let studio = &mut laboratory.studios[place];
    if !matches!(studio.switched, Switched::On(_)) {
        studio.switched = Switched::On(Instant::now());
    }
    Ok(Json(studio.job_json()))
}

async fn stop(State(world): State<Shared>, call: Call) -> Reply {
    let mut laboratory = world.laboratory();
    let place = laboratory.studio(&call)?;
    let studio = &mut laboratory.studios[place];
    if matches!(studio.switched, Switched::On(_)) {
        studio.switched = Switched::Off(Instant::now());
    }
    Ok(Json(studio.job_json()))
}

impl Laboratory {
    /// The place of the call's Studio.
    fn studio(&self, call: &Call) -> Result<usize, Refusal> {
        let workspace = self.workspace(call.workspace()?)?;
        let id = call.path("sessionId");
        (self.studios.iter())
            .position(|studio| studio.workspace == workspace && studio.session_id == id)
            .ok_or_else(|| Refusal::not_found(format!("Unknown Studio session: {id}")))
    }
}

impl Studio {
    fn status_json(&self) -> Value {
        json!({
            "status": self.switched.status(),
            "message": "",
            "lastUpdate": null,
            "stopReason": null,
        })
    }

    fn job_json(&self) -> Value {
        json!({
            "jobSubmitted": true,
            "sessionId": self.session_id,
            "statusInfo": self.status_json(),
        })
    }

    fn json(&self, laboratory: &Laboratory) -> Value {
        let env = laboratory.compute_env(self.workspace, self.compute_env);
        let created = iso(laboratory.founded);
        json!({
            "sessionId": self.session_id,
            "workspaceId": self.workspace,
            "name": self.name,
            "description": self.description,
            "user": laboratory.user.json(),
            "studioUrl": format!("https://{}.studios.open-genomics.example", self.session_id),
            "isPrivate": false,
            "customImage": false,
            "computeEnv": env.map(|env| {
                let mut json = env.brief_json();
                json["credentialsId"] = json!(env.credentials);
                json["workDir"] = json!(env.work_dir());
                json
            }),
            "template": {
                "repository": format!("public.cr.seqera.io/platform/data-studio-{}", self.tool),
                "icon": self.tool,
                "tool": self.tool,
                "status": "recommended",
            },
            "configuration": {
                "cpu": 2,
                "gpu": 0,
                "memory": 8192,
                "lifespanHours": null,
                "mountData": [],
                "environment": null,
                "condaEnvironment": null,
            },
            "statusInfo": self.status_json(),
            "dateCreated": created,
            "lastUpdated": created,
            "lastStarted": null,
            "effectiveLifespanHours": null,
            "activeConnections": [],
            "mountedDataLinks": [],
            "progress": [],
            "labels": null,
            "baseImage": null,
            "waveBuildUrl": null,
            "parentCheckpoint": null,
            "remoteConfig": null,
        })
    }
}
