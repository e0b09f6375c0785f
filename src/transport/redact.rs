//! Takes the access token out of what servers say.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::request::VALUE;

/// A few letters are no secret, and turn up in any text.
const SECRET: usize = 8;

const PLACEHOLDER: &str = "[redacted]";

/// A text without the token, however it is written, and without a beginning of it where the text is
/// cut off.
pub(super) fn redact(token: &str, mut text: Bytes) -> Bytes {
    if token.len() < SECRET {
        return text;
    }
    let forms = forms(token);
    let cut_off = |form: &String| {
        (SECRET..form.len()).find(|&length| text.ends_with(&form.as_bytes()[..length]))
    };
    let cut_off = forms.iter().filter_map(cut_off).max();
    text.truncate(text.len() - cut_off.unwrap_or_default());
    for form in &forms {
        if find(&text, form).is_some() {
            text = replace(&String::from_utf8_lossy(&text), form).into();
        }
    }
    text
}

/// How a token may be written: as it is, percent-encoded, with JSON's escapes, and in Base64, where it
/// may begin at any of three places of a longer text.
fn forms(token: &str) -> Vec<String> {
    let mut forms = vec![
        token.to_owned(),
        utf8_percent_encode(token, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(token, VALUE).to_string(),
        token.replace('/', "\\/"),
    ];
    for before in 0..3 {
        let shifted = [&b"   "[..before], token.as_bytes()].concat();
        for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&shifted);
            // Without the letters that also tell of the bytes before and after.
            let first = (before * 8).div_ceil(6);
            let last = shifted.len() * 8 / 6;
            forms.push(encoded[first..last].to_owned());
        }
    }
    // The longest first: one may be the beginning of another.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms.retain(|form| form.len() >= SECRET);
    forms
}

/// Replaces a form in upper or lower case, as the digits of percent-encoding may be either.
fn replace(text: &str, form: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find(rest.as_bytes(), form) {
        // A form is ASCII, so that these are the bounds of characters.
        kept.push_str(&rest[..at]);
        kept.push_str(PLACEHOLDER);
        rest = &rest[at + form.len()..];
    }
    kept.push_str(rest);
    kept
}

fn find(text: &[u8], form: &str) -> Option<usize> {
    text.windows(form.len())
        .position(|part| part.eq_ignore_ascii_case(form.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOKEN: &str = "eyJ0aWQiOiAxMjM0fS5h/b+c2Q9PQ==";

    fn redacted(text: impl Into<Vec<u8>>) -> String {
        String::from_utf8(redact(TOKEN, Bytes::from(text.into())).into()).unwrap()
    }

    #[test]
    fn the_token_is_found_in_every_form() {
        let percent = utf8_percent_encode(TOKEN, NON_ALPHANUMERIC).to_string();
        for form in [
            TOKEN.to_owned(),
            percent.clone(),
            percent
                .replace("%2B", "%2b")
                .replace("%3D", "%3d")
                .replace("%2F", "%2f"),
            TOKEN.replace('/', "\\/"),
        ] {
            assert_eq!(
                redacted(format!("a {form} b {form}")),
                "a [redacted] b [redacted]"
            );
        }
        for user in ["", "u", "us", "use", "x-token"] {
            for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
                let encoded = engine.encode(format!("{user}:{TOKEN}:more"));
                let text = redacted(format!("Basic {encoded}."));
                assert!(text.contains(PLACEHOLDER), "{text}");
                assert!(text.len() < 40, "{text}");
            }
        }
    }

    #[test]
    fn a_beginning_of_it_at_the_end_goes_too() {
        assert_eq!(redacted(format!("bad {}", &TOKEN[..12])), "bad ");
        assert_eq!(redacted(format!("bad {}", &TOKEN[..7])), "bad eyJ0aWQ");
        let encoded = BASE64_STANDARD_NO_PAD.encode(format!("u:{TOKEN}"));
        let text = redacted(format!("bad {}", &encoded[..20]));
        assert!(text.len() < 9, "{text}");
    }

    #[test]
    fn short_tokens_are_left() {
        let text = Bytes::from_static(b"abc");
        assert_eq!(redact("abc", text.clone()), text);
    }

    proptest! {
        #[test]
        fn other_texts_stay_as_they_are(text in "\\PC{0,200}") {
            prop_assert_eq!(redacted(text.clone()), text);
        }

        #[test]
        fn any_bytes_will_do(bytes: Vec<u8>, at in 0..100usize) {
            let mut bytes = bytes;
            let at = at.min(bytes.len());
            bytes.splice(at..at, TOKEN.bytes());
            let text = redact(TOKEN, bytes.into());
            let is_there = text.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
            prop_assert!(!is_there);
        }
    }
}
