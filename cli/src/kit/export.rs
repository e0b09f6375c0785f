//! What is there, as files that say it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Map, Value};

use super::Kit;
use super::item::map_texts;
use super::kinds::{self, Scope};
use super::platform::{Home, Present};
use super::problem::{Error, Result};
use super::yaml;

/// Stands before the name of a variable that an exported text is.
pub const VARIABLE: char = '\u{E002}';

/// Files that say what is there.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Export {
    /// Texts by the paths of their files: one of YAML for each block, and those that items name.
    pub files: BTreeMap<String, String>,
    /// The variables that stand for secrets.
    pub variables: BTreeSet<String>,
    /// What is there and in no file, and why.
    pub notes: Vec<String>,
    /// How many items there are.
    pub items: usize,
}

impl Kit {
    /// Writes what organizations and workspaces have. Organizations are by name; workspaces are
    /// `organization/workspace`, or empty for the personal one. Only these blocks, or all.
    ///
    /// # Errors
    /// There is no such place, or the Platform can't be reached. What can't be read is noted.
    pub async fn export(
        &self,
        organizations: &[String],
        workspaces: &[String],
        blocks: &[String],
    ) -> Result<Export> {
        let mut export = Export::default();
        if let Some(unknown) = blocks.iter().find(|block| kinds::rank(block).is_none()) {
            return Err(Error::other(format!("there is no block `{unknown}`")));
        }
        let wants = |block: &str| blocks.is_empty() || blocks.iter().any(|one| one == block);
        let places = organizations
            .iter()
            .map(|name| (Scope::Organization, name))
            .chain(workspaces.iter().map(|name| (Scope::Workspace, name)));
        let mut homes: Vec<(Scope, Home)> = Vec::new();
        for (scope, name) in places {
            let home = self.platform.home(scope, name).await?;
            let mut home = home.ok_or_else(|| Error::other(format!("there is no `{name}`")))?;
            // Files name places by name.
            if let (Scope::Workspace, Some(id)) = (scope, home.workspace) {
                home.text = self.platform.workspace_name(id).await?.unwrap_or(home.text);
            }
            homes.push((scope, home));
        }
        let mut blocks: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
        if !organizations.is_empty() && wants("organizations") {
            let all = Home::default();
            let named = |name: &str| organizations.iter().any(|one| one == name);
            self.export_kind(0, &all, &named, &mut blocks, &mut export)
                .await;
        }
        // Names stand for ids of these.
        for (scope, home) in &homes {
            for block in ["credentials", "compute-envs", "data-links"] {
                if *scope == Scope::Workspace {
                    self.platform.load(kinds::of(block)?, home).await;
                }
            }
        }
        for (scope, home) in &homes {
            for (rank, kind) in kinds::KINDS.iter().enumerate() {
                let has_some = kind.personal || home.workspace.is_some();
                if kind.scope == *scope && wants(kind.block) && !kind.runs_always && has_some {
                    self.export_kind(rank, home, &|_| true, &mut blocks, &mut export)
                        .await;
                }
            }
        }
        for (rank, items) in blocks {
            let block = kinds::KINDS[rank].block;
            export.items += items.len();
            let mut text = format!("{block}:\n");
            for item in &items {
                write_item(item, &mut text);
            }
            export.files.insert(format!("{block}.yml"), text);
        }
        Ok(export)
    }

    async fn export_kind(
        &self,
        rank: usize,
        home: &Home,
        wants: &dyn Fn(&str) -> bool,
        blocks: &mut BTreeMap<usize, Vec<Value>>,
        export: &mut Export,
    ) {
        let kind = &kinds::KINDS[rank];
        self.platform.load(kind, home).await;
        let listed = match self.platform.listed(kind.block, &home.text) {
            Ok(listed) => listed,
            Err(error) => {
                export.notes.push(format!(
                    "{} of {} can't be read: {error}",
                    kind.block, home.text
                ));
                return;
            }
        };
        let named = |name: Option<&String>| wants(name.map(String::as_str).unwrap_or_default());
        let wanted = listed.into_iter().filter(|one| named(one.names.first()));
        let described = wanted.map(|present| async move {
            let name = present.names.first().cloned().unwrap_or_default();
            let present = Present::clone(&present);
            (
                name,
                (kind.describe)(&self.platform, home, None, present).await,
            )
        });
        let described: Vec<_> = stream::iter(described)
            .buffered(self.options.at_once)
            .collect()
            .await;
        for (name, present) in described {
            let mut files = Vec::new();
            let keys = present
                .and_then(|present| (kind.export)(&self.platform, home, &present, &mut files));
            match keys {
                Err(error) => export.notes.push(format!("{} {name}: {error}", kind.block)),
                Ok(mut keys) => {
                    let place = match kind.scope {
                        Scope::Organization => Some("organization"),
                        // Outside of workspaces it is the user's.
                        Scope::Workspace if !home.text.is_empty() => Some("workspace"),
                        Scope::Workspace | Scope::Platform => None,
                    };
                    if let Some(place) = place {
                        keys.insert(place.to_owned(), home.text.as_str().into());
                    }
                    protect(&mut keys, &mut export.variables);
                    blocks.entry(rank).or_default().push(Value::Object(keys));
                    for (path, text) in files {
                        self.add_file(export, path, text, &mut *blocks, rank);
                    }
                }
            }
        }
    }

