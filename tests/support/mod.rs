//! A server on loopback that behaves as each test says, and remembers what reached it.
#![allow(dead_code)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use seqera::{Client, ClientBuilder, RateLimit, RetryPolicy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing_subscriber::fmt::MakeWriter;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// A complete reply.
    Reply(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// These pieces with a pause between them, then the end of the connection.
    Drip(Vec<Vec<u8>>, Duration),
    /// These bytes, then a reset.
    Reset(Vec<u8>),
    /// Nothing, for a long time.
    Stall,
    /// A reply after a while.
    Late(Duration, Box<Act>),
}

pub fn json(status: u16, body: impl Into<String>) -> Act {
    let kind = ("Content-Type", "application/json".to_owned());
    Act::Reply(status, vec![kind], body.into().into_bytes())
}

/// A success with this JSON.
pub fn ok(body: serde_json::Value) -> Act {
    json(200, body.to_string())
}

pub fn reply(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Act {
    Act::Reply(status, vec![("Content-Type", kind.to_owned())], body.into())
}

/// When a server resets its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// As soon as they are made.
    OnAccept,
    /// When something of a request has come, which then counts as seen.
    AtFirstByte,
}

/// A request as it reached the server.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    pub method: String,
    pub target: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Seen {
    /// A request of which only the arrival is known.
    fn unread() -> Self {
        Self {
            at: Instant::now(),
            method: String::new(),
            target: String::new(),
            headers: HashMap::new(),
            body: Vec::new(),
        }
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub fn query(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&format!("http://x{}", self.target)).unwrap();
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }
}

pub struct Server {
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    pub connections: Arc<AtomicUsize>,
}

impl Server {
    /// `act` is asked for each request; the number counts them from 0.
    pub async fn start(act: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static) -> Self {
        Self::listen(None, act).await
    }

    /// Resets every connection at this moment.
    pub async fn resetting(moment: Reset) -> Self {
        Self::listen(Some(moment), |_, _| Act::Stall).await
    }

    async fn listen(
        reset: Option<Reset>,
        act: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (log, count, act) = (seen.clone(), connections.clone(), Arc::new(act));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                if reset == Some(Reset::OnAccept) {
                    stream.set_zero_linger().unwrap();
                    continue;
                }
                let (log, act) = (log.clone(), act.clone());
                tokio::spawn(async move {
                    if reset == Some(Reset::AtFirstByte) {
                        let mut byte = [0];
                        if stream.read(&mut byte).await.is_ok_and(|read| read == 1) {
                            log.lock().unwrap().push(Seen::unread());
                        }
                        stream.set_zero_linger().unwrap();
                        return;
                    }
                    let _ = serve(stream, &log, &*act).await;
                });
            }
        });
        Self {
            address,
            seen,
            connections,
        }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The one POST that reached it.
    pub fn posted(&self) -> Seen {
        let seen = self.seen();
        let mut posts = seen.into_iter().filter(|seen| seen.method == "POST");
        let post = posts.next().expect("something is sent");
        assert!(posts.next().is_none(), "it is sent once");
        post
    }

    /// A client of this server that waits for nothing.
    pub fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub fn builder(&self) -> ClientBuilder {
        client_of(&self.address)
    }
}

/// Settings that wait for nothing, with a token of their own, so that tests share no limiter.
pub fn client_of(endpoint: &str) -> ClientBuilder {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    Client::builder(format!("t0ken-{number}-{}", endpoint.len()))
        .endpoint(endpoint)
        .rate_limit(RateLimit::unlimited())
        .retry(hasty())
        .read_timeout(Duration::from_millis(250))
}

/// Three attempts without waits worth mentioning.
pub fn hasty() -> RetryPolicy {
    RetryPolicy::default()
        .attempts(3)
        .base_backoff(Duration::from_millis(2))
}

async fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Seen>>,
    act: &(dyn Fn(usize, &Seen) -> Act + Send + Sync),
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await? {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(request.clone());
            log.len() - 1
        };
        let mut what = act(number, &request);
        if let Act::Late(pause, then) = what {
            tokio::time::sleep(pause).await;
            what = *then;
        }
        match what {
            Act::Reply(status, headers, body) => {
                let mut bytes = message(status, &headers, &body);
                if request.method == "HEAD" {
                    bytes.truncate(bytes.len() - body.len());
                }
                stream.write_all(&bytes).await?;
            }
            Act::Raw(bytes) => {
                stream.write_all(&bytes).await?;
                return stream.shutdown().await;
            }
            Act::Drip(pieces, pause) => {
                for (number, piece) in pieces.iter().enumerate() {
                    if number > 0 {
                        tokio::time::sleep(pause).await;
                    }
                    stream.write_all(piece).await?;
                }
                return stream.shutdown().await;
            }
            Act::Reset(bytes) => {
                stream.write_all(&bytes).await?;
                // What was written arrives before the reset.
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.set_zero_linger()?;
                return Ok(());
            }
            Act::Stall | Act::Late(..) => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                return Ok(());
            }
        }
    }
    Ok(())
}

