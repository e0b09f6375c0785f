//! Runs that come to a status: one list a look for all rules of a workspace, from the last look on. Runs
//! that were seen to go on are looked for in it, and not one by one.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use seqera::Client;
use seqera::types::RunSummary;
use serde_json::{Value, json};

use super::memory::Memory;
use crate::kit::{Error, Result};
use crate::rules::event::Seen;
use crate::rules::file::{Run, is_pipeline};

/// How late a run may come into the list.
const LATE: TimeDelta = TimeDelta::hours(1);
/// Runs that have gone on for longer are looked for by their status, so that the list stays short.
const LONG: TimeDelta = TimeDelta::hours(24);
/// The statuses at which runs end.
const ENDS: [&str; 3] = ["SUCCEEDED", "FAILED", "CANCELLED"];

/// What is remembered of a workspace.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    /// The last look.
    looked: Option<DateTime<Utc>>,
    /// When runs that go on were submitted.
    open: BTreeMap<String, DateTime<Utc>>,
    /// Since when each rule has watched.
    rules: BTreeMap<String, DateTime<Utc>>,
}

impl Known {
    fn of(value: &Value) -> Self {
        let time = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let times = |name: &str| {
            let all = value[name].as_object().into_iter().flatten();
            all.filter_map(|(key, value)| Some((key.clone(), time(value)?)))
                .collect()
        };
        Self {
            looked: time(&value["looked"]),
            open: times("open"),
            rules: times("rules"),
        }
    }

    fn value(&self) -> Value {
        let times = |all: &BTreeMap<String, DateTime<Utc>>| -> Value {
            let texts = all
                .iter()
                .map(|(key, time)| (key.clone(), time.to_rfc3339().into()));
            Value::Object(texts.collect())
        };
        json!({
            "looked": self.looked.map(|time| time.to_rfc3339()),
            "open": times(&self.open),
            "rules": times(&self.rules),
        })
    }
}

/// The runs of a workspace.
#[derive(Debug)]
pub struct RunWatcher {
    pub(super) client: Client,
    workspace: Option<i64>,
    /// The address of the Platform's pages.
    web: String,
    watcher: String,
    rules: Vec<(String, Run)>,
    known: Known,
    /// The names of pipelines of the launchpad, by their ids; empty for one that is in no list.
    pipelines: BTreeMap<i64, String>,
    next: DateTime<Utc>,
}

impl RunWatcher {
    /// Watches the runs of a workspace for rules, each with its name.
    pub async fn new(
        client: Client,
        workspace: Option<i64>,
        web: &str,
        rules: &[(&str, &Run)],
        now: DateTime<Utc>,
        memory: &Memory,
    ) -> Result<Self> {
        let watcher = format!(
            "runs of {}",
            workspace.map_or("me".to_owned(), |id| id.to_string())
        );
        let known = Known::of(&memory.memory(&watcher).await?.unwrap_or_default());
        Ok(Self {
            client,
            workspace,
            web: web.trim_end_matches('/').to_owned(),
            watcher,
            rules: rules
                .iter()
                .map(|(name, run)| ((*name).to_owned(), (*run).clone()))
                .collect(),
            known,
            pipelines: BTreeMap::new(),
            next: now,
        })
    }

    /// When to look next.
    pub fn next(&self) -> DateTime<Utc> {
        self.next
    }

    fn every(&self) -> Duration {
        let every = self.rules.iter().map(|(_, run)| run.every).min();
        every.unwrap_or(Duration::from_secs(60))
    }

    /// Looks, if it is time. How many events are new.
    pub async fn look(&mut self, now: DateTime<Utc>, memory: &Memory) -> Result<u64> {
        let due = self.next <= now || self.next > now + self.every();
        if !due {
            return Ok(0);
        }
        self.next = now + self.every();
        let mut known = self.known.clone();
        known
            .rules
            .retain(|name, _| self.rules.iter().any(|(rule, _)| rule == name));
        for (name, _) in &self.rules {
            known.rules.entry(name.clone()).or_insert(now);
        }
        let is_first = known.looked.is_none();
        let looked = known.looked.unwrap_or(now).min(now);
        let oldest = known.open.values().min().copied();
        let from = oldest
            .map_or(looked, |oldest| oldest.min(looked))
            .max(looked.min(now - LONG))
            - LATE;
        let mut listed: BTreeMap<String, RunSummary> = BTreeMap::new();
        self.list(&format!("after:{}", moment(from)), &mut listed)
            .await?;
        if is_first || known.open.values().any(|submitted| *submitted < from) {
            // Those that have gone on for long.
            for status in ["running", "submitted"] {
                let search = format!("status:{status} before:{}", moment(from));
                self.list(&search, &mut listed).await?;
            }
        }
        // What went on, and is in no list: it has ended, or is gone.
        let missing: Vec<_> = known
            .open
            .keys()
            .filter(|id| !listed.contains_key(*id))
            .cloned()
            .collect();
        for id in missing {
            match self.describe(&id).await? {
                Some(run) => drop(listed.insert(id, run)),
                None => drop(known.open.remove(&id)),
            }
        }
        self.name_pipelines(&listed).await?;
        let mut seen = Vec::new();
        for (id, run) in &listed {
            let facts = Facts::of(run, &self.pipelines);
            match facts.is_open() {
                true => drop(
                    known
                        .open
                        .insert(id.clone(), facts.submitted.unwrap_or(now)),
                ),
                false => drop(known.open.remove(id)),
            }
            for (name, rule) in &self.rules {
                let since = known.rules.get(name).copied().unwrap_or(now);
                for status in facts.come_to(rule, since) {
                    let key = format!("{id}:{status}");
                    let data = self.data(run, &facts, &status);
                    seen.push(Seen {
                        rule: name.clone(),
                        key,
                        data,
                        at: facts.when(&status).unwrap_or(now),
                        ready: now,
                    });
                }
            }
        }
        known.looked = Some(now);
        let note = known.value();
        let is_noted = seen.is_empty()
            && known.open == self.known.open
            && known.rules == self.known.rules
            && self
                .known
                .looked
                .is_some_and(|before| now - before < LATE / 2 && now >= before);
        if is_noted {
            // The former note leads to the same look, only a little longer.
            return Ok(0);
        }
        let new = memory.see(&seen, Some((&self.watcher, note))).await?;
        self.known = known;
        Ok(new)
    }

