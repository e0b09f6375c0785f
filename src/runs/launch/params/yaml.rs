//! Parameters in YAML, as Nextflow reads them.
//!
//! Nextflow reads YAML 1.1 by SnakeYAML; most else reads YAML 1.2. What both read the same is read
//! here, with numbers as they are written. What they read differently is unclear, and said to be so.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::{DEEPEST, LARGEST, Unclear};

/// A value of a document.
#[derive(Debug)]
enum Node {
    Text(String),
    /// A number, a boolean or null, in JSON.
    Json(String),
    Unclear(Unclear),
    /// With how deep it is nested, also by aliases.
    List(Vec<Rc<Node>>, usize),
    Map(Vec<(String, Rc<Node>)>, usize),
}

impl Node {
    fn depth(&self) -> usize {
        match self {
            Self::List(_, depth) | Self::Map(_, depth) => *depth,
            _ => 0,
        }
    }

    /// Ends a list or map.
    fn of(content: Content) -> Result<Self, String> {
        let around = |depths: &mut dyn Iterator<Item = usize>| 1 + depths.max().unwrap_or_default();
        let node = match content {
            Content::List(items) => {
                let depth = around(&mut items.iter().map(|item| item.depth()));
                Self::List(items, depth)
            }
            Content::Map(map) => {
                let entries = map.merge()?;
                let depth = around(&mut entries.iter().map(|(_, value)| value.depth()));
                Self::Map(entries, depth)
            }
        };
        match node.depth() > DEEPEST {
            true => Err(too_deep()),
            false => Ok(node),
        }
    }
}

fn too_deep() -> String {
    format!("are nested more than {DEEPEST} levels deep")
}

/// Reads a map of names to values; no text at all is an empty one. The values are JSON, unless they
/// are unclear or hold what is.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Result<String, Unclear>>, String> {
    let root = Reader::default().read(text)?;
    match root.as_deref() {
        None => Ok(BTreeMap::new()),
        Some(Node::Json(json)) if json == "null" => Ok(BTreeMap::new()),
        Some(Node::Map(entries, _)) => {
            let mut left = LARGEST;
            let values = entries.iter().map(|(name, node)| {
                let mut json = String::new();
                let written = match write(node, &mut json, &mut left)? {
                    Some(unclear) => Err(unclear.clone()),
                    None => Ok(json),
                };
                Ok((name.clone(), written))
            });
            values.collect()
        }
        Some(_) => Err("are no map of names to values".to_owned()),
    }
}

/// Writes a value in JSON; gives back what is unclear of it. Aliases may make much of a short text.
fn write<'n>(
    node: &'n Node,
    json: &mut String,
    left: &mut u64,
) -> Result<Option<&'n Unclear>, String> {
    *left = left.checked_sub(1).ok_or_else(too_large)?;
    match node {
        Node::Text(text) => {
            json.push_str(&serde_json::Value::from(text.as_str()).to_string());
            *left = left.checked_sub(text.len() as u64).ok_or_else(too_large)?;
        }
        Node::Json(scalar) => json.push_str(scalar),
        Node::Unclear(unclear) => return Ok(Some(unclear)),
        Node::List(items, _) => {
            json.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                if let Some(unclear) = write(item, json, left)? {
                    return Ok(Some(unclear));
                }
            }
            json.push(']');
        }
        Node::Map(entries, _) => {
            json.push('{');
            for (index, (name, value)) in entries.iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                json.push_str(&serde_json::Value::from(name.as_str()).to_string());
                json.push(':');
                if let Some(unclear) = write(value, json, left)? {
                    return Ok(Some(unclear));
                }
            }
            json.push('}');
        }
    }
    Ok(None)
}

fn too_large() -> String {
    "grow too large by their aliases".to_owned()
}

/// Makes values of the events of a document.
#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    /// The values that have an anchor, by its number.
    anchors: BTreeMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
}

/// A list or map that has not ended.
struct Open {
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Rc<Node>>),
    Map(Map),
}

