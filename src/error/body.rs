//! What a reply that is no success says, whatever its body is.
//!
//! Pure: bytes in, one line of text out. Nothing here can fail.

use std::borrow::Cow;

use serde_json::Value;

/// So many of the reasons or conflicts that a body lists are told.
const LISTED: usize = 5;

/// The longest message, in characters; the whole body stays available on the error.
const LONGEST: usize = 500;

/// What the server said in a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// One line, possibly empty.
    pub message: String,
    /// The id under which the server logged an internal fault; support asks for it.
    pub error_id: Option<String>,
}

/// Reads a body of any kind: JSON, text, a proxy's HTML page, cut off, empty or binary.
pub(crate) fn read(body: &[u8], content_type: Option<&str>) -> Said {
    let text = String::from_utf8_lossy(strip_bom(body));
    let text = text.trim();
    let message = match serde_json::from_str::<Value>(text) {
        Ok(json) => with_details(json_message(&json), &json).unwrap_or_else(|| json.to_string()),
        Err(_) if is_markup(text, content_type) => markup_message(text),
        Err(_) if is_binary(text) => String::new(),
        Err(_) => text.to_owned(),
    };
    let message = one_line(&message);
    let error_id = error_id(&message);
    Said { message, error_id }
}

/// Whether a body is a web page (a login form, a proxy's error) rather than data.
pub(crate) fn is_html(body: &[u8], content_type: Option<&str>) -> bool {
    let start = strip_bom(body).trim_ascii_start();
    let begins = |tag: &str| {
        let start = start.get(..tag.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()))
    };
    begins("<!doctype html")
        || begins("<html")
        || (begins("<") && content_type.is_some_and(|kind| kind.contains("html")))
}

/// Some servers behind Windows proxies put a byte order mark before JSON.
pub(crate) fn strip_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

/// Whether a message gives no reason beside that of the status.
pub(crate) fn is_generic(message: &str) -> bool {
    const GENERIC: [&str; 18] = [
        "",
        "401",
        "401 unauthorized",
        "403",
        "403 forbidden",
        "404",
        "404 not found",
        "access denied",
        "access is denied",
        "authentication required",
        "error",
        "forbidden",
        "http 403 forbidden",
        "not authorized",
        "not found",
        "page not found",
        "permission denied",
        "unauthorized",
    ];
    let message = message.trim_end_matches(['.', '!']).to_ascii_lowercase();
    GENERIC.contains(&message.as_str())
}

/// Whether a character turns the direction of the text around it, so that it reads as another.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One bounded line without control characters, marks of direction, and the queries of URLs, which
/// may be signatures.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::new();
    let text = match text.contains(turns_direction) {
        true => Cow::Owned(text.replace(turns_direction, "")),
        false => Cow::Borrowed(text),
    };
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&without_query(word));
        if line.len() > 4 * LONGEST {
            break;
        }
    }
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// `https://host/key?signature=x` without the query.
fn without_query(word: &str) -> String {
    let mut kept = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, query)) = rest.split_once('?') {
        kept.push_str(before);
        kept.push('?');
        rest = query;
        // A path alone may be one of cloud storage.
        if before.contains("://") || (before.contains('/') && query.contains('=')) {
            kept.push('…');
            // What encloses the URL is not part of it.
            let end = query.find(['"', '\'', '<', '>', ')', ']', '}', ',', '`']);
            rest = end.map_or("", |end| &query[end..]);
        }
    }
    kept.push_str(rest);
    kept
}

/// The Platform's `message`, GA4GH's `msg`, and the fields that proxies and identity providers use.
fn json_message(json: &Value) -> Option<String> {
    match json {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(json_message),
        Value::Object(fields) => [
            "message",
            "msg",
            "detail",
            "error_description",
            "error",
            "title",
            "errors",
        ]
        .iter()
        .filter_map(|name| Some((*name, fields.get(*name)?)))
        // Those are listed all together.
        .filter(|(name, value)| *name != "errors" || !value.is_array())
        .map(|(_, value)| value)
        .filter(|value| matches!(value, Value::String(_) | Value::Object(_) | Value::Array(_)))
        .filter_map(json_message)
        .find(|text| !text.trim().is_empty())
        .or_else(|| fields.is_empty().then(String::new)),
        Value::Bool(_) | Value::Number(_) => None,
    }
}

