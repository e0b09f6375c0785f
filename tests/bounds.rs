//! What a server can make a client hold in memory, and for how long.

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use seqera::{ErrorKind, Method};
use support::{Act, Server, json};

/// So many bytes of JSON, a list of zeros.
fn zeros(bytes: usize) -> Vec<u8> {
    let mut json = b"[0".to_vec();
    while json.len() + 3 <= bytes {
        json.extend_from_slice(b",0");
    }
    json.push(b']');
    json
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

fn with_headers(mut headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Act {
    headers.push(("Content-Type", "application/json".to_owned()));
    Act::Reply(200, headers, body)
}

#[tokio::test]
async fn a_reply_that_is_larger_than_allowed_is_an_error_packed_or_not() {
    const LARGEST: usize = 1 << 20;
    let list = zeros(LARGEST);
    let larger = zeros(LARGEST + 100);
    assert!(list.len() <= LARGEST && larger.len() > LARGEST);
    let zipped = |body: &[u8]| with_headers(vec![("Content-Encoding", "gzip".into())], gzip(body));
    let replies = [
        (with_headers(vec![], list.clone()), true),
        (zipped(&list), true),
        (with_headers(vec![], larger.clone()), false),
        (zipped(&larger), false),
        // A bomb: a thousand times what it is packed.
        (zipped(&zeros(64 << 20)), false),
    ];
    for (reply, is_read) in replies {
        let server = Server::start(move |_, _| reply.clone()).await;
        let client = server.builder().largest_reply(LARGEST as u64);
        let client = client
            .read_timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let read = client.request(Method::GET, "/x").send::<Vec<u8>>().await;
        match read {
            Ok(_) => assert!(is_read),
            Err(error) => {
                assert!(!is_read, "{error}");
                assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error}");
                let text = "the reply is larger than 1048576 bytes";
                assert!(error.message().contains(text), "{error}");
                assert_eq!((server.count(), error.attempts()), (1, 1));
            }
        }
    }
}

#[tokio::test]
async fn downloads_may_be_of_any_size_unless_they_are_held_in_memory() {
    let server = Server::start(|_, _| with_headers(vec![], vec![7; 5000])).await;
    let client = server.builder().largest_reply(1000).build().unwrap();
    let download = async || {
        let call = client.request(Method::GET, "/x").send_bytes();
        call.await.unwrap()
    };
    let mut written = Vec::new();
    assert_eq!(download().await.write_to(&mut written).await.unwrap(), 5000);
    let error = download().await.bytes().await.unwrap_err();
    assert!(
        error.message().contains("larger than 1000 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn errors_of_any_size_are_read_to_their_bound() {
    let bomb = gzip(&zeros(64 << 20));
    let server = Server::start(move |_, _| {
        let headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("Content-Encoding", "gzip".to_owned()),
        ];
        Act::Reply(400, headers, bomb.clone())
    })
    .await;
    let error = server.client().user_info().send().await.unwrap_err();
    assert_eq!(error.body().unwrap().len(), 64 * 1024);
    assert!(error.message().chars().count() <= 501);
}

#[tokio::test]
async fn headers_without_end_are_an_error() {
    let server = Server::start(|_, _| {
        let head = "HTTP/1.1 200 OK\r\n".to_owned() + &"X-More: and more\r\n".repeat(200_000);
        Act::Raw(head.into_bytes())
    })
    .await;
    let error = server.client().user_info().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error:?}");
}

/// A reply of so many bytes that come one by one, each within the read timeout.
fn dribble(bytes: usize) -> Act {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        bytes + 2
    );
    let mut pieces = vec![head.into_bytes()];
    pieces.extend((0..bytes).map(|_| b" ".to_vec()));
    pieces.push(b"{}".to_vec());
    Act::Drip(pieces, Duration::from_millis(50))
}

#[tokio::test]
async fn a_reply_that_dribbles_ends_with_the_time_for_the_whole_call() {
    let server = Server::start(|_, _| dribble(200)).await;
    let bound = Duration::from_millis(500);
    let client = server.builder().call_timeout(bound).build().unwrap();
    let begun = Instant::now();
    let error = client.user_info().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.message().contains("`call_timeout`"), "{error}");
    assert_eq!(error.attempts(), 1, "another would take as long");
    assert!((bound..3 * bound).contains(&begun.elapsed()));
}

#[tokio::test]
async fn the_time_for_the_whole_call_counts_its_attempts_together() {
    let server =
        Server::start(|_, _| Act::Late(Duration::from_millis(150), Box::new(json(503, "")))).await;
    let client = server.builder().call_timeout(Duration::from_millis(400));
    let client = client.retry(support::hasty().attempts(50)).build().unwrap();
    let begun = Instant::now();
    let error = client.user_info().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(server.count() <= 4);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn streams_take_as_long_as_they_take() {
    let server = Server::start(|_, _| dribble(20)).await;
    let client = server.builder().call_timeout(Duration::from_millis(300));
    let call = client.build().unwrap().request(Method::GET, "/x");
    let stream = call.send_bytes().await.unwrap();
    assert_eq!(stream.bytes().await.unwrap().len(), 22);
}
