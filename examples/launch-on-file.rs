//! Launches a pipeline for each sample sheet that arrives in a folder of a data link.
//!
//! Shows: listing a folder of a data link, remembering what was seen, and being safe to restart at
//! any moment. A file is noted as begun before its launch, and as done after it. One that is found
//! begun, because the program ended in between, is launched only if there is no run of the name
//! that is made from the file's. So no file is missed; and none is launched twice, unless the
//! Platform took the launch of a program that was ended, and lists the run only after the restart.
//!
//! `seqctl rules` does the same from a file, and each event once, whatever happens: `cli/docs/rules.md`.
//!
//! Runs without a token, against a Platform in the process: `cargo run --example launch-on-file`.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use seqera::prelude::*;
use seqera::runs::Launch;
use seqera::{Client, DataLink};
use seqera_test_platform::{BUCKET, WORKSPACE};
use serde::{Deserialize, Serialize};

const FOLDER: &str = "samplesheets";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let (client, platform) = support::embedded().await?;
    let memory = std::env::temp_dir().join(format!("launch-on-file-{}.json", std::process::id()));

    let mut watcher = Watcher::start(&client, &memory).await?;
    for round in 0..4 {
        match round {
            1 => platform.deliver("samplesheets/batch-04.csv", "sample,fastq_1\n"),
            // As if the program had ended just after the launch, before it noted that.
            2 => {
                watcher.remember("samplesheets/batch-04.csv", State::Begun)?;
                watcher = Watcher::start(&client, &memory).await?;
            }
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

/// `sheet-samplesheets-batch-04-csv`: run names are of lower-case letters, digits and dashes.
fn run_name(file: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = file.to_lowercase().chars().map(allowed).collect();
    format!("sheet-{name}")
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
enum State {
    Begun,
    Done,
}

struct Watcher {
    client: Client,
    bucket: DataLink,
    memory: PathBuf,
    seen: BTreeMap<String, State>,
}

impl Watcher {
    /// Takes up what an earlier start remembered. The very first one has the files that are
    /// there already done.
    async fn start(client: &Client, memory: &Path) -> Outcome<Self> {
        let mut watcher = Self {
            client: client.clone(),
            bucket: client
                .data_link(format!("s3://{BUCKET}"))
                .workspace(WORKSPACE),
            memory: memory.to_owned(),
            seen: BTreeMap::new(),
        };
        if memory.exists() {
            watcher.seen = serde_json::from_slice(&std::fs::read(memory)?)?;
        } else {
            let there = watcher.files().await?.into_iter();
            watcher.seen = there.map(|file| (file, State::Done)).collect();
            watcher.save()?;
        }
        Ok(watcher)
    }

    /// Launches what is new, and what an earlier look did not get done.
    async fn look(&mut self) -> Outcome<usize> {
        let mut launched = 0;
        for file in self.files().await? {
            let begun = match self.seen.get(&file) {
                Some(State::Done) => continue,
                state => state.is_some(),
            };
            self.remember(&file, State::Begun)?;
            let name = run_name(&file);
            if begun && self.is_launched(&name).await? {
                println!("{file}: launched before");
            } else {
                let run = self.launch(&file, &name).send().await?;
                println!("{file}: {}", run.id());
                launched += 1;
            }
            self.remember(&file, State::Done)?;
        }
        Ok(launched)
    }

    fn launch(&self, file: &str, run_name: &str) -> Launch {
        self.client
            .launch("nf-core-rnaseq")
            .workspace(WORKSPACE)
            .param("input", format!("s3://{BUCKET}/{file}"))
            .run_name(run_name)
    }

    async fn is_launched(&self, run_name: &str) -> Outcome<bool> {
        let workspace = self.client.workspace(WORKSPACE).await?.id();
        let runs = self.client.list_workflows().search(run_name);
        let mut runs = runs.workspace_id(workspace).stream();
        while let Some(entry) = runs.try_next().await? {
            let name = entry.workflow.and_then(|run| run.run_name);
            if name.as_deref() == Some(run_name) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn files(&self) -> Outcome<Vec<String>> {
        let entries: Vec<_> = self.bucket.tree(FOLDER).try_collect().await?;
        let files = entries.into_iter().filter(|entry| !entry.is_folder);
        let sheets = files.filter(|file| file.path.ends_with(".csv"));
        Ok(sheets.map(|file| file.path).collect())
    }

    fn remember(&mut self, file: &str, state: State) -> Outcome<()> {
        self.seen.insert(file.to_owned(), state);
        self.save()
    }

    /// Writes beside the file and renames, so that it is whole whenever the program ends.
    fn save(&self) -> Outcome<()> {
        let draft = self.memory.with_extension("draft");
        std::fs::write(&draft, serde_json::to_vec_pretty(&self.seen)?)?;
        std::fs::rename(draft, &self.memory)?;
        Ok(())
    }
}
