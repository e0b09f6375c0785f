//! Every type of the schema reads whatever a server may send in its place, and loses nothing of it.
#![cfg(feature = "all-tags")]

mod support_schema;

use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support_schema::compare::{UNKNOWN_FIELD, differences};
use support_schema::instance::{Extent, Kind, Place};
use support_schema::schema;

/// Reads a value and writes it again.
type RoundTrip = fn(&str) -> Result<Value, String>;

include!(concat!(env!("OUT_DIR"), "/round_trips.rs"));

fn round_trip<T>(text: &str) -> Result<Value, String>
where
    T: DeserializeOwned + Serialize + Debug + Clone + PartialEq,
{
    match serde_json::from_str::<T>(text) {
        Ok(value) => {
            if value != value.clone() {
                return Err("a value that differs from itself".to_owned());
            }
            if text.contains(UNKNOWN_FIELD) && !format!("{value:?}").contains(UNKNOWN_FIELD) {
                return Err(format!("its Debug, which hides `{UNKNOWN_FIELD}`"));
            }
            serde_json::to_value(&value).map_err(|error| error.to_string())
        }
        Err(_) => {
            // Once more, slower, for the path.
            let mut reader = serde_json::Deserializer::from_str(text);
            match serde_path_to_error::deserialize::<_, T>(&mut reader) {
                Ok(_) => Err("read only at the second try".to_owned()),
                Err(error) => Err(format!("`{}`: {}", error.path(), error.inner())),
            }
        }
    }
}

#[test]
fn the_table_has_every_type() {
    let known = |name: &str| schema().types().any(|(known, _)| known == name);
    let named_here: Vec<&str> = TYPES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !known(name))
        .collect();
    // Written inline, in fields of `AuditLogTargetState`, with which it is tested.
    assert!(
        named_here.iter().all(|name| *name == "AnyAuditImage"),
        "{named_here:?}"
    );
    let listed: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    let missing: Vec<&String> = schema()
        .types()
        .map(|(name, _)| name)
        .filter(|name| !listed.contains(&name.as_str()))
        .collect();
    // A body that is always `{}`, and a list of texts: neither needs a type.
    let needless = ["EmptyBodyRequest", "Iterator_String_"];
    let is_needless = |name: &&String| needless.contains(&name.as_str());
    assert!(missing.iter().all(is_needless), "{missing:?}");
}

#[test]
fn every_type_reads_every_instance_and_loses_nothing() {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((name, round_trip)) = TYPES.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let mut own = Tally::default();
                    exercise(name, *round_trip, &mut own);
                    tally.lock().unwrap().add(own);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{} instances of {} types", tally.instances, TYPES.len());
    assert!(
        tally.failures.is_empty(),
        "{} of {} instances failed:\n{}",
        tally.failures.len(),
        tally.instances,
        tally.failures[..tally.failures.len().min(200)].join("\n")
    );
}

/// The schema calls it an object; a server that keeps to the schema sends one.
#[test]
fn an_iterator_may_also_be_an_object() {
    let page: seqera::types::LogPage = serde_json::from_str(r#"{"entries":{}}"#).unwrap();
    assert_eq!(page.entries.as_deref(), Some([].as_slice()));
}

#[derive(Default)]
struct Tally {
    instances: usize,
    failures: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.instances += other.instances;
        self.failures.extend(other.failures);
    }
}

/// Sends every instance of a type through it.
fn exercise(name: &str, round_trip: RoundTrip, tally: &mut Tally) {
    if schema().types().all(|(known, _)| known != name) {
        return;
    }
    let mut check = |case: &dyn Fn() -> String, value: &Value| {
        tally.instances += 1;
        let text = value.to_string();
        match round_trip(&text) {
            Ok(written) => {
                for difference in differences(value, &written) {
                    tally
                        .failures
                        .push(format!("{name}: {}: {difference}", case()));
                }
            }
            Err(error) => tally
                .failures
                .push(format!("{name}: {}: refused at {error}", case())),
        }
    };
    let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
    for variant in 0..schema().variants(&reference) {
        let required = schema().instance_of(name, Extent::Required, variant);
        check(&|| "what is required".to_owned(), &required.value);
        let full = schema().instance_of(name, Extent::Full, variant);
        check(&|| "full".to_owned(), &full.value);
        check(
            &|| "all null".to_owned(),
            &all_null(&full.value, &full.places),
        );
        for place in &full.places {
            for (what, change) in changes(place) {
                let mut value = full.value.clone();
                change(&mut value, &place.pointer);
                check(&|| format!("{what} at `{}`", place.pointer), &value);
            }
        }
    }
}

/// An object with every property of its own null.
fn all_null(value: &Value, places: &[Place]) -> Value {
    let mut value = value.clone();
    let own = |place: &&Place| place.is_property && place.pointer.matches('/').count() == 1;
    for place in places.iter().filter(own) {
        *value.pointer_mut(&place.pointer).unwrap() = Value::Null;
    }
    value
}

type Change = Box<dyn Fn(&mut Value, &str)>;

