//! What the crate's hand-written code needs of a schema: operations that other versions may lack.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::{Report, Tags};

/// The operations that a file of `src` calls.
#[derive(Debug)]
pub struct Need {
    /// The file.
    pub file: &'static str,
    /// The features with which it is compiled.
    pub features: &'static [&'static str],
    /// Operations without which it can't be compiled.
    pub operations: &'static [&'static str],
    /// Operations that it can do without: where a version lacks one, it is compiled with
    /// `cfg(lacks = "…")`, and what needs the operation answers with an error that names it.
    pub dispensable: &'static [&'static str],
}

/// All that is needed. A test holds this against the source.
pub const NEEDS: &[Need] = &[
    Need {
        file: "dump.rs",
        features: &["service-info", "workflows"],
        operations: &[
            "DownloadWorkflowLog",
            "DownloadWorkflowTaskLog",
            "ListWorkflowTasks",
        ],
        dispensable: &[],
    },
    Need {
        file: "launch/prepare.rs",
        features: &[
            "compute-envs",
            "labels",
            "launch",
            "pipelines",
            "users",
            "workflows",
            "workspaces",
        ],
        operations: &[
            "CreateLabel",
            "CreateWorkflowLaunch",
            "DescribeComputeEnv",
            "DescribeLaunch",
            "DescribePipelineLaunch",
            "DescribeWorkflow",
            "DescribeWorkflowLaunch",
        ],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["users", "workspaces"],
        operations: &["ListWorkspacesUser", "UserInfo"],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["compute-envs", "users", "workspaces"],
        operations: &["ListComputeEnvs"],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["credentials", "users", "workspaces"],
        operations: &["ListCredentials"],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["data-links", "users", "workspaces"],
        operations: &["ListDataLinks"],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["studios", "users", "workspaces"],
        operations: &["ListDataStudios"],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["datasets", "users", "workspaces"],
        operations: &["ListDatasetsV2"],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["labels", "users", "workspaces"],
        operations: &["ListLabels"],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["orgs", "users", "workspaces"],
        operations: &["ListOrganizationMembers", "ListOrganizations"],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["teams", "users", "workspaces"],
        operations: &["ListOrganizationTeams"],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["pipelines", "users", "workspaces"],
        operations: &["ListPipelines"],
        dispensable: &[],
    },
    Need {
        file: "names.rs",
        features: &["pipeline-versions", "users", "workspaces"],
        operations: &[],
        dispensable: &["ListPipelineVersions"],
    },
    Need {
        file: "run.rs",
        features: &["users", "workflows", "workspaces"],
        operations: &[
            "CancelWorkflow",
            "CreateWorkflowStar",
            "DeleteWorkflow",
            "DeleteWorkflowStar",
            "DescribeWorkflow",
            "ListWorkflowTasks",
        ],
        dispensable: &[],
    },
    Need {
        file: "run.rs",
        features: &["labels", "users", "workflows", "workspaces"],
        operations: &[
            "AddLabelsToWorkflows",
            "ApplyLabelsToWorkflows",
            "RemoveLabelsFromWorkflows",
        ],
        dispensable: &[],
    },
    Need {
        file: "run/logs.rs",
        features: &["users", "workflows", "workspaces"],
        operations: &["DescribeWorkflowTask", "GetWorkflowTaskLog"],
        dispensable: &["GetWorkflowLog"],
    },
    Need {
        file: "run/polls.rs",
        features: &["users", "workflows", "workspaces"],
        operations: &["DescribeWorkflow", "ListWorkflows"],
        dispensable: &[],
    },
    Need {
        file: "transfer/data_links.rs",
        features: &["data-links"],
        operations: &["ExploreDataLink"],
        dispensable: &["ExploreDataLinkWithPath"],
    },
    Need {
        file: "transfer/datasets.rs",
        features: &["datasets"],
        operations: &[
            "CreateDatasetV2",
            "DeleteDatasetV2",
            "DownloadDatasetV2",
            "ListDatasetVersionsV2",
            "ListDatasetsV2",
            "UploadDatasetV2",
        ],
        dispensable: &[],
    },
    Need {
        file: "transfer/download.rs",
        features: &["data-links"],
        operations: &["GenerateDownloadUrlDataLink"],
        dispensable: &[],
    },
    Need {
        file: "transfer/upload.rs",
        features: &["data-links"],
        operations: &["DescribeDataLink", "GenerateDataLinkUploadUrl"],
        dispensable: &["GenerateDataLinkUploadUrlWithPath"],
    },
    Need {
        file: "transfer/upload/s3.rs",
        features: &["data-links"],
        operations: &["FinishDataLinkUpload"],
        dispensable: &["FinishDataLinkUploadWithPath"],
    },
];

/// Checks that a schema has what the enabled parts of the crate need. Returns the dispensable
/// operations that it lacks.
///
/// # Errors
///
/// The schema lacks an operation without which a file can't be compiled; the error names both.
pub fn check(report: &Report, tags: &Tags) -> Result<Vec<&'static str>> {
    check_all(NEEDS, report, tags)
}

fn check_all(needs: &[Need], report: &Report, tags: &Tags) -> Result<Vec<&'static str>> {
    let there: BTreeSet<&str> = report.operations.iter().map(String::as_str).collect();
    let mut lacking = BTreeSet::new();
    for need in needs {
        if !need.features.iter().all(|feature| tags.contains(feature)) {
            continue;
        }
        if let Some(missing) = need.operations.iter().find(|id| !there.contains(*id)) {
            bail!(
                "src/{} needs the operation `{missing}`, which version {} of the API lacks: leave out the feature {}",
                need.file,
                report.version,
                need.features.join(" or ")
            );
        }
        lacking.extend(need.dispensable.iter().filter(|id| !there.contains(*id)));
    }
    Ok(lacking.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &[Need] = &[Need {
        file: "run.rs",
        features: &["workflows", "users"],
        operations: &["DescribeWorkflow"],
        dispensable: &["GetWorkflowLog"],
    }];

    fn report(operations: &[&str]) -> Report {
        Report {
            version: "1.2.3".to_owned(),
            operations: operations.iter().map(|id| (*id).to_owned()).collect(),
            ..Report::default()
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let problem = check_all(EXAMPLE, &report(&["GetWorkflowLog"]), &Tags::All).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "src/run.rs needs the operation `DescribeWorkflow`, which version 1.2.3 of the API lacks: \
             leave out the feature workflows or users"
        );
    }

    #[test]
    fn what_is_dispensable_is_listed() {
        let all = report(&["DescribeWorkflow", "GetWorkflowLog"]);
        assert!(check_all(EXAMPLE, &all, &Tags::All).unwrap().is_empty());
        let some = report(&["DescribeWorkflow"]);
        assert_eq!(
            check_all(EXAMPLE, &some, &Tags::All).unwrap(),
            ["GetWorkflowLog"]
        );
    }

    #[test]
    fn parts_that_are_off_need_nothing() {
        let tags = Tags::from_features(["workflows".to_owned()]);
        assert!(check_all(EXAMPLE, &report(&[]), &tags).unwrap().is_empty());
    }
}
