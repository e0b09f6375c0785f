//! Studios.

use std::time::Duration;

use futures_util::TryStreamExt;
use seqera::types::{
    DataStudioConfiguration, DataStudioCreateRequest, DataStudioUpdateRequest, StudioInfo,
};
use serde_json::{Map, Value, json};

use super::{
    Entity, Reference, Scope, Task, beside, id_of, keys_from, label_names, labels_of, said_labels,
    several, state_of, texts, typed, with_state,
};
use crate::commands::studios::Add;
use crate::kit::item::Item;
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};
use crate::requests::request;

pub struct Studios;

fn present_studio(studio: &StudioInfo) -> Result<Present> {
    let mut configuration = serde_json::to_value(&studio.configuration)?;
    let mounted = studio.mounted_data_links.iter().flatten();
    let mounted: Vec<_> = mounted.filter_map(|link| link.id.clone()).collect();
    if !mounted.is_empty() && configuration["mountData"].is_null() {
        configuration["mountData"] = mounted.into();
    }
    let template = studio
        .template
        .as_ref()
        .and_then(|template| template.repository.clone());
    let mut state = state_of::<DataStudioCreateRequest>(&json!({
        "name": studio.name,
        "description": studio.description,
        "isPrivate": studio.is_private,
        "computeEnvId": studio.compute_env.as_ref().and_then(|env| env.id.clone()),
        "dataStudioToolUrl": template,
        "remoteConfig": studio.remote_config.as_ref().map(|remote| {
            json!({"repository": remote.repository, "revision": remote.revision})
        }),
        "configuration": configuration,
    }))?;
    state["labels"] = label_names(&studio.labels);
    Ok(Present {
        id: studio.session_id.clone().unwrap_or_default(),
        names: studio.name.clone().into_iter().collect(),
        state,
        raw: serde_json::to_value(studio)?,
    })
}

/// The data links that an item mounts, by name, address or id.
fn mounts(item: &Item) -> Vec<String> {
    let keys = ["mount-data", "mount-data-uris", "mount-data-ids"];
    keys.iter().flat_map(|key| several(item, key)).collect()
}

/// The id of a data link of a name, an address or an id.
fn link(platform: &Platform, home: &Home, wanted: &str) -> String {
    let all = platform
        .listed("data-links", &home.text)
        .unwrap_or_default();
    let mut by_address = all
        .into_iter()
        .filter(|one| one.state["resourceRef"] == wanted);
    match by_address.next() {
        Some(link) => link.id.clone(),
        None => id_of(platform, "data-links", &home.text, wanted),
    }
}

fn mounted(item: &Item, home: &Home, platform: &Platform) -> Option<Vec<String>> {
    let wanted = mounts(item);
    (!wanted.is_empty()).then(|| {
        wanted
            .iter()
            .map(|name| link(platform, home, name))
            .collect()
    })
}

/// The id of a user of the workspace's organization.
async fn user(task: &Task<'_>) -> Result<Option<Vec<i64>>> {
    let Some(wanted) = task.item.text("allow-user") else {
        return Ok(None);
    };
    if let Ok(id) = wanted.parse() {
        return Ok(Some(vec![id]));
    }
    let call = task.platform.client.list_organization_members();
    let members: Vec<seqera::types::Member> = call
        .org_id(task.home.org())
        .search(wanted)
        .stream()
        .try_collect()
        .await?;
    let named = members.into_iter().find(|one| {
        [&one.email, &one.user_name]
            .iter()
            .any(|name| name.as_deref() == Some(wanted))
    });
    match named.and_then(|one| one.user_id) {
        Some(id) => Ok(Some(vec![id])),
        None => Err(Error::other(format!("there is no user `{wanted}`"))),
    }
}