/// What servers do to a place.
fn changes(place: &Place) -> Vec<(String, Change)> {
    let mut changes: Vec<(String, Change)> = Vec::new();
    let mut add = |what: &str, change: Change| changes.push((what.to_owned(), change));
    if place.is_property {
        add("null", put(Value::Null));
        add("nothing", Box::new(take_out));
    }
    match &place.kind {
        Kind::Enum => {
            add("an unknown value", put(json!("ADDED_BY_A_NEWER_SERVER")));
            add("an empty text", put(json!("")));
        }
        Kind::Integer => {
            add("decimal text", put(json!("1234")));
            add("an integer beyond 32 bits", put(json!(5_000_000_000_i64)));
            add("decimal text beyond 32 bits", put(json!("-5000000000")));
            add("a whole fraction", put(json!(12.0)));
        }
        Kind::Number => {
            add("an integer", put(json!(3)));
            add("a long fraction", put(json!(0.123_456_789_012_345)));
        }
        Kind::Date => {
            let zones = ["Z", "+00:00", "+05:30", "-09:30"];
            let fractions = (0..10).map(|digits| match digits {
                0 => String::new(),
                digits => format!(".{}", &"123456789"[..digits]),
            });
            for (index, fraction) in fractions.enumerate() {
                let zone = zones[index % zones.len()];
                let date = format!("2026-02-28T23:59:59{fraction}{zone}");
                add(&date, put(json!(date)));
            }
        }
        Kind::Text => {
            add("an empty text", put(json!("")));
            add(
                "a text beyond every length",
                put(json!("é\n\"x\" ".repeat(99))),
            );
        }
        Kind::Anything => {
            for value in [
                json!("text"),
                json!(7),
                json!(0.5),
                json!(true),
                json!([1, null]),
            ] {
                add(&format!("the value {value}"), put(value));
            }
        }
        Kind::Array => add("an empty array", put(json!([]))),
        Kind::Map => add("an empty map", put(json!({}))),
        Kind::Object => {
            add("an unknown field", with(UNKNOWN_FIELD, json!({ "a": [1] })));
            add("an empty object", put(json!({})));
        }
        Kind::Union(tag) => {
            let tag = tag.clone();
            add("an unknown kind", with(&tag, json!("retired-platform")));
            add("a kind that is null", with(&tag, Value::Null));
            add("an unknown field", with(UNKNOWN_FIELD, json!(1)));
            add(
                "no kind",
                Box::new(move |value, pointer| take_out(value, &format!("{pointer}/{tag}"))),
            );
        }
        Kind::Boolean => {}
    }
    changes
}

fn put(new: Value) -> Change {
    Box::new(move |value, pointer| *value.pointer_mut(pointer).unwrap() = new.clone())
}

fn with(field: &str, new: Value) -> Change {
    let field = field.to_owned();
    Box::new(move |value, pointer| {
        value.pointer_mut(pointer).unwrap()[&field] = new.clone();
    })
}

fn take_out(value: &mut Value, pointer: &str) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().remove(field);
}

/// A folder holds folders, by itself, in a list, in a map and by way of another type; a variant
/// takes in its union.
const ENDLESS: &str = r##"{
    "paths": {},
    "components": { "schemas": {
        "Folder": { "type": "object", "required": ["name"], "properties": {
            "name": { "type": "string" },
            "parent": { "$ref": "#/components/schemas/Folder" },
            "parts": { "type": "array", "items": { "$ref": "#/components/schemas/Folder" } },
            "named": { "type": "object", "additionalProperties": { "$ref": "#/components/schemas/Folder" } },
            "entry": { "$ref": "#/components/schemas/Entry" }
        } },
        "Entry": { "type": "object", "properties": {
            "folder": { "nullable": true, "allOf": [{ "$ref": "#/components/schemas/Folder" }] },
            "shape": { "$ref": "#/components/schemas/Shape" }
        } },
        "Shape": {
            "type": "object",
            "properties": { "kind": { "type": "string" }, "size": { "type": "integer" } },
            "discriminator": { "propertyName": "kind", "mapping": { "round": "#/components/schemas/Round" } },
            "oneOf": [{ "$ref": "#/components/schemas/Round" }]
        },
        "Round": { "allOf": [
            { "$ref": "#/components/schemas/Shape" },
            { "type": "object", "properties": { "inner": { "$ref": "#/components/schemas/Shape" } } }
        ] }
    } }
}"##;

#[test]
fn values_of_types_that_hold_themselves_come_to_an_end() {
    let schema = support_schema::Schema::new(serde_json::from_str(ENDLESS).unwrap());
    for (name, depth) in [("Folder", "parent"), ("Round", "inner")] {
        assert_eq!(
            schema.variants(&json!({ "$ref": format!("#/components/schemas/{name}") })),
            1
        );
        let full = schema.instance_of(name, Extent::Full, 0);
        assert!(full.value[depth][depth][depth].is_null(), "{}", full.value);
        assert!(full.value[depth].is_object(), "{}", full.value);
    }
    let round = schema.instance_of("Round", Extent::Full, 0).value;
    assert!(round["size"].is_i64(), "{round}");
    assert_eq!(round["inner"]["kind"], "round");
    let shape = json!({ "$ref": "#/components/schemas/Shape" });
    let checked = schema.json_schema(&shape);
    let value = schema.instance(&shape, Extent::Full, 0).value;
    let validator = jsonschema::validator_for(&checked).unwrap();
    assert!(validator.is_valid(&value), "{value}");
    assert!(!validator.is_valid(&json!({ "kind": "square" })));
}
