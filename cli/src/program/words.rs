//! The words of a command line, put into the form that clap reads.
//!
//! The grammar is picocli's: names of several letters after one dash (`-ct`), any word as the value
//! of an option, global options that give way to a command's own, lists that add up. Here each
//! option goes to the command it belongs to, with its value attached, so that nothing is left to guess.

use std::any::TypeId;

use clap::{Arg, ArgAction, Command};

use crate::commands::{data_links::Provider, runs};
use crate::values::{Label, List, is_switch};

/// Names of several letters after one dash, and the argument that each is of.
const LONG_SHORTS: [(&str, &str); 4] = [
    ("-ct", "custom_template"),
    ("-pid", "parent_id"),
    ("-pn", "parent_name"),
    ("-id", "id"),
];

/// Flags that `--no-NAME` turns off.
const NEGATABLE: [&str; 2] = ["fusion-metrics-collection", "private-by-default"];

/// The types of lists that are one word: repeated ones are joined.
fn is_list(arg: &Arg) -> bool {
    let types = [
        TypeId::of::<List<String>>(),
        TypeId::of::<List<Label>>(),
        TypeId::of::<List<Provider>>(),
        TypeId::of::<List<runs::MetricType>>(),
        TypeId::of::<List<runs::MetricColumn>>(),
        TypeId::of::<List<runs::TaskColumn>>(),
    ];
    types
        .iter()
        .any(|list| arg.get_value_parser().type_id() == *list)
}

/// The words of a call of `seqerakit`, whose only command is `apply`. What `--cli` holds are global
/// options.
pub fn of_kit(words: Vec<String>) -> Vec<String> {
    let (mut global, mut own) = (Vec::new(), vec!["apply".to_owned()]);
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("--cli") {
            Some("") => global.extend(words.next()),
            Some(rest) if rest.starts_with('=') => global.push(rest[1..].to_owned()),
            _ if word == "-v" || word == "--version" => return vec!["--version".to_owned()],
            _ => own.push(word),
        }
    }
    let global = global.iter().flat_map(|text| text.split_whitespace());
    global.map(str::to_owned).chain(own).collect()
}

/// A command on the way to the one that is called, and the options that go to it.
struct Level<'a> {
    command: &'a Command,
    given: Vec<Given<'a>>,
}

struct Given<'a> {
    arg: &'a Arg,
    value: Option<String>,
}

/// Arranges the words after the program's name.
pub fn arrange(root: &Command, words: Vec<String>) -> Vec<String> {
    let mut levels = vec![Level {
        command: root,
        given: Vec::new(),
    }];
    let mut rest = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            rest.push(word);
            rest.extend(words);
            break;
        }
        if word.len() > 1 && word.starts_with('-') {
            read_option(&mut levels, word, &mut words, &mut rest);
            continue;
        }
        let inner = levels
            .last()
            .and_then(|level| level.command.find_subcommand(&word));
        match inner.filter(|_| rest.is_empty()) {
            Some(command) => levels.push(Level {
                command,
                given: Vec::new(),
            }),
            None => rest.push(word),
        }
    }
    let mut arranged = Vec::new();
    for (depth, level) in levels.iter().enumerate() {
        if depth > 0 {
            arranged.push(level.command.get_name().to_owned());
        }
        arranged.extend(level.given.iter().map(Given::word));
    }
    arranged.extend(rest);
    arranged
}

impl Given<'_> {
    fn word(&self) -> String {
        let name = match (self.arg.get_long(), self.arg.get_short()) {
            (Some(long), _) => format!("--{long}"),
            (None, Some(short)) => format!("-{short}"),
            (None, None) => String::new(),
        };
        match &self.value {
            Some(value) => format!("{name}={value}"),
            None => name,
        }
    }
}

type Words = std::iter::Peekable<std::vec::IntoIter<String>>;

