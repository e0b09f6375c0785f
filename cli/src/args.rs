//! The root of the grammar: the commands, and the options that all of them share.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser};

use crate::api;
use crate::commands::Command;
use crate::output::Form;
use crate::values::{List, choices};
use crate::words;

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

/// Options of all commands. They stand before the command; the long ones after it too, where it
/// has none of that name.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Access token [default: TOWER_ACCESS_TOKEN, else the profile's]
    #[arg(short = 't', long)]
    pub access_token: Option<String>,
    /// Address of the API [default: TOWER_API_ENDPOINT, the profile's, else Seqera Cloud]
    #[arg(short, long)]
    pub url: Option<String>,
    /// Form of the result [default: TOWER_CLI_OUTPUT_FORMAT, else console]
    #[arg(short, long, value_enum)]
    pub output: Option<Form>,
    /// Show each call to the server on standard error
    #[arg(short, long)]
    pub verbose: bool,
    /// Allow an address without encryption (http)
    #[arg(long)]
    pub insecure: bool,
    /// Expression of jq that the JSON result is put through
    #[arg(long, value_name = "EXPRESSION")]
    pub jq: Option<String>,
    /// Columns of a list, separated by commas: names of the table, or fields of the JSON
    #[arg(long)]
    pub columns: Option<List<String>>,
    /// Profile of the configuration file [default: the current one]
    #[arg(long)]
    pub profile: Option<String>,
    /// Show the request that would change something, and send it not
    #[arg(long)]
    pub dry_run: bool,
    /// Answer every question with yes
    #[arg(long)]
    pub yes: bool,
    /// When to colour
    #[arg(long, value_enum)]
    pub color: Option<Color>,
    /// File with the certificates of authorities to trust too, PEM
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

choices! {
    /// When to colour.
    Color {
        Auto = "auto",
        Always = "always",
        Never = "never",
    }
}

/// The grammar as clap has it.
pub fn grammar() -> clap::Command {
    telling_of_the_root(words::relax(Cli::command()), "seqctl")
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
pub fn parse(program: &'static str, words: Vec<String>) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches_mut(&mut matches(program, words)?)
}

fn matches(program: &'static str, words: Vec<String>) -> Result<clap::ArgMatches, clap::Error> {
    let grammar = words::relax(api::with_operation(Cli::command(), &words));
    let grammar = telling_of_the_root(grammar, program);
    matches_of(grammar.name(program).bin_name(program), program, words)
}

fn matches_of(
    grammar: clap::Command,
    program: &str,
    words: Vec<String>,
) -> Result<clap::ArgMatches, clap::Error> {
    let arranged = words::arrange(&grammar, words::with_files(words));
    grammar.try_get_matches_from(std::iter::once(program.to_owned()).chain(arranged))
}

#[cfg(test)]
mod tests;
