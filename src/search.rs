//! What the `search` of lists takes: free text and keywords.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate, Utc};

use crate::wire::argument::Argument;
use crate::{Timestamp, types};

/// A search in a list: free text, which is looked for in part, and keywords, which match exactly.
///
/// What is said is joined by AND. [`Search::new`] searches runs; the other lists that have keywords
/// have constructors of their own, such as [`Search::data_links`], and each has the setters of its
/// keywords only. Values that hold spaces are quoted. The [guide](crate::guide::search) has the
/// whole grammar.
///
/// ```no_run
/// use seqera::prelude::*;
/// use seqera::{Search, types::WorkflowStatus};
///
/// # async fn example(client: seqera::Client) -> seqera::Result<()> {
/// let failed = Search::new()
///     .text("rnaseq")
///     .status(WorkflowStatus::Failed)
///     .after("2025-11-01");
/// let mut runs = client.list_workflows().workspace_id(42).search(failed).stream();
/// while let Some(run) = runs.try_next().await? {
///     println!("{run:?}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// [`Display`](fmt::Display) shows it as it is sent. A value that is empty or holds a double quote can't be
/// searched for: the call that it is given to fails before anything is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Search<L = Runs> {
    text: Vec<String>,
    words: Vec<(&'static str, String)>,
    /// Whether the text is an exact name.
    exact: bool,
    list: PhantomData<fn() -> L>,
}

#[cfg(feature = "workflows")]
impl Default for Search {
    fn default() -> Self {
        Self::new()
    }
}

impl<L> Search<L> {
    fn empty() -> Self {
        Self {
            text: Vec::new(),
            words: Vec::new(),
            exact: false,
            list: PhantomData,
        }
    }

    /// Looks for this text. Texts of several calls are one text, with spaces between them. A word of the
    /// form `keyword:value` in it is taken for a keyword by the server.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text.push(text.into());
        self
    }

    fn word(mut self, keyword: &'static str, value: impl Into<String>) -> Self {
        self.words.push((keyword, value.into()));
        self
    }

    /// Why the search can't be sent, if it can't.
    fn mistake(&self) -> Option<String> {
        if self.exact && !self.words.is_empty() {
            return Some("asks for an exact name, which leaves no room for keywords".to_owned());
        }
        if self.exact && self.text.iter().any(|text| text.contains('"')) {
            return Some("holds a double quote in an exact name".to_owned());
        }
        self.words.iter().find_map(|(keyword, value)| {
            let problem = match value {
                empty if empty.trim().is_empty() => "has no value",
                quoted if quoted.contains('"') => "has a double quote in its value",
                _ => return None,
            };
            Some(format!("can't be searched with: `{keyword}` {problem}"))
        })
    }
}

impl<L> fmt::Display for Search<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.join(" ");
        if self.exact {
            return write!(f, "\"{text}\"");
        }
        f.write_str(&text)?;
        for (index, (keyword, value)) in self.words.iter().enumerate() {
            let space = if index > 0 || !text.is_empty() {
                " "
            } else {
                ""
            };
            let quote = if value.contains(char::is_whitespace) {
                "\""
            } else {
                ""
            };
            write!(f, "{space}{keyword}:{quote}{value}{quote}")?;
        }
        Ok(())
    }
}

impl<L> fmt::Debug for Search<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Search").field(&self.to_string()).finish()
    }
}

impl<L> Argument<String> for Search<L> {
    fn resolve(self) -> Result<Option<String>, String> {
        self.mistake()
            .map_or_else(|| Ok(Some(self.to_string())), Err)
    }
}

/// A day or a moment to search by, in UTC: from a [`Timestamp`], chrono's types, or text such as
/// `2025-11-01` or `2025-11-01T08:30:00Z`. A part of a date, such as `2025-11`, means its first moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchDate(String);

impl From<Timestamp> for SearchDate {
    /// In whole seconds, the documented form.
    fn from(moment: Timestamp) -> Self {
        moment.to_utc().into()
    }
}

