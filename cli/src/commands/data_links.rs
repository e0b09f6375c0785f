//! `data-links`: buckets and the files in them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use seqera::types::{
    DataLinkContentResponse, DataLinkCreateRequest, DataLinkInfo, DataLinkUpdateRequest,
};
use seqera::{DataLink, Id};
use serde::Deserialize;
use serde_json::json;

use super::credentials;
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::table;
use crate::options::{InWorkspace, Paging};
use crate::output::{Answer, Column, Unit, without_nulls};
use crate::requests::request;
use crate::values::{List as Words, choices};

mod find;

pub use find::Lookup;

/// Data links: buckets and the files in them
#[derive(Subcommand, Debug)]
pub enum DataLinks {
    /// List data links
    List(List),
    /// Add a data link
    Add(Add),
    /// Delete a data link, not the bucket
    Delete(Which),
    /// Change a data link
    Update(Update),
    /// List files and folders in a data link
    Browse(Browse),
    /// Download files and folders
    Download(Transfer),
    /// Upload files and folders
    Upload(Transfer),
}

choices! {
    /// Clouds.
    Provider {
        Aws = "aws",
        Google = "google",
        Azure = "azure",
    }
}

choices! {
    /// Which data links are shown.
    Visibility {
        Hidden = "hidden",
        Visible = "visible",
        All = "all",
    }
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    paging: Paging,
    /// Credentials to list buckets with, by name or id
    #[arg(short, long)]
    credentials: Option<String>,
    /// Wait until the Platform has listed all buckets
    #[arg(long)]
    wait: bool,
    /// Which to show
    #[arg(long, value_enum)]
    visibility: Option<Visibility>,
    /// Show only those whose name matches
    #[arg(short, long)]
    name: Option<String>,
    /// Show only those in this region
    #[arg(short, long)]
    region: Option<String>,
    /// Show only those in these clouds, separated by commas: aws, google, azure
    #[arg(short, long)]
    providers: Option<Words<Provider>>,
    /// Show only the one with this URI
    #[arg(short, long)]
    uri: Option<String>,
}

/// A new data link.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    /// Name of the data link
    #[arg(short, long)]
    pub name: String,
    /// Description
    #[arg(short, long)]
    pub description: Option<String>,
    /// URI of the bucket, such as s3://acme-data
    #[arg(short, long)]
    pub uri: String,
    /// Cloud provider of the bucket
    #[arg(short, long, value_enum)]
    pub provider: Provider,
    /// Credentials to use, by name or id [default: none, the bucket is public]
    #[arg(short, long)]
    pub credentials: Option<String>,
}

#[derive(Args, Debug)]
pub struct Which {
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    data_link: DataLinkRef,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct DataLinkRef {
    /// Id (or give --name)
    #[arg(short, long)]
    id: Option<String>,
    /// Name (or give --id)
    #[arg(short, long)]
    name: Option<String>,
    /// URI of the bucket (or give --id or --name)
    #[arg(long)]
    uri: Option<String>,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    workspace: InWorkspace,
    /// Id of the data link
    #[arg(short, long)]
    id: String,
    /// New name
    #[arg(short, long)]
    name: String,
    /// New description
    #[arg(short, long)]
    description: Option<String>,
    /// Other credentials, by name or id
    #[arg(short, long)]
    credentials: Option<String>,
}

#[derive(Args, Debug)]
pub struct Browse {
    #[command(flatten)]
    which: Which,
    /// Credentials to use, by name or id
    #[arg(short, long)]
    credentials: Option<String>,
    /// Folder to show
    #[arg(short, long)]
    path: Option<String>,
    /// Show only what begins with this text
    #[arg(short, long)]
    filter: Option<String>,
    /// Go on where an earlier page ended
    #[arg(short, long)]
    token: Option<String>,
    /// Entries on a page
    #[arg(long)]
    page: Option<i64>,
}

#[derive(Args, Debug)]
pub struct Transfer {
    #[command(flatten)]
    which: Which,
    /// Credentials to use, by name or id
    #[arg(short, long)]
    credentials: String,
    /// Folder that files are put into
    #[arg(short, long)]
    output_dir: Option<PathBuf>,
    /// Files and folders
    #[arg(required = true)]
    paths: Vec<String>,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Provider", "provider"),
    Column::new("Name", "name"),
    Column::new("Address", "resourceRef"),
    Column::new("Region", "region"),
];

const ITEM_COLUMNS: &[Column] = &[
    Column::new("Type", "type"),
    Column::new("Name", "name"),
    Column::of(Unit::Bytes, "Size", "size"),
];

impl DataLinks {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => command.run(context).await,
            Self::Add(command) => command.run(context).await,
            Self::Update(command) => command.run(context).await,
            Self::Browse(command) => command.run(context).await,
            Self::Download(command) => command.download(context).await,
            Self::Upload(command) => command.upload(context).await,
            Self::Delete(command) => {
                let place = context.place(&command.workspace).await?;
                let id = command.data_link.id(context, &place, None).await?;
                let call = context
                    .client()?
                    .delete_custom_data_link()
                    .data_link_id(&id);
                call.workspace_id(place.id()).send().await?;
                let text = format!("Data link '{id}' deleted at {} workspace", place.label());
                context.say(without_nulls(json!({"id": id, "wspId": place.id()})), text)
            }
        }
    }
}

