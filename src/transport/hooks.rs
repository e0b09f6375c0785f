//! Where the generated client meets the runtime: how one call is made.

use std::borrow::Cow;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use progenitor_client::{ClientHooks, ClientInfo, OperationInfo};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::header::{LOCATION, RANGE, RETRY_AFTER, USER_AGENT};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use tokio::time::{Instant, sleep, timeout};
use tracing::{Instrument, Span, field};

use super::progress::{self, Progress};
use super::rate_limit::Turn;
use super::retry::{self, Attempt, Decision, Happened, RetryPolicy};
use super::{Transport, error_body};
use crate::error::chain;
use crate::generated::Client;
use crate::multipart::MultipartForm;
use crate::{Error, ErrorKind, Result};

const ACCEPT_VERSION: HeaderName = HeaderName::from_static("accept-version");

/// The part of an error's body that is read and kept.
const ERROR_BODY_BYTES: usize = 64 * 1024;

/// A server that dribbles an error does not hold the caller up.
const ERROR_BODY_TIME: Duration = Duration::from_secs(10);

/// As many as browsers and reqwest follow.
const REDIRECTS: usize = 10;

impl ClientHooks<Transport> for Client {
    /// Authorises a request, whose turn has come (see [`turn`]).
    async fn pre<E>(
        &self,
        request: &mut reqwest::Request,
        _: &OperationInfo,
    ) -> Result<(), progenitor_client::Error<E>> {
        let transport = self.inner();
        // The token goes to the endpoint's host only.
        if transport.is_home(request.url()) {
            let shared = &transport.shared;
            let headers = request.headers_mut();
            headers.insert(AUTHORIZATION, shared.authorization.clone());
            headers.insert(ACCEPT_VERSION, shared.accept_version.clone());
        }
        request
            .headers_mut()
            .insert(USER_AGENT, transport.shared.user_agent.clone());
        Ok(())
    }

    /// Passes a 429's `Retry-After` on to everyone who uses the token.
    async fn post<E>(
        &self,
        result: &reqwest::Result<Response>,
        _: &OperationInfo,
    ) -> Result<(), progenitor_client::Error<E>> {
        if let Ok(reply) = result
            && reply.status() == StatusCode::TOO_MANY_REQUESTS
            && self.inner().is_home(reply.url())
            && let Some(wait) = retry_after(reply.headers())
        {
            self.inner()
                .shared
                .limiter
                .hold_until(Instant::now() + wait);
        }
        Ok(())
    }
}

/// One call, ready to be sent as often as it takes.
pub(super) struct Call {
    pub client: Client,
    pub id: &'static str,
    pub operation: Cow<'static, str>,
    pub method: Method,
    /// The path with the names of its parameters, for the span.
    pub template: Cow<'static, str>,
    pub url: Url,
    /// Those that the caller set.
    pub headers: HeaderMap,
    pub body: Body,
    pub safe_to_repeat: bool,
    pub retry: RetryPolicy,
    pub want: Want,
    /// For the text of an error.
    pub workspace: Option<String>,
}

/// The body of a request.
#[derive(Clone, Debug, Default)]
pub(super) enum Body {
    #[default]
    Empty,
    Json(Bytes),
    Form(MultipartForm),
}

/// What a call expects of a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Json,
    Nothing,
    Bytes,
}

/// A success.
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub content: Content,
    pub attempts: u32,
}

pub(super) enum Content {
    /// All of it, for [`Want::Json`] and [`Want::Nothing`].
    Whole(Bytes),
    /// Not yet read, for [`Want::Bytes`].
    Open(Response),
}

/// Makes a call: its attempts, the waits between them, and the span around all.
pub(super) async fn execute(call: &Call) -> Result<Reply> {
    let span = tracing::info_span!(
        "seqera",
        operation = %call.operation,
        method = %call.method,
        path = %call.template,
        status = field::Empty,
        attempts = field::Empty,
        waited_ms = field::Empty,
        duration_ms = field::Empty,
    );
    attempts(call).instrument(span).await
}

