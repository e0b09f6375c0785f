//! Transfers to and from real storage servers, which `.ci/storage` installs, starts and names in the
//! environment: one that speaks S3, Azure's and Google's.
#![cfg(all(feature = "transfers", unix))]

#[path = "storage/kills.rs"]
mod kills;
mod support;
#[path = "storage/trouble.rs"]
mod trouble;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::{Either, select};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, Url};
use seqera::{DataLink, Id, RetryPolicy};
use serde_json::{Value, json};
use support::{Act, Seen, Server, client_of, content, folder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

const KINDS: [&str; 3] = ["S3", "AZURE", "GOOGLE"];
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const SIGNATURE: &str = "X-Amz-Signature=0f1e2d";
const MIB: u64 = 1 << 20;
/// The smallest parts that S3 takes, and a multiple of Google's unit.
const PART: u64 = 5 * MIB;

/// A store: its bucket or container, with what signs requests to it.
#[derive(Clone, Debug)]
struct Store {
    kind: &'static str,
    place: Url,
    /// What the store is reached by, where that is a way with obstacles.
    by_way_of: Option<String>,
    http: reqwest::Client,
}

impl Store {
    fn new(kind: &'static str) -> Self {
        let name = format!("SEQERA_STORAGE_{kind}");
        let place = std::env::var(&name);
        let place = place.unwrap_or_else(|_| panic!("{name} is not set: run .ci/storage"));
        Self {
            kind,
            place: Url::parse(&place).unwrap(),
            by_way_of: None,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    fn all() -> [Self; 3] {
        KINDS.map(Self::new)
    }

    /// The same store, behind a way.
    fn behind(&self, way: &Way) -> Self {
        Self {
            by_way_of: Some(way.address.clone()),
            ..self.clone()
        }
    }

    fn address(&self) -> String {
        let port = self.place.port().unwrap();
        format!("127.0.0.1:{port}")
    }

    /// The URL of an object, with what signs it, encoded as the stores' own libraries do.
    fn object(&self, path: &str) -> Url {
        let path: Vec<_> = path
            .split('/')
            .map(|segment| utf8_percent_encode(segment, UNRESERVED).to_string())
            .collect();
        let mut url = self.place.clone();
        url.set_path(&format!("{}/{}", self.place.path(), path.join("/")));
        if self.kind == "S3" {
            // Not compared there, but requests without are refused what is not public.
            url.set_query(Some(SIGNATURE));
        }
        url
    }

    /// As the Platform hands it out.
    fn presigned(&self, mut url: Url) -> String {
        if let Some(way) = &self.by_way_of {
            let port = way.rsplit(':').next().unwrap().parse().unwrap();
            url.set_port(Some(port)).unwrap();
        }
        url.into()
    }

    async fn send(&self, method: Method, url: Url, body: Vec<u8>) -> reqwest::Response {
        let request = self.http.request(method, url);
        let request = request.header("content-type", "application/octet-stream");
        let request = request.header("x-ms-blob-type", "BlockBlob").body(body);
        request.send().await.unwrap()
    }

    /// Puts an object by one plain request.
    async fn put(&self, path: &str, content: &[u8]) {
        let (method, url) = match self.kind {
            "GOOGLE" => (Method::POST, self.google_upload("media", path)),
            _ => (Method::PUT, self.object(path)),
        };
        let reply = self.send(method, url, content.to_vec()).await;
        assert!(
            reply.status().is_success(),
            "{} {path}: {reply:?}",
            self.kind
        );
    }

    /// The content of an object, if it is there, by one plain request.
    async fn get(&self, path: &str) -> Option<Vec<u8>> {
        let reply = self.http.get(self.object(path)).send().await.unwrap();
        match reply.status().as_u16() {
            404 => None,
            status => {
                assert_eq!(status, 200, "{} {path}", self.kind);
                Some(reply.bytes().await.unwrap().to_vec())
            }
        }
    }

    fn google_upload(&self, kind: &str, path: &str) -> Url {
        let bucket = self.place.path().trim_matches('/');
        let mut url = self.place.join(&format!("/upload/storage/v1/b/{bucket}/o"));
        let url = url.as_mut().unwrap();
        url.query_pairs_mut()
            .append_pair("uploadType", kind)
            .append_pair("name", path);
        url.clone()
    }

    /// Begins an upload as the Platform does: its id, and the URLs for its parts.
    async fn begin(&self, path: &str, parts: u64) -> (String, Vec<String>) {
        match self.kind {
            "S3" => {
                let mut url = self.object(path);
                url.set_query(Some(&format!("uploads&{SIGNATURE}")));
                let reply = self.send(Method::POST, url, vec![]).await.text().await;
                let id = between(&reply.unwrap(), "<UploadId>", "</UploadId>");
                let urls = (1..=parts).map(|part| {
                    let mut url = self.object(path);
                    let number = part.to_string();
                    url.query_pairs_mut()
                        .append_pair("partNumber", &number)
                        .append_pair("uploadId", &id);
                    self.presigned(url)
                });
                let urls = urls.collect();
                (id, urls)
            }
            "AZURE" => ("u1".to_owned(), vec![self.presigned(self.object(path))]),
            _ => {
                let url = self.google_upload("resumable", path);
                let reply = self.send(Method::POST, url, vec![]).await;
                let session = reply.headers()["location"].to_str().unwrap();
                let session = Url::parse(session).unwrap();
                ("u1".to_owned(), vec![self.presigned(session)])
            }
        }
    }

    /// Ends an upload as the Platform does.
    async fn finish(&self, path: &str, body: &Value) -> u16 {
        assert_eq!(
            self.kind, "S3",
            "the other stores end uploads by themselves"
        );
        let mut url = self.object(path);
        let id = body["uploadId"].as_str().unwrap();
        url.query_pairs_mut().append_pair("uploadId", id);
        if body["withError"] == true {
            let reply = self.send(Method::DELETE, url, vec![]).await;
            return reply.status().as_u16();
        }
        let mut list = "<CompleteMultipartUpload>".to_owned();
        for tag in body["tags"].as_array().unwrap() {
            let (number, etag) = (&tag["partNumber"], tag["eTag"].as_str().unwrap());
            list += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
        }
        list += "</CompleteMultipartUpload>";
        let reply = self.send(Method::POST, url, list.into_bytes()).await;
        reply.status().as_u16()
    }

    /// How many uploads below a folder are still open.
    async fn open_uploads(&self, folder: &str) -> usize {
        let mut url = self.place.clone();
        url.set_query(Some("uploads"));
        let reply = self.http.get(url).send().await.unwrap();
        let list = reply.text().await.unwrap();
        assert!(list.contains("<ListMultipartUploadsResult"), "{list}");
        list.matches(&format!("<Key>{folder}/")).count()
    }
}

fn between(text: &str, start: &str, end: &str) -> String {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{text}"));
    rest.split_once(end).unwrap().0.to_owned()
}

/// A Platform with one data link, which is a store.
struct Platform {
    server: Server,
    store: Store,
    /// What lies below this folder of the store.
    root: String,
    part: Arc<AtomicU64>,
    /// Whether the next download's URL is one that the store refuses.
    spoilt: Arc<AtomicBool>,
}

impl Platform {
    /// The name tells the folders of tests apart.
    async fn start(store: &Store, name: &str) -> Self {
        let root = format!("{name} {}", std::process::id());
        let (part, spoilt) = (
            Arc::new(AtomicU64::new(PART)),
            Arc::new(AtomicBool::new(false)),
        );
        let files = Arc::new(Mutex::new(BTreeMap::new()));
        let answering = Answering {
            store: store.clone(),
            root: root.clone(),
            part: part.clone(),
            spoilt: spoilt.clone(),
            files,
        };
        let runtime = Handle::current();
        let server = Server::start(move |_, seen| {
            block_in_place(|| runtime.block_on(answering.answer(seen)))
        });
        Self {
            server: server.await,
            store: store.clone(),
            root,
            part,
            spoilt,
        }
    }

    fn files(&self, part: u64) -> DataLink {
        self.part.store(part, Ordering::SeqCst);
        data_link(&self.server.address, part)
    }

    async fn stored(&self, path: &str) -> Option<Vec<u8>> {
        self.store.get(&format!("{}/{path}", self.root)).await
    }

    async fn put(&self, path: &str, content: &[u8]) {
        self.store
            .put(&format!("{}/{path}", self.root), content)
            .await;
    }
}

fn data_link(endpoint: &str, part: u64) -> DataLink {
    let client = client_of(endpoint)
        .read_timeout(Duration::from_secs(60))
        .retry(RetryPolicy::default().base_backoff(Duration::from_millis(20)))
        .build()
        .unwrap();
    client.data_link(Id("v1")).workspace(7).part_size(part)
}

struct Answering {
    store: Store,
    root: String,
    part: Arc<AtomicU64>,
    spoilt: Arc<AtomicBool>,
    /// The sizes of what was uploaded, for listings.
    files: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Answering {
    async fn answer(&self, seen: &Seen) -> Act {
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        let path = percent_encoding::percent_decode_str(seen.path()).decode_utf8();
        let path = path.unwrap();
        let rest = path.strip_prefix("/data-links/v1").unwrap();
        let of = |folder: &str| {
            let name = body["fileName"].as_str().unwrap_or_default();
            match folder.trim_matches('/') {
                "" => name.to_owned(),
                folder => format!("{folder}/{name}"),
            }
        };
        if rest == "/generate-download-url" {
            let file = seen.query("filePath").unwrap();
            let mut url = self.store.object(&format!("{}/{file}", self.root));
            if self.spoilt.swap(false, Ordering::SeqCst) {
                let query = url.query().unwrap().replace("sig=", "sig=AAAA");
                url.set_query(Some(&query));
            }
            return support::ok(json!({ "url": self.store.presigned(url) }));
        }
        if let Some(folder) = rest.strip_prefix("/upload/finish") {
            let path = format!("{}/{}", self.root, of(folder));
            let status = self.store.finish(&path, &body).await;
            return support::json(status, "");
        }
        if let Some(folder) = rest.strip_prefix("/upload") {
            let file = of(folder);
            let length = body["contentLength"].as_u64().unwrap();
            self.files.lock().unwrap().insert(file.clone(), length);
            let parts = length.div_ceil(self.part.load(Ordering::SeqCst)).max(1);
            let path = format!("{}/{file}", self.root);
            let (id, urls) = self.store.begin(&path, parts).await;
            return support::ok(json!({"uploadId": id, "uploadUrls": urls}));
        }
        if let Some(folder) = rest.strip_prefix("/browse") {
            return support::ok(json!({ "objects": self.list(folder.trim_matches('/')) }));
        }
        let provider = match self.store.kind {
            "S3" => "aws",
            "AZURE" => "azure",
            _ => "google",
        };
        support::ok(json!({"dataLink": {"provider": provider}}))
    }

    fn list(&self, folder: &str) -> Vec<Value> {
        let prefix = match folder {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        let mut entries = BTreeMap::new();
        for (file, size) in &*self.files.lock().unwrap() {
            let Some(rest) = file.strip_prefix(&prefix) else {
                continue;
            };
            match rest.split_once('/') {
                Some((folder, _)) => entries.insert(
                    format!("{folder}/"),
                    json!({"type": "FOLDER", "name": format!("{folder}/")}),
                ),
                None => entries.insert(
                    rest.to_owned(),
                    json!({"type": "FILE", "name": rest, "size": size}),
                ),
            };
        }
        entries.into_values().collect()
    }
}

/// A way to a store, which counts what passes and may be narrow, breaking or dishonest.
struct Way {
    address: String,
    /// What came from the store, and what went there.
    down: Arc<AtomicU64>,
    up: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Default)]
struct Obstacles {
    /// So long it takes to pass 64 KiB.
    pause: Duration,
    /// Every connection breaks after so many bytes, in both directions together.
    breaks_after: Option<u64>,
    /// The byte of a reply, counted from its head, that arrives changed.
    spoils: Option<u64>,
}

impl Way {
    async fn to(store: &Store, obstacles: Obstacles) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (down, up) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (to, counted) = (store.address(), (down.clone(), up.clone()));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&to).await else {
                    continue;
                };
                let (down, up) = counted.clone();
                let left = Arc::new(AtomicU64::new(obstacles.breaks_after.unwrap_or(u64::MAX)));
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let to_store = Obstacles {
                    spoils: None,
                    ..obstacles
                };
                let there = pass(from_client, to_server, to_store, up, left.clone());
                let back = pass(from_server, to_client, obstacles, down, left);
                tokio::spawn(async move {
                    let (there, back) = (pin!(there), pin!(back));
                    if let Either::Left((false, back)) = select(there, back).await {
                        back.await;
                    }
                });
            }
        });
        Self { address, down, up }
    }
}

