//! How one call is made: its attempts, the waits between them, and what comes of each.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::poll_immediate;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::header::{LOCATION, RANGE, RETRY_AFTER, USER_AGENT};
use reqwest::multipart::Form;
use reqwest::{Method, Request, RequestBuilder, Response, StatusCode, Url};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{Instrument, Span, field};

use super::Transport;
use super::clients::Use;
use super::hooks::{IncomingReply, OutgoingRequest, Seen};
use super::kept::OnRefusal;
use super::progress::{self, Progress};
use super::rate_limit::{Asking, Turn};
use super::retry::{self, Attempt, Decision, Happened};
use super::target::Target;
use crate::error::{body, chain, unreached};
use crate::transport::multipart::MultipartForm;
use crate::{Error, ErrorKind, Result};

const ACCEPT_VERSION: HeaderName = HeaderName::from_static("accept-version");

/// The part of an error's body that is read and kept.
const ERROR_BODY_BYTES: usize = 64 * 1024;

/// A server that dribbles an error does not hold the caller up.
const ERROR_BODY_TIME: Duration = Duration::from_secs(10);

/// As many as browsers and reqwest follow.
const REDIRECTS: usize = 10;

/// The Platform counts by the second and by the hour, so that a longer wait is a mistake.
const LONGEST_HOLD: Duration = Duration::from_secs(3_600);

/// One call, ready to be sent as often as it takes.
pub(super) struct Call {
    pub transport: Transport,
    pub target: Target,
    pub url: Url,
    /// Those that the caller set.
    pub headers: HeaderMap,
    pub body: Body,
    /// The media types of a success.
    pub accept: &'static str,
    /// For the text of an error.
    pub workspace: Option<String>,
    /// Whether the reply is to be held in memory whole, and the call is bounded therefore.
    pub is_held: bool,
}

impl Call {
    /// Whether the call changes nothing. A POST may: one that may be sent twice changes something
    /// once.
    fn only_reads(&self) -> bool {
        self.target.method().is_safe()
    }

    /// What a dry run tells of a call.
    fn unsent(&self) -> Error {
        let mut request = serde_json::json!({
            "method": self.target.method().as_str(),
            "url": self.url.as_str(),
        });
        if let Body::Bytes(_, content) = &self.body
            && let Ok(body) = serde_json::from_slice::<serde_json::Value>(content)
        {
            request["body"] = body;
        }
        let text = format!(
            "a dry run sends no {} {}",
            self.target.method(),
            self.url.path()
        );
        Error::new(ErrorKind::NotSent, text)
            .in_operation(self.target.name())
            .with_body(Bytes::from(request.to_string()))
    }
}

/// The body of a request.
#[derive(Clone, Debug, Default)]
pub(super) enum Body {
    #[default]
    Empty,
    /// Content of a media type.
    Bytes(HeaderValue, Bytes),
    Form(MultipartForm),
}

/// A success, and what was read of its body.
pub(super) struct Reply<T> {
    pub response: Response,
    pub body: T,
    pub attempts: u32,
}

/// What a call took so far. Its span is told in the end, also of a call that is dropped.
struct Effort<'a> {
    span: &'a Span,
    begun: Instant,
    /// For the rate limit.
    waited: Duration,
    /// Requests, redirected ones not counted.
    attempts: u32,
    /// How many of them were refused for the limit, and the call's place in the line since.
    refusals: u32,
    place: Option<u64>,
    /// When the first one started.
    first: Option<Instant>,
    status: Option<StatusCode>,
    /// Whether the server may have carried out an attempt that failed.
    may_be_done: bool,
}

