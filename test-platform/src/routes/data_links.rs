//! Data links: which there are, what is in their buckets, up and down.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Routes;
use super::turn::Turn;
use crate::call::{Answer, DONE, Refusal, Reply, answer};
use crate::state::{Record, mix};

pub const ROUTES: Routes = &[
    ("ListDataLinks", list),
    ("DescribeDataLink", describe),
    ("CreateCustomDataLink", create),
    ("UpdateCustomDataLink", update),
    ("DeleteCustomDataLink", delete),
    ("RefreshDataLinkCache", |_| Ok(DONE.with_status(200))),
    ("ExploreDataLink", browse),
    ("ExploreDataLinkWithPath", browse),
    ("ExploreDataLinkTree", browse_tree),
    ("DeleteDataLinkItem", delete_items),
    ("GenerateDownloadUrlDataLink", download_url),
    ("GenerateDownloadScript", download_script),
    ("DownloadDataLink", download),
    ("GenerateDataLinkUploadUrl", upload),
    ("GenerateDataLinkUploadUrlWithPath", upload),
    ("FinishDataLinkUpload", finish_upload),
    ("FinishDataLinkUploadWithPath", finish_upload),
];

const PAGE_SIZE: usize = 100;

fn show(turn: &Turn<'_>, link: &Record) -> Value {
    let credentials: Vec<Value> = (turn.state.within("credentials", link.scope))
        .filter(|credentials| link["_credentials"] == credentials.id.as_str())
        .map(|credentials| json!({ "id": credentials["id"], "name": credentials["name"], "provider": credentials["provider"] }))
        .collect();
    let mut value = link.value();
    value["credentials"] = json!(credentials);
    value
}

/// Answered by 202 while the cache of buckets fills (`TestPlatform::fill_data_link_cache_slowly`).
fn list(turn: &mut Turn<'_>) -> Reply {
    let search = turn.search(&["region", "provider", "resourceref"]);
    let wants_hidden = match turn.call.query("visibility") {
        Some("hidden") => Some(true),
        Some("all") => None,
        _ => Some(false),
    };
    let found = (turn.state.within("data_link", turn.scope()))
        .filter(|link| search.finds([link.text("name")]))
        .filter(|link| {
            [
                ("region", "region"),
                ("provider", "provider"),
                ("resourceref", "resourceRef"),
            ]
            .iter()
            .all(|(keyword, field)| {
                search.all(keyword, |value| {
                    link.text(field).eq_ignore_ascii_case(value)
                })
            })
        })
        .filter(|link| wants_hidden.is_none_or(|hidden| hidden == link.is("hidden")))
        .filter(|link| {
            turn.call
                .query("credentialsId")
                .is_none_or(|id| link["_credentials"] == id)
        });
    let page = turn.call.page(found)?;
    let links: Vec<Value> = page.items.iter().map(|link| show(turn, link)).collect();
    let total = page.total;
    answer(json!({ "dataLinks": links, "totalSize": total }))
}

/// The data link of the call. Nothing tells an unknown one from one that is switched off.
fn find(turn: &Turn<'_>) -> Result<Record, Refusal> {
    let id = turn.call.path("dataLinkId");
    (turn.state.find("data_link", turn.scope(), id).cloned())
        .ok_or_else(|| Refusal::not_found(format!("Unknown data link with id: {id}")))
}

fn describe(turn: &mut Turn<'_>) -> Reply {
    let link = find(turn)?;
    answer(json!({ "dataLink": show(turn, &link) }))
}

fn check_credentials(turn: &Turn<'_>) -> Result<Value, Refusal> {
    match turn.call.text("credentialsId") {
        None => Ok(Value::Null),
        Some(id) if turn.state.find("credentials", turn.scope(), id).is_some() => Ok(json!(id)),
        Some(id) => Err(Refusal::bad_request(format!(
            "Unknown credentials with id: {id}"
        ))),
    }
}

fn create(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.required("name")?.to_owned();
    let place = turn.call.required("resourceRef")?.to_owned();
    if bucket_of(&place).is_none() {
        return Err(Refusal::bad_request(format!("Invalid resource: {place}")));
    }
    let credentials = check_credentials(turn)?;
    let has_name = |link: &Record| link.text("name") == name;
    if turn.state.within("data_link", turn.scope()).any(has_name) {
        return Err(Refusal::conflict(format!(
            "Data link name '{name}' already exists"
        )));
    }
    let number = turn.state.next_id();
    let id = format!("v1-user-{:016x}{:016x}", mix(number), mix(number ^ 0xDA7A));
    let link = json!({
        "id": id,
        "name": name,
        "description": turn.call.field("description"),
        "resourceRef": place,
        "type": "bucket",
        "provider": turn.call.text("provider").unwrap_or("aws"),
        "region": null,
        "publicAccessible": turn.call.field("publicAccessible") == &json!(true),
        "hidden": false,
        "status": "VALID",
        "message": null,
        "_credentials": credentials,
        "_custom": true,
    });
    let link = Record::new(&id, turn.scope(), link);
    turn.state.keep("data_link", link.clone());
    turn.audit("data_link_created", "data_link", &id, &name);
    answer(show(turn, &link))
}