/// A message, and what a refused launch or a deletion that conflicts lists beside it.
fn with_details(message: Option<String>, json: &Value) -> Option<String> {
    let list = |name: &str| json.get(name).and_then(Value::as_array);
    let reasons = list("errors").into_iter().flatten().filter_map(reason);
    let conflicts = list("conflicts").into_iter().flatten();
    let conflicts = conflicts.filter_map(conflict);
    let told = message.as_deref().unwrap_or_default();
    let mut details: Vec<_> = reasons
        .chain(conflicts)
        .filter(|detail| !told.contains(detail.as_str()))
        .collect();
    if details.is_empty() {
        return message;
    }
    let all = details.len();
    details.truncate(LISTED);
    let mut text = details.join("; ");
    if all > LISTED {
        text.push_str(&format!("; and {} more", all - LISTED));
    }
    match told.is_empty() {
        true => Some(text),
        false => Some(format!("{}: {text}", told.trim_end_matches(['.', ':']))),
    }
}

/// One of several reasons: its message, and its code if that says more.
fn reason(reason: &Value) -> Option<String> {
    let message = json_message(reason).filter(|text| !text.is_empty());
    let code = reason.get("code").and_then(Value::as_str);
    match (code, message) {
        (Some(code), Some(message)) => Some(format!("{message} ({code})")),
        (code, message) => message.or(code.map(str::to_owned)),
    }
}

/// What uses the thing that was to be deleted.
fn conflict(user: &Value) -> Option<String> {
    let field = |name: &str| user.get(name).and_then(Value::as_str);
    let kind = field("type").unwrap_or("something");
    let name = field("name").or_else(|| field("id"))?;
    Some(format!("in use by {kind} `{name}`"))
}

fn is_markup(text: &str, content_type: Option<&str>) -> bool {
    text.starts_with('<')
        || content_type.is_some_and(|kind| kind.contains("html") || kind.contains("xml"))
}

fn is_binary(text: &str) -> bool {
    let odd =
        |c: &char| *c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace());
    let start = || text.chars().take(LONGEST);
    start().filter(odd).count() * 10 > start().count()
}

/// The heading of a page; the rest of it is for browsers.
fn markup_message(text: &str) -> String {
    // ASCII only, so that offsets into one are offsets into the other.
    let lower = text.to_ascii_lowercase();
    let element = |name: &str| -> Option<&str> {
        let open = lower.find(&format!("<{name}"))?;
        let start = open + lower[open..].find('>')? + 1;
        let end = lower[start..]
            .find('<')
            .map_or(lower.len(), |end| start + end);
        Some(text[start..end].trim()).filter(|text| !text.is_empty())
    };
    ["title", "h1", "message"]
        .into_iter()
        .find_map(element)
        .map(unescape)
        .unwrap_or_default()
}

fn unescape(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_owned(), |text, (entity, plain)| {
            text.replace(entity, plain)
        })
}

