//! Uploads to data links by the three protocols, against stand-ins of the stores.
#![cfg(feature = "transfers")]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use md5::Digest;
use seqera::{ErrorKind, Id, Progress};
use seqera_test_platform::{BUCKET, WORKSPACE};
use support::{Act, Log, Seen, Server, content, folder, json, laboratory, reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a store has.
#[derive(Default)]
struct Shelf {
    parts: BTreeMap<String, Vec<u8>>,
    /// Of a Google session.
    session: Vec<u8>,
    object: Option<Vec<u8>>,
    open: bool,
    aborted: bool,
}

type Shared = Arc<Mutex<Shelf>>;
type Fault = Box<dyn Fn(usize, &Seen) -> Option<Act> + Send + Sync>;

/// A Platform, and a store of the provider.
struct Cloud {
    platform: Server,
    store: Server,
    shelf: Shared,
}

/// So large are parts in these tests; Google's smallest.
const PART: u64 = 256 << 10;

impl Cloud {
    async fn start(provider: &'static str, on_platform: Fault, on_store: Fault) -> Self {
        Self::start_behind(provider, on_platform, on_store, None).await
    }

    /// The first connection to the store is cut after so many bytes.
    async fn start_behind(
        provider: &'static str,
        on_platform: Fault,
        on_store: Fault,
        cut_after: Option<u64>,
    ) -> Self {
        let shelf = Shared::default();
        let stored = shelf.clone();
        let store = Server::start(move |number, seen| {
            let act = match provider {
                "google" => google(&mut stored.lock().unwrap(), seen),
                "azure" => azure(&mut stored.lock().unwrap(), seen),
                _ => s3(&mut stored.lock().unwrap(), seen),
            };
            match on_store(number, seen) {
                // The session keeps half of what a broken request brought.
                Some(fault) => {
                    let shelf = &mut *stored.lock().unwrap();
                    if provider == "google" && !seen.body.is_empty() {
                        let half = shelf.session.len() - seen.body.len() / 2;
                        shelf.session.truncate(half);
                        shelf.object = None;
                    }
                    fault
                }
                None => act,
            }
        })
        .await;
        let address = match cut_after {
            Some(bytes) => cutting_proxy(&store.address, bytes).await,
            None => store.address.clone(),
        };
        let stored = shelf.clone();
        let platform = Server::start(move |number, seen| {
            let act = platform(provider, &address, &mut stored.lock().unwrap(), seen);
            on_platform(number, seen).unwrap_or(act)
        })
        .await;
        Self {
            platform,
            store,
            shelf,
        }
    }

    async fn sound(provider: &'static str) -> Self {
        Self::start(provider, Box::new(|_, _| None), Box::new(|_, _| None)).await
    }

    fn files(&self) -> seqera::DataLink {
        let files = self.platform.client().data_link(Id("v1"));
        files.workspace(7).part_size(PART)
    }

    fn object(&self) -> Option<Vec<u8>> {
        self.shelf.lock().unwrap().object.clone()
    }

    fn check_requests(&self) {
        for seen in self.store.seen() {
            assert!(!seen.headers.contains_key("authorization"), "{seen:?}");
            assert!(
                !seen.headers.contains_key("transfer-encoding"),
                "the length is known"
            );
            assert_eq!(seen.headers["content-length"], seen.body.len().to_string());
            assert!(seen.body.len() as u64 <= PART);
        }
    }

    fn calls(&self) -> Vec<String> {
        let seen = self.platform.seen();
        seen.iter()
            .map(|seen| format!("{} {}", seen.method, seen.path()))
            .collect()
    }
}

/// Passes connections on, but the first only in part.
async fn cutting_proxy(to: &str, bytes: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let to = to.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        let mut left = Some(bytes);
        while let Ok((mut from, _)) = listener.accept().await {
            let mut store = TcpStream::connect(&to).await.unwrap();
            let part = left.take();
            tokio::spawn(async move {
                match part {
                    Some(bytes) => {
                        let mut part = from.take(bytes);
                        let _ = tokio::io::copy(&mut part, &mut store).await;
                    }
                    None => drop(tokio::io::copy_bidirectional(&mut from, &mut store).await),
                }
            });
        }
    });
    address
}

