//! Names that stand for something else by now: a launch that is refused is tried with what is there.
#![cfg(all(feature = "names", feature = "runs"))]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use seqera::prelude::*;
use seqera::{Client, RetryPolicy};
use serde_json::{Value, json as value};
use support::{Server, json, ok};

/// What is made anew in workspace 7, and so gets another id.
const KINDS: [&str; 3] = ["pipeline", "compute environment", "label"];

/// A workspace whose pipeline, compute environment or label was made anew as often as `now` says.
async fn workspace(kind: &'static str, now: &Arc<AtomicUsize>) -> (Server, Client) {
    let now = now.clone();
    let server = Server::start(move |_, seen| {
        let id = |of: &str| match of == kind {
            true => now.load(Ordering::SeqCst),
            false => 1,
        };
        let (pipeline, env, label) = (id(KINDS[0]), format!("ce{}", id(KINDS[1])), id(KINDS[2]));
        let list = |field: &str, entry: Value| ok(value!({field: [entry], "totalSize": 1}));
        match seen.path() {
            "/pipelines" => list(
                "pipelines",
                value!({"pipelineId": pipeline, "name": "rnaseq"}),
            ),
            "/compute-envs" => list("computeEnvs", value!({"id": env, "name": "cluster"})),
            "/labels" => list("labels", value!({"id": label, "name": "nightly"})),
            path if path == format!("/pipelines/{pipeline}/launch") => {
                ok(value!({"launch": {"pipeline": "https://x/y", "workDir": "/w"}}))
            }
            path if path == format!("/compute-envs/{env}") => ok(
                value!({"computeEnv": {"id": env, "config": {"discriminator": "local-platform"}}}),
            ),
            "/workflow/launch" => {
                let launch: Value = serde_json::from_slice(&seen.body).unwrap();
                let launch = &launch["launch"];
                match launch["computeEnvId"] == env && launch["labelIds"] == value!([label]) {
                    true => ok(value!({"workflowId": "run1"})),
                    false => json(403, "{}"),
                }
            }
            _ => json(403, "{}"),
        }
    })
    .await;
    let client = server.builder().retry(RetryPolicy::none()).workspace(7);
    let client = client.build().unwrap();
    (server, client)
}

fn count(server: &Server, path: &str) -> usize {
    let seen = server.seen();
    seen.iter().filter(|seen| seen.path() == path).count()
}

#[tokio::test]
async fn what_was_made_anew_is_found_and_tried() {
    for kind in KINDS {
        let now = Arc::new(AtomicUsize::new(1));
        let (server, client) = workspace(kind, &now).await;
        let launch = client.launch("rnaseq").compute_env("cluster");
        let launch = launch.label("nightly");
        launch.clone().send().await.unwrap();
        now.store(2, Ordering::SeqCst);
        let run = launch.clone().send().await;
        assert_eq!(
            run.unwrap_or_else(|error| panic!("{kind}: {error}")).id(),
            "run1"
        );
        // Only of a label it is not known before the launch is sent.
        let launches = count(&server, "/workflow/launch");
        assert_eq!(launches, if kind == "label" { 3 } else { 2 }, "{kind}");

        now.store(3, Ordering::SeqCst);
        let runs: Vec<_> = client.launch_all(vec![launch; 50]).collect().await;
        for run in runs {
            run.unwrap_or_else(|error| panic!("{kind}: {error}"));
        }
    }
}

#[tokio::test]
async fn what_is_refused_for_another_reason_is_sent_once() {
    let now = Arc::new(AtomicUsize::new(1));
    let (server, client) = workspace("nothing", &now).await;
    let launch = client.launch("rnaseq").compute_env("cluster");
    launch.clone().label("nightly").send().await.unwrap();
    // Without its label it is refused, whatever the names stand for.
    let error = launch.send().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 403);
    assert_eq!(error.operation(), Some("create_workflow_launch"));
    assert_eq!(count(&server, "/workflow/launch"), 2);
    assert_eq!(count(&server, "/compute-envs"), 2);
}
