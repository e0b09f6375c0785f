//! Which items need which others, and the order that comes of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kit::item::{self, Item};
use crate::kit::kinds::{self, Reference, Scope};
use crate::kit::platform::Platform;
use crate::kit::problem::{Error, Problem, Result};
use crate::kit::read::Set;
use crate::kit::variables::{Output, fill};

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

    pub(super) fn of(&self, block: &'static str, home: &str, name: &str) -> Option<usize> {
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

    /// What a reference to an output stands for, as far as it is known.
    fn value(&self, from: &Item, output: &Output, platform: &Platform) -> Option<String> {
        let other = &self.set.items[self.output(from, output)?];
        let found = platform.find(other.kind.block, other.scope(), &other.name())?;
        match (&found.raw[&output.field], output.field.as_str()) {
            (Value::String(text), _) => Some(text.clone()),
            (Value::Null, "id") => Some(found.id.clone()),
            (Value::Null, field) => {
                let told = (other.kind.output)(other, field)?;
                platform.hush(&told);
                Some(told)
            }
            (other, _) => Some(other.to_string()),
        }
    }

    /// The first reference of an item that stands for nothing that is known.
    pub(crate) fn unknown(&self, item: &Item, platform: &Platform) -> Option<String> {
        let outputs = item.outputs().into_iter();
        let mut unknown = outputs.filter(|output| self.value(item, output, platform).is_none());
        let Output { block, name, field } = unknown.next()?;
        Some(format!("`${{{block}.{name}.{field}}}`"))
    }

    /// The items that an item needs.
    pub(super) fn needs(&self, item: &Item, problems: &mut Vec<Problem>) -> BTreeSet<usize> {
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
    pub(super) fn makes(&self, scope: Scope, home: &str) -> bool {
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
pub(super) fn order(set: &Set, needs: &[BTreeSet<usize>]) -> Result<Vec<usize>> {
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
    item::map_texts(&mut fields, &mut |text| {
        *text = fill(text, &|output| graph.value(item, output, platform));
    });
    if let Value::Object(fields) = fields {
        filled.fields = fields;
    }
    filled
}