    async fn list(&self, search: &str, listed: &mut BTreeMap<String, RunSummary>) -> Result<()> {
        let call = self.client.list_workflows().workspace_id(self.workspace);
        let attributes = match self.wants_pipelines() {
            true => vec!["labels", "pipelineInfo"],
            false => vec!["labels"],
        };
        let call = call.attributes(attributes).search(search).max(100);
        let mut runs = call.stream();
        while let Some(run) = runs.try_next().await? {
            if let Some(id) = run.workflow.as_ref().and_then(|run| run.id.clone()) {
                listed.insert(id, run);
            }
        }
        Ok(())
    }

    fn wants_pipelines(&self) -> bool {
        self.rules.iter().any(|(_, run)| !run.pipeline.is_empty())
    }

    /// Learns the names of pipelines of the launchpad, where runs are of ones that are not known.
    async fn name_pipelines(&mut self, listed: &BTreeMap<String, RunSummary>) -> Result<()> {
        let ids = listed.values().filter_map(pipeline_id);
        let unknown: Vec<_> = ids.filter(|id| !self.pipelines.contains_key(id)).collect();
        if unknown.is_empty() || !self.wants_pipelines() {
            return Ok(());
        }
        let call = self.client.list_pipelines().workspace_id(self.workspace);
        let mut pipelines = call.stream();
        while let Some(pipeline) = pipelines.try_next().await? {
            if let (Some(id), Some(name)) = (pipeline.pipeline_id, pipeline.name) {
                self.pipelines.insert(id, name);
            }
        }
        for id in unknown {
            self.pipelines.entry(id).or_default();
        }
        Ok(())
    }

    /// A run that is in no list; none where there is none any more.
    async fn describe(&self, id: &str) -> Result<Option<RunSummary>> {
        let call = self.client.describe_workflow().workflow_id(id);
        match call.workspace_id(self.workspace).send().await {
            Ok(run) => {
                let run = serde_json::to_value(&run)?;
                Ok(Some(serde_json::from_value(run)?))
            }
            Err(error) if error.is_not_found() || error.is_forbidden() => Ok(None),
            Err(error) => Err(Error::from(error)),
        }
    }

    /// What templates see of a run.
    fn data(&self, run: &RunSummary, facts: &Facts, status: &str) -> Value {
        let text = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_default();
        let workflow = serde_json::to_value(&run.workflow).unwrap_or_default();
        let id = text(&workflow["id"]);
        let home = match (&run.org_name, &run.workspace_name) {
            (Some(organization), Some(workspace)) if self.workspace.is_some() => {
                format!("orgs/{organization}/workspaces/{workspace}")
            }
            _ => format!("user/{}", text(&workflow["userName"])),
        };
        let params = match &workflow["params"] {
            Value::Null => json!({}),
            params => params.clone(),
        };
        json!({
            "event": {"kind": "run", "status": status},
            "run": {
                "id": id,
                "name": workflow["runName"],
                "status": facts.status,
                "pipeline": facts.pipelines.first(),
                "project": workflow["projectName"],
                "repository": workflow["repository"],
                "revision": workflow["revision"],
                "commit": workflow["commitId"],
                "params": params,
                "labels": facts.labels,
                "exit": facts.exit,
                "error": workflow["errorMessage"],
                "work_dir": workflow["workDir"],
                "user": workflow["userName"],
                "submitted": workflow["submit"],
                "started": workflow["start"],
                "completed": workflow["complete"],
                "url": format!("{}/{home}/watch/{id}", self.web),
            },
        })
    }
}

fn pipeline_id(run: &RunSummary) -> Option<i64> {
    run.pipeline_info.as_ref()?.id
}

