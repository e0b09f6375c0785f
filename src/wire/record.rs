//! Reads and writes structs whose every field may be missing.
//!
//! Serde's derive makes some forty lines of code for a field, and this crate has thousands of
//! fields: it was two thirds of the time to compile the crate. All that differs between the structs
//! is which name goes with which field, so that is all that is generated.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::Nullable;
use crate::wire::extra::Extra;
use crate::wire::{lenient, reread};

/// A struct of optional fields.
pub(crate) trait Record: Default {
    /// The names of the fields on the wire, shorter ones first.
    const FIELDS: &'static [&'static str];

    /// Where in `FIELDS` the names of each length begin.
    const STARTS: Starts = starts(Self::FIELDS);

    /// Reads the value of a field, named by its index in `FIELDS`.
    fn read<'de, A: MapAccess<'de>>(&mut self, field: usize, map: &mut A) -> Result<(), A::Error>;

    /// Writes the fields that are there.
    fn write<S: SerializeMap>(&self, fields: &mut Fields<'_, S>);

    /// What was read beside the fields.
    fn unknown(&self) -> &Extra;

    /// The same, to be changed.
    fn unknown_mut(&mut self) -> &mut Extra;
}

impl<T: Record> Record for Box<T> {
    const FIELDS: &'static [&'static str] = T::FIELDS;

    fn read<'de, A: MapAccess<'de>>(&mut self, field: usize, map: &mut A) -> Result<(), A::Error> {
        (**self).read(field, map)
    }

    fn write<S: SerializeMap>(&self, fields: &mut Fields<'_, S>) {
        (**self).write(fields);
    }

    fn unknown(&self) -> &Extra {
        (**self).unknown()
    }

    fn unknown_mut(&mut self) -> &mut Extra {
        (**self).unknown_mut()
    }
}

/// The index of a field.
pub(crate) fn find<T: Record>(name: &str) -> Option<usize> {
    FieldName(T::FIELDS, &T::STARTS).find(name)
}

/// Names of so many bytes and more share one range.
const LONG: usize = 32;

pub(crate) type Starts = [u16; LONG + 2];

const fn starts(fields: &[&str]) -> Starts {
    let mut starts = [fields.len() as u16; LONG + 2];
    let (mut length, mut field) = (0, 0);
    while length <= LONG {
        while field < fields.len() && fields[field].len() < length {
            field += 1;
        }
        starts[length] = field as u16;
        length += 1;
    }
    starts
}

/// Implements serde's traits for a record, and gives access to its unknown fields.
macro_rules! record_serde {
    ($name:ident) => {
        impl $name {
            /// The fields that the server sent and the schema does not have, and those whose values
            /// can't be read as what the schema says, as they came. They are written again.
            ///
            /// Numbers are serde_json's: integers and floats of 64 bits. Digits beyond those are
            /// rounded away, unless the program enables serde_json's `arbitrary_precision`.
            #[inline]
            pub fn extra(&self) -> &::serde_json::Map<String, ::serde_json::Value> {
                $crate::wire::record::Record::unknown(self).fields()
            }

            /// The same, to add, change or take out fields. One that the type has too is written
            /// only where that has no value.
            #[inline]
            pub fn extra_mut(&mut self) -> &mut ::serde_json::Map<String, ::serde_json::Value> {
                $crate::wire::record::Record::unknown_mut(self).fields_mut()
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                $crate::wire::record::deserialize(deserializer)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::wire::record::serialize(self, serializer)
            }
        }

        impl PartialEq for $name {
            /// Two values are equal if they are written alike.
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                $crate::wire::record::are_written_alike(self, other)
            }
        }
    };
}

pub(crate) use record_serde;

pub(crate) fn deserialize<'de, T: Record, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_map(RecordVisitor(PhantomData))
}

struct RecordVisitor<T>(PhantomData<T>);

impl<'de, T: Record> Visitor<'de> for RecordVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut record = T::default();
        while let Some(field) = map.next_key_seed(FieldName(T::FIELDS, &T::STARTS))? {
            match field {
                Ok(field) => {
                    if let Err(error) = record.read(field, &mut map) {
                        reread::recover(&mut record, field, error)?;
                    }
                }
                Err(name) => {
                    let value = map.next_value()?;
                    record.unknown_mut().fields_mut().insert(name, value);
                }
            }
        }
        Ok(record)
    }
}

