//! What happens to each item: what it says against what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use serde_json::Value;

use super::graph::{Graph, filled, order};
use super::{Action, Plan, Step};
use crate::kit::Kit;
use crate::kit::compare::{Change, is_listed};
use crate::kit::item::{Item, OnExists};
use crate::kit::kinds::{self, Kind, Reference, Scope};
use crate::kit::platform::{Home, Present};
use crate::kit::problem::{Error, Place, Problem, Result};
use crate::kit::read::Set;
use crate::kit::secrets::{HIDDEN, Secrets};
use crate::kit::state::State;

impl Kit {
    /// What would happen to bring the Platform to what files say. Nothing is changed.
    ///
    /// # Errors
    /// The files name what is nowhere, or the Platform can't be reached.
    pub async fn plan(&self, set: &Set, state: Option<&State>) -> Result<Plan> {
        let graph = Graph::new(set);
        let mut problems = Vec::new();
        let needs: Vec<_> = set
            .items
            .iter()
            .map(|item| graph.needs(item, &mut problems))
            .collect();
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let order = order(set, &needs)?;
        let homes = self.read_lists(set, &graph, true).await?;
        self.check_references(set, &graph)?;
        let steps = order.iter().map(|number| {
            let item = &set.items[*number];
            let graph = &graph;
            let home = homes.get(&(item.kind.scope as u8, item.scope().to_owned()));
            async move {
                let mut step = self.step(item, graph, home.and_then(Option::as_ref)).await;
                if let (Action::Launch, Some(state)) = (step.action, state)
                    && let Some(run) = self
                        .options
                        .launch_once
                        .as_ref()
                        .and_then(|key| state.launched(key, item))
                {
                    step.action = Action::Same;
                    step.note = Some(format!("was launched: {run}"));
                }
                if let Some(state) = state {
                    self.look_at_secrets(&mut step, item, state);
                }
                step
            }
        });
        let steps: Vec<Step> = stream::iter(steps)
            .buffered(self.options.at_once)
            .collect()
            .await;
        // Needs are of items; those of steps are by where they stand in the plan.
        let places: BTreeMap<usize, usize> = order
            .iter()
            .enumerate()
            .map(|(place, number)| (*number, place))
            .collect();
        let mut plan = Plan { steps };
        for step in &mut plan.steps {
            let of = |number: &usize| places.get(number).copied();
            step.needs = needs[step.item].iter().filter_map(of).collect();
            self.tell(step, &set.secrets);
        }
        Ok(plan)
    }