/// Reads the option that `word` begins; what is none goes to `rest`, for clap to complain of.
fn read_option(levels: &mut [Level], word: String, words: &mut Words, rest: &mut Vec<String>) {
    let Some((depth, arg, attached)) = find(levels, &word) else {
        if let Some((depth, arg)) = negated(levels, &word) {
            // Whatever is attached: `--no-x=false` is false too.
            give(levels, depth, arg, Some("false".to_owned()));
            return;
        }
        rest.push(word);
        return;
    };
    if is_switch(arg) {
        let (value, cluster) = match attached {
            Some(text) if word.starts_with("--") || text.starts_with('=') => {
                let text = text.trim_start_matches('=').to_lowercase();
                (Some(text), None)
            }
            cluster => (None, cluster),
        };
        give(levels, depth, arg, value);
        if let Some(more) = cluster.filter(|more| !more.is_empty()) {
            read_option(levels, format!("-{more}"), words, rest);
        }
        return;
    }
    let count = arg.get_num_args().unwrap_or_else(|| 1.into());
    let value = match attached {
        Some(text) if word.starts_with("--") => Some(text),
        Some(text) => Some(text.strip_prefix('=').map(str::to_owned).unwrap_or(text)),
        None => words.next_if(|next| find(levels, next).is_none()),
    };
    give(levels, depth, arg, value);
    if count.max_values() > 1 {
        while let Some(value) = words.next_if(|next| find(levels, next).is_none()) {
            give(levels, depth, arg, Some(value));
        }
    }
}

fn give<'a>(levels: &mut [Level<'a>], depth: usize, arg: &'a Arg, value: Option<String>) {
    let given = &mut levels[depth].given;
    // A switch of two states is there, or it is not.
    let value = match (arg.get_action(), value.as_deref()) {
        (ArgAction::SetTrue, Some("false")) => return,
        (ArgAction::SetTrue, Some("true")) => None,
        _ => value,
    };
    if let (true, Some(more)) = (is_list(arg), &value)
        && let Some(Given {
            value: Some(values),
            ..
        }) = given
            .iter_mut()
            .find(|given| given.arg.get_id() == arg.get_id())
    {
        values.push(',');
        values.push_str(more);
        return;
    }
    given.push(Given { arg, value });
}

/// The innermost option that a word begins, and what is attached to its name.
fn find<'a>(levels: &[Level<'a>], word: &str) -> Option<(usize, &'a Arg, Option<String>)> {
    if !word.starts_with('-') || word == "-" || word == "--" {
        return None;
    }
    let innermost = levels.len() - 1;
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, None),
    };
    if let Some((_, id)) = LONG_SHORTS.iter().find(|(spelling, _)| *spelling == name) {
        let own = levels[innermost].command.get_arguments();
        let mut own = own.filter(|arg| arg.get_id() == id);
        if let Some(arg) = own.find(|arg| *id != "id" || arg.get_long().is_none()) {
            return Some((innermost, arg, value));
        }
    }
    let search = |matches: &dyn Fn(&Arg) -> bool| {
        levels.iter().enumerate().rev().find_map(|(depth, level)| {
            let arg = level.command.get_arguments().find(|arg| matches(arg))?;
            Some((depth, arg))
        })
    };
    if let Some(long) = name.strip_prefix("--") {
        let (depth, arg) = search(&|arg| {
            arg.get_long() == Some(long)
                || (arg.get_all_aliases()).is_some_and(|aliases| aliases.contains(&long))
        })?;
        return Some((depth, arg, value));
    }
    let mut letters = word[1..].chars();
    let first = letters.next()?;
    let (depth, arg) = search(&|arg| arg.get_short() == Some(first))?;
    let attached = letters.as_str();
    Some((
        depth,
        arg,
        (!attached.is_empty()).then(|| attached.to_owned()),
    ))
}

/// The switch that `--no-NAME` turns off.
fn negated<'a>(levels: &[Level<'a>], word: &str) -> Option<(usize, &'a Arg)> {
    let name = word.strip_prefix("--no-")?.split('=').next()?;
    NEGATABLE.iter().find(|known| **known == name)?;
    let (depth, arg, _) = find(levels, &format!("--{name}"))?;
    Some((depth, arg))
}

