//! The laboratory as it stands at the start: an organization with two workspaces, a launchpad,
//! compute environments, and the runs of the past weeks. The same at every start, but for the
//! dates, which count back from today.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use crate::life::{Outcome, Process, Recipe};
use crate::state::{
    Clock, ComputeEnv, Credentials, DataLink, Dataset, DatasetVersion, Label, Laboratory, Launch,
    Member, Pipeline, Run, Studio, Switched, Team, Workspace, below, fraction, mix, pick, short_id,
    uuid,
};
use crate::store::Store;

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

fn datasets(opened: SystemTime) -> Vec<Dataset> {
    let created = opened - 30 * DAY;
    let version = |file_name: &str, days: u32, content: String| DatasetVersion {
        file_name: file_name.to_owned(),
        media_type: "text/csv".to_owned(),
        has_header: true,
        created: created + days * DAY,
        content: content.into(),
    };
    vec![
        Dataset {
            id: "3tLcR8nXeO1pWqVyGs5JdU".to_owned(),
            workspace: WORKSPACE_ID,
            name: "rnaseq-batch-01".to_owned(),
            description: Some("First batch of the expression study".to_owned()),
            linked: false,
            labels: vec![74],
            created,
            versions: vec![
                version("batch-01.csv", 0, sample_sheet(1, 6)),
                version("batch-01.csv", 12, sample_sheet(1, 8)),
            ],
        },
        Dataset {
            id: "0jBhY6kZaM7fEiPxTw4CvQ".to_owned(),
            workspace: WORKSPACE_ID,
            name: "germline-cohort".to_owned(),
            description: None,
            linked: true,
            labels: vec![],
            created: created + 5 * DAY,
            versions: vec![version("germline-cohort.csv", 5, sample_sheet(9, 12))],
        },
    ]
}

fn sample_sheet(first: usize, count: usize) -> String {
    let mut sheet = String::from("sample,fastq_1,fastq_2,strandedness\n");
    for sample in first..first + count {
        let reads = format!("s3://{BUCKET}/raw/flowcell-07/SAMPLE_{sample:03}");
        sheet += &format!("SAMPLE_{sample:03},{reads}_R1.fastq.gz,{reads}_R2.fastq.gz,auto\n");
    }
    sheet
}

fn data_links() -> Vec<DataLink> {
    vec![DataLink {
        id: format!("v1-cloud-{}", "9c41e7d20b8f4a6e95d3c1b7f2a86e04"),
        workspace: WORKSPACE_ID,
        name: BUCKET.to_owned(),
        description: "What the sequencers deliver, and results",
        bucket: BUCKET.to_owned(),
        region: "eu-west-1",
        credentials: "2rKbN9wAoS6vDyHmGi4XcE",
    }]
}

/// Puts the data link's files into the store.
fn fill(store: &Store) {
    let put = |key: &str, content: Bytes| store.put(BUCKET, key, content);
    put(
        "README.md",
        "Raw reads, sample sheets and results.\n".into(),
    );
    // More files than one page of browsing holds.
    for sample in 1..=60u64 {
        for read in 1..=2 {
            let size = 1_500 + below(2_500, sample * 2 + read) as usize;
            let key = format!("raw/flowcell-07/SAMPLE_{sample:03}_R{read}.fastq.gz");
            put(&key, noise(size, sample * 2 + read));
        }
    }
    put(
        "raw/flowcell-08/RunInfo.xml",
        "<RunInfo Version=\"6\"/>\n".into(),
    );
    for batch in 1..=3 {
        let key = format!("samplesheets/batch-{batch:02}.csv");
        put(&key, sample_sheet(batch * 8 - 7, 8).into());
    }
    put(
        "samplesheets/archive/batch 00 (trial).csv",
        sample_sheet(1, 2).into(),
    );
    put("reference/genome.fa.gz", noise(3 << 20, 99));
    put(
        "results/nf-core-rnaseq/multiqc/multiqc_report.html",
        "<html><body>MultiQC</body></html>\n".into(),
    );
    put(
        "results/nf-core-rnaseq/salmon.merged.gene_counts.tsv",
        "gene_id\tSAMPLE_001\nG0001\t17\n".into(),
    );
}

