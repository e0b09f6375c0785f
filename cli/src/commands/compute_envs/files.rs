//! `compute-envs export` and `import`: the configuration as a file.

use serde_json::{Map, Value, json};

use super::create::Making;
use super::{Export, Import, all, describe};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Kind, Result};
use crate::output::{Answer, View, without_nulls};
use crate::values::Label;

/// What the server makes, and makes anew.
const MADE: [&str; 4] = ["forgedResources", "computeQueue", "headQueue", "volumes"];

pub async fn export(context: &Context, command: Export) -> Result<Exit> {
    let place = context.place(&command.which.workspace).await?;
    let found = describe(context, &place, &command.which.compute_env).await?;
    let mut config = without_nulls(serde_json::to_value(&found.config)?);
    if let Value::Object(fields) = &mut config {
        if fields.get("discriminator").and_then(Value::as_str) == Some("aws-batch") {
            let forged = fields.contains_key("forge");
            let made = if forged { &MADE[..] } else { &MADE[3..] };
            fields.retain(|name, _| !made.contains(&name.as_str()));
        }
        let labels = found.labels.unwrap_or_default();
        fields.insert(
            "labels".to_owned(),
            without_nulls(serde_json::to_value(labels)?),
        );
    }
    write(
        context,
        &config,
        command.file.as_deref(),
        "Compute environment",
    )
}

/// Writes a configuration to the file, or to standard output.
pub fn write(context: &Context, config: &Value, file: Option<&str>, what: &str) -> Result<Exit> {
    let text = serde_json::to_string_pretty(config)?;
    let file = file.filter(|name| *name != "-");
    if let Some(path) = file {
        std::fs::write(path, &text)
            .map_err(|error| Failure::failed(format!("{path} can't be written: {error}")))?;
    }
    let value = without_nulls(json!({"configOutput": text, "fileName": file}));
    let view = match file {
        Some(path) => View::Text(format!("{what} exported into '{path}'")),
        None => View::Text(text),
    };
    context.show(&Answer::new(value, view))
}

/// Reads a file that an export wrote.
pub fn read(path: &std::path::Path) -> Result<Map<String, Value>> {
    let text = crate::values::TextFile(path.to_owned())
        .read()
        .map_err(Failure::failed)?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::failed(format!(
            "{} is no exported configuration: {error}",
            path.display()
        ))
    })
}

pub async fn import(context: &Context, command: Import) -> Result<Exit> {
    let mut config = read(&command.file)?;
    let platform = match config.get("discriminator").and_then(Value::as_str) {
        Some(platform) => platform.to_owned(),
        None => {
            return Err(Failure::failed(format!(
                "{} has no `discriminator`, which says the platform",
                command.file.display()
            )));
        }
    };
    let own: Vec<Label> = match config.remove("labels") {
        Some(Value::Array(labels)) => labels.iter().filter_map(label).collect(),
        _ => Vec::new(),
    };
    let labels = command.new.labels.labels.clone().map_or(own, |list| list.0);
    let place = context.place(&command.new.workspace).await?;
    if command.overwrite.overwrite
        && let Some(id) = present(context, &place, &command.new.name).await?
    {
        let call = context.client()?.delete_compute_env().compute_env_id(id);
        context.step(call.workspace_id(place.id()).send().await)?;
    }
    let making = Making {
        new: &command.new,
        platform: &platform,
        config,
        metrics: None,
        registries: &[],
        labels,
    };
    making.run_at(context, &place).await
}

/// The id of the compute environment of that name, of whatever status.
async fn present(context: &Context, place: &Place<'_>, name: &str) -> Result<Option<String>> {
    for status in [Some("AVAILABLE"), None] {
        let all = match all(context, place, status).await {
            Err(failure) if failure.kind() == Kind::NotFound => break,
            all => all?,
        };
        let mut all = all.into_iter();
        if let Some(found) = all.find(|entry| entry.name.as_deref() == Some(name)) {
            return Ok(found.id);
        }
    }
    Ok(None)
}

fn label(label: &Value) -> Option<Label> {
    Some(Label {
        name: label.get("name")?.as_str()?.to_owned(),
        value: label
            .get("value")
            .and_then(Value::as_str)
            .map(str::to_owned),
    })
}
