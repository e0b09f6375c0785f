//! Files into items: all mistakes at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Number, Value};

use super::item::{Item, OnExists};
use super::keys::{self, Key, Takes, nearest};
use super::kinds::{self, Kind};
use super::problem::{Error, Mark, Place, Problem, Result};
use super::secrets::{Secrets, is_secret_name};
use super::variables::{
    Used, Variables, expand, expand_around_templates, expand_param, is_template,
};
use super::yaml::{self, Content, Entry, Node};

/// How files are read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What variables in texts stand for.
    pub variables: Variables,
    /// The workspace of items that name none; none is the personal one.
    pub workspace: Option<String>,
    /// What counts over the `on_exists` of all items.
    pub on_exists: Option<OnExists>,
    /// Only these blocks; all where there are none.
    pub blocks: Vec<String>,
    /// Only these blocks, or of them only items of these names; all where there are none.
    pub targets: BTreeMap<String, Option<Vec<String>>>,
}

/// What files say.
#[derive(Debug, Default)]
pub struct Set {
    pub(crate) items: Vec<Item>,
    pub(crate) secrets: Secrets,
    /// What is to be said of the files that is no mistake.
    pub notes: Vec<String>,
    /// The texts of the files, for telling whether they have changed.
    pub(crate) texts: Vec<(String, String)>,
}

impl Set {
    /// The items, in the order of their making by blocks.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// A text without the secrets of the files.
    pub fn hide(&self, text: &str) -> String {
        self.secrets.hide(text)
    }
}

/// The files that names stand for: folders are those below them, sorted.
///
/// # Errors
/// A file or folder can't be read.
pub fn files(names: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for name in names {
        if name.is_dir() {
            below(name, &mut files)?;
        } else {
            files.push(name.clone());
        }
    }
    Ok(files)
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let told = |error| Error::other(format!("{} can't be read: {error}", folder.display()));
    let mut entries = std::fs::read_dir(folder)
        .and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>())
        .map_err(told)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(told)?);
        let suffix = path.extension().and_then(|suffix| suffix.to_str());
        let suffix = suffix.unwrap_or_default().to_lowercase();
        if kind.is_dir() {
            below(&path, files)?;
        } else if ["yml", "yaml"].contains(&suffix.as_str()) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

impl Reading {
    /// Reads files; `-` is standard input.
    ///
    /// # Errors
    /// A file can't be read, or mistakes are in them: all of them.
    pub fn read(&self, names: &[PathBuf]) -> Result<Set> {
        let mut texts = Vec::new();
        for path in files(names)? {
            let text = match path.as_os_str() == "-" {
                true => std::io::read_to_string(std::io::stdin()),
                false => std::fs::read_to_string(&path),
            };
            let text = text.map_err(|error| {
                Error::other(format!("{} can't be read: {error}", path.display()))
            })?;
            texts.push((path.display().to_string(), text));
        }
        self.read_texts(texts)
    }

    /// Reads texts, each with the name of its file.
    ///
    /// # Errors
    /// Mistakes are in them: all of them.
    pub fn read_texts(&self, texts: Vec<(String, String)>) -> Result<Set> {
        let mut reader = Reader::new(self, Texts::WithVariables);
        // Blocks of all files, with equal items of different files once.
        let mut raw: BTreeMap<usize, Vec<Raw>> = BTreeMap::new();
        for (number, (name, text)) in texts.iter().enumerate() {
            reader.begin(name);
            match yaml::read(text) {
                Err(wrong) => reader.complain(wrong.mark, wrong.text),
                Ok(documents) => {
                    if documents.is_empty() {
                        reader.note(format!("{name} says nothing"));
                    }
                    for document in documents {
                        reader.document(&document, number, &mut raw);
                    }
                }
            }
        }
        for (rank, items) in raw {
            for one in items {
                reader.begin(&texts[one.file].0);
                reader.item(&kinds::KINDS[rank], &one);
            }
        }
        reader.find_doubles();
        let Reader {
            mut set,
            mut problems,
            ..
        } = reader;
        if !problems.is_empty() {
            for problem in &mut problems {
                problem.text = set.secrets.hide(&problem.text);
            }
            problems.sort();
            problems.dedup();
            return Err(Error::Invalid(problems));
        }
        set.texts = texts;
        Ok(set)
    }

