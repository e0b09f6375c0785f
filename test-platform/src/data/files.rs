//! Sample sheets, and what is in the bucket.

use std::time::SystemTime;

use axum::body::Bytes;

use super::{BUCKET, DAY, WORKSPACE_ID};
use crate::state::{DataLink, Dataset, DatasetVersion, below, mix};
use crate::store::Store;

pub fn datasets(opened: SystemTime) -> Vec<Dataset> {
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

pub fn data_links() -> Vec<DataLink> {
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
pub fn fill(store: &Store) {
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
