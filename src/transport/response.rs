//! What a call comes to: the value of its reply, with status and headers where they are asked for.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use super::call::{Call, Reply};
use crate::error::body::{self, strip_bom};
use crate::transport::body::ByteStream;
use crate::wire::reread::{self, Unreadable};
use crate::{Error, Result};

/// A success: its status, its headers, and the value that it brought.
#[derive(Clone, Debug)]
pub struct Response<T> {
    status: StatusCode,
    headers: HeaderMap,
    value: T,
}

impl<T> Response<T> {
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, value: T) -> Self {
        Self {
            status,
            headers,
            value,
        }
    }

    /// The status: 200, 201, 204, …
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The value of the reply.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The value of the reply, to keep.
    pub fn into_value(self) -> T {
        self.value
    }

    /// The same success with what is made of its value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Response<U> {
        Response::new(self.status, self.headers, change(self.value))
    }
}

/// A success with its body, and the call that brought it.
pub(crate) struct Fetched {
    pub(super) call: Box<Call>,
    pub(super) reply: Reply<Bytes>,
}

impl Fetched {
    pub(crate) fn body(&self) -> &[u8] {
        &self.reply.body
    }

    pub(crate) fn parse<T: DeserializeOwned>(mut self) -> Result<Response<T>> {
        let text = strip_bom(self.body());
        let value = if text.trim_ascii().is_empty() {
            serde_json::from_slice(b"{}").or_else(|_| serde_json::from_slice(b"null"))
        } else {
            serde_json::from_slice(text)
        };
        let value = match value {
            Ok(value) => value,
            Err(_) => match reread::from_slice(text) {
                Ok(reread) => {
                    reread.warn(&self.call.target.name());
                    reread.value
                }
                Err(unreadable) => return Err(self.unreadable(&unreadable)),
            },
        };
        Ok(self.response_with(value))
    }

    /// A value with the status and the headers of what brought it.
    pub(super) fn response_with<T>(&mut self, value: T) -> Response<T> {
        let headers = std::mem::take(self.reply.response.headers_mut());
        Response::new(self.reply.response.status(), headers, value)
    }

    /// The content, as it arrives.
    pub(super) fn stream(mut self) -> Response<ByteStream> {
        let opened = self.response_with(());
        let (call, reply) = (self.call, self.reply);
        opened.map(|()| {
            ByteStream::new(
                call.target.name(),
                reply.attempts,
                reply.response,
                call.idle(),
                call.largest(),
            )
        })
    }

    #[cold]
    fn unreadable(self, unreadable: &Unreadable) -> Error {
        // Path and cause may quote the reply.
        let redact = |text: String| {
            let text = self.call.transport.redact(text.into());
            body::one_line(&String::from_utf8_lossy(&text))
        };
        unreadable
            .to_error("the reply", redact)
            .in_operation(self.call.target.name())
            .with_status(self.reply.response.status())
            .with_attempts(self.reply.attempts)
            .with_body(self.call.transport.redact(self.reply.body))
    }
}

/// A call on its way: the future of what it comes to. Nothing is sent before it is awaited, and a
/// call that is dropped is given up.
#[must_use = "nothing is sent until it is awaited"]
pub struct Sending<T> {
    fetching: BoxFuture<'static, Result<Fetched>>,
    read: fn(Fetched) -> Result<T>,
}

impl<T> Sending<T> {
    pub(crate) fn new(
        fetching: BoxFuture<'static, Result<Fetched>>,
        read: fn(Fetched) -> Result<T>,
    ) -> Self {
        Self { fetching, read }
    }
}

impl<T> Future for Sending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let fetched = ready!(self.fetching.poll_unpin(context));
        Poll::Ready(fetched.and_then(self.read))
    }
}

impl<T> fmt::Debug for Sending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

/// A builder that is awaited is sent.
#[allow(unused_macros, reason = "used by some features")]
macro_rules! awaited_is_sent {
    ($builder:ty => $value:ty) => {
        impl ::std::future::IntoFuture for $builder {
            type Output = $crate::Result<$value>;
            type IntoFuture = ::futures_util::future::BoxFuture<'static, Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    };
}

#[allow(unused_imports, reason = "used by some features")]
pub(crate) use awaited_is_sent;
