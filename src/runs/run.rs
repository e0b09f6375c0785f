//! Runs: their status, progress, logs and end.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::paginate::ItemStream;
use crate::types::{
    DescribeTaskResponse, DescribeWorkflowResponse, ProgressData, Task, WorkflowDetails,
    WorkflowStatus,
};
use crate::{Argument, Client, Error, ErrorKind, Result, WorkspaceRef};

mod logs;
mod pace;
mod polls;
mod wait;
mod watch;

pub use logs::Logs;
pub use pace::Pace;
pub use wait::Wait;
pub use watch::Watch;

/// A run, by its id. It asks the server only when one of its methods is called.
#[derive(Clone)]
pub struct Run {
    pub(crate) client: Client,
    id: String,
    pub(crate) workspace: WorkspaceRef,
}

/// What a run may come to, as [`Run::watch`] and [`Wait::on_change`] tell.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// The status is another one, or the first that was seen.
    Status(WorkflowStatus),
    /// Tasks have moved on.
    Progress(Box<ProgressData>),
    /// A task is new or has another status.
    Task(Box<Task>),
    /// A look failed; the next comes a little later.
    Trouble(Arc<Error>),
    /// The run has ended. Nothing comes after it.
    Finished(Box<FinishedRun>),
}

impl Client {
    /// A run by its id. Unless it is of the client's workspace, name its
    /// [`workspace`](Run::workspace).
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// let run = client.run("2YLHlgZ5nU8FPD").workspace("acme/research");
    /// println!("{}", run.status().await?);
    /// # Ok(()) }
    /// ```
    ///
    /// The id may be an [`Option`], as replies have it: without one, each call of the run is an
    /// error. For a run's name see [`Workspace::run`](crate::Workspace::run).
    pub fn run(&self, id: impl Argument<String>) -> Run {
        Run {
            client: self.clone(),
            id: id.resolve().ok().flatten().unwrap_or_default(),
            workspace: WorkspaceRef::OfClient,
        }
    }
}

impl Run {
    /// The workspace that the run is of. Default: the client's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceRef>) -> Self {
        self.workspace = workspace.into();
        self
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of the run's workspace, looked up where a name was given; `None` is the personal
    /// context.
    ///
    /// # Errors
    /// The name is unknown, or could not be looked up.
    pub async fn workspace_id(&self) -> Result<Option<i64>> {
        self.at_home().await?.workspace_id().await
    }

    /// The client in the run's workspace.
    async fn at_home(&self) -> Result<Client> {
        if self.id.is_empty() {
            let text = "the run has no id: none was given to `Client::run`";
            return Err(Error::new(ErrorKind::InvalidRequest, text));
        }
        self.client.in_workspace(self.workspace.clone()).await
    }

    /// Looks the workspace up for good: while a run is followed, its name may change.
    async fn locate(&mut self) -> Result<Option<i64>> {
        self.client = self.at_home().await?;
        self.workspace = WorkspaceRef::OfClient;
        self.client.workspace_id().await
    }

    /// The page of the run in the web interface, as far as the endpoint tells where that is:
    /// without `api.` before its host or `/api` after it.
    ///
    /// # Errors
    /// The call failed; the run is unknown or forbidden.
    pub async fn url(&self) -> Result<String> {
        let client = self.at_home().await?;
        let described = self.describe().await?;
        let workspace = match client.workspace_id().await? {
            None => None,
            Some(id) => Some(match (described.org_name, described.workspace_name) {
                (Some(organization), Some(workspace)) => (organization, workspace),
                _ => {
                    let details = client.workspace(id).await?.details().await?;
                    (details.organization, details.name)
                }
            }),
        };
        let place = match workspace {
            Some((organization, workspace)) => {
                let (organization, workspace) = (plain(&organization), plain(&workspace));
                format!("orgs/{organization}/workspaces/{workspace}")
            }
            None => {
                let user = described.workflow.and_then(|workflow| workflow.user_name);
                format!("user/{}", plain(&user.unwrap_or_default()))
            }
        };
        Ok(format!(
            "{}/{place}/watch/{}",
            web_address(client.endpoint()),
            plain(&self.id)
        ))
    }

    /// The status now.
    ///
    /// # Errors
    /// The call failed; the run is unknown or forbidden.
    pub async fn status(&self) -> Result<WorkflowStatus> {
        Ok(status_of(&self.describe().await?))
    }

