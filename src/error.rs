//! The one error type of the crate.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;

pub(crate) mod body;
pub(crate) mod unreached;

use unreached::Proxy;

/// `Result` with the error of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
///
/// Displays as one line that says what was tried, what the server said and what to do. The cause
/// below it, if any, is the `source()`. Neither holds the access token, nor the signature of a
/// presigned URL.
///
/// ```
/// # fn show(error: seqera::Error) {
/// if error.is_not_found() {
///     // Nothing of that id in that workspace.
/// } else if let Some(id) = error.error_id() {
///     eprintln!("{error}; tell support: {id}");
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    operation: Option<Cow<'static, str>>,
    /// Where in a longer job, such as `offset 300`.
    place: Option<String>,
    workspace: Option<String>,
    status: Option<StatusCode>,
    error_id: Option<String>,
    attempts: u32,
    retry_after: Option<Duration>,
    /// The time given to a wait is over.
    is_time_over: bool,
    body: Option<Bytes>,
    /// What to do, where more is known than the kind and the status tell.
    advice: Option<Cow<'static, str>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting of the client is missing or wrong. Nothing was sent.
    Configuration,
    /// The call is incomplete or can't be written as a request. Nothing was sent.
    InvalidRequest,
    /// The call may change something, and the client makes a dry run
    /// ([`Client::dry_run`](crate::Client::dry_run)). Nothing was sent; [`Error::body`] is the
    /// request.
    NotSent,
    /// No connection to the server could be made. The server has not seen the request.
    Connect,
    /// The server took too long. It may have acted on the request.
    Timeout,
    /// The connection broke later on. The server may have acted on the request.
    Connection,
    /// The server answered with a status that is no success: see [`Error::status`].
    Status,
    /// The server answered with success, but the reply is not what was expected of it.
    InvalidResponse,
    /// A local file or stream could not be read or written.
    Io,
    /// A look-up found nothing of that name. The error lists near matches.
    NotFound,
    /// A look-up found more than one resource of that name. The error lists their ids.
    Ambiguous,
    /// What was waited for did not come about: the time given for it is over, or it can't any
    /// more. Nothing is undone by that: a run goes on.
    NotReached,
}

impl Error {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The status of the server's reply, where there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// What the server said, or what is wrong, in one line; empty where the server said nothing.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The id under which the server logged an internal fault: give it to Seqera's support.
    pub fn error_id(&self) -> Option<&str> {
        self.0.error_id.as_deref()
    }

    /// The operation that failed, by the name of its method, such as `describe_pipeline`.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// How many requests were made; 0 if the call failed before the first.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the server asked to wait before the next call.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The body of the reply: the first 64 KiB of an error's, all of one that could not be read.
    pub fn body(&self) -> Option<&[u8]> {
        self.0.body.as_deref()
    }

