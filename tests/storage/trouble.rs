//! Stores that refuse, change or break.

use super::*;
use crate::kills::{kill_at, transfer_in_child};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs storage servers: .ci/storage runs it"]
async fn connections_that_break_are_made_again_where_they_were() {
    let length = 3 * PART + 12_345;
    for store in Store::all() {
        let obstacles = Obstacles {
            // More than a part, so that each connection gets something done.
            breaks_after: Some(PART + PART / 2),
            ..Obstacles::default()
        };
        let way = Way::to(&store, obstacles).await;
        let platform = Platform::start(&store.behind(&way), "breaks").await;
        let content = content(length);
        let from = write("local.bam", &content);
        let files = platform.files(PART).concurrency(2);
        files.upload_file(&from, "x.bam").await.unwrap();
        assert!(
            platform.stored("x.bam").await == Some(content.clone()),
            "{}",
            store.kind
        );
        let to = from.with_extension("back");
        let done = platform
            .files(8 * MIB)
            .concurrency(2)
            .download_file("x.bam", &to)
            .await;
        assert_eq!(done.unwrap().bytes, length);
        assert!(std::fs::read(&to).unwrap() == content, "{}", store.kind);
        let down = way.down.load(Ordering::SeqCst);
        // What had arrived is not asked for again, but for what was in buffers.
        assert!(
            down < length + length / 2,
            "{}: {down} of {length}",
            store.kind
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs storage servers: .ci/storage runs it"]
async fn an_object_that_changed_is_not_stitched_together() {
    let old = content(8 * MIB);
    let new: Vec<u8> = old.iter().map(|byte| byte ^ 0x55).collect();
    for store in Store::all() {
        let slow = Obstacles {
            pause: Duration::from_millis(3),
            ..Obstacles::default()
        };
        let way = Way::to(&store, slow).await;
        let platform = Platform::start(&store.behind(&way), "changes").await;
        platform.put("x.bam", &old).await;
        let to = folder("changes").join("x.bam");
        let child = transfer_in_child("download", &platform, &to);
        kill_at(child, &way.down, 3 * MIB).await;
        assert!(to.with_extension("bam.part").exists());
        platform.put("x.bam", &new).await;
        platform
            .files(MIB)
            .download_file("x.bam", &to)
            .await
            .unwrap();
        assert!(std::fs::read(&to).unwrap() == new, "{}", store.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs storage servers: .ci/storage runs it"]
async fn a_refusal_tells_the_stores_code_and_nothing_of_the_url() {
    let to = folder("refused").join("x.bam");
    for store in Store::all() {
        let platform = Platform::start(&store, "refused").await;
        let error = platform.files(MIB).download_file("x.bam", &to).await;
        let error = error.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        let code = match store.kind {
            "S3" => "the storage refused the request: NoSuchKey",
            "AZURE" => "the storage refused the request: BlobNotFound",
            _ => "the storage refused the request",
        };
        let text = format!("{error} {error:?}");
        assert!(text.contains(code), "{text}");
        assert!(
            !text.contains("127.0.0.1") && !text.contains("sig="),
            "{text}"
        );
    }
    // As of a URL that has expired; another one is made.
    let platform = Platform::start(&Store::new("AZURE"), "refused").await;
    platform.put("x.bam", b"content").await;
    platform.spoilt.store(true, Ordering::SeqCst);
    let files = platform.files(MIB);
    let error = files.download_file("x.bam", &to).await.unwrap_err();
    assert!(
        error.to_string().contains("AuthorizationFailure"),
        "{error}"
    );
    files.download_file("x.bam", &to).await.unwrap();
    assert_eq!(std::fs::read(&to).unwrap(), b"content");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs storage servers: .ci/storage runs it"]
async fn what_arrives_changed_is_told_by_the_stores_checksum() {
    // The one of the three servers that states checksums of downloads.
    let store = Store::new("AZURE");
    let content = content(200_000);
    let digest = BASE64_STANDARD.encode(<md5::Md5 as md5::Digest>::digest(&content));
    for spoils in [None, Some(100_000)] {
        let obstacles = Obstacles {
            spoils,
            ..Obstacles::default()
        };
        let way = Way::to(&store, obstacles).await;
        let platform = Platform::start(&store.behind(&way), "spoilt").await;
        let url = store.object(&format!("{}/x.bam", platform.root));
        let put = store.http.put(url).header("x-ms-blob-type", "BlockBlob");
        let put = put
            .header("x-ms-blob-content-md5", &digest)
            .body(content.clone());
        assert_eq!(put.send().await.unwrap().status(), 201);
        let to = folder("spoilt").join("x.bam");
        let outcome = platform.files(PART).download_file("x.bam", &to).await;
        match spoils {
            None => {
                outcome.unwrap();
                assert!(std::fs::read(&to).unwrap() == content);
            }
            Some(_) => {
                let error = outcome.unwrap_err().to_string();
                assert!(error.contains("different checksums"), "{error}");
                assert!(!to.exists());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs storage servers: .ci/storage runs it"]
async fn an_upload_that_fails_is_called_off() {
    let store = Store::new("S3");
    let obstacles = Obstacles {
        // Not one part gets through.
        breaks_after: Some(MIB),
        ..Obstacles::default()
    };
    let way = Way::to(&store, obstacles).await;
    let platform = Platform::start(&store.behind(&way), "fails").await;
    let from = write("x.bam", &content(2 * PART));
    let error = platform.files(PART).upload_file(&from, "x.bam").await;
    assert!(error.unwrap_err().is_retryable());
    assert_eq!(store.open_uploads(&platform.root).await, 0);
    assert_eq!(platform.stored("x.bam").await, None);
}
