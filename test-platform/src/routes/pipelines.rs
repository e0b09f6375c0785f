//! The launchpad: pipelines, what they launch, their schemas and repositories.

use serde_json::{Map, Value, json};

use super::Routes;
use super::entity::{Entity, Hooks, Id, PLAIN, Scope, Verb};
use super::turn::Turn;
use crate::behaviour::launch::{check_env, described, is_repository, parameters};
use crate::behaviour::{compute, versions};
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::{Record, State, numbers, object};

pub const ROUTES: Routes = &[
    ("ListPipelines", list),
    ("DescribePipeline", describe),
    ("CreatePipeline", create),
    ("UpdatePipeline", update),
    ("DescribePipelineLaunch", launch),
    ("DescribePipelineSchema", schema),
    ("CreatePipelineSchema", create_schema),
    ("DescribePipelineRepository", repository),
    ("ListPipelineRepositories", repositories),
];

pub static PIPELINE: Entity = Entity {
    kind: "pipeline",
    title: "pipeline",
    scope: Scope::Context,
    id: Id::Number,
    id_field: "pipelineId",
    parameter: "pipelineId",
    one: "pipeline",
    name: "name",
    missing: 404,
    audit: "pipeline",
    defaults: super::entity::no_defaults,
    hooks: Hooks {
        leaves: |turn, record| {
            let id = record.number("pipelineId");
            turn.state.forget("pipeline_version", |version| {
                version.number("_pipeline") == id
            });
            Ok(true)
        },
        ..PLAIN
    },
    operations: &[
        ("DeletePipeline", Verb::Delete),
        ("ValidatePipelineName", Verb::Validate),
    ],
};

pub fn is_shared(state: &State, scope: i64) -> bool {
    state
        .workspace(scope)
        .is_some_and(|workspace| workspace["visibility"] == "SHARED")
}

/// The workspaces whose pipelines another of the organization may launch.
fn shares(state: &State, from: i64, with: i64) -> bool {
    let organization = |scope: i64| state.workspace(scope).map(|workspace| workspace.scope);
    from != with
        && organization(with).is_some()
        && organization(from) == organization(with)
        && is_shared(state, from)
}

fn list(turn: &mut Turn<'_>) -> Reply {
    let search = turn.search(&["label"]);
    let visibility = turn
        .call
        .query("visibility")
        .unwrap_or("private")
        .to_lowercase();
    let scope = turn.scope();
    let mut found: Vec<&Record> = (turn.state.all("pipeline"))
        .filter(|pipeline| {
            let own = pipeline.scope == scope;
            let shared = || shares(turn.state, pipeline.scope, scope);
            match visibility.as_str() {
                "shared" => shared(),
                "all" => own || shared(),
                _ => own,
            }
        })
        .filter(|pipeline| {
            search.finds([pipeline.text("name")])
                && search.has_labels(turn.state, &pipeline.labels())
        })
        .collect();
    match turn.call.query("sortBy").unwrap_or("NAME") {
        "MODIFIED" => found.sort_by(|a, b| a.text("lastUpdated").cmp(b.text("lastUpdated"))),
        "CREATED" => {}
        _ => found.sort_by(|a, b| a.text("name").cmp(b.text("name"))),
    }
    if turn
        .call
        .query("sortDir")
        .is_some_and(|dir| dir.to_uppercase().starts_with("DESC"))
    {
        found.reverse();
    }
    let page = turn.call.page(found)?;
    let pipelines: Vec<Value> = page
        .items
        .iter()
        .map(|pipeline| show(turn, pipeline, None))
        .collect();
    answer(json!({ "pipelines": pipelines, "totalSize": page.total }))
}

/// A pipeline as it is with a version of it; the default one where none is named.
pub fn show(turn: &Turn<'_>, pipeline: &Record, version: Option<&Record>) -> Value {
    let state = &*turn.state;
    let default = versions::default_of(state, pipeline.number("pipelineId"));
    let version = version.or(default);
    let launch = version.map(versions::launch_of).unwrap_or_default();
    let mut value = pipeline.value();
    for (name, field) in state.context(pipeline.scope) {
        value[name] = field;
    }
    let owner = state.known("user", &pipeline.number("_user").to_string());
    for (name, field) in [
        ("userId", "id"),
        ("userName", "userName"),
        ("userFirstName", "firstName"),
        ("userLastName", "lastName"),
    ] {
        value[name] = owner.map_or(Value::Null, |owner| owner[field].clone());
    }
    value["repository"] = json!(launch.repository());
    let asked = |attribute: &str| {
        turn.call.operation.query("attributes").is_null() || turn.call.wants(attribute)
    };
    value["labels"] = if asked("labels") {
        state.labels(&pipeline.labels())
    } else {
        Value::Null
    };
    value["optimizationStatus"] = json!(turn.call.wants("optimized").then_some("UNAVAILABLE"));
    let env = (launch.text("computeEnvId")).and_then(|id| state.known("compute_env", id));
    value["computeEnv"] = match turn.call.wants("computeEnv") {
        true => env.map_or(Value::Null, compute::brief),
        false => Value::Null,
    };
    value["version"] = version.map_or(Value::Null, |version| versions::described(state, version));
    value
}

