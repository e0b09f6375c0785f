//! Every operation, called by the table and held against its typed builder and the published schema.
#![cfg(all(feature = "all-tags", feature = "operations"))]

mod support;
mod support_schema;
mod table;

use std::collections::BTreeSet;

use seqera::operations::{self, Call, Content, Kind, Operation, Parameter};
use seqera::prelude::*;
use seqera::{ErrorKind, Upload};
use serde_json::{Value, json};
use support_schema::instance::{Extent, MOMENT};
use support_schema::server::{Seen, Server};
use support_schema::{reference, schema};
use table::{CALLS, Sample};

/// The values that the typed calls give.
fn values(parameter: &Parameter) -> Vec<&'static str> {
    let value = match (parameter.values, parameter.kind) {
        ([first, second, ..], _) if parameter.list.is_some() => return vec![*first, *second],
        ([first, ..], _) => first,
        (_, Kind::Integer) => "7",
        (_, Kind::Boolean) => "true",
        (_, Kind::Number) => "0.5",
        (_, Kind::Timestamp) => MOMENT,
        _ => "text",
    };
    match parameter.list {
        Some(_) => vec![value, value],
        None => vec![value],
    }
}

/// A call with what the typed call of the same sample sets.
fn call(client: &Client, operation: &'static Operation, sample: &Sample) -> Call {
    let mut call = client.call(operation);
    for parameter in operation.parameters {
        if sample.full || parameter.required {
            call = call.set_all(parameter.name, values(parameter)).unwrap();
        }
    }
    let Some(body) = &operation.body else {
        return call;
    };
    let is_form = body.form == operations::BodyForm::Form;
    for part in body.files.iter().filter(|_| is_form || sample.full) {
        let file = Upload::from_bytes("a,b\n1,2\n").file_name("samples.csv");
        call = call.file(part, file).unwrap();
    }
    match body.form {
        operations::BodyForm::Json | operations::BodyForm::JsonOrForm => call.json(&sample.body),
        operations::BodyForm::Bytes { .. } => call.bytes("a,b\n1,2\n"),
        _ => call,
    }
}

async fn send(call: Call, content: Content) -> seqera::Result<()> {
    match content {
        Content::Empty => call.send_empty().await,
        Content::Json => call.send::<Value>().await.map(|_| ()),
        Content::Bytes => call.send_bytes().await.map(|_| ()),
    }
}

/// What has to be the same.
fn essence(seen: Seen) -> (String, String, String, String, String, Vec<String>) {
    let Seen {
        operation,
        target,
        parameters,
        body,
        files,
        problems,
    } = seen;
    let (parameters, files) = (format!("{parameters:?}"), format!("{files:?}"));
    (
        operation,
        target,
        parameters,
        format!("{body:?}"),
        files,
        problems,
    )
}

