//! A field that can be sent as null.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A field of a request that may be left out, sent as null, or sent with a value: three things that
/// the server tells apart. Absent leaves what is there, null clears it.
///
/// Setters take a plain value, an [`Option`] (`None` leaves the field out), or [`Null`](Self::Null):
///
/// ```
/// use seqera::{Null, types::UpdateAgentRequest};
///
/// let keep = UpdateAgentRequest::new();
/// let clear = UpdateAgentRequest::new().description(Null);
/// let change = UpdateAgentRequest::new().description("Triage of failed runs");
/// assert_eq!(serde_json::to_string(&keep)?, "{}");
/// assert_eq!(serde_json::to_string(&clear)?, r#"{"description":null}"#);
/// assert_eq!(serde_json::to_string(&change)?, r#"{"description":"Triage of failed runs"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Nullable<T> {
    /// Not there.
    #[default]
    Absent,
    /// There, and null.
    Null,
    /// There, with a value.
    Value(T),
}

impl<T> Nullable<T> {
    /// The value, if there is one.
    pub fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The value to change, if there is one.
    pub fn as_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The value, borrowed as what it points to: `&str` of a `String`.
    pub fn as_deref(&self) -> Option<&T::Target>
    where
        T: std::ops::Deref,
    {
        self.as_ref().map(T::deref)
    }

    /// A value, or absent where there is none.
    pub fn from_option(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }

    /// The value as an option: null and absent mean the same to a reader.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The same with what is made of the value; absent and null stay what they are.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Nullable<U> {
        match self {
            Self::Value(value) => Nullable::Value(change(value)),
            Self::Null => Nullable::Null,
            Self::Absent => Nullable::Absent,
        }
    }

    /// What is made of the value, if there is one.
    pub fn and_then<U>(self, change: impl FnOnce(T) -> Option<U>) -> Option<U> {
        self.into_option().and_then(change)
    }

    /// The value, or another where there is none.
    pub fn unwrap_or(self, other: T) -> T {
        self.into_option().unwrap_or(other)
    }

    /// The value, or what is made where there is none.
    pub fn unwrap_or_else(self, other: impl FnOnce() -> T) -> T {
        self.into_option().unwrap_or_else(other)
    }

    /// The value, or the empty one where there is none.
    pub fn unwrap_or_default(self) -> T
    where
        T: Default,
    {
        self.into_option().unwrap_or_default()
    }

    /// The value, or an error where there is none.
    ///
    /// # Errors
    /// There is no value.
    pub fn ok_or<E>(self, error: E) -> Result<T, E> {
        self.into_option().ok_or(error)
    }

    /// The value, or an error that is made where there is none.
    ///
    /// # Errors
    /// There is no value.
    pub fn ok_or_else<E>(self, error: impl FnOnce() -> E) -> Result<T, E> {
        self.into_option().ok_or_else(error)
    }

    /// Whether there is a value of which something holds.
    pub fn is_some_and(self, holds: impl FnOnce(T) -> bool) -> bool {
        self.into_option().is_some_and(holds)
    }

    /// The value as an iterator of one or none.
    pub fn iter(&self) -> std::option::IntoIter<&T> {
        self.as_ref().into_iter()
    }

    /// Whether there is a value.
    pub fn is_some(&self) -> bool {
        matches!(self, Self::Value(_))
    }

    /// Whether there is no value: absent or null.
    pub fn is_none(&self) -> bool {
        !self.is_some()
    }

    /// Whether the field is not there at all.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether the field is there, and null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Takes the value out and leaves the field absent.
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_option()
    }
}

impl<T> From<T> for Nullable<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<T> From<Option<T>> for Nullable<T> {
    fn from(value: Option<T>) -> Self {
        Self::from_option(value)
    }
}

/// What else a setter takes for a value, and an option of it.
macro_rules! nullable_from {
    ($($target:ty: $($source:ty),+;)*) => {$($(
        impl From<$source> for Nullable<$target> {
            fn from(value: $source) -> Self {
                Self::Value(value.into())
            }
        }

        impl From<Option<$source>> for Nullable<$target> {
            fn from(value: Option<$source>) -> Self {
                value.map_or(Self::Absent, Self::from)
            }
        }
    )+)*};
}

nullable_from! {
    String: &str, &String, std::borrow::Cow<'_, str>, char;
    i64: i8, i16, i32, u8, u16, u32;
    f64: f32, i32;
}

impl<T, const N: usize> From<[T; N]> for Nullable<Vec<T>> {
    fn from(values: [T; N]) -> Self {
        Self::Value(values.into())
    }
}

impl<T> IntoIterator for Nullable<T> {
    type Item = T;
    type IntoIter = std::option::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_option().into_iter()
    }
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => serializer.serialize_some(value),
            Self::Absent | Self::Null => serializer.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

#[cfg(test)]
mod tests {
    use super::Nullable::Null;
    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize)]
    struct Body {
        #[serde(default, skip_serializing_if = "Nullable::is_absent")]
        ids: Nullable<Vec<i64>>,
    }

    #[test]
    fn four_states_of_a_list_survive_reading_and_writing() {
        for text in ["{}", r#"{"ids":null}"#, r#"{"ids":[]}"#, r#"{"ids":[1]}"#] {
            let body: Body = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&body).unwrap(), text);
        }
    }

    #[test]
    fn null_and_absent_read_alike() {
        let null: Body = serde_json::from_str(r#"{"ids":null}"#).unwrap();
        assert!(null.ids.is_none() && Body::default().ids.is_none());
        assert_eq!(null.ids.as_ref(), Body::default().ids.as_ref());
    }

    #[test]
    fn it_does_what_an_option_does() {
        let seven = Nullable::Value(7);
        let none: [Nullable<i64>; 2] = [Null, Nullable::Absent];
        assert_eq!(seven.map(|value| value + 1), Nullable::Value(8));
        assert_eq!(none.map(|none| none.map(|value| value + 1)), none);
        assert_eq!((seven.unwrap_or(1), Null.unwrap_or(1)), (7, 1));
        assert_eq!(none.map(Nullable::unwrap_or_default), [0, 0]);
        assert_eq!(
            (seven.ok_or("none"), none[0].ok_or("none")),
            (Ok(7), Err("none"))
        );
        assert!(seven.is_some_and(|value| value == 7) && !none[1].is_some_and(|_| true));
        assert_eq!(seven.into_iter().chain(Null).collect::<Vec<i64>>(), [7]);
        assert_eq!(Nullable::from(Some("a")), Nullable::Value("a".to_owned()));
        assert_eq!(Nullable::<i64>::from(None::<u32>), Nullable::Absent);
    }

    #[test]
    fn values_convert_by_themselves() {
        fn set<T>(value: impl Into<Nullable<T>>) -> Nullable<T> {
            value.into()
        }
        assert_eq!(set::<String>("a"), Nullable::Value("a".to_owned()));
        assert_eq!(set::<String>(Null), Nullable::Null);
        assert_eq!(set::<String>(None::<String>), Nullable::Absent);
        assert_eq!(set::<i64>(1), Nullable::Value(1));
        assert_eq!(set::<Vec<i64>>([]), Nullable::Value(vec![]));
        assert_eq!(set::<bool>(true), Nullable::Value(true));
    }
}
