//! What belongs to a pipeline: its named versions, and the schema of its parameters.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use seqera::types::{
    CreatePipelineRequest, CreatePipelineSchemaRequest, LaunchInfo, PipelineDetails,
    PipelineVersionManageRequest, UpdatePipelineRequest,
};
use serde_json::{Map, Value, json};

use super::launches::complete_params;
use super::pipelines::{export_launch, finish, launch_references, launch_state, present_pipeline};
use super::{
    Entity, Reference, Scope, Task, beside, data::fingerprint, file_name, key, with_state,
};
use crate::commands::pipelines;
use crate::kit::additional::{self, OWN};
use crate::kit::compare::overlay;
use crate::kit::item::Item;
use crate::kit::keys::{Key, Takes};
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};
use crate::kit::variables::{Used, Variables};
use crate::requests::request;

/// Of how many pipelines at once something is read.
const AT_ONCE: usize = 32;

/// The pipelines of a workspace that items name; all where nobody asks for any.
async fn named(
    platform: &Platform,
    home: &Home,
    names: Option<BTreeSet<String>>,
) -> Result<Vec<Arc<Present>>> {
    platform.load(super::of("pipelines")?, home).await;
    let listed = platform.listed("pipelines", &home.text);
    let listed = listed.map_err(|error| Error::other(error.to_string()))?;
    let wanted = |one: &Arc<Present>| {
        let own = |name: &String| *name == one.id || one.names.contains(name);
        names.as_ref().is_none_or(|names| names.iter().any(own))
    };
    Ok(listed.into_iter().filter(wanted).collect())
}

/// A pipeline as it is now: another item may have changed it.
async fn whole(platform: &Platform, home: &Home, name: &str) -> Result<PipelineDetails> {
    platform.load(super::of("pipelines")?, home).await;
    let found = platform.find("pipelines", &home.text, name);
    let found = found.ok_or_else(|| Error::other(format!("there is no pipeline `{name}`")))?;
    let call = platform
        .client
        .describe_pipeline()
        .pipeline_id(found.number());
    let call = call.workspace_id(home.workspace).attributes(["labels"]);
    Ok(call.send().await?.pipeline.unwrap_or_default())
}

/// What a version of a pipeline launches; the default one where none is said.
async fn launch_of(
    platform: &Platform,
    home: &Home,
    pipeline: i64,
    version: Option<&str>,
) -> Result<LaunchInfo> {
    let call = platform
        .client
        .describe_pipeline_launch()
        .pipeline_id(pipeline);
    let call = call.workspace_id(home.workspace).version_id(version);
    Ok(call.send().await?.launch.unwrap_or_default())
}

/// A pipeline as it is, with something else to launch.
fn changed(details: &PipelineDetails, launch: &Value) -> Result<UpdatePipelineRequest> {
    let labels = details.labels.iter().flatten();
    let labels: Vec<_> = labels.filter_map(|label| label.id).collect();
    Ok(request(json!({
        "name": details.name,
        "description": details.description,
        "icon": details.icon,
        "labelIds": labels,
        "launch": launch,
    }))?)
}

/// Keeps what a pipeline has become.
async fn look_again(platform: &Platform, home: &Home, name: &str) -> Result<PipelineDetails> {
    let details = whole(platform, home, name).await?;
    platform.keep("pipelines", &home.text, present_pipeline(&details)?);
    Ok(details)
}

/// The name of the pipeline that an item belongs to.
fn name_of<'a>(task: &Task<'a>) -> &'a str {
    task.item.text("pipeline").unwrap_or_default()
}

/// A reference to the pipeline that an item belongs to.
fn pipeline(item: &Item) -> impl Iterator<Item = Reference> {
    beside(item, "pipelines", "pipeline").into_iter()
}

pub struct PipelineVersions;

/// Fields of a launch by which versions differ: with a change of others alone servers make no new one.
const VERSIONED: [&str; 12] = [
    "pipeline",
    "revision",
    "commitId",
    "mainScript",
    "entryName",
    "schemaName",
    "pipelineSchemaId",
    "configText",
    "configProfiles",
    "paramsText",
    "preRunScript",
    "postRunScript",
];

