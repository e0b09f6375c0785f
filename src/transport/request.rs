//! A request in the making: what generated builders and raw calls fill in and send.
//!
//! Everything here that does not depend on the type of the reply is compiled once.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Transport;
use super::call::{self, Body, Call, Reply};
use super::response::{Fetched, Response, Sending};
use super::retry::RetryPolicy;
use super::target::{Operation, Target};
use crate::transport::body::ByteStream;
use crate::transport::multipart::MultipartForm;
use crate::{Error, Result};

/// All but RFC 3986's unreserved characters, so that no value can mean anything but itself.
pub(super) const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const WORKSPACE: &str = "workspaceId";

/// A request and the transport that will send it.
#[doc(hidden)]
#[derive(Clone)]
pub struct Request {
    transport: Transport,
    target: Target,
    path: Vec<(&'static str, String)>,
    /// Names and values, encoded.
    query: Vec<(Cow<'static, str>, String)>,
    headers: HeaderMap,
    body: Body,
    /// The first mistake of the caller, reported when sent.
    mistake: Option<String>,
    /// Whether the caller sets parameters by their names on the wire.
    by_name: bool,
}

impl Request {
    /// A request of an operation without parameters.
    pub fn new(transport: &Transport, operation: &'static Operation) -> Self {
        Self::to(transport, Target::Known(operation))
    }

    /// A request of any path of the API, which begins with a slash.
    pub(crate) fn raw(transport: &Transport, method: Method, path: String) -> Self {
        // In errors and spans the path is shown as it is.
        let has_controls = path.contains(char::is_control);
        let path = match has_controls {
            true => path.escape_debug().to_string(),
            false => path,
        };
        let mut request = Self::to(
            transport,
            Target::Raw {
                method,
                path,
                safe_to_repeat: false,
            },
        );
        if has_controls {
            request.fail("the path has a line break or another control character".to_owned());
        }
        request
    }

    fn to(transport: &Transport, target: Target) -> Self {
        Self {
            transport: transport.clone(),
            target,
            path: Vec::new(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Body::Empty,
            mistake: None,
            by_name: false,
        }
    }

    /// Sets a path parameter.
    pub fn path(&mut self, wire: &'static str, value: impl ToString) {
        self.path.retain(|(name, _)| *name != wire);
        self.path.push((wire, value.to_string()));
    }

    /// Sets a query parameter, replacing an earlier value.
    pub fn query(&mut self, wire: impl Into<Cow<'static, str>>, value: impl ToString) {
        self.set_query(wire.into(), [encode(&value.to_string())]);
    }

    /// Sets an array as one comma-joined value (`explode: false`); an empty one is left out.
    pub fn query_joined(
        &mut self,
        wire: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item: ToString>,
    ) {
        let values: Vec<_> = values
            .into_iter()
            .map(|value| encode(&value.to_string()))
            .collect();
        let joined = (!values.is_empty()).then(|| values.join(","));
        self.set_query(wire.into(), joined);
    }

    /// Sets an array by repeating the name.
    pub fn query_repeated(
        &mut self,
        wire: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item: ToString>,
    ) {
        self.set_query(
            wire.into(),
            values.into_iter().map(|value| encode(&value.to_string())),
        );
    }

    fn set_query(&mut self, wire: Cow<'static, str>, values: impl IntoIterator<Item = String>) {
        self.query.retain(|(name, _)| *name != wire);
        self.query
            .extend(values.into_iter().map(|value| (wire.clone(), value)));
    }

    /// A query parameter as it was set, encoded.
    pub(crate) fn query_value(&self, wire: &str) -> Option<&str> {
        let found = self.query.iter().find(|(name, _)| name == wire);
        found.map(|(_, value)| value.as_str())
    }

    /// Sets a header.
    pub fn header(&mut self, wire: impl AsRef<str>, value: impl ToString) {
        let wire = wire.as_ref();
        let name = HeaderName::from_bytes(wire.as_bytes());
        let value = HeaderValue::from_str(&value.to_string());
        match (name, value) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.fail(format!("`{wire}` can't be sent as a header")),
        }
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(&mut self, body: &T) {
        match serde_json::to_vec(body) {
            Ok(json) => {
                let media_type = HeaderValue::from_static("application/json");
                self.body = Body::Bytes(media_type, json.into());
            }
            Err(error) => self.fail(format!("the body can't be written as JSON: {error}")),
        }
    }

    /// Sets a body of this media type.
    pub fn bytes(&mut self, media_type: &'static str, content: impl Into<Bytes>) {
        match HeaderValue::from_str(media_type) {
            Ok(media_type) => self.body = Body::Bytes(media_type, content.into()),
            Err(_) => self.fail(format!("`{media_type}` is no media type")),
        }
    }

    /// Sets a form as the body.
    pub fn multipart(&mut self, form: MultipartForm) {
        self.body = Body::Form(form);
    }

    /// Notes a mistake of the caller: nothing will be sent, and `send` says why.
    pub fn fail(&mut self, text: String) {
        self.mistake.get_or_insert(text);
    }

    /// Notes a mistake of the caller, if there is one.
    pub(crate) fn fail_if(&mut self, mistake: Option<String>) {
        if let Some(text) = mistake {
            self.fail(text);
        }
    }

    /// Sets the retry policy of this request alone.
    pub fn retry(&mut self, policy: RetryPolicy) {
        self.transport.retry = policy;
    }

    pub(crate) fn set_safe_to_repeat(&mut self) {
        if let Target::Raw { safe_to_repeat, .. } = &mut self.target {
            *safe_to_repeat = true;
        }
    }

    /// States that the caller sets parameters by their names on the wire.
    #[cfg(feature = "operations")]
    pub(crate) fn set_by_name(&mut self) {
        self.by_name = true;
    }

    /// The name of the operation, for people.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        self.target.name()
    }

    /// Sends the request and reads the reply's JSON. An empty reply is an empty object, or null.
    pub fn send<T: DeserializeOwned>(self) -> Sending<T> {
        Sending::new(self.fetch(), |fetched| {
            fetched.parse().map(Response::into_value)
        })
    }

    /// The same, with status and headers.
    pub fn send_with_response<T: DeserializeOwned>(self) -> Sending<Response<T>> {
        Sending::new(self.fetch(), Fetched::parse)
    }

    /// Sends the request and ignores what a success says.
    pub fn send_empty(self) -> Sending<()> {
        Sending::new(self.fetch(), |_| Ok(()))
    }

    /// The same, with status and headers.
    pub fn send_empty_with_response(self) -> Sending<Response<()>> {
        Sending::new(self.fetch(), |mut fetched| Ok(fetched.response_with(())))
    }

    /// Sends the request and returns the reply's content as it arrives.
    pub fn send_bytes(self) -> Sending<ByteStream> {
        Sending::new(self.open(), |fetched| Ok(fetched.stream().into_value()))
    }

    /// The same, with status and headers.
    pub fn send_bytes_with_response(self) -> Sending<Response<ByteStream>> {
        Sending::new(self.open(), |fetched| Ok(fetched.stream()))
    }

    /// Sends the request and reads the whole reply. Boxed, so that the many callers stay small.
    pub(crate) fn fetch(mut self) -> BoxFuture<'static, Result<Fetched>> {
        Box::pin(async move {
            self.fill_in_workspace().await?;
            let call = self.into_call("application/json")?;
            let reply = call::execute(&call, call::whole).await?;
            Ok(Fetched { call, reply })
        })
    }

    /// Sends the request; the reply's content is still to come.
    fn open(mut self) -> BoxFuture<'static, Result<Fetched>> {
        Box::pin(async move {
            self.fill_in_workspace().await?;
            let mut call = self.into_call("*/*")?;
            call.is_held = false;
            let opened = call::execute(&call, call::opened).await?;
            let reply = Reply {
                response: opened.response,
                body: Bytes::new(),
                attempts: opened.attempts,
            };
            Ok(Fetched { call, reply })
        })
    }

