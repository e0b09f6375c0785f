//! Fetches what a dump is made of.

use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::fs;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, BufWriter};

use super::{Dump, Dumped, JOB, Missing, UNFINISHED};
use crate::files::{is_name_refused, make_folder_of, relative_path, unreadable, unwritable};
use crate::generated::builder;
use crate::paginate::{ItemStream, Paged, Paging};
use crate::prelude::*;
use crate::progress::Reporter;
use crate::transport::again::Attempts;
use crate::transport::request::Request;
use crate::wire::lenient::Integer;
use crate::{ByteStream, Error, ErrorKind, RawRequest, Result};

const WORKFLOW: &str = "workflow.json";
const TASKS: &str = "tasks.ndjson";
const MANIFEST: &str = "manifest.json";
/// What a dump writes beside `workflow.json`.
const FILES: [&str; 7] = [
    MANIFEST,
    "service-info.json",
    "launch.json",
    "progress.json",
    "load.json",
    "metrics.json",
    TASKS,
];
const FOLDERS: [&str; 2] = ["logs", "tasks"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    workflow_id: &'a str,
    workspace_id: Option<i64>,
    files: u64,
    missing: &'a [Missing],
}

pub(super) struct Job {
    pub(super) dump: Dump,
    pub(super) workspace: Option<i64>,
    pub(super) path: String,
    pub(super) folder: PathBuf,
    pub(super) reporter: Reporter,
}

