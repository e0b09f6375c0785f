//! Work beside a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::{Error, ErrorKind, Result};

/// Work that goes on while nobody polls the stream, and ends when it is dropped.
///
/// Were it polled with the stream instead, nothing would move while the stream's user is busy.
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<Result<T>> {
    pub(crate) fn spawn(work: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self(tokio::spawn(work.in_current_span()))
    }
}

impl<T> Future for Task<Result<T>> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let ended =
            |error| Error::new(ErrorKind::Io, "the task that made a call ended").caused_by(error);
        Pin::new(&mut self.0)
            .poll(context)
            .map(|done| done.unwrap_or_else(|error| Err(ended(error))))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