/// Finds the index of a field by its name.
struct FieldName(&'static [&'static str], &'static Starts);

impl FieldName {
    fn find(&self, name: &str) -> Option<usize> {
        // Few names are of the same length, so that few texts are compared.
        let Self(fields, starts) = self;
        let length = name.len().min(LONG);
        let mut range = starts[length].into()..starts[length + 1].into();
        range.find(|index| fields[*index] == name)
    }
}

impl<'de> DeserializeSeed<'de> for FieldName {
    /// The index, or the name of an unknown field.
    type Value = Result<usize, String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Result<usize, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.find(name).ok_or_else(|| name.to_owned()))
    }
}

/// Reads any field.
pub(crate) fn read<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut T,
    map: &mut A,
) -> Result<(), A::Error> {
    *slot = map.next_value()?;
    Ok(())
}

/// A field that is filled with a value, or with null.
pub(crate) trait Slot<T> {
    fn fill(&mut self, value: Option<T>);
}

impl<T> Slot<T> for Option<T> {
    fn fill(&mut self, value: Option<T>) {
        *self = value;
    }
}

impl<T> Slot<T> for Nullable<T> {
    fn fill(&mut self, value: Option<T>) {
        *self = value.map_or(Self::Null, Self::Value);
    }
}

/// Reads an integer leniently.
pub(crate) fn read_integer<'de, A: MapAccess<'de>>(
    slot: &mut impl Slot<i64>,
    map: &mut A,
) -> Result<(), A::Error> {
    slot.fill(map.next_value::<lenient::Integer>()?.0);
    Ok(())
}

/// Reads a list of integers leniently.
pub(crate) fn read_integers<'de, A: MapAccess<'de>>(
    slot: &mut impl Slot<Vec<i64>>,
    map: &mut A,
) -> Result<(), A::Error> {
    let list = map.next_value::<Option<lenient::Integers>>()?;
    slot.fill(list.map(|list| list.0));
    Ok(())
}

/// Reads integers by name leniently.
pub(crate) fn read_integer_map<'de, A: MapAccess<'de>>(
    slot: &mut impl Slot<BTreeMap<String, i64>>,
    map: &mut A,
) -> Result<(), A::Error> {
    let integers = map.next_value::<Option<lenient::IntegerMap>>()?;
    slot.fill(integers.map(|integers| integers.0));
    Ok(())
}

/// Reads what the schema calls an iterator.
pub(crate) fn read_iterator<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut impl Slot<Vec<T>>,
    map: &mut A,
) -> Result<(), A::Error> {
    let list = map.next_value::<Option<lenient::Iterated<T>>>()?;
    slot.fill(list.map(|list| list.0));
    Ok(())
}

pub(crate) fn serialize<T: Record, S: Serializer>(
    record: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    let extra = record.unknown().some();
    let mut fields = Fields {
        map: &mut map,
        extra,
        failed: None,
    };
    record.write(&mut fields);
    for (name, value) in extra.into_iter().flatten() {
        if find::<T>(name).is_none() {
            fields.entry(name, value);
        }
    }
    match fields.failed {
        Some(error) => Err(error),
        None => map.end(),
    }
}

