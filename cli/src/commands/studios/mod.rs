//! `studios`: interactive sessions.

use clap::{Args, Subcommand};
use seqera::types::StudioInfo;
use serde_json::json;

use super::labels::{self, Absent};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::{Entries, table};
use crate::options::{Filter, IdOrName, InWorkspace, Labels, Paging, ShowLabels};
use crate::output::{Answer, Column};
use crate::values::{Label, choices};

mod change;
mod create;
mod settings;
mod wait;

pub use change::{Start, Stop, Update};
pub use create::{Add, AddAsNew};

/// Studios: interactive sessions
#[derive(Subcommand, Debug)]
pub enum Studios {
    /// Show a Studio
    View(Which),
    /// List Studios
    List(List),
    /// Start a Studio
    Start(Start),
    /// Add a Studio
    Add(Box<Add>),
    /// List the templates of Studios
    Templates(Templates),
    /// List the checkpoints of a Studio
    Checkpoints(Checkpoints),
    /// Add a Studio that starts from another one
    AddAsNew(Box<AddAsNew>),
    /// Stop a Studio
    Stop(Stop),
    /// Change a Studio
    Update(Update),
    /// Delete a Studio
    Delete(Which),
}

choices! {
    /// What a Studio may be waited for to be.
    StudioStatus {
        Starting = "starting",
        Running = "running",
        Stopping = "stopping",
        Stopped = "stopped",
        Errored = "errored",
        Building = "building",
        BuildFailed = "buildFailed" | "BUILD_FAILED",
    }
}

#[derive(Args, Debug)]
pub struct Which {
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    studio: IdOrName,
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    labels: ShowLabels,
    #[command(flatten)]
    paging: Paging,
}

/// How many templates are asked for at a time.
const TEMPLATES: i64 = 20;

#[derive(Args, Debug)]
pub struct Templates {
    #[command(flatten)]
    workspace: InWorkspace,
    /// Most entries to show
    #[arg(long, default_value_t = TEMPLATES)]
    max: i64,
}

#[derive(Args, Debug)]
pub struct Checkpoints {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    paging: Paging,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "sessionId"),
    Column::new("Name", "name"),
    Column::new("Status", "statusInfo.status"),
    Column::new("User", "user.userName"),
    Column::new("Template", "template.repository"),
    Column::new("Labels", "labels"),
];

const CHECKPOINT_COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Name", "name"),
    Column::new("Author", "author.userName"),
    Column::new("Created", "dateCreated"),
    Column::new("Saved", "dateSaved"),
];

const TEMPLATE_COLUMNS: &[Column] = &[
    Column::new("Template", "repository"),
    Column::new("Tool", "tool"),
    Column::new("Status", "status"),
];

