//! PostgreSQL: a real one, which the tests start from Debian's package.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::Utc;
use seqera_cli::rules::State;
use seqera_cli::rules::state::{Condition, Note};

use crate::kill::{Process, trouble};
use crate::state::{events_are_noted_once, files_are_remembered, limits, old_events_go};
use crate::{each_has_one_run, open, platform, seen};

/// A server of its own, which ends with this value.
struct Postgres {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

impl Postgres {
    /// None where PostgreSQL is not installed.
    fn start() -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut programs: Vec<_> = versions
            .flatten()
            .map(|version| version.path().join("bin"))
            .collect();
        programs.retain(|folder| folder.join("initdb").exists());
        programs.sort();
        let server = Self {
            programs: programs.pop()?,
            folder: match is_root() {
                // The server's user gets there.
                true => tempfile::tempdir_in("/var/lib/postgresql").unwrap(),
                false => tempfile::tempdir().unwrap(),
            },
            // Whoever takes it in between makes the start fail, and so the test.
            port: std::net::TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port(),
        };
        if is_root() {
            // It refuses to run as root.
            let done = Command::new("chown")
                .arg("postgres")
                .arg(server.folder.path())
                .status();
            assert!(done.unwrap().success());
        }
        let data = server.data();
        let data = data.to_str().unwrap();
        server.run(
            "initdb",
            &[
                "-D", data, "-U", "tester", "-A", "trust", "-N", "-E", "UTF8",
            ],
        );
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=100",
            server.port
        );
        let log = server.folder.path().join("log");
        let log = log.to_str().unwrap();
        server.run(
            "pg_ctl",
            &[
                "-D", data, "-l", log, "-w", "-t", "60", "-o", &options, "start",
            ],
        );
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn address(&self) -> String {
        format!(
            "postgres://tester:never-shown@127.0.0.1:{}/postgres",
            self.port
        )
    }

    fn run(&self, program: &str, words: &[&str]) {
        let program = self.programs.join(program);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(&program);
                command
            }
            false => Command::new(&program),
        };
        // The server would keep a pipe open.
        let log = self.folder.path().with_extension("log");
        let output = std::fs::File::create(&log).unwrap();
        command
            .args(words)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        let done = command.status().unwrap();
        let told = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        assert!(done.success(), "{}: {told}", program.display());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        self.run(
            "pg_ctl",
            &[
                "-D",
                data.to_str().unwrap(),
                "-m",
                "immediate",
                "-w",
                "stop",
            ],
        );
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

