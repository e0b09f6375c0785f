//! Studios: started, waited for, stopped.
#![cfg(feature = "transfers")]

mod support;

use std::time::Duration;

use seqera::mock::MockApi;
use seqera::types::{
    ComputeEnvSummary, DataStudioCreateRequest, DataStudioCreateResponse, DataStudioStartResponse,
    DataStudioStatusInfo, DataStudioStopResponse, ListComputeEnvsResponse, StudioInfo,
};
use seqera::{Client, ErrorKind, Id, Studio, types};
use seqera_test_platform::{WORKSPACE, WORKSPACE_ID};
use support::laboratory;

fn quick(client: &Client) -> Studio {
    let studio = client.studio(Id("s1")).workspace(7);
    studio.pauses(Duration::from_millis(2), Duration::from_millis(20))
}

#[tokio::test]
async fn the_longest_times_are_no_trouble() {
    let (started, _) = with_studio(
        &["stopped", "starting", "starting", "running"],
        async |studio| {
            let longest = std::time::Duration::MAX;
            studio
                .timeout(longest)
                .pauses(Duration::from_millis(2), longest)
                .start()
                .await
        },
    )
    .await;
    started.unwrap();
}

fn at(status: &str) -> StudioInfo {
    let info = DataStudioStatusInfo::new().message("no quota");
    let info = info.status(types::DataStudioStatus::from(status));
    StudioInfo::new().session_id("s1").status_info(info)
}

/// What a call on a Studio gave that is in these states one after another, the last from then on,
/// and how often it was started and stopped.
async fn with_studio<T, F: Future<Output = T>>(
    states: &[&str],
    call: impl FnOnce(Studio) -> F,
) -> (T, [usize; 2]) {
    let api = MockApi::start().await;
    api.describe_data_studio(|when, then| {
        when.session_id("s1").workspace_id(7);
        (states.iter()).fold(then, |then, state| match *state {
            "broken" => then.error(503, ""),
            "faulty" => then.error(500, "Oops"),
            "in maintenance" => then.content(200, "text/html", "<html>Maintenance</html>"),
            state => then.accepted(at(state)),
        });
    })
    .await;
    let start = api.start_data_studio(|when, then| {
        when.session_id("s1").workspace_id(7);
        then.ok(DataStudioStartResponse::new().job_submitted(true))
    });
    let start = start.await;
    let stop = api.stop_data_studio(|when, then| {
        when.session_id("s1").workspace_id(7);
        then.ok(DataStudioStopResponse::new().job_submitted(true))
    });
    let stop = stop.await;
    let outcome = call(quick(&api.client())).await;
    assert_eq!(api.unexpected(), [""; 0]);
    (outcome, [start.calls(), stop.calls()])
}

#[tokio::test]
async fn a_studio_is_started_and_stopped_on_the_test_platform() {
    let (_platform, client) = laboratory().await;
    let studios = client.list_data_studios().workspace_id(WORKSPACE_ID);
    let studios = studios.send().await.unwrap().studios.unwrap();
    let name = studios[0].name.clone().unwrap();
    let studio = client.studio(name).workspace(WORKSPACE);
    assert_eq!(studio.session_id().await.ok(), studios[0].session_id);
    let studio = studio.pauses(Duration::from_millis(20), Duration::from_millis(200));
    let status = |studio: types::StudioInfo| studio.status_info.unwrap().status.unwrap();
    studio.stop().await.unwrap();
    // On a task of its own, which only takes what is `Send`.
    let started = tokio::spawn({
        let studio = studio.clone();
        async move { studio.start().await }
    });
    let started = started.await.unwrap().unwrap();
    assert_eq!(status(started), types::DataStudioStatus::Running);
    assert_eq!(
        status(studio.stop().await.unwrap()),
        types::DataStudioStatus::Stopped
    );
}

#[tokio::test]
async fn waiting_outlasts_old_states_unknown_states_and_failures() {
    let states = [
        "stopped",
        "stopped",
        "pondering",
        "broken",
        "broken",
        "broken",
        "faulty",
        "in maintenance",
        "building",
        "running",
    ];
    let (outcome, calls) = with_studio(&states, |studio| async move { studio.start().await }).await;
    assert_eq!(outcome.unwrap().session_id.as_deref(), Some("s1"));
    assert_eq!(calls, [1, 0]);
}

#[tokio::test]
async fn a_studio_that_failed_before_is_started_again() {
    for before in ["errored", "buildFailed"] {
        let states = [before, before, "starting", "running"];
        // Time to leave it, on a busy machine as well.
        let patient = |studio: Studio| async move {
            let studio = studio.pauses(Duration::from_millis(2), Duration::from_secs(5));
            studio.start().await
        };
        let (outcome, calls) = with_studio(&states, patient).await;
        outcome.unwrap();
        assert_eq!(calls, [1, 0]);
        // Once it has left its old state, that is an end, and so it is where it stays in it.
        for states in [&[before, "starting", before, "running"][..], &[before]] {
            let start = |studio: Studio| async move { studio.start().await };
            let (outcome, _) = with_studio(states, start).await;
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotReached);
        }
    }
}

