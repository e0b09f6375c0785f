//! Data links: list, browse, download, upload.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::api::{Body, Call, Refusal, Reply};
use crate::state::{DataLink, Laboratory, Shared};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/data-links", get(list))
        .route("/data-links/{dataLinkId}", get(describe))
        .route("/data-links/{dataLinkId}/browse", get(browse))
        .route("/data-links/{dataLinkId}/browse/{*path}", get(browse))
        .route("/data-links/{dataLinkId}/browse-tree", get(browse_tree))
        .route(
            "/data-links/{dataLinkId}/generate-download-url",
            get(download_url),
        )
        .route(
            "/data-links/{dataLinkId}/download/{*filePath}",
            get(download),
        )
        .route("/data-links/{dataLinkId}/upload", post(upload))
        .route("/data-links/{dataLinkId}/upload/{*dirPath}", post(upload))
        .route(
            "/data-links/{dataLinkId}/upload/finish",
            post(finish_upload),
        )
        .route(
            "/data-links/{dataLinkId}/upload/finish/{*dirPath}",
            post(finish_upload),
        )
}

const PAGE_SIZE: usize = 100;

async fn list(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let workspace = laboratory.workspace(call.workspace()?)?;
    let links = (laboratory.data_links.iter())
        .filter(|link| link.workspace == workspace && call.finds(&link.name))
        .filter(|link| {
            call.query("credentialsId")
                .is_none_or(|id| id == link.credentials)
        });
    let page = call.page(links)?;
    let links: Vec<_> = (page.items.iter())
        .map(|link| link.json(&laboratory))
        .collect();
    Ok(Json(json!({ "dataLinks": links, "totalSize": page.total })))
}

async fn describe(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let link = laboratory.data_link(&call)?;
    Ok(Json(json!({ "dataLink": link.json(&laboratory) })))
}

impl Laboratory {
    fn data_link(&self, call: &Call) -> Result<&DataLink, Refusal> {
        let workspace = self.workspace(call.workspace()?)?;
        let id = call.path("dataLinkId");
        (self.data_links.iter())
            .find(|link| link.workspace == workspace && link.id == id)
            .ok_or_else(|| Refusal::not_found(format!("Unknown data link with id: {id}")))
    }
}

impl DataLink {
    fn json(&self, laboratory: &Laboratory) -> Value {
        let credentials: Vec<_> = (laboratory.credentials.iter())
            .filter(|credentials| credentials.id == self.credentials)
            .map(|credentials| {
                json!({
                    "id": credentials.id,
                    "name": credentials.name,
                    "provider": credentials.provider,
                })
            })
            .collect();
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "resourceRef": format!("s3://{}", self.bucket),
            "type": "bucket",
            "provider": "aws",
            "region": self.region,
            "credentials": credentials,
            "publicAccessible": false,
            "hidden": false,
            "status": null,
            "message": null,
        })
    }
}

/// A folder's path as a prefix of keys: empty, or with a slash at its end.
fn prefix(path: &str) -> String {
    match path.trim_matches('/') {
        "" => String::new(),
        path => format!("{path}/"),
    }
}

fn media_type(key: &str) -> &'static str {
    match key.rsplit('.').next() {
        Some("csv") => "text/csv",
        Some("tsv") => "text/tab-separated-values",
        Some("html") => "text/html",
        Some("md") => "text/markdown",
        Some("xml") => "application/xml",
        Some("gz") => "application/gzip",
        _ => "application/octet-stream",
    }
}

