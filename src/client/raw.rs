//! Calls of endpoints that are newer than the schema.

use std::borrow::Cow;

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::generated::Client;
use crate::transport::body::ByteStream;
use crate::transport::multipart::MultipartForm;
use crate::transport::request::Request;
use crate::transport::response::{Response, Sending};
use crate::transport::retry::RetryPolicy;

impl Client {
    /// A call of any path of the API, through the same transport as every operation: authorised,
    /// limited, retried and traced.
    ///
    /// The path begins with a slash, follows the endpoint, and is sent as it is: encode what
    /// needs it. A whole URL is taken if it is the endpoint's, and refused otherwise.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// use seqera::Method;
    /// let reply = client
    ///     .request(Method::GET, "/newer/things")
    ///     .query("workspaceId", 42)
    ///     .send::<serde_json::Value>()
    ///     .await?;
    /// println!("{}", reply["things"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, method: Method, path: impl Into<String>) -> RawRequest {
        let path = path.into();
        let path = match path.strip_prefix(&self.baseurl) {
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => path,
        };
        let is_path = path.starts_with('/');
        let mut request = Request::raw(&self.inner, method, path);
        if !is_path {
            request.fail(format!(
                "the path must begin with `/` or with {}/",
                self.baseurl
            ));
        }
        RawRequest(request)
    }
}

/// A call made by [`Client::request`].
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct RawRequest(Request);

impl RawRequest {
    /// Sets a query parameter, replacing an earlier value.
    pub fn query(mut self, name: impl Into<Cow<'static, str>>, value: impl ToString) -> Self {
        self.0.query(name, value);
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: impl AsRef<str>, value: impl ToString) -> Self {
        self.0.header(name, value);
        self
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        self.0.json(body);
        self
    }

    /// Sets a form, such as a file upload, as the body.
    pub fn multipart(mut self, form: MultipartForm) -> Self {
        self.0.multipart(form);
        self
    }

    /// Sets the retry policy of this call alone.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.0.retry(policy);
        self
    }

    /// States that the call does no harm twice, so that it is tried again after a timeout as a GET
    /// is. For a POST that only reads or checks.
    pub fn safe_to_repeat(mut self) -> Self {
        self.0.set_safe_to_repeat();
        self
    }

    /// Sends the call and reads the reply's JSON as a type of yours, or as a
    /// `serde_json::Value`. An empty reply is an empty object.
    ///
    /// # Errors
    /// The call failed, or its reply does not fit the type.
    pub fn send<T: DeserializeOwned>(self) -> Sending<T> {
        self.0.send()
    }

    /// The same, with status and headers.
    ///
    /// # Errors
    /// The call failed, or its reply does not fit the type.
    pub fn send_with_response<T: DeserializeOwned>(self) -> Sending<Response<T>> {
        self.0.send_with_response()
    }

    /// Sends the call and ignores what a success says.
    ///
    /// # Errors
    /// The call failed.
    pub fn send_empty(self) -> Sending<()> {
        self.0.send_empty()
    }

    /// The same, with status and headers.
    ///
    /// # Errors
    /// The call failed.
    pub fn send_empty_with_response(self) -> Sending<Response<()>> {
        self.0.send_empty_with_response()
    }

    /// Sends the call and returns the reply's content as it arrives, whatever it is.
    ///
    /// # Errors
    /// The call failed.
    pub fn send_bytes(self) -> Sending<ByteStream> {
        self.0.send_bytes()
    }

    /// The same, with status and headers.
    ///
    /// # Errors
    /// The call failed.
    pub fn send_bytes_with_response(self) -> Sending<Response<ByteStream>> {
        self.0.send_bytes_with_response()
    }
}
