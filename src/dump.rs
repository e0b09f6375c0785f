//! Everything that the Platform knows of a run, as files.

use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use progenitor_client::ResponseValue;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::fs;
use tokio::io::{AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::sync::mpsc;

use crate::again::Attempts;
use crate::generated::{Client, builder};
use crate::local::{make_folder_of, part_path, unreadable, unwritable, with_suffix};
use crate::paginate::{ItemStream, Paged, Paging};
use crate::prelude::*;
use crate::progress::Reporter;
use crate::remote_name::relative_path;
use crate::transport::request::Request;
use crate::{ByteStream, Error, ErrorKind, Progress, RawRequest, Result, WorkspaceRef};

const JOB: &str = "dump";
/// Uses up a limit of 20 calls a second with replies that take 1.5 s.
const CONCURRENCY: usize = 32;

const WORKFLOW: &str = "workflow.json";
const TASKS: &str = "tasks.ndjson";
const MANIFEST: &str = "manifest.json";
const TASK_LOG: &str = ".command.log";

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
            workspace: WorkspaceRef::Personal,
            task_files: Vec::new(),
            concurrency: CONCURRENCY,
            reporter: Reporter::default(),
        }
    }
}

impl crate::run::Run {
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
    /// What the server did not have; empty if the dump is complete.
    pub missing: Vec<Missing>,
}

/// A file that the server did not have. Runs that were started outside the Platform have no
/// launch and no logs, and tasks that never ran have no logs either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Missing {
    /// The name that the file would have.
    pub path: String,
    /// What the server said.
    pub reason: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    workflow_id: &'a str,
    workspace_id: Option<i64>,
    files: u64,
    missing: &'a [Missing],
}