    /// All there is to know of the run now, progress included.
    ///
    /// # Errors
    /// The call failed; the run is unknown or forbidden.
    pub async fn describe(&self) -> Result<DescribeWorkflowResponse> {
        let call = self
            .at_home()
            .await?
            .describe_workflow()
            .workflow_id(&self.id);
        call.send().await
    }

    /// The tasks, over all pages.
    pub fn tasks(&self) -> ItemStream<DescribeTaskResponse> {
        let run = self.clone();
        ItemStream::later(async move {
            let client = run.at_home().await?;
            Ok(client.list_workflow_tasks().workflow_id(&run.id))
        })
    }

    /// Asks the Platform to stop the run. It is CANCELLED a little later.
    ///
    /// # Errors
    /// The call failed; the run has already ended.
    pub async fn cancel(&self) -> Result<()> {
        let call = self
            .at_home()
            .await?
            .cancel_workflow()
            .workflow_id(&self.id);
        call.send().await.map(drop)
    }

    /// Deletes the record of the run, not the files it made.
    ///
    /// # Errors
    /// The call failed; the run has not ended.
    pub async fn delete(&self) -> Result<()> {
        let call = self
            .at_home()
            .await?
            .delete_workflow()
            .workflow_id(&self.id);
        call.send().await.map(drop)
    }

    /// Stars the run for the token's user. One that has a star keeps it.
    ///
    /// # Errors
    /// The call failed; the run is unknown or forbidden.
    pub async fn star(&self) -> Result<()> {
        let call = self
            .at_home()
            .await?
            .create_workflow_star()
            .workflow_id(&self.id);
        match call.send().await {
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes the star away.
    ///
    /// # Errors
    /// The call failed; the run is unknown or forbidden.
    pub async fn unstar(&self) -> Result<()> {
        let call = self
            .at_home()
            .await?
            .delete_workflow_star()
            .workflow_id(&self.id);
        call.send().await.map(drop)
    }
}

/// Labels, by id, `name`, or `name=value` for a resource label.
impl Run {
    /// Adds labels to those that the run has. Those of
    /// [`Workspace::labels_or_new`](crate::Workspace::labels_or_new) are created where they don't exist.
    ///
    /// # Errors
    /// The call failed; a label does not exist.
    pub async fn add_labels(&self, labels: impl IntoIterator<Item: Into<LabelRef>>) -> Result<()> {
        let (client, body) = self.labelled(labels).await?;
        client
            .add_labels_to_workflows()
            .body(body)
            .send()
            .await
            .map(drop)
    }

    /// Gives the run these labels and no others.
    ///
    /// # Errors
    /// The call failed; a label does not exist.
    pub async fn set_labels(&self, labels: impl IntoIterator<Item: Into<LabelRef>>) -> Result<()> {
        let (client, body) = self.labelled(labels).await?;
        client
            .apply_labels_to_workflows()
            .body(body)
            .send()
            .await
            .map(drop)
    }

    /// Takes labels from the run.
    ///
    /// # Errors
    /// The call failed; a label does not exist.
    pub async fn remove_labels(
        &self,
        labels: impl IntoIterator<Item: Into<LabelRef>>,
    ) -> Result<()> {
        let (client, body) = self.labelled(labels).await?;
        client
            .remove_labels_from_workflows()
            .body(body)
            .send()
            .await
            .map(drop)
    }

    async fn labelled(
        &self,
        labels: impl IntoIterator<Item: Into<LabelRef>>,
    ) -> Result<(Client, crate::types::AssociateWorkflowLabelsRequest)> {
        let labels: Vec<LabelRef> = labels.into_iter().map(Into::into).collect();
        let workspace = self.client.workspace(self.workspace.clone()).await?;
        let mut ids = Vec::with_capacity(labels.len());
        for label in labels {
            ids.push(workspace.label(label).await?);
        }
        let body = crate::types::AssociateWorkflowLabelsRequest::new();
        let body = body.workflow_ids([self.id.clone()]).label_ids(ids);
        Ok((workspace.client, body))
    }
}

type LabelRef = crate::NameOrId<i64>;

/// A run that has ended, well or not.
#[derive(Clone)]
pub struct FinishedRun {
    run: Run,
    status: WorkflowStatus,
    details: Box<DescribeWorkflowResponse>,
}

impl FinishedRun {
    /// `None` if the run has not ended.
    fn new(run: Run, details: DescribeWorkflowResponse) -> Option<Self> {
        let status = status_of(&details);
        status.is_end().then(|| Self {
            run,
            status,
            details: Box::new(details),
        })
    }

    /// The handle of the run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The id.
    pub fn id(&self) -> &str {
        self.run.id()
    }

    /// SUCCEEDED, FAILED or CANCELLED.
    pub fn status(&self) -> &WorkflowStatus {
        &self.status
    }

    /// Whether it is SUCCEEDED.
    pub fn succeeded(&self) -> bool {
        self.status == WorkflowStatus::Succeeded
    }

    /// What went wrong, in Nextflow's words.
    pub fn error_message(&self) -> Option<&str> {
        self.workflow()?.error_message.as_deref()
    }

    /// A parameter that the run had, such as where its results are.
    ///
    /// # Errors
    /// It had no such parameter, or one of another type.
    pub fn param<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let complain = |kind, what: &str| {
            Error::new(
                kind,
                format!("parameter `{name}` of run {} {what}", self.id()),
            )
        };
        let value = self.params().and_then(|params| params.get(name));
        let value = value.ok_or_else(|| complain(ErrorKind::NotFound, "was not set"))?;
        T::deserialize(value).map_err(|error| {
            complain(ErrorKind::InvalidResponse, "is of another type").caused_by(error)
        })
    }

    /// All parameters that the run had.
    pub fn params(&self) -> Option<&Map<String, Value>> {
        self.workflow()?.params.as_ref()
    }

    /// The run itself.
    pub fn workflow(&self) -> Option<&WorkflowDetails> {
        self.details.workflow.as_ref()
    }

    /// All the server said of it, progress and cost included.
    pub fn details(&self) -> &DescribeWorkflowResponse {
        &self.details
    }
}

impl WorkflowStatus {
    /// Whether a run of this status never changes again: SUCCEEDED, FAILED or CANCELLED. UNKNOWN
    /// and what this crate does not know may.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl ProgressData {
    /// Tasks that have ended, well or not, or whose results came from the cache.
    pub fn done(&self) -> u64 {
        let load = self.workflow_progress.as_ref();
        load.map_or(0, |load| {
            sum([load.succeeded, load.cached, load.failed, load.aborted])
        })
    }

