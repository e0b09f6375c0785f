//! Uploads files: a sample sheet as a dataset, and a folder to a data link, from where it is
//! downloaded again. On an embedded Platform, so that it needs no token.

use indicatif::{HumanBytes, ProgressBar};
use seqera::prelude::*;
use seqera::{Client, Upload};
use seqera_embedded_platform::{EmbeddedPlatform, WORKSPACE_ID};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let platform = EmbeddedPlatform::start().await?;
    let client = Client::builder(platform.token())
        .endpoint(platform.endpoint())
        .build()?;

    let sheet = Upload::from_bytes("sample,fastq_1\nA,s3://reads/a.fq.gz\n").file_name("sheet.csv");
    let dataset = client
        .dataset_named("sheet-of-today")
        .workspace_id(WORKSPACE_ID);
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

    let links = client
        .list_data_links()
        .workspace_id(WORKSPACE_ID)
        .send()
        .await?;
    let link = links.into_inner().data_links.unwrap_or_default();
    let link = link
        .into_iter()
        .find_map(|link| link.id)
        .ok_or("there is no data link")?;
    let bar = ProgressBar::new(3 << 20);
    let shown = bar.clone();
    let files = client
        .data_link_files(link)
        .workspace_id(WORKSPACE_ID)
        .on_progress(move |progress| shown.set_position(progress.bytes));
    let up = files.upload_folder(&reads, "reads/today").await?;
    bar.finish();
    println!("uploaded {} files, {}", up.files, HumanBytes(up.bytes));

    let mut entries = files.tree("reads/today");
    while let Some(entry) = entries.try_next().await? {
        println!(
            "  {} ({} bytes)",
            entry.path,
            entry.size.unwrap_or_default()
        );
    }
    let down = files.download_folder("reads/today", &copy).await?;
    println!(
        "downloaded {} files, {}",
        down.files,
        HumanBytes(down.bytes)
    );
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
