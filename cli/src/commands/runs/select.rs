//! Which runs are meant: filters, made into the server's search, and ids.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use clap::Args;
use seqera::Search;
use seqera::types::WorkflowStatus;

use super::watch::RunStatus;
use crate::commands::pipelines;
use crate::context::{Context, Place};
use crate::exit::{Failure, Result};
use crate::lists::Entries;
use crate::values::List;

/// Filters of runs.
#[derive(Args, Clone, Debug, Default)]
pub struct Filters {
    /// Only runs with this status
    #[arg(long, value_enum)]
    status: Option<RunStatus>,
    /// Only runs submitted since then: 2025-11-30, 2025-11-30T08:00:00Z, or 30m, 12h, 7d or 2w ago
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Only runs of this user, by user name
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only runs with this label; may be given several times
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
}

impl Filters {
    /// Whether they leave nothing out.
    fn is_empty(&self) -> bool {
        self.status.is_none()
            && self.since.is_none()
            && self.user.is_none()
            && self.label.is_empty()
    }

    /// The search that they are, with more text; none where nothing is searched for.
    pub fn search(&self, text: Option<&str>, project: Option<&str>) -> Option<Search> {
        if self.is_empty() && text.is_none() && project.is_none() {
            return None;
        }
        let mut search = Search::new();
        if let Some(text) = text {
            search = search.text(text);
        }
        if let Some(status) = self.status {
            search = search.status(WorkflowStatus::from(status.as_str()));
        }
        if let Some(Since(since)) = &self.since {
            search = search.after(since.as_str());
        }
        if let Some(project) = project {
            search = search.project_name(project);
        }
        if let Some(user) = &self.user {
            search = search.user_name(user);
        }
        for label in &self.label {
            search = search.label(label);
        }
        Some(search)
    }
}

/// A moment, as the server's search takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Since(String);

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let moment = |moment: DateTime<Utc>| Self(moment.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        if let Some(ago) = ago(text) {
            return Ok(moment(Utc::now() - ago));
        }
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(Self(date.to_string()));
        }
        match text.parse::<DateTime<Utc>>() {
            Ok(time) => Ok(moment(time)),
            Err(_) => Err(
                "give a date (2025-11-30), a moment (2025-11-30T08:00:00Z), or how long ago (30m, 12h, 7d, 2w)"
                    .to_owned(),
            ),
        }
    }
}

/// `12h` as a time; at most a hundred years.
fn ago(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = number.checked_mul(seconds)?;
    (seconds <= 36_525 * 86_400).then(|| Duration::from_secs(seconds))
}

/// Runs beside the one of `--id`.
#[derive(Args, Clone, Debug, Default)]
pub struct Selection {
    /// Ids of several runs, separated by commas
    #[arg(long)]
    ids: Option<List<String>>,
    /// All runs that match this text, as `runs list --filter` does
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    #[command(flatten)]
    filters: Filters,
}

/// What may stand in place of `--id`, by the names that clap knows.
pub const IN_PLACE_OF_ID: [&str; 6] = ["ids", "filter", "status", "since", "user", "label"];

impl Selection {
    /// The ids of all that are meant, each once.
    pub async fn ids(
        &self,
        context: &Context,
        place: &Place<'_>,
        typed: impl IntoIterator<Item = String>,
    ) -> Result<Vec<String>> {
        let mut ids: Vec<String> = Vec::new();
        let mut add = |id: String| {
            if !ids.contains(&id) {
                ids.push(id);
            }
        };
        typed.into_iter().for_each(&mut add);
        self.ids
            .iter()
            .flat_map(|list| list.0.clone())
            .for_each(&mut add);
        if let Some(search) = self.filters.search(self.filter.as_deref(), None) {
            let call = context.client()?.list_workflows().workspace_id(place.id());
            let mut found = Entries::of(call.search(search).stream());
            while let Some(run) = found.try_next().await? {
                run.workflow
                    .and_then(|run| run.id)
                    .into_iter()
                    .for_each(&mut add);
            }
        }
        if ids.is_empty() {
            return Err(Failure::not_found("No run matches (not found)"));
        }
        Ok(ids)
    }
}

/// The project whose runs a pipeline's are: it is named by itself (`nf-core/rnaseq`), by its
/// repository, or by a pipeline of the launchpad that runs it.
pub async fn project_of(context: &Context, place: &Place<'_>, pipeline: &str) -> Result<String> {
    if let Some(project) = project_in(pipeline) {
        return Ok(project);
    }
    if pipeline.contains('/') {
        return Ok(pipeline.to_owned());
    }
    let found = pipelines::look_for(context, place, pipeline, &pipelines::quoted(pipeline)).await?;
    let repository = found.and_then(|found| found.repository).ok_or_else(|| {
        Failure::not_found(format!(
            "Pipeline '{pipeline}' not found on this workspace."
        ))
    })?;
    Ok(project_in(&repository).unwrap_or(repository))
}

/// The project in a repository's address: the last two parts of its path.
fn project_in(url: &str) -> Option<String> {
    let (_, path) = url.split_once("://")?;
    let path = path.trim_end_matches('/').trim_end_matches(".git");
    let mut parts = path.rsplit('/');
    let (name, owner) = (parts.next()?, parts.next()?);
    Some(match owner.contains('.') {
        // The host: the project has no owner.
        true => name.to_owned(),
        false => format!("{owner}/{name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_words_of_the_search() {
        let filters = Filters {
            status: Some(RunStatus::Failed),
            since: Some("2025-11-01".parse().unwrap()),
            user: Some("ann".to_owned()),
            label: vec!["a".to_owned(), "b c".to_owned()],
        };
        let search = filters.search(Some("rna"), Some("nf-core/rnaseq")).unwrap();
        assert_eq!(
            search.to_string(),
            "rna status:failed after:2025-11-01 projectName:nf-core/rnaseq userName:ann label:a label:\"b c\""
        );
        assert!(Filters::default().search(None, None).is_none());
    }

    #[test]
    fn a_time_may_be_told_by_how_long_ago_it_was() {
        let Since(text) = "2d".parse().unwrap();
        let moment: DateTime<Utc> = text.parse().unwrap();
        let hours = (Utc::now() - moment).num_hours();
        assert!((47..=48).contains(&hours), "{text}");
        for good in ["2025-11-30", "2025-11-30T08:00:00Z", "90m", "1w"] {
            assert!(good.parse::<Since>().is_ok(), "{good}");
        }
        for wrong in ["", "d", "3", "3x", "yesterday", "99999999999999999999d"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_project_stands_in_the_address_of_the_repository() {
        let project = |url: &str| project_in(url);
        assert_eq!(
            project("https://github.com/nf-core/rnaseq.git").unwrap(),
            "nf-core/rnaseq"
        );
        assert_eq!(project("https://git.example.com/p").unwrap(), "p");
        assert_eq!(project("rnaseq"), None);
    }
}
