//! Datasets and their versions. The older paths name the workspace, the newer ones take it as a query
//! parameter; both lead to the same data.

use serde_json::{Value, json};

use super::Routes;
use super::entity::{Entity, Hooks, Id, PLAIN, Scope, Verb};
use super::turn::Turn;
use crate::behaviour::datasets::{BUCKET, media_type_of, url_of, versions_of};
use crate::behaviour::search::Search;
use crate::behaviour::{launch, quotas};
use crate::call::{Answer, DONE, Refusal, Reply, answer};
use crate::state::{Record, parse_time};

pub const ROUTES: Routes = &[
    ("ListDatasets", list),
    ("ListDatasetsV2", list),
    ("DeleteDatasets", delete_many),
    ("HideDatasets", |turn| set_hidden(turn, true)),
    ("ShowDatasets", |turn| set_hidden(turn, false)),
    ("ListDatasetVersions", versions),
    ("ListDatasetVersionsV2", versions),
    ("ListWorkspaceDatasetVersions", latest_versions),
    ("ListLatestDatasetVersionsV2", latest_versions),
    ("UploadDataset", upload),
    ("UploadDatasetV2", upload),
    ("LinkDatasetVersion", link),
    ("DisableDatasetVersion", disable),
    ("DownloadDatasetV2", download),
    ("PreviewDatasetVersion", preview),
    ("PreviewDatasetUrl", preview_url),
    ("ValidateDatasetUrl", validate_url),
    ("ListLaunchDatasetVersions", of_launch),
];

/// The largest file of a dataset.
const LARGEST_FILE: usize = 10 << 20;
const MOST_VERSIONS: usize = 100;
/// How much of a file a preview shows.
const PREVIEW: usize = 64 << 10;

pub static DATASET: Entity = Entity {
    kind: "dataset",
    title: "dataset",
    scope: Scope::Context,
    id: Id::Text(22),
    id_field: "id",
    parameter: "datasetId",
    one: "dataset",
    name: "name",
    missing: 404,
    audit: "dataset",
    defaults: || json!({ "description": null, "deleted": false, "hidden": false, "sourceType": "UPLOADED" }),
    hooks: Hooks {
        made: |turn, record| {
            let context = turn.state.context(turn.scope());
            record.set("organizationId", context["orgId"].clone());
            record.set("workspaceId", context["workspaceId"].clone());
            record.set("_changed_by", turn.user);
            if record["sourceType"].is_null() {
                record.set("sourceType", "UPLOADED");
            }
            Ok(())
        },
        changed: |turn, record, before| {
            record.set("sourceType", before["sourceType"].clone());
            record.set("_changed_by", turn.user);
            Ok(())
        },
        shown: show,
        leaves: |turn, record| {
            let id = record.id.clone();
            turn.state.forget("dataset_version", |version| {
                version["datasetId"] == id.as_str()
            });
            for (key, _) in turn.store.list(BUCKET, &format!("{id}/")) {
                turn.store.remove(BUCKET, &key);
            }
            Ok(true)
        },
        ..PLAIN
    },
    operations: &[
        ("CreateDataset", Verb::Create),
        ("CreateDatasetV2", Verb::Create),
        ("DescribeDataset", Verb::Describe),
        ("DescribeDatasetV2", Verb::Describe),
        ("UpdateDataset", Verb::Update),
        ("UpdateDatasetV2", Verb::Update),
        ("DeleteDataset", Verb::Delete),
        ("DeleteDatasetV2", Verb::Delete),
    ],
};

fn show(turn: &Turn<'_>, record: &Record, value: &mut Value) {
    let latest = versions_of(turn.state, record).next_back();
    value["mediaType"] = latest.map_or(Value::Null, |version| version["mediaType"].clone());
    value["version"] = latest.map_or(Value::Null, |version| version["version"].clone());
    if let Some(version) = latest {
        value["lastUpdated"] = version["dateCreated"].clone();
    }
    value["user"] = turn.state.user_info(record.number("_user"));
    value["lastUpdatedBy"] = turn.state.user_info(record.number("_changed_by"));
    value["runsInfo"] = Value::Null;
}

