//! The keys of a map in a file, taken one by one; what nobody took is a mistake.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::kit::yaml::{Content, Entry, Node};
use crate::kit::{
    Mark, Place, Problem, Secrets, Used, Variables, expand_around_templates, is_secret_name,
    is_template, nearest,
};
use crate::rules::template;

/// What is collected while a file is read.
pub struct Notes<'a> {
    pub variables: &'a Variables,
    pub file: Arc<str>,
    pub problems: Vec<Problem>,
    pub secrets: Secrets,
}

impl Notes<'_> {
    pub fn place(&self, mark: Mark) -> Place {
        Place {
            file: self.file.clone(),
            mark,
        }
    }

    pub fn complain(&mut self, mark: Mark, text: impl Into<String>) {
        let problem = Problem {
            place: self.place(mark),
            text: text.into(),
        };
        self.problems.push(problem);
    }

    /// Puts variables into a text, outside of its templates.
    pub fn expand(&mut self, text: &str, mark: Mark, secret: bool) -> String {
        let mut used = Used::default();
        let expanded = expand_around_templates(text, self.variables, &mut used);
        for (name, value) in used.variables {
            if secret || is_secret_name(&name) {
                self.secrets.add(&value);
            }
        }
        expanded.unwrap_or_else(|problem| {
            self.complain(mark, problem);
            String::new()
        })
    }

    /// Puts variables into all texts of a value, and looks for mistakes in its templates.
    pub fn value(&mut self, node: &Rc<Node>, names: &[&str], secret: bool) -> Value {
        match &node.content {
            Content::Scalar(Value::String(text)) => {
                let text = Value::from(self.expand(text, node.mark, secret));
                if let Err(wrong) = template::check(&text, names) {
                    self.complain(node.mark, wrong.0);
                }
                text
            }
            Content::Scalar(value) => value.clone(),
            Content::List(items) => {
                let items = items.iter().map(|item| self.value(item, names, secret));
                Value::Array(items.collect())
            }
            Content::Map(entries) => {
                let pairs = entries.iter();
                let pairs =
                    pairs.map(|entry| (entry.key.clone(), self.value(&entry.node, names, secret)));
                Value::Object(pairs.collect())
            }
        }
    }
}

/// The keys of a map.
pub struct Fields<'a, 'b> {
    notes: &'a mut Notes<'b>,
    /// What the map is of, for messages.
    of: String,
    pub mark: Mark,
    entries: Vec<Entry>,
    taken: Vec<&'static str>,
}

impl<'a, 'b> Fields<'a, 'b> {
    /// The keys of a node, if it is a map.
    pub fn of(notes: &'a mut Notes<'b>, of: impl Into<String>, node: &Rc<Node>) -> Option<Self> {
        let of = of.into();
        match &node.content {
            Content::Map(entries) => Some(Self {
                of,
                mark: node.mark,
                entries: entries.clone(),
                taken: Vec::new(),
                notes,
            }),
            _ => {
                notes.complain(node.mark, format!("`{of}` takes a map"));
                None
            }
        }
    }