pub fn message(status: u16, headers: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Reason\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let has_body = status != 204 && status != 304;
    if has_body && !headers.iter().any(|(name, _)| *name == "Content-Length") {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    [head.as_bytes(), b"\r\n", if has_body { body } else { b"" }].concat()
}

async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<Seen>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|part| part == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let at = Instant::now();
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.lines();
    let mut start = lines.next().unwrap_or_default().split(' ');
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = buffer.split_off(end);
    buffer.clear();
    if let Some(length) = headers.get("content-length") {
        let length: usize = length.parse().unwrap();
        while body.len() < length {
            if stream.read_buf(&mut body).await? == 0 {
                return Ok(None);
            }
        }
        *buffer = body.split_off(length);
    } else if headers.contains_key("transfer-encoding") {
        while !body.ends_with(b"0\r\n\r\n") {
            if stream.read_buf(&mut body).await? == 0 {
                return Ok(None);
            }
        }
    }
    Ok(Some(Seen {
        at,
        method: start.next().unwrap_or_default().to_owned(),
        target: start.next().unwrap_or_default().to_owned(),
        headers,
        body,
    }))
}

/// What was logged.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The content of a file of this length.
pub fn content(length: u64) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

/// An empty folder that no other test uses, and that is gone when the test is over.
pub fn folder(name: &str) -> std::path::PathBuf {
    thread_local! {
        /// Each test has a thread of its own.
        static FOLDERS: RefCell<Vec<tempfile::TempDir>> = RefCell::default();
    }
    let mut maker = tempfile::Builder::new();
    let folder = maker.prefix(name).tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder.unwrap();
    let path = folder.path().to_owned();
    FOLDERS.with_borrow_mut(|folders| folders.push(folder));
    path
}

/// A client of a test Platform that waits for nothing.
pub fn client_of_embedded(platform: &seqera_test_platform::TestPlatform) -> ClientBuilder {
    Client::builder(platform.token())
        .endpoint(platform.endpoint())
        .rate_limit(RateLimit::unlimited())
        .retry(hasty())
}

/// A test Platform without a limit, whose launched runs take so many looks to their end.
pub async fn embedded(polls: u32) -> seqera_test_platform::TestPlatform {
    let builder = seqera_test_platform::TestPlatform::builder();
    let builder = builder.calls_per_second(None).run_polls(polls);
    builder.start().await.unwrap()
}

/// A test Platform without a limit that holds what a seed in YAML says, and no more.
pub async fn seeded(seed: &str) -> seqera_test_platform::TestPlatform {
    let builder = seqera_test_platform::TestPlatform::builder().empty();
    let builder = builder.calls_per_second(None).run_polls(1);
    builder.seed_yaml(seed).unwrap().start().await.unwrap()
}

/// How many calls of a method or more of a path, such as `POST /labels`, a test Platform has received.
pub fn count_of(platform: &seqera_test_platform::TestPlatform, start: &str) -> usize {
    let calls = platform.calls();
    calls.iter().filter(|call| call.starts_with(start)).count()
}

/// A test Platform and a client of it, neither of which waits for anything.
pub async fn laboratory() -> (seqera_test_platform::TestPlatform, Client) {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    (platform, client)
}

/// The most memory that this process ever had, in bytes.
#[cfg(target_os = "linux")]
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.unwrap().trim().trim_end_matches(" kB");
    kibibytes.parse::<u64>().unwrap() * 1024
}

/// The least time in which a limit lets so many calls start. Those of the first second may start at
/// once.
pub fn allowed(calls: usize, limit: u32) -> Duration {
    let later = calls.saturating_sub(limit as usize);
    Duration::from_secs_f64(later as f64 / f64::from(limit))
}

/// Tells the time less what this process waited for a processor that others had: how long something
/// would have taken on a machine of its own. Where the system doesn't tell, it is the time.
pub struct Stopwatch {
    begun: Instant,
    waits: HashMap<std::ffi::OsString, Duration>,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self {
            begun: Instant::now(),
            waits: waits_of_threads(),
        }
    }

    pub fn elapsed(&self) -> Duration {
        let before = |thread| self.waits.get(thread).copied().unwrap_or_default();
        let waits = waits_of_threads();
        let waited = waits.iter().map(|(thread, wait)| *wait - before(thread));
        // Threads that do one job wait at the same time.
        let longest = waited.max().unwrap_or_default();
        self.begun.elapsed().saturating_sub(longest)
    }
}

/// How long each thread was ready to run and did not.
fn waits_of_threads() -> HashMap<std::ffi::OsString, Duration> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return HashMap::new();
    };
    let waits = threads.flatten().filter_map(|thread| {
        let told = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let nanoseconds = told.split_whitespace().nth(1)?.parse().ok()?;
        Some((thread.file_name(), Duration::from_nanos(nanoseconds)))
    });
    waits.collect()
}

/// Measures up to three times. Other load on the machine delays calls or lets them arrive together,
/// which the crate can't help; what is wrong by itself is wrong every time.
pub async fn measure(mut round: impl AsyncFnMut() -> Result<(), String>) {
    let mut said = Vec::new();
    for _ in 0..3 {
        match round().await {
            Ok(()) => return,
            Err(text) => said.push(text),
        }
    }
    panic!("{said:?}");
}
