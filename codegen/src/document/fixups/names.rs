//! Names of types that say what they are, for the types that users meet most, and for those that are
//! named like something else at the crate's root.
//!
//! The name on the wire stays as an alias in the documentation. Where a schema is not there, or the
//! name is another one's, the type goes by the schema's name, and the report tells.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::renames::rename_schemas;
use super::schemas::{WIRE_NAME, named_schemas};
use crate::names::normal;

/// The schemas, and what their types are called.
const NAMES: &[(&str, &str)] = &[
    ("AccessToken", "AccessTokenInfo"),
    ("ActionResponseDto", "ActionDetails"),
    ("AgentDbDto", "Agent"),
    ("AuditLogV2ResponseDto", "AuditLogEntry"),
    ("AuditLogV2ResponseDto.Actor", "AuditLogActor"),
    ("AuditLogV2ResponseDto.Client", "AuditLogClient"),
    (
        "AuditLogV2ResponseDto.ResourceOrganization",
        "AuditLogOrganization",
    ),
    ("AuditLogV2ResponseDto.ResourceUser", "AuditLogUser"),
    (
        "AuditLogV2ResponseDto.ResourceWorkspace",
        "AuditLogWorkspace",
    ),
    ("AuditLogV2ResponseDto.Target", "AuditLogTarget"),
    ("ComputeEnvDbDto", "ComputeEnvInfo"),
    ("ComputeEnvResponseDto", "ComputeEnvDetails"),
    ("ComputePlatformDto", "ComputePlatformInfo"),
    ("DataLinkDto", "DataLinkInfo"),
    ("DatasetDto", "DatasetInfo"),
    ("DatasetVersionDto", "DatasetVersion"),
    ("DataStudioCheckpointDto", "StudioCheckpoint"),
    ("DataStudioComputeEnvDto", "StudioComputeEnv"),
    ("DataStudioDto", "StudioInfo"),
    ("DataStudioDto.ParentCheckpoint", "StudioParentCheckpoint"),
    ("JobInfoDto", "JobInfo"),
    ("LabelDbDto", "Label"),
    ("LaunchDbDto", "LaunchInfo"),
    ("LinkedSourceDto", "LinkedSource"),
    ("ListActionsResponse.ActionInfo", "ActionSummary"),
    ("ListComputeEnvsResponse.Entry", "ComputeEnvSummary"),
    ("ListManagedCredentialsRespDto", "ManagedCredentialsSummary"),
    ("ListWorkflowsResponse.ListWorkflowsElement", "RunSummary"),
    ("ManagedCredentialsDbDto", "ManagedCredentials"),
    (
        "ManagedIdentityDbDto_AbstractGridConfig_",
        "ManagedIdentity",
    ),
    ("MemberDbDto", "Member"),
    ("OrgAndWorkspaceDto", "OrgAndWorkspace"),
    ("OrganizationDbDto", "OrganizationDetails"),
    ("ParticipantResponseDto", "Participant"),
    ("PipelineDbDto", "PipelineDetails"),
    ("PipelineSchemaDbDto", "PipelineSchema"),
    ("PipelineVersionFullInfoDto", "PipelineVersionInfo"),
    ("RoleDto", "Role"),
    ("RolePermissionResponseDto", "RolePermission"),
    ("StudioSshDetailsDto", "StudioSshDetails"),
    ("TeamDbDto", "TeamDetails"),
    ("UserResponseDto", "User"),
    ("UserSshPublicKeyDto", "SshPublicKey"),
    ("UserWorkspacePermissionDto", "UserWorkspacePermission"),
    ("UserWorkspaceRoleDto", "UserWorkspaceRole"),
    ("UserWorkspaceRolesDto", "UserWorkspaceRoles"),
    ("WorkflowDbDto", "WorkflowInfo"),
    ("WorkflowMaxDbDto", "WorkflowDetails"),
    ("Workspace", "WorkspaceInfo"),
    ("WorkspaceDbDto", "WorkspaceDetails"),
    ("WorkspaceParticipantResponseDto", "WorkspaceParticipant"),
];

/// What the type of a schema is called, where the table has another name for it and that is free.
pub fn called(schema: &str) -> Option<&'static str> {
    let found = NAMES.iter().find(|(wire, _)| *wire == schema);
    found.map(|(_, name)| *name)
}

/// Gives types the names of the table.
pub(super) fn call_types_what_they_are(tree: &mut Value) -> usize {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut now: BTreeMap<String, String> = BTreeMap::new();
    for (name, schema) in named_schemas(tree) {
        let wire = schema[WIRE_NAME].as_str().unwrap_or(name);
        now.insert(wire.to_owned(), name.clone());
        taken.insert(normal(name));
    }
    let free =
        |(wire, name): &&(&str, &str)| now.contains_key(*wire) && !taken.contains(&normal(name));
    let renames: BTreeMap<String, String> = (NAMES.iter())
        .filter(free)
        .map(|(wire, name)| (now[*wire].clone(), (*name).to_owned()))
        .collect();
    rename_schemas(tree, &renames);
    renames.len()
}

/// The entries of the table that did not apply to a document.
pub(super) fn idle(tree: &mut Value) -> Vec<String> {
    let called: BTreeSet<(String, String)> = named_schemas(tree)
        .filter_map(|(name, schema)| Some((schema[WIRE_NAME].as_str()?.to_owned(), name.clone())))
        .collect();
    let is_idle =
        |(wire, name): &&(&str, &str)| !called.contains(&((*wire).to_owned(), (*name).to_owned()));
    let idle = NAMES.iter().filter(is_idle);
    idle.map(|(wire, _)| (*wire).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{fixed, to};
    use super::*;

    #[test]
    fn types_get_the_names_of_the_table_where_these_are_free() {
        let run = json!({ "properties": { "workflow": to("WorkflowDbDto") } });
        let schemas = json!({
            "ListWorkflowsResponse.ListWorkflowsElement": run,
            "WorkflowDbDto": { "type": "object" },
            "TeamDbDto": { "type": "object" },
            "Team_Details": { "type": "object" },
        });
        let named = fixed(call_types_what_they_are, schemas, 2);
        assert_eq!(
            named["RunSummary"]["properties"]["workflow"],
            to("WorkflowInfo")
        );
        assert_eq!(named["WorkflowInfo"][WIRE_NAME], "WorkflowDbDto");
        assert!(named["TeamDbDto"].is_object(), "its name is taken");
        let mut tree = json!({ "components": { "schemas": named } });
        let idle = idle(&mut tree);
        assert!(idle.iter().any(|wire| wire == "TeamDbDto"));
        assert!(idle.iter().all(|wire| wire != "WorkflowDbDto"));
    }
}
