//! The cost of a call: the crate, unlimited, against reqwest and serde by hand, over loopback.

#[path = "support/by_hand.rs"]
mod by_hand;
mod support;

use std::time::Duration;

use futures_util::future::join_all;
use seqera::RateLimit;
use seqera::prelude::*;
use serde::de::DeserializeOwned;

const TOKEN: &str = "t0ken";

const USER: &str = r#"{"user":{"id":12,"userName":"ada","email":"ada@example.com","firstName":null,"lastName":null,"organization":"acme","description":null,"avatar":"https://seqera.example.com/avatars/7","avatarId":null,"notification":true,"termsOfUseConsent":true,"marketingConsent":false,"lastAccess":"2026-03-01T09:30:00Z","dateCreated":"2024-11-20T08:00:00Z","lastUpdated":"2026-02-27T17:12:09.553Z","deleted":false},"needConsent":false,"defaultWorkspaceId":42}"#;

async fn by_hand<T: DeserializeOwned>(http: &reqwest::Client, url: &str) -> T {
    let request = http
        .get(url)
        .bearer_auth(TOKEN)
        .header("Accept", "application/json")
        .header("Accept-Version", "1");
    let reply = request.send().await.unwrap().error_for_status().unwrap();
    serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap()
}

fn main() {
    let page = support::http_reply(&support::page_of_runs(100));
    let user = support::http_reply(USER);
    let endpoint = support::serve(Duration::ZERO, move |target| {
        let is_list = target.starts_with("/workflow");
        if is_list { page.clone() } else { user.clone() }
    });
    let client = Client::builder(TOKEN)
        .endpoint(&endpoint)
        .rate_limit(RateLimit::unlimited())
        .build()
        .unwrap();
    let http = reqwest::Client::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();

    for (concurrency, calls, rounds) in [(1, 1_000, 61), (64, 64, 61)] {
        let url = format!("{endpoint}/user-info");
        let ours = async || {
            for _ in 0..calls {
                let reply = client.user_info().send().await.unwrap();
                assert!(reply.user.is_some());
            }
        };
        let theirs = async || {
            for _ in 0..calls {
                let reply: by_hand::UserInfo = by_hand(&http, &url).await;
                assert!(reply.user.is_some());
            }
        };
        support::side_by_side(
            &format!("user_info, {concurrency} at a time"),
            rounds,
            || drop(runtime.block_on(join_all((0..concurrency).map(|_| ours())))),
            || drop(runtime.block_on(join_all((0..concurrency).map(|_| theirs())))),
        );
    }
    for (concurrency, calls, rounds) in [(1, 100, 41), (64, 2, 41)] {
        let url = format!("{endpoint}/workflow?workspaceId=42&max=100");
        let ours = async || {
            for _ in 0..calls {
                let call = client.list_workflows().workspace_id(42).max(100);
                assert!(call.send().await.unwrap().workflows.is_some());
            }
        };
        let theirs = async || {
            for _ in 0..calls {
                let reply: by_hand::Page = by_hand(&http, &url).await;
                assert!(reply.workflows.is_some());
            }
        };
        support::side_by_side(
            &format!("list_workflows of 100 runs, {concurrency} at a time"),
            rounds,
            || drop(runtime.block_on(join_all((0..concurrency).map(|_| ours())))),
            || drop(runtime.block_on(join_all((0..concurrency).map(|_| theirs())))),
        );
    }
}