impl Dump {
    /// The workspace of the run. Default: the personal context.
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
    /// future stops the dump; unfinished files end in `.part`.
    ///
    /// # Errors
    /// A call failed other than by the server not having the thing; the folder can't be written,
    /// or holds the dump of another run. Calling again continues.
    pub async fn to_dir(self, folder: impl AsRef<Path>) -> Result<Dumped> {
        let job = Job {
            workspace: self.client.workspace(self.workspace.clone()).await?.id(),
            path: format!(
                "/workflow/{}",
                utf8_percent_encode(&self.workflow_id, NON_ALPHANUMERIC)
            ),
            folder: folder.as_ref().to_owned(),
            reporter: self.reporter.restarted(),
            dump: self,
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
        fs::remove_dir_all(&folder)
            .await
            .map_err(unwritable(&folder))?;
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

/// A temporary folder that only this user can read.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("seqera-dump-{:016x}", fastrand::u64(..)));
        let mut maker = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
        maker.create(&path).map_err(unwritable(&path))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Job {
    dump: Dump,
    workspace: Option<i64>,
    path: String,
    folder: PathBuf,
    reporter: Reporter,
}

impl Job {
    async fn run(self) -> Result<Dumped> {
        let workflow = self.workflow().await?;
        self.prepare_folder().await?;
        self.reporter.update(|_| {});
        let from_platform = workflow["workflow"]["launchId"].is_string();
        self.write_json(WORKFLOW, &workflow).await?;
        self.count_done();

        let launch = self.json_file("launch.json", self.call("/launch"));
        let metrics = self.json_file("metrics.json", self.call("/metrics"));
        let service = self.dump.client.request(Method::GET, "/service-info");
        let service = self.json_file("service-info.json", service);
        let parts: [BoxFuture<'_, Result<Vec<Missing>>>; 6] = [
            Box::pin(service),
            Box::pin(launch),
            Box::pin(metrics),
            Box::pin(self.progress_files()),
            Box::pin(self.log_files()),
            Box::pin(self.tasks_file()),
        ];
        let mut missing = self.gather(stream::iter(parts)).await?;
        let has_logs = from_platform || !missing.iter().any(|missing| missing.path == "logs");
        missing.extend(self.task_files(has_logs).await?);
        missing.sort_by(|a, b| a.path.cmp(&b.path));

        let files = self.reporter.now().files;
        let manifest = Manifest {
            workflow_id: &self.dump.workflow_id,
            workspace_id: self.workspace,
            files,
            missing: &missing,
        };
        self.write_json(MANIFEST, &manifest).await?;
        self.reporter
            .update(|progress| progress.files_total = Some(files));
        Ok(Dumped { files, missing })
    }

    /// The run, with as many of the fields that must be asked for as the server knows.
    async fn workflow(&self) -> Result<Value> {
        let newer = self.call("?attributes=labels,optimized,messages,pipelineInfo");
        match newer.send::<Value>().await {
            Err(error) if error.status() == Some(StatusCode::BAD_REQUEST) => {
                let older = self.call("?attributes=labels,optimized").send().await;
                // Where that is refused too, the first refusal was not about the attributes.
                older.map(ResponseValue::into_inner).map_err(|_| error)
            }
            reply => Ok(reply?.into_inner()),
        }
    }

    /// Runs parts of the work at the same time. The first failure ends them all.
    async fn gather<'a>(
        &self,
        parts: impl futures_util::Stream<Item = BoxFuture<'a, Result<Vec<Missing>>>>,
    ) -> Result<Vec<Missing>> {
        parts
            .buffer_unordered(self.dump.concurrency)
            .try_concat()
            .await
    }

    /// A GET below the run's path.
    fn call(&self, rest: &str) -> RawRequest {
        let call = self
            .dump
            .client
            .request(Method::GET, format!("{}{rest}", self.path));
        match self.workspace {
            Some(id) => call.query("workspaceId", id),
            None => call,
        }
    }

    /// Makes the folder, or looks what an earlier dump left there.
    async fn prepare_folder(&self) -> Result<()> {
        fs::create_dir_all(&self.folder)
            .await
            .map_err(unwritable(&self.folder))?;
        let Ok(earlier) = fs::read(self.folder.join(WORKFLOW)).await else {
            return Ok(());
        };
        let earlier: Value = serde_json::from_slice(&earlier).unwrap_or_default();
        let earlier = &earlier["workflow"];
        match earlier["id"].as_str() {
            Some(id) if id != self.dump.workflow_id => {
                let text = format!(
                    "{} holds the dump of another run, {id}: give another folder",
                    self.folder.display()
                );
                return Err(Error::invalid_request(JOB, text));
            }
            _ => {}
        }
        let had_ended = matches!(
            earlier["status"].as_str(),
            Some("SUCCEEDED" | "FAILED" | "CANCELLED")
        );
        if !had_ended {
            self.discard().await?;
        }
        Ok(())
    }

    /// Removes what a dump wrote, and nothing else.
    async fn discard(&self) -> Result<()> {
        let gone = |result: std::io::Result<()>, path: &Path| match result {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(unwritable(path)(error))
            }
            _ => Ok(()),
        };
        for name in [
            MANIFEST,
            "service-info.json",
            "launch.json",
            "progress.json",
            "load.json",
            "metrics.json",
            TASKS,
            // Last: while it is there, another try finds out that the rest is out of date.
            WORKFLOW,
        ] {
            if name == WORKFLOW {
                for name in ["logs", "tasks"] {
                    let path = self.folder.join(name);
                    gone(fs::remove_dir_all(&path).await, &path)?;
                }
            }
            let path = self.folder.join(name);
            gone(fs::remove_file(&path).await, &path)?;
        }
        Ok(())
    }

    /// Whether an earlier dump finished this file.
    async fn has(&self, name: &str) -> bool {
        let found = fs::metadata(self.folder.join(name)).await;
        found.is_ok_and(|found| found.is_file())
    }

    fn count_done(&self) {
        self.reporter.update(|progress| progress.files += 1);
    }

    async fn json_file(&self, name: &str, call: RawRequest) -> Result<Vec<Missing>> {
        if !self.has(name).await {
            match call.send::<Value>().await {
                Ok(reply) => self.write_json(name, &*reply).await?,
                Err(error) => return missing(name, error),
            }
        }
        self.count_done();
        Ok(Vec::new())
    }

    async fn progress_files(&self) -> Result<Vec<Missing>> {
        let (progress, load) = ("progress.json", "load.json");
        if !(self.has(progress).await && self.has(load).await) {
            let reply = match self.call("/progress").send::<Value>().await {
                Ok(reply) => reply.into_inner(),
                Err(error) => return missing(progress, error),
            };
            self.write_json(load, &reply["progress"]["workflowProgress"])
                .await?;
            self.write_json(progress, &reply).await?;
        }
        self.count_done();
        self.count_done();
        Ok(Vec::new())
    }

    /// The log files that the Platform offers for the run.
    async fn log_files(&self) -> Result<Vec<Missing>> {
        let log = match self
            .call("/log")
            .query("maxLength", 1)
            .send::<Value>()
            .await
        {
            Ok(reply) => reply.into_inner(),
            Err(error) => return missing("logs", error),
        };
        let offered = log["log"]["downloads"].as_array().into_iter().flatten();
        let mut names: Vec<String> = offered
            .filter_map(|file| file["fileName"].as_str())
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            names.push(format!("nf-{}.log", self.dump.workflow_id));
        }
        let files = names.into_iter().map(|name| -> BoxFuture<'_, _> {
            let call = self
                .dump
                .client
                .download_workflow_log()
                .workflow_id(&self.dump.workflow_id)
                .workspace_id(self.workspace)
                .file_name(&name);
            Box::pin(async move {
                let fetch = || async { Ok(call.clone().send().await?.into_inner()) };
                self.byte_file(format!("logs/{name}"), fetch).await
            })
        });
        let files: Vec<_> = files.collect();
        self.gather(stream::iter(files)).await
    }

    /// Every task, page after page, written as they come.
    async fn tasks_file(&self) -> Result<Vec<Missing>> {
        if !self.has(TASKS).await {
            let path = self.folder.join(TASKS);
            let part = part_path(&path);
            let failed = unwritable(&part);
            let mut file = BufWriter::new(fs::File::create(&part).await.map_err(&failed)?);
            let mut tasks = ItemStream::new(RawTasks(
                self.dump
                    .client
                    .list_workflow_tasks()
                    .workflow_id(&self.dump.workflow_id)
                    .workspace_id(self.workspace),
            ));
            while let Some(task) = tasks.try_next().await? {
                let mut line = task.to_string();
                line.push('\n');
                file.write_all(line.as_bytes()).await.map_err(&failed)?;
                self.reporter
                    .update(|progress| progress.bytes += line.len() as u64);
            }
            file.flush().await.map_err(&failed)?;
            fs::rename(&part, &path).await.map_err(unwritable(&path))?;
        }
        self.count_done();
        Ok(Vec::new())
    }

    /// The files of all tasks in `tasks.ndjson`, which is read line by line.
    async fn task_files(&self, has_logs: bool) -> Result<Vec<Missing>> {
        let names = &self.dump.task_files;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        if !has_logs {
            let missing = |name: &String| Missing {
                path: format!("tasks/*.{}", name.trim_start_matches('.')),
                reason: "the run was started outside the Platform, which has no logs of it"
                    .to_owned(),
            };
            return Ok(names.iter().map(missing).collect());
        }
        let tasks = self.count_tasks().await?;
        self.reporter.update(|progress| {
            progress.files_total = Some(progress.files + tasks * names.len() as u64);
        });
        let mut lines = self.open_tasks().await?;
        let mut running = FuturesUnordered::new();
        let mut missing = Vec::new();
        while let Some(id) = next_task_id(&mut lines).await? {
            for name in names {
                if running.len() >= self.dump.concurrency {
                    missing.extend(running.try_next().await?.unwrap_or_default());
                }
                running.push(self.task_file(id, name));
            }
        }
        missing.extend(running.try_concat().await?);
        Ok(missing)
    }

    async fn task_file(&self, id: i64, name: &str) -> Result<Vec<Missing>> {
        let call = self
            .dump
            .client
            .download_workflow_task_log()
            .workflow_id(&self.dump.workflow_id)
            .workspace_id(self.workspace)
            .task_id(id)
            .file_name(name);
        let fetch = || async { Ok(call.clone().send().await?.into_inner()) };
        let name = name.trim_start_matches('.');
        self.byte_file(format!("tasks/{id}.{name}"), fetch).await
    }

    async fn count_tasks(&self) -> Result<u64> {
        let mut lines = self.open_tasks().await?;
        let mut count = 0;
        while next_task_id(&mut lines).await?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    async fn open_tasks(&self) -> Result<TaskLines> {
        let path = self.folder.join(TASKS);
        let file = fs::File::open(&path).await.map_err(unreadable(&path))?;
        Ok(BufReader::new(file).lines())
    }

    /// A file whose content is passed on as it arrives.
    async fn byte_file<F>(&self, name: String, fetch: impl Fn() -> F) -> Result<Vec<Missing>>
    where
        F: Future<Output = Result<ByteStream>>,
    {
        // The names of logs are the server's.
        let relative = relative_path(&name).map_err(|reason| {
            Error::new(
                ErrorKind::InvalidResponse,
                format!("the file name `{name}` {reason}"),
            )
            .in_operation(JOB)
        })?;
        if self.has(&name).await {
            self.count_done();
            return Ok(Vec::new());
        }
        let path = self.folder.join(relative);
        let part = part_path(&path);
        let mut attempts = Attempts::new(self.dump.client.inner.retry);
        loop {
            // Until here the transport makes further attempts itself.
            let content = match fetch().await {
                Ok(content) => content,
                Err(error) => return missing(&name, error),
            };
            make_folder_of(&path).await?;
            let mut file = fs::File::create(&part).await.map_err(unwritable(&part))?;
            match content.write_to(&mut file).await {
                Ok(bytes) => {
                    fs::rename(&part, &path).await.map_err(unwritable(&path))?;
                    self.reporter.update(|progress| {
                        progress.bytes += bytes;
                        progress.files += 1;
                    });
                    return Ok(Vec::new());
                }
                Err(error) => {
                    attempts.again(error).await?;
                    self.reporter.update(|progress| progress.retries += 1);
                }
            }
        }
    }

    async fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.folder.join(name);
        let part = part_path(&path);
        let mut text = serde_json::to_vec_pretty(value).map_err(|error| {
            Error::new(ErrorKind::InvalidResponse, "the reply can't be written").caused_by(error)
        })?;
        text.push(b'\n');
        let size = text.len() as u64;
        fs::write(&part, text).await.map_err(unwritable(&part))?;
        fs::rename(&part, &path).await.map_err(unwritable(&path))?;
        self.reporter.update(|progress| progress.bytes += size);
        Ok(())
    }
}

