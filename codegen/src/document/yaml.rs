//! Reads YAML, and so JSON, of whatever origin: within bounds, and only what has one meaning.

use std::cell::{Cell, RefCell};
use std::fmt;

use anyhow::{Context, Result, bail};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most that the values of a document may weigh, in bytes or so; the published schema has a
/// tenth of it. An alias weighs as much as what it stands for.
const HEAVIEST: usize = 64 * 1024 * 1024;

/// What a value weighs besides its text.
const WEIGHT: usize = 64;

/// The most levels of mappings and sequences.
const DEEPEST: usize = 100;

/// The most brackets that may be open. The reader below takes time by the square of them; a
/// document's prose may leave some open, which are none of its structure.
const MOST_BRACKETS: usize = 1_000;

/// Reads a document.
pub fn read(text: &str) -> Result<Value> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_brackets(text)?;
    let bounds = Bounds {
        left: Cell::new(HEAVIEST),
        path: RefCell::default(),
    };
    let value = Reader(&bounds).deserialize(yaml_serde::Deserializer::from_str(text));
    value.context("not readable as YAML")
}

fn check_brackets(text: &str) -> Result<()> {
    let mut open = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MOST_BRACKETS {
            bail!("more than {MOST_BRACKETS} brackets are open at once");
        }
    }
    Ok(())
}

struct Bounds {
    /// What more values may weigh.
    left: Cell<usize>,
    /// The keys on the way to the place that is being read.
    path: RefCell<Vec<String>>,
}

/// Reads a value.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a Bounds);

impl Reader<'_> {
    fn take<E: Error>(self, text: usize) -> Result<(), E> {
        let left = self.0.left.get().checked_sub(WEIGHT + text);
        let left = left.ok_or_else(|| E::custom("it unfolds to more than 64 MB"))?;
        self.0.left.set(left);
        Ok(())
    }

    /// Reads something inside a mapping or a sequence.
    fn within<T, E: Error>(self, key: &str, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if self.0.path.borrow().len() == DEEPEST {
            return Err(E::custom(format!("nested more than {DEEPEST} levels deep")));
        }
        self.0.path.borrow_mut().push(key.to_owned());
        let value = read()?;
        self.0.path.borrow_mut().pop();
        Ok(value)
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without a tag")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.take(0).map(|()| Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.take(0).map(|()| Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.take(0).map(|()| Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.take(0).map(|()| Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.take(0)?;
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.take(value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.take(0)?;
        let mut read = Vec::new();
        while let Some(item) = self.within("[]", || items.next_element_seed(self))? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        self.take(0)?;
        let mut read = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            self.take(key.len())?;
            let value = self.within(&key, || members.next_value_seed(self))?;
            if read.contains_key(&key) {
                let path = self.0.path.borrow().join(".");
                let place = if path.is_empty() { "the root" } else { &path };
                let text = format!("the key `{key}` is there twice in {place}");
                return Err(A::Error::custom(text));
            }
            read.insert(key, value);
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        format!("{:#}", read(text).unwrap_err())
    }

    #[test]
    fn values_are_those_of_json() {
        let text =
            "\u{feff}a: [1, -2, 2.5, true, null, ~, x, '1']\n200: {b: {}}\nc: &c [1]\nd: *c\n";
        let expected = serde_json::json!({
            "a": [1, -2, 2.5, true, null, null, "x", "1"],
            "200": { "b": {} },
            "c": [1],
            "d": [1],
        });
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read(&expected.to_string()).unwrap(), expected);
    }

    #[test]
    fn a_key_is_there_once() {
        let found = problem("a:\n  b:\n  - c: 1\n    d: 2\n    c: 3\n");
        assert!(
            found.contains("the key `c` is there twice in a.b.[]"),
            "{found}"
        );
        assert!(problem("a: 1\na: 1\n").contains("in the root"));
    }

    #[test]
    fn nothing_is_read_without_bounds() {
        // Many aliases of one text, of aliases, and of a large mapping.
        let text = "x".repeat(10_000);
        let aliases = |count: usize| "*a,".repeat(count);
        let found = problem(&format!("a: &a {text}\nb: [{}]\n", aliases(40_000)));
        assert!(found.contains("unfolds to more than 64 MB"), "{found}");
        let many = format!(
            "a: &a [{}]\nb: [{}]\n",
            "1,".repeat(1_000),
            aliases(100_000)
        );
        assert!(read(&many).is_err());
        let found = problem(&"[".repeat(1_000_000));
        assert!(found.contains("brackets are open"), "{found}");
        assert!(read(&"- ".repeat(10_000)).is_err());
        let deep = format!("{}1{}", "[".repeat(101), "]".repeat(101));
        assert!(problem(&deep).contains("levels deep"), "{}", problem(&deep));
        assert!(read(&deep[1..deep.len() - 1]).is_ok());
        // Brackets in prose.
        assert!(read(&format!("a: '{}'\n", "[ ".repeat(900))).is_ok());
    }

    #[test]
    fn tags_and_further_documents_are_refused() {
        assert!(read("a: !thing 1\n").is_err());
        assert!(read("a: 1\n---\nb: 2\n").is_err());
    }
}
