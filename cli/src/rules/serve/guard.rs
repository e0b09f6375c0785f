//! Who may see the page, and how much is taken.

use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How many deliveries are looked at in a second. What is more is refused, and comes again.
const A_SECOND: u32 = 2_000;

/// How many deliveries came in a second.
#[derive(Debug, Default)]
pub struct Rate(Mutex<(i64, u32)>);

impl Rate {
    /// Whether there is room for one more.
    pub fn admits(&self, now: DateTime<Utc>) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.0 != now.timestamp() {
            *counted = (now.timestamp(), 0);
        }
        counted.1 = counted.1.saturating_add(1);
        counted.1 <= A_SECOND
    }
}

/// Whether a request says the password, as browsers do, for any user.
pub fn says(headers: &HeaderMap, password: &str) -> bool {
    let said = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let said = said
        .and_then(|text| text.strip_prefix("Basic "))
        .and_then(plain);
    let said = said.as_deref().and_then(|text| text.split_once(':'));
    let said = said.map(|(_, password)| password).unwrap_or_default();
    // Of one length, so that nothing is told of it.
    Sha256::digest(said)
        .as_slice()
        .ct_eq(Sha256::digest(password).as_slice())
        .into()
}

/// The text of its form in base 64.
fn plain(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut held, mut bits) = (0_u32, 0);
    for byte in text.trim().trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_said_as_browsers_say_it() {
        let mut headers = HeaderMap::new();
        assert!(!says(&headers, "open:sesame"));
        // `any:open:sesame`
        headers.insert(
            header::AUTHORIZATION,
            "Basic YW55Om9wZW46c2VzYW1l".parse().unwrap(),
        );
        assert!(says(&headers, "open:sesame") && !says(&headers, "open") && !says(&headers, ""));
        headers.insert(header::AUTHORIZATION, "Basic !!".parse().unwrap());
        assert!(!says(&headers, "open:sesame"));
    }

    #[test]
    fn a_second_has_room_for_so_many() {
        let (rate, now) = (Rate::default(), DateTime::<Utc>::UNIX_EPOCH);
        assert_eq!((0..3_000).filter(|_| rate.admits(now)).count(), 2_000);
        assert!(rate.admits(now + chrono::TimeDelta::seconds(1)));
    }
}
