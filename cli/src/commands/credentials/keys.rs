//! The keys of credentials, by provider. In requests fields have the API's names.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::values::TextFile;

/// Keys of AWS.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct Aws {
    /// Access key
    #[arg(short, long)]
    pub access_key: Option<String>,
    /// Secret key
    #[arg(short, long)]
    pub secret_key: Option<String>,
    /// Role to assume
    #[arg(short = 'r', long)]
    pub assume_role_arn: Option<String>,
    /// How to log in: keys or role
    #[arg(long)]
    pub mode: Option<String>,
    /// Let the Platform create an external id for the role
    #[arg(long)]
    #[serde(skip_serializing)]
    pub generate_external_id: bool,
}

/// Where a Git host is.
#[derive(Args, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct BaseUrl {
    /// URL of the Git server, if it is self-hosted
    #[arg(long)]
    pub base_url: Option<String>,
}

/// Keys of CodeCommit.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "kebab-case"))]
pub struct CodeCommit {
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub base: BaseUrl,
    /// Access key
    #[arg(long)]
    #[serde(rename(serialize = "username"))]
    pub access_key: String,
    /// Secret key
    #[arg(long)]
    #[serde(rename(serialize = "password"))]
    pub secret_key: String,
}

/// Keys of Google Cloud.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct Google {
    /// File with the key of a service account
    #[arg(short, long)]
    #[serde(rename(serialize = "data"))]
    pub key: Option<TextFile>,
    /// How to log in: service-account-key or workload-identity [default: service-account-key]
    #[arg(long)]
    #[serde(skip_serializing)]
    pub mode: Option<String>,
    /// E-mail address of the service account
    #[arg(long)]
    pub service_account_email: Option<String>,
    /// Name of the provider of the workload identity
    #[arg(long)]
    pub workload_identity_provider: Option<String>,
    /// Audience of the token
    #[arg(long)]
    pub token_audience: Option<String>,
}

/// A login at a Git host.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "kebab-case"))]
pub struct GitHost {
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub base: BaseUrl,
    #[command(flatten)]
    #[serde(flatten)]
    pub login: Login,
}

/// A user and a password.
#[derive(Args, Debug, Deserialize, Serialize)]
pub struct Login {
    /// User name
    #[arg(short, long)]
    pub username: String,
    /// Password or access token; without a value it is asked for
    #[arg(short, long, required = true)]
    pub password: Option<Option<String>>,
}

/// A login at GitLab.
#[derive(Args, Debug, Deserialize, Serialize)]
pub struct Gitlab {
    #[command(flatten)]
    #[serde(flatten)]
    pub host: GitHost,
    /// Access token; without a value it is asked for
    #[arg(short, long, required = true)]
    pub token: Option<Option<String>>,
}

/// A key for SSH.
#[derive(Args, Debug, Deserialize, Serialize)]
pub struct Ssh {
    /// File with the private key
    #[arg(short, long)]
    #[serde(rename(serialize = "privateKey"))]
    pub key: TextFile,
    /// Passphrase of the key; without a value it is asked for
    #[arg(short, long)]
    pub passphrase: Option<Option<String>>,
}

/// Keys of Kubernetes: a token, or a certificate and its key.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct Kubernetes {
    /// Token of a service account
    #[arg(short, long, conflicts_with_all = ["certificate", "private_key"])]
    pub token: Option<String>,
    /// File with a certificate
    #[arg(short, long)]
    pub certificate: Option<TextFile>,
    /// File with the key of the certificate
    #[arg(short = 'k', long)]
    pub private_key: Option<TextFile>,
}

/// Keys of Azure.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct Azure {
    /// Key of the Batch account
    #[arg(long)]
    pub batch_key: String,
    /// Name of the Batch account
    #[arg(long)]
    pub batch_name: String,
    /// Key of the storage account
    #[arg(long)]
    pub storage_key: String,
    /// Name of the storage account
    #[arg(long)]
    pub storage_name: String,
}

/// Keys of Azure by Entra.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct AzureEntra {
    /// Name of the Batch account
    #[arg(long)]
    pub batch_name: String,
    /// Name of the storage account
    #[arg(long)]
    pub storage_name: String,
    /// Id of the tenant
    #[arg(long)]
    pub tenant_id: String,
    /// Id of the application
    #[arg(long)]
    pub client_id: String,
    /// Secret of the application
    #[arg(long)]
    pub client_secret: String,
}

/// An agent's connection.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct Agent {
    /// Connection id that the agent was started with
    #[arg(long)]
    pub connection_id: String,
    /// Work directory, where runs keep their intermediate files
    #[arg(long, default_value = AGENT_WORK)]
    #[serde(default = "agent_work")]
    pub work_dir: String,
}

/// The agent replaces it.
const AGENT_WORK: &str = "$TW_AGENT_WORK";

fn agent_work() -> String {
    AGENT_WORK.to_owned()
}

/// A login at a container registry.
#[derive(Args, Debug, Deserialize, Serialize)]
pub struct ContainerRegistry {
    /// User name
    #[arg(short, long)]
    #[serde(rename(serialize = "userName"))]
    pub username: String,
    /// Password; without a value it is asked for
    #[arg(short, long, required = true)]
    pub password: Option<Option<String>>,
    /// Host of the registry
    #[arg(short, long, default_value = DOCKER_HUB)]
    #[serde(default = "docker_hub")]
    pub registry: String,
}

const DOCKER_HUB: &str = "docker.io";

fn docker_hub() -> String {
    DOCKER_HUB.to_owned()
}
