//! Compute environments.

use std::path::Path;
use std::time::Duration;

use seqera::types::{
    ComputeEnv, ComputeEnvDetails, ComputeEnvSummary, CreateComputeEnvRequest,
    UpdateComputeEnvRequest,
};
use serde_json::{Map, Value, json};

use super::{
    Entity, Reference, Scope, Task, beside, id_of, key, keys_from, label_names, labels_of,
    said_labels, several, state_of, texts, with_state,
};
use crate::commands::compute_envs::{create, files};
use crate::kit::item::Item;
use crate::kit::keys::{Key, Takes};
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};
use crate::kit::variables::{Used, Variables};
use crate::requests::request;

pub struct ComputeEnvs;

/// What a file that was exported says.
const BASE: &str = "(base)";

/// What the server makes itself.
const MADE: [&str; 4] = ["forgedResources", "deletedResources", "volumes", "labels"];

fn present_environment(details: &ComputeEnvDetails) -> Result<Present> {
    let mut state = state_of::<ComputeEnv>(&json!({
        "name": details.name,
        "description": details.description,
        "platform": details.platform,
        "credentialsId": details.credentials_id,
        "config": details.config,
        "fusionMetricsCollectionEnabled": details.fusion_metrics_collection_enabled,
    }))?;
    state["labels"] = label_names(&details.labels);
    state["primary"] = (details.primary == Some(true)).into();
    Ok(Present {
        id: details.id.clone().unwrap_or_default(),
        names: details.name.clone().into_iter().collect(),
        state,
        raw: serde_json::to_value(details)?,
    })
}

/// What lists tell of one.
fn listed_environment(one: &ComputeEnvSummary) -> Result<Present> {
    let state = json!({
        "name": one.name,
        "description": one.description,
        "platform": one.platform,
        "credentialsId": one.credentials_id,
        "config": {
            // The configuration is that of the platform.
            "discriminator": one.platform,
            "workDir": one.work_dir,
            "region": one.region,
            "waveEnabled": one.wave_enabled,
            "fusion2Enabled": one.fusion2_enabled,
        },
        "labels": one.labels.as_ref().map(|_| label_names(&one.labels)),
        "primary": one.primary,
    });
    Ok(Present {
        id: one.id.clone().unwrap_or_default(),
        names: one.name.clone().into_iter().collect(),
        state: crate::output::without_nulls(state),
        raw: serde_json::to_value(one)?,
    })
}

