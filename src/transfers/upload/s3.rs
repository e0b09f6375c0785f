//! S3 multipart upload: a presigned URL for each part; the Platform puts them together, or calls
//! the upload off.
//!
//! Of the three protocols this is the one that the API itself shows: its finish call takes ETags
//! by the numbers of parts.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::ETAG;

use super::{Upload, invalid, put};
use crate::generated::types;
use crate::poll::{Rhythm, poll_until};
use crate::prelude::*;
use crate::transfers::checksum;
use crate::transfers::data_links::Located;
use crate::{Error, Result};

/// S3 takes no smaller parts, but for the last.
const SMALLEST_PART: u64 = 5 << 20;
/// The pauses between looks for an object that is said to come, and when it is given up.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(64);
const COMPLETION: Duration = Duration::from_secs(128);

pub(super) async fn send(upload: Upload<'_>) -> Result<()> {
    let id = upload.id.clone();
    let id = id.ok_or_else(|| invalid("the Platform gave the upload no id"))?;
    let mut open = Open {
        files: upload.job.files.clone(),
        folder: upload.folder.clone(),
        name: upload.name.clone(),
        id,
        is_over: false,
    };
    let sent = match send_parts(&upload).await {
        Ok(tags) => finish(&upload, &open, tags).await,
        Err(error) => Err(error),
    };
    let error = match sent {
        Ok(status) => {
            open.is_over = true;
            return match status {
                StatusCode::ACCEPTED => wait_for_it(&upload).await,
                _ => Ok(()),
            };
        }
        Err(error) => error,
    };
    let aborted = open.finish(Vec::new(), true).await;
    open.is_over = true;
    match aborted {
        Ok(_) => Err(error),
        Err(abort) => Err(error.noting(format!("and its upload could not be called off: {abort}"))),
    }
}

async fn send_parts(upload: &Upload<'_>) -> Result<Vec<types::UploadEtag>> {
    let part_size = part_size(upload.length, upload.urls.len() as u64, upload.part_size())
        .ok_or_else(|| invalid("the Platform gave another number of URLs than there are parts"))?;
    let parts = (1_i64..).zip(&upload.urls).map(|(number, url)| async move {
        let start = number.unsigned_abs().saturating_sub(1) * part_size;
        let end = upload.length.min(start.saturating_add(part_size));
        let reply = upload.put_part((start, end), || Ok(put(url))).await?;
        let headers = reply.headers();
        if let Some(expected) = checksum::of_part(headers) {
            checksum::verify(&upload.local, start, end - start, expected).await?;
        }
        let etag = headers.get(ETAG).and_then(|etag| etag.to_str().ok());
        let etag = etag.ok_or_else(|| invalid("the storage gave a part no ETag"))?;
        let mut tag = types::UploadEtag::new().e_tag(etag);
        tag.part_number = Some(number);
        Ok::<_, Error>(tag)
    });
    let parts: Vec<_> = parts.collect();
    let mut tags: Vec<_> = futures_util::stream::iter(parts)
        .buffer_unordered(upload.job.files.concurrency)
        .try_collect()
        .await?;
    tags.sort_by_key(|tag: &types::UploadEtag| tag.part_number);
    Ok(tags)
}

/// The size of the parts that a number of URLs is for. Where it is not the one that was agreed on,
/// equal parts will do, as far as S3 takes them.
fn part_size(length: u64, urls: u64, agreed: u64) -> Option<u64> {
    if length.div_ceil(agreed).max(1) == urls {
        return Some(agreed);
    }
    let equal = length.div_ceil(urls);
    (equal >= SMALLEST_PART && length.div_ceil(equal) == urls).then_some(equal)
}

