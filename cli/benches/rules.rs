//! What a runner of rules needs: memory with 10,000 events waiting, the time from an event to its launch,
//! and how many events pass in a minute. `cargo bench -p seqera-cli --bench rules`

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use seqera_cli::kit::Place;
use seqera_cli::rules::file::{Item, Limit, Webhook};
use seqera_cli::rules::state::{Condition, Filter};
use seqera_cli::rules::{
    Action, Engine, On, Rule, Rules, Seen, Settings, State, Step, SystemClock,
};
use seqera_test_platform::{TestPlatform, WORKSPACE};
use serde_json::json;

const STATE: &str = "RULES_BENCH_STATE";

fn rule(name: &str, limit: Limit) -> Rule {
    let keys = json!({"pipeline": "nf-core-rnaseq", "params": {"sample": "{{ event.sample }}"}});
    Rule {
        name: name.to_owned(),
        workspace: None,
        on: On::Webhook(Webhook {
            path: "/in".to_owned(),
            secret: "nobody-calls".to_owned(),
        }),
        when: None,
        limit,
        then: vec![Step {
            action: Action::Launch(Item {
                block: "launch",
                fields: keys.as_object().cloned().unwrap_or_default(),
                place: Place::default(),
            }),
            place: Place::default(),
        }],
        place: Place::default(),
    }
}

fn seen(rule: &str, number: usize) -> Seen {
    Seen {
        rule: rule.to_owned(),
        key: format!("/data/runs/{number:06}/CopyComplete.txt@20_1700000000"),
        data: json!({"event": {"sample": number, "folder": format!("/data/runs/{number:06}")}}),
        at: Utc::now(),
        ready: DateTime::<Utc>::UNIX_EPOCH,
    }
}

/// What the measuring process tells its runner.
fn of(name: &str) -> String {
    std::env::var(name).unwrap()
}

fn run() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let state = State::open(&of(STATE)).await.unwrap();
        let runner = state
            .runner("bench", Duration::from_secs(30))
            .await
            .unwrap();
        let mut rules = Rules::default();
        let held = Limit {
            at_once: Some(1),
            per_hour: None,
        };
        rules.rules = vec![rule("held", held), rule("free", Limit::default())];
        let (_sender, receiver) = tokio::sync::watch::channel(Arc::new(rules));
        let connect = || {
            let client = seqera::Client::builder(of("RULES_BENCH_TOKEN"));
            let client = client.endpoint(of("RULES_BENCH_ENDPOINT")).build();
            client.map_err(|error| error.to_string())
        };
        let settings = Settings {
            workspace: Some(WORKSPACE.to_owned()),
            ..Settings::default()
        };
        let clock = Arc::new(SystemClock);
        let engine = Engine::new(state, runner, receiver, clock, Arc::new(connect), settings);
        engine.run(std::future::pending()).await.unwrap();
    });
}

/// The memory that a process holds, in megabytes.
fn memory(process: &Child) -> f64 {
    let text =
        std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}

async fn done(state: &State, rule: &str) -> usize {
    let filter = Filter {
        rule: Some(rule.to_owned()),
        condition: Some(Condition::Done),
        most: None,
    };
    state.events(&filter).await.unwrap().len()
}

async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let state = State::open(path.to_str().unwrap()).await.unwrap();
    let builder = TestPlatform::builder()
        .runs(0)
        .run_time(Duration::from_secs(86_400));
    let platform = builder.start().await.unwrap();
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .env(STATE, &path)
        .env("RULES_BENCH_ENDPOINT", platform.endpoint())
        .env("RULES_BENCH_TOKEN", platform.token())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("at rest: {:.1} MB", memory(&runner));

    let begun = Instant::now();
    let many: Vec<_> = (0..10_000).map(|number| seen("held", number)).collect();
    for part in many.chunks(1_000) {
        state.see(part, None).await.unwrap();
    }
    println!("10,000 events noted in {:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(10)).await;
    println!("10,000 events waiting: {:.1} MB", memory(&runner));
    assert_eq!(done(&state, "held").await, 1);

    let mut delays = Vec::new();
    for number in 0..20 {
        let begun = Instant::now();
        state.see(&[seen("free", number)], None).await.unwrap();
        while done(&state, "free").await <= number {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        delays.push(begun.elapsed());
    }
    delays.sort();
    println!(
        "from an event that another process notes to its run, while they wait: median {:?}, longest {:?}",
        delays[delays.len() / 2],
        delays[delays.len() - 1]
    );

    let begun = Instant::now();
    let many: Vec<_> = (1_000..1_300).map(|number| seen("free", number)).collect();
    state.see(&many, None).await.unwrap();
    while done(&state, "free").await < 320 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let elapsed = begun.elapsed();
    println!(
        "300 events carried out in {elapsed:?}, at 20 calls a second; {:.1} MB then",
        memory(&runner)
    );
    runner.kill().unwrap();
    runner.wait().unwrap();
}

fn main() {
    if std::env::var_os(STATE).is_some() {
        return run();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}
