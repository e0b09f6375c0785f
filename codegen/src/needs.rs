//! What the crate's hand-written code needs of a schema: operations that other versions may lack.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use crate::{Report, Tags};

/// The operations that a file of `src` calls.
#[derive(Debug)]
pub struct Need {
    /// The file.
    pub file: &'static str,
    /// The feature with which it is compiled.
    pub feature: &'static str,
    /// Operations without which it can't be compiled.
    pub operations: &'static [&'static str],
}

/// All that is needed. A test holds this against the source.
pub const NEEDS: &[Need] = &[
    Need {
        file: "dump/job.rs",
        feature: "runs",
        operations: &[
            "DownloadWorkflowLog",
            "DownloadWorkflowTaskLog",
            "ListWorkflowTasks",
        ],
    },
    Need {
        file: "launch/prepare.rs",
        feature: "runs",
        operations: &[
            "CreateLabel",
            "CreateWorkflowLaunch",
            "DescribeComputeEnv",
            "DescribeLaunch",
            "DescribePipelineLaunch",
            "DescribeWorkflow",
            "DescribeWorkflowLaunch",
        ],
    },
    Need {
        file: "names.rs",
        feature: "names",
        operations: &[
            "ListComputeEnvs",
            "ListCredentials",
            "ListDataLinks",
            "ListDataStudios",
            "ListDatasetsV2",
            "ListLabels",
            "ListOrganizationMembers",
            "ListOrganizationTeams",
            "ListOrganizations",
            "ListPipelineVersions",
            "ListPipelines",
            "ListWorkspacesUser",
            "UserInfo",
        ],
    },
    Need {
        file: "run.rs",
        feature: "runs",
        operations: &[
            "AddLabelsToWorkflows",
            "ApplyLabelsToWorkflows",
            "CancelWorkflow",
            "CreateWorkflowStar",
            "DeleteWorkflow",
            "DeleteWorkflowStar",
            "DescribeWorkflow",
            "ListWorkflowTasks",
            "RemoveLabelsFromWorkflows",
        ],
    },
    Need {
        file: "run/logs.rs",
        feature: "runs",
        operations: &[
            "DescribeWorkflowTask",
            "GetWorkflowLog",
            "GetWorkflowTaskLog",
        ],
    },
    Need {
        file: "run/polls.rs",
        feature: "runs",
        operations: &["DescribeWorkflow", "ListWorkflows"],
    },
    Need {
        file: "transfer/data_links.rs",
        feature: "transfers",
        operations: &["ExploreDataLink", "ExploreDataLinkWithPath"],
    },
    Need {
        file: "transfer/datasets.rs",
        feature: "transfers",
        operations: &[
            "CreateDatasetV2",
            "DeleteDatasetV2",
            "DownloadDatasetV2",
            "ListDatasetVersionsV2",
            "UploadDatasetV2",
        ],
    },
    Need {
        file: "transfer/download/object.rs",
        feature: "transfers",
        operations: &["GenerateDownloadUrlDataLink"],
    },
    Need {
        file: "transfer/upload.rs",
        feature: "transfers",
        operations: &[
            "DescribeDataLink",
            "GenerateDataLinkUploadUrl",
            "GenerateDataLinkUploadUrlWithPath",
        ],
    },
    Need {
        file: "transfer/upload/s3.rs",
        feature: "transfers",
        operations: &["FinishDataLinkUpload", "FinishDataLinkUploadWithPath"],
    },
    Need {
        file: "studios.rs",
        feature: "transfers",
        operations: &[
            "CreateDataStudio",
            "DescribeDataStudio",
            "StartDataStudio",
            "StopDataStudio",
        ],
    },
];

/// Checks that a schema has what the enabled parts of the crate need.
///
/// # Errors
///
/// The schema lacks an operation without which a file can't be compiled; the error names both, and
/// the feature to leave out.
pub fn check(report: &Report, features: &Tags) -> Result<()> {
    match lacking(NEEDS, report).find(|(need, _)| features.contains(need.feature)) {
        Some((need, operation)) => bail!(describe(need, operation, report)),
        None => Ok(()),
    }
}

/// The operations that a schema lacks of those that each feature needs.
pub fn lacking_by_feature(report: &Report) -> BTreeMap<String, BTreeSet<String>> {
    let mut lacking_by_feature: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (need, operation) in lacking(NEEDS, report) {
        let operations = lacking_by_feature.entry(need.feature.to_owned());
        operations.or_default().insert(operation.to_owned());
    }
    lacking_by_feature
}

fn lacking<'a>(
    needs: &'a [Need],
    report: &Report,
) -> impl Iterator<Item = (&'a Need, &'static str)> {
    let there: BTreeSet<String> = report.operations.iter().cloned().collect();
    let pairs = needs
        .iter()
        .flat_map(|need| need.operations.iter().map(move |id| (need, *id)));
    pairs.filter(move |(_, id)| !there.contains(*id))
}

fn describe(need: &Need, operation: &str, report: &Report) -> String {
    format!(
        "src/{} needs the operation `{operation}`, which version {} of the API lacks: leave out the feature `{}`",
        need.file, report.version, need.feature
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_feature_to_leave_out() {
        let all: Vec<&str> = NEEDS
            .iter()
            .flat_map(|need| need.operations)
            .copied()
            .collect();
        let mut report = Report {
            version: "1.2.3".to_owned(),
            ..Report::default()
        };
        report.operations = all.iter().map(|id| (*id).to_owned()).collect();
        assert!(check(&report, &Tags::All).is_ok() && lacking_by_feature(&report).is_empty());

        report.operations.retain(|id| id != "DownloadWorkflowLog");
        let problem = check(&report, &Tags::All).unwrap_err().to_string();
        assert_eq!(
            problem,
            "src/dump/job.rs needs the operation `DownloadWorkflowLog`, which version 1.2.3 of the API lacks: \
             leave out the feature `runs`"
        );
        assert!(lacking_by_feature(&report)["runs"].contains("DownloadWorkflowLog"));
        let without = Tags::from_features(["names".to_owned(), "transfers".to_owned()]);
        assert!(check(&report, &without).is_ok());
    }
}
