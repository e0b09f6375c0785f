//! Datasets: list, create, upload and download versions. The older paths name the workspace, the
//! newer ones take it as a query parameter; both lead to the same data.

use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::api::{Body, Call, Done, NO_CONTENT, Refusal, Reply};
use crate::data::ORGANIZATION_ID;
use crate::state::{Dataset, DatasetVersion, Laboratory, Shared, iso, short_id};

/// The largest file of a dataset.
const LARGEST_FILE: usize = 10 << 20;
/// Room for what multipart wraps around the file.
const ENVELOPE: usize = 64 << 10;
const MOST_VERSIONS: usize = 100;

pub fn routes() -> Router<Shared> {
    let mut routes = Router::new();
    for base in ["/datasets", "/workspaces/{workspaceId}/datasets"] {
        let at = |path: &str| format!("{base}{path}");
        routes = routes
            .route(base, get(list).post(create))
            .route(&at("/versions"), get(latest_versions))
            .route(&at("/{datasetId}"), axum::routing::delete(delete))
            .route(&at("/{datasetId}/metadata"), get(describe))
            .route(&at("/{datasetId}/versions"), get(versions))
            .route(
                &at("/{datasetId}/upload"),
                post(upload).layer(DefaultBodyLimit::max(LARGEST_FILE + ENVELOPE)),
            )
            .route(&at("/{datasetId}/v/{version}/n/{fileName}"), get(download));
    }
    routes
}

async fn list(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let attributes = call.attributes(&["labels"])?;
    let datasets = (laboratory.datasets.iter())
        .filter(|dataset| dataset.workspace == workspace && call.finds(&dataset.name));
    let page = call.page(datasets)?;
    let datasets: Vec<_> = (page.items.iter())
        .map(|dataset| dataset.json(&laboratory, &attributes))
        .collect();
    Ok(Json(
        json!({ "datasets": datasets, "totalSize": page.total }),
    ))
}

async fn create(State(world): State<Shared>, call: Call, body: Body) -> Reply {
    let mut laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let name = body.required("name")?.to_owned();
    if (laboratory.datasets.iter()).any(|other| other.workspace == workspace && other.name == name)
    {
        return Err(Refusal::conflict(format!(
            "Dataset name '{name}' already exists"
        )));
    }
    let id = laboratory.next_id();
    let dataset = Dataset {
        id: short_id(id, 22),
        workspace,
        name,
        description: body.text("description").map(str::to_owned),
        linked: body.text("sourceType") == Some("LINKED"),
        labels: Vec::new(),
        created: SystemTime::now(),
        versions: Vec::new(),
    };
    let reply = dataset.json(&laboratory, &[]);
    laboratory.datasets.push(dataset);
    Ok(Json(json!({ "dataset": reply })))
}

async fn describe(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let attributes = call.attributes(&["labels"])?;
    let dataset = &laboratory.datasets[laboratory.dataset(&call)?];
    Ok(Json(
        json!({ "dataset": dataset.json(&laboratory, &attributes) }),
    ))
}

async fn delete(State(world): State<Shared>, call: Call) -> Done {
    let mut laboratory = world.laboratory();
    let place = laboratory.dataset(&call)?;
    laboratory.datasets.remove(place);
    NO_CONTENT
}

async fn versions(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let dataset = &laboratory.datasets[laboratory.dataset(&call)?];
    let versions: Vec<_> = (1..=dataset.versions.len())
        .rev()
        .filter(|&number| has_media_type(&dataset.versions[number - 1], &call))
        .map(|number| dataset.version_json(number, &laboratory, &world.endpoint))
        .collect();
    let total = versions.len();
    Ok(Json(json!({ "versions": versions, "totalSize": total })))
}

async fn latest_versions(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let datasets = (laboratory.datasets.iter())
        .filter(|dataset| dataset.workspace == workspace && call.finds(&dataset.name))
        .filter(|dataset| {
            (dataset.versions.last()).is_some_and(|version| has_media_type(version, &call))
        });
    let page = call.page(datasets)?;
    let versions: Vec<_> = (page.items.iter())
        .map(|dataset| dataset.version_json(dataset.versions.len(), &laboratory, &world.endpoint))
        .collect();
    Ok(Json(
        json!({ "versions": versions, "totalSize": page.total }),
    ))
}

fn has_media_type(version: &DatasetVersion, call: &Call) -> bool {
    call.query("mimeType")
        .is_none_or(|wanted| wanted == version.media_type)
}

async fn upload(State(world): State<Shared>, call: Call, mut form: Multipart) -> Reply {
    let (file_name, media_type, content) = file(&mut form).await?;
    let mut laboratory = world.laboratory();
    let place = laboratory.dataset(&call)?;
    let dataset = &mut laboratory.datasets[place];
    if dataset.versions.len() >= MOST_VERSIONS {
        let message = format!("A dataset has at most {MOST_VERSIONS} versions");
        return Err(Refusal::bad_request(message));
    }
    dataset.versions.push(DatasetVersion {
        file_name,
        media_type,
        has_header: call.flag("header"),
        created: SystemTime::now(),
        content,
    });
    let dataset = &laboratory.datasets[place];
    let version = dataset.version_json(dataset.versions.len(), &laboratory, &world.endpoint);
    Ok(Json(json!({ "version": version })))
}

