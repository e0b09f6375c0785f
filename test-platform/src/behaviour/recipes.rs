//! What pipelines do with their samples, by their repositories.

use crate::state::pick;

/// What a pipeline does with its samples.
pub struct Recipe {
    /// What stands before each process's name.
    pub scope: &'static str,
    pub processes: &'static [Process],
}

pub struct Process {
    pub name: &'static str,
    pub tool: &'static str,
    pub cpus: u32,
    pub memory_gb: u32,
    /// A task for each sample, or one for all of them.
    pub each_sample: bool,
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
