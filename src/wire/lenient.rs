//! Readers for what servers send in other forms than the schema says.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// An integer, as a number or as decimal text; null and empty text are `None`.
fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(IntegerVisitor)
}

/// The integer that a float is.
fn whole<E: Error>(value: f64) -> Result<i64, E> {
    // Up to 2^53, where every integer has a float of its own.
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        return Ok(value as i64);
    }
    Err(E::custom(format!("the number {value} is not an integer")))
}

/// The digits of a number, which arrive so where another crate has switched on serde_json's
/// `arbitrary_precision`.
fn digits<'de, A: MapAccess<'de>>(mut map: A) -> Result<String, A::Error> {
    match map.next_key::<String>()? {
        Some(name) if name == "$serde_json::private::Number" => map.next_value(),
        _ => Err(A::Error::custom("an object where an integer was expected")),
    }
}

/// An integer in the forms of [`integer`].
pub(crate) struct Integer(pub(crate) Option<i64>);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        integer(deserializer).map(Self)
    }
}

/// A list that is read has all its items.
fn no_integer<E: Error>() -> E {
    E::custom("null or nothing where an integer was expected")
}

/// A list of integers in the forms of [`integer`].
pub(crate) struct Integers(pub(crate) Vec<i64>);

impl<'de> Deserialize<'de> for Integers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list: Vec<Integer> = Vec::deserialize(deserializer)?;
        let integers = list.into_iter().map(|integer| integer.0);
        let integers: Option<_> = integers.collect();
        integers.map(Self).ok_or_else(no_integer)
    }
}

/// Integers by name in the forms of [`integer`].
pub(crate) struct IntegerMap(pub(crate) BTreeMap<String, i64>);

impl<'de> Deserialize<'de> for IntegerMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map: BTreeMap<String, Integer> = BTreeMap::deserialize(deserializer)?;
        let integers = map
            .into_iter()
            .map(|(name, integer)| Some((name, integer.0?)));
        let integers: Option<_> = integers.collect();
        integers.map(Self).ok_or_else(no_integer)
    }
}

/// What the schema calls an iterator and describes as an object without properties: servers write a
/// list. An object is an empty one.
pub(crate) struct Iterated<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Iterated<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(list)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
                if text.is_empty() {
                    return Err(E::custom("an empty text where a list was expected"));
                }
                Ok(vec![T::deserialize(text.into_deserializer())?])
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Vec<T>, A::Error> {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Vec::new())
            }
        }

        deserializer
            .deserialize_any(ListVisitor(PhantomData))
            .map(Self)
    }
}

struct IntegerVisitor;

