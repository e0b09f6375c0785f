//! What the caller says reaches the server exactly, and what was read can be changed and written.
#![cfg(feature = "all-tags")]

mod support_schema;

use std::collections::BTreeSet;

use seqera::{ErrorKind, Null, types};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support_schema::compare::differences;
use support_schema::instance::Extent;
use support_schema::server::{Server, violations};
use support_schema::{is_other_version, object, schema};

fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// A full instance of a type, read.
fn full<T: DeserializeOwned>(name: &str, variant: usize) -> (Value, T) {
    let value = schema().instance_of(name, Extent::Full, variant).value;
    let read = serde_json::from_value(value.clone()).unwrap();
    (value, read)
}

/// Starts a Studio, which all versions of the API can, and returns the body that arrived.
async fn start_studio(server: &Server, request: types::DataStudioStartRequest) -> Value {
    server.answer_json(200, &json!({}));
    let call = server.client.start_data_studio();
    call.session_id("a1b2c3d4")
        .workspace_id(7)
        .body(request)
        .send()
        .await
        .unwrap();
    let seen = server.last();
    assert_eq!(seen.problems, [""; 0]);
    seen.body.unwrap()
}

#[tokio::test]
async fn absent_null_empty_and_a_value_are_four_things() {
    let server = Server::start().await;
    let studio = types::DataStudioStartRequest::new;
    let nobody: [i64; 0] = [];
    let table = [
        (studio(), json!({})),
        (studio().label_ids(Null), json!({ "labelIds": null })),
        (studio().label_ids(nobody), json!({ "labelIds": [] })),
        (studio().label_ids([7, 8]), json!({ "labelIds": [7, 8] })),
        (studio().label_ids(vec![7]), json!({ "labelIds": [7] })),
        (studio().label_ids(None), json!({})),
        (studio().description(Null), json!({ "description": null })),
        (studio().description(""), json!({ "description": "" })),
        (
            studio().description("Variants"),
            json!({ "description": "Variants" }),
        ),
        (
            studio().description(Some("Variants".to_owned())),
            json!({ "description": "Variants" }),
        ),
        (
            studio().configuration(Null),
            json!({ "configuration": null }),
        ),
        (
            studio().configuration(types::DataStudioConfiguration::new().cpu(4)),
            json!({ "configuration": { "cpu": 4 } }),
        ),
        (
            studio().configuration(types::DataStudioConfiguration::new().environment(Null)),
            json!({ "configuration": { "environment": null } }),
        ),
    ];
    for (request, expected) in table {
        assert_eq!(start_studio(&server, request).await, expected);
    }
}

#[tokio::test]
async fn a_list_that_is_never_null_is_left_out_or_empty_or_has_values() {
    let pipeline = types::UpdatePipelineRequest::new;
    let nothing: [i64; 0] = [];
    assert_eq!(to_json(&pipeline()), json!({}));
    assert_eq!(
        to_json(&pipeline().label_ids(nothing)),
        json!({ "labelIds": [] })
    );
    assert_eq!(
        to_json(&pipeline().label_ids([1])),
        json!({ "labelIds": [1] })
    );
}

#[tokio::test]
async fn enums_are_sent_by_variant_by_text_and_when_unknown() {
    let dataset = || types::WorkspaceInfo::new().name("lab").full_name("Lab");
    for (workspace, sent) in [
        (dataset().visibility(types::Visibility::Private), "PRIVATE"),
        (dataset().visibility("SHARED"), "SHARED"),
        (dataset().visibility("FEDERATED"), "FEDERATED"),
    ] {
        assert_eq!(to_json(&workspace)["visibility"], sent);
    }
}

