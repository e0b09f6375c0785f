//! A plain client whose every JSON reply is checked against the schema.

use reqwest::{Method, RequestBuilder, Response};
use seqera_test_platform::{Builder, TestPlatform, WORKSPACE_ID};
use serde_json::Value;

pub struct Api {
    pub platform: TestPlatform,
    pub http: reqwest::Client,
}

impl Api {
    /// The usual laboratory, without a limit of calls and with runs that advance by polls.
    pub async fn start() -> Self {
        Self::of(TestPlatform::builder().calls_per_second(None).run_polls(4)).await
    }

    pub async fn of(builder: Builder) -> Self {
        Self {
            platform: builder.start().await.expect("a platform"),
            http: reqwest::Client::new(),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.platform.endpoint()))
            .bearer_auth(self.platform.token())
    }

    /// The reply of a status, `Null` where it has no body.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        status: u16,
    ) -> Value {
        let request = self.request(method.clone(), path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        checked(method, path, request.send().await.expect("a reply"), status).await
    }

    pub async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None, 200).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.call(Method::POST, path, Some(body), 200).await
    }

    /// The message of a refusal.
    pub async fn refused(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        status: u16,
    ) -> String {
        let reply = self.call(method, path, body, status).await;
        reply["message"].as_str().expect("a message").to_owned()
    }
}

pub async fn checked(method: Method, path: &str, response: Response, status: u16) -> Value {
    let got = response.status().as_u16();
    let text = response.text().await.expect("a body");
    assert_eq!(got, status, "{method} {path}: {text}");
    if text.is_empty() {
        return Value::Null;
    }
    let reply = serde_json::from_str(&text).expect("JSON");
    let path = path.split('?').next().unwrap_or(path);
    crate::schema::check(method.as_str(), path, status, &reply);
    reply
}

/// A path in the research workspace.
pub fn of_workspace(path: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}workspaceId={WORKSPACE_ID}")
}

/// The values of a field, over a list.
pub fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(|item| item[field].as_str().expect("a text"))
        .collect()
}
