//! Names of what is on the Platform, kept for a moment: who completes a word does so several times.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::context::Context;
use crate::exit::{Failure, Result};
use crate::options::{Global, InWorkspace};

/// How long names are kept.
const KEPT: Duration = Duration::from_secs(60);
/// How long somebody waits for a word.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many of the latest runs are offered.
const RUNS: u64 = 100;

/// What goes by a name.
#[derive(Clone, Copy, Debug, Hash)]
pub enum Kind {
    Workspace,
    Pipeline,
    ComputeEnv,
    Run,
}

/// A name, and what it stands for.
#[derive(Debug, Deserialize, Serialize)]
pub struct Name {
    pub value: String,
    pub help: Option<String>,
}

impl Name {
    fn new(value: Option<String>, help: Option<String>) -> Option<Self> {
        Some(Self {
            value: value?,
            help,
        })
    }
}

/// The names of a kind, for what has been typed so far.
pub fn of(kind: Kind, words: &[String], as_tw: bool) -> Result<Vec<Name>> {
    let given = |long: &str, short: &str| {
        let attached = format!("{long}=");
        let mut pairs = words.windows(2);
        pairs
            .find(|pair| pair[0] == long || pair[0] == short)
            .map(|pair| pair[1].clone())
            .or_else(|| {
                words
                    .iter()
                    .find_map(|word| word.strip_prefix(&attached).map(str::to_owned))
            })
    };
    let global = Global {
        profile: given("--profile", "--profile").filter(|_| !as_tw),
        insecure: words.iter().any(|word| word == "--insecure"),
        ..Global::default()
    };
    let workspace = InWorkspace {
        workspace: given("--workspace", "-w").filter(|_| !matches!(kind, Kind::Workspace)),
    };
    let context = Context::new(as_tw, global, false)?;
    let mut hasher = DefaultHasher::new();
    (kind, context.fingerprint()?, &workspace.workspace).hash(&mut hasher);
    let file =
        config::cache().map(|folder| folder.join(format!("names-{:016x}.json", hasher.finish())));
    if let Some(names) = file.as_deref().and_then(read) {
        return Ok(names);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let names = runtime.block_on(async {
        let asked = tokio::time::timeout(PATIENCE, ask(kind, &context, &workspace));
        asked
            .await
            .map_err(|_| Failure::failed("The Platform takes too long"))?
    })?;
    if let Some(file) = file {
        // Without a cache it is slower.
        let _ = write(&file, &names);
    }
    Ok(names)
}

async fn ask(kind: Kind, context: &Context, workspace: &InWorkspace) -> Result<Vec<Name>> {
    if let Kind::Workspace = kind {
        let all = context.workspaces().await?.iter();
        let name = |entry: &seqera::types::OrgAndWorkspace| {
            let organization = entry.org_name.as_ref()?;
            let value = format!("{organization}/{}", entry.workspace_name.as_ref()?);
            Name::new(Some(value), entry.workspace_full_name.clone())
        };
        return Ok(all.filter_map(name).collect());
    }
    let (client, id) = (context.client()?, context.place(workspace).await?.id());
    let names: Vec<Option<Name>> = match kind {
        Kind::Workspace => Vec::new(),
        Kind::Pipeline => {
            let all = client
                .list_pipelines()
                .workspace_id(id)
                .all()
                .await?
                .into_iter();
            all.map(|pipeline| Name::new(pipeline.name, pipeline.description))
                .collect()
        }
        Kind::ComputeEnv => {
            let all = client
                .list_compute_envs()
                .workspace_id(id)
                .all()
                .await?
                .into_iter();
            all.map(|env| Name::new(env.name, env.platform)).collect()
        }
        Kind::Run => {
            let latest = client
                .list_workflows()
                .workspace_id(id)
                .stream()
                .limit(RUNS);
            let runs = latest.all().await?.into_iter();
            let name = |run: seqera::types::RunSummary| {
                let run = run.workflow?;
                let status = run.status.map(|status| status.to_string());
                let parts = [run.run_name, status, run.project_name];
                let help = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
                Name::new(run.id, Some(help))
            };
            runs.map(name).collect()
        }
    };
    Ok(names.into_iter().flatten().collect())
}

fn read(file: &Path) -> Option<Vec<Name>> {
    let written = std::fs::metadata(file).ok()?.modified().ok()?;
    let is_fresh = written.elapsed().is_ok_and(|age| age < KEPT);
    let text = std::fs::read(file).ok().filter(|_| is_fresh)?;
    serde_json::from_slice(&text).ok()
}

/// Writes a file that nobody else may read, and drops those that are too old.
fn write(file: &Path, names: &[Name]) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(folder)?.flatten() {
        let written = entry.metadata().and_then(|data| data.modified());
        let is_old = written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT));
        if is_old && entry.file_name().to_string_lossy().starts_with("names-") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    config::replace(file, &serde_json::to_vec(names)?)?;
    Ok(())
}
