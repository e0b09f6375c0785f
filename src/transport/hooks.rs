//! What a program hangs on every call.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use super::retry::Happened;
use crate::Error;

type Before = Arc<dyn Fn(&mut OutgoingRequest<'_>) + Send + Sync>;
type After = Arc<dyn Fn(&IncomingReply<'_>) + Send + Sync>;
type Classify = Arc<dyn Fn(&Error) -> Option<bool> + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub before: Vec<Before>,
    pub after: Vec<After>,
    pub classify: Option<Classify>,
}

impl Hooks {
    /// How an attempt failed, in the program's eyes. That a call which may do harm twice is not
    /// sent again stays out of its hands.
    pub(super) fn classified(&self, error: &Error, happened: Happened) -> Happened {
        let worth = self.classify.as_ref().and_then(|classify| classify(error));
        match (worth, happened) {
            (None, _) | (Some(true), Happened::NotSent | Happened::Status(429)) => happened,
            (Some(true), _) => Happened::MaybeSent,
            (Some(false), _) => Happened::Permanent,
        }
    }
}

/// A call, as hooks see it.
#[derive(Clone, Debug)]
pub(super) struct Seen<'a> {
    pub operation: Cow<'static, str>,
    pub method: &'a Method,
    pub path: &'a str,
    pub workspace: Option<&'a str>,
    pub attempt: u32,
}

/// A request that is about to be sent: see
/// [`ClientBuilder::on_request`](crate::ClientBuilder::on_request).
#[derive(Debug)]
pub struct OutgoingRequest<'a> {
    pub(super) seen: Seen<'a>,
    pub(super) headers: &'a mut HeaderMap,
}

/// A reply that has just begun to arrive: see
/// [`ClientBuilder::on_reply`](crate::ClientBuilder::on_reply).
#[derive(Debug)]
pub struct IncomingReply<'a> {
    pub(super) seen: Seen<'a>,
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) elapsed: Duration,
}

macro_rules! seen {
    ($($type:ident),+) => {$(
        impl $type<'_> {
            /// The operation's method of the client, such as `list_workflows`; method and path for
            /// a call that [`Client::request`](crate::Client::request) made.
            pub fn operation(&self) -> &str {
                &self.seen.operation
            }

            /// The HTTP method.
            pub fn method(&self) -> &Method {
                self.seen.method
            }

            /// The path below the endpoint, with the names of its parameters in place of values.
            pub fn path(&self) -> &str {
                self.seen.path
            }

            /// The workspace that the call is of, if it says one.
            pub fn workspace_id(&self) -> Option<&str> {
                self.seen.workspace
            }

            /// Which attempt of the call it is, counted from 1.
            pub fn attempt(&self) -> u32 {
                self.seen.attempt
            }
        }
    )+};
}

seen!(OutgoingRequest, IncomingReply);

impl OutgoingRequest<'_> {
    /// The headers, which may be changed. The token is not among them, and what is set in its
    /// place does not count.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers
    }
}

impl IncomingReply<'_> {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.headers
    }

    /// The time since the attempt began, waits for the rate limit included.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}
