//! Telling somebody.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Outcome, Task};
use crate::rules::file::Notify;
use crate::rules::state::Event;
use crate::rules::template;

/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn act(task: &Task<'_>, notify: &Notify, event: &Event) -> Result<Value, Outcome> {
    let failed = |text: &str| Outcome::Failed(text.to_owned());
    let address = task.text(&notify.post)?;
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("seqctl/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Outcome::Failed(error.without_url().to_string()))?;
    // Addresses of chats are secrets: nothing tells of them.
    let mut call = client.post(address).header(
        "Idempotency-Key",
        format!("{}-{}-{}", event.id, event.made.len(), event.round),
    );
    for (name, value) in &notify.headers {
        let value = match value {
            Value::String(text) => task.text(text)?,
            other => other.to_string(),
        };
        call = call.header(name, value);
    }
    call = match (&notify.json, &notify.text) {
        (Some(body), _) => {
            let body = template::fill(body, &task.data)?;
            let has_type = notify
                .headers
                .keys()
                .any(|name| name.eq_ignore_ascii_case("content-type"));
            let call = call.body(body.to_string());
            match has_type {
                true => call,
                false => call.header("Content-Type", "application/json"),
            }
        }
        (None, Some(text)) => call.body(task.text(text)?),
        (None, None) => return Err(failed("`notify` has neither `json` nor `text`")),
    };
    let reply = match call.send().await {
        Ok(reply) => reply,
        Err(error) if error.is_builder() => {
            return Err(Outcome::Failed(error.without_url().to_string()));
        }
        Err(error) => {
            let error = error.without_url();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let text = format!("{error}: {}", cause.unwrap_or_default());
            return Err(Outcome::Later(text));
        }
    };
    let status = reply.status();
    let text = format!("the receiver answered {status}");
    match status.as_u16() {
        200..=299 => Ok(json!({"status": status.as_u16()})),
        408 | 425 | 429 | 500..=599 => Err(Outcome::Later(text)),
        _ => Err(Outcome::Failed(text)),
    }
}
