//! Every operation, called through its typed builder and held against the published schema.
#![cfg(feature = "all-tags")]

mod support_schema;
mod table;

use std::collections::BTreeSet;

use seqera::{ErrorKind, Upload, types};
use serde_json::{Value, json};
use support_schema::compare::differences;
use support_schema::instance::Extent;
use support_schema::server::{Seen, Server};
use support_schema::{Operation, is_other_version, reference, schema, text};
use table::{CALLS, Call, Content, Outcome, Sample};

/// The media type in which an operation's body is described, and its schema.
fn body_schema(operation: Operation<'static>) -> Option<&'static Value> {
    operation
        .body("application/json")
        .or_else(|| operation.body("multipart/form-data"))
}

fn sample(operation: Operation<'static>, extent: Extent, variant: usize) -> Sample {
    let body = match body_schema(operation) {
        // The crate writes this one by itself.
        Some(shape) if reference(shape) == Some("EmptyBodyRequest") => json!({}),
        Some(shape) => schema().instance(shape, extent, variant).value,
        None => Value::Null,
    };
    Sample {
        body,
        full: extent == Extent::Full,
    }
}

/// Calls of all operations, in the schema's order.
fn calls() -> impl Iterator<Item = (Operation<'static>, Call)> {
    CALLS
        .iter()
        .map(|(id, call)| (schema().operation(id), *call))
}

/// Sends a call, and demands that the server had nothing against it.
async fn send(server: &Server, id: &str, call: Call, sample: &Sample) -> (Outcome, Seen) {
    let outcome = call(server.client.clone(), sample.clone())
        .await
        .unwrap_or_else(|error| panic!("{id}: {error}"));
    let seen = server.last();
    assert_eq!(seen.problems, [""; 0], "{id}");
    assert_eq!(seen.operation, id);
    (outcome, seen)
}

#[test]
fn the_operations_are_those_of_the_schema() {
    let ours: BTreeSet<&str> = CALLS.iter().map(|(id, _)| *id).collect();
    let theirs: BTreeSet<&str> = schema()
        .operations()
        .map(|operation| operation.id)
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(CALLS.len(), theirs.len());
}

#[tokio::test]
async fn every_request_with_all_there_is_to_set_is_valid() {
    let server = Server::start().await;
    for (operation, call) in calls() {
        let variants = body_schema(operation).map_or(1, |shape| schema().variants(shape));
        for variant in 0..variants {
            let sample = sample(operation, Extent::Full, variant);
            let (_, seen) = send(&server, operation.id, call, &sample).await;
            let declared: BTreeSet<&str> = operation
                .parameters()
                .map(|parameter| text(&parameter["name"]))
                .collect();
            let arrived: BTreeSet<&str> = seen.parameters.keys().map(String::as_str).collect();
            assert_eq!(arrived, declared, "{}", operation.id);
            assert_arrived(operation, &sample, &seen);
        }
    }
}

#[tokio::test]
async fn every_request_with_only_what_is_required_is_valid() {
    let server = Server::start().await;
    for (operation, call) in calls() {
        let sample = sample(operation, Extent::Required, 0);
        let (_, seen) = send(&server, operation.id, call, &sample).await;
        let required: BTreeSet<&str> = operation
            .parameters()
            .filter(|parameter| parameter["required"] == true)
            .map(|parameter| text(&parameter["name"]))
            .collect();
        let arrived: BTreeSet<&str> = seen.parameters.keys().map(String::as_str).collect();
        assert_eq!(arrived, required, "{}", operation.id);
        assert_arrived(operation, &sample, &seen);
    }
}

#[tokio::test]
async fn a_client_in_a_workspace_says_so_wherever_it_can_be_said() {
    let server = Server::start().await;
    let client = server.client.in_workspace(42).await.unwrap();
    let mut filled = 0;
    for (operation, call) in calls() {
        let mut declared = operation.parameters();
        let declared = declared
            .find(|parameter| parameter["name"] == "workspaceId" && parameter["in"] == "query");
        let arrived = async |client: &seqera::Client, extent| {
            let sample = sample(operation, extent, 0);
            call(client.clone(), sample).await.unwrap();
            server.last().parameters.get("workspaceId").cloned()
        };
        let id = operation.id;
        match declared {
            Some(parameter) if parameter["required"] != true => {
                filled += 1;
                let (scoped, personal) = (Some(vec!["42".to_owned()]), client.personal());
                assert_eq!(arrived(&client, Extent::Required).await, scoped, "{id}");
                assert_eq!(arrived(&personal, Extent::Required).await, None, "{id}");
            }
            // What a call says itself comes first.
            _ => assert_ne!(
                arrived(&client, Extent::Required).await,
                Some(vec!["42".to_owned()]),
                "{id}"
            ),
        }
        if declared.is_some() {
            let said = arrived(&client, Extent::Full).await;
            assert_eq!(said, Some(vec!["7".to_owned()]), "{id}");
        }
    }
    assert!(filled > 100, "{filled}");
}

/// The body arrived as the caller wrote it.
fn assert_arrived(operation: Operation<'static>, sample: &Sample, seen: &Seen) {
    match (&seen.body, operation.body("application/json")) {
        (Some(body), Some(_)) => {
            assert_eq!(differences(&sample.body, body), [""; 0], "{}", operation.id);
        }
        (Some(_), None) => assert!(!seen.files.is_empty(), "{}", operation.id),
        (None, _) => assert!(operation.raw["requestBody"].is_null(), "{}", operation.id),
    }
}

#[tokio::test]
async fn every_declared_success_is_read() {
    let server = Server::start().await;
    let mut statuses = BTreeSet::new();
    for (operation, call) in calls() {
        let id = operation.id;
        let request = sample(operation, Extent::Required, 0);
        let mut is_json = false;
        for (status, content) in operation.successes() {
            statuses.insert(status);
            match content {
                // By its meaning a 204 has no body, also where the schema describes one.
                Some(("application/json", shape)) if status != 204 => {
                    is_json = true;
                    for variant in 0..schema().variants(shape) {
                        for extent in [Extent::Full, Extent::Required] {
                            let reply = schema().instance(shape, extent, variant).value;
                            server.answer_json(status, &reply);
                            let (outcome, _) = send(&server, id, call, &request).await;
                            assert_eq!(outcome.status, status, "{id}");
                            let Content::Json(read) = outcome.content else {
                                // An older version calls an image JSON.
                                let told = format!("{:?} instead of {reply}", outcome.content);
                                assert!(is_other_version(), "{id}: {told}");
                                continue;
                            };
                            assert_eq!(differences(&reply, &read), [""; 0], "{id} {status}");
                        }
                    }
                }
                Some((media, _)) if status != 204 => {
                    for media in [media, "text/plain", "application/binary"] {
                        server.answer(status, Some((media, b"a\xff,b\n".to_vec())));
                        let (outcome, _) = send(&server, id, call, &request).await;
                        assert_eq!(outcome.status, status, "{id}");
                        assert_eq!(
                            outcome.content,
                            Content::Bytes(b"a\xff,b\n".to_vec()),
                            "{id}"
                        );
                    }
                }
                _ => assert_empty(&server, id, call, &request, status).await,
            }
        }
        if is_json {
            for status in [200, 201, 202, 204] {
                assert_empty(&server, id, call, &request, status).await;
            }
        }
    }
    assert_eq!(statuses, BTreeSet::from([200, 201, 202, 204]));
}

#[tokio::test]
async fn a_required_field_of_a_body_is_demanded_before_anything_is_sent() {
    let server = Server::start().await;
    let mut demanded = 0;
    for (operation, call) in calls() {
        let Some(shape) = operation.body("application/json") else {
            continue;
        };
        let full = schema().instance(shape, Extent::Full, 0);
        for place in full.places.iter().filter(|place| place.is_required) {
            let mut body = full.value.clone();
            let (parent, field) = place.pointer.rsplit_once('/').unwrap();
            let parent = body.pointer_mut(parent).unwrap();
            parent.as_object_mut().unwrap().remove(field);
            let sample = Sample { body, full: true };
            let error = call(server.client.clone(), sample).await.unwrap_err();
            let id = operation.id;
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{id}: {error}");
            let said = error.to_string().replace('_', "").to_lowercase();
            let path = as_in_rust(&place.pointer);
            assert!(
                said.contains(&format!("field `{path}`")),
                "{id}: {error}: {path}"
            );
            demanded += 1;
        }
    }
    assert!(demanded > 0);
    assert_eq!(server.count(), 0);
}

/// `/tasks/0/taskId` as `tasks[0].taskid`: the path in Rust, but for underscores.
fn as_in_rust(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        match step.parse::<usize>() {
            Ok(index) => path += &format!("[{index}]"),
            Err(_) if path.is_empty() => path += step,
            Err(_) => path += &format!(".{step}"),
        }
    }
    path.to_lowercase()
}

