//! The one type of all date-times of the API.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::time::SystemTime;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::wire::reread;

/// A moment in time, in UTC.
///
/// Reads every form that servers send (0 to 9 fractional digits, `Z` or a numeric offset, with a
/// colon or without). One that was read displays and is sent with as many digits of its fraction as
/// it was read with; one that a program makes in the documented form, `YYYY-MM-DDTHH:MM:SSZ`, in
/// whole seconds. Two are equal if they are the same moment.
///
/// ```
/// # use seqera::Timestamp;
/// use chrono::{DateTime, Utc};
///
/// let start: Timestamp = "2026-03-01T10:30:00.25+01:00".parse()?;
/// assert_eq!(start.to_string(), "2026-03-01T09:30:00.25Z");
/// let same = Timestamp::from(DateTime::<Utc>::from(start));
/// assert_eq!(same.to_string(), "2026-03-01T09:30:00Z");
/// assert_eq!(same, start);
/// # Ok::<(), seqera::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Timestamp {
    moment: DateTime<Utc>,
    /// The digits of the fraction that are written.
    digits: u8,
}

impl Timestamp {
    /// The moment that it is now, by the clock of this machine.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// The same moment as a `chrono` date-time, with the fraction the server sent.
    pub const fn to_utc(self) -> DateTime<Utc> {
        self.moment
    }
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.moment == other.moment
    }
}

impl Eq for Timestamp {}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> Ordering {
        self.moment.cmp(&other.moment)
    }
}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Timestamp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.moment.hash(state);
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Timestamp({})",
            self.moment.format("%Y-%m-%dT%H:%M:%S%.fZ")
        )
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
            .map(|moment| Self {
                moment: moment.to_utc(),
                digits: digits(text),
            })
            .map_err(|_| ParseTimestampError(text.chars().take(QUOTED).collect()))
    }
}

/// How many digits of a second's fraction a date-time is written with; chrono keeps nine.
fn digits(text: &str) -> u8 {
    let (_, fraction) = text.split_once('.').unwrap_or_default();
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    digits.min(9) as u8
}

/// Reads what plainly is a moment in another form: without a zone, which is UTC; with the name of
/// its zone behind the offset; without seconds; in milliseconds since 1970.
fn sloppy(text: &str) -> Option<Timestamp> {
    /// In 1973. Fewer milliseconds may be anything, such as seconds.
    const LEAST: u64 = 100_000_000_000;
    if let Ok(milliseconds) = text.parse::<i64>() {
        let moment = DateTime::from_timestamp_millis(milliseconds)?;
        let digits = if milliseconds % 1000 == 0 { 0 } else { 3 };
        let is_plain = milliseconds.unsigned_abs() >= LEAST;
        return is_plain.then_some(Timestamp { moment, digits });
    }
    let text = text.trim();
    let text = text.split_once('[').map_or(text, |(moment, _)| moment);
    let with_zone = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%dT%H:%M%#z",
    ]
    .iter()
    .find_map(|format| Some(DateTime::parse_from_str(text, format).ok()?.to_utc()));
    let moment = with_zone.or_else(|| {
        [
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%dT%H:%M",
        ]
        .iter()
        .find_map(|format| Some(NaiveDateTime::parse_from_str(text, format).ok()?.and_utc()))
    })?;
    let digits = digits(text);
    Some(Timestamp { moment, digits })
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.moment.format("%Y-%m-%dT%H:%M:%S").fmt(f)?;
        let digits = usize::from(self.digits);
        if digits > 0 {
            // A leap second's run on from a whole one.
            let nanoseconds = self.moment.timestamp_subsec_nanos() % 1_000_000_000;
            let nanoseconds = format!("{nanoseconds:09}");
            write!(f, ".{nanoseconds:.digits$}")?;
        }
        f.write_str("Z")
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
                text.parse().or_else(|error| {
                    let sloppy = reread::is_going_on().then(|| sloppy(text)).flatten();
                    sloppy.ok_or_else(|| E::custom(error))
                })
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(moment: DateTime<Utc>) -> Self {
        Self { moment, digits: 0 }
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.moment
    }
}

impl PartialEq<DateTime<Utc>> for Timestamp {
    fn eq(&self, other: &DateTime<Utc>) -> bool {
        self.moment == *other
    }
}

impl PartialEq<Timestamp> for DateTime<Utc> {
    fn eq(&self, other: &Timestamp) -> bool {
        *self == other.moment
    }
}

impl PartialOrd<DateTime<Utc>> for Timestamp {
    fn partial_cmp(&self, other: &DateTime<Utc>) -> Option<Ordering> {
        self.moment.partial_cmp(other)
    }
}

