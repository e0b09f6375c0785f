//! What callers get, and how often the server is asked, when the server or the network misbehaves.

#[path = "faults/connections.rs"]
mod connections;
#[path = "faults/limits.rs"]
mod limits;
#[path = "faults/redirects.rs"]
mod redirects;
mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use seqera::prelude::*;
use seqera::{Error, ErrorKind, Method, RateLimit, RetryPolicy, types};
use serde_json::Value;
use support::{Act, Reset, Server, client_of, json, message, reply};

const OK: &str = r#"{"user":{"userName":"ada"}}"#;

fn user_name(reply: &types::DescribeUserResponse) -> Option<&str> {
    reply.user.as_ref()?.user_name.as_deref()
}

const METHODS: [Method; 6] = [
    Method::HEAD,
    Method::GET,
    Method::PUT,
    Method::DELETE,
    Method::POST,
    Method::PATCH,
];

/// Those whose replies have a body.
const WITH_BODY: &[Method] = METHODS.split_at(1).1;

/// Makes a call of each method, and says how often the server saw it.
async fn of_each_method(act: impl Fn() -> Act) -> Vec<(Method, usize, Error)> {
    of_methods(&METHODS, act).await
}

async fn of_methods(methods: &[Method], act: impl Fn() -> Act) -> Vec<(Method, usize, Error)> {
    let outcomes = outcomes(methods, act).await.into_iter();
    let errors = outcomes.map(|(method, count, outcome)| (method, count, outcome.unwrap_err()));
    errors.collect()
}

async fn outcomes(
    methods: &[Method],
    act: impl Fn() -> Act,
) -> Vec<(Method, usize, Result<Value, Error>)> {
    let mut calls = Vec::new();
    for method in methods {
        let act = act();
        let server = Server::start(move |_, _| act.clone()).await;
        // All clients before the first call, which would be held up by their making.
        let client = server.client();
        calls.push(async move {
            let outcome = call(&client, method.clone()).await;
            (method.clone(), server.count(), outcome)
        });
    }
    join_all(calls).await
}

async fn call(client: &Client, method: Method) -> Result<Value, Error> {
    let mut request = client
        .request(method.clone(), "/things/7")
        .query("workspaceId", 42);
    if !matches!(method, Method::GET | Method::HEAD | Method::DELETE) {
        request = request.json(&serde_json::json!({ "name": "x" }));
    }
    request.send::<Value>().await
}

fn is_idempotent(method: &Method) -> bool {
    !matches!(*method, Method::POST | Method::PATCH)
}

#[tokio::test]
async fn statuses_that_may_follow_work_done_repeat_only_calls_that_are_safe_to() {
    for status in [502, 503, 504] {
        for (method, count, error) in
            of_each_method(|| reply(status, "text/html", "<title>Bad Gateway</title>")).await
        {
            let expected = if is_idempotent(&method) { 3 } else { 1 };
            assert_eq!(count, expected, "{method} {status}");
            assert_eq!(error.attempts() as usize, expected);
            assert_eq!(error.status().unwrap().as_u16(), status);
            assert!(error.is_retryable());
            if method != Method::HEAD {
                assert_eq!(error.message(), "Bad Gateway");
            }
        }
    }
}

