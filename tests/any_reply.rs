//! Whatever bytes a server sends, a call ends with a value or an error.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use seqera::prelude::*;
use seqera::{ErrorKind, Method, RetryPolicy};
use seqera_codegen::document::Document;
use serde_json::{Value, json};
use support::{Act, Server, message};

/// A server whose next reply is set from outside.
fn server(runtime: &tokio::runtime::Runtime) -> (Client, Arc<Mutex<Vec<u8>>>) {
    let next = Arc::new(Mutex::new(Vec::new()));
    let reply = next.clone();
    let act = move |_: usize, _: &support::Seen| Act::Raw(reply.lock().unwrap().clone());
    let server = runtime.block_on(Server::start(act));
    let client = server.builder().retry(RetryPolicy::none()).build().unwrap();
    (client, next)
}

async fn every_kind_of_call(client: &Client) {
    let calls = async {
        let outcomes = (
            client.user_info().send().await.map(drop),
            client
                .request(Method::POST, "/x")
                .json("x")
                .send::<serde_json::Value>()
                .await
                .map(drop),
            client
                .request(Method::DELETE, "/x")
                .send_empty()
                .await
                .map(drop),
            client
                .list_workflows()
                .stream()
                .limit(5)
                .collect::<Vec<_>>()
                .await,
        );
        drop(format!("{outcomes:?}"));
        if let Ok(download) = client.request(Method::GET, "/x").send_bytes().await {
            let _ = download.into_inner().bytes().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), calls)
        .await
        .expect("no hang");
}

fn check(strategy: impl Strategy<Value = Vec<u8>>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (client, next) = server(&runtime);
    let cases = ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest::test_runner::TestRunner::new(cases)
        .run(&strategy, |bytes| {
            *next.lock().unwrap() = bytes;
            runtime.block_on(every_kind_of_call(&client));
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_bytes_instead_of_http() {
    check(any::<Vec<u8>>());
}

#[test]
fn any_body_status_and_headers() {
    let body = prop_oneof![
        any::<Vec<u8>>(),
        "\\PC{0,60}".prop_map(String::into_bytes),
        "[\\[\\]{}\",:0-9a-z<>]{0,60}".prop_map(String::into_bytes),
    ];
    check(replies(body));
}

/// HTTP replies of any status, with headers that mean something to a client.
fn replies(body: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![
        4 => Just(200u16),
        1 => Just(400),
        1 => Just(403),
        1 => Just(500),
        1 => 200..600u16,
    ];
    let value = || "[ -~]{0,30}";
    let header = prop_oneof![
        value().prop_map(|value| ("Content-Type", value)),
        value().prop_map(|value| ("Retry-After", value)),
        value().prop_map(|value| ("Location", value)),
        value().prop_map(|value| ("Content-Encoding", value)),
        Just(("Content-Encoding", "gzip".to_owned())),
        Just(("Content-Type", "text/html".to_owned())),
    ];
    let headers = proptest::collection::vec(header, 0..3);
    (status, headers, body).prop_map(|(status, headers, body)| message(status, &headers, &body))
}

/// JSON of the schema's own field names, with anything in them.
fn json_of(fields: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("2026-03-01T09:30:00Z")),
    ];
    let value = leaf.prop_recursive(5, 60, 8, move |inner| {
        let field = proptest::sample::select(fields.clone());
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => proptest::collection::hash_map(field, inner, 1..8)
                .prop_map(|object| Value::Object(object.into_iter().collect())),
        ]
    });
    value.prop_map(|value| value.to_string().into_bytes())
}

/// Every operation of the schema.
mod table {
    #![allow(dead_code, unused_imports)]

    use std::fmt::Debug;

    use futures_util::future::BoxFuture;
    use seqera::prelude::*;
    use seqera::{ByteStream, ResponseValue, Result, Timestamp};
    use serde::de::DeserializeOwned;

    use super::Bodies;

