//! Groups of options that several commands share.

use std::path::PathBuf;

use clap::Args;
use seqera::NameOrId;
use serde::{Deserialize, Serialize};

use crate::output::Form;
use crate::values::{Label, List, TextFile, choices};

/// The workspace that a command works in.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct InWorkspace {
    /// Workspace, as organization/workspace or id [default: TOWER_WORKSPACE_ID, the profile's, else
    /// your personal one]
    #[arg(short, long)]
    pub workspace: Option<String>,
}

macro_rules! one_of_id_and_name {
    ($($(#[$doc:meta])* $name:ident($id:ty))+) => {$(
        $(#[$doc])*
        #[derive(Args, Clone, Debug)]
        #[group(required = true, multiple = false)]
        pub struct $name {
            /// Id (or give --name)
            #[arg(short, long)]
            pub id: Option<$id>,
            /// Name (or give --id)
            #[arg(short, long)]
            pub name: Option<String>,
        }

        impl $name {
            /// What was typed.
            pub fn typed(&self) -> String {
                let id = self.id.as_ref().map(ToString::to_string);
                id.or_else(|| self.name.clone()).unwrap_or_default()
            }
        }

        impl From<&$name> for NameOrId<$id> {
            fn from(reference: &$name) -> Self {
                match &reference.id {
                    Some(id) => Self::Id(id.clone()),
                    None => Self::Name(reference.name.clone().unwrap_or_default()),
                }
            }
        }
    )+};
}

one_of_id_and_name! {
    /// One thing, by a text id or by name.
    IdOrName(String)
    /// One thing, by a number or by name.
    NumberOrName(i64)
}

/// The organization that a command works in.
#[derive(Args, Clone, Debug, Deserialize)]
pub struct InOrganization {
    /// Organization, by name or id
    #[arg(short, long)]
    pub organization: String,
}

/// Which part of a list to show. Without any, all of it.
#[derive(Args, Clone, Debug, Default)]
pub struct Paging {
    /// Page to show, counted from 1
    #[arg(long, allow_negative_numbers = true)]
    pub page: Option<i64>,
    /// Number of entries to skip
    #[arg(long, allow_negative_numbers = true)]
    pub offset: Option<i64>,
    /// Most entries to show [default: all; 100 with --page or --offset]
    #[arg(long, allow_negative_numbers = true)]
    pub max: Option<i64>,
}

/// A filter of a list.
#[derive(Args, Clone, Debug, Default)]
pub struct Filter {
    /// Show only what matches this text
    #[arg(short, long)]
    pub filter: Option<String>,
}

/// Whether a list tells labels.
#[derive(Args, Clone, Debug, Default)]
pub struct ShowLabels {
    /// Show labels too
    #[arg(short, long)]
    pub labels: bool,
}

/// Whether an existing one is replaced.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Overwrite {
    /// Delete the existing one of this name first
    #[arg(long)]
    pub overwrite: bool,
}

/// Labels of what is made.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Labels {
    /// Labels, separated by commas: name, or name=value for a resource label
    #[arg(long, value_parser = List::<Label>::or_none)]
    pub labels: Option<List<Label>>,
}

impl Labels {
    /// Those that were said, if any was.
    pub fn any(&self) -> Option<&List<Label>> {
        self.labels.as_ref().filter(|labels| !labels.0.is_empty())
    }
}

