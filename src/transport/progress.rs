//! Ends transfers in which nothing moves, and lets slow ones take the time that they need.
//!
//! The HTTP client's own read timeout runs while the request's body is being sent, and would cut off
//! an upload that is merely long.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::poll_immediate;
use http_body::{Frame, SizeHint};
use reqwest::{Body, Request, Response};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Error, ErrorKind, Result};

/// How much of a body counts as progress when it is taken for sending.
const PIECE: usize = 16 * 1024;

/// Replies that say they are longer grow their buffer as they come.
const LARGEST_RESERVATION: u64 = 4 * 1024 * 1024;

/// When a body that is being sent last moved.
#[derive(Clone)]
pub(super) struct Progress {
    begun: Instant,
    /// Milliseconds after it began.
    moved: Arc<AtomicU64>,
}

impl Progress {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            moved: Arc::default(),
        }
    }

    /// The progress of a request's body, if it has one that takes time.
    pub(super) fn of(request: &mut Request) -> Option<Self> {
        let body = request.body_mut();
        let length = body.as_ref()?.as_bytes().map(<[u8]>::len);
        if length.is_some_and(|length| length <= PIECE) {
            return None;
        }
        let progress = Self::new();
        *body = body.take().map(|body| progress.watched(body));
        Some(progress)
    }

    /// The body, noting its progress. It is handed out in small pieces: a long one that is in memory
    /// would otherwise be gone at once, with nothing to be seen of its sending.
    fn watched(&self, body: Body) -> Body {
        Body::wrap(Watched {
            body,
            rest: Bytes::new(),
            progress: self.clone(),
        })
    }

    fn note(&self) {
        let elapsed = self.begun.elapsed().as_millis() as u64;
        self.moved.store(elapsed, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }
}

/// Waits for a transfer, as long as there is progress at least once in `idle`, and until the bound of
/// the whole.
pub(super) async fn watch<T>(
    idle: Option<Duration>,
    bound: Option<Instant>,
    progress: Option<Progress>,
    mut transfer: impl Future<Output = T> + Unpin,
) -> Option<T> {
    let begun = Instant::now();
    // Too long for the clock is for ever.
    let idle = idle.filter(|idle| begun.checked_add(*idle).is_some());
    loop {
        let moved = progress.as_ref().map_or(begun, Progress::last);
        let silent = idle.map(|idle| moved + idle);
        let Some(deadline) = [silent, bound].into_iter().flatten().min() else {
            return Some(transfer.await);
        };
        if deadline <= Instant::now() && deadline > begun {
            return None;
        }
        if let Ok(output) = timeout_at(deadline, &mut transfer).await {
            return Some(output);
        }
        if deadline <= begun {
            return None;
        }
    }
}

struct Watched {
    body: Body,
    /// What the body gave and is not yet handed out.
    rest: Bytes,
    progress: Progress,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        self.progress.note();
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// The next part of a reply.
pub(crate) async fn next_chunk(
    reply: &mut Response,
    idle: Option<Duration>,
) -> Result<Option<Bytes>> {
    let chunk = {
        let mut next = pin!(reply.chunk());
        // Mostly it is there already, and no timer is needed.
        match (poll_immediate(&mut next).await, idle) {
            (Some(chunk), _) => Ok(chunk),
            (None, None) => Ok(next.await),
            (None, Some(idle)) => timeout(idle, next).await,
        }
    };
    match chunk {
        Ok(chunk) => chunk.map_err(|error| Error::from_reqwest(error, None)),
        Err(_) => Err(timed_out(reply.url().host_str())),
    }
}

/// All of a reply, if it is not larger than that when it is unpacked.
pub(super) async fn whole(
    reply: &mut Response,
    idle: Option<Duration>,
    largest: u64,
) -> Result<Bytes> {
    let length = reply.content_length().unwrap_or_default();
    let mut first = Bytes::new();
    let mut body = Vec::new();
    while let Some(chunk) = next_chunk(reply, idle).await? {
        if (first.len().max(body.len()) + chunk.len()) as u64 > largest {
            return Err(too_large(largest));
        }
        if first.is_empty() {
            first = chunk;
            continue;
        }
        if body.is_empty() {
            body.reserve(length.min(LARGEST_RESERVATION) as usize);
            body.extend_from_slice(&first);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(if body.is_empty() { first } else { body.into() })
}

/// More than may be held in memory.
pub(crate) fn too_large(largest: u64) -> Error {
    let text = format!(
        "the reply is larger than {largest} bytes, which is the most that is held in memory \
         (`largest_reply`)"
    );
    Error::new(ErrorKind::InvalidResponse, text)
}

/// A server that let nothing be heard for too long.
pub(super) fn timed_out(host: Option<&str>) -> Error {
    let host = host.unwrap_or("the server");
    Error::new(ErrorKind::Timeout, format!("{host} did not answer in time"))
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_transfer_may_take_long_but_not_stand_still() {
        let progress = Progress::new();
        let slow = pin!(async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                progress.note();
            }
        });
        let watched = watch(Some(IDLE), None, Some(progress.clone()), slow).await;
        assert!(watched.is_some());

        let progress = Progress::new();
        let begun = Instant::now();
        let stuck = pin!(async {
            tokio::time::sleep(Duration::from_secs(50)).await;
            progress.note();
            std::future::pending::<()>().await;
        });
        let watched = watch(Some(IDLE), None, Some(progress.clone()), stuck).await;
        assert!(watched.is_none());
        assert_eq!(begun.elapsed().as_secs(), 110);
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_may_be_bounded_too() {
        let progress = Progress::new();
        let begun = Instant::now();
        let moving = pin!(async {
            loop {
                tokio::time::sleep(Duration::from_secs(50)).await;
                progress.note();
            }
        });
        let bound = Some(begun + Duration::from_secs(200));
        let watched: Option<()> = watch(Some(IDLE), bound, Some(progress.clone()), moving).await;
        assert!(watched.is_none());
        assert_eq!(begun.elapsed().as_secs(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_time_is_for_ever() {
        let year = Duration::from_secs(365 * 24 * 3600);
        let slow = pin!(tokio::time::sleep(year));
        assert!(watch(Some(Duration::MAX), None, None, slow).await.is_some());
    }

    #[tokio::test]
    async fn a_long_body_is_handed_out_in_pieces_and_keeps_its_length() {
        let content: Vec<u8> = (0..5 * PIECE + 1).map(|number| number as u8).collect();
        let mut body = Progress::new().watched(Body::from(content.clone()));
        let mut left = content.len() as u64;
        let mut sent = Vec::new();
        assert_eq!(body.size_hint().exact(), Some(left));
        while let Some(frame) =
            std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
        {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE);
            left -= piece.len() as u64;
            assert_eq!(body.size_hint().exact(), Some(left));
            sent.extend_from_slice(&piece);
        }
        assert_eq!(sent, content);
    }
}