#[tokio::test]
async fn refusals_are_not_repeated() {
    for status in [400, 401, 403, 404, 405, 408, 409, 422, 500, 501] {
        for (method, count, error) in of_each_method(|| json(status, r#"{"message":"no"}"#)).await {
            assert_eq!(count, 1, "{method} {status}");
            assert_eq!(error.kind(), ErrorKind::Status);
            assert!(!error.is_retryable());
        }
    }
}

#[tokio::test]
async fn a_deletion_that_was_carried_out_has_succeeded() {
    for (first, second) in [
        (reply(502, "text/html", ""), 404),
        (reply(504, "text/html", ""), 410),
        (Act::Reset(vec![]), 404),
    ] {
        let server = Server::start(move |number, _| match number {
            0 => first.clone(),
            _ => json(second, r#"{"message":"no such label"}"#),
        })
        .await;
        let client = server.client();
        let deleted = client.delete_label().label_id(7).send().await;
        assert!(deleted.is_ok(), "{:?}", deleted.err());
        assert_eq!(server.count(), 2);
    }
    // Nothing was there in the first place.
    let server = Server::start(|_, _| json(404, "")).await;
    let client = server.client();
    let error = client.delete_label().label_id(7).send().await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    // A limit is no sign of a deletion.
    let server = Server::start(|number, _| json(if number == 0 { 429 } else { 404 }, "")).await;
    let client = server.client();
    let error = client.delete_label().label_id(7).send().await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    // Others read nothing into it.
    let server = Server::start(|number, _| json(if number == 0 { 502 } else { 404 }, "")).await;
    let error = server.client().user_info().send().await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test]
async fn slow_bodies_are_read_to_their_end() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", OK.len());
    let mut pieces = vec![head.into_bytes()];
    pieces.extend(OK.as_bytes().chunks(3).map(<[u8]>::to_vec));
    let pause = Duration::from_millis(40);
    // Longer than the read timeout as a whole.
    assert!(pause * pieces.len() as u32 > Duration::from_millis(250));
    let act = Act::Drip(pieces, pause);
    for (method, count, outcome) in outcomes(WITH_BODY, || act.clone()).await {
        assert_eq!(outcome.unwrap()["user"]["userName"], "ada", "{method}");
        assert_eq!(count, 1, "{method}");
    }
}

#[tokio::test]
async fn an_error_that_dribbles_or_breaks_off_still_counts_by_its_status() {
    let head = "HTTP/1.1 403 Forbidden\r\nContent-Length: 500\r\n\r\n{\"message\":\"not yo";
    for act in [
        Act::Raw(head.into()),
        Act::Reset(head.into()),
        Act::Drip(
            vec![head.into(), vec![b' '; 400], vec![b' '; 99]],
            Duration::from_millis(200),
        ),
    ] {
        let server = Server::start(move |_, _| act.clone()).await;
        let error = server.client().user_info().send().await.unwrap_err();
        assert!(error.is_forbidden());
        assert!(error.message().contains("not yo"), "{error}");
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn a_body_longer_than_its_length_is_read_as_far_as_it_is_declared() {
    let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{OK}");
    let act = || Act::Raw(text.clone().into());
    for (method, count, error) in of_methods(WITH_BODY, act).await {
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert_eq!(
            error.to_string(),
            format!("{method} /things/7: 200 OK: the reply is not JSON, or was cut off")
        );
        assert_eq!(error.body(), Some(&OK.as_bytes()[..9]));
        assert_eq!(count, 1, "{method}");
    }
}

#[tokio::test]
async fn gzip_is_read_and_what_only_claims_to_be_gzip_is_an_error() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(OK.as_bytes()).unwrap();
    let real = encoder.finish().unwrap();
    let gzip =
        |status, body: Vec<u8>| Act::Reply(status, vec![("Content-Encoding", "gzip".into())], body);

    let act = gzip(200, real);
    let server = Server::start(move |_, _| act.clone()).await;
    assert_eq!(
        user_name(&server.client().user_info().send().await.unwrap()),
        Some("ada")
    );

    let act = gzip(200, OK.into());
    let server = Server::start(move |_, _| act.clone()).await;
    let error = server.client().user_info().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error:?}");
    assert_eq!(server.count(), 1);

    let act = gzip(403, b"{}".to_vec());
    let server = Server::start(move |_, _| act.clone()).await;
    assert!(
        server
            .client()
            .user_info()
            .send()
            .await
            .unwrap_err()
            .is_forbidden()
    );
}

#[tokio::test]
async fn a_login_page_is_no_success() {
    let page = "<!DOCTYPE html><html><head><title>Sign in</title></head></html>";
    let server = Server::start(move |_, _| reply(200, "text/html; charset=utf-8", page)).await;
    let client = server.client();
    let error = client.user_info().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(
        error
            .to_string()
            .starts_with("user_info: 200 OK: a web page (\"Sign in\") instead of the API"),
        "{error}"
    );
    let deleted = client
        .request(Method::DELETE, "/things/7")
        .send_empty()
        .await;
    assert_eq!(deleted.unwrap_err().kind(), ErrorKind::InvalidResponse);

    // Nor is it a file, unless a page was asked for.
    let log = |name| {
        client
            .download_workflow_log()
            .workflow_id("4rnaseq")
            .file_name(name)
    };
    let error = log("nextflow.log").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    let report = log("report.html").send().await.unwrap();
    assert_eq!(report.bytes().await.unwrap(), page);
}

#[tokio::test]
async fn successes_without_a_body_are_values() {
    for act in [
        Act::Reply(204, vec![], vec![]),
        Act::Reply(200, vec![], vec![]),
        json(202, "{}"),
    ] {
        let status = match &act {
            Act::Reply(status, ..) => *status,
            _ => unreachable!(),
        };
        let server = Server::start(move |_, _| act.clone()).await;
        let user = server.client().user_info().send_with_response();
        let user = user.await.unwrap();
        assert_eq!(user.status().as_u16(), status);
        assert_eq!(user_name(user.value()), None);
        let raw = server
            .client()
            .request(Method::PUT, "/x")
            .send_empty_with_response()
            .await
            .unwrap();
        assert_eq!(raw.status().as_u16(), status);
    }
}

#[tokio::test]
async fn typed_calls_behave_as_raw_ones() {
    let server = Server::start(|_, _| json(503, "")).await;
    let client = server.client();
    let label = types::CreateLabelRequest::new().name("urgent");
    for (mistake, text) in [
        (
            client.describe_pipeline().send().await.unwrap_err(),
            "describe_pipeline: `pipeline_id` is required: call .pipeline_id(..)",
        ),
        (
            client.create_label().send().await.unwrap_err(),
            "create_label: `body` is required: call .body(..)",
        ),
    ] {
        assert_eq!(mistake.to_string(), text);
        assert_eq!(
            (mistake.kind(), mistake.attempts()),
            (ErrorKind::InvalidRequest, 0)
        );
    }
    assert_eq!(server.count(), 0);

    let error = client
        .create_label()
        .workspace_id(42)
        .body(label)
        .send()
        .await
        .unwrap_err();
    assert_eq!((server.count(), error.attempts()), (1, 1));
    assert_eq!(error.operation(), Some("create_label"));
    let seen = &server.seen()[0];
    assert_eq!(
        (&*seen.method, &*seen.target),
        ("POST", "/labels?workspaceId=42")
    );
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(seen.headers["accept-version"], "1");
    assert!(seen.headers["user-agent"].starts_with("seqera-rs/"));
    assert!(seen.headers["authorization"].starts_with("Bearer t0ken-"));
    assert_eq!(seen.body, br#"{"name":"urgent"}"#);
}

#[tokio::test]
async fn a_call_that_fails_and_then_succeeds_is_a_success() {
    let server = Server::start(|number, _| match number {
        0 => reply(502, "text/html", "<html>"),
        1 => Act::Reset(vec![]),
        _ => json(200, OK),
    })
    .await;
    let user = server.client().user_info().send().await.unwrap();
    assert_eq!(user_name(&user), Some("ada"));
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_post_known_to_be_safe_is_repeated_when_the_caller_says_so() {
    let server = Server::start(|_, _| json(503, "")).await;
    let call = server
        .client()
        .request(Method::POST, "/validate")
        .json("x")
        .safe_to_repeat();
    call.send_empty().await.unwrap_err();
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn dropping_a_call_stops_it() {
    let server = Server::start(|_, _| json(503, "")).await;
    let slow = RetryPolicy::default()
        .attempts(100)
        .base_backoff(Duration::from_millis(40));
    let call = server.client().with_retry(slow).user_info().send();
    tokio::time::timeout(Duration::from_millis(100), call)
        .await
        .unwrap_err();
    let count = server.count();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.count(), count);
}

#[tokio::test]
async fn cloud_storage_explains_itself_without_its_signature() {
    let xml = "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>Request has expired</Message><SignatureProvided>s3cret</SignatureProvided></Error>";
    let storage = Server::start(move |_, _| reply(403, "application/xml", xml)).await;
    let location = format!("{}/key?X-Signature=s3cret", storage.address);
    let platform =
        Server::start(move |_, _| Act::Reply(307, vec![("Location", location.clone())], vec![]))
            .await;
    let error = platform
        .client()
        .request(Method::GET, "/datasets/1")
        .send_bytes()
        .await
        .unwrap_err();
    assert_eq!(error.message(), "Request has expired");
    assert_eq!(error.body(), None);
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

/// What a line on a terminal must not hold: it would clear the screen, or read as another text.
fn misleads(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && c != '\n')
}

#[tokio::test]
async fn what_servers_say_neither_drives_a_terminal_nor_turns_its_text() {
    let said = "\u{1b}[2J\u{9b}31mphoto-\u{202e}gpj.exe\u{202c}\u{2066}\u{2069}\u{200f}\u{61c}";
    let of_json = |body: serde_json::Value| json(403, body.to_string());
    let acts = [
        of_json(serde_json::json!({"message": said})),
        of_json(serde_json::json!({"message": "refused", "errors": [
            {"code": said, "message": said}, {"code": "B", "message": said},
        ]})),
        of_json(serde_json::json!({"message": "in use", "conflicts": [
            {"type": said, "id": said, "name": said},
        ]})),
        of_json(serde_json::json!({"error": said, "error_description": said})),
        reply(403, "text/plain; charset=utf-8", said),
        reply(
            403,
            "text/html; charset=utf-8",
            format!("<html><title>{said}</title></html>"),
        ),
        reply(
            403,
            "application/xml",
            format!("<Error><Code>{said}</Code><Message>{said}</Message></Error>"),
        ),
        // What is not what it should be is quoted by the error.
        json(200, serde_json::json!({"user": said}).to_string()),
        json(200, said),
    ];
    for act in acts {
        let replied = act.clone();
        let server = Server::start(move |_, _| replied.clone()).await;
        let call = server.client().request(Method::GET, "/user-info");
        let read = call.send::<std::collections::BTreeMap<String, u64>>();
        let error = read.await.unwrap_err();
        for shown in [
            format!("{error}"),
            format!("{error:?}"),
            format!("{error:#?}"),
        ] {
            assert!(!shown.contains(misleads), "{shown:?}");
            let is_told = shown.contains("gpj.exe") || error.status().is_none_or(|it| it == 200);
            assert!(is_told, "{shown}: {act:?}");
        }
    }
}

#[tokio::test]
async fn raw_calls_go_to_the_endpoint_only() {
    let server = Server::start(|_, _| json(200, r#"{"a":[1]}"#)).await;
    let client = server
        .builder()
        .endpoint(format!("{}/api/", server.address))
        .build()
        .unwrap();
    let whole = format!("{}/api/new?b=2", server.address);
    for path in ["/new?b=2", &whole] {
        let value = client
            .request(Method::GET, path)
            .query("c", "d e")
            .send::<Value>()
            .await
            .unwrap();
        assert_eq!(value["a"][0], 1);
    }
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.target == "/api/new?b=2&c=d%20e")
    );
    let near = format!("{}/apiary", server.address);
    for path in [
        "https://elsewhere.example/x",
        "new",
        "",
        "@elsewhere.example/x",
        &near,
    ] {
        let error = client
            .request(Method::GET, path)
            .send_empty()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{path}");
    }
    client
        .request(Method::GET, "//elsewhere.example/x")
        .send_empty()
        .await
        .unwrap();
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn downloads_stream_and_say_where_they_broke() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n";
    let server = Server::start(move |number, _| match number {
        0 => Act::Raw(format!("{head}0123456789").into()),
        _ => Act::Raw(format!("{head}012").into()),
    })
    .await;
    let client = server.client();
    let whole = client
        .request(Method::GET, "/log")
        .send_bytes()
        .await
        .unwrap();
    assert_eq!(whole.content_length(), Some(10));
    let mut file = Vec::new();
    assert_eq!(whole.write_to(&mut file).await.unwrap(), 10);
    assert_eq!(file, b"0123456789");

    let broken = client
        .request(Method::GET, "/log")
        .send_bytes()
        .await
        .unwrap();
    let error = broken.bytes().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::Connection, Some("GET /log"))
    );
    assert_eq!(
        server.count(),
        2,
        "what was handed over is not fetched again"
    );
}