/// Replaces `@FILE` by the words in the file, where there is one, and `@@` at the start by `@`.
pub fn with_files(words: Vec<String>) -> Vec<String> {
    let read = |word: String| match word.strip_prefix('@') {
        Some(text) if text.starts_with('@') => vec![text.to_owned()],
        Some(path) => match std::fs::read_to_string(path) {
            Ok(text) => words_of(&text),
            Err(_) => vec![word],
        },
        None => vec![word],
    };
    words.into_iter().flat_map(read).collect()
}

/// The words of a text, separated by white space; quotes keep it, `#` begins a comment.
fn words_of(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for line in text.lines() {
        let mut word: Option<String> = None;
        let mut quote = None;
        for c in line.chars() {
            match quote {
                Some(open) if c == open => quote = None,
                None if c == '"' || c == '\'' => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                None if c.is_whitespace() => words.extend(word.take()),
                None if c == '#' && word.is_none() => break,
                _ => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn arranged(line: &str) -> String {
        let words = line.split(' ').map(str::to_owned).collect();
        arrange(&crate::program::grammar::Cli::command(), words).join(" ")
    }

    #[test]
    fn names_of_several_letters_after_one_dash_are_options() {
        let line = "studios add -ct image:1 -c env -n x";
        assert_eq!(
            arranged(line),
            "studios add --custom-template=image:1 --compute-env=env --name=x"
        );
        assert_eq!(arranged("runs delete -id 4x"), "runs delete -i=4x");
        assert_eq!(arranged("runs delete -id=4x"), "runs delete -i=4x");
        // `-i` with an attached value, where the command has a long name for it.
        assert_eq!(arranged("runs view -id4"), "runs view --id=d4");
    }

    #[test]
    fn the_meaning_of_the_inner_command_wins() {
        assert_eq!(
            arranged("members list -o json"),
            "members list --organization=json"
        );
        assert_eq!(arranged("-o json runs list"), "--output=json runs list");
        assert_eq!(
            arranged("pipelines list -o json"),
            "--output=json pipelines list"
        );
        assert_eq!(
            arranged("runs dump -i 1 --output a.tar.gz --url u"),
            "--url=u runs dump -i=1 --output=a.tar.gz"
        );
        assert_eq!(
            arranged("--profile lab launch x --profile docker"),
            "--profile=lab launch --profile=docker x"
        );
    }

    #[test]
    fn a_value_may_begin_with_a_dash_unless_it_is_an_option() {
        assert_eq!(
            arranged("labels add -n -x -v=-y"),
            "labels add --name=-x --value=-y"
        );
        assert_eq!(
            arranged("launch x -n --wait RUNNING"),
            "launch --name --wait=RUNNING x"
        );
    }

    #[test]
    fn lists_add_up_and_several_words_are_taken_where_they_may_be() {
        assert_eq!(arranged("launch x -l a,b -l c"), "launch --labels=a,b,c x");
        assert_eq!(
            arranged("datasets hide -n a b -w 1"),
            "datasets hide --name=a --name=b --workspace=1"
        );
    }

    #[test]
    fn switches_cluster_take_a_value_and_are_negated() {
        assert_eq!(
            arranged("-vt T runs list"),
            "--verbose --access-token=T runs list"
        );
        assert_eq!(
            arranged("launch x --pull-latest=FALSE"),
            "launch --pull-latest=false x"
        );
        assert_eq!(
            arranged("compute-envs add eks --no-fusion-v3"),
            "compute-envs add eks --no-fusion-v3"
        );
        for (given, value) in [("", "false"), ("=false", "false")] {
            assert_eq!(
                arranged(&format!(
                    "workspaces settings studios update --no-private-by-default{given}"
                )),
                format!("workspaces settings studios update --private-by-default={value}")
            );
        }
    }

    #[test]
    fn words_in_a_file_may_be_quoted() {
        assert_eq!(words_of("a 'b c'\n# no\n\"\" d"), ["a", "b c", "", "d"]);
    }
}
