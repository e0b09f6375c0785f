//! The commands, a file for each group of the grammar.

use clap::Subcommand;

use crate::context::Context;
use crate::exit::{Exit, Result};

pub mod account;
pub mod actions;
mod bulk;
pub mod compute_envs;
pub mod credentials;
pub mod data_links;
pub mod datasets;
pub mod info;
mod labelled;
pub mod labels;
pub mod launch;
pub mod members;
pub mod organizations;
pub mod participants;
pub mod pipelines;
pub mod runs;
pub mod secrets;
pub mod studios;
pub mod teams;
pub mod workspaces;

/// The commands of the Platform's groups.
#[derive(Subcommand, Debug)]
pub enum Command {
    Launch(Box<launch::Launch>),
    #[command(subcommand)]
    Runs(Box<runs::Runs>),
    #[command(subcommand)]
    Pipelines(pipelines::Pipelines),
    #[command(subcommand)]
    PipelineSchemas(pipelines::PipelineSchemas),
    #[command(subcommand)]
    ComputeEnvs(compute_envs::ComputeEnvs),
    #[command(subcommand)]
    Credentials(credentials::Credentials),
    #[command(subcommand)]
    Datasets(datasets::Datasets),
    #[command(subcommand)]
    DataLinks(data_links::DataLinks),
    #[command(subcommand)]
    Studios(Box<studios::Studios>),
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    #[command(subcommand)]
    Actions(Box<actions::Actions>),
    #[command(subcommand)]
    Labels(labels::Labels),
    #[command(subcommand)]
    Organizations(organizations::Organizations),
    #[command(subcommand)]
    Workspaces(workspaces::Workspaces),
    #[command(subcommand)]
    Participants(participants::Participants),
    #[command(subcommand)]
    Teams(teams::Teams),
    #[command(subcommand)]
    Members(members::Members),
    #[command(subcommand)]
    Collaborators(members::Collaborators),
}

impl Command {
    /// Does what the command says.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::Launch(command) => command.run(context).await,
            Self::Runs(command) => command.run(context).await,
            Self::Pipelines(command) => command.run(context).await,
            Self::PipelineSchemas(command) => command.run(context).await,
            Self::ComputeEnvs(command) => command.run(context).await,
            Self::Credentials(command) => command.run(context).await,
            Self::Datasets(command) => command.run(context).await,
            Self::Secrets(command) => command.run(context).await,
            Self::Actions(command) => command.run(context).await,
            Self::Labels(command) => command.run(context).await,
            Self::Organizations(command) => command.run(context).await,
            Self::Workspaces(command) => command.run(context).await,
            Self::Participants(command) => command.run(context).await,
            Self::Teams(command) => command.run(context).await,
            Self::Members(command) => command.run(context).await,
            Self::Collaborators(command) => command.run(context).await,
            Self::DataLinks(command) => command.run(context).await,
            Self::Studios(command) => command.run(context).await,
        }
    }
}
