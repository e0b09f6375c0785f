//! Every type reads what it can of a value that has not the form that the schema says, keeps what
//! it can't, and writes it again as it came.
#![cfg(feature = "all-tags")]

mod support;
mod support_schema;

use std::sync::{Arc, Mutex};

use seqera::prelude::*;
use seqera::types::{LogPage, Workflow};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::Server;
use support_schema::compare::differences;
use support_schema::instance::{Extent, Kind, Place};
use support_schema::schema;

/// Lists of maps of anything. A map of serde_json's reads null as an empty one, and a list of objects
/// goes on without what is none.
const IN_LISTS_OF_MAPS: [&str; 2] = ["/forgedResources", "/deletedResources"];

/// Reads a value leniently and writes it again.
type RoundTrip = fn(&str) -> Result<Value, String>;

include!(concat!(env!("OUT_DIR"), "/round_trips.rs"));

fn round_trip<T: DeserializeOwned + Serialize>(text: &str) -> Result<Value, String> {
    let value: T = seqera::from_json(text).map_err(|error| error.to_string())?;
    serde_json::to_value(&value).map_err(|error| error.to_string())
}

/// A value in place of one of this kind, and what is written for it: a value in the declared form,
/// or the same.
fn forms(place: &Place, now: &Value) -> Vec<(Value, Value)> {
    if IN_LISTS_OF_MAPS
        .iter()
        .any(|list| place.pointer.contains(list))
    {
        return Vec::new();
    }
    let as_it_came = |value: Value| (value.clone(), value);
    if place.pointer.ends_with("/exit") {
        // An exit code is a number or a text.
        return vec![
            as_it_came(json!("12")),
            as_it_came(json!("")),
            as_it_came(json!({})),
        ];
    }
    let number_above = json!(9_223_372_036_854_775_808_u64);
    match &place.kind {
        Kind::Text => vec![
            (json!(7), json!("7")),
            (json!(0.5), json!("0.5")),
            (json!(true), json!("true")),
            as_it_came(json!({})),
            as_it_came(json!({"a": [1]})),
            as_it_came(json!(["a"])),
        ],
        Kind::Enum => vec![
            (json!(7), json!("7")),
            (json!(false), json!("false")),
            as_it_came(json!({})),
            as_it_came(json!([])),
        ],
        Kind::Boolean => vec![
            (json!("true"), json!(true)),
            (json!("False"), json!(false)),
            as_it_came(json!("")),
            as_it_came(json!("perhaps")),
            as_it_came(json!(1)),
            as_it_came(json!({})),
        ],
        Kind::Integer => vec![
            (json!(12.0), json!(12)),
            (json!("12"), json!(12)),
            as_it_came(json!(0.5)),
            as_it_came(number_above),
            as_it_came(json!("seven")),
            as_it_came(json!(true)),
            as_it_came(json!([7])),
            as_it_came(json!({})),
        ],
        Kind::Number => vec![
            (json!("0.5"), json!(0.5)),
            as_it_came(json!("NaN")),
            as_it_came(json!("")),
            as_it_came(json!(true)),
            as_it_came(json!({})),
        ],
        Kind::Date => vec![
            (json!("2026-02-28T23:59:59"), json!("2026-02-28T23:59:59Z")),
            (
                json!("2026-02-28T23:59:59.50"),
                json!("2026-02-28T23:59:59.50Z"),
            ),
            (json!(1_772_357_400_000_i64), json!("2026-03-01T09:30:00Z")),
            (
                json!(1_772_357_400_250_i64),
                json!("2026-03-01T09:30:00.250Z"),
            ),
            as_it_came(json!("")),
            as_it_came(json!("2026-02-28")),
            as_it_came(json!("yesterday")),
            as_it_came(json!(7)),
            as_it_came(json!(true)),
            as_it_came(json!({})),
        ],
        Kind::Object => vec![
            as_it_came(json!("")),
            as_it_came(json!("text")),
            as_it_came(json!(7)),
            as_it_came(json!([])),
        ],
        Kind::Map => vec![
            as_it_came(json!("")),
            as_it_came(json!([1])),
            as_it_came(json!(7)),
        ],
        Kind::Array => {
            let mut forms = vec![as_it_came(json!(""))];
            if let Some(one) = now
                .get(0)
                .filter(|one| !one.is_null() && **one != json!(""))
            {
                forms.push((one.clone(), json!([one])));
                let is_record = one.is_object();
                let kept = if is_record {
                    json!([one])
                } else {
                    json!([one, null])
                };
                forms.push((json!([one, null]), kept));
                forms.push(as_it_came(json!([null])));
            }
            forms
        }
        Kind::Union(_) | Kind::Anything => [json!(""), json!(7), json!([null]), json!("text")]
            .map(as_it_came)
            .to_vec(),
    }
}