#[derive(Default)]
struct Map {
    entries: Vec<(String, Rc<Node>)>,
    names: BTreeSet<String>,
    /// The maps that `<<` names.
    merged: Option<Rc<Node>>,
    /// The name of the value that is next.
    key: Option<Key>,
}

enum Key {
    Name(String),
    Merge,
}

impl Reader {
    fn read(mut self, text: &str) -> Result<Option<Rc<Node>>, String> {
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| format!("are no YAML: {error}"))?;
            let at_line = |problem: String| format!("{problem} (line {})", span.start.line());
            match event {
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err("are several documents, of which Nextflow reads one".to_owned());
                    }
                }
                Event::Alias(anchor) => {
                    let node = self.anchors.get(&anchor).cloned();
                    let node = node.ok_or_else(|| at_line("have a value in itself".to_owned()))?;
                    self.add(node, 0).map_err(at_line)?;
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let is_plain = style == ScalarStyle::Plain;
                    if is_plain && text == "<<" && tag.is_none() && self.awaits_key() {
                        self.key(Key::Merge).map_err(at_line)?;
                        continue;
                    }
                    let node = scalar(&text, is_plain, tag.as_deref()).map_err(at_line)?;
                    self.add(Rc::new(node), anchor).map_err(at_line)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    let content = Content::List(Vec::new());
                    self.begin(anchor, content, tag.as_deref(), "seq")
                        .map_err(at_line)?;
                }
                Event::MappingStart(anchor, tag) => {
                    let content = Content::Map(Map::default());
                    self.begin(anchor, content, tag.as_deref(), "map")
                        .map_err(at_line)?;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(Open { anchor, content }) = self.open.pop() else {
                        continue;
                    };
                    let node = Node::of(content).map_err(at_line)?;
                    self.add(Rc::new(node), anchor).map_err(at_line)?;
                }
            }
        }
        Ok(self.root)
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: Content::Map(Map { key: None, .. }),
                ..
            })
        )
    }

    fn begin(
        &mut self,
        anchor: usize,
        content: Content,
        tag: Option<&Tag>,
        own_tag: &str,
    ) -> Result<(), String> {
        if let Some(tag) = tag.filter(|tag| !is_core(tag, own_tag)) {
            return Err(foreign(tag));
        }
        if self.awaits_key() {
            return Err("have a list or map as a name".to_owned());
        }
        if self.open.len() >= DEEPEST {
            return Err(too_deep());
        }
        self.open.push(Open { anchor, content });
        Ok(())
    }

    /// Adds a whole value to what is open, as a value or a name.
    fn add(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), String> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        if self.awaits_key() {
            return match &*node {
                Node::Text(name) => self.key(Key::Name(name.clone())),
                Node::Json(json) if json != "null" => self.key(Key::Name(json.clone())),
                Node::Unclear(unclear) => Err(format!(
                    "have the name `{}`, which {}: quote it",
                    unclear.word, unclear.why
                )),
                _ => Err("have a name that is no text".to_owned()),
            };
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(map)) => match map.key.take() {
                Some(Key::Name(name)) => map.entries.push((name, node)),
                Some(Key::Merge) | None => map.merged = Some(node),
            },
        }
        Ok(())
    }

    fn key(&mut self, key: Key) -> Result<(), String> {
        let Some(Content::Map(map)) = self.open.last_mut().map(|open| &mut open.content) else {
            return Ok(());
        };
        let (name, is_new) = match &key {
            Key::Name(name) => (name.as_str(), map.names.insert(name.clone())),
            Key::Merge => ("<<", map.merged.is_none()),
        };
        if !is_new {
            return Err(format!("have `{name}` twice"));
        }
        map.key = Some(key);
        Ok(())
    }
}