/// Names a version, or makes it the default one.
async fn manage(
    task: &Task<'_>,
    pipeline: i64,
    version: &str,
    name: Option<&str>,
    default: bool,
) -> Result<()> {
    let is_default = default.then_some(true);
    let body =
        request::<PipelineVersionManageRequest>(json!({"name": name, "isDefault": is_default}))?;
    let call = task.platform.client.manage_pipeline_version();
    let call = call.pipeline_id(pipeline).version_id(version);
    let call = call.workspace_id(task.home.workspace);
    Ok(call.body(body).send().await?)
}

impl PipelineVersions {
    /// The version without a name that launches just this: an earlier run left it.
    async fn draft(task: &Task<'_>, pipeline: i64, launch: &Value) -> Result<Option<String>> {
        let call = task.platform.client.list_pipeline_versions();
        let call = call.pipeline_id(pipeline).is_published(false);
        let mut drafts = call.workspace_id(task.home.workspace).stream();
        while let Some(draft) = drafts.try_next().await? {
            let Some(id) = draft.version.and_then(|version| version.id) else {
                continue;
            };
            let own = launch_of(task.platform, task.home, pipeline, Some(&id)).await?;
            if launch_state(&own)? == *launch {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn name_of(pipeline: &str, version: &str) -> String {
        format!("{pipeline}/{version}")
    }
}

impl Entity for PipelineVersions {
    const BLOCK: &'static str = "pipeline-versions";
    const NOUN: &'static str = "version of a pipeline";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &[OWN, "pipeline-versions"];
    // A version with another launch is another version.
    const IMMUTABLE: &'static [&'static str] = &["launch"];
    const STAYS: Option<&'static str> = Some("the Platform keeps versions as they are");
    const ASKS: bool = true;
    type State = CreatePipelineRequest;

    fn name(item: &Item) -> String {
        let text = |key| item.text(key).unwrap_or_default();
        Self::name_of(text("pipeline"), text("name"))
    }

    fn extra(_: &str) -> Vec<Key> {
        vec![key("params", Takes::Map)]
    }

    fn complete(item: &mut Item, variables: &Variables, used: &mut Used) -> Result<(), String> {
        complete_params(item, variables, used)
    }

    fn references(item: &Item) -> Vec<Reference> {
        let mut all = launch_references(item);
        all.extend(pipeline(item));
        // The schema of the default version is that of those that are made of it.
        all.extend(pipeline(item).map(|pipeline| Reference {
            block: "pipeline-schemas",
            required: false,
            ..pipeline
        }));
        all
    }

    fn desired(item: &Item, home: &Home, platform: &Platform) -> Result<Value> {
        let options: additional::PipelineVersion = item.options()?;
        let mut launch = options.launch.fields(None)?;
        launch.insert("pipeline".to_owned(), options.url.into());
        launch.insert("revision".to_owned(), options.revision.revision.into());
        let mut state = json!({"launch": launch});
        finish(item, home, platform, &mut state);
        if options.default {
            state["isDefault"] = true.into();
        }
        Ok(state)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let asked = platform.asked(Self::BLOCK, &home.text);
        let pipeline_of = |name: &String| name.rsplit_once('/').map(|(name, _)| name.to_owned());
        let names = asked
            .as_ref()
            .map(|names| names.iter().filter_map(pipeline_of).collect());
        let of_each = named(platform, home, names).await?;
        let of_each = stream::iter(of_each).map(|pipeline| async move {
            let call = platform.client.list_pipeline_versions();
            let call = call.pipeline_id(pipeline.number()).is_published(true);
            let call = call.workspace_id(home.workspace);
            let all: Vec<PipelineDetails> = call.stream().try_collect().await?;
            Result::<_, Error>::Ok((pipeline, all))
        });
        let of_each: Vec<_> = of_each.buffered(AT_ONCE).try_collect().await?;
        // The only one is the pipeline itself.
        let some = of_each.into_iter();
        let some = some.filter(|(_, all)| asked.is_some() || all.len() > 1);
        let present = |pipeline: &Present, entry: PipelineDetails| {
            let name = pipeline.names.first().cloned().unwrap_or_default();
            let version = entry.version.unwrap_or_default();
            let own = version.name.unwrap_or_default();
            Present {
                id: version.id.clone().unwrap_or_default(),
                names: vec![Self::name_of(&name, &own)],
                state: json!({"isDefault": version.is_default == Some(true)}),
                raw: json!({
                    "id": version.id,
                    "name": own,
                    "pipeline": name,
                    "pipelineId": pipeline.number(),
                }),
            }
        };
        Ok(some
            .flat_map(|(pipeline, all)| {
                let own = move |entry| present(&pipeline, entry);
                all.into_iter().map(own)
            })
            .collect())
    }

    /// Lists don't tell what a version launches.
    async fn describe(
        platform: &Platform,
        home: &Home,
        _: Option<&Item>,
        mut present: Present,
    ) -> Result<Present> {
        let pipeline = present.raw["pipelineId"].as_i64().unwrap_or_default();
        let launch = launch_of(platform, home, pipeline, Some(&present.id)).await?;
        present.state["launch"] = launch_state(&launch)?;
        Ok(present)
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let of = format!("{}/{}", task.home.text, name_of(&task));
        let _turn = task.platform.turn("a version", &of).await;
        let details = whole(task.platform, task.home, name_of(&task)).await?;
        let pipeline = details.pipeline_id.unwrap_or_default();
        let default = details.version.as_ref().and_then(|one| one.id.clone());
        let default = default.ok_or_else(|| Error::other("the Platform knows no versions"))?;
        let base = launch_of(task.platform, task.home, pipeline, Some(&default)).await?;
        let base = launch_state(&base)?;
        let mut launch = base.clone();
        overlay(&mut launch, &task.desired["launch"]);
        if VERSIONED.iter().all(|field| launch[*field] == base[*field]) {
            return Err(Error::other(
                "a new version must differ from the default one in what is launched, such as \
                 `revision` or `params`",
            ));
        }
        let is_default = task.desired["isDefault"] == true;
        let name = task.item.text("name").unwrap_or_default();
        let version = match Self::draft(&task, pipeline, &launch).await? {
            Some(draft) => draft,
            None => {
                let call = task.platform.client.update_pipeline_version();
                let call = call.pipeline_id(pipeline).version_id(&default);
                let call = call.workspace_id(task.home.workspace);
                let reply = call.body(changed(&details, &launch)?).send().await?;
                let made = reply.pipeline.and_then(|pipeline| pipeline.version);
                let made = made.unwrap_or_default();
                let id = made.id.unwrap_or_default();
                if id == default {
                    return Err(Error::other("the Platform made no new version of it"));
                }
                // Some servers make a new version the default one.
                if made.name.is_some() && !is_default {
                    manage(&task, pipeline, &default, None, true).await?;
                }
                id
            }
        };
        manage(&task, pipeline, &version, Some(name), is_default).await?;
        look_again(task.platform, task.home, name_of(&task)).await?;
        Ok(Present {
            raw: json!({"id": version, "name": name, "pipelineId": pipeline}),
            id: version,
            names: vec![Self::name(task.item)],
            state: task.desired.clone(),
        })
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let pipeline = present.raw["pipelineId"].as_i64().unwrap_or_default();
        if state["isDefault"] == true {
            manage(&task, pipeline, &present.id, None, true).await?;
            look_again(task.platform, task.home, name_of(&task)).await?;
        }
        Ok(with_state(present, state))
    }

    async fn delete(_: &Platform, _: &Home, _: &Present) -> Result<()> {
        Ok(())
    }

    fn export(
        platform: &Platform,
        home: &Home,
        present: &Present,
        files: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let launch = &present.state["launch"];
        let name = present.names.first().cloned().unwrap_or_default();
        let mut keys = export_launch(platform, home, "pipeline-versions", &name, launch, files);
        keys.insert("name".to_owned(), present.raw["name"].clone());
        keys.insert("pipeline".to_owned(), present.raw["pipeline"].clone());
        if present.state["isDefault"] == true {
            keys.insert("default".to_owned(), true.into());
        }
        keys.insert("url".to_owned(), launch["pipeline"].clone());
        Ok(keys)
    }
}

pub struct PipelineSchemas;

/// A text of JSON, however it is laid out, as one.
fn canonical(text: &str) -> Result<String> {
    let schema: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Error::other(format!("the schema is no JSON object: {error}")))?;
    // A map of its own kind sorts its names.
    let mut schema = Value::Object(schema);
    schema.sort_all_objects();
    Ok(schema.to_string())
}

/// Has a pipeline take a schema, or none.
async fn take(
    platform: &Platform,
    home: &Home,
    name: &str,
    schema: Option<i64>,
) -> Result<PipelineDetails> {
    // Versions of a pipeline are made of the one that is the default then.
    let _turn = platform
        .turn("a version", &format!("{}/{name}", home.text))
        .await;
    let details = whole(platform, home, name).await?;
    let version = details.version.as_ref().and_then(|one| one.id.clone());
    let pipeline = details.pipeline_id.unwrap_or_default();
    let base = launch_of(platform, home, pipeline, version.as_deref()).await?;
    let mut launch = launch_state(&base)?;
    launch["pipelineSchemaId"] = schema.into();
    let body = changed(&details, &crate::output::without_nulls(launch))?;
    let (client, workspace) = (&platform.client, home.workspace);
    pipelines::update::send(client, workspace, &details, version.as_deref(), body, false).await?;
    look_again(platform, home, name).await
}

impl PipelineSchemas {
    async fn put(task: &Task<'_>) -> Result<Present> {
        let options: additional::PipelineSchema = task.item.options()?;
        let content = options.file_path.read().map_err(Error::other)?;
        let body = request::<CreatePipelineSchemaRequest>(json!({"content": content}))?;
        let call = task.platform.client.create_pipeline_schema();
        let call = call.workspace_id(task.home.workspace).body(body);
        let schema = call.send().await?.pipeline_schema.and_then(|one| one.id);
        let found = take(task.platform, task.home, &options.pipeline, schema).await?;
        Ok(Present {
            id: found.pipeline_id.unwrap_or_default().to_string(),
            names: vec![options.pipeline],
            state: task.desired.clone(),
            raw: json!({"id": schema, "version": found.version.and_then(|one| one.id)}),
        })
    }
}

impl Entity for PipelineSchemas {
    const BLOCK: &'static str = "pipeline-schemas";
    const NOUN: &'static str = "schema of a pipeline";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &[OWN, "pipeline-schemas"];
    const ASKS: bool = true;
    type State = CreatePipelineRequest;

