//! `compute-envs add`: the platforms, and the options of each. In requests fields have the API's
//! names: to serialize options is to write the configuration that they describe.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::New;
use super::cloud::{AwsBatchForge, AwsBatchManual};
use super::cloud::{
    AwsCloud, AzureBatchForge, AzureBatchManual, AzureCloud, GoogleBatch, GoogleCloud,
};
use crate::values::{Pair, TextFile, choices, pairs};

/// Add a compute environment
#[derive(Subcommand, Debug)]
pub enum Add {
    /// Kubernetes
    K8s(Platform<Kubernetes>),
    /// AWS Batch
    #[command(subcommand)]
    AwsBatch(AwsBatch),
    /// AWS Cloud: EC2 instances, without Batch
    AwsCloud(Platform<AwsCloud>),
    /// Amazon Elastic Kubernetes Service (EKS)
    Eks(Platform<CloudKubernetes>),
    /// Slurm
    Slurm(Platform<Grid>),
    /// IBM LSF
    Lsf(Platform<Lsf>),
    /// Univa Grid Engine
    Uge(Platform<Grid>),
    /// Altair PBS Pro
    Altair(Platform<Grid>),
    /// Moab
    Moab(Platform<Grid>),
    /// Google Kubernetes Engine (GKE)
    Gke(Platform<CloudKubernetes>),
    /// Google Batch
    GoogleBatch(Platform<GoogleBatch>),
    /// Google Cloud: Compute Engine instances, without Batch
    GoogleCloud(Platform<GoogleCloud>),
    /// Azure Batch
    #[command(subcommand)]
    AzureBatch(AzureBatch),
    /// Azure Cloud: virtual machines, without Batch
    AzureCloud(Platform<AzureCloud>),
    /// Seqera Compute, managed by Seqera
    SeqeraCompute(Box<SeqeraPlatform>),
}

/// AWS Batch
#[derive(Subcommand, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made in a run of the program"
)]
pub enum AwsBatch {
    /// Let the Platform create the queues (Batch Forge)
    Forge(Box<Platform<AwsBatchForge>>),
    /// Use queues that exist
    Manual(Platform<AwsBatchManual>),
}

/// Azure Batch
#[derive(Subcommand, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made in a run of the program"
)]
pub enum AzureBatch {
    /// Let the Platform create the pools (Batch Forge)
    Forge(Box<Platform<AzureBatchForge>>),
    /// Use pools that exist
    Manual(Platform<AzureBatchManual>),
}

/// A new compute environment of a platform.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Platform<P: Args> {
    #[command(flatten)]
    #[serde(flatten)]
    pub new: New,
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
    /// Work directory, where runs keep their intermediate files
    #[arg(long)]
    pub work_dir: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub platform: P,
}

/// What all platforms know.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct Common {
    /// File with a script that runs before Nextflow
    #[arg(long)]
    #[serde(rename(serialize = "preRunScript"))]
    pub pre_run: Option<TextFile>,
    /// File with a script that runs after Nextflow
    #[arg(long)]
    #[serde(rename(serialize = "postRunScript"))]
    pub post_run: Option<TextFile>,
    /// File with Nextflow configuration
    #[arg(long)]
    pub nextflow_config: Option<TextFile>,
    /// Environment variable of the job that Nextflow runs in; with compute: before the name of the
    /// tasks' jobs, with both: of both. May be given several times
    #[arg(short, long, value_name = "NAME=VALUE")]
    #[serde(skip_serializing, deserialize_with = "pairs")]
    pub env: Vec<Pair>,
}

/// A new compute environment on Seqera's own machines, which know where to keep files.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SeqeraPlatform {
    #[command(flatten)]
    #[serde(flatten)]
    pub new: New,
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
    /// Work directory, where runs keep their intermediate files
    #[arg(long)]
    pub work_dir: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub platform: SeqeraCompute,
}

choices! {
    /// When pods are deleted.
    PodCleanup {
        OnSuccess = "on_success" | "onSuccess",
        Always = "always",
        Never = "never",
    }
}

