//! Studios: started, waited for, stopped.
#![cfg(feature = "transfers")]

mod support;

use std::time::Duration;

use seqera::prelude::*;
use seqera::{Client, ErrorKind, Id, Studio, types};
use seqera_embedded_platform::{WORKSPACE, WORKSPACE_ID};
use support::{Act, Server, json, laboratory};

fn quick(client: &Client) -> Studio {
    let studio = client.studio(Id("s1")).workspace(7);
    studio.pauses(Duration::from_millis(2), Duration::from_millis(20))
}

fn at(status: &str) -> Act {
    json(
        202,
        format!(
            r#"{{"sessionId":"s1","statusInfo":{{"status":"{status}","message":"no quota"}}}}"#
        ),
    )
}

/// Shows these states one after another, the last from then on; other calls succeed.
async fn server(states: &'static [&'static str]) -> Server {
    let shown = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |_, seen| match (seen.method.as_str(), seen.path()) {
        ("GET", "/studios/s1") => {
            let number = shown.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            match states[number.min(states.len() - 1)] {
                "broken" => json(503, ""),
                state => at(state),
            }
        }
        ("PUT", _) => json(200, r#"{"jobSubmitted":true}"#),
        _ => json(501, ""),
    })
    .await
}

fn puts(server: &Server) -> Vec<String> {
    let seen = server.seen();
    let puts = seen.iter().filter(|seen| seen.method == "PUT");
    puts.map(|seen| seen.path().to_owned()).collect()
}

#[tokio::test]
async fn a_studio_is_started_and_stopped_on_the_embedded_platform() {
    let (_platform, client) = laboratory().await;
    let studios = client.list_data_studios().workspace_id(WORKSPACE_ID);
    let studios = studios.send().await.unwrap().into_inner().studios.unwrap();
    let name = studios[0].name.clone().unwrap();
    let studio = client.studio(name).workspace(WORKSPACE);
    assert_eq!(studio.session_id().await.ok(), studios[0].session_id);
    let studio = studio.pauses(Duration::from_millis(20), Duration::from_millis(200));
    let status = |studio: types::DataStudioDto| studio.status_info.unwrap().status.unwrap();
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
    let server = server(&[
        "stopped",
        "stopped",
        "pondering",
        "broken",
        "broken",
        "broken",
        "broken",
        "building",
        "running",
    ])
    .await;
    quick(&server.client()).start().await.unwrap();
    assert_eq!(puts(&server), ["/studios/s1/start"]);
}

#[tokio::test]
async fn nothing_is_started_twice() {
    for states in [&["running"][..], &["starting", "running"]] {
        let server = server(states).await;
        quick(&server.client()).start().await.unwrap();
        assert!(puts(&server).is_empty());
    }
    let stopping = server(&["stopping", "stopping", "stopped", "starting", "running"]).await;
    quick(&stopping.client()).start().await.unwrap();
    assert_eq!(puts(&stopping), ["/studios/s1/start"]);
    let stopped = server(&["stopped"]).await;
    quick(&stopped.client()).stop().await.unwrap();
    assert!(puts(&stopped).is_empty());
    let running = server(&["running", "stopping", "stopped"]).await;
    quick(&running.client()).stop().await.unwrap();
    assert_eq!(puts(&running), ["/studios/s1/stop"]);
}

#[tokio::test]
async fn ends_that_were_not_wanted_say_why() {
    for state in [
        &["stopped", "starting", "errored"][..],
        &["stopped", "buildFailed"],
        &["stopped"],
    ] {
        let server = server(state).await;
        let error = quick(&server.client())
            .start()
            .await
            .unwrap_err()
            .to_string();
        let last = state.last().unwrap();
        assert!(error.contains(&format!("is {last}: no quota")), "{error}");
    }
}

#[tokio::test]
async fn the_timeout_is_kept_and_says_how_it_stands() {
    let server = server(&["starting"]).await;
    let studio = quick(&server.client()).timeout(Duration::from_millis(60));
    let begun = std::time::Instant::now();
    let error = studio.start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("it is starting"), "{error}");
    assert!(begun.elapsed() >= Duration::from_millis(60));
    let looks: Vec<_> = server.seen().iter().map(|seen| seen.at).collect();
    assert!(looks.len() < 12, "the pauses grow: {}", looks.len());
}

#[tokio::test]
async fn not_ready_yet_is_waited_for_only_if_asked() {
    let serve = || {
        Server::start(|number, seen| match (seen.method.as_str(), number) {
            ("PUT" | "POST", ..4) => json(400, r#"{"message":"Compute environment is CREATING"}"#),
            ("POST", _) => json(201, r#"{"studio":{"sessionId":"s2"}}"#),
            ("PUT", _) => json(200, "{}"),
            ("GET", _) if seen.path() == "/compute-envs" => {
                json(200, r#"{"computeEnvs":[{"id":"c","name":"cluster"}]}"#)
            }
            (_, 0) => at("stopped"),
            _ => at("running"),
        })
    };
    let server = serve().await;
    let error = quick(&server.client()).start().await.unwrap_err();
    assert_eq!(error.message(), "Compute environment is CREATING");
    assert_eq!(puts(&server).len(), 1);

    let server = serve().await;
    quick(&server.client())
        .retry_not_ready(true)
        .start()
        .await
        .unwrap();
    assert_eq!(puts(&server).len(), 4);

    let server = serve().await;
    let request = types::DataStudioCreateRequest::new().name("n");
    let client = server.client();
    let pause = Duration::from_millis(2);
    let new = client
        .new_studio(request)
        .workspace(7)
        .compute_env("cluster")
        .pauses(pause, pause);
    let studio = new.retry_not_ready(true).send().await.unwrap();
    assert_eq!(studio.session_id().await.unwrap(), "s2");
    let sent = server.seen().pop().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body["computeEnvId"], "c");
    assert_eq!(
        (
            sent.query("autoStart").as_deref(),
            sent.query("workspaceId").as_deref()
        ),
        (Some("false"), Some("7"))
    );
}