/// A success without content is a value, with its status.
async fn assert_empty(server: &Server, id: &str, call: Call, request: &Sample, status: u16) {
    server.answer(status, None);
    let (outcome, _) = send(server, id, call, request).await;
    assert_eq!(outcome.status, status, "{id}");
    match outcome.content {
        Content::Empty => {}
        Content::Json(value) => assert!(value == json!({}) || value.is_null(), "{id}: {value}"),
        Content::Bytes(bytes) => assert!(bytes.is_empty(), "{id}"),
    }
}

#[tokio::test]
async fn a_reply_that_can_not_be_read_is_an_error_that_has_the_body() {
    let server = Server::start().await;
    let client = &server.client;
    let runs = json!([{ "workflow": { "runName": "s3cret" } }]);
    server.answer_json(200, &runs);
    let error = client.list_workflows().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert_eq!(error.status().map(|status| status.as_u16()), Some(200));
    assert_eq!(error.operation(), Some("list_workflows"));
    let said = with_sources(&error);
    assert!(said.contains("does not fit its type"), "{said}");
    assert!(said.contains("expected an object"), "{said}");
    assert!(!said.contains("s3cret") && !format!("{error:?}").contains("s3cret"));
    assert_eq!(error.body(), Some(runs.to_string().as_bytes()));

    // A type that the caller brings has no place for what can't be read.
    server.answer_json(200, &json!({ "workflows": [{ "id": [1] }] }));
    type Runs = std::collections::BTreeMap<String, Vec<std::collections::BTreeMap<String, String>>>;
    let call = client.request(seqera::Method::GET, "/workflow");
    let said = with_sources(&call.send::<Runs>().await.unwrap_err());
    assert!(said.contains("`workflows[0].id`"), "{said}");
    assert!(said.contains("expected a string"), "{said}");
}