choices! {
    /// Sizes of machines.
    InstanceTypeSize {
        Small = "SMALL",
        Medium = "MEDIUM",
        Large = "LARGE",
    }
}

/// Options of all Kubernetes.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct Pods {
    /// Mount path of the volume
    #[arg(long)]
    #[serde(rename(serialize = "storageMountPath"))]
    pub storage_mount: Option<String>,
    /// Service account of the tasks' pods
    #[arg(long)]
    #[serde(rename(serialize = "computeServiceAccount"))]
    pub compute_account: Option<String>,
    /// When pods are deleted
    #[arg(long, value_enum)]
    #[serde(rename(serialize = "podCleanup"))]
    pub pod_cleanup: Option<PodCleanup>,
    /// File with the specification of the head pod, which Nextflow runs in
    #[arg(long)]
    pub head_pod_spec: Option<TextFile>,
    /// File with the specification of service pods
    #[arg(long)]
    pub service_pod_spec: Option<TextFile>,
}

/// Options of Kubernetes.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct Kubernetes {
    /// URL of the cluster's API
    #[arg(short, long)]
    pub server: String,
    /// Namespace
    #[arg(long)]
    pub namespace: String,
    /// File with the cluster's certificate
    #[arg(long)]
    pub ssl_cert: TextFile,
    /// Service account of the head pod, which Nextflow runs in
    #[arg(long)]
    #[serde(rename(serialize = "headServiceAccount"))]
    pub head_account: String,
    /// Name of the persistent volume claim
    #[arg(long)]
    #[serde(rename(serialize = "storageClaimName"))]
    pub storage_claim: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub pods: Pods,
}

/// Options of Kubernetes in a cloud.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct CloudKubernetes {
    /// Region
    #[arg(short, long)]
    pub region: String,
    /// Name of the cluster
    #[arg(long)]
    pub cluster_name: String,
    /// Namespace
    #[arg(long)]
    pub namespace: String,
    /// Service account of the head pod, which Nextflow runs in
    #[arg(long)]
    #[serde(rename(serialize = "headServiceAccount"))]
    pub head_account: String,
    /// Name of the persistent volume claim
    #[arg(long)]
    #[serde(rename(serialize = "storageClaimName"))]
    pub storage_claim: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub pods: Pods,
}

/// Options of a cluster with a scheduler.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct Grid {
    /// User to log in as
    #[arg(short, long)]
    pub user_name: Option<String>,
    /// Host to log in to
    #[arg(short = 'H', long)]
    pub host_name: Option<String>,
    /// SSH port
    #[arg(short, long)]
    pub port: Option<i32>,
    /// Queue of the Nextflow head job
    #[arg(short = 'q', long)]
    pub head_queue: String,
    /// Queue of the tasks' jobs
    #[arg(long)]
    pub compute_queue: Option<String>,
    /// Launch directory, where Nextflow runs
    #[arg(long)]
    pub launch_dir: Option<String>,
    /// Most jobs in the queue at a time
    #[arg(long)]
    pub max_queue_size: Option<i32>,
    /// Scheduler options of the Nextflow head job
    #[arg(long)]
    pub head_job_options: Option<String>,
}

/// Options of LSF.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct Lsf {
    #[command(flatten)]
    #[serde(flatten)]
    pub grid: Grid,
    /// Unit of limits
    #[arg(long)]
    pub unit_for_limits: Option<String>,
    /// Memory limits are per job
    #[arg(long)]
    pub per_job_mem_limit: Option<bool>,
    /// Reservations are per task
    #[arg(long)]
    pub per_task_reserve: Option<bool>,
}

/// Options of Seqera's own machines.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct SeqeraCompute {
    /// Region
    #[arg(short, long)]
    pub region: String,
    /// Size of machines
    #[arg(long, value_enum)]
    pub instance_type_size: Option<InstanceTypeSize>,
}