    /// The keys of an item that stands in another form of file, as far as they can be read while its
    /// templates are not filled; and what is to be said of it.
    pub(crate) fn template(&self, block: &str, node: &Rc<Node>, file: &str) -> Template {
        let mut reader = Reader::new(self, Texts::Templates);
        reader.begin(file);
        if let Some(kind) = kinds::rank(block).and_then(|rank| kinds::KINDS.get(rank)) {
            let value = node.value();
            reader.item(
                kind,
                &Raw {
                    node: node.clone(),
                    value,
                    file: 0,
                },
            );
        }
        let item = reader.set.items.pop();
        Template {
            fields: item.map(|item| item.fields).unwrap_or_default(),
            problems: reader.problems,
            notes: reader.set.notes,
            secrets: reader.set.secrets,
        }
    }

    fn wants(&self, block: &str) -> bool {
        let listed = self.blocks.is_empty() || self.blocks.iter().any(|one| one == block);
        listed && (self.targets.is_empty() || self.targets.contains_key(block))
    }

    fn wants_item(&self, block: &str, names: &[String]) -> bool {
        match self.targets.get(block) {
            Some(Some(wanted)) => names.iter().any(|name| wanted.contains(name)),
            _ => true,
        }
    }
}

/// An item as its file has it.
struct Raw {
    node: Rc<Node>,
    value: Value,
    file: usize,
}

/// An item whose templates are not filled yet.
#[derive(Debug, Default)]
pub(crate) struct Template {
    pub fields: Map<String, Value>,
    pub problems: Vec<Problem>,
    pub notes: Vec<String>,
    pub secrets: Secrets,
}

/// How texts of items are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Texts {
    /// With variables, and quotes of a shell.
    WithVariables,
    /// With variables outside of templates; what has templates is checked when they are filled.
    Templates,
}

struct Reader<'a> {
    reading: &'a Reading,
    texts: Texts,
    set: Set,
    problems: Vec<Problem>,
    file: Arc<str>,
    folder: PathBuf,
}

impl<'a> Reader<'a> {
    fn new(reading: &'a Reading, texts: Texts) -> Self {
        Self {
            reading,
            texts,
            set: Set::default(),
            problems: Vec::new(),
            file: Arc::from(""),
            folder: PathBuf::new(),
        }
    }

    fn begin(&mut self, name: &str) {
        self.file = Arc::from(name);
        let folder = Path::new(name).parent();
        self.folder = folder.map(Path::to_owned).unwrap_or_default();
    }

    fn complain(&mut self, mark: Mark, text: impl Into<String>) {
        self.problems.push(Problem {
            place: self.place(mark),
            text: text.into(),
        });
    }

    fn note(&mut self, text: String) {
        if !self.set.notes.contains(&text) {
            self.set.notes.push(text);
        }
    }

    fn place(&self, mark: Mark) -> Place {
        Place {
            file: self.file.clone(),
            mark,
        }
    }

