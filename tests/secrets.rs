//! The token, and other values that may be secret, are in nothing that is logged or printed.

mod support;

use seqera::prelude::*;
use seqera::{Method, RateLimit};
use support::{Act, Log, Server, json, reply};
use tracing::Instrument;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;

fn record() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::CLOSE)
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn neither_token_nor_values_are_shown() {
    let (log, _guard) = record();
    let server = Server::start(|number, seen| match number {
        // A server that repeats what it was sent.
        0 => json(
            401,
            format!(r#"{{"message":"bad {}"}}"#, seen.headers["authorization"]),
        ),
        // And once more where the call is tried again.
        1 => json(
            503,
            format!(
                r#"{{"message":"busy with {}"}}"#,
                seen.headers["authorization"]
            ),
        ),
        2 => Act::Reply(
            307,
            vec![("Location", "http://127.0.0.1:9/k?X-Signature=s3cret".into())],
            vec![],
        ),
        3 => Act::Reset(vec![]),
        _ => json(200, "{}"),
    })
    .await;
    let client = Client::builder("s3cret-t0ken")
        .endpoint(&server.address)
        .rate_limit(RateLimit::per_second(2))
        .retry(support::hasty())
        .build()
        .unwrap();
    let mut shown = format!("{client:?}");
    for _ in 0..4 {
        let call = client
            .request(Method::GET, "/x")
            .query("search", "s3cret")
            .header("X-Key", "s3cret");
        shown += &format!("{call:?}");
        match call.send_with_response::<serde_json::Value>().await {
            Ok(reply) => shown += &format!("{:?}", reply.headers()),
            Err(error) => {
                shown += &format!("{error} {error:?} {error:#?}");
                shown += &String::from_utf8_lossy(error.body().unwrap_or_default());
                let mut below = std::error::Error::source(&error);
                while let Some(error) = below {
                    shown += &format!("{error} {error:?}");
                    below = error.source();
                }
            }
        }
    }
    let logged = log.text();
    assert!(logged.contains("waited for the rate limit"), "{logged}");
    let waits = logged.split("waited_ms=").skip(1);
    let mut waits = waits.filter_map(|rest| rest.split([' ', '}']).next()?.parse::<u64>().ok());
    assert!(waits.any(|wait| wait > 100), "{logged}");
    shown += &logged;
    assert!(shown.contains("[redacted]"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn replies_that_repeat_the_token_are_redacted_before_they_are_cut() {
    let server = Server::start(|number, seen| {
        let token = &seen.headers["authorization"];
        match number {
            // Cut off within the token.
            4 => Act::Raw(
                format!(
                    "HTTP/1.1 401 No\r\nContent-Length: 999\r\n\r\n{}",
                    &token[..17]
                )
                .into_bytes(),
            ),
            // What is read as something else than text is quoted by its error.
            5 => json(200, format!(r#"{{"user":"{token}"}}"#)),
            // Messages are cut to 500 characters, bodies to 64 KiB.
            0 => json(
                401,
                format!(r#"{{"message":"{} {token}"}}"#, "x".repeat(485)),
            ),
            1 => reply(401, "text/plain", "x".repeat(64 * 1024 - 12) + token),
            2 => json(200, format!(r#"{{"message":"{token}"#)),
            _ => reply(
                200,
                "text/html",
                format!("<html><title>{token}</title></html>"),
            ),
        }
    })
    .await;
    let client = Client::builder("s3cret-t0ken")
        .endpoint(&server.address)
        .rate_limit(RateLimit::unlimited())
        .build()
        .unwrap();
    for _ in 0..6 {
        let call = client.request(Method::GET, "/user-info");
        let read = call.send::<std::collections::BTreeMap<String, u64>>().await;
        let error = read.unwrap_err();
        let body = String::from_utf8_lossy(error.body().unwrap());
        let shown = format!("{error} {error:?} {body}");
        assert!(
            !shown.contains("s3cret"),
            "{}",
            &shown[shown.len().saturating_sub(200)..]
        );
    }
}

#[tokio::test]
async fn the_spans_of_the_caller_are_left_alone() {
    let log = Log::default();
    let own_spans_only = tracing_subscriber::filter::Targets::new()
        .with_target("seqera", tracing::Level::WARN)
        .with_default(tracing::Level::INFO);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(log.clone())
        .with_ansi(false)
        .with_span_events(FmtSpan::CLOSE);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(own_spans_only));
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = Server::start(|_, _| json(404, "{}")).await;
    let span = tracing::info_span!("handler", status = 200, attempts = 7);
    let call = server.client().user_info().send();
    call.instrument(span).await.unwrap_err();
    let text = log.text();
    assert!(text.contains("handler{status=200 attempts=7}"), "{text}");
    assert!(!text.contains("404"), "{text}");
}

#[tokio::test]
async fn one_span_a_call_tells_how_it_went() {
    let (log, _guard) = record();
    let server = Server::start(|number, _| {
        if number == 0 {
            json(502, "")
        } else {
            json(200, "{}")
        }
    })
    .await;
    let call = server
        .client()
        .request(Method::GET, "/workflow?search=s3cret");
    call.send::<serde_json::Value>().await.unwrap();
    let text = log.text();
    let closed: Vec<_> = text
        .lines()
        .filter(|line| line.contains("close") && line.contains("seqera{"))
        .collect();
    assert_eq!(closed.len(), 1, "{text}");
    for field in [
        "operation=GET /workflow ",
        "method=GET",
        "path=/workflow ",
        "status=200 attempts=2",
        "waited_ms=",
        "duration_ms=",
    ] {
        assert!(closed[0].contains(field), "{field}: {}", closed[0]);
    }
    assert!(!closed[0].contains("502"), "{}", closed[0]);
    assert!(text.contains("trying again"), "{text}");
}

#[tokio::test]
async fn the_span_of_a_call_that_is_dropped_tells_how_far_it_came() {
    let (log, _guard) = record();
    let server = Server::start(|_, _| Act::Stall).await;
    let client = server.client();
    let call = client.user_info().send();
    let call = tokio::time::timeout(std::time::Duration::from_millis(200), call);
    call.await.unwrap_err();
    let text = log.text();
    let is_end = |line: &&str| line.contains("close") && line.contains("seqera{");
    let closed = text.lines().find(is_end).unwrap();
    assert!(closed.contains("attempts=1"), "{closed}");
    assert!(closed.contains("duration_ms="), "{closed}");
}
