//! The database: made, locked, brought up; damaged and foreign files.

use std::time::Duration;

use chrono::{DateTime, Utc};
use seqera_cli::rules::file::Limit;
use seqera_cli::rules::state::{Admission, Condition, Filter, Known, Note};
use seqera_cli::rules::{State, StateError};
use serde_json::json;

use crate::{only, seen};

const LEASE: Duration = Duration::from_secs(60);

pub async fn file(folder: &tempfile::TempDir) -> State {
    let path = folder.path().join("state of rules? 100%.db");
    State::open(path.to_str().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_file_is_made_and_what_is_noted_stays() {
    let folder = tempfile::tempdir().unwrap();
    let state = file(&folder).await;
    events_are_noted_once(&state).await;
    files_are_remembered(&state).await;
    drop(state);
    let state = file(&folder).await;
    assert_eq!(
        state.memory("watcher").await.unwrap(),
        Some(json!({"since": 2}))
    );
    assert_eq!(state.events(&Filter::default()).await.unwrap().len(), 2);
}

pub async fn events_are_noted_once(state: &State) {
    let two = [seen("r", "a"), seen("r", "b\0\u{1f600}'\";--")];
    assert_eq!(
        state
            .see(&two, Some(("watcher", json!({"since": 1}))))
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        state
            .see(&two, Some(("watcher", json!({"since": 2}))))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        state.memory("watcher").await.unwrap(),
        Some(json!({"since": 2}))
    );
    assert_eq!(state.memory("another").await.unwrap(), None);
    let counts = state.counts().await.unwrap();
    assert_eq!((counts.len(), counts[0].events), (1, 2));
}

pub async fn files_are_remembered(state: &State) {
    let now = Utc::now();
    let known = |version: &str| Known {
        version: version.to_owned(),
        since: chrono::DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap(),
        told: false,
    };
    let names: Vec<String> = (0..1200)
        .map(|number| format!("/data/{number} ü'\n%"))
        .collect();
    let files: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), known("1")))
        .collect();
    state.remember("place", &files).await.unwrap();
    state
        .remember("place", &[(names[7].as_str(), known("2"))])
        .await
        .unwrap();
    let asked: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .chain(["/data/none"])
        .collect();
    let found = state.known("place", &asked).await.unwrap();
    assert_eq!(found.len(), 1200);
    assert_eq!(found[&names[7]], known("2"));
    assert_eq!(found[&names[8]], known("1"));
    assert!(state.known("elsewhere", &asked).await.unwrap().is_empty());
    let (mut last, mut walked) = (None, Vec::new());
    loop {
        let next = state
            .known_after("place", last.as_deref(), 500)
            .await
            .unwrap();
        let Some(end) = next.last() else { break };
        last = Some(end.clone());
        walked.extend(next);
    }
    walked.sort();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(walked, sorted);
    state.forget("place", &asked[..600]).await.unwrap();
    assert_eq!(state.count_known("place").await.unwrap(), 600);
}

