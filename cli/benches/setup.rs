//! Set-ups of many items: what applying 500 pipelines takes, beside what the limit of 20 calls a
//! second allows, and the memory of plans. The Platform is a process of its own.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seqera::{Client, RateLimit};
use seqera_cli::kit::{Action, Kit, Options, Reading, Set};
use seqera_test_platform::TestPlatform;

/// Says to this program that it is to be the Platform: whether it counts calls.
const SERVES: &str = "SETUP_BENCH_SERVES";

const PIPELINES: usize = 500;
const REPLY: Duration = Duration::from_millis(50);

async fn serve(limited: bool) {
    let builder = TestPlatform::builder().runs(0).remember_calls(0);
    let builder = match limited {
        true => builder.calls_per_second(Some(20)).latency(REPLY),
        false => builder.calls_per_second(None),
    };
    let platform = builder.start().await.unwrap();
    println!("{} {}", platform.endpoint(), platform.token());
    let until_closed = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(until_closed)
        .await
        .unwrap()
        .unwrap();
}

struct Server {
    process: Child,
    endpoint: String,
    token: String,
}

impl Server {
    fn start(limited: bool) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .env(SERVES, if limited { "limited" } else { "free" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = process.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let (endpoint, token) = line.trim().split_once(' ').unwrap();
        Self {
            endpoint: endpoint.to_owned(),
            token: token.to_owned(),
            process,
        }
    }

    fn kit(&self, limit: Option<RateLimit>) -> Kit {
        let mut client = Client::builder(&self.token).endpoint(&self.endpoint);
        if let Some(limit) = limit {
            client = client.rate_limit(limit);
        }
        Kit::new(client.build().unwrap(), Options::default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn pipelines(count: usize) -> Set {
    let mut files = String::from("pipelines:\n");
    for number in 0..count {
        let _ = writeln!(
            files,
            "  - {{name: p{number}, url: 'https://example.org/p{number}', revision: v1, \
             compute-env: aws-batch-ireland, params: {{a: {number}}}, \
             workspace: open-genomics/research}}"
        );
    }
    let texts = vec![("pipelines.yml".to_owned(), files)];
    Reading::default().read_texts(texts).unwrap()
}

/// A line of what the system says of this process, in MB.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|own| own.strip_prefix(line));
    let number = found.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    number.unwrap_or(f64::NAN) / 1024.0
}

async fn pace() {
    let (server, set) = (Server::start(true), pipelines(PIPELINES));
    let begun = Instant::now();
    let kit = server.kit(None);
    let plan = kit.plan(&set, None).await.unwrap();
    let report = kit
        .apply(&set, &plan, None, std::future::pending(), |_| ())
        .await;
    assert!(report.is_done());
    let took = begun.elapsed().as_secs_f64();
    // 20 at once, the others at 20 a second, and the last reply.
    let allowed = (PIPELINES - 20) as f64 / 20.0 + REPLY.as_secs_f64();
    println!(
        "setup: {PIPELINES} pipelines planned and applied in {took:.2} s, {:.3} times what the \
         limit allows",
        took / allowed
    );
}

async fn plans() {
    for count in [100, 1_000, 5_000] {
        let (server, set) = (Server::start(false), pipelines(count));
        let kit = server.kit(Some(RateLimit::unlimited()));
        let plan = kit.plan(&set, None).await.unwrap();
        let report = kit
            .apply(&set, &plan, None, std::future::pending(), |_| ())
            .await;
        assert!(report.is_done());
        drop((kit, plan, report));
        let kit = server.kit(Some(RateLimit::unlimited()));
        // The peak from here on.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let before = memory("VmRSS:");
        let begun = Instant::now();
        let plan = kit.plan(&set, None).await.unwrap();
        assert_eq!(plan.count(Action::Same), count);
        println!(
            "setup: a plan of {count} items without change: {:.2} s, {:.1} MB more than before it",
            begun.elapsed().as_secs_f64(),
            memory("VmHWM:") - before
        );
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        match std::env::var(SERVES) {
            Ok(how) => serve(how == "limited").await,
            Err(_) => {
                plans().await;
                pace().await;
            }
        }
    });
}
