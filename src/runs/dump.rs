//! Everything that the Platform knows of a run, as files.

use std::path::Path;

use futures_util::future::BoxFuture;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use tokio::fs;
use tokio::io::AsyncWrite;

use crate::files::{part_path, unwritable, with_suffix};
use crate::generated::Client;
use crate::progress::Reporter;
use crate::{Progress, Result, WorkspaceRef};

mod archive;
mod job;

use archive::{Scratch, pack};
use job::Job;

const JOB: &str = "dump";
/// Uses up a limit of 20 calls a second with replies that take 1.5 s.
const CONCURRENCY: usize = 32;

const TASK_LOG: &str = ".command.log";
/// The folder of what is not complete. No file of a dump has a name that could be taken for it.
const UNFINISHED: &str = ".unfinished";

impl Client {
    /// A dump of what the Platform knows of a run, for an archive or for support.
    ///
    /// | file | content |
    /// |---|---|
    /// | `service-info.json` | the Platform: version, limits, features |
    /// | `workflow.json` | the run: status, parameters, configuration, messages, labels |
    /// | `launch.json` | what it was launched with |
    /// | `progress.json`, `load.json` | counts by process; the load of the whole run |
    /// | `metrics.json` | the distribution of resources by process |
    /// | `tasks.ndjson` | every task, one JSON object a line |
    /// | `logs/…` | the run's log files |
    /// | `tasks/<task id>.command.log` | the logs of tasks, if asked for |
    /// | `manifest.json` | which run this is, and what is missing; written last |
    ///
    /// JSON is as the server sent it, fields that are newer than this crate included.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// let dump = client.dump("5kDrx8pEqkKq3n").workspace("acme/research").task_logs();
    /// let done = dump.to_dir("run-of-monday").await?;
    /// for missing in &done.missing {
    ///     eprintln!("{}: {}", missing.path, missing.reason);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn dump(&self, workflow_id: impl Into<String>) -> Dump {
        Dump {
            client: self.clone(),
            workflow_id: workflow_id.into(),
            workspace: WorkspaceRef::OfClient,
            task_files: Vec::new(),
            concurrency: CONCURRENCY,
            reporter: Reporter::default(),
        }
    }
}

impl crate::runs::run::Run {
    /// A dump of what the Platform knows of the run: see [`Client::dump`].
    pub fn dump(&self) -> Dump {
        self.client
            .dump(self.id())
            .workspace(self.workspace.clone())
    }
}

/// A dump of a run. Made by [`Client::dump`].
#[derive(Clone, Debug)]
#[must_use = "a dump does nothing until it is told where to go"]
pub struct Dump {
    client: Client,
    workflow_id: String,
    workspace: WorkspaceRef,
    task_files: Vec<String>,
    concurrency: usize,
    reporter: Reporter,
}

/// What a dump came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dumped {
    /// How many files there are, the manifest not counted.
    pub files: u64,
    /// What the server did not have, or no file can be named after; empty if the dump is complete.
    pub missing: Vec<Missing>,
}

/// A file that the server did not have, or whose name no file can have here. Runs that were started outside the Platform have no
/// launch and no logs, and tasks that never ran have no logs either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Missing {
    /// The name that the file would have.
    pub path: String,
    /// What the server said, or what is wrong with the name.
    pub reason: String,
}

impl Dump {
    /// The workspace of the run. Default: the client's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceRef>) -> Self {
        self.workspace = workspace.into();
        self
    }

    /// Adds the log of every task: one call for each.
    pub fn task_logs(self) -> Self {
        self.task_files([TASK_LOG])
    }

    /// Adds these files of every task, such as `.command.out`, `.command.err` or `.fusion.log`:
    /// one call for each task and file.
    pub fn task_files(mut self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        for name in names.into_iter().map(Into::into) {
            if !self.task_files.contains(&name) {
                self.task_files.push(name);
            }
        }
        self
    }

    /// How many calls are under way at a time, within the client's rate limit. Default 32.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls.max(1);
        self
    }

    /// Is told how far the dump is, from whichever task runs it: return soon.
    pub fn on_progress(mut self, callback: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.reporter = Reporter::new(callback);
        self
    }

    /// Writes the dump into a folder, which is made if needed.
    ///
    /// If an earlier dump of this run to the folder was interrupted, its finished files are kept
    /// and the rest is fetched; if the run had not ended then, all is fetched again. Dropping the
    /// future stops the dump; unfinished files are in its folder `.unfinished`.
    ///
    /// # Errors
    /// A call failed other than by the server not having the thing; the folder can't be written,
    /// or holds the dump of another run, or files of these names that no dump wrote. Calling again
    /// continues.
    pub async fn to_dir(self, folder: impl AsRef<Path>) -> Result<Dumped> {
        let client = self.client.in_workspace(self.workspace.clone()).await?;
        let job = Job {
            workspace: client.workspace_id().await?,
            path: format!(
                "/workflow/{}",
                utf8_percent_encode(&self.workflow_id, NON_ALPHANUMERIC)
            ),
            folder: folder.as_ref().to_owned(),
            reporter: self.reporter.restarted(),
            dump: Self { client, ..self },
        };
        // Boxed, so that its type is known to be `Send` here already.
        let running: BoxFuture<'static, _> = Box::pin(job.run());
        running.await
    }

    /// Writes the dump to an archive, `.tar.gz`, under a folder of the run's id. The file appears
    /// when it is complete; until then, the folder beside it that ends in `.parts` is a dump to be
    /// continued by another call.
    ///
    /// # Errors
    /// As [`to_dir`](Self::to_dir).
    pub async fn to_archive(self, path: impl AsRef<Path>) -> Result<Dumped> {
        let path = path.as_ref();
        let (folder, part) = (with_suffix(path, ".parts"), part_path(path));
        let root = self.workflow_id.clone();
        let dumped = self.to_dir(&folder).await?;
        let mut archive = fs::File::create(&part).await.map_err(unwritable(&part))?;
        pack(folder.clone(), root, &mut archive).await?;
        archive.sync_all().await.map_err(unwritable(&part))?;
        fs::rename(&part, path).await.map_err(unwritable(path))?;
        // The archive is there, whatever becomes of what it was made of.
        if let Err(error) = fs::remove_dir_all(&folder).await {
            tracing::warn!(%error, folder = %folder.display(), "what an archive was made of could not be removed");
        }
        Ok(dumped)
    }

    /// Writes the archive to a writer. It is put together in a temporary folder first, so that
    /// nothing is whole in memory, and begins to arrive when all is there.
    ///
    /// # Errors
    /// As [`to_dir`](Self::to_dir), or the writer failed. Such a dump can't be continued.
    pub async fn to_tar_gz(self, writer: &mut (impl AsyncWrite + Unpin)) -> Result<Dumped> {
        let scratch = Scratch::make()?;
        let root = self.workflow_id.clone();
        let dumped = self.to_dir(&scratch.0).await?;
        pack(scratch.0.clone(), root, writer).await?;
        Ok(dumped)
    }
}
