//! What comes and goes in its own time: compute environments, Studios, and what depends on them.

use std::time::Duration;

use reqwest::Method;
use seqera_test_platform::{Course, ORGANIZATION_ID, TestPlatform, WORKSPACE_ID};
use serde_json::{Value, json};

use crate::client::{Api, of_workspace, texts};

const HELLO: &str = "https://github.com/nextflow-io/hello";
const AWS: &str = "4mXqT0bHcW8zLdPfRk2VnS";
const AWS_KEYS: &str = "2rKbN9wAoS6vDyHmGi4XcE";

async fn standing_still() -> Api {
    let builder = TestPlatform::builder().calls_per_second(None);
    Api::of(builder.clock_at("2026-01-10T08:00:00Z")).await
}

async fn compute_env(api: &Api, name: &str, description: &str) -> String {
    let env = json!({ "computeEnv": {
        "name": name, "description": description, "platform": "aws-batch", "credentialsId": AWS_KEYS,
        "config": { "discriminator": "aws-batch", "region": "eu-west-1", "workDir": "s3://w", "preRunScript": "own" },
    } });
    let made = api.post(&of_workspace("/compute-envs"), env).await;
    made["computeEnvId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_runs_on_a_compute_environment_before_it_is_there() {
    let api = standing_still().await;
    let id = compute_env(&api, "new", "").await;
    let launch = json!({ "launch": { "pipeline": HELLO, "computeEnvId": id } });
    let studio = json!({ "name": "early", "computeEnvId": id });
    let (launches, studios) = (of_workspace("/workflow/launch"), of_workspace("/studios"));
    for (path, body) in [(&launches, &launch), (&studios, &studio)] {
        let message = api
            .refused(Method::POST, path, Some(body.clone()), 400)
            .await;
        assert!(message.contains("CREATING"), "{message}");
    }
    api.platform.advance(Duration::from_secs(2));
    let run = api.post(&launches, launch.clone()).await;
    api.post(&studios, studio).await;
    // Its scripts are the caller's to copy.
    let path = format!("/workflow/{}/launch", run["workflowId"].as_str().unwrap());
    assert!(api.get(&of_workspace(&path)).await["launch"]["preRunScript"].is_null());

    // None goes while it is in use, and none comes while it is disabled.
    let path = of_workspace(&format!("/compute-envs/{id}"));
    api.refused(Method::DELETE, &path, None, 409).await;
    api.platform.advance(Duration::from_secs(60));
    let disable = of_workspace(&format!("/compute-envs/{id}/disable"));
    api.call(Method::POST, &disable, Some(json!({})), 204).await;
    let message = api
        .refused(Method::POST, &launches, Some(launch), 400)
        .await;
    assert!(message.contains("DISABLED"), "{message}");
    api.call(Method::DELETE, &path, None, 204).await;
    assert_eq!(api.get(&path).await["computeEnv"]["status"], "DELETING");
    api.platform.advance(Duration::from_secs(2));
    api.refused(Method::GET, &path, None, 403).await;
}

#[tokio::test]
async fn a_compute_environment_may_fail_and_goes_by_force() {
    let api = standing_still().await;
    let id = compute_env(&api, "broken", "errors").await;
    api.platform.advance(Duration::from_secs(2));
    let path = of_workspace(&format!("/compute-envs/{id}"));
    let env = api.get(&path).await["computeEnv"].take();
    assert_eq!(env["status"], "ERRORED");
    assert!(env["message"].is_string());
    let validate = of_workspace(&format!("/compute-envs/{id}/validate"));
    api.refused(Method::POST, &validate, Some(json!({})), 400)
        .await;
    let forced = |id: &str| of_workspace(&format!("/compute-envs/{id}?force=true"));
    api.refused(Method::DELETE, &forced(AWS), None, 409).await;
    api.call(Method::DELETE, &forced(&id), None, 204).await;
    api.refused(Method::GET, &path, None, 403).await;
}

#[tokio::test]
async fn a_validation_stores_its_outcome_and_force_skips_it() {
    let api = standing_still().await;
    let keys = |secret: &str| json!({ "credentials": { "name": "aws-batch-runner", "provider": "aws", "keys": { "discriminator": "aws", "accessKey": "A", "secretKey": secret } } });
    let credentials = of_workspace(&format!("/credentials/{AWS_KEYS}"));
    let probe = of_workspace(&format!("/credentials/{AWS_KEYS}/validate"));
    let validate = of_workspace(&format!("/compute-envs/{AWS}/validate"));
    let status = async || api.get(&credentials).await["credentials"]["status"].take();
    api.refused(Method::POST, &format!("{validate}&force=true"), None, 409)
        .await;
    api.refused(Method::POST, &format!("{probe}&force=true"), None, 409)
        .await;
    api.call(Method::PUT, &credentials, Some(keys("invalid")), 204)
        .await;
    assert_eq!(api.post(&validate, json!({})).await["status"], "INVALID");
    assert_eq!(
        status().await,
        "INVALID",
        "the credentials' outcome is stored too"
    );
    // An environment is forced where its credentials are fine.
    api.refused(Method::POST, &format!("{validate}&force=true"), None, 409)
        .await;
    api.post(&format!("{probe}&force=true"), json!({})).await;
    assert_eq!(status().await, "AVAILABLE");
    api.post(&format!("{validate}&force=true"), json!({})).await;
    api.call(Method::PUT, &credentials, Some(keys("right")), 204)
        .await;
    assert_eq!(api.post(&validate, json!({})).await["status"], "AVAILABLE");
}

#[tokio::test]
async fn what_running_jobs_depend_on_stays_where_that_is_checked() {
    let api = standing_still().await;
    api.platform.every_run("hello", Course::never_ends());
    let launches = of_workspace("/workflow/launch");
    let run = api
        .post(&launches, json!({ "launch": { "pipeline": HELLO } }))
        .await;
    let path = of_workspace(&format!("/credentials/{AWS_KEYS}?checked=true"));
    let refused = api.call(Method::DELETE, &path, None, 409).await;
    assert_eq!(refused["conflicts"][0]["id"], run["workflowId"]);

    let of_organization = |path: &str| format!("{path}?orgId={ORGANIZATION_ID}");
    let identity = json!({ "name": "cluster", "platform": "slurm-platform", "config": {} });
    let identity = api.post(&of_organization("/identities"), identity).await["id"].to_string();
    let own = format!("/identities/{identity}/credentials");
    let keys = json!({ "provider": "ssh", "credentials": { "provider": "ssh", "keys": { "discriminator": "ssh" } } });
    let managed = api.post(&of_organization(&own), keys.clone()).await;
    api.refused(Method::POST, &of_organization(&own), Some(keys), 409)
        .await;
    let env = |identity: &str| {
        json!({ "computeEnv": {
        "name": "shared", "platform": "slurm-platform", "managedIdentityId": identity,
        "config": { "discriminator": "slurm-platform", "workDir": "/work" },
    } })
    };
    let envs = of_workspace("/compute-envs");
    api.refused(Method::POST, &envs, Some(env("12")), 400).await;
    let env = api.post(&envs, env(&identity)).await;
    api.platform.advance(Duration::from_secs(2));
    let launch = json!({ "pipeline": HELLO, "computeEnvId": env["computeEnvId"] });
    let run = api.post(&launches, json!({ "launch": launch })).await;
    let managed = format!("{own}/{}", managed["managedCredentials"]["id"]);
    let path = format!("{}&checked=true", of_organization(&managed));
    let refused = api.call(Method::DELETE, &path, None, 409).await;
    assert_eq!(refused["conflicts"][0]["id"], run["workflowId"]);
    let identity = format!("/identities/{identity}");
    let path = format!("{}&checked=true", of_organization(&identity));
    let refused = api.call(Method::DELETE, &path, None, 409).await;
    assert_eq!(refused["conflicts"][0]["id"], run["workflowId"]);
    api.call(Method::DELETE, &of_organization(&managed), None, 204)
        .await;
    api.call(Method::DELETE, &of_organization(&identity), None, 204)
        .await;
}

#[tokio::test]
async fn a_studio_lives_as_long_as_its_workspace_says() {
    let api = standing_still().await;
    let settings = format!("/orgs/{ORGANIZATION_ID}/workspaces/{WORKSPACE_ID}/settings/studios");
    let own = json!({ "lifespanHours": 8, "privateStudioByDefault": true });
    api.call(Method::PUT, &settings, Some(own), 204).await;
    let studio = json!({ "name": "short-lived", "computeEnvId": AWS });
    let studio = api.post(&of_workspace("/studios"), studio).await["studio"].take();
    assert_eq!(studio["isPrivate"], true);
    assert_eq!(
        studio["statusInfo"]["status"], "starting",
        "it starts unless told not to"
    );
    assert_eq!(studio["effectiveLifespanHours"], 8);
    let path = of_workspace(&format!(
        "/studios/{}",
        studio["sessionId"].as_str().unwrap()
    ));
    let checkpoints = path.replace('?', "/checkpoints?");
    let status = async || api.get(&path).await["statusInfo"].take();
    api.platform.advance(Duration::from_secs(7 * 3600));
    assert_eq!(status().await["status"], "running");
    let list = api.get(&checkpoints).await;
    assert_eq!(texts(&list["checkpoints"], "status"), ["interim"]);
    // Eight more from now on.
    api.call(Method::POST, &path.replace('?', "/lifespan?"), None, 200)
        .await;
    api.platform.advance(Duration::from_secs(7 * 3600));
    assert_eq!(status().await["status"], "running");
    api.platform.advance(Duration::from_secs(2 * 3600));
    let ended = status().await;
    assert_eq!(
        (&ended["status"], &ended["stopReason"]),
        (&json!("stopped"), &json!("LIFESPAN_EXPIRED"))
    );
    let list = api.get(&checkpoints).await;
    assert_eq!(texts(&list["checkpoints"], "status"), ["finalized"]);
    // Another session has a checkpoint of its own, the newest first.
    api.call(
        Method::PUT,
        &path.replace('?', "/start?"),
        Some(json!({})),
        200,
    )
    .await;
    let list = api.get(&checkpoints).await;
    assert_eq!(
        texts(&list["checkpoints"], "status"),
        ["interim", "finalized"]
    );
    api.refused(Method::DELETE, &path, None, 409).await;
    api.call(Method::PUT, &path.replace('?', "/stop?"), None, 200)
        .await;
    api.platform.advance(Duration::from_secs(2));

    // A new one begins where the old one was left.
    let checkpoint = &list["checkpoints"][1]["id"];
    let copy = json!({ "name": "copy", "computeEnvId": AWS, "initialCheckpointId": checkpoint });
    let copy = api
        .post(&of_workspace("/studios?autoStart=false"), copy)
        .await;
    assert_eq!(
        copy["studio"]["parentCheckpoint"]["studioName"],
        "short-lived"
    );
    // It moves only to where Studios can run.
    let cluster = json!({ "computeEnvId": "1cGvJ7yQeN5tUaZxKo9BwD" });
    api.refused(Method::PUT, &path, Some(cluster), 400).await;
}

#[tokio::test]
async fn a_disabled_version_of_a_dataset_is_launched_with_no_more() {
    let api = Api::start().await;
    let id = "3tLcR8nXeO1pWqVyGs5JdU";
    let versions = api
        .get(&of_workspace(&format!("/datasets/{id}/versions")))
        .await;
    assert_eq!(versions["versions"][0]["version"], 2, "the latest first");
    let params = json!({ "input": versions["versions"][0]["url"] }).to_string();
    let launch = json!({ "launch": { "pipeline": HELLO, "paramsText": params } });
    let launches = of_workspace("/workflow/launch");
    let run = api.post(&launches, launch.clone()).await;
    let path = format!("/workflow/{}", run["workflowId"].as_str().unwrap());
    let launch_id = api.get(&of_workspace(&path)).await["workflow"]["launchId"].take();
    let path = format!("/launch/{}/datasets", launch_id.as_str().unwrap());
    assert_eq!(api.get(&of_workspace(&path)).await["totalSize"], 1);
    let path = of_workspace(&format!("/datasets/{id}/versions/2/disable"));
    api.call(Method::POST, &path, None, 204).await;
    let message = api
        .refused(Method::POST, &launches, Some(launch), 400)
        .await;
    assert!(message.contains("disabled"), "{message}");
}

/// The two kinds of servers with versions of pipelines.
#[tokio::test]
async fn an_update_of_what_is_versioned_makes_a_draft_or_a_new_default() {
    for drafts in [true, false] {
        let builder = TestPlatform::builder().calls_per_second(None);
        let builder = if drafts {
            builder.draft_versions()
        } else {
            builder
        };
        let api = Api::of(builder).await;
        let path = of_workspace("/pipelines/20101");
        let before = api.get(&path).await["pipeline"]["version"].take();
        let update = |revision: &str| json!({ "name": "hello", "launch": { "pipeline": HELLO, "revision": revision, "configProfiles": [], "pullLatest": false, "stubRun": false } });
        let made = api.call(Method::PUT, &path, Some(update("dev")), 200).await;
        let version = &made["pipeline"]["version"];
        assert_ne!(version["id"], before["id"]);
        assert_eq!(version["isDefault"], !drafts);
        let expected = if drafts {
            Value::Null
        } else {
            json!("hello-2")
        };
        assert_eq!(version["name"], expected);
        let revision = async || {
            let launch = api.get(&of_workspace("/pipelines/20101/launch")).await;
            launch["launch"]["revision"].clone()
        };
        assert_eq!(revision().await, if drafts { "master" } else { "dev" });
        let published = of_workspace("/pipelines/20101/versions?isPublished=true");
        assert_eq!(
            api.get(&published).await["totalSize"],
            if drafts { 1 } else { 2 }
        );

        // What is not versioned changes the version itself.
        let mut same = update("dev");
        same["launch"]["workDir"] = json!("s3://elsewhere");
        let id = version["id"].as_str().unwrap();
        let of_version = of_workspace(&format!("/pipelines/20101/versions/{id}"));
        let kept = api.call(Method::POST, &of_version, Some(same), 200).await;
        assert_eq!(kept["pipeline"]["version"]["id"], id);

        let manage = of_version.replace('?', "/manage?");
        let name = |name: &str| json!({ "name": name, "isDefault": true });
        api.call(Method::PUT, &manage, Some(name("hello-3")), 204)
            .await;
        assert_eq!(revision().await, "dev");
        // A name that runs refer to stays.
        let launch = api.get(&of_workspace("/pipelines/20101/launch")).await["launch"]["id"].take();
        let launch = json!({ "launch": { "id": launch, "pipeline": HELLO, "revision": "dev" } });
        let run = api.post(&of_workspace("/workflow/launch"), launch).await;
        let run = format!(
            "/workflow/{}?attributes=pipelineInfo",
            run["workflowId"].as_str().unwrap()
        );
        let run = api.get(&of_workspace(&run)).await;
        assert_eq!(run["pipelineInfo"]["version"]["name"], "hello-3");
        api.refused(Method::PUT, &manage, Some(name("hello-4")), 409)
            .await;
    }
}

#[tokio::test]
async fn a_pipeline_of_a_shared_workspace_stays_without_a_compute_environment() {
    let api = Api::start().await;
    let shared = |path: &str| format!("{path}?workspaceId=87011625448230");
    let pipeline = |description: &str| json!({ "name": "open", "description": description, "launch": { "pipeline": HELLO } });
    let made = api.post(&shared("/pipelines"), pipeline("")).await;
    let id = made["pipeline"]["pipelineId"].to_string();
    let env = async |id: &str, of: &dyn Fn(&str) -> String| {
        let launch = api.get(&of(&format!("/pipelines/{id}/launch"))).await;
        launch["launch"]["computeEnv"].clone()
    };
    assert_eq!(env(&id, &shared).await, Value::Null);
    let path = shared(&format!("/pipelines/{id}"));
    api.call(Method::PUT, &path, Some(pipeline("changed")), 200)
        .await;
    assert_eq!(env(&id, &shared).await, Value::Null);
    // One of a private workspace takes the primary one.
    let made = api.post(&of_workspace("/pipelines"), pipeline("")).await;
    let id = made["pipeline"]["pipelineId"].to_string();
    assert_eq!(env(&id, &of_workspace).await["id"], AWS);
}

#[tokio::test]
async fn some_servers_refuse_parameters_that_refer_to_others() {
    let launch = json!({ "launch": { "pipeline": HELLO, "paramsText": "{\"out\": \"${params.base}/out\"}" } });
    let path = of_workspace("/workflow/launch");
    Api::start().await.post(&path, launch.clone()).await;
    let api = Api::of(TestPlatform::builder().refuse_references()).await;
    let message = api.refused(Method::POST, &path, Some(launch), 400).await;
    assert!(message.contains("referenced values"), "{message}");
}

#[tokio::test]
async fn the_own_context_and_each_workspace_are_apart() {
    let api = Api::start().await;
    let label = json!({ "name": "mine", "resource": false });
    let own = api.post("/labels", label.clone()).await;
    let other = api.post(&of_workspace("/labels"), label).await;
    assert_ne!(own["id"], other["id"]);
    assert_eq!(api.get("/labels").await["totalSize"], 1);
    let path = of_workspace(&format!("/labels/{}", own["id"]));
    api.refused(Method::DELETE, &path, None, 403).await;
}
