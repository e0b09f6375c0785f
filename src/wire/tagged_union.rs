//! Types of which a property tells the kind.

use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::ser::{Error as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::record::{Record, find};
use crate::wire::reread;

/// A union whose variant is told by a property of the object, its tag.
pub(crate) trait TaggedUnion: Sized {
    /// The name of the property.
    const TAG: &'static str;
    /// Reads the variant that goes by a tag; gives the value back if there is none.
    fn read(tag: &str, value: Value) -> Result<Self, ReadError>;
    /// Keeps a value of no known kind.
    fn unrecognized(value: Value) -> Self;
    /// Gives back a value that names no kind.
    fn into_untagged(self) -> Result<Value, Self>;

    /// Reads a value that names no kind as one of this kind. Where that fails, and where the value
    /// names its kind, it stays as it is.
    fn with_kind(self, kind: &str) -> Self {
        let value = match self.into_untagged() {
            Ok(value) => value,
            Err(union) => return union,
        };
        of_kind(kind, value.clone()).unwrap_or_else(|_| Self::unrecognized(value))
    }
}

/// Reads a value of a kind that is known from elsewhere, leniently.
pub(crate) fn of_kind<T: TaggedUnion>(kind: &str, value: Value) -> Result<T, serde_json::Error> {
    let reread = reread::leniently(|| T::read(kind, value));
    reread.warn(kind);
    match reread.value {
        Ok(union) => Ok(union),
        Err(ReadError::Unknown(value)) => Ok(T::unrecognized(value)),
        Err(ReadError::Misfit(text)) => Err(serde::de::Error::custom(text)),
    }
}

/// Why a value was not read as a variant.
pub(crate) enum ReadError {
    /// No variant goes by this tag.
    Unknown(Value),
    /// The value does not fit the variant.
    Misfit(String),
}

pub(crate) fn deserialize<'de, T: TaggedUnion, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let Some(tag) = value.get(T::TAG).and_then(Value::as_str).map(str::to_owned) else {
        return Ok(T::unrecognized(value));
    };
    match T::read(&tag, value) {
        Ok(union) => Ok(union),
        Err(ReadError::Unknown(value)) => Ok(T::unrecognized(value)),
        Err(ReadError::Misfit(text)) => Err(D::Error::custom(text)),
    }
}

/// Reads a variant. The tag named so is the union's, unless the variant's type has it too.
pub(crate) fn read_variant<T: Record + DeserializeOwned>(
    name: &str,
    tag: &str,
    mut value: Value,
) -> Result<T, ReadError> {
    if let Value::Object(fields) = &mut value
        && find::<T>(name).is_none()
    {
        fields.remove(name);
    }
    match reread::is_going_on() {
        true => reread::part(&value),
        false => serde_json::from_value(value),
    }
    .map_err(|error| ReadError::Misfit(format!("{tag}: {error}")))
}

/// Writes a variant with its tag.
pub(crate) fn serialize_variant<T: Serialize, S: Serializer>(
    name: &str,
    tag: &str,
    variant: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut value = serde_json::to_value(variant).map_err(S::Error::custom)?;
    if let Value::Object(object) = &mut value {
        object.insert(name.to_owned(), tag.into());
    }
    value.serialize(serializer)
}

/// Defines a union: each kind has a variant, any other is kept in `Unrecognized`.
macro_rules! tagged_union {
    ($(#[doc = $doc:literal])* #[tag = $tag:literal] pub enum $name:ident {
        $($(#[$meta:meta])* $variant:ident($type:ty) = $value:literal),* $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$meta])* $variant($type),)*
            /// A value of a kind that the schema does not know, or that names no kind, as the
            /// server sent it.
            Unrecognized(::serde_json::Value),
        }

        impl $name {
            #[doc = concat!("The value of `", $tag, "`; none if a value of unknown form has none.")]
            #[inline]
            pub fn kind(&self) -> Option<&str> {
                match self {
                    $(Self::$variant(_) => Some($value),)*
                    Self::Unrecognized(value) => value.get($tag)?.as_str(),
                }
            }

            /// Reads a value of a kind that is known from elsewhere: the `platform` beside a
            /// `config` that does not name its kind.
            ///
            /// # Errors
            /// The value is no object. A kind that the schema does not know is no error.
            #[inline]
            pub fn of_kind(kind: &str, value: ::serde_json::Value) -> Result<Self, ::serde_json::Error> {
                $crate::wire::tagged_union::of_kind(kind, value)
            }
        }

        impl $crate::wire::tagged_union::TaggedUnion for $name {
            const TAG: &'static str = $tag;

            #[inline]
            fn read(
                tag: &str,
                value: ::serde_json::Value,
            ) -> Result<Self, $crate::wire::tagged_union::ReadError> {
                match tag {
                    $($value => $crate::wire::tagged_union::read_variant($tag, tag, value).map(Self::$variant),)*
                    _ => Err($crate::wire::tagged_union::ReadError::Unknown(value)),
                }
            }

            #[inline]
            fn unrecognized(value: ::serde_json::Value) -> Self {
                Self::Unrecognized(value)
            }

            #[inline]
            fn into_untagged(self) -> Result<::serde_json::Value, Self> {
                match self {
                    Self::Unrecognized(value)
                        if value.is_object() && value.get($tag).is_none_or(|tag| tag.is_null()) =>
                    {
                        Ok(value)
                    }
                    union => Err(union),
                }
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(value) => {
                        $crate::wire::tagged_union::serialize_variant($tag, $value, value, serializer)
                    })*
                    Self::Unrecognized(value) => ::serde::Serialize::serialize(value, serializer),
                }
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::tagged_union::deserialize(deserializer)
            }
        }
    };
}