impl Map {
    /// The entries, with those of the merged maps that have no entry of their name before them.
    fn merge(mut self) -> Result<Vec<(String, Rc<Node>)>, String> {
        let sources = match self.merged.as_deref() {
            None => return Ok(self.entries),
            Some(Node::List(maps, _)) => maps.clone(),
            Some(_) => self.merged.take().into_iter().collect(),
        };
        for source in sources {
            let Node::Map(entries, _) = &*source else {
                return Err("have `<<` with something that is no map".to_owned());
            };
            for (name, node) in entries {
                if self.names.insert(name.clone()) {
                    self.entries.push((name.clone(), node.clone()));
                }
            }
        }
        Ok(self.entries)
    }
}

/// Whether a tag is one of YAML's own, by its last part.
fn is_core(tag: &Tag, name: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == name
}

fn foreign(tag: &Tag) -> String {
    format!(
        "have the tag `{}{}`, which Nextflow does not read",
        tag.handle, tag.suffix
    )
}

/// The value of a scalar.
fn scalar(text: &str, is_plain: bool, tag: Option<&Tag>) -> Result<Node, String> {
    let Some(tag) = tag else {
        return Ok(match is_plain {
            true => plain(text),
            false => Node::Text(text.to_owned()),
        });
    };
    if is_core(tag, "str") || format!("{}{}", tag.handle, tag.suffix) == "!" {
        return Ok(Node::Text(text.to_owned()));
    }
    match plain(text) {
        node @ Node::Unclear(_) => Ok(node),
        Node::Json(json) => {
            let kind = match json.as_str() {
                "null" => "null",
                "true" | "false" => "bool",
                number if number.contains(['.', 'e', 'E']) => "float",
                _ => "int",
            };
            match is_core(tag, kind) || (kind == "int" && is_core(tag, "float")) {
                true => Ok(Node::Json(json)),
                false => Err(foreign(tag)),
            }
        }
        _ => Err(foreign(tag)),
    }
}

/// The value of a scalar that is not quoted.
fn plain(text: &str) -> Node {
    let unclear = |why, instead| {
        Node::Unclear(Unclear {
            word: text.to_owned(),
            why,
            instead,
        })
    };
    const NUMBER: &str = "write a plain decimal number, or quote it";
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Node::Json("null".to_owned()),
        "true" | "True" | "TRUE" => return Node::Json("true".to_owned()),
        "false" | "False" | "FALSE" => return Node::Json("false".to_owned()),
        _ => {}
    }
    let words = ["yes", "no", "on", "off"];
    if words.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return unclear(
            "readers of YAML take for a boolean or for text",
            "write true or false, or quote it",
        );
    }
    if is_date(text) {
        return unclear("readers of YAML take for a date or for text", "quote it");
    }
    let (sign, body) = match text.strip_prefix(['+', '-']) {
        Some(body) => (&text[..1], body),
        None => ("", text),
    };
    if [".inf", ".Inf", ".INF"].contains(&body) || [".nan", ".NaN", ".NAN"].contains(&text) {
        return unclear("is a number that JSON can't hold", "quote it");
    }
    let digits_of = |prefix: &str, digits: &str| {
        body.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| digits.contains(c)))
    };
    if digits_of("0x", "0123456789abcdefABCDEF") && sign.is_empty() {
        return match u128::from_str_radix(&body[2..], 16) {
            Ok(number) => Node::Json(number.to_string()),
            Err(_) => unclear("is too large a number in base 16", NUMBER),
        };
    }
    let is_other_base = digits_of("0x", "0123456789abcdefABCDEF_")
        || digits_of("0o", "01234567")
        || digits_of("0b", "01_");
    if is_other_base || is_sexagesimal(body) {
        return unclear("readers of YAML take for a number or for text", NUMBER);
    }
    if is_digits(body) && body.len() > 1 && body.starts_with('0') {
        return unclear(
            "readers of YAML take for a number in base 8, one in base 10, or text",
            NUMBER,
        );
    }
    if let Some(number) = number(body) {
        return match sign {
            // A fraction by itself takes no sign in YAML 1.1.
            "+" | "-" if body.starts_with('.') => {
                unclear("readers of YAML take for a number or for text", NUMBER)
            }
            "-" => Node::Json(format!("-{number}")),
            _ => Node::Json(number),
        };
    }
    let starts_with_digit = body.starts_with(|c: char| c.is_ascii_digit());
    if starts_with_digit && body.contains('_') && number(&body.replace('_', "")).is_some() {
        return unclear("readers of YAML take for a number or for text", NUMBER);
    }
    Node::Text(text.to_owned())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number without a sign as JSON writes it.
