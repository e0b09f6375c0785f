//! How long a Platform takes to start, what much data costs, and whether memory is flat under a
//! million calls: `cargo bench -p seqera-test-platform`. A number as the argument is another count of
//! calls. It ends with an error where an aim is missed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use seqera_test_platform::{Seed, TestPlatform, WORKSPACE_ID};
use serde_json::{Value, json};

const CALLS: usize = 1_000_000;
/// How many calls fill what is kept of calls: the log of calls and the audit log.
const FILLING: usize = 60_000;
/// How often memory is looked at during the calls.
const SAMPLES: usize = 10;
/// How far above that of the first half of the calls the memory of the second may be, in KiB.
const FLAT: u64 = 3 << 10;
const COLD: Duration = Duration::from_millis(50);
/// What a user of a large seed would not notice.
const UNNOTICED: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> ExitCode {
    let calls = (std::env::args().skip(1))
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(CALLS);
    let mut missed = Vec::new();
    let mut aim = |what: &str, took: Duration, at_most: Duration| {
        println!("{what}: {took:.1?}, aim {at_most:?}");
        if took > at_most {
            missed.push(what.to_owned());
        }
    };

    let started = Instant::now();
    drop(TestPlatform::start().await.expect("a platform"));
    aim("the first start in a process", started.elapsed(), COLD);
    let started = Instant::now();
    drop(TestPlatform::start().await.expect("a platform"));
    aim("another start", started.elapsed(), COLD);
    aim(
        "the program, from nothing to its first line",
        program(),
        COLD,
    );

    let seed = large_seed();
    let started = Instant::now();
    let builder = TestPlatform::builder().empty().calls_per_second(None);
    let large = builder.seed(seed).start().await.expect("a platform");
    aim(
        "10,000 runs and 1,000 pipelines",
        started.elapsed(),
        UNNOTICED,
    );
    let mut line = Line::to(&large);
    for path in [
        "/workflow?workspaceId=9&max=100&offset=9900&includeTotalSize=true",
        "/workflow?workspaceId=9&max=100&search=status:failed%20label:none",
        "/pipelines?workspaceId=9&max=100&offset=900&search=p-&attributes=labels",
    ] {
        let started = Instant::now();
        line.call("GET", path, None);
        aim(&format!("  GET {path}"), started.elapsed(), UNNOTICED);
    }
    drop(large);

    let platform = TestPlatform::builder().calls_per_second(None);
    let platform = platform.start().await.expect("a platform");
    let mut line = Line::to(&platform);
    let round = |line: &mut Line, calls: usize| {
        let before = line.calls;
        while line.calls < before + calls {
            line.round();
        }
    };
    round(&mut line, FILLING.min(calls));
    let mut resident = vec![memory()];
    let started = Instant::now();
    for _ in 0..SAMPLES {
        round(&mut line, calls / SAMPLES);
        resident.push(memory());
    }
    let took = started.elapsed();
    println!(
        "{calls} calls: {took:.1?}, {:.0} a second",
        calls as f64 / took.as_secs_f64()
    );
    let resident: Vec<u64> = resident.into_iter().flatten().collect();
    println!("resident memory in KiB, before them and after each tenth: {resident:?}");
    // What the allocator hands out settles after a while; what leaks goes on.
    let (early, late) = resident.split_at(resident.len() / 2);
    if late.iter().max() > early.iter().max().map(|most| most + FLAT).as_ref() {
        missed.push("memory".to_owned());
    }
    match missed.is_empty() {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!("missed: {}", missed.join(", "));
            ExitCode::FAILURE
        }
    }
}

/// The best of several starts of the program: the others were disturbed.
fn program() -> Duration {
    let start = || {
        let started = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_seqera-test-platform"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let took = started.elapsed();
        child.kill().expect("an end");
        child.wait().expect("an end");
        took
    };
    (0..7).map(|_| start()).min().unwrap_or_default()
}

fn large_seed() -> Seed {
    let pipelines: Vec<Value> = (0..1_000)
        .map(|number| {
            json!({
                "name": format!("p-{number:04}"),
                "launch": { "pipeline": format!("https://github.com/x/p{number}") },
            })
        })
        .collect();
    let seed = json!({
        "users": [{ "userName": "ada" }],
        "organizations": [{
            "name": "big",
            "members": [{ "user": "ada", "role": "owner" }],
            "workspaces": [{ "name": "w", "id": 9, "pipelines": pipelines, "pastRuns": 10_000 }],
        }],
    });
    Seed::from_value(seed).expect("a seed")
}

/// Resident memory in KiB, where the system tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// A connection that is kept, without a client's own cost.
struct Line {
    stream: BufReader<TcpStream>,
    host: String,
    base: String,
    token: String,
    calls: usize,
}

impl Line {
    fn to(platform: &TestPlatform) -> Self {
        let endpoint = platform.endpoint().strip_prefix("http://");
        let (host, path) = endpoint
            .and_then(|rest| rest.split_once('/'))
            .expect("a host");
        let stream = TcpStream::connect(host).expect("a connection");
        stream.set_nodelay(true).expect("a setting");
        Self {
            stream: BufReader::new(stream),
            host: host.to_owned(),
            base: format!("/{path}"),
            token: platform.token().to_owned(),
            calls: 0,
        }
    }

    /// What tests call, some of which leaves events in the audit log. Nothing stays.
    fn round(&mut self) {
        let of = |path: &str| format!("{path}workspaceId={WORKSPACE_ID}");
        self.call("GET", "/user-info", None);
        self.call("GET", &of("/labels?"), None);
        self.call("GET", &of("/workflow?max=2&"), None);
        self.call("GET", &of("/pipelines?search=rnaseq&"), None);
        let label = json!({ "name": "passing", "resource": false });
        let label = self.call("POST", &of("/labels?"), Some(label));
        self.call("DELETE", &of(&format!("/labels/{}?", label["id"])), None);
        let launch = json!({ "launch": { "pipeline": "https://github.com/nextflow-io/hello" } });
        let run = self.call("POST", &of("/workflow/launch?"), Some(launch));
        let run = run["workflowId"].as_str().expect("an id").to_owned();
        self.call("GET", &of(&format!("/workflow/{run}/tasks?")), None);
        self.call("DELETE", &of(&format!("/workflow/{run}?force=true&")), None);
        self.call("GET", &of("/no-such-thing?"), None);
    }

    fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Value {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let (host, base, token) = (&self.host, &self.base, &self.token);
        let request = format!(
            "{method} {base}{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(request.as_bytes()).expect("a request");
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("a head");
            let header = line.trim_end().to_ascii_lowercase();
            if let Some(text) = header.strip_prefix("content-length: ") {
                length = text.parse().expect("a length");
            }
            if header.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        self.calls += 1;
        serde_json::from_slice(&body).unwrap_or_default()
    }
}
