//! The laboratory as it stands at the start: an organization with two workspaces, a launchpad,
//! compute environments, and the runs of the past weeks. The same at every start, but for the
//! dates, which count back from today.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::state::{
    ComputeEnv, Credentials, Label, Laboratory, Launch, Member, Pipeline, Studio, Switched, Team,
    Workspace, short_id,
};
use crate::store::Store;

mod files;
mod runs;

pub use runs::{always_fails, recipe, run_name};

use files::{data_links, datasets, fill};
use runs::runs;

/// The name of the laboratory's organization.
pub const ORGANIZATION: &str = "open-genomics";
/// The id of the laboratory's organization.
pub const ORGANIZATION_ID: i64 = 116_840_527_310_944;
pub const ORGANIZATION_FULL_NAME: &str = "Open Genomics Laboratory";
/// The workspace where the laboratory's work is done, as `organization/workspace`.
pub const WORKSPACE: &str = "open-genomics/research";
/// The id of the workspace where the laboratory's work is done.
pub const WORKSPACE_ID: i64 = 41_280_733_906_518;
/// The workspace whose pipelines every other of the organization may launch.
const SHARED_WORKSPACE_ID: i64 = 87_011_625_448_230;

const AWS: &str = "4mXqT0bHcW8zLdPfRk2VnS";
const SLURM: &str = "1cGvJ7yQeN5tUaZxKo9BwD";
const GOOGLE: &str = "6hFsM3pRiY2jElXuCq8TgV";

/// The name of the laboratory's bucket and of its data link.
pub const BUCKET: &str = "open-genomics-sequencing";

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

pub fn laboratory(opened: SystemTime, run_count: usize, store: &Store) -> Laboratory {
    let members = members();
    let pipelines = pipelines(opened);
    let runs = runs(opened, run_count, &pipelines, &members);
    fill(store);
    Laboratory {
        opened,
        founded: opened - 90 * DAY,
        user: members[0].clone(),
        members,
        workspaces: workspaces(),
        teams: teams(),
        credentials: credentials(),
        compute_envs: compute_envs(),
        labels: labels(opened),
        pipelines,
        datasets: datasets(opened),
        data_links: data_links(),
        studios: studios(),
        runs,
        last_id: 1_000_000,
    }
}

fn members() -> Vec<Member> {
    [
        ("bench-lead", "Bench", "Lead", "owner"),
        ("sequencing-core", "Sequencing", "Core", "member"),
        ("night-shift", "Night", "Shift", "member"),
        ("biostats-desk", "Biostatistics", "Desk", "member"),
        ("pipeline-keeper", "Pipeline", "Keeper", "member"),
    ]
    .into_iter()
    .zip(1..)
    .map(
        |((user_name, first_name, last_name, role), number)| Member {
            member_id: 50_210_000 + number * 37,
            user_id: 4_400 + number * 11,
            user_name,
            first_name,
            last_name,
            role,
        },
    )
    .collect()
}

fn workspaces() -> Vec<Workspace> {
    vec![
        Workspace {
            id: WORKSPACE_ID,
            name: "research",
            full_name: "Research",
            description: "Sequencing studies of the laboratory",
            visibility: "PRIVATE",
        },
        Workspace {
            id: SHARED_WORKSPACE_ID,
            name: "reference-pipelines",
            full_name: "Reference pipelines",
            description: "Pipelines that every workspace may launch",
            visibility: "SHARED",
        },
    ]
}

fn teams() -> Vec<Team> {
    vec![
        Team {
            id: 301,
            name: "bioinformatics",
            description: "Who builds and launches pipelines",
            members: vec![4_411, 4_444, 4_455],
        },
        Team {
            id: 302,
            name: "wet-lab",
            description: "Who brings the samples",
            members: vec![4_422, 4_433],
        },
    ]
}

