//! Typed mocks of every operation, for the tests of programs that use this crate. Feature `mock`.
//!
//! [`MockApi::start`] gives a server on loopback and a [`client`](MockApi::client) of it, which waits
//! for nothing but what a 429 asks for. Each operation is a method that takes a closure: `when` says which calls are meant,
//! with the setters of the operation itself, and `then` says what they are answered, with a method
//! for each status that the operation declares.
//!
//! ```
//! use seqera::mock::MockApi;
//! use seqera::prelude::*;
//! use seqera::types;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> seqera::Result<()> {
//! let api = MockApi::start().await;
//! let page = types::ListWorkflowsResponse::new().workflows([]).total_size(0);
//! let listing = api
//!     .list_workflows(|when, then| {
//!         when.workspace_id(42).search("rnaseq");
//!         then.ok(page)
//!     })
//!     .await;
//!
//! let client = api.client();
//! let runs = client.list_workflows().workspace_id(42).search("rnaseq").send().await?;
//! assert_eq!(runs.total_size, Some(0));
//! listing.assert();
//!
//! // A call that nothing was said about is refused, and the error tells it apart.
//! let error = client.list_workflows().workspace_id(7).send().await.unwrap_err();
//! assert!(error.message().starts_with("unexpected call: list_workflows with workspaceId=7"));
//! # Ok(())
//! # }
//! ```
//!
//! A mock is [`httpmock`]'s: it counts its calls, and the earliest of several that fit is the one
//! that answers.
//!
//! Replies in a chain are given in turn, the last one from then on:
//!
//! ```
//! # use seqera::mock::MockApi;
//! # use seqera::prelude::*;
//! # use seqera::types::{DescribeWorkflowResponse, WorkflowDetails};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> seqera::Result<()> {
//! # let api = MockApi::start().await;
//! let at = |status| {
//!     let run = WorkflowDetails::new().id("4rnaseq").status(status);
//!     DescribeWorkflowResponse::new().workflow(run)
//! };
//! let polls = api.describe_workflow(|when, then| {
//!     when.workflow_id("4rnaseq");
//!     then.ok(at("SUBMITTED")).error(502, "Bad gateway").times(2).ok(at("SUCCEEDED"))
//! });
//! let polls = polls.await;
//! # #[cfg(feature = "runs")]
//! # {
//! # use std::time::Duration;
//! # let pace = seqera::runs::Pace::between(Duration::ZERO, Duration::ZERO);
//! assert!(api.client().run("4rnaseq").wait().pace(pace).await?.succeeded());
//! assert_eq!(polls.calls(), 4);
//! # }
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use httpmock::{HttpMockRequest, HttpMockResponse, Mock, MockServer, Then, When};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::json;

use crate::generated::Client;
use crate::transport::target::Operation;
use crate::{ClientBuilder, RateLimit, RetryPolicy};

pub use httpmock;
pub use operations::{then, when};

/// A server that answers what a test tells it to.
///
/// An operation's method registers a mock of it. Calls that no mock fits are answered 501 with a
/// text that says what was called and what was mocked; [`unexpected`](Self::unexpected) lists them.
pub struct MockApi {
    server: MockServer,
    /// Of this one alone: servers are used again, and waits after a 429 belong to the token.
    token: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What was mocked, for people.
    mocked: Vec<String>,
    /// What was called though nothing fits it, for people.
    unexpected: Vec<String>,
    /// The mock that answers those. The server asks its mocks in order, so that it must be the last.
    catch_all: Option<usize>,
}

