//! `studios`: interactive sessions.

use clap::{Args, Subcommand};
use seqera::prelude::*;
use seqera::types::{
    DataStudioConfiguration, DataStudioStartRequest, DataStudioUpdateRequest, StudioInfo,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::compute_envs;
use super::labels::{self, Absent};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::table;
use crate::options::{Filter, IdOrName, InWorkspace, Labels, Paging, ShowLabels};
use crate::output::{Answer, Column, without_nulls};
use crate::requests::{changed, fields};
use crate::values::{Label, List as Words, Pair, TextFile, choices, last_of_each, pairs};

mod create;
mod wait;

/// Studios: interactive sessions
#[derive(Subcommand, Debug)]
pub enum Studios {
    /// Show a Studio
    View(Which),
    /// List Studios
    List(List),
    /// Start a Studio
    Start(Start),
    /// Make a Studio
    Add(Box<Add>),
    /// List the templates of Studios
    Templates(Templates),
    /// List the checkpoints of a Studio
    Checkpoints(Checkpoints),
    /// Make a Studio from another one
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

/// What a Studio runs on. In requests the fields have the API's names.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct Machine {
    /// Graphics processors
    #[arg(long)]
    pub gpu: Option<i32>,
    /// Processors
    #[arg(long)]
    pub cpu: Option<i32>,
    /// Megabytes of memory
    #[arg(long)]
    pub memory: Option<i32>,
    /// After how many hours it stops; 0 is never
    #[arg(long)]
    #[serde(rename(serialize = "lifespanHours"))]
    pub lifespan: Option<i32>,
    /// Environment variable; may be given several times
    #[arg(short, long, value_name = "NAME=VALUE")]
    #[serde(skip_serializing, deserialize_with = "pairs")]
    pub env: Vec<Pair>,
}

/// Data links that are mounted.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[group(multiple = true)]
pub struct Mounts {
    /// Data links to mount, by address, separated by commas
    #[arg(long)]
    pub mount_data_uris: Option<Words<String>>,
    /// Data links to mount, by name, separated by commas
    #[arg(long)]
    pub mount_data: Option<Words<String>>,
    /// Data links to mount, by id, separated by commas
    #[arg(long)]
    pub mount_data_ids: Option<Words<String>>,
}

/// Who may use it besides you.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct AllowedUser {
    /// Let this user use a private Studio: user name, e-mail address or id
    #[arg(long)]
    pub allow_user: Option<String>,
}

/// How a new Studio begins.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Beginning {
    /// Start it at once
    #[arg(short, long)]
    pub auto_start: bool,
    /// Let nobody else use it
    #[arg(long)]
    pub private: bool,
    /// Wait until it has this status
    #[arg(long, value_enum)]
    pub wait: Option<StudioStatus>,
}

#[derive(Args, Debug)]
pub struct Start {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    mounts: Mounts,
    /// Wait until it has this status
    #[arg(long, value_enum)]
    wait: Option<StudioStatus>,
    #[command(flatten)]
    labels: Labels,
    /// New description
    #[arg(long)]
    description: Option<String>,
    /// Use spot instances
    #[arg(long)]
    spot: Option<bool>,
    /// Allow connections by SSH
    #[arg(long)]
    ssh: Option<bool>,
    #[command(flatten)]
    allowed: AllowedUser,
}

/// A new Studio.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    /// Name of the Studio
    #[arg(short, long)]
    pub name: String,
    /// Description
    #[arg(short, long)]
    pub description: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    #[command(flatten)]
    #[serde(flatten)]
    pub template: Template,
    /// File with a Conda environment to add to the template
    #[arg(long = "conda-env-yml", visible_alias = "conda-env-yaml")]
    #[serde(rename = "conda-env-yml", alias = "conda-env-yaml")]
    pub conda_env: Option<TextFile>,
    /// Compute environment, by name or id
    #[arg(short, long)]
    pub compute_env: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub machine: Machine,
    #[command(flatten)]
    #[serde(flatten)]
    pub mounts: Mounts,
    /// Repository that it is built from
    #[arg(long)]
    pub repository: Option<String>,
    /// Revision of the repository
    #[arg(long)]
    pub revision: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub beginning: Beginning,
    /// Use spot instances
    #[arg(long)]
    pub spot: Option<bool>,
    /// Allow connections by SSH
    #[arg(long)]
    pub ssh: Option<bool>,
    #[command(flatten)]
    #[serde(flatten)]
    pub allowed: AllowedUser,
    #[command(flatten)]
    #[serde(flatten)]
    pub labels: Labels,
}

