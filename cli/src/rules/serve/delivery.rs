//! What deliveries say: CloudEvents, notifications of buckets, and whatever else.

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::signature;
use crate::rules::event::Seen;

/// The headers that tell one delivery from another.
const IDS: [&str; 6] = [
    "x-github-delivery",
    "x-gitea-delivery",
    "x-gitlab-event-uuid",
    "x-delivery-id",
    "webhook-id",
    "idempotency-key",
];

/// Headers that no template sees.
const HIDDEN: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
];

/// One event of a delivery.
#[derive(Debug)]
struct One {
    key: String,
    about: Map<String, Value>,
    body: Value,
}

/// Reads a delivery for rules: an event for each of what it tells.
///
/// # Errors
/// It says that it is JSON, and is none.
pub fn read<'a>(
    headers: &HeaderMap,
    body: &[u8],
    rules: impl Iterator<Item = &'a str>,
    now: DateTime<Utc>,
) -> Result<Vec<Seen>, &'static str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text("content-type").unwrap_or_default();
    let content = match serde_json::from_slice::<Value>(body) {
        Ok(content) => content,
        Err(_) if kind.contains("json") => return Err("this is no JSON"),
        Err(_) => String::from_utf8_lossy(body).into_owned().into(),
    };
    // Those that say nothing that tells them apart are the same where they are the same.
    let id = IDS.iter().find_map(|name| text(name)).map(str::to_owned);
    let id = id.unwrap_or_else(|| {
        let digest = Sha256::digest(body);
        digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    });
    let all = events(&text, content, &id);
    let shown = headers.iter().filter(|(name, _)| {
        !HIDDEN.contains(&name.as_str()) && !signature::is_header(name.as_str())
    });
    let shown: Map<String, Value> = shown
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into(),
            )
        })
        .collect();
    let mut seen = Vec::new();
    for rule in rules {
        for one in &all {
            let mut event = one.about.clone();
            event.insert("kind".to_owned(), "webhook".into());
            event.entry("id").or_insert_with(|| one.key.as_str().into());
            seen.push(Seen {
                rule: rule.to_owned(),
                key: one.key.clone(),
                data: json!({"event": event, "body": one.body, "headers": shown}),
                at: now,
                ready: now,
            });
        }
    }
    Ok(seen)
}

fn events<'a>(header: &impl Fn(&str) -> Option<&'a str>, content: Value, id: &str) -> Vec<One> {
    // A CloudEvent in headers.
    if let (Some(id), Some(source)) = (header("ce-id"), header("ce-source")) {
        let attribute = |name: &str| header(&format!("ce-{name}")).map_or(Value::Null, Value::from);
        let about = json!({
            "id": id, "source": source, "type": attribute("type"), "subject": attribute("subject"), "time": attribute("time"),
        });
        return vec![One {
            key: format!("{source} {id}"),
            about: without_null(about),
            body: content,
        }];
    }
    let several = match &content {
        Value::Array(items) if !items.is_empty() => items.iter().map(known).collect(),
        Value::Object(fields) => match fields.get("Records") {
            Some(Value::Array(items)) if !items.is_empty() => items.iter().map(known).collect(),
            _ => known(&content).map(|one| vec![one]),
        },
        _ => None,
    };
    let several: Option<Vec<One>> = several;
    several.unwrap_or_else(|| {
        vec![One {
            key: id.to_owned(),
            about: Map::new(),
            body: content,
        }]
    })
}

fn without_null(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(mut fields) => {
            fields.retain(|_, value| !value.is_null());
            fields
        }
        _ => Map::new(),
    }
}

/// One event in a form that is known.
fn known(value: &Value) -> Option<One> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let object = |scheme: &str, bucket: &str, name: String, kind: &str| {
        json!({
            "type": kind, "bucket": bucket, "object": name,
            "path": format!("{scheme}{bucket}/{name}"),
        })
    };
    // A record of Amazon S3.
    if let (Some(bucket), Some(key)) = (text("/s3/bucket/name"), text("/s3/object/key")) {
        let name = decoded(key);
        let mut about = object(
            "s3://",
            bucket,
            name.clone(),
            text("/eventName").unwrap_or_default(),
        );
        about["size"] = value["s3"]["object"]["size"].clone();
        about["etag"] = value["s3"]["object"]["eTag"].clone();
        let turn = text("/s3/object/sequencer").or(text("/responseElements/x-amz-request-id"));
        let turn = turn.or(text("/eventTime")).unwrap_or_default();
        return Some(One {
            key: format!("s3://{bucket}/{name}@{turn}"),
            about: without_null(about),
            body: value.clone(),
        });
    }
    // The same by EventBridge.
    if let (Some("aws.s3"), Some(bucket), Some(name)) = (
        text("/source"),
        text("/detail/bucket/name"),
        text("/detail/object/key"),
    ) {
        let mut about = object(
            "s3://",
            bucket,
            name.to_owned(),
            text("/detail-type").unwrap_or_default(),
        );
        about["size"] = value["detail"]["object"]["size"].clone();
        about["etag"] = value["detail"]["object"]["etag"].clone();
        let turn = text("/detail/object/sequencer")
            .or(text("/id"))
            .unwrap_or_default();
        return Some(One {
            key: format!("s3://{bucket}/{name}@{turn}"),
            about: without_null(about),
            body: value.clone(),
        });
    }
    // Google Cloud Storage, by a push of Pub/Sub.
    if let (Some(id), Some(bucket), Some(name)) = (
        text("/message/messageId").or(text("/message/message_id")),
        text("/message/attributes/bucketId"),
        text("/message/attributes/objectId"),
    ) {
        let kind = text("/message/attributes/eventType").unwrap_or_default();
        let generation = text("/message/attributes/objectGeneration").unwrap_or(id);
        return Some(One {
            key: format!("gs://{bucket}/{name}@{generation} {kind}"),
            about: without_null(object("gs://", bucket, name.to_owned(), kind)),
            body: value.clone(),
        });
    }
    // Azure's Event Grid.
    if let (Some(id), Some(url), Some(kind)) = (text("/id"), text("/data/url"), text("/eventType"))
    {
        let about = json!({
            "id": id, "type": kind, "path": url, "subject": text("/subject"),
            "size": value["data"]["contentLength"], "etag": value["data"]["eTag"],
        });
        return Some(One {
            key: format!("{url}@{id}"),
            about: without_null(about),
            body: value.clone(),
        });
    }
    // A CloudEvent.
    let (version, id, source) = (text("/specversion")?, text("/id")?, text("/source")?);
    let about = json!({
        "id": id, "source": source, "type": text("/type"), "subject": text("/subject"), "time": text("/time"),
        "version": version,
    });
    Some(One {
        key: format!("{source} {id}"),
        about: without_null(about),
        body: value.get("data").cloned().unwrap_or(Value::Null),
    })
}