impl Entity for Studios {
    const BLOCK: &'static str = "studios";
    const NOUN: &'static str = "studio";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["studios", "add"];
    const IMMUTABLE: &'static [&'static str] =
        &["dataStudioToolUrl", "isPrivate", "remoteConfig", "spot"];
    // What a new one is made with where nothing is said.
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[
        ("cpu", "configuration.cpu"),
        ("gpu", "configuration.gpu"),
        ("memory", "configuration.memory"),
        ("private", "isPrivate"),
    ];
    type State = DataStudioCreateRequest;

    fn references(item: &Item) -> Vec<Reference> {
        let mut all = labels_of(item);
        all.extend(beside(item, "compute-envs", "compute-env"));
        all.extend(mounts(item).into_iter().map(|name| Reference {
            block: "data-links",
            home: item.scope().to_owned(),
            required: false,
            name,
        }));
        all
    }

    fn desired(item: &Item, home: &Home, platform: &Platform) -> Result<Value> {
        let options: Add = item.options()?;
        let env = id_of(platform, "compute-envs", &home.text, &options.compute_env);
        let body = options.request(&env, None, None, mounted(item, home, platform))?;
        let mut state = serde_json::to_value(body)?;
        if let Some(labels) = said_labels(item) {
            state["labels"] = labels;
        }
        Ok(state)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform
            .client
            .list_data_studios()
            .workspace_id(home.workspace);
        let all: Vec<StudioInfo> = call.attributes(["labels"]).stream().try_collect().await?;
        all.iter().map(present_studio).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let options: Add = task.item.options()?;
        let labels = task
            .platform
            .label_ids(task.home, &texts(task.desired, "labels"))
            .await?;
        let env = task.desired["computeEnvId"].as_str().unwrap_or_default();
        let body = options.request(
            env,
            (!labels.is_empty()).then_some(labels),
            user(&task).await?,
            mounted(task.item, task.home, task.platform),
        )?;
        let client = &task.platform.client;
        let call = client
            .create_data_studio()
            .workspace_id(task.home.workspace);
        let call = call.auto_start(options.beginning.auto_start).body(body);
        let made = call.send().await?.studio.unwrap_or_default();
        present_studio(&made)
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let labels = task
            .platform
            .label_ids(task.home, &texts(state, "labels"))
            .await?;
        let mut body = request::<DataStudioUpdateRequest>(json!({
            "name": state["name"],
            "description": state["description"],
            "labelIds": labels,
            "computeEnvId": state["computeEnvId"],
        }))?;
        let configuration: DataStudioConfiguration = typed(&state["configuration"])?;
        body.configuration = configuration.into();
        let call = task
            .platform
            .client
            .update_data_studio()
            .session_id(&present.id);
        call.workspace_id(task.home.workspace)
            .body(body)
            .send()
            .await?;
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let client = &platform.client;
        let running = present.raw["statusInfo"]["status"].as_str();
        if matches!(running, Some("running" | "starting")) {
            let call = client.stop_data_studio().session_id(&present.id);
            call.workspace_id(home.workspace).send().await?;
            let mut pause = Duration::from_millis(100);
            loop {
                let call = client.describe_data_studio().session_id(&present.id);
                let studio = call.workspace_id(home.workspace).send().await?;
                let status = studio.status_info.and_then(|info| info.status);
                let status = status.map(|status| status.to_string()).unwrap_or_default();
                if !["running", "starting", "stopping"].contains(&status.as_str()) {
                    break;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        }
        let call = client.delete_data_studio().session_id(&present.id);
        Ok(call.workspace_id(home.workspace).send().await?)
    }

    fn export(
        platform: &Platform,
        home: &Home,
        present: &Present,
        files: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let mut keys = keys_from(
            &present.state,
            &[
                ("name", "name"),
                ("description", "description"),
                ("labels", "labels"),
                ("private", "isPrivate"),
                ("repository", "remoteConfig.repository"),
                ("revision", "remoteConfig.revision"),
                ("cpu", "configuration.cpu"),
                ("gpu", "configuration.gpu"),
                ("memory", "configuration.memory"),
                ("lifespan", "configuration.lifespanHours"),
                ("env", "configuration.environment"),
                ("ssh", "configuration.sshEnabled"),
            ],
        );
        let name = present.names.first().cloned().unwrap_or_default();
        let own = |key: &str| present.raw[key].as_bool() == Some(true);
        if let Some(image) = present.state["dataStudioToolUrl"]
            .as_str()
            .filter(|image| !image.is_empty())
            && !keys.contains_key("repository")
        {
            let key = if own("customImage") {
                "custom-template"
            } else {
                "template"
            };
            keys.insert(key.to_owned(), image.into());
        }
        if let Some(text) = present.state["configuration"]["condaEnvironment"]
            .as_str()
            .filter(|text| !text.is_empty())
        {
            let path = format!("studios/{}.conda.txt", super::file_name(&name));
            files.push((path.clone(), text.to_owned()));
            keys.insert("conda-env-yml".to_owned(), path.into());
        }
        let named = |id: &str| platform.name_or(home, id);
        if let Some(id) = present.state["computeEnvId"].as_str() {
            keys.insert("compute-env".to_owned(), named(id).into());
        }
        let mounts = texts(&present.state["configuration"], "mountData");
        if !mounts.is_empty() {
            let names: Vec<_> = mounts.iter().map(|id| named(id)).collect();
            keys.insert("mount-data".to_owned(), names.into());
        }
        Ok(keys)
    }
}
