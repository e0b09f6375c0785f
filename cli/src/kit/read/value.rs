//! The value of a key: variables put in, of the type that the command takes.

use std::path::Path;

use serde_json::{Number, Value};

use super::{Reader, Texts};
use crate::kit::item::map_texts;
use crate::kit::keys::{Key, Takes, nearest};
use crate::kit::kinds::Kind;
use crate::kit::problem::Mark;
use crate::kit::secrets::is_secret_name;
use crate::kit::variables::{
    Used, Variables, expand, expand_around_templates, expand_param, is_template,
};
use crate::kit::yaml::{Content, Entry};

impl Reader<'_> {
    /// The value of a key, as the command takes it; none where it says nothing.
    pub(super) fn value(&mut self, kind: &Kind, key: &Key, entry: &Entry) -> Option<Value> {
        let mark = entry.node.mark;
        let secret = kind.secret_keys.contains(&key.name.as_str());
        let wrong = |what: &str| format!("`{}` takes {what}", key.name);
        let waits = |text: &str| self.texts == Texts::Templates && is_template(text);
        if let Content::Scalar(Value::String(text)) = &entry.node.content
            && waits(text)
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
                    if let (Takes::File, Value::String(path)) = (key.takes, &mut text)
                        && !(self.texts == Texts::Templates && is_template(path))
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
        map_texts(
            value,
            &mut |text| match expand(text, variables, &mut used) {
                Ok(expanded) => *text = expanded,
                Err(problem) => problems.push(problem),
            },
        );
        self.remember(used, secret);
        if secret {
            map_texts(value, &mut |text| self.set.secrets.add(text));
        }
        for problem in problems {
            self.complain(mark, problem);
        }
    }

    /// Remembers values of variables that are secrets.
    pub(super) fn remember(&mut self, used: Used, secret: bool) {
        for (name, value) in used.variables {
            if secret || is_secret_name(&name) {
                self.set.secrets.add(&value);
            }
        }
    }

    /// A path as the program finds it: from where it runs, else from the file that names it.
    fn file_of(&mut self, path: &str, mark: Mark) -> String {
        if path == "-" {
            return path.to_owned();
        }
        let beside = self.folder.join(path);
        let found = match (Path::new(path).exists(), beside.exists()) {
            (true, _) => path.to_owned(),
            (false, true) => {
                self.note(format!("`{path}` is read from {}", beside.display()));
                beside.display().to_string()
            }
            (false, false) => {
                self.lacks_file = true;
                self.complain(mark, format!("there is no file `{path}`"));
                return path.to_owned();
            }
        };
        if let Some(what) = unreadable(Path::new(&found)) {
            self.lacks_file = true;
            self.complain(mark, format!("`{path}` is {what}"));
        }
        found
    }
}

/// What a path is that can't be read to an end: a pipe waits for who writes it. What the program was
/// given open is none of these.
fn unreadable(path: &Path) -> Option<&'static str> {
    let kind = std::fs::metadata(path).ok()?.file_type();
    let given = ["/dev/", "/proc/"].iter().any(|of| path.starts_with(of));
    #[cfg(unix)]
    let waits = {
        use std::os::unix::fs::FileTypeExt;
        kind.is_fifo() || kind.is_socket()
    };
    #[cfg(not(unix))]
    let waits = false;
    match (kind.is_dir(), waits && !given) {
        (true, _) => Some("a folder"),
        (false, true) => Some("a pipe, which may have no end"),
        (false, false) => None,
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