#[tokio::test]
async fn the_discriminator_is_written_by_itself() {
    let server = Server::start().await;
    let config = types::AwsBatchConfig::new()
        .region("eu-west-1")
        .work_dir("s3://lab/work");
    let env = types::ComputeEnv::new()
        .name("batch")
        .platform("aws-batch")
        .config(config);
    server.answer_json(200, &json!({ "computeEnvId": "4Bxq2n" }));
    let request = types::CreateComputeEnvRequest::new().compute_env(env);
    server
        .client
        .create_compute_env()
        .body(request)
        .send()
        .await
        .unwrap();
    let seen = server.last();
    assert_eq!(seen.problems, [""; 0]);
    assert_eq!(
        seen.body.unwrap()["computeEnv"]["config"],
        json!({ "discriminator": "aws-batch", "region": "eu-west-1", "workDir": "s3://lab/work" })
    );
    let keys = types::AwsSecurityKeys::new().access_key("AKIA");
    let credentials = to_json(&types::Credentials::new().keys(keys));
    assert_eq!(
        credentials["keys"],
        json!({ "discriminator": "aws", "accessKey": "AKIA" })
    );
}

#[tokio::test]
async fn what_a_body_lacks_is_named_by_its_path_and_nothing_is_sent() {
    let server = Server::start().await;
    let config = types::ComputeConfig::SlurmPlatform(types::SlurmComputeConfig::new());
    let env = types::ComputeEnv::new().config(config);
    let request = types::CreateComputeEnvRequest::new().compute_env(env);
    let error = server
        .client
        .create_compute_env()
        .body(request)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error
            .to_string()
            .contains("`compute_env.name`, `compute_env.platform`"),
        "{error}"
    );
    let error = server.client.create_compute_env().send().await.unwrap_err();
    assert!(error.to_string().contains("call .body(..)"), "{error}");
    assert_eq!(server.count(), 0);
}

/// The fields of a request type that a conversion leaves unset.
fn unset(request: &str, converted: &Value) -> BTreeSet<String> {
    object(&schema().named(request)["properties"])
        .map(|(name, _)| name.clone())
        .filter(|name| converted.get(name).is_none())
        .collect()
}