impl MockApi {
    /// Starts a server on loopback, without mocks.
    pub async fn start() -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(1);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let api = Self {
            server: MockServer::start_async().await,
            token: format!("mock-token-{number}"),
            state: Arc::default(),
        };
        api.catch_the_rest().await;
        api
    }

    /// A client of this server, as [`builder`](Self::builder) has it.
    ///
    /// # Panics
    /// Where the system can't provide an HTTP client, as a test should.
    #[expect(
        clippy::expect_used,
        reason = "a test that can't have its client has failed"
    )]
    pub fn client(&self) -> Client {
        self.builder().build().expect("an HTTP client")
    }

    /// Settings of a client of this server: a token that is none, no rate limit, and no waits
    /// before retries. A test may change them.
    ///
    /// A 429 holds up this client as any other: for the time that it states, and where it states
    /// none and ends a call, the next calls for a second.
    pub fn builder(&self) -> ClientBuilder {
        Client::builder(self.token.as_str())
            .endpoint(self.endpoint())
            .rate_limit(RateLimit::unlimited())
            .retry(RetryPolicy::default().base_backoff(Duration::ZERO))
    }

    /// Where the server listens.
    pub fn endpoint(&self) -> String {
        self.server.base_url()
    }

    /// Mocks any call, as [`MockServer::mock`] does: for endpoints newer than the schema. The name
    /// is for the text about calls that were not expected.
    pub async fn other<R>(&self, name: &str, describe: impl FnOnce(When, Then) -> R) -> Mock<'_> {
        let mock = self.server.mock_async(|when, then| {
            describe(when, then);
        });
        let mock = mock.await;
        lock(&self.state).mocked.push(name.to_owned());
        self.catch_the_rest().await;
        mock
    }

    /// The calls that no mock fits, so far, in order.
    pub fn unexpected(&self) -> Vec<String> {
        lock(&self.state).unexpected.clone()
    }

    async fn operation(
        &self,
        operation: &'static Operation,
        describe: impl FnOnce(Conditions, Answer),
    ) -> Mock<'_> {
        let said = Arc::new(Mutex::new(Vec::new()));
        let is_void = Arc::new(AtomicBool::new(false));
        let mock = self.server.mock_async(|when, then| {
            let void = is_void.clone();
            let when = when
                .method(operation.method.as_str())
                .is_true(move |call| !void.load(Ordering::Relaxed) && is_call_of(call, operation));
            let conditions = Conditions {
                when,
                operation,
                said: said.clone(),
            };
            let answer = Answer {
                then,
                turns: Vec::new(),
                is_void,
            };
            describe(conditions, answer);
        });
        let mock = mock.await;
        let name = sentence(operation.name, &lock(&said));
        lock(&self.state).mocked.push(name);
        self.catch_the_rest().await;
        mock
    }

    /// Moves the mock of unexpected calls behind all others.
    async fn catch_the_rest(&self) {
        let state = self.state.clone();
        let mock = self.server.mock_async(|when, then| {
            when.any_request();
            then.respond_with(move |call| refuse(call, &state));
        });
        let id = mock.await.id();
        let former = lock(&self.state).catch_all.replace(id);
        if let Some(former) = former {
            Mock::new(former, &self.server).delete_async().await;
        }
    }
}

impl fmt::Debug for MockApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockApi")
            .field("endpoint", &self.endpoint())
            .field("mocked", &lock(&self.state).mocked)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers a call that no mock fits.
fn refuse(call: &HttpMockRequest, state: &Mutex<State>) -> HttpMockResponse {
    let mut state = lock(state);
    let called = description(call);
    let mut text = format!("unexpected call: {called}. ");
    match state.mocked.as_slice() {
        [] => text.push_str("Nothing is mocked."),
        mocked => {
            let _ = write!(text, "Mocked: {}.", mocked.join("; "));
        }
    }
    tracing::error!("{text}");
    state.unexpected.push(called);
    HttpMockResponse::builder()
        .status(501)
        .header("Content-Type", "application/json")
        .body(json!({ "message": text }).to_string())
        .build()
}

/// `list_workflows with search=x, max=10`.
fn sentence(name: &str, conditions: &[String]) -> String {
    if conditions.is_empty() {
        return name.to_owned();
    }
    format!("{name} with {}", conditions.join(", "))
}

/// A call in the words in which mocks are described.
fn description(call: &HttpMockRequest) -> String {
    let uri = call.uri();
    let mut said = Vec::new();
    let name = match identify(call.method_str(), uri.path()) {
        Some((operation, parameters)) => {
            said.extend(
                parameters
                    .iter()
                    .map(|(wire, value)| condition(wire, value)),
            );
            operation.name.to_owned()
        }
        None => format!("{} {}", call.method_str(), uri.path()),
    };
    let query = call.query_params();
    said.extend(query.iter().map(|(wire, value)| condition(wire, value)));
    let body = call.body_ref();
    if !body.is_empty() {
        said.push(condition("body", &excerpt(body)));
    }
    sentence(&name, &said)
}

