//! Processes that are killed over and over, against a Platform that answers wrongly, late, or not at
//! all: each event has exactly one run, and none is lost.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use seqera_cli::rules::engine::Connect;
use seqera_cli::rules::{Engine, State, SystemClock};
use seqera_test_platform::TestPlatform;

use crate::state::file;
use crate::{client, each_has_one_run, launch, open, platform, rule, rules, seen, settings};

const NAME: &str = "RULES_TEST_RUNNER";

/// No test, but what the processes of the tests run.
#[test]
fn runner_process() {
    let Ok(name) = std::env::var(NAME) else {
        return;
    };
    let of = |name: &str| std::env::var(format!("{NAME}_{name}")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let state = State::open(&of("STATE")).await.unwrap();
        let lease = Duration::from_millis(of("LEASE").parse().unwrap());
        let runner = state.runner(&name, lease).await.unwrap();
        let (endpoint, token) = (of("ENDPOINT"), of("TOKEN"));
        let connect: Connect = Arc::new(move || Ok(client(&endpoint, &token)));
        let rules = rules(vec![rule("r", vec![launch()])]);
        let (_sender, receiver) = tokio::sync::watch::channel(rules);
        let clock = Arc::new(SystemClock);
        let engine = Engine::new(state, runner, receiver, clock, connect, settings());
        engine.run(std::future::pending()).await.unwrap();
    });
}

/// A runner in a process of its own, which is killed with this value.
pub struct Process(Child);

impl Process {
    pub fn start(name: &str, state: &str, platform: &TestPlatform, lease: Duration) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "kill::runner_process", "--nocapture"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .env(NAME, name)
            .env(format!("{NAME}_STATE"), state)
            .env(format!("{NAME}_LEASE"), lease.as_millis().to_string())
            .env(format!("{NAME}_ENDPOINT"), platform.endpoint())
            .env(format!("{NAME}_TOKEN"), platform.token());
        Self(command.spawn().unwrap())
    }

    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has something go wrong, now and then.
pub fn trouble(platform: &TestPlatform, random: &mut fastrand::Rng) {
    let launch = "CreateWorkflowLaunch";
    match random.u8(..24) {
        0 | 1 => platform.act_then_fail(launch, 1, 502),
        2 => platform.act_then_break(launch, 1),
        3 => platform.break_next(launch, 1),
        4 => platform.fail_next(launch, 1, 503),
        5 => platform.fail_next("*", 1, 401),
        6 => platform.break_next("ListWorkflows", 2),
        7 => platform.fail_next(launch, 2, 429),
        8 => platform.act_then_fail(launch, 1, 400),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_has_one_run_whenever_the_runner_is_killed() {
    let long = std::env::var_os("SEQCTL_TEST_KILLS").is_some();
    let (kills, events) = if long { (1_000, 1_000) } else { (60, 60) };
    let begun = Instant::now();
    let seed = std::env::var("SEQCTL_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEQCTL_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder.list_runs_after(Duration::from_secs(1))).await;
    let state = file(&folder).await;
    let lease = Duration::from_secs(30);
    for number in 0..kills {
        // So many events for so many kills, unevenly.
        if number % 4 == 0 {
            let first = number * events / kills;
            let many = first..(number + 4) * events / kills;
            let many: Vec<_> = many
                .map(|event| seen("r", &format!("{event:04}")))
                .collect();
            state.see(&many, None).await.unwrap();
        }
        trouble(&platform, &mut random);
        let runner = Process::start("killed", state.place(), &platform, lease);
        let life = random.u64(20..600);
        tokio::time::sleep(Duration::from_millis(life)).await;
        runner.kill();
    }
    let after_kills = begun.elapsed();
    platform.clear_faults();
    let left = open(&state).await;
    let runner = Process::start("last", state.place(), &platform, lease);
    let ended = async {
        while open(&state).await > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let bound = Duration::from_secs(if long { 1_800 } else { 120 });
    tokio::time::timeout(bound, ended).await.unwrap();
    runner.kill();
    tokio::time::sleep(Duration::from_secs(1)).await;
    each_has_one_run(&state, &platform, events).await;
    let launches = platform
        .received()
        .iter()
        .filter(|call| call.operation.as_deref() == Some("CreateWorkflowLaunch"))
        .count();
    println!(
        "{kills} kills in {after_kills:?}, {left} events left then; all {events} done after {:?} with {launches} launches sent",
        begun.elapsed(),
    );
    no_secret_is_in(folder.path(), platform.token());
}

fn no_secret_is_in(folder: &Path, secret: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{}", path.display());
    }
}
