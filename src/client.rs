//! Making a client. The only place that reads environment variables.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::generated::Client;
use crate::transport::clients::{Clients, Settings, Use, is_loopback};
use crate::transport::hooks::{Hooks, IncomingReply, OutgoingRequest};
use crate::transport::kept::Kept;
use crate::transport::rate_limit::{Limiter, RateLimit};
use crate::transport::retry::RetryPolicy;
use crate::transport::storage::Storage;
use crate::transport::workspace::{FindWorkspace, Scope, no_look_up};
use crate::transport::{Bounds, Shared, Transport};
use crate::{Error, Result};

mod http;
pub(crate) mod raw;
mod settings;
mod token;
pub(crate) mod workspace;

pub use token::AccessToken;

const CLOUD: &str = "https://api.cloud.seqera.io";
const USER_AGENT: &str = concat!("seqera-rs/", env!("CARGO_PKG_VERSION"));
const TOKEN_VARIABLE: &str = "TOWER_ACCESS_TOKEN";
const ENDPOINT_VARIABLE: &str = "TOWER_API_ENDPOINT";
const WORKSPACE_VARIABLE: &str = "TOWER_WORKSPACE_ID";

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.baseurl)
            .field("workspace", &self.inner.scope)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// The client that the environment describes: `TOWER_ACCESS_TOKEN`, `TOWER_API_ENDPOINT` unless
    /// it is Seqera Cloud, and `TOWER_WORKSPACE_ID`, an id or `organization/workspace`, unless it is
    /// the personal context: see [`in_workspace`](Self::in_workspace).
    ///
    /// # Errors
    /// A variable is missing or can't be used; the error says which, and what to do.
    pub fn from_env() -> Result<Self> {
        ClientBuilder::from_env()?.build()
    }

    /// Settings for a client of Seqera Cloud with this access token.
    pub fn builder(token: impl Into<AccessToken>) -> ClientBuilder {
        ClientBuilder::new(token.into())
    }

    pub(crate) fn of(inner: Transport) -> Self {
        Self {
            baseurl: inner.endpoint().as_str().trim_end_matches('/').to_owned(),
            client: inner.http().clone(),
            inner,
        }
    }

    /// The address of the API, without trailing slashes.
    pub fn endpoint(&self) -> &str {
        &self.baseurl
    }

    /// The same client, which sends no call that may change something. Such a call fails with
    /// [`ErrorKind::NotSent`](crate::ErrorKind::NotSent), and the error's
    /// [`body`](crate::Error::body) is the request as JSON: `method`, `url`, and `body` where it
    /// has one of JSON. Calls that only read are sent.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// let error = client.dry_run().delete_label().label_id(5).send().await.unwrap_err();
    /// let request: serde_json::Value = error.details().unwrap();
    /// assert_eq!(request["method"], "DELETE");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn dry_run(&self) -> Self {
        let mut scoped = self.clone();
        scoped.inner.dry_run = true;
        scoped
    }

    /// The same client with another retry policy, for one call or many. It shares the connections
    /// and the rate limit.
    #[must_use]
    pub fn with_retry(&self, policy: RetryPolicy) -> Self {
        let mut scoped = self.clone();
        scoped.inner.retry = policy;
        scoped
    }
}

/// The settings of a [`Client`].
///
/// ```
/// # use std::time::Duration;
/// # use seqera::{Client, RateLimit, RetryPolicy};
/// let client = Client::builder("eyJ0aWQiOiAxfQ==")
///     .endpoint("https://seqera.example.com/api")
///     .rate_limit(RateLimit::per_second(10))
///     .retry(RetryPolicy::default().attempts(6))
///     .read_timeout(Duration::from_secs(30))
///     .build()?;
/// # Ok::<(), seqera::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    token: AccessToken,
    token_setting: &'static str,
    endpoint: String,
    endpoint_setting: &'static str,
    allow_http: bool,
    accept_version: u32,
    user_agent: Option<String>,
    headers: HeaderMap,
    read_timeout: Duration,
    bounds: Bounds,
    http: Settings,
    hooks: Hooks,
    rate_limit: RateLimit,
    retry: RetryPolicy,
    pub(crate) scope: Scope,
    /// The first setting that can't be used.
    mistake: Option<String>,
    /// Settings of the parts above.
    pub(crate) kept: Kept,
}

