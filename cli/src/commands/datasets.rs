//! `datasets`: tables that pipelines take as input.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use seqera::types::{
    ChangeDatasetVisibilityRequest, CreateDatasetRequest, DatasetInfo, DatasetVersion,
    UpdateDatasetRequest,
};
use serde::Deserialize;
use serde_json::json;

use super::labelled::{Kind, LabelChange};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::{Entries, table};
use crate::options::{Filter, IdOrName, InWorkspace, Overwrite, Paging, ShowLabels};
use crate::output::{Answer, Column};
use crate::requests::request;

/// Datasets: tables that runs take as input
#[derive(Subcommand, Debug)]
pub enum Datasets {
    /// Upload a file as a dataset
    Add(Add),
    /// Delete a dataset with all its versions
    Delete(Which),
    /// Print the content of a dataset
    Download(Version),
    /// Hide datasets from lists
    Hide(Several),
    /// Change the labels of a dataset
    Labels(ChangeLabels),
    /// List datasets
    List(List),
    /// Show hidden datasets in lists again
    Show(Several),
    /// Show a dataset
    View(View),
    /// Change a dataset, or add a version
    Update(Update),
    /// Print the URL of a dataset, for a run's parameters
    Url(Version),
}

/// A new dataset.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    /// Name of the dataset
    #[arg(short, long)]
    pub name: String,
    /// Description
    #[arg(short, long)]
    pub description: Option<String>,
    /// The first line names the columns
    #[arg(long)]
    #[serde(default)]
    pub header: bool,
    /// File to upload, CSV or TSV
    #[arg(value_name = "FILENAME")]
    #[serde(rename = "file-path")]
    pub file: PathBuf,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    #[command(flatten)]
    #[serde(flatten)]
    pub overwrite: Overwrite,
}

#[derive(Args, Debug)]
pub struct Which {
    #[command(flatten)]
    dataset: IdOrName,
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
pub struct Version {
    #[command(flatten)]
    which: Which,
    /// Number of the version [default: the latest]
    #[arg(long)]
    dataset_version: Option<i64>,
}

#[derive(Args, Debug)]
pub struct Several {
    #[command(flatten)]
    datasets: IdsOrNames,
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct IdsOrNames {
    /// Ids of the datasets
    #[arg(short, long, num_args = 1..)]
    id: Vec<String>,
    /// Names of the datasets
    #[arg(short, long, num_args = 1..)]
    name: Vec<String>,
}

#[derive(Args, Debug)]
pub struct ChangeLabels {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    change: LabelChange,
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    filter: Filter,
    /// Show hidden ones too
    #[arg(long)]
    show_hidden: bool,
    #[command(flatten)]
    labels: ShowLabels,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args, Debug)]
pub struct View {
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    command: Option<ViewCommand>,
}

/// What to show of a dataset; without it the dataset itself
#[derive(Subcommand, Debug)]
enum ViewCommand {
    /// List its versions
    Versions,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    which: Which,
    /// New name
    #[arg(long)]
    new_name: Option<String>,
    /// New description
    #[arg(short, long)]
    description: Option<String>,
    /// The first line of the file names the columns
    #[arg(long)]
    header: bool,
    /// File to upload as a new version
    #[arg(short, long)]
    file: Option<PathBuf>,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Name", "name"),
    Column::new("Version", "version"),
    Column::new("Labels", "labels"),
    Column::new("Last updated", "lastUpdated"),
];

const VERSION_COLUMNS: &[Column] = &[
    Column::new("Version", "version"),
    Column::new("File", "fileName"),
    Column::new("Header", "hasHeader"),
    Column::new("Type", "mediaType"),
    Column::new("Created", "dateCreated"),
    Column::new("Address", "url"),
];

impl Datasets {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => command.run(context).await,
            Self::Add(command) => command.run(context).await,
            Self::Update(command) => command.run(context).await,
            Self::View(command) => command.run(context).await,
            Self::Download(command) => command.download(context).await,
            Self::Url(command) => command.url(context).await,
            Self::Hide(command) => command.run(context, true).await,
            Self::Show(command) => command.run(context, false).await,
            Self::Delete(command) => {
                let place = context.required_place(&command.workspace).await?;
                let found = find(context, &place, &command.dataset).await?;
                delete(context, &place, &found).await?;
                let typed = command.dataset.typed();
                let text = format!("Dataset '{typed}' deleted at {} workspace", place.label());
                context.say(
                    json!({"datasetRef": typed, "workspaceRef": place.typed()}),
                    text,
                )
            }
            Self::Labels(ChangeLabels { which, change }) => {
                let place = context.place(&which.workspace).await?;
                let id = match which.dataset.id {
                    Some(id) => id,
                    None => find(context, &place, &which.dataset)
                        .await?
                        .id
                        .unwrap_or_default(),
                };
                change
                    .run(context, &place, Kind::Dataset, vec![id.into()])
                    .await
            }
        }
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.required_place(&self.workspace).await?;
        let call = context
            .client()?
            .list_datasets_v2()
            .workspace_id(place.id());
        let call = call
            .search(self.filter.filter)
            .offset(self.paging.skipped()?);
        let mut call = call.visibility(self.show_hidden.then_some("all"));
        if self.labels.labels {
            call = call.attributes(["labels"]);
        }
        let datasets = self.paging.read(call.stream()).await?;
        let view = datasets.table(format!("Datasets at {} workspace", place.label()), COLUMNS)?;
        let value = json!({
            "datasetList": datasets.items,
            "workspace": place.typed(),
            "showLabels": self.labels.labels,
            "showHidden": self.show_hidden,
        });
        context.show(&Answer::new(value, view))
    }
}

