//! `runs dump`: all there is to know of a run, in an archive.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::Stream;
use lzma_rust2::{XzOptions, XzWriter};
use seqera::prelude::*;
use seqera::types::Task;
use serde::Serialize;
use serde_json::json;

use super::Dump;
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::Entries;
use crate::output::without_nulls;

pub async fn run(context: &Context, command: Dump) -> Result<Exit> {
    let name = command.output.to_string_lossy().into_owned();
    let xz = name.ends_with(".tar.xz");
    if !xz && !name.ends_with(".tar.gz") {
        return Err(Failure::failed(
            "Unknown file format. Only 'tar.xz' and 'tar.gz' formats are supported.",
        ));
    }
    let place = context.place(&command.workspace).await?;
    // A dump that fails leaves nothing that looks like one.
    let part = command.output.with_file_name(format!(
        "{}.part",
        command
            .output
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
    ));
    let made = write(context, &place, &command, &part, xz).await;
    if let Err(failure) = made {
        let _ = std::fs::remove_file(&part);
        return Err(failure);
    }
    std::fs::rename(&part, &command.output)?;
    let path = std::fs::canonicalize(&command.output)?;
    let reference = place.reference().await?;
    let value = json!({
        "id": command.id,
        "workspaceRef": reference,
        "outputFile": format!("file://{}", path.display()),
    });
    let text = format!("Pipeline's run '{}' details dump at '{name}'", command.id);
    context.say(value, text)
}

async fn write(
    context: &Context,
    place: &Place<'_>,
    command: &Dump,
    path: &Path,
    xz: bool,
) -> Result<()> {
    let complain = |error: std::io::Error| {
        Failure::failed(format!("{} can't be written: {error}", path.display()))
    };
    let file = BufWriter::new(File::create(path).map_err(complain)?);
    let dumping = Dumping {
        context,
        place,
        command,
    };
    if xz {
        let writer = XzWriter::new(file, XzOptions::default()).map_err(complain)?;
        let writer = dumping.entries(tar::Builder::new(writer)).await?;
        writer.finish().map_err(complain)?.flush().map_err(complain)
    } else {
        let writer = GzEncoder::new(file, Compression::default());
        let writer = dumping.entries(tar::Builder::new(writer)).await?;
        writer.finish().map_err(complain)?.flush().map_err(complain)
    }
}

struct Dumping<'a> {
    context: &'a Context,
    place: &'a Place<'a>,
    command: &'a Dump,
}