impl Effort<'_> {
    /// Without the waits for the rate limit, which are nobody's fault.
    fn elapsed(&self) -> Duration {
        self.begun.elapsed().saturating_sub(self.waited)
    }

    /// When the call must be over, if it is one that is held in memory. A form may have a long file,
    /// for which only silence counts.
    fn bound(&self, call: &Call) -> Option<Instant> {
        if !call.is_held || matches!(call.body, Body::Form(_)) {
            return None;
        }
        let left = call
            .transport
            .shared
            .bounds
            .time
            .saturating_sub(self.elapsed());
        Instant::now().checked_add(left)
    }
}

impl Drop for Effort<'_> {
    fn drop(&mut self) {
        let span = self.span;
        if span.is_disabled() {
            return;
        }
        if let Some(status) = self.status {
            span.record("status", status.as_u16());
        }
        span.record("attempts", self.attempts);
        span.record("waited_ms", self.waited.as_millis() as u64);
        span.record("duration_ms", self.begun.elapsed().as_millis() as u64);
    }
}

/// Makes a call: its attempts, the waits between them, and the span around all.
///
/// To `read` a success is part of an attempt, so that a reply cut off is tried again.
pub(super) async fn execute<T: Default>(
    call: &Call,
    read: impl AsyncFn(&Call, &mut Response, Option<Instant>) -> Result<T, Failure>,
) -> Result<Reply<T>> {
    if call.transport.dry_run && !call.only_reads() {
        return Err(call.unsent());
    }
    let span = tracing::info_span!(
        "seqera",
        operation = %call.target.name(),
        method = %call.target.method(),
        path = %call.target.template(),
        status = field::Empty,
        attempts = field::Empty,
        waited_ms = field::Empty,
        duration_ms = field::Empty,
    );
    attempts(call, read, &span).instrument(span.clone()).await
}

async fn attempts<T: Default>(
    call: &Call,
    read: impl AsyncFn(&Call, &mut Response, Option<Instant>) -> Result<T, Failure>,
    span: &Span,
) -> Result<Reply<T>> {
    let mut effort = Effort {
        span,
        begun: Instant::now(),
        waited: Duration::ZERO,
        attempts: 0,
        refusals: 0,
        place: None,
        first: None,
        status: None,
        may_be_done: false,
    };
    loop {
        let failure = match attempt(call, &read, &mut effort).await {
            Ok((response, body)) => {
                return Ok(Reply {
                    response,
                    body,
                    attempts: effort.attempts,
                });
            }
            Err(failure) => failure,
        };
        effort.may_be_done |= failure.may_be_done();
        let failed = Attempt {
            // A call that is refused for the limit has not had its attempt.
            number: effort.attempts - effort.refusals,
            elapsed: match failure.concerns_all {
                true => effort.first.map_or(Duration::ZERO, |first| first.elapsed()),
                false => effort.elapsed(),
            },
            safe_to_repeat: call.target.is_safe_to_repeat(),
            body_spent: call.body.is_spent(),
            happened: call
                .transport
                .shared
                .hooks
                .classified(&failure.error, failure.happened),
            server_wait: failure.error.retry_after(),
        };
        if failure.concerns_all
            && let Some(wait) = failed.server_wait
        {
            call.hold_everyone(wait);
        }
        let decision = call.transport.retry.decide(&failed, fastrand::f64());
        match decision {
            Decision::Stop => {
                let mut error = failure.error;
                if failed.body_spent && failed.would_repeat() {
                    error = error.noting("its stream was used up: make a new one to send it again");
                }
                if error.may_be_for_what_is_named()
                    && let Some(told) = call.transport.kept().get::<OnRefusal>()
                {
                    (told.0)(call.transport.kept(), effort.begun);
                }
                return Err(call.explain(error, effort.attempts));
            }
            Decision::Again(wait) => {
                tracing::warn!(
                    attempt = effort.attempts,
                    wait_ms = wait.as_millis() as u64,
                    reason = %failure.error,
                    "trying again"
                );
                // The line is where others wait too.
                if !failure.concerns_all {
                    sleep(wait).await;
                }
            }
        }
    }
}

