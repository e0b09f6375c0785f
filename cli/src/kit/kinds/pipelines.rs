//! Pipelines of the launchpad, and actions that launch them.

use std::path::Path;

use seqera::types::{
    ActionDetails, ActionSummary, CreateActionRequest, CreatePipelineRequest, LaunchInfo,
    PipelineDetails, UpdateActionRequest, UpdatePipelineRequest, WorkflowLaunchRequest,
};
use serde_json::{Map, Value, json};

use super::launches::{canonical_params, complete_params, dataset_of, params_text};
use super::{
    Entity, Reference, Scope, Task, beside, file_name, id_of, key, label_names, labels_of,
    said_labels, state_of, texts, typed, with_state,
};
use crate::commands::compute_envs::of_environment;
use crate::commands::{actions, compute_envs, pipelines};
use crate::kit::compare::overlay;
use crate::kit::item::Item;
use crate::kit::keys::{Key, Takes};
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};
use crate::kit::variables::{Used, Variables};
use crate::requests::request;

/// What launches name: the environment, labels, a dataset.
pub(super) fn launch_references(item: &Item) -> Vec<Reference> {
    let mut all = labels_of(item);
    all.extend(beside(item, "compute-envs", "compute-env"));
    all.extend(dataset_of(item));
    all
}

/// Puts the environment, parameters and labels of an item into a state that launches.
pub(super) fn finish(item: &Item, home: &Home, platform: &Platform, state: &mut Value) {
    if let Some(name) = item.text("compute-env") {
        let id = id_of(platform, "compute-envs", &home.text, name);
        state["launch"]["computeEnvId"] = id.into();
    }
    if let Some(text) = params_text(item, home, platform) {
        state["launch"]["paramsText"] = text.into();
    }
    canonical_params(&mut state["launch"]);
    if let Some(labels) = said_labels(item) {
        state["labels"] = labels;
    }
}

/// What a new launch takes from the environment that it runs on.
async fn environment(task: &Task<'_>) -> Result<Map<String, Value>> {
    let wanted = task.item.text("compute-env");
    let own = task.desired["launch"]["computeEnvId"].as_str();
    // Pipelines of a shared workspace run in environments of other ones.
    if wanted.is_none() && own.is_none() && task.home.shared {
        return Ok(Map::new());
    }
    let env = task.platform.environment(task.home, wanted.or(own)).await?;
    Ok(of_environment(&env)?)
}

/// The launch of a new thing: what the item says over what the environment does.
async fn new_launch(task: &Task<'_>) -> Result<Value> {
    let mut launch = Value::Object(environment(task).await?);
    overlay(&mut launch, &task.desired["launch"]);
    Ok(launch)
}

/// The launch of what is there, as a request has it.
pub(super) fn launch_state(launch: &LaunchInfo) -> Result<Value> {
    let mut state = state_of::<WorkflowLaunchRequest>(&WorkflowLaunchRequest::from(launch))?;
    canonical_params(&mut state);
    if let Value::Object(fields) = &mut state {
        for name in ["id", "dateCreated", "sessionId", "resume", "runName"] {
            fields.remove(name);
        }
    }
    Ok(state)
}

/// Keys of items and fields of launches.
const LAUNCH: &[(&str, &str)] = &[
    ("work-dir", "workDir"),
    ("profile", "configProfiles"),
    ("revision", "revision"),
    ("commit-id", "commitId"),
    ("pull-latest", "pullLatest"),
    ("stub-run", "stubRun"),
    ("main-script", "mainScript"),
    ("entry-name", "entryName"),
    ("schema-name", "schemaName"),
    ("user-secrets", "userSecrets"),
    ("workspace-secrets", "workspaceSecrets"),
];

/// Keys that are files, and fields of launches.
const SCRIPTS: &[(&str, &str, &str)] = &[
    ("config", "configText", "config"),
    ("pre-run", "preRunScript", "pre-run.sh"),
    ("post-run", "postRunScript", "post-run.sh"),
];