/// Waits until a compute environment has a status; `DELETED` is that it is gone.
pub async fn wait(platform: &Platform, home: &Home, id: &str, wanted: &str) -> Result<()> {
    let mut pause = Duration::from_millis(100);
    loop {
        let call = platform.client.describe_compute_env().compute_env_id(id);
        let reply = call.workspace_id(home.workspace).send().await;
        let details = match reply {
            Ok(reply) => reply.compute_env.unwrap_or_default(),
            Err(error) if wanted == "DELETED" && error.is_gone_or_forbidden() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let status = details
            .status
            .map(|status| status.to_string())
            .unwrap_or_default();
        if status == wanted {
            return Ok(());
        }
        if ["ERRORED", "INVALID"].contains(&status.as_str()) {
            let message = details.message.unwrap_or_default();
            return Err(Error::other(format!(
                "the compute environment is {status}: {message}"
            )));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(15));
    }
}

/// The credentials that fit a platform, where there is one choice.
async fn only_credentials(task: &Task<'_>, platform: &str) -> Result<Option<String>> {
    let call = task
        .platform
        .client
        .list_credentials()
        .workspace_id(task.home.workspace);
    let all = call
        .platform_id(platform)
        .send()
        .await?
        .credentials
        .unwrap_or_default();
    match all.as_slice() {
        [] => Ok(None),
        [one] => Ok(one.id.clone()),
        _ => Err(Error::other(
            "several credentials fit: say which by `credentials`",
        )),
    }
}

impl ComputeEnvs {
    /// The request that makes one.
    fn body(
        item: &Item,
        credentials: Option<String>,
        registries: &dyn Fn(&str) -> Option<String>,
    ) -> Result<CreateComputeEnvRequest> {
        let Some(Value::Object(base)) = item.fields.get(BASE) else {
            let options = Value::Object(item.fields.clone());
            return Ok(create::request_of(
                &item.variant,
                options,
                credentials,
                registries,
            )?);
        };
        let mut config = base.clone();
        config.retain(|name, _| !MADE.contains(&name.as_str()));
        Ok(request(json!({"computeEnv": {
            "name": item.text("name"),
            "description": item.text("description"),
            "platform": config.get("discriminator"),
            "credentialsId": credentials,
            "config": config,
        }}))?)
    }
}

impl Entity for ComputeEnvs {
    const BLOCK: &'static str = "compute-envs";
    const NOUN: &'static str = "compute environment";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["compute-envs", "add"];
    const IMPORT: Option<&'static [&'static str]> = Some(&["compute-envs", "import"]);
    const IMMUTABLE: &'static [&'static str] = &["config", "labels", "platform"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[
        ("create-efs", "config.forge.efsCreate"),
        ("fargate", "config.forge.fargateHeadEnabled"),
        ("fast-storage", "config.nvnmeStorageEnabled"),
        ("fusion-snapshots", "config.fusionSnapshots"),
        ("snapshots", "config.fusionSnapshots"),
        ("fusion-v2", "config.fusion2Enabled"),
        ("gpu", "config.forge.gpuEnabled"),
        ("min-cpus", "config.forge.minCpus"),
        ("no-auto-scale", "config.forge.autoScale"),
        ("no-ebs-auto-scale", "config.forge.ebsAutoScale"),
        ("preserve-resources", "config.forge.disposeOnDeletion"),
        ("provisioning-model", "config.forge.type"),
        ("wave", "config.waveEnabled"),
    ];
    type State = ComputeEnv;

    fn extra(_: &str) -> Vec<Key> {
        vec![
            key("type", Takes::Text),
            key("config-mode", Takes::Text),
            key("primary", Takes::Flag),
        ]
    }

    fn complete(item: &mut Item, _: &Variables, _: &mut Used) -> Result<(), String> {
        let Some(path) = item.text("file-path").map(str::to_owned) else {
            return Ok(());
        };
        let mut base =
            files::read(Path::new(&path)).map_err(|failure| failure.text().to_owned())?;
        if !base.contains_key("discriminator") {
            return Err(format!(
                "{path} has no `discriminator`, which says the platform"
            ));
        }
        let labels = base.remove("labels").unwrap_or_default();
        let labels: Option<Vec<seqera::types::Label>> = serde_json::from_value(labels).ok();
        if labels.as_ref().is_some_and(|labels| !labels.is_empty()) {
            item.fields
                .entry("labels".to_owned())
                .or_insert(label_names(&labels));
        }
        item.fields.insert(BASE.to_owned(), base.into());
        Ok(())
    }

    fn references(item: &Item) -> Vec<Reference> {
        let mut all = labels_of(item);
        all.extend(beside(item, "credentials", "credentials"));
        let registries = several(item, "registry-credentials").into_iter();
        all.extend(registries.map(|name| Reference {
            block: "credentials",
            home: item.scope().to_owned(),
            name,
            required: true,
        }));
        all
    }

    fn desired(item: &Item, home: &Home, platform: &Platform) -> Result<Value> {
        let id = |name: &str| id_of(platform, "credentials", &home.text, name);
        let registries = |name: &str| Some(id(name));
        let body = Self::body(item, item.text("credentials").map(id), &registries)?;
        let mut state = serde_json::to_value(body.compute_env)?;
        if let Some(labels) = said_labels(item) {
            state["labels"] = labels;
        }
        if item.fields.contains_key("primary") {
            state["primary"] = true.into();
        }
        Ok(state)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform
            .client
            .list_compute_envs()
            .workspace_id(home.workspace);
        let call = call.attributes(["labels"]);
        let all = call.send().await?.compute_envs.unwrap_or_default();
        let going = |one: &&ComputeEnvSummary| {
            let status = one.status.as_ref().map(ToString::to_string);
            !matches!(status.as_deref(), Some("DELETING" | "DELETED"))
        };
        all.iter().filter(going).map(listed_environment).collect()
    }

    /// Lists don't tell queues, sizes, scripts and most else of a configuration.
    async fn describe(
        platform: &Platform,
        home: &Home,
        _: Option<&Item>,
        present: Present,
    ) -> Result<Present> {
        let details = platform.environment(home, Some(&present.id)).await?;
        present_environment(&details)
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let registries = |name: &str| {
            let found = task.platform.find("credentials", &task.home.text, name);
            found.map(|found| found.id.clone())
        };
        let said = task.desired["credentialsId"].as_str().map(str::to_owned);
        let mut body = Self::body(task.item, said.clone(), &registries)?;
        if said.is_none()
            && let Some(spec) = &mut body.compute_env
        {
            let platform = task.desired["platform"].as_str().unwrap_or_default();
            spec.credentials_id = only_credentials(&task, platform).await?;
        }
        let labels = task
            .platform
            .label_ids(task.home, &texts(task.desired, "labels"))
            .await?;
        body.label_ids = (!labels.is_empty()).then_some(labels);
        let client = &task.platform.client;
        let call = client
            .create_compute_env()
            .workspace_id(task.home.workspace);
        let id = call
            .body(body)
            .send()
            .await?
            .compute_env_id
            .unwrap_or_default();
        if let Some(wanted) = task.item.text("wait") {
            wait(task.platform, task.home, &id, &wanted.to_uppercase()).await?;
        }
        if task.desired["primary"] == true {
            if task.item.text("wait").is_none() {
                wait(task.platform, task.home, &id, "AVAILABLE").await?;
            }
            let call = client.update_compute_env_primary().compute_env_id(&id);
            call.workspace_id(task.home.workspace).send().await?;
        }
        Ok(Present {
            names: vec![Self::name(task.item)],
            raw: json!({"id": id, "primary": task.desired["primary"]}),
            state: task.desired.clone(),
            id,
        })
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let client = &task.platform.client;
        let fields = [
            "description",
            "credentialsId",
            "fusionMetricsCollectionEnabled",
        ];
        if fields
            .iter()
            .any(|field| state[*field] != present.state[*field])
        {
            let body = request::<UpdateComputeEnvRequest>(json!({
                "name": state["name"],
                "description": state["description"],
                "credentialsId": state["credentialsId"],
                "fusionMetricsCollectionEnabled": state["fusionMetricsCollectionEnabled"],
            }))?;
            let call = client.update_compute_env().compute_env_id(&present.id);
            call.workspace_id(task.home.workspace)
                .body(body)
                .send()
                .await?;
        }
        if state["primary"] == true && present.state["primary"] != true {
            let call = client
                .update_compute_env_primary()
                .compute_env_id(&present.id);
            call.workspace_id(task.home.workspace).send().await?;
        }
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform
            .client
            .delete_compute_env()
            .compute_env_id(&present.id);
        call.workspace_id(home.workspace).send().await?;
        wait(platform, home, &present.id, "DELETED").await
    }

    fn export(
        platform: &Platform,
        home: &Home,
        present: &Present,
        files: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let table = [
            ("name", "name"),
            ("description", "description"),
            ("labels", "labels"),
            ("primary", "primary"),
        ];
        let mut keys = keys_from(&present.state, &table);
        if let Some(id) = present.state["credentialsId"].as_str() {
            keys.insert("credentials".to_owned(), platform.name_or(home, id).into());
        }
        let mut config = present.state["config"].clone();
        if let Value::Object(fields) = &mut config {
            let forged = fields.contains_key("forge");
            let queues = ["computeQueue", "headQueue"];
            fields.retain(|name, value| {
                let made =
                    MADE.contains(&name.as_str()) || (forged && queues.contains(&name.as_str()));
                !made && !value.is_null()
            });
            fields
                .entry("discriminator")
                .or_insert(present.state["platform"].clone());
        }
        let name = present.names.first().cloned().unwrap_or_default();
        let path = format!("compute-envs/{}.json", super::file_name(&name));
        files.push((path.clone(), format!("{:#}\n", config)));
        keys.insert("file-path".to_owned(), path.into());
        Ok(keys)
    }
}
