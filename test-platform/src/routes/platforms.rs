//! Computing platforms: which there are, their regions, and what is found at a provider.

use serde_json::{Value, json};

use super::Routes;
use super::turn::Turn;
use crate::behaviour::credentials::providers;
use crate::call::{Refusal, Reply, answer};

pub const ROUTES: Routes = &[
    ("ListPlatforms", list),
    ("ListPlatformRegions", regions),
    ("DescribePlatform", describe),
];

/// Id, name, the kind of what a provider has, regions.
const PLATFORMS: &[(&str, &str, &str, &[&str])] = &[
    ("aws-batch", "Amazon Batch", "aws-batch", AWS),
    ("aws-cloud", "AWS Cloud", "aws-cloud", AWS),
    (
        "seqeracompute-platform",
        "Seqera Compute",
        "seqeracompute",
        AWS,
    ),
    ("google-batch", "Google Batch", "google", GOOGLE),
    ("google-cloud", "Google Cloud", "google-cloud", GOOGLE),
    ("azure-batch", "Azure Batch", "azure-batch", AZURE),
    ("azure-cloud", "Azure Cloud", "azure-cloud", AZURE),
    ("k8s-platform", "Kubernetes", "k8s-platform", &[]),
    ("eks-platform", "Amazon EKS", "eks-platform", AWS),
    ("gke-platform", "Google GKE", "gke-platform", GOOGLE),
    ("uge-platform", "Grid Engine", "grid", &[]),
    ("slurm-platform", "Slurm", "grid", &[]),
    ("lsf-platform", "IBM LSF", "grid", &[]),
    ("altair-platform", "Altair PBS Pro", "grid", &[]),
    ("moab-platform", "Moab", "grid", &[]),
    ("local-platform", "Local", "local-platform", &[]),
];
/// Instance types of AWS; whether the Scheduler takes them, and whether they have NVMe disks.
const AWS_MACHINES: &[(&str, bool, bool)] = &[
    ("c6i.large", true, false),
    ("c6id.4xlarge", true, true),
    ("m6i.2xlarge", true, false),
    ("r6i.4xlarge", true, false),
    ("p3.2xlarge", false, false),
    ("i3.xlarge", false, true),
];
const AWS: &[&str] = &[
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "us-east-1",
    "us-west-2",
    "ap-southeast-2",
];
const GOOGLE: &[&str] = &["europe-west1", "europe-west2", "us-central1", "us-east1"];
const AZURE: &[&str] = &["northeurope", "westeurope", "eastus", "westus2"];

fn list(_: &mut Turn<'_>) -> Reply {
    let platforms: Vec<Value> = (PLATFORMS.iter())
        .map(|(id, name, ..)| json!({ "id": id, "name": name, "credentialsProviders": providers(id) }))
        .collect();
    answer(json!({ "platforms": platforms }))
}

fn find(
    turn: &Turn<'_>,
) -> Result<
    &'static (
        &'static str,
        &'static str,
        &'static str,
        &'static [&'static str],
    ),
    Refusal,
> {
    let id = turn.call.path("platformId");
    (PLATFORMS.iter())
        .find(|(known, ..)| *known == id)
        .ok_or_else(|| Refusal::bad_request(format!("Unknown platform: {id}")))
}

fn regions(turn: &mut Turn<'_>) -> Reply {
    let (_, _, _, regions) = find(turn)?;
    let regions: Vec<Value> = regions
        .iter()
        .map(|region| json!({ "id": region, "name": region }))
        .collect();
    answer(json!({ "regions": regions }))
}

/// What the credentials give sight of in the region.
fn describe(turn: &mut Turn<'_>) -> Reply {
    let (id, _, kind, regions) = find(turn)?;
    let region = turn.call.query("regionId").unwrap_or_default();
    if !regions.is_empty() && !regions.contains(&region) {
        return Err(Refusal::bad_request(format!(
            "Unknown region of {id}: {region}"
        )));
    }
    let credentials = turn.call.query("credentialsId").unwrap_or_default();
    if turn
        .state
        .find("credentials", turn.scope(), credentials)
        .is_none()
    {
        return Err(Refusal::forbidden(format!(
            "Unknown credentials with id: {credentials}"
        )));
    }
    let buckets: Vec<Value> = (turn.state.within("data_link", turn.scope()))
        .filter(|link| {
            providers(id)
                .iter()
                .any(|provider| link["provider"] == *provider)
        })
        .map(|link| json!({ "path": link["resourceRef"] }))
        .collect();
    let (scheduler, nvme) = (turn.call.flag("sched"), turn.call.flag("nvme"));
    let of_aws: Vec<&str> = (AWS_MACHINES.iter())
        .filter(|(_, scheduled, has_nvme)| (*scheduled || !scheduler) && (*has_nvme || !nvme))
        .map(|(name, ..)| *name)
        .collect();
    let families: Vec<&str> = (["optimal"].into_iter().filter(|_| !nvme))
        .chain(of_aws.iter().filter_map(|name| name.split('.').next()))
        .collect();
    let machines = |names: &[&str]| -> Value {
        (names.iter())
            .map(|name| json!({ "id": name, "arch": "x86_64", "features": ["AMD"] }))
            .collect()
    };
    let mut found = json!({ "discriminator": kind, "warnings": [], "buckets": buckets });
    let more = match *kind {
        "aws-batch" | "aws-cloud" | "seqeracompute" => json!({
            "fileSystems": [], "efsFileSystems": [], "keyPairs": ["batch-runner"],
            "vpcs": [{ "id": "vpc-0a1b2c3d", "isDefault": true }],
            "subnets": [{ "id": "subnet-0a1b2c3d", "vpcId": "vpc-0a1b2c3d", "zone": format!("{region}a") }],
            "securityGroups": [{ "id": "sg-0a1b2c3d", "name": "default", "vpcId": "vpc-0a1b2c3d" }],
            "images": [{ "id": "ami-0a1b2c3d", "name": "ecs-optimised", "description": "Containers", "arch": "x86_64" }],
            "instanceFamilies": families,
            "instanceTypes": machines(&of_aws),
            "allocStrategy": ["BEST_FIT_PROGRESSIVE", "SPOT_CAPACITY_OPTIMIZED"],
            "jobQueues": [{ "name": "compute-spot", "state": "ENABLED" }, { "name": "head-on-demand", "state": "ENABLED" }],
        }),
        "google" | "google-cloud" => json!({
            "locations": regions, "zones": [format!("{region}-b"), format!("{region}-c")], "filestores": [], "images": [],
            "instanceTypes": machines(&["e2-standard-4", "n2-highmem-8"]),
        }),
        "azure-batch" | "azure-cloud" => json!({
            "containers": ["work"], "pools": ["standard"], "vmTypes": ["Standard_D4_v3"],
            "instanceTypes": ["Standard_D4_v3"], "networks": [], "subnets": [],
        }),
        "eks-platform" | "gke-platform" => json!({ "clusters": ["research"] }),
        _ => json!({}),
    };
    for (name, value) in more.as_object().into_iter().flatten() {
        found[name] = value.clone();
    }
    answer(json!({ "metainfo": found }))
}
