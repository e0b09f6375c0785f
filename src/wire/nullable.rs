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

    /// The value as an option: null and absent mean the same to a reader.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
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
        value.map_or(Self::Absent, Self::Value)
    }
}

impl From<&str> for Nullable<String> {
    fn from(value: &str) -> Self {
        Self::Value(value.to_owned())
    }
}

impl From<i32> for Nullable<i64> {
    fn from(value: i32) -> Self {
        Self::Value(value.into())
    }
}

impl<T, const N: usize> From<[T; N]> for Nullable<Vec<T>> {
    fn from(values: [T; N]) -> Self {
        Self::Value(values.into())
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
