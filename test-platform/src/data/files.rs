//! Sample sheets, and what is in the laboratory's bucket.

use std::sync::OnceLock;

use bytes::Bytes;

use super::BUCKET;
use crate::state::store::Store;
use crate::state::{below, mix};

pub fn sample_sheet(first: usize, count: usize) -> String {
    let mut sheet = String::from("sample,fastq_1,fastq_2,strandedness\n");
    for sample in first..first + count {
        let reads = format!("s3://{BUCKET}/raw/flowcell-07/SAMPLE_{sample:03}");
        sheet += &format!("SAMPLE_{sample:03},{reads}_R1.fastq.gz,{reads}_R2.fastq.gz,auto\n");
    }
    sheet
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

/// Bytes that look compressed. No two blocks of them are the same.
fn noise(size: usize, seed: u64) -> Bytes {
    const BLOCK: usize = 16 << 10;
    static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
    let block = NOISE.get_or_init(|| {
        (0..BLOCK as u64 / 8)
            .flat_map(|place| mix(place).to_le_bytes())
            .collect()
    });
    let mut noise = Vec::with_capacity(size + BLOCK);
    while noise.len() < size {
        let place = noise.len();
        noise.extend_from_slice(block);
        noise[place..place + 8].copy_from_slice(&mix(seed << 32 ^ place as u64).to_le_bytes());
    }
    noise.truncate(size);
    noise.into()
}