/// What a Studio runs.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[group(multiple = false)]
pub struct Template {
    /// Template, one of `studios templates`
    #[arg(short, long)]
    pub template: Option<String>,
    /// Image of your own (-ct too)
    #[arg(long)]
    pub custom_template: Option<String>,
}

#[derive(Args, Debug)]
pub struct Templates {
    #[command(flatten)]
    workspace: InWorkspace,
    /// How many to show at most
    #[arg(long, default_value_t = 20)]
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

#[derive(Args, Debug)]
pub struct AddAsNew {
    #[command(flatten)]
    parent: Parent,
    /// Checkpoint to begin from [default: the latest]
    #[arg(long)]
    parent_checkpoint_id: Option<String>,
    /// Name of the new Studio
    #[arg(short, long)]
    name: String,
    /// Description
    #[arg(short, long)]
    description: Option<String>,
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    mounts: Mounts,
    #[command(flatten)]
    beginning: Beginning,
    #[command(flatten)]
    allowed: AllowedUser,
    #[command(flatten)]
    labels: Labels,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Parent {
    /// Id of the other Studio (-pid too)
    #[arg(long)]
    parent_id: Option<String>,
    /// Name of the other Studio (-pn too)
    #[arg(long)]
    parent_name: Option<String>,
}

#[derive(Args, Debug)]
pub struct Stop {
    #[command(flatten)]
    which: Which,
    /// Wait until it has this status
    #[arg(long, value_enum)]
    wait: Option<StudioStatus>,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    mounts: Mounts,
    #[command(flatten)]
    labels: Labels,
    /// New description
    #[arg(long)]
    description: Option<String>,
    /// New name
    #[arg(long)]
    new_name: Option<String>,
    /// Allow connections by SSH
    #[arg(long)]
    ssh: Option<bool>,
    /// Other compute environment, by name or id
    #[arg(short, long)]
    compute_env: Option<String>,
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
                let templates: Vec<_> = call.stream().limit(max).try_collect().await?;
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
        let call = call.offset(self.paging.skipped()?);
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

impl Start {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let studio = find(context, &place, &self.which.studio).await?;
        let id = studio.session_id.clone().unwrap_or_default();
        let settings = Settings {
            machine: &self.machine,
            mounts: &self.mounts,
            ssh: self.ssh,
        };
        let mut body = DataStudioStartRequest::new()
            .configuration(settings.over(context, &place, &studio).await?);
        // Null is to leave what there is.
        body.description = self.description.or(studio.description.clone()).into();
        body.label_ids = label_ids(context, &place, &self.labels).await?.into();
        body.allowed_user_ids = match &self.allowed.allow_user {
            Some(user) => Some(vec![create::user_id(context, &place, user).await?]),
            None => None,
        }
        .into();
        body.spot = self.spot.into();
        let call = context.client()?.start_data_studio().session_id(&id);
        let started = call.workspace_id(place.id()).body(body).send().await;
        let started = started.map_err(|error| retold(error, &self.which.studio, &place))?;
        let reference = place.reference().await?;
        let url = format!("{}/studios/{id}/connect", place.url().await?);
        let submitted = started.job_submitted.unwrap_or(true);
        let value = json!({
            "sessionId": id,
            "userSuppliedStudioIdentifier": self.which.studio.typed(),
            "studioUrl": url,
            "workspaceId": place.id(),
            "workspaceRef": reference,
            "jobSubmitted": submitted,
        });
        context.say(
            without_nulls(value),
            format!("Studio {id} start requested at {reference} workspace.\n\n    {url}"),
        )?;
        wait::after(context, &place, &id, submitted, self.wait).await
    }
}

impl Stop {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let id = id_of(context, &place, &self.which.studio).await?;
        let call = context.client()?.stop_data_studio().session_id(&id);
        let stopped = call.workspace_id(place.id()).send().await;
        let stopped = stopped.map_err(|error| retold(error, &self.which.studio, &place))?;
        let reference = place.reference().await?;
        let submitted = stopped.job_submitted.unwrap_or(true);
        let value = json!({
            "sessionId": id,
            "userSuppliedStudioIdentifier": self.which.studio.typed(),
            "workspaceId": place.id(),
            "workspaceRef": reference,
            "jobSubmitted": submitted,
        });
        context.say(
            without_nulls(value),
            format!("Studio {id} stop requested at {reference} workspace."),
        )?;
        wait::after(context, &place, &id, submitted, self.wait).await
    }
}

impl Update {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let studio = find(context, &place, &self.which.studio).await?;
        let id = studio.session_id.clone().unwrap_or_default();
        let settings = Settings {
            machine: &self.machine,
            mounts: &self.mounts,
            ssh: self.ssh,
        };
        let mut body = DataStudioUpdateRequest::new()
            .configuration(settings.over(context, &place, &studio).await?);
        body.description = self.description.or(studio.description.clone()).into();
        body.label_ids = label_ids(context, &place, &self.labels).await?.into();
        body.name = self.new_name.or(studio.name.clone()).into();
        let own = studio.compute_env.as_ref().and_then(|env| env.id.clone());
        body.compute_env_id = match self.compute_env.as_deref() {
            Some(wanted) => {
                compute_envs::to_run_on(context, &place, Some(wanted))
                    .await?
                    .id
            }
            None => own,
        }
        .into();
        let call = context.client()?.update_data_studio().session_id(&id);
        let updated = call.workspace_id(place.id()).body(body).send().await;
        updated.map_err(|error| retold(error, &self.which.studio, &place))?;
        let reference = place.reference().await?;
        let value = json!({
            "sessionId": id,
            "userSuppliedStudioIdentifier": self.which.studio.typed(),
            "workspaceId": place.id(),
            "workspaceRef": reference,
        });
        context.say(
            without_nulls(value),
            format!("Studio {id} updated at {reference} workspace."),
        )
    }
}