#[tokio::test]
async fn nothing_is_started_twice() {
    for (states, starts) in [
        (&["running"][..], 0),
        (&["starting", "running"], 0),
        (
            &["stopping", "stopping", "stopped", "starting", "running"],
            1,
        ),
    ] {
        let (started, calls) =
            with_studio(states, |studio| async move { studio.start().await }).await;
        started.unwrap();
        assert_eq!(calls, [starts, 0], "{states:?}");
    }
    for (states, stops) in [
        (&["stopped"][..], 0),
        (&["running", "stopping", "stopped"], 1),
    ] {
        let (stopped, calls) =
            with_studio(states, |studio| async move { studio.stop().await }).await;
        stopped.unwrap();
        assert_eq!(calls, [0, stops], "{states:?}");
    }
}

#[tokio::test]
async fn ends_that_were_not_wanted_say_why() {
    for states in [
        &["stopped", "starting", "errored"][..],
        &["stopped", "buildFailed"],
        &["stopped"],
    ] {
        let (outcome, _) = with_studio(states, |studio| async move { studio.start().await }).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotReached);
        let error = error.to_string();
        let last = states.last().unwrap();
        assert!(error.contains(&format!("is {last}: no quota")), "{error}");
    }
}

#[tokio::test]
async fn the_timeout_is_kept_and_says_how_it_stands() {
    let api = MockApi::start().await;
    let looks = api.describe_data_studio(|_, then| then.accepted(at("starting")));
    let looks = looks.await;
    let studio = quick(&api.client()).timeout(Duration::from_millis(60));
    let begun = std::time::Instant::now();
    let error = studio.start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReached);
    assert!(!error.is_retryable());
    assert!(error.to_string().ends_with("it is starting"), "{error}");
    assert!(begun.elapsed() >= Duration::from_millis(60));
    assert!(looks.calls() < 12, "the pauses grow: {}", looks.calls());
}

#[tokio::test]
async fn not_ready_yet_is_waited_for_only_if_asked() {
    const CREATING: &str = "Compute environment is CREATING";
    for asked in [false, true] {
        let api = MockApi::start().await;
        let start = api.start_data_studio(|_, then| {
            let then = then.error(400, CREATING).times(3);
            then.ok(DataStudioStartResponse::new())
        });
        let start = start.await;
        api.describe_data_studio(|_, then| then.accepted(at("stopped")).accepted(at("running")))
            .await;
        let outcome = quick(&api.client()).retry_not_ready(asked).start().await;
        if asked {
            outcome.unwrap();
            assert_eq!(start.calls(), 4);
        } else {
            assert_eq!(outcome.unwrap_err().message(), CREATING);
            assert_eq!(start.calls(), 1);
        }
    }
    // After a fault inside the server it may have been started.
    let api = MockApi::start().await;
    let start = api.start_data_studio(|_, then| then.error(400, "Oops - Error ID: 5Ab"));
    let start = start.await;
    api.describe_data_studio(|_, then| then.accepted(at("stopped")))
        .await;
    let outcome = quick(&api.client()).retry_not_ready(true).start().await;
    assert_eq!(outcome.unwrap_err().error_id(), Some("5Ab"));
    start.assert();
}

#[tokio::test]
async fn a_new_studio_is_made_once_its_compute_environment_is_ready() {
    let api = MockApi::start().await;
    let environment = ComputeEnvSummary::new().id("c").name("cluster");
    let environments = ListComputeEnvsResponse::new().compute_envs([environment]);
    api.list_compute_envs(|_, then| then.ok(environments)).await;
    let request = || DataStudioCreateRequest::new().name("n");
    let create = api.create_data_studio(|when, then| {
        when.workspace_id(7)
            .auto_start(false)
            .body(request().compute_env_id("c"));
        let made = DataStudioCreateResponse::new().studio(StudioInfo::new().session_id("s2"));
        then.bad_request("Compute environment is CREATING")
            .times(3)
            .created(made)
    });
    let create = create.await;
    let pause = Duration::from_millis(2);
    let client = api.client();
    let new = client.new_studio(request()).workspace(7);
    let new = new.compute_env("cluster").pauses(pause, pause);
    let studio = new.retry_not_ready(true).send().await.unwrap();
    assert_eq!(studio.session_id().await.unwrap(), "s2");
    assert_eq!(create.calls(), 4);
}