async fn attempts(call: &Call) -> Result<Reply> {
    let span = Span::current();
    let begun = Instant::now();
    let mut waited = Duration::ZERO;
    let mut number = 0;
    loop {
        number += 1;
        let outcome = attempt(call, &mut waited).await;
        let status = match &outcome {
            Ok((status, ..)) => Some(*status),
            Err(failure) => failure.error.status(),
        };
        if let Some(status) = status {
            span.record("status", status.as_u16());
        }
        span.record("attempts", number);
        span.record("waited_ms", waited.as_millis() as u64);
        span.record("duration_ms", begun.elapsed().as_millis() as u64);

        let failure = match outcome {
            Ok((status, headers, content)) => {
                return Ok(Reply {
                    status,
                    headers,
                    content,
                    attempts: number,
                });
            }
            Err(failure) => failure,
        };
        let failed = Attempt {
            number,
            elapsed: begun.elapsed(),
            safe_to_repeat: call.safe_to_repeat,
            body_spent: call.body.is_spent(),
            happened: failure.happened,
            server_wait: failure.error.retry_after(),
        };
        let decision = call.retry.decide(&failed, fastrand::f64());
        let limiter = &call.client.inner().shared.limiter;
        if failure.happened == Happened::Status(429) {
            let wait = match decision {
                Decision::Again(wait) => wait,
                Decision::Stop => failed.server_wait.unwrap_or(Duration::from_secs(1)),
            };
            limiter.hold_until(Instant::now() + wait);
        }
        match decision {
            Decision::Stop => {
                let requests = if failure.sent { number } else { number - 1 };
                return Err(call.explain(failure.error, requests));
            }
            Decision::Again(wait) => {
                tracing::warn!(
                    attempt = number,
                    wait_ms = wait.as_millis() as u64,
                    reason = %failure.error,
                    "trying again"
                );
                sleep(wait).await;
            }
        }
    }
}

/// A failed attempt: what to tell the caller, and what to tell the retry decision.
struct Failure {
    error: Error,
    happened: Happened,
    /// Whether there was a request to send at all.
    sent: bool,
}

/// One attempt.
async fn attempt(
    call: &Call,
    waited: &mut Duration,
) -> Result<(StatusCode, HeaderMap, Content), Failure> {
    let reply = exchange(call, waited).await?;
    read(call, reply).await
}

/// Sends the request, and the redirects that it meets.
async fn exchange(call: &Call, waited: &mut Duration) -> Result<Response, Failure> {
    let mut request = call.request().await.map_err(Failure::unsent)?;
    let info = OperationInfo {
        operation_id: call.id,
    };
    let mut url = Cow::Borrowed(&call.url);
    for _ in 0..=REDIRECTS {
        let turn = turn(call, &url, waited).await;
        call.client
            .pre::<()>(&mut request, &info)
            .await
            .map_err(|e| Failure::permanent(e.into()))?;
        let progress = Progress::new();
        if let Some(body) = request.body_mut().take() {
            *request.body_mut() = Some(progress.of(body));
        }
        let exchange = pin!(call.client.exec(request, &info));
        let result = progress.watch(call.idle(), exchange).await;
        match turn {
            Some(turn) if matches!(result, Some(Ok(_))) => turn.replied(),
            turn => drop(turn),
        }
        let Some(result) = result else {
            let error = progress::timed_out(url.host_str());
            return Err(Failure::of(error));
        };
        call.client
            .post::<()>(&result, &info)
            .await
            .map_err(|e| Failure::permanent(e.into()))?;
        let reply = result.map_err(Failure::from_reqwest)?;
        match redirect(call, &url, &reply) {
            Some(next) => {
                url = Cow::Owned(next.url().clone());
                request = next;
            }
            None => return Ok(reply),
        }
    }
    let text = format!("more than {REDIRECTS} redirects");
    Err(Failure::permanent(Error::new(
        ErrorKind::InvalidResponse,
        text,
    )))
}

/// Waits until a request may start. Only calls to the endpoint count.
async fn turn<'a>(call: &'a Call, url: &Url, waited: &mut Duration) -> Option<Turn<'a>> {
    let transport = call.client.inner();
    if !transport.is_home(url) {
        return None;
    }
    let asked = Instant::now();
    let turn = transport.shared.limiter.wait().await;
    let wait = asked.elapsed();
    if wait >= Duration::from_millis(1) {
        *waited += wait;
        let wait_ms = wait.as_millis() as u64;
        tracing::debug!(wait_ms, "waited for the rate limit");
    }
    Some(turn)
}

impl Call {
    /// The request of one attempt.
    async fn request(&self) -> Result<reqwest::Request> {
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers();
        match &self.body {
            Body::Empty => {}
            Body::Json(json) => *request.body_mut() = Some(json.clone().into()),
            Body::Form(form) if form.is_spent() => {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    "the stream was already sent: make a new one",
                ));
            }
            Body::Form(form) => {
                let http = self.client.client().clone();
                let builder = RequestBuilder::from_parts(http, request);
                let builder = builder.multipart(Box::pin(form.begin()).await?);
                request = builder.build().map_err(Error::from_reqwest)?;
            }
        }
        Ok(request)
    }

    /// The headers of the body and the reply, and the caller's, which replace them.
    fn headers(&self) -> HeaderMap {
        // With room for those that `pre` adds.
        let mut headers = HeaderMap::with_capacity(8);
        let accept = match self.want {
            Want::Bytes => "*/*",
            Want::Json | Want::Nothing => "application/json",
        };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Body::Json(_) = &self.body {
            let json = HeaderValue::from_static("application/json");
            headers.insert(CONTENT_TYPE, json);
        }
        headers.extend(self.headers.clone());
        headers
    }

    pub(super) fn idle(&self) -> Option<Duration> {
        self.client.inner().shared.idle
    }

    /// Completes an error with what the call knows.
    fn explain(&self, error: Error, attempts: u32) -> Error {
        error
            .in_operation(self.operation.clone())
            .in_workspace(self.workspace.as_deref())
            .with_attempts(attempts)
            .redact(&self.client.inner().shared.token)
    }
}