/// An error, and what led to it.
fn with_sources(error: &dyn std::error::Error) -> String {
    let source = error.source().map(with_sources);
    format!("{error}: {}", source.unwrap_or_default())
}

#[tokio::test]
async fn a_value_that_the_schema_does_not_know_is_sent_as_it_is() {
    let server = Server::start().await;
    let call = server
        .client
        .list_workflows()
        .attributes(["labels", "carbon footprint"]);
    let error = call.send().await.unwrap_err();
    assert!(error.message().contains("`carbon footprint`"), "{error}");
    assert_eq!(
        server.last().target,
        "/workflow?attributes=labels,carbon%20footprint"
    );
    let call = server.client.list_labels().type_("hidden").send().await;
    assert!(call.unwrap_err().message().contains("`hidden`"));
}

/// The server of these tests is worth what it notices.
#[tokio::test]
async fn the_server_notices_what_is_wrong() {
    let server = Server::start().await;
    let raw = |method, path: &str| server.client.request(method, path);
    let (get, put, post) = (
        seqera::Method::GET,
        seqera::Method::PUT,
        seqera::Method::POST,
    );
    let agent = json!({ "name": 7 });
    let config = json!({ "computeEnv": { "config": { "discriminator": "abacus" } } });
    let table = [
        (
            raw(get.clone(), "/nowhere"),
            "the schema has no get /nowhere",
        ),
        (
            raw(get.clone(), "/workflow?max=many"),
            "parameter `max` has the value `many`",
        ),
        (
            raw(get.clone(), "/workflow?max=1&max=2"),
            "parameter `max` is there 2 times",
        ),
        (
            raw(get.clone(), "/workflow?pageSize=1"),
            "parameter `pageSize` is unknown",
        ),
        (
            raw(get.clone(), "/workflow?attributes=labels,mood"),
            "the value `mood`",
        ),
        (
            raw(
                get.clone(),
                "/workflow?attributes=labels&attributes=optimized",
            ),
            "is there 2 times",
        ),
        (
            raw(get.clone(), "/orgs/x"),
            "parameter `orgId` has the value `x`",
        ),
        (
            raw(get, "/user-info").header("api-version", "1"),
            "no header api-version",
        ),
        (raw(post.clone(), "/compute-envs"), "the body is missing"),
        (
            raw(post.clone(), "/compute-envs").json(&config),
            "the body's `/computeEnv/config/discriminator`",
        ),
        (raw(post, "/tokens").json(&agent), "the body's `/name`"),
        (raw(put, "/user-info"), "the schema has no put /user-info"),
    ];
    for (request, expected) in table {
        let error = request.send::<Value>().await.unwrap_err();
        assert!(error.message().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn slashes_stay_in_parameters_that_are_paths_and_are_escaped_in_others() {
    let server = Server::start().await;
    server.answer_json(200, &json!({}));
    let client = &server.client;
    client
        .explore_data_link_with_path()
        .data_link_id("v1 cloud/7")
        .path("run 1/multi qc/100%?#é")
        .send()
        .await
        .unwrap();
    let seen = server.last();
    assert_eq!(seen.problems, [""; 0]);
    assert_eq!(
        seen.target,
        "/data-links/v1%20cloud%2F7/browse/run%201/multi%20qc/100%25%3F%23%C3%A9"
    );
    assert_eq!(seen.parameters["path"], ["run 1/multi qc/100%?#é"]);
    assert_eq!(seen.parameters["dataLinkId"], ["v1 cloud/7"]);
}

#[tokio::test]
async fn arrays_are_joined_or_repeated_as_the_schema_says() {
    let server = Server::start().await;
    server.answer_json(200, &json!({}));
    let client = &server.client;
    client
        .list_workflows()
        .attributes([
            types::WorkflowQueryAttribute::Labels,
            types::WorkflowQueryAttribute::Optimized,
        ])
        .send()
        .await
        .unwrap();
    assert_eq!(
        server.last().target,
        "/workflow?attributes=labels,optimized"
    );
    client
        .list_actions()
        .attributes(["labels"])
        .send()
        .await
        .unwrap();
    assert_eq!(server.last().target, "/actions?attributes=labels");
    client
        .explore_data_link_tree()
        .data_link_id("7")
        .paths(["a b/", "c,d&e"])
        .send()
        .await
        .unwrap();
    let seen = server.last();
    assert!(
        seen.target.contains("?paths=a%20b%2F&paths=c%2Cd%26e"),
        "{}",
        seen.target
    );
    assert_eq!(seen.parameters["paths"], ["a b/", "c,d&e"]);
    // An empty list says nothing.
    let nothing: [&str; 0] = [];
    client
        .list_workflows()
        .attributes(nothing)
        .send()
        .await
        .unwrap();
    assert_eq!(server.last().target, "/workflow");
}

#[tokio::test]
async fn files_arrive_as_parts_with_their_names_and_media_types() {
    let server = Server::start().await;
    server.answer_json(200, &json!({}));
    let client = &server.client;
    let table = [
        (
            Upload::from_bytes("s\n").file_name("s.csv"),
            "s.csv",
            "text/csv",
        ),
        (
            Upload::from_bytes("s\n").file_name("s.tsv"),
            "s.tsv",
            "text/tab-separated-values",
        ),
        (
            Upload::from_bytes("s\n")
                .file_name("s")
                .media_type("text/x-samples"),
            "s",
            "text/x-samples",
        ),
    ];
    for (file, name, media) in table {
        client
            .upload_dataset()
            .workspace_id(7)
            .dataset_id("7")
            .file(file)
            .send()
            .await
            .unwrap();
        let seen = server.last();
        assert_eq!(seen.problems, [""; 0]);
        let file = ("file", name, media, "s\n");
        let (part, name, media, content) = &seen.files[0];
        assert_eq!(
            (
                part.as_str(),
                name.as_str(),
                media.as_str(),
                content.as_str()
            ),
            file
        );
    }
}

#[tokio::test]
async fn a_ga4gh_run_is_a_form_with_files_and_json_without() {
    let server = Server::start().await;
    server.answer_json(200, &json!({ "run_id": "5eJxMEVTd2X9gz" }));
    let call = server
        .client
        .ga4gh_run_create()
        .body(types::RunRequest::new().workflow_url("https://github.com/nf-core/rnaseq"));
    call.clone().send().await.unwrap();
    let seen = server.last();
    assert!(seen.problems.is_empty() && seen.files.is_empty());
    let body = seen.body.unwrap();
    call.workflow_attachment(Upload::from_bytes("{}").file_name("params.json"))
        .send()
        .await
        .unwrap();
    let seen = server.last();
    assert_eq!(seen.problems, [""; 0]);
    assert_eq!(seen.body, Some(body));
    assert_eq!(seen.files.len(), 1);
}

#[tokio::test]
async fn a_header_parameter_is_a_header() {
    let server = Server::start().await;
    server.answer_json(200, &json!({}));
    let call = server
        .client
        .generate_data_link_upload_url()
        .data_link_id("7")
        .body(types::DataLinkMultiPartUploadRequest::new());
    call.clone().send().await.unwrap();
    assert!(!server.last().parameters.contains_key("Origin"));
    call.origin("https://lab.example.com").send().await.unwrap();
    let seen = server.last();
    assert_eq!(seen.parameters["Origin"], ["https://lab.example.com"]);
    assert!(!seen.target.contains("lab.example.com"));
}

#[tokio::test]
async fn a_missing_parameter_is_named_and_nothing_is_sent() {
    let server = Server::start().await;
    let error = server.client.describe_workflow().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains(".workflow_id(..)"), "{error}");
    assert_eq!(server.count(), 0);
}
