//! Items of kinds that no command makes one of: their keys are the options of commands that are not
//! on the command line.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::commands::compute_envs::platforms::Grid;
use crate::commands::workspaces::OfStudios;
use crate::options::{InOrganization, InWorkspace, LaunchOptions, Revision};
use crate::values::{List, TextFile, choices};

/// Stands before the block in the path of such a command.
pub const OWN: &str = "(items)";

/// One for each kind, by the name of its block.
#[derive(Subcommand, Debug)]
pub enum Additional {
    ManagedIdentities(Box<ManagedIdentity>),
    PipelineSchemas(PipelineSchema),
    PipelineVersions(Box<PipelineVersion>),
    Roles(Role),
    SshKeys(SshKey),
    Tokens(Token),
    WorkspaceSettings(WorkspaceSettings),
}

/// A role of an organization.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Role {
    #[arg(long)]
    pub name: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub organization: InOrganization,
    #[arg(long)]
    pub description: String,
    /// The names of what it permits
    #[arg(long)]
    pub permissions: List<String>,
}

choices! {
    /// The schedulers that clusters of managed identities have.
    Scheduler {
        Altair = "altair" | "altair-platform",
        Lsf = "lsf" | "lsf-platform",
        Moab = "moab" | "moab-platform",
        Slurm = "slurm" | "slurm-platform",
        Uge = "uge" | "uge-platform",
    }
}

/// A cluster to which each user of an organization logs in with own credentials. In requests its
/// fields have the API's names.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct ManagedIdentity {
    #[arg(long)]
    #[serde(skip_serializing)]
    pub name: String,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub organization: InOrganization,
    #[arg(long = "type", value_enum)]
    #[serde(rename(deserialize = "type"), skip_serializing)]
    pub scheduler: Scheduler,
    /// Work directory, where runs keep their intermediate files
    #[arg(long)]
    pub work_dir: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub cluster: Grid,
}

/// An access token of the user.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Token {
    #[arg(long)]
    pub name: String,
    /// A new file for the token, which can be read only when it is made
    #[arg(long)]
    pub save_to: Option<String>,
}

/// An SSH key of the user.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SshKey {
    #[arg(long)]
    pub name: String,
    #[arg(long)]
    pub public_key: Option<String>,
    /// The file that holds the public key
    #[arg(long)]
    pub file_path: Option<TextFile>,
}

/// How a workspace is set.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkspaceSettings {
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    #[command(flatten)]
    #[serde(flatten)]
    pub studios: OfStudios,
}

/// A named version of a pipeline: what differs from the default one.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PipelineVersion {
    #[arg(long)]
    pub name: String,
    #[arg(long)]
    pub pipeline: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    /// It is what is launched where no version is said
    #[arg(long)]
    #[serde(default)]
    pub default: bool,
    /// URL of the repository
    #[arg(long)]
    pub url: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub launch: LaunchOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub revision: Revision,
}

/// The schema of a pipeline's parameters.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PipelineSchema {
    #[arg(long)]
    pub pipeline: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    /// The file that holds the schema
    #[arg(long)]
    pub file_path: TextFile,
}