    /// 404, or a look-up by name without a match: nothing of that id or name. Check it, and that it
    /// is of that workspace.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound || self.has_status(StatusCode::NOT_FOUND)
    }

    /// 403: the token may lack the permission, or be invalid; or the resource is deleted or
    /// unknown. The server does not say which: see also [`is_gone_or_forbidden`].
    ///
    /// [`is_gone_or_forbidden`]: Self::is_gone_or_forbidden
    pub fn is_forbidden(&self) -> bool {
        self.has_status(StatusCode::FORBIDDEN)
    }

    /// 401: the server does not accept the access token. Make a new one, or check that the
    /// endpoint is the server it was made on.
    pub fn is_unauthorized(&self) -> bool {
        self.has_status(StatusCode::UNAUTHORIZED)
    }

    /// 409: what was to be created exists, or what was to be deleted is in use. Read it and
    /// decide; [`details`](Self::details) may list the conflicts.
    pub fn is_conflict(&self) -> bool {
        self.has_status(StatusCode::CONFLICT)
    }

    /// 429 that outlasted the retries: more calls than the server takes for this token, perhaps
    /// by other programs; or another call was told to wait for longer than this one may take. Wait
    /// for [`retry_after`](Self::retry_after), or lower the
    /// [`RateLimit`](crate::RateLimit).
    pub fn is_rate_limited(&self) -> bool {
        self.has_status(StatusCode::TOO_MANY_REQUESTS)
    }

    /// The server did not answer in time, or a proxy said so (504). Unless the call only reads,
    /// look whether it was carried out before making it again.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout || self.has_status(StatusCode::GATEWAY_TIMEOUT)
    }

    /// No connection was made: check the endpoint, the network, proxies and certificates. The
    /// server has not seen the call, so that making it again is safe.
    pub fn is_connect(&self) -> bool {
        self.kind() == ErrorKind::Connect
    }

    /// The same call may succeed later. Unless [`is_connect`](Self::is_connect) or
    /// [`is_rate_limited`](Self::is_rate_limited), the server may already have carried it out:
    /// a call that creates something should look first.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Connection
        ) || self
            .status()
            .is_some_and(|status| matches!(status.as_u16(), 429 | 502..=504))
    }

    /// The time given to a wait is over, and what was waited for may still come about: a run goes
    /// on. (The other errors of kind [`NotReached`](ErrorKind::NotReached) say that it can't.)
    pub fn is_time_over(&self) -> bool {
        self.0.is_time_over
    }

    /// 403, 404 or 410: for this token the resource does not exist. After a delete this is
    /// success; anywhere else, check id, workspace and permissions.
    pub fn is_gone_or_forbidden(&self) -> bool {
        self.is_forbidden() || self.is_not_found() || self.has_status(StatusCode::GONE)
    }

    /// Whether another look may well succeed: faults of the network, of the server, or of a proxy
    /// that answers in its place. A look does no harm, so that more is ridden out than for other
    /// calls.
    pub(crate) fn may_pass(&self) -> bool {
        self.is_retryable()
            || self.error_id().is_some()
            || self.kind() == ErrorKind::InvalidResponse
            || (self.status()).is_some_and(|status| status.is_server_error() || status == 408)
    }

    /// Whether something that the call names may not be there, or not for this token.
    pub(crate) fn may_be_for_what_is_named(&self) -> bool {
        self.is_gone_or_forbidden()
            || self.has_status(StatusCode::BAD_REQUEST)
            || self.has_status(StatusCode::UNPROCESSABLE_ENTITY)
    }

    /// Whether the server did not do what it was asked to, maybe for the sake of what the call names.
    #[cfg(feature = "runs")]
    pub(crate) fn refuses_what_is_named(&self) -> bool {
        self.may_be_for_what_is_named() && self.error_id().is_none()
    }

    /// 400 to a launch or the like: "not ready yet", or wrong. A fault inside the server is
    /// neither: what was asked for may have been done.
    #[cfg(any(feature = "runs", feature = "transfers"))]
    pub(crate) fn may_be_not_ready(&self) -> bool {
        self.has_status(StatusCode::BAD_REQUEST) && self.error_id().is_none()
    }

    fn has_status(&self, status: StatusCode) -> bool {
        self.kind() == ErrorKind::Status && self.status() == Some(status)
    }
}