fn credentials() -> Vec<Credentials> {
    vec![
        Credentials {
            id: "2rKbN9wAoS6vDyHmGi4XcE",
            workspace: WORKSPACE_ID,
            name: "aws-batch-runner",
            provider: "aws",
            keys: json!({
                "discriminator": "aws",
                "accessKey": "EXAMPLEACCESSKEY",
                "assumeRoleArn": "arn:aws:iam::123456789012:role/batch-runner",
            }),
        },
        Credentials {
            id: "5zPfW1uLqT8kCjRnMd3YbH",
            workspace: WORKSPACE_ID,
            name: "cluster-login",
            provider: "ssh",
            keys: json!({ "discriminator": "ssh" }),
        },
        Credentials {
            id: "7eVxQ4gBsU2hIoJaFt6ZlK",
            workspace: WORKSPACE_ID,
            name: "google-batch-runner",
            provider: "google",
            keys: json!({ "discriminator": "google" }),
        },
    ]
}

fn compute_envs() -> Vec<ComputeEnv> {
    vec![
        ComputeEnv {
            id: AWS,
            workspace: WORKSPACE_ID,
            name: "aws-batch-ireland",
            description: "Spot instances, for most work",
            platform: "aws-batch",
            region: Some("eu-west-1"),
            primary: true,
            credentials: "2rKbN9wAoS6vDyHmGi4XcE",
            labels: vec![73],
            config: json!({
                "discriminator": "aws-batch",
                "region": "eu-west-1",
                "workDir": "s3://open-genomics-work",
                "computeQueue": "compute-spot",
                "headQueue": "head-on-demand",
                "headJobCpus": 2,
                "headJobMemoryMb": 4096,
                "waveEnabled": true,
                "fusion2Enabled": true,
                "nvnmeStorageEnabled": true,
                "volumes": [],
                "environment": [
                    { "name": "NXF_OPTS", "value": "-Xmx3g", "head": true, "compute": false }
                ],
                "forge": null,
                "forgedResources": null,
                "preRunScript": null,
                "postRunScript": null,
                "nextflowConfig": null,
            }),
        },
        ComputeEnv {
            id: SLURM,
            workspace: WORKSPACE_ID,
            name: "campus-cluster",
            description: "The university's cluster, for data that must not leave it",
            platform: "slurm-platform",
            region: None,
            primary: false,
            credentials: "5zPfW1uLqT8kCjRnMd3YbH",
            labels: vec![],
            config: json!({
                "discriminator": "slurm-platform",
                "hostName": "login.cluster.open-genomics.example",
                "port": 22,
                "userName": "nextflow",
                "workDir": "/scratch/nextflow",
                "launchDir": "/scratch/nextflow/launch",
                "headQueue": "long",
                "computeQueue": "batch",
                "maxQueueSize": 200,
                "headJobOptions": "--mem=8G",
                "propagateHeadJobOptions": false,
                "environment": [],
                "preRunScript": "module load singularity",
                "postRunScript": null,
                "nextflowConfig": null,
            }),
        },
        ComputeEnv {
            id: GOOGLE,
            workspace: WORKSPACE_ID,
            name: "google-batch-belgium",
            description: "For collaborations that keep their data there",
            platform: "google-batch",
            region: Some("europe-west1"),
            primary: false,
            credentials: "7eVxQ4gBsU2hIoJaFt6ZlK",
            labels: vec![],
            config: json!({
                "discriminator": "google-batch",
                "location": "europe-west1",
                "projectId": "open-genomics-batch",
                "workDir": "gs://open-genomics-batch-work",
                "spot": true,
                "waveEnabled": true,
                "fusion2Enabled": false,
                "bootDiskSizeGb": 50,
                "labels": { "cost-centre": "collaborations" },
                "environment": null,
                "preRunScript": null,
                "postRunScript": null,
                "nextflowConfig": null,
            }),
        },
    ]
}

fn labels(opened: SystemTime) -> Vec<Label> {
    [
        (71, "urgent", None, false),
        (72, "pilot-study", None, false),
        (73, "cost-centre", Some("genomics"), true),
        (74, "production", None, false),
        (75, "reanalysis", None, false),
    ]
    .into_iter()
    .map(|(id, name, value, is_default)| Label {
        id,
        workspace: WORKSPACE_ID,
        name: name.to_owned(),
        value: value.map(str::to_owned),
        is_default,
        created: opened - 90 * DAY,
    })
    .collect()
}

/// Id, workspace, name, repository, revision, description, labels.
type LaunchpadEntry = (
    i64,
    i64,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [i64],
);