    /// All tasks that are known of so far. More may come while the run goes on; a task that is
    /// tried again counts as another one.
    pub fn total(&self) -> u64 {
        let load = self.workflow_progress.as_ref();
        let open = load.map_or(0, |load| {
            sum([load.pending, load.submitted, load.running, None])
        });
        open.saturating_add(self.done())
    }
}

fn sum(counts: [Option<i64>; 4]) -> u64 {
    let counts = counts.into_iter().flatten();
    counts
        .filter_map(|count| u64::try_from(count).ok())
        .fold(0, u64::saturating_add)
}

/// All but RFC 3986's unreserved characters.
fn plain(text: &str) -> impl fmt::Display {
    const OTHERS: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, OTHERS).to_string()
}

/// Where the web interface is, whose API is at the endpoint.
fn web_address(endpoint: &str) -> String {
    match (
        endpoint.strip_suffix("/api"),
        endpoint.split_once("://api."),
    ) {
        (Some(address), _) => address.to_owned(),
        (None, Some((scheme, host))) => format!("{scheme}://{host}"),
        (None, None) => endpoint.to_owned(),
    }
}

fn status_of(described: &DescribeWorkflowResponse) -> WorkflowStatus {
    let status = described
        .workflow
        .as_ref()
        .and_then(|workflow| workflow.status.clone());
    status.unwrap_or(WorkflowStatus::Unknown)
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.id)
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FinishedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinishedRun")
            .field("run", &self.run)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::WorkflowLoad;

    #[test]
    fn the_web_interface_is_beside_its_api() {
        for (endpoint, web) in [
            ("https://api.cloud.seqera.io", "https://cloud.seqera.io"),
            (
                "https://seqera.example.com/api",
                "https://seqera.example.com",
            ),
            (
                "https://api.seqera.example.com",
                "https://seqera.example.com",
            ),
            ("https://myapi.example.com/api", "https://myapi.example.com"),
            ("http://localhost:8000", "http://localhost:8000"),
        ] {
            assert_eq!(web_address(endpoint), web);
        }
    }

    #[test]
    fn progress_counts_tasks_by_whether_they_have_ended() {
        let load = WorkflowLoad::new().pending(1).submitted(2).running(4);
        let load = load
            .succeeded(8)
            .cached(16)
            .failed(32)
            .aborted(64)
            .retries(5);
        let progress = ProgressData::new().workflow_progress(load);
        assert_eq!((progress.done(), progress.total()), (120, 127));
        assert_eq!(ProgressData::new().total(), 0);
    }
}