/// A failed attempt: what to tell the caller, and what to tell the retry decision.
pub(super) struct Failure {
    error: Error,
    happened: Happened,
    /// Whether the Platform wants fewer calls of this token.
    concerns_all: bool,
}

async fn attempt<T: Default>(
    call: &Call,
    read: &impl AsyncFn(&Call, &mut Response, Option<Instant>) -> Result<T, Failure>,
    effort: &mut Effort<'_>,
) -> Result<(Response, T), Failure> {
    let begun = Instant::now();
    let (mut reply, turn) = exchange(call, effort).await?;
    for hook in &call.transport.shared.hooks.after {
        hook(&IncomingReply {
            seen: call.seen(effort.attempts),
            status: reply.status(),
            headers: reply.headers(),
            elapsed: begun.elapsed(),
        });
    }
    effort.status = Some(reply.status());
    if effort.may_be_done && is_gone(call, &reply) {
        tracing::info!("an earlier attempt has deleted it");
        return Ok((no_content(), T::default()));
    }
    let body = if reply.status().is_success() {
        let bound = effort.bound(call);
        read(call, &mut reply, bound).await
    } else {
        // Boxed, as it is rare: a call is as large as the largest that it may have to do.
        Err(Box::pin(refusal(call, &mut reply)).await)
    };
    // Only now its connection is free.
    match (turn, &body) {
        (Some(turn), Err(failure)) if failure.concerns_all => {
            effort.refusals += 1;
            effort.place = Some(turn.refused());
        }
        (Some(turn), _) => turn.replied(),
        (None, _) => {}
    }
    Ok((reply, body?))
}

/// Whether a deletion found nothing.
fn is_gone(call: &Call, reply: &Response) -> bool {
    *call.target.method() == Method::DELETE
        && matches!(reply.status(), StatusCode::NOT_FOUND | StatusCode::GONE)
}

/// What the reply to a deletion would have been.
fn no_content() -> Response {
    let mut reply = hyper::Response::new("");
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply.into()
}

/// Sends the request, and those of the redirects that it meets.
async fn exchange<'a>(
    call: &'a Call,
    effort: &mut Effort<'_>,
) -> Result<(Response, Option<Turn<'a>>), Failure> {
    let transport = &call.transport;
    let mut form = call.form().await.map_err(Failure::permanent)?;
    let mut redirected: Option<Box<Url>> = None;
    for _ in 0..=REDIRECTS {
        let first = redirected.is_none();
        let url = redirected.as_deref().unwrap_or(&call.url);
        let home = first || transport.is_home(url);
        // Only calls to the endpoint count, and only they carry the token.
        let turn = if home {
            Some(turn(call, effort).await?)
        } else {
            None
        };
        let (exchange, progress) = {
            let mut request = Request::new(call.target.method().clone(), url.clone());
            *request.headers_mut() = call.headers(first, home, effort.attempts + 1);
            if first {
                request = call.with_body(request, form.take())?;
                effort.attempts += 1;
            }
            let progress = Progress::of(&mut request);
            let client = call.client(url).map_err(Failure::permanent)?;
            (client.execute(request), progress)
        };
        let bound = effort.bound(call);
        let Some(result) = progress::watch(call.idle(), bound, progress, exchange).await else {
            let url = redirected.as_deref().unwrap_or(&call.url);
            return Err(late(url, bound));
        };
        let reply = result.map_err(|error| Failure::from_reqwest(call, error))?;
        let Some(next) = redirect(call, &reply) else {
            return Ok((reply, turn));
        };
        if let Some(turn) = turn {
            turn.replied();
        }
        redirected = Some(Box::new(next));
    }
    let text = format!("more than {REDIRECTS} redirects");
    Err(Failure::permanent(Error::new(
        ErrorKind::InvalidResponse,
        text,
    )))
}

