//! Azure block blobs: blocks in any order, then the list that makes a blob of them. Blocks that
//! are in no list vanish by themselves, within a week.
//!
//! The protocol is Azure's own (Put Block, Put Block List); the API's schema says only that there
//! are URLs. The store's reply to the list is what makes the upload complete. The Platform's
//! finish call is left out: what it would do to a blob that is there already is not known.

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Request, Url};

use super::{Upload, invalid, put};
use crate::prelude::*;
use crate::transfers::checksum;
use crate::transport::multipart::media_type_of;
use crate::{Error, Result};

const MOST_BLOCKS: u64 = 50_000;
const BLOB_CONTENT_TYPE: HeaderName = HeaderName::from_static("x-ms-blob-content-type");

pub(super) async fn send(upload: &Upload<'_>) -> Result<()> {
    let blob = upload.urls.first().map(without_operation);
    let blob = &blob.ok_or_else(|| invalid("the Platform gave no URL"))?;
    let block_size = upload.part_size().max(upload.length.div_ceil(MOST_BLOCKS));
    let blocks = upload.length.div_ceil(block_size);
    // Tells the blocks from those of another upload of the same blob.
    let batch = fastrand::u32(..);
    let sending: Vec<_> = (0..blocks)
        .map(|number| async move {
            let start = number * block_size;
            let end = upload.length.min(start.saturating_add(block_size));
            let mut url = blob.clone();
            url.query_pairs_mut()
                .append_pair("comp", "block")
                .append_pair("blockid", &block_id(batch, number));
            let reply = upload.put_part((start, end), || Ok(put(&url))).await?;
            if let Some(expected) = checksum::of_part(reply.headers()) {
                checksum::verify(&upload.local, start, end - start, expected).await?;
            }
            Ok::<_, Error>(())
        })
        .collect();
    futures_util::stream::iter(sending)
        .buffer_unordered(upload.job.files.concurrency)
        .try_collect::<()>()
        .await?;

    let mut list = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for number in 0..blocks {
        list += &format!("<Latest>{}</Latest>", block_id(batch, number));
    }
    list += "</BlockList>";
    upload
        .send_small(|| commit(blob, &list, &upload.name))
        .await?;
    Ok(())
}

fn commit(blob: &Url, list: &str, name: &str) -> Result<Request> {
    let mut url = blob.clone();
    url.query_pairs_mut().append_pair("comp", "blocklist");
    let mut request = put(&url);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(list.len()));
    headers.insert(
        BLOB_CONTENT_TYPE,
        HeaderValue::from_static(media_type_of(name)),
    );
    *request.body_mut() = Some(list.to_owned().into());
    Ok(request)
}

/// The blob's URL with its signature, which covers neither the operation nor the block.
fn without_operation(url: &Url) -> Url {
    let mut blob = url.clone();
    let kept = url.query().unwrap_or_default().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !matches!(name, "comp" | "blockid" | "")
    });
    // As it is written: the signature must not be encoded anew.
    let kept = kept.collect::<Vec<_>>().join("&");
    blob.set_query((!kept.is_empty()).then_some(&kept));
    blob
}

/// Block ids are Base64 and of one length, which 16 digits are.
fn block_id(batch: u32, number: u64) -> String {
    format!("{batch:08x}{number:08}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_stays_as_it_is() {
        let url =
            Url::parse("https://x.blob/c/b?comp=block&sv=2&sig=a%2Fb%3D&blockid=MQ%3D%3D").unwrap();
        assert_eq!(
            without_operation(&url).as_str(),
            "https://x.blob/c/b?sv=2&sig=a%2Fb%3D"
        );
    }

    #[test]
    fn block_ids_have_one_length() {
        assert_eq!(block_id(7, 0).len(), block_id(u32::MAX, MOST_BLOCKS).len());
        assert_eq!(block_id(7, 0).len() % 4, 0);
    }
}