async fn credentials_of(
    context: &Context,
    place: &Place<'_>,
    wanted: Option<&str>,
) -> Result<Option<String>> {
    match wanted {
        None => Ok(None),
        Some(wanted) => Ok(Some(
            credentials::of_any_kind(context, place, wanted).await?,
        )),
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let credentials = credentials_of(context, &place, self.credentials.as_deref()).await?;
        let lookup = Lookup {
            context,
            place: &place,
            credentials: credentials.as_deref(),
        };
        let mut listed = lookup.is_listed().await?;
        while self.wait && !listed {
            tokio::time::sleep(Duration::from_secs(2)).await;
            listed = lookup.is_listed().await?;
        }
        let call = context.client()?.list_data_links().workspace_id(place.id());
        let call = call.credentials_id(credentials).search(self.search());
        let call = call.visibility(self.visibility.map(Visibility::as_str));
        let call = call.offset(self.paging.skipped()?);
        let found = self.paging.read(call.stream()).await?;
        let reference = place.reference().await?;
        let view = found.table(format!("Data links at {reference} workspace"), COLUMNS)?;
        if !listed {
            context.note("The Platform is still listing buckets: there may be more.");
        }
        let value = json!({
            "workspaceRef": reference,
            "dataLinks": found.items,
            "showFetchingInfo": !listed,
        });
        context.show(&Answer::new(value, view))
    }

    /// The text that the server searches by.
    fn search(&self) -> Option<String> {
        let providers = self.providers.as_ref().map(|list| {
            let names: Vec<_> = list.0.iter().map(|provider| provider.as_str()).collect();
            format!("provider:{}", names.join(","))
        });
        let parts = [
            self.name.clone(),
            providers,
            self.region
                .as_ref()
                .map(|region| format!("region:{region}")),
            self.uri.as_ref().map(|uri| format!("resourceRef:{uri}")),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

impl Add {
    /// The request that makes it, with the id of the credentials.
    pub fn request(&self, credentials: Option<String>) -> Result<DataLinkCreateRequest> {
        request(json!({
            "name": self.name,
            "description": self.description,
            "resourceRef": self.uri,
            "type": "bucket",
            "provider": self.provider,
            "publicAccessible": credentials.is_none(),
            "credentialsId": credentials,
        }))
    }

    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let credentials = credentials_of(context, &place, self.credentials.as_deref()).await?;
        let body = self.request(credentials)?;
        let call = context
            .client()?
            .create_custom_data_link()
            .workspace_id(place.id())
            .body(body);
        show(context, call.send().await?, "Data link created")
    }
}

impl Update {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let credentials = credentials_of(context, &place, self.credentials.as_deref()).await?;
        let body = request::<DataLinkUpdateRequest>(json!({
            "name": self.name,
            "description": self.description,
            "credentialsId": credentials,
        }))?;
        let call = context
            .client()?
            .update_custom_data_link()
            .data_link_id(&self.id);
        let updated = call.workspace_id(place.id()).body(body).send().await?;
        show(context, updated, "Data link updated")
    }
}

fn show(context: &Context, data_link: DataLinkInfo, message: &str) -> Result<Exit> {
    let view = table(message, COLUMNS, std::slice::from_ref(&data_link))?;
    context.show(&Answer::new(
        json!({"dataLink": data_link, "message": message}),
        view,
    ))
}

impl DataLinkRef {
    /// Its id. A name or address waits until the Platform has listed the buckets.
    async fn id(
        &self,
        context: &Context,
        place: &Place<'_>,
        credentials: Option<&str>,
    ) -> Result<String> {
        let lookup = Lookup {
            context,
            place,
            credentials,
        };
        match (&self.id, &self.name, &self.uri) {
            (Some(id), _, _) => Ok(id.clone()),
            (None, Some(name), _) => lookup.named(name).await,
            (None, None, uri) => lookup.at(uri.as_deref().unwrap_or_default()).await,
        }
    }
}

impl Browse {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let credentials = credentials_of(context, &place, self.credentials.as_deref()).await?;
        let data_link = &self.which.data_link;
        let id = data_link
            .id(context, &place, credentials.as_deref())
            .await?;
        let client = context.client()?;
        let call = client
            .describe_data_link()
            .data_link_id(&id)
            .workspace_id(place.id());
        let described = call.credentials_id(credentials.clone()).send().await?;
        let page: DataLinkContentResponse =
            match self.path.as_deref().filter(|path| !path.is_empty()) {
                None => {
                    let call = client
                        .explore_data_link()
                        .data_link_id(&id)
                        .workspace_id(place.id());
                    let call = call.credentials_id(credentials).search(self.filter);
                    let call = call.next_page_token(self.token).page_size(self.page);
                    call.send().await?
                }
                Some(path) => {
                    let call = client
                        .explore_data_link_with_path()
                        .data_link_id(&id)
                        .path(path);
                    let call = call.workspace_id(place.id()).credentials_id(credentials);
                    let call = call.search(self.filter);
                    let call = call.next_page_token(self.token).page_size(self.page);
                    call.send().await?
                }
            };
        let items = page.objects.unwrap_or_default();
        let data_link = described.data_link;
        let name = data_link
            .as_ref()
            .and_then(|link| link.resource_ref.clone())
            .unwrap_or_default();
        let path = self.path.unwrap_or_default();
        let view = table(format!("Content of {name} {path}"), ITEM_COLUMNS, &items)?;
        let value = without_nulls(json!({
            "dataLink": data_link,
            "path": path,
            "items": items,
            "nextPageToken": page.next_page_token,
        }));
        context.show(&Answer::new(value, view))
    }
}

