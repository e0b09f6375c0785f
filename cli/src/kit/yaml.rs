//! YAML with positions, within bounds, with the words of YAML 1.1: what files of this form are
//! written in.

use std::collections::BTreeMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

use super::problem::Mark;

/// The most levels of lists and maps.
const DEEPEST: usize = 64;
/// The most values that a file may unfold to; an alias counts as all that it stands for.
const MOST: usize = 1_000_000;

/// A value and where it stands.
#[derive(Debug)]
pub struct Node {
    pub mark: Mark,
    pub content: Content,
    /// How many values it unfolds to.
    weight: usize,
    depth: usize,
    /// Whether it, or something in it, is there to be named elsewhere.
    pub anchored: bool,
}

#[derive(Debug)]
pub enum Content {
    /// Null, a boolean, a number or text.
    Scalar(Value),
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
}

/// An entry of a map.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub mark: Mark,
    pub node: Rc<Node>,
}

impl Node {
    fn new(mark: Mark, content: Content, anchor: usize) -> Self {
        let sum = |inner: &mut dyn Iterator<Item = &Rc<Node>>| {
            let start = (1_usize, 0, anchor > 0);
            inner.fold(start, |(weight, depth, anchored), node| {
                (
                    weight.saturating_add(node.weight),
                    depth.max(node.depth),
                    anchored || node.anchored,
                )
            })
        };
        let (weight, depth, anchored) = match &content {
            Content::Scalar(_) => (1, 0, anchor > 0),
            Content::List(items) => sum(&mut items.iter()),
            Content::Map(entries) => sum(&mut entries.iter().map(|entry| &entry.node)),
        };
        Self {
            mark,
            content,
            weight,
            depth: depth + 1,
            anchored,
        }
    }

    /// A map of entries.
    pub fn map(mark: Mark, entries: Vec<Entry>) -> Self {
        Self::new(mark, Content::Map(entries), 0)
    }

    /// The value without positions.
    pub fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(|item| item.value()).collect(),
            Content::Map(entries) => {
                let pairs = entries.iter();
                let pairs = pairs.map(|entry| (entry.key.clone(), entry.node.value()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }
}

/// What is wrong with a file as YAML.
#[derive(Debug)]
pub struct Wrong {
    pub mark: Mark,
    pub text: String,
}

/// The documents of a text. Empty ones are left out.
pub fn read(text: &str) -> Result<Vec<Rc<Node>>, Wrong> {
    let mut reader = Reader::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Wrong {
            mark: Mark {
                line: error.marker().line(),
                column: error.marker().col() + 1,
            },
            text: format!("this is no YAML: {}", error.info()),
        })?;
        let mark = mark(span);
        (reader.take(event, mark)).map_err(|text| Wrong { mark, text })?;
    }
    Ok(reader.documents)
}

fn mark(span: Span) -> Mark {
    Mark {
        line: span.start.line(),
        column: span.start.col() + 1,
    }
}

#[derive(Default)]
struct Reader {
    documents: Vec<Rc<Node>>,
    anchors: BTreeMap<usize, Rc<Node>>,
    open: Vec<Open>,
}

struct Open {
    mark: Mark,
    anchor: usize,
    content: Content,
    key: Option<(String, Mark)>,
    /// Where the entry of each key stands.
    places: BTreeMap<String, usize>,
    merged: Vec<Rc<Node>>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, mark: Mark) -> Result<(), String> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
            Event::DocumentStart(_) | Event::DocumentEnd => self.anchors.clear(),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or("a value stands in itself")?;
                self.add(node, 0, mark)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let as_text = tag.is_some_and(|tag| tag.suffix == "str" || tag.suffix.is_empty());
                let value = match plain && !as_text {
                    true => scalar(&text),
                    false => Value::from(text.as_ref()),
                };
                let merges = plain && text == "<<";
                if let Some(open) = self.open.last_mut()
                    && matches!(open.content, Content::Map(_))
                    && open.key.is_none()
                {
                    let key = match (&value, merges) {
                        (_, true) => MERGE.to_owned(),
                        (Value::String(text), _) => text.clone(),
                        // The key as it is written: what a name is, is no number.
                        _ => text.into_owned(),
                    };
                    open.key = Some((key, mark));
                    return Ok(());
                }
                self.add(
                    Rc::new(Node::new(mark, Content::Scalar(value), anchor)),
                    anchor,
                    mark,
                )?;
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(anchor, mark, Content::List(Vec::new()))?
            }
            Event::MappingStart(anchor, _) => self.begin(anchor, mark, Content::Map(Vec::new()))?,
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(mut open) = self.open.pop() else {
                    return Ok(());
                };
                if let Content::Map(entries) = &mut open.content {
                    merge(entries, open.places, &open.merged)?;
                }
                let node = Node::new(open.mark, open.content, open.anchor);
                if node.depth > DEEPEST {
                    return Err(format!("this is nested more than {DEEPEST} levels deep"));
                }
                self.add(Rc::new(node), open.anchor, open.mark)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, mark: Mark, content: Content) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("this is nested more than {DEEPEST} levels deep"));
        }
        if let Some(open) = self.open.last()
            && matches!(open.content, Content::Map(_))
            && open.key.is_none()
        {
            return Err("a key must be text".to_owned());
        }
        self.open.push(Open {
            mark,
            anchor,
            content,
            key: None,
            places: BTreeMap::new(),
            merged: Vec::new(),
        });
        Ok(())
    }

    fn add(&mut self, node: Rc<Node>, anchor: usize, mark: Mark) -> Result<(), String> {
        if node.weight > MOST {
            return Err(format!("this unfolds to more than {MOST} values"));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            if !matches!(&node.content, Content::Scalar(Value::Null)) {
                self.documents.push(node);
            }
            return Ok(());
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map(entries) => match open.key.take() {
                None => return Err("a key must be text".to_owned()),
                Some((key, _)) if key == MERGE => match &node.content {
                    Content::List(maps) => open.merged.extend(maps.iter().cloned()),
                    _ => open.merged.push(node),
                },
                // The last of two entries of one key counts, as for other readers of these files.
                Some((key, at)) => {
                    let place = open.places.get(&key).copied();
                    let entry = Entry {
                        key,
                        mark: at,
                        node,
                    };
                    match place.and_then(|place| entries.get_mut(place)) {
                        Some(earlier) => *earlier = entry,
                        None => {
                            open.places.insert(entry.key.clone(), entries.len());
                            entries.push(entry);
                        }
                    }
                }
            },
            Content::Scalar(_) => return Err(format!("nothing may stand here: {mark:?}")),
        }
        Ok(())
    }
}

