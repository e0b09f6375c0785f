//! The run of `runs view` and of its sub-commands, and how its facts are shown.

use serde_json::{Map, Value};

use crate::context::{Context, Place};
use crate::output::Unit;

/// The run that is viewed.
pub struct Run<'a> {
    pub context: &'a Context,
    pub place: &'a Place<'a>,
    pub id: &'a str,
}

/// The fields of a value, one a line.
pub fn facts(value: &Value) -> Vec<(String, String)> {
    let empty = Map::new();
    let fields = value.as_object().unwrap_or(&empty).iter();
    let text = |name: &str, value: &Value| match (value, unit_of(name)) {
        (Value::String(text), _) => text.clone(),
        (Value::Number(number), unit) if unit != Unit::Plain => {
            unit.tell(number.as_f64().unwrap_or_default())
        }
        (value, _) => value.to_string(),
    };
    fields
        .map(|(name, value)| (name.clone(), text(name, value)))
        .collect()
}

/// What a field of a run or a task counts.
fn unit_of(name: &str) -> Unit {
    match name {
        "duration" | "realtime" | "time" | "wallTime" | "cpuTime" => Unit::Milliseconds,
        "memory" | "disk" | "rss" | "peakRss" | "vmem" | "peakVmem" | "rchar" | "wchar"
        | "readBytes" | "writeBytes" | "totalMemory" | "read" | "write" => Unit::Bytes,
        "pcpu" | "pmem" | "memoryEfficiency" | "cpuEfficiency" => Unit::Percent,
        _ => Unit::Plain,
    }
}
