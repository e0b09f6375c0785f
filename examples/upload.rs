//! Uploads files: a sample sheet as a dataset, and a folder to a data link, from where it is
//! downloaded again. On a test Platform, so that it needs no token.

mod support;

use indicatif::{HumanBytes, ProgressBar};
use seqera::Upload;
use seqera::prelude::*;
use seqera_test_platform::{BUCKET, WORKSPACE};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _platform) = support::embedded().await?;

    let sheet = Upload::from_bytes("sample,fastq_1\nA,s3://reads/a.fq.gz\n").file_name("sheet.csv");
    let dataset = client.dataset("sheet-of-today").workspace(WORKSPACE);
    let version = dataset
        .upload(sheet)
        .description("One sample")
        .send()
        .await?;
    println!("dataset: {}", version.url.unwrap_or_default());

    let folder = std::env::temp_dir().join(format!("seqera-example-{}", std::process::id()));
    let (reads, copy) = (folder.join("reads"), folder.join("copy"));
    std::fs::create_dir_all(&reads)?;
    for sample in ["A", "B", "C"] {
        std::fs::write(reads.join(format!("{sample}.fq")), vec![b'N'; 1 << 20])?;
    }

    let bar = ProgressBar::new(3 << 20);
    let shown = bar.clone();
    let bucket = client
        .data_link(format!("s3://{BUCKET}"))
        .workspace(WORKSPACE)
        .on_progress(move |progress| shown.set_position(progress.bytes));
    let up = bucket.upload_folder(&reads, "reads/today").await?;
    bar.finish();
    println!("uploaded {} files, {}", up.files, HumanBytes(up.bytes));

    let mut entries = bucket.tree("reads/today");
    while let Some(entry) = entries.try_next().await? {
        println!(
            "  {} ({} bytes)",
            entry.path,
            entry.size.unwrap_or_default()
        );
    }
    let down = bucket.download_folder("reads/today", &copy).await?;
    println!(
        "downloaded {} files, {}",
        down.files,
        HumanBytes(down.bytes)
    );
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
