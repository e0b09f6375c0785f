//! An item of a block: which command makes it, with which keys.

use serde_json::{Map, Value};

use super::{Raw, Reader, Texts};
use crate::kit::additional::OWN;
use crate::kit::item::{Item, OnExists};
use crate::kit::keys::{self, Key, nearest};
use crate::kit::kinds::{self, Kind};
use crate::kit::problem::Mark;
use crate::kit::variables::Used;
use crate::kit::yaml::{Content, Entry};

impl Reader<'_> {
    pub(super) fn item(&mut self, kind: &'static Kind, raw: &Raw) {
        let mark = raw.node.mark;
        let Content::Map(entries) = &raw.node.content else {
            self.complain(
                mark,
                format!("an item of `{}` is a map of its keys", kind.block),
            );
            return;
        };
        let problems = self.problems.len();
        let Some((variant, path)) = self.variant(kind, entries, mark) else {
            return;
        };
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let Some(keys) = keys::of(&path) else {
            self.complain(mark, format!("`{}` is no command", told(&path)));
            return;
        };
        let keys: Vec<Key> = keys.iter().cloned().chain((kind.extra)(&variant)).collect();
        self.lacks_file = false;
        let mut fields = Map::new();
        let mut on_exists = None;
        for entry in entries {
            if ["on_exists", "on-exists", "overwrite"].contains(&entry.key.as_str()) {
                self.on_exists(entry, &mut on_exists);
                continue;
            }
            // The extra ones come last, and stand in for those of the command.
            let Some(key) = keys.iter().rfind(|key| key.name == entry.key) else {
                self.unknown(entry, &keys, &path);
                continue;
            };
            if let Some(value) = self.value(kind, key, entry) {
                fields.insert(key.name.clone(), value);
            }
        }
        if let Some(organization) = fields.remove("org") {
            fields.insert("organization".to_owned(), organization);
        }
        if kind.scope == kinds::Scope::Workspace
            && let Some(workspace) = &self.reading.workspace
        {
            let entry = fields.entry("workspace".to_owned());
            entry.or_insert_with(|| workspace.as_str().into());
        }
        let mut item = Item {
            kind,
            variant,
            fields,
            on_exists: self.reading.on_exists.or(on_exists).unwrap_or_default(),
            place: self.place(mark),
            number: self.set.items.len(),
        };
        let mut used = Used::default();
        let is_whole = self.texts != Texts::Templates;
        if is_whole
            && !self.lacks_file
            && let Err(problem) = (kind.complete)(&mut item, &self.reading.variables, &mut used)
        {
            self.complain(mark, problem);
        }
        self.remember(used, false);
        let has = |name: &str| {
            item.fields.contains_key(name) || entries.iter().any(|entry| entry.key == name)
        };
        let missing: Vec<_> = (keys.iter())
            .filter(|key| key.required && key.name != "org" && !has(&key.name))
            .filter(|key| {
                !keys
                    .iter()
                    .any(|other| other.name == key.name && !other.required)
            })
            .map(|key| format!("`{}`", key.name))
            .collect();
        // What is missing may stand in the file.
        if !missing.is_empty() && !self.lacks_file {
            self.complain(
                mark,
                format!("{} of `{}` must be given", missing.join(", "), kind.block),
            );
        }
        if is_whole
            && self.problems.len() == problems
            && let Err(error) = (kind.check)(&item)
        {
            self.complain(mark, error.to_string());
        }
        let raw_name = ["name", "user", "email"]
            .iter()
            .find_map(|key| raw.value[*key].as_str());
        let names = [raw_name.unwrap_or_default().to_owned(), item.name()];
        if self.reading.wants_item(kind.block, &names) {
            self.set.items.push(item);
        }
    }

    /// The words that choose the command, and the whole path of it.
    fn variant(
        &mut self,
        kind: &'static Kind,
        entries: &[Entry],
        mark: Mark,
    ) -> Option<(String, Vec<String>)> {
        let base = || kind.command.iter().map(|word| (*word).to_owned());
        let words = keys::words_after(kind.command);
        if words.is_empty() {
            return Some((String::new(), base().collect()));
        }
        let find = |name: &str| entries.iter().find(|entry| entry.key == name);
        let text = |name: &str| match find(name).map(|entry| &entry.node.content) {
            Some(Content::Scalar(Value::String(text))) => Some(text.trim().to_lowercase()),
            _ => None,
        };
        let Some(wanted) = text("type") else {
            if find("file-path").is_some() && kind.import.is_some() {
                let path = kind.import.unwrap_or_default();
                return Some((
                    String::new(),
                    path.iter().map(|word| (*word).to_owned()).collect(),
                ));
            }
            let at = find("type").map_or(mark, |entry| entry.mark);
            self.complain(
                at,
                format!(
                    "`type` of `{}` must be one of {}",
                    kind.block,
                    words.join(", ")
                ),
            );
            return None;
        };
        let at = find("type").map_or(mark, |entry| entry.node.mark);
        let mut parts: Vec<String> = wanted.split_whitespace().map(str::to_owned).collect();
        parts.extend(text("config-mode"));
        parts.dedup();
        let mut path: Vec<String> = base().collect();
        for part in &parts {
            let here: Vec<&str> = path.iter().map(String::as_str).collect();
            let words = keys::words_after(&here);
            if words.is_empty() {
                // A mode where there are none says nothing.
                break;
            }
            if !words.contains(&part.as_str()) {
                let hint = nearest(part, words.iter().copied());
                let hint = hint
                    .map(|near| format!(" (is `{near}` meant?)"))
                    .unwrap_or_default();
                self.complain(
                    at,
                    format!("`{part}` is none of {}{hint}", words.join(", ")),
                );
                return None;
            }
            path.push(part.clone());
        }
        let here: Vec<&str> = path.iter().map(String::as_str).collect();
        let modes = keys::words_after(&here);
        if !modes.is_empty() {
            self.complain(
                at,
                format!(
                    "`config-mode` of {wanted} must be one of {}",
                    modes.join(", ")
                ),
            );
            return None;
        }
        Some((path[kind.command.len()..].join(" "), path))
    }

    fn on_exists(&mut self, entry: &Entry, chosen: &mut Option<OnExists>) {
        let value = entry.node.value();
        let said = match (entry.key.as_str(), &value) {
            (_, Value::Null) => return,
            ("overwrite", Value::Bool(false)) => OnExists::Fail,
            ("overwrite", Value::Number(number)) if number.as_f64() == Some(0.0) => OnExists::Fail,
            ("overwrite", Value::String(text)) if text.is_empty() => OnExists::Fail,
            ("overwrite", _) => OnExists::Overwrite,
            (_, Value::Bool(_)) => OnExists::Fail,
            (_, value) => match value.as_str().unwrap_or_default().parse() {
                Ok(said) => said,
                Err(problem) => {
                    return self.complain(entry.node.mark, format!("`{}`: {problem}", entry.key));
                }
            },
        };
        if entry.key == "overwrite" || chosen.is_none() {
            *chosen = Some(said);
        }
    }

    fn unknown(&mut self, entry: &Entry, keys: &[Key], path: &[&str]) {
        let names = || keys.iter().map(|key| key.name.as_str());
        let hint = match nearest(&entry.key, names()) {
            Some(near) => format!("is `{near}` meant?"),
            None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        };
        self.complain(
            entry.mark,
            format!("`{}` is no key of `{}`: {hint}", entry.key, told(path)),
        );
    }
}

/// The path of a command as messages have it; one that is not on the command line is its block.
fn told(path: &[&str]) -> String {
    match path {
        [OWN, block] => (*block).to_owned(),
        path => path.join(" "),
    }
}