macro_rules! postgres {
    () => {
        match Postgres::start() {
            Some(postgres) => postgres,
            None => {
                assert!(
                    !Path::new("/usr/lib/postgresql").exists(),
                    "it is installed, and can't be used"
                );
                eprintln!("skipped: PostgreSQL is not installed (apt-get install postgresql)");
                return;
            }
        }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_is_the_same_in_postgres() {
    let postgres = postgres!();
    // Several may be the first.
    let address = postgres.address();
    let both = tokio::join!(State::open(&address), State::open(&address));
    let (state, other) = (both.0.unwrap(), both.1.unwrap());
    assert!(!state.place().contains("never-shown"));
    assert!(state.is_shared());
    events_are_noted_once(&state).await;
    files_are_remembered(&state).await;
    limits(&state).await;
    old_events_go(&state).await;
    let wrong = format!(
        "postgres://tester:never-shown@127.0.0.1:{}/nothing",
        postgres.port
    );
    let refused = State::open(&wrong).await.unwrap_err().to_string();
    assert!(!refused.contains("never-shown"), "{refused}");

    // Two runners never take the same, and what a dead one had is taken over when its lease is over.
    let many: Vec<_> = (0..40)
        .map(|number| seen("shared", &number.to_string()))
        .collect();
    state.see(&many, None).await.unwrap();
    let lease = Duration::from_secs(2);
    let first = state.runner("first", lease).await.unwrap();
    let second = other
        .runner("second", Duration::from_secs(600))
        .await
        .unwrap();
    let take = |state: State, runner: seqera_cli::rules::state::Runner| async move {
        let mut taken = Vec::new();
        for _ in 0..20 {
            let event = state.take(&runner, &["shared"], Utc::now()).await.unwrap();
            taken.extend(event.map(|event| event.id));
        }
        taken
    };
    let (one, two) = tokio::join!(
        take(state.clone(), first.clone()),
        take(other.clone(), second.clone())
    );
    let mut both: Vec<_> = one.iter().chain(&two).collect();
    both.sort();
    both.dedup();
    assert_eq!((one.len(), two.len(), both.len()), (20, 20, 40));
    let mut mine = state.show(&one[0]).await.unwrap().0;
    state
        .note(
            &first,
            &mut mine,
            Utc::now(),
            Note::Begun {
                run_name: "shared-1",
            },
        )
        .await
        .unwrap();
    let begun = Instant::now();
    let mut over = Vec::new();
    while over.len() < 20 && begun.elapsed() < Duration::from_secs(60) {
        over.extend(other.take(&second, &["shared"], Utc::now()).await.unwrap());
    }
    assert_eq!(over.len(), 20);
    assert!(
        begun.elapsed() > Duration::from_secs(1),
        "not while it may be at work"
    );
    let taken = over.iter_mut().find(|event| event.id == mine.id).unwrap();
    assert_eq!(
        (taken.condition, taken.run_name.as_deref()),
        (Condition::Begun, Some("shared-1"))
    );
    // Who comes back finds it lost.
    let lost = state
        .note(&first, &mut mine, Utc::now(), Note::Failed("late"))
        .await
        .unwrap_err();
    assert!(
        matches!(lost, seqera_cli::rules::StateError::Lost),
        "{lost}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runners_share_the_work_while_one_is_killed_over_and_over() {
    let long = std::env::var_os("SEQCTL_TEST_KILLS").is_some();
    let (kills, events) = if long { (200, 500) } else { (15, 40) };
    let postgres = postgres!();
    for runners in [2, 5] {
        let mut random = fastrand::Rng::with_seed(runners);
        let late = Duration::from_secs(1);
        let platform = platform(|builder| builder.list_runs_after(late)).await;
        let rule = "r";
        let state = State::open(&postgres.address()).await.unwrap();
        // Those of the round before.
        let old: Vec<_> = crate::all(&state).await;
        assert!(old.iter().all(|event| event.condition.is_end()));
        let lease = Duration::from_secs(3);
        let name = |number: u64| format!("runner-{runners}-{number}");
        let address = postgres.address();
        let others: Vec<_> = (1..runners)
            .map(|number| Process::start(&name(number), &address, &platform, lease))
            .collect();
        let begun = Instant::now();
        for number in 0..kills {
            let first = number * events / kills;
            let many: Vec<_> = (first..(number + 1) * events / kills)
                .map(|event| seen(rule, &format!("{runners} {event:04}")))
                .collect();
            state.see(&many, None).await.unwrap();
            trouble(&platform, &mut random);
            let killed =
                Process::start(&format!("{}-{number}", name(0)), &address, &platform, lease);
            tokio::time::sleep(Duration::from_millis(random.u64(100..700))).await;
            killed.kill();
        }
        platform.clear_faults();
        let ended = async {
            while open(&state).await > 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let bound = Duration::from_secs(if long { 1_800 } else { 120 });
        tokio::time::timeout(bound, ended).await.unwrap();
        others.into_iter().for_each(Process::kill);
        tokio::time::sleep(late).await;
        println!(
            "{runners} runners, {kills} kills, {events} events: {:?}",
            begun.elapsed()
        );
        state.close().await;
        let state = State::open(&address).await.unwrap();
        each_has_one_run(&state, &platform, usize::try_from(events).unwrap()).await;
        let pool = sqlx::AnyPool::connect(&address).await.unwrap();
        for text in [
            "DELETE FROM events",
            "DELETE FROM steps",
            "DELETE FROM runs",
        ] {
            sqlx::query(text).execute(&pool).await.unwrap();
        }
        pool.close().await;
    }
}
