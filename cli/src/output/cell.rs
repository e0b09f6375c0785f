//! Columns of tables, and how their values look.

use serde_json::Value;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What stands above it.
    pub name: &'static str,
    /// Where the value is in a row: names of fields, joined by dots.
    pub path: &'static str,
    /// What its numbers count.
    pub unit: Unit,
}

impl Column {
    pub const fn new(name: &'static str, path: &'static str) -> Self {
        Self::of(Unit::Plain, name, path)
    }

    pub const fn of(unit: Unit, name: &'static str, path: &'static str) -> Self {
        Self { name, path, unit }
    }
}

/// What numbers count. People read them with their unit; CSV has them as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Plain,
    Bytes,
    Milliseconds,
    Percent,
    /// What this field of the row says: `bytes`, `ms` or `%`.
    InField(&'static str),
}

impl Unit {
    /// The unit of a row.
    pub fn in_row(self, row: &Value) -> Self {
        let Self::InField(path) = self else {
            return self;
        };
        match at(row, path).and_then(Value::as_str) {
            Some("bytes") => Self::Bytes,
            Some("ms") => Self::Milliseconds,
            Some("%") => Self::Percent,
            _ => Self::Plain,
        }
    }

    /// A number with its unit.
    pub fn tell(self, number: f64) -> String {
        match self {
            Self::Plain | Self::InField(_) => number.to_string(),
            Self::Bytes => size(number),
            Self::Milliseconds => time(number / 1000.0),
            Self::Percent => format!("{number:.1} %"),
        }
    }
}

fn size(bytes: f64) -> String {
    let mut size = bytes;
    for unit in ["bytes", "KiB", "MiB", "GiB"] {
        match (size < 1024.0, unit) {
            (true, "bytes") => return format!("{size:.0} {unit}"),
            (true, _) => return format!("{size:.1} {unit}"),
            (false, _) => size /= 1024.0,
        }
    }
    format!("{size:.1} TiB")
}

fn time(seconds: f64) -> String {
    let (minutes, hours) = ((seconds / 60.0).floor(), (seconds / 3600.0).floor());
    if hours >= 1.0 {
        format!("{hours}h {}m", minutes - hours * 60.0)
    } else if minutes >= 1.0 {
        format!("{minutes}m {}s", (seconds - minutes * 60.0).floor())
    } else {
        format!("{seconds:.1}s")
    }
}

/// The value at a path of names, joined by dots.
pub fn at<'a>(row: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(row, |value, name| match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        _ => value.get(name),
    })
}

/// A value as people read it in a table.
pub fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.trim_end().to_owned(),
        Some(Value::Array(list)) => {
            let parts: Vec<_> = list.iter().map(|value| text(Some(value))).collect();
            parts.join(", ")
        }
        // Labels, and what else has a name.
        Some(Value::Object(map)) if map.get("name").is_some_and(Value::is_string) => {
            let name = text(map.get("name"));
            match map.get("value").filter(|value| value.is_string()) {
                Some(value) => format!("{name}={}", text(Some(value))),
                None => name,
            }
        }
        Some(value) => value.to_string(),
    }
}

/// A text for people, without what a terminal obeys: escape sequences and other control characters,
/// and marks that turn the direction of what follows. Names on the Platform may hold them.
pub fn harmless(text: &str) -> String {
    let is_obeyed = |c: char| match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    };
    text.replace(is_obeyed, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        let text = "a\u{1b}]0;title\u{7}b\u{9b}31m\r\u{202e}c\n\td";
        assert_eq!(harmless(text), "a]0;titleb31mc\n\td");
    }

    #[test]
    fn numbers_have_their_units() {
        let told = |unit: Unit, numbers: &[f64]| {
            let told = numbers.iter().map(|number| unit.tell(*number));
            told.collect::<Vec<_>>().join(", ")
        };
        let bytes = told(Unit::Bytes, &[7.0, 1536.0, 274_813_473.0, 2e15]);
        assert_eq!(bytes, "7 bytes, 1.5 KiB, 262.1 MiB, 1819.0 TiB");
        let times = told(Unit::Milliseconds, &[250.0, 61_000.0, 7_559_999.0]);
        assert_eq!(times, "0.2s, 1m 1s, 2h 5m");
        assert_eq!(told(Unit::Percent, &[57.380_952]), "57.4 %");
        let row = json!({"unit": "ms"});
        assert_eq!(Unit::InField("unit").in_row(&row), Unit::Milliseconds);
    }

    #[test]
    fn values_read_well() {
        let row =
            json!({"a": {"b": ["x", "y"]}, "labels": [{"name": "n", "value": "v"}, {"name": "m"}]});
        assert_eq!(text(at(&row, "a.b")), "x, y");
        assert_eq!(text(at(&row, "a.b.1")), "y");
        assert_eq!(text(at(&row, "labels")), "n=v, m");
        assert_eq!(text(at(&row, "a.c")), "");
    }
}
