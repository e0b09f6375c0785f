//! Options of Azure Batch and of machines of Azure.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{FusionMetrics, Scheduler};
use crate::values::{List, negated, negated_if_given};

/// Options of Azure Batch.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct AzureBatchOptions {
    /// Location
    #[arg(short, long)]
    #[serde(rename(serialize = "region"))]
    pub location: String,
    /// Use Fusion v2, a file system over object storage
    #[arg(long)]
    #[serde(default, rename(serialize = "fusion2Enabled"))]
    pub fusion_v2: bool,
    /// Use Wave, which builds containers
    #[arg(long)]
    #[serde(default, rename(serialize = "waveEnabled"))]
    pub wave: bool,
    /// Subnet
    #[arg(long)]
    pub subnet_id: Option<String>,
    /// Identity of the machine that Nextflow runs on, by client id
    #[arg(long)]
    #[serde(rename(serialize = "managedIdentityClientId"))]
    pub managed_identity_head_client_id: Option<String>,
    /// Identity of the tasks' machines, by client id
    #[arg(long)]
    #[serde(rename(serialize = "managedIdentityPoolClientId"))]
    pub managed_identity_pool_client_id: Option<String>,
    /// Delete jobs that have ended
    #[arg(long)]
    #[serde(rename(serialize = "deleteJobsOnCompletionEnabled"))]
    pub delete_jobs_on_completion: Option<bool>,
    /// Delete tasks that have ended
    #[arg(long)]
    pub delete_tasks_on_completion: Option<bool>,
    /// End jobs whose tasks have ended
    #[arg(long)]
    pub terminate_jobs_on_completion: Option<bool>,
    /// Lifetime of the tokens of Batch, such as 12h
    #[arg(long)]
    pub token_duration: Option<String>,
    /// Longest time that a job may take, such as 7d
    #[arg(long)]
    pub job_max_wall_clock_time: Option<String>,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub metrics: FusionMetrics,
}

/// Options of Azure Batch where pools are made.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct AzureBatchForge {
    #[command(flatten)]
    #[serde(flatten)]
    pub batch: AzureBatchOptions,
    /// Create one pool for Nextflow and another one for tasks
    #[arg(long)]
    #[serde(default, skip_serializing)]
    pub dual_pool: bool,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub pool: Pool,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub head: HeadPool,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub worker: WorkerPool,
    /// Keep the created resources when the compute environment is deleted
    #[arg(long)]
    #[serde(default, skip_serializing)]
    pub preserve_resources: bool,
    /// Credentials of container registries, by name, separated by commas
    #[arg(long)]
    #[serde(skip_serializing)]
    pub registry_credentials: Option<List<String>>,
    /// Identity of the machine that Nextflow runs on, by resource id
    #[arg(long)]
    #[serde(rename(serialize = "managedIdentityHeadResourceId"))]
    pub managed_identity_head_resource_id: Option<String>,
    /// Identity of the tasks' machines, by resource id
    #[arg(long)]
    #[serde(rename(serialize = "managedIdentityPoolResourceId"))]
    pub managed_identity_pool_resource_id: Option<String>,
}

/// The only pool.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct Pool {
    /// Type of machines
    #[arg(long)]
    pub vm_type: Option<String>,
    /// How many machines
    #[arg(long)]
    pub vm_count: Option<i32>,
    /// Do not adapt the number of machines
    #[arg(long)]
    #[serde(rename(serialize = "autoScale"), serialize_with = "negated")]
    pub no_auto_scale: bool,
    /// Size of the boot disk, in gigabytes
    #[arg(long)]
    #[serde(rename(serialize = "bootDiskSizeGB"))]
    pub boot_disk_size: Option<i32>,
}

/// The pool of the machine that Nextflow runs on.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct HeadPool {
    /// Type of the machines for Nextflow, with --dual-pool
    #[arg(long)]
    #[serde(rename(serialize = "vmType"))]
    pub head_vm_type: Option<String>,
    /// How many machines for Nextflow, with --dual-pool
    #[arg(long)]
    #[serde(rename(serialize = "vmCount"))]
    pub head_vm_count: Option<i32>,
    /// Do not adapt the number of machines for Nextflow, with --dual-pool
    #[arg(long)]
    #[serde(rename(serialize = "autoScale"), serialize_with = "negated_if_given")]
    pub head_no_auto_scale: Option<bool>,
    /// Gigabytes of the boot disk of machines for Nextflow, with --dual-pool
    #[arg(long)]
    #[serde(rename(serialize = "bootDiskSizeGB"))]
    pub head_boot_disk_size: Option<i32>,
}

/// The pool of the tasks' machines.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct WorkerPool {
    /// Type of the tasks' machines, with --dual-pool
    #[arg(long)]
    #[serde(rename(serialize = "vmType"))]
    pub worker_vm_type: Option<String>,
    /// How many machines for tasks, with --dual-pool
    #[arg(long)]
    #[serde(rename(serialize = "vmCount"))]
    pub worker_vm_count: Option<i32>,
    /// Do not adapt the number of the tasks' machines, with --dual-pool
    #[arg(long)]
    #[serde(rename(serialize = "autoScale"), serialize_with = "negated_if_given")]
    pub worker_no_auto_scale: Option<bool>,
    /// Gigabytes of the boot disk of the tasks' machines, with --dual-pool
    #[arg(long)]
    #[serde(rename(serialize = "bootDiskSizeGB"))]
    pub worker_boot_disk_size: Option<i32>,
}

/// Options of Azure Batch where pools exist.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct AzureBatchManual {
    #[command(flatten)]
    #[serde(flatten)]
    pub batch: AzureBatchOptions,
    /// Pool for Nextflow
    #[arg(long)]
    #[serde(rename(serialize = "headPool"))]
    pub compute_pool_name: String,
    /// Pool for tasks
    #[arg(long)]
    pub worker_pool: Option<String>,
}

/// Options of machines of Azure.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct AzureCloud {
    /// Region
    #[arg(short, long)]
    pub region: String,
    /// Group of resources
    #[arg(long)]
    pub resource_group: String,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub scheduler: Scheduler,
    /// Endpoint that logs are sent to
    #[arg(long)]
    pub data_collection_endpoint: Option<String>,
    /// Rule that logs are collected by
    #[arg(long)]
    pub data_collection_rule_id: Option<String>,
    /// Type of the machine that Nextflow runs on
    #[arg(long)]
    pub instance_type: Option<String>,
    /// Table that logs are written to
    #[arg(long)]
    pub log_table_name: Option<String>,
    /// Workspace that logs are written to
    #[arg(long)]
    pub log_workspace_id: Option<String>,
    /// Identity of the machines, by client id
    #[arg(long)]
    pub managed_identity_client_id: Option<String>,
    /// Identity of the machines, by id
    #[arg(long)]
    pub managed_identity_id: Option<String>,
    /// Network
    #[arg(long)]
    pub network_id: Option<String>,
    /// Subnets, separated by commas
    #[arg(long)]
    pub subnets: Option<List<String>>,
    /// Subscription
    #[arg(long)]
    pub subscription_id: Option<String>,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub metrics: FusionMetrics,
}
