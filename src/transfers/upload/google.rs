//! Google resumable session: one piece after another to the session's URL, which tells how far
//! it is whenever it is asked.
//!
//! The protocol is that of Google's resumable uploads; the API's schema says only that there are
//! URLs. The store's reply to the last piece is what makes the upload complete, and the Platform's
//! finish call is left out: it is not known to do anything for such an upload.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, Request, Response, StatusCode, Url};

use super::{Upload, invalid, put};
use crate::transfers::checksum;
use crate::transport::storage::refusal;
use crate::{Error, Result};

/// All pieces but the last are multiples of it.
const UNIT: u64 = 256 << 10;

pub(super) async fn send(upload: Upload<'_>) -> Result<()> {
    let session = upload.urls.first().cloned();
    let session = &session.ok_or_else(|| invalid("the Platform gave no URL"))?;
    let sent = send_pieces(&upload, session).await;
    if sent.is_err() {
        // Calls the session off. Otherwise it lapses after a week, and nothing is stored of it.
        let mut request = Request::new(Method::DELETE, session.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        let _ = upload.job.storage().send(request, &AtomicU64::new(0)).await;
    }
    sent
}

async fn send_pieces(upload: &Upload<'_>, session: &Url) -> Result<()> {
    let _permit = upload.job.permit().await?;
    let piece = (upload.part_size() / UNIT).max(1) * UNIT;
    let mut attempts = upload.job.attempts();
    let mut at = 0_u64;
    loop {
        let end = upload.length.min(at.saturating_add(piece));
        let sent = Arc::new(AtomicU64::new(0));
        let request = with_range(session, &range(at, end, upload.length))?;
        let outcome = match upload.put_once((at, end), request, &sent).await {
            Ok(reply) => step(reply).await,
            Err(error) => Err(error),
        };
        let error = match outcome {
            Ok(Step::Done(reply)) => return verify(upload, &reply).await,
            Ok(Step::At(stored)) if stored > at && stored <= end => {
                upload.settle(sent, stored - at);
                at = stored;
                attempts.renew();
                continue;
            }
            Ok(Step::At(_)) => Error::new(
                crate::ErrorKind::Connection,
                "the storage kept nothing of what was sent",
            ),
            Err(error) => error,
        };
        upload.settle(sent, 0);
        upload.job.again(&mut attempts, error).await?;
        // What arrived before the failure need not be sent again.
        let ask = || async {
            let mut request = with_range(session, &format!("bytes */{}", upload.length))?;
            let headers = request.headers_mut();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
            step(
                upload
                    .job
                    .storage()
                    .send(request, &AtomicU64::new(0))
                    .await?,
            )
            .await
        };
        let stored = loop {
            match ask().await {
                Ok(Step::Done(reply)) => {
                    upload.count(upload.length - at);
                    return verify(upload, &reply).await;
                }
                Ok(Step::At(stored)) => break stored,
                Err(error) => upload.job.again(&mut attempts, error).await?,
            }
        };
        if stored < at || stored > upload.length {
            return Err(invalid("the storage lost what it had taken already"));
        }
        if stored > at {
            upload.count(stored - at);
            attempts.renew();
        }
        at = stored;
    }
}

/// Where the session stands.
enum Step {
    Done(Response),
    /// So many bytes are stored.
    At(u64),
}

async fn step(reply: Response) -> Result<Step> {
    match reply.status() {
        StatusCode::PERMANENT_REDIRECT => {
            let stored = match reply.headers().get(RANGE) {
                None => Some(0),
                Some(range) => stored(range),
            };
            let stored = stored.ok_or_else(|| invalid("the storage does not say what it has"))?;
            Ok(Step::At(stored))
        }
        status if status.is_success() => Ok(Step::Done(reply)),
        _ => Err(refusal(reply).await),
    }
}

/// The number of bytes in `bytes=0-524287`.
fn stored(range: &HeaderValue) -> Option<u64> {
    let last = range.to_str().ok()?.strip_prefix("bytes=0-")?;
    last.parse::<u64>().ok()?.checked_add(1)
}

/// Google tells the checksum when the object is there: one that differs is an error all the same.
async fn verify(upload: &Upload<'_>, reply: &Response) -> Result<()> {
    match checksum::of_object(reply.status(), reply.headers()) {
        Some(expected) => checksum::verify(&upload.local, 0, upload.length, expected).await,
        None => Ok(()),
    }
}

fn range(start: u64, end: u64, length: u64) -> String {
    if start == end {
        return format!("bytes */{length}");
    }
    format!("bytes {start}-{}/{length}", end - 1)
}

fn with_range(session: &Url, range: &str) -> Result<Request> {
    let mut request = put(session);
    let range = HeaderValue::from_str(range).map_err(|_| invalid("no range"))?;
    request.headers_mut().insert(CONTENT_RANGE, range);
    Ok(request)
}
