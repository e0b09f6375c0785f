//! A call of an operation that is known at run time.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::values::{is_it, quoted};
use super::{Body, BodyForm, Listing, Operation, Parameter, Place};
use crate::generated::Client;
use crate::paginate::{ItemStream, PageStream, Paged, Paging};
use crate::transport::body::ByteStream;
use crate::transport::multipart::{MultipartForm, Upload};
use crate::transport::request::Request;
use crate::transport::response::{Response, Sending};
use crate::transport::retry::RetryPolicy;
use crate::{Error, Result};

impl Client {
    /// A call of an operation that is known at run time, through the same transport as every other:
    /// see [`operations`](crate::operations).
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// use seqera::operations;
    /// use serde_json::{Value, json};
    ///
    /// let create = operations::find("CreateLabel").unwrap();
    /// let label: Value = client
    ///     .call(create)
    ///     .set("workspaceId", 42)?
    ///     .json(json!({ "name": "nightly" }))
    ///     .send()
    ///     .await?;
    /// println!("{}", label["id"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn call(&self, operation: &'static Operation) -> Call {
        let mut request = Request::new(&self.inner, operation.sent);
        request.set_by_name();
        Call {
            operation,
            request,
            body: None,
            content: None,
            form: MultipartForm::new(),
            unchecked: false,
        }
    }
}

/// A call made by [`Client::call`].
///
/// What is set is checked against the schema before anything is sent: names, types and allowed
/// values of parameters, and the required fields, types and allowed values of a body. Fields that
/// the schema does not know are sent as they are. A server that is newer may allow more:
/// [`unchecked`](Self::unchecked).
#[derive(Clone)]
#[must_use = "nothing happens until it is sent"]
pub struct Call {
    operation: &'static Operation,
    request: Request,
    body: Option<Value>,
    content: Option<Bytes>,
    form: MultipartForm,
    unchecked: bool,
}

impl Call {
    /// Sets a parameter, replacing an earlier value. The name may be written in any way:
    /// `workspaceId`, `workspace_id`, `workspace-id`; allowed values in any case.
    ///
    /// # Errors
    /// The operation has no such parameter, or it does not take the value. The error names what is
    /// near or allowed.
    pub fn set(self, name: &str, value: impl ToString) -> Result<Self> {
        self.set_all(name, [value])
    }

    /// Sets a parameter that takes several values, replacing earlier ones; without any it is left
    /// out.
    ///
    /// # Errors
    /// As [`set`](Self::set), or it takes one value only.
    pub fn set_all(
        mut self,
        name: &str,
        values: impl IntoIterator<Item: ToString>,
    ) -> Result<Self> {
        let mut values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        let Some(parameter) = self.operation.parameter(name) else {
            if self.unchecked {
                self.request.query_repeated(name.to_owned(), values);
                return Ok(self);
            }
            return Err(self.refuse(self.no_parameter(name)));
        };
        if !self.unchecked {
            for value in &mut values {
                let read = parameter.read(value);
                *value =
                    read.map_err(|wrong| self.refuse(format!("`{}` {wrong}", parameter.name)))?;
            }
        }
        match (parameter.list, values.len()) {
            (Some(super::List::Joined), _) => self.request.query_joined(parameter.name, values),
            (Some(super::List::Repeated), _) => self.request.query_repeated(parameter.name, values),
            (None, 0) => {}
            (None, 1) => self.put(parameter, values.swap_remove(0)),
            (None, count) => {
                let text = format!("`{}` takes one value, not {count}", parameter.name);
                return Err(self.refuse(text));
            }
        }
        Ok(self)
    }

    fn put(&mut self, parameter: &'static Parameter, value: String) {
        match parameter.place {
            Place::Path => self.request.path(parameter.name, value),
            Place::Query => self.request.query(parameter.name, value),
            Place::Header => self.request.header(parameter.name, value),
        }
    }