fn number(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_number_or_nothing = |digits: &str| digits.is_empty() || is_digits(digits);
    let has_digits = is_digits(whole) || fraction.is_some_and(is_digits);
    let is_number = has_digits
        && is_number_or_nothing(whole)
        && fraction.is_none_or(is_number_or_nothing)
        && exponent.is_none_or(|exponent| {
            is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
        });
    if !is_number {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let mut json = whole.to_owned();
    if let Some(fraction) = fraction {
        json.push('.');
        json.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
    if exponent.is_some() {
        json.push_str(&text[mantissa.len()..]);
    }
    Some(json)
}

/// Numbers in base 60, such as `1:30`.
fn is_sexagesimal(text: &str) -> bool {
    let text = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => whole,
        Some(_) => return false,
        None => text,
    };
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default().replace('_', "");
    let mut rest = parts.peekable();
    let is_part = |part: &str| {
        is_digits(part) && part.len() <= 2 && part.parse().is_ok_and(|part: u8| part < 60)
    };
    rest.peek().is_some() && is_digits(&first) && rest.all(is_part)
}

/// Dates, and moments in time.
fn is_date(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ', '\t']) {
        Some(at) => (&text[..at], Some(text[at + 1..].trim_start())),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let is_date = [year, month, day].iter().all(|part| is_digits(part))
        && year.len() == 4
        && month.len() <= 2
        && day.len() <= 2;
    let Some(time) = time else {
        return is_date && month.len() == 2 && day.len() == 2;
    };
    let end = time.find(|c: char| c != ':' && c != '.' && !c.is_ascii_digit());
    let (clock, zone) = time.split_at(end.unwrap_or(time.len()));
    let clock = clock.split('.').next().unwrap_or_default();
    let is_clock = clock.split(':').count() == 3 && clock.split(':').all(is_digits);
    let zone = zone.trim_start();
    let offset = zone.strip_prefix(['+', '-']).unwrap_or_default();
    let is_zone = zone.is_empty()
        || zone == "Z"
        || offset.split(':').count() <= 2 && offset.split(':').all(is_digits);
    is_date && is_clock && is_zone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let values = read(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        let fields = values.into_iter().map(|(name, value)| {
            let value = value.unwrap_or_else(|unclear| panic!("{text}: {unclear:?}"));
            format!("{name:?}:{value}")
        });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    }

    fn problem(text: &str) -> String {
        read(text).map(|values| format!("{values:?}")).unwrap_err()
    }

    #[test]
    fn what_both_versions_read_the_same_is_read_with_numbers_as_they_are_written() {
        let table = [
            ("a: 0.1234567890123456789", r#"{"a":0.1234567890123456789}"#),
            (
                "a: -123456789012345678901234567890",
                r#"{"a":-123456789012345678901234567890}"#,
            ),
            (
                "a: [1., .5, 1.5e-3, +7, 0, -0.0, 1e5, 0x1F]",
                r#"{"a":[1.0,0.5,1.5e-3,7,0,-0.0,1e5,31]}"#,
            ),
            (
                "a: [True, false, ~, Null, '']\nb:",
                r#"{"a":[true,false,null,null,""],"b":null}"#,
            ),
            (
                "a: {b: x, 1: y, true: z}",
                r#"{"a":{"b":"x","1":"y","true":"z"}}"#,
            ),
            (
                "a: 'no'\nb: \"0123\"\nc: |-\n  1_000",
                r#"{"a":"no","b":"0123","c":"1_000"}"#,
            ),
            (
                "a: !!str 0123\nb: !!int 7\nc: !!float 7\nd: ! 12",
                r#"{"a":"0123","b":7,"c":7,"d":"12"}"#,
            ),
            (
                "a: 1.2.3\nb: s3://x/1:30\nc: 2024-01\nd: _1\ne: 1e\nf: 12:75",
                r#"{"a":"1.2.3","b":"s3://x/1:30","c":"2024-01","d":"_1","e":"1e","f":"12:75"}"#,
            ),
            ("# nothing", "{}"),
            ("---\na: 1\n...\n", r#"{"a":1}"#),
        ];
        for (text, expected) in table {
            assert_eq!(json(text), expected, "{text}");
        }
    }

    #[test]
    fn what_they_read_differently_is_unclear() {
        for word in [
            "yes",
            "No",
            "ON",
            "off",
            "0123",
            "08",
            "-017",
            "1_000",
            "1_000.5",
            "0x_1",
            "-0x1F",
            "0o17",
            "0b101",
            "1:30",
            "12:30:45",
            "1:30.5",
            "2024-01-01",
            "2024-1-2T03:04:05Z",
            "2024-01-01 10:00:00 +1:00",
            "-.5",
            ".inf",
            "-.INF",
            ".nan",
        ] {
            let values = read(&format!("a: [{{b: {word}}}]")).unwrap();
            let unclear = values["a"].as_ref().unwrap_err();
            assert_eq!(unclear.word, word);
        }
    }

    #[test]
    fn maps_are_merged_and_own_entries_win() {
        let base = "base: &base {cpus: 2, queue: long}\nmore: &more {cpus: 4, memory: 8}\n";
        let table = [
            (
                "a:\n  <<: *base\n  cpus: 1",
                r#""a":{"cpus":1,"queue":"long"}"#,
            ),
            (
                "a:\n  cpus: 1\n  <<: [*base, *more]",
                r#""a":{"cpus":1,"queue":"long","memory":8}"#,
            ),
            ("a: {<<: {x: 1}}", r#""a":{"x":1}"#),
            ("a: {'<<': 1}", r#""a":{"<<":1}"#),
            ("a: [<<]", r#""a":["<<"]"#),
        ];
        for (text, expected) in table {
            let read = json(&format!("{base}{text}"));
            assert!(read.contains(expected), "{text}: {read}");
        }
        assert!(json(&format!("{base}<<: *base")).contains(r#""cpus":2"#));
        assert!(problem("a: {<<: 7}").contains("no map"));
    }

    #[test]
    fn what_is_refused_says_why_and_where() {
        let (deep, deepest) = ("[".repeat(200), "[".repeat(100_000));
        let bomb = (1..30).fold(
            "a0: &a0 [xxxxxxxxxx, xxxxxxxxxx]\n".to_owned(),
            |text, n| format!("{text}a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1),
        );
        let tower = (1..200).fold("a0: &a0 []\n".to_owned(), |text, n| {
            format!("{text}a{n}: &a{n} [*a{}]\n", n - 1)
        });
        let table = [
            ("a: 1\nb: 2\na: 3", "have `a` twice (line 3)"),
            ("a: {1: x, '1': y}", "have `1` twice"),
            ("a: {<<: {}, <<: {}}", "have `<<` twice"),
            ("yes: 1", "have the name `yes`, which readers"),
            ("[a]: 1", "have a list or map as a name"),
            ("~: 1", "no text"),
            ("a: &x [*x]", "have a value in itself"),
            ("a: !!binary aGk=", "tag"),
            ("a: !mine x", "have the tag `!mine`"),
            ("a: 1\n---\nb: 2", "several documents"),
            ("- a", "are no map of names to values"),
            ("a: [", "are no YAML"),
            (&format!("a: {deep}"), "nested more than 127"),
            (&format!("a: {deepest}"), "limit exceeded"),
            (&bomb, "aliases"),
            (&tower, "nested more than 127"),
        ];
        for (text, expected) in table {
            let problem = problem(text);
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
