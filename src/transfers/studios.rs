//! Studios: create, start and wait until they run, stop and wait until they rest.

use std::time::Duration;

use tokio::time::Instant;

use crate::generated::{Client, types};
use crate::names::Edited;
use crate::poll::{Rhythm, poll_until};
use crate::transport::again::{Trouble, USUAL_PATIENCE};
use crate::transport::response::awaited_is_sent;
use crate::{Error, ErrorKind, Id, NameOrId, Result, Setting, WorkspaceRef};

const JOB: &str = "Studio";
/// Studios start within seconds at best, and often take minutes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
const GROWTH: f64 = 1.5;

type Status = types::DataStudioStatus;

impl Client {
    /// A Studio by its name or its session `Id`.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// use std::time::Duration;
    /// let studio = client
    ///     .studio("differential-expression")
    ///     .workspace("acme/research")
    ///     .timeout(Duration::from_secs(900));
    /// let running = studio.start().await?;
    /// println!("{:?}", running.studio_url);
    /// studio.stop().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn studio(&self, studio: impl Into<NameOrId<String>>) -> Studio {
        Studio {
            client: self.clone(),
            studio: studio.into(),
            workspace: WorkspaceRef::OfClient,
            timeout: None,
            retry_not_ready: false,
            pauses: (FIRST_PAUSE, LONGEST_PAUSE),
        }
    }

    /// A Studio to be created.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// use seqera::types::DataStudioCreateRequest;
    /// let request = DataStudioCreateRequest::new()
    ///     .name("notebook")
    ///     .data_studio_tool_url("public.cr.seqera.io/platform/data-studio-jupyter:4.2.5-0.9");
    /// let studio = client
    ///     .new_studio(request)
    ///     .workspace("acme/research")
    ///     .compute_env("campus-cluster")
    ///     .send()
    ///     .await?;
    /// studio.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new_studio(&self, request: impl Into<types::DataStudioCreateRequest>) -> NewStudio {
        NewStudio {
            studio: self.studio(Id("")),
            request: request.into(),
            compute_env: None,
        }
    }
}

/// A Studio to be created. Made by [`Client::new_studio`].
#[derive(Clone, Debug)]
#[must_use = "nothing is created until it is sent"]
pub struct NewStudio {
    /// Without its session id.
    studio: Studio,
    request: types::DataStudioCreateRequest,
    compute_env: Option<NameOrId<String>>,
}

awaited_is_sent!(NewStudio => Studio);

impl NewStudio {
    /// The workspace of the Studio. Default: the client's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceRef>) -> Self {
        self.studio = self.studio.workspace(workspace);
        self
    }

    /// The compute environment, by name or `Id`, in place of the request's.
    pub fn compute_env<M>(mut self, compute_env: impl Setting<NameOrId<String>, M>) -> Self {
        self.compute_env = compute_env.setting();
        self
    }

    /// Waits for a compute environment that is still being created: see
    /// [`Studio::retry_not_ready`].
    pub fn retry_not_ready(mut self, retry: bool) -> Self {
        self.studio = self.studio.retry_not_ready(retry);
        self
    }

    /// The longest time to wait: see [`Studio::timeout`].
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.studio = self.studio.timeout(timeout);
        self
    }

    /// The pauses between two tries: see [`Studio::pauses`].
    pub fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.studio = self.studio.pauses(first, longest);
        self
    }

    /// Creates the Studio, which does not start yet, and returns it with these settings.
    ///
    /// # Errors
    /// A name is unknown or ambiguous; the call failed.
    pub async fn send(self) -> Result<Studio> {
        let workspace = self
            .studio
            .client
            .workspace(self.studio.workspace.clone())
            .await?;
        let mut request = self.request;
        if let Some(compute_env) = self.compute_env {
            request.compute_env_id = Some(workspace.compute_env(compute_env).await?);
        }
        let create = || async {
            let call = workspace.client.create_data_studio();
            let call = call.workspace_id(workspace.id()).auto_start(false);
            let reply = call.body(request.clone()).send().await?;
            Ok(reply.studio.and_then(|studio| studio.session_id))
        };
        let mut rhythm = self.studio.rhythm();
        let session_id = when_ready(&mut rhythm, self.studio.retry_not_ready, create).await?;
        let session_id = session_id.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidResponse,
                "the reply has no `studio.sessionId`",
            )
            .in_operation("create_data_studio")
        })?;
        Ok(Studio {
            studio: NameOrId::Id(session_id),
            ..self.studio
        })
    }
}

