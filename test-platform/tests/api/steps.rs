//! The steps of `rounds.yml`, carried out one after the other. The library's tests carry them out too.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use seqera_test_platform::{TestPlatform, WORKSPACE_ID};
use serde_json::Value;

/// A reply in JSON.
pub struct Replied<'a> {
    pub method: &'a str,
    /// Without the query.
    pub path: &'a str,
    pub status: u16,
    pub reply: &'a Value,
}

/// Carries all steps out, and shows each reply in JSON.
pub async fn carry_out(platform: &TestPlatform, mut show: impl FnMut(Replied<'_>)) {
    let steps: Vec<Value> = yaml_serde::from_str(include_str!("rounds.yml")).expect("steps");
    let http = reqwest::Client::new();
    let mut kept = BTreeMap::new();
    for step in &steps {
        let step = fill(step, &kept);
        if let Some(seconds) = step["advance"].as_u64() {
            platform.advance(Duration::from_secs(seconds));
            continue;
        }
        let reply = call(platform, &http, &step, &mut show).await;
        for (name, pointer) in step["keep"].as_object().into_iter().flatten() {
            let value = reply.pointer(pointer.as_str().unwrap());
            let value = value.unwrap_or_else(|| panic!("{step}: {reply}"));
            kept.insert(name.clone(), value.clone());
        }
        for (pointer, expected) in step["see"].as_object().into_iter().flatten() {
            let found = reply.pointer(pointer);
            let expected = (expected != "absent").then_some(expected);
            assert_eq!(found, expected, "{step}: {pointer} of {reply:#}");
        }
        for (pointer, other) in step["differs"].as_object().into_iter().flatten() {
            assert_ne!(reply.pointer(pointer), Some(other), "{step}");
        }
    }
}

/// Puts what was kept into a text; a text that is nothing but a name becomes the value itself.
fn fill(value: &Value, kept: &BTreeMap<String, Value>) -> Value {
    match value {
        Value::String(text) => {
            let whole = text
                .strip_prefix("${")
                .and_then(|text| text.strip_suffix('}'));
            if let Some(value) = whole.and_then(|name| kept.get(name)) {
                return value.clone();
            }
            let mut text = text.clone();
            for (name, value) in kept {
                let plain = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                text = text.replace(&format!("${{{name}}}"), &plain);
            }
            Value::String(text)
        }
        Value::Array(items) => items.iter().map(|item| fill(item, kept)).collect(),
        Value::Object(fields) => (fields.iter())
            .map(|(name, value)| (name.clone(), fill(value, kept)))
            .collect(),
        other => other.clone(),
    }
}

async fn call(
    platform: &TestPlatform,
    http: &reqwest::Client,
    step: &Value,
    show: &mut impl FnMut(Replied<'_>),
) -> Value {
    let (method, path) = step["call"].as_str().unwrap().split_once(' ').unwrap();
    let mut path = path.to_owned();
    if step["in"] == "research" {
        let joint = if path.contains('?') { '&' } else { '?' };
        path = format!("{path}{joint}workspaceId={WORKSPACE_ID}");
    }
    let url = format!("{}{path}", platform.endpoint());
    let typed: Method = method.parse().unwrap();
    let mut request = http.request(typed, url).bearer_auth(platform.token());
    if let Some(body) = step.get("body") {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    if let Some(file) = step.get("file") {
        let text = |name: &str| file[name].as_str().unwrap().to_owned();
        let part = Part::text(text("content")).file_name(text("name"));
        request = request.multipart(Form::new().part(text("part"), part));
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let media_type = response.headers().get("content-type").cloned();
    let body = response.text().await.unwrap();
    let wanted: Vec<u64> = match &step["status"] {
        Value::Null => vec![200],
        Value::Array(several) => several.iter().filter_map(Value::as_u64).collect(),
        one => vec![one.as_u64().unwrap()],
    };
    assert!(
        wanted.contains(&u64::from(status)),
        "{step}: {status} {body}"
    );
    if let Some(text) = step["text"].as_str() {
        assert_eq!(body, text, "{step}");
    }
    if media_type.is_none_or(|media_type| media_type != "application/json") {
        return Value::Null;
    }
    let reply: Value = serde_json::from_str(&body).unwrap();
    let bare = path.split('?').next().unwrap();
    show(Replied {
        method,
        path: bare,
        status,
        reply: &reply,
    });
    reply
}
