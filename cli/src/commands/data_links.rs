//! `data-links`: buckets and the files in them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Deserialize;

use crate::options::{InWorkspace, Paging};
use crate::values::{List as Words, choices};

/// Data links: buckets and the files in them
#[derive(Subcommand, Debug)]
pub enum DataLinks {
    /// List data links
    List(List),
    /// Make a data link
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
    /// Show only the one of this address
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
    /// Address of the bucket, such as s3://acme-data
    #[arg(short, long)]
    pub uri: String,
    /// Cloud that it is in
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
    /// Its id
    #[arg(short, long)]
    id: Option<String>,
    /// Its name
    #[arg(short, long)]
    name: Option<String>,
    /// Its address
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
    /// How many entries a page has
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