/// The keys that make a launch again.
pub(super) fn export_launch(
    platform: &Platform,
    home: &Home,
    folder: &str,
    name: &str,
    launch: &Value,
    files: &mut Vec<(String, String)>,
) -> Map<String, Value> {
    let mut keys = super::keys_from(launch, LAUNCH);
    keys.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    if let Some(id) = launch["computeEnvId"].as_str() {
        keys.insert("compute-env".to_owned(), platform.name_or(home, id).into());
    }
    let mut file = |key: &str, path: String, text: &str, keys: &mut Map<String, Value>| {
        keys.insert(key.to_owned(), path.as_str().into());
        files.push((path, text.to_owned()));
    };
    for (key, field, suffix) in SCRIPTS {
        if let Some(text) = launch[*field].as_str().filter(|text| !text.is_empty()) {
            let path = format!("{folder}/{}.{suffix}", file_name(name));
            file(key, path, text, &mut keys);
        }
    }
    let text = launch["paramsText"].as_str().unwrap_or_default();
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(params) if params.is_empty() => {}
        Ok(params) if !params.contains_key("dataset") => {
            keys.insert("params".to_owned(), params.into());
        }
        _ if text.trim().is_empty() => {}
        _ => {
            let path = format!("{folder}/{}.params.txt", file_name(name));
            file("params-file", path, text, &mut keys);
        }
    }
    keys
}

pub struct Pipelines;

/// What a file that was exported says.
const BASE: &str = "(base)";

pub(super) fn present_pipeline(pipeline: &PipelineDetails) -> Result<Present> {
    let mut state = state_of::<CreatePipelineRequest>(&json!({
        "name": pipeline.name,
        "description": pipeline.description,
        "icon": pipeline.icon,
    }))?;
    state["labels"] = label_names(&pipeline.labels);
    Ok(Present {
        id: pipeline.pipeline_id.unwrap_or_default().to_string(),
        names: pipeline.name.clone().into_iter().collect(),
        state,
        raw: serde_json::to_value(pipeline)?,
    })
}

impl Entity for Pipelines {
    const BLOCK: &'static str = "pipelines";
    const NOUN: &'static str = "pipeline";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["pipelines", "add"];
    type State = CreatePipelineRequest;

    fn extra(_: &str) -> Vec<Key> {
        vec![key("file-path", Takes::File), key("params", Takes::Map)]
    }

    fn complete(item: &mut Item, variables: &Variables, used: &mut Used) -> Result<(), String> {
        if let Some(path) = item.text("file-path").map(str::to_owned) {
            let base = compute_envs::files::read(Path::new(&path));
            let base = base.map_err(|failure| failure.text().to_owned())?;
            let url = base.get("launch").and_then(|launch| launch.get("pipeline"));
            match url.cloned() {
                Some(url) => item.fields.entry("url".to_owned()).or_insert(url),
                None => return Err(format!("{path} has no `launch.pipeline`, its repository")),
            };
            item.fields.insert(BASE.to_owned(), base.into());
        }
        complete_params(item, variables, used)
    }

    fn references(item: &Item) -> Vec<Reference> {
        launch_references(item)
    }

    fn desired(item: &Item, home: &Home, platform: &Platform) -> Result<Value> {
        let body = item.options::<pipelines::Add>()?.request(Map::new())?;
        let mut state = item.fields.get(BASE).cloned().unwrap_or_else(|| json!({}));
        overlay(&mut state, &serde_json::to_value(body)?);
        if let Value::Object(fields) = &mut state {
            // It names the first version of a new one only.
            fields.remove("version");
            fields.remove("labelIds");
        }
        finish(item, home, platform, &mut state);
        Ok(state)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform
            .client
            .list_pipelines()
            .workspace_id(home.workspace);
        let call = call.attributes(["labels", "computeEnv"]);
        let mut all = call.visibility("private").stream();
        let mut listed = Vec::new();
        while let Some(one) = all.try_next().await? {
            let mut present = present_pipeline(&one)?;
            let env = one.compute_env.as_ref().and_then(|env| env.id.clone());
            present.state["launch"] = crate::output::without_nulls(
                json!({"pipeline": one.repository, "computeEnvId": env}),
            );
            listed.push(present);
        }
        Ok(listed)
    }