/// The pipeline of the call: one of its workspace or, where it names a source workspace, a shared one.
pub fn find(turn: &Turn<'_>) -> Result<Record, Refusal> {
    let home = match turn.call.query_number("sourceWorkspaceId")? {
        Some(source) if source == turn.scope() || shares(turn.state, source, turn.scope()) => {
            source
        }
        Some(_) => return Err(Refusal::forbidden("The source workspace is not shared")),
        None => turn.scope(),
    };
    let id = turn.call.path("pipelineId");
    (turn.state.find("pipeline", home, id).cloned()).ok_or_else(|| PIPELINE.unknown(id))
}

fn describe(turn: &mut Turn<'_>) -> Reply {
    let pipeline = find(turn)?;
    answer(json!({ "pipeline": show(turn, &pipeline, None) }))
}

/// The launch of a request, checked. A private workspace fills in its primary compute environment.
pub fn given_launch(turn: &Turn<'_>) -> Result<Map<String, Value>, Refusal> {
    let mut launch = object(turn.call.field("launch").clone());
    if launch
        .get("pipeline")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return Err(Refusal::bad_request("Missing pipeline repository"));
    }
    let has_env = launch.get("computeEnvId").is_some_and(Value::is_string);
    if !has_env && !is_shared(turn.state, turn.scope()) {
        let primary = compute::named_or_primary(turn.state, turn.scope(), None);
        launch.insert(
            "computeEnvId".to_owned(),
            json!(primary.map(|env| env.id.clone())),
        );
    }
    check_env(turn.state, turn.scope(), &Value::Object(launch.clone()))?;
    launch.remove("id");
    Ok(launch)
}

fn create(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.required("name")?.to_owned();
    let launch = given_launch(turn)?;
    let labels = numbers(turn.call.field("labelIds"));
    PIPELINE.check_labels(turn, &labels, &[])?;
    PIPELINE.check_name(turn, &name, None)?;
    let number = turn.state.next_id();
    let pipeline = json!({
        "pipelineId": number,
        "name": name,
        "description": turn.call.field("description"),
        "icon": turn.call.field("icon"),
        "deleted": false,
        "lastUpdated": turn.state.today(),
        "_user": turn.user,
    });
    let mut pipeline = Record::new(number, turn.scope(), pipeline);
    pipeline.set_labels(&labels);
    turn.state.keep("pipeline", pipeline.clone());
    let version = turn.call.field("version")["name"]
        .as_str()
        .map_or_else(|| format!("{name}-1"), str::to_owned);
    versions::add(turn.state, &pipeline, Some(&version), launch, turn.user);
    turn.audit("pipeline_created", "pipeline", &pipeline.id, &name);
    answer(json!({ "pipeline": show(turn, &pipeline, None) }))
}

/// Replaces what a pipeline is. Labels that aren't named are taken off. What is versioned goes into
/// another version.
fn update(turn: &mut Turn<'_>) -> Reply {
    let pipeline = find(turn)?;
    let version = versions::default_of(turn.state, pipeline.number("pipelineId")).cloned();
    change(turn, pipeline, version)
}

pub fn change(turn: &mut Turn<'_>, mut pipeline: Record, version: Option<Record>) -> Reply {
    if let Some(name) = turn.call.text("name").map(str::to_owned) {
        PIPELINE.check_name(turn, &name, Some(&pipeline.id))?;
        pipeline.set("name", name);
    }
    let labels = numbers(turn.call.field("labelIds"));
    PIPELINE.check_labels(turn, &labels, &pipeline.labels())?;
    let changed = match turn.call.field("launch").is_object() {
        true => {
            let launch = match is_shared(turn.state, turn.scope()) {
                // A pipeline without a compute environment of its own stays without.
                true => object(turn.call.field("launch").clone()),
                false => given_launch(turn)?,
            };
            Some(versions::change(
                turn.state, &pipeline, version, launch, turn.user,
            ))
        }
        false => version,
    };
    pipeline.set("description", turn.call.field("description").clone());
    pipeline.set("icon", turn.call.field("icon").clone());
    pipeline.set("lastUpdated", turn.state.today());
    pipeline.set_labels(&labels);
    turn.state.replace("pipeline", &pipeline);
    turn.audit(
        "pipeline_updated",
        "pipeline",
        &pipeline.id,
        pipeline.text("name"),
    );
    answer(json!({ "pipeline": show(turn, &pipeline, changed.as_ref()) }))
}

