//! Programs for what laboratories do, each a file to copy from.

pub mod archive_failures;
pub mod clean_up;
pub mod compute_envs;
pub mod data_round_trip;
pub mod dataset_then_launch;
pub mod join_and_leave;
pub mod keep_secrets;
pub mod label_by_repository;
pub mod launch_with_deadline;
pub mod month_report;
pub mod raise_revision;
pub mod relaunch_failed;
pub mod rotate_token;
pub mod service;
pub mod studios_overnight;
pub mod who_has_access;
