//! Every operation, carried out: the steps of `rounds.yml`.

use std::collections::BTreeSet;

use seqera_test_platform::TestPlatform;

use crate::schema;
use crate::steps::carry_out;

/// It ends the user, and so has a test of its own.
const ELSEWHERE: &str = "DeleteUser";
/// What the Platform leaves out on purpose.
const LEFT_OUT: &str = "GetEncryptedCredentials";

#[tokio::test]
async fn every_operation_is_carried_out_and_answers_as_the_schema_says() {
    let builder = TestPlatform::builder().calls_per_second(None);
    let platform = builder
        .clock_at("2026-06-01T08:00:00Z")
        .start()
        .await
        .unwrap();
    carry_out(&platform, |replied| {
        schema::check(replied.method, replied.path, replied.status, replied.reply);
    })
    .await;
    let succeeded: Vec<String> = (platform.received().into_iter())
        .filter(|call| (200..400).contains(&call.status))
        .filter_map(|call| call.operation)
        .collect();
    let carried_out: BTreeSet<&String> = succeeded.iter().collect();
    let missing: Vec<String> = (schema::operations().into_iter())
        .filter(|id| !carried_out.contains(id) && id != ELSEWHERE && id != LEFT_OUT)
        .collect();
    assert_eq!(missing, [""; 0]);
    check_rounds(&succeeded);
}

