//! Typed mocks: each kind of parameter, body and reply, and what is said about other calls.

use std::time::Duration;

use seqera::mock::MockApi;
use seqera::prelude::*;
use seqera::{Method, Upload, types};

fn run(id: &str) -> types::RunSummary {
    let workflow = types::WorkflowInfo::new().id(id);
    types::RunSummary::new().workflow(workflow)
}

#[tokio::test]
async fn replies_are_given_in_turn_and_the_last_from_then_on() {
    let api = MockApi::start().await;
    let user =
        |name: &str| types::DescribeUserResponse::new().user(types::User::new().user_name(name));
    let mock = api
        .user_info(|_, then| then.error(503, "").times(2).ok(user("ada")).ok(user("bo")))
        .await;
    let client = api.client();
    for (name, calls) in [("ada", 3), ("bo", 4), ("bo", 5)] {
        let reply = client.user_info().send().await.unwrap();
        let user = reply.user.as_ref().unwrap();
        assert_eq!(user.user_name.as_deref(), Some(name));
        assert_eq!(mock.calls(), calls);
    }
}

#[tokio::test]
async fn a_reply_for_no_calls_is_left_out() {
    let api = MockApi::start().await;
    for failures in 0..3 {
        let created = types::CreateLabelResponse::new().id(9);
        let mock = api.create_label(|when, then| {
            when.workspace_id(failures);
            let then = then.content(429, "text/plain", "busy").times(failures);
            then.ok(created)
        });
        let mock = mock.await;
        let call = api.client().create_label().workspace_id(failures);
        let label = types::CreateLabelRequest::new().name("urgent");
        let reply = call.body(label).send_with_response().await.unwrap();
        assert_eq!(mock.calls(), failures + 1);
        let kinds = reply.headers().get_all("content-type");
        assert_eq!(kinds.iter().collect::<Vec<_>>(), ["application/json"]);
    }
    // Alone, it leaves all calls to the next mock that fits.
    let none = api.user_info(|_, then| then.error(500, "").times(0)).await;
    let user = types::DescribeUserResponse::new();
    let all = api.user_info(|_, then| then.ok(user)).await;
    api.client().user_info().send().await.unwrap();
    assert_eq!((none.calls(), all.calls()), (0, 1));
}

#[tokio::test]
async fn queries_and_json_replies() {
    let api = MockApi::start().await;
    let page = |id| {
        types::ListWorkflowsResponse::new()
            .workflows([run(id)])
            .total_size(1)
    };
    let found = api
        .list_workflows(|when, then| {
            when.workspace_id(42).search("a b&c=d");
            then.ok(page("found"));
        })
        .await;
    let personal = api
        .list_workflows(|when, then| {
            when.workspace_id(None::<i64>);
            then.ok(page("personal"))
        })
        .await;

    let client = api.client();
    let runs: Vec<_> = client
        .list_workflows()
        .workspace_id(42)
        .search("a b&c=d")
        .stream()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        runs[0].workflow.as_ref().unwrap().id.as_deref(),
        Some("found")
    );
    found.assert();
    let runs = client.list_workflows().send().await.unwrap();
    let first = &runs.workflows.as_ref().unwrap()[0];
    assert_eq!(
        first.workflow.as_ref().unwrap().id.as_deref(),
        Some("personal")
    );
    assert_eq!((found.calls(), personal.calls()), (1, 1));

    for workspace in [Some(7), Some(42)] {
        let call = client.list_workflows().workspace_id(workspace).send();
        assert_eq!(call.await.unwrap_err().status().unwrap().as_u16(), 501);
    }
}

#[tokio::test]
async fn arrays_joined_and_repeated() {
    let api = MockApi::start().await;
    let joined = api
        .list_pipelines(|when, then| {
            when.attributes(["labels", "optimized"]);
            then.ok(types::ListPipelinesResponse::new())
        })
        .await;
    let repeated = api
        .explore_data_link_tree(|when, then| {
            when.data_link_id("v1-a").paths(["x/1.bam", "x/2.bam"]);
            then.ok(types::DataLinkContentTreeListResponse::new())
        })
        .await;
    let client = api.client();
    let list = |attributes: &[&'static str]| {
        client
            .list_pipelines()
            .attributes(attributes.iter().copied())
            .send()
    };
    list(&["labels", "optimized"]).await.unwrap();
    list(&["labels"]).await.unwrap_err();
    let tree = |paths: &[&'static str]| {
        let call = client.explore_data_link_tree().data_link_id("v1-a");
        call.paths(paths.iter().copied()).send()
    };
    tree(&["x/1.bam", "x/2.bam"]).await.unwrap();
    tree(&["x/2.bam"]).await.unwrap_err();
    tree(&["x/1.bam", "x/2.bam", "x/3.bam"]).await.unwrap_err();
    joined.assert();
    repeated.assert();
}

