//! The types of a page of runs as one would write them by hand for serde's derive.

#![allow(dead_code)]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de::Error};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pub workflows: Option<Vec<Row>>,
    pub total_size: Option<i64>,
    pub has_more: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub workflow: Option<Workflow>,
    pub progress: Option<Progress>,
    pub pipeline_info: Option<PipelineInfo>,
    pub org_id: Option<i64>,
    pub org_name: Option<String>,
    pub workspace_id: Option<i64>,
    pub workspace_name: Option<String>,
    pub labels: Option<Vec<Label>>,
    pub starred: Option<bool>,
    pub optimized: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    pub workflow_progress: Option<WorkflowLoad>,
    pub processes_progress: Option<Vec<ProcessLoad>>,
    pub total_processes: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowLoad {
    pub aborted: Option<i64>,
    pub cached: Option<i64>,
    pub cost: Option<f64>,
    pub cpu_efficiency: Option<f64>,
    pub cpu_load: Option<i64>,
    pub cpu_share_millis: Option<i64>,
    pub cpu_shares: Option<i64>,
    pub cpu_time: Option<i64>,
    pub cpus: Option<i64>,
    #[serde(default, deserialize_with = "moment")]
    pub date_created: Option<DateTime<Utc>>,
    pub executors: Option<Vec<String>>,
    pub failed: Option<i64>,
    pub ignored: Option<i64>,
    pub inv_ctx_switch: Option<i64>,
    #[serde(default, deserialize_with = "moment")]
    pub last_updated: Option<DateTime<Utc>>,
    pub load_cpus: Option<i64>,
    pub load_memory: Option<i64>,
    pub load_tasks: Option<i64>,
    pub memory_efficiency: Option<f64>,
    pub memory_req: Option<i64>,
    pub memory_rss: Option<i64>,
    pub net_cost: Option<f64>,
    pub net_cpu_load: Option<i64>,
    pub net_cpu_share_millis: Option<i64>,
    pub net_cpu_shares: Option<i64>,
    pub net_cpu_time: Option<i64>,
    pub net_cpus: Option<i64>,
    pub net_inv_ctx_switch: Option<i64>,
    pub net_memory_consumption: Option<f64>,
    pub net_memory_req: Option<i64>,
    pub net_memory_rss: Option<i64>,
    pub net_read_bytes: Option<i64>,
    pub net_vol_ctx_switch: Option<i64>,
    pub net_write_bytes: Option<i64>,
    pub num_spot_interruptions: Option<i64>,
    pub peak_cpus: Option<i64>,
    pub peak_memory: Option<i64>,
    pub peak_tasks: Option<i64>,
    pub pending: Option<i64>,
    pub read_bytes: Option<i64>,
    pub requested_cpu_time: Option<i64>,
    pub requested_memory: Option<i64>,
    pub retries: Option<i64>,
    pub running: Option<i64>,
    pub submitted: Option<i64>,
    pub succeeded: Option<i64>,
    pub version: Option<i64>,
    pub vol_ctx_switch: Option<i64>,
    pub write_bytes: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessLoad {
    pub aborted: Option<i64>,
    pub cached: Option<i64>,
    pub cpu_efficiency: Option<f64>,
    pub cpu_load: Option<i64>,
    pub cpu_time: Option<i64>,
    pub cpus: Option<i64>,
    #[serde(default, deserialize_with = "moment")]
    pub date_created: Option<DateTime<Utc>>,
    pub failed: Option<i64>,
    pub ignored: Option<i64>,
    pub inv_ctx_switch: Option<i64>,
    #[serde(default, deserialize_with = "moment")]
    pub last_updated: Option<DateTime<Utc>>,
    pub load_cpus: Option<i64>,
    pub load_memory: Option<i64>,
    pub load_tasks: Option<i64>,
    pub memory_efficiency: Option<f64>,
    pub memory_req: Option<i64>,
    pub memory_rss: Option<i64>,
    pub peak_cpus: Option<i64>,
    pub peak_memory: Option<i64>,
    pub peak_tasks: Option<i64>,
    pub pending: Option<i64>,
    pub read_bytes: Option<i64>,
    pub retries: Option<i64>,
    pub running: Option<i64>,
    pub submitted: Option<i64>,
    pub succeeded: Option<i64>,
    pub version: Option<i64>,
    pub vol_ctx_switch: Option<i64>,
    pub write_bytes: Option<i64>,
    pub cpu_shares: Option<i64>,
    pub process: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineInfo {
    pub id: Option<i64>,
    pub workspace_id: Option<i64>,
    pub version: Option<PipelineVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineVersion {
    pub id: Option<String>,
    pub name: Option<String>,
    pub hash: Option<String>,
    pub is_default: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workflow {
    pub command_line: Option<String>,
    pub commit_id: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub complete: Option<DateTime<Utc>>,
    pub config_files: Option<Vec<String>>,
    pub config_text: Option<String>,
    pub container: Option<String>,
    pub container_engine: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub date_created: Option<DateTime<Utc>>,
    pub deleted: Option<bool>,
    pub duration: Option<i64>,
    pub error_message: Option<String>,
    pub error_report: Option<String>,
    pub exit_status: Option<i64>,
    pub home_dir: Option<String>,
    pub id: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub last_updated: Option<DateTime<Utc>>,
    pub launch_dir: Option<String>,
    pub launch_id: Option<String>,
    pub manifest: Option<Manifest>,
    pub nextflow: Option<Nextflow>,
    pub owner_id: Option<i64>,
    pub params: Option<serde_json::Map<String, serde_json::Value>>,
    pub profile: Option<String>,
    pub project_dir: Option<String>,
    pub project_name: Option<String>,
    pub repository: Option<String>,
    pub requires_attention: Option<bool>,
    pub resume: Option<bool>,
    pub revision: Option<String>,
    pub run_name: Option<String>,
    pub script_file: Option<String>,
    pub script_id: Option<String>,
    pub script_name: Option<String>,
    pub session_id: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub start: Option<DateTime<Utc>>,
    pub stats: Option<Stats>,
    pub status: Option<Status>,
    #[serde(default, deserialize_with = "moment")]
    pub submit: Option<DateTime<Utc>>,
    pub success: Option<bool>,
    pub user_name: Option<String>,
    pub work_dir: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Submitted,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Unknown,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub author: Option<String>,
    pub default_branch: Option<String>,
    pub description: Option<String>,
    pub gitmodules: Option<String>,
    pub home_page: Option<String>,
    pub icon: Option<String>,
    pub main_script: Option<String>,
    pub name: Option<String>,
    pub nextflow_version: Option<String>,
    pub version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nextflow {
    pub build: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub timestamp: Option<DateTime<Utc>>,
    pub version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub cached_count: Option<i64>,
    pub cached_count_fmt: Option<String>,
    pub cached_duration: Option<i64>,
    pub cached_pct: Option<f64>,
    pub compute_time_fmt: Option<String>,
    pub failed_count: Option<i64>,
    pub failed_count_fmt: Option<String>,
    pub failed_duration: Option<i64>,
    pub failed_pct: Option<f64>,
    pub ignored_count: Option<i64>,
    pub ignored_count_fmt: Option<String>,
    pub ignored_pct: Option<f64>,
    pub succeed_count: Option<i64>,
    pub succeed_count_fmt: Option<String>,
    pub succeed_duration: Option<i64>,
    pub succeed_pct: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    #[serde(default, deserialize_with = "moment")]
    pub date_created: Option<DateTime<Utc>>,
    pub id: Option<i64>,
    pub is_default: Option<bool>,
    pub is_dynamic: Option<bool>,
    pub is_interpolated: Option<bool>,
    pub name: Option<String>,
    pub resource: Option<bool>,
    pub value: Option<String>,
}

/// The reply of `GET /user-info`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserInfo {
    pub user: Option<User>,
    pub need_consent: Option<bool>,
    pub default_workspace_id: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: Option<i64>,
    pub user_name: Option<String>,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub organization: Option<String>,
    pub description: Option<String>,
    pub avatar: Option<String>,
    pub avatar_id: Option<String>,
    pub notification: Option<bool>,
    pub terms_of_use_consent: Option<bool>,
    pub marketing_consent: Option<bool>,
    #[serde(default, deserialize_with = "moment")]
    pub last_access: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "moment")]
    pub date_created: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "moment")]
    pub last_updated: Option<DateTime<Utc>>,
    pub deleted: Option<bool>,
    pub trusted: Option<bool>,
    pub options: Option<BTreeMap<String, serde_json::Value>>,
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text: Option<std::borrow::Cow<'de, str>> = Option::deserialize(deserializer)?;
    let Some(text) = text else { return Ok(None) };
    let moment = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?;
    Ok(Some(moment.to_utc()))
}