#[tokio::test]
async fn a_file_takes_one_runner_and_others_may_look() {
    let folder = tempfile::tempdir().unwrap();
    let (state, other) = (file(&folder).await, file(&folder).await);
    let runner = state.runner("one", LEASE).await.unwrap();
    let refused = other.runner("two", LEASE).await.unwrap_err();
    assert!(matches!(refused, StateError::Locked(_)), "{refused}");
    state.see(&[seen("r", "a")], None).await.unwrap();
    let mut event = state
        .take(&runner, &["r"], Utc::now())
        .await
        .unwrap()
        .unwrap();
    let begun = Note::Begun { run_name: "r-1" };
    state
        .note(&runner, &mut event, Utc::now(), begun)
        .await
        .unwrap();
    // Who looks from another process sees it, and can't take it from under the runner.
    assert_eq!(only(&other).await.condition, Condition::Begun);
    let refused = other.skip(&event.id, Utc::now()).await.unwrap_err();
    assert!(refused.to_string().contains("at work"), "{refused}");
    drop(runner);
    drop(state);
    // The next one has what the last one had, without waiting.
    let next = other.runner("two", LEASE).await.unwrap();
    let taken = other
        .take(&next, &["r"], Utc::now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(taken.run_name.as_deref(), Some("r-1"));
}

#[tokio::test]
async fn what_stood_in_the_way_is_no_sending() {
    let folder = tempfile::tempdir().unwrap();
    let state = file(&folder).await;
    let runner = state.runner("one", LEASE).await.unwrap();
    state.see(&[seen("r", "a")], None).await.unwrap();
    let now = Utc::now();
    let off = || Note::PutOff {
        until: now,
        why: "in its way",
    };
    for _ in 0..9 {
        let event = state.take(&runner, &["r"], now).await.unwrap();
        state
            .note(&runner, &mut event.unwrap(), now, off())
            .await
            .unwrap();
    }
    let event = state.take(&runner, &["r"], now).await.unwrap();
    let mut event = event.unwrap();
    assert_eq!((event.tries, event.sent), (9, 0));
    for sent in 1..3 {
        let begun = Note::Begun { run_name: "r-1" };
        state.note(&runner, &mut event, now, begun).await.unwrap();
        assert_eq!(event.sent, sent);
    }
    // It did not leave after all.
    state.note(&runner, &mut event, now, off()).await.unwrap();
    assert_eq!(only(&state).await.sent, 1);
}

#[tokio::test]
async fn what_is_damaged_or_of_others_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let at = path.to_str().unwrap();
    std::fs::write(&path, "the notes of somebody").unwrap();
    let refused = State::open(at).await.unwrap_err();
    assert!(matches!(refused, StateError::Damaged(_)), "{refused}");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "the notes of somebody"
    );

    std::fs::remove_file(&path).unwrap();
    let state = State::open(at).await.unwrap();
    let many: Vec<_> = (0..500)
        .map(|number| seen("r", &number.to_string()))
        .collect();
    state.see(&many, None).await.unwrap();
    state.close().await;
    drop(state);
    let pool = sqlx::AnyPool::connect(&format!("sqlite:{at}"))
        .await
        .unwrap();
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_all(&pool)
        .await
        .unwrap();
    pool.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[4096..half].fill(0x5a);
    std::fs::write(&path, &bytes).unwrap();
    let refused = match State::open(at).await {
        Ok(state) => state.runner("one", LEASE).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(refused, StateError::Damaged(_)), "{refused}");
    assert!(refused.to_string().contains("left as it is"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap()[4096..half], bytes[4096..half]);

    let newer = folder.path().join("newer.db");
    let state = State::open(newer.to_str().unwrap()).await.unwrap();
    state.close().await;
    let pool = sqlx::AnyPool::connect(&format!("sqlite:{}", newer.display()))
        .await
        .unwrap();
    let text = "UPDATE _sqlx_migrations SET version = 99";
    sqlx::query(text).execute(&pool).await.unwrap();
    pool.close().await;
    let refused = State::open(newer.to_str().unwrap()).await.unwrap_err();
    assert!(matches!(refused, StateError::Unusable(_)), "{refused}");

    let foreign = folder.path().join("foreign.db");
    let pool = sqlx::AnyPool::connect(&format!("sqlite:{}?mode=rwc", foreign.display()))
        .await
        .unwrap();
    sqlx::query("CREATE TABLE events (id TEXT)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let refused = State::open(foreign.to_str().unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains("another program"), "{refused}");
}

#[tokio::test]
async fn old_events_leave_their_ids() {
    let folder = tempfile::tempdir().unwrap();
    old_events_go(&file(&folder).await).await;
}

pub async fn old_events_go(state: &State) {
    let runner = state.runner("old", LEASE).await.unwrap();
    let names: Vec<String> = (0..603).map(|number| format!("old {number:04}")).collect();
    let many: Vec<_> = names.iter().map(|name| seen("old", name)).collect();
    assert_eq!(state.see(&many, None).await.unwrap(), 603);
    let (now, long_ago) = (Utc::now(), Utc::now() - chrono::Duration::days(100));
    let made = json!({"id": "run-of-old"});
    // All end long ago: but for one that waits, one that ended today, one that is stuck, and one whose run
    // goes on.
    for number in 0..602 {
        let event = state.take(&runner, &["old"], now).await.unwrap();
        let mut event = event.unwrap();
        let (at, note) = match number {
            0 => (now, Note::Failed("today")),
            1 => (long_ago, Note::Stuck("somebody has to look")),
            2 => {
                let run = seqera_cli::rules::state::MadeRun {
                    id: "run-of-old",
                    workspace: "",
                    counts: true,
                };
                let (made, run) = (&made, Some(run));
                (
                    long_ago,
                    Note::Made {
                        made,
                        run,
                        last: true,
                    },
                )
            }
            3 => (long_ago, Note::Failed("it failed")),
            _ => (long_ago, Note::Skipped("not wanted")),
        };
        state.note(&runner, &mut event, at, note).await.unwrap();
    }
    let before = now - chrono::Duration::days(90);
    assert_eq!(state.prune(before).await.unwrap(), 599);
    let of_old = Filter {
        rule: Some("old".to_owned()),
        ..Filter::default()
    };
    let left = state.events(&of_old).await.unwrap();
    let mut left: Vec<_> = left.iter().map(|event| event.condition).collect();
    left.sort();
    assert_eq!(
        left,
        [
            Condition::Waiting,
            Condition::Done,
            Condition::Failed,
            Condition::Stuck
        ]
    );
    // What is seen again is known, whatever became of it.
    assert_eq!(state.see(&many, None).await.unwrap(), 0);
    let ids: Vec<_> = names
        .iter()
        .map(|name| seqera_cli::rules::state::id_of("old", name))
        .chain(["00".to_owned()])
        .collect();
    assert_eq!(state.noted(&ids).await.unwrap().len(), 603);
    state.ended(&["run-of-old"]).await.unwrap();
    assert_eq!(state.prune(before).await.unwrap(), 1);
    assert_eq!(state.prune(before).await.unwrap(), 0);
    assert!(state.maker_of("run-of-old").await.unwrap().is_none());
    state.leave(&runner).await.unwrap();
}

#[tokio::test]
async fn limits_hold_back() {
    let folder = tempfile::tempdir().unwrap();
    limits(&file(&folder).await).await;
}

pub async fn limits(state: &State) {
    let runner = state.runner("limits", LEASE).await.unwrap();
    let many: Vec<_> = (0..5)
        .map(|number| seen("limited", &number.to_string()))
        .collect();
    state.see(&many, None).await.unwrap();
    let now = Utc::now();
    let at_once = Limit {
        at_once: Some(2),
        per_hour: None,
    };
    let per_hour = Limit {
        at_once: None,
        per_hour: Some(3),
    };
    // Whether the next event may begin then.
    let next = async |limit: Limit, at: DateTime<Utc>| {
        let event = state.take(&runner, &["limited"], now).await.unwrap();
        let mut event = event.unwrap();
        let admission = state.admit(&runner, &mut event, limit, at).await.unwrap();
        (event, admission)
    };
    let (mut first, admission) = next(at_once, now).await;
    assert_eq!(admission, Admission::Now);
    assert_eq!(next(at_once, now).await.1, Admission::Now);
    assert_eq!(next(at_once, now).await.1, Admission::Later(None));
    // A run that goes on counts, though its event is done.
    let made = json!({"id": "run-1"});
    let run = seqera_cli::rules::state::MadeRun {
        id: "run-1",
        workspace: "",
        counts: true,
    };
    let note = Note::Made {
        made: &made,
        run: Some(run),
        last: true,
    };
    state.note(&runner, &mut first, now, note).await.unwrap();
    assert_eq!(next(at_once, now).await.1, Admission::Later(None));
    assert_eq!(state.going_on(&["limited"]).await.unwrap().len(), 1);
    state.ended(&["run-1"]).await.unwrap();
    assert_eq!(next(at_once, now).await.1, Admission::Now);
    // Three began within the hour.
    let held = next(per_hour, now).await.1;
    let Admission::Later(Some(until)) = held else {
        panic!("{held:?}")
    };
    assert!(
        (3_599..=3_600).contains(&(until - now).num_seconds()),
        "{until}"
    );
    assert_eq!(next(per_hour, until).await.1, Admission::Now);
    state.leave(&runner).await.unwrap();
}