    fn no_parameter(&self, name: &str) -> String {
        let names = || self.operation.parameters.iter().map(|known| known.name);
        let near = is_it(name, names());
        match near.is_empty() {
            false => format!("there is no parameter `{name}`{near}"),
            true if self.operation.parameters.is_empty() => {
                format!("there is no parameter `{name}`: it takes none")
            }
            true => format!(
                "there is no parameter `{name}`: it takes {}",
                quoted(names())
            ),
        }
    }

    fn refuse(&self, text: String) -> Error {
        Error::invalid_request(self.operation.name, text)
    }

    /// Sets the body. Where files are set too, its fields become texts of the form.
    ///
    /// It is held against [its schema](super::Body::json_schema) when the call is sent.
    pub fn json(mut self, body: impl Serialize) -> Self {
        match serde_json::to_value(body) {
            Ok(body) => self.body = Some(body),
            Err(error) => {
                let text = format!("the body can't be written as JSON: {error}");
                self.request.fail(text);
            }
        }
        self
    }

    /// Sets the body of an operation that takes one that is no JSON.
    pub fn bytes(mut self, content: impl Into<Bytes>) -> Self {
        self.content = Some(content.into());
        self
    }

    /// Sets a part of a form that is a file. A file from a path is streamed from the disk as it is
    /// sent.
    ///
    /// # Errors
    /// The operation takes no such file.
    pub fn file(mut self, part: &str, file: impl Into<Upload>) -> Result<Self> {
        let files = self.operation.body.map_or(&[][..], |body| body.files);
        if !self.unchecked && !files.contains(&part) {
            let takes = match files {
                [] => "it takes no files".to_owned(),
                files => format!("it takes {}", quoted(files.iter().copied())),
            };
            return Err(self.refuse(format!("there is no file `{part}`: {takes}")));
        }
        self.form = self.form.file(part.to_owned(), file);
        Ok(self)
    }

    /// Sends what is set after this as it is, whatever the schema says of it, and parameters that it
    /// does not know as parameters of the query. For servers that are newer than the schema.
    pub fn unchecked(mut self) -> Self {
        self.unchecked = true;
        self
    }

    /// Sets the retry policy of this call alone.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.request.retry(policy);
        self
    }

    /// The request, with its body.
    fn prepare(mut self) -> Request {
        let filled = self.fill_in_body();
        self.request.fail_if(filled.err());
        self.request
    }

    fn fill_in_body(&mut self) -> Result<(), String> {
        let given = self.body.take();
        let Some(body) = &self.operation.body else {
            return match given {
                Some(given) if self.unchecked => {
                    self.request.json(&given);
                    Ok(())
                }
                Some(_) => Err("it takes no body".to_owned()),
                None => Ok(()),
            };
        };
        if let (Some(given), false) = (&given, self.unchecked) {
            body.check(given)?;
        }
        match body.form {
            BodyForm::Empty => {
                let given = given.unwrap_or_else(|| serde_json::json!({}));
                self.request.json(&given);
            }
            BodyForm::Bytes { media_type } => match (self.content.take(), given) {
                (Some(content), _) => self.request.bytes(media_type, content),
                (None, Some(_)) => return Err("its body is no JSON: call .bytes(..)".to_owned()),
                (None, None) => return missing(body, ".bytes(..)"),
            },
            BodyForm::Json => match given {
                Some(given) => self.request.json(&given),
                None => return missing(body, ".json(..)"),
            },
            BodyForm::JsonOrForm if self.form.is_empty() => {
                if let Some(given) = given {
                    self.request.json(&given);
                }
            }
            BodyForm::Form if self.form.is_empty() && !body.files.is_empty() => {
                let files = quoted(body.files.iter().copied());
                return Err(format!("a file is required: call .file(..) with {files}"));
            }
            BodyForm::Form | BodyForm::JsonOrForm => {
                let form = std::mem::take(&mut self.form);
                self.request.multipart(form.fields(&given));
            }
        }
        Ok(())
    }

    /// Sends the call and reads the reply's JSON as a type of yours, or as a
    /// [`serde_json::Value`]. An empty reply is an empty object.
    ///
    /// # Errors
    /// The call was refused before it was sent (see [`Call`]), it failed, or its reply does not fit
    /// the type.
    pub fn send<T: DeserializeOwned>(self) -> Sending<T> {
        self.prepare().send()
    }

    /// The same, with status and headers.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_with_response<T: DeserializeOwned>(self) -> Sending<Response<T>> {
        self.prepare().send_with_response()
    }

    /// Sends the call and ignores what a success says.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_empty(self) -> Sending<()> {
        self.prepare().send_empty()
    }

    /// The same, with status and headers.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_empty_with_response(self) -> Sending<Response<()>> {
        self.prepare().send_empty_with_response()
    }

    /// Sends the call and returns the reply's content as it arrives: a download.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_bytes(self) -> Sending<ByteStream> {
        self.prepare().send_bytes()
    }

    /// The same, with status and headers.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_bytes_with_response(self) -> Sending<Response<ByteStream>> {
        self.prepare().send_bytes_with_response()
    }

    /// All items of a list, page after page, as a stream. An operation that returns no list is
    /// refused before anything is sent.
    pub fn stream(self) -> ItemStream<Value> {
        ItemStream::new(self)
    }

    /// All items of a list, page after page, in memory.
    ///
    /// # Errors
    /// As [`send`](Self::send), or the operation returns no list.
    pub fn all(self) -> impl Future<Output = Result<Vec<Value>>> + Send {
        self.stream().all()
    }

    /// All pages of a list, as a stream. An operation that returns no list is refused before
    /// anything is sent.
    pub fn pages(self) -> PageStream<Self> {
        PageStream::new(self)
    }
}

