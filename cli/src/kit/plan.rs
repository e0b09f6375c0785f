//! What would happen: each item of the files against what is there.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use futures_util::stream;
use serde::Serialize;
use serde_json::{Value, json};

use super::compare::Change;
use super::item::{Item, OnExists};
use super::kinds::{self, Kind, Reference, Scope};
use super::platform::{Home, Platform, Present};
use super::problem::{Error, Place, Problem, Result};
use super::read::Set;
use super::secrets::{HIDDEN, Secrets};
use super::state::State;
use super::variables::{Output, fill};
use super::{Kit, Options};

/// What happens to the thing that an item says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is deleted and made anew.
    Replace,
    /// It is launched.
    Launch,
    /// It is deleted.
    Delete,
    /// Nothing: it differs in what can't be changed.
    Immutable,
    /// Nothing: it is there, or can't be read, and that is a failure.
    Refused,
    /// Nothing: it is there, and the item says to leave it.
    Ignore,
    /// Nothing: it is as it is to be.
    Same,
}

impl Action {
    /// Whether the Platform is changed.
    pub fn changes(self) -> bool {
        !matches!(
            self,
            Self::Immutable | Self::Refused | Self::Ignore | Self::Same
        )
    }

    /// The sign that tells it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Launch => ">",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Delete => "-",
            Self::Immutable | Self::Refused => "!",
            Self::Ignore | Self::Same => "=",
        }
    }
}

/// What happens to one thing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// The block of its item.
    pub block: &'static str,
    /// Its name.
    pub name: String,
    /// The organization or workspace that it belongs to; empty is the Platform, or the user.
    pub home: String,
    /// The fields that differ, for people: without secrets, with names in the place of ids.
    pub changes: Vec<Change>,
    /// Fields that can't be read back.
    pub unknown: Vec<String>,
    /// What else is to be said.
    pub note: Option<String>,
    /// Where its item stands.
    pub place: Place,
    pub(crate) item: usize,
    pub(crate) present: Option<Present>,
    /// The steps that must have been carried out before.
    pub(crate) needs: BTreeSet<usize>,
}

impl Step {
    /// How messages name it.
    pub fn label(&self) -> String {
        match self.home.as_str() {
            "" => format!("{} {}", self.block, self.name),
            home => format!("{} {} ({home})", self.block, self.name),
        }
    }

    /// As a value, for programs.
    pub fn value(&self) -> Value {
        let changes = self.changes.iter().map(|change| {
            json!({
                "field": change.field,
                "old": change.old,
                "new": change.new,
                "immutable": change.immutable,
            })
        });
        crate::output::without_nulls(json!({
            "action": self.action,
            "block": self.block,
            "name": self.name,
            "in": (!self.home.is_empty()).then_some(&self.home),
            "changes": changes.collect::<Vec<_>>(),
            "unknown": self.unknown,
            "note": self.note,
            "place": self.place.to_string(),
        }))
    }
}

/// What would happen.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Plan {
    /// The steps, in an order in which they can be carried out.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether all is as the files say.
    pub fn is_empty(&self) -> bool {
        let same = |step: &Step| matches!(step.action, Action::Same | Action::Ignore);
        self.steps.iter().all(same)
    }

    /// How many steps are of each action.
    pub fn count(&self, action: Action) -> usize {
        self.steps
            .iter()
            .filter(|step| step.action == action)
            .count()
    }

    /// Tells this plan, of these files, from others.
    pub fn fingerprint(&self, set: &Set) -> String {
        let texts: Vec<_> = set.texts.iter().map(|(_, text)| text.as_str()).collect();
        let told = json!({"plan": self.value(), "texts": texts});
        kinds::fingerprint(told.to_string().as_bytes())
    }

    /// As a value, for programs: all steps.
    pub fn value(&self) -> Value {
        let steps: Vec<_> = self.steps.iter().map(Step::value).collect();
        json!({"steps": steps})
    }
}

/// The items by what they are called, and what each of them needs.
pub(crate) struct Graph<'a> {
    set: &'a Set,
    named: BTreeMap<(&'static str, String, String), usize>,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(set: &'a Set) -> Self {
        let named = set.items.iter().enumerate().map(|(number, item)| {
            let id = (item.kind.block, item.scope().to_owned(), item.name());
            (id, number)
        });
        Self {
            set,
            named: named.collect(),
        }
    }

    fn of(&self, block: &'static str, home: &str, name: &str) -> Option<usize> {
        let id = (block, home.to_owned(), name.to_owned());
        self.named.get(&id).copied()
    }

    /// The item that a reference to an output names: of its own place, else the only one anywhere.
    pub(crate) fn output(&self, from: &Item, output: &Output) -> Option<usize> {
        let rank = kinds::rank(&output.block)?;
        let block = kinds::KINDS[rank].block;
        self.of(block, from.scope(), &output.name).or_else(|| {
            let mut all = self.set.items.iter().enumerate();
            let found =
                all.find(|(_, item)| item.kind.block == block && item.name() == output.name);
            found.map(|(number, _)| number)
        })
    }

    /// The items that an item needs.
    fn needs(&self, item: &Item, problems: &mut Vec<Problem>) -> BTreeSet<usize> {
        let mut needs = BTreeSet::new();
        for reference in references(item) {
            needs.extend(self.of(reference.block, &reference.home, &reference.name));
        }
        for output in item.outputs() {
            match self.output(item, &output) {
                Some(number) => {
                    needs.insert(number);
                }
                None => problems.push(Problem {
                    place: item.place.clone(),
                    text: format!(
                        "`${{{}.{}.{}}}` names nothing that the files make",
                        output.block, output.name, output.field
                    ),
                }),
            }
        }
        needs.retain(|number| *number != item.number);
        needs
    }

    /// Whether the files make a place.
    fn makes(&self, scope: Scope, home: &str) -> bool {
        match (scope, home.split_once('/')) {
            (Scope::Organization, _) => self.of("organizations", "", home).is_some(),
            (Scope::Workspace, Some((organization, name))) => self
                .of("workspaces", organization.trim(), name.trim())
                .is_some(),
            _ => false,
        }
    }
}

