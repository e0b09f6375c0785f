//! What a runner of rules needs: calls in an hour in which nothing happens, the time from a file's end to
//! its launch, memory with 10,000 events waiting, the time from an event to its launch, and how many events
//! pass in a minute. `cargo bench -p seqera-cli --bench rules`

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use seqera_cli::kit::Place;
use seqera_cli::rules::file::{Item, Limit, Reading, Webhook};
use seqera_cli::rules::state::{Condition, Filter};
use seqera_cli::rules::watch::{Memory, Watchers};
use seqera_cli::rules::{
    Action, Clock, Engine, On, Rule, Rules, Seen, Settings, State, Step, SystemClock, TestClock,
};
use seqera_test_platform::{Received, TestPlatform, WORKSPACE};
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

/// Ten rules of one workspace, each as often as it looks where it says nothing.
const TEN: &str = "rules:
- {name: copied, on: {files: '/nowhere/*/CopyComplete.txt'}, launch: {pipeline: nf-core-rnaseq}}
- {name: sheets, on: {files: '/nowhere/sheets/*.csv'}, launch: {pipeline: nf-core-rnaseq}}
- {name: marked, on: {data-link: open-genomics-sequencing, path: 'runs/*/Done.txt'}, launch: {pipeline: nf-core-rnaseq}}
- {name: reads, on: {data-link: open-genomics-sequencing, path: '*.fastq.gz'}, launch: {pipeline: nf-core-rnaseq}}
- {name: again, on: {run: {status: FAILED, exit: [137]}}, relaunch: {at_most: 2}}
- {name: report, on: {run: {pipeline: nf-core-rnaseq, status: SUCCEEDED}}, command: [echo]}
- {name: tell, on: {run: {status: [FAILED, CANCELLED]}}, command: [echo]}
- {name: started, on: {run: {status: RUNNING, labels: [auto]}}, command: [echo]}
- {name: nightly, on: {schedule: '0 2 * * *'}, launch: {pipeline: nf-core-rnaseq}}
- {name: lims, on: {webhook: /lims, secret: nobody-calls}, launch: {pipeline: nf-core-rnaseq}}
";

/// How many calls are made in an hour in which nothing happens, by a clock that is set.
async fn at_rest() {
    let builder = TestPlatform::builder().runs(0).calls_per_second(None);
    let platform = builder.start().await.unwrap();
    let client = seqera::Client::builder(platform.token()).endpoint(platform.endpoint());
    let client = client.build().unwrap();
    let reading = Reading {
        workspace: Some(WORKSPACE.to_owned()),
        ..Reading::default()
    };
    let texts = [("ten.yml".to_owned(), TEN.to_owned())];
    let rules = reading.read_texts(&texts).unwrap();
    assert_eq!(rules.rules.len(), 10);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let state = State::open(path.to_str().unwrap()).await.unwrap();
    let memory = Memory::of(state);
    let clock = TestClock::new(platform.now().parse().unwrap());
    let watch = Watchers::new(
        &rules,
        Some(&client),
        "",
        None,
        memory,
        Arc::new(clock.clone()),
    );
    let mut watchers = watch.await.unwrap();
    watchers.look().await;
    platform.clear_calls();
    let end = clock.now() + Duration::from_secs(3_600);
    let mut looks = 0;
    while let Some(next) = watchers.next().filter(|next| *next <= end) {
        clock.set(next);
        assert!(watchers.look().await.problems.is_empty());
        looks += 1;
    }
    let calls = platform.received();
    let is_list = |call: &&Received| call.operation.as_deref() == Some("ListWorkflows");
    let of_runs = calls.iter().filter(is_list);
    println!(
        "an hour of ten rules of one workspace, at rest: {} calls in {looks} looks, {} of them lists of runs",
        calls.len(),
        of_runs.count()
    );
}

/// How long after a marker was written the Platform is sent the launch, by the program as it is run.
async fn from_file_to_launch() {
    let builder = TestPlatform::builder().runs(0).calls_per_second(None);
    let platform = builder.start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = "rules: [{name: r, on: {files: 'in/*/CopyComplete.txt', every: 1d}, launch: {pipeline: nf-core-rnaseq}}]";
    std::fs::write(folder.path().join("rules.yml"), text).unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    let mut runner = Command::new(env!("CARGO_BIN_EXE_seqctl"))
        .args(["rules", "run", "rules.yml", "--no-listen"])
        .current_dir(folder.path())
        .env("TOWER_API_ENDPOINT", platform.endpoint())
        .env("TOWER_ACCESS_TOKEN", platform.token())
        .env("TOWER_WORKSPACE_ID", WORKSPACE)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let launches = || {
        let received = platform.received();
        let is_launch =
            |call: &&Received| call.operation.as_deref() == Some("CreateWorkflowLaunch");
        received.iter().filter(is_launch).count()
    };
    let mut delays = Vec::new();
    for number in 0..21 {
        let run = folder.path().join(format!("in/{number}"));
        std::fs::create_dir(&run).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begun = Instant::now();
        std::fs::write(run.join("CopyComplete.txt"), "").unwrap();
        while launches() <= number {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        delays.push(begun.elapsed());
    }
    runner.kill().unwrap();
    runner.wait().unwrap();
    // The first one asks for more.
    let first = delays.remove(0);
    delays.sort();
    println!(
        "from a file's end to its launch: the first {first:?}, then median {:?}, longest {:?}",
        delays[delays.len() / 2],
        delays[delays.len() - 1]
    );
}

async fn all() {
    at_rest().await;
    from_file_to_launch().await;
    measure().await;
}

fn main() {
    if std::env::var_os(STATE).is_some() {
        return run();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(all());
}