fn platform(provider: &str, store: &str, shelf: &mut Shelf, seen: &Seen) -> Act {
    let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    match (seen.method.as_str(), seen.path()) {
        ("GET", "/data-links/v1") => json(
            200,
            format!(r#"{{"dataLink":{{"provider":"{provider}"}}}}"#),
        ),
        ("GET", "/data-links/v1/browse/a/b") => {
            let objects: Vec<_> = (shelf.object.iter())
                .map(|object| serde_json::json!({"type":"FILE","name":"x.csv","size":object.len()}))
                .collect();
            json(200, serde_json::json!({ "objects": objects }).to_string())
        }
        ("POST", "/data-links/v1/upload/a/b") => {
            assert_eq!(body["fileName"], "x.csv");
            assert_eq!(body["contentType"], "text/csv");
            shelf.open = true;
            let length = body["contentLength"].as_u64().unwrap();
            let count = if provider == "aws" {
                length.div_ceil(PART).max(1)
            } else {
                1
            };
            let urls: Vec<_> = (1..=count)
                .map(|part| format!("{store}/b/x.csv?part={part}&sig=s3cret%2Fb"))
                .collect();
            json(
                200,
                serde_json::json!({"uploadId":"u1","uploadUrls":urls}).to_string(),
            )
        }
        ("POST", "/data-links/v1/upload/finish/a/b") => {
            assert_eq!(
                (&body["uploadId"], &body["fileName"]),
                (&"u1".into(), &"x.csv".into())
            );
            if !shelf.open {
                return json(400, r#"{"message":"Unknown upload"}"#);
            }
            shelf.open = false;
            if body["withError"] == true {
                shelf.aborted = true;
                return json(200, "");
            }
            let mut whole = Vec::new();
            for (tag, number) in body["tags"].as_array().unwrap().iter().zip(1..) {
                assert_eq!(tag["partNumber"], number, "in order");
                assert_eq!(tag["eTag"], format!("\"etag-{number}\""));
                whole.extend(&shelf.parts[&format!("{number:04}")]);
            }
            shelf.object = Some(whole);
            json(200, "")
        }
        _ => reply(501, "text/plain", format!("unexpected: {}", seen.target)),
    }
}

fn s3(shelf: &mut Shelf, seen: &Seen) -> Act {
    assert_eq!(seen.method, "PUT");
    let part: u64 = seen.query("part").unwrap().parse().unwrap();
    shelf.parts.insert(format!("{part:04}"), seen.body.clone());
    Act::Reply(200, vec![("ETag", format!("\"etag-{part}\""))], vec![])
}

fn azure(shelf: &mut Shelf, seen: &Seen) -> Act {
    assert!(
        seen.target.contains("sig=s3cret%2Fb"),
        "the signature stays as it is"
    );
    match seen.query("comp").as_deref() {
        Some("block") => {
            let id = seen.query("blockid").unwrap();
            base64::prelude::BASE64_STANDARD.decode(&id).unwrap();
            shelf.parts.insert(id, seen.body.clone());
            let digest = md5::Md5::digest(&seen.body);
            let digest = base64::prelude::BASE64_STANDARD.encode(digest);
            Act::Reply(201, vec![("Content-MD5", digest)], vec![])
        }
        Some("blocklist") => {
            assert_eq!(seen.headers["x-ms-blob-content-type"], "text/csv");
            let list = String::from_utf8(seen.body.clone()).unwrap();
            let ids = list
                .split("<Latest>")
                .skip(1)
                .map(|rest| rest.split('<').next().unwrap());
            shelf.object = Some(ids.flat_map(|id| shelf.parts[id].clone()).collect());
            Act::Reply(201, vec![], vec![])
        }
        other => panic!("comp={other:?}"),
    }
}

fn google(shelf: &mut Shelf, seen: &Seen) -> Act {
    if seen.method == "DELETE" {
        shelf.aborted = true;
        return Act::Reply(499, vec![], vec![]);
    }
    let (range, length) = seen.headers["content-range"]["bytes ".len()..]
        .split_once('/')
        .unwrap();
    let length: usize = length.parse().unwrap();
    if let Some((first, last)) = range.split_once('-') {
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        assert_eq!(first, shelf.session.len(), "in order");
        assert_eq!(last + 1 - first, seen.body.len());
        shelf.session.extend(&seen.body);
    }
    if shelf.session.len() == length {
        shelf.object = Some(shelf.session.clone());
        return json(200, "{}");
    }
    let headers = match shelf.session.len() {
        0 => vec![],
        stored => vec![("Range", format!("bytes=0-{}", stored - 1))],
    };
    Act::Reply(308, headers, vec![])
}

fn file(length: u64) -> PathBuf {
    let path = folder("upload").join("local.csv");
    std::fs::write(&path, content(length)).unwrap();
    path
}

const LENGTHS: [u64; 4] = [0, 1, PART, 3 * PART + 12_345];
const PROVIDERS: [&str; 3] = ["aws", "azure", "google"];

#[tokio::test]
async fn files_of_every_size_arrive_by_every_protocol() {
    for provider in PROVIDERS {
        for length in LENGTHS {
            let cloud = Cloud::sound(provider).await;
            let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
            let log = told.clone();
            let files = cloud
                .files()
                .on_progress(move |now| log.lock().unwrap().push(now.clone()));
            let done = files.upload_file(file(length), "a/b/x.csv").await.unwrap();
            assert_eq!((done.files, done.bytes), (1, length));
            assert_eq!(
                cloud.object().unwrap(),
                content(length),
                "{provider} {length}"
            );
            cloud.check_requests();
            let last = told.lock().unwrap().last().unwrap().clone();
            assert_eq!((last.files, last.bytes, last.retries), (1, length, 0));
            let calls = cloud.calls();
            assert_eq!(
                calls.len(),
                if provider == "aws" { 3 } else { 2 },
                "{calls:?}"
            );
            assert!(
                cloud
                    .platform
                    .seen()
                    .iter()
                    .all(|seen| seen.query("workspaceId").is_some())
            );
        }
    }
}

#[tokio::test]
async fn every_request_to_the_store_may_fail_once() {
    let length = 3 * PART + 12_345;
    let faults: [fn() -> Act; 5] = [
        || Act::Reset(vec![]),
        || {
            reply(
                503,
                "application/xml",
                "<Error><Code>SlowDown</Code></Error>",
            )
        },
        || {
            reply(
                500,
                "application/xml",
                "<Error><Code>InternalError</Code></Error>",
            )
        },
        || {
            let text = "<Error><Code>RequestTimeout</Code></Error>";
            reply(400, "application/xml", text)
        },
        || Act::Stall,
    ];
    for provider in PROVIDERS {
        for at in 0..5 {
            // For the others, which take their time, once will do.
            let faults = if at == 1 { &faults[..] } else { &faults[..2] };
            for &fault in faults {
                let fault: Fault = Box::new(move |number, _| (number == at).then(fault));
                let cloud = Cloud::start(provider, Box::new(|_, _| None), fault).await;
                let told: Arc<Mutex<Progress>> = Arc::default();
                let last = told.clone();
                let files = cloud
                    .files()
                    .on_progress(move |now| *last.lock().unwrap() = now.clone());
                files.upload_file(file(length), "a/b/x.csv").await.unwrap();
                assert_eq!(
                    cloud.object().unwrap(),
                    content(length),
                    "{provider} at {at}"
                );
                cloud.check_requests();
                let told = told.lock().unwrap().clone();
                assert_eq!(told.bytes, length, "{provider} at {at}: counted once");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_cut_inside_a_part_is_ridden_out() {
    for provider in PROVIDERS {
        for bytes in [0, 50, PART / 2] {
            let (none, nowhere): (Fault, Fault) = (Box::new(|_, _| None), Box::new(|_, _| None));
            let cloud = Cloud::start_behind(provider, none, nowhere, Some(bytes)).await;
            let told: Arc<Mutex<Progress>> = Arc::default();
            let last = told.clone();
            let files = cloud
                .files()
                .on_progress(move |now| *last.lock().unwrap() = now.clone());
            files
                .upload_file(file(3 * PART), "a/b/x.csv")
                .await
                .unwrap();
            assert_eq!(cloud.object().unwrap(), content(3 * PART), "{provider}");
            cloud.check_requests();
            let told = told.lock().unwrap().clone();
            assert_eq!((told.bytes, told.retries), (3 * PART, 1), "{provider}");
        }
    }
}

/// A store that answers the first piece when it has a unit of it, and reads the rest later.
async fn early_google() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap().to_lowercase();
                let (_, length) = head.split_once("content-length: ").unwrap();
                let length: u64 = length.lines().next().unwrap().parse().unwrap();
                let read = if connection == 0 { PART } else { length };
                let mut body = (&mut stream).take(read);
                tokio::io::copy(&mut body, &mut tokio::io::sink())
                    .await
                    .unwrap();
                let reply = match connection {
                    0 => support::message(308, &[("Range", format!("bytes=0-{}", PART - 1))], b""),
                    _ => support::message(200, &[], b"{}"),
                };
                stream.write_all(&reply).await.unwrap();
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn what_was_sent_in_vain_is_not_counted() {
    // Much more than buffers hold, so that the reply comes while it is sent.
    const LENGTH: u64 = 64 << 20;
    let store = early_google().await;
    let shelf = Shared::default();
    let platform =
        Server::start(move |_, seen| platform("google", &store, &mut shelf.lock().unwrap(), seen))
            .await;
    let told: Arc<Mutex<Progress>> = Arc::default();
    let last = told.clone();
    let files = platform.client().data_link(Id("v1")).workspace(7);
    let files = files
        .part_size(LENGTH)
        .on_progress(move |now| *last.lock().unwrap() = now.clone());
    let path = folder("early").join("local.csv");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(LENGTH)
        .unwrap();
    files.upload_file(path, "a/b/x.csv").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let told = told.lock().unwrap().clone();
    assert_eq!((told.files, told.bytes, told.retries), (1, LENGTH, 0));
}

#[tokio::test]
async fn an_upload_that_keeps_failing_is_called_off() {
    for provider in PROVIDERS {
        let fault: Fault = Box::new(|number, seen| {
            (number > 1 && seen.method == "PUT").then(|| Act::Reset(vec![]))
        });
        let cloud = Cloud::start(provider, Box::new(|_, _| None), fault).await;
        let error = cloud
            .files()
            .upload_file(file(4 * PART), "a/b/x.csv")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{provider}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
        assert!(error.to_string().contains("`a/b/x.csv`"), "{error}");
        // Azure's blocks vanish by themselves.
        assert_eq!(cloud.shelf.lock().unwrap().aborted, provider != "azure");
        assert!(cloud.object().is_none());
    }
}

#[tokio::test]
async fn refusals_are_not_repeated_and_show_no_url() {
    for provider in PROVIDERS {
        let fault: Fault = Box::new(|_, seen| {
            let text = format!(
                "<Error><Code>AccessDenied</Code><Sig>{}</Sig></Error>",
                seen.target
            );
            (seen.method == "PUT").then(|| reply(403, "application/xml", text))
        });
        let cloud = Cloud::start(provider, Box::new(|_, _| None), fault).await;
        let error = cloud
            .files()
            .concurrency(1)
            .upload_file(file(10), "a/b/x.csv")
            .await
            .unwrap_err();
        let text = format!("{error} {error:?} {:?}", error.body());
        assert!(
            text.contains("AccessDenied") && !text.contains("s3cret"),
            "{text}"
        );
        let puts = cloud
            .store
            .seen()
            .iter()
            .filter(|seen| seen.method == "PUT")
            .count();
        assert_eq!(puts, 1);
    }
}

/// Fails a call of the Platform by the end of its path, so often.
fn on_call(ending: &'static str, times: usize, act: Act) -> Fault {
    let failed = AtomicUsize::new(0);
    Box::new(move |_, seen| {
        let hit = seen.path().ends_with(ending) && seen.method == "POST";
        (hit && failed.fetch_add(1, Ordering::SeqCst) < times).then(|| act.clone())
    })
}

#[tokio::test]
async fn a_connection_cut_at_the_beginning_begins_nothing_twice() {
    let cut = on_call("/upload/a/b", 1, Act::Reset(vec![]));
    let cloud = Cloud::start("aws", cut, Box::new(|_, _| None)).await;
    let error = cloud
        .files()
        .upload_file(file(10), "a/b/x.csv")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!((cloud.calls().len(), cloud.store.count()), (2, 0));
}

#[tokio::test]
async fn a_lost_reply_to_the_finish_is_no_failure() {
    // It was carried out: the upload is unknown when it is asked for again.
    for act in [Act::Reset(vec![]), json(504, ""), Act::Stall] {
        let cloud =
            Cloud::start("aws", on_call("/finish/a/b", 1, act), Box::new(|_, _| None)).await;
        cloud
            .files()
            .upload_file(file(2 * PART), "a/b/x.csv")
            .await
            .unwrap();
        assert_eq!(cloud.object().unwrap(), content(2 * PART));
        let calls = cloud.calls();
        assert!(
            calls.last().unwrap().starts_with("GET"),
            "it looks: {calls:?}"
        );
        assert!(!cloud.shelf.lock().unwrap().aborted);
    }
    // It can't be: the upload is called off.
    let refused = on_call(
        "/finish/a/b",
        1,
        json(400, r#"{"message":"parts are missing"}"#),
    );
    let cloud = Cloud::start("aws", refused, Box::new(|_, _| None)).await;
    cloud.shelf.lock().unwrap().object = None;
    let error = cloud
        .files()
        .upload_file(file(2 * PART), "a/b/x.csv")
        .await
        .unwrap_err();
    assert_eq!(
        error.message(),
        "parts are missing; and its upload could not be called off: finish_data_link_upload_with_path: 400 Bad Request: Unknown upload"
    );
}

#[tokio::test]
async fn a_finish_that_was_answered_is_not_asked_for_again() {
    for (status, requests) in [(500, 1), (408, 1), (403, 1)] {
        let refused = on_call("/finish/a/b", 9, json(status, ""));
        let cloud = Cloud::start("aws", refused, Box::new(|_, _| None)).await;
        let upload = cloud.files().upload_file(file(10), "a/b/x.csv").await;
        let error = upload.unwrap_err();
        assert_eq!(error.status().unwrap(), status);
        assert_eq!(error.attempts() as usize, requests);
        let seen = cloud.platform.seen();
        let finishes = seen.iter().filter(|seen| {
            let body = String::from_utf8_lossy(&seen.body);
            seen.path().ends_with("/finish/a/b") && body.contains(r#""withError":false"#)
        });
        assert_eq!(finishes.count(), requests, "{status}");
    }
}

#[tokio::test]
async fn an_older_object_of_the_same_size_is_not_the_upload() {
    // The first finish is lost on its way, the second refused for a reason of its own.
    let fault = r#"{"message":"Unexpected error while processing - Error ID: 4xFault"}"#;
    for (status, body) in [(403, ""), (500, ""), (400, fault)] {
        let finishes = AtomicUsize::new(0);
        let platform: Fault = Box::new(move |_, seen| {
            let is_finish = seen.path().ends_with("/finish/a/b");
            is_finish.then(|| match finishes.fetch_add(1, Ordering::SeqCst) {
                0 => json(504, ""),
                1 => json(status, body),
                _ => json(200, ""),
            })
        });
        let cloud = Cloud::start("aws", platform, Box::new(|_, _| None)).await;
        let upload = cloud.files().upload_file(file(10), "a/b/x.csv").await;
        assert_eq!(upload.unwrap_err().status().unwrap(), status);
        assert_eq!(cloud.object().unwrap().len(), 10, "what it would see");
    }
}

#[tokio::test]
async fn an_upload_that_is_accepted_is_waited_for() {
    let accepted = on_call("/upload/finish/a/b", 1, Act::Reply(202, vec![], vec![]));
    let looks = AtomicUsize::new(0);
    let platform: Fault = Box::new(move |number, seen| {
        if let Some(act) = accepted(number, seen) {
            return Some(act);
        }
        let is_look = seen.path().ends_with("/browse/a/b");
        let listed = r#"{"objects":[{"name":"x.csv","type":"FILE","size":10}]}"#;
        is_look.then(|| match looks.fetch_add(1, Ordering::SeqCst) {
            0 => json(200, r#"{"objects":[]}"#),
            _ => json(200, listed),
        })
    });
    let cloud = Cloud::start("aws", platform, Box::new(|_, _| None)).await;
    let done = cloud.files().upload_file(file(10), "a/b/x.csv").await;
    assert_eq!(done.unwrap().bytes, 10);
    let looks = cloud.calls();
    let looks = looks.iter().filter(|call| call.contains("/browse/"));
    assert_eq!(looks.count(), 2);
}

#[tokio::test]
async fn a_dropped_upload_is_called_off() {
    let stall: Fault = Box::new(|number, _| {
        (number > 0).then(|| Act::Late(Duration::from_secs(30), Box::new(Act::Stall)))
    });
    let cloud = Cloud::start("aws", Box::new(|_, _| None), stall).await;
    let files = cloud
        .platform
        .builder()
        .read_timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let files = files.data_link(Id("v1")).workspace(7).part_size(PART);
    let path = file(3 * PART);
    let running = tokio::spawn(async move { files.upload_file(path, "a/b/x.csv").await });
    while cloud.store.count() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if cloud.shelf.lock().unwrap().aborted {
            return;
        }
    }
    panic!("it was not called off");
}

#[tokio::test]
async fn wrong_checksums_end_an_upload() {
    let fault: Fault = Box::new(|_, seen| {
        let other = ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==".to_owned());
        (seen.query("comp").as_deref() == Some("block"))
            .then(|| Act::Reply(201, vec![other], vec![]))
    });
    let cloud = Cloud::start("azure", Box::new(|_, _| None), fault).await;
    let error = cloud
        .files()
        .upload_file(file(10), "a/b/x.csv")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("different checksums"), "{error}");
    assert!(cloud.object().is_none());
}

#[tokio::test]
async fn what_can_not_be_sent_begins_nothing() {
    let cloud = Cloud::sound("aws").await;
    let error = cloud
        .files()
        .upload_file(folder("no-file"), "a/b/x.csv")
        .await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.ends_with("is no file: use `upload_folder`"),
        "{error}"
    );
    let error = cloud
        .files()
        .upload_file("no/such/x.csv", "a/b/x.csv")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    for remote in ["", "/", "a/b/"] {
        let error = cloud
            .files()
            .upload_file(file(1), remote)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
    assert!(
        cloud
            .calls()
            .iter()
            .all(|call| call == "GET /data-links/v1")
    );
    let cloud = Cloud::sound("tape-robot").await;
    let error = cloud
        .files()
        .upload_file(file(1), "a/b/x.csv")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("tape-robot"), "{error}");
}

#[tokio::test]
async fn a_folder_goes_up_and_comes_down_the_same() {
    let (_platform, client) = laboratory().await;
    let (from, to) = (folder("up"), folder("down"));
    let names = ["a.csv", "deep/er/b c.txt", "deep/ünïcode", "empty"];
    for (name, length) in names.iter().zip([10, 100_000, 3, 0]) {
        let path = from.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content(length)).unwrap();
    }
    let files = client.data_link(BUCKET).workspace(WORKSPACE);
    let up = files
        .upload_folder(&from, "results/of-a-test")
        .await
        .unwrap();
    assert_eq!((up.files, up.bytes), (4, 100_013));
    let down = files
        .download_folder("results/of-a-test", &to)
        .await
        .unwrap();
    assert_eq!((down.files, down.bytes), (4, 100_013));
    for name in names {
        assert_eq!(
            std::fs::read(to.join(name)).unwrap(),
            std::fs::read(from.join(name)).unwrap()
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_that_lead_nowhere_are_listed() {
    let (_platform, client) = laboratory().await;
    let from = folder("links");
    std::fs::write(from.join("a.csv"), "a").unwrap();
    std::fs::create_dir(from.join("folder")).unwrap();
    for (to, link) in [("a.csv", "b.csv"), ("gone.csv", "c.csv"), ("folder", "d")] {
        std::os::unix::fs::symlink(to, from.join(link)).unwrap();
    }
    let files = client.data_link(BUCKET).workspace(WORKSPACE);
    let up = files.upload_folder(&from, "links-of-a-test").await.unwrap();
    assert_eq!((up.files, up.bytes), (2, 2));
    let [refused] = up.refused.try_into().unwrap();
    assert!(refused.path.ends_with("c.csv"), "{refused:?}");
    assert!(refused.reason.starts_with("can't be read"), "{refused:?}");
}

#[tokio::test]
async fn presigned_urls_are_not_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // For all threads: what the other tests of this file log must hold nothing either.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let fault: Fault = Box::new(|number, _| (number == 1).then(|| Act::Reset(vec![])));
    let cloud = Cloud::start("aws", Box::new(|_, _| None), fault).await;
    cloud
        .files()
        .upload_file(file(3 * PART), "a/b/x.csv")
        .await
        .unwrap();
    let log = log.text();
    assert!(log.contains("trying again"), "{log}");
    assert!(!log.contains("s3cret") && !log.contains("sig="), "{log}");
    assert!(!log.contains("t0ken"), "{log}");
}
