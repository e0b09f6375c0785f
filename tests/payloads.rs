//! Replies as servers of many versions send them. Each file in `fixtures/` is one reply; its name
//! says the operation, and what it shows.
#![cfg(feature = "all-tags")]

mod support;
mod support_schema;

use std::collections::BTreeSet;
use std::path::PathBuf;

use seqera::types::*;
use seqera::{Error, ExitCode, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::Server;
use support_schema::compare::differences;

/// What stands for the types that older schemas lack. Those of the schema come first where they are
/// imported in a block.
#[allow(dead_code)]
mod older {
    pub type ListAuditLogV2Response = serde_json::Value;
    pub type WorkflowLaunchValidationErrorResponse = serde_json::Value;
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Reads a fixture and writes it again; says what was lost.
fn losses<T: DeserializeOwned + Serialize>(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let mut reader = serde_json::Deserializer::from_str(&text);
    let value: T = serde_path_to_error::deserialize(&mut reader)
        .unwrap_or_else(|error| panic!("{name}: `{}`: {}", error.path(), error.inner()));
    let original: Value = serde_json::from_str(&text).unwrap();
    differences(&original, &serde_json::to_value(&value).unwrap())
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

type Losses = fn(&str) -> Vec<String>;

macro_rules! fixtures {
    ($($name:literal: $type:ty),* $(,)?) => {
        const FIXTURES: &[(&str, Losses)] = {
            #[allow(unused_imports)]
            use older::*;
            {
                use seqera::types::*;
                &[$(($name, losses::<$type>)),*]
            }
        };
    };
}

fixtures! {
    "create_workflow_launch.the_id_and_what_a_newer_server_adds": SubmitWorkflowLaunchResponse,
    "describe_action.a_tower_hook_with_its_launch": DescribeActionResponse,
    "describe_compute_env.a_config_that_does_not_name_its_kind": DescribeComputeEnvResponse,
    "describe_compute_env.a_retired_platform_is_kept_whole": DescribeComputeEnvResponse,
    "describe_compute_env.aws_batch_with_forged_resources": DescribeComputeEnvResponse,
    "describe_credentials.secrets_are_never_read_back": DescribeCredentialsResponse,
    "describe_pipeline.one_with_versions": DescribePipelineResponse,
    "describe_pipeline_launch.a_full_launch_block": DescribeLaunchResponse,
    "describe_pipeline_schema.a_pipeline_without_parameters": PipelineSchemaResponse,
    "describe_workflow.a_failed_run_with_parameters_of_every_kind": DescribeWorkflowResponse,
    "describe_workflow_launch.a_compute_environment_of_a_retired_platform": DescribeWorkflowLaunchResponse,
    "describe_workflow_metrics.processes_without_memory_or_time": GetWorkflowMetricsResponse,
    "describe_workflow_progress.counters_that_an_old_server_does_not_have": GetProgressResponse,
    "describe_workflow_task.a_price_model_and_a_status_that_are_newer": DescribeTaskResponse,
    "explore_data_link.folders_files_and_something_newer": DataLinkContentResponse,
    "get_workflow_log.a_log_that_is_not_there_yet": WorkflowLogResponse,
    "get_workflow_log.lines_as_a_list": WorkflowLogResponse,
    "info.an_enterprise_server_that_is_a_year_old": ServiceInfoResponse,
    "list_actions.a_cron_a_hook_and_an_unknown_source": ListActionsResponse,
    "list_audit_logs_v2.images_of_known_and_of_unknown_things": ListAuditLogV2Response,
    "list_compute_envs.one_of_each_mood": ListComputeEnvsResponse,
    "list_credentials.one_without_provider_and_one_of_an_unknown_kind": ListCredentialsResponse,
    "list_data_links.a_bucket_whose_credentials_are_gone": DataLinksListResponse,
    "list_data_studio_checkpoints.an_old_server_knows_no_path_and_no_status": DataStudioListCheckpointsResponse,
    "list_data_studios.a_running_one_and_one_in_an_unknown_state": DataStudioListResponse,
    "list_dataset_versions_v2.a_version_that_was_disabled": ListDatasetVersionsResponse,
    "list_datasets_v2.a_linked_and_an_uploaded_one": ListDatasetsResponse,
    "list_labels.resource_labels_with_values": ListLabelsResponse,
    "list_organization_members.roles_newer_than_the_schema": ListMembersResponse,
    "list_organizations.a_server_that_counts_in_text": ListOrganizationsResponse,
    "list_pipeline_secrets.one_that_was_never_used": ListPipelineSecretsResponse,
    "list_pipelines.attributes_that_were_not_asked_for_are_null": ListPipelinesResponse,
    "list_workflow_tasks.exit_codes_as_text_as_numbers_and_as_nothing": ListTasksResponse,
    "list_workflows.a_status_that_is_newer_than_the_schema": ListWorkflowsResponse,
    "list_workflows.null_ridden_runs_of_an_old_server": ListWorkflowsResponse,
    "list_workspace_participants.members_teams_and_a_custom_role": ListParticipantsResponse,
    "list_workspaces.a_private_and_a_federated_one": ListWorkspacesResponse,
    "list_workspaces_user.an_organization_without_workspace_and_a_newer_type": ListWorkspacesAndOrgResponse,
    "token_list.tokens_without_their_secret": ListAccessTokensResponse,
    "user_info.a_new_account_without_a_default_workspace": DescribeUserResponse,
}

#[test]
fn every_fixture_is_read_and_written_without_loss() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| {
            file.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let listed: BTreeSet<String> = FIXTURES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(files, listed);
    for (name, losses) in FIXTURES {
        assert_eq!(losses(name), [""; 0], "{name}");
    }
}

#[test]
fn what_the_schema_does_not_know_is_there_shown_and_sent_on() {
    let reply: ListWorkflowsResponse =
        read("list_workflows.a_status_that_is_newer_than_the_schema");
    let mut workflow = reply.workflows.unwrap().remove(0).workflow.unwrap();
    assert!(workflow.extra().contains_key("schedulerPosition"));
    assert!(format!("{workflow:?}").contains("schedulerPosition"));
    let position = workflow.extra_mut().remove("schedulerPosition");
    assert!(position.is_some() && workflow.extra().is_empty());

    let mut reply: DescribeLaunchResponse = read("describe_pipeline_launch.a_full_launch_block");
    let launch = reply.launch.as_mut().unwrap();
    launch.extra_mut().insert("priority".to_owned(), json!(7));
    // Kept because it could not be read: one that a request has too, and one that is the reply's.
    launch.revision = None;
    launch
        .extra_mut()
        .insert("revision".to_owned(), json!({"branch": "main"}));
    launch
        .extra_mut()
        .insert("lastUpdated".to_owned(), json!("long ago"));
    let request = WorkflowLaunchRequest::from(&*launch);
    let sent = serde_json::to_value(&request).unwrap();
    assert_eq!(sent["priority"], 7);
    assert_eq!(sent["revision"], json!({"branch": "main"}));
    assert_eq!(sent.get("lastUpdated"), None);
}

#[test]
fn exit_codes_are_what_the_server_sent_and_a_number_where_they_are_one() {
    let reply: ListTasksResponse =
        read("list_workflow_tasks.exit_codes_as_text_as_numbers_and_as_nothing");
    let tasks = reply.tasks.unwrap();
    let exits: Vec<Option<ExitCode>> = tasks
        .into_iter()
        .map(|entry| entry.task.unwrap().exit)
        .collect();
    let text = |text: &str| Some(ExitCode::Text(text.to_owned()));
    assert_eq!(
        exits,
        [text("0"), text(""), Some(ExitCode::Code(137)), None]
    );
    let codes: Vec<Option<i64>> = exits
        .iter()
        .map(|exit| exit.as_ref().and_then(ExitCode::code))
        .collect();
    assert_eq!(codes, [Some(0), None, Some(137), None]);
}

#[test]
fn a_missing_counter_is_not_a_zero() {
    let reply: GetProgressResponse =
        read("describe_workflow_progress.counters_that_an_old_server_does_not_have");
    let load = reply.progress.unwrap().workflow_progress.unwrap();
    assert_eq!(
        (load.aborted, load.ignored, load.retries),
        (None, None, None)
    );
    assert_eq!((load.pending, load.running), (Some(0), Some(12)));
}

#[test]
fn an_unknown_status_is_kept_and_compares() {
    let reply: ListWorkflowsResponse =
        read("list_workflows.a_status_that_is_newer_than_the_schema");
    let workflow = reply.workflows.unwrap().remove(0).workflow.unwrap();
    let status = workflow.status.unwrap();
    assert_eq!(
        status,
        WorkflowStatus::Unrecognized("QUEUED_BY_SCHEDULER".to_owned())
    );
    assert_eq!(status.to_string(), "QUEUED_BY_SCHEDULER");
    let submit: Timestamp = "2026-02-11T09:11:31.123456789Z".parse().unwrap();
    assert_eq!(workflow.submit, Some(submit));
}

#[test]
fn parameters_hold_any_value() {
    let reply: DescribeWorkflowResponse =
        read("describe_workflow.a_failed_run_with_parameters_of_every_kind");
    let params = reply.workflow.unwrap().params.unwrap();
    assert_eq!(params["genome"], "GRCh38");
    assert_eq!(params["min_mapped_reads"], 5);
    assert_eq!(params["skip_trimming"], false);
    assert_eq!(params["extra"]["star"][0], "--twopassMode");
}

#[test]
fn a_retired_platform_is_kept_and_not_taken_for_another() {
    let reply: DescribeComputeEnvResponse =
        read("describe_compute_env.a_retired_platform_is_kept_whole");
    let config = reply.compute_env.unwrap().config.unwrap();
    assert_eq!(config.kind(), Some("nomad-platform"));
    let ComputeConfig::Unrecognized(value) = config else {
        panic!("{config:?}");
    };
    assert_eq!(value["datacenters"][0], "tromso-1");
}

#[test]
fn a_config_without_a_kind_is_read_as_that_of_the_platform_beside_it_when_asked() {
    let reply: DescribeComputeEnvResponse =
        read("describe_compute_env.a_config_that_does_not_name_its_kind");
    let env = reply.compute_env.unwrap();
    assert!(matches!(env.config, Some(ComputeConfig::Unrecognized(_))));
    let Some(ComputeConfig::SlurmPlatform(slurm)) = ComputeEnv::from(&env).config else {
        panic!("{env:?}");
    };
    assert_eq!(slurm.head_queue.as_deref(), Some("short"));
    assert_eq!(slurm.port, Some(22));
}

#[test]
fn credentials_without_provider_and_of_an_unknown_kind_are_readable() {
    let reply: ListCredentialsResponse =
        read("list_credentials.one_without_provider_and_one_of_an_unknown_kind");
    let credentials = reply.credentials.unwrap();
    assert_eq!(credentials[0].provider, None);
    assert!(matches!(credentials[0].keys, Some(SecurityKeys::Ssh(_))));
    assert_eq!(
        credentials[1].keys.as_ref().and_then(SecurityKeys::kind),
        Some("quantum")
    );
}

#[test]
fn a_log_is_a_list_of_lines() {
    let reply: WorkflowLogResponse = read("get_workflow_log.lines_as_a_list");
    let lines = reply.log.unwrap().entries.unwrap();
    assert_eq!(lines[2], "executor >  awsbatch (31)");
}

/// The body of an error in its type, written again.
fn details<T: DeserializeOwned + Serialize>(error: &Error) -> Value {
    serde_json::to_value(error.details::<T>().unwrap()).unwrap()
}

#[tokio::test]
async fn errors_that_say_more_than_a_message_are_read_into_their_types() {
    #[allow(unused_imports)]
    use older::*;
    let conflict =
        json!({"id": "9env", "name": "cluster", "type": "COMPUTE_ENV", "url": "/envs/9"});
    let bodies = [
        json!({"credentialsId": "7c", "conflicts": [conflict]}),
        json!({"managedCredentialsId": "7", "conflicts": [conflict]}),
        json!({"message": "Invalid launch", "errors": [{"code": "revision", "message": "none"}]}),
        json!({"msg": "no such run", "status_code": 403}),
    ];
    let replies = bodies.clone();
    let server = Server::start(move |number, _| {
        let status = [409, 409, 400, 403][number];
        support::json(status, replies[number].to_string())
    })
    .await;
    let client = server.client();

    let call = client.delete_credentials().credentials_id("7c");
    let error = call.send().await.unwrap_err();
    assert!(error.is_conflict());
    let conflicts: DeleteCredentialsConflictResponse = error.details().unwrap();
    let conflicts = conflicts.conflicts.unwrap();
    assert_eq!(conflicts[0].name.as_deref(), Some("cluster"));

    let call = client.delete_managed_credentials().managed_identity_id(8);
    let error = call.managed_credentials_id(7).send().await.unwrap_err();
    let read = details::<DeleteManagedCredentialsConflictResponse>(&error);
    assert_eq!(read, bodies[1]);

    let call = client.create_workflow_launch();
    let call = call.body(SubmitWorkflowLaunchRequest::new());
    let error = call.send().await.unwrap_err();
    assert_eq!(error.message(), "Invalid launch: none (revision)");
    {
        #[allow(unused_imports)]
        use seqera::types::*;
        let read = details::<WorkflowLaunchValidationErrorResponse>(&error);
        assert_eq!(read, bodies[2]);
    }

    let call = client.ga4gh_run_describe().run_id("1run");
    let error = call.send().await.unwrap_err();
    assert_eq!(error.message(), "no such run");
    assert_eq!(details::<WesErrorResponse>(&error), bodies[3]);
}
