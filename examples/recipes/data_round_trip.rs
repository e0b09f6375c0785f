//! Takes reads to the bucket, runs a pipeline on them, and brings the results home.

use std::path::Path;

use seqera::{Client, Result};

pub async fn run(research: &Client, bucket: &str, reads: &Path, results: &Path) -> Result<u64> {
    let storage = research.data_link(format!("s3://{bucket}"));
    storage.upload_folder(reads, "incoming").await?;
    let launch = research
        .launch("nf-core-rnaseq")
        .param("input", format!("s3://{bucket}/incoming/samples.csv"))
        .param("outdir", format!("s3://{bucket}/results/latest"));
    let done = launch.send().await?.wait().await?;
    println!("{} {}", done.id(), done.status());
    let brought = storage.download_folder("results", results).await?;
    Ok(brought.files)
}
