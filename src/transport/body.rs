//! Replies that are bytes rather than JSON.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::transport::progress::{next_chunk, too_large};
use crate::{Error, Result};

/// A download: a stream of chunks, as they arrive.
///
/// Dropping it ends the download.
pub struct ByteStream {
    chunks: Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>,
    length: Option<u64>,
    /// What is held in memory at most.
    largest: u64,
}

impl ByteStream {
    pub(crate) fn new(
        operation: Cow<'static, str>,
        attempts: u32,
        reply: reqwest::Response,
        idle: Option<Duration>,
        largest: u64,
    ) -> Self {
        let (status, length) = (reply.status(), reply.content_length());
        let chunks = stream::try_unfold(reply, move |mut reply| async move {
            let chunk = next_chunk(&mut reply, idle).await?;
            Ok(chunk.map(|chunk| (chunk, reply)))
        });
        let chunks = chunks.map_err(move |error: Error| {
            error
                .in_operation(operation.clone())
                .with_status(status)
                .with_attempts(attempts)
        });
        Self {
            chunks: Box::pin(chunks),
            length,
            largest,
        }
    }

    /// The number of bytes, if the server has told it. It does not tell that of what it packs.
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// The next chunk, `None` after the last.
    ///
    /// # Errors
    /// The connection broke or stalled.
    pub async fn try_next(&mut self) -> Result<Option<Bytes>> {
        StreamExt::next(self).await.transpose()
    }

    /// The whole content in memory.
    ///
    /// # Errors
    /// The connection broke or stalled, or the content is larger than a client
    /// [holds in memory](crate::ClientBuilder::largest_reply).
    pub async fn bytes(mut self) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.try_next().await? {
            if (whole.len() + chunk.len()) as u64 > self.largest {
                return Err(too_large(self.largest));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Writes the content to a file or any other writer, and returns the number of bytes.
    ///
    /// # Errors
    /// The connection broke or stalled, or the writer failed.
    pub async fn write_to(mut self, writer: &mut (impl AsyncWrite + Unpin)) -> Result<u64> {
        let failed = |error| Error::io("the download could not be written", error);
        let mut written = 0;
        while let Some(chunk) = self.try_next().await? {
            writer.write_all(&chunk).await.map_err(failed)?;
            written += chunk.len() as u64;
        }
        writer.flush().await.map_err(failed)?;
        Ok(written)
    }
}

impl Stream for ByteStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.poll_next_unpin(context)
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteStream")
    }
}
