//! `compute-envs add`: options of the platforms in clouds. In requests fields have the API's names.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::values::{List, TextFile, choices, negated, negated_if_given};

choices! {
    /// Machines of AWS Batch.
    BatchModel {
        Spot = "SPOT",
        Ec2 = "EC2",
    }
}

choices! {
    /// Machines of the clouds.
    CloudModel {
        Spot = "spot",
        SpotFirst = "spotFirst" | "SPOT_FIRST",
        OnDemand = "ondemand",
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

/// Beside the configuration, not in it.
#[derive(Args, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct FusionMetrics {
    /// Collect metrics of Fusion (--no-fusion-metrics-collection: do not)
    #[arg(long)]
    pub fusion_metrics_collection: Option<bool>,
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
    /// Processors of the job that Nextflow runs in
    #[arg(long)]
    pub head_job_cpus: Option<i32>,
    /// Megabytes of memory of the job that Nextflow runs in
    #[arg(long)]
    #[serde(rename(serialize = "headJobMemoryMb"))]
    pub head_job_memory: Option<i32>,
    /// Role of the job that Nextflow runs in
    #[arg(long)]
    pub head_job_role: Option<String>,
    /// Role of the tasks' jobs
    #[arg(long)]
    pub compute_job_role: Option<String>,
    /// Role of Batch
    #[arg(long)]
    #[serde(rename(serialize = "executionRole"))]
    pub batch_execution_role: Option<String>,
    /// Path of the AWS command line on the machines
    #[arg(long)]
    pub cli_path: Option<String>,
    /// Key that secrets are encrypted with
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
    /// Most processors that may run at a time
    #[arg(long)]
    pub max_cpus: i32,
    /// Kind of machines
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
    /// Run the job that Nextflow runs in on Fargate
    #[arg(long)]
    #[serde(default, rename(serialize = "fargateHeadEnabled"))]
    pub fargate: bool,
    /// Use graphics processors
    #[arg(long)]
    #[serde(default, rename(serialize = "gpuEnabled"))]
    pub gpu: bool,
    /// Buckets to give access to, separated by commas
    #[arg(long)]
    pub allow_buckets: Option<List<String>>,
    /// Keep what was made when the compute environment is deleted
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
    /// Make an EFS file system
    #[arg(long)]
    #[serde(default, skip_serializing)]
    pub create_efs: bool,
    /// EFS file system to use
    #[arg(long)]
    pub efs_id: Option<String>,
    /// Path at which EFS is mounted
    #[arg(long)]
    pub efs_mount: Option<String>,
    /// Gigabytes of an FSx file system to make
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
    /// How machines are chosen
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
    /// Image of the machines
    #[arg(long)]
    #[serde(rename(serialize = "imageId"))]
    pub ami_id: Option<String>,
    /// Key pair to log in to machines with
    #[arg(long)]
    #[serde(rename(serialize = "ec2KeyPair"))]
    pub key_pair: Option<String>,
    /// Processors that are kept running
    #[arg(long)]
    pub min_cpus: Option<i32>,
    /// Gigabytes of the boot disk
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
    /// Queue of the job that Nextflow runs in
    #[arg(long)]
    pub head_queue: String,
    /// Queue of the tasks' jobs
    #[arg(long)]
    pub compute_queue: String,
}

/// The Platform's own scheduler.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct Scheduler {
    /// Use the Platform's scheduler
    #[arg(long)]
    #[serde(skip_serializing)]
    pub sched_enabled: Option<bool>,
    /// Kind of machines of the scheduler
    #[arg(long, value_enum)]
    pub provisioning_model: Option<CloudModel>,
    /// Types of machines of the scheduler, separated by commas
    #[arg(long)]
    #[serde(rename(serialize = "machineTypes"))]
    pub sched_machine_types: Option<List<String>>,
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
    /// Gigabytes of the boot disk
    #[arg(long)]
    #[serde(rename(serialize = "ebsBootSize"))]
    pub boot_disk_size: Option<i32>,
    /// Encrypt disks
    #[arg(long)]
    #[serde(rename(serialize = "ebsEncrypted"))]
    pub ebs_encryption: Option<bool>,
    /// Key that disks are encrypted with
    #[arg(long)]
    #[serde(rename(serialize = "ebsKmsKeyId"))]
    pub ebs_kms_key: Option<String>,
    /// Key that secrets are encrypted with
    #[arg(long)]
    #[serde(rename(serialize = "secretsKmsKeyId"))]
    pub secrets_kms_key: Option<String>,
    /// Key pair to log in to machines with
    #[arg(long)]
    pub ec2_key_pair: Option<String>,
    /// Image of the machines
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
    /// Give machines no public address
    #[arg(long)]
    pub use_private_address: Option<bool>,
    /// Gigabytes of the boot disk
    #[arg(long)]
    #[serde(rename(serialize = "bootDiskSizeGb"))]
    pub boot_disk_size: Option<i32>,
    /// Image of the boot disk
    #[arg(long)]
    pub boot_disk_image: Option<String>,
    /// Processors of the job that Nextflow runs in
    #[arg(long)]
    pub head_job_cpus: Option<i32>,
    /// Megabytes of memory of the job that Nextflow runs in
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
    /// Gigabytes of the boot disk
    #[arg(long)]
    #[serde(rename(serialize = "bootDiskSizeGb"))]
    pub boot_disk_size: Option<i32>,
    /// Use graphics processors
    #[arg(long)]
    #[serde(rename(serialize = "gpuEnabled"))]
    pub gpu: Option<bool>,
    /// Image of the machines
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
    /// Give machines no public address
    #[arg(long)]
    pub use_private_address: Option<bool>,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub metrics: FusionMetrics,
}

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
    /// How long a token is good for
    #[arg(long)]
    pub token_duration: Option<String>,
    /// How long a job may take
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
    /// Make a pool for Nextflow and one for tasks
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
    /// Keep what was made when the compute environment is deleted
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
    /// Gigabytes of the boot disk
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