pub(crate) use tagged_union;

#[cfg(test)]
mod tests {
    use serde::de::MapAccess;
    use serde::ser::SerializeMap;
    use serde_json::json;

    use super::*;
    use crate::wire::extra::Extra;
    use crate::wire::record::{self, Fields};

    /// What both kinds are.
    #[derive(Clone, Debug, Default)]
    pub struct Grid {
        queue: Option<String>,
        extra: Extra,
    }

    impl Record for Grid {
        const FIELDS: &'static [&'static str] = &["queue"];

        fn read<'de, A: MapAccess<'de>>(&mut self, _: usize, map: &mut A) -> Result<(), A::Error> {
            record::read(&mut self.queue, map)
        }

        fn write<S: SerializeMap>(&self, fields: &mut Fields<'_, S>) {
            fields.field("queue", &self.queue);
        }

        fn unknown(&self) -> &Extra {
            &self.extra
        }

        fn unknown_mut(&mut self) -> &mut Extra {
            &mut self.extra
        }
    }

    record::record_serde!(Grid);

    tagged_union! {
        /// A configuration.
        #[tag = "discriminator"]
        pub enum Config {
            /// Batch.
            Batch(Grid) = "batch",
            /// Grid.
            Grid(Box<Grid>) = "grid",
        }
    }

    fn read(value: Value) -> Config {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_tag_tells_the_variant_and_is_written_by_itself() {
        let value = json!({ "discriminator": "grid", "queue": "long" });
        let config = read(value.clone());
        assert!(matches!(&config, Config::Grid(grid) if grid.queue.as_deref() == Some("long")));
        assert_eq!(serde_json::to_value(&config).unwrap(), value);
        let Config::Grid(mut grid) = config else {
            panic!("{config:?}");
        };
        assert!(grid.extra_mut().is_empty(), "{grid:?}");
        let fresh = Config::Batch(Grid::default());
        assert_eq!(
            serde_json::to_value(&fresh).unwrap(),
            json!({ "discriminator": "batch" })
        );
    }

    #[test]
    fn unknown_and_missing_tags_keep_the_value() {
        for value in [
            json!({ "discriminator": "retired", "a": [1] }),
            json!({ "queue": "x" }),
            json!([1]),
            json!(1),
        ] {
            let config = read(value.clone());
            assert!(matches!(config, Config::Unrecognized(_)));
            assert_eq!(serde_json::to_value(&config).unwrap(), value);
        }
    }

    #[test]
    fn a_kind_known_from_elsewhere_resolves_a_missing_tag() {
        let config = Config::of_kind("batch", json!({ "queue": "x" })).unwrap();
        assert_eq!(config.kind(), Some("batch"));
        assert!(
            Config::of_kind("retired", json!({}))
                .unwrap()
                .kind()
                .is_none()
        );
    }

    #[test]
    fn only_a_value_without_a_tag_is_given_a_kind() {
        let config = read(json!({ "queue": "x" })).with_kind("grid");
        assert_eq!(config.kind(), Some("grid"));
        let config = read(json!({ "queue": "x" })).with_kind("retired");
        assert!(matches!(config, Config::Unrecognized(_)));
        let config = read(json!({ "queue": {} })).with_kind("grid");
        assert_eq!(config.kind(), Some("grid"));
        let config = read(json!({ "discriminator": "batch" })).with_kind("grid");
        assert_eq!(config.kind(), Some("batch"));
        let config = read(json!({ "discriminator": "retired" })).with_kind("grid");
        assert_eq!(config.kind(), Some("retired"));
    }

    #[test]
    fn a_misfit_is_an_error_unless_it_is_read_leniently() {
        let value = json!({ "discriminator": "grid", "queue": {} });
        let error = serde_json::from_value::<Config>(value.clone()).unwrap_err();
        assert!(
            error.to_string().starts_with("grid: invalid type"),
            "{error}"
        );
        let reread = reread::from_value::<Config>(&value).unwrap();
        assert_eq!(reread.kept, ["queue"]);
        let Config::Grid(grid) = &reread.value else {
            panic!("{:?}", reread.value);
        };
        assert_eq!((&grid.queue, &grid.extra()["queue"]), (&None, &json!({})));
        assert_eq!(serde_json::to_value(&reread.value).unwrap(), value);
    }
}
