//! Studios: create, start and wait until they run, stop and wait until they rest.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::generated::{Client, types};
use crate::prelude::*;
use crate::scope::Scope;
use crate::{Argument, Error, ErrorKind, Result};

const JOB: &str = "Studio";
/// Studios start within seconds at best, and often take minutes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
const GROWTH: f64 = 1.5;

type Status = types::DataStudioStatus;

impl Client {
    /// A Studio by its session id.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// use std::time::Duration;
    /// let studio = client.studio("ddfd5e14").workspace_id(42).timeout(Duration::from_secs(900));
    /// let running = studio.start().await?;
    /// println!("{:?}", running.studio_url);
    /// studio.stop().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn studio(&self, session_id: impl Into<String>) -> Studio {
        Studio {
            client: self.clone(),
            session_id: session_id.into(),
            workspace: Scope::PERSONAL,
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
    ///     .compute_env_id("7hX2kQ9")
    ///     .data_studio_tool_url("public.cr.seqera.io/platform/data-studio-jupyter:4.2.5-0.9");
    /// let studio = client.new_studio(request).workspace_id(42).send().await?;
    /// studio.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new_studio(&self, request: impl Into<types::DataStudioCreateRequest>) -> NewStudio {
        NewStudio {
            studio: self.studio(String::new()),
            request: request.into(),
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
}

impl NewStudio {
    /// The workspace of the Studio; without it, the personal context.
    pub fn workspace_id(mut self, id: impl Argument<i64>) -> Self {
        self.studio = self.studio.workspace_id(id);
        self
    }

    /// Waits for a compute environment that is still being created: see
    /// [`Studio::retry_not_ready`].
    pub fn retry_not_ready(mut self, retry: bool) -> Self {
        self.studio = self.studio.retry_not_ready(retry);
        self
    }

    /// The longest time to wait: see [`Studio::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
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
    /// The call failed.
    pub async fn send(self) -> Result<Studio> {
        let workspace = self.studio.workspace.id(JOB)?;
        let create = || async {
            let call = self.studio.client.create_data_studio();
            let call = call.workspace_id(workspace).auto_start(false);
            let reply = call.body(self.request.clone()).send().await?;
            Ok(reply
                .into_inner()
                .studio
                .and_then(|studio| studio.session_id))
        };
        let mut pace = self.studio.pace();
        let session_id = self.studio.when_ready(&mut pace, create).await?;
        let session_id = session_id.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidResponse,
                "the reply has no `studio.sessionId`",
            )
            .in_operation("create_data_studio")
        })?;
        Ok(Studio {
            session_id,
            ..self.studio
        })
    }
}

/// A Studio. Made by [`Client::studio`] and [`Client::new_studio`].
#[derive(Clone, Debug)]
pub struct Studio {
    client: Client,
    session_id: String,
    workspace: Scope,
    timeout: Option<Duration>,
    retry_not_ready: bool,
    pauses: (Duration, Duration),
}

impl Studio {
    /// The session id.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The workspace of the Studio; without it, the personal context.
    pub fn workspace_id(mut self, id: impl Argument<i64>) -> Self {
        self.workspace = Scope::new(id);
        self
    }

    /// The longest time to wait for the state that is waited for. Default: no limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
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

    /// How the Studio stands.
    ///
    /// # Errors
    /// The call failed.
    pub async fn describe(&self) -> Result<types::DataStudioDto> {
        let call = self.client.describe_data_studio();
        let reply = call
            .session_id(&self.session_id)
            .workspace_id(self.workspace.id(JOB)?)
            .send()
            .await?;
        Ok(reply.into_inner())
    }

    /// Starts the Studio unless it runs already, and waits until it runs.
    ///
    /// # Errors
    /// The Studio ended in an error, or stopped meanwhile: the message says why. The timeout
    /// passed; the Studio goes on starting. A call failed.
    pub async fn start(&self) -> Result<types::DataStudioDto> {
        self.start_with(types::DataStudioStartRequest::new()).await
    }

