//! Actions: where one is called, what sets it off.

use serde_json::{Value, json};

use super::cron::Cron;
use super::launch::check_env;
use crate::call::Refusal;
use crate::state::{Record, State, iso, object, short_id};

/// The URL whose call launches what an action is configured with.
pub fn endpoint(state: &State, action: &Record) -> String {
    format!("{}/actions/{}/launch", state.settings.endpoint, action.id)
}

/// Checks what sets an action off and what it launches, and works out when it is due.
pub fn configure(state: &mut State, record: &mut Record) -> Result<(), Refusal> {
    let source = record.text("source").to_owned();
    if !matches!(source.as_str(), "tower" | "github" | "bucket" | "cron") {
        return Err(Refusal::bad_request("Missing `source` parameter"));
    }
    if record["launch"]["pipeline"]
        .as_str()
        .is_none_or(str::is_empty)
    {
        return Err(Refusal::bad_request("Missing pipeline repository"));
    }
    check_env(state, record.scope, &record["launch"])?;
    if record["_launch"].is_null() {
        let number = state.next_id();
        record.set("_launch", short_id(number, 22));
    }
    let mut config = object(record[&source].clone());
    config.insert("discriminator".to_owned(), json!(source));
    if source == "cron" {
        let text = (record["cron"]["expression"].as_str())
            .or(record["cron"]["preset"].as_str())
            .unwrap_or_default()
            .to_owned();
        let cron = Cron::read(&text)
            .ok_or_else(|| Refusal::bad_request(format!("Invalid cron expression: '{text}'")))?;
        record.set("_cron", text);
        record.set("nextExecution", cron.after(state.now()).map(iso));
    }
    record.set("config", Value::Object(config));
    Ok(())
}