fn launch(turn: &mut Turn<'_>) -> Reply {
    let pipeline = find(turn)?;
    let version = version_of_call(turn, &pipeline)?;
    let launch = versions::launch_of(&version);
    answer(json!({ "launch": described(turn.state, &launch, pipeline.scope) }))
}

/// The version that the call's `versionId` names, else the default one.
fn version_of_call(turn: &Turn<'_>, pipeline: &Record) -> Result<Record, Refusal> {
    let id = pipeline.number("pipelineId");
    let found = match turn.call.query("versionId") {
        Some(version) => versions::find(turn.state, id, version),
        None => versions::default_of(turn.state, id),
    };
    (found.cloned()).ok_or_else(|| Refusal::not_found("Unknown pipeline version"))
}

/// The schema that a pipeline was given, or the plain one that its parameters make.
fn schema(turn: &mut Turn<'_>) -> Reply {
    let pipeline = find(turn)?;
    let version = version_of_call(turn, &pipeline)?;
    let launch = versions::launch_of(&version);
    let own = (launch
        .settings
        .get("pipelineSchemaId")
        .and_then(Value::as_i64))
    .and_then(|id| turn.state.known("pipeline_schema", &id.to_string()));
    let params = launch.text("paramsText");
    let content = match own {
        Some(own) => own.text("content").to_owned(),
        None => {
            let parameters = params.map(parameters).transpose()?.unwrap_or_default();
            if parameters.is_empty() {
                return Ok(DONE.with_status(204));
            }
            let properties: Map<String, Value> = (parameters.iter())
                .map(|(name, value)| {
                    (
                        name.clone(),
                        json!({ "type": type_of(value), "default": value }),
                    )
                })
                .collect();
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": properties,
            })
            .to_string()
        }
    };
    let asked =
        |attribute: &str| turn.call.query("attributes").is_none() || turn.call.wants(attribute);
    answer(json!({
        "schema": asked("schema").then_some(content),
        "params": params.filter(|_| asked("params")),
    }))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        _ => "string",
    }
}

fn create_schema(turn: &mut Turn<'_>) -> Reply {
    let content = turn.call.required("content")?.to_owned();
    if !serde_json::from_str::<Value>(&content).is_ok_and(|content| content.is_object()) {
        return Err(Refusal::bad_request("The content is no JSON schema"));
    }
    let number = turn.state.next_id();
    let schema = json!({ "id": number, "content": content });
    turn.state.keep(
        "pipeline_schema",
        Record::new(number, turn.scope(), schema.clone()),
    );
    answer(json!({ "pipelineSchema": schema }))
}

fn repository(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.query("name").unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::bad_request("Missing `name` parameter"));
    }
    let bare = name.trim_end_matches(".git");
    let known = (turn.state.all("pipeline_version"))
        .filter_map(|version| version["_launch"]["pipeline"].as_str())
        .find(|known| {
            known.trim_end_matches(".git") == bare || known.ends_with(&format!("/{bare}"))
        });
    let repository = match known {
        Some(known) => known.to_owned(),
        None if !is_repository(bare) => {
            let message = format!("Unknown pipeline repository or missing credentials: {name}");
            return Err(Refusal::bad_request(message));
        }
        None if bare.contains("://") => bare.to_owned(),
        None => format!("https://github.com/{bare}"),
    };
    let project = repository
        .trim_start_matches("https://")
        .split_once('/')
        .map_or("", |(_, project)| project);
    let revision = turn.call.query("revision").unwrap_or("main");
    let script = turn.call.query("mainScript").unwrap_or("main.nf");
    let versions: Vec<String> = (turn.state.all("pipeline_version"))
        .filter(|version| version["_launch"]["pipeline"] == repository.as_str())
        .filter_map(|version| version["_launch"]["revision"].as_str().map(str::to_owned))
        .collect();
    let commit = crate::state::short_id(repository.len() as u64 ^ 0xC0, 40).to_lowercase();
    answer(json!({ "pipelineInfo": {
        "projectName": project,
        "simpleName": project.rsplit('/').next(),
        "repositoryUrl": repository,
        "cloneUrl": format!("{repository}.git"),
        "provider": "github",
        "configFiles": ["nextflow.config"],
        "workDirs": [],
        "profiles": ["docker", "singularity", "test"],
        "revisions": versions,
        "warnings": [],
        "commitId": commit,
        "revisionName": revision,
        "manifest": { "name": project, "mainScript": script, "defaultBranch": "main" },
    } }))
}

/// Those of the runs that there were.
fn repositories(turn: &mut Turn<'_>) -> Reply {
    let mut found: Vec<&str> = Vec::new();
    for run in turn
        .state
        .runs
        .iter()
        .rev()
        .filter(|run| run.scope == turn.scope())
    {
        if !found.contains(&run.launch.repository()) {
            found.push(run.launch.repository());
        }
    }
    answer(json!({ "pipelines": found }))
}