/// Whether two values are the same JSON. Comparing what is written costs the compiler nothing for
/// each type, where comparing field by field does.
pub(crate) fn are_written_alike<T: Serialize>(one: &T, other: &T) -> bool {
    match (serde_json::to_vec(one), serde_json::to_vec(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Where a record writes its fields.
pub(crate) struct Fields<'a, S: SerializeMap> {
    map: &'a mut S,
    /// What stands for a field that has no value, among others.
    extra: Option<&'a Map<String, Value>>,
    failed: Option<S::Error>,
}

impl<S: SerializeMap> Fields<'_, S> {
    /// Writes a field that has a value.
    pub(crate) fn field<T: Serialize>(&mut self, name: &'static str, value: &Option<T>) {
        match value {
            Some(value) => self.entry(name, value),
            None => self.in_place_of(name),
        }
    }

    /// Writes a field that has a value or is null.
    pub(crate) fn nullable<T: Serialize>(&mut self, name: &'static str, value: &Nullable<T>) {
        match value {
            Nullable::Absent => self.in_place_of(name),
            value => self.entry(name, value),
        }
    }

    /// Writes what was kept because it could not be read.
    fn in_place_of(&mut self, name: &str) {
        if let Some(value) = self.extra.and_then(|extra| extra.get(name)) {
            self.entry(name, value);
        }
    }

    fn entry<T: Serialize>(&mut self, name: &str, value: &T) {
        if self.failed.is_none() {
            self.failed = self.map.serialize_entry(name, value).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Run {
        id: Option<i64>,
        name: Option<String>,
        note: Nullable<String>,
        extra: Extra,
    }

    impl Record for Run {
        const FIELDS: &'static [&'static str] = &["id", "name", "note"];

        fn read<'de, A: MapAccess<'de>>(
            &mut self,
            field: usize,
            map: &mut A,
        ) -> Result<(), A::Error> {
            match field {
                0 => read_integer(&mut self.id, map),
                1 => read(&mut self.name, map),
                _ => read(&mut self.note, map),
            }
        }

        fn write<S: SerializeMap>(&self, fields: &mut Fields<'_, S>) {
            fields.field("id", &self.id);
            fields.field("name", &self.name);
            fields.nullable("note", &self.note);
        }

        fn unknown(&self) -> &Extra {
            &self.extra
        }

        fn unknown_mut(&mut self) -> &mut Extra {
            &mut self.extra
        }
    }

    fn parse(text: &str) -> Result<Run, serde_json::Error> {
        deserialize(&mut serde_json::Deserializer::from_str(text))
    }

    fn print(run: &Run) -> String {
        let mut out = Vec::new();
        serialize(run, &mut serde_json::Serializer::new(&mut out)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn reads_what_it_knows_and_writes_it_again() {
        let run = parse(r#"{"name":"happy_wren","id":"7","note":null}"#).unwrap();
        assert_eq!(
            run,
            Run {
                id: Some(7),
                name: Some("happy_wren".to_owned()),
                note: Nullable::Null,
                extra: Extra::default(),
            }
        );
        assert_eq!(print(&run), r#"{"id":7,"name":"happy_wren","note":null}"#);
        assert_eq!(print(&parse("{}").unwrap()), "{}");
        assert_eq!(parse(r#"{"id":null,"name":null}"#).unwrap(), Run::default());
    }

    #[test]
    fn unknown_fields_are_kept_and_written_after_the_known() {
        let run = parse(r#"{"newer":[1,{}],"name":"happy_wren","older":null}"#).unwrap();
        let names: Vec<&String> = run.extra.fields().keys().collect();
        assert_eq!(names, ["newer", "older"]);
        assert_eq!(
            print(&run),
            r#"{"name":"happy_wren","newer":[1,{}],"older":null}"#
        );
    }

    #[test]
    fn what_stands_for_a_field_gives_way_to_a_value() {
        let mut run = Run::default();
        let odd = [
            ("id", serde_json::json!(0.5)),
            ("note", serde_json::json!([])),
        ];
        let odd = odd.map(|(name, value)| (name.to_owned(), value));
        run.extra.fields_mut().extend(odd);
        assert_eq!(print(&run), r#"{"id":0.5,"note":[]}"#);
        run.id = Some(1);
        run.note = Nullable::Null;
        assert_eq!(print(&run), r#"{"id":1,"note":null}"#);
    }

    #[test]
    fn names_are_found_whatever_their_length() {
        const LONGEST: &str = "aNameThatIsLongerThanThirtyTwoBytes";
        const LONG: &str = "aNameOfPreciselyThirtyTwoBytes32";
        const FIELDS: &[&str] = &["a", "b", "cd", LONG, LONGEST];
        const STARTS: Starts = starts(FIELDS);
        let find = |name: &str| FieldName(FIELDS, &STARTS).find(name);
        for (index, name) in FIELDS.iter().enumerate() {
            assert_eq!(find(name), Some(index), "{name}");
        }
        for missing in ["", "c", "ce", "cde", "aNameOfPreciselyThirtyTwoBytes33"] {
            assert_eq!(find(missing), None, "{missing}");
        }
        assert_eq!(find(&LONGEST.to_uppercase()), None);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "7", "\"x\"", "null", r#"{"name":7}"#, r#"{"id":"x"}"#] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
