//! What Nextflow has reported of a run, as it is shown.

use serde_json::{Map, Value, json};

/// The counts of a report as they are shown: what Nextflow doesn't count is 0.
pub fn progress(told: &Value) -> Value {
    const COUNTS: &[&str] = &[
        "aborted",
        "cached",
        "cpuLoad",
        "cpuTime",
        "cpus",
        "failed",
        "ignored",
        "invCtxSwitch",
        "loadCpus",
        "loadMemory",
        "loadTasks",
        "memoryReq",
        "memoryRss",
        "peakCpus",
        "peakMemory",
        "peakTasks",
        "pending",
        "readBytes",
        "retries",
        "running",
        "submitted",
        "succeeded",
        "volCtxSwitch",
        "writeBytes",
    ];
    let load = |told: &Value| {
        let mut load: Map<String, Value> = (COUNTS.iter())
            .map(|name| {
                (
                    (*name).to_owned(),
                    json!(told[*name].as_i64().unwrap_or_default()),
                )
            })
            .collect();
        load.insert(
            "loadTasks".to_owned(),
            json!(told["running"].as_i64().unwrap_or_default()),
        );
        load.insert(
            "peakTasks".to_owned(),
            json!(told["peakRunning"].as_i64().unwrap_or_default()),
        );
        Value::Object(load)
    };
    let processes: Vec<Value> = (told["processes"].as_array().into_iter().flatten())
        .map(|process| {
            let mut load = load(process);
            load["process"] = process["name"].clone();
            load
        })
        .collect();
    json!({
        "workflowProgress": load(told),
        "totalProcesses": processes.len(),
        "processesProgress": processes,
    })
}