impl<'de> Visitor<'de> for IntegerVisitor {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, or one as decimal text")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        i64::try_from(value)
            .map(Some)
            .map_err(|_| E::custom(format!("the integer {value} is beyond 64 bits")))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        whole(value).map(Some)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        let text = value.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if let Ok(integer) = text.parse() {
            return Ok(Some(integer));
        }
        match text.parse().ok().map(whole::<E>) {
            Some(Ok(integer)) => Ok(Some(integer)),
            _ => Err(E::custom(format!("the text `{text}` is not an integer"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        self.visit_str(&digits(map)?)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        integer(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(A::Error::custom("a list where an integer was expected"))
    }
}

/// A task's exit code: an integer from newer servers, text (perhaps empty) from older ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExitCode {
    /// A number.
    Code(i64),
    /// Text, as the server sent it.
    Text(String),
}

impl ExitCode {
    /// The number, also where it was sent as text.
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Code(code) => Some(*code),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

impl fmt::Display for ExitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => code.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl From<i64> for ExitCode {
    fn from(code: i64) -> Self {
        Self::Code(code)
    }
}

impl From<i32> for ExitCode {
    fn from(code: i32) -> Self {
        Self::Code(code.into())
    }
}

impl From<&str> for ExitCode {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Serialize for ExitCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Code(code) => serializer.serialize_i64(*code),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for ExitCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ExitVisitor;

        impl<'de> Visitor<'de> for ExitVisitor {
            type Value = ExitCode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an exit code: an integer or text")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ExitCode, A::Error> {
                let number = IntegerVisitor.visit_str::<A::Error>(&digits(map)?)?;
                number.map(ExitCode::Code).ok_or_else(no_integer)
            }

            fn visit_f64<E: Error>(self, code: f64) -> Result<ExitCode, E> {
                whole(code).map(ExitCode::Code)
            }

            fn visit_i64<E: Error>(self, code: i64) -> Result<ExitCode, E> {
                Ok(ExitCode::Code(code))
            }

            fn visit_u64<E: Error>(self, code: u64) -> Result<ExitCode, E> {
                i64::try_from(code)
                    .map(ExitCode::Code)
                    .map_err(|_| E::custom("an exit code beyond 64 bits"))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ExitCode, E> {
                Ok(ExitCode::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(ExitVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Result<Option<i64>, String> {
        serde_json::from_str::<Integer>(text)
            .map(|integer| integer.0)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn integers_in_every_form() {
        let table = [
            ("7", 7),
            ("\"7\"", 7),
            ("7.0", 7),
            ("5000000000", 5_000_000_000),
            ("\"-1\"", -1),
            ("\"12.0\"", 12),
        ];
        for (text, value) in table {
            assert_eq!(id(text), Ok(Some(value)), "{text}");
        }
        assert_eq!(id("null"), Ok(None));
        assert_eq!(id("\"\""), Ok(None));
        for bad in [
            "7.5",
            "\"seven\"",
            "[7]",
            "{}",
            "true",
            "18446744073709551615",
            "1e300",
        ] {
            assert!(id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_of_integers() {
        let list: Integers = serde_json::from_str(r#"[1,"2"]"#).unwrap();
        assert_eq!(list.0, [1, 2]);
        assert!(serde_json::from_str::<Integers>("7").is_err());
    }

    #[test]
    fn exit_codes_of_newer_and_older_servers() {
        for (text, code) in [("0", Some(0)), ("\"137\"", Some(137)), ("\"\"", None)] {
            let exit: ExitCode = serde_json::from_str(text).unwrap();
            assert_eq!(exit.code(), code);
            assert_eq!(serde_json::to_string(&exit).unwrap(), text);
        }
    }

    #[test]
    fn integers_by_name_and_in_lists() {
        let map: IntegerMap = serde_json::from_str(r#"{"a":"7","b":8.0}"#).unwrap();
        assert_eq!(
            map.0,
            BTreeMap::from([("a".to_owned(), 7), ("b".to_owned(), 8)])
        );
        let list: Integers = serde_json::from_str(r#"["7",8]"#).unwrap();
        assert_eq!(list.0, [7, 8]);
        // Left out, it would be lost.
        assert!(serde_json::from_str::<IntegerMap>(r#"{"a":null}"#).is_err());
        assert!(serde_json::from_str::<Integers>("[7,null]").is_err());
    }

    #[test]
    fn numbers_of_arbitrary_precision_are_integers() {
        let number = |text: &str| format!(r#"{{"$serde_json::private::Number":"{text}"}}"#);
        assert_eq!(id(&number("5000000000")), Ok(Some(5_000_000_000)));
        assert_eq!(id(&number("7.0")), Ok(Some(7)));
        assert!(id(&number("7.5")).is_err());
        let exit: ExitCode = serde_json::from_str(&number("137")).unwrap();
        assert_eq!(exit, ExitCode::Code(137));
    }

    #[test]
    fn an_iterator_is_a_list_or_an_empty_object() {
        let read = |text| serde_json::from_str::<Iterated<String>>(text).map(|list| list.0);
        assert_eq!(read(r#"["a","b"]"#).unwrap(), ["a", "b"]);
        assert_eq!(read(r#"{"hasNext":{"x":[1]}}"#).unwrap(), [""; 0]);
        assert_eq!(read(r#""a line""#).unwrap(), ["a line"]);
        assert!(read("7").is_err() && read("[7]").is_err());
    }

    #[test]
    fn an_exit_code_may_be_a_whole_fraction() {
        let read = |text| serde_json::from_str::<ExitCode>(text);
        assert_eq!(read("137.0").unwrap(), ExitCode::Code(137));
        assert!(read("0.5").is_err());
    }
}