    /// Lists tell the repository and the environment of what is launched, and nothing else of it.
    async fn describe(
        platform: &Platform,
        home: &Home,
        _: Option<&Item>,
        mut present: Present,
    ) -> Result<Present> {
        let call = platform.client.describe_pipeline_launch();
        let call = call
            .pipeline_id(present.number())
            .workspace_id(home.workspace);
        let call = call.version_id(present.raw["version"]["id"].as_str());
        let launch = call.send().await?.launch.unwrap_or_default();
        present.state["launch"] = launch_state(&launch)?;
        Ok(present)
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let mut state = task.desired.clone();
        state["launch"] = new_launch(&task).await?;
        if let Some(name) = task.item.text("version-name") {
            state["version"] = json!({"name": name});
        }
        let labels = texts(&state, "labels");
        let labels = task.platform.label_ids(task.home, &labels).await?;
        if !labels.is_empty() {
            state["labelIds"] = labels.into();
        }
        if let Value::Object(fields) = &mut state {
            fields.remove("labels");
        }
        let body: CreatePipelineRequest = typed(&state)?;
        let call = task.platform.client.create_pipeline();
        let reply = call
            .workspace_id(task.home.workspace)
            .body(body)
            .send()
            .await?;
        present_pipeline(&reply.pipeline.unwrap_or_default())
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let details: PipelineDetails = typed(&present.raw)?;
        let labels = task
            .platform
            .label_ids(task.home, &texts(state, "labels"))
            .await?;
        let body = request::<UpdatePipelineRequest>(json!({
            "name": state["name"],
            "description": state["description"],
            "icon": state["icon"],
            "labelIds": labels,
            "launch": state["launch"],
        }))?;
        let version = details
            .version
            .as_ref()
            .and_then(|version| version.id.clone());
        pipelines::update::send(
            &task.platform.client,
            task.home.workspace,
            &details,
            version.as_deref(),
            body,
            false,
        )
        .await?;
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform
            .client
            .delete_pipeline()
            .pipeline_id(present.number());
        Ok(call.workspace_id(home.workspace).send().await?)
    }

    fn export(
        platform: &Platform,
        home: &Home,
        present: &Present,
        files: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let name = present.names.first().cloned().unwrap_or_default();
        let launch = &present.state["launch"];
        let mut keys = export_launch(platform, home, "pipelines", &name, launch, files);
        let table = [
            ("name", "name"),
            ("description", "description"),
            ("labels", "labels"),
        ];
        let mut own = super::keys_from(&present.state, &table);
        own.insert("url".to_owned(), launch["pipeline"].clone());
        keys.extend(own);
        Ok(keys)
    }
}

pub struct Actions;

fn present_action(action: &ActionDetails) -> Result<Present> {
    let mut state = state_of::<CreateActionRequest>(&json!({
        "name": action.name,
        "source": action.source,
    }))?;
    state["labels"] = label_names(&action.labels);
    let launch = action.launch.clone().unwrap_or_default();
    state["launch"] = launch_state(&launch)?;
    Ok(Present {
        id: action.id.clone().unwrap_or_default(),
        names: action.name.clone().into_iter().collect(),
        state,
        raw: serde_json::to_value(action)?,
    })
}

async fn label_action(task: &Task<'_>, id: &str, names: &[String]) -> Result<()> {
    let labels = task.platform.label_ids(task.home, names).await?;
    let body = request::<seqera::types::AssociateActionLabelsRequest>(
        json!({"labelIds": labels, "actionIds": [id]}),
    )?;
    let call = task.platform.client.apply_labels_to_actions();
    call.workspace_id(task.home.workspace)
        .body(body)
        .send()
        .await?;
    Ok(())
}