fn condition(wire: &str, value: &str) -> String {
    format!("{wire}={value}")
}

/// What of a body a message shows.
fn excerpt(body: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(body);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

type PathParameters = Vec<(&'static str, String)>;

/// The operation of a method and a path, and the values in the path: of several that fit, the one
/// whose path is the most literal.
fn identify(method: &str, path: &str) -> Option<(&'static Operation, PathParameters)> {
    operations::OPERATIONS
        .iter()
        .filter(|operation| operation.method == method)
        .filter_map(|operation| Some((*operation, read_path(operation, path)?)))
        .min_by_key(|(operation, parameters)| (operation.path_like.len(), parameters.len()))
}

fn is_call_of(call: &HttpMockRequest, operation: &Operation) -> bool {
    identify(call.method_str(), call.uri().path())
        .is_some_and(|(found, _)| found.id == operation.id)
}

/// The values of the parameters in a path, if it is one of the operation's.
fn read_path(operation: &'static Operation, path: &str) -> Option<PathParameters> {
    let mut values = Vec::new();
    let mut rest = Some(path.strip_prefix('/')?);
    for segment in operation.path.strip_prefix('/')?.split('/') {
        let here = rest?;
        let parameter = segment
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'));
        let swallows_rest = parameter.is_some_and(|name| operation.path_like.contains(&name));
        let (value, tail) = match here.split_once('/') {
            Some((value, tail)) if !swallows_rest => (value, Some(tail)),
            _ => (here, None),
        };
        match parameter {
            Some(_) if value.is_empty() => return None,
            Some(name) => {
                let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
                values.push((name, value));
            }
            None if value != segment => return None,
            None => {}
        }
        rest = tail;
    }
    rest.is_none().then_some(values)
}

/// Which calls a mock is meant for, as the `when` of each operation fills it in.
struct Conditions {
    when: When,
    operation: &'static Operation,
    /// The conditions in words.
    said: Arc<Mutex<Vec<String>>>,
}

impl Conditions {
    fn say(&self, text: String) {
        lock(&self.said).push(text);
    }

    fn require(mut self, change: impl FnOnce(When) -> When) -> Self {
        self.when = change(self.when);
        self
    }

    /// A condition on an optional value; one that can't be sent is met by no call.
    fn on<T: fmt::Display>(
        self,
        wire: &'static str,
        value: Result<Option<T>, String>,
        is: impl FnOnce(When, String) -> When,
        is_missing: impl FnOnce(When) -> When,
    ) -> Self {
        match value {
            Ok(Some(value)) => {
                let value = value.to_string();
                self.say(condition(wire, &value));
                self.require(|when| is(when, value))
            }
            Ok(None) => {
                self.say(format!("no {wire}"));
                self.require(is_missing)
            }
            Err(problem) => {
                self.say(format!("{wire} that {problem}"));
                self.require(|when| when.is_true(|_| false))
            }
        }
    }

    fn path<T: fmt::Display>(self, wire: &'static str, value: Result<Option<T>, String>) -> Self {
        let operation = self.operation;
        let is = |when: When, value: String| {
            when.is_true(move |call| {
                read_path(operation, call.uri().path())
                    .is_some_and(|values| values.contains(&(wire, value.clone())))
            })
        };
        self.on(wire, value, is, |when| when)
    }

    fn query<T: fmt::Display>(self, wire: &'static str, value: Result<Option<T>, String>) -> Self {
        let is = |when: When, value| when.query_param(wire, value);
        self.on(wire, value, is, |when| when.query_param_missing(wire))
    }

    fn header<T: fmt::Display>(self, wire: &'static str, value: Result<Option<T>, String>) -> Self {
        let is = |when: When, value| when.header(wire, value);
        self.on(wire, value, is, |when| when.header_missing(wire))
    }

    fn query_joined(self, wire: &'static str, values: impl Iterator<Item: ToString>) -> Self {
        let values: Vec<_> = values.map(|value| value.to_string()).collect();
        self.query(wire, Ok(Some(values.join(","))))
    }

    /// The same values in the same order.
    fn query_repeated(self, wire: &'static str, values: impl Iterator<Item: ToString>) -> Self {
        let values: Vec<_> = values.map(|value| value.to_string()).collect();
        values
            .iter()
            .for_each(|value| self.say(condition(wire, value)));
        self.require(|when| {
            when.is_true(move |call| {
                let query = call.query_params();
                let sent = query.iter().filter(|(name, _)| name == wire);
                sent.map(|(_, value)| value).eq(&values)
            })
        })
    }

    fn json<T: Serialize>(self, body: &T) -> Self {
        match serde_json::to_value(body) {
            Ok(body) => {
                self.say(condition("body", &excerpt(body.to_string().as_bytes())));
                self.require(|when| {
                    when.is_true(move |call| {
                        serde_json::from_slice(call.body_ref())
                            .is_ok_and(|sent: serde_json::Value| sent == body)
                    })
                })
            }
            Err(problem) => self.on(
                "body",
                Err::<Option<String>, _>(problem.to_string()),
                |when, _| when,
                |when| when,
            ),
        }
    }

    fn part(self, wire: &'static str, content: &[u8]) -> Self {
        self.say(format!("a part {wire}={}", excerpt(content)));
        let content = content.to_vec();
        self.require(|when| {
            when.is_true(move |call| part_of_form(call.body_ref(), wire) == Some(&content))
        })
    }
}

/// The content of a part of a `multipart/form-data` body, whose first line is the boundary.
fn part_of_form<'a>(body: &'a [u8], wire: &str) -> Option<&'a [u8]> {
    let boundary = &body[..find(body, b"\r\n")?];
    let name = format!("name=\"{wire}\"");
    let mut rest = body;
    loop {
        rest = rest.strip_prefix(boundary)?.strip_prefix(b"\r\n")?;
        let (head, content) = rest.split_at(find(rest, b"\r\n\r\n")?);
        let content = &content[4..];
        let end = find(content, &[b"\r\n", boundary].concat())?;
        if find(head, name.as_bytes()).is_some() {
            return Some(&content[..end]);
        }
        rest = &content[end + 2..];
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// What mocked calls are answered, as the `then` of each operation fills it in.
struct Answer {
    then: Then,
    /// The replies in turn.
    turns: Vec<HttpMockResponse>,
    /// Whether `times(0)` took all of them away, so that no call is meant.
    is_void: Arc<AtomicBool>,
}

impl Answer {
    /// The first reply is given as a fixed one, to which a test may add.
    fn reply(mut self, status: u16, header: Option<(&str, &str)>, body: Option<&[u8]>) -> Self {
        let mut response = HttpMockResponse::builder().status(status);
        if let Some((name, value)) = header {
            response = response.header(name, value);
        }
        if let Some(body) = body {
            response = response.body(body.to_vec());
        }
        let last = response.build();
        let earlier = self.turns.clone();
        self.turns.push(last.clone());
        let was_void = self.is_void.swap(false, Ordering::Relaxed);
        self.then = if was_void || !earlier.is_empty() {
            let next = AtomicUsize::new(0);
            self.then.up_to_n_times(usize::MAX).respond_with(move |_| {
                let number = next.fetch_add(1, Ordering::Relaxed);
                earlier.get(number).unwrap_or(&last).clone()
            })
        } else {
            let then = self.then.status(status);
            let then = match header {
                Some((name, value)) => then.header(name, value),
                None => then,
            };
            match body {
                Some(body) => then.body(body),
                None => then,
            }
        };
        self
    }

    fn times(mut self, times: usize) -> Self {
        if let Some(last) = self.turns.pop() {
            let all = self.turns.len() + times;
            self.turns.resize(all, last);
            self.is_void.store(all == 0, Ordering::Relaxed);
            self.then = self.then.up_to_n_times(all.max(1));
        }
        self
    }

    fn json<T: Serialize + ?Sized>(self, status: u16, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => self.content(status, "application/json", &body),
            Err(problem) => self.error(500, problem.to_string()),
        }
    }

    fn content(self, status: u16, media_type: &str, content: &[u8]) -> Self {
        self.reply(status, Some(("Content-Type", media_type)), Some(content))
    }

    fn bytes(self, status: u16, content: &[u8]) -> Self {
        self.content(status, "application/octet-stream", content)
    }

    fn empty(self, status: u16) -> Self {
        self.reply(status, None, None)
    }

    fn error(self, status: u16, body: impl ErrorBody) -> Self {
        self.json(status, &body.into_json())
    }

    // Older versions of the API have no operation that answers so.
    #[allow(dead_code)]
    fn redirect(self, status: u16, location: &str) -> Self {
        self.reply(status, Some(("Location", location)), None)
    }
}

/// What the body of an error is: text is the message of `{"message": …}`, a reference to anything
/// else is the whole body, such as a type that [`Error::details`](crate::Error::details) reads.
///
/// ```
/// # #[cfg(all(feature = "mock", feature = "launch"))]
/// # async fn example(api: seqera::mock::MockApi) {
/// let details = serde_json::json!({"message": "refused", "errors": [{"code": "revision"}]});
/// api.create_workflow_launch(|_, then| then.bad_request(&details)).await;
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the body of an error",
    label = "neither a text nor a reference",
    note = "give a text for its message, or a reference to the whole body"
)]
pub trait ErrorBody {
    #[doc(hidden)]
    fn into_json(self) -> serde_json::Value;
}

