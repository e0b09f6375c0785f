//! Datasets and data links.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::TryStreamExt;
use seqera::types::{
    DataLinkCreateRequest, DataLinkInfo, DataLinkUpdateRequest, DatasetInfo, DatasetVersion,
    UpdateDatasetRequest,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    Entity, Reference, Scope, Task, beside, id_of, keys_from, state_of, typed, with_state,
};
use crate::commands::{data_links, datasets};
use crate::kit::item::Item;
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};
use crate::requests::request;

/// How many bytes a dataset may hold, as the Platform's manual has it.
const LONGEST: u64 = 10 << 20;

pub struct Datasets;

/// A fingerprint of a content.
pub fn fingerprint(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn upload(task: &Task<'_>, id: &str) -> Result<()> {
    let file = task.item.text("file-path").unwrap_or_default();
    let path = Path::new(file);
    let upload = seqera::Upload::from_path(path).media_type(datasets::media_type(path));
    let call = task.platform.client.upload_dataset_v2().dataset_id(id);
    let call = call.workspace_id(task.home.workspace);
    let header = task.item.fields.get("header") == Some(&true.into());
    call.header(header).file(upload).send().await?;
    Ok(())
}

/// The newest versions of the datasets of a workspace, by the datasets' ids.
async fn newest(platform: &Platform, home: &Home) -> Result<BTreeMap<String, DatasetVersion>> {
    let call = platform.client.list_latest_dataset_versions_v2();
    let call = call.workspace_id(home.workspace);
    let all: Vec<DatasetVersion> = call.stream().try_collect().await?;
    let ids = all
        .into_iter()
        .map(|one| (one.dataset_id.clone().unwrap_or_default(), one));
    Ok(ids.collect())
}

fn present_dataset(info: &DatasetInfo, version: Option<&DatasetVersion>) -> Result<Present> {
    let mut state = state_of::<UpdateDatasetRequest>(
        &json!({"name": info.name, "description": info.description}),
    )?;
    let mut raw = serde_json::to_value(info)?;
    if let Some(version) = version {
        state["header"] = version.has_header.into();
        raw["newest"] = serde_json::to_value(version)?;
        raw["url"] = version.url.clone().into();
    }
    Ok(Present {
        id: info.id.clone().unwrap_or_default(),
        names: info.name.clone().into_iter().collect(),
        state,
        raw,
    })
}

/// The content of the newest version.
async fn content(platform: &Platform, home: &Home, present: &Present) -> Result<Option<Vec<u8>>> {
    let newest = &present.raw["newest"];
    let (Some(version), Some(name)) = (newest["version"].as_i64(), newest["fileName"].as_str())
    else {
        return Ok(None);
    };
    let call = platform
        .client
        .download_dataset_v2()
        .dataset_id(&present.id);
    let call = call.file_name(name).version(version.to_string());
    let mut parts = call.workspace_id(home.workspace).send().await?;
    let mut content = Vec::new();
    while let Some(part) = parts.try_next().await? {
        content.extend_from_slice(&part);
    }
    Ok(Some(content))
}

impl Entity for Datasets {
    const BLOCK: &'static str = "datasets";
    const NOUN: &'static str = "dataset";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["datasets", "add"];
    type State = UpdateDatasetRequest;

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let options: datasets::Add = item.options()?;
        let content = crate::values::read_file(&options.file, LONGEST).map_err(|error| {
            Error::other(format!("{} can't be read: {error}", options.file.display()))
        })?;
        let mut state = serde_json::to_value(options.request()?)?;
        state["content"] = fingerprint(&content).into();
        if options.header {
            state["header"] = true.into();
        }
        Ok(state)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform
            .client
            .list_datasets_v2()
            .workspace_id(home.workspace);
        let all: Vec<DatasetInfo> = call.visibility("all").stream().try_collect().await?;
        let versions = match all.is_empty() {
            true => BTreeMap::new(),
            false => newest(platform, home).await?,
        };
        let version = |one: &DatasetInfo| versions.get(one.id.as_deref().unwrap_or_default());
        all.iter()
            .map(|one| present_dataset(one, version(one)))
            .collect()
    }

    async fn describe(
        platform: &Platform,
        home: &Home,
        _: Option<&Item>,
        mut present: Present,
    ) -> Result<Present> {
        if let Some(content) = content(platform, home, &present).await? {
            present.state["content"] = fingerprint(&content).into();
            present.raw["text"] = String::from_utf8(content).ok().into();
        }
        Ok(present)
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let body = task.item.options::<datasets::Add>()?.request()?;
        let call = task.platform.client.create_dataset_v2();
        let reply = call
            .workspace_id(task.home.workspace)
            .body(body)
            .send()
            .await?;
        let info = reply.dataset.unwrap_or_default();
        upload(&task, info.id.as_deref().unwrap_or_default()).await?;
        let versions = newest(task.platform, task.home).await?;
        present_dataset(&info, versions.get(info.id.as_deref().unwrap_or_default()))
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        if state["description"] != present.state["description"] {
            let body = request::<UpdateDatasetRequest>(json!({
                "name": state["name"],
                "description": state["description"],
            }))?;
            let call = task
                .platform
                .client
                .update_dataset_v2()
                .dataset_id(&present.id);
            call.workspace_id(task.home.workspace)
                .body(body)
                .send()
                .await?;
        }
        let mut after = with_state(present, state);
        if ["content", "header"]
            .iter()
            .any(|field| state[*field] != present.state[*field])
        {
            upload(&task, &present.id).await?;
            let versions = newest(task.platform, task.home).await?;
            if let Some(version) = versions.get(&present.id) {
                after.raw["url"] = version.url.clone().into();
            }
        }
        Ok(after)
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform.client.delete_dataset_v2().dataset_id(&present.id);
        Ok(call.workspace_id(home.workspace).send().await?)
    }

    fn export(
        _: &Platform,
        _: &Home,
        present: &Present,
        files: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let name = present.names.first().cloned().unwrap_or_default();
        let Some(text) = present.raw["text"].as_str() else {
            return Err(Error::other(format!(
                "dataset {name} has no content that is text"
            )));
        };
        let table = [
            ("name", "name"),
            ("description", "description"),
            ("header", "header"),
        ];
        let mut keys = keys_from(&present.state, &table);
        let file = present.raw["newest"]["fileName"]
            .as_str()
            .unwrap_or("data.csv");
        let suffix = Path::new(file)
            .extension()
            .and_then(|suffix| suffix.to_str());
        let path = format!(
            "datasets/{}.{}",
            super::file_name(&name),
            suffix.unwrap_or("csv")
        );
        keys.insert("file-path".to_owned(), path.as_str().into());
        files.push((path, text.to_owned()));
        Ok(keys)
    }
}