/// The id in `Unexpected error while processing - Error ID: 54apnFENQxbv`.
fn error_id(message: &str) -> Option<String> {
    const LABEL: &str = "error id:";
    let start = message.to_ascii_lowercase().find(LABEL)? + LABEL.len();
    let id: String = message[start..]
        .trim_start()
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(body: &str, content_type: &str) -> String {
        read(body.as_bytes(), Some(content_type)).message
    }

    #[test]
    fn messages_of_every_kind_of_body() {
        let table = [
            (
                "application/json",
                r#"{"message":"Unknown pipeline"}"#,
                "Unknown pipeline",
            ),
            (
                "application/json",
                r#"{"msg":"no such run","status_code":404}"#,
                "no such run",
            ),
            (
                "application/json",
                r#"{"error":{"message":"quota"}}"#,
                "quota",
            ),
            (
                "application/json",
                r#"{"message":null,"errors":["a is wrong"]}"#,
                "a is wrong",
            ),
            ("application/json", r#"{"code":7}"#, r#"{"code":7}"#),
            (
                "application/json",
                r#"{"message":"Invalid launch","errors":[{"code":"revision.unknown","message":"no revision 9"},
                    {"code":"params.missing","message":"input is required"}]}"#,
                "Invalid launch: no revision 9 (revision.unknown); input is required (params.missing)",
            ),
            (
                "application/json",
                r#"{"credentialsId":"7Ic","conflicts":[{"id":"3x","name":"aws-eu","type":"compute-env"}]}"#,
                "in use by compute-env `aws-eu`",
            ),
            (
                "application/json",
                r#"{"errors":["a","b","c","d","e","f","g"]}"#,
                "a; b; c; d; e; and 2 more",
            ),
            ("application/json", r#"[{"message":"first"}]"#, "first"),
            ("application/json", r#""plain""#, "plain"),
            ("application/json", "{}", ""),
            ("application/json", "null", ""),
            (
                "application/json",
                r#"{"message":"cut o"#,
                r#"{"message":"cut o"#,
            ),
            ("application/json", "\u{feff}{\"message\":\"bom\"}", "bom"),
            ("text/plain", "no\n  such\tthing\r\n", "no such thing"),
            (
                "text/html",
                "<html><head><TITLE>502 Bad\nGateway</TITLE></head>",
                "502 Bad Gateway",
            ),
            (
                "text/html",
                "<html><body><h1 class=x>Sign in &amp; go</h1>",
                "Sign in & go",
            ),
            ("text/html", "<html><body>İİ</body>", ""),
            (
                "application/xml",
                "<?xml version='1.0'?><Error><Code>A</Code><Message>Denied</Message><StringToSign>s3cret",
                "Denied",
            ),
            (
                "text/plain",
                "Cannot GET /lab/a.bam?X-Amz-Signature=s3cret, sorry: why? a=b",
                "Cannot GET /lab/a.bam?…, sorry: why? a=b",
            ),
            ("", "", ""),
            ("", "  \n ", ""),
        ];
        for (content_type, body, expected) in table {
            assert_eq!(message(body, content_type), expected, "{body}");
        }
    }

    #[test]
    fn invalid_utf8_reads_and_binary_says_nothing() {
        assert_eq!(
            read(b"caf\xe9 is closed today, sorry", None).message,
            "caf\u{fffd} is closed today, sorry"
        );
        assert_eq!(read(&[0x1f, 0x8b, 0, 0xff, 0xfe, 3], None).message, "");
    }

    #[test]
    fn error_ids() {
        let said = read(
            br#"{"message":"Unexpected error while processing - Error ID: 54apnFENQxbvCr23"}"#,
            None,
        );
        assert_eq!(said.error_id.as_deref(), Some("54apnFENQxbvCr23"));
        assert_eq!(error_id("Error ID:"), None);
        assert_eq!(error_id("error id: a-1. Call us"), Some("a-1".into()));
        assert_eq!(error_id("nothing"), None);
    }

    #[test]
    fn messages_are_bounded_and_without_signatures() {
        assert_eq!(
            message(&"x".repeat(100_000), "text/plain").chars().count(),
            LONGEST + 1
        );
        assert_eq!(
            message(
                "see \"https://b.example/k?X-Sig=s3cret\", or https://c.example/?t=s3cret",
                ""
            ),
            "see \"https://b.example/k?…\", or https://c.example/?…"
        );
        assert_eq!(one_line("why? because"), "why? because");
        assert_eq!(one_line("a\u{202e}gpj.exe\u{2066} b"), "agpj.exe b");
        // Nested ones neither: and as many as fit a body take no stack.
        assert!(one_line(&"://?\"".repeat(50_000)).starts_with("://?…\"://?…\""));
    }

    #[test]
    fn html_is_told_from_data() {
        assert!(is_html(b"\n<!DOCTYPE html><html>", None));
        assert!(is_html(b"<div>", Some("text/html")));
        assert!(!is_html(b"{}", Some("text/html")));
        assert!(!is_html(b"<run/>", Some("application/xml")));
        assert!(!is_html(b"", Some("text/html")));
    }

    proptest! {
        #[test]
        fn any_bytes_give_one_bounded_line(body: Vec<u8>, kind in "(text/html|application/json|)") {
            let said = read(&body, Some(&kind));
            prop_assert!(said.message.chars().count() <= LONGEST + 1);
            prop_assert!(!said.message.contains('\n'));
        }

        #[test]
        fn any_markup_gives_one_bounded_line(body in "(<|>|title|h1|\\PC){0,40}") {
            read(body.as_bytes(), Some("text/html"));
        }
    }
}
