//! What tests in other languages ask for: a seed that says what goes wrong, and the paths beside the API.

use reqwest::{Client, Method};
use seqera_test_platform::{Seed, TestPlatform};
use serde_json::{Value, json};

use crate::client::{Api, of_workspace};

const SEED: &str = "
server:
  callsPerSecond: 0
  runPolls: 2
  settleTime: 1h
  listRunsAfter: 5s
  clockAt: 2026-01-01T00:00:00Z
  quotas: { maxTeams: 2 }
faults:
  - { operation: ListPipelines, times: 2, fail: 503 }
  - { operation: CreateLabel, actThenFail: 502 }
  - { operation: UserInfo, break: true }
  - { operation: DescribePipeline, actThenBreak: true }
  - { operation: ListComputeEnvs, at: /computeEnvs/0/status, value: HIBERNATING }
courses:
  - { pipeline: hello, outcome: failed, samples: 9 }
advance: 2h
";

#[tokio::test]
async fn a_seed_says_what_goes_wrong() {
    let api = Api::of(TestPlatform::builder().seed_yaml(SEED).unwrap()).await;
    assert_eq!(api.platform.now(), "2026-01-01T02:00:00Z");
    for status in [503, 503, 200] {
        api.call(Method::GET, &of_workspace("/pipelines"), None, status)
            .await;
    }
    let label = json!({ "name": "acted", "resource": false });
    api.refused(Method::POST, &of_workspace("/labels"), Some(label), 502)
        .await;
    assert_eq!(
        api.get(&of_workspace("/labels?search=acted")).await["totalSize"],
        1
    );
    for path in ["/user-info".to_owned(), of_workspace("/pipelines/20101")] {
        assert!(api.request(Method::GET, &path).send().await.is_err());
        api.get(&path).await;
    }
    let list = api
        .request(Method::GET, &of_workspace("/compute-envs"))
        .send()
        .await
        .unwrap();
    let list: Value = list.json().await.unwrap();
    assert_eq!(list["computeEnvs"][0]["status"], "HIBERNATING");
    let launch = json!({ "launch": { "pipeline": "https://github.com/nextflow-io/hello" } });
    let run = api.post(&of_workspace("/workflow/launch"), launch).await;
    let path = of_workspace(&format!(
        "/workflow/{}",
        run["workflowId"].as_str().unwrap()
    ));
    for status in ["SUBMITTED", "RUNNING", "FAILED"] {
        assert_eq!(api.get(&path).await["workflow"]["status"], status);
    }
}

#[tokio::test]
async fn a_seed_that_asks_for_what_is_not_there_says_so() {
    let platform = TestPlatform::start().await.unwrap();
    for (seed, reason) in [
        (
            "faults: [{ operation: ListPipeline, fail: 500 }]",
            "ListPipeline",
        ),
        ("faults: [{ operation: ListPipelines }]", "one of"),
        (
            "faults: [{ operation: ListPipelines, fail: 500, break: true }]",
            "one of",
        ),
        ("server: { latency: 1s }", "started"),
    ] {
        let error = platform.seed(Seed::from_yaml(seed).unwrap()).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    for seed in [
        "advance: soon",
        "server: { color: red }",
        "courses: [{ pipeline: x, outcome: odd }]",
    ] {
        assert!(Seed::from_yaml(seed).is_err(), "{seed}");
    }
}

#[tokio::test]
async fn the_paths_beside_the_api_seed_show_and_clear() {
    let api = Api::of(TestPlatform::builder().clock_at("2026-01-01T00:00:00Z")).await;
    let host = api
        .platform
        .endpoint()
        .strip_suffix("/api")
        .unwrap()
        .to_owned();
    let ask = async |method: Method, what: &str, body: &'static str| {
        let request = Client::new().request(method, format!("{host}/test/{what}"));
        let request = request.bearer_auth(api.platform.token()).body(body);
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        (status, reply.json::<Value>().await.unwrap_or_default())
    };
    let (status, said) = ask(Method::POST, "seed", "advance: 90m").await;
    assert_eq!(
        (status, &said["now"]),
        (200, &json!("2026-01-01T01:30:00Z"))
    );
    assert_eq!(ask(Method::GET, "clock", "").await.1, said);
    let faults = r#"{"faults": [{"operation": "*", "times": 9, "fail": 503}]}"#;
    assert_eq!(ask(Method::POST, "seed", faults).await.0, 200);
    api.refused(Method::GET, "/user-info", None, 503).await;
    assert_eq!(ask(Method::DELETE, "faults", "").await.0, 204);
    api.get("/user-info").await;
    let calls = ask(Method::GET, "calls", "").await.1;
    let statuses: Vec<&Value> = calls
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["status"])
        .collect();
    assert_eq!(
        statuses,
        [503, 200],
        "the paths beside the API are no calls"
    );
    assert_eq!(calls[0]["operation"], "UserInfo");
    assert_eq!(ask(Method::DELETE, "calls", "").await.0, 204);
    assert_eq!(ask(Method::GET, "calls", "").await.1, json!([]));
    assert_eq!(ask(Method::GET, "state", "").await.1, api.platform.state());
    let (status, said) = ask(Method::POST, "seed", "users: 3").await;
    assert_eq!(status, 400);
    assert!(said["message"].as_str().unwrap().contains("seed"), "{said}");
    assert_eq!(ask(Method::GET, "nothing", "").await.0, 404);
    let bare = Client::new()
        .get(format!("{host}/test/state"))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
    // A token that has expired opens nothing, and ends nothing of the others'.
    ask(
        Method::POST,
        "seed",
        "users: [{ userName: ada, token: short }]",
    )
    .await;
    ask(Method::POST, "seed", "expiredTokens: [short]").await;
    let url = format!("{}/user-info", api.platform.endpoint());
    let refused = Client::new()
        .get(url)
        .bearer_auth("short")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);
    api.get("/user-info").await;
}