/// What an item names, and the places that it stands in.
fn references(item: &Item) -> Vec<Reference> {
    let mut all = (item.kind.references)(item);
    if item.kind.scope == Scope::Workspace
        && let Some((organization, name)) = item.scope().split_once('/')
    {
        let places = [
            ("organizations", "", organization),
            ("workspaces", organization, name),
        ];
        all.extend(places.map(|(block, home, name)| Reference {
            block,
            home: home.trim().to_owned(),
            name: name.trim().to_owned(),
            required: false,
        }));
    }
    all
}

/// An order in which each item comes after those it needs, and blocks in their order.
fn order(set: &Set, needs: &[BTreeSet<usize>]) -> Result<Vec<usize>> {
    let mut order = Vec::with_capacity(needs.len());
    let mut placed = vec![false; needs.len()];
    let mut waiting: Vec<usize> = (0..needs.len()).collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|number| {
            let ready = needs[*number].iter().all(|need| placed[*need]);
            if ready {
                placed[*number] = true;
                order.push(*number);
            }
            !ready
        });
        if waiting.len() == before {
            let problems = waiting.into_iter().map(|number| Problem {
                place: set.items[number].place.clone(),
                text: "this needs what needs this itself".to_owned(),
            });
            return Err(Error::Invalid(problems.collect()));
        }
    }
    Ok(order)
}

/// An item with what is known of the fields of others that it names.
pub(crate) fn filled(item: &Item, graph: &Graph<'_>, platform: &Platform) -> Item {
    let mut filled = item.clone();
    let mut fields = Value::Object(std::mem::take(&mut filled.fields));
    super::item::map_texts(&mut fields, &mut |text| {
        *text = fill(text, &|output| {
            let other = &graph.set.items[graph.output(item, output)?];
            let found = platform.find(other.kind.block, other.scope(), &other.name())?;
            match (&found.raw[&output.field], output.field.as_str()) {
                (Value::String(text), _) => Some(text.clone()),
                (Value::Null, "id") => Some(found.id),
                (Value::Null, _) => None,
                (other, _) => Some(other.to_string()),
            }
        });
    });
    if let Value::Object(fields) = fields {
        filled.fields = fields;
    }
    filled
}

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
        let mut plan = Plan::default();
        for number in &order {
            let item = &set.items[*number];
            let mut step = step_of(item);
            match self.platform.listed(item.kind.block, item.scope()) {
                Err(error) => refuse(&mut step, format!("it can't be read: {error}")),
                Ok(_) if item.kind.runs_always => step.note = Some("runs stay".to_owned()),
                Ok(_) => {
                    step.present = self.find(item);
                    step.action = match step.present {
                        Some(_) => Action::Delete,
                        None => Action::Same,
                    };
                }
            }
            // What needs a thing goes before it.
            let needing = needs
                .iter()
                .enumerate()
                .filter(|(_, needs)| needs.contains(number));
            step.needs = needing
                .filter_map(|(number, _)| places.get(&number).copied())
                .collect();
            self.tell(&mut step, &set.secrets);
            plan.steps.push(step);
        }
        Ok(plan)
    }

    pub(crate) fn find(&self, item: &Item) -> Option<Present> {
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
                    || self.platform.listed(block, home).is_err();
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
            .listed(kind.block, item.scope())
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
        let present = match (kind.describe)(&self.platform, home, Some(item), present).await {
            Ok(present) => present,
            // It went after the list was read.
            Err(Error::Platform(error)) if error.is_not_found() => {
                step.present = None;
                step.action = Action::Create;
                return Ok(());
            }
            Err(error) => return Err(unreadable(&error)),
        };
        let item = filled(item, graph, &self.platform);
        let desired = (kind.desired)(&item, home, &self.platform);
        let desired = desired.map_err(|error| error.to_string())?;
        let compared = (kind.compare)(kind, &item, &present.state, &desired);
        let compared = compared.map_err(|error| error.to_string())?;
        step.present = Some(present);
        step.changes = compared.changes;
        step.unknown = compared.unknown;
        if self.options.update_secrets {
            step.changes
                .extend(step.unknown.drain(..).map(secret_change));
        }
        let immutable = step.changes.iter().any(|change| change.immutable);
        step.action = match item.on_exists {
            _ if step.changes.is_empty() => Action::Same,
            OnExists::Overwrite => Action::Replace,
            _ if immutable && self.options.replace => Action::Replace,
            _ if immutable => {
                step.note = Some(
                    "can't be changed in place: `on_exists: overwrite` or --replace make it anew"
                        .to_owned(),
                );
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

impl Default for Options {
    fn default() -> Self {
        Self {
            replace: false,
            update_secrets: false,
            launch_once: None,
            at_once: 16,
        }
    }
}
