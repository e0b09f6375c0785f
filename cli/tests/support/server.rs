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
    /// The calls that are answered, as often as they are named here; all, where nothing is.
    expected: Option<Mutex<Vec<String>>>,
    calls: Mutex<Vec<Call>>,
    lines: Mutex<Vec<String>>,
}

/// A server on loopback.
pub struct Server {
    endpoint: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

impl Server {
    /// Answers all that there are replies for.
    pub fn start(replies: Replies) -> Self {
        Self::started(replies, None)
    }

    /// Answers these calls, each as often as it is named, and no others.
    #[allow(dead_code, reason = "not every test asks for it")]
    pub fn strict(replies: Replies, expected: Vec<String>) -> Self {
        Self::started(replies, Some(Mutex::new(expected)))
    }

    fn started(replies: Replies, expected: Option<Mutex<Vec<String>>>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = format!("http://{address}/api");
        // A reply that names another address names this one.
        let here = |reply: Value| {
            let text = reply
                .to_string()
                .replace("http://here", &format!("http://{address}"));
            serde_json::from_str(&text).unwrap()
        };
        let replies = replies.into_iter();
        let replies = replies.map(|(line, (status, reply))| (line, (status, here(reply))));
        let shared = Arc::new(Shared {
            replies: replies.collect(),
            expected,
            calls: Mutex::default(),
            lines: Mutex::default(),
        });
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

    /// Method, path and query of the calls so far, as they came.
    #[allow(dead_code, reason = "not every test asks for it")]
    pub fn lines(&self) -> Vec<String> {
        self.shared.lines.lock().unwrap().clone()
    }

    /// The calls that are no reads.
    pub fn changes(&self) -> Vec<Call> {
        let calls = self.calls().into_iter();
        calls
            .filter(|call| !call.line.starts_with("GET "))
            .collect()
    }
}

async fn answer(state: State<Arc<Shared>>, request: Request) -> Response {
    let mut response = reply(state, request).await;
    // As storage does.
    let tag = header::HeaderValue::from_static("\"tag\"");
    response.headers_mut().insert(header::ETAG, tag);
    response
}

async fn reply(State(shared): State<Arc<Shared>>, request: Request) -> Response {
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
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let value = match (serde_json::from_slice(&body), kind.split_once("boundary=")) {
        (Ok(value), _) => value,
        (Err(_), _) if body.is_empty() => Value::Null,
        (Err(_), Some((_, boundary))) => parts_of(&String::from_utf8_lossy(&body), boundary),
        (Err(_), None) => String::from_utf8_lossy(&body).into_owned().into(),
    };
    let asked = asked(&line, parts.uri.query().unwrap_or_default());
    let is_expected = shared.expected.as_ref().is_none_or(|expected| {
        let mut expected = expected.lock().unwrap();
        let place = expected.iter().position(|call| *call == asked);
        place.map(|place| expected.swap_remove(place)).is_some()
    });
    shared.lines.lock().unwrap().push(asked);
    shared.calls.lock().unwrap().push(Call {
        line: line.clone(),
        query,
        body: value,
    });
    match shared.replies.get(&line).filter(|_| is_expected) {
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

/// The parts of a multipart body: their headers, in small letters, and what they hold.
fn parts_of(body: &str, boundary: &str) -> Value {
    let boundary = format!("--{boundary}");
    let parts = body.split(boundary.as_str());
    let parts = parts.filter_map(|part| part.trim_start().split_once("\r\n\r\n"));
    let parts = parts.map(|(head, content)| {
        let mut fields: serde_json::Map<String, Value> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.into()))
            .collect();
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        fields.insert("content".to_owned(), content.into());
        fields.into()
    });
    parts.collect::<Vec<Value>>().into()
}

/// Method, path and query in one line, the query by name and not encoded.
fn asked(line: &str, query: &str) -> String {
    let mut pairs: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    match pairs.as_slice() {
        [] => line.to_owned(),
        pairs => format!("{line}?{}", decoded(&pairs.join("&"))),
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
