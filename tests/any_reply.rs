//! Whatever bytes a server sends, a call ends with a value or an error.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use seqera::prelude::*;
use seqera::{Method, RetryPolicy};
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
    let status = prop_oneof![Just(200u16), Just(400), Just(403), Just(500), 200..600u16];
    let body = prop_oneof![
        any::<Vec<u8>>(),
        "\\PC{0,60}".prop_map(String::into_bytes),
        "[\\[\\]{}\",:0-9a-z<>]{0,60}".prop_map(String::into_bytes),
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
    check(
        (status, headers, body)
            .prop_map(|(status, headers, body)| message(status, &headers, &body)),
    );
}