/// A Studio. Made by [`Client::studio`] and [`Client::new_studio`].
#[derive(Clone, Debug)]
pub struct Studio {
    client: Client,
    studio: NameOrId<String>,
    workspace: WorkspaceRef,
    timeout: Option<Duration>,
    retry_not_ready: bool,
    pauses: (Duration, Duration),
}

impl Studio {
    /// The workspace of the Studio. Default: the client's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceRef>) -> Self {
        self.workspace = workspace.into();
        self
    }

    /// The longest time to wait for the state that is waited for, a [`Duration`] or an `Option` of
    /// one. Default: no limit.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Takes a 400 to starting or creating for "not ready yet" and asks again, until the timeout
    /// if there is one. The Platform answers so while the compute environment is being created,
    /// but to requests that are wrong as well. Default: `false`.
    pub fn retry_not_ready(mut self, retry: bool) -> Self {
        self.retry_not_ready = retry;
        self
    }

    /// The first and the longest pause between two looks; the pauses grow from the one to the
    /// other. Default: 1 s and 15 s.
    pub fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.pauses = (first, longest.max(first));
        self
    }

    /// The session id, looked up where a name was given.
    ///
    /// # Errors
    /// There is not exactly one Studio of that name; the error lists what there is.
    pub async fn session_id(&self) -> Result<String> {
        Ok(self.session().await?.id)
    }

    /// How the Studio stands.
    ///
    /// # Errors
    /// The name is unknown or ambiguous; the call failed.
    pub async fn describe(&self) -> Result<types::StudioInfo> {
        self.session().await?.describe().await
    }

    /// Changes the Studio, its labels included: see [`Workspace::edit_studio`](crate::Workspace::edit_studio).
    ///
    /// # Errors
    /// There is not exactly one of that name; a call failed.
    pub async fn edit(
        &self,
        change: impl Fn(types::DataStudioUpdateRequest) -> types::DataStudioUpdateRequest,
    ) -> Result<Edited> {
        let workspace = self.client.workspace(self.workspace.clone()).await?;
        workspace.edit_studio(self.studio.clone(), change).await
    }

    /// Deletes the Studio.
    ///
    /// # Errors
    /// There is not exactly one of that name; the call failed.
    pub async fn delete(&self) -> Result<()> {
        let workspace = self.client.workspace(self.workspace.clone()).await?;
        workspace.delete_studio(self.studio.clone()).await
    }

    /// Starts the Studio unless it runs already, and waits until it runs. Faults of the network
    /// and the server are ridden out for ten minutes, beyond the retries of each call.
    ///
    /// # Errors
    /// The Studio ended in an error, or stopped meanwhile: the message says why. Or the timeout
    /// passed, and the Studio goes on starting. (Both are [`ErrorKind::NotReached`].) A name is
    /// unknown or ambiguous; a call failed.
    pub async fn start(&self) -> Result<types::StudioInfo> {
        self.start_with(types::DataStudioStartRequest::new()).await
    }

    /// As [`start`](Self::start), with another configuration than before.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(
        &self,
        request: types::DataStudioStartRequest,
    ) -> Result<types::StudioInfo> {
        let mut rhythm = self.rhythm();
        let session = self.session().await?;
        let now = session.describe().await?;
        match status(&now) {
            Some(Status::Running) => return Ok(now),
            Some(Status::Starting | Status::Building) => {}
            before => {
                if before == Some(&Status::Stopping) {
                    session.wait(&mut rhythm, Status::Stopped, None).await?;
                }
                let start = || session.send_start(&request);
                when_ready(&mut rhythm, self.retry_not_ready, start).await?;
                return session.wait(&mut rhythm, Status::Running, before).await;
            }
        }
        session.wait(&mut rhythm, Status::Running, None).await
    }

    /// Stops the Studio unless it rests already, and waits until it rests.
    ///
    /// # Errors
    /// The Studio ended in an error, or the timeout passed ([`ErrorKind::NotReached`]); a name is
    /// unknown or ambiguous; a call failed.
    pub async fn stop(&self) -> Result<types::StudioInfo> {
        let mut rhythm = self.rhythm();
        let session = self.session().await?;
        let now = session.describe().await?;
        match status(&now) {
            Some(Status::Stopped | Status::Errored | Status::BuildFailed) => return Ok(now),
            Some(Status::Stopping) => {}
            _ => session.send_stop().await?,
        }
        session.wait(&mut rhythm, Status::Stopped, None).await
    }

    /// Waits until the Studio runs, without starting it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn wait_running(&self) -> Result<types::StudioInfo> {
        let mut rhythm = self.rhythm();
        let session = self.session().await?;
        session.wait(&mut rhythm, Status::Running, None).await
    }

    async fn session(&self) -> Result<Session> {
        let workspace = self.client.workspace(self.workspace.clone()).await?;
        Ok(Session {
            id: workspace.studio(self.studio.clone()).await?,
            workspace: workspace.id(),
            client: workspace.client,
            settling: self.pauses.1,
        })
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm::growing(self.pauses.0, self.pauses.1, GROWTH).at_most(self.timeout)
    }
}

