//! A server that answers as a case says, and remembers what it was sent.

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::support::of_name;

/// A call that the server received.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Method and path.
    pub line: String,
    /// Without what pages a list.
    pub query: BTreeMap<String, String>,
    pub body: Value,
}

/// What the server answers, by method and path: a status and JSON, or text.
pub type Replies = BTreeMap<String, (u16, Value)>;

struct Shared {
    replies: Replies,
    calls: Mutex<Vec<Call>>,
}

/// A server on loopback.
pub struct Server {
    endpoint: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

impl Server {
    pub fn start(replies: Replies) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let shared = Arc::new(Shared {
            replies,
            calls: Mutex::default(),
        });
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let endpoint = format!("http://{}/api", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self {
            endpoint,
            shared,
            _runtime: runtime,
        }
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// The calls that are no reads.
    pub fn changes(&self) -> Vec<Call> {
        let calls = self.calls().into_iter();
        calls
            .filter(|call| !call.line.starts_with("GET "))
            .collect()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path();
    let line = format!(
        "{} {}",
        parts.method,
        path.strip_prefix("/api").unwrap_or(path)
    );
    let query = parts.uri.query().unwrap_or_default();
    let query = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), decoded(value))
        });
    let paging = ["max", "offset", "includeTotalSize"];
    let query = query
        .filter(|(name, _)| !paging.contains(&name.as_str()))
        .collect();
    let value = match serde_json::from_slice(&body) {
        Ok(value) => value,
        Err(_) if body.is_empty() => Value::Null,
        Err(_) => String::from_utf8_lossy(&body).into_owned().into(),
    };
    shared.calls.lock().unwrap().push(Call {
        line: line.clone(),
        query,
        body: value,
    });
    match shared.replies.get(&line) {
        Some((status, Value::Null)) => StatusCode::from_u16(*status).unwrap().into_response(),
        Some((status, Value::String(text))) => {
            (StatusCode::from_u16(*status).unwrap(), text.clone()).into_response()
        }
        Some((status, value)) => (
            StatusCode::from_u16(*status).unwrap(),
            [(header::CONTENT_TYPE, "application/json")],
            value.to_string(),
        )
            .into_response(),
        None => (
            StatusCode::NOT_FOUND,
            [(header::CONTENT_TYPE, "application/json")],
            format!(r#"{{"message": "Nothing answers {line}"}}"#),
        )
            .into_response(),
    }
}

/// A value of a query, as it was before it was encoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &after[2..];
            }
            (byte, _) => {
                bytes.push(if *byte == b'+' { b' ' } else { *byte });
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Runs the binary against a server.
pub fn run(name: &str, endpoint: &str, words: &[&str]) -> Output {
    of_name(name)
        .env("TOWER_API_ENDPOINT", endpoint)
        .env("TOWER_ACCESS_TOKEN", "token")
        // The server is on loopback, which `tw` does not make an exception of.
        .arg("--insecure")
        .args(words)
        .output()
        .unwrap()
}
