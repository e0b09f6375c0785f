//! `runs relaunch`: runs again, with all that they had.

use clap::Args;
use seqera::runs::{Launch, Preview};
use seqera::{ErrorKind, Id};
use serde_json::Value;

use super::select::{IN_PLACE_OF_ID, Selection};
use crate::commands::bulk::{self, Telling};
use crate::commands::{compute_envs, launch};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::options::{InWorkspace, LaunchOptions, Revision};
use crate::output::Column;
use crate::requests::changed;

#[derive(Args, Debug)]
pub struct Relaunch {
    /// Id of the run
    #[arg(short, long, required_unless_present_any = IN_PLACE_OF_ID)]
    id: Option<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    workspace: InWorkspace,
    /// URL of another repository
    #[arg(long)]
    pipeline: Option<String>,
    /// Do all tasks again, instead of resuming the run
    #[arg(long)]
    no_resume: bool,
    /// Name of the new run
    #[arg(short, long)]
    name: Option<String>,
    /// Container image that Nextflow runs in
    #[arg(long)]
    launch_container: Option<String>,
    #[command(flatten)]
    options: LaunchOptions,
    #[command(flatten)]
    revision: Revision,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Result", "result"),
    Column::new("New run", "workflowId"),
    Column::new("Error", "error"),
];

impl Relaunch {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        if self.options.work_dir.is_some() && !self.no_resume {
            return Err(Failure::failed(
                "Not allowed to change '--work-dir' option when resuming. Use '--no-resume' if you want to relaunch into a different working directory without resuming.",
            ));
        }
        let place = context.place(&self.workspace).await?;
        let ids = self.selection.ids(context, &place, self.id.clone()).await?;
        let env = match self.options.compute_env.as_deref() {
            Some(wanted) => {
                let env = compute_envs::to_run_on(context, &place, Some(wanted)).await?;
                Some(Id(env.id.unwrap_or_default()))
            }
            None => None,
        };
        if let [id] = ids.as_slice() {
            let ready = self.prepare(context, &place, env, id).await?;
            return ready.send(context, &place).await?.show(context);
        }
        context.confirm(&format!("Launch {} runs again?", ids.len()))?;
        let done = bulk::each(context, ids, async |id| {
            let ready = self.prepare(context, &place, env.clone(), &id).await?;
            Ok(ready.send(context, &place).await?.value())
        });
        let telling = Telling {
            field: "runs",
            done: "launched again",
            columns: COLUMNS,
        };
        bulk::report(context, &place, telling, done.await).await
    }

    async fn prepare(
        &self,
        context: &Context,
        place: &Place<'_>,
        env: Option<Id<String>>,
        id: &str,
    ) -> Result<launch::Ready> {
        let run = context.client()?.run(id).workspace(place.id());
        let with = |mut launch: Launch| {
            if let Some(folder) = &self.options.work_dir {
                launch = launch.work_dir(folder);
            }
            if let Some(revision) = &self.revision.revision {
                launch = launch.revision(revision);
            }
            launch
        };
        let resumed = match self.no_resume {
            true => None,
            false => match with(run.resume()).preview().await {
                Ok(preview) => Some(preview),
                // Nothing to go on from: it begins anew.
                Err(error) if error.kind() == ErrorKind::InvalidRequest => {
                    context.note(error.message());
                    None
                }
                Err(error) => return Err(error.into()),
            },
        };
        let Preview {
            mut request,
            source_workspace_id,
            launch,
            ..
        } = match resumed {
            Some(preview) => preview,
            None => with(run.relaunch()).preview().await?,
        };
        let launch = launch.unwrap_or_default();
        if launch.resume_commit_id.is_none() {
            // It never came to fetch the pipeline: there is nothing to go on from.
            request.resume = Some(false);
        }
        if request.resume == Some(false) {
            request.session_id = launch.session_id;
        }
        if let Some(env) = &env {
            request.compute_env_id = Some(env.0.clone());
        }
        let mut changes = self.options.fields(request.params_text.as_deref())?;
        changes.extend([
            ("runName".to_owned(), self.name.clone().into()),
            ("pipeline".to_owned(), self.pipeline.clone().into()),
            (
                "launchContainer".to_owned(),
                self.launch_container.clone().into(),
            ),
        ]);
        let own_commit = self.revision.revision.is_none() && self.options.commit_id.is_none();
        if request.resume == Some(true) && own_commit {
            // What it goes on from is of that commit, whatever the branch has become.
            let commit: Value = request.commit_id.clone().into();
            changes.insert("revision".to_owned(), commit);
        }
        Ok(launch::Ready {
            request: changed(request, changes.into())?,
            source_workspace_id,
        })
    }
}
