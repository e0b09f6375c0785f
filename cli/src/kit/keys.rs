//! The keys of items: the long options of the kind's `add` command, with what they take.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use clap::{ArgAction, Subcommand};

use super::additional::{Additional, OWN};
use crate::commands::Command;
use crate::values::{Label, List, TextFile};

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// True is the option, false its absence.
    Flag,
    /// True or false.
    Truth,
    /// A whole number.
    Number,
    /// A text.
    Text,
    /// A file, by its path.
    File,
    /// Several texts, also in one, separated by commas.
    Several,
    /// Names and values, as a map or a list.
    Pairs,
    /// A map of anything.
    Map,
}

/// A key of an item.
#[derive(Clone, Debug)]
pub struct Key {
    pub name: String,
    pub takes: Takes,
    pub required: bool,
    /// The words that it may be, in any case; all where there are none.
    pub words: Vec<String>,
}

fn grammar() -> &'static clap::Command {
    static GRAMMAR: OnceLock<clap::Command> = OnceLock::new();
    GRAMMAR.get_or_init(|| {
        let own = Additional::augment_subcommands(clap::Command::new(OWN));
        let mut grammar =
            Command::augment_subcommands(clap::Command::new("seqctl")).subcommand(own);
        grammar.build();
        grammar
    })
}

fn command(path: &[&str]) -> Option<&'static clap::Command> {
    path.iter().try_fold(grammar(), |command, word| {
        command
            .get_subcommands()
            .find(|one| one.get_name().eq_ignore_ascii_case(word))
    })
}

/// The words that may follow a command, such as the platforms of `compute-envs add`.
pub fn words_after(path: &[&str]) -> Vec<&'static str> {
    let command = command(path).into_iter();
    let words = command.flat_map(clap::Command::get_subcommands);
    words.map(clap::Command::get_name).collect()
}

/// The keys of an item that a command makes; none where there is no such command.
pub fn of(path: &[&str]) -> Option<Arc<[Key]>> {
    static KNOWN: Mutex<BTreeMap<String, Arc<[Key]>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().ok()?;
    let id = path.join(" ");
    if let Some(keys) = known.get(&id) {
        return Some(keys.clone());
    }
    let command = command(path)?;
    if command.has_subcommands() {
        return None;
    }
    let own = command.get_arguments();
    let own = own.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()));
    let keys: Arc<[Key]> = own.flat_map(keys_of).collect();
    known.insert(id, keys.clone());
    Some(keys)
}

/// The key of an argument, under all its names.
fn keys_of(arg: &clap::Arg) -> Vec<Key> {
    // What stands without a name on the command line has that of its field, files `file-path`.
    let own = match (arg.get_long(), arg.get_id().as_str()) {
        (Some(long), _) => long.to_owned(),
        (None, "file") => "file-path".to_owned(),
        (None, id) => id.to_owned(),
    };
    let others = arg.get_all_aliases().unwrap_or_default().into_iter();
    let names = std::iter::once(own).chain(others.map(str::to_owned));
    let key = |name| Key {
        name,
        takes: takes(arg),
        required: arg.is_required_set(),
        words: match takes(arg) {
            Takes::Text => (arg.get_possible_values().iter())
                .map(|value| value.get_name().to_owned())
                .collect(),
            _ => Vec::new(),
        },
    };
    names.map(key).collect()
}

fn takes(arg: &clap::Arg) -> Takes {
    let parser = arg.get_value_parser();
    let is = |ids: &[TypeId]| ids.iter().any(|id| parser.type_id() == *id);
    match arg.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse => return Takes::Flag,
        ArgAction::Append if is(&[TypeId::of::<PathBuf>()]) => return Takes::File,
        ArgAction::Append => return Takes::Pairs,
        _ => {}
    }
    if is(&[TypeId::of::<bool>()]) {
        Takes::Truth
    } else if is(&[TypeId::of::<i32>(), TypeId::of::<i64>()]) {
        Takes::Number
    } else if is(&[TypeId::of::<TextFile>(), TypeId::of::<PathBuf>()]) {
        Takes::File
    } else if is(&[TypeId::of::<List<String>>(), TypeId::of::<List<Label>>()]) {
        Takes::Several
    } else {
        Takes::Text
    }
}

/// The nearest of some names to one that is none of them, if any is near.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    let wanted = plain(name);
    let scored = names.into_iter().map(|other| {
        let likeness = strsim::jaro_winkler(&wanted, &plain(other));
        (likeness, other)
    });
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 > 0.75).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(path: &[&str], name: &str) -> Key {
        let keys = of(path).unwrap();
        (keys.iter().find(|key| key.name == name).cloned())
            .unwrap_or_else(|| panic!("{path:?} has no {name}: {keys:?}"))
    }

    #[test]
    fn keys_are_those_of_the_command_line() {
        let batch = ["compute-envs", "add", "aws-batch", "forge"];
        let table = [
            (key(&batch, "max-cpus"), Takes::Number, true),
            (key(&batch, "fusion-v2"), Takes::Flag, false),
            (key(&batch, "instance-types"), Takes::Several, false),
            (key(&batch, "pre-run"), Takes::File, false),
            (key(&batch, "env"), Takes::Pairs, false),
            (key(&batch, "labels"), Takes::Several, false),
            (key(&["pipelines", "add"], "url"), Takes::Text, true),
            (
                key(&["pipelines", "add"], "pull-latest"),
                Takes::Truth,
                false,
            ),
            (
                key(&["pipelines", "add"], "params-file"),
                Takes::File,
                false,
            ),
            (key(&["datasets", "add"], "file-path"), Takes::File, true),
            (key(&["workspaces", "add"], "org"), Takes::Text, true),
        ];
        for (key, takes, required) in table {
            assert_eq!((key.takes, key.required), (takes, required), "{key:?}");
        }
        assert_eq!(key(&["participants", "add"], "type").words.len(), 3);
        assert!(of(&["compute-envs", "add"]).is_none());
        assert!(words_after(&["compute-envs", "add"]).contains(&"slurm"));
        let names = of(&batch).unwrap();
        let names = || names.iter().map(|key| key.name.as_str());
        assert!(!names().any(|name| name == "output" || name == "access-token"));
        assert_eq!(nearest("max_cpu", names()), Some("max-cpus"));
        assert_eq!(nearest("zzz", names()), None);
    }
}
