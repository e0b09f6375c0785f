//! What carries every request of the crate: authorised, limited, retried, traced, and its failure
//! mapped to one error type.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue};

pub(crate) mod again;
pub(crate) mod argument;
pub(crate) mod body;
mod call;
pub(crate) mod clients;
pub(crate) mod hooks;
pub(crate) mod kept;
pub(crate) mod multipart;
pub(crate) mod progress;
pub(crate) mod rate_limit;
mod redact;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod retry;
pub(crate) mod storage;
pub(crate) mod target;
pub(crate) mod task;
pub(crate) mod workspace;

use clients::Clients;
use hooks::Hooks;
use kept::Kept;
use rate_limit::Limiter;
use retry::RetryPolicy;
use workspace::Scope;

/// The inner value of the generated client. Clones share all but the fields beside `shared`.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
    pub(crate) retry: RetryPolicy,
    /// The workspace of calls that name none.
    pub(crate) scope: Scope,
    /// Whether calls that may change something are refused.
    pub(crate) dry_run: bool,
}

/// What is the same for every request of a client.
pub(crate) struct Shared {
    pub clients: Arc<Clients>,
    /// The one for calls, which the generated client holds too.
    pub http: reqwest::Client,
    /// Without trailing slash.
    pub endpoint: Url,
    pub token: String,
    /// `Bearer …`, marked as sensitive.
    pub authorization: HeaderValue,
    pub accept_version: HeaderValue,
    pub user_agent: HeaderValue,
    /// Those that the caller wants with each call.
    pub headers: HeaderMap,
    pub hooks: Hooks,
    pub limiter: Limiter,
    /// The longest time in which nothing moves; none for an HTTP client of the caller's.
    pub idle: Option<Duration>,
    pub bounds: Bounds,
    pub storage: storage::Storage,
    pub kept: Kept,
}

/// What a call may take whose reply is held in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// For the whole of it.
    pub time: Duration,
    /// For the reply, when it is unpacked.
    pub bytes: u64,
}

impl Transport {
    pub(crate) fn new(shared: Shared, retry: RetryPolicy, scope: Scope) -> Self {
        Self {
            shared: Arc::new(shared),
            retry,
            scope,
            dry_run: false,
        }
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.shared.http
    }

    pub(crate) fn endpoint(&self) -> &Url {
        &self.shared.endpoint
    }

    /// What features keep with the client.
    pub(crate) fn kept(&self) -> &Kept {
        &self.shared.kept
    }

    /// The way to presigned URLs.
    pub(crate) fn storage(&self) -> &storage::Storage {
        &self.shared.storage
    }

    /// A presigned URL that may be followed: encrypted, unless the endpoint is not either. The
    /// error does not show it.
    pub(crate) fn presigned(&self, url: &str) -> Option<Url> {
        let url = Url::parse(url).ok()?;
        let allowed = match url.scheme() {
            "https" => true,
            scheme => scheme == "http" && self.shared.endpoint.scheme() == "http",
        };
        (allowed && url.has_host()).then_some(url)
    }

    /// Whether a URL is on the endpoint's server, and so may be sent the token.
    fn is_home(&self, url: &Url) -> bool {
        let endpoint = &self.shared.endpoint;
        url.host() == endpoint.host()
            && url.port_or_known_default() == endpoint.port_or_known_default()
            && url.scheme() == endpoint.scheme()
    }

    /// What a server said, without the token: servers may repeat what they were sent.
    fn redact(&self, body: Bytes) -> Bytes {
        redact::redact(&self.shared.token, body)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("endpoint", &self.shared.endpoint.as_str())
            .field("limiter", &self.shared.limiter)
            .field("retry", &self.retry)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