/// Name, media type and content of the form's file.
async fn file(form: &mut Multipart) -> Result<(String, String, Bytes), Refusal> {
    let too_large = || Refusal::bad_request("The file is larger than 10 MB");
    while let Some(field) = (form.next_field().await)
        .map_err(|error| Refusal::bad_request(format!("Invalid form: {error}")))?
    {
        if field.name() != Some("file") {
            continue;
        }
        let name = field.file_name().unwrap_or_default().to_owned();
        let media_type = match (field.content_type(), name.rsplit_once('.')) {
            (Some(known @ ("text/csv" | "text/tab-separated-values")), _) => known,
            (_, Some((_, "csv"))) => "text/csv",
            (_, Some((_, "tsv"))) => "text/tab-separated-values",
            _ => {
                return Err(Refusal::bad_request(
                    "The file must be named *.csv or *.tsv",
                ));
            }
        }
        .to_owned();
        let content = (field.bytes().await).map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => Refusal::bad_request(format!("Invalid form: {error}")),
        })?;
        return match content.len() {
            0 => Err(Refusal::bad_request("The file is empty")),
            size if size > LARGEST_FILE => Err(too_large()),
            _ => Ok((name, media_type, content)),
        };
    }
    Err(Refusal::bad_request("The form has no part named `file`"))
}

async fn download(State(world): State<Shared>, call: Call) -> Result<Response, Refusal> {
    let laboratory = world.laboratory();
    let dataset = &laboratory.datasets[laboratory.dataset(&call)?];
    let number = call.path("version");
    let version = (number.parse::<usize>().ok())
        .and_then(|number| dataset.versions.get(number.checked_sub(1)?))
        .filter(|version| version.file_name == call.path("fileName"))
        .ok_or_else(|| Refusal::not_found(format!("Unknown dataset version: {number}")))?;
    if !dataset.linked {
        let headers = [(CONTENT_TYPE, "application/octet-stream")];
        return Ok((headers, version.content.clone()).into_response());
    }
    // The data of a linked dataset lie in cloud storage.
    let (bucket, key) = ("linked-datasets", format!("{}/{number}.csv", dataset.id));
    world.store.put(bucket, &key, version.content.clone());
    let url = world.store.presigned_get(bucket, &key);
    Ok((StatusCode::TEMPORARY_REDIRECT, [(LOCATION, url)]).into_response())
}

impl Laboratory {
    /// The place of the call's dataset.
    fn dataset(&self, call: &Call) -> Result<usize, Refusal> {
        let workspace = self.workspace(call.workspace()?)?;
        let id = call.path("datasetId");
        (self.datasets.iter())
            .position(|dataset| dataset.workspace == workspace && dataset.id == id)
            .ok_or_else(|| Refusal::not_found(format!("Unknown dataset with id: {id}")))
    }
}

impl Dataset {
    fn json(&self, laboratory: &Laboratory, attributes: &[&str]) -> Value {
        let latest = self.versions.last();
        let updated = latest.map_or(self.created, |version| version.created);
        let labels = attributes.contains(&"labels");
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "mediaType": latest.map(|version| &version.media_type),
            "version": (!self.versions.is_empty()).then_some(self.versions.len()),
            "deleted": false,
            "hidden": false,
            "sourceType": if self.linked { "LINKED" } else { "UPLOADED" },
            "organizationId": ORGANIZATION_ID,
            "workspaceId": self.workspace,
            "user": laboratory.user.json(),
            "lastUpdatedBy": laboratory.user.json(),
            "dateCreated": iso(self.created),
            "lastUpdated": iso(updated),
            "runsInfo": null,
            "labels": labels.then(|| laboratory.labels_json(&self.labels)),
        })
    }

    /// The version of a number, which must exist.
    fn version_json(&self, number: usize, laboratory: &Laboratory, endpoint: &str) -> Value {
        let version = &self.versions[number - 1];
        json!({
            "datasetId": self.id,
            "datasetName": self.name,
            "datasetDescription": self.description,
            "workspaceId": self.workspace,
            "version": number,
            "fileName": version.file_name,
            "fileSize": version.content.len(),
            "mediaType": version.media_type,
            "hasHeader": version.has_header,
            "disabled": false,
            "createdBy": laboratory.user.json(),
            "dateCreated": iso(version.created),
            "lastUpdated": iso(version.created),
            "linkedSource": null,
            "url": format!(
                "{endpoint}/workspaces/{}/datasets/{}/v/{number}/n/{}",
                self.workspace, self.id, version.file_name
            ),
        })
    }
}
