//! The runs of the past weeks, and what their pipelines do.

use std::time::SystemTime;

use super::{DAY, HOUR, WORKSPACE_ID};
use crate::life::{Outcome, Process, Recipe};
use crate::state::{Clock, Member, Pipeline, Run, below, fraction, mix, pick, short_id, uuid};

pub fn runs(
    opened: SystemTime,
    count: usize,
    pipelines: &[Pipeline],
    members: &[Member],
) -> Vec<Run> {
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