    /// The client's workspace, for a call that has the parameter and says none.
    async fn fill_in_workspace(&mut self) -> Result<()> {
        let in_workspace =
            matches!(self.target, Target::Known(operation) if operation.in_workspace);
        if !in_workspace || self.mistake.is_some() || self.query_value(WORKSPACE).is_some() {
            return Ok(());
        }
        if let Some(id) = self.transport.workspace_id().await? {
            self.query(WORKSPACE, id);
        }
        Ok(())
    }

    fn into_call(mut self, accept: &'static str) -> Result<Box<Call>> {
        let url = match self.mistake.take() {
            Some(mistake) => Err(mistake),
            None => self.missing().map_or_else(|| self.url(), Err),
        };
        let url = url.map_err(|text| Error::invalid_request(self.name(), text))?;
        let workspace = self.query_value(WORKSPACE).map(str::to_owned);
        Ok(Box::new(Call {
            transport: self.transport,
            target: self.target,
            url,
            headers: self.headers,
            body: self.body,
            accept,
            workspace,
            is_held: true,
        }))
    }

    /// What is said about the first parameter that must be set and is not.
    fn missing(&self) -> Option<String> {
        let Target::Known(operation) = self.target else {
            return None;
        };
        let is_set = |wire: &str| {
            self.path.iter().any(|(name, _)| *name == wire)
                || self.query_value(wire).is_some()
                || self.headers.contains_key(wire)
        };
        let (wire, setter) = operation.required.iter().find(|(wire, _)| !is_set(wire))?;
        Some(match self.by_name {
            true => format!("`{wire}` is required: call .set(\"{wire}\", ..)"),
            false => format!("`{setter}` is required: call .{setter}(..)"),
        })
    }