    fn name(item: &Item) -> String {
        item.text("pipeline").unwrap_or_default().to_owned()
    }

    fn references(item: &Item) -> Vec<Reference> {
        pipeline(item).collect()
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let options: additional::PipelineSchema = item.options()?;
        let content = options.file_path.read().map_err(Error::other)?;
        Ok(json!({"content": fingerprint(canonical(&content)?.as_bytes())}))
    }

    /// Those that pipelines were given: a schema of the repository is none.
    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let asked = platform.asked(Self::BLOCK, &home.text);
        let of_each = named(platform, home, asked).await?;
        let of_each = stream::iter(of_each).map(|pipeline| async move {
            let version = pipeline.raw["version"]["id"].as_str();
            let launch = launch_of(platform, home, pipeline.number(), version).await?;
            Result::<_, Error>::Ok(launch.pipeline_schema_id.map(|schema| Present {
                id: pipeline.id.clone(),
                names: pipeline.names.clone(),
                state: json!({}),
                raw: json!({"id": schema, "version": version}),
            }))
        });
        let of_each: Vec<_> = of_each.buffered(AT_ONCE).try_collect().await?;
        Ok(of_each.into_iter().flatten().collect())
    }

    async fn describe(
        platform: &Platform,
        home: &Home,
        _: Option<&Item>,
        mut present: Present,
    ) -> Result<Present> {
        let call = platform.client.describe_pipeline_schema();
        let call = call.pipeline_id(present.number()).attributes(["schema"]);
        let call = call.version_id(present.raw["version"].as_str());
        let reply = call.workspace_id(home.workspace).send().await?;
        let text = reply.schema.unwrap_or_default();
        present.state["content"] = fingerprint(canonical(&text)?.as_bytes()).into();
        present.raw["text"] = text.into();
        Ok(present)
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        Self::put(&task).await
    }

    async fn update(task: Task<'_>, _: &Present, _: &Value) -> Result<Present> {
        Self::put(&task).await
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let name = present.names.first().map(String::as_str);
        take(platform, home, name.unwrap_or_default(), None)
            .await
            .map(drop)
    }

    fn export(
        _: &Platform,
        _: &Home,
        present: &Present,
        files: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let name = present.names.first().cloned().unwrap_or_default();
        let path = format!("pipeline-schemas/{}.json", file_name(&name));
        let text = present.raw["text"].as_str().unwrap_or_default();
        files.push((path.clone(), text.to_owned()));
        let keys = json!({"pipeline": name, "file-path": path});
        Ok(keys.as_object().cloned().unwrap_or_default())
    }
}
