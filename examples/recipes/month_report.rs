//! How many runs of each project ended how, in a span of time.

use std::collections::BTreeMap;

use seqera::{Client, Result, Search, shown};

type Report = BTreeMap<(String, String), usize>;

pub async fn report(research: &Client, from: &str, to: &str) -> Result<Report> {
    let mut report = Report::new();
    let span = Search::new().after(from).before(to);
    let mut runs = research.list_workflows().search(span).stream();
    while let Some(listed) = runs.try_next().await? {
        let run = listed.workflow.unwrap_or_default();
        let project = shown(&run.project_name).to_string();
        let key = (project, shown(&run.status).to_string());
        *report.entry(key).or_default() += 1;
    }
    Ok(report)
}
