//! Options of Google Batch and of machines of Google Cloud.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{FusionMetrics, Scheduler};
use crate::values::List;

/// Options of Google Batch.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct GoogleBatch {
    /// Location
    #[arg(short, long)]
    pub location: String,
    /// Use spot machines
    #[arg(long)]
    pub spot: Option<bool>,
    /// Use Fusion v2, a file system over object storage
    #[arg(long)]
    #[serde(default, rename(serialize = "fusion2Enabled"))]
    pub fusion_v2: bool,
    /// Keep snapshots of tasks, which spot machines go on from
    #[arg(long)]
    #[serde(default)]
    pub fusion_snapshots: bool,
    /// Use Wave, which builds containers
    #[arg(long)]
    #[serde(default, rename(serialize = "waveEnabled"))]
    pub wave: bool,
    /// Network
    #[arg(long)]
    pub network: Option<String>,
    /// Subnetwork
    #[arg(long)]
    pub subnetwork: Option<String>,
    /// Tags of the network, separated by commas
    #[arg(long)]
    pub network_tags: Option<List<String>>,
    /// Give machines no public IP address
    #[arg(long)]
    pub use_private_address: Option<bool>,
    /// Size of the boot disk, in gigabytes
    #[arg(long)]
    #[serde(rename(serialize = "bootDiskSizeGb"))]
    pub boot_disk_size: Option<i32>,
    /// Image of the boot disk
    #[arg(long)]
    pub boot_disk_image: Option<String>,
    /// CPUs of the Nextflow head job
    #[arg(long)]
    pub head_job_cpus: Option<i32>,
    /// Memory of the Nextflow head job, in megabytes
    #[arg(long)]
    #[serde(rename(serialize = "headJobMemoryMb"))]
    pub head_job_memory: Option<i32>,
    /// Service account of the machines
    #[arg(long)]
    #[serde(rename(serialize = "serviceAccount"))]
    pub service_account_email: Option<String>,
    /// Type of the machine that Nextflow runs on
    #[arg(long)]
    #[serde(rename(serialize = "machineType"))]
    pub head_job_machine_type: Option<String>,
    /// Template of the machine that Nextflow runs on
    #[arg(long)]
    #[serde(rename(serialize = "headJobInstanceTemplate"))]
    pub head_job_template: Option<String>,
    /// Types of the tasks' machines, separated by commas
    #[arg(long)]
    #[serde(rename(serialize = "computeJobsMachineType"))]
    pub compute_jobs_machine_type: Option<List<String>>,
    /// Template of the tasks' machines
    #[arg(long)]
    #[serde(rename(serialize = "computeJobsInstanceTemplate"))]
    pub compute_job_template: Option<String>,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub metrics: FusionMetrics,
}

/// Options of machines of Google Cloud.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct GoogleCloud {
    /// Region
    #[arg(short, long)]
    pub region: String,
    /// Zone
    #[arg(short, long)]
    pub zone: String,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub scheduler: Scheduler,
    /// Use ARM machines
    #[arg(long)]
    #[serde(rename(serialize = "arm64Enabled"))]
    pub arm64: Option<bool>,
    /// Size of the boot disk, in gigabytes
    #[arg(long)]
    #[serde(rename(serialize = "bootDiskSizeGb"))]
    pub boot_disk_size: Option<i32>,
    /// Use GPUs
    #[arg(long)]
    #[serde(rename(serialize = "gpuEnabled"))]
    pub gpu: Option<bool>,
    /// Machine image
    #[arg(long)]
    pub image_id: Option<String>,
    /// Type of the machine that Nextflow runs on
    #[arg(long)]
    pub instance_type: Option<String>,
    /// Network
    #[arg(long)]
    pub network: Option<String>,
    /// Subnetworks, separated by commas
    #[arg(long)]
    pub subnetworks: Option<List<String>>,
    /// Tags of the network, separated by commas
    #[arg(long)]
    pub network_tags: Option<List<String>>,
    /// Give machines no public IP address
    #[arg(long)]
    pub use_private_address: Option<bool>,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub metrics: FusionMetrics,
}
