//! What programs may add to every call, and what stays the crate's own matter.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use seqera::reqwest::header::HeaderValue;
use seqera::{ErrorKind, Method, RateLimit, StatusCode, reqwest};
use serde_json::json;
use support::{Seen, Server, hasty, json as answer, ok};

async fn server() -> Server {
    Server::start(|_, _| ok(json!({"user": {"id": 3}}))).await
}

#[tokio::test]
async fn default_headers_come_with_each_call_but_not_in_place_of_the_crates_own() {
    let server = server().await;
    let client = server
        .builder()
        .default_header("X-Team", "platform")
        .default_header("X-Cost-Centre", "genomics")
        .default_header("Authorization", "Bearer another")
        .default_header("User-Agent", "another")
        .build()
        .unwrap();
    client.user_info().send().await.unwrap();
    let own = client.request(Method::GET, "/user-info");
    let own = own.header("X-Team", "laboratory");
    own.send_empty().await.unwrap();
    let [first, second] = &*server.seen() else {
        panic!("two calls")
    };
    let of = |seen: &Seen, name: &str| seen.headers.get(name).cloned().unwrap_or_default();
    assert_eq!(of(first, "x-team"), "platform");
    assert_eq!(of(first, "x-cost-centre"), "genomics");
    assert_eq!(of(second, "x-team"), "laboratory");
    for seen in [first, second] {
        assert_ne!(of(seen, "authorization"), "Bearer another");
        assert!(of(seen, "user-agent").starts_with("seqera-rs/"));
    }
    let wrong = server.builder().default_header("X-Bad", "a\nb").build();
    let error = wrong.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("`X-Bad`"), "{error}");
}

#[tokio::test]
async fn hooks_see_every_attempt_and_may_add_headers_but_never_see_the_token() {
    let server = Server::start(|number, _| match number {
        0 => answer(503, "{}"),
        _ => ok(json!({"workflows": []})),
    })
    .await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let (before, after) = (told.clone(), told.clone());
    let client = server
        .builder()
        .retry(hasty())
        .on_request(move |request| {
            let (attempt, workspace) = (request.attempt(), request.workspace_id());
            let workspace = workspace.unwrap_or_default().to_owned();
            let text = format!(
                "{attempt} {} {} {} {workspace}",
                request.operation(),
                request.method(),
                request.path()
            );
            let headers = request.headers_mut();
            assert!(headers.get("authorization").is_none());
            headers.insert("traceparent", HeaderValue::from(attempt));
            headers.insert("authorization", HeaderValue::from_static("Bearer another"));
            before.lock().unwrap().push(text);
        })
        .on_reply(move |reply| {
            assert!(reply.elapsed() < Duration::from_secs(60));
            assert!(reply.headers().contains_key("content-type"));
            let text = format!("{} {}", reply.attempt(), reply.status());
            after.lock().unwrap().push(text);
        })
        .build()
        .unwrap();
    client
        .list_workflows()
        .workspace_id(42)
        .send()
        .await
        .unwrap();
    assert_eq!(
        *told.lock().unwrap(),
        [
            "1 list_workflows GET /workflow 42",
            "1 503 Service Unavailable",
            "2 list_workflows GET /workflow 42",
            "2 200 OK",
        ]
    );
    for (number, seen) in server.seen().iter().enumerate() {
        assert_eq!(seen.headers["traceparent"], (number + 1).to_string());
        assert_ne!(seen.headers["authorization"], "Bearer another");
    }
}

#[tokio::test]
async fn programs_decide_what_is_worth_another_attempt_within_what_does_no_harm() {
    let flaky = async || {
        Server::start(|number, _| match number {
            0 => answer(500, r#"{"message": "restarting"}"#),
            _ => ok(json!({})),
        })
        .await
    };
    let again = |error: &seqera::Error| {
        (error.status()? == StatusCode::INTERNAL_SERVER_ERROR).then_some(true)
    };

    let server = flaky().await;
    server
        .builder()
        .retry(hasty())
        .build()
        .unwrap()
        .user_info()
        .send()
        .await
        .unwrap_err();
    assert_eq!(server.count(), 1);

    let server = flaky().await;
    let client = server
        .builder()
        .retry(hasty())
        .retry_if(again)
        .build()
        .unwrap();
    client.user_info().send().await.unwrap();
    assert_eq!(server.count(), 2);

    // It may have been processed.
    let server = flaky().await;
    let client = server
        .builder()
        .retry(hasty())
        .retry_if(again)
        .build()
        .unwrap();
    client
        .request(Method::POST, "/labels")
        .send_empty()
        .await
        .unwrap_err();
    assert_eq!(server.count(), 1);

    let server = Server::start(|_, _| answer(503, "{}")).await;
    let client = server
        .builder()
        .retry(hasty())
        .retry_if(|_| Some(false))
        .build()
        .unwrap();
    client.user_info().send().await.unwrap_err();
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_proxy_is_asked_in_place_of_the_endpoint_and_a_wrong_one_is_told_without_its_password() {
    let proxy = server().await;
    let client = seqera::Client::builder("t0ken")
        .endpoint("http://seqera.example.com/api")
        .allow_http(true)
        .rate_limit(RateLimit::unlimited())
        .proxy(&proxy.address)
        .build()
        .unwrap();
    client.user_info().send().await.unwrap();
    assert_eq!(
        proxy.seen()[0].target,
        "http://seqera.example.com/api/user-info"
    );
    let wrong = seqera::Client::builder("t0ken")
        .proxy("http://u:s3cret@:x")
        .build();
    let error = wrong.unwrap_err().to_string();
    assert!(
        error.contains("the proxy") && !error.contains("s3cret"),
        "{error}"
    );
}

#[tokio::test]
async fn the_http_client_is_configured_and_an_own_one_is_left_alone() {
    let server = server().await;
    let elsewhere: std::net::SocketAddr = server.address["http://".len()..].parse().unwrap();
    let client = seqera::Client::builder("t0ken")
        .endpoint(format!("http://seqera.example.com:{}", elsewhere.port()))
        .allow_http(true)
        .configure(move |http| http.no_proxy().resolve("seqera.example.com", elsewhere))
        .build()
        .unwrap();
    client.user_info().send().await.unwrap();
    assert_eq!(server.count(), 1);

    let own = server.builder().http_client(reqwest::Client::new());
    let error = own.clone().configure(|http| http).build().unwrap_err();
    assert!(error.to_string().contains("own HTTP client"), "{error}");
    let error = own.proxy(&server.address).build().unwrap_err();
    assert!(error.to_string().contains("own HTTP client"), "{error}");
}