    fn url(&self) -> Result<Url, String> {
        let endpoint = self.transport.endpoint();
        let mut path = endpoint.path().trim_end_matches('/').to_owned();
        let mut query = String::new();
        match &self.target {
            Target::Known(operation) => self.fill_in(operation, &mut path)?,
            Target::Raw { path: given, .. } => {
                let given = given.split('#').next().unwrap_or_default();
                let (given, given_query) = given.split_once('?').unwrap_or((given, ""));
                path.push_str(given);
                query.push_str(given_query);
            }
        }
        for (name, value) in &self.query {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(&encode(name));
            query.push('=');
            query.push_str(value);
        }
        // Only the path is read anew: nothing in it can lead to another host.
        let mut url = endpoint.clone();
        url.set_path(&path);
        url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
        Ok(url)
    }

    /// Writes the path with the values of its parameters.
    fn fill_in(&self, operation: &Operation, path: &mut String) -> Result<(), String> {
        let mut rest = operation.path;
        while let Some((literal, tail)) = rest.split_once('{') {
            let (wire, tail) = tail.split_once('}').unwrap_or((tail, ""));
            let value = self.path.iter().find(|(name, _)| *name == wire);
            let value = value.map_or("", |(_, value)| value.as_str());
            path.push_str(literal);
            path.push_str(&encode_path(
                wire,
                value,
                operation.path_like.contains(&wire),
            )?);
            rest = tail;
        }
        path.push_str(rest);
        Ok(())
    }
}

impl fmt::Debug for Request {
    /// Names, not values: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: Vec<_> = self.query.iter().map(|(name, _)| name).collect();
        f.debug_struct("Request")
            .field("operation", &self.name())
            .field("query", &query)
            .finish_non_exhaustive()
    }
}

fn encode(value: &str) -> String {
    utf8_percent_encode(value, VALUE).to_string()
}