/// Passes bytes on. True if the connection is to break.
async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    obstacles: Obstacles,
    counted: Arc<AtomicU64>,
    left: Arc<AtomicU64>,
) -> bool {
    let mut buffer = vec![0; 64 << 10];
    let mut passed = 0;
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return false,
            Ok(read) => read as u64,
        };
        if let Some(at) = obstacles
            .spoils
            .filter(|at| (passed..passed + read).contains(at))
        {
            buffer[(at - passed) as usize] ^= 1;
        }
        passed += read;
        counted.fetch_add(read, Ordering::SeqCst);
        let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            Some(left.saturating_sub(read))
        });
        if before.unwrap() < read || to.write_all(&buffer[..read as usize]).await.is_err() {
            return true;
        }
        if !obstacles.pause.is_zero() {
            tokio::time::sleep(obstacles.pause).await;
        }
    }
}

fn write(name: &str, content: &[u8]) -> PathBuf {
    let path = folder("storage").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

const ODD_NAMES: [&str; 14] = [
    "plain.csv",
    "with space.txt",
    "ümläut/日本語.txt",
    "emoji🧬.txt",
    "a+b&c=d.txt",
    "100%.txt",
    "%41.txt",
    "quote'd \"twice\".txt",
    "hash#and?question.txt",
    "semi;colon,comma:.txt",
    "(round)[square]{curly}.txt",
    "~tilde!dollar$at@.txt",
    ".hidden",
    "deep/er/and/deep.er/x",
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs storage servers: .ci/storage runs it"]
async fn files_of_odd_names_arrive_and_come_back() {
    for store in Store::all() {
        let platform = Platform::start(&store, "odd names").await;
        let files = platform.files(PART);
        let local = folder("odd");
        for (length, name) in (0..).zip(ODD_NAMES) {
            let content = content(length * 37);
            let from = write("local.txt", &content);
            let done = files.upload_file(&from, name).await;
            let done = done.unwrap_or_else(|error| panic!("{} {name}: {error}", store.kind));
            assert_eq!((done.files, done.bytes), (1, content.len() as u64));
            let stored = platform.stored(name).await;
            assert_eq!(stored.as_ref(), Some(&content), "{} {name}", store.kind);
            let to = local.join("file");
            files.download_file(name, &to).await.unwrap();
            assert_eq!(
                std::fs::read(&to).unwrap(),
                content,
                "{} {name}",
                store.kind
            );
        }
        // The same all at once, and back.
        let back = local.join("back");
        let done = files.download_folder("", &back).await.unwrap();
        assert_eq!(done.files, ODD_NAMES.len() as u64, "{done:?}");
        assert_eq!(done.refused, []);
        let done = files.upload_folder(&back, "again").await.unwrap();
        assert_eq!(done.files, ODD_NAMES.len() as u64, "{done:?}");
        for (length, name) in (0..).zip(ODD_NAMES) {
            let stored = platform.stored(&format!("again/{name}")).await;
            assert_eq!(stored, Some(content(length * 37)), "{} {name}", store.kind);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs storage servers: .ci/storage runs it"]
async fn files_of_several_parts_and_a_big_one_arrive() {
    for store in Store::all() {
        let platform = Platform::start(&store, "parts").await;
        for length in [0, 1, PART, PART + 1, 3 * PART + 12_345, 64 * MIB] {
            let content = content(length);
            let from = write("local.bam", &content);
            let files = platform.files(PART);
            files.upload_file(&from, "runs/x.bam").await.unwrap();
            let stored = platform.stored("runs/x.bam").await;
            assert!(stored.as_ref() == Some(&content), "{} {length}", store.kind);
            for part in [MIB, 32 * MIB] {
                let to = from.with_extension("back");
                let files = platform.files(part);
                let done = files.download_file("runs/x.bam", &to).await.unwrap();
                assert_eq!(done.bytes, length);
                let same = std::fs::read(&to).unwrap() == content;
                assert!(same, "{} {length} in parts of {part}", store.kind);
            }
        }
        if store.kind == "S3" {
            assert_eq!(
                store.open_uploads(&platform.root).await,
                0,
                "each was finished"
            );
        }
    }
}
