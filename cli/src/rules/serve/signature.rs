//! Signatures of deliveries: HMAC-SHA-256 under the secret of the rule, compared in constant time.

use axum::http::HeaderMap;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How far the clock of a sender may be from ours, where it signs a time.
const APART: TimeDelta = TimeDelta::minutes(5);

/// How a sender signs.
struct Form {
    /// The header with the signature, in hexadecimal digits.
    header: &'static str,
    /// What stands before the digits.
    prefix: &'static str,
    /// The header with a time that is signed too.
    time: Option<&'static str>,
}

/// The forms that are known. In the last, `v0:TIME:` stands before the body.
const FORMS: [Form; 5] = [
    Form {
        header: "x-signature-256",
        prefix: "sha256=",
        time: None,
    },
    Form {
        header: "x-signature",
        prefix: "",
        time: None,
    },
    Form {
        header: "x-hub-signature-256",
        prefix: "sha256=",
        time: None,
    },
    Form {
        header: "x-gitea-signature",
        prefix: "",
        time: None,
    },
    Form {
        header: "x-slack-signature",
        prefix: "v0=",
        time: Some("x-slack-request-timestamp"),
    },
];

fn form(headers: &HeaderMap) -> Option<&'static Form> {
    FORMS.iter().find(|form| headers.contains_key(form.header))
}

/// Whether a header is one of a signature.
pub fn is_header(name: &str) -> bool {
    FORMS.iter().any(|form| form.header == name)
}

/// Whether there is a signature.
pub fn is_there(headers: &HeaderMap) -> bool {
    form(headers).is_some()
}

/// Whether the signature is that of the secret.
pub fn is_right(headers: &HeaderMap, body: &[u8], secret: &str, now: DateTime<Utc>) -> bool {
    let Some(form) = form(headers) else {
        return false;
    };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let said = text(form.header).unwrap_or_default().trim();
    let said = said
        .strip_prefix(form.prefix)
        .or_else(|| said.strip_prefix("sha256="));
    let Some(said) = said.and_then(bytes) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return false;
    };
    if let Some(time) = form.time {
        let time = text(time).unwrap_or_default();
        let when = time
            .parse()
            .ok()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        if when.is_none_or(|when| (now - when).abs() > APART) {
            return false;
        }
        mac.update(format!("v0:{time}:").as_bytes());
    }
    mac.update(body);
    mac.verify_slice(&said).is_ok()
}

/// The bytes of hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(content: &[u8], secret: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(content);
        mac.finalize()
            .into_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    #[test]
    fn only_the_secret_makes_the_signature() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let body = b"{\"a\": 1}";
        let right = signed(body, "secret");
        let slack = signed(&[b"v0:1800000100:".as_slice(), body].concat(), "secret");
        let table = [
            (vec![("x-signature-256", format!("sha256={right}"))], true),
            (vec![("x-signature", right.clone())], true),
            (
                vec![("x-hub-signature-256", format!("sha256={right}"))],
                true,
            ),
            (vec![("x-gitea-signature", right.to_uppercase())], true),
            (
                vec![(
                    "x-hub-signature-256",
                    format!("sha256={}", signed(body, "other")),
                )],
                false,
            ),
            (
                vec![("x-hub-signature-256", format!("sha256={}", &right[..62]))],
                false,
            ),
            (vec![("x-hub-signature-256", right.clone())], false),
            (vec![("x-hub-signature-256", String::new())], false),
            (vec![("x-hub-signature-256", "sha256=é".to_owned())], false),
            (vec![("x-hub-signature", right.clone())], false),
            (vec![], false),
            (
                vec![
                    ("x-slack-signature", format!("v0={slack}")),
                    ("x-slack-request-timestamp", "1800000100".to_owned()),
                ],
                true,
            ),
            // Another time than the signed one, and one that is long ago.
            (
                vec![
                    ("x-slack-signature", format!("v0={slack}")),
                    ("x-slack-request-timestamp", "1800000101".to_owned()),
                ],
                false,
            ),
            (
                vec![
                    (
                        "x-slack-signature",
                        format!(
                            "v0={}",
                            signed(&[b"v0:1700000000:".as_slice(), body].concat(), "secret")
                        ),
                    ),
                    ("x-slack-request-timestamp", "1700000000".to_owned()),
                ],
                false,
            ),
        ];
        for (headers, expected) in table {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.insert(
                    *name,
                    axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                );
            }
            assert_eq!(is_right(&map, body, "secret", now), expected, "{headers:?}");
        }
    }
}