/// A path parameter as one segment, or as several if it is a path itself.
///
/// Dots alone are refused: URLs give them a meaning, even when they are encoded.
fn encode_path(wire: &str, value: &str, path_like: bool) -> Result<String, String> {
    if value.is_empty() {
        return Err(format!("`{wire}` is empty"));
    }
    let dots = |segment: &str| segment == "." || segment == "..";
    if path_like {
        if value.split('/').any(dots) {
            return Err(format!(
                "`{wire}` must not contain `.` or `..` as a directory"
            ));
        }
        return Ok(value.split('/').map(encode).collect::<Vec<_>>().join("/"));
    }
    if dots(value) {
        return Err(format!("`{wire}` must not be `{value}`"));
    }
    Ok(encode(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, ErrorKind};

    static BROWSE: Operation = Operation {
        id: "BrowseDataLink",
        name: "browse_data_link",
        method: Method::GET,
        path: "/data-links/{dataLinkId}/browse/{path}",
        required: &[
            ("dataLinkId", "data_link_id"),
            ("path", "path"),
            ("workspaceId", "workspace_id"),
        ],
        path_like: &["path"],
        safe_to_repeat: false,
        in_workspace: true,
    };

    fn browse() -> Request {
        let client = Client::builder("t0ken")
            .endpoint("https://seqera.example.com/api/")
            .build()
            .unwrap();
        Request::new(&client.inner, &BROWSE)
    }

    fn url(change: impl FnOnce(&mut Request)) -> Result<String, String> {
        let mut request = browse();
        request.path("dataLinkId", "v1-user-1");
        request.path("path", "a");
        request.query("workspaceId", 42);
        change(&mut request);
        request
            .into_call("application/json")
            .map(|call| call.url.to_string())
            .map_err(|error| error.to_string())
    }

    const BASE: &str = "https://seqera.example.com/api/data-links/v1-user-1/browse/";

    #[test]
    fn values_arrive_as_they_are() {
        let table = [
            ("a b", "a%20b"),
            ("a%2Fb", "a%252Fb"),
            ("x?y#z", "x%3Fy%23z"),
            ("…", "%E2%80%A6"),
            ("a//b/", "a//b/"),
            ("runs/2026 03/x.bam", "runs/2026%2003/x.bam"),
            ("a..b/.hidden", "a..b/.hidden"),
        ];
        for (value, expected) in table {
            assert_eq!(
                url(|r| r.path("path", value)).unwrap(),
                format!("{BASE}{expected}?workspaceId=42")
            );
        }
        let one_segment = url(|r| r.path("dataLinkId", "a/../b")).unwrap();
        assert!(
            one_segment.contains("/data-links/a%2F..%2Fb/browse/"),
            "{one_segment}"
        );
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for value in ["..", "a/../b", "./a", "a/.", ""] {
            let error = url(|r| r.path("path", value)).unwrap_err();
            assert!(error.starts_with("browse_data_link: `path` "), "{error}");
        }
        for value in ["..", ".", ""] {
            assert!(url(|r| r.path("dataLinkId", value)).is_err(), "{value}");
        }
    }

    #[test]
    fn queries() {
        let query = |change: fn(&mut Request)| url(change).unwrap()[BASE.len() + 1..].to_owned();
        assert_eq!(query(|r| r.query("workspaceId", 7)), "?workspaceId=7");
        assert_eq!(
            query(|r| r.query("search", "a b&c=d+é")),
            "?workspaceId=42&search=a%20b%26c%3Dd%2B%C3%A9"
        );
        assert_eq!(
            query(|r| r.query_joined("attributes", ["a,b", "c"])),
            "?workspaceId=42&attributes=a%2Cb,c"
        );
        assert_eq!(
            query(|r| r.query_repeated("ids", [1, 2])),
            "?workspaceId=42&ids=1&ids=2"
        );
        assert_eq!(
            query(|r| r.query_repeated("ids", [0; 0])),
            "?workspaceId=42"
        );
    }

    #[test]
    fn what_is_missing_is_named_by_its_setter() {
        let error = browse().into_call("application/json").err().unwrap();
        assert_eq!(
            error.to_string(),
            "browse_data_link: `data_link_id` is required: call .data_link_id(..)"
        );
        assert_eq!(
            (error.kind(), error.attempts()),
            (ErrorKind::InvalidRequest, 0)
        );
        let error = url(|r| r.query.clear()).unwrap_err();
        assert!(error.ends_with("call .workspace_id(..)"), "{error}");
        assert!(
            url(|r| r.header("X-Bad", "a\nb"))
                .unwrap_err()
                .contains("`X-Bad`")
        );
    }

    fn fetched(body: &'static str) -> Fetched {
        let mut request = browse();
        request.path("dataLinkId", "v1-user-1");
        request.path("path", "a");
        request.query("workspaceId", 42);
        Fetched {
            call: request.into_call("application/json").unwrap(),
            reply: Reply {
                response: hyper::Response::new("").into(),
                body: Bytes::from_static(body.as_bytes()),
                attempts: 1,
            },
        }
    }

    #[test]
    fn replies_that_do_not_fit_name_the_place_and_keep_the_body() {
        #[derive(Debug, serde::Deserialize)]
        struct Page {
            #[allow(dead_code)]
            runs: Vec<Run>,
        }
        #[derive(Debug, serde::Deserialize)]
        struct Run {
            #[allow(dead_code)]
            start: crate::Timestamp,
        }
        let body = r#"{"runs":[{"start":"2026-03-01T09:30:00Z"},{"start":"soon"}]}"#;
        let error = fetched(body).parse::<Page>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "browse_data_link: 200 OK: the reply does not fit its type at `runs[1].start`"
        );
        assert_eq!(error.body(), Some(body.as_bytes()));
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            source.starts_with("`soon` is not an ISO 8601 date-time"),
            "{source}"
        );

        let error = fetched(r#"{"runs":[{"st"#).parse::<Page>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "browse_data_link: 200 OK: the reply is not JSON, or was cut off"
        );
        assert!(fetched("\u{feff}{\"runs\":[]}").parse::<Page>().is_ok());
    }

    #[test]
    fn an_empty_reply_is_a_value() {
        #[derive(serde::Deserialize)]
        struct Upload {
            id: Option<String>,
        }
        assert!(fetched("").parse::<Upload>().unwrap().value().id.is_none());
        assert!(
            fetched(" \n")
                .parse::<Option<Vec<u8>>>()
                .unwrap()
                .value()
                .is_none()
        );
        fetched("").parse::<()>().unwrap();
        assert!(fetched("").parse::<u8>().is_err());
    }

    #[test]
    fn raw_paths_have_no_control_characters_and_show_none() {
        let client = Client::builder("t0ken").build().unwrap();
        let path = "/x\r\nforged: line\u{1b}[2J".to_owned();
        let request = Request::raw(&client.inner, Method::GET, path);
        let text = request.into_call("*/*").err().unwrap().to_string();
        assert!(text.ends_with("control character"), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }

    #[test]
    fn debug_shows_names_but_no_values() {
        let mut request = browse();
        request.query("search", "s3cret");
        request.json("s3cret");
        let text = format!("{request:?}");
        assert!(
            text.contains("search") && !text.contains("s3cret") && !text.contains("t0ken"),
            "{text}"
        );
    }
}