impl Entity for Actions {
    const BLOCK: &'static str = "actions";
    const NOUN: &'static str = "action";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["actions", "add"];
    const IMMUTABLE: &'static [&'static str] = &["source"];
    type State = CreateActionRequest;

    fn extra(_: &str) -> Vec<Key> {
        vec![
            key("type", Takes::Text),
            key("config-mode", Takes::Text),
            key("params", Takes::Map),
        ]
    }

    fn complete(item: &mut Item, variables: &Variables, used: &mut Used) -> Result<(), String> {
        complete_params(item, variables, used)
    }

    fn references(item: &Item) -> Vec<Reference> {
        launch_references(item)
    }

    fn desired(item: &Item, home: &Home, platform: &Platform) -> Result<Value> {
        let body = item
            .options::<actions::Action>()?
            .request(&item.variant, Map::new())?;
        let mut state = serde_json::to_value(body)?;
        finish(item, home, platform, &mut state);
        Ok(state)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform.client.list_actions().workspace_id(home.workspace);
        let call = call.attributes(["labels"]);
        let all = call.send().await?.actions.unwrap_or_default();
        let present = |one: &ActionSummary| {
            let mut state = state_of::<CreateActionRequest>(&json!({
                "name": one.name,
                "source": one.source,
                "launch": {"pipeline": one.pipeline},
            }))?;
            if one.labels.is_some() {
                state["labels"] = label_names(&one.labels);
            }
            Ok(Present {
                id: one.id.clone().unwrap_or_default(),
                names: one.name.clone().into_iter().collect(),
                state,
                raw: serde_json::to_value(one)?,
            })
        };
        all.iter().map(present).collect()
    }

    /// Lists tell the pipeline of what is launched, and nothing else of it.
    async fn describe(
        platform: &Platform,
        home: &Home,
        _: Option<&Item>,
        present: Present,
    ) -> Result<Present> {
        let call = platform.client.describe_action().action_id(&present.id);
        let call = call.workspace_id(home.workspace).attributes(["labels"]);
        present_action(&call.send().await?.action.unwrap_or_default())
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let mut state = task.desired.clone();
        state["launch"] = new_launch(&task).await?;
        let labels = texts(&state, "labels");
        if let Value::Object(fields) = &mut state {
            fields.remove("labels");
        }
        let body: CreateActionRequest = typed(&state)?;
        let call = task.platform.client.create_action();
        let reply = call
            .workspace_id(task.home.workspace)
            .body(body)
            .send()
            .await?;
        let id = reply.action_id.unwrap_or_default();
        if !labels.is_empty() {
            label_action(&task, &id, &labels).await?;
        }
        Ok(Present {
            names: vec![Self::name(task.item)],
            raw: json!({"id": id}),
            id,
            state,
        })
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        if state["launch"] != present.state["launch"] || state["name"] != present.state["name"] {
            let body = request::<UpdateActionRequest>(json!({
                "name": state["name"],
                "launch": state["launch"],
            }))?;
            let call = task.platform.client.update_action().action_id(&present.id);
            call.workspace_id(task.home.workspace)
                .body(body)
                .send()
                .await?;
        }
        if state["labels"] != present.state["labels"] {
            label_action(&task, &present.id, &texts(state, "labels")).await?;
        }
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform.client.delete_action().action_id(&present.id);
        Ok(call.workspace_id(home.workspace).send().await?)
    }

    fn export(
        platform: &Platform,
        home: &Home,
        present: &Present,
        files: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let name = present.names.first().cloned().unwrap_or_default();
        let source = present.state["source"].as_str().unwrap_or_default();
        if !["github", "tower"].contains(&source) {
            return Err(Error::other(format!(
                "action {name} is of source {source}, which no item can be"
            )));
        }
        let launch = &present.state["launch"];
        let mut keys = export_launch(platform, home, "actions", &name, launch, files);
        let labels = present.state["labels"]
            .as_array()
            .filter(|list| !list.is_empty());
        if let Some(labels) = labels {
            keys.insert("labels".to_owned(), labels.clone().into());
        }
        keys.insert("name".to_owned(), name.into());
        keys.insert("type".to_owned(), source.into());
        keys.insert("pipeline".to_owned(), launch["pipeline"].clone());
        Ok(keys)
    }
}
