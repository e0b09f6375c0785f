//! From what the Platform says of a launch to the request of another.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::types::WorkflowLaunchRequest;
use crate::{Error, ErrorKind, Result};

/// What a launch starts from.
#[derive(Clone, Debug, Default)]
pub(super) struct Base {
    pub request: WorkflowLaunchRequest,
    /// The work directory of the compute environment that the request names.
    pub compute_env_work_dir: Option<String>,
    /// The workspace that shares the pipeline.
    pub source_workspace_id: Option<i64>,
}

impl Base {
    /// Takes every field of a described launch that a request has too, which is by the same name
    /// but for `computeEnv.id`: that is `computeEnvId`. What only replies have is about the past
    /// (`lastUpdated`, `resumeLaunchId`, …) or known by other means (`workspaceId`, `pipelineId`).
    pub(super) fn of(launch: &impl Serialize) -> Result<Self> {
        let mut fields = fields(launch)?;
        let compute_env = fields.remove("computeEnv").unwrap_or_default();
        if let Some(id) = compute_env.get("id").filter(|id| id.is_string()) {
            fields.insert("computeEnvId".to_owned(), id.clone());
        }
        let work_dir = compute_env
            .pointer("/config/workDir")
            .and_then(Value::as_str);
        Ok(Self {
            request: request(fields)?,
            compute_env_work_dir: work_dir.map(str::to_owned),
            source_workspace_id: None,
        })
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
    use crate::types::{LaunchInfo, WorkflowLaunchResponse};

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
    fn null_clears_and_absent_keeps() {
        let base: WorkflowLaunchRequest =
            serde_json::from_value(json!({"outputDir": "s3://a", "revision": "main"})).unwrap();
        let changes = WorkflowLaunchRequest::new().output_dir(crate::Null);
        let merged = serde_json::to_value(with_changes(&base, &changes).unwrap()).unwrap();
        assert_eq!(merged, json!({"outputDir": null, "revision": "main"}));
    }
}