pub struct DataLinks;

fn present_link(link: &DataLinkInfo) -> Result<Present> {
    let credentials = link.credentials.iter().flatten().next();
    Ok(Present {
        id: link.id.clone().unwrap_or_default(),
        names: link.name.clone().into_iter().collect(),
        state: state_of::<DataLinkCreateRequest>(&json!({
            "name": link.name,
            "description": link.description,
            "provider": link.provider,
            "resourceRef": link.resource_ref,
            "type": link.type_,
            "publicAccessible": link.public_accessible,
            "credentialsId": credentials.and_then(|one| one.id.clone()),
        }))?,
        raw: serde_json::to_value(link)?,
    })
}

impl Entity for DataLinks {
    const BLOCK: &'static str = "data-links";
    const NOUN: &'static str = "data link";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["data-links", "add"];
    const IMMUTABLE: &'static [&'static str] = &["provider", "resourceRef"];
    // Whether a bucket is public is found out by the Platform, once it has looked.
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("public", "publicAccessible"), ("type", "type")];
    type State = DataLinkCreateRequest;

    fn references(item: &Item) -> Vec<Reference> {
        beside(item, "credentials", "credentials")
            .into_iter()
            .collect()
    }

    fn desired(item: &Item, home: &Home, platform: &Platform) -> Result<Value> {
        let credentials = item.text("credentials");
        let credentials = credentials.map(|name| id_of(platform, "credentials", &home.text, name));
        let body = item.options::<data_links::Add>()?.request(credentials)?;
        Ok(serde_json::to_value(body)?)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform
            .client
            .list_data_links()
            .workspace_id(home.workspace);
        let all: Vec<DataLinkInfo> = call.visibility("all").stream().try_collect().await?;
        all.iter().map(present_link).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let body: DataLinkCreateRequest = typed(task.desired)?;
        let call = task.platform.client.create_custom_data_link();
        present_link(
            &call
                .workspace_id(task.home.workspace)
                .body(body)
                .send()
                .await?,
        )
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let body = request::<DataLinkUpdateRequest>(json!({
            "name": state["name"],
            "description": state["description"],
            "credentialsId": state["credentialsId"],
        }))?;
        let call = task
            .platform
            .client
            .update_custom_data_link()
            .data_link_id(&present.id);
        call.workspace_id(task.home.workspace)
            .body(body)
            .send()
            .await?;
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform
            .client
            .delete_custom_data_link()
            .data_link_id(&present.id);
        Ok(call.workspace_id(home.workspace).send().await?)
    }

    fn export(
        platform: &Platform,
        home: &Home,
        present: &Present,
        _: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let mut keys = keys_from(
            &present.state,
            &[
                ("name", "name"),
                ("description", "description"),
                ("provider", "provider"),
                ("uri", "resourceRef"),
            ],
        );
        if let Some(id) = present.state["credentialsId"].as_str() {
            keys.insert("credentials".to_owned(), platform.name_or(home, id).into());
        }
        Ok(keys)
    }
}
