//! The launchpad: list, describe, the launch configuration, create.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::launch::launch_json;
use crate::api::{Body, Call, Refusal, Reply};
use crate::data::{ORGANIZATION, ORGANIZATION_ID, object};
use crate::state::{Laboratory, Launch, Pipeline, Shared, iso, short_id};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/pipelines", get(list).post(create))
        .route("/pipelines/{pipelineId}", get(describe))
        .route("/pipelines/{pipelineId}/launch", get(launch_configuration))
}

const ATTRIBUTES: &[&str] = &["optimized", "labels", "computeEnv"];

async fn list(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let attributes = call.attributes(ATTRIBUTES)?;
    let visibility = call.query("visibility").unwrap_or("private").to_lowercase();
    // The personal context is in no organization, so that nothing is shared with it.
    let is_in_organization = laboratory.workspace_name(workspace).is_some();
    let mut found: Vec<_> = (laboratory.pipelines.iter())
        .filter(|pipeline| {
            let own = pipeline.workspace == workspace;
            let shared = !own && is_in_organization && laboratory.is_shared(pipeline.workspace);
            match visibility.as_str() {
                "shared" => shared,
                "all" => own || shared,
                _ => own,
            }
        })
        .filter(|pipeline| match quoted(call.query("search")) {
            Some(exact) => pipeline.name == exact,
            None => call.finds(&pipeline.name),
        })
        .collect();
    match call.query("sortBy") {
        Some("NAME") => found.sort_by(|a, b| a.name.cmp(&b.name)),
        Some("MODIFIED") => found.sort_by_key(|pipeline| pipeline.updated),
        _ => {}
    }
    if call.query("sortDir") == Some("DESC") {
        found.reverse();
    }
    let page = call.page(found)?;
    let pipelines: Vec<_> = (page.items.iter())
        .map(|pipeline| pipeline.json(&laboratory, &attributes))
        .collect();
    Ok(Json(
        json!({ "pipelines": pipelines, "totalSize": page.total }),
    ))
}

/// The name within double quotes, which asks for exactly this one.
fn quoted(search: Option<&str>) -> Option<&str> {
    search?.strip_prefix('"')?.strip_suffix('"')
}

/// The pipeline of the call: one of its workspace or, where it names a source workspace, a shared one.
fn find<'a>(laboratory: &'a Laboratory, call: &Call) -> Result<&'a Pipeline, Refusal> {
    let workspace = laboratory.workspace(call.workspace()?)?;
    let id = call.path_number("pipelineId")?;
    let home = match call.query_number("sourceWorkspaceId")? {
        Some(source) if laboratory.is_shared(source) => source,
        Some(_) => return Err(Refusal::forbidden("The source workspace is not shared")),
        None => workspace,
    };
    (laboratory.pipelines.iter())
        .find(|pipeline| pipeline.id == id && pipeline.workspace == home)
        .ok_or_else(|| Refusal::not_found(format!("Unknown pipeline with id: {id}")))
}

async fn describe(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let attributes = call.attributes(ATTRIBUTES)?;
    let pipeline = find(&laboratory, &call)?;
    Ok(Json(
        json!({ "pipeline": pipeline.json(&laboratory, &attributes) }),
    ))
}

async fn launch_configuration(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let pipeline = find(&laboratory, &call)?;
    let launch = launch_json(&laboratory, &pipeline.launch, pipeline.workspace);
    Ok(Json(json!({ "launch": launch })))
}

async fn create(State(world): State<Shared>, call: Call, body: Body) -> Reply {
    let mut laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let name = body.required("name")?.to_owned();
    let settings = object(body.0["launch"].clone());
    if settings
        .get("pipeline")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return Err(Refusal::bad_request("Missing pipeline repository"));
    }
    if let Some(id) = settings.get("computeEnvId").and_then(Value::as_str)
        && laboratory.compute_env(workspace, id).is_none()
    {
        return Err(Refusal::bad_request(format!(
            "Unknown compute environment with id: {id}"
        )));
    }
    let labels = body.numbers("labelIds");
    laboratory.check_labels(workspace, &labels)?;
    if (laboratory.pipelines.iter()).any(|other| other.workspace == workspace && other.name == name)
    {
        return Err(Refusal::conflict(format!(
            "Pipeline name '{name}' already exists"
        )));
    }
    let id = laboratory.next_id();
    let now = SystemTime::now();
    let version = body.0["version"]["name"].as_str();
    let pipeline = Pipeline {
        id: id as i64,
        workspace,
        version: version.map_or_else(|| format!("{name}-1"), str::to_owned),
        name,
        description: body.text("description").map(str::to_owned),
        icon: body.text("icon").map(str::to_owned),
        labels,
        updated: now,
        launch: Launch {
            id: short_id(id, 22),
            created: now,
            settings: Arc::new(settings),
        },
    };
    let reply = pipeline.json(&laboratory, &[]);
    laboratory.pipelines.push(pipeline);
    Ok(Json(json!({ "pipeline": reply })))
}

impl Laboratory {
    pub fn is_shared(&self, workspace: i64) -> bool {
        (self.workspaces.iter()).any(|other| other.id == workspace && other.visibility == "SHARED")
    }
}

impl Pipeline {
    fn json(&self, laboratory: &Laboratory, attributes: &[&str]) -> Value {
        let wants = |attribute: &str| attributes.contains(&attribute);
        let user = &laboratory.user;
        let env = (self.launch.text("computeEnvId"))
            .and_then(|id| laboratory.compute_env(self.workspace, id));
        json!({
            "pipelineId": self.id,
            "name": self.name,
            "description": self.description,
            "icon": self.icon,
            "repository": self.launch.repository(),
            "userId": user.user_id,
            "userName": user.user_name,
            "userFirstName": user.first_name,
            "userLastName": user.last_name,
            "orgId": ORGANIZATION_ID,
            "orgName": ORGANIZATION,
            "workspaceId": self.workspace,
            "workspaceName": laboratory.workspace_name(self.workspace),
            "visibility": if laboratory.is_shared(self.workspace) { "SHARED" } else { "PRIVATE" },
            "deleted": false,
            "lastUpdated": iso(self.updated),
            "optimizationId": null,
            "optimizationTargets": null,
            "optimizationStatus": wants("optimized").then_some("UNAVAILABLE"),
            "labels": wants("labels").then(|| laboratory.labels_json(&self.labels)),
            "computeEnv": if wants("computeEnv") { env.map(|env| env.brief_json()) } else { None },
            "version": self.version_json(laboratory),
        })
    }

    fn version_json(&self, laboratory: &Laboratory) -> Value {
        let user = &laboratory.user;
        json!({
            "id": self.version_id(),
            "name": self.version,
            "hash": short_id(self.id as u64, 12),
            "isDefault": true,
            "creatorUserId": user.user_id,
            "creatorUserName": user.user_name,
            "creatorFirstName": user.first_name,
            "creatorLastName": user.last_name,
            "creatorAvatarUrl": null,
            "dateCreated": iso(self.launch.created),
            "lastUpdated": iso(self.updated),
        })
    }

    /// The short form that stands beside runs.
    pub fn brief_json(&self) -> Value {
        json!({
            "id": self.id,
            "workspaceId": self.workspace,
            "version": {
                "id": self.version_id(),
                "name": self.version,
                "hash": short_id(self.id as u64, 12),
                "isDefault": true,
                "isDraftVersion": false,
                "dateCreated": iso(self.launch.created),
                "lastUpdated": iso(self.updated),
            },
        })
    }

    fn version_id(&self) -> String {
        short_id(self.id as u64 ^ 0xF0F0, 22)
    }
}
