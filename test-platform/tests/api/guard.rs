//! Token, call rate, latency, unknown paths, stopping.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use seqera_test_platform::TestPlatform;
use serde_json::Value;

use crate::client::{Api, of_workspace};

#[tokio::test]
async fn a_call_without_the_token_is_unauthorized() {
    let platform = TestPlatform::start().await.unwrap();
    let url = format!("{}/user-info", platform.endpoint());
    let bare = Client::new().get(&url).send().await.unwrap();
    let wrong = Client::new()
        .get(&url)
        .bearer_auth("other")
        .send()
        .await
        .unwrap();
    for reply in [bare, wrong] {
        assert_eq!(reply.status(), 401);
        let body: Value = reply.json().await.unwrap();
        assert_eq!(body["message"], "Unauthorized");
    }
}

#[tokio::test]
async fn the_twenty_first_call_of_a_second_is_refused_until_the_second_is_over() {
    let api = Api::of(TestPlatform::builder()).await;
    let started = Instant::now();
    for _ in 0..20 {
        api.get("/service-info").await;
    }
    let early = api
        .request(Method::GET, "/service-info")
        .send()
        .await
        .unwrap();
    // A very slow machine may have let the second pass.
    if started.elapsed() < Duration::from_secs(1) {
        assert_eq!(early.status(), 429);
        let message = early.text().await.unwrap();
        assert!(
            message.contains("Maximum request rate exceeded"),
            "{message}"
        );
    }
    tokio::time::sleep(Duration::from_millis(1050)).await;
    api.get("/service-info").await;
}

#[tokio::test]
async fn latency_is_kept() {
    let latency = Duration::from_millis(80);
    let api = Api::of(TestPlatform::builder().latency(latency)).await;
    let started = Instant::now();
    api.get("/service-info").await;
    assert!(started.elapsed() >= latency);
}

#[tokio::test]
async fn unknown_paths_methods_and_workspaces_are_refused_in_json() {
    let api = Api::start().await;
    for (method, path, status) in [
        (Method::GET, "/no-such-thing", 404),
        (Method::DELETE, "/user-info", 405),
        (Method::GET, "/pipelines?workspaceId=1", 403),
        (Method::GET, "/pipelines?workspaceId=research", 400),
    ] {
        let reply = api.request(method, path).send().await.unwrap();
        assert_eq!(reply.status(), status, "{path}");
        let body: Value = reply.json().await.unwrap();
        assert!(body["message"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn a_page_of_more_than_a_hundred_is_refused() {
    let api = Api::start().await;
    for path in [
        "/workflow",
        "/pipelines",
        "/labels",
        "/datasets",
        "/data-links",
        "/studios",
    ] {
        api.get(&of_workspace(&format!("{path}?max=100"))).await;
        let path = of_workspace(&format!("{path}?max=101"));
        let message = api.refused(Method::GET, &path, None, 400).await;
        assert!(message.contains("max"), "{message}");
    }
}

#[tokio::test]
async fn the_calls_are_on_record() {
    let api = Api::start().await;
    api.get("/service-info").await;
    api.get("/orgs?role=owner").await;
    assert_eq!(
        api.platform.calls(),
        ["GET /service-info", "GET /orgs?role=owner"]
    );
}

#[tokio::test]
async fn a_dropped_platform_stops() {
    let platform = TestPlatform::start().await.unwrap();
    let url = format!("{}/service-info", platform.endpoint());
    let call = |client: Client| client.get(&url).bearer_auth("x").send();
    assert!(call(Client::new()).await.is_ok());
    drop(platform);
    let stopped = async { while call(Client::new()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(5), stopped)
        .await
        .unwrap();
}