/// What the server does not have is noted; any other failure ends the dump.
fn missing(path: &str, error: Error) -> Result<Vec<Missing>> {
    let has_not = error.kind() == ErrorKind::Status
        && (matches!(
            error.status().map(|s| s.as_u16()),
            Some(400 | 403 | 404 | 410)
        ) || error.error_id().is_some());
    if !has_not {
        return Err(error);
    }
    Ok(vec![Missing {
        path: path.to_owned(),
        reason: error.to_string(),
    }])
}

type TaskLines = tokio::io::Lines<BufReader<fs::File>>;

async fn next_task_id(lines: &mut TaskLines) -> Result<Option<i64>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Id {
        task_id: Option<i64>,
    }
    let unreadable = |error| Error::io(format!("{TASKS} could not be read"), error);
    while let Some(line) = lines.next_line().await.map_err(unreadable)? {
        let task: Result<Id, _> = serde_json::from_str(&line);
        if let Ok(Id { task_id: Some(id) }) = task {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The list of tasks with every field that the server sent.
struct RawTasks(builder::ListWorkflowTasks);

#[derive(Deserialize)]
struct RawTaskPage {
    tasks: Option<Vec<Value>>,
    total: Option<i64>,
}

impl Paged for RawTasks {
    type Page = RawTaskPage;
    type Item = Value;

    const PAGING: Paging = builder::ListWorkflowTasks::PAGING;

    fn into_request(self) -> Request {
        self.0.into_request()
    }

    fn items(page: &mut RawTaskPage) -> Vec<Value> {
        let tasks = page.tasks.take().unwrap_or_default();
        tasks
            .into_iter()
            .map(|mut entry| entry["task"].take())
            .collect()
    }

    fn total(page: &RawTaskPage) -> Option<i64> {
        page.total
    }

    fn id(task: &Value) -> Option<String> {
        Some(task.get("taskId")?.to_string())
    }
}

/// Writes a folder's files as a compressed archive, in order of their names.
async fn pack(folder: PathBuf, root: String, writer: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
    let (chunks, mut packed) = mpsc::channel(4);
    let packing = tokio::task::spawn_blocking(move || {
        let chunks = std::io::BufWriter::with_capacity(64 << 10, Chunks(chunks));
        let gzip = flate2::write::GzEncoder::new(chunks, flate2::Compression::default());
        let mut archive = tar::Builder::new(gzip);
        append(&mut archive, &folder, Path::new(&root))?;
        archive.into_inner()?.finish()?.flush()
    });
    let failed = |error| Error::io("the archive could not be written", error).in_operation(JOB);
    while let Some(chunk) = packed.recv().await {
        writer.write_all(&chunk).await.map_err(failed)?;
    }
    writer.flush().await.map_err(failed)?;
    match packing.await {
        Ok(done) => done.map_err(failed),
        Err(panicked) => Err(failed(std::io::Error::other(panicked))),
    }
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    folder: &Path,
    name: &Path,
) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            append(archive, &path, &name)?;
        } else if path.extension().is_none_or(|ending| ending != "part") {
            archive.append_path_with_name(&path, &name)?;
        }
    }
    Ok(())
}

/// Hands what is written over to the asynchronous side, and ends when that is gone.
struct Chunks(mpsc::Sender<Bytes>);

impl Write for Chunks {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(data));
        sent.map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
