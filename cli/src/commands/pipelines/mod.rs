//! `pipelines`: the launchpad.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use seqera::types::{
    CreatePipelineSchemaRequest, LaunchInfo, PipelineDetails, PipelineVersionInfo,
};
use serde::Deserialize;
use serde_json::json;

use super::labelled::{Kind, LabelChange};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::{Entries, table};
use crate::options::{
    Filter, InWorkspace, Labels, LaunchOptions, NumberOrName, Overwrite, Paging, Revision,
    ShowLabels, VersionRef,
};
use crate::output::{Answer, Column, View as Shown, without_nulls};
use crate::requests::request;
use crate::values::{List as Words, choices};

mod create;
pub mod update;
pub mod versions;

/// Pipelines of the launchpad
#[derive(Subcommand, Debug)]
pub enum Pipelines {
    /// List pipelines
    List(List),
    /// Add a pipeline to the launchpad
    Add(Box<Add>),
    /// Delete a pipeline
    Delete(Which),
    /// Show a pipeline
    View(View),
    /// Change a pipeline
    Update(Box<Update>),
    /// Write a pipeline's configuration to a file
    Export(Export),
    /// Add a pipeline from a file
    Import(Import),
    /// Change the labels of a pipeline
    Labels(ChangeLabels),
    /// Versions of a pipeline
    #[command(subcommand)]
    Versions(Versions),
}

/// Schemas of pipelines' parameters
#[derive(Subcommand, Debug)]
pub enum PipelineSchemas {
    /// Add a schema
    Add(AddSchema),
}

choices! {
    /// Which pipelines are shown.
    PipelineVisibility {
        All = "all",
        Private = "private",
        Shared = "shared",
    }
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    labels: ShowLabels,
    #[command(flatten)]
    filter: Filter,
    /// Which to show: the workspace's own, shared ones, or both
    #[arg(long, value_enum, default_value = "private")]
    visibility: PipelineVisibility,
    #[command(flatten)]
    paging: Paging,
}

/// A new pipeline.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    /// Name of the pipeline
    #[arg(short, long)]
    pub name: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    /// Description
    #[arg(short, long)]
    pub description: Option<String>,
    /// URL of the repository
    #[arg(value_name = "PIPELINE_URL")]
    pub url: String,
    /// Name of its first version
    #[arg(long)]
    pub version_name: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub labels: Labels,
    /// Id of a stored schema of the parameters
    #[arg(long)]
    pub pipeline_schema_id: Option<i64>,
    #[command(flatten)]
    #[serde(flatten)]
    pub launch: LaunchOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub revision: Revision,
}

#[derive(Args, Debug)]
pub struct Which {
    #[command(flatten)]
    pipeline: NumberOrName,
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
pub struct View {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    version: VersionRef,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    which: Which,
    /// New description
    #[arg(short, long)]
    description: Option<String>,
    /// New name
    #[arg(long)]
    new_name: Option<String>,
    #[command(flatten)]
    launch: LaunchOptions,
    #[command(flatten)]
    revision: Revision,
    /// Id of a stored schema of the parameters
    #[arg(long)]
    pipeline_schema_id: Option<i64>,
    /// URL of another repository
    #[arg(long)]
    pipeline: Option<String>,
    /// Leave a new version unnamed, as a draft
    #[arg(long)]
    allow_draft: bool,
    #[command(flatten)]
    version: VersionRef,
}

#[derive(Args, Debug)]
pub struct Export {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    version: VersionRef,
    /// File to write; - is standard output
    #[arg(value_name = "FILENAME")]
    file: Option<String>,
}

/// A new pipeline from a file.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Import {
    /// Name of the pipeline
    #[arg(short, long)]
    pub name: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    /// Compute environment, by name or id [default: the file's]
    #[arg(short, long)]
    pub compute_env: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub overwrite: Overwrite,
    /// File that `pipelines export` wrote
    #[arg(value_name = "FILENAME")]
    #[serde(rename = "file-path")]
    pub file: PathBuf,
}

#[derive(Args, Debug)]
pub struct ChangeLabels {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    change: LabelChange,
}

/// One pipeline or several.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Selection {
    /// Id of the pipeline
    #[arg(short, long)]
    id: Option<i64>,
    /// Name of the pipeline
    #[arg(short, long)]
    name: Option<String>,
    /// Names of several pipelines, separated by commas
    #[arg(long)]
    names: Option<Words<String>>,
    /// All the workspace's own pipelines that match this text, as `pipelines list --filter` does
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