/// What a Studio runs on, as options change it.
struct Settings<'a> {
    machine: &'a Machine,
    mounts: &'a Mounts,
    ssh: Option<bool>,
}

impl Settings<'_> {
    /// The options over what a Studio has.
    async fn over(
        &self,
        context: &Context,
        place: &Place<'_>,
        studio: &StudioInfo,
    ) -> Result<DataStudioConfiguration> {
        self.over_configuration(
            context,
            place,
            studio.configuration.clone().unwrap_or_default(),
        )
        .await
    }

    async fn over_configuration(
        &self,
        context: &Context,
        place: &Place<'_>,
        present: DataStudioConfiguration,
    ) -> Result<DataStudioConfiguration> {
        let mounts = self.mounts.ids(context, place).await?;
        self.over_with(present, mounts)
    }

    fn over_with(
        &self,
        present: DataStudioConfiguration,
        mounts: Option<Vec<String>>,
    ) -> Result<DataStudioConfiguration> {
        let mut changes = fields(self.machine)?;
        if !self.machine.env.is_empty() {
            let variables = last_of_each(&self.machine.env).into_iter();
            let variables: serde_json::Map<_, _> = variables
                .map(|pair| (pair.name.clone(), pair.value.clone().into()))
                .collect();
            changes.insert("environment".to_owned(), variables.into());
        }
        if let Some(ids) = mounts {
            changes.insert("mountData".to_owned(), ids.into());
        }
        if let Some(ssh) = self.ssh {
            changes.insert("sshEnabled".to_owned(), ssh.into());
        }
        changed(present, changes.into())
    }
}

impl Mounts {
    /// The ids of the data links; none where nothing was said.
    async fn ids(&self, context: &Context, place: &Place<'_>) -> Result<Option<Vec<String>>> {
        let said = [
            &self.mount_data,
            &self.mount_data_uris,
            &self.mount_data_ids,
        ];
        if said.iter().filter(|list| list.is_some()).count() > 1 {
            return Err(Failure::failed(
                "Please use only one of --mount-data, --mount-data-uris and --mount-data-ids",
            ));
        }
        if let Some(ids) = &self.mount_data_ids {
            return Ok(Some(ids.0.clone()));
        }
        let Some(names) = self.mount_data.as_ref().or(self.mount_data_uris.as_ref()) else {
            return Ok(None);
        };
        let workspace = context.client()?.workspace(place.id()).await?;
        let mut ids = Vec::with_capacity(names.0.len());
        for name in &names.0 {
            ids.push(workspace.data_link(name).await?);
        }
        Ok(Some(ids))
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
    let mut all = context
        .client()?
        .list_data_studios()
        .workspace_id(place.id())
        .stream();
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
