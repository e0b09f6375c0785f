//! Options of AWS Batch and of machines of AWS.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{FusionMetrics, Scheduler};
use crate::values::{List, TextFile, choices, negated};

choices! {
    /// Machines of AWS Batch.
    BatchModel {
        Spot = "SPOT",
        Ec2 = "EC2",
    }
}

choices! {
    /// How AWS Batch chooses machines.
    AllocStrategy {
        BestFit = "BEST_FIT",
        BestFitProgressive = "BEST_FIT_PROGRESSIVE",
        SpotCapacityOptimized = "SPOT_CAPACITY_OPTIMIZED",
        SpotPriceCapacityOptimized = "SPOT_PRICE_CAPACITY_OPTIMIZED",
    }
}

/// Options of AWS Batch.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct AwsBatchOptions {
    /// Region
    #[arg(short, long)]
    pub region: String,
    /// Use Fusion v2, a file system over object storage
    #[arg(long)]
    #[serde(default, rename(serialize = "fusion2Enabled"))]
    pub fusion_v2: bool,
    /// Use Wave, which builds containers
    #[arg(long)]
    #[serde(default, rename(serialize = "waveEnabled"))]
    pub wave: bool,
    /// Use fast instance storage
    #[arg(long)]
    #[serde(default, rename(serialize = "nvnmeStorageEnabled"))]
    pub fast_storage: bool,
    /// CPUs of the Nextflow head job
    #[arg(long)]
    pub head_job_cpus: Option<i32>,
    /// Memory of the Nextflow head job, in megabytes
    #[arg(long)]
    #[serde(rename(serialize = "headJobMemoryMb"))]
    pub head_job_memory: Option<i32>,
    /// IAM role of the Nextflow head job
    #[arg(long)]
    pub head_job_role: Option<String>,
    /// IAM role of the tasks' jobs
    #[arg(long)]
    pub compute_job_role: Option<String>,
    /// Execution role of Batch jobs
    #[arg(long)]
    #[serde(rename(serialize = "executionRole"))]
    pub batch_execution_role: Option<String>,
    /// Path of the AWS command line on the machines
    #[arg(long)]
    pub cli_path: Option<String>,
    /// KMS key to encrypt secrets with
    #[arg(long)]
    #[serde(rename(serialize = "secretsKmsKeyId"))]
    pub secrets_kms_key: Option<String>,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub metrics: FusionMetrics,
}

/// Options of AWS Batch where queues are made.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct AwsBatchForge {
    #[command(flatten)]
    #[serde(flatten)]
    pub batch: AwsBatchOptions,
    /// Old name of --fusion-v2, refused
    #[arg(long)]
    #[serde(default, skip_serializing)]
    pub fusion: bool,
    /// Keep snapshots of tasks, which spot machines go on from
    #[arg(long)]
    #[serde(default, rename(serialize = "fusionSnapshots"))]
    pub snapshots: bool,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub forge: AwsForge,
}

