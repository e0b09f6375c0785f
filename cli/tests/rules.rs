//! `seqctl rules run` as a process: how it ends, reads its files again, is called by cron and meets a full
//! disk; and its page, in a browser.
#![cfg(unix)]

#[path = "rules/disk.rs"]
mod disk;
#[path = "rules/page.rs"]
mod page;
#[path = "rules/process.rs"]
mod process;
mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use seqera_test_platform::{Builder, TestPlatform, WORKSPACE};
use serde_json::Value;
use support::{of_name, stderr, stdout};

/// How long is waited for what is to come; machines may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder, and a Platform that lives as long as this.
struct World {
    folder: tempfile::TempDir,
    platform: TestPlatform,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let builder = TestPlatform::builder().runs(0).calls_per_second(None);
        let builder = change(builder.run_time(Duration::from_secs(3_600)));
        let platform = runtime.block_on(builder.start()).unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            platform,
            runtime,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Has a command speak to the Platform, in the folder.
    fn prepared(&self, mut command: Command) -> Command {
        command
            .env("TOWER_API_ENDPOINT", self.platform.endpoint())
            .env("TOWER_ACCESS_TOKEN", self.platform.token())
            .env("TOWER_WORKSPACE_ID", WORKSPACE)
            .current_dir(self.folder.path());
        command
    }

    fn command(&self, words: &str) -> Command {
        let mut command = self.prepared(of_name("seqctl"));
        command.args(words.split(' '));
        command
    }

    fn run(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    /// A look while nobody answers at the Platform's address, which is a failure.
    fn once_while_away(&self) -> Output {
        let mut command = self.command("rules run rules.yml --once");
        command.env("TOWER_API_ENDPOINT", "http://127.0.0.1:9/api");
        let away = command.output().unwrap();
        assert_eq!(away.status.code(), Some(1), "{}", told(&away));
        away
    }

    /// What a command answers, as JSON.
    fn json(&self, words: &str) -> Value {
        let output = self.command(words).args(["-o", "json"]).output().unwrap();
        let text = stdout(&output);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {}", told(&output)))
    }

    /// How many events are in a state.
    fn count(&self, state: &str) -> usize {
        let events = self.json(&format!("rules events --state {state}"));
        events["events"].as_array().unwrap().len()
    }

    /// How many launches the Platform was sent.
    fn launches(&self) -> usize {
        let received = self.platform.received();
        let launch =
            |operation: &Option<String>| operation.as_deref() == Some("CreateWorkflowLaunch");
        received
            .iter()
            .filter(|call| launch(&call.operation))
            .count()
    }

    fn start(&self, words: &str) -> Runner {
        Runner::start(self.command(words))
    }

    /// Waits until a runner has made a file.
    fn until(&self, name: &str, runner: &Runner) {
        until(
            || self.has(name),
            || format!("there is no {name}:\n{}", runner.told()),
        );
    }
}

fn told(output: &Output) -> String {
    stdout(output) + &stderr(output)
}

fn until(is_there: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let begun = Instant::now();
    while !is_there() {
        assert!(begun.elapsed() < PATIENCE, "{}", otherwise());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A runner at work; killed with this value.
struct Runner {
    process: Child,
    told: Arc<Mutex<String>>,
}

impl Runner {
    fn start(mut command: Command) -> Self {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let told = Arc::<Mutex<String>>::default();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let noting = told.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut told = noting.lock().unwrap();
                told.push_str(&line);
                told.push('\n');
            }
        });
        Self { process, told }
    }

    fn told(&self) -> String {
        self.told.lock().unwrap().clone()
    }

    /// Waits until it has said something so often.
    fn says(&self, text: &str, times: usize) {
        let is_said = || self.told().matches(text).count() >= times;
        until(is_said, || {
            format!("`{text}` is not said:\n{}", self.told())
        });
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    }

    fn is_there(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Waits for its end: the exit status.
    fn ended(mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            match self.process.try_wait().unwrap() {
                Some(status) => return status.code(),
                None if begun.elapsed() > PATIENCE => panic!("it goes on:\n{}", self.told()),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Makes a pipe with a name.
fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}
