//! Quotas of organizations: all are shown, and those that a test sets are kept.

use super::access::Context;
use crate::call::Refusal;
use crate::state::{Record, State};

/// What is counted against a quota.
enum Counted {
    /// Records of a kind in the organization, of which some don't count.
    InOrganization(&'static str, fn(&Record) -> bool),
    /// Records of a kind in the workspace, of which some don't count.
    InWorkspace(&'static str, fn(&Record) -> bool),
    /// Runs of the organization that have not ended.
    ActiveRuns,
    /// What is counted elsewhere, or is not kept.
    Elsewhere,
}
use Counted::{ActiveRuns, Elsewhere, InOrganization, InWorkspace};

/// The quota that uploads of datasets look at themselves.
pub const VERSIONS: &str = "maxVersionsPerDataset";

/// A quota's name, its usual value, what is counted, and the operations that add to it.
const QUOTAS: &[(&str, i64, Counted, &[&str])] = &[
    (
        "maxCustomRolesPerOrg",
        50,
        InOrganization("role", all),
        &["CreateRole"],
    ),
    (
        "maxDataStudiosRunning",
        1_000,
        InOrganization("studio", runs),
        &["CreateDataStudio", "StartDataStudio"],
    ),
    (
        "maxDatasetsPerWorkspace",
        1_000,
        InWorkspace("dataset", is_visible),
        &["CreateDataset", "CreateDatasetV2"],
    ),
    ("maxFusionThroughputBytes", 100 << 40, Elsewhere, &[]),
    (
        "maxLabelsPerWorkspace",
        1_000,
        InWorkspace("label", all),
        &["CreateLabel"],
    ),
    (
        "maxMembers",
        50,
        InOrganization("member", is_member),
        &["CreateOrganizationMember"],
    ),
    (
        "maxParticipantsPerWorkspace",
        50,
        InWorkspace("participant", all),
        &["CreateWorkspaceParticipant"],
    ),
    (
        "maxPipelinesPerWorkspace",
        100,
        InWorkspace("pipeline", all),
        &["CreatePipeline"],
    ),
    ("maxRunHistory", 250, Elsewhere, &[]),
    (
        "maxRuns",
        100,
        ActiveRuns,
        &["CreateWorkflowLaunch", "LaunchAction", "Ga4ghRunCreate"],
    ),
    ("maxSeqeraComputeComputeEnvs", 20, Elsewhere, &[]),
    (
        "maxTeams",
        20,
        InOrganization("team", all),
        &["CreateOrganizationTeam"],
    ),
    (VERSIONS, 100, Elsewhere, &[]),
    (
        "maxWorkspaces",
        50,
        InOrganization("workspace", all),
        &["CreateWorkspace"],
    ),
];

fn all(_: &Record) -> bool {
    true
}

/// Hidden datasets don't count.
fn is_visible(dataset: &Record) -> bool {
    !dataset.is("hidden")
}

fn is_member(member: &Record) -> bool {
    member["role"] != "collaborator"
}

fn runs(studio: &Record) -> bool {
    let status = studio["statusInfo"]["status"].as_str().unwrap_or_default();
    matches!(status, "starting" | "running" | "building")
}

/// Whether there is a quota of this name that can be kept.
pub fn is_kept(name: &str) -> bool {
    name == VERSIONS
        || (QUOTAS.iter()).any(|(known, _, _, operations)| *known == name && !operations.is_empty())
}

/// A quota that a test has set.
pub fn kept(state: &State, name: &str) -> Option<usize> {
    state.settings.quotas.get(name).copied()
}

/// Names and values of all quotas.
pub fn shown(state: &State) -> impl Iterator<Item = (&'static str, i64)> {
    (QUOTAS.iter()).map(|(name, usual, ..)| {
        let own = kept(state, name).and_then(|own| i64::try_from(own).ok());
        (*name, own.unwrap_or(*usual))
    })
}

/// Refuses a call that would exceed a quota.
pub fn check(state: &State, operation: &str, context: Context) -> Result<(), Refusal> {
    if state.settings.quotas.is_empty() {
        return Ok(());
    }
    let workspace = context.scope;
    let organization = match state.workspace(workspace) {
        Some(workspace) => workspace.scope,
        None => context.organization,
    };
    let is_own = |scope: i64| {
        scope == organization
            || (state.workspace(scope)).is_some_and(|workspace| workspace.scope == organization)
    };
    for (name, _, counted, operations) in QUOTAS {
        let Some(most) = kept(state, name).filter(|_| operations.contains(&operation)) else {
            continue;
        };
        let count = match counted {
            InOrganization(kind, counts) => (state.all(kind))
                .filter(|record| is_own(record.scope) && counts(record))
                .count(),
            InWorkspace(kind, counts) => (state.within(kind, workspace))
                .filter(|record| counts(record))
                .count(),
            ActiveRuns => (super::life::active_runs(state))
                .filter(|run| is_own(run.scope))
                .count(),
            Elsewhere => continue,
        };
        if count >= most {
            return Err(Refusal::bad_request(format!(
                "The quota {name} of {most} is reached"
            )));
        }
    }
    Ok(())
}