impl From<DateTime<Utc>> for SearchDate {
    fn from(moment: DateTime<Utc>) -> Self {
        Self(moment.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }
}

impl From<NaiveDate> for SearchDate {
    fn from(day: NaiveDate) -> Self {
        Self(day.to_string())
    }
}

impl From<&str> for SearchDate {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for SearchDate {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Defines the lists that have keywords, each with its constructor and the setters of its keywords.
macro_rules! lists {
    ($(
        $(#[$doc:meta])*
        $list:ident, $feature:literal, $constructor:ident {
            $($(#[$setter_doc:meta])* $setter:ident($($value:ident: $ty:ty)?) = $keyword:literal: $text:expr;)*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $list {}

        #[cfg(feature = $feature)]
        impl Search {
            $(#[$doc])*
            pub fn $constructor() -> Search<$list> {
                Search::empty()
            }
        }

        #[cfg(feature = $feature)]
        impl Search<$list> {
            $(
                $(#[$setter_doc])*
                #[must_use]
                pub fn $setter(self $(, $value: $ty)?) -> Self {
                    self.word($keyword, $text)
                }
            )*
        }
    )*};
}

lists! {
    /// Searches runs, in `list_workflows`. Free text matches project name, run name, session id and
    /// manifest name; `*` before or after it stands for anything.
    Runs, "workflows", new {
        /// Runs in this status. Two of them exclude each other.
        status(status: impl Into<types::WorkflowStatus>) = "status": status.into().as_str().to_lowercase();
        /// Runs with this label; may be given several times.
        label(name: impl Into<String>) = "label": name;
        /// The run of this id.
        workflow_id(id: impl Into<String>) = "workflowId": id;
        /// Runs of exactly this name.
        run_name(name: impl Into<String>) = "runName": name;
        /// Runs of the user of this name.
        user_name(name: impl Into<String>) = "userName": name;
        /// Runs of exactly this project, such as `nf-core/rnaseq`.
        project_name(name: impl Into<String>) = "projectName": name;
        /// Runs of this Nextflow session.
        session_id(id: impl Into<String>) = "sessionId": id;
        /// Runs submitted at this moment or later.
        after(moment: impl Into<SearchDate>) = "after": moment.into().0;
        /// Runs submitted at this moment or earlier. A day alone means its first moment.
        before(moment: impl Into<SearchDate>) = "before": moment.into().0;
        /// Runs that the caller has starred.
        starred() = "is": "starred";
        /// Runs that have this dataset as input. Seen in use, not documented.
        dataset_id(id: impl Into<String>) = "datasetId": id;
    }

    /// Searches pipelines by name, in `list_pipelines`.
    Pipelines, "pipelines", pipelines {
        /// Pipelines with this label; may be given several times. Seen in use, not documented.
        label(name: impl Into<String>) = "label": name;
    }

    /// Searches versions of a pipeline by name, in `list_pipeline_versions`.
    PipelineVersions, "pipeline-versions", pipeline_versions {
        /// The version of this id.
        version_id(id: impl Into<String>) = "versionId": id;
        /// The version of exactly this name.
        version_name(name: impl Into<String>) = "versionName": name;
        /// The version of this hash.
        version_hash(hash: impl Into<String>) = "versionHash": hash;
    }

    /// Searches data links by name, in `list_data_links`.
    DataLinks, "data-links", data_links {
        /// Data links in this region, such as `eu-west-1`.
        region(region: impl Into<String>) = "region": region;
        /// Data links of this cloud provider.
        provider(provider: impl Into<types::DataLinkProvider>) = "provider": provider.into().as_str();
        /// The data link of this address, such as `s3://acme-results`. Seen in use, not documented.
        resource_ref(address: impl Into<String>) = "resourceRef": address;
    }

    /// Searches datasets, in `list_datasets_v2`. Its keywords were seen in use and are not documented.
    Datasets, "datasets", datasets {
        /// Datasets with this label; may be given several times.
        label(name: impl Into<String>) = "label": name;
        /// Datasets created at this moment or later.
        created_after(moment: impl Into<SearchDate>) = "createdAfter": moment.into().0;
        /// Datasets created at this moment or earlier.
        created_before(moment: impl Into<SearchDate>) = "createdBefore": moment.into().0;
    }

    /// Searches Studios by name and by template, in `list_data_studios`.
    Studios, "studios", studios {
        /// Studios in this state.
        status(status: impl Into<types::DataStudioStatus>) = "status": status.into().as_str();
        /// Studios of the user of this id.
        user_id(id: i64) = "userId": id.to_string();
        /// Studios of the user of this name.
        user_name(name: impl Into<String>) = "username": name;
        /// Studios in the compute environment of this id.
        compute_env_id(id: impl Into<String>) = "computeEnvId": id;
        /// Studios in the compute environment of this name.
        compute_env_name(name: impl Into<String>) = "computeEnvName": name;
        /// Studios that the caller has starred.
        starred() = "is": "starred";
    }

    /// Searches checkpoints of a Studio by name, in `list_data_studio_checkpoints`.
    Checkpoints, "studios", checkpoints {
        /// Checkpoints in this state.
        status(status: impl Into<types::StudioCheckpointStatus>) = "status": status.into().as_str();
        /// Checkpoints saved at this moment or later.
        after(moment: impl Into<SearchDate>) = "after": moment.into().0;
        /// Checkpoints saved at this moment or earlier.
        before(moment: impl Into<SearchDate>) = "before": moment.into().0;
    }

    /// Searches managed identities by name, in `list_managed_identities`.
    ManagedIdentities, "identities", managed_identities {
        /// Identities for this platform, such as `slurm-platform`.
        platform(platform: impl Into<String>) = "platform": platform;
    }

    /// Searches credentials of a managed identity by their users' names, in `list_managed_credentials`.
    /// With neither keyword or both, it finds users with and without credentials.
    ManagedCredentials, "identities", managed_credentials {
        /// Users who have added credentials.
        added() = "is": "added";
        /// Users who have no credentials.
        missing() = "is": "missing";
    }
}

#[cfg(feature = "pipelines")]
impl Search<Pipelines> {
    /// The pipeline of exactly this name, in place of a part of it. It goes with no keyword.
    #[must_use]
    pub fn exact_name(mut self, name: impl Into<String>) -> Self {
        self.text = vec![name.into()];
        self.exact = true;
        self
    }
}

#[cfg(all(test, feature = "all-tags"))]
mod tests {
    use super::*;
    use types::{DataLinkProvider, DataStudioStatus, WorkflowStatus};

    #[test]
    fn text_first_and_keywords_after_it() {
        let day = NaiveDate::from_ymd_opt(2025, 11, 1).unwrap();
        let search = Search::new()
            .status(WorkflowStatus::Failed)
            .text("rnaseq")
            .label("cohort-a")
            .label("cohort-b")
            .after(day)
            .text("batch")
            .starred();
        assert_eq!(
            search.to_string(),
            "rnaseq batch status:failed label:cohort-a label:cohort-b after:2025-11-01 is:starred"
        );
        assert_eq!(Search::new().to_string(), "");
        assert_eq!(format!("{:?}", Search::new().text("x")), r#"Search("x")"#);
    }

    #[test]
    fn moments_in_all_forms() {
        let moment: Timestamp = "2025-11-01T08:30:00.5+01:00".parse().unwrap();
        let text = |date: SearchDate| date.0;
        assert_eq!(text(moment.into()), "2025-11-01T07:30:00Z");
        assert_eq!(text(moment.to_utc().into()), "2025-11-01T07:30:00Z");
        assert_eq!(text("2025-11".into()), "2025-11");
    }

    #[test]
    fn values_with_spaces_are_quoted() {
        let search = Search::data_links()
            .region("eu-west-1")
            .provider(DataLinkProvider::Aws)
            .resource_ref("s3://acme results/a");
        assert_eq!(
            search.to_string(),
            r#"region:eu-west-1 provider:aws resourceRef:"s3://acme results/a""#
        );
        let search = Search::studios()
            .text("notebook")
            .status(DataStudioStatus::Running)
            .user_id(7)
            .compute_env_name("gpu pool");
        assert_eq!(
            search.to_string(),
            r#"notebook status:running userId:7 computeEnvName:"gpu pool""#
        );
    }

    #[test]
    fn exact_names_stand_alone() {
        let search = Search::pipelines().exact_name("nf-core rnaseq");
        assert_eq!(search.to_string(), r#""nf-core rnaseq""#);
        assert_eq!(search.clone().resolve(), Ok(Some(search.to_string())));
        assert!(search.label("x").resolve().is_err());
    }

    #[test]
    fn what_cannot_be_searched_for_is_an_error() {
        for (search, named) in [
            (Search::new().label(r#"12" gel"#), "double quote"),
            (Search::new().run_name(" "), "no value"),
            (Search::new().after(""), "no value"),
        ] {
            let problem = search.resolve().unwrap_err();
            assert!(problem.contains(named), "{problem}");
        }
        let quoted = Search::pipelines().exact_name("a\"b");
        assert!(quoted.resolve().is_err());
    }
}