impl Add {
    /// The request that makes it.
    pub fn request(&self) -> Result<CreateDatasetRequest> {
        request(json!({"name": self.name, "description": self.description}))
    }

    pub async fn run(self, context: &Context) -> Result<Exit> {
        check_file(&self.file)?;
        let place = context.required_place(&self.workspace).await?;
        if self.overwrite.overwrite
            && let Some(present) = look_for(context, &place, &self.name).await?
        {
            context.step(delete(context, &place, &present).await)?;
        }
        let call = context
            .client()?
            .create_dataset_v2()
            .workspace_id(place.id())
            .body(self.request()?);
        let made = call.send().await?.dataset.unwrap_or_default();
        let id = made.id.unwrap_or_default();
        upload(context, &place, &id, &self.file, self.header).await?;
        let value =
            json!({"datasetName": self.name, "workspaceRef": place.typed(), "datasetId": id});
        let text = format!(
            "Dataset '{}' added at {} workspace with id: {id}",
            self.name,
            place.label()
        );
        context.say(value, text)
    }
}

impl Update {
    async fn run(self, context: &Context) -> Result<Exit> {
        if self.header && self.file.is_none() {
            return Err(Failure::failed("--header goes with --file only"));
        }
        if let Some(file) = &self.file {
            check_file(file)?;
        }
        let place = context.required_place(&self.which.workspace).await?;
        let present = find(context, &place, &self.which.dataset).await?;
        let (id, name) = (present.id.unwrap_or_default(), present.name);
        let body = request::<UpdateDatasetRequest>(json!({
            "name": self.new_name.or(name.clone()),
            "description": self.description.or(present.description),
        }))?;
        let call = context
            .client()?
            .update_dataset_v2()
            .workspace_id(place.id());
        call.dataset_id(&id).body(body).send().await?;
        if let Some(file) = &self.file {
            upload(context, &place, &id, file, self.header).await?;
        }
        let value = json!({"datasetName": name, "workspaceRef": place.typed(), "datasetId": id});
        let name = name.unwrap_or_default();
        context.say(
            value,
            format!(
                "Dataset '{name}' updated at {} workspace with id: {id}",
                place.label()
            ),
        )
    }
}

impl View {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.required_place(&self.which.workspace).await?;
        let found = find(context, &place, &self.which.dataset).await?;
        let Some(ViewCommand::Versions) = self.command else {
            let view = table(
                format!("Dataset at {} workspace", place.label()),
                COLUMNS,
                std::slice::from_ref(&found),
            )?;
            return context.show(&Answer::new(
                json!({"dataset": found, "workspace": place.typed()}),
                view,
            ));
        };
        let versions = versions(context, &place, &found).await?;
        let name = found.name.clone().unwrap_or_default();
        let view = table(
            format!("Versions of dataset {name}"),
            VERSION_COLUMNS,
            &versions,
        )?;
        let value = json!({"versions": versions, "dataset": found, "workspace": place.typed()});
        context.show(&Answer::new(value, view))
    }
}

impl Version {
    async fn find(
        &self,
        context: &Context,
        place: &Place<'_>,
    ) -> Result<(DatasetInfo, DatasetVersion)> {
        let found = find(context, place, &self.which.dataset).await?;
        let versions = versions(context, place, &found).await?.into_iter();
        let version = match self.dataset_version {
            Some(number) => versions.into_iter().find(|one| one.version == Some(number)),
            None => versions.max_by_key(|one| one.version),
        };
        let version = version.ok_or_else(|| {
            let id = found.id.clone().unwrap_or_default();
            Failure::not_found(match self.dataset_version {
                Some(number) => {
                    format!("No versions were found that matches version {number} for dataset {id}")
                }
                None => format!("No versions were found for dataset {id}"),
            })
        })?;
        Ok((found, version))
    }