#[tokio::test]
async fn paths_and_parameters_that_are_paths() {
    let api = MockApi::start().await;
    let one = api
        .describe_workflow(|when, then| {
            when.workflow_id("4x/é");
            then.ok(types::DescribeWorkflowResponse::new())
        })
        .await;
    let folder = api
        .explore_data_link_with_path(|when, then| {
            when.data_link_id("v1-a").path("results 1/multiqc");
            then.ok(types::DataLinkContentResponse::new())
        })
        .await;
    let client = api.client();
    client
        .describe_workflow()
        .workflow_id("4x/é")
        .send()
        .await
        .unwrap();
    client
        .describe_workflow()
        .workflow_id("4y")
        .send()
        .await
        .unwrap_err();
    let browse = |path| {
        client
            .explore_data_link_with_path()
            .data_link_id("v1-a")
            .path(path)
            .send()
    };
    browse("results 1/multiqc").await.unwrap();
    browse("results 1").await.unwrap_err();
    one.assert();
    folder.assert();
}

#[tokio::test]
async fn a_parameter_does_not_stand_for_a_literal_part_of_another_path() {
    let api = MockApi::start().await;
    let any_run = api
        .describe_workflow(|_, then| then.ok(types::DescribeWorkflowResponse::new()))
        .await;
    api.client()
        .generate_random_workflow_name()
        .send()
        .await
        .unwrap_err();
    assert_eq!(any_run.calls(), 0);
    assert_eq!(api.unexpected(), ["generate_random_workflow_name"]);
}

#[tokio::test]
async fn json_bodies_are_compared_as_a_whole() {
    let api = MockApi::start().await;
    let label = || types::CreateLabelRequest::new().name("urgent");
    let create = api
        .create_label(|when, then| {
            when.workspace_id(42).body(label());
            then.ok(types::CreateLabelResponse::new().id(9))
        })
        .await;
    let client = api.client();
    let call = |body| client.create_label().workspace_id(42).body(body).send();
    assert_eq!(call(label()).await.unwrap().id, Some(9));
    let error = call(label().resource(true)).await.unwrap_err();
    assert!(
        error
            .message()
            .contains(r#"body={"name":"urgent","resource":true}"#),
        "{error}"
    );
    create.assert();
}

#[tokio::test]
async fn forms_bytes_and_empty_replies() {
    let api = MockApi::start().await;
    let upload = api
        .upload_dataset_v2(|when, then| {
            when.dataset_id("7x").header(true).file("sample\r\nA\n");
            then.ok(types::UploadDatasetVersionResponse::new())
        })
        .await;
    let download = api
        .download_dataset_v2(|when, then| {
            when.file_name("a.csv");
            then.ok([0, 159, 146, 150])
        })
        .await;
    let delete = api.delete_label(|when, then| {
        when.label_id(3);
        then.no_content()
    });
    let delete = delete.await;

    let client = api.client();
    let send = |content| {
        let call = client.upload_dataset_v2().dataset_id("7x").header(true);
        call.file(Upload::from_bytes(content).file_name("a.csv"))
            .send()
    };
    send("sample\r\nA\n").await.unwrap();
    send("sample\r\nB\n").await.unwrap_err();
    let call = client
        .download_dataset_v2()
        .dataset_id("7x")
        .version("1")
        .file_name("a.csv");
    let content = call.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(content, [0, 159, 146, 150].as_slice());
    let delete_label = client.delete_label().label_id(3);
    let reply = delete_label.send_with_response().await.unwrap();
    assert_eq!(reply.status().as_u16(), 204);
    for mock in [upload, download, delete] {
        mock.assert();
    }
}

#[tokio::test]
async fn errors_come_with_their_details() {
    let api = MockApi::start().await;
    let run = types::DeleteCredentialsConflictResponseConflict::new()
        .id("5run")
        .name("night shift");
    let body = types::DeleteCredentialsConflictResponse::new()
        .credentials_id("7c")
        .conflicts([run]);
    let mock = api.delete_credentials(|_, then| then.conflict(&body));
    mock.await;
    let client = api.client();
    let call = client.delete_credentials().credentials_id("7c");
    let error = call.send().await.unwrap_err();
    assert!(error.message().contains("night shift"), "{error}");
    let details: types::DeleteCredentialsConflictResponse = error.details().unwrap();
    assert_eq!(details, body);
}

#[tokio::test]
async fn errors_declared_and_not() {
    let api = MockApi::start().await;
    api.describe_pipeline(|when, then| {
        when.pipeline_id(7);
        then.forbidden("No access")
    })
    .await;
    let busy = api
        .describe_pipeline(|when, then| {
            when.pipeline_id(8);
            then.error(503, "Down for maintenance")
        })
        .await;
    let client = api.client();
    let error = client
        .describe_pipeline()
        .pipeline_id(7)
        .send()
        .await
        .unwrap_err();
    assert!(error.is_forbidden());
    assert_eq!(error.message(), "No access");
    let error = client
        .describe_pipeline()
        .pipeline_id(8)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 503);
    assert_eq!(error.attempts() as usize, busy.calls());
    assert!(busy.calls() > 1, "retries are part of what is tested");
}

