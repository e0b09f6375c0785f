//! All steps of an event, each with the engine ended before it, in its midst and after it: the next one
//! goes on, each event has one run, and none is lost.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use seqera_cli::rules::clock::TestClock;
use seqera_cli::rules::engine::Connect;
use seqera_cli::rules::file::Command;
use seqera_cli::rules::state::{Condition, Note};
use seqera_cli::rules::template::Expression;
use seqera_cli::rules::{Action, Clock, State};
use serde_json::json;

use crate::state::file;
use crate::{
    connect, each_has_one_run, launch, only, platform, rule, rules, runs, seen, seen_with,
    settings, work, work_with,
};

const LEASE: Duration = Duration::from_secs(60);

/// What was noted and what had happened when the engine ended.
#[derive(Clone, Copy, Debug)]
enum Ended {
    /// The event is seen.
    Seen,
    /// It is taken.
    Taken,
    /// It is admitted.
    Admitted,
    /// The launch is noted, and not sent.
    BegunNotSent,
    /// The launch is sent, and its answer not noted.
    SentNotNoted,
    /// The first of two actions is noted, and the second not begun.
    BetweenActions,
}

#[tokio::test]
async fn an_engine_that_ended_at_any_step_is_taken_up() {
    for ended in [
        Ended::Seen,
        Ended::Taken,
        Ended::Admitted,
        Ended::BegunNotSent,
        Ended::SentNotNoted,
        Ended::BetweenActions,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let platform =
            platform(|builder| builder.list_runs_after(Duration::from_millis(500))).await;
        let state = file(&folder).await;
        let two = rules(vec![rule("r", vec![launch(), launch()])]);
        state.see(&[seen("r", "a")], None).await.unwrap();
        stop_at(&state, ended, &platform).await;
        let work = work(&state, two, &platform).await;
        work.until_all_ended().await;
        let event = only(&state).await;
        assert_eq!(
            (event.condition, event.made.len()),
            (Condition::Done, 2),
            "{ended:?} {event:#?}"
        );
        // The list is late.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let runs = runs(&platform).await;
        assert_eq!(
            runs.values().copied().collect::<Vec<_>>(),
            [1, 1],
            "{ended:?} {runs:?}"
        );
        assert!(runs.keys().all(|name| name.starts_with("r-")), "{runs:?}");
    }
}

async fn stop_at(state: &State, ended: Ended, platform: &seqera_test_platform::TestPlatform) {
    let now = Utc::now();
    let runner = state.runner("before", LEASE).await.unwrap();
    if matches!(ended, Ended::Seen) {
        return;
    }
    let mut event = state.take(&runner, &["r"], now).await.unwrap().unwrap();
    if matches!(ended, Ended::Taken) {
        return;
    }
    let limit = seqera_cli::rules::file::Limit::default();
    state.admit(&runner, &mut event, limit, now).await.unwrap();
    if matches!(ended, Ended::Admitted) {
        return;
    }
    let name = "r-0123456789abcdef";
    state
        .note(&runner, &mut event, now, Note::Begun { run_name: name })
        .await
        .unwrap();
    if matches!(ended, Ended::BegunNotSent) {
        return;
    }
    let client = crate::client(platform.endpoint(), platform.token());
    let launch = client
        .launch(crate::PIPELINE)
        .workspace(seqera_test_platform::WORKSPACE);
    let run = launch.run_name(name).send().await.unwrap();
    if matches!(ended, Ended::SentNotNoted) {
        return;
    }
    let made = json!({"id": run.id(), "name": name});
    let note = Note::Made {
        made: &made,
        run: None,
        last: false,
    };
    state.note(&runner, &mut event, now, note).await.unwrap();
}