impl Dumping<'_> {
    async fn entries<W: Write>(&self, mut archive: tar::Builder<W>) -> Result<W> {
        let client = self.context.client()?;
        let (id, workspace) = (&self.command.id, self.place.id());
        let service = client.info().send().await?;
        self.json(&mut archive, "service-info.json", &service.service_info)?;
        let call = client
            .describe_workflow()
            .workflow_id(id)
            .workspace_id(workspace);
        let run = call.attributes(["labels", "optimized"]).send().await?;
        let workflow = run.workflow.clone().unwrap_or_default();
        self.json(&mut archive, "workflow.json", &workflow)?;
        let launch_id = workflow.launch_id.clone();
        let call = client
            .describe_workflow_launch()
            .workflow_id(id)
            .workspace_id(workspace);
        let pipeline = match call.send().await {
            Ok(reply) => reply.launch.and_then(|launch| launch.pipeline_id),
            Err(error) if error.is_gone_or_forbidden() || error.is_conflict() => None,
            Err(error) => return Err(error.into()),
        };
        let metadata = json!({
            "pipelineId": pipeline,
            "organizationId": run.org_id,
            "organizationName": run.org_name,
            "workspaceId": run.workspace_id,
            "workspaceName": run.workspace_name,
            "userId": workflow.owner_id,
            "runUrl": format!("{}/watch/{id}", self.place.url().await?),
            "labels": run.labels,
        });
        self.json(
            &mut archive,
            "workflow-metadata.json",
            &without_nulls(metadata),
        )?;
        let call = client
            .describe_workflow_progress()
            .workflow_id(id)
            .workspace_id(workspace);
        let progress = call.send().await?.progress.unwrap_or_default();
        self.json(
            &mut archive,
            "workflow-load.json",
            &progress.workflow_progress,
        )?;
        if let Some(launch_id) = &launch_id {
            let call = client
                .describe_launch()
                .launch_id(launch_id)
                .workspace_id(workspace);
            let launch = call.send().await?.launch;
            self.json(&mut archive, "workflow-launch.json", &launch)?;
        }
        let call = client
            .describe_workflow_metrics()
            .workflow_id(id)
            .workspace_id(workspace);
        let metrics = call.send().await?.metrics;
        self.json(&mut archive, "workflow-metrics.json", &metrics)?;
        let call = client
            .list_workflow_tasks()
            .workflow_id(id)
            .workspace_id(workspace);
        let tasks: Vec<_> = Entries::of(call.stream()).all().await?;
        let tasks: Vec<Task> = tasks.into_iter().filter_map(|entry| entry.task).collect();
        self.json(&mut archive, "workflow-tasks.json", &tasks)?;
        if launch_id.is_some() {
            let call = client
                .download_workflow_log()
                .workflow_id(id)
                .workspace_id(workspace);
            let log = call.file_name(format!("nf-{id}.log")).send().await;
            self.log(&mut archive, "nextflow.log", log).await?;
        }
        for task in tasks.iter().filter(|task| self.wants(task)) {
            self.task(&mut archive, task).await?;
        }
        Ok(archive.into_inner()?)
    }

    fn wants(&self, task: &Task) -> bool {
        let failed = task
            .status
            .as_ref()
            .is_some_and(|status| status.to_string() == "FAILED");
        !self.command.only_failed || failed
    }

    async fn task<W: Write>(&self, archive: &mut tar::Builder<W>, task: &Task) -> Result<()> {
        let logs = [".command.out", ".command.err", ".command.log"];
        let logs = logs.iter().filter(|_| self.command.add_task_logs);
        let fusion = self.command.add_fusion_logs.then_some(&".fusion.log");
        let task_id = task.task_id.unwrap_or_default();
        for name in logs.chain(fusion) {
            let call = self.context.client()?.download_workflow_task_log();
            let call = call
                .workflow_id(&self.command.id)
                .task_id(task_id)
                .file_name(*name);
            let log = call.workspace_id(self.place.id()).send().await;
            let path = format!("tasks/{task_id}/{name}");
            self.log(archive, &path, log).await?;
        }
        Ok(())
    }

    fn told(&self, name: &str) {
        if !self.command.silent {
            self.context.note(&format!("- {name}"));
        }
    }

    fn json<W: Write>(
        &self,
        archive: &mut tar::Builder<W>,
        name: &str,
        value: &impl Serialize,
    ) -> Result<()> {
        self.told(name);
        let text = serde_json::to_vec_pretty(value)?;
        let mut header = header(text.len() as u64);
        archive.append_data(&mut header, name, text.as_slice())?;
        Ok(())
    }

    /// A log goes through a file, since its length comes before it.
    async fn log<W: Write, B: AsRef<[u8]>>(
        &self,
        archive: &mut tar::Builder<W>,
        name: &str,
        log: seqera::Result<impl Stream<Item = seqera::Result<B>> + Unpin>,
    ) -> Result<()> {
        let mut log = match log {
            Ok(log) => log,
            Err(error)
                if error.is_not_found() || error.status().is_some_and(|status| status == 400) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        self.told(name);
        let mut file = tempfile::tempfile()?;
        let mut length = 0;
        while let Some(part) = log.try_next().await? {
            length += part.as_ref().len() as u64;
            file.write_all(part.as_ref())?;
        }
        file.seek(SeekFrom::Start(0))?;
        archive.append_data(&mut header(length), name, &mut file)?;
        Ok(())
    }
}

fn header(length: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o644);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    header.set_mtime(now.map(|time| time.as_secs()).unwrap_or_default());
    header
}