/// What is made.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct AwsForge {
    /// Most CPUs that may run at a time
    #[arg(long)]
    pub max_cpus: i32,
    /// Kind of instances
    #[arg(long, value_enum, default_value = "SPOT")]
    #[serde(default = "spot", rename(serialize = "type"))]
    pub provisioning_model: BatchModel,
    /// Do not let disks grow by themselves
    #[arg(long)]
    #[serde(
        default,
        rename(serialize = "ebsAutoScale"),
        serialize_with = "negated"
    )]
    pub no_ebs_auto_scale: bool,
    /// Run the Nextflow head job on Fargate
    #[arg(long)]
    #[serde(default, rename(serialize = "fargateHeadEnabled"))]
    pub fargate: bool,
    /// Use GPUs
    #[arg(long)]
    #[serde(default, rename(serialize = "gpuEnabled"))]
    pub gpu: bool,
    /// Buckets to give access to, separated by commas
    #[arg(long)]
    pub allow_buckets: Option<List<String>>,
    /// Keep the created resources when the compute environment is deleted
    #[arg(long)]
    #[serde(
        default,
        rename(serialize = "disposeOnDeletion"),
        serialize_with = "negated"
    )]
    pub preserve_resources: bool,
    /// File with the configuration of ECS
    #[arg(long)]
    pub ecs_config: Option<TextFile>,
    /// Create an EFS file system
    #[arg(long)]
    #[serde(default, skip_serializing)]
    pub create_efs: bool,
    /// EFS file system to use
    #[arg(long)]
    pub efs_id: Option<String>,
    /// Path at which EFS is mounted
    #[arg(long)]
    pub efs_mount: Option<String>,
    /// Size of an FSx file system to create, in gigabytes
    #[arg(long)]
    pub fsx_size: Option<i32>,
    /// FSx file system to use, by its DNS name
    #[arg(long)]
    #[serde(rename(serialize = "fsxName"))]
    pub fsx_dns: Option<String>,
    /// Path at which FSx is mounted
    #[arg(long)]
    pub fsx_mount: Option<String>,
    /// Types of machines, separated by commas
    #[arg(long)]
    pub instance_types: Option<List<String>>,
    /// How Batch chooses instances
    #[arg(long, value_enum)]
    pub alloc_strategy: Option<AllocStrategy>,
    /// VPC
    #[arg(long)]
    pub vpc_id: Option<String>,
    /// Subnets, separated by commas
    #[arg(long)]
    pub subnets: Option<List<String>>,
    /// Security groups, separated by commas
    #[arg(long)]
    pub security_groups: Option<List<String>>,
    /// Machine image
    #[arg(long)]
    #[serde(rename(serialize = "imageId"))]
    pub ami_id: Option<String>,
    /// Key pair to log in to machines with
    #[arg(long)]
    #[serde(rename(serialize = "ec2KeyPair"))]
    pub key_pair: Option<String>,
    /// CPUs that are kept running
    #[arg(long)]
    pub min_cpus: Option<i32>,
    /// Size of the boot disk, in gigabytes
    #[arg(long)]
    #[serde(rename(serialize = "ebsBootSize"))]
    pub boot_disk_size: Option<i32>,
    /// Gigabytes by which disks grow
    #[arg(long)]
    #[serde(rename(serialize = "ebsBlockSize"))]
    pub ebs_blocksize: Option<i32>,
    /// Most that a spot machine may cost, in percent of its usual price
    #[arg(long)]
    pub bid_percentage: Option<i32>,
}

fn spot() -> BatchModel {
    BatchModel::Spot
}

/// Options of AWS Batch where queues exist.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct AwsBatchManual {
    #[command(flatten)]
    #[serde(flatten)]
    pub batch: AwsBatchOptions,
    /// Queue of the Nextflow head job
    #[arg(long)]
    pub head_queue: String,
    /// Queue of the tasks' jobs
    #[arg(long)]
    pub compute_queue: String,
}

/// Options of machines of AWS.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct AwsCloud {
    /// Region
    #[arg(short, long)]
    pub region: String,
    /// Buckets to give access to, separated by commas
    #[arg(long)]
    pub allow_buckets: Option<List<String>>,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub scheduler: Scheduler,
    /// Use ARM machines
    #[arg(long)]
    #[serde(rename(serialize = "arm64Enabled"))]
    pub arm64: Option<bool>,
    /// Size of the boot disk, in gigabytes
    #[arg(long)]
    #[serde(rename(serialize = "ebsBootSize"))]
    pub boot_disk_size: Option<i32>,
    /// Encrypt disks
    #[arg(long)]
    #[serde(rename(serialize = "ebsEncrypted"))]
    pub ebs_encryption: Option<bool>,
    /// KMS key to encrypt disks with
    #[arg(long)]
    #[serde(rename(serialize = "ebsKmsKeyId"))]
    pub ebs_kms_key: Option<String>,
    /// KMS key to encrypt secrets with
    #[arg(long)]
    #[serde(rename(serialize = "secretsKmsKeyId"))]
    pub secrets_kms_key: Option<String>,
    /// Key pair to log in to machines with
    #[arg(long)]
    pub ec2_key_pair: Option<String>,
    /// Machine image
    #[arg(long)]
    pub image_id: Option<String>,
    /// Profile of the machines
    #[arg(long)]
    pub instance_profile_arn: Option<String>,
    /// Type of the machine that Nextflow runs on
    #[arg(long)]
    pub instance_type: Option<String>,
    /// Security groups, separated by commas
    #[arg(long)]
    pub security_groups: Option<List<String>>,
    /// Subnet
    #[arg(long)]
    pub subnet_id: Option<String>,
    /// Subnets, separated by commas
    #[arg(long)]
    pub subnet_ids: Option<List<String>>,
    /// VPC
    #[arg(long)]
    pub vpc_id: Option<String>,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub metrics: FusionMetrics,
}