    pub fn notes(&mut self) -> &mut Notes<'b> {
        self.notes
    }

    /// The keys, in the order of the file.
    pub fn keys(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.key.clone()).collect()
    }

    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// What a key says; none where it is not there, or null.
    pub fn node(&mut self, key: &'static str) -> Option<Rc<Node>> {
        self.taken.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let is_null = matches!(entry.node.content, Content::Scalar(Value::Null));
        (!is_null).then(|| entry.node.clone())
    }

    pub fn complain(&mut self, mark: Mark, text: impl Into<String>) {
        self.notes.complain(mark, text);
    }

    fn wrong(&mut self, mark: Mark, key: &str, what: &str) {
        self.notes.complain(mark, format!("`{key}` takes {what}"));
    }

    /// Tells that a key must be there.
    pub fn missing(&mut self, key: &str) {
        let text = format!("`{key}` of `{}` must be given", self.of);
        self.notes.complain(self.mark, text);
    }

    fn scalar(&mut self, key: &'static str, what: &str) -> Option<(String, Mark)> {
        let node = self.node(key)?;
        match &node.content {
            Content::Scalar(Value::String(text)) => Some((text.clone(), node.mark)),
            Content::Scalar(Value::Number(number)) => Some((number.to_string(), node.mark)),
            _ => {
                self.wrong(node.mark, key, what);
                None
            }
        }
    }

    /// A text, which may have variables but no template.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.plain(key, false)
    }

    /// A text that nobody may see.
    pub fn secret(&mut self, key: &'static str) -> Option<String> {
        let text = self.plain(key, true)?;
        self.notes.secrets.add(&text);
        Some(text)
    }

    fn plain(&mut self, key: &'static str, secret: bool) -> Option<String> {
        let (text, mark) = self.scalar(key, "a text")?;
        if is_template(&text) {
            self.complain(
                mark,
                format!("`{key}` is read before there is an event: it takes no template"),
            );
            return None;
        }
        let text = self.notes.expand(&text, mark, secret);
        (!text.trim().is_empty()).then_some(text)
    }

    /// A text that is a template.
    pub fn template(&mut self, key: &'static str, names: &[&str], secret: bool) -> Option<String> {
        let (text, mark) = self.scalar(key, "a text")?;
        let text = Value::from(self.notes.expand(&text, mark, secret));
        if let Err(wrong) = template::check(&text, names) {
            self.complain(mark, wrong.0);
        }
        text.as_str().map(str::to_owned)
    }

    /// A map whose values are templates.
    pub fn templates(
        &mut self,
        key: &'static str,
        names: &[&str],
        secret: bool,
    ) -> Map<String, Value> {
        let Some(node) = self.node(key) else {
            return Map::new();
        };
        match self.notes.value(&node, names, secret) {
            Value::Object(map) => map,
            _ => {
                self.wrong(node.mark, key, "a map");
                Map::new()
            }
        }
    }

    /// Texts: a list, or one; with their places.
    pub fn texts(&mut self, key: &'static str) -> Vec<(String, Mark)> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let nodes = match &node.content {
            Content::List(items) => items.clone(),
            _ => vec![node],
        };
        let mut texts = Vec::with_capacity(nodes.len());
        for node in nodes {
            match &node.content {
                Content::Scalar(Value::String(text)) => {
                    texts.push((self.notes.expand(text, node.mark, false), node.mark));
                }
                Content::Scalar(Value::Number(number)) => {
                    texts.push((number.to_string(), node.mark));
                }
                _ => self.wrong(node.mark, key, "texts: a list, or one text"),
            }
        }
        texts
    }

    /// Texts that are templates.
    pub fn template_texts(&mut self, key: &'static str, names: &[&str]) -> Vec<String> {
        let texts = self.texts(key);
        for (text, mark) in &texts {
            if let Err(wrong) = template::check(&text.as_str().into(), names) {
                self.complain(*mark, wrong.0);
            }
        }
        texts.into_iter().map(|(text, _)| text).collect()
    }

    pub fn truth(&mut self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        match &node.content {
            Content::Scalar(Value::Bool(truth)) => Some(*truth),
            _ => {
                self.wrong(node.mark, key, "true or false");
                None
            }
        }
    }

    /// A whole number that is at least 1.
    pub fn count(&mut self, key: &'static str) -> Option<u32> {
        let node = self.node(key)?;
        let number = node
            .value()
            .as_u64()
            .and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| *number > 0);
        if number.is_none() {
            self.wrong(node.mark, key, "a whole number from 1");
        }
        number
    }

    /// Whole numbers: a list, or one.
    pub fn numbers(&mut self, key: &'static str) -> Vec<i64> {
        let mut numbers = Vec::new();
        for (text, mark) in self.texts(key) {
            match text.trim().parse() {
                Ok(number) => numbers.push(number),
                Err(_) => self.wrong(mark, key, "whole numbers: a list, or one"),
            }
        }
        numbers
    }

    /// A time span: `90s`, `5m`, `1h30m`.
    pub fn span(&mut self, key: &'static str, least: Duration) -> Option<Duration> {
        const WHAT: &str = "a time such as 30s, 5m, 1h30m or 2d";
        let (text, mark) = self.scalar(key, WHAT)?;
        let span = span(text.trim());
        match span {
            None => self.wrong(mark, key, WHAT),
            Some(span) if span < least => {
                self.wrong(
                    mark,
                    key,
                    &format!("a time of at least {}s", least.as_secs()),
                );
                return None;
            }
            Some(_) => {}
        }
        span
    }

    /// One of some words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let names = || words.iter().map(|(word, _)| *word);
        let all = names().collect::<Vec<_>>().join(", ");
        let (text, mark) = self.scalar(key, &format!("one of {all}"))?;
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text.trim()));
        if found.is_none() {
            let near = nearest(&text, names());
            let near = near
                .map(|near| format!(" (is `{near}` meant?)"))
                .unwrap_or_default();
            self.complain(mark, format!("`{text}` of `{key}` is none of {all}{near}"));
        }
        found.map(|(_, value)| *value)
    }

    /// Tells of keys that nobody took.
    pub fn end(self) {
        for entry in &self.entries {
            if self.taken.contains(&entry.key.as_str()) || entry.key.starts_with("x-") {
                continue;
            }
            let hint = match nearest(&entry.key, self.taken.iter().copied()) {
                Some(near) => format!("is `{near}` meant?"),
                None => format!("there are {}", self.taken.join(", ")),
            };
            let text = format!("`{}` is no key of `{}`: {hint}", entry.key, self.of);
            self.notes.complain(entry.mark, text);
        }
    }
}

/// A time span as text: numbers with units, the largest first.
pub fn span(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut seconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = match rest[digits..].chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        seconds = number.checked_mul(unit)?.checked_add(seconds)?;
        rest = &rest[digits + 1..];
    }
    // A hundred years, so that no date overflows.
    (!text.is_empty() && seconds <= 36_525 * 86_400).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("90s", Some(90)),
            ("1h30m", Some(5400)),
            ("2d", Some(172_800)),
        ] {
            assert_eq!(span(text).map(|span| span.as_secs()), seconds, "{text}");
        }
        for text in ["", "5", "m", "5 m", "1x", "99999999999999w", "5é", "-1s"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