/// How the crate makes errors.
impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl AsRef<str>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: body::one_line(message.as_ref()),
            operation: None,
            place: None,
            workspace: None,
            status: None,
            error_id: None,
            attempts: 0,
            retry_after: None,
            is_time_over: false,
            body: None,
            advice: None,
            source: None,
        }))
    }

    /// The end of a wait whose time is over.
    pub(crate) fn time_over(message: impl AsRef<str>) -> Self {
        let mut error = Self::new(ErrorKind::NotReached, message);
        error.0.is_time_over = true;
        error
    }

    pub(crate) fn configuration(message: impl AsRef<str>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    pub(crate) fn invalid_request(
        operation: impl Into<Cow<'static, str>>,
        message: impl AsRef<str>,
    ) -> Self {
        Self::new(ErrorKind::InvalidRequest, message).in_operation(operation)
    }

    pub(crate) fn io(message: impl AsRef<str>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, message).caused_by(source)
    }

    /// A reply that is no success.
    pub(crate) fn from_reply(status: StatusCode, content_type: Option<&str>, body: Bytes) -> Self {
        let said = body::read(&body, content_type);
        let mut error = Self::new(ErrorKind::Status, said.message).with_status(status);
        error.0.error_id = said.error_id;
        error.with_body(body)
    }

    /// A failure of the connection, without the URL, whose query may be a signature. The proxy is
    /// that on the way to the URL.
    pub(crate) fn from_reqwest(error: reqwest::Error, proxy: Option<&Proxy>) -> Self {
        let host = error
            .url()
            .and_then(|url| url.host_str())
            .unwrap_or("the server")
            .to_owned();
        let is_plain = error.url().is_some_and(|url| url.scheme() == "http");
        let mut advice = None;
        let (kind, message) = if let Some(Unsendable { text, .. }) = own_body(&error) {
            (ErrorKind::Io, text.clone())
        } else if error.is_connect() {
            let (text, what_to_do) = unreached::explain(&error, &host, proxy);
            advice = Some(what_to_do);
            (ErrorKind::Connect, text)
        } else if error.is_timeout() {
            (ErrorKind::Timeout, format!("{host} did not answer in time"))
        } else if error.is_builder() {
            (
                ErrorKind::InvalidRequest,
                "the request could not be written".to_owned(),
            )
        } else if error.is_redirect() {
            // Its source may hold the target, signature and all.
            return Self::new(
                ErrorKind::InvalidResponse,
                format!("{host} redirects wrongly"),
            );
        } else if hyper_error(&error).is_some_and(hyper::Error::is_parse) {
            advice = is_plain.then_some(Cow::Borrowed("is the endpoint `https://`?"));
            (
                ErrorKind::Connection,
                format!("the reply of {host} is no HTTP"),
            )
        } else if hyper_error(&error).is_none() && (error.is_decode() || error.is_body()) {
            (
                ErrorKind::InvalidResponse,
                format!("the reply of {host} could not be decoded"),
            )
        } else {
            (
                ErrorKind::Connection,
                format!("the connection to {host} broke"),
            )
        };
        let mut made = Self::new(kind, message).caused_by(error.without_url());
        made.0.advice = advice;
        made
    }

    /// Says what to do, in place of what the kind and the status suggest.
    pub(crate) fn advising(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// Adds what else the caller must know to the message.
    #[cfg_attr(not(feature = "names"), allow(dead_code))]
    pub(crate) fn noting(mut self, note: impl AsRef<str>) -> Self {
        let message = &mut self.0.message;
        if !message.is_empty() {
            message.push_str("; ");
        }
        message.push_str(&body::one_line(note.as_ref()));
        self
    }

    pub(crate) fn in_operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation = Some(operation.into());
        self
    }

    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.0.place = Some(body::one_line(&place.into()));
        self
    }

    pub(crate) fn in_workspace(mut self, workspace: Option<&str>) -> Self {
        self.0.workspace = workspace.map(str::to_owned);
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        self.0.body = (!body.is_empty()).then_some(body);
        self
    }

    pub(crate) fn without_body(mut self) -> Self {
        self.0.body = None;
        self
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error for another caller, without what caused it.
    pub(crate) fn repeat(&self) -> Self {
        let inner = &*self.0;
        Self(Box::new(Inner {
            kind: inner.kind,
            message: inner.message.clone(),
            operation: inner.operation.clone(),
            place: inner.place.clone(),
            workspace: inner.workspace.clone(),
            status: inner.status,
            error_id: inner.error_id.clone(),
            attempts: inner.attempts,
            retry_after: inner.retry_after,
            is_time_over: inner.is_time_over,
            body: inner.body.clone(),
            advice: inner.advice.clone(),
            source: None,
        }))
    }

    /// What to do, where the message of the server may not say it.
    fn hint(&self) -> Option<Cow<'static, str>> {
        let inner = &*self.0;
        if let Some(advice) = &inner.advice {
            return Some(advice.clone());
        }
        let hint = match inner.kind {
            ErrorKind::Connect => "check the endpoint, the network and proxies",
            ErrorKind::Timeout | ErrorKind::Connection => "the server may have acted on the call",
            ErrorKind::Status => match inner.status?.as_u16() {
                _ if inner.error_id.is_some() => {
                    "a fault inside the server: give the Error ID to Seqera's support"
                }
                300..=399 => "is the endpoint the address of the API itself?",
                // No guess beside the server's own word.
                401 | 403 | 404 if !body::is_generic(&inner.message) => return None,
                401 => "the access token is invalid or expired, or of another server",
                403 => {
                    let place = inner
                        .workspace
                        .as_ref()
                        .map(|id| format!(" in workspace {id}"));
                    let place = place.unwrap_or_default();
                    return Some(Cow::Owned(format!(
                        "no permission{place}, or it does not exist, or the token is invalid"
                    )));
                }
                404 => match &inner.workspace {
                    Some(id) => {
                        return Some(Cow::Owned(format!("nothing of that id in workspace {id}")));
                    }
                    None => "check the id, and give the workspace if it belongs to one",
                },
                429 => match inner.retry_after {
                    Some(wait) => {
                        return Some(Cow::Owned(format!(
                            "too many calls with this token: wait {} s",
                            wait.as_secs()
                        )));
                    }
                    None => "too many calls with this token: wait, or lower the rate limit",
                },
                500..=599 => "a fault of the server, or of a proxy before it: try again later",
                _ => return None,
            },
            _ => return None,
        };
        Some(Cow::Borrowed(hint))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(operation) = &inner.operation {
            f.write_str(operation)?;
            if let Some(place) = &inner.place {
                write!(f, " at {place}")?;
            }
            f.write_str(": ")?;
        }
        match inner.status {
            Some(status) if inner.message.is_empty() => write!(f, "{}", StatusLine(status))?,
            Some(status) => write!(f, "{}: {}", StatusLine(status), inner.message)?,
            None => f.write_str(&inner.message)?,
        }
        let attempts = (inner.attempts > 1).then(|| format!("after {} attempts", inner.attempts));
        match (self.hint(), attempts) {
            (Some(hint), Some(attempts)) => write!(f, " ({hint}; {attempts})"),
            (Some(hint), None) => write!(f, " ({hint})"),
            (None, Some(attempts)) => write!(f, " ({attempts})"),
            (None, None) => Ok(()),
        }
    }
}