/// Waits until a request may start, unless everyone is to wait for longer than a call may take.
async fn turn<'a>(call: &'a Call, effort: &mut Effort<'_>) -> Result<Turn<'a>, Failure> {
    let limiter = &call.transport.shared.limiter;
    let asking = Asking {
        once: call.purpose() == Use::CallOnce,
        place: effort.place,
    };
    if let Some(turn) = limiter.start_now(asking) {
        effort.first.get_or_insert_with(Instant::now);
        return Ok(turn);
    }
    let asked = Instant::now();
    let spent = effort.first.map_or(Duration::ZERO, |first| first.elapsed());
    let patience = call.transport.retry.patience().saturating_sub(spent);
    let mut waiting = Box::pin(limiter.wait_in_line(asking));
    let turn = poll_fn(|context| match waiting.poll_unpin(context) {
        Poll::Ready(turn) => Poll::Ready(Ok(turn)),
        Poll::Pending => match limiter.held_until().map(|until| until - Instant::now()) {
            Some(wait) if wait > patience => Poll::Ready(Err(held(wait))),
            _ => Poll::Pending,
        },
    })
    .await;
    effort.first.get_or_insert_with(Instant::now);
    let wait = asked.elapsed();
    if wait >= Duration::from_millis(1) {
        effort.waited += wait;
        let wait_ms = wait.as_millis() as u64;
        tracing::debug!(wait_ms, "waited for the rate limit");
    }
    turn
}

/// What another call was told holds for this one.
fn held(wait: Duration) -> Failure {
    let text = "the server told an earlier call with this token to wait";
    let error = Error::new(ErrorKind::Status, text)
        .with_status(StatusCode::TOO_MANY_REQUESTS)
        .with_retry_after(Some(wait));
    Failure::permanent(error)
}

impl Call {
    fn seen(&self, attempt: u32) -> Seen<'_> {
        Seen {
            operation: self.target.name(),
            method: self.target.method(),
            path: self.target.template(),
            workspace: self.workspace.as_deref(),
            attempt,
        }
    }

    /// The form, begun anew for each attempt.
    async fn form(&self) -> Result<Option<Box<Form>>> {
        let Body::Form(form) = &self.body else {
            return Ok(None);
        };
        if form.is_spent() {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "the stream was already sent: make a new one",
            ));
        }
        Ok(Some(Box::new(Box::pin(form.begin()).await?)))
    }

    /// The headers of the first request or of a redirected one, which needs fewer of the caller's.
    /// These replace the crate's, but for what the transport is in charge of.
    fn headers(&self, first: bool, home: bool, attempt: u32) -> HeaderMap {
        let shared = &self.transport.shared;
        // With room for these, and for two that reqwest and hyper add.
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(ACCEPT, HeaderValue::from_static(self.accept));
        if first {
            if let Body::Bytes(media_type, _) = &self.body {
                headers.insert(CONTENT_TYPE, media_type.clone());
            }
            if home {
                headers.extend(shared.headers.clone());
            }
            headers.extend(self.headers.clone());
        } else {
            for name in [ACCEPT, RANGE] {
                if let Some(value) = self.headers.get(&name) {
                    headers.insert(name, value.clone());
                }
            }
        }
        if home && first {
            for hook in &shared.hooks.before {
                let seen = self.seen(attempt);
                let headers = &mut headers;
                hook(&mut OutgoingRequest { seen, headers });
            }
        }
        if home {
            headers.insert(AUTHORIZATION, shared.authorization.clone());
            headers.insert(ACCEPT_VERSION, shared.accept_version.clone());
        }
        headers.insert(USER_AGENT, shared.user_agent.clone());
        headers
    }

    fn with_body(&self, mut request: Request, form: Option<Box<Form>>) -> Result<Request, Failure> {
        if let Body::Bytes(_, content) = &self.body {
            *request.body_mut() = Some(content.clone().into());
        }
        let Some(form) = form else {
            return Ok(request);
        };
        let client = self.client(request.url()).cloned();
        let client = client.map_err(Failure::permanent)?;
        let builder = RequestBuilder::from_parts(client, request).multipart(*form);
        let built = builder.build();
        built.map_err(|error| Failure::permanent(Error::from_reqwest(error, None)))
    }

    /// What a call that may have been processed must not meet is a connection that died while it was
    /// idle.
    fn purpose(&self) -> Use {
        match self.target.is_safe_to_repeat() {
            true => Use::Call,
            false => Use::CallOnce,
        }
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client> {
        self.transport.shared.clients.get(url, self.purpose())
    }

    /// What is held in memory at most.
    pub(super) fn largest(&self) -> u64 {
        self.transport.shared.bounds.bytes
    }

    pub(super) fn idle(&self) -> Option<Duration> {
        self.transport.shared.idle
    }

    /// Lets no call of the token start for a while.
    fn hold_everyone(&self, wait: Duration) {
        let limiter = &self.transport.shared.limiter;
        limiter.hold_until(Instant::now() + wait.min(LONGEST_HOLD));
    }

    /// Completes an error with what the call knows.
    fn explain(&self, error: Error, attempts: u32) -> Error {
        error
            .in_operation(self.target.name())
            .in_workspace(self.workspace.as_deref())
            .with_attempts(attempts)
    }
}

