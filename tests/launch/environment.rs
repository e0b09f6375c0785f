//! The compute environment: what it brings, and whether it is ready.

use super::*;

#[tokio::test]
async fn another_compute_environment_comes_with_its_work_directory() {
    let server = full_server().await;
    let pipeline = server.client().launch(5).workspace(7);
    let launch = pipeline.clone().compute_env(Id("other"));
    let request = launch.clone().preview().await.unwrap().request;
    assert_eq!(request.compute_env_id.as_deref(), Some("other"));
    assert_eq!(request.work_dir.as_deref(), Some("/scratch"));
    let request = launch.work_dir("/mine").preview().await.unwrap().request;
    assert_eq!(request.work_dir.as_deref(), Some("/mine"));
    let same = pipeline.compute_env(Id("9env"));
    let request = same.preview().await.unwrap().request;
    assert_eq!(request.work_dir.as_deref(), Some("s3://pipeline/work"));
}

/// A cluster's `module load …` stands in its environment, and the server adds it to no launch.
#[tokio::test]
async fn a_compute_environment_brings_its_scripts_and_configuration() {
    let config = json!({
        "discriminator": "slurm-platform", "workDir": "/scratch", "preRunScript": "module load",
        "postRunScript": "module purge", "nextflowConfig": "process.queue = 'long'",
    });
    let server = Server::start(move |_, seen| match seen.path() {
        "/pipelines/5/launch" => reply(json!({"launch": {
            "pipeline": "https://x/y", "preRunScript": "own", "configText": "",
            "computeEnv": {"id": "own", "config": {"workDir": "/own", "postRunScript": "never"}},
        }})),
        "/compute-envs" => reply(json!({"computeEnvs": [{"id": "cluster", "primary": true}]})),
        "/compute-envs/cluster" => {
            reply(json!({"computeEnv": {"id": "cluster", "config": config}}))
        }
        _ => json(404, "{}"),
    })
    .await;
    let settings = async |launch: seqera::runs::Launch| {
        let request = Box::pin(launch.preview()).await.unwrap().request;
        [
            request.compute_env_id,
            request.work_dir,
            request.pre_run_script,
            request.post_run_script,
            request.config_text,
        ]
        .map(Option::unwrap_or_default)
        .join("|")
    };
    let all = "cluster|/scratch|module load|module purge|process.queue = 'long'";
    let repository = server.client().launch("https://x/y").workspace(7);
    assert_eq!(settings(repository.clone()).await, all);
    let set = repository.clone().pre_run_script("mine").config("");
    assert_eq!(settings(set).await, "cluster|/scratch|mine|module purge|");
    let off = repository
        .pre_run_script(Null)
        .post_run_script(Null)
        .config(Null);
    assert_eq!(settings(off.clone()).await, "cluster|/scratch|||");
    let on = off.post_run_script("mine");
    assert_eq!(settings(on).await, "cluster|/scratch||mine|");

    let pipeline = server.client().launch(5).workspace(7);
    assert_eq!(settings(pipeline.clone()).await, "own|/own|own||");
    let off = pipeline.clone().pre_run_script(Null);
    assert_eq!(settings(off).await, "own|/own|||");
    let moved = pipeline.compute_env(Id("cluster"));
    assert_eq!(
        settings(moved).await,
        "cluster|/scratch|own|module purge|process.queue = 'long'"
    );
}

/// A compute environment that becomes ready at the third look, which follows one that fails, and
/// is refused once more after.
fn slow_environment(looks: &AtomicUsize, posts: &AtomicUsize, seen: &Seen) -> Act {
    match (seen.method.as_str(), seen.path()) {
        ("GET", "/pipelines/5/launch") => reply(json!({"launch": full_configuration()})),
        ("GET", _) => {
            let at = |status| reply(json!({"computeEnv": {"id": "9env", "status": status}}));
            match looks.fetch_add(1, Ordering::SeqCst) {
                0 => at("CREATING"),
                1 => json(500, "{}"),
                _ => at("AVAILABLE"),
            }
        }
        _ => match posts.fetch_add(1, Ordering::SeqCst) {
            0 => json(400, r#"{"message": "Compute environment is not ready"}"#),
            _ => reply(json!({"workflowId": "1run"})),
        },
    }
}

#[tokio::test]
async fn a_compute_environment_is_awaited_only_where_asked() {
    let (looks, posts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = Server::start(move |_, seen| slow_environment(&looks, &posts, seen)).await;
    let launch = server.client().launch(5).workspace(7);
    launch
        .wait_for_compute_env(Duration::from_secs(2))
        .send()
        .await
        .unwrap();
    let posts = |server: &Server| {
        server
            .seen()
            .iter()
            .filter(|seen| seen.method == "POST")
            .count()
    };
    assert_eq!(posts(&server), 2);

    let (looks, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = Server::start(move |_, seen| slow_environment(&looks, &refused, seen)).await;
    let error = server
        .client()
        .launch(5)
        .workspace(7)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap(), 400);
    assert_eq!(posts(&server), 1);
}

#[tokio::test]
async fn a_compute_environment_that_never_gets_ready_is_named() {
    for (settles, expected) in [
        (Duration::from_secs(3600), "after the time given"),
        (Duration::ZERO, "takes no launches"),
    ] {
        let platform = TestPlatform::builder().calls_per_second(None);
        let platform = platform.settle_time(settles).start().await.unwrap();
        let client = client_of_embedded(&platform).build().unwrap();
        let made = client.request(Method::POST, "/compute-envs");
        let made = made
            .query("workspaceId", WORKSPACE_ID)
            .json(&json!({"computeEnv": {
                "name": "never", "description": "errors", "platform": "local-platform",
                "config": {"discriminator": "local-platform", "workDir": "/work"},
            }}));
        made.send::<Value>().await.unwrap();
        let launch = client.launch("hello").workspace(WORKSPACE);
        let launch = launch.compute_env("never");
        let launch = launch.wait_for_compute_env(Duration::from_millis(50));
        let error = launch.send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotReached);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(support::count_of(&platform, "POST /workflow/launch"), 0);
    }
}
