//! The one type of all date-times of the API.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A moment in time, in UTC.
///
/// Reads every form that servers send (0 to 9 fractional digits, `Z` or a numeric offset, with a
/// colon or without) and keeps the fraction for comparisons. Displays and sends the documented form,
/// `YYYY-MM-DDTHH:MM:SSZ`, in whole seconds.
///
/// ```
/// # use seqera::Timestamp;
/// let start: Timestamp = "2026-03-01T10:30:00.25+01:00".parse()?;
/// assert_eq!(start.to_string(), "2026-03-01T09:30:00Z");
/// # Ok::<(), seqera::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The moment that it is now, by the clock of this machine.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// The same moment as a `chrono` date-time, with the fraction the server sent.
    pub const fn to_utc(self) -> DateTime<Utc> {
        self.0
    }
}

/// A text that is not an ISO 8601 date-time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTimestampError(String);

impl fmt::Display for ParseTimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not an ISO 8601 date-time such as 2026-03-01T09:30:00Z",
            self.0
        )
    }
}

impl std::error::Error for ParseTimestampError {}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        /// Longer than any date-time; an error does not repeat a whole document.
        const QUOTED: usize = 64;
        DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z"))
            .map(|moment| Self(moment.to_utc()))
            .map_err(|_| ParseTimestampError(text.chars().take(QUOTED).collect()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%dT%H:%M:%SZ").fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an ISO 8601 date-time")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(moment: DateTime<Utc>) -> Self {
        Self(moment)
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0
    }
}

impl PartialEq<DateTime<Utc>> for Timestamp {
    fn eq(&self, other: &DateTime<Utc>) -> bool {
        self.0 == *other
    }
}

impl PartialEq<Timestamp> for DateTime<Utc> {
    fn eq(&self, other: &Timestamp) -> bool {
        *self == other.0
    }
}

impl PartialOrd<DateTime<Utc>> for Timestamp {
    fn partial_cmp(&self, other: &DateTime<Utc>) -> Option<Ordering> {
        self.0.partial_cmp(other)
    }
}

impl PartialOrd<Timestamp> for DateTime<Utc> {
    fn partial_cmp(&self, other: &Timestamp) -> Option<Ordering> {
        self.partial_cmp(&other.0)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(moment: SystemTime) -> Self {
        Self(moment.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn now_and_comparisons_with_chrono() {
        let before = DateTime::<Utc>::from(SystemTime::now());
        let now = Timestamp::now();
        assert!(now >= before && before <= now && now == now.to_utc() && now.to_utc() == now);
        let past: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
        assert!(past < now && past < before && before > past);
    }

    #[test]
    fn every_form_servers_send_is_the_same_moment() {
        for text in [
            "2026-03-01T09:30:00Z",
            "2026-03-01T09:30:00.0Z",
            "2026-03-01T09:30:00.000000000Z",
            "2026-03-01T09:30:00+00:00",
            "2026-03-01T10:30:00+01:00",
            "2026-03-01T09:30:00+0000",
            "2026-03-01T10:30:00.000+0100",
            "2026-03-01T00:00:00.000-09:30",
        ] {
            assert_eq!(read(text), read("2026-03-01T09:30:00Z"), "{text}");
            assert_eq!(read(text).to_string(), "2026-03-01T09:30:00Z", "{text}");
        }
    }

    #[test]
    fn one_to_nine_fractional_digits_are_kept_for_ordering() {
        let mut before = read("2026-03-01T09:30:00Z");
        for digits in (1..=9).rev() {
            let text = format!("2026-03-01T09:30:00.{:0>digits$}Z", 1);
            assert!(read(&text) > before, "{text}");
            before = read(&text);
            assert_eq!(before.to_string(), "2026-03-01T09:30:00Z");
        }
    }

    #[test]
    fn other_texts_are_refused_by_name() {
        for text in [
            "",
            "yesterday",
            "2026-03-01",
            "1772357400",
            "2026-13-01T00:00:00Z",
        ] {
            let error = text.parse::<Timestamp>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!("`{text}` is not an ISO 8601 date-time such as 2026-03-01T09:30:00Z")
            );
        }
        assert!(
            "x".repeat(9_000)
                .parse::<Timestamp>()
                .unwrap_err()
                .to_string()
                .len()
                < 200
        );
    }

    #[test]
    fn json_round_trip() {
        let read: Timestamp = serde_json::from_str("\"2026-03-01T09:30:00.123Z\"").unwrap();
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            "\"2026-03-01T09:30:00Z\""
        );
        let error = serde_json::from_str::<Timestamp>("17")
            .unwrap_err()
            .to_string();
        assert!(error.contains("expected an ISO 8601 date-time"), "{error}");
    }

    #[test]
    fn conversions_are_lossless() {
        let moment = read("2026-03-01T09:30:00.123456789Z");
        assert_eq!(Timestamp::from(DateTime::<Utc>::from(moment)), moment);
        assert_eq!(Timestamp::from(SystemTime::from(moment.to_utc())), moment);
    }
}