#[tokio::test]
async fn mocks_take_turns_when_their_times_are_limited() {
    let api = MockApi::start().await;
    let launching = api
        .describe_workflow(|_, then| {
            let workflow = types::WorkflowDetails::new().status("SUBMITTED");
            then.ok(types::DescribeWorkflowResponse::new().workflow(workflow))
                .and(|then| then.up_to_n_times(2).delay(Duration::from_millis(1)))
        })
        .await;
    let done = api
        .describe_workflow(|_, then| {
            let workflow = types::WorkflowDetails::new().status("SUCCEEDED");
            then.ok(types::DescribeWorkflowResponse::new().workflow(workflow))
        })
        .await;
    let client = api.client();
    for _ in 0..3 {
        client
            .describe_workflow()
            .workflow_id("4x")
            .send()
            .await
            .unwrap();
    }
    assert_eq!((launching.calls(), done.calls()), (2, 1));
}

#[tokio::test]
async fn an_unexpected_call_says_what_it_was_and_what_was_mocked() {
    let api = MockApi::start().await;
    let client = api.client();
    let error = client.user_info().send().await.unwrap_err();
    assert_eq!(
        error.message(),
        "unexpected call: user_info. Nothing is mocked."
    );

    api.user_info(|_, then| then.ok(types::DescribeUserResponse::new()))
        .await;
    api.list_workflows(|when, then| {
        when.workspace_id(42).max(None::<i64>);
        then.ok(types::ListWorkflowsResponse::new())
    })
    .await;
    api.other("newer things", |when, then| {
        when.path("/newer/things");
        then.status(200).body("{}")
    })
    .await;
    let error = client
        .list_workflows()
        .workspace_id(7)
        .search("x")
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 501);
    assert_eq!(
        error.message(),
        "unexpected call: list_workflows with workspaceId=7, search=x. \
         Mocked: user_info; list_workflows with workspaceId=42, no max; newer things."
    );
    let raw = client.request(Method::GET, "/newest");
    assert!(
        raw.send_empty()
            .await
            .unwrap_err()
            .message()
            .contains("unexpected call: GET /newest")
    );
    assert_eq!(
        api.unexpected(),
        [
            "user_info",
            "list_workflows with workspaceId=7, search=x",
            "GET /newest"
        ]
    );
    client.user_info().send().await.unwrap();
    client
        .request(Method::GET, "/newer/things")
        .send_empty()
        .await
        .unwrap();
}

#[tokio::test]
async fn waits_for_nothing() {
    let api = MockApi::start().await;
    api.user_info(|_, then| then.ok(types::DescribeUserResponse::new()))
        .await;
    let client = api.client();
    let begun = std::time::Instant::now();
    let calls = (0..60).map(|_| client.user_info().send());
    let outcomes = futures_util::future::join_all(calls).await;
    assert!(outcomes.iter().all(Result::is_ok));
    // At 20 calls a second this takes two.
    assert!(begun.elapsed() < Duration::from_millis(1_500));
}