impl Body {
    fn is_spent(&self) -> bool {
        matches!(self, Self::Form(form) if form.is_spent())
    }
}

/// Where a redirect leads, if it may be followed.
///
/// Only reads are: another call would arrive elsewhere, or as a GET, without anyone knowing. (This
/// is how a download reaches cloud storage.)
fn redirect(call: &Call, reply: &Response) -> Option<Url> {
    let is_read = matches!(*call.target.method(), Method::GET | Method::HEAD);
    if !is_read || !matches!(reply.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let from = reply.url();
    let to = from
        .join(reply.headers().get(LOCATION)?.to_str().ok()?)
        .ok()?;
    let allowed = to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http");
    allowed.then_some(to)
}

/// Leaves a success for the caller to read. A web page is none, unless the call names one.
pub(super) async fn opened(
    call: &Call,
    reply: &mut Response,
    _: Option<Instant>,
) -> Result<(), Failure> {
    let is_page = content_type(reply.headers()).is_some_and(|kind| kind.contains("text/html"));
    let is_asked_for =
        matches!(call.target, Target::Raw { .. }) || call.url.as_str().contains(".htm");
    if is_page && !is_asked_for {
        return Err(web_page(call, reply, Bytes::new()));
    }
    Ok(())
}

/// Reads a success to its end.
pub(super) async fn whole(
    call: &Call,
    reply: &mut Response,
    bound: Option<Instant>,
) -> Result<Bytes, Failure> {
    let bounds = call.transport.shared.bounds;
    let bound = bound.or_else(|| Instant::now().checked_add(bounds.time));
    let status = reply.status();
    let read = {
        let mut reading = pin!(progress::whole(reply, call.idle(), bounds.bytes));
        // Mostly all of it is there already, and no timer is needed.
        match (poll_immediate(&mut reading).await, bound) {
            (Some(read), _) => Some(read),
            (None, Some(bound)) => timeout_at(bound, reading).await.ok(),
            (None, None) => Some(reading.await),
        }
    };
    match read {
        Some(Ok(body)) if body::is_html(&body, content_type(reply.headers())) => {
            Err(web_page(call, reply, body))
        }
        Some(Ok(body)) => Ok(body),
        Some(Err(error)) => Err(Failure::of(error.with_status(status))),
        None => Err(late(&call.url, bound)),
    }
}

/// Nothing moved for too long, or the time for the whole of the call is over, after which it is not
/// tried again.
fn late(url: &Url, bound: Option<Instant>) -> Failure {
    if bound.is_none_or(|bound| Instant::now() < bound) {
        return Failure::of(progress::timed_out(url.host_str()));
    }
    let host = url.host_str().unwrap_or("the server");
    let text = format!("the whole of the call to {host} took too long (`call_timeout`)");
    Failure::permanent(Error::new(ErrorKind::Timeout, text))
}

/// A success that is no reply of the API.
fn web_page(call: &Call, reply: &Response, body: Bytes) -> Failure {
    let body = call.transport.redact(body);
    let said = body::read(&body, content_type(reply.headers())).message;
    let said = if said.is_empty() {
        said
    } else {
        format!(" (\"{said}\")")
    };
    let text = format!(
        "a web page{said} instead of the API: is the endpoint right, or is there a login page before it?"
    );
    let error = Error::new(ErrorKind::InvalidResponse, text)
        .with_status(reply.status())
        .with_body(body);
    Failure::permanent(error)
}

/// A reply that is no success, with as much of its body as arrives.
async fn refusal(call: &Call, reply: &mut Response) -> Failure {
    let status = reply.status();
    let home = call.transport.is_home(reply.url());
    let headers = std::mem::take(reply.headers_mut());
    let concerns_all = home && status == StatusCode::TOO_MANY_REQUESTS;
    if concerns_all && let Some(wait) = retry_after(&headers) {
        // At once: the body may take its time.
        call.hold_everyone(wait);
    }
    let mut body = BytesMut::new();
    let reading = async {
        while let Ok(Some(chunk)) = progress::next_chunk(reply, call.idle()).await {
            body.extend_from_slice(&chunk);
            if body.len() >= ERROR_BODY_BYTES {
                break;
            }
        }
    };
    // What arrived in time is all there is to say; cut off or late, the status counts.
    let _ = timeout(ERROR_BODY_TIME, reading).await;
    let mut body = call.transport.redact(body.freeze());
    body.truncate(ERROR_BODY_BYTES);

    let mut error = Error::from_reply(status, content_type(&headers), body);
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let wait = retry_after(&headers).or_else(|| retry::wait_in_message(error.message()));
        error = error.with_retry_after(wait);
    }
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
        && let Some(proxy) = call.transport.shared.clients.proxy(reply.url())
    {
        error = error.advising(proxy.wants_password());
    }
    if !home {
        // Cloud storage explains a refused signature by showing it.
        error = error.without_body();
    }
    let happened = match concerns_all {
        true => Happened::Refused,
        false => Happened::Status(status.as_u16()),
    };
    Failure {
        concerns_all,
        ..Failure::new(error, happened)
    }
}