/// One name is part of another's, one pipeline is shared, one always fails.
const LAUNCHPAD: &[LaunchpadEntry] = &[
    (
        20_101,
        WORKSPACE_ID,
        "hello",
        "https://github.com/nextflow-io/hello",
        "master",
        "Greetings, to try a compute environment out",
        &[],
    ),
    (
        20_102,
        WORKSPACE_ID,
        "nf-core-rnaseq",
        "https://github.com/nf-core/rnaseq",
        "3.21.0",
        "Gene expression from RNA sequencing",
        &[74, 73],
    ),
    (
        20_103,
        WORKSPACE_ID,
        "nf-core-rnaseq-pilot",
        "https://github.com/nf-core/rnaseq",
        "dev",
        "The next version of the RNA pipeline, on trial",
        &[72],
    ),
    (
        20_104,
        WORKSPACE_ID,
        "nf-core-sarek",
        "https://github.com/nf-core/sarek",
        "3.5.1",
        "Germline and somatic variants",
        &[74],
    ),
    (
        20_105,
        WORKSPACE_ID,
        "nf-core-viralrecon",
        "https://github.com/nf-core/viralrecon",
        "2.6.0",
        "Viral genomes from amplicons",
        &[],
    ),
    (
        20_106,
        WORKSPACE_ID,
        "nf-core-methylseq",
        "https://github.com/nf-core/methylseq",
        "4.1.0",
        "DNA methylation from bisulfite sequencing",
        &[],
    ),
    (
        20_107,
        WORKSPACE_ID,
        "nf-core-fetchngs",
        "https://github.com/nf-core/fetchngs",
        "1.12.0",
        "Public reads by accession",
        &[],
    ),
    (
        20_108,
        WORKSPACE_ID,
        "failing-contamination-screen",
        "https://github.com/open-genomics-example/contamination-screen",
        "main",
        "A screen that always finds something: its runs fail",
        &[72],
    ),
    (
        30_201,
        SHARED_WORKSPACE_ID,
        "nf-core-taxprofiler",
        "https://github.com/nf-core/taxprofiler",
        "1.2.4",
        "Who is in a metagenome",
        &[],
    ),
];

fn pipelines(opened: SystemTime) -> Vec<Pipeline> {
    LAUNCHPAD
        .iter()
        .zip(1u64..)
        .map(|(&(id, workspace, name, repository, revision, description, labels), number)| {
            let created = opened - 80 * DAY + HOUR * number as u32;
            let own = workspace == WORKSPACE_ID;
            let work_dir = own.then_some("s3://open-genomics-work/scratch");
            let params = json!({
                "input": "s3://open-genomics-sequencing/samplesheets/batch-01.csv",
                "outdir": format!("s3://open-genomics-sequencing/results/{name}"),
            });
            Pipeline {
                id,
                workspace,
                name: name.to_owned(),
                description: Some(description.to_owned()),
                icon: None,
                labels: labels.to_vec(),
                version: format!("{name}-1"),
                updated: created + 10 * DAY,
                launch: Launch {
                    id: short_id(number ^ 0x1A, 22),
                    created,
                    settings: Arc::new(object(json!({
                        "pipeline": repository,
                        "revision": revision,
                        "computeEnvId": own.then_some(AWS),
                        "workDir": work_dir,
                        "configProfiles": if name == "hello" { json!([]) } else { json!(["docker"]) },
                        "paramsText": if name == "hello" { Value::Null } else { json!(params.to_string()) },
                        "pullLatest": false,
                        "stubRun": false,
                        "userSecrets": [],
                        "workspaceSecrets": [],
                    }))),
                },
            }
        })
        .collect()
}

fn studios() -> Vec<Studio> {
    vec![
        Studio {
            session_id: "a1f4c09e",
            workspace: WORKSPACE_ID,
            name: "expression-notebook",
            description: "Plots of the expression study",
            tool: "jupyter",
            compute_env: AWS,
            switched: Switched::LongOff,
        },
        Studio {
            session_id: "d7720b3c",
            workspace: WORKSPACE_ID,
            name: "variant-review",
            description: "Looking at called variants",
            tool: "vscode",
            compute_env: AWS,
            switched: Switched::LongOff,
        },
    ]
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
