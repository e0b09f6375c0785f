//! Parameters in JSON, with numbers as they are written.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::DEEPEST;

/// Reads an object; a name that is there twice is an error, further down too.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Box<RawValue>>, String> {
    let fields = fields(text)?;
    fields
        .values()
        .try_for_each(|value| check(value.get(), 1))?;
    let fields = fields.into_iter();
    Ok(fields
        .map(|(name, value)| (name, value.to_owned()))
        .collect())
}

/// Each level is read by itself, so that a number is never more than text.
fn check(text: &str, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("are nested more than {DEEPEST} levels deep"));
    }
    let inside = |value: &&RawValue| check(value.get(), depth + 1);
    if text.starts_with('{') {
        return fields(text)?.values().try_for_each(inside);
    }
    if text.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(no_json)?;
        return items.iter().try_for_each(inside);
    }
    Ok(())
}

fn no_json(error: serde_json::Error) -> String {
    match error.is_data() {
        true => "are no map of names to values".to_owned(),
        false => format!("are no JSON: {error}"),
    }
}

fn fields(text: &str) -> Result<BTreeMap<String, &RawValue>, String> {
    let fields: Fields<'_> = serde_json::from_str(text).map_err(no_json)?;
    match fields.twice {
        Some(name) => Err(format!("have `{name}` twice")),
        None => Ok(fields.values),
    }
}

#[derive(Default)]
struct Fields<'t> {
    values: BTreeMap<String, &'t RawValue>,
    /// A name that is there twice.
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(name) = map.next_key::<String>()? {
                    if fields
                        .values
                        .insert(name.clone(), map.next_value()?)
                        .is_some()
                    {
                        fields.twice = Some(name);
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_was_written() {
        let text = r#"{"b": 0.1234567890123456789, "a": [1e400, -123456789012345678901234567890]}"#;
        let values = read(text).unwrap();
        assert_eq!(
            values["a"].get(),
            "[1e400, -123456789012345678901234567890]"
        );
        assert_eq!(values["b"].get(), "0.1234567890123456789");
    }

    #[test]
    fn names_that_are_there_twice_are_said() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"b": [{"c": {"a": 1, "a": 2}}]}"#] {
            assert_eq!(read(text).unwrap_err(), "have `a` twice");
        }
        assert!(read(r#"{"a": {"b": 1}, "b": {"b": 1}}"#).is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(DEEPEST)).is_ok());
        for depth in [DEEPEST + 1, 100_000] {
            let problem = read(&nested(depth)).unwrap_err();
            assert!(problem.contains("nested more than"), "{problem}");
        }
    }
}