/// What is launched, and how. In requests the fields have the API's names.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct LaunchOptions {
    /// Compute environment, by name or id [default: the pipeline's, else the primary one]
    #[arg(short, long)]
    #[serde(skip_serializing)]
    pub compute_env: Option<String>,
    /// Work directory, where the run keeps its intermediate files
    #[arg(long)]
    pub work_dir: Option<String>,
    /// Nextflow profiles, separated by commas
    #[arg(short, long)]
    #[serde(rename(serialize = "configProfiles"))]
    pub profile: Option<List<String>>,
    /// File with parameters, YAML or JSON; - is standard input. May be given several times
    #[arg(long)]
    #[serde(skip_serializing, deserialize_with = "one_or_many")]
    pub params_file: Vec<PathBuf>,
    /// Commit that the revision is pinned to
    #[arg(long)]
    pub commit_id: Option<String>,
    /// File with Nextflow configuration
    #[arg(long)]
    #[serde(rename(serialize = "configText"))]
    pub config: Option<TextFile>,
    /// File with a script that runs before Nextflow
    #[arg(long)]
    #[serde(rename(serialize = "preRunScript"))]
    pub pre_run: Option<TextFile>,
    /// File with a script that runs after Nextflow
    #[arg(long)]
    #[serde(rename(serialize = "postRunScript"))]
    pub post_run: Option<TextFile>,
    /// Fetch the newest commit of the revision (Nextflow's -latest)
    #[arg(long)]
    pub pull_latest: Option<bool>,
    /// Run the stubs of processes instead of their scripts (Nextflow's -stub-run)
    #[arg(long)]
    pub stub_run: Option<bool>,
    /// Script of the repository to run [default: main.nf]
    #[arg(long)]
    pub main_script: Option<String>,
    /// Workflow of the script to run (Nextflow's -entry)
    #[arg(long)]
    pub entry_name: Option<String>,
    /// File of the repository with the schema of the parameters
    #[arg(long)]
    pub schema_name: Option<String>,
    /// Names of your own secrets that runs may read, separated by commas
    #[arg(long)]
    pub user_secrets: Option<List<String>>,
    /// Names of the workspace's secrets that runs may read, separated by commas
    #[arg(long)]
    pub workspace_secrets: Option<List<String>>,
}

/// The revision, where it has no short option.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Revision {
    /// Revision of the repository: a branch, tag or commit
    #[arg(long)]
    pub revision: Option<String>,
}

impl VersionRef {
    /// What was said, if anything.
    pub fn said(self) -> Option<NameOrId<String>> {
        let id = self.version_id.map(NameOrId::Id);
        id.or(self.version_name.map(NameOrId::Name))
    }
}

/// A version of a pipeline.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[group(multiple = false)]
pub struct VersionRef {
    /// Id of the pipeline's version
    #[arg(long)]
    pub version_id: Option<String>,
    /// Name of the pipeline's version
    #[arg(long)]
    pub version_name: Option<String>,
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        One(PathBuf),
        Many(Vec<PathBuf>),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::One(path) => vec![path],
        Form::Many(paths) => paths,
    })
}

/// Options of all commands. They stand before the command; the long ones after it too, where it
/// has none of that name.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Access token [default: TOWER_ACCESS_TOKEN, else the profile's]
    #[arg(short = 't', long)]
    pub access_token: Option<String>,
    /// URL of the API [default: TOWER_API_ENDPOINT, the profile's, else Seqera Cloud]
    #[arg(short, long)]
    pub url: Option<String>,
    /// Output format [default: TOWER_CLI_OUTPUT_FORMAT, else console]
    #[arg(short, long, value_enum)]
    pub output: Option<Form>,
    /// Show each call to the server on standard error
    #[arg(short, long)]
    pub verbose: bool,
    /// Allow a URL without encryption (http)
    #[arg(long)]
    pub insecure: bool,
    /// Put the JSON result through this jq expression
    #[arg(long, value_name = "EXPRESSION")]
    pub jq: Option<String>,
    /// Columns of a list, separated by commas: their names, or fields of the JSON
    #[arg(long)]
    pub columns: Option<List<String>>,
    /// Profile of the configuration file [default: the current one]
    #[arg(long)]
    pub profile: Option<String>,
    /// Show the requests that would change something, without sending them
    #[arg(long)]
    pub dry_run: bool,
    /// Answer every question with yes
    #[arg(long)]
    pub yes: bool,
    /// When to use colours
    #[arg(long, value_enum)]
    pub color: Option<Color>,
    /// PEM file with certificates of further authorities to trust
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