/// What both have under the same name is the same in both.
fn assert_agree(read: &Value, converted: &Value, but: &[&str]) {
    for (name, value) in object(converted) {
        if let Some(read) = read.get(name).filter(|_| !but.contains(&name.as_str())) {
            assert_eq!(differences(read, value), [""; 0], "{name}");
        }
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_described_compute_environment_of_every_platform_can_be_created_again() {
    let union = schema().named("ComputeConfig");
    let platforms: Vec<&String> = object(&union["discriminator"]["mapping"])
        .map(|(kind, _)| kind)
        .collect();
    assert!(platforms.len() == 17 || is_other_version());
    for (variant, platform) in platforms.into_iter().enumerate() {
        let (read, described) = full::<types::ComputeEnvDetails>("ComputeEnvResponseDto", variant);
        let env = types::ComputeEnv::from(&described).description("Second try");
        let sent = to_json(&types::CreateComputeEnvRequest::new().compute_env(env));
        let env = &sent["computeEnv"];
        assert_eq!(env["config"]["discriminator"], **platform);
        assert_eq!(env["description"], "Second try");
        assert_agree(&read, env, &["description"]);
        // All of them are the server's to write.
        let servers = [
            "dateCreated",
            "deleted",
            "id",
            "lastUpdated",
            "lastUsed",
            "orgId",
            "primary",
            "status",
            "workspaceId",
        ];
        assert_eq!(unset("ComputeEnv_ComputeConfig_", env), set(&servers));
        let shape = schema()
            .operation("CreateComputeEnv")
            .body("application/json")
            .unwrap();
        assert_eq!(violations(shape, &sent), [""; 0]);

        let update = types::UpdateComputeEnvRequest::from(&described).name("renamed");
        let sent = to_json(&update);
        assert_eq!(sent["name"], "renamed");
        assert_agree(&read, &sent, &["name"]);
        assert!(unset("UpdateComputeEnvRequest", &sent).is_empty());
    }
}

#[test]
fn a_config_that_does_not_name_its_kind_is_sent_with_that_of_the_platform_beside_it() {
    let read = |platform: &str| -> types::ComputeEnvDetails {
        let config = json!({ "region": "eu-west-1", "workDir": "s3://lab/work" });
        serde_json::from_value(json!({ "name": "b", "platform": platform, "config": config }))
            .unwrap()
    };
    let batch = types::ComputeEnv::from(&read("aws-batch"));
    assert!(
        matches!(&batch.config, Some(types::ComputeConfig::AwsBatch(config)) if config.region.as_deref() == Some("eu-west-1"))
    );
    assert_eq!(to_json(&batch)["config"]["discriminator"], "aws-batch");
    // A platform that the schema does not know any more.
    let retired = types::ComputeEnv::from(&read("nomad-platform"));
    assert_eq!(
        to_json(&retired)["config"],
        json!({ "region": "eu-west-1", "workDir": "s3://lab/work" })
    );
}

#[test]
fn an_action_whose_config_does_not_name_its_kind_is_written_as_its_source_says() {
    let config = json!({ "expression": "0 3 * * *", "timezone": "Europe/Oslo" });
    let described: types::ActionDetails = serde_json::from_value(
        json!({ "name": "nightly", "source": "cron", "config": config, "labels": [] }),
    )
    .unwrap();
    let sent = to_json(&types::UpdateActionRequest::try_from(&described).unwrap());
    assert_eq!(sent, json!({ "name": "nightly", "cron": config }));
}

#[tokio::test]
async fn a_pipeline_is_described_changed_and_updated() {
    let server = Server::start().await;
    let client = &server.client;
    let (pipeline_read, _) = full::<types::PipelineDetails>("PipelineDbDto", 0);
    server.answer_json(200, &json!({ "pipeline": pipeline_read }));
    let described = client
        .describe_pipeline()
        .pipeline_id(7)
        .send()
        .await
        .unwrap();
    let (launch_read, _) = full::<types::LaunchInfo>("LaunchDbDto", 0);
    server.answer_json(200, &json!({ "launch": launch_read }));
    let launch = client
        .describe_pipeline_launch()
        .pipeline_id(7)
        .send()
        .await
        .unwrap();

    let request = types::UpdatePipelineRequest::try_from(&described.pipeline.unwrap())
        .unwrap()
        .launch(&launch.launch.unwrap())
        .name("rnaseq-nightly");
    server.answer_json(200, &json!({}));
    client
        .update_pipeline()
        .pipeline_id(7)
        .body(request)
        .send()
        .await
        .unwrap();
    let seen = server.last();
    assert_eq!(
        (seen.problems.len(), seen.operation.as_str()),
        (0, "UpdatePipeline")
    );
    let sent = seen.body.unwrap();
    assert_eq!(sent["name"], "rnaseq-nightly");
    assert_agree(&pipeline_read, &sent, &["name"]);
    assert_eq!(sent["labelIds"], json!([pipeline_read["labels"][0]["id"]]));
    assert!(unset("UpdatePipelineRequest", &sent).is_empty());

    let launch_sent = &sent["launch"];
    assert_agree(&launch_read, launch_sent, &[]);
    assert_eq!(launch_sent["computeEnvId"], launch_read["computeEnv"]["id"]);
    // No reply has it: a launch's labels are those of its pipeline.
    assert_eq!(
        unset("WorkflowLaunchRequest", launch_sent),
        set(&["labelIds"])
    );
}

#[test]
fn a_run_is_launched_again_from_its_launch() {
    let (read, launch) = full::<types::WorkflowLaunchResponse>("WorkflowLaunchResponse", 0);
    let sent = to_json(&types::WorkflowLaunchRequest::from(&launch).resume(true));
    assert_agree(&read, &sent, &["resume"]);
    assert_eq!(sent["computeEnvId"], read["computeEnv"]["id"]);
    let absent = set(&["labelIds", "launchContainer", "runName"]);
    assert_eq!(unset("WorkflowLaunchRequest", &sent), absent);
}

#[tokio::test]
async fn an_action_is_described_changed_and_updated() {
    let server = Server::start().await;
    let client = &server.client;
    let union = schema().named("Action.ConfigType");
    let kinds: Vec<&String> = object(&union["discriminator"]["mapping"])
        .map(|(kind, _)| kind)
        .collect();
    for (variant, kind) in kinds.into_iter().enumerate() {
        let (read, _) = full::<types::ActionDetails>("ActionResponseDto", variant);
        server.answer_json(200, &json!({ "action": read }));
        let described = client
            .describe_action()
            .action_id("1a")
            .send()
            .await
            .unwrap();
        let request = types::UpdateActionRequest::try_from(&described.action.unwrap());
        let request = request.unwrap().name("renamed");
        server.answer_json(204, &json!({}));
        client
            .update_action()
            .action_id("1a")
            .body(request)
            .send()
            .await
            .unwrap();
        let seen = server.last();
        assert_eq!(
            (seen.problems.len(), seen.operation.as_str()),
            (0, "UpdateAction")
        );
        let sent = seen.body.unwrap();
        assert_eq!(sent["name"], "renamed");
        assert_agree(&read["launch"], &sent["launch"], &[]);
        assert_eq!(sent["launch"]["labelIds"], json!([read["labels"][0]["id"]]));
        let own = kind.as_str();
        for source in ["bucket", "cron"] {
            if source == own {
                assert_agree(&read["config"], &sent[source], &[]);
                let request = format!(
                    "{}{}ActionRequest",
                    source[..1].to_uppercase(),
                    &source[1..]
                );
                assert!(unset(&request, &sent[source]).is_empty(), "{source}");
            } else {
                assert_eq!(sent.get(source), None);
            }
        }
    }
}

/// An update without them removes them.
#[test]
fn a_reply_that_was_not_asked_for_labels_does_not_convert_to_a_request_that_replaces_them() {
    let refused = |result: seqera::Result<Value>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(
            error.to_string().contains(r#".attributes(["labels"])"#),
            "{error}"
        );
    };
    let mut pipeline = types::PipelineDetails::new().name("rnaseq");
    refused(types::UpdatePipelineRequest::try_from(&pipeline).map(|request| to_json(&request)));
    pipeline.labels = Some(Vec::new());
    let request = types::UpdatePipelineRequest::try_from(&pipeline).unwrap();
    assert_eq!(
        to_json(&request),
        json!({ "name": "rnaseq", "labelIds": [] })
    );

    let mut action = types::ActionDetails::new().launch(types::LaunchInfo::new());
    refused(types::UpdateActionRequest::try_from(&action).map(|request| to_json(&request)));
    action.labels = Some(vec![types::Label::new().id(7)]);
    let request = types::UpdateActionRequest::try_from(&action).unwrap();
    assert_eq!(to_json(&request), json!({ "launch": { "labelIds": [7] } }));

    let mut studio = types::StudioInfo::new().name("notebook");
    refused(types::DataStudioUpdateRequest::try_from(&studio).map(|request| to_json(&request)));
    studio.labels = Some(Vec::new());
    assert!(types::DataStudioUpdateRequest::try_from(&studio).is_ok());
}

#[test]
fn enums_written_inline_convert_by_their_text() {
    let settings: types::DataStudioWorkspaceSettingsResponse =
        serde_json::from_value(json!({ "nameStrategy": "tagPrefix", "lifespanHours": 8 })).unwrap();
    let request = types::DataStudioWorkspaceSettingsRequest::from(&settings);
    assert_eq!(
        to_json(&request),
        json!({ "nameStrategy": "tagPrefix", "lifespanHours": 8 })
    );
}
