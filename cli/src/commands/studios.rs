//! `studios`: interactive sessions.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::options::{Filter, IdOrName, InWorkspace, Labels, Paging, ShowLabels};
use crate::values::{List as Words, Pair, TextFile, choices, pairs};

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
#[serde(default, rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
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
