//! Launches a pipeline for each sample sheet that arrives in a folder of a data link.
//!
//! Shows: browsing a data link page by page, remembering what was seen, and being safe to restart
//! at any moment. A file is noted with the name of its run before the launch, so that one whose
//! launch was cut short is tried again; and the run's name is made from the file's, so that the
//! Platform refuses a second launch of the same file.
//!
//! Runs without a token, against a Platform in the process: `cargo run --example launch-on-file`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use seqera::prelude::*;
use seqera::{Client, Workspace};
use seqera_embedded_platform::{BUCKET, EmbeddedPlatform, WORKSPACE};

const FOLDER: &str = "samplesheets";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let platform = EmbeddedPlatform::start().await?;
    let client = Client::builder(platform.token())
        .endpoint(platform.endpoint())
        .build()?;
    let memory = std::env::temp_dir().join(format!("launch-on-file-{}.json", std::process::id()));

    let mut watcher = Watcher::start(&client, &memory).await?;
    for round in 0..4 {
        match round {
            1 => platform.deliver("samplesheets/batch-04.csv", "sample,fastq_1\n"),
            // As after a crash: nothing but the file is left to remember by.
            2 => watcher = Watcher::start(&client, &memory).await?,
            3 => platform.deliver("samplesheets/batch-05.csv", "sample,fastq_1\n"),
            _ => {}
        }
        let launched = watcher.look().await?;
        println!("round {round}: {launched} launched");
        // Minutes, for a real folder.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    std::fs::remove_file(memory)?;
    Ok(())
}

/// `sheet-batch-04-csv`: run names are of lower-case letters, digits and dashes.
fn run_name(file: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = file.to_lowercase().chars().map(allowed).collect();
    format!("sheet-{name}")
}

struct Watcher {
    client: Client,
    workspace: Workspace,
    data_link: String,
    memory: PathBuf,
    /// Each file that was seen, and whether it is dealt with.
    seen: BTreeMap<String, bool>,
}

impl Watcher {
    /// Takes up what an earlier start remembered. The very first one has the files that are
    /// there already dealt with.
    async fn start(client: &Client, memory: &Path) -> Outcome<Self> {
        let workspace = client.workspace(WORKSPACE).await?;
        let mut watcher = Self {
            data_link: workspace.data_link(format!("s3://{BUCKET}")).await?,
            client: client.clone(),
            workspace,
            memory: memory.to_owned(),
            seen: BTreeMap::new(),
        };
        if memory.exists() {
            watcher.seen = serde_json::from_slice(&std::fs::read(memory)?)?;
        } else {
            let files = watcher.files().await?;
            watcher.seen = files.into_iter().map(|file| (file, true)).collect();
            watcher.remember()?;
        }
        Ok(watcher)
    }

    /// Launches what is new, and what an earlier look did not get done.
    async fn look(&mut self) -> Outcome<usize> {
        for file in self.files().await? {
            self.seen.entry(file).or_insert(false);
        }
        self.remember()?;
        let open: Vec<_> = self.seen.iter().filter(|(_, done)| !**done).collect();
        let open: Vec<_> = open.into_iter().map(|(file, _)| file.clone()).collect();
        for file in &open {
            self.launch(file).await?;
            self.seen.insert(file.clone(), true);
            self.remember()?;
        }
        Ok(open.len())
    }

    async fn launch(&self, file: &str) -> Outcome<()> {
        let name = run_name(file);
        let launch = self
            .client
            .launch("nf-core-rnaseq")
            .workspace(&self.workspace)
            .param("input", format!("s3://{BUCKET}/{FOLDER}/{file}"))
            .run_name(&name);
        match launch.send().await {
            Ok(run) => println!("{file}: {}", run.id()),
            Err(_) if self.is_launched(&name).await? => println!("{file}: launched before"),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn is_launched(&self, run_name: &str) -> Outcome<bool> {
        let runs = self.client.list_workflows().search(run_name);
        let mut runs = runs.workspace_id(self.workspace.id()).stream();
        while let Some(entry) = runs.try_next().await? {
            let name = entry.workflow.and_then(|run| run.run_name);
            if name.as_deref() == Some(run_name) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn files(&self) -> Outcome<Vec<String>> {
        let folder = self.client.explore_data_link_with_path();
        let folder = folder.data_link_id(&self.data_link).path(FOLDER);
        let items = folder.workspace_id(self.workspace.id()).stream();
        let names = items.try_filter_map(async |item| Ok(item.name));
        let names: Vec<_> = names.try_collect().await?;
        Ok(names
            .into_iter()
            .filter(|name| name.ends_with(".csv"))
            .collect())
    }

    /// Writes beside the file and renames, so that it is whole whenever the program ends.
    fn remember(&self) -> Outcome<()> {
        let draft = self.memory.with_extension("draft");
        std::fs::write(&draft, serde_json::to_vec_pretty(&self.seen)?)?;
        std::fs::rename(draft, &self.memory)?;
        Ok(())
    }
}
