//! Datasets: where the files of their versions are, and what launches call those.

use crate::state::{Record, State};

/// The bucket that holds the files of datasets; no data link shows it.
pub const BUCKET: &str = "datasets-of-the-platform";

/// The versions of a dataset, the oldest first.
pub fn versions_of<'a>(
    state: &'a State,
    dataset: &'a Record,
) -> impl DoubleEndedIterator<Item = &'a Record> {
    (state.within("dataset_version", dataset.scope))
        .filter(|version| version["datasetId"] == dataset.id.as_str())
}

/// What stands in the parameters of launches for a version.
pub fn url_of(state: &State, version: &Record) -> String {
    format!(
        "{}/workspaces/{}/datasets/{}/v/{}/n/{}",
        state.settings.endpoint,
        version.scope,
        version.text("datasetId"),
        version.number("version"),
        version.text("fileName"),
    )
}

/// The media type of a file, by its name.
pub fn media_type_of(name: &str) -> &'static str {
    match name.ends_with(".tsv") {
        true => "text/tab-separated-values",
        false => "text/csv",
    }
}
