//! What rules listen with: webhooks, `/metrics`, `/healthz`, and a page for people who would rather look.

mod delivery;
mod guard;
mod metrics;
mod page;
mod queue;
mod signature;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Of};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};

use super::clock::Clock;
use super::file::{On, Rule, Rules};
use super::state::State;
use crate::kit::{Error, Result};
use guard::Rate;
use metrics::Metrics;
use queue::{Queue, Taken};

/// The most that a delivery may hold.
const LARGEST: usize = 1 << 20;
/// How long the head of a request may take, and its body.
const HEAD: Duration = Duration::from_secs(10);
const BODY: Duration = Duration::from_secs(15);
/// How many connections there are at once.
const CONNECTIONS: usize = 1_024;

/// What is served.
#[derive(Debug)]
pub struct Serving {
    pub(super) state: State,
    pub(super) rules: watch::Receiver<Arc<Rules>>,
    pub(super) clock: Arc<dyn Clock>,
    /// Without it the page is for this machine alone.
    pub(super) password: Option<String>,
    pub(super) metrics: Metrics,
    queue: Queue,
    rate: Rate,
}

impl Serving {
    /// Serves what a database holds, and the webhooks of rules; `found` is told when one has brought
    /// something new.
    pub fn new(
        state: State,
        rules: watch::Receiver<Arc<Rules>>,
        clock: Arc<dyn Clock>,
        password: Option<String>,
        found: Arc<Notify>,
    ) -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::new(state.clone(), found),
            state,
            rules,
            clock,
            password: password.filter(|password| !password.is_empty()),
            metrics: Metrics::default(),
            rate: Rate::default(),
        })
    }

    /// Tells the metrics that watchers have looked.
    pub fn looked(&self, problems: usize) {
        self.metrics.looked(self.clock.now(), problems);
    }

    /// Listens at an address.
    ///
    /// # Errors
    /// It can't be listened at, or others could see the page without a password.
    pub async fn bind(&self, at: SocketAddr) -> Result<TcpListener> {
        if !at.ip().is_loopback() && self.password.is_none() {
            return Err(Error::other(format!(
                "{at} is not of this machine alone: give a password with --password-file, or listen to \
                 127.0.0.1 and put what you trust before it"
            )));
        }
        let listener = TcpListener::bind(at).await;
        listener.map_err(|error| Error::other(format!("{at} can't be listened at: {error}")))
    }

    /// Serves connections until the task is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let router = Router::new()
            .route("/healthz", get(healthz))
            .route("/metrics", get(metrics::show))
            .route("/", get(page::show))
            .fallback(hook)
            .layer(axum::middleware::map_response(harmless))
            .with_state(self.clone());
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(turn) = room.clone().acquire_owned().await else {
                return;
            };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, mostly: it passes.
                    tracing::warn!(%error, "no connection could be taken");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            };
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let mut http = hyper_util::server::conn::auto::Builder::new(
                    hyper_util::rt::TokioExecutor::new(),
                );
                http.http1()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD);
                // Who breaks off, breaks off.
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
                drop(turn);
            });
        }
    }

    /// The rules of a webhook.
    fn hooks(&self, path: &str) -> Vec<Rule> {
        let rules = self.rules.borrow();
        let of_path = rules.rules.iter().filter(|rule| match &rule.on {
            On::Webhook(hook) => hook.path == path,
            _ => false,
        });
        of_path.cloned().collect()
    }
}

/// Nothing of a reply is kept, guessed at, framed, or sent elsewhere.
async fn harmless(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn healthz(Of(serving): Of<Arc<Serving>>) -> Response {
    match serving.state.counts().await {
        Ok(_) => "ok\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the state can't be read\n").into_response(),
    }
}

/// A delivery of a webhook.
async fn hook(Of(serving): Of<Arc<Serving>>, request: Request) -> Response {
    let (status, outcome, text) = take(&serving, request).await;
    serving.metrics.delivered(outcome);
    let mut response = (status, format!("{text}\n")).into_response();
    if matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    ) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

async fn take(
    serving: &Arc<Serving>,
    request: Request,
) -> (StatusCode, &'static str, &'static str) {
    let (head, body) = request.into_parts();
    let rules = serving.hooks(head.uri.path());
    let Some(On::Webhook(first)) = rules.first().map(|rule| &rule.on) else {
        return (StatusCode::NOT_FOUND, "unknown", "there is nothing here");
    };
    if head.method != axum::http::Method::POST {
        return (
            StatusCode::METHOD_NOT_ALLOWED,
            "refused",
            "a webhook takes POST",
        );
    }
    let now = serving.clock.now();
    if !serving.rate.admits(now) {
        return (
            StatusCode::TOO_MANY_REQUESTS,
            "held",
            "there are too many at once",
        );
    }
    if !signature::is_there(&head.headers) {
        return (StatusCode::UNAUTHORIZED, "unsigned", "this is not signed");
    }
    let declared = head.headers.get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > LARGEST) {
        return (
            StatusCode::PAYLOAD_TOO_LARGE,
            "refused",
            "this is too large",
        );
    }
    let read = tokio::time::timeout(BODY, axum::body::to_bytes(body, LARGEST)).await;
    let body = match read {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return (
                StatusCode::PAYLOAD_TOO_LARGE,
                "refused",
                "this is too large",
            );
        }
        Err(_) => {
            return (
                StatusCode::REQUEST_TIMEOUT,
                "refused",
                "this takes too long",
            );
        }
    };
    if !signature::is_right(&head.headers, &body, &first.secret, now) {
        return (
            StatusCode::UNAUTHORIZED,
            "unsigned",
            "the signature is not right",
        );
    }
    let names = rules.iter().map(|rule| rule.name.as_str());
    let seen = match delivery::read(&head.headers, &body, names, now) {
        Ok(seen) => seen,
        Err(text) => return (StatusCode::BAD_REQUEST, "refused", text),
    };
    match serving.queue.note(seen).await {
        Taken::New => (StatusCode::ACCEPTED, "new", "taken"),
        Taken::Known => (StatusCode::OK, "known", "this is known"),
        Taken::Full => (
            StatusCode::SERVICE_UNAVAILABLE,
            "held",
            "there are too many at once",
        ),
        Taken::Failed => (
            StatusCode::SERVICE_UNAVAILABLE,
            "failed",
            "it could not be noted",
        ),
    }
}

#[cfg(test)]
mod tests;