impl Selection {
    /// The ids of all that are meant.
    async fn ids(self, context: &Context, place: &Place<'_>) -> Result<Vec<i64>> {
        let mut ids = Vec::new();
        if let Some(text) = self.filter {
            let call = context.client()?.list_pipelines().workspace_id(place.id());
            let mut found = Entries::of(call.search(text).visibility("private").stream());
            while let Some(pipeline) = found.try_next().await? {
                ids.extend(pipeline.pipeline_id);
            }
            if ids.is_empty() {
                return Err(Failure::not_found("No pipeline matches (not found)"));
            }
        } else if let Some(Words(names)) = self.names {
            for name in names {
                ids.extend(named(context, place, &name).await?.pipeline_id);
            }
        } else {
            let wanted = NumberOrName {
                id: self.id,
                name: self.name,
            };
            ids.extend(find(context, place, &wanted).await?.pipeline_id);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

/// Versions of a pipeline
#[derive(Subcommand, Debug)]
pub enum Versions {
    /// List versions
    List(ListVersions),
    /// Rename a version, or make it the default
    Manage(ManageVersion),
}

#[derive(Args, Debug)]
pub struct ListVersions {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    filter: Filter,
    /// Show only published versions (--is-published=false: only drafts)
    #[arg(long)]
    is_published: Option<bool>,
    /// Show hashes in full
    #[arg(long)]
    full_hash: bool,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args, Debug)]
pub struct ManageVersion {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    version: OneVersion,
    #[command(flatten)]
    change: VersionChange,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct OneVersion {
    /// Id of the version
    #[arg(long)]
    version_id: Option<String>,
    /// Name of the version
    #[arg(long)]
    version_name: Option<String>,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
struct VersionChange {
    /// New name
    #[arg(long)]
    new_name: Option<String>,
    /// Make it the default version
    #[arg(long)]
    set_default: Option<bool>,
}

#[derive(Args, Debug)]
pub struct AddSchema {
    /// File with the schema
    #[arg(short, long)]
    content: crate::values::TextFile,
    #[command(flatten)]
    workspace: InWorkspace,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "pipelineId"),
    Column::new("Name", "name"),
    Column::new("Repository", "repository"),
    Column::new("Visibility", "visibility"),
    Column::new("Labels", "labels"),
];

impl Pipelines {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => command.run(context).await,
            Self::Add(command) => create::add(context, *command).await,
            Self::Import(command) => create::import(context, command).await,
            Self::Export(command) => create::export(context, command).await,
            Self::View(command) => command.run(context).await,
            Self::Update(command) => update::run(context, *command).await,
            Self::Versions(Versions::List(command)) => versions::list(context, command).await,
            Self::Versions(Versions::Manage(command)) => versions::manage(context, command).await,
            Self::Delete(command) => {
                let place = context.place(&command.workspace).await?;
                let id = match command.pipeline.id {
                    Some(id) => id,
                    None => {
                        let found = find(context, &place, &command.pipeline).await?;
                        found.pipeline_id.unwrap_or_default()
                    }
                };
                delete(context, &place, id).await?;
                let (typed, reference) = (command.pipeline.typed(), place.reference().await?);
                let text = format!("Pipeline '{typed}' deleted at {reference} workspace");
                context.say(
                    json!({"pipelineRef": typed, "workspaceRef": reference}),
                    text,
                )
            }
            Self::Labels(command) => {
                let place = context.place(&command.workspace).await?;
                let ids = command.selection.ids(context, &place).await?;
                let ids = ids.into_iter().map(|id| json!(id)).collect();
                let change = command.change;
                change.run(context, &place, Kind::Pipeline, ids).await
            }
        }
    }
}

impl PipelineSchemas {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let Self::Add(AddSchema { content, workspace }) = self;
        let body = request::<CreatePipelineSchemaRequest>(json!({"content": content}))?;
        let place = context.place(&workspace).await?;
        let call = context
            .client()?
            .create_pipeline_schema()
            .workspace_id(place.id())
            .body(body);
        let id = call
            .send()
            .await?
            .pipeline_schema
            .and_then(|schema| schema.id);
        let reference = place.reference().await?;
        let text = format!(
            "Schema {} added at {reference} workspace",
            id.unwrap_or_default()
        );
        context.say(json!({"workspaceRef": reference, "schemaId": id}), text)
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let call = context.client()?.list_pipelines().workspace_id(place.id());
        let call = call
            .search(self.filter.filter)
            .offset(self.paging.skipped()?);
        let mut call = call.visibility(self.visibility.as_str());
        if self.labels.labels {
            call = call.attributes(["labels"]);
        }
        let pipelines = self.paging.read(call.stream()).await?;
        let reference = place.reference().await?;
        let view = pipelines.table(format!("Pipelines at {reference} workspace"), COLUMNS)?;
        context.show(&Answer::new(
            json!({"workspaceRef": reference, "pipelines": pipelines.items}),
            view,
        ))
    }
}

