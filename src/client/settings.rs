//! Settings as they stand in configuration files.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::{Error, RateLimit, Result, RetryPolicy, WorkspaceRef};

/// A number, or text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Whole(i64),
    Number(f64),
    Text(String),
}

impl FromStr for WorkspaceRef {
    type Err = Infallible;

    /// An id, `organization/workspace`, or `personal`.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.into())
    }
}

impl fmt::Display for WorkspaceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfClient => f.write_str("the client's workspace"),
            Self::Personal => f.write_str("personal"),
            Self::Environment => f.write_str("$TOWER_WORKSPACE_ID"),
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for WorkspaceRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer) {
            Ok(Scalar::Whole(id)) => Ok(Self::Id(id)),
            Ok(Scalar::Text(text)) => Ok(text.into()),
            _ => Err(D::Error::custom(
                "a workspace is an id, `organization/workspace` or `personal`",
            )),
        }
    }
}

impl FromStr for RateLimit {
    type Err = Error;

    /// `20/s`, `20`, or `unlimited`.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let number = text.strip_suffix("/s").unwrap_or(text).trim_end();
        match number.parse() {
            Ok(calls) if calls > 0 => Ok(Self::per_second(calls)),
            _ if text == "unlimited" => Ok(Self::unlimited()),
            _ => Err(Error::configuration(format!(
                "`{text}` is no rate limit: write calls a second such as `20/s`, or `unlimited`"
            ))),
        }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.calls() {
            Some(calls) => write!(f, "{calls}/s"),
            None => f.write_str("unlimited"),
        }
    }
}

impl<'de> Deserialize<'de> for RateLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Scalar::deserialize(deserializer)? {
            Scalar::Whole(calls) => calls.to_string(),
            Scalar::Number(calls) => calls.to_string(),
            Scalar::Text(text) => text,
        };
        text.parse().map_err(D::Error::custom)
    }
}

const POLICY: &str = "write `none`, or what differs from the default of \
                      `attempts=4 base_backoff=500ms max_backoff=20s total_time=2m`";

/// Sets a part of a policy by its name.
fn set(policy: RetryPolicy, name: &str, value: &str) -> Option<RetryPolicy> {
    Some(match name {
        "attempts" => policy.attempts(value.parse().ok()?),
        "base_backoff" => policy.base_backoff(duration(value)?),
        "max_backoff" => policy.max_backoff(duration(value)?),
        "total_time" => policy.total_time(duration(value)?),
        _ => return None,
    })
}

/// Seconds, or a number with a unit.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text[..text.len() - unit.len()].parse().ok()?;
    let seconds = match unit.trim_start() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * seconds).ok()
}

impl FromStr for RetryPolicy {
    type Err = Error;

    /// `none`, or what differs from the default, such as `attempts=6 total_time=10m`. Times are
    /// in `ms`, `s`, `m` or `h`.
    fn from_str(text: &str) -> Result<Self> {
        if text.trim() == "none" {
            return Ok(Self::none());
        }
        let parts = text.split([' ', ',']).filter(|part| !part.is_empty());
        parts.clone().try_fold(Self::default(), |policy, part| {
            let changed = part
                .split_once('=')
                .and_then(|(name, value)| set(policy, name, value));
            changed.ok_or_else(|| {
                Error::configuration(format!("`{part}` is no part of a retry policy: {POLICY}"))
            })
        })
    }
}

impl fmt::Display for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [base, max, total] = self.times();
        let attempts = self.most_attempts();
        write!(
            f,
            "attempts={attempts} base_backoff={base:?} max_backoff={max:?} total_time={total:?}"
        )
    }
}

impl<'de> Deserialize<'de> for RetryPolicy {
    /// Text as [`from_str`](Self::from_str) takes it, or a map of the same; times in seconds, or
    /// with a unit.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Parts(std::collections::BTreeMap<String, Scalar>),
        }
        let wrong = |what: &str| D::Error::custom(format!("{what} is no retry policy: {POLICY}"));
        match Written::deserialize(deserializer).map_err(|_| wrong("this"))? {
            Written::Text(text) => text.parse().map_err(D::Error::custom),
            Written::Parts(parts) => {
                parts
                    .into_iter()
                    .try_fold(Self::default(), |policy, (name, value)| {
                        let value = match value {
                            Scalar::Whole(number) => number.to_string(),
                            Scalar::Number(number) => number.to_string(),
                            Scalar::Text(text) => text,
                        };
                        set(policy, &name, &value)
                            .ok_or_else(|| wrong(&format!("`{name}: {value}`")))
                    })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_from_text_and_written_so_that_they_are_read_again() {
        for workspace in [
            WorkspaceRef::Personal,
            WorkspaceRef::Id(42),
            WorkspaceRef::Name("acme/research".into()),
        ] {
            assert_eq!(workspace.to_string().parse(), Ok(workspace));
        }
        for limit in [RateLimit::default(), RateLimit::unlimited()] {
            assert_eq!(limit.to_string().parse::<RateLimit>().unwrap(), limit);
        }
        let patient = RetryPolicy::default()
            .attempts(8)
            .base_backoff(Duration::from_millis(1500))
            .total_time(Duration::from_secs(600));
        for policy in [RetryPolicy::default(), RetryPolicy::none(), patient] {
            assert_eq!(policy.to_string().parse::<RetryPolicy>().unwrap(), policy);
        }
        let short: RetryPolicy = "attempts=8, base_backoff=1.5s, total_time=10m"
            .parse()
            .unwrap();
        assert_eq!(short, patient);
    }

    #[test]
    fn configuration_files_hold_them_as_people_write_them() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct File {
            workspace: WorkspaceRef,
            limit: RateLimit,
            retry: RetryPolicy,
        }
        let read = serde_json::from_str::<File>;
        let file =
            read(r#"{"workspace": 42, "limit": 10, "retry": {"attempts": 6, "total_time": 90.5}}"#);
        let expected = File {
            workspace: WorkspaceRef::Id(42),
            limit: RateLimit::per_second(10),
            retry: RetryPolicy::default()
                .attempts(6)
                .total_time(Duration::from_millis(90_500)),
        };
        assert_eq!(file.unwrap(), expected);
        let file = read(r#"{"workspace": "acme/lab", "limit": "unlimited", "retry": "none"}"#);
        assert_eq!(file.unwrap().retry, RetryPolicy::none());

        for (wrong, said) in [
            (
                r#"{"workspace": true, "limit": 1, "retry": "none"}"#,
                "a workspace is an id",
            ),
            (
                r#"{"workspace": 1, "limit": "fast", "retry": "none"}"#,
                "`fast` is no rate limit",
            ),
            (
                r#"{"workspace": 1, "limit": 0, "retry": "none"}"#,
                "`0` is no rate limit",
            ),
            (
                r#"{"workspace": 1, "limit": 1, "retry": "often"}"#,
                "`often` is no part",
            ),
            (
                r#"{"workspace": 1, "limit": 1, "retry": {"tries": 3}}"#,
                "`tries: 3` is no retry",
            ),
            (
                r#"{"workspace": 1, "limit": 1, "retry": {"total_time": "1d"}}"#,
                "`total_time: 1d`",
            ),
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