/// Only custom ones can be changed.
fn custom(turn: &Turn<'_>) -> Result<Record, Refusal> {
    let link = find(turn)?;
    match link.is("_custom") {
        true => Ok(link),
        false => Err(Refusal::bad_request(
            "Only custom data links can be changed",
        )),
    }
}

fn update(turn: &mut Turn<'_>) -> Reply {
    let mut link = custom(turn)?;
    if let Some(name) = turn.call.text("name") {
        link.set("name", name);
    }
    link.set("description", turn.call.field("description").clone());
    link.set("_credentials", check_credentials(turn)?);
    turn.state.replace("data_link", &link);
    turn.audit(
        "data_link_updated",
        "data_link",
        &link.id,
        link.text("name"),
    );
    answer(show(turn, &link))
}

fn delete(turn: &mut Turn<'_>) -> Reply {
    let link = custom(turn)?;
    turn.state.forget_one("data_link", &link);
    turn.audit(
        "data_link_deleted",
        "data_link",
        &link.id,
        link.text("name"),
    );
    Ok(DONE.with_status(204))
}

/// The bucket of `s3://bucket/path` and the like, and the path in it.
fn bucket_of(place: &str) -> Option<(&str, &str)> {
    let (_, rest) = place.split_once("://")?;
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
    (!bucket.is_empty()).then_some((bucket, path))
}

/// Where a data link's content is: the bucket, and what all keys begin with.
fn home(link: &Record) -> (String, String) {
    let (bucket, path) = bucket_of(link.text("resourceRef")).unwrap_or_default();
    (bucket.to_owned(), prefix(path))
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

fn browse(turn: &mut Turn<'_>) -> Reply {
    let link = find(turn)?;
    let (bucket, root) = home(&link);
    let folder = prefix(turn.call.path("path"));
    let from_root = format!("{root}{folder}");
    // What lies deeper shows as a folder.
    let mut items = BTreeMap::new();
    for (key, size) in turn.store.list(&bucket, &from_root) {
        let name = &key[from_root.len()..];
        match name.split_once('/') {
            Some((child, _)) => items.insert(format!("{child}/"), None),
            None => items.insert(name.to_owned(), Some(size)),
        };
    }
    if items.is_empty() && !folder.is_empty() {
        return Err(Refusal::not_found(format!("Path not found: {folder}")));
    }
    // Like S3's prefix, the search is one of the beginning of names.
    let search = turn.call.query("search").unwrap_or_default();
    items.retain(|name, _| name.starts_with(search));

    let from = match turn.call.query("nextPageToken") {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .map_err(|_| Refusal::bad_request(format!("Invalid page token: {token}")))?,
    };
    let size = turn
        .call
        .size("pageSize")?
        .unwrap_or(PAGE_SIZE)
        .clamp(1, 1000);
    let next = (from + size < items.len()).then(|| (from + size).to_string());
    let objects: Vec<Value> = (items.iter().skip(from).take(size))
        .map(|(name, size)| {
            json!({
                "type": if size.is_some() { "FILE" } else { "FOLDER" },
                "name": name,
                "size": size.unwrap_or(0),
                "mimeType": size.map(|_| media_type(name)),
            })
        })
        .collect();
    let place = link.text("resourceRef").trim_end_matches('/');
    answer(
        json!({ "originalPath": format!("{place}/{folder}"), "objects": objects, "nextPageToken": next }),
    )
}

/// All files below paths, in all depths, by their paths in the data link.
fn below<'a>(
    turn: &Turn<'_>,
    link: &Record,
    paths: impl IntoIterator<Item = &'a str>,
) -> BTreeMap<String, usize> {
    let (bucket, root) = home(link);
    let mut items = BTreeMap::new();
    for path in paths {
        let key = format!("{root}{}", path.trim_start_matches('/'));
        items.extend(turn.store.list(&bucket, &prefix(&key)));
        let file = turn.store.get(&bucket, &key);
        items.extend(file.map(|object| (key, object.content.len())));
    }
    (items.into_iter())
        .map(|(key, size)| (key[root.len()..].to_owned(), size))
        .collect()
}

fn browse_tree(turn: &mut Turn<'_>) -> Reply {
    let link = find(turn)?;
    let items: Vec<Value> = (below(turn, &link, turn.call.query_all("paths")).iter())
        .map(|(path, size)| json!({ "path": path, "size": size }))
        .collect();
    answer(json!({ "items": items }))
}