    fn document(&mut self, document: &Rc<Node>, file: usize, raw: &mut BTreeMap<usize, Vec<Raw>>) {
        let Content::Map(blocks) = &document.content else {
            self.complain(document.mark, "a map of blocks is wanted here");
            return;
        };
        for block in blocks {
            let Some(rank) = kinds::rank(&block.key) else {
                if !block.key.starts_with("x-") && !block.node.anchored {
                    let names = kinds::KINDS.iter().map(|kind| kind.block);
                    let near = nearest(&block.key, names.clone());
                    let hint = near.map_or_else(
                        || {
                            format!(
                                "there are {}; others begin with `x-`",
                                names.collect::<Vec<_>>().join(", ")
                            )
                        },
                        |near| format!("is `{near}` meant?"),
                    );
                    self.complain(block.mark, format!("`{}` is no block: {hint}", block.key));
                }
                continue;
            };
            if !self.reading.wants(&block.key) {
                continue;
            }
            let items = match &block.node.content {
                Content::List(items) => items.as_slice(),
                Content::Scalar(Value::Null) => &[],
                _ => {
                    self.complain(
                        block.node.mark,
                        format!("`{}` takes a list of items", block.key),
                    );
                    continue;
                }
            };
            let known = raw.entry(rank).or_default();
            for node in items {
                let value = node.value();
                if !known
                    .iter()
                    .any(|one| one.file != file && one.value == value)
                {
                    known.push(Raw {
                        node: node.clone(),
                        value,
                        file,
                    });
                }
            }
        }
    }