impl PartialOrd<Timestamp> for DateTime<Utc> {
    fn partial_cmp(&self, other: &Timestamp) -> Option<Ordering> {
        self.partial_cmp(&other.moment)
    }
}

impl From<SystemTime> for Timestamp {
    /// A moment beyond the years that a date-time can have becomes the first or the last of them.
    fn from(moment: SystemTime) -> Self {
        let (since, bound) = match moment.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => (TimeDelta::from_std(after).ok(), DateTime::<Utc>::MAX_UTC),
            Err(before) => {
                let before = TimeDelta::from_std(before.duration()).ok();
                (before.map(|before| -before), DateTime::<Utc>::MIN_UTC)
            }
        };
        let moment = since.and_then(|since| DateTime::UNIX_EPOCH.checked_add_signed(since));
        moment.unwrap_or(bound).into()
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
        assert!(now >= before);
        assert!(before <= now);
        assert!(now == now.to_utc() && now.to_utc() == now);
        let past: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
        assert!(past < now && past < before);
        assert!(before > past);
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
            let moment = DateTime::<Utc>::from(read(text));
            let made = Timestamp::from(moment);
            assert_eq!(made.to_string(), "2026-03-01T09:30:00Z", "{text}");
        }
    }

    #[test]
    fn one_to_nine_fractional_digits_are_kept_and_written() {
        let mut before = read("2026-03-01T09:30:00Z");
        for digits in (1..=9).rev() {
            let text = format!("2026-03-01T09:30:00.{:0>digits$}Z", 1);
            assert!(read(&text) > before, "{text}");
            before = read(&text);
            assert_eq!(before.to_string(), text);
        }
        assert_eq!(
            read("2026-03-01T10:30:00.500+0100").to_string(),
            "2026-03-01T09:30:00.500Z"
        );
        let finest = "2026-03-01T09:30:00.1234567891Z";
        assert_eq!(read(finest).to_string(), "2026-03-01T09:30:00.123456789Z");
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
    fn plain_moments_in_other_forms_are_read_where_a_reply_does_not_fit() {
        for (text, moment) in [
            ("2026-03-01T09:30:00", "2026-03-01T09:30:00Z"),
            ("2026-03-01T09:30:00.250", "2026-03-01T09:30:00.250Z"),
            ("2026-03-01 09:30:00", "2026-03-01T09:30:00Z"),
            ("2026-03-01T09:30", "2026-03-01T09:30:00Z"),
            ("2026-03-01T09:30Z", "2026-03-01T09:30:00Z"),
            (
                "2026-03-01T10:30:00+01:00[Europe/Oslo]",
                "2026-03-01T09:30:00Z",
            ),
            ("1772357400000", "2026-03-01T09:30:00Z"),
            ("1772357400250", "2026-03-01T09:30:00.250Z"),
        ] {
            assert_eq!(sloppy(text).unwrap().to_string(), moment, "{text}");
        }
        for text in [
            "",
            "2026-03-01",
            "0",
            "1772357400",
            "99999999999999999",
            "09:30:00",
        ] {
            assert_eq!(sloppy(text), None, "{text}");
        }
    }

    #[test]
    fn json_round_trip() {
        let read: Timestamp = serde_json::from_str("\"2026-03-01T09:30:00.123Z\"").unwrap();
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            "\"2026-03-01T09:30:00.123Z\""
        );
        let error = serde_json::from_str::<Timestamp>("17")
            .unwrap_err()
            .to_string();
        assert!(error.contains("expected an ISO 8601 date-time"), "{error}");
    }

    #[test]
    fn moments_that_are_far_away_are_the_first_or_the_last() {
        let far = std::time::Duration::from_secs(i64::MAX as u64);
        let later = SystemTime::UNIX_EPOCH.checked_add(far);
        let earlier = SystemTime::UNIX_EPOCH.checked_sub(far);
        if let (Some(later), Some(earlier)) = (later, earlier) {
            let (later, earlier) = (Timestamp::from(later), Timestamp::from(earlier));
            assert_eq!(later.to_utc(), DateTime::<Utc>::MAX_UTC);
            assert_eq!(earlier.to_utc(), DateTime::<Utc>::MIN_UTC);
            assert!(!format!("{later} {earlier}").is_empty());
        }
    }

    #[test]
    fn conversions_are_lossless() {
        let moment = read("2026-03-01T09:30:00.123456789Z");
        assert_eq!(Timestamp::from(DateTime::<Utc>::from(moment)), moment);
        assert_eq!(Timestamp::from(SystemTime::from(moment.to_utc())), moment);
    }
}
