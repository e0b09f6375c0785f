//! Uploads a sample sheet as a version of a dataset, and launches with it.

use std::path::Path;

use seqera::runs::Run;
use seqera::{Client, Result, Upload};

pub async fn launch(research: &Client, pipeline: &str, sheet: &Path) -> Result<Run> {
    let upload = research.dataset("samples").upload(Upload::from_path(sheet));
    let version = upload.add_version(true).send().await?;
    let launch = research.launch(pipeline).param("input", version.url);
    launch.send().await
}
