//! Datasets and Studios: items of a set-up.

use serde_json::{Map, Value, json};

use super::{Outcome, Task};
use crate::kit::{self, Item, Kit, Options, Variables};
use crate::rules::engine::judge;
use crate::rules::file;
use crate::rules::template;

/// Brings an item to the Platform.
pub(super) async fn act(task: &Task<'_>, item: &file::Item) -> Result<Value, Outcome> {
    let fields = template::fill_map(&item.fields, &task.data)?;
    bring(task, item.block, fields).await
}

/// Brings the thing of some keys to the Platform: what it made.
pub(super) async fn bring(
    task: &Task<'_>,
    block: &str,
    mut fields: Map<String, Value>,
) -> Result<Value, Outcome> {
    let of_kit = |error: kit::Error| judge::of_kit(&error);
    let workspace = fields
        .entry("workspace")
        .or_insert_with(|| task.workspace().into());
    let workspace = workspace.as_str().unwrap_or_default().to_owned();
    let kind = kit::kind_of(block).map_err(of_kit)?;
    let place = task.step.place.clone();
    let item = Item::of_values(kind, fields, place, &Variables::default()).map_err(of_kit)?;
    let platform = task.engine.platform().map_err(Outcome::Nobody)?;
    let options = Options {
        replace: false,
        update_secrets: false,
        launch_once: None,
        at_once: 1,
    };
    // What it knows of the Platform is as of now.
    let kit = Kit::new(platform.client.clone(), options);
    let present = kit.bring(&item).await.map_err(of_kit)?;
    let mut made = json!({"id": present.id, "name": item.name(), "workspace": workspace});
    for (name, field) in [("url", "url"), ("url", "studioUrl")] {
        if let Some(url) = present.raw.get(field).filter(|url| url.is_string()) {
            made[name] = url.clone();
        }
    }
    Ok(made)
}