impl Job {
    pub(super) async fn run(self) -> Result<Dumped> {
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
        // Nothing is in it any more but what an earlier try left.
        let _ = fs::remove_dir_all(self.folder.join(UNFINISHED)).await;
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
                older.map_err(|_| error)
            }
            reply => reply,
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
        let refuse = |what: &str| {
            let text = format!(
                "{} holds {what}: give another folder",
                self.folder.display()
            );
            Err(Error::invalid_request(JOB, text))
        };
        let path = self.folder.join(WORKFLOW);
        let earlier = match fs::read(&path).await {
            Ok(earlier) => earlier,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // A dump writes that file first, so that the others are somebody else's.
                for name in FILES.iter().chain(&FOLDERS) {
                    if fs::try_exists(self.folder.join(name)).await.unwrap_or(true) {
                        return refuse(&format!("`{name}`, which no dump wrote"));
                    }
                }
                return Ok(());
            }
            Err(error) => return Err(unreadable(&path)(error)),
        };
        let earlier: Value = serde_json::from_slice(&earlier).unwrap_or_default();
        let earlier = &earlier["workflow"];
        match earlier["id"].as_str() {
            Some(id) if id == self.dump.workflow_id => {}
            Some(id) => return refuse(&format!("the dump of another run, {id}")),
            None => return refuse(&format!("`{WORKFLOW}`, which no dump wrote")),
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
        for name in FOLDERS.into_iter().chain([UNFINISHED]) {
            let path = self.folder.join(name);
            gone(fs::remove_dir_all(&path).await, &path)?;
        }
        // The last: while it is there, another try finds out that the rest is out of date.
        for name in FILES.into_iter().chain([WORKFLOW]) {
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
                Ok(reply) => self.write_json(name, &reply).await?,
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
                Ok(reply) => reply,
                Err(error) => {
                    let mut lacking = missing(progress, error)?;
                    let reason = lacking.first().map(|progress| progress.reason.clone());
                    lacking.extend(reason.map(|reason| Missing {
                        path: load.to_owned(),
                        reason,
                    }));
                    return Ok(lacking);
                }
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
            Ok(reply) => reply,
            Err(error) => return missing("logs", error),
        };
        let offered = log["log"]["downloads"].as_array().into_iter().flatten();
        let mut names: Vec<String> = offered
            .filter_map(|file| file["fileName"].as_str())
            .map(str::to_owned)
            .collect();
        // Each once, since they are written at the same time.
        names.sort_unstable();
        names.dedup();
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
                let fetch = || async { call.clone().send().await };
                self.byte_file(format!("logs/{name}"), fetch).await
            })
        });
        let files: Vec<_> = files.collect();
        self.gather(stream::iter(files)).await
    }

    /// Every task, page after page, written as they come.
    async fn tasks_file(&self) -> Result<Vec<Missing>> {
        if !self.has(TASKS).await {
            let part = self.unfinished(TASKS).await?;
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
            self.finish(&part, TASKS).await?;
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
        let fetch = || async { call.clone().send().await };
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

    /// A file whose content is passed on as it arrives. The names of logs are the server's: one that
    /// no file can have here is noted.
    async fn byte_file<F>(&self, name: String, fetch: impl Fn() -> F) -> Result<Vec<Missing>>
    where
        F: Future<Output = Result<ByteStream>>,
    {
        let without = |name: String, reason: &str| Missing {
            reason: format!("its name {reason}"),
            path: name,
        };
        let relative = match relative_path(&name) {
            Ok(relative) => relative,
            Err(reason) => return Ok(vec![without(name, reason)]),
        };
        match self.file_of_bytes(name.clone(), relative, fetch).await {
            Err(error) if is_name_refused(&error) => Ok(vec![without(
                name,
                "is one that the file system does not take",
            )]),
            noted => noted,
        }
    }

    async fn file_of_bytes<F>(
        &self,
        name: String,
        relative: PathBuf,
        fetch: impl Fn() -> F,
    ) -> Result<Vec<Missing>>
    where
        F: Future<Output = Result<ByteStream>>,
    {
        if self.has(&name).await {
            self.count_done();
            return Ok(Vec::new());
        }
        let part = self.unfinished(&relative).await?;
        let mut attempts = Attempts::new(self.dump.client.inner.retry);
        loop {
            // Until here the transport makes further attempts itself.
            let content = match fetch().await {
                Ok(content) => content,
                Err(error) => return missing(&name, error),
            };
            let mut file = fs::File::create(&part).await.map_err(unwritable(&part))?;
            match content.write_to(&mut file).await {
                Ok(bytes) => {
                    self.finish(&part, &relative).await?;
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
        let part = self.unfinished(name).await?;
        let mut text = serde_json::to_vec_pretty(value).map_err(|error| {
            Error::new(ErrorKind::InvalidResponse, "the reply can't be written").caused_by(error)
        })?;
        text.push(b'\n');
        let size = text.len() as u64;
        fs::write(&part, text).await.map_err(unwritable(&part))?;
        self.finish(&part, name).await?;
        self.reporter.update(|progress| progress.bytes += size);
        Ok(())
    }

    /// Where a file is written until it is complete: beside all others, since the server's names may
    /// have any ending.
    async fn unfinished(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let part = self.folder.join(UNFINISHED).join(name);
        make_folder_of(&part).await?;
        Ok(part)
    }

    /// Gives a complete file its name.
    async fn finish(&self, part: &Path, name: impl AsRef<Path>) -> Result<()> {
        let path = self.folder.join(name);
        make_folder_of(&path).await?;
        fs::rename(part, &path).await.map_err(unwritable(&path))
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
        task_id: Integer,
    }
    let unreadable = |error| Error::io(format!("{TASKS} could not be read"), error);
    while let Some(line) = lines.next_line().await.map_err(unreadable)? {
        let task: Result<Id, _> = serde_json::from_str(&line);
        if let Ok(Id {
            task_id: Integer(Some(id)),
        }) = task
        {
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

    type Form = ();

    fn paging((): ()) -> Paging {
        builder::ListWorkflowTasks::paging(())
    }

    fn into_request(self) -> (Request, ()) {
        self.0.into_request()
    }

    fn items((): (), page: &mut RawTaskPage) -> Vec<Value> {
        let tasks = page.tasks.take().unwrap_or_default();
        tasks
            .into_iter()
            .map(|mut entry| match entry.get_mut("task") {
                Some(task) => task.take(),
                None => entry,
            })
            .collect()
    }

    fn total((): (), page: &RawTaskPage) -> Option<i64> {
        page.total
    }

    fn id((): (), task: &Value) -> Option<String> {
        Some(task.get("taskId")?.to_string())
    }
}
