//! JSON as some servers write it, made JSON.

use serde_json::Value;

use crate::error::body::strip_bom;

/// How deep serde_json goes.
pub(crate) const DEEPEST: usize = 127;

/// Why a text could not be read as JSON.
#[derive(Debug)]
pub(crate) enum NotJson {
    /// It is nested more than [`DEEPEST`] times.
    TooDeep,
    /// Anything else.
    Other(serde_json::Error),
}

/// Reads any JSON; what Java's libraries write beyond it, too:
/// - half a surrogate pair and bytes that are no UTF-8 become U+FFFD, since no text can hold them,
/// - `NaN`, the infinities, and numbers that are larger than a 64-bit float become texts,
/// - a control character in a text is taken for itself.
pub(crate) fn parse(json: &[u8]) -> Result<Value, NotJson> {
    let json = strip_bom(json);
    match serde_json::from_slice(json) {
        Ok(value) => Ok(value),
        Err(_) => {
            let mut mending = Mending::default();
            mending.text(&String::from_utf8_lossy(json));
            serde_json::from_str(&mending.out).map_err(|error| match mending.deepest > DEEPEST {
                true => NotJson::TooDeep,
                false => NotJson::Other(error),
            })
        }
    }
}

#[derive(Default)]
struct Mending {
    out: String,
    depth: usize,
    deepest: usize,
}

impl Mending {
    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(first) = rest.bytes().next() {
            let length = match first {
                b'"' => {
                    self.string(rest);
                    end_of_string(rest)
                }
                b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
                    let word = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
                    self.word(&rest[..word]);
                    word
                }
                _ => {
                    match first {
                        b'[' | b'{' => self.depth += 1,
                        b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                        _ => {}
                    }
                    self.deepest = self.deepest.max(self.depth);
                    let length = rest.chars().next().map_or(1, char::len_utf8);
                    self.out.push_str(&rest[..length]);
                    length
                }
            };
            rest = &rest[length..];
        }
    }

    /// What stands outside of strings: a number, or `true`, `false`, `null`, `NaN`.
    fn word(&mut self, word: &str) {
        let is_beyond_numbers = matches!(word, "NaN" | "Infinity" | "-Infinity" | "+Infinity")
            || (word.starts_with(|c: char| c == '-' || c.is_ascii_digit())
                && word.parse().is_ok_and(f64::is_infinite));
        if is_beyond_numbers {
            self.out.push('"');
            self.out.push_str(word);
            self.out.push('"');
        } else {
            self.out.push_str(word);
        }
    }

    /// The string at the head of a text.
    fn string(&mut self, text: &str) {
        let mut rest = &text[..end_of_string(text)];
        while let Some(at) = rest.find(|c| c == '\\' || c < ' ') {
            self.out.push_str(&rest[..at]);
            rest = &rest[at..];
            let length = if !rest.starts_with('\\') {
                let control = u32::from(rest.as_bytes()[0]);
                self.out.push_str(&format!("\\u{control:04x}"));
                1
            } else {
                match code_unit(rest) {
                    Some(0xD800..=0xDBFF)
                        if matches!(rest.get(6..).and_then(code_unit), Some(0xDC00..=0xDFFF)) =>
                    {
                        self.out.push_str(&rest[..12]);
                        12
                    }
                    Some(0xD800..=0xDFFF) => {
                        self.out.push('\u{FFFD}');
                        6
                    }
                    _ => {
                        let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                        self.out.push_str(&rest[..1 + escaped]);
                        1 + escaped
                    }
                }
            };
            rest = &rest[length..];
        }
        self.out.push_str(rest);
    }
}

/// The length of the string at the head of a text, with its quotes.
fn end_of_string(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The number in `\u0000` at the head of a text.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then_some(())?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &[u8]) -> Value {
        parse(json).unwrap_or_else(|error| panic!("{}: {error:?}", json.escape_ascii()))
    }

    #[test]
    fn what_java_writes_is_read() {
        let table: [(&[u8], Value); 10] = [
            (br#"["a\ud800b"]"#, json!(["a\u{FFFD}b"])),
            (
                br#"["\udc00","\ud83d\ude00","\ud83dx","\ud83d"]"#,
                json!(["\u{FFFD}", "😀", "\u{FFFD}x", "\u{FFFD}"]),
            ),
            (br#"{"a\ud800":"\\ud800"}"#, json!({"a\u{FFFD}": "\\ud800"})),
            (
                br#"[NaN,-Infinity,Infinity,-1.5e2,true,null]"#,
                json!(["NaN", "-Infinity", "Infinity", -150.0, true, null]),
            ),
            (br#"[1e999,-1e999,1e99]"#, json!(["1e999", "-1e999", 1e99])),
            (b"[\"a\nb\x01\"]", json!(["a\nb\u{1}"])),
            (b"[\"caf\xE9\"]", json!(["caf\u{FFFD}"])),
            (
                br#"["NaN [{ \"NaN\"",NaN]"#,
                json!(["NaN [{ \"NaN\"", "NaN"]),
            ),
            ("[\"é\\n\\\"\",NaN]".as_bytes(), json!(["é\n\"", "NaN"])),
            (b"\xEF\xBB\xBF[NaN]", json!(["NaN"])),
        ];
        for (text, value) in table {
            assert_eq!(read(text), value, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_json_is_said_to_be_none() {
        for text in [
            "",
            "{",
            "[1,",
            "[nan]",
            "[\"a",
            "[\"\\",
            "[\"\\u",
            "[\"\\ud8",
            "<html>",
            "[\u{e9}]",
            "[\"\\é\"]",
        ] {
            assert!(
                matches!(parse(text.as_bytes()), Err(NotJson::Other(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn depth_is_told_from_other_faults() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(DEEPEST).as_bytes()).is_ok());
        for depth in [DEEPEST + 1, 100_000] {
            let error = parse(nested(depth).as_bytes()).unwrap_err();
            assert!(matches!(error, NotJson::TooDeep), "{error:?}");
        }
        let text = format!("{:?}", nested(200));
        assert!(matches!(
            parse(format!("[{text},").as_bytes()),
            Err(NotJson::Other(_))
        ));
    }
}