    /// As [`start`](Self::start), with another configuration than before.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(
        &self,
        request: types::DataStudioStartRequest,
    ) -> Result<types::DataStudioDto> {
        let mut pace = self.pace();
        let workspace = self.workspace.id(JOB)?;
        let now = self.describe().await?;
        match status(&now) {
            Some(Status::Running) => return Ok(now),
            Some(Status::Starting | Status::Building) => {}
            Some(Status::Stopping) => {
                self.wait(&mut pace, Status::Stopped).await?;
                self.send_start(&mut pace, workspace, &request).await?;
            }
            _ => self.send_start(&mut pace, workspace, &request).await?,
        }
        self.wait(&mut pace, Status::Running).await
    }

    /// Stops the Studio unless it rests already, and waits until it rests.
    ///
    /// # Errors
    /// The Studio ended in an error; the timeout passed; a call failed.
    pub async fn stop(&self) -> Result<types::DataStudioDto> {
        let mut pace = self.pace();
        let now = self.describe().await?;
        match status(&now) {
            Some(Status::Stopped | Status::Errored | Status::BuildFailed) => return Ok(now),
            Some(Status::Stopping) => {}
            _ => {
                let call = self.client.stop_data_studio();
                call.session_id(&self.session_id)
                    .workspace_id(self.workspace.id(JOB)?)
                    .send()
                    .await?;
            }
        }
        self.wait(&mut pace, Status::Stopped).await
    }

    /// Waits until the Studio runs, without starting it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn wait_running(&self) -> Result<types::DataStudioDto> {
        self.wait(&mut self.pace(), Status::Running).await
    }

    async fn send_start(
        &self,
        pace: &mut Pace,
        workspace: Option<i64>,
        request: &types::DataStudioStartRequest,
    ) -> Result<()> {
        let start = || async {
            let call = self.client.start_data_studio().workspace_id(workspace);
            let call = call.session_id(&self.session_id).body(request.clone());
            call.send().await.map(drop)
        };
        self.when_ready(pace, start).await
    }

    /// Makes a call, again as long as it is answered "not ready yet", if that is wanted.
    async fn when_ready<T, F: Future<Output = Result<T>>>(
        &self,
        pace: &mut Pace,
        call: impl Fn() -> F,
    ) -> Result<T> {
        loop {
            let error = match call().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let not_ready = error.status().is_some_and(|status| status.as_u16() == 400)
                && error.error_id().is_none();
            if !(self.retry_not_ready && not_ready) {
                return Err(error);
            }
            if !pace.pause().await {
                return Err(error.noting("and that did not change in time"));
            }
        }
    }

    /// Looks until the Studio has reached a state, or one from which it won't.
    async fn wait(&self, pace: &mut Pace, wanted: Status) -> Result<types::DataStudioDto> {
        let begun = Instant::now();
        loop {
            let mut last = None;
            match self.describe().await {
                Ok(studio) => match status(&studio) {
                    Some(status) if *status == wanted => return Ok(studio),
                    Some(status @ (Status::Errored | Status::BuildFailed)) => {
                        return Err(self.ended(&studio, status));
                    }
                    // Right after the start it may not have left its old state yet.
                    Some(status @ Status::Stopped) if begun.elapsed() > self.pauses.1 => {
                        return Err(self.ended(&studio, status));
                    }
                    // States that are not known yet go on to others.
                    now => last = now.map(ToString::to_string),
                },
                // The transport made its attempts; a wait outlasts them.
                Err(error) if error.is_retryable() => {
                    tracing::warn!(reason = %error, "waiting for a Studio goes on");
                }
                Err(error) => return Err(error),
            }
            if !pace.pause().await {
                let last = last.unwrap_or_else(|| "unknown".to_owned());
                let text = format!(
                    "the Studio {} is not {wanted} in time: it is {last}",
                    self.session_id
                );
                return Err(Error::new(ErrorKind::Timeout, text).in_operation(JOB));
            }
        }
    }

    fn ended(&self, studio: &types::DataStudioDto, status: &Status) -> Error {
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
        let mut text = format!("the Studio {} is {status}", self.session_id);
        if !why.is_empty() {
            text = format!("{text}: {}", why.join(", "));
        }
        Error::new(ErrorKind::InvalidResponse, text).in_operation(JOB)
    }

    fn pace(&self) -> Pace {
        Pace {
            pause: self.pauses.0,
            longest: self.pauses.1,
            deadline: self.timeout.map(|timeout| Instant::now() + timeout),
        }
    }
}

fn status(studio: &types::DataStudioDto) -> Option<&Status> {
    studio.status_info.as_ref()?.status.as_ref()
}

/// The pauses between looks: short at first, longer later.
struct Pace {
    pause: Duration,
    longest: Duration,
    deadline: Option<Instant>,
}

impl Pace {
    /// Waits for the next look; `false` if there is no time left for one.
    async fn pause(&mut self) -> bool {
        let mut pause = self.pause;
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // A last look at the end of the time.
            pause = pause.min(left);
        }
        sleep(pause).await;
        self.pause = self.pause.mul_f64(GROWTH).min(self.longest);
        true
    }
}