/// How the operations are called that list, describe, change and delete what another creates; `-` is
/// what the API doesn't have.
const ROUNDS: &[[&str; 5]] = &[
    [
        "CreateAction",
        "ListActions",
        "DescribeAction",
        "UpdateAction",
        "DeleteAction",
    ],
    [
        "CreateAgent",
        "ListAgents",
        "DescribeAgent",
        "UpdateAgent",
        "DeleteAgent",
    ],
    ["CreateAvatar", "-", "DownloadAvatar", "-", "-"],
    [
        "CreateComputeEnv",
        "ListComputeEnvs",
        "DescribeComputeEnv",
        "UpdateComputeEnv",
        "DeleteComputeEnv",
    ],
    [
        "CreateCredentials",
        "ListCredentials",
        "DescribeCredentials",
        "UpdateCredentials",
        "DeleteCredentials",
    ],
    [
        "CreateCustomDataLink",
        "ListDataLinks",
        "DescribeDataLink",
        "UpdateCustomDataLink",
        "DeleteCustomDataLink",
    ],
    [
        "CreateDataStudio",
        "ListDataStudios",
        "DescribeDataStudio",
        "UpdateDataStudio",
        "DeleteDataStudio",
    ],
    [
        "StartDataStudio",
        "ListDataStudioCheckpoints",
        "GetDataStudioCheckpoint",
        "UpdateDataStudioCheckpoint",
        "-",
    ],
    [
        "CreateDataset",
        "ListDatasets",
        "DescribeDataset",
        "UpdateDataset",
        "DeleteDataset",
    ],
    [
        "UploadDataset",
        "ListDatasetVersions",
        "-",
        "-",
        "DeleteDataset",
    ],
    [
        "CreateDatasetV2",
        "ListDatasetsV2",
        "DescribeDatasetV2",
        "UpdateDatasetV2",
        "DeleteDatasetV2",
    ],
    [
        "UploadDatasetV2",
        "ListDatasetVersionsV2",
        "DownloadDatasetV2",
        "DisableDatasetVersion",
        "DeleteDatasetV2",
    ],
    ["LinkDatasetVersion", "-", "-", "-", "DeleteDatasets"],
    [
        "CreateLabel",
        "ListLabels",
        "-",
        "UpdateLabel",
        "DeleteLabel",
    ],
    [
        "CreateManagedCredentials",
        "ListManagedCredentials",
        "-",
        "UpdateManagedCredentials",
        "DeleteManagedCredentials",
    ],
    [
        "CreateManagedIdentity",
        "ListManagedIdentities",
        "DescribeManagedIdentity",
        "UpdateManagedIdentity",
        "DeleteManagedIdentity",
    ],
    [
        "CreateOrganization",
        "ListOrganizations",
        "DescribeOrganization",
        "UpdateOrganization",
        "DeleteOrganization",
    ],
    [
        "CreateOrganizationIdpGroup",
        "ListOrganizationIdpGroups",
        "-",
        "-",
        "DeleteOrganizationIdpGroup",
    ],
    [
        "CreateOrganizationMember",
        "ListOrganizationMembers",
        "ListOrganizationCollaborators",
        "UpdateOrganizationMemberRole",
        "DeleteOrganizationMember",
    ],
    [
        "CreateOrganizationScimToken",
        "-",
        "DescribeOrganizationScimConfig",
        "RotateOrganizationScimToken",
        "RevokeOrganizationScimToken",
    ],
    [
        "CreateOrganizationTeam",
        "ListOrganizationTeams",
        "DescribeOrganizationTeam",
        "UpdateOrganizationTeam",
        "DeleteOrganizationTeam",
    ],
    [
        "CreateOrganizationTeamMember",
        "ListOrganizationTeamMembers",
        "-",
        "-",
        "DeleteOrganizationTeamMember",
    ],
    [
        "CreatePipeline",
        "ListPipelines",
        "DescribePipeline",
        "UpdatePipeline",
        "DeletePipeline",
    ],
    [
        "CreatePipeline",
        "ListPipelineVersions",
        "DescribePipelineLaunch",
        "ManagePipelineVersion",
        "DeletePipeline",
    ],
    [
        "CreatePipelineSchema",
        "-",
        "DescribePipelineSchema",
        "UpdatePipelineVersion",
        "-",
    ],
    [
        "CreatePipelineSecret",
        "ListPipelineSecrets",
        "DescribePipelineSecret",
        "UpdatePipelineSecret",
        "DeletePipelineSecret",
    ],
    [
        "CreateRole",
        "ListRoles",
        "DescribeRole",
        "UpdateRole",
        "DeleteRole",
    ],
    [
        "CreateSshKey",
        "ListSshKeys",
        "DescribeSshKey",
        "-",
        "DeleteSshKey",
    ],
    ["CreateToken", "TokenList", "-", "-", "DeleteToken"],
    [
        "CreateTrace",
        "ListWorkflowTasks",
        "DescribeWorkflow",
        "UpdateTraceProgress",
        "-",
    ],
    [
        "CreateWorkflowLaunch",
        "ListWorkflows",
        "DescribeWorkflow",
        "UpdateWorkflow",
        "DeleteWorkflow",
    ],
    [
        "CreateWorkflowStar",
        "ListWorkflows",
        "DescribeWorkflowStar",
        "-",
        "DeleteWorkflowStar",
    ],
    [
        "CreateWorkspace",
        "ListWorkspaces",
        "DescribeWorkspace",
        "UpdateWorkspace",
        "DeleteWorkspace",
    ],
    [
        "CreateWorkspaceParticipant",
        "ListWorkspaceParticipants",
        "-",
        "UpdateWorkspaceParticipantRole",
        "DeleteWorkspaceParticipant",
    ],
    [
        "Ga4ghRunCreate",
        "Ga4ghRunList",
        "Ga4ghRunDescribe",
        "-",
        "Ga4ghRunCancel",
    ],
    [
        "GenerateDataLinkUploadUrl",
        "ExploreDataLinkTree",
        "-",
        "-",
        "DeleteDataLinkItem",
    ],
];

/// Whether, for each entity, the calls that succeeded are a round: it is created, then listed,
/// described and changed, and then deleted.
fn check_rounds(succeeded: &[String]) {
    let first = |operation: &str| succeeded.iter().position(|id| id == operation);
    let last = |operation: &str| succeeded.iter().rposition(|id| id == operation);
    for [create, between @ .., delete] in ROUNDS {
        let begin = first(create).unwrap_or_else(|| panic!("{create}"));
        let end = match *delete {
            "-" => succeeded.len(),
            delete => last(delete).unwrap_or_else(|| panic!("{delete}")),
        };
        for operation in between.iter().filter(|operation| **operation != "-") {
            let is_there = succeeded[begin..end].iter().any(|id| id == operation);
            assert!(is_there, "{operation} between {create} and {delete}");
        }
    }
    let in_rounds: BTreeSet<&str> = ROUNDS.iter().flatten().copied().collect();
    let entities = schema::operations();
    let missing: Vec<&str> = (entities.iter().map(String::as_str))
        .filter(|id| id.starts_with("Create") && !in_rounds.contains(id))
        .collect();
    assert_eq!(missing, [""; 0]);
}
