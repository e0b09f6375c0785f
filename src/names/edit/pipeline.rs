//! Changing a pipeline, and what becomes of the draft that servers with versions make of it.

use std::fmt;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{self, BoxFuture};

use super::{Edited, edit, lacks};
use crate::names::{NameOrId, Workspace};
use crate::types::{
    PipelineDetails, PipelineVersionInfo, PipelineVersionManageRequest, UpdatePipelineRequest,
    WorkflowLaunchRequest,
};
use crate::{Error, ErrorKind, Result};

/// So many names are tried for a version.
const VERSION_NAMES: u64 = 20;

/// A version of a pipeline, as an edit left it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineVersion {
    /// The id.
    pub id: String,
    /// The name; a draft has none.
    pub name: Option<String>,
    /// Whether it is what the pipeline launches.
    pub is_default: bool,
}

impl Workspace {
    /// Changes a pipeline of the launchpad, by name or `Id`: what describes it, its labels, and its
    /// launch in the request's `launch`. For the launch alone there is
    /// [`edit_pipeline_launch`](Self::edit_pipeline_launch).
    ///
    /// Servers that keep versions of pipelines make a draft of a change of the launch (repository,
    /// revision, parameters, …). It gets the name of the default version with the number at its end
    /// counted up, and becomes the default, as in the web interface;
    /// [`keep_draft`](EditPipeline::keep_draft) leaves it as it is.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// let research = client.workspace("acme/research").await?;
    /// let edited = research
    ///     .edit_pipeline("rnaseq", |request| request.description("RNA sequencing, nightly"))
    ///     .await?;
    /// for change in &edited.changes {
    ///     println!("{change}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn edit_pipeline<'a>(
        &self,
        pipeline: impl Into<NameOrId<i64>>,
        change: impl Fn(UpdatePipelineRequest) -> UpdatePipelineRequest + Send + Sync + 'a,
    ) -> EditPipeline<'a> {
        EditPipeline {
            workspace: self.clone(),
            pipeline: pipeline.into(),
            change: Box::new(change),
            keep_draft: false,
        }
    }

    /// Changes what a pipeline of the launchpad launches, by name or `Id`: its repository, revision,
    /// parameters, compute environment and the rest. All else is as with
    /// [`edit_pipeline`](Self::edit_pipeline).
    ///
    /// ```no_run
    /// # async fn example(research: seqera::Workspace) -> seqera::Result<()> {
    /// let edit = research.edit_pipeline_launch("rnaseq", |launch| launch.revision("3.19.0"));
    /// println!("{:?}", edit.await?.version);
    /// # Ok(()) }
    /// ```
    pub fn edit_pipeline_launch<'a>(
        &self,
        pipeline: impl Into<NameOrId<i64>>,
        change: impl Fn(WorkflowLaunchRequest) -> WorkflowLaunchRequest + Send + Sync + 'a,
    ) -> EditPipeline<'a> {
        self.edit_pipeline(pipeline, move |mut request| {
            let launch = request.launch.take().unwrap_or_default();
            request.launch(change(launch))
        })
    }
}

type Change<'a> = Box<dyn Fn(UpdatePipelineRequest) -> UpdatePipelineRequest + Send + Sync + 'a>;

/// A change of a pipeline: see [`Workspace::edit_pipeline`].
#[must_use = "nothing is changed until it is awaited"]
pub struct EditPipeline<'a> {
    workspace: Workspace,
    pipeline: NameOrId<i64>,
    change: Change<'a>,
    keep_draft: bool,
}

