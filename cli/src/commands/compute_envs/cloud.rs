//! `compute-envs add`: options of the platforms in clouds. In requests fields have the API's names.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::values::{List, choices};

mod aws;
mod azure;
mod google;

pub use aws::{AwsBatchForge, AwsBatchManual, AwsBatchOptions, AwsCloud};
pub use azure::{AzureBatchForge, AzureBatchManual, AzureCloud};
pub use google::{GoogleBatch, GoogleCloud};

choices! {
    /// Machines of the clouds.
    CloudModel {
        Spot = "spot",
        SpotFirst = "spotFirst" | "SPOT_FIRST",
        OnDemand = "ondemand",
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
