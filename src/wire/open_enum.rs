//! Enums that the server may add values to at any time.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, Visitor};

/// An enum of strings with a variant for every other string.
pub(crate) trait OpenEnum: Sized {
    /// The variant of a value that the schema knows.
    fn known(value: &str) -> Option<Self>;
    /// The variant of any other value.
    fn unrecognized(value: String) -> Self;
}

pub(crate) fn deserialize<'de, T: OpenEnum, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct TextVisitor<T>(PhantomData<T>);

    impl<T: OpenEnum> Visitor<'_> for TextVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
            Ok(T::known(value).unwrap_or_else(|| T::unrecognized(value.to_owned())))
        }
    }

    deserializer.deserialize_str(TextVisitor(PhantomData))
}

/// Defines an open enum: known values are variants, any other is kept in `Unrecognized`.
macro_rules! open_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $value:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A value that the schema does not know, as the server sent it.
            Unrecognized(String),
        }

        impl $name {
            /// The values that the schema knows.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),*];

            /// The value on the wire.
            #[inline]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Unrecognized(value) => value,
                }
            }
        }

        impl $crate::wire::open_enum::OpenEnum for $name {
            #[inline]
            fn known(value: &str) -> Option<Self> {
                match value {
                    $($value => Some(Self::$variant),)*
                    _ => None,
                }
            }

            #[inline]
            fn unrecognized(value: String) -> Self {
                Self::Unrecognized(value)
            }
        }

        impl ::std::fmt::Display for $name {
            #[inline]
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl From<&str> for $name {
            #[inline]
            fn from(value: &str) -> Self {
                <Self as $crate::wire::open_enum::OpenEnum>::known(value)
                    .unwrap_or_else(|| Self::Unrecognized(value.to_owned()))
            }
        }

        impl From<String> for $name {
            #[inline]
            fn from(value: String) -> Self {
                <Self as $crate::wire::open_enum::OpenEnum>::known(&value).unwrap_or(Self::Unrecognized(value))
            }
        }

        impl From<&str> for $crate::Nullable<$name> {
            #[inline]
            fn from(value: &str) -> Self {
                Self::Value(value.into())
            }
        }

        impl From<Option<&str>> for $crate::Nullable<$name> {
            #[inline]
            fn from(value: Option<&str>) -> Self {
                value.map_or(Self::Absent, Self::from)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::std::convert::Infallible;

            #[inline]
            fn from_str(value: &str) -> Result<Self, Self::Err> {
                Ok(value.into())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::open_enum::deserialize(deserializer)
            }
        }

        impl $crate::wire::argument::Argument<$name> for $name {
            #[inline]
            fn resolve(self) -> Result<Option<$name>, String> {
                Ok(Some(self))
            }
        }

        impl $crate::wire::argument::Argument<$name> for &str {
            #[inline]
            fn resolve(self) -> Result<Option<$name>, String> {
                Ok(Some(self.into()))
            }
        }
    };
}

pub(crate) use open_enum;

#[cfg(test)]
mod tests {
    open_enum! {
        /// A status.
        pub enum Status {
            /// Done.
            Succeeded = "SUCCEEDED",
        }
    }

    #[test]
    fn known_values_are_variants_and_others_are_kept() {
        let statuses: Vec<Status> = serde_json::from_str(r#"["SUCCEEDED","ARCHIVED"]"#).unwrap();
        assert_eq!(
            statuses,
            [
                Status::Succeeded,
                Status::Unrecognized("ARCHIVED".to_owned())
            ]
        );
        assert_eq!(
            serde_json::to_string(&statuses).unwrap(),
            r#"["SUCCEEDED","ARCHIVED"]"#
        );
        assert_eq!(statuses[1].to_string(), "ARCHIVED");
        assert_eq!("SUCCEEDED".parse(), Ok(Status::Succeeded));
        assert_eq!(Status::from("SUCCEEDED".to_owned()), Status::KNOWN[0]);
        assert!(serde_json::from_str::<Status>("7").is_err());
    }
}