fn missing(body: &Body, call: &str) -> Result<(), String> {
    match body.required {
        true => Err(format!("a body is required: call {call}")),
        false => Ok(()),
    }
}

impl Paged for Call {
    type Page = Value;
    type Item = Value;
    type Form = Option<&'static Listing>;

    fn paging(listing: Self::Form) -> Paging {
        listing.map_or(Paging::Whole, |listing| listing.by)
    }

    fn into_request(self) -> (Request, Self::Form) {
        let listing = self.operation.listing.as_ref();
        let mut request = self.prepare();
        if listing.is_none() {
            request.fail("it returns no list: call .send()".to_owned());
        }
        (request, listing)
    }

    fn items(listing: Self::Form, page: &mut Value) -> Vec<Value> {
        let Some(listing) = listing else {
            return Vec::new();
        };
        let holder = match listing.inside {
            Some(inside) => page.get_mut(inside),
            None => Some(page),
        };
        match holder.and_then(|holder| holder.get_mut(listing.items)) {
            Some(items) => match items.take() {
                Value::Array(items) => items,
                _ => Vec::new(),
            },
            None => Vec::new(),
        }
    }

    fn total(listing: Self::Form, page: &Value) -> Option<i64> {
        match listing?.member(page, |listing| listing.total)? {
            // Some servers count in text.
            Value::String(text) => text.parse().ok(),
            total => total.as_i64(),
        }
    }

    fn has_more(listing: Self::Form, page: &Value) -> Option<bool> {
        listing?.member(page, |listing| listing.has_more)?.as_bool()
    }

    fn cursor(listing: Self::Form, page: &Value) -> Option<String> {
        text(listing?.member(page, |listing| listing.cursor)?)
    }

    fn cursor_back(listing: Self::Form, page: &Value) -> Option<String> {
        text(listing?.member(page, |listing| listing.cursor_back)?)
    }

    fn id(listing: Self::Form, item: &Value) -> Option<String> {
        let way = listing?.id;
        let id = way.iter().try_fold(item, |value, step| value.get(step))?;
        match way {
            [] => None,
            _ => text(id),
        }
    }
}

impl Listing {
    fn member<'v>(
        &self,
        page: &'v Value,
        name: impl FnOnce(&Self) -> Option<&'static str>,
    ) -> Option<&'v Value> {
        let holder = match self.inside {
            Some(inside) => page.get(inside)?,
            None => page,
        };
        holder.get(name(self)?)
    }
}

/// Text or a number.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl fmt::Debug for Call {
    /// Names, not values: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