impl Studios {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => command.run(context).await,
            Self::Checkpoints(command) => command.run(context).await,
            Self::Add(command) => create::add(context, *command).await,
            Self::AddAsNew(command) => create::add_as_new(context, *command).await,
            Self::Start(command) => command.run(context).await,
            Self::Stop(command) => command.run(context).await,
            Self::Update(command) => command.run(context).await,
            Self::View(command) => {
                let place = context.place(&command.workspace).await?;
                let studio = find(context, &place, &command.studio).await?;
                let reference = place.reference().await?;
                let view = table(
                    format!("Studio at {reference} workspace"),
                    COLUMNS,
                    std::slice::from_ref(&studio),
                )?;
                context.show(&Answer::new(
                    json!({"studio": studio, "workspaceRef": reference}),
                    view,
                ))
            }
            Self::Templates(command) => {
                let place = context.place(&command.workspace).await?;
                let call = context
                    .client()?
                    .list_data_studio_templates()
                    .workspace_id(place.id());
                let max = u64::try_from(command.max)
                    .map_err(|_| Failure::failed("--max must not be negative"))?;
                let templates = Entries::of(call.stream().limit(max)).all().await?;
                let view = table("Templates of Studios", TEMPLATE_COLUMNS, &templates)?;
                context.show(&Answer::new(json!({"templates": templates}), view))
            }
            Self::Delete(command) => {
                let place = context.place(&command.workspace).await?;
                let id = id_of(context, &place, &command.studio).await?;
                let call = context.client()?.delete_data_studio().session_id(id);
                let deleted = call.workspace_id(place.id()).send().await;
                deleted.map_err(|error| retold(error, &command.studio, &place))?;
                let (typed, reference) = (command.studio.typed(), place.reference().await?);
                let text = format!("Studio '{typed}' deleted at {reference} workspace");
                context.say(
                    json!({"userSuppliedStudioIdentifier": typed, "workspaceRef": reference}),
                    text,
                )
            }
        }
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let call = context
            .client()?
            .list_data_studios()
            .workspace_id(place.id());
        let mut call = call
            .search(self.filter.filter)
            .offset(self.paging.skipped()?);
        if self.labels.labels {
            call = call.attributes(["labels"]);
        }
        let studios = self.paging.read(call.stream()).await?;
        let reference = place.reference().await?;
        let view = studios.table(format!("Studios at {reference} workspace"), COLUMNS)?;
        let value = json!({
            "workspaceRef": reference,
            "studios": studios.items,
            "showLabels": self.labels.labels,
        });
        context.show(&Answer::new(value, view))
    }
}

impl Checkpoints {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let id = id_of(context, &place, &self.which.studio).await?;
        let call = context
            .client()?
            .list_data_studio_checkpoints()
            .session_id(id);
        let call = call.workspace_id(place.id()).search(self.filter.filter);
        // The server gives no more at a time.
        let call = call.max(50).offset(self.paging.skipped()?);
        let checkpoints = self.paging.read(call.stream()).await?;
        let (typed, reference) = (self.which.studio.typed(), place.reference().await?);
        let view =
            checkpoints.table(format!("Checkpoints of Studio {typed}"), CHECKPOINT_COLUMNS)?;
        let value = json!({
            "userSuppliedStudioIdentifier": typed,
            "workspaceRef": reference,
            "checkpoints": checkpoints.items,
        });
        context.show(&Answer::new(value, view))
    }
}

/// The ids of labels; none where nothing was said, which leaves those there are.
async fn label_ids(
    context: &Context,
    place: &Place<'_>,
    said: &Labels,
) -> Result<Option<Vec<i64>>> {
    let Some(labels) = &said.labels else {
        return Ok(None);
    };
    let labels: Vec<Label> = labels.0.clone();
    Ok(Some(
        labels::ids(context, place, &labels, Absent::Make).await?,
    ))
}

/// The server's 404 and 403, with what was looked for.
fn retold(error: seqera::Error, wanted: &IdOrName, place: &Place) -> Failure {
    match error.is_not_found() {
        true => not_found(wanted, place),
        false => error.into(),
    }
}

fn not_found(wanted: &IdOrName, place: &Place) -> Failure {
    Failure::not_found(format!(
        "Studio '{}' not found at workspace '{}'",
        wanted.typed(),
        place.typed().unwrap_or("user")
    ))
}

async fn id_of(context: &Context, place: &Place<'_>, wanted: &IdOrName) -> Result<String> {
    if let Some(id) = &wanted.id {
        return Ok(id.clone());
    }
    let call = context
        .client()?
        .list_data_studios()
        .workspace_id(place.id());
    let mut all = Entries::of(call.stream());
    while let Some(studio) = all.try_next().await? {
        if studio.name == wanted.name {
            return Ok(studio.session_id.unwrap_or_default());
        }
    }
    Err(not_found(wanted, place))
}

async fn find(context: &Context, place: &Place<'_>, wanted: &IdOrName) -> Result<StudioInfo> {
    let id = id_of(context, place, wanted).await?;
    let call = context.client()?.describe_data_studio().session_id(id);
    let found = call.workspace_id(place.id()).send().await;
    found.map_err(|error| retold(error, wanted, place))
}