/// Stands for `<<`, which no text of a file can be.
const MERGE: &str = "\u{0}<<";

/// Adds the entries of merged maps that a map has not itself.
fn merge(
    entries: &mut Vec<Entry>,
    mut places: BTreeMap<String, usize>,
    maps: &[Rc<Node>],
) -> Result<(), String> {
    for map in maps {
        let Content::Map(others) = &map.content else {
            return Err("`<<` takes a map".to_owned());
        };
        for other in others {
            if !places.contains_key(&other.key) {
                places.insert(other.key.clone(), entries.len());
                entries.push(other.clone());
            }
        }
    }
    Ok(())
}

/// The value of a plain scalar in YAML 1.1.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    match whole(text).or_else(|| fraction(text)) {
        Some(number) => Value::Number(number),
        None => Value::from(text),
    }
}

fn signed(text: &str) -> (i64, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn whole(text: &str) -> Option<Number> {
    let (sign, body) = signed(text);
    let digits: String = body.chars().filter(|c| *c != '_').collect();
    let starts_with_digit = body.starts_with(|c: char| c.is_ascii_digit());
    if !starts_with_digit {
        return None;
    }
    let number = if let Some(bits) = digits.strip_prefix("0b") {
        i64::from_str_radix(bits, 2).ok()?
    } else if let Some(hex) = digits.strip_prefix("0x") {
        i64::from_str_radix(hex, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') && !digits.contains(':') {
        i64::from_str_radix(&digits, 8).ok()?
    } else if digits.contains(':') && !digits.starts_with('0') {
        sexagesimal(&digits)?
    } else if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()?
    } else {
        return None;
    };
    Some(Number::from(sign * number))
}

/// A number in base 60, such as `12:30:00`.
fn sexagesimal(digits: &str) -> Option<i64> {
    let mut parts = digits.split(':');
    let mut number: i64 = parts.next()?.parse().ok()?;
    for part in parts {
        let part: i64 = Some(part)
            .filter(|part| (1..=2).contains(&part.len()))?
            .parse()
            .ok()?;
        if !(0..60).contains(&part) {
            return None;
        }
        number = number.checked_mul(60)?.checked_add(part)?;
    }
    Some(number)
}

fn fraction(text: &str) -> Option<Number> {
    let (_, body) = signed(text);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        // Without a sign in its exponent it is text.
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-'])?)),
        None => (body, None),
    };
    let (before, after) = mantissa.split_once('.')?;
    let digits = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    let starts = before.starts_with(|c: char| c.is_ascii_digit())
        || (before.is_empty() && after.starts_with(|c: char| c.is_ascii_digit()));
    let exponent = exponent.is_none_or(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    if !(starts && digits(before) && digits(after) && exponent) {
        return None;
    }
    let clean: String = text.chars().filter(|c| *c != '_').collect();
    Number::from_f64(clean.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(text: &str) -> Value {
        let documents = read(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        documents[0].value()
    }

    #[test]
    fn words_are_those_of_yaml_1_1() {
        let table = [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("010", json!(8)),
            ("1_000", json!(1000)),
            ("12:30:00", json!(45000)),
            ("0x1F", json!(31)),
            ("1e3", json!("1e3")),
            ("1.10", json!(1.1)),
            ("1.5e+3", json!(1500.0)),
            ("-7", json!(-7)),
            ("'yes'", json!("yes")),
            ("!!str 7", json!("7")),
            ("2024-01-01", json!("2024-01-01")),
            ("s3://a:b", json!("s3://a:b")),
            ("1.2.3", json!("1.2.3")),
            ("~", json!(null)),
        ];
        for (text, expected) in table {
            assert_eq!(one(&format!("a: {text}"))["a"], expected, "{text}");
        }
    }

    #[test]
    fn maps_are_merged_and_the_last_entry_counts() {
        let text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {c: 1, c: 2}";
        let value = one(text);
        assert_eq!(value["y"], json!({"a": 1, "b": 3}));
        assert_eq!(value["z"], json!({"c": 2}));
    }

    #[test]
    fn values_know_where_they_stand() {
        let documents = read("a:\n  - b: c\n---\nd: e\n").unwrap();
        assert_eq!(documents.len(), 2);
        let Content::Map(entries) = &documents[0].content else {
            panic!()
        };
        let Content::List(items) = &entries[0].node.content else {
            panic!()
        };
        assert_eq!(items[0].mark, Mark { line: 2, column: 5 });
    }

    #[test]
    fn hostile_texts_are_refused() {
        let bomb = (1..40).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
            format!("{text}a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)
        });
        let deep = format!("a: {}", "[".repeat(100_000));
        for text in [
            bomb.as_str(),
            &deep,
            "a: &x [*x]",
            "[a]: 1",
            "a: [",
            "<<: 1",
        ] {
            assert!(read(text).is_err(), "{text:.40}");
        }
    }
}