/// What became of a path that was asked for.
struct Done {
    folder: bool,
    path: String,
    files: u64,
}

impl Transfer {
    async fn handle(&self, context: &Context) -> Result<DataLink> {
        let place = context.place(&self.which.workspace).await?;
        let credentials = credentials::of_any_kind(context, &place, &self.credentials).await?;
        let data_link = &self.which.data_link;
        let id = data_link.id(context, &place, Some(&credentials)).await?;
        let link = context.client()?.data_link(Id(id)).workspace(place.id());
        let link = link.credentials(Id(credentials));
        context.goes_on("What was transferred stays; the same command goes on from there.");
        Ok(match context.progress().is_shown() {
            true => {
                let bar = context.progress().bytes();
                link.on_progress(move |progress| {
                    bar.set(
                        progress.bytes,
                        progress.bytes_total.unwrap_or(progress.bytes),
                    );
                    bar.say(format!("{} files", progress.files));
                })
            }
            false => link,
        })
    }

    async fn download(self, context: &Context) -> Result<Exit> {
        let link = self.handle(context).await?;
        let folder = self
            .output_dir
            .clone()
            .unwrap_or_else(|| PathBuf::from("."));
        let mut done = Vec::new();
        for path in &self.paths {
            let remote = path.trim_matches('/');
            match link.files_below(remote).await {
                // A folder, whose files keep their whole path.
                Ok(files) if files.iter().any(|file| file.path != remote) => {
                    let transferred = link.download_files(files, &folder).await?;
                    report_refused(context, &transferred.refused);
                    done.push(Done {
                        folder: true,
                        path: path.clone(),
                        files: transferred.files,
                    });
                }
                Ok(_) | Err(_) => {
                    let name = remote.rsplit('/').next().unwrap_or(remote);
                    link.download_file(remote, folder.join(name)).await?;
                    done.push(Done {
                        folder: false,
                        path: path.clone(),
                        files: 1,
                    });
                }
            }
        }
        told(context, "DOWNLOAD", &done)
    }

    async fn upload(self, context: &Context) -> Result<Exit> {
        for path in &self.paths {
            if !Path::new(path).exists() {
                return Err(Failure::failed(format!("File not found. {path}")));
            }
        }
        let link = self.handle(context).await?;
        let target = self
            .output_dir
            .as_ref()
            .map(|folder| folder.to_string_lossy().into_owned());
        let target = target.map(|folder| format!("{}/", folder.trim_matches('/')));
        let target = target.filter(|folder| folder != "/").unwrap_or_default();
        let mut done = Vec::new();
        for path in &self.paths {
            let local = std::fs::canonicalize(path)?;
            let name = local
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let remote = format!("{target}{name}");
            if local.is_dir() {
                let transferred = link.upload_folder(&local, &remote).await?;
                report_refused(context, &transferred.refused);
                done.push(Done {
                    folder: true,
                    path: path.clone(),
                    files: transferred.files,
                });
            } else {
                link.upload_file(&local, &remote).await?;
                done.push(Done {
                    folder: false,
                    path: path.clone(),
                    files: 1,
                });
            }
        }
        told(context, "UPLOAD", &done)
    }
}

fn report_refused(context: &Context, refused: &[seqera::RefusedName]) {
    for name in refused {
        context.note(&format!("{} was left out: {}", name.path, name.reason));
    }
}

fn told(context: &Context, direction: &str, done: &[Done]) -> Result<Exit> {
    let kind = |one: &Done| if one.folder { "FOLDER" } else { "FILE" };
    let paths: Vec<_> = (done.iter())
        .map(|one| json!({"type": kind(one), "path": one.path, "fileCount": one.files}))
        .collect();
    let lines: Vec<_> = (done.iter())
        .map(|one| {
            format!(
                "{} {}: {} files",
                kind(one).to_lowercase(),
                one.path,
                one.files
            )
        })
        .collect();
    let text = lines.join("\n");
    context.say(
        json!({"transferDirection": direction, "paths": paths}),
        text,
    )
}