impl EditPipeline<'_> {
    /// Leaves a draft that the change makes as it is: without a name, and not what the pipeline
    /// launches.
    pub fn keep_draft(mut self) -> Self {
        self.keep_draft = true;
        self
    }

    /// Makes the change; so does `.await`.
    ///
    /// # Errors
    /// There is not exactly one pipeline of that name; another workspace shares it; a call failed.
    /// Where the change was made and only the draft could not be named or made the default, the
    /// error says so.
    pub async fn send(self) -> Result<Edited> {
        let Self {
            workspace,
            pipeline,
            change,
            keep_draft,
        } = self;
        let id = workspace.own_pipeline(pipeline).await?;
        let client = &workspace.client;
        let default = Arc::new(Mutex::new(None));
        let read = || {
            let default = default.clone();
            let described = client.describe_pipeline().pipeline_id(id);
            let described = described.attributes(["labels"]);
            let launch = client.describe_pipeline_launch().pipeline_id(id);
            let read: BoxFuture<'static, Result<UpdatePipelineRequest>> = Box::pin(async move {
                let (described, launch) = future::try_join(described.send(), launch.send()).await?;
                let pipeline = lacks(described.pipeline, "describe_pipeline")?;
                let launch = lacks(launch.launch, "describe_pipeline_launch")?;
                let version = pipeline.version.as_ref();
                *default.lock().unwrap_or_else(PoisonError::into_inner) =
                    version.and_then(|version| version.id.clone());
                Ok(UpdatePipelineRequest::try_from(&pipeline)?.launch(&launch))
            });
            read
        };
        let write = |request: UpdatePipelineRequest| {
            let call = client.update_pipeline().pipeline_id(id).body(request);
            let written: BoxFuture<'static, Result<Option<PipelineDetails>>> =
                Box::pin(async move { Ok(call.send().await?.pipeline) });
            written
        };
        let (changes, written) = edit(change, read, write).await?;
        if changes.iter().any(|change| change.field == "name") {
            client.forget_names();
        }
        let version = written.flatten().and_then(|pipeline| pipeline.version);
        let before = default
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let another = version
            .and_then(PipelineVersion::of)
            .filter(|version| Some(&version.id) != before.as_ref());
        let version = match another {
            Some(draft) if !draft.is_default && !keep_draft => {
                let publishing = workspace.publish(id, draft).await;
                Some(publishing.map_err(|error| {
                    error.noting("the pipeline was changed, and the change is a draft still")
                })?)
            }
            version => version,
        };
        Ok(Edited { changes, version })
    }
}

impl<'a> IntoFuture for EditPipeline<'a> {
    type Output = Result<Edited>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl fmt::Debug for EditPipeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EditPipeline")
            .field("pipeline", &self.pipeline)
            .field("keep_draft", &self.keep_draft)
            .finish_non_exhaustive()
    }
}

impl PipelineVersion {
    fn of(version: PipelineVersionInfo) -> Option<Self> {
        Some(Self {
            id: version.id?,
            name: version.name.filter(|name| !name.is_empty()),
            is_default: version.is_default == Some(true),
        })
    }
}

impl Workspace {
    /// Names a draft, unless it has a name, and makes it what the pipeline launches.
    async fn publish(&self, pipeline: i64, draft: PipelineVersion) -> Result<PipelineVersion> {
        let name = match &draft.name {
            Some(name) => name.clone(),
            None => self.version_name(pipeline).await?,
        };
        let body = PipelineVersionManageRequest::new();
        let body = body.name(&name).is_default(true);
        let call = self.client.manage_pipeline_version().pipeline_id(pipeline);
        call.version_id(&draft.id).body(body).send().await?;
        Ok(PipelineVersion {
            id: draft.id,
            name: Some(name),
            is_default: true,
        })
    }

    /// A name for the version after the default one, which the server takes.
    async fn version_name(&self, pipeline: i64) -> Result<String> {
        let call = self.client.describe_pipeline().pipeline_id(pipeline);
        let described = call.send().await?.pipeline.unwrap_or_default();
        let version = described.version.and_then(|version| version.name);
        let default = version.or(described.name).unwrap_or_default();
        let mut last = None;
        for name in following(&default) {
            let call = self.client.validate_pipeline_version_name();
            match call.pipeline_id(pipeline).name(&name).send().await {
                Ok(_) => return Ok(name),
                // It is taken.
                Err(error) if is_refused(&error) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        let text = format!("no name after `{default}` is free");
        let error = Error::new(ErrorKind::NotFound, text);
        Err(match last {
            Some(cause) => error.caused_by(cause),
            None => error,
        })
    }
}

/// Whether the server refuses a name: it is taken, or breaks the rules of names.
fn is_refused(error: &Error) -> bool {
    let status = error.status().map(|status| status.as_u16());
    matches!(status, Some(400 | 409))
}

/// The names after a name: the number at its end counted up, or one put there.
fn following(name: &str) -> impl Iterator<Item = String> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name[stem.len()..].parse::<u64>().ok();
    let (stem, number) = match number {
        Some(number) => (stem.to_owned(), number),
        None => (format!("{name}-"), 1),
    };
    (1..=VERSION_NAMES).map(move |step| format!("{stem}{}", number.saturating_add(step)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_versions_are_counted_up() {
        let next = |name: &str| following(name).next().unwrap();
        assert_eq!(next("rnaseq-9"), "rnaseq-10");
        assert_eq!(next("v3"), "v4");
        assert_eq!(next("rnaseq"), "rnaseq-2");
        assert_eq!(following("rnaseq-9").nth(1).unwrap(), "rnaseq-11");
    }
}
