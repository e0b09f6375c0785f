//! How operations are called: nothing is imported, a builder may be awaited, and what comes is the
//! value of the reply, or the whole response where it is asked for.

use seqera::mock::MockApi;
use seqera::types::{
    DescribeUserResponse, ListCredentialsResponse, ListWorkflowsResponse, RunSummary, User,
    WorkflowInfo,
};
use seqera::{Client, Method, Response, Sending};

async fn with_user() -> (MockApi, Client) {
    let api = MockApi::start().await;
    let user = DescribeUserResponse::new().user(User::new().user_name("ada"));
    api.user_info(|_, then| then.ok(user)).await;
    let client = api.client();
    (api, client)
}

#[tokio::test]
async fn a_call_comes_to_the_value_of_its_reply() {
    let (_api, client) = with_user().await;
    let sent = client.user_info().send().await.unwrap();
    let awaited = client.user_info().await.unwrap();
    for reply in [sent, awaited] {
        let name = reply.user.unwrap().user_name; // to be moved out of
        assert_eq!(name.as_deref(), Some("ada"));
    }
    let raw = client.request(Method::GET, "/user-info");
    let raw = raw.send::<serde_json::Value>().await.unwrap();
    assert_eq!(raw["user"]["userName"], "ada");
}

#[tokio::test]
async fn status_and_headers_are_there_where_they_are_asked_for() {
    let (_api, client) = with_user().await;
    // Both types can be named, and kept for later.
    let sending: Sending<Response<DescribeUserResponse>> = client.user_info().send_with_response();
    let response = sending.await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("content-type"));
    assert!(response.value().user.is_some());
    let name = response.map(|reply| reply.user.unwrap().user_name.unwrap());
    assert_eq!(name.into_value(), "ada");
}

#[tokio::test]
async fn nothing_is_sent_before_it_is_awaited() {
    let (api, client) = with_user().await;
    let other = api.list_labels(|_, then| then.forbidden("no")).await;
    drop(client.list_labels().send());
    other.assert_calls(0);
    let error = client.list_labels().await.unwrap_err();
    assert!(error.is_forbidden(), "{error}");
    other.assert_calls(1);
}

#[tokio::test]
async fn a_list_in_one_reply_is_read_as_one_in_pages() {
    let (api, client) = with_user().await;
    let credentials = ["a", "b", "c"].map(|id| seqera::types::Credentials::new().id(id));
    let reply = ListCredentialsResponse::new().credentials(credentials);
    let listing = api.list_credentials(|_, then| then.ok(reply)).await;
    let all = client.list_credentials().all().await.unwrap();
    assert_eq!(all.len(), 3);
    let mut stream = client.list_credentials().stream().limit(2);
    assert_eq!(stream.total().await.unwrap(), Some(3));
    let mut ids = Vec::new();
    while let Some(entry) = stream.try_next().await.unwrap() {
        ids.push(entry.id.unwrap());
    }
    assert_eq!(ids, ["a", "b"]);
    listing.assert_calls(2);
}

#[tokio::test]
async fn the_length_of_a_list_is_known_before_its_items_are_read() {
    let (api, client) = with_user().await;
    let run = |id: &str| {
        let run = WorkflowInfo::new().id(id);
        RunSummary::new().workflow(run)
    };
    let page = ListWorkflowsResponse::new().workflows([run("1"), run("2")]);
    let listing = api.list_workflows(|_, then| then.ok(page.total_size(2)));
    let listing = listing.await;
    let mut runs = client.list_workflows().stream();
    assert_eq!(runs.total().await.unwrap(), Some(2));
    assert_eq!(runs.total().await.unwrap(), Some(2));
    let first = runs.next().await.unwrap().unwrap();
    assert_eq!(first.workflow.unwrap().id.as_deref(), Some("1"));
    assert_eq!(runs.all().await.unwrap().len(), 1);
    listing.assert_calls(1);
}