impl Failure {
    fn new(error: Error, happened: Happened) -> Self {
        Self {
            error,
            happened,
            concerns_all: false,
        }
    }

    fn permanent(error: Error) -> Self {
        Self::new(error, Happened::Permanent)
    }

    fn may_be_done(&self) -> bool {
        matches!(
            self.happened,
            Happened::MaybeSent | Happened::Status(502..=504)
        )
    }

    fn from_reqwest(call: &Call, error: reqwest::Error) -> Self {
        let never_sent = chain(&error)
            .filter_map(|error| error.downcast_ref::<hyper::Error>())
            .any(hyper::Error::is_canceled);
        let is_permanent = unreached::is_permanent(&error);
        let mut failure = Self::of(call.transport.shared.clients.explain(error));
        if is_permanent {
            failure.happened = Happened::Permanent;
        } else if never_sent && failure.error.kind() == ErrorKind::Connection {
            failure.happened = Happened::NotSent;
        }
        failure
    }

    fn of(error: Error) -> Self {
        let happened = match error.kind() {
            ErrorKind::Connect => Happened::NotSent,
            ErrorKind::Timeout | ErrorKind::Connection => Happened::MaybeSent,
            _ => Happened::Permanent,
        };
        Self::new(error, happened)
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    retry::retry_after(
        headers.get(RETRY_AFTER)?.to_str().ok()?,
        SystemTime::now().into(),
    )
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}
