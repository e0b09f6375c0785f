//! Starting and stopping, and the guard before every call.

use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::api::{Refusal, unknown_method, unknown_path};
use crate::life::Pace;
use crate::state::{Laboratory, Shared, World, locked};
use crate::store::{self, Store};
use crate::{data, routes};

const TOKEN: &str = "token-of-the-test-platform";
/// The endpoint has a path, as most self-hosted Platforms' have.
const BASE_PATH: &str = "/api";

/// A running Platform. It stops when this value is dropped.
pub struct TestPlatform {
    endpoint: String,
    world: Shared,
    /// Its end of life is the servers' sign to stop.
    _running: watch::Sender<()>,
}

impl TestPlatform {
    /// Starts a Platform with the usual laboratory on any free port of loopback.
    ///
    /// # Errors
    /// If no port can be listened on.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// A Platform that differs from the usual one.
    pub fn builder() -> Builder {
        Builder {
            latency: Duration::ZERO,
            calls_per_second: Some(20),
            runs: 240,
            pace: Pace::Time(Duration::from_secs(4)),
        }
    }

    /// The API endpoint, e.g. `http://127.0.0.1:41873/api`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The access token that every call must carry.
    pub fn token(&self) -> &str {
        TOKEN
    }

    /// Puts a file into the laboratory's bucket, as a sequencer would: `samplesheets/batch-09.csv`.
    pub fn deliver(&self, key: &str, content: impl Into<Vec<u8>>) {
        let content: Vec<u8> = content.into();
        self.world.store.put(data::BUCKET, key, content.into());
    }

    /// Every API call received so far, refused ones too, as `GET /workflow?max=100`. Calls to
    /// the object store are not among them.
    pub fn calls(&self) -> Vec<String> {
        locked(&self.world.gate).calls.clone()
    }
}

/// How a [`TestPlatform`] differs from the usual one.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    latency: Duration,
    calls_per_second: Option<usize>,
    runs: usize,
    pace: Pace,
}

impl Builder {
    /// How long each API call takes at least. Default: no time.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// How many calls any one second may hold before the answer is 429; `None` for no limit.
    /// Default: 20, as on the real Platform.
    pub fn calls_per_second(mut self, limit: impl Into<Option<usize>>) -> Self {
        self.calls_per_second = limit.into();
        self
    }

    /// How many past runs the laboratory has. Default: 240.
    pub fn runs(mut self, runs: usize) -> Self {
        self.runs = runs;
        self
    }

    /// How long a launched run takes from its submission to its end. Default: 4 seconds.
    pub fn run_time(mut self, time: Duration) -> Self {
        self.pace = Pace::Time(time);
        self
    }

    /// Makes launched runs advance with each call that reads them, instead of with time: the
    /// first sees SUBMITTED, the one after another `polls` calls sees the end. From 2 on every
    /// run is seen RUNNING in between; with 1 it jumps.
    pub fn run_polls(mut self, polls: u32) -> Self {
        self.pace = Pace::Polls(polls.max(1));
        self
    }

    /// Starts the Platform on any free port of loopback.
    ///
    /// # Errors
    /// If no port can be listened on.
    pub async fn start(self) -> io::Result<TestPlatform> {
        let (api, api_host) = listen().await?;
        // A port of its own makes the store another host for clients that mind where their token goes.
        let (objects, store_host) = listen().await?;
        let endpoint = format!("{api_host}{BASE_PATH}");

        let store = Store::new(store_host);
        let laboratory = data::laboratory(SystemTime::now(), self.runs, &store);
        let world = Arc::new(World {
            endpoint: endpoint.clone(),
            pace: self.pace,
            store,
            laboratory: Mutex::new(laboratory),
            gate: Mutex::new(Gate::new(&self)),
        });

        let (running, stop) = watch::channel(());
        serve(api, api_routes(world.clone()), stop.clone());
        serve(objects, store::routes(world.clone()), stop);
        Ok(TestPlatform {
            endpoint,
            world,
            _running: running,
        })
    }
}

async fn listen() -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let host = format!("http://{}", listener.local_addr()?);
    Ok((listener, host))
}

fn serve(listener: TcpListener, routes: Router, mut stop: watch::Receiver<()>) {
    let stopped = async move { while stop.changed().await.is_ok() {} };
    tokio::spawn(async move {
        axum::serve(listener, routes)
            .with_graceful_shutdown(stopped)
            .await
    });
}

fn api_routes(world: Shared) -> Router {
    let routes = routes::all().method_not_allowed_fallback(unknown_method);
    Router::new()
        .nest(BASE_PATH, routes)
        .fallback(unknown_path)
        .layer(from_fn_with_state(world.clone(), guard))
        .with_state(world)
}

/// What stands between a call and its route.
pub struct Gate {
    latency: Duration,
    calls_per_second: Option<usize>,
    /// When the calls of the last second came in; refused ones don't count.
    recent: VecDeque<Instant>,
    calls: Vec<String>,
}

impl Gate {
    fn new(options: &Builder) -> Self {
        Self {
            latency: options.latency,
            calls_per_second: options.calls_per_second,
            recent: VecDeque::new(),
            calls: Vec::new(),
        }
    }

    fn admits(&mut self, now: Instant) -> bool {
        let Some(limit) = self.calls_per_second else {
            return true;
        };
        while (self.recent.front()).is_some_and(|&call| now - call >= Duration::from_secs(1)) {
            self.recent.pop_front();
        }
        let admitted = self.recent.len() < limit;
        if admitted {
            self.recent.push_back(now);
        }
        admitted
    }
}

async fn guard(State(world): State<Shared>, request: Request, next: Next) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let call = format!(
        "{} {}",
        request.method(),
        path.strip_prefix(BASE_PATH).unwrap_or(path)
    );
    let known = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .is_some_and(|token| token == TOKEN);

    let (latency, admitted) = {
        let mut gate = locked(&world.gate);
        gate.calls.push(call);
        (gate.latency, known && gate.admits(Instant::now()))
    };
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    if !known {
        return Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized").into_response();
    }
    if !admitted {
        return Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Maximum request rate exceeded. Wait 0secs before issuing a new request",
        )
        .into_response();
    }
    next.run(request).await
}

impl std::fmt::Debug for TestPlatform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let laboratory: &Laboratory = &locked(&self.world.laboratory);
        f.debug_struct("TestPlatform")
            .field("endpoint", &self.endpoint)
            .field("runs", &laboratory.runs.len())
            .finish_non_exhaustive()
    }
}