impl ClientBuilder {
    fn new(token: AccessToken) -> Self {
        Self {
            token,
            token_setting: "the access token",
            endpoint: CLOUD.to_owned(),
            endpoint_setting: "the endpoint",
            allow_http: false,
            accept_version: 1,
            user_agent: None,
            headers: HeaderMap::new(),
            read_timeout: Duration::from_secs(60),
            bounds: Bounds {
                time: Duration::from_secs(600),
                bytes: 256 << 20,
            },
            http: Settings::default(),
            hooks: Hooks::default(),
            rate_limit: RateLimit::default(),
            retry: RetryPolicy::default(),
            scope: Scope::default(),
            mistake: None,
            kept: Kept::default(),
        }
    }

    /// The settings that the environment describes, to be changed further.
    ///
    /// # Errors
    /// As [`Client::from_env`].
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<Self> {
        let read = |name: &str| match variable(name).map(|value| value.into_string()) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(Error::configuration(format!("{name} is not valid UTF-8"))),
        };
        let Some(token) = read(TOKEN_VARIABLE)? else {
            return Err(Error::configuration(format!(
                "{TOKEN_VARIABLE} is not set: make an access token under \"Your tokens\" on the \
                 Platform and set the variable to it"
            )));
        };
        let mut builder = Self::new(token.into());
        builder.token_setting = TOKEN_VARIABLE;
        // Scripts set a variable to nothing to unset it.
        if let Some(endpoint) = read(ENDPOINT_VARIABLE)?.filter(|endpoint| !endpoint.is_empty()) {
            builder.endpoint = endpoint;
            builder.endpoint_setting = ENDPOINT_VARIABLE;
        }
        if let Some(workspace) = read(WORKSPACE_VARIABLE)?.filter(|text| !text.is_empty()) {
            builder.scope = Scope::of_text(&workspace);
        }
        Ok(builder)
    }

    /// The address of the API: `https://host/api` for most self-hosted servers, sometimes
    /// `https://api.host`. It is used as it is, without trailing slashes. Default: Seqera Cloud,
    /// `https://api.cloud.seqera.io`.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = endpoint.into();
        self.endpoint_setting = "the endpoint";
        self
    }

    /// Allows an `http://` endpoint on another machine, to which the token goes in the clear.
    /// On this machine (loopback) it is always allowed.
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// The version of the API, sent as `Accept-Version`. Default 1.
    pub fn accept_version(mut self, version: u32) -> Self {
        self.accept_version = version;
        self
    }

    /// The name of your program, such as `lab-dashboard/2.1`, put before this crate's in the user
    /// agent.
    pub fn user_agent(mut self, program: impl Into<String>) -> Self {
        self.user_agent = Some(program.into());
        self
    }

    /// The longest time in which nothing moves: no part of the body leaves, and none of the reply
    /// arrives. Default 60 s; `Duration::MAX` turns it off. There is no limit to the time that an
    /// upload or a download takes as a whole; for other calls see [`call_timeout`](Self::call_timeout).
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// The longest time that a call may take as a whole, whose reply is held in memory: all its
    /// attempts, without the waits for the rate limit. Default 10 minutes; `Duration::MAX` turns it
    /// off. It holds for no download and for nothing else that comes as a stream; where a file is
    /// sent, for its reply alone.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.bounds.time = timeout;
        self
    }

    /// The largest reply that is held in memory, in bytes, unpacked. Default 256 MiB; a larger one is
    /// an error. Downloads and other streams may be of any size.
    pub fn largest_reply(mut self, bytes: u64) -> Self {
        self.bounds.bytes = bytes;
        self
    }

    /// Sends a header with each call to the API, unless the call sets it itself. The crate's own,
    /// such as `Authorization`, stay as they are. For presigned URLs of the storage it is not sent.
    pub fn default_header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let wire = HeaderName::from_bytes(name.as_ref().as_bytes());
        match (wire, HeaderValue::from_str(value.as_ref())) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.complain(format!("`{}` can't be sent as a header", name.as_ref())),
        }
        self
    }

    /// Calls this before each attempt of each call to the API, to add headers or to count. It must
    /// not block.
    ///
    /// ```
    /// # fn traceparent() -> reqwest::header::HeaderValue { reqwest::header::HeaderValue::from_static("x") }
    /// # use seqera::reqwest;
    /// let builder = seqera::Client::builder("eyJ0aWQiOiAxfQ==").on_request(|request| {
    ///     request.headers_mut().insert("traceparent", traceparent());
    /// });
    /// ```
    pub fn on_request(
        mut self,
        hook: impl Fn(&mut OutgoingRequest<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.before.push(Arc::new(hook));
        self
    }

    /// Calls this with each reply of the API, of every attempt and whatever its status, before its
    /// body is read. It must not block.
    pub fn on_reply(mut self, hook: impl Fn(&IncomingReply<'_>) + Send + Sync + 'static) -> Self {
        self.hooks.after.push(Arc::new(hook));
        self
    }

    /// Decides which failures are worth another attempt: `Some(true)` or `Some(false)`, or `None`
    /// for the usual decision. The retry policy's number and times hold all the same; and a call
    /// that may do harm twice is sent again only where the server surely did not process it.
    ///
    /// ```
    /// let builder = seqera::Client::builder("eyJ0aWQiOiAxfQ==").retry_if(|error| {
    ///     // A gateway of ours answers so while it restarts.
    ///     (error.status()?.as_u16() == 500).then_some(true)
    /// });
    /// ```
    pub fn retry_if(
        mut self,
        decide: impl Fn(&Error) -> Option<bool> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.classify = Some(Arc::new(decide));
        self
    }

    /// Notes the first setting that can't be used.
    pub(crate) fn complain(&mut self, mistake: impl Into<String>) {
        self.mistake.get_or_insert(mistake.into());
    }

    /// How many calls a second may start. Default: the Platform's limit of 20 for a token.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = limit;
        self
    }

    /// How failed calls are tried again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    /// A setting can't be used; the error says which, and what to do.
    pub fn build(self) -> Result<Client> {
        if let Some(mistake) = self.mistake {
            return Err(Error::configuration(mistake));
        }
        let token = self.token.read()?;
        let authorization = self.authorization(&token)?;
        let endpoint = self.checked_endpoint()?;
        let user_agent = match &self.user_agent {
            Some(program) => HeaderValue::from_str(&format!("{program} {USER_AGENT}"))
                .map_err(|_| Error::configuration("the user agent can't be sent as a header"))?,
            None => HeaderValue::from_static(USER_AGENT),
        };
        let idle = self.http.own.is_none().then_some(self.read_timeout);
        let clients = Arc::new(Clients::new(self.http)?);
        // Now, so that what is wrong with a setting is said here.
        let http = clients.get(&endpoint, Use::Call)?.clone();
        let baseurl = endpoint.as_str().trim_end_matches('/').to_owned();
        let mut kept = self.kept;
        for set_up in crate::FEATURES {
            set_up(&mut kept);
        }
        if let Scope::Name(name) = &self.scope
            && kept.get::<FindWorkspace>().is_none()
        {
            return Err(no_look_up(name));
        }
        let shared = Shared {
            storage: Storage::new(clients.clone(), self.read_timeout, user_agent.clone()),
            clients,
            http,
            bounds: self.bounds,
            limiter: Limiter::shared(&token, &baseurl, self.rate_limit),
            endpoint,
            token,
            authorization,
            accept_version: HeaderValue::from(self.accept_version),
            user_agent,
            headers: self.headers,
            hooks: self.hooks,
            idle,
            kept,
        };
        Ok(Client::of(Transport::new(shared, self.retry, self.scope)))
    }

    fn authorization(&self, token: &str) -> Result<HeaderValue> {
        let setting = self.token_setting;
        let complain = |what: &str| Err(Error::configuration(format!("{setting} {what}")));
        if token.trim().is_empty() {
            return complain(
                "is empty: set it to a token made under \"Your tokens\" on the Platform",
            );
        }
        if token.contains(['\n', '\r']) {
            return complain(
                "contains a line break: copy the token as one line, with nothing after it",
            );
        }
        if token.contains(['"', '\'', '`']) {
            return complain(
                "contains quotes, which no token has: remove them (a file of variables that no \
                 shell reads keeps them)",
            );
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return complain(
                "contains characters that no token has, such as spaces: copy it again",
            );
        }
        let Ok(mut header) = HeaderValue::from_str(&format!("Bearer {token}")) else {
            return complain("can't be sent as a header: copy it again");
        };
        header.set_sensitive(true);
        Ok(header)
    }

    fn checked_endpoint(&self) -> Result<Url> {
        let setting = self.endpoint_setting;
        let complain = |what: &str| Err(Error::configuration(format!("{setting} {what}")));
        let url = match Url::parse(self.endpoint.trim()) {
            Ok(url) if url.has_host() && matches!(url.scheme(), "https" | "http") => url,
            // Not repeated: variables that were mixed up would show the token.
            _ => {
                return complain(
                    "is not a URL such as https://api.cloud.seqera.io or \
                     https://seqera.example.com/api",
                );
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return complain("contains a user name or password: remove it");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return complain("contains `?` or `#`: give the address of the API alone");
        }
        if needs_tls(
            &url,
            cfg!(any(feature = "rustls-no-provider", feature = "native-tls")),
        ) && self.http.own.is_none()
        {
            return complain(
                "is `https://`, which needs TLS: enable the feature `rustls` or `native-tls` of \
                 this crate, or give an HTTP client of your own",
            );
        }
        if url.scheme() == "http" && !self.allow_http && !is_loopback(&url) {
            return complain(
                "is not encrypted (http), and the token would be readable on the way: use https, \
                 or allow it with `.allow_http(true)`",
            );
        }
        Ok(url)
    }
}

/// The workspace that the environment names.
pub(crate) fn workspace_of_environment() -> Result<String> {
    workspace_of(std::env::var(WORKSPACE_VARIABLE).ok())
}

fn workspace_of(variable: Option<String>) -> Result<String> {
    match variable {
        Some(workspace) if !workspace.is_empty() => Ok(workspace),
        _ => Err(Error::configuration(format!(
            "{WORKSPACE_VARIABLE} is not set: set it to the id of a workspace, or to \
             organization/workspace"
        ))),
    }
}

fn needs_tls(url: &Url, is_there: bool) -> bool {
    url.scheme() == "https" && !is_there
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("token", &self.token)
            .field("endpoint", &self.endpoint)
            .field("rate_limit", &self.rate_limit)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn at(endpoint: &str) -> Result<String> {
        Client::builder("t0ken")
            .endpoint(endpoint)
            .build()
            .map(|client| client.baseurl)
    }

    fn from(variables: &[(&str, &str)]) -> Result<Client> {
        ClientBuilder::from_variables(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).into())
        })?
        .build()
    }

    #[test]
    fn endpoints_are_used_as_they_are_without_trailing_slashes() {
        let table = [
            ("https://api.cloud.seqera.io", "https://api.cloud.seqera.io"),
            (
                "https://api.cloud.seqera.io/",
                "https://api.cloud.seqera.io",
            ),
            (
                "https://seqera.example.com/api",
                "https://seqera.example.com/api",
            ),
            (
                "https://seqera.example.com/api//",
                "https://seqera.example.com/api",
            ),
            (
                "https://seqera.example.com:8443/a/b/",
                "https://seqera.example.com:8443/a/b",
            ),
            ("http://localhost:8080/api", "http://localhost:8080/api"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
            ("http://[::1]:1", "http://[::1]:1"),
        ];
        for (endpoint, expected) in table {
            assert_eq!(at(endpoint).unwrap(), expected);
        }
        let plain = Client::builder("t0ken")
            .endpoint("http://10.0.0.7")
            .allow_http(true)
            .build();
        assert_eq!(plain.unwrap().baseurl, "http://10.0.0.7");
        assert_eq!(Client::builder("t0ken").build().unwrap().baseurl, CLOUD);
    }

    #[test]
    fn endpoints_that_can_not_be_used_say_what_to_do() {
        let table = [
            ("", "is not a URL such as"),
            ("seqera.example.com/api", "is not a URL such as"),
            ("localhost:8080", "is not a URL such as"),
            ("ftp://seqera.example.com", "is not a URL such as"),
            ("https://", "is not a URL such as"),
            ("http://seqera.example.com", "use https, or allow it"),
            ("http://localhost.example.com", "use https, or allow it"),
            ("http://seqera.localhost", "use https, or allow it"),
            (
                "https://u:s3cret@seqera.example.com",
                "user name or password",
            ),
            (
                "https://seqera.example.com/?a=b",
                "give the address of the API alone",
            ),
        ];
        for (endpoint, expected) in table {
            let error = at(endpoint).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            let text = error.to_string();
            assert!(
                text.starts_with("the endpoint ") && text.contains(expected),
                "{text}"
            );
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn https_is_refused_where_there_is_no_tls() {
        let of = |url: &str, is_there| needs_tls(&Url::parse(url).unwrap(), is_there);
        assert!(of("https://seqera.example.com", false));
        assert!(!of("https://seqera.example.com", true));
        assert!(!of("http://localhost", false));
    }

    #[test]
    fn tokens_that_can_not_be_used_say_what_to_do_and_show_nothing() {
        let table = [
            ("", "is empty"),
            ("  ", "is empty"),
            ("s3cret\n", "line break"),
            ("s3cret\r\nmore", "line break"),
            ("s3cret more", "characters that no token has"),
            ("s3cretß", "characters that no token has"),
            ("\"s3cret\"", "contains quotes, which no token has"),
            ("'s3cret'", "contains quotes, which no token has"),
        ];
        for (token, expected) in table {
            let text = Client::builder(token).build().unwrap_err().to_string();
            assert!(
                text.starts_with("the access token ") && text.contains(expected),
                "{text}"
            );
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn the_environment_is_read_and_named() {
        let client = from(&[
            (TOKEN_VARIABLE, "t0ken"),
            (ENDPOINT_VARIABLE, "https://seqera.example.com/api/"),
        ]);
        assert_eq!(client.unwrap().baseurl, "https://seqera.example.com/api");
        let client = from(&[(TOKEN_VARIABLE, "t0ken"), (ENDPOINT_VARIABLE, "")]);
        assert_eq!(client.unwrap().baseurl, CLOUD);

        let scope = |workspace| {
            let client = from(&[(TOKEN_VARIABLE, "t0ken"), (WORKSPACE_VARIABLE, workspace)]);
            client.map(|client| client.inner.scope)
        };
        assert_eq!(scope("").unwrap(), Scope::Personal);
        assert_eq!(scope("42").unwrap(), Scope::Id(42));
        match cfg!(feature = "names") {
            true => assert_eq!(scope("acme/lab").unwrap(), Scope::Name("acme/lab".into())),
            false => assert!(scope("acme/lab").unwrap_err().message().contains("feature")),
        }

        let text = |variables| from(variables).unwrap_err().to_string();
        assert!(text(&[]).starts_with("TOWER_ACCESS_TOKEN is not set"));
        assert!(text(&[(TOKEN_VARIABLE, "")]).starts_with("TOWER_ACCESS_TOKEN is empty"));
        assert!(
            text(&[(TOKEN_VARIABLE, "t"), (ENDPOINT_VARIABLE, "x")])
                .starts_with("TOWER_API_ENDPOINT is not a URL")
        );
    }

    #[test]
    fn the_workspace_of_the_environment_is_there_or_missed() {
        assert_eq!(workspace_of(Some("acme/lab".into())).unwrap(), "acme/lab");
        for nothing in [None, Some(String::new())] {
            let error = workspace_of(nothing).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.message().starts_with("TOWER_WORKSPACE_ID is not set"));
        }
    }

    #[test]
    fn the_token_is_in_no_debug_output() {
        let builder = Client::builder("t0ken-s3cret");
        let client = builder.clone().build().unwrap();
        for text in [
            format!("{builder:?}"),
            format!("{client:?}"),
            format!("{:?}", client.inner.clone()),
        ] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    #[test]
    fn root_certificates_must_be_pem() {
        for pem in [
            "",
            "nonsense",
            "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----",
        ] {
            let error = Client::builder("t")
                .root_certificates(pem)
                .build()
                .unwrap_err();
            assert!(error.to_string().contains("PEM"), "{error}");
        }
        let own = Client::builder("t")
            .root_certificates("x")
            .http_client(reqwest::Client::new());
        assert!(
            own.build()
                .unwrap_err()
                .to_string()
                .contains("own HTTP client")
        );
    }
}
