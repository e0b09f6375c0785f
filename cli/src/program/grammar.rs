//! The root of the grammar: the commands, and the options that all of them share.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::api::{self, Api};
use super::{own, rules, setup, words};
use crate::commands::{self, account::Auth, info};
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::options::Global;
use crate::values::relax;

/// The Seqera Platform on the command line: launch pipelines, follow runs, and set everything up.
///
/// Log in once, launch a pipeline of the launchpad (or a repository by its address), and wait:
///
///   seqctl auth login --workspace acme/research
///   seqctl launch nf-core-rnaseq --param input=s3://acme/samples.csv --follow
///   seqctl launch https://github.com/nextflow-io/hello --wait SUCCEEDED
///   seqctl runs list --status failed --since 7d
///
/// `launch --follow` prints the log as it grows, and its exit status tells whether the run succeeded.
/// In place of `auth login`, TOWER_ACCESS_TOKEN may hold the token. `seqctl demo` starts a small
/// Platform on this machine to try all of it on.
#[derive(Parser, Debug)]
#[command(
    name = "seqctl",
    version,
    verbatim_doc_comment,
    propagate_version = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// All commands: those of the Platform's groups, and those over them.
#[derive(Subcommand, Debug)]
pub enum Command {
    #[command(flatten)]
    Of(commands::Command),
    Plan(setup::ShowPlan),
    /// Show how the Platform differs from what files say
    Diff(setup::ShowPlan),
    Apply(setup::Apply),
    Delete(setup::Delete),
    Validate(setup::Validate),
    Export(setup::ExportTo),
    #[command(subcommand)]
    Rules(Box<rules::Rules>),
    /// Check the connection, the version of the server and your access token
    Info,
    Api(Api),
    #[command(subcommand)]
    Auth(Auth),
    Completion(own::Completion),
    /// Print a script that completes commands in bash
    GenerateCompletion,
    Man(own::Man),
    Demo(own::Demo),
}

impl Command {
    /// Does what the command says.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::Of(command) => command.run(context).await,
            Self::Plan(command) | Self::Diff(command) => command.run(context).await,
            Self::Apply(command) => command.run(context).await,
            Self::Delete(command) => command.run(context).await,
            Self::Validate(command) => command.run(context),
            Self::Export(command) => command.run(context).await,
            Self::Rules(command) => command.run(context).await,
            Self::Info => info::run(context).await,
            Self::Api(command) => command.run(context).await,
            Self::Auth(command) => command.run(context).await,
            Self::Completion(command) => command.run(context),
            Self::GenerateCompletion => own::generate_completion(context),
            Self::Man(command) => command.run(context, grammar()),
            Self::Demo(command) => command.run(context).await,
        }
    }
}

/// The grammar as clap has it.
pub fn grammar() -> clap::Command {
    telling_of_the_root(relax(Cli::command()), "seqctl")
}

/// Lets the help of each command tell where the options are that all of them take.
fn telling_of_the_root(root: clap::Command, program: &str) -> clap::Command {
    fn tell(command: clap::Command, text: &str) -> clap::Command {
        let command = command.after_help(text.to_owned());
        command.mut_subcommands(|inner| tell(inner, text))
    }
    let text = format!(
        "`{program} --help` shows the options of all commands, such as --output json, --jq and --dry-run."
    );
    root.mut_subcommands(|command| tell(command, &text))
}

/// Reads the words after the program's name.
///
/// # Errors
/// They are no command, or ask for help or the version.
pub fn parse(program: &'static str, words: Vec<String>) -> std::result::Result<Cli, clap::Error> {
    Cli::from_arg_matches_mut(&mut matches(program, words)?)
}

fn matches(
    program: &'static str,
    words: Vec<String>,
) -> std::result::Result<clap::ArgMatches, clap::Error> {
    let grammar = relax(api::with_operation(Cli::command(), &words));
    let grammar = telling_of_the_root(grammar, program);
    matches_of(grammar.name(program).bin_name(program), program, words)
}

fn matches_of(
    grammar: clap::Command,
    program: &str,
    words: Vec<String>,
) -> std::result::Result<clap::ArgMatches, clap::Error> {
    let arranged = words::arrange(&grammar, words::with_files(words));
    grammar.try_get_matches_from(std::iter::once(program.to_owned()).chain(arranged))
}

#[cfg(test)]
mod tests;