    /// Adds a file that the last item of a kind names; another name where one of that path is there.
    fn add_file(
        &self,
        export: &mut Export,
        path: String,
        text: String,
        blocks: &mut BTreeMap<usize, Vec<Value>>,
        rank: usize,
    ) {
        let mut own = path.clone();
        let mut number = 1;
        while export.files.get(&own).is_some_and(|other| *other != text) {
            number += 1;
            let (stem, suffix) = path.rsplit_once('.').unwrap_or((&path, "txt"));
            own = format!("{stem}-{number}.{suffix}");
        }
        if own != path
            && let Some(item) = blocks.get_mut(&rank).and_then(|items| items.last_mut())
        {
            map_texts(item, &mut |value| {
                if *value == path {
                    own.clone_into(value);
                }
            });
        }
        export.files.insert(own, text);
    }
}

/// Makes texts such that they are read as they are, and names variables.
fn protect(keys: &mut Map<String, Value>, variables: &mut BTreeSet<String>) {
    for (key, value) in keys {
        let is_params = key == "params";
        map_texts(value, &mut |text| {
            if let Some(name) = text.strip_prefix(VARIABLE) {
                variables.insert(name.to_owned());
                *text = format!("${name}");
            } else if is_params {
                *text = text.replace('$', "$$");
            } else {
                *text = quoted(text);
            }
        });
    }
}

/// A text in which nothing is a variable, a command or a quote.
fn quoted(text: &str) -> String {
    let special = text.contains(['$', '%', '|', '<', '>', '&', '`']);
    let quotes = text.starts_with('\'') && text.ends_with('\'');
    let plain = !(special || quotes || text.starts_with('\\'));
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("'\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push_str("\"'");
    quoted
}

/// The keys that come first in an item.
const FIRST: [&str; 6] = ["name", "user", "type", "organization", "workspace", "url"];

/// Writes an item of a block.
fn write_item(item: &Value, text: &mut String) {
    let Value::Object(keys) = item else {
        return;
    };
    let first = FIRST.iter().filter_map(|key| keys.get_key_value(*key));
    let rest = keys
        .iter()
        .filter(|(key, _)| !FIRST.contains(&key.as_str()));
    for (number, (key, value)) in first.chain(rest).enumerate() {
        text.push_str(if number == 0 { "  - " } else { "    " });
        write_entry(key, value, 4, text);
    }
}

fn write_entry(key: &str, value: &Value, indent: usize, text: &mut String) {
    text.push_str(&scalar(&Value::from(key)));
    text.push(':');
    write_value(value, indent, text);
}

fn write_value(value: &Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent + 2);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            for (key, value) in fields {
                text.push_str(&margin);
                write_entry(key, value, indent + 2, text);
            }
        }
        Value::Array(items)
            if items
                .iter()
                .all(|item| !item.is_object() && !item.is_array()) =>
        {
            let items: Vec<_> = items.iter().map(scalar).collect();
            text.push_str(&format!(" [{}]\n", items.join(", ")));
        }
        Value::Array(_) => text.push_str(&format!(" {value}\n")),
        value => text.push_str(&format!(" {}\n", scalar(value))),
    }
}

/// A scalar as YAML of all versions reads it.
fn scalar(value: &Value) -> String {
    let Value::String(text) = value else {
        return value.to_string();
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "_./@+-= $".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || "/$".contains(c));
    let plain = begins
        && text.chars().all(fits)
        && !text.ends_with(' ')
        && yaml::read(&format!("a: {text}")).is_ok_and(|documents| {
            documents
                .first()
                .is_some_and(|one| one.value()["a"] == *value)
        });
    match plain {
        true => text.clone(),
        false => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::variables::{Used, Variables, expand};
    use serde_json::json;

    #[test]
    fn exported_texts_are_read_as_they_were() {
        for text in [
            "plain",
            "with $DOLLAR",
            "50% | 'x' \"y\" `z` \\",
            "'quoted'",
            "\\back",
            "a & b",
            "yes",
            "010",
            "1_000",
            "é: - #",
            "",
            "two\nlines\n",
            "12:30:00",
            "s3://a/b?c=1&d=2",
        ] {
            let written = scalar(&quoted(text).into());
            let read = yaml::read(&format!("a: {written}")).unwrap()[0].value();
            let read = read["a"].as_str().unwrap_or_else(|| panic!("{written}"));
            let back = expand(read, &Variables::default(), &mut Used::default()).unwrap();
            assert_eq!(back, text, "{written}");
        }
    }

    #[test]
    fn an_item_begins_with_what_it_is() {
        let mut text = String::new();
        write_item(
            &json!({"alpha": 1, "name": "x", "params": {"a": [1, "b"], "c": {"d": true}}}),
            &mut text,
        );
        assert_eq!(
            text,
            "  - name: x\n    alpha: 1\n    params:\n      a: [1, b]\n      c:\n        d: true\n"
        );
    }
}