async fn browse(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let link = laboratory.data_link(&call)?;
    let folder = prefix(call.path("path"));
    // What lies deeper shows as a folder.
    let mut items = BTreeMap::new();
    for (key, size) in world.store.list(&link.bucket, &folder) {
        let name = &key[folder.len()..];
        match name.split_once('/') {
            Some((child, _)) => items.insert(format!("{child}/"), None),
            None => items.insert(name.to_owned(), Some(size)),
        };
    }
    if items.is_empty() && !folder.is_empty() {
        return Err(Refusal::not_found(format!("Path not found: {folder}")));
    }
    // Like S3's prefix, the search is one of the beginning of names.
    let search = call.query("search").unwrap_or_default();
    items.retain(|name, _| name.starts_with(search));

    let from = match call.query("nextPageToken") {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .map_err(|_| Refusal::bad_request(format!("Invalid page token: {token}")))?,
    };
    let size = call.size("pageSize")?.unwrap_or(PAGE_SIZE).clamp(1, 1000);
    let next = (from + size < items.len()).then(|| (from + size).to_string());
    let objects: Vec<_> = (items.iter().skip(from).take(size))
        .map(|(name, size)| {
            json!({
                "type": if size.is_some() { "FILE" } else { "FOLDER" },
                "name": name,
                "size": size.unwrap_or(0),
                "mimeType": size.map(|_| media_type(name)),
            })
        })
        .collect();
    Ok(Json(json!({
        "originalPath": format!("s3://{}/{folder}", link.bucket),
        "objects": objects,
        "nextPageToken": next,
    })))
}

async fn browse_tree(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let link = laboratory.data_link(&call)?;
    let mut items = BTreeMap::new();
    for path in call.query_all("paths") {
        let path = path.trim_start_matches('/');
        items.extend(world.store.list(&link.bucket, &prefix(path)));
        let file = world.store.get(&link.bucket, path);
        items.extend(file.map(|object| (path.to_owned(), object.content.len())));
    }
    let items: Vec<_> = (items.iter())
        .map(|(path, size)| json!({ "path": path, "size": size }))
        .collect();
    Ok(Json(json!({ "items": items })))
}

async fn download_url(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    let link = laboratory.data_link(&call)?;
    let path = call
        .query("filePath")
        .unwrap_or_default()
        .trim_start_matches('/');
    if world.store.get(&link.bucket, path).is_none() {
        return Err(Refusal::not_found(format!("File not found: {path}")));
    }
    Ok(Json(json!({
        "url": world.store.presigned_get(&link.bucket, path),
        "resolvedPath": null,
        "resolvedMimeType": media_type(path),
        "warning": null,
    })))
}

async fn download(State(world): State<Shared>, call: Call) -> Result<Response, Refusal> {
    let laboratory = world.laboratory();
    let link = laboratory.data_link(&call)?;
    let path = call.path("filePath");
    match world.store.get(&link.bucket, path) {
        Some(object) => {
            let headers = [(CONTENT_TYPE, "application/octet-stream")];
            Ok((headers, object.content).into_response())
        }
        None => Err(Refusal::not_found(format!("File not found: {path}"))),
    }
}

async fn upload(State(world): State<Shared>, call: Call, body: Body) -> Reply {
    let laboratory = world.laboratory();
    let link = laboratory.data_link(&call)?;
    let name = body.required("fileName")?;
    let length = (body.0["contentLength"].as_u64())
        .ok_or_else(|| Refusal::bad_request("Missing `contentLength` parameter"))?;
    let key = format!("{}{name}", prefix(call.path("dirPath")));
    let (id, urls) = world.store.begin_upload(&link.bucket, &key, length);
    Ok(Json(json!({ "uploadId": id, "uploadUrls": urls })))
}

/// Answers an empty 200, as real servers do, whatever the schema declares.
async fn finish_upload(
    State(world): State<Shared>,
    call: Call,
    body: Body,
) -> Result<StatusCode, Refusal> {
    world.laboratory().data_link(&call)?;
    let id = body.required("uploadId")?;
    let done = match body.0["withError"] == true {
        true => world.store.abort_upload(id),
        false => world.store.finish_upload(id, &etags(&body)),
    };
    done.map_err(|unfinished| Refusal::bad_request(unfinished.0))?;
    Ok(StatusCode::OK)
}

/// The part numbers and ETags of the body; what isn't one can't match a part and refuses the upload.
fn etags(body: &Body) -> Vec<(u64, String)> {
    (body.0["tags"].as_array().into_iter().flatten())
        .map(|tag| {
            let number = tag["partNumber"].as_u64().unwrap_or(0);
            (number, tag["eTag"].as_str().unwrap_or_default().to_owned())
        })
        .collect()
}