fn list(turn: &mut Turn<'_>) -> Reply {
    let search = turn.search(&["label", "createdafter", "createdbefore"]);
    let mut bounds = Vec::new();
    for (keyword, value) in &search.keywords {
        if keyword != "label" {
            bounds.push((keyword == "createdafter", Search::time(value)?));
        }
    }
    let wants_hidden = match turn.call.query("visibility").unwrap_or("visible") {
        "visible" => Some(false),
        "hidden" => Some(true),
        "all" => None,
        other => return Err(Refusal::bad_request(format!("Unknown visibility: {other}"))),
    };
    let mut found: Vec<Record> = (turn.state.within("dataset", turn.scope()))
        .filter(|dataset| search.finds([dataset.text("name"), dataset.text("description")]))
        .filter(|dataset| wants_hidden.is_none_or(|hidden| hidden == dataset.is("hidden")))
        .filter(|dataset| search.has_labels(turn.state, &dataset.labels()))
        .filter(|dataset| {
            let created = parse_time(dataset.text("dateCreated")).unwrap_or_default();
            bounds.iter().all(|(after, time)| {
                if *after {
                    created >= *time
                } else {
                    created <= *time
                }
            })
        })
        .cloned()
        .collect();
    match turn
        .call
        .query("sortBy")
        .unwrap_or("name")
        .to_lowercase()
        .as_str()
    {
        "name" => found.sort_by(|a, b| a.text("name").cmp(b.text("name"))),
        "modified" | "updated" => {
            found.sort_by(|a, b| a.text("lastUpdated").cmp(b.text("lastUpdated")))
        }
        other => return Err(Refusal::bad_request(format!("Unknown sortBy: {other}"))),
    }
    if turn
        .call
        .query("sortDir")
        .is_some_and(|dir| dir.eq_ignore_ascii_case("desc"))
    {
        found.reverse();
    }
    let page = turn.call.page(&found)?;
    let datasets: Vec<Value> = page
        .items
        .iter()
        .map(|dataset| DATASET.show(turn, dataset))
        .collect();
    answer(json!({ "datasets": datasets, "totalSize": page.total }))
}

fn named(turn: &Turn<'_>) -> Result<Vec<String>, Refusal> {
    let ids: Vec<String> = turn
        .call
        .texts("datasetIds")
        .into_iter()
        .map(str::to_owned)
        .collect();
    match ids.is_empty() {
        true => Err(Refusal::bad_request("Missing `datasetIds` parameter")),
        false => Ok(ids),
    }
}

fn delete_many(turn: &mut Turn<'_>) -> Reply {
    let (mut success, mut failed) = (Vec::new(), Vec::new());
    for id in named(turn)? {
        match turn.state.find("dataset", turn.scope(), &id).cloned() {
            None => failed.push(id),
            Some(dataset) => {
                (DATASET.hooks.leaves)(turn, &dataset)?;
                let scope = turn.scope();
                turn.state
                    .forget("dataset", |other| other.scope == scope && other.id == id);
                success.push(id);
            }
        }
    }
    answer(json!({ "success": success, "failed": failed }))
}

fn set_hidden(turn: &mut Turn<'_>, hidden: bool) -> Reply {
    let (ids, scope) = (named(turn)?, turn.scope());
    if let Some(unknown) = ids
        .iter()
        .find(|id| turn.state.find("dataset", scope, id).is_none())
    {
        return Err(DATASET.unknown(unknown));
    }
    for id in ids {
        if let Some(dataset) = turn.state.find_mut("dataset", scope, &id) {
            dataset.set("hidden", hidden);
        }
    }
    Ok(DONE)
}

fn show_version(turn: &Turn<'_>, version: &Record) -> Value {
    let mut value = version.value();
    let dataset = turn
        .state
        .find("dataset", version.scope, version.text("datasetId"));
    let of_dataset = |name: &str| dataset.map_or(Value::Null, |dataset| dataset[name].clone());
    value["datasetName"] = of_dataset("name");
    value["datasetDescription"] = of_dataset("description");
    value["workspaceId"] = of_dataset("workspaceId");
    value["createdBy"] = turn.state.user_info(version.number("_user"));
    value["url"] = json!(url_of(turn.state, version));
    value
}

fn has_media_type(turn: &Turn<'_>, version: &Record) -> bool {
    turn.call
        .query("mimeType")
        .is_none_or(|wanted| version.text("mediaType") == wanted)
}

/// The latest first.
fn versions(turn: &mut Turn<'_>) -> Reply {
    let dataset = DATASET.find(turn)?;
    let versions: Vec<Value> = (versions_of(turn.state, &dataset).rev())
        .filter(|version| has_media_type(turn, version))
        .map(|version| show_version(turn, version))
        .collect();
    let total = versions.len();
    answer(json!({ "versions": versions, "totalSize": total }))
}

