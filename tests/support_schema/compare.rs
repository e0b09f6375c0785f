//! Whether what was written is what was read.

use serde_json::Value;

/// A property that no schema has: a reader keeps it.
pub const UNKNOWN_FIELD: &str = "addedByANewerServer";

/// What was lost, changed or made up between reading and writing, each with its path. Null is the
/// same as absent, a number the same as its decimal text, a date the same as another text for the
/// same moment with the same digits.
pub fn differences(read: &Value, written: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", read, written, &mut found);
    found
}

fn compare(path: &str, read: &Value, written: &Value, found: &mut Vec<String>) {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => {
            for (name, value) in read {
                match written.get(name) {
                    Some(written) => compare(&format!("{path}/{name}"), value, written, found),
                    None if value.is_null() => {}
                    None => found.push(format!("{path}/{name} is lost: {value}")),
                }
            }
            for (name, value) in written {
                if !read.contains_key(name) && !value.is_null() {
                    found.push(format!("{path}/{name} is made up: {value}"));
                }
            }
        }
        (Value::Array(read), Value::Array(written)) if read.len() == written.len() => {
            for (index, (read, written)) in read.iter().zip(written).enumerate() {
                compare(&format!("{path}/{index}"), read, written, found);
            }
        }
        (read, written) if same(read, written) => {}
        (read, written) => found.push(format!("{path} was {read} and is {written}")),
    }
}

fn same(read: &Value, written: &Value) -> bool {
    match (read, written) {
        (Value::Number(read), Value::Number(written)) => {
            read == written || read.as_f64() == written.as_f64()
        }
        (Value::String(read), Value::Number(written)) => *read == written.to_string(),
        (Value::String(read), Value::String(written)) => {
            read == written || moment(read).is_some_and(|read| Some(read) == moment(written))
        }
        (read, written) => read == written,
    }
}

/// A moment, and the digits of its fraction.
fn moment(text: &str) -> Option<(i64, &str)> {
    let moment = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    let (_, fraction) = text.split_once('.').unwrap_or_default();
    let end = fraction.find(|c: char| !c.is_ascii_digit());
    Some((
        moment.timestamp(),
        &fraction[..end.unwrap_or(fraction.len())],
    ))
}

/// The tests that follow are worth what this comparison notices.
#[test]
fn a_comparison_notices_every_kind_of_loss() {
    use serde_json::json;
    let whole =
        json!({ "id": 7, "when": "2026-03-01T09:30:00.25Z", "list": [{ "a": "x" }], "none": null });
    let same = [
        whole.clone(),
        json!({ "id": "7", "when": "2026-03-01T10:30:00.25+01:00", "list": [{ "a": "x" }] }),
        json!({ "id": 7.0, "when": "2026-03-01T09:30:00.25Z", "list": [{ "a": "x" }], UNKNOWN_FIELD: null }),
    ];
    for read in same {
        assert_eq!(differences(&read, &whole), [""; 0], "{read}");
    }
    let table = [
        ("/id", json!(8), "/id was 8 and is 7"),
        ("/id", json!("8"), "/id was \"8\" and is 7"),
        ("/none", json!(1), "/none was 1 and is null"),
        ("/list", json!([]), "/list was [] and is [{\"a\":\"x\"}]"),
        ("/list/0/a", json!(null), "/list/0/a was null and is \"x\""),
        ("/list/0", json!({}), "/list/0/a is made up: \"x\""),
        (
            "/list/0",
            json!({ "a": "x", "b": false }),
            "/list/0/b is lost: false",
        ),
        (
            "/when",
            json!("2026-03-01T09:30:00Z"),
            "/when was \"2026-03-01T09:30:00Z\" and is \"2026-03-01T09:30:00.25Z\"",
        ),
    ];
    for (pointer, value, said) in table {
        let mut read = whole.clone();
        *read.pointer_mut(pointer).unwrap() = value;
        assert_eq!(differences(&read, &whole), [said]);
    }
}