impl Body {
    fn is_spent(&self) -> bool {
        matches!(self, Self::Form(form) if form.is_spent())
    }
}

/// The request that follows a redirect, if it may be followed.
///
/// Only reads are: another call would arrive elsewhere, or as a GET, without anyone knowing. (This
/// is how a download reaches cloud storage.)
fn redirect(call: &Call, from: &Url, reply: &Response) -> Option<reqwest::Request> {
    if !matches!(reply.status().as_u16(), 301 | 302 | 303 | 307 | 308) || !is_read(&call.method) {
        return None;
    }
    let to = from
        .join(reply.headers().get(LOCATION)?.to_str().ok()?)
        .ok()?;
    let allowed = to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http");
    if !allowed {
        return None;
    }
    let mut request = reqwest::Request::new(call.method.clone(), to);
    let headers = call.headers();
    for name in [ACCEPT, RANGE] {
        if let Some(value) = headers.get(&name) {
            request.headers_mut().insert(name, value.clone());
        }
    }
    Some(request)
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Reads what a call expects, inside the attempt, so that a reply cut off is tried again.
async fn read(
    call: &Call,
    mut reply: Response,
) -> Result<(StatusCode, HeaderMap, Content), Failure> {
    let status = reply.status();
    if !status.is_success() {
        // Boxed, as all that is rare: a call is as large as the largest that it may have to do.
        return Err(Box::pin(refusal(call, reply)).await);
    }
    let headers = std::mem::take(reply.headers_mut());
    if call.want == Want::Bytes {
        return Ok((status, headers, Content::Open(reply)));
    }
    let body = progress::whole(&mut reply, call.idle())
        .await
        .map_err(|error| Failure::of(error.with_status(status)))?;
    if error_body::is_html(&body, content_type(&headers)) {
        let said = error_body::read(&body, content_type(&headers)).message;
        let said = if said.is_empty() {
            said
        } else {
            format!(" (\"{said}\")")
        };
        let text = format!(
            "a web page{said} instead of the API: is the endpoint right, or is there a login page before it?"
        );
        let error = Error::new(ErrorKind::InvalidResponse, text)
            .with_status(status)
            .with_body(body);
        return Err(Failure::permanent(error));
    }
    Ok((status, headers, Content::Whole(body)))
}

/// A reply that is no success, with as much of its body as arrives.
async fn refusal(call: &Call, mut reply: Response) -> Failure {
    let status = reply.status();
    let home = call.client.inner().is_home(reply.url());
    let headers = std::mem::take(reply.headers_mut());
    let mut body = BytesMut::new();
    let reading = async {
        while let Ok(Some(chunk)) = progress::next_chunk(&mut reply, call.idle()).await {
            body.extend_from_slice(&chunk);
            if body.len() >= ERROR_BODY_BYTES {
                break;
            }
        }
    };
    // What arrived in time is all there is to say; cut off or late, the status counts.
    let _ = timeout(ERROR_BODY_TIME, reading).await;
    body.truncate(ERROR_BODY_BYTES);

    let mut error = Error::from_reply(status, content_type(&headers), body.freeze());
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let wait = retry_after(&headers).or_else(|| retry::wait_in_message(error.message()));
        error = error.with_retry_after(wait);
    }
    if !home {
        // Cloud storage explains a refused signature by showing it.
        error = error.without_body();
    }
    Failure {
        error,
        happened: Happened::Status(status.as_u16()),
        sent: true,
    }
}

impl Failure {
    fn permanent(error: Error) -> Self {
        Self {
            error,
            happened: Happened::Permanent,
            sent: true,
        }
    }

    fn unsent(error: Error) -> Self {
        Self {
            error,
            happened: Happened::Permanent,
            sent: false,
        }
    }

    fn from_reqwest(error: reqwest::Error) -> Self {
        let never_sent = chain(&error)
            .filter_map(|error| error.downcast_ref::<hyper::Error>())
            .any(hyper::Error::is_canceled);
        let mut failure = Self::of(Error::from_reqwest(error));
        if never_sent && failure.error.kind() == ErrorKind::Connection {
            failure.happened = Happened::NotSent;
        }
        failure
    }

    fn of(error: Error) -> Self {
        let happened = match error.kind() {
            ErrorKind::Connect if error.message().contains("certificate") => Happened::Permanent,
            ErrorKind::Connect => Happened::NotSent,
            ErrorKind::Timeout | ErrorKind::Connection => Happened::MaybeSent,
            _ => Happened::Permanent,
        };
        Self {
            error,
            happened,
            sent: true,
        }
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
