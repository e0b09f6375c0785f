//! Runs that are launched again, or resumed.

use super::*;

/// A run that was launched with everything, and ended as `status` says.
pub async fn finished_run(status: &'static str, session: bool) -> Server {
    Server::start(move |_, seen| match (seen.method.as_str(), seen.path()) {
        ("GET", "/workflow/1run") => reply(json!({
            "workflow": {"id": "1run", "status": status},
            "labels": [{"id": 4, "name": "x"}, {"id": 5, "name": "y"}],
            "pipelineInfo": {"id": 5, "workspaceId": 90},
        })),
        ("GET", "/workflow/1run/launch") => {
            let mut launch = full_configuration();
            for name in ["launchContainer", "runName", "lastUpdated", "workspaceId"] {
                launch.as_object_mut().unwrap().remove(name);
            }
            launch["id"] = json!("3launchOfTheRun");
            launch["pipelineId"] = json!(5);
            launch["resumeDir"] = json!("s3://run/work");
            launch["resumeCommitId"] = json!("ffff");
            if !session {
                launch["sessionId"] = Value::Null;
            }
            reply(json!({"launch": launch}))
        }
        ("GET", "/launch/3launchOfTheRun") => reply(json!({"launch": full_configuration()})),
        ("POST", "/workflow/launch") => reply(json!({"workflowId": "2run"})),
        _ => json(404, "{}"),
    })
    .await
}

#[tokio::test]
async fn a_relaunch_carries_everything_over() {
    let server = finished_run("FAILED", true).await;
    let run = server.client().run("1run").workspace(7);
    let again = run.relaunch().param("max_cpus", 8).send().await.unwrap();
    assert_eq!(again.id(), "2run");
    let mut expected = full_request();
    expected.as_object_mut().unwrap().remove("sessionId");
    expected.as_object_mut().unwrap().remove("runName");
    expected["id"] = json!("3launchOfTheRun");
    expected["labelIds"] = json!([4, 5]);
    expected["paramsText"] = json!(r#"{"input":"s3://a/b.csv","max_cpus":8}"#);
    assert_eq!(sent(&server)["launch"], expected);
    let post = server.posted();
    assert_eq!(post.query("sourceWorkspaceId").as_deref(), Some("90"));
}

#[tokio::test]
async fn a_resume_takes_up_session_commit_and_directory() {
    let server = finished_run("CANCELLED", true).await;
    let run = server.client().run("1run").workspace(7);
    run.resume().send().await.unwrap();
    let mut expected = full_request();
    expected.as_object_mut().unwrap().remove("runName");
    expected["id"] = json!("3launchOfTheRun");
    expected["labelIds"] = json!([4, 5]);
    expected["resume"] = json!(true);
    expected["commitId"] = json!("ffff");
    expected["workDir"] = json!("s3://run/work");
    assert_eq!(sent(&server)["launch"], expected);
}

#[tokio::test]
async fn what_can_not_be_resumed_is_said_and_not_started_afresh() {
    for (status, session, expected) in [
        ("RUNNING", true, "it is RUNNING"),
        ("FAILED", false, "it has no Nextflow session"),
    ] {
        let server = finished_run(status, session).await;
        let error = server
            .client()
            .run("1run")
            .workspace(7)
            .resume()
            .send()
            .await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(server.seen().iter().all(|seen| seen.method == "GET"));
    }
    let outside = Server::start(|_, seen| match seen.path() {
        "/workflow/1run" => reply(json!({"workflow": {"id": "1run", "status": "SUCCEEDED"}})),
        _ => json(
            400,
            r#"{"message": "The run was not launched from the Platform"}"#,
        ),
    })
    .await;
    let refused = async |server: &Server| {
        let run = server.client().run("1run");
        run.resume().send().await.unwrap_err()
    };
    let error = refused(&outside).await;
    assert!(error.to_string().contains("started outside"), "{error}");

    let faulty = Server::start(|_, _| json(500, "{}")).await;
    let error = refused(&faulty).await;
    assert_eq!(error.status().unwrap(), 500);
}

#[tokio::test]
async fn a_run_of_the_test_platform_is_resumed() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let launch = client.launch("nf-core-sarek").workspace(WORKSPACE);
    let run = launch.param("genome", "GRCh38").send().await.unwrap();
    let first = run.wait().await.unwrap();
    let again = run.resume().send().await.unwrap().wait().await.unwrap();
    assert_eq!(again.params(), first.params());
    let session = |done: &seqera::runs::FinishedRun| done.workflow().unwrap().session_id.clone();
    assert_eq!(session(&again), session(&first));
}
