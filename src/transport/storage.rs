//! Cloud storage behind presigned URLs: no token, no call of the Platform's, so no rate limit; and
//! nothing of the URL in errors, because it is a key to the data.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use reqwest::header::{HeaderName, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT};
use reqwest::{Request, Response, StatusCode, Url};
use tokio::time::timeout;

use super::clients::{Clients, Use};
use super::retry;
use crate::{Error, ErrorKind, Result};

const AZURE_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
/// As many as a call of the Platform follows.
pub(crate) const REDIRECTS: usize = 10;
const ERROR_BODY_BYTES: usize = 8 * 1024;
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// How to reach presigned URLs.
///
/// Its HTTP client has no read timeout of its own, which would count the time to send a large part;
/// stalls are noticed here instead.
pub(crate) struct Storage {
    clients: Arc<Clients>,
    stall: Duration,
    user_agent: HeaderValue,
}

impl Storage {
    pub(crate) fn new(clients: Arc<Clients>, stall: Duration, user_agent: HeaderValue) -> Self {
        Self {
            clients,
            stall,
            user_agent,
        }
    }

    /// Sends a request and returns the reply, whatever its status. `sent` counts the bytes of the
    /// body as they leave: while it grows, there is no stall.
    pub(crate) async fn send(&self, mut request: Request, sent: &AtomicU64) -> Result<Response> {
        request
            .headers_mut()
            .insert(USER_AGENT, self.user_agent.clone());
        for _ in 0..REDIRECTS {
            // What has a body is sent anew by whoever can make it anew.
            let again = match request.body() {
                None => request.try_clone(),
                Some(_) => None,
            };
            let reply = self.send_once(request, sent).await?;
            match (redirect(&reply), again) {
                (Some(to), Some(again)) => {
                    request = again;
                    *request.url_mut() = to;
                }
                _ => return Ok(reply),
            }
        }
        Err(Error::new(
            ErrorKind::InvalidResponse,
            format!("the storage redirects more than {REDIRECTS} times"),
        ))
    }

    async fn send_once(&self, request: Request, sent: &AtomicU64) -> Result<Response> {
        let client = self.clients.get(request.url(), Use::Storage)?;
        let mut sending = Box::pin(client.execute(request));
        let mut before = sent.load(Ordering::Relaxed);
        loop {
            if let Ok(reply) = timeout(self.stall, &mut sending).await {
                return reply.map_err(|error| self.clients.explain(error));
            }
            let now = sent.load(Ordering::Relaxed);
            if now == before {
                return Err(stalled());
            }
            before = now;
        }
    }

    /// The next piece of a reply's body.
    pub(crate) async fn chunk(&self, reply: &mut Response) -> Result<Option<bytes::Bytes>> {
        match timeout(self.stall, reply.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| self.clients.explain(error)),
            Err(_) => Err(stalled()),
        }
    }
}

/// Where the storage has moved for the time being, as S3 says of a bucket whose region its general
/// address does not know yet. What the URL is signed for goes along, and there is nothing else that
/// would have to stay.
pub(crate) fn redirect(reply: &Response) -> Option<Url> {
    if reply.status() != StatusCode::TEMPORARY_REDIRECT {
        return None;
    }
    let from = reply.url();
    let to = from
        .join(reply.headers().get(LOCATION)?.to_str().ok()?)
        .ok()?;
    let is_as_safe = to.scheme() == "https" || to.scheme() == from.scheme();
    (is_as_safe && to.has_host()).then_some(to)
}

fn stalled() -> Error {
    Error::new(ErrorKind::Timeout, "the storage did not answer in time")
}

/// What a reply that is no success says: its code alone, because storage explains a refusal by
/// repeating the request, signature and all.
pub(crate) async fn refusal(mut reply: Response) -> Error {
    let status = reply.status();
    let headers = reply.headers();
    let header = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let wait = header(RETRY_AFTER)
        .and_then(|value| retry::retry_after(value, SystemTime::now().into()))
        .filter(|_| status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error());
    let code = match header(AZURE_CODE) {
        Some(code) => Some(code.to_owned()),
        None => {
            let mut body = BytesMut::new();
            let reading = async {
                while let Ok(Some(chunk)) = reply.chunk().await
                    && body.len() < ERROR_BODY_BYTES
                {
                    body.extend_from_slice(&chunk);
                }
            };
            let _ = timeout(ERROR_BODY_TIME, reading).await;
            code_in(&String::from_utf8_lossy(&body))
        }
    };
    let code = code
        .filter(|code| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if code.as_deref() == Some("RequestTimeout") {
        // S3 says 400 where it waited for the rest of a request.
        return stalled().with_status(status);
    }
    let message = match code {
        Some(code) => format!("the storage refused the request: {code}"),
        None => "the storage refused the request".to_owned(),
    };
    Error::new(ErrorKind::Status, message)
        .with_status(status)
        .with_retry_after(wait)
}

fn code_in(xml: &str) -> Option<String> {
    let (_, rest) = xml.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    Some(code.trim().to_owned())
}
