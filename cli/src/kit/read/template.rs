//! An item that stands in another form of file, with templates that are filled later.

use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::{Raw, Reader, Reading};
use crate::kit::item::Item;
use crate::kit::kinds;
use crate::kit::problem::{Mark, Problem};
use crate::kit::secrets::Secrets;
use crate::kit::variables::{Used, is_template};
use crate::kit::yaml::Node;

/// How texts of items are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texts {
    /// With variables, and quotes of a shell.
    WithVariables,
    /// With variables outside of templates; what has templates is checked when they are filled.
    Templates,
}

/// An item whose templates are not filled yet.
#[derive(Debug, Default)]
pub(crate) struct Template {
    pub fields: Map<String, Value>,
    pub problems: Vec<Problem>,
    pub notes: Vec<String>,
    pub secrets: Secrets,
}

impl Reading {
    /// The keys of an item, as far as they can be read while its templates are not filled; and what is
    /// to be said of it.
    pub(crate) fn template(&self, block: &str, node: &Rc<Node>, file: &str) -> Template {
        let mut reader = Reader::new(self, Texts::Templates);
        reader.begin(file);
        if let Some(kind) = kinds::rank(block).and_then(|rank| kinds::KINDS.get(rank)) {
            let raw = Raw {
                value: node.value(),
                node: node.clone(),
                file: 0,
            };
            reader.item(kind, &raw);
        }
        let item = reader.set.items.pop();
        if let Some(item) = &item {
            reader.read_ahead(item, node.mark);
        }
        Template {
            fields: item.map(|item| item.fields).unwrap_or_default(),
            problems: reader.problems,
            notes: reader.set.notes,
            secrets: reader.set.secrets,
        }
    }
}

impl Reader<'_> {
    /// Reads the files of parameters whose names are known by now, for mistakes and secrets in them. They
    /// are read again when the item is made.
    fn read_ahead(&mut self, item: &Item, mark: Mark) {
        let files = kinds::several(item, "params-file");
        let is_read = item.fields.contains_key("params") && !files.is_empty();
        if !is_read || self.lacks_file || files.iter().any(|file| is_template(file)) {
            return;
        }
        let (mut ahead, mut used) = (item.clone(), Used::default());
        // The parameters themselves may be known only with the event.
        ahead.fields.insert("params".to_owned(), json!({"": true}));
        if let Err(problem) = kinds::complete_params(&mut ahead, &self.reading.variables, &mut used)
        {
            self.complain(mark, problem);
        }
        self.remember(used, false);
    }
}