impl ErrorBody for &str {
    fn into_json(self) -> serde_json::Value {
        json!({ "message": self })
    }
}

impl ErrorBody for String {
    fn into_json(self) -> serde_json::Value {
        self.as_str().into_json()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> ErrorBody for &T {
    fn into_json(self) -> serde_json::Value {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(message)) => message.into_json(),
            Ok(body) => body,
            // As if the server had said nothing.
            Err(_) => serde_json::Value::Null,
        }
    }
}

/// What the `when` of every operation has.
macro_rules! conditions {
    ($name:ident) => {
        impl $name {
            /// Calls that meet a condition of [`httpmock`]'s as well.
            pub fn and(self, condition: impl FnOnce(When) -> When) -> Self {
                self.0.say("a condition of the test's".to_owned());
                Self(self.0.require(condition))
            }

            /// Calls with exactly this JSON as their body: for fields that the schema lacks.
            pub fn json(self, body: &impl Serialize) -> Self {
                Self(self.0.json(body))
            }
        }
    };
}

/// What the `then` of every operation has.
macro_rules! answers {
    ($name:ident) => {
        impl $name {
            /// Any status with any JSON body.
            pub fn json(self, status: u16, body: &(impl Serialize + ?Sized)) -> Self {
                Self(self.0.json(status, body))
            }

            /// Any status with any content, of this media type.
            pub fn content(
                self,
                status: u16,
                media_type: impl AsRef<str>,
                content: impl AsRef<[u8]>,
            ) -> Self {
                Self(
                    self.0
                        .content(status, media_type.as_ref(), content.as_ref()),
                )
            }

            /// Any status without a body.
            pub fn empty(self, status: u16) -> Self {
                Self(self.0.empty(status))
            }

            /// Any error, as the server words it: `{"message": …}`. The statuses that the schema
            /// does not declare and any call may meet are 401, 429 and 5xx.
            /// Details come as a value: see [`ErrorBody`].
            pub fn error(self, status: u16, body: impl ErrorBody) -> Self {
                Self(self.0.error(status, body))
            }

            /// The reply before this, for so many calls (0 leaves it out); then the reply that
            /// follows in the chain or, where none does, the next mock that fits.
            pub fn times(self, times: usize) -> Self {
                Self(self.0.times(times))
            }

            /// More of an answer, as [`httpmock`] has it: a delay or, to a single reply, headers.
            pub fn and(mut self, more: impl FnOnce(Then) -> Then) -> Self {
                self.0.then = more(self.0.then);
                self
            }
        }
    };
}

mod operations {
    #![allow(clippy::all, unused_imports)]

    use httpmock::{Mock, Then, When};
    use serde::Serialize;

    use super::{Answer, Conditions, ErrorBody, MockApi};
    use crate::generated::builder;
    use crate::transport::target::Operation;
    use crate::types;
    use crate::wire::argument::Argument;

    include!(concat!(env!("OUT_DIR"), "/mocks.rs"));
}
