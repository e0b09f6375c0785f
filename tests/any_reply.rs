//! Whatever bytes a server sends, a call ends with a value or an error.

mod support;
mod support_schema;
mod table;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use seqera::prelude::*;
use seqera::{ErrorKind, Method, RetryPolicy};
use serde_json::{Value, json};
use support::{Act, Server, message};
use support_schema::instance::Extent;
use support_schema::schema;
use table::Sample;

/// Clients of a server, each with a token of its own, so that none has to wait where another was
/// told to.
struct Clients {
    server: Server,
    http: reqwest::Client,
}

impl Clients {
    async fn of(act: impl Fn(usize, &support::Seen) -> Act + Send + Sync + 'static) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            server: Server::start(act).await,
            http: http.build().unwrap(),
        }
    }

    fn next(&self) -> Client {
        let builder = self.server.builder().http_client(self.http.clone());
        builder.retry(RetryPolicy::none()).build().unwrap()
    }
}

async fn every_kind_of_call(clients: &Clients) {
    let calls = async {
        let outcomes = (
            clients.next().user_info().send().await.map(drop),
            clients
                .next()
                .request(Method::POST, "/x")
                .json("x")
                .send::<serde_json::Value>()
                .await
                .map(drop),
            clients
                .next()
                .request(Method::DELETE, "/x")
                .send_empty()
                .await
                .map(drop),
            clients
                .next()
                .list_workflows()
                .stream()
                .limit(5)
                .collect::<Vec<_>>()
                .await,
        );
        drop(format!("{outcomes:?}"));
        if let Ok(download) = clients.next().request(Method::GET, "/x").send_bytes().await {
            let _ = download.bytes().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), calls)
        .await
        .expect("no hang");
}

fn check(strategy: impl Strategy<Value = Vec<u8>>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let next = Arc::new(Mutex::new(Vec::new()));
    let reply = next.clone();
    let act = move |_: usize, _: &support::Seen| Act::Raw(reply.lock().unwrap().clone());
    let clients = runtime.block_on(Clients::of(act));
    let cases = ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest::test_runner::TestRunner::new(cases)
        .run(&strategy, |bytes| {
            *next.lock().unwrap() = bytes;
            runtime.block_on(every_kind_of_call(&clients));
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
        1 => Just(429),
        1 => Just(500),
        1 => 200..600u16,
    ];
    let value = || "[ -~]{0,30}";
    let header = prop_oneof![
        value().prop_map(|value| ("Content-Type", value)),
        value().prop_map(|value| ("Retry-After", value)),
        any::<u64>().prop_map(|wait| ("Retry-After", (wait >> (wait % 64)).to_string())),
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

/// A request body that has what the schema demands.
fn sample(id: &str) -> Sample {
    let body = schema().operation(id).body("application/json");
    Sample {
        body: body.map_or(Value::Null, |body| {
            schema().instance(body, Extent::Required, 0).value
        }),
        full: true,
    }
}

/// The names of all fields, so that what is made up is read and not skipped.
fn field_names() -> Vec<String> {
    let fields = schema()
        .types()
        .filter_map(|(_, schema)| schema["properties"].as_object());
    fields.flat_map(|fields| fields.keys().cloned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_ends_with_a_value_or_an_error_whatever_it_is_sent() {
    const ROUNDS: usize = 16;
    let sent: Vec<Vec<u8>> = {
        let mut runner = proptest::test_runner::TestRunner::default();
        let strategy = prop_oneof![
            1 => any::<Vec<u8>>(),
            1 => replies(any::<Vec<u8>>()),
            6 => replies(json_of(field_names())),
        ];
        // A number that has no divisor in common with that of the operations.
        (0..509)
            .map(|_| strategy.new_tree(&mut runner).unwrap().current())
            .collect()
    };
    let clients = Clients::of(move |number, _| Act::Raw(sent[number % sent.len()].clone())).await;
    let calls = (0..ROUNDS).flat_map(|_| table::CALLS).map(|(id, call)| {
        let call = tokio::spawn(call(clients.next(), sample(id)));
        async move {
            let ended = tokio::time::timeout(Duration::from_secs(20), call).await;
            let outcome = ended
                .unwrap_or_else(|_| panic!("{id} hangs"))
                .unwrap_or_else(|panicked| panic!("{id}: {panicked}"));
            if let Err(error) = &outcome {
                assert!(!format!("{error} {error:?}").is_empty());
                assert_ne!(error.kind(), ErrorKind::InvalidRequest, "not sent: {error}");
            }
            let kind = outcome.map_err(|error| error.kind()).err();
            (*id, kind)
        }
    });
    let outcomes: Vec<(&str, Option<ErrorKind>)> = futures_util::stream::iter(calls)
        .buffer_unordered(8)
        .collect()
        .await;
    // A connection that the server is closing takes a few requests with it.
    let read = |kind: &Option<ErrorKind>| {
        !matches!(kind, Some(ErrorKind::Connect | ErrorKind::Connection))
    };
    let read: BTreeSet<&str> = (outcomes.iter())
        .filter(|(_, kind)| read(kind))
        .map(|(id, _)| *id)
        .collect();
    assert_eq!(
        read.len(),
        table::CALLS.len(),
        "replies were read by {read:?}"
    );
    let values = outcomes.iter().filter(|(_, kind)| kind.is_none()).count();
    assert!(
        values > outcomes.len() / 20 && values < outcomes.len(),
        "{values} values"
    );
}