/// A name as S3 writes it in notifications: `+` is a space, and `%` begins a byte.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = after
                    .get(..2)
                    .and_then(|digits| std::str::from_utf8(digits).ok());
                match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    Some(value) => {
                        bytes.push(value);
                        rest = &after[2..];
                    }
                    None => bytes.push(b'%'),
                }
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(headers: &[(&'static str, &str)], body: &Value) -> Vec<Seen> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let body = body.to_string();
        read(
            &map,
            body.as_bytes(),
            ["hook"].into_iter(),
            DateTime::UNIX_EPOCH,
        )
        .unwrap()
    }

    #[test]
    fn known_forms_are_understood() {
        let record = |key: &str, sequencer: &str| {
            json!({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {
                "bucket": {"name": "runs"}, "object": {"key": key, "size": 7, "eTag": "e", "sequencer": sequencer}}})
        };
        let s3 = seen(
            &[],
            &json!({"Records": [record("a+b/%C3%A4.txt", "1"), record("c", "2")]}),
        );
        assert_eq!(s3.len(), 2);
        assert_eq!(s3[0].key, "s3://runs/a b/ä.txt@1");
        assert_eq!(s3[0].data["event"]["path"], "s3://runs/a b/ä.txt");
        assert_eq!(s3[1].data["event"]["size"], 7);
        let bridge = seen(
            &[],
            &json!({"source": "aws.s3", "id": "9", "detail-type": "Object Created",
            "detail": {"bucket": {"name": "runs"}, "object": {"key": "c", "size": 1, "sequencer": "2"}}}),
        );
        // The same object by either way is the same.
        assert_eq!(bridge[0].key, s3[1].key);
        let google = seen(
            &[],
            &json!({"message": {"messageId": "5", "attributes": {
            "bucketId": "b", "objectId": "o", "eventType": "OBJECT_FINALIZE", "objectGeneration": "3"}}}),
        );
        assert_eq!(google[0].data["event"]["path"], "gs://b/o");
        let azure = seen(
            &[],
            &json!([{"id": "1", "eventType": "Microsoft.Storage.BlobCreated", "subject": "/x",
            "data": {"url": "https://acme.blob.example/x", "contentLength": 3}}]),
        );
        assert_eq!(
            azure[0].data["event"]["type"],
            "Microsoft.Storage.BlobCreated"
        );
        let cloud = seen(
            &[],
            &json!({"specversion": "1.0", "id": "1", "source": "/lims", "type": "done", "data": {"run": 7}}),
        );
        assert_eq!(
            (cloud[0].key.as_str(), &cloud[0].data["body"]),
            ("/lims 1", &json!({"run": 7}))
        );
        let binary = seen(
            &[("ce-id", "1"), ("ce-source", "/lims"), ("ce-type", "done")],
            &json!({"run": 7}),
        );
        assert_eq!(
            (&binary[0].key, &binary[0].data["body"]),
            (&cloud[0].key, &cloud[0].data["body"])
        );
    }

    #[test]
    fn what_is_unknown_is_told_apart_by_its_id_or_content() {
        let one = seen(
            &[("x-github-delivery", "d1"), ("authorization", "Bearer x")],
            &json!({"a": 1}),
        );
        assert_eq!(one[0].key, "d1");
        assert!(one[0].data["headers"].get("authorization").is_none());
        let (two, three) = (seen(&[], &json!({"a": 1})), seen(&[], &json!({"a": 2})));
        assert!(two[0].key != three[0].key && two[0].key == seen(&[], &json!({"a": 1}))[0].key);
        assert_eq!(seen(&[], &json!([1, 2])).len(), 1);
        let mut headers = HeaderMap::new();
        let text = read(
            &headers,
            b"run=7",
            ["hook"].into_iter(),
            DateTime::UNIX_EPOCH,
        )
        .unwrap();
        assert_eq!(text[0].data["body"], "run=7");
        headers.insert("content-type", "application/json".parse().unwrap());
        assert!(read(&headers, b"{", ["hook"].into_iter(), DateTime::UNIX_EPOCH).is_err());
        assert_eq!(decoded("a%2"), "a%2");
    }
}