/// `403 Forbidden`, and a number alone where it has no name.
struct StatusLine(StatusCode);

impl fmt::Display for StatusLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.canonical_reason() {
            Some(reason) => write!(f, "{} {reason}", self.0.as_u16()),
            None => write!(f, "{}", self.0.as_u16()),
        }
    }
}

impl fmt::Debug for Error {
    /// What `main` prints when it returns an error: the line, and what lies below it. `{:#?}` shows
    /// the parts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            write!(f, "{self}")?;
            let mut cause = StdError::source(self);
            while let Some(error) = cause {
                write!(f, "\n  caused by: {error}")?;
                cause = error.source();
            }
            return Ok(());
        }
        let mut debug = f.debug_struct("Error");
        debug
            .field("kind", &self.kind())
            .field("text", &self.to_string());
        if let Some(body) = self.body() {
            debug.field("body_bytes", &body.len());
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The errors below an error, itself first.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // An error of the system's passes over the one that it holds.
        let held = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        held.map(|held| held as _).or_else(|| error.source())
    })
}

fn hyper_error(error: &reqwest::Error) -> Option<&hyper::Error> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// What the caller gave to be sent could not be read.
fn own_body(error: &reqwest::Error) -> Option<&Unsendable> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// A body of the caller's that can't be sent: it can't be read, or has another length than stated.
#[derive(Debug)]
pub(crate) struct Unsendable {
    pub text: String,
    pub source: Option<std::io::Error>,
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Unsendable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &'static str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        Error::from_reply(
            status,
            Some("application/json"),
            Bytes::from_static(body.as_bytes()),
        )
        .in_operation("describe_pipeline")
        .with_attempts(1)
    }

    #[test]
    fn main_prints_the_line_and_its_causes() {
        let mut error = Error::new(ErrorKind::Configuration, "a file is missing");
        error.0.source = Some("no such file".into());
        assert_eq!(
            format!("{error:?}"),
            "a file is missing\n  caused by: no such file"
        );
        assert!(format!("{error:#?}").contains("kind: Configuration"));
    }

    #[test]
    fn one_line_that_a_person_can_act_on() {
        let said = r#"{"message":"You have reached the maximum number of active runs"}"#;
        assert_eq!(
            reply(403, said).in_workspace(Some("42")).to_string(),
            "describe_pipeline: 403 Forbidden: You have reached the maximum number of active runs"
        );
        let error = reply(403, r#"{"message":"Forbidden"}"#).in_workspace(Some("42"));
        assert_eq!(
            error.to_string(),
            "describe_pipeline: 403 Forbidden: Forbidden (no permission in workspace 42, or it does \
             not exist, or the token is invalid)"
        );
        assert_eq!(
            reply(404, "").to_string(),
            "describe_pipeline: 404 Not Found (check the id, and give the workspace if it belongs to one)"
        );
        assert_eq!(
            reply(400, r#"{"message":"Bad\nname"}"#).to_string(),
            "describe_pipeline: 400 Bad Request: Bad name"
        );
        assert_eq!(
            reply(503, "").with_attempts(4).at("offset 300").to_string(),
            "describe_pipeline at offset 300: 503 Service Unavailable (a fault of the server, or of \
             a proxy before it: try again later; after 4 attempts)"
        );
        assert_eq!(reply(599, "").status().unwrap().as_u16(), 599);
    }

    #[test]
    fn an_error_id_is_kept_and_pointed_out() {
        let error = reply(
            400,
            r#"{"message":"Unexpected error while processing - Error ID: 5Ab"}"#,
        );
        assert_eq!(error.error_id(), Some("5Ab"));
        assert!(
            error
                .to_string()
                .ends_with("give the Error ID to Seqera's support)"),
            "{error}"
        );
    }

    #[test]
    fn predicates_read_the_status() {
        let of = |status| reply(status, "");
        assert!(of(401).is_unauthorized() && !of(403).is_unauthorized());
        assert!(of(403).is_forbidden() && of(403).is_gone_or_forbidden());
        assert!(of(404).is_not_found() && of(404).is_gone_or_forbidden());
        assert!(of(410).is_gone_or_forbidden() && !of(409).is_gone_or_forbidden());
        assert!(of(409).is_conflict());
        assert!(of(429).is_rate_limited() && of(429).is_retryable());
        assert!(of(504).is_timeout() && of(504).is_retryable());
        assert!(!of(500).is_retryable() && !of(501).is_retryable());
        let connect = Error::new(ErrorKind::Connect, "x");
        assert!(connect.is_connect() && connect.is_retryable() && !connect.is_timeout());
    }

    #[test]
    fn details_are_typed() {
        #[derive(serde::Deserialize)]
        struct Conflicts {
            conflicts: Vec<String>,
        }
        let error = reply(409, r#"{"message":"in use","conflicts":["aws-eu"]}"#);
        assert_eq!(error.details::<Conflicts>().unwrap().conflicts, ["aws-eu"]);
        assert!(reply(409, "in use").details::<Conflicts>().is_none());
        assert!(reply(409, "").details::<Conflicts>().is_none());
    }

    #[test]
    fn small_and_sendable() {
        fn sendable<T: Send + Sync + 'static>() {}
        sendable::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