/// Bytes that look compressed.
fn noise(size: usize, seed: u64) -> Bytes {
    (0..size.div_ceil(8) as u64)
        .flat_map(|place| mix(seed << 32 ^ place).to_le_bytes())
        .take(size)
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

fn runs(opened: SystemTime, count: usize, pipelines: &[Pipeline], members: &[Member]) -> Vec<Run> {
    let own: Vec<&Pipeline> = (pipelines.iter())
        .filter(|pipeline| pipeline.workspace == WORKSPACE_ID)
        .collect();
    // Evenly over six weeks, the last an hour or more ago.
    let span = 42 * DAY;
    let step = span / count.max(1) as u32;
    (0..count as u64)
        .map(|number| {
            let seed = mix(number ^ 0x5EED);
            let pipeline = *pick(&own, seed ^ 1);
            let recipe = recipe(pipeline.launch.repository());
            let age = HOUR * 8 + step * (count as u64 - 1 - number) as u32;
            let length = HOUR.mul_f64(0.2 + 6.0 * fraction(seed ^ 2));
            let fails = below(10, seed ^ 3) == 0 || always_fails(&pipeline.name);
            let cancelled = below(25, seed ^ 4) == 0;
            // Now and then somebody runs Nextflow on a workstation and only reports to the Platform.
            let outside = below(15, seed ^ 5) == 0;
            Run {
                id: short_id(seed, 14),
                workspace: WORKSPACE_ID,
                name: run_name(seed),
                session_id: uuid(seed),
                owner: pick(members, seed ^ 6).user_id,
                launch_id: (!outside).then(|| short_id(seed ^ 7, 22)),
                launch: pipeline.launch.clone(),
                pipeline: (!outside).then_some(pipeline.id),
                labels: pipeline.labels.clone(),
                starred: below(12, seed ^ 8) == 0,
                recipe,
                samples: 3 + below(45, seed ^ 9) as usize,
                seed,
                submitted: opened - age,
                length,
                outcome: if fails {
                    Outcome::Failed
                } else {
                    Outcome::Succeeded
                },
                clock: Clock::Past,
                cancelled: cancelled.then(|| 0.2 + 0.6 * fraction(seed ^ 10)),
            }
        })
        .collect()
}

/// An adjective and a noun, after Nextflow's fashion.
pub fn run_name(seed: u64) -> String {
    const ADJECTIVES: &[&str] = &[
        "amber", "brisk", "calm", "dusty", "eager", "fervent", "gentle", "hungry", "icy", "jolly",
        "keen", "lazy", "mellow", "nimble", "odd", "placid", "quiet", "rusty", "silly", "tender",
    ];
    const NOUNS: &[&str] = &[
        "albatross",
        "beaver",
        "cormorant",
        "dingo",
        "egret",
        "falcon",
        "gecko",
        "heron",
        "ibex",
        "jackal",
        "kestrel",
        "lemur",
        "marmot",
        "newt",
        "otter",
        "puffin",
        "quail",
        "raven",
        "stoat",
        "tapir",
    ];
    format!("{}_{}", pick(ADJECTIVES, seed ^ 11), pick(NOUNS, seed ^ 12))
}

/// Whether runs of a pipeline of this name fail.
pub fn always_fails(pipeline: &str) -> bool {
    pipeline.starts_with("failing-")
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

const fn each(name: &'static str, tool: &'static str, cpus: u32, memory_gb: u32) -> Process {
    Process {
        name,
        tool,
        cpus,
        memory_gb,
        each_sample: true,
    }
}

const fn once(name: &'static str, tool: &'static str, cpus: u32, memory_gb: u32) -> Process {
    Process {
        name,
        tool,
        cpus,
        memory_gb,
        each_sample: false,
    }
}

/// What a repository's pipeline does; one that isn't known does something plain.
pub fn recipe(repository: &str) -> &'static Recipe {
    RECIPES
        .iter()
        .find(|(name, _)| repository.trim_end_matches(".git").ends_with(name))
        .map_or(&PLAIN, |(_, recipe)| recipe)
}

static PLAIN: Recipe = Recipe {
    scope: "",
    processes: &[
        once("PREPARE", "prepare", 1, 2),
        each("PROCESS", "process", 4, 8),
        once("REPORT", "report", 1, 4),
    ],
};

static RECIPES: &[(&str, Recipe)] = &[
    (
        "/hello",
        Recipe {
            scope: "",
            processes: &[each("sayHello", "echo", 1, 1)],
        },
    ),
    (
        "/rnaseq",
        Recipe {
            scope: "NFCORE_RNASEQ:RNASEQ:",
            processes: &[
                each("FASTQC", "fastqc", 4, 8),
                each("TRIMGALORE", "trim_galore", 8, 12),
                each("STAR_ALIGN", "star", 12, 72),
                each("SAMTOOLS_SORT", "samtools", 6, 36),
                each("SALMON_QUANT", "salmon", 6, 24),
                once("DESEQ2_QC", "deseq2", 2, 12),
                once("MULTIQC", "multiqc", 1, 12),
            ],
        },
    ),
    (
        "/sarek",
        Recipe {
            scope: "NFCORE_SAREK:SAREK:",
            processes: &[
                each("FASTP", "fastp", 6, 8),
                each("BWAMEM2_MEM", "bwa-mem2", 16, 60),
                each("GATK4_MARKDUPLICATES", "gatk4", 4, 30),
                each("GATK4_HAPLOTYPECALLER", "gatk4", 2, 12),
                each("ENSEMBLVEP_VEP", "ensembl-vep", 6, 36),
                once("MULTIQC", "multiqc", 1, 12),
            ],
        },
    ),
    (
        "/viralrecon",
        Recipe {
            scope: "NFCORE_VIRALRECON:ILLUMINA:",
            processes: &[
                each("FASTP", "fastp", 4, 6),
                each("BOWTIE2_ALIGN", "bowtie2", 8, 16),
                each("IVAR_TRIM", "ivar", 2, 8),
                each("IVAR_VARIANTS", "ivar", 2, 8),
                each("PANGOLIN", "pangolin", 2, 8),
                once("MULTIQC", "multiqc", 1, 12),
            ],
        },
    ),
    (
        "/methylseq",
        Recipe {
            scope: "NFCORE_METHYLSEQ:METHYLSEQ:",
            processes: &[
                each("TRIMGALORE", "trim_galore", 8, 12),
                each("BISMARK_ALIGN", "bismark", 12, 72),
                each("BISMARK_DEDUPLICATE", "bismark", 4, 36),
                each("QUALIMAP_BAMQC", "qualimap", 4, 16),
                once("MULTIQC", "multiqc", 1, 12),
            ],
        },
    ),
    (
        "/fetchngs",
        Recipe {
            scope: "NFCORE_FETCHNGS:SRA:",
            processes: &[
                each("SRA_IDS_TO_RUNINFO", "curl", 1, 2),
                each("SRA_FASTQ_FTP", "wget", 1, 6),
                once("SRA_MERGE_SAMPLESHEET", "csvtk", 1, 2),
            ],
        },
    ),
    (
        "/taxprofiler",
        Recipe {
            scope: "NFCORE_TAXPROFILER:TAXPROFILER:",
            processes: &[
                each("FASTP", "fastp", 4, 6),
                each("KRAKEN2_KRAKEN2", "kraken2", 12, 72),
                each("BRACKEN_BRACKEN", "bracken", 1, 6),
                once("KRONA_KTIMPORTTAXONOMY", "krona", 1, 6),
                once("MULTIQC", "multiqc", 1, 12),
            ],
        },
    ),
    (
        "/contamination-screen",
        Recipe {
            scope: "",
            processes: &[
                each("FASTQC", "fastqc", 4, 8),
                each("SCREEN", "contamination-screen", 4, 16),
                once("SUMMARY", "summary", 1, 4),
                once("MULTIQC", "multiqc", 1, 12),
            ],
        },
    ),
];