#[tokio::test]
async fn faults_of_the_server_neither_double_nor_lose() {
    type Fault = fn(&seqera_test_platform::TestPlatform);
    let faults: [(&str, Fault); 11] = [
        ("502 after it acted", |platform| {
            platform.act_then_fail("CreateWorkflowLaunch", 1, 502)
        }),
        ("502 twice after it acted or not", |platform| {
            platform.fail_next("CreateWorkflowLaunch", 1, 502);
            platform.act_then_fail("CreateWorkflowLaunch", 1, 504);
        }),
        ("an internal fault after it acted", |platform| {
            platform.act_then_fail("CreateWorkflowLaunch", 1, 400);
        }),
        ("broken after it acted", |platform| {
            platform.act_then_break("CreateWorkflowLaunch", 1)
        }),
        ("broken before", |platform| {
            platform.break_next("CreateWorkflowLaunch", 1)
        }),
        ("too many calls", |platform| {
            platform.fail_next("CreateWorkflowLaunch", 8, 429)
        }),
        ("the token is refused", |platform| {
            platform.fail_next("*", 3, 401)
        }),
        ("the token is refused in the midst", |platform| {
            platform.fail_next("DescribePipelineLaunch", 2, 401);
        }),
        ("broken while it is prepared", |platform| {
            platform.break_next("DescribePipelineLaunch", 12);
        }),
        ("looks fail", |platform| {
            platform.act_then_fail("CreateWorkflowLaunch", 1, 502);
            platform.fail_next("ListWorkflows", 6, 500);
        }),
        ("nothing works for a while", |platform| {
            platform.fail_next("*", 12, 503)
        }),
    ];
    let each = faults.map(|(name, fault)| async move {
        let folder = tempfile::tempdir().unwrap();
        let platform = platform(|builder| builder.list_runs_after(Duration::from_secs(1))).await;
        let state = file(&folder).await;
        state
            .see(&[seen("r", "a"), seen("r", "b")], None)
            .await
            .unwrap();
        fault(&platform);
        let work = work(&state, rules(vec![rule("r", vec![launch()])]), &platform).await;
        work.until_all_ended().await;
        println!("{name}");
        platform.clear_faults();
        tokio::time::sleep(Duration::from_secs(1)).await;
        each_has_one_run(&state, &platform, 2).await;
    });
    futures_util::future::join_all(each).await;
}

#[tokio::test]
async fn an_hour_without_network_is_waited_out() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder).await;
    let state = file(&folder).await;
    let start = Utc::now();
    let clock = TestClock::new(start);
    // Nobody listens there; later the address leads to the Platform.
    let at = Arc::new(std::sync::Mutex::new("http://127.0.0.1:9/api".to_owned()));
    let (of_client, token) = (at.clone(), platform.token().to_owned());
    let connect: Connect = Arc::new(move || Ok(crate::client(&of_client.lock().unwrap(), &token)));
    let many: Vec<_> = (0..20)
        .map(|number| seen("r", &format!("{number:02}")))
        .collect();
    state.see(&many, None).await.unwrap();
    let one = rules(vec![rule("r", vec![launch()])]);
    let work = work_with(&state, one, connect, Arc::new(clock.clone()), settings()).await;
    let engine = work.engine.clone();
    let watched = state.clone();
    let stop = async move {
        let met = async {
            while engine.trouble().is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), met)
            .await
            .unwrap();
        for _ in 0..60 {
            clock.advance(Duration::from_secs(60));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(crate::open(&watched).await, 20, "nothing failed for it");
        *at.lock().unwrap() = platform.endpoint().to_owned();
        let ended = async {
            while crate::open(&watched).await > 0 {
                clock.advance(Duration::from_secs(60));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), ended)
            .await
            .unwrap();
        assert!(engine.trouble().is_none());
        each_has_one_run(&watched, &platform, 20).await;
    };
    work.engine.run(stop).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder).await;
    let state = file(&folder).await;
    let start = Utc::now();
    let clock = TestClock::new(start);
    // It is put off, by seconds.
    let notify = Action::Notify(seqera_cli::rules::file::Notify {
        post: "http://127.0.0.1:9/".to_owned(),
        json: None,
        text: Some("is there".to_owned()),
        headers: Default::default(),
    });
    state.see(&[seen("tell", "a")], None).await.unwrap();
    let one = rules(vec![rule("tell", vec![notify])]);
    let as_clock = Arc::new(clock.clone());
    let work = work_with(&state, one, connect(&platform), as_clock, settings()).await;
    let watched = state.clone();
    let until = async |is_so: &dyn Fn(&seqera_cli::rules::state::Event) -> bool| {
        let so = async {
            while !is_so(&only(&watched).await) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), so)
            .await
            .unwrap();
    };
    let stop = async {
        until(&|event| event.tries == 1).await;
        let back = start - chrono::Duration::hours(1);
        clock.set(back);
        until(&|event| event.ready < start).await;
        let ready = only(&watched).await.ready;
        assert!(
            ready > back && ready < back + chrono::Duration::minutes(1),
            "{ready} {back}"
        );
        // Not before its time, and then at once.
        assert_eq!(only(&watched).await.tries, 1);
        clock.advance(Duration::from_secs(10));
        until(&|event| event.tries == 2).await;
    };
    work.engine.run(stop).await.unwrap();
}