    async fn url(self, context: &Context) -> Result<Exit> {
        let place = context.required_place(&self.which.workspace).await?;
        let (found, version) = self.find(context, &place).await?;
        let url = version.url.unwrap_or_default();
        let value = json!({"datasetUrl": url, "dataset": found.id, "workspace": place.typed()});
        context.say(value, url)
    }

    async fn download(self, context: &Context) -> Result<Exit> {
        let place = context.required_place(&self.which.workspace).await?;
        let (found, version) = self.find(context, &place).await?;
        let name = version.file_name.unwrap_or_default();
        let call = context
            .client()?
            .download_dataset_v2()
            .workspace_id(place.id());
        let call = call
            .dataset_id(found.id.unwrap_or_default())
            .file_name(&name);
        let call = call.version(version.version.unwrap_or_default().to_string());
        let mut content = Vec::new();
        let mut parts = call.send().await?;
        while let Some(part) = parts.try_next().await? {
            content.extend_from_slice(&part);
        }
        let value = json!({name: String::from_utf8_lossy(&content)});
        context.show(&Answer::new(value, crate::output::View::Content(content)))
    }
}

impl Several {
    async fn run(self, context: &Context, hide: bool) -> Result<Exit> {
        let place = context.required_place(&self.workspace).await?;
        let mut ids = self.datasets.id;
        for name in &self.datasets.name {
            let wanted = IdOrName {
                id: None,
                name: Some(name.clone()),
            };
            ids.extend(find(context, &place, &wanted).await?.id);
        }
        let body = request::<ChangeDatasetVisibilityRequest>(json!({"datasetIds": ids}))?;
        let client = context.client()?;
        if hide {
            client
                .hide_datasets()
                .workspace_id(place.id())
                .body(body)
                .send()
                .await?;
        } else {
            client
                .show_datasets()
                .workspace_id(place.id())
                .body(body)
                .send()
                .await?;
        }
        let done = if hide { "hidden" } else { "shown" };
        let text = format!("Datasets {done}: {}", ids.join(", "));
        context.say(
            json!({"datasetIds": ids, "workspace": place.typed(), "hidden": hide}),
            text,
        )
    }
}

fn check_file(path: &Path) -> Result<()> {
    if path.is_file() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "File path '{}' do not exists.",
        path.display()
    )))
}

/// What the server reads a file as, by its name.
pub fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => "text/csv",
        Some("tsv") => "text/tab-separated-values",
        Some("txt") => "text/plain",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

async fn upload(
    context: &Context,
    place: &Place<'_>,
    id: &str,
    file: &Path,
    header: bool,
) -> Result<()> {
    let upload = seqera::Upload::from_path(file).media_type(media_type(file));
    let call = context
        .client()?
        .upload_dataset_v2()
        .workspace_id(place.id())
        .dataset_id(id);
    call.header(header).file(upload).send().await?;
    Ok(())
}

async fn delete(context: &Context, place: &Place<'_>, dataset: &DatasetInfo) -> Result<()> {
    let call = context
        .client()?
        .delete_dataset_v2()
        .workspace_id(place.id());
    call.dataset_id(dataset.id.clone().unwrap_or_default())
        .send()
        .await?;
    Ok(())
}

async fn versions(
    context: &Context,
    place: &Place<'_>,
    dataset: &DatasetInfo,
) -> Result<Vec<DatasetVersion>> {
    let call = context
        .client()?
        .list_dataset_versions_v2()
        .workspace_id(place.id());
    let call = call.dataset_id(dataset.id.clone().unwrap_or_default());
    let reply = call.mime_type(dataset.media_type.clone()).send().await?;
    Ok(reply.versions.unwrap_or_default())
}

async fn look_for(context: &Context, place: &Place<'_>, name: &str) -> Result<Option<DatasetInfo>> {
    let call = context
        .client()?
        .list_datasets_v2()
        .workspace_id(place.id());
    let mut found = Entries::of(call.search(name).visibility("all").stream());
    while let Some(dataset) = found.try_next().await? {
        if dataset.name.as_deref() == Some(name) {
            return Ok(Some(dataset));
        }
    }
    Ok(None)
}

async fn find(context: &Context, place: &Place<'_>, wanted: &IdOrName) -> Result<DatasetInfo> {
    if let Some(id) = &wanted.id {
        let call = context
            .client()?
            .describe_dataset_v2()
            .workspace_id(place.id());
        let reply = call.dataset_id(id).send().await?;
        return Ok(reply.dataset.unwrap_or_default());
    }
    let name = wanted.typed();
    match look_for(context, place, &name).await? {
        Some(dataset) => Ok(dataset),
        None => Err(Failure::not_found(format!(
            "No dataset '{name}' found for workspace '{}' (not found)",
            place.reference().await?
        ))),
    }
}