#[test]
fn every_type_reads_or_keeps_every_form_at_every_place() {
    let mut failures = Vec::new();
    let mut count = 0;
    for (name, round_trip) in TYPES {
        if schema().types().all(|(known, _)| known != name) {
            continue;
        }
        let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
        for variant in 0..schema().variants(&reference) {
            let full = schema().instance_of(name, Extent::Full, variant);
            for place in &full.places {
                let Some(now) = full.value.pointer(&place.pointer) else {
                    continue;
                };
                for (form, written) in forms(place, now) {
                    let mut read = full.value.clone();
                    *read.pointer_mut(&place.pointer).unwrap() = form.clone();
                    // What can't be read in a list or map is kept with it.
                    let mut expected = full.value.clone();
                    *expected.pointer_mut(&place.pointer).unwrap() = written.clone();
                    count += 1;
                    let found = match round_trip(&read.to_string()) {
                        Ok(value) => {
                            let there = value.pointer(&place.pointer);
                            let exact = there == Some(&written) || place.pointer.is_empty();
                            let mut found = differences(&expected, &value);
                            if !exact {
                                found.push(format!("there is {there:?}, not {written}"));
                            }
                            found
                        }
                        // The whole is not what was asked for.
                        Err(_) if place.pointer.is_empty() => continue,
                        Err(error) => vec![error],
                    };
                    for found in found {
                        let pointer = &place.pointer;
                        failures.push(format!("{name}: {form} at `{pointer}`: {found}"));
                    }
                }
            }
        }
    }
    println!("{count} values");
    assert!(count > 10_000, "{count}");
    let shown = &failures[..failures.len().min(100)];
    assert!(
        failures.is_empty(),
        "{} of {count}:\n{}",
        failures.len(),
        shown.join("\n")
    );
}

#[test]
fn a_line_is_a_log_of_one() {
    let page: LogPage = seqera::from_json(r#"{"entries":"a line"}"#).unwrap();
    assert_eq!(
        page.entries.as_deref(),
        Some(["a line".to_owned()].as_slice())
    );
}

#[test]
fn what_java_writes_beside_json_is_read() {
    let run: Workflow =
        seqera::from_json(r#"{"runName":"a\ud800b","duration":NaN,"stats":{"cachedPct":NaN}}"#)
            .unwrap();
    assert_eq!(run.run_name.as_deref(), Some("a\u{FFFD}b"));
    assert_eq!(
        (run.duration, &run.extra()["duration"]),
        (None, &json!("NaN"))
    );
    let stats = run.stats.unwrap();
    assert_eq!(
        (stats.cached_pct, &stats.extra()["cachedPct"]),
        (None, &json!("NaN"))
    );
}

#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Warnings {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_page_is_read_for_all_that_one_row_has_and_one_warning_says_where() {
    let page = json!({
        "workflows": [
            { "workflow": { "id": "1a", "runName": 7, "start": "2026-03-01", "params": [1] } },
            { "workflow": { "id": "2b", "complete": "" } },
        ],
        "totalSize": 2,
    });
    let reply = page.to_string();
    let server = Server::start(move |_, _| support::json(200, reply.clone())).await;
    let warnings = Warnings::default();
    let writer = warnings.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_max_level(tracing::Level::WARN)
        .finish();
    let runs: Vec<_> = {
        let _guard = tracing::subscriber::set_default(subscriber);
        server
            .client()
            .list_workflows()
            .stream()
            .try_collect()
            .await
            .unwrap()
    };
    let run = runs[0].workflow.as_ref().unwrap();
    assert_eq!(run.run_name.as_deref(), Some("7"));
    assert_eq!(
        (run.start, &run.extra()["start"]),
        (None, &json!("2026-03-01"))
    );
    assert_eq!(runs[1].workflow.as_ref().unwrap().id.as_deref(), Some("2b"));
    let said = String::from_utf8(warnings.0.lock().unwrap().clone()).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("workflows[0].workflow.params") && said.contains("others=2"),
        "{said}"
    );
}

#[tokio::test]
async fn a_reply_that_is_nested_too_deeply_is_said_to_be_so() {
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let server = Server::start(move |_, _| support::json(200, deep.clone())).await;
    let error = server.client().user_info().send().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("nested more than 127 levels deep"),
        "{error}"
    );
}
