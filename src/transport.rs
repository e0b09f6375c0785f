//! What carries every request of the crate: authorised, limited, retried, traced, and its failure
//! mapped to one error type.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::HeaderValue;

#[cfg(any(feature = "runs", feature = "transfers"))]
pub(crate) mod again;
pub(crate) mod argument;
pub(crate) mod body;
mod call;
pub(crate) mod clients;
pub(crate) mod multipart;
pub(crate) mod progress;
pub(crate) mod rate_limit;
mod redact;
pub(crate) mod request;
pub(crate) mod retry;
#[cfg(feature = "transfers")]
pub(crate) mod storage;
pub(crate) mod task;
pub(crate) mod unreached;

use clients::Clients;
use rate_limit::Limiter;
use retry::RetryPolicy;

/// The inner value of the generated client. Clones share everything but the retry policy.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
    pub(crate) retry: RetryPolicy,
}

/// What is the same for every request of a client.
pub(crate) struct Shared {
    pub clients: Arc<Clients>,
    /// Without trailing slash.
    pub endpoint: Url,
    pub token: String,
    /// `Bearer …`, marked as sensitive.
    pub authorization: HeaderValue,
    pub accept_version: HeaderValue,
    pub user_agent: HeaderValue,
    pub limiter: Limiter,
    /// The longest time in which nothing moves; none for an HTTP client of the caller's.
    pub idle: Option<Duration>,
    pub bounds: Bounds,
    #[cfg(feature = "names")]
    pub names: crate::names::NameCache,
    #[cfg(feature = "runs")]
    pub polls: crate::runs::Polls,
    #[cfg(feature = "transfers")]
    pub storage: storage::Storage,
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
    pub(crate) fn new(shared: Shared, retry: RetryPolicy) -> Self {
        Self {
            shared: Arc::new(shared),
            retry,
        }
    }

    fn endpoint(&self) -> &Url {
        &self.shared.endpoint
    }

    #[cfg(feature = "names")]
    pub(crate) fn names(&self) -> &crate::names::NameCache {
        &self.shared.names
    }

    #[cfg(feature = "runs")]
    pub(crate) fn polls(&self) -> &crate::runs::Polls {
        &self.shared.polls
    }

    /// The way to presigned URLs.
    #[cfg(feature = "transfers")]
    pub(crate) fn storage(&self) -> &storage::Storage {
        &self.shared.storage
    }

    /// A presigned URL that may be followed: encrypted, unless the endpoint is not either. The
    /// error does not show it.
    #[cfg(feature = "transfers")]
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
            .finish_non_exhaustive()
    }
}