    fn item(&mut self, kind: &'static Kind, raw: &Raw) {
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
            self.complain(mark, format!("`{}` is no command", path.join(" ")));
            return;
        };
        let keys: Vec<Key> = keys.iter().cloned().chain((kind.extra)(&variant)).collect();
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
        if self.texts != Texts::Templates
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
        if !missing.is_empty() {
            self.complain(
                mark,
                format!("{} of `{}` must be given", missing.join(", "), kind.block),
            );
        }
        if self.texts != Texts::Templates
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
            format!("`{}` is no key of `{}`: {hint}", entry.key, path.join(" ")),
        );
    }

    /// The value of a key, as the command takes it; none where it says nothing.
    fn value(&mut self, kind: &Kind, key: &Key, entry: &Entry) -> Option<Value> {
        let mark = entry.node.mark;
        let secret = kind.secret_keys.contains(&key.name.as_str());
        let wrong = |what: &str| format!("`{}` takes {what}", key.name);
        if self.texts == Texts::Templates
            && let Content::Scalar(Value::String(text)) = &entry.node.content
            && is_template(text)
        {
            let mut value = Value::from(text.as_str());
            self.expand_in(&mut value, mark, secret, expand);
            return Some(value);
        }
        let value = match (&entry.node.content, key.takes) {
            (Content::Scalar(Value::Null), _) => return None,
            (Content::Map(_), Takes::Pairs) => {
                let mut value = entry.node.value();
                self.expand_in(&mut value, mark, secret, expand);
                if let Value::Object(pairs) = &mut value {
                    pairs
                        .values_mut()
                        .for_each(|value| *value = text_of(value).into());
                }
                return Some(value);
            }
            (Content::List(items), Takes::Pairs | Takes::Several | Takes::File) => {
                let mut texts = Vec::with_capacity(items.len());
                for item in items {
                    let mut text = Value::from(text_of(&item.value()));
                    self.expand_in(&mut text, item.mark, secret, expand);
                    let waits =
                        self.texts == Texts::Templates && text.as_str().is_some_and(is_template);
                    if let (Takes::File, Value::String(path), false) = (key.takes, &mut text, waits)
                    {
                        *path = self.file_of(path, item.mark);
                    }
                    texts.push(text);
                }
                return Some(texts.into());
            }
            (Content::Map(_), Takes::Map) => {
                let mut value = entry.node.value();
                self.expand_in(&mut value, mark, secret, expand_param);
                return Some(value);
            }
            (Content::Scalar(value), takes) if takes != Takes::Map => value,
            _ => {
                let what = match key.takes {
                    Takes::Flag | Takes::Truth => "true or false",
                    Takes::Number => "a whole number",
                    Takes::Several => "texts: a list, or one text with commas",
                    Takes::Pairs => "a map, or a list of NAME=VALUE",
                    Takes::File => "the path of a file",
                    Takes::Map => "a map",
                    Takes::Text => "a text",
                };
                self.complain(mark, wrong(what));
                return None;
            }
        };
        let mut text = Value::from(text_of(value));
        self.expand_in(&mut text, mark, secret, expand);
        let text = text.as_str().unwrap_or_default().to_owned();
        if text.trim().is_empty() {
            return None;
        }
        match key.takes {
            Takes::Flag | Takes::Truth => match text.to_lowercase().as_str() {
                "true" => Some(true.into()),
                "false" if key.takes == Takes::Truth => Some(false.into()),
                "false" => None,
                _ => {
                    self.complain(mark, wrong("true or false"));
                    None
                }
            },
            Takes::Number => match text.parse::<i64>() {
                Ok(number) => Some(Value::Number(Number::from(number))),
                Err(_) => {
                    self.complain(mark, wrong("a whole number"));
                    None
                }
            },
            Takes::Text | Takes::File | Takes::Several | Takes::Pairs | Takes::Map => {
                if matches!(value, Value::Bool(_)) {
                    self.complain(mark, wrong("a text"));
                    return None;
                }
                let known = key.words.is_empty()
                    || key
                        .words
                        .iter()
                        .any(|word| word.eq_ignore_ascii_case(&text));
                if !known {
                    let near = nearest(&text, key.words.iter().map(String::as_str));
                    let near = near
                        .map(|near| format!(" (is `{near}` meant?)"))
                        .unwrap_or_default();
                    let text = format!(
                        "`{text}` of `{}` is none of {}{near}",
                        key.name,
                        key.words.join(", ")
                    );
                    self.complain(mark, text);
                    return None;
                }
                match key.takes {
                    Takes::File => Some(self.file_of(&text, mark).into()),
                    Takes::Pairs => Some(vec![text].into()),
                    _ => Some(text.into()),
                }
            }
        }
    }

    /// Puts variables into all texts of a value.
    fn expand_in(
        &mut self,
        value: &mut Value,
        mark: Mark,
        secret: bool,
        expand: fn(&str, &Variables, &mut Used) -> Result<String, String>,
    ) {
        let expand = match self.texts {
            Texts::WithVariables => expand,
            Texts::Templates => expand_around_templates,
        };
        let mut used = Used::default();
        let mut problems = Vec::new();
        let variables = &self.reading.variables;
        super::item::map_texts(
            value,
            &mut |text| match expand(text, variables, &mut used) {
                Ok(expanded) => *text = expanded,
                Err(problem) => problems.push(problem),
            },
        );
        self.remember(used, secret);
        if secret {
            super::item::map_texts(value, &mut |text| self.set.secrets.add(text));
        }
        for problem in problems {
            self.complain(mark, problem);
        }
    }

    /// Remembers values of variables that are secrets.
    fn remember(&mut self, used: Used, secret: bool) {
        for (name, value) in used.variables {
            if secret || is_secret_name(&name) {
                self.set.secrets.add(&value);
            }
        }
    }

    /// A path as the program finds it: from where it runs, else from the file that names it.
    fn file_of(&mut self, path: &str, mark: Mark) -> String {
        if path == "-" || Path::new(path).exists() {
            return path.to_owned();
        }
        let beside = self.folder.join(path);
        if beside.exists() {
            self.note(format!("`{path}` is read from {}", beside.display()));
            return beside.display().to_string();
        }
        self.complain(mark, format!("there is no file `{path}`"));
        path.to_owned()
    }

    /// Finds things that are named twice.
    fn find_doubles(&mut self) {
        let mut seen: BTreeMap<(&str, String, String), Place> = BTreeMap::new();
        let mut doubles = Vec::new();
        for item in &self.set.items {
            let unnamed = item.kind.runs_always && item.text("name").is_none();
            if unnamed {
                continue;
            }
            let id = (item.kind.block, item.scope().to_owned(), item.name());
            match seen.get(&id) {
                Some(first) => doubles.push(Problem {
                    place: item.place.clone(),
                    text: format!("{} is there twice: first at {first}", item.label()),
                }),
                None => {
                    seen.insert(id, item.place.clone());
                }
            }
        }
        self.problems.extend(doubles);
    }
}

/// A scalar as text.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