#[tokio::test]
async fn a_token_that_expires_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let lifetime = Duration::from_secs(3600);
    let platform = platform(|builder| builder.token_lifetime(lifetime)).await;
    let state = file(&folder).await;
    let held = Arc::new(std::sync::Mutex::new(platform.token().to_owned()));
    let (of_client, endpoint) = (held.clone(), platform.endpoint().to_owned());
    let connect: Connect =
        Arc::new(move || Ok(crate::client(&endpoint, &of_client.lock().unwrap())));
    let client = crate::client(platform.endpoint(), platform.token());
    platform.advance(lifetime - Duration::from_secs(60));
    let body = seqera::types::CreateAccessTokenRequest::new().name("next");
    let next = client
        .create_token()
        .body(body)
        .send()
        .await
        .unwrap()
        .access_key
        .unwrap();
    platform.advance(Duration::from_secs(120));
    state.see(&[seen("r", "a")], None).await.unwrap();
    let one = rules(vec![rule("r", vec![launch()])]);
    let clock: Arc<dyn Clock> = Arc::new(seqera_cli::rules::SystemClock);
    let work = work_with(&state, one, connect, clock, settings()).await;
    let engine = work.engine.clone();
    let renew = async {
        let met = async {
            while engine.trouble().is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), met)
            .await
            .unwrap();
        let why = engine.trouble().unwrap().why;
        assert!(
            why.contains("401") && !why.contains(platform.token()),
            "{why}"
        );
        *held.lock().unwrap() = next;
    };
    tokio::join!(work.until_all_ended(), renew);
    assert_eq!(only(&state).await.condition, Condition::Done);
}

#[tokio::test]
async fn what_can_not_be_decided_stops_alone() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder).await;
    let state = file(&folder).await;
    let mut wanted = rule("wanted", vec![launch()]);
    wanted.when = Some(Expression("event.sample != 'b'".to_owned()));
    let command = Action::Command(Command {
        words: vec!["true".to_owned()],
        folder: None,
        timeout: Duration::from_secs(60),
    });
    let all_rules = rules(vec![wanted, rule("program", vec![command])]);
    let lacking = seen_with("wanted", "d", json!({"event": {"sample": "d", "other": 1}}));
    let mut broken = lacking.clone();
    broken.data = json!({"event": {}});
    broken.key = "c".to_owned();
    state
        .see(
            &[
                seen("wanted", "a"),
                seen("wanted", "b"),
                broken,
                lacking,
                seen("program", "p"),
            ],
            None,
        )
        .await
        .unwrap();
    // A program was begun, and its end not seen.
    let runner = state.runner("before", LEASE).await.unwrap();
    let mut event = state
        .take(&runner, &["program"], Utc::now())
        .await
        .unwrap()
        .unwrap();
    state
        .note(
            &runner,
            &mut event,
            Utc::now(),
            Note::Begun { run_name: "" },
        )
        .await
        .unwrap();
    drop(runner);
    let work = work(&state, all_rules.clone(), &platform).await;
    work.until_all_ended().await;
    let conditions: Vec<_> = crate::all(&state)
        .await
        .into_iter()
        .map(|event| event.condition)
        .collect();
    assert_eq!(
        conditions,
        [
            Condition::Done,
            Condition::Skipped,
            Condition::Failed,
            Condition::Done,
            Condition::Stuck
        ]
    );
    drop(work);
    let (stuck, steps) = state.show(&event.id).await.unwrap();
    assert!(stuck.why.unwrap().contains("nobody saw its end"));
    assert_eq!(steps.last().unwrap().what, "stuck");
    // By hand it is done again.
    state.retry(&event.id[..8], Utc::now()).await.unwrap();
    let work = crate::work(&state, all_rules, &platform).await;
    work.until_all_ended().await;
    assert_eq!(
        state.show(&event.id).await.unwrap().0.condition,
        Condition::Done
    );
}

#[tokio::test]
async fn a_rule_that_fires_for_its_own_runs_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder).await;
    let state = file(&folder).await;
    let work = work(&state, rules(vec![rule("r", vec![launch()])]), &platform).await;
    state.see(&[seen("r", "00")], None).await.unwrap();
    for number in 1..=12 {
        work.until_all_ended().await;
        let last = crate::all(&state).await.pop().unwrap();
        let Some(made) = last.made.first() else { break };
        // A watcher finds that the run has ended, and the rule is for it.
        let key = format!("{number:02}");
        let data = json!({"event": {"sample": key}, "run": {"id": made["id"]}});
        state
            .see(&[seen_with("r", &key, data)], None)
            .await
            .unwrap();
    }
    let last = crate::all(&state).await.pop().unwrap();
    assert_eq!(last.condition, Condition::Stuck, "{last:#?}");
    assert!(last.why.unwrap().contains("for ever"));
    assert_eq!(runs(&platform).await.len(), 10);
}
