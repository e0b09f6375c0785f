//! Which runs of rules with `at_once` have ended: one list of each workspace tells.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Engine, judge, locked};
use crate::kit::Scope;
use crate::rules::actions::Outcome;

impl Engine {
    /// Looks which runs have ended, if it is time. What goes wrong is tried again.
    pub(super) async fn look_for_ends(&self) {
        if locked(&self.held).is_empty() {
            return;
        }
        let now = self.clock.now();
        {
            let mut last = locked(&self.looked_for_ends);
            let is_time = last.is_none_or(|last| {
                (now - last)
                    .to_std()
                    .is_ok_and(|since| since >= self.settings.ends_every)
            });
            if !is_time {
                return;
            }
            *last = Some(now);
        }
        let names: Vec<String> = {
            let rules = self.rules.borrow();
            let limited = rules
                .rules
                .iter()
                .filter(|rule| rule.limit.at_once.is_some());
            limited.map(|rule| rule.name.clone()).collect()
        };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let runs = match names.is_empty() {
            true => return,
            false => self.state.going_on(&names).await.unwrap_or_default(),
        };
        let mut by_place: BTreeMap<String, Vec<(String, DateTime<Utc>)>> = BTreeMap::new();
        for (id, workspace, launched) in runs {
            by_place.entry(workspace).or_default().push((id, launched));
        }
        let mut any = false;
        for (workspace, runs) in by_place {
            match self.ends_in(&workspace, &runs).await {
                Ok(ended) if ended.is_empty() => {}
                Ok(ended) => {
                    let ended: Vec<&str> = ended.iter().map(String::as_str).collect();
                    any |= self.state.ended(&ended).await.is_ok();
                }
                Err(Outcome::Nobody(why)) => self.meet(why),
                Err(_) => {}
            }
        }
        if any {
            locked(&self.held).clear();
            self.wake();
        }
    }

    /// Those of some runs of a workspace that have ended.
    async fn ends_in(
        &self,
        workspace: &str,
        runs: &[(String, DateTime<Utc>)],
    ) -> Result<Vec<String>, Outcome> {
        let platform = self.platform().map_err(Outcome::Nobody)?;
        let home = platform.home(Scope::Workspace, workspace).await;
        let home = home.map_err(|error| judge::of_kit(&error))?;
        let Some(home) = home else {
            return Ok(Vec::new());
        };
        let mut wanted: BTreeSet<&str> = runs.iter().map(|(id, _)| id.as_str()).collect();
        let first = runs.iter().map(|(_, launched)| *launched).min();
        let mut ended = Vec::new();
        let call = platform
            .client
            .list_workflows()
            .workspace_id(home.workspace);
        let mut list = call.stream();
        while !wanted.is_empty()
            && let Some(listed) = list
                .try_next()
                .await
                .map_err(|error| judge::of_look(&error))?
        {
            let run = listed.workflow.unwrap_or_default();
            let submitted = run.submit.as_ref().map(|time| time.to_utc());
            if wanted.remove(run.id.as_deref().unwrap_or_default()) {
                if run
                    .status
                    .as_ref()
                    .is_some_and(seqera::types::WorkflowStatus::is_end)
                {
                    ended.extend(run.id);
                }
            } else if let (Some(submitted), Some(first)) = (submitted, first)
                && submitted + chrono::Duration::hours(1) < first
            {
                // The newest come first.
                break;
            }
        }
        // One that is in no list is gone, unless it is so new that the list is late.
        let old = self.clock.now() - chrono::Duration::minutes(10);
        let gone = runs
            .iter()
            .filter(|(id, launched)| wanted.contains(id.as_str()) && *launched < old);
        ended.extend(gone.map(|(id, _)| id.clone()));
        Ok(ended)
    }
}