fn latest_versions(turn: &mut Turn<'_>) -> Reply {
    let search = turn.search(&[]);
    let found = (turn.state.within("dataset", turn.scope()))
        .filter(|dataset| !dataset.is("hidden") && search.finds([dataset.text("name")]))
        .filter_map(|dataset| versions_of(turn.state, dataset).next_back())
        .filter(|version| has_media_type(turn, version));
    let page = turn.call.page(found)?;
    let versions: Vec<Value> = page
        .items
        .iter()
        .map(|version| show_version(turn, version))
        .collect();
    answer(json!({ "versions": versions, "totalSize": page.total }))
}

/// What a new version holds, beside its content.
struct Upload<'a> {
    file_name: &'a str,
    media_type: &'a str,
    has_header: bool,
    size: usize,
    source: Option<&'a str>,
}

fn add_version(
    turn: &mut Turn<'_>,
    dataset: &Record,
    upload: &Upload<'_>,
) -> Result<Record, Refusal> {
    let count = versions_of(turn.state, dataset).count();
    let most = quotas::kept(turn.state, quotas::VERSIONS).unwrap_or(MOST_VERSIONS);
    if count >= most {
        return Err(Refusal::bad_request(format!(
            "A dataset has at most {most} versions"
        )));
    }
    let now = turn.state.today();
    let number = count + 1;
    let linked = upload.source.map(|url| {
        json!({ "url": url, "checkedAt": now, "changeStatus": "UNCHANGED", "hasChangeIndicators": true })
    });
    let version = json!({
        "datasetId": dataset.id,
        "version": number,
        "fileName": upload.file_name,
        "fileSize": upload.size,
        "mediaType": upload.media_type,
        "hasHeader": upload.has_header,
        "disabled": false,
        "dateCreated": now,
        "lastUpdated": now,
        "linkedSource": linked,
        "_user": turn.user,
    });
    let version = Record::new(format!("{}/{number}", dataset.id), dataset.scope, version);
    turn.state.keep("dataset_version", version.clone());
    if let Some(kept) = turn.state.find_mut("dataset", dataset.scope, &dataset.id) {
        kept.set("lastUpdated", now);
        kept.set("_changed_by", version.number("_user"));
    }
    turn.audit(
        "dataset_content_uploaded",
        "dataset_version",
        &version.id,
        upload.file_name,
    );
    Ok(version)
}

fn upload(turn: &mut Turn<'_>) -> Reply {
    let dataset = DATASET.find(turn)?;
    let part = (turn.call.parts.iter().find(|part| part.name == "file"))
        .ok_or_else(|| Refusal::bad_request("The form has no part named `file`"))?;
    let name = part.file_name.clone().unwrap_or_default();
    let media_type = match (part.media_type.as_deref(), name.rsplit_once('.')) {
        (Some("text/csv"), _) | (_, Some((_, "csv"))) => "text/csv",
        (Some("text/tab-separated-values"), _) | (_, Some((_, "tsv"))) => {
            "text/tab-separated-values"
        }
        _ => {
            return Err(Refusal::bad_request(
                "The file must be named *.csv or *.tsv",
            ));
        }
    };
    let content = part.content.clone();
    match content.len() {
        0 => return Err(Refusal::bad_request("The file is empty")),
        size if size > LARGEST_FILE => {
            return Err(Refusal::bad_request("The file is larger than 10 MB"));
        }
        _ => {}
    }
    let about = Upload {
        file_name: &name,
        media_type,
        has_header: turn.call.flag("header"),
        size: content.len(),
        source: None,
    };
    let version = add_version(turn, &dataset, &about)?;
    turn.store.put(BUCKET, &version.id, content);
    answer(json!({ "version": show_version(turn, &version) }))
}

