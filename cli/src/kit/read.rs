//! Files into items: all mistakes at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::item::{Item, OnExists};
use super::keys::nearest;
use super::kinds;
use super::problem::{Error, Mark, Place, Problem, Result};
use super::secrets::Secrets;
use super::variables::Variables;
use super::yaml::{self, Content, Node};
use crate::values::TextFile;

mod item;
mod template;
mod value;

use template::Texts;

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
            let text = TextFile(path.clone()).read().map_err(Error::other)?;
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

struct Reader<'a> {
    reading: &'a Reading,
    texts: Texts,
    set: Set,
    problems: Vec<Problem>,
    file: Arc<str>,
    folder: PathBuf,
    /// Whether the item that is being read names a file that can't be.
    lacks_file: bool,
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
            lacks_file: false,
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
