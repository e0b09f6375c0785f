//! From what the Platform says of a launch to the request of another.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::types::{ComputeEnv, WorkflowLaunchRequest, WorkflowLaunchResponse};
use crate::{Error, ErrorKind, Result};

/// What a launch starts from.
#[derive(Clone, Debug, Default)]
pub(super) struct Base {
    pub request: WorkflowLaunchRequest,
    /// The work directory of the compute environment that the request names.
    pub compute_env_work_dir: Option<String>,
    /// The workspace that shares the pipeline.
    pub source_workspace_id: Option<i64>,
    /// What a run was launched with.
    pub launch: Option<Box<WorkflowLaunchResponse>>,
}

impl Base {
    /// Takes what a described launch says as far as a request can say it. What only replies have is
    /// about the past (`lastUpdated`, `resumeLaunchId`, …) or known by other means (`workspaceId`,
    /// `pipelineId`).
    pub(super) fn of<'a, Launch>(launch: &'a Launch, compute_env: Option<&ComputeEnv>) -> Self
    where
        WorkflowLaunchRequest: From<&'a Launch>,
    {
        let config = compute_env.map(|env| serde_json::to_value(&env.config).unwrap_or_default());
        let work_dir = config.and_then(|config| config["workDir"].as_str().map(str::to_owned));
        Self {
            request: launch.into(),
            compute_env_work_dir: work_dir,
            source_workspace_id: None,
            launch: None,
        }
    }
}

/// The request with what another one says laid over it.
pub(super) fn with_changes(
    base: &WorkflowLaunchRequest,
    changes: &WorkflowLaunchRequest,
) -> Result<WorkflowLaunchRequest> {
    let mut merged = fields(base)?;
    merged.append(&mut fields(changes)?);
    request(merged)
}

fn fields(value: &impl Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(unusable().caused_by(error)),
    }
}

fn request(fields: Map<String, Value>) -> Result<WorkflowLaunchRequest> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| unusable().caused_by(error))
}

fn unusable() -> Error {
    let text = "the launch configuration can't be taken over into a request";
    Error::new(ErrorKind::InvalidResponse, text).in_operation("launch")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::LaunchInfo;

    /// A new field of the schema must be taken over, or be listed here as one that is about the
    /// past.
    #[test]
    fn every_field_of_a_reply_is_taken_over_or_known_not_to_be() {
        use crate::wire::record::Record;
        let request = WorkflowLaunchRequest::FIELDS;
        let lost = |reply: &[&'static str]| -> Vec<&str> {
            let lost = reply.iter().filter(|name| !request.contains(name));
            let mut lost: Vec<&str> = lost.copied().collect();
            lost.sort_unstable();
            lost
        };
        assert_eq!(
            lost(LaunchInfo::FIELDS),
            ["computeEnv", "lastUpdated", "resumeLaunchId", "workspaceId"]
        );
        assert_eq!(
            lost(WorkflowLaunchResponse::FIELDS),
            ["computeEnv", "pipelineId", "resumeCommitId", "resumeDir"]
        );
    }

    #[test]
    fn what_a_newer_server_says_of_a_launch_is_sent_again() {
        let launch = json!({
            "id": "9l", "revision": "main", "lastUpdated": "2026-03-01T09:30:00Z", "queue": "long",
            "computeEnv": {"id": "7e", "config": {"workDir": "s3://work"}},
        });
        let launch: LaunchInfo = serde_json::from_value(launch).unwrap();
        let base = Base::of(&launch, launch.compute_env.as_ref());
        assert_eq!(
            serde_json::to_value(&base.request).unwrap(),
            json!({"id": "9l", "revision": "main", "computeEnvId": "7e", "queue": "long"})
        );
        assert_eq!(base.compute_env_work_dir.as_deref(), Some("s3://work"));
    }

    #[test]
    fn null_clears_and_absent_keeps() {
        let base: WorkflowLaunchRequest =
            serde_json::from_value(json!({"outputDir": "s3://a", "revision": "main"})).unwrap();
        let changes = WorkflowLaunchRequest::new().output_dir(crate::Null);
        let merged = serde_json::to_value(with_changes(&base, &changes).unwrap()).unwrap();
        assert_eq!(merged, json!({"outputDir": null, "revision": "main"}));
    }
}
