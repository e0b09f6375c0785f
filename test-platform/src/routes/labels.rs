//! Labels: list, create.

use std::time::SystemTime;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::api::{Body, Call, Refusal, Reply};
use crate::state::{Label, Shared};

pub fn routes() -> Router<Shared> {
    Router::new().route("/labels", get(list).post(create))
}

async fn list(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let wants_resource = match call.query("type") {
        None | Some("all") => None,
        Some("simple") => Some(false),
        Some("resource") => Some(true),
        Some(other) => {
            return Err(Refusal::bad_request(format!(
                "Failed to convert argument [type]: unknown value [{other}]"
            )));
        }
    };
    let page = call.page(
        (laboratory.labels.iter())
            .filter(|label| label.workspace == workspace && call.finds(&label.name))
            .filter(|label| wants_resource.is_none_or(|wants| wants == label.value.is_some()))
            .filter(|label| !call.flag("isDefault") || label.is_default),
    )?;
    let labels: Vec<_> = page.items.into_iter().map(Label::json).collect();
    Ok(Json(json!({ "labels": labels, "totalSize": page.total })))
}

async fn create(State(world): State<Shared>, call: Call, body: Body) -> Reply {
    let mut laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let name = body.required("name")?.to_owned();
    let is_resource = body.0["resource"] == true;
    let value = body.text("value").map(str::to_owned);
    if is_resource != value.is_some() {
        return Err(Refusal::bad_request(
            "Resource labels, and only they, have a value",
        ));
    }
    if (laboratory.labels.iter())
        .any(|label| label.workspace == workspace && label.name == name && label.value == value)
    {
        return Err(Refusal::conflict(format!("Label '{name}' already exists")));
    }
    let label = Label {
        id: laboratory.next_id() as i64,
        workspace,
        name,
        value,
        is_default: body.0["isDefault"] == true,
        created: SystemTime::now(),
    };
    let reply = json!({
        "id": label.id,
        "name": label.name,
        "value": label.value,
        "resource": is_resource,
        "isDefault": label.is_default,
    });
    laboratory.labels.push(label);
    Ok(Json(reply))
}