#[test]
fn the_table_has_every_operation_of_the_schema_with_its_parameters() {
    let ours: BTreeSet<&str> = operations::all().iter().map(|found| found.id).collect();
    let theirs: BTreeSet<&str> = schema().operations().map(|found| found.id).collect();
    assert_eq!(ours, theirs);
    for raw in schema().operations() {
        let operation = operations::find(raw.id).unwrap();
        assert_eq!(operation.method.as_str().to_lowercase(), raw.method);
        assert_eq!(operation.path, raw.path);
        assert!(
            !operation.summary.is_empty() && !operation.tag.is_empty(),
            "{}",
            raw.id
        );
        let ours: BTreeSet<_> = (operation.parameters.iter())
            .map(|parameter| (parameter.name, parameter.required))
            .collect();
        let theirs: BTreeSet<_> = raw
            .parameters()
            .map(|raw| (raw["name"].as_str().unwrap(), raw["required"] == true))
            .collect();
        assert_eq!(ours, theirs, "{}", raw.id);
        for parameter in operation.parameters {
            assert!(
                !parameter.description.is_empty(),
                "{}: {}",
                raw.id,
                parameter.name
            );
        }
        assert_eq!(
            operation.body.is_some(),
            !raw.raw["requestBody"].is_null(),
            "{}",
            raw.id
        );
        let route = format!("{} {}", operation.method, operation.path);
        for name in [
            operation.id,
            operation.name,
            &route,
            &operation.name.replace('_', "-"),
        ] {
            assert_eq!(
                operations::find(name).map(|found| found.id),
                Some(raw.id),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn every_operation_sends_by_name_what_its_builder_sends() {
    let server = Server::start().await;
    for (id, typed) in CALLS {
        let operation = operations::find(id).unwrap();
        let raw = schema().operation(id);
        let shape = raw
            .body("application/json")
            .or_else(|| raw.body("multipart/form-data"));
        let shape = shape.filter(|shape| reference(shape) != Some("EmptyBodyRequest"));
        let variants = shape.map_or(1, |shape| schema().variants(shape));
        for variant in 0..variants {
            for extent in [Extent::Full, Extent::Required] {
                let body = shape.map_or(json!({}), |shape| {
                    schema().instance(shape, extent, variant).value
                });
                let full = extent == Extent::Full;
                let sample = Sample { body, full };
                typed(server.client.clone(), sample.clone())
                    .await
                    .unwrap_or_else(|error| panic!("{id}: {error}"));
                let expected = essence(server.last());
                let by_name = call(&server.client, operation, &sample);
                send(by_name, operation.content)
                    .await
                    .unwrap_or_else(|error| panic!("{id}: {error}"));
                let sent = essence(server.last());
                assert_eq!(sent, expected, "{id}");
                assert_eq!(sent.5, [""; 0], "{id}");
            }
        }
    }
}

#[tokio::test]
async fn a_required_field_of_a_body_is_demanded_by_its_path_on_the_wire() {
    let server = Server::start().await;
    let mut demanded = 0;
    for operation in operations::all() {
        let raw = schema().operation(operation.id);
        let Some(shape) = raw.body("application/json") else {
            continue;
        };
        let full = schema().instance(shape, Extent::Full, 0);
        for place in full.places.iter().filter(|place| place.is_required) {
            let mut body = full.value.clone();
            let (parent, field) = place.pointer.rsplit_once('/').unwrap();
            let parent = body.pointer_mut(parent).unwrap();
            parent.as_object_mut().unwrap().remove(field);
            let call = call(&server.client, operation, &Sample { body, full: true });
            let error = send(call, operation.content).await.unwrap_err();
            let path = place.pointer[1..].replace('/', ".");
            let path = (0..10).fold(path, |path, index| {
                path.replace(&format!(".{index}"), &format!("[{index}]"))
            });
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
            let expected = format!("the body's `{path}` is required");
            assert!(error.to_string().contains(&expected), "{error}: {path}");
            demanded += 1;
        }
    }
    assert!(demanded > 0);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn what_can_not_be_meant_is_refused_in_words_that_say_what_to_do() {
    let server = Server::start().await;
    let on = |id: &str| server.client.call(operations::find(id).unwrap());
    let table = [
        (
            on("ListWorkflows").set("max", "many"),
            "`max` takes a whole number, not `many`",
        ),
        (
            on("ListWorkflows").set("serach", "x"),
            "there is no parameter `serach`: is it `search`?",
        ),
        (
            on("ListWorkflows").set("attributes", "label"),
            "`attributes` takes one of `optimized`, `labels`, ",
        ),
        (
            on("ListWorkflows").set("attributes", "label"),
            "not `label`: is it `labels`?",
        ),
        (
            on("ListWorkflows").set_all("workspaceId", ["1", "2"]),
            "`workspaceId` takes one value, not 2",
        ),
        (
            on("ListWorkflows").file("file", vec![1]),
            "there is no file `file`: it takes no files",
        ),
        (
            on("UploadDataset").file("sheet", vec![1]),
            "it takes `file`",
        ),
        (
            Ok(on("DescribeWorkflow")),
            "`workflowId` is required: call .set(\"workflowId\", ..)",
        ),
        (
            on("DescribeWorkflow").set("workflowId", ".."),
            "`workflowId` must not be `..`",
        ),
        (Ok(on("CreateLabel")), "a body is required: call .json(..)"),
        (
            Ok(on("CreateLabel").json(json!([1]))),
            "the body takes an object, not a list",
        ),
        (Ok(on("ListWorkflows").json(json!({}))), "it takes no body"),
        (
            Ok(on("CreateComputeEnv").json(json!({ "computeEnv": {
                "name": "x", "platform": "aws-batch", "config": { "discriminator": "abacus" },
            } }))),
            "the body's `computeEnv.config.discriminator` takes one of `altair-platform`, ",
        ),
        (
            Ok(on("CreateWorkflowLaunch").json(json!({ "launch": { "pullLatest": "yes" } }))),
            "the body's `launch.pullLatest` takes `true` or `false`, not this text",
        ),
    ];
    for (made, expected) in table {
        let error = match made {
            Err(error) => error,
            Ok(call) => call.send::<Value>().await.unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert!(error.to_string().contains(expected), "{error}\n{expected}");
    }
    let error = on("DescribeWorkflow")
        .set("workflowId", 1)
        .unwrap()
        .all()
        .await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("it returns no list: call .send()"),
        "{error}"
    );
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn names_and_values_are_taken_in_any_way_of_writing() {
    let server = Server::start().await;
    server.answer_json(200, &json!({}));
    let call = server
        .client
        .call(operations::find("list-workflows").unwrap());
    let call = call.set("workspace-id", " 042 ").unwrap();
    let call = call.set_all("attributes", ["LABELS", "optimized"]).unwrap();
    call.set("search", "a&b, c")
        .unwrap()
        .send::<Value>()
        .await
        .unwrap();
    assert_eq!(
        server.last().target,
        "/workflow?workspaceId=42&attributes=labels,optimized&search=a%26b%2C%20c"
    );
    // What is newer than the schema goes out where that is asked for.
    let call = server
        .client
        .call(operations::find("ListWorkflows").unwrap());
    let call = call.unchecked().set("mood", "good").unwrap();
    let call = call.set("attributes", "aura").unwrap();
    call.send::<Value>().await.unwrap_err();
    assert_eq!(server.last().target, "/workflow?mood=good&attributes=aura");
}

#[tokio::test]
async fn a_client_in_a_workspace_says_so() {
    let server = Server::start().await;
    server.answer_json(200, &json!({}));
    let client = server.client.in_workspace(42).await.unwrap();
    let list = operations::find("ListWorkflows").unwrap();
    client.call(list).send::<Value>().await.unwrap();
    assert_eq!(server.last().target, "/workflow?workspaceId=42");
}

/// The schema of each body says of bodies what the published one says.
#[test]
fn the_schema_of_each_body_is_one_and_takes_what_the_operation_takes() {
    let mut checked = 0;
    for operation in operations::all() {
        let Some(shape) = schema().operation(operation.id).body("application/json") else {
            continue;
        };
        let json_schema = operation.body.unwrap().json_schema().unwrap();
        jsonschema::meta::validate(&json_schema)
            .unwrap_or_else(|error| panic!("{}: {error}", operation.id));
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&json_schema)
            .unwrap();
        for variant in 0..schema().variants(shape) {
            for extent in [Extent::Full, Extent::Required] {
                let mut body = schema().instance(shape, extent, variant).value;
                let wrong: Vec<_> = validator.iter_errors(&body).collect();
                assert!(wrong.is_empty(), "{}: {wrong:?} in {body}", operation.id);
                if let Some(first) = body
                    .as_object_mut()
                    .and_then(|body| body.values_mut().next())
                {
                    *first = json!([[1]]);
                    let wrong = !validator.is_valid(&body);
                    let theirs = support_schema::server::violations(shape, &body);
                    assert_eq!(wrong, !theirs.is_empty(), "{}: {theirs:?}", operation.id);
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 200, "{checked}");
}

/// Every list knows where its items stand: the reply with all there is brings some.
#[tokio::test]
async fn every_list_knows_where_its_items_stand() {
    let server = Server::start().await;
    let mut lists = 0;
    for operation in operations::all().iter().filter(|found| found.is_list()) {
        let raw = schema().operation(operation.id);
        let (status, content) = raw.successes().next().unwrap();
        let reply = schema().instance(content.unwrap().1, Extent::Full, 0).value;
        server.answer_json(status, &reply);
        let sample = Sample {
            body: json!({}),
            full: false,
        };
        let mut pages = call(&server.client, operation, &sample).pages();
        let page = pages.try_next().await.unwrap().unwrap();
        assert!(!page.items.is_empty(), "{}: {reply}", operation.id);
        lists += 1;
    }
    assert!(lists > 40, "{lists}");
}

#[tokio::test]
async fn lists_are_read_to_their_end_as_the_builders_read_them() {
    let (_platform, client) = support::laboratory().await;
    let user = client
        .user_info()
        .send()
        .await
        .unwrap()
        .user
        .unwrap()
        .id
        .unwrap();
    let workspaces = client
        .list_workspaces_user()
        .user_id(user)
        .all()
        .await
        .unwrap();
    let ids = workspaces.iter().filter_map(|entry| entry.workspace_id);
    let mut most = 0;
    for workspace in ids {
        let typed = client
            .list_workflows()
            .workspace_id(workspace)
            .all()
            .await
            .unwrap();
        let typed = typed
            .iter()
            .map(|run| run.workflow.as_ref().unwrap().id.clone().unwrap());
        let list = client.call(operations::find("ListWorkflows").unwrap());
        let mut by_name = list.set("workspaceId", workspace).unwrap().stream();
        let total = by_name.total().await.unwrap();
        let by_name = by_name.all().await.unwrap();
        assert_eq!(total, Some(by_name.len() as u64));
        let by_name = by_name
            .iter()
            .map(|run| run["workflow"]["id"].as_str().unwrap().to_owned());
        let (typed, by_name): (Vec<_>, Vec<_>) = (typed.collect(), by_name.collect());
        assert_eq!(typed, by_name);
        most = most.max(typed.len());
    }
    assert!(most > 100, "more than a page: {most}");
}

#[tokio::test]
async fn a_list_by_cursor_is_read_to_its_end() {
    let server = support::Server::start(|_, seen| match seen.query("nextPageToken") {
        None => support::json(200, r#"{"objects":[{"name":"a"}],"nextPageToken":"2"}"#),
        Some(_) => support::json(200, r#"{"objects":[{"name":"b"}]}"#),
    })
    .await;
    let browse = server
        .client()
        .call(operations::find("ExploreDataLink").unwrap());
    let all = browse
        .set("dataLinkId", "v1-cloud-7")
        .unwrap()
        .all()
        .await
        .unwrap();
    assert_eq!(all, [json!({ "name": "a" }), json!({ "name": "b" })]);
}
