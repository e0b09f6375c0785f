//! Values of parameters, as text: checked, and written as the typed builders write them.

use crate::Timestamp;
use crate::nearest::nearest;

use super::{Kind, Parameter};

impl Parameter {
    /// A value as it is sent.
    ///
    /// # Errors
    /// It is none; the text says what is taken.
    pub(super) fn read(&self, value: &str) -> Result<String, String> {
        if !self.values.is_empty() {
            return one_of(self.values.iter().copied(), value).map(str::to_owned);
        }
        let trimmed = value.trim();
        let (read, wanted) = match self.kind {
            Kind::Text => return Ok(value.to_owned()),
            Kind::Integer => (
                trimmed.parse::<i64>().ok().map(|number| number.to_string()),
                "a whole number",
            ),
            Kind::Number => (
                trimmed.parse::<f64>().ok().map(|number| number.to_string()),
                "a number",
            ),
            Kind::Boolean => (
                trimmed
                    .to_lowercase()
                    .parse::<bool>()
                    .ok()
                    .map(|flag| flag.to_string()),
                "`true` or `false`",
            ),
            Kind::Timestamp => (
                trimmed
                    .parse::<Timestamp>()
                    .ok()
                    .map(|moment| moment.to_string()),
                "a date-time such as `2026-03-01T09:30:00Z`",
            ),
        };
        read.ok_or_else(|| format!("takes {wanted}, not `{value}`"))
    }
}

/// The allowed value that is meant, in whatever case it is written.
pub(super) fn one_of<'a>(
    allowed: impl Iterator<Item = &'a str> + Clone,
    value: &str,
) -> Result<&'a str, String> {
    let exact = allowed.clone().find(|known| *known == value);
    let mut others = allowed.clone();
    let found = exact.or_else(|| others.find(|known| known.eq_ignore_ascii_case(value)));
    found.ok_or_else(|| {
        let near = is_it(value, allowed.clone());
        format!("takes one of {}, not `{value}`{near}", quoted(allowed))
    })
}

/// `: is it …?`, where something is near.
pub(super) fn is_it<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(wanted, names) {
        near if near.is_empty() => String::new(),
        near => format!(": is it {}?", quoted(near)),
    }
}

/// Names in code marks, with commas between them.
pub(super) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