/// Has the parts put together.
///
/// This POST is sent again where its reply was lost (a timeout, a connection that broke, 502 to 504),
/// which does no harm: it names the upload, of which there is none any more once it is complete. So
/// where there is none for the second, the object may be there. Other refusals tell nothing: an
/// object of that size may be the one that was to be replaced.
async fn finish(
    upload: &Upload<'_>,
    open: &Open,
    tags: Vec<types::UploadEtag>,
) -> Result<StatusCode> {
    let mut attempts = upload.job.attempts();
    let mut may_be_done = false;
    loop {
        let error = match open.finish(tags.clone(), false).await {
            Ok(status) => return Ok(status),
            Err(error) => error,
        };
        // After a connection that was not made and 429, the call has had its attempts.
        let was_lost = error.is_retryable() && !error.is_connect() && !error.is_rate_limited();
        if !was_lost {
            let no_such_upload = error.may_be_not_ready() || error.is_not_found();
            let is_done =
                may_be_done && no_such_upload && is_there(upload).await.unwrap_or_default();
            return if is_done {
                Ok(StatusCode::OK)
            } else {
                Err(error)
            };
        }
        may_be_done = true;
        upload.job.again(&mut attempts, error).await?;
    }
}

/// The Platform has taken the request, and the storage is still at it.
async fn wait_for_it(upload: &Upload<'_>) -> Result<()> {
    let mut rhythm = Rhythm::growing(FIRST_PAUSE, LONGEST_PAUSE, 2.0).at_most(COMPLETION);
    let appeared: Result<_> =
        poll_until!(&mut rhythm, { Ok(is_there(upload).await?.then_some(())) });
    appeared?.ok_or_else(|| {
        let text =
            "the Platform accepted the end of the upload, but the object has not appeared since";
        Error::time_over(text)
    })
}

async fn is_there(upload: &Upload<'_>) -> Result<bool> {
    let folder = upload.folder.as_deref().unwrap_or_default();
    let entries = upload.job.files.list(folder).await?;
    let mut same = entries.iter().filter(|entry| entry.path == upload.remote);
    Ok(same.any(|entry| entry.size == Some(upload.length)))
}

/// An upload that occupies storage until it is finished or called off.
struct Open {
    files: Located,
    folder: Option<String>,
    name: String,
    id: String,
    is_over: bool,
}

impl Open {
    async fn finish(&self, tags: Vec<types::UploadEtag>, with_error: bool) -> Result<StatusCode> {
        let body = types::DataLinkFinishMultiPartUploadRequest::new()
            .upload_id(&self.id)
            .file_name(&self.name)
            .tags(tags)
            .with_error(with_error);
        let status = match &self.folder {
            None => {
                let call = self.files.client.finish_data_link_upload();
                call.data_link_id(&self.files.id)
                    .workspace_id(self.files.workspace)
                    .credentials_id(self.files.credentials.clone())
                    .body(body)
                    .send_with_response()
                    .await?
                    .status()
            }
            Some(folder) => {
                let call = self.files.client.finish_data_link_upload_with_path();
                call.data_link_id(&self.files.id)
                    .dir_path(folder)
                    .workspace_id(self.files.workspace)
                    .credentials_id(self.files.credentials.clone())
                    .body(body)
                    .send_with_response()
                    .await?
                    .status()
            }
        };
        Ok(status)
    }
}

impl Drop for Open {
    /// The caller's future was dropped: calls the upload off behind its back, if a runtime is
    /// still there to do it.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let open = Self {
            files: self.files.clone(),
            folder: self.folder.clone(),
            name: self.name.clone(),
            id: self.id.clone(),
            is_over: true,
        };
        runtime.spawn(async move {
            if let Err(error) = open.finish(Vec::new(), true).await {
                tracing::warn!(reason = %error, "a dropped upload could not be called off");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fit_the_urls() {
        const MIB: u64 = 1 << 20;
        let agreed = 250 * MIB;
        assert_eq!(part_size(0, 1, agreed), Some(agreed));
        assert_eq!(part_size(agreed, 1, agreed), Some(agreed));
        assert_eq!(part_size(agreed + 1, 2, agreed), Some(agreed));
        assert_eq!(part_size(100 * MIB, 10, agreed), Some(10 * MIB));
        assert_eq!(part_size(100 * MIB, 30, agreed), None, "too small for S3");
        assert_eq!(part_size(0, 2, agreed), None);
    }
}