impl View {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let pipeline = find(context, &place, &self.which.pipeline).await?;
        let version = version_of(context, &place, &pipeline, self.version).await?;
        let version = match version {
            Some(version) => Some(versions::whole(context, &place, &pipeline, version).await?),
            None => None,
        };
        let id = version.as_ref().and_then(|version| version.id.as_deref());
        let launch = launch_of(context, &place, &pipeline, id).await?;
        let reference = place.reference().await?;
        let mut view = vec![table(
            format!("Pipeline at {reference} workspace"),
            COLUMNS,
            std::slice::from_ref(&pipeline),
        )?];
        view.push(Shown::Text(serde_json::to_string_pretty(&launch)?));
        let value = without_nulls(json!({
            "workspaceRef": reference,
            "info": pipeline,
            "launch": launch,
            "version": version,
        }));
        context.show(&Answer::new(value, Shown::Parts(view)))
    }
}

async fn delete(context: &Context, place: &Place<'_>, id: i64) -> Result<()> {
    context
        .client()?
        .delete_pipeline()
        .pipeline_id(id)
        .workspace_id(place.id())
        .send()
        .await?;
    Ok(())
}

/// The pipeline of that name, among those that a search finds: the workspace's own and those shared
/// with it.
pub async fn look_for(
    context: &Context,
    place: &Place<'_>,
    name: &str,
    search: &str,
) -> Result<Option<PipelineDetails>> {
    let call = context.client()?.list_pipelines().workspace_id(place.id());
    let call = call.search(search).visibility("all");
    let mut found = Entries::of(call.max(50).stream());
    let (mut named, mut others) = (Vec::new(), 0);
    while let Some(pipeline) = found.try_next().await? {
        if pipeline.name.as_deref() == Some(name) {
            named.push(pipeline);
        } else {
            others += 1;
        }
    }
    // The workspace's own goes before one that is shared with it.
    let own = named
        .iter()
        .position(|one| one.workspace_id.is_none() || one.workspace_id == place.id());
    match (own, named.len()) {
        (_, 0) if others < 2 => Ok(None),
        (Some(own), _) => Ok(Some(named.swap_remove(own))),
        (None, 1) => Ok(named.pop()),
        (None, _) => Err(Failure::failed(format!(
            "Multiple pipelines match '\"{name}\"' at {} workspace",
            place.reference().await?
        ))),
    }
}

/// A search for a name alone.
pub fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// The pipeline of that name, which must be there.
async fn named(context: &Context, place: &Place<'_>, name: &str) -> Result<PipelineDetails> {
    match look_for(context, place, name, &quoted(name)).await? {
        Some(found) => Ok(found),
        None => Err(Failure::not_found(format!(
            "Unknown pipeline '\"{name}\"' at {} workspace (not found)",
            place.reference().await?
        ))),
    }
}

async fn find(
    context: &Context,
    place: &Place<'_>,
    wanted: &NumberOrName,
) -> Result<PipelineDetails> {
    let (id, source) = match wanted.id {
        Some(id) => (id, None),
        None => {
            let found = named(context, place, &wanted.typed()).await?;
            let home = found.workspace_id.filter(|home| Some(*home) != place.id());
            (found.pipeline_id.unwrap_or_default(), home)
        }
    };
    let call = context
        .client()?
        .describe_pipeline()
        .pipeline_id(id)
        .workspace_id(place.id());
    let call = call.source_workspace_id(source).attributes(["labels"]);
    Ok(call.send().await?.pipeline.unwrap_or_default())
}

/// The version that was said, or the default one. By its id it is not looked up.
async fn version_of(
    context: &Context,
    place: &Place<'_>,
    pipeline: &PipelineDetails,
    said: VersionRef,
) -> Result<Option<PipelineVersionInfo>> {
    match (said.version_id, said.version_name) {
        (Some(id), _) => Ok(Some(PipelineVersionInfo::new().id(id))),
        (None, Some(name)) => {
            let pipeline = pipeline.pipeline_id.unwrap_or_default();
            let found = versions::named(context, place, pipeline, &name).await?;
            Ok(Some(found))
        }
        (None, None) => Ok(pipeline.version.clone()),
    }
}

async fn launch_of(
    context: &Context,
    place: &Place<'_>,
    pipeline: &PipelineDetails,
    version: Option<&str>,
) -> Result<LaunchInfo> {
    let call = context
        .client()?
        .describe_pipeline_launch()
        .workspace_id(place.id());
    let call = call
        .pipeline_id(pipeline.pipeline_id.unwrap_or_default())
        .version_id(version);
    let home = pipeline
        .workspace_id
        .filter(|home| Some(*home) != place.id());
    let reply = call.source_workspace_id(home).send().await?;
    Ok(reply.launch.unwrap_or_default())
}