/// What a URL leads to here: an object of a data link's bucket, as its presigned URL names it or as
/// `https://…/bucket/key`.
fn at_url(turn: &Turn<'_>, url: &str) -> Result<(String, bytes::Bytes), &'static str> {
    let Some(rest) = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
    else {
        return Err("INVALID_URL");
    };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once('/').map_or("", |(_, path)| path);
    let path = percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned();
    let (bucket, key) = path.split_once('/').unwrap_or_default();
    let object = turn.store.get(bucket, key).ok_or("UNREACHABLE")?;
    let name = key.rsplit('/').next().unwrap_or_default().to_owned();
    match name.ends_with(".csv") || name.ends_with(".tsv") {
        true => Ok((name, object.content)),
        false => Err("UNSUPPORTED_MEDIA_TYPE"),
    }
}

fn link(turn: &mut Turn<'_>) -> Reply {
    let dataset = DATASET.find(turn)?;
    if dataset["sourceType"] != "LINKED" {
        return Err(Refusal::bad_request(
            "Only a dataset of the kind LINKED takes links",
        ));
    }
    let url = turn.call.required("url")?.to_owned();
    let (name, content) =
        at_url(turn, &url).map_err(|code| Refusal::bad_request(format!("{code}: {url}")))?;
    let about = Upload {
        file_name: &name,
        media_type: media_type_of(&name),
        has_header: turn.call.field("hasHeader") == &json!(true),
        size: content.len(),
        source: Some(&url),
    };
    let version = add_version(turn, &dataset, &about)?;
    turn.store.put(BUCKET, &version.id, content);
    answer(json!({ "version": show_version(turn, &version) }))
}

fn find_version(turn: &Turn<'_>) -> Result<(Record, Record), Refusal> {
    let dataset = DATASET.find(turn)?;
    let number = turn.call.path("version");
    let version = (turn
        .state
        .find(
            "dataset_version",
            dataset.scope,
            &format!("{}/{number}", dataset.id),
        )
        .cloned())
    .ok_or_else(|| Refusal::not_found(format!("Unknown dataset version: {number}")))?;
    Ok((dataset, version))
}

/// It can't be enabled again.
fn disable(turn: &mut Turn<'_>) -> Reply {
    let (_, version) = find_version(turn)?;
    if let Some(kept) = turn
        .state
        .find_mut("dataset_version", version.scope, &version.id)
    {
        kept.set("disabled", true);
    }
    Ok(DONE)
}

/// Of a linked version it is the source that has the content.
fn download(turn: &mut Turn<'_>) -> Reply {
    let (dataset, version) = find_version(turn)?;
    if version.text("fileName") != turn.call.path("fileName") {
        return Err(Refusal::not_found(format!(
            "Unknown file: {}",
            turn.call.path("fileName")
        )));
    }
    if dataset["sourceType"] == "LINKED" {
        let url = turn.store.presigned_get(BUCKET, &version.id);
        return Ok(Answer {
            headers: vec![("location", url)],
            ..DONE.with_status(307)
        });
    }
    let content = turn
        .store
        .get(BUCKET, &version.id)
        .map(|object| object.content);
    Ok(Answer::bytes(
        "application/octet-stream",
        content.unwrap_or_default(),
    ))
}

fn preview_of(content: Option<bytes::Bytes>) -> Reply {
    let text = content.as_ref().map(|content| {
        String::from_utf8_lossy(&content[..content.len().min(PREVIEW)]).into_owned()
    });
    answer(json!({
        "content": text,
        "reachable": content.is_some(),
        "fileTooLarge": content.is_some_and(|content| content.len() > LARGEST_FILE),
    }))
}

fn preview(turn: &mut Turn<'_>) -> Reply {
    let (_, version) = find_version(turn)?;
    preview_of(
        turn.store
            .get(BUCKET, &version.id)
            .map(|object| object.content),
    )
}

fn preview_url(turn: &mut Turn<'_>) -> Reply {
    let url = turn.call.required("url")?;
    preview_of(at_url(turn, url).ok().map(|(_, content)| content))
}

fn validate_url(turn: &mut Turn<'_>) -> Reply {
    let url = turn.call.required("url")?;
    let found = at_url(turn, url);
    answer(json!({
        "valid": found.is_ok(),
        "contentLength": found.as_ref().ok().map(|(_, content)| content.len()),
        "mediaType": found.as_ref().ok().map(|(name, _)| media_type_of(name)),
        "hasEtag": found.is_ok(),
        "errorCode": found.as_ref().err(),
        "errorMessage": found.as_ref().err().map(|code| format!("The URL can't be used: {code}")),
    }))
}

/// The versions that a launch's parameters name.
fn of_launch(turn: &mut Turn<'_>) -> Reply {
    let id = turn.call.path("launchId");
    let launch = launch::find(turn.state, turn.scope(), id)
        .ok_or_else(|| Refusal::not_found(format!("Unknown launch with id: {id}")))?;
    let params = launch.text("paramsText").unwrap_or_default();
    let versions: Vec<Value> = (turn.state.within("dataset_version", turn.scope()))
        .map(|version| show_version(turn, version))
        .filter(|version| {
            version["url"]
                .as_str()
                .is_some_and(|url| params.contains(url))
        })
        .collect();
    let total = versions.len();
    answer(json!({ "versions": versions, "totalSize": total }))
}