/// A time as searches take it.
fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// What rules ask of a run.
#[derive(Debug, Default)]
struct Facts {
    status: String,
    /// The names that its pipeline goes by, that of the launchpad first.
    pipelines: Vec<String>,
    labels: Vec<String>,
    exit: Option<i64>,
    submitted: Option<DateTime<Utc>>,
    started: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
}

impl Facts {
    fn of(run: &RunSummary, pipelines: &BTreeMap<i64, String>) -> Self {
        let whole = serde_json::to_value(run).unwrap_or_default();
        let workflow = &whole["workflow"];
        let time = |name: &str| workflow[name].as_str().and_then(|text| text.parse().ok());
        let name = pipeline_id(run)
            .and_then(|id| pipelines.get(&id))
            .map(String::as_str);
        let names = [
            name,
            workflow["projectName"].as_str(),
            workflow["repository"].as_str(),
        ];
        let names = names
            .iter()
            .filter_map(|name| *name)
            .filter(|name| !name.is_empty());
        let labels = whole["labels"].as_array().into_iter().flatten();
        let label = |label: &Value| {
            let name = label["name"].as_str()?;
            Some(match label["value"].as_str() {
                Some(value) => format!("{name}={value}"),
                None => name.to_owned(),
            })
        };
        Self {
            status: workflow["status"].as_str().unwrap_or_default().to_owned(),
            pipelines: names.map(str::to_owned).collect(),
            labels: labels.filter_map(label).collect(),
            exit: workflow["exitStatus"].as_i64(),
            submitted: time("submit").or(time("dateCreated")),
            started: time("start"),
            ended: time("complete"),
        }
    }

    fn is_open(&self) -> bool {
        !ENDS.contains(&self.status.as_str()) && self.status != "UNKNOWN"
    }

    /// When it came to a status.
    fn when(&self, status: &str) -> Option<DateTime<Utc>> {
        match status {
            "SUBMITTED" => self.submitted,
            "RUNNING" => self.started,
            _ => self.ended,
        }
    }

    /// The statuses of a rule that it has come to since then.
    fn come_to(&self, rule: &Run, since: DateTime<Utc>) -> Vec<String> {
        let fits = rule.labels.iter().all(|label| self.labels.contains(label))
            && (rule.exit.is_empty() || self.exit.is_some_and(|exit| rule.exit.contains(&exit)))
            && (rule.pipeline.is_empty()
                || rule.pipeline.iter().any(|wanted| {
                    self.pipelines
                        .iter()
                        .any(|pipeline| is_pipeline(wanted, pipeline))
                }));
        if !fits {
            return Vec::new();
        }
        let wanted = |status: &str| match rule.status.is_empty() {
            true => ENDS.contains(&status),
            false => rule.status.iter().any(|wanted| wanted == status),
        };
        // What it has been since, too: it may have passed while nobody looked.
        let passed = [("SUBMITTED", self.submitted), ("RUNNING", self.started)];
        let passed = passed.into_iter().filter(|(_, time)| time.is_some());
        let mut all: Vec<_> = passed.map(|(status, _)| status.to_owned()).collect();
        if !all.contains(&self.status) {
            all.push(self.status.clone());
        }
        all.retain(|status| wanted(status));
        // Where the server tells no time it is taken as new.
        all.retain(|status| self.when(status).is_none_or(|time| time >= since));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_new_where_it_came_to_a_status_after_the_rule_began() {
        let time = |hour: i64| DateTime::<Utc>::UNIX_EPOCH + TimeDelta::hours(hour);
        let facts = Facts {
            status: "FAILED".to_owned(),
            pipelines: vec!["rnaseq".to_owned(), "https://x/nf-core/rnaseq".to_owned()],
            labels: vec!["auto".to_owned(), "run=7".to_owned()],
            exit: Some(137),
            submitted: Some(time(1)),
            started: Some(time(2)),
            ended: Some(time(9)),
        };
        let rule = |status: &[&str], labels: &[&str], exit: &[i64]| Run {
            pipeline: vec!["nf-core/rnaseq".to_owned()],
            status: status.iter().map(|text| (*text).to_owned()).collect(),
            labels: labels.iter().map(|text| (*text).to_owned()).collect(),
            exit: exit.to_vec(),
            ..Run::default()
        };
        let table: [(Run, i64, &[&str]); 8] = [
            (rule(&[], &[], &[]), 5, &["FAILED"]),
            (rule(&[], &[], &[]), 10, &[]),
            (
                rule(&["FAILED"], &["auto", "run=7"], &[137, 140]),
                5,
                &["FAILED"],
            ),
            (rule(&["FAILED"], &["other"], &[]), 5, &[]),
            (rule(&["FAILED"], &[], &[1]), 5, &[]),
            (rule(&["SUCCEEDED"], &[], &[]), 5, &[]),
            (
                rule(&["RUNNING", "FAILED"], &[], &[]),
                0,
                &["RUNNING", "FAILED"],
            ),
            (rule(&["SUBMITTED", "RUNNING"], &[], &[]), 2, &["RUNNING"]),
        ];
        for (rule, since, expected) in table {
            assert_eq!(
                facts.come_to(&rule, time(since)),
                expected,
                "{rule:?} {since}"
            );
        }
    }
}
