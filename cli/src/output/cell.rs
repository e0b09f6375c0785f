//! Columns of tables, and how their values look.

use serde_json::Value;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What stands above it.
    pub name: &'static str,
    /// Where the value is in a row: names of fields, joined by dots.
    pub path: &'static str,
}

impl Column {
    pub const fn new(name: &'static str, path: &'static str) -> Self {
        Self { name, path }
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
    fn values_read_well() {
        let row =
            json!({"a": {"b": ["x", "y"]}, "labels": [{"name": "n", "value": "v"}, {"name": "m"}]});
        assert_eq!(text(at(&row, "a.b")), "x, y");
        assert_eq!(text(at(&row, "a.b.1")), "y");
        assert_eq!(text(at(&row, "labels")), "n=v, m");
        assert_eq!(text(at(&row, "a.c")), "");
    }
}