    pub(super) type Call = fn(Client, &'static Bodies) -> BoxFuture<'static, Result<()>>;
    pub type RoundTrip = fn();

    fn round_trip<T>() {}

    fn from_json<T: DeserializeOwned>(value: serde_json::Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    fn keep<T: Debug>(reply: ResponseValue<T>) -> Result<()> {
        assert!(!format!("{reply:?}").is_empty());
        Ok(())
    }

    fn empty(_: ResponseValue<()>) -> Result<()> {
        Ok(())
    }

    async fn collect(reply: ResponseValue<ByteStream>) -> Result<()> {
        reply.into_inner().bytes().await.map(drop)
    }

    fn moment() -> Timestamp {
        "2026-03-01T09:30:00Z".parse().unwrap()
    }

    include!(concat!(env!("OUT_DIR"), "/table.rs"));
}

/// Bodies of requests that have what the schema demands.
struct Bodies(Document);

impl Bodies {
    fn body(&self, id: &str) -> Value {
        let mut operations = self.0.raw_operations();
        let (_, _, operation) = operations
            .find(|(_, _, operation)| operation["operationId"] == id)
            .unwrap();
        self.instance(&operation["requestBody"]["content"]["application/json"]["schema"])
    }

    fn instance(&self, schema: &Value) -> Value {
        let schema = self.0.resolve(schema);
        if let Some(first) = schema["enum"].get(0) {
            return first.clone();
        }
        if let Some((kind, target)) = schema["discriminator"]["mapping"]
            .as_object()
            .and_then(|mapping| mapping.iter().next())
        {
            let mut value = self.instance(&json!({ "$ref": target }));
            let property = schema["discriminator"]["propertyName"].as_str().unwrap();
            value[property] = json!(kind);
            return value;
        }
        match schema["type"].as_str() {
            Some("string") if schema["format"] == "date-time" => json!("2026-03-01T09:30:00Z"),
            Some("string") => json!("text"),
            Some("integer" | "number") => json!(7),
            Some("boolean") => json!(true),
            Some("array") => json!([self.instance(&schema["items"])]),
            _ => {
                let required = schema["required"].as_array().into_iter().flatten();
                required
                    .filter_map(Value::as_str)
                    .map(|name| (name, self.instance(&schema["properties"][name])))
                    .collect()
            }
        }
    }

    fn field_names(&self) -> Vec<String> {
        let fields = self
            .0
            .schemas()
            .filter_map(|(_, schema)| schema["properties"].as_object());
        fields.flat_map(|fields| fields.keys().cloned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_ends_with_a_value_or_an_error_whatever_it_is_sent() {
    const ROUNDS: usize = 16;
    let schema = include_str!("../seqera-api-latest.yml");
    let bodies: &'static Bodies = Box::leak(Box::new(Bodies(Document::parse(schema).unwrap())));
    let sent: Vec<Vec<u8>> = {
        let mut runner = proptest::test_runner::TestRunner::default();
        let strategy = prop_oneof![
            1 => any::<Vec<u8>>(),
            1 => replies(any::<Vec<u8>>()),
            6 => replies(json_of(bodies.field_names())),
        ];
        // A number that has no divisor in common with that of the operations.
        (0..509)
            .map(|_| strategy.new_tree(&mut runner).unwrap().current())
            .collect()
    };
    let server = Server::start(move |number, _| Act::Raw(sent[number % sent.len()].clone())).await;
    let client = server.builder().retry(RetryPolicy::none()).build().unwrap();

    let calls = (0..ROUNDS).flat_map(|_| table::CALLS).map(|(id, call)| {
        let call = tokio::spawn(call(client.clone(), bodies));
        async move {
            let ended = tokio::time::timeout(Duration::from_secs(20), call).await;
            let outcome = ended
                .unwrap_or_else(|_| panic!("{id} hangs"))
                .unwrap_or_else(|panicked| panic!("{id}: {panicked}"));
            if let Err(error) = &outcome {
                assert!(!format!("{error} {error:?}").is_empty());
                assert_ne!(error.kind(), ErrorKind::InvalidRequest, "not sent: {error}");
            }
            outcome.is_ok()
        }
    });
    let outcomes: Vec<bool> = futures_util::stream::iter(calls)
        .buffer_unordered(8)
        .collect()
        .await;
    // A connection that the server is closing takes a few requests with it.
    assert!(server.count() > ROUNDS * table::CALLS.len() / 2);
    let values = outcomes.iter().filter(|is_ok| **is_ok).count();
    assert!(
        values > outcomes.len() / 20 && values < outcomes.len(),
        "{values} values"
    );
}
