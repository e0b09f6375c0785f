//! What a call comes to: the value of its reply, with status and headers where they are asked for.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::request::Fetched;
use crate::Result;

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