    /// What would happen to delete what files name. Nothing is changed.
    ///
    /// # Errors
    /// The Platform can't be reached.
    pub async fn plan_deletion(&self, set: &Set) -> Result<Plan> {
        let graph = Graph::new(set);
        let needs: Vec<_> = set
            .items
            .iter()
            .map(|item| graph.needs(item, &mut Vec::new()))
            .collect();
        let mut order = order(set, &needs)?;
        order.reverse();
        self.read_lists(set, &graph, false).await?;
        let places: BTreeMap<usize, usize> = order
            .iter()
            .enumerate()
            .map(|(place, number)| (*number, place))
            .collect();
        let mut needing: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, needs) in needs.iter().enumerate() {
            for need in needs {
                needing.entry(*need).or_default().push(number);
            }
        }
        let mut plan = Plan::default();
        for number in &order {
            let item = &set.items[*number];
            let mut step = step_of(item);
            let is_readable = self.platform.is_readable(item.kind.block, item.scope());
            match (is_readable, item.kind.stays) {
                (_, Some(stays)) => {
                    step.action = Action::Ignore;
                    step.note = Some(stays.to_owned());
                }
                (Err(error), _) => refuse(&mut step, format!("it can't be read: {error}")),
                (Ok(()), None) => {
                    step.present = self.find(item);
                    step.action = match step.present {
                        Some(_) => Action::Delete,
                        None => Action::Same,
                    };
                }
            }
            // What needs a thing goes before it.
            let needing = needing.get(number).into_iter().flatten();
            step.needs = needing
                .filter_map(|number| places.get(number).copied())
                .collect();
            self.tell(&mut step, &set.secrets);
            plan.steps.push(step);
        }
        Ok(plan)
    }

    pub(crate) fn find(&self, item: &Item) -> Option<Arc<Present>> {
        self.platform
            .find(item.kind.block, item.scope(), &item.name())
    }

    /// Reads the lists that items and what they name stand in. The places of items.
    async fn read_lists(
        &self,
        set: &Set,
        graph: &Graph<'_>,
        all: bool,
    ) -> Result<BTreeMap<(u8, String), Option<Home>>> {
        let mut wanted: BTreeMap<(usize, String), Place> = BTreeMap::new();
        for item in &set.items {
            let mut want = |block: &str, home: &str| {
                if let Some(rank) = kinds::rank(block) {
                    wanted
                        .entry((rank, home.to_owned()))
                        .or_insert_with(|| item.place.clone());
                }
            };
            want(item.kind.block, item.scope());
            if item.kind.asks {
                let platform = &self.platform;
                platform.ask(item.kind.block, item.scope(), item.name());
            }
            let named = (item.kind.references)(item).into_iter();
            for reference in named.filter(|one| all && (one.required || one.block == "data-links"))
            {
                // The organizations are known from the user's.
                if reference.block != "organizations" {
                    want(reference.block, &reference.home);
                }
            }
        }
        let mut homes = BTreeMap::new();
        let mut problems = Vec::new();
        let mut lists = Vec::new();
        for ((rank, text), place) in wanted {
            let kind: &'static Kind = &kinds::KINDS[rank];
            let home = self.platform.home(kind.scope, &text).await?;
            match &home {
                Some(home) => lists.push((kind, home.clone())),
                None if graph.makes(kind.scope, &text) || !all => {
                    self.platform.is_empty(kind, &text)
                }
                None => problems.push(Problem {
                    place,
                    text: match kind.scope {
                        Scope::Organization => {
                            format!("there is no organization `{text}`, and the files make none")
                        }
                        _ => format!("there is no workspace `{text}`, and the files make none"),
                    },
                }),
            }
            homes.insert((kind.scope as u8, text), home);
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let reads = lists
            .iter()
            .map(|(kind, home)| self.platform.load(kind, home));
        stream::iter(reads)
            .buffer_unordered(self.options.at_once)
            .collect::<()>()
            .await;
        Ok(homes)
    }

    /// Finds what is named and is nowhere.
    fn check_references(&self, set: &Set, graph: &Graph<'_>) -> Result<()> {
        let mut problems = Vec::new();
        for item in &set.items {
            for reference in (item.kind.references)(item) {
                let Reference {
                    block,
                    home,
                    name,
                    required,
                } = &reference;
                let known = !required
                    || *block == "organizations"
                    || graph.of(block, home, name).is_some()
                    || self.platform.find(block, home, name).is_some()
                    || self.platform.is_readable(block, home).is_err();
                if !known {
                    problems.push(Problem {
                        place: item.place.clone(),
                        text: format!(
                            "`{name}` is nowhere among the {block}, and the files make none"
                        ),
                    });
                }
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Error::Invalid(problems)),
        }
    }

    /// What happens to one item.
    async fn step(&self, item: &Item, graph: &Graph<'_>, home: Option<&Home>) -> Step {
        let mut step = step_of(item);
        if let Err(reason) = self.decide(item, graph, home, &mut step).await {
            refuse(&mut step, reason);
        }
        step
    }

    async fn decide(
        &self,
        item: &Item,
        graph: &Graph<'_>,
        home: Option<&Home>,
        step: &mut Step,
    ) -> Result<(), String> {
        let kind = item.kind;
        let unreadable = |error: &dyn std::fmt::Display| format!("it can't be read: {error}");
        self.platform
            .is_readable(kind.block, item.scope())
            .map_err(|error| unreadable(&error))?;
        if kind.runs_always {
            step.action = Action::Launch;
            return Ok(());
        }
        let (Some(present), Some(home)) = (self.find(item), home) else {
            step.action = Action::Create;
            return Ok(());
        };
        step.present = Some(present.clone());
        match item.on_exists {
            OnExists::Fail => return Err("it is there already (on_exists: fail)".to_owned()),
            OnExists::Ignore => {
                step.action = Action::Ignore;
                return Ok(());
            }
            OnExists::Update | OnExists::Overwrite => {}
        }
        let item = filled(item, graph, &self.platform);
        let desired = (kind.desired)(&item, home, &self.platform);
        let desired = desired.map_err(|error| error.to_string())?;
        let state = if is_listed(kind, &item, &present.state, &desired) {
            present.state.clone()
        } else {
            let present = Present::clone(&present);
            match (kind.describe)(&self.platform, home, Some(&item), present).await {
                Ok(present) => present.state,
                // It went after the list was read.
                Err(Error::Platform(error)) if error.is_not_found() => {
                    step.present = None;
                    step.action = Action::Create;
                    return Ok(());
                }
                Err(error) => return Err(unreadable(&error)),
            }
        };
        let compared = (kind.compare)(kind, &item, &state, &desired);
        let compared = compared.map_err(|error| error.to_string())?;
        step.changes = compared.changes;
        step.unknown = compared.unknown;
        if self.options.update_secrets {
            step.changes
                .extend(step.unknown.drain(..).map(secret_change));
        }
        let immutable = step.changes.iter().any(|change| change.immutable);
        step.action = match (item.on_exists, kind.stays) {
            _ if step.changes.is_empty() => Action::Same,
            (OnExists::Overwrite, None) => Action::Replace,
            (_, None) if immutable && self.options.replace => Action::Replace,
            (_, stays) if immutable => {
                let anew = "`on_exists: overwrite` or --replace make it anew";
                step.note = Some(format!(
                    "can't be changed in place: {}",
                    stays.unwrap_or(anew)
                ));
                Action::Immutable
            }
            _ => Action::Update,
        };
        Ok(())
    }

    /// Finds secrets that are others than those that were sent, where they were remembered.
    fn look_at_secrets(&self, step: &mut Step, item: &Item, state: &State) {
        if step.unknown.is_empty() || step.action != Action::Same {
            return;
        }
        if state.differs(item) {
            step.changes
                .extend(step.unknown.drain(..).map(secret_change));
            step.action = match item.on_exists {
                OnExists::Overwrite => Action::Replace,
                _ => Action::Update,
            };
        }
    }

    /// Makes a step fit for being told: names in the place of ids, no secrets.
    fn tell(&self, step: &mut Step, secrets: &Secrets) {
        for change in &mut step.changes {
            for value in [&mut change.old, &mut change.new] {
                if change.sensitive && !value.is_null() {
                    *value = HIDDEN.into();
                }
                if let Value::String(text) = value
                    && let Some(name) = self.platform.name_of(&step.home, text)
                {
                    *text = name;
                }
                secrets.hide_in(value);
                // What it is of is no text that anyone could read.
                if change.field == "content"
                    && let Value::String(fingerprint) = value
                {
                    fingerprint.truncate(12);
                    *fingerprint = format!("(SHA-256 {fingerprint}…)");
                }
            }
        }
        if let Some(note) = &mut step.note {
            *note = secrets.hide(note);
        }
    }
}

fn secret_change(field: String) -> Change {
    Change {
        field,
        old: "(unknown)".into(),
        new: HIDDEN.into(),
        immutable: false,
        sensitive: true,
    }
}

fn step_of(item: &Item) -> Step {
    Step {
        action: Action::Same,
        block: item.kind.block,
        name: item.name(),
        home: item.scope().to_owned(),
        changes: Vec::new(),
        unknown: Vec::new(),
        note: None,
        place: item.place.clone(),
        item: item.number,
        present: None,
        needs: BTreeSet::new(),
    }
}

fn refuse(step: &mut Step, reason: String) {
    step.action = Action::Refused;
    step.note = Some(reason);
}