/// A Studio whose names have been looked up.
struct Session {
    client: Client,
    id: String,
    workspace: Option<i64>,
    /// For so long a Studio that was started may still show its old state.
    settling: Duration,
}

impl Session {
    async fn describe(&self) -> Result<types::StudioInfo> {
        let call = self.client.describe_data_studio().session_id(&self.id);
        call.workspace_id(self.workspace).send().await
    }

    async fn send_start(&self, request: &types::DataStudioStartRequest) -> Result<()> {
        let call = self.client.start_data_studio().session_id(&self.id);
        let call = call.workspace_id(self.workspace).body(request.clone());
        call.send().await.map(drop)
    }

    async fn send_stop(&self) -> Result<()> {
        let call = self.client.stop_data_studio().session_id(&self.id);
        call.workspace_id(self.workspace).send().await.map(drop)
    }

    /// Looks until the Studio has reached a state, or one from which it won't. `before` is its
    /// state when it was started.
    async fn wait(
        &self,
        rhythm: &mut Rhythm,
        wanted: Status,
        mut before: Option<&Status>,
    ) -> Result<types::StudioInfo> {
        let begun = Instant::now();
        let mut trouble = Trouble::new(USUAL_PATIENCE);
        let mut last = None;
        let reached = poll_until!(rhythm, {
            last = None;
            let studio = match self.describe().await {
                Ok(studio) => studio,
                // The transport made its attempts; a wait outlasts them.
                Err(error) if trouble.outlasts(&error) => {
                    tracing::warn!(reason = %error, "waiting for a Studio goes on");
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            trouble.is_over();
            let now = status(&studio);
            before = before.filter(|before| Some(*before) == now);
            // Right after the start it may not have left its old state yet.
            let may_be_old = begun.elapsed() <= self.settling;
            last = now.map(ToString::to_string);
            match now {
                Some(status) if *status == wanted => return Ok(Some(studio)),
                Some(Status::Stopped) if may_be_old => {}
                Some(_) if before.is_some() && may_be_old => {}
                Some(status @ (Status::Stopped | Status::Errored | Status::BuildFailed)) => {
                    return Err(self.ended(&studio, status));
                }
                // States that are not known yet go on to others.
                _ => {}
            }
            Ok(None)
        });
        reached?.ok_or_else(|| {
            let last = last.unwrap_or_else(|| "unknown".to_owned());
            let text = format!(
                "the Studio {} is not {wanted} in time: it is {last}",
                self.id
            );
            Error::time_over(text).in_operation(JOB)
        })
    }

    fn ended(&self, studio: &types::StudioInfo, status: &Status) -> Error {
        let info = studio.status_info.as_ref();
        let reason = info
            .and_then(|info| info.stop_reason.as_ref())
            .map(ToString::to_string);
        let said = info.and_then(|info| info.message.clone());
        let why = [said, reason]
            .into_iter()
            .flatten()
            .filter(|text| !text.is_empty());
        let why: Vec<_> = why.collect();
        let mut text = format!("the Studio {} is {status}", self.id);
        if !why.is_empty() {
            text = format!("{text}: {}", why.join(", "));
        }
        Error::new(ErrorKind::NotReached, text).in_operation(JOB)
    }
}

fn status(studio: &types::StudioInfo) -> Option<&Status> {
    studio.status_info.as_ref()?.status.as_ref()
}

/// Makes a call, again as long as it is answered "not ready yet", if that is wanted.
async fn when_ready<T, F: Future<Output = Result<T>>>(
    rhythm: &mut Rhythm,
    wanted: bool,
    call: impl Fn() -> F,
) -> Result<T> {
    let mut refused = None;
    let made = poll_until!(rhythm, {
        match call().await {
            Err(error) if wanted && error.may_be_not_ready() => {
                refused = Some(error);
                Ok(None)
            }
            made => made.map(Some),
        }
    });
    match made? {
        Some(made) => Ok(made),
        None => {
            let refused = refused.unwrap_or_else(|| Error::new(ErrorKind::NotReached, ""));
            Err(refused.noting("and that did not change in time"))
        }
    }
}