/// Deletes content; the data link stays.
fn delete_items(turn: &mut Turn<'_>) -> Reply {
    let link = find(turn)?;
    let (bucket, root) = home(&link);
    let (files, dirs) = (turn.call.texts("files"), turn.call.texts("dirs"));
    if files.is_empty() && dirs.is_empty() {
        return Err(Refusal::bad_request("Nothing to delete is named"));
    }
    let mut failures = Vec::new();
    let fail = |name: &str, sort: &str| {
        let item = json!({ "name": name, "type": sort, "size": 0, "mimeType": null });
        json!({ "dataLinkItem": item, "errorMessage": "Not found" })
    };
    for file in files {
        if !turn
            .store
            .remove(&bucket, &format!("{root}{}", file.trim_start_matches('/')))
        {
            failures.push(fail(file, "FILE"));
        }
    }
    for dir in dirs {
        let found = turn.store.list(&bucket, &format!("{root}{}", prefix(dir)));
        if found.is_empty() {
            failures.push(fail(dir, "FOLDER"));
        }
        for (key, _) in found {
            turn.store.remove(&bucket, &key);
        }
    }
    answer(json!({ "deletionFailures": failures }))
}

fn file_of(turn: &Turn<'_>, link: &Record, path: &str) -> Result<(String, String), Refusal> {
    let (bucket, root) = home(link);
    let key = format!("{root}{}", path.trim_start_matches('/'));
    match turn.store.get(&bucket, &key) {
        Some(_) => Ok((bucket, key)),
        None => Err(Refusal::not_found(format!("File not found: {path}"))),
    }
}

fn download_url(turn: &mut Turn<'_>) -> Reply {
    let link = find(turn)?;
    let path = turn.call.query("filePath").unwrap_or_default();
    let (bucket, key) = file_of(turn, &link, path)?;
    answer(json!({
        "url": turn.store.presigned_get(&bucket, &key),
        "resolvedPath": null,
        "resolvedMimeType": media_type(&key),
        "warning": null,
    }))
}

fn download_script(turn: &mut Turn<'_>) -> Reply {
    let link = find(turn)?;
    let (bucket, root) = home(&link);
    let paths: Vec<&str> = turn
        .call
        .query_list("files")
        .into_iter()
        .chain(turn.call.query_list("dirs"))
        .collect();
    let mut script = "#!/bin/sh\nset -e\n".to_owned();
    for path in below(turn, &link, paths).into_keys() {
        let url = turn.store.presigned_get(&bucket, &format!("{root}{path}"));
        script += &format!("curl --fail --create-dirs --output '{path}' '{url}'\n");
    }
    answer(json!({ "script": script }))
}

fn download(turn: &mut Turn<'_>) -> Reply {
    let link = find(turn)?;
    let (bucket, key) = file_of(turn, &link, turn.call.path("filePath"))?;
    let content = turn.store.get(&bucket, &key).map(|object| object.content);
    Ok(Answer::bytes(
        "application/octet-stream",
        content.unwrap_or_default(),
    ))
}

fn upload(turn: &mut Turn<'_>) -> Reply {
    let link = find(turn)?;
    let (bucket, root) = home(&link);
    let name = turn.call.required("fileName")?;
    let length = (turn.call.field("contentLength").as_u64())
        .ok_or_else(|| Refusal::bad_request("Missing `contentLength` parameter"))?;
    let key = format!("{root}{}{name}", prefix(turn.call.path("dirPath")));
    let (id, urls) = turn.store.begin_upload(&bucket, &key, length);
    answer(json!({ "uploadId": id, "uploadUrls": urls }))
}

/// Answers an empty 200, as real servers do, whatever the schema declares; or 202, where it takes a
/// while.
fn finish_upload(turn: &mut Turn<'_>) -> Reply {
    find(turn)?;
    let id = turn.call.required("uploadId")?;
    let aborts = turn.call.field("withError") == &json!(true);
    let takes = turn.state.settings.uploads_take;
    let due = (takes > 0 && !aborts).then(|| turn.state.now() + takes);
    let done = match aborts {
        true => turn.store.abort_upload(id),
        false => turn
            .store
            .finish_upload(id, &etags(turn.call.field("tags")), due),
    };
    done.map_err(|unfinished| Refusal::bad_request(unfinished.0))?;
    Ok(DONE.with_status(if due.is_some() { 202 } else { 200 }))
}

/// Part numbers and ETags; what isn't one can't match a part and refuses the upload.
fn etags(tags: &Value) -> Vec<(u64, String)> {
    (tags.as_array().into_iter().flatten())
        .map(|tag| {
            let number = tag["partNumber"].as_u64().unwrap_or(0);
            (number, tag["eTag"].as_str().unwrap_or_default().to_owned())
        })
        .collect()
}
