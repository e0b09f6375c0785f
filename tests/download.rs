//! Downloads from data links: ranges, cuts, changes, names, and where the token goes.
#![cfg(feature = "transfers")]

mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use seqera::prelude::*;
use seqera::{ErrorKind, Id, Progress};
use seqera_test_platform::{BUCKET, WORKSPACE};
use support::{Act, Seen, Server, content, folder, json, laboratory, message};

/// An object store: content by path, and what goes wrong.
#[derive(Clone, Default)]
struct Objects(Arc<Mutex<BTreeMap<String, Object>>>);

/// Its content and its ETag.
type Object = (Vec<u8>, String);

impl Objects {
    fn put(&self, path: &str, content: &[u8], etag: &str) {
        let object = (content.to_vec(), format!("\"{etag}\""));
        self.0.lock().unwrap().insert(path.to_owned(), object);
    }

    /// What S3 answers: the range that was asked for, or all if `If-Range` names another object.
    fn answer(&self, seen: &Seen) -> Act {
        let objects = self.0.lock().unwrap();
        let Some((content, etag)) = objects.get(&seen.path()[1..].replace("%20", " ")) else {
            return support::reply(
                404,
                "application/xml",
                "<Error><Code>NoSuchKey</Code></Error>",
            );
        };
        let mut headers = vec![("ETag", etag.clone())];
        let changed = seen
            .headers
            .get("if-range")
            .is_some_and(|wanted| wanted != etag);
        let range = seen.headers.get("range").filter(|_| !changed);
        let Some((first, last)) =
            range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
        else {
            return Act::Reply(200, headers, content.clone());
        };
        let first: usize = first.parse().unwrap();
        let end = content.len().min(last.parse::<usize>().unwrap() + 1);
        if first >= content.len() {
            headers.push(("Content-Range", format!("bytes */{}", content.len())));
            return Act::Reply(416, headers, vec![]);
        }
        headers.push((
            "Content-Range",
            format!("bytes {first}-{}/{}", end - 1, content.len()),
        ));
        Act::Reply(206, headers, content[first..end].to_vec())
    }
}

/// A store, and a Platform that presigns its URLs.
struct Cloud {
    platform: Server,
    store: Server,
    objects: Objects,
}

impl Cloud {
    async fn start(fault: impl Fn(usize, &Seen, Act) -> Act + Send + Sync + 'static) -> Self {
        let objects = Objects::default();
        let of_store = objects.clone();
        let store =
            Server::start(move |number, seen| fault(number, seen, of_store.answer(seen))).await;
        let (address, listed) = (store.address.clone(), objects.clone());
        let signatures = AtomicUsize::new(0);
        let platform = Server::start(move |_, seen| {
            let path = seen
                .path()
                .strip_prefix("/data-links/v1")
                .unwrap_or_default();
            if path == "/generate-download-url" {
                let number = signatures.fetch_add(1, Ordering::SeqCst);
                let file = seen.query("filePath").unwrap();
                return json(
                    200,
                    format!(r#"{{"url":"{address}/{file}?X-Sig=s3cret{number}"}}"#),
                );
            }
            let items: Vec<_> = (listed.0.lock().unwrap().iter())
                .map(|(name, (content, _))| {
                    serde_json::json!({"type":"FILE","name":name,"size":content.len()})
                })
                .collect();
            json(200, serde_json::json!({ "objects": items }).to_string())
        })
        .await;
        Self {
            platform,
            store,
            objects,
        }
    }

    fn files(&self) -> seqera::DataLink {
        self.platform
            .client()
            .data_link(Id("v1"))
            .workspace(7)
            .part_size(100)
    }
}

/// The reply cut in the middle of its body.
fn cut(act: Act) -> Act {
    let Act::Reply(status, headers, body) = act else {
        return act;
    };
    let whole = message(status, &headers, &body);
    Act::Reset(whole[..whole.len() - body.len() / 2].to_vec())
}

fn left(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn parts_arrive_in_parallel_without_the_token() {
    let cloud = Cloud::start(|_, _, act| Act::Late(Duration::from_millis(30), Box::new(act))).await;
    cloud.objects.put("a b/x.bam", &content(1050), "e1");
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let log = told.clone();
    let to = folder("parallel").join("new/x.bam");
    let files = cloud
        .files()
        .on_progress(move |progress| log.lock().unwrap().push(progress.clone()));
    let done = files.download_file("a b/x.bam", &to).await.unwrap();
    assert_eq!((done.files, done.bytes), (1, 1050));
    assert_eq!(std::fs::read(&to).unwrap(), content(1050));
    assert_eq!(left(to.parent().unwrap()), ["x.bam"]);

    let seen = cloud.store.seen();
    assert_eq!(seen.len(), 11);
    let mut starts: Vec<_> = seen
        .iter()
        .map(|seen| seen.headers["range"].clone())
        .collect();
    starts.sort();
    assert_eq!(starts[1], "bytes=100-199");
    assert!(
        starts.contains(&"bytes=1000-1049".to_owned()),
        "no more than there is"
    );
    assert!(
        seen.iter()
            .all(|seen| !seen.headers.contains_key("authorization"))
    );
    assert!(
        seen.iter()
            .all(|seen| !seen.headers.contains_key("accept-version"))
    );
    assert!(
        seen[1..]
            .iter()
            .all(|seen| seen.headers["if-range"] == "\"e1\"")
    );
    let times: Vec<_> = seen.iter().map(|seen| seen.at).collect();
    let together = times
        .windows(3)
        .any(|three| three[2] - three[0] < Duration::from_millis(20));
    assert!(together, "parts are asked for while others are under way");
    assert_eq!(cloud.platform.count(), 1, "one URL serves all parts");
    assert!(
        cloud.platform.seen()[0]
            .headers
            .contains_key("authorization")
    );
    let last = told.lock().unwrap().last().unwrap().clone();
    assert_eq!(
        (last.bytes, last.files, last.files_total),
        (1050, 1, Some(1))
    );
}

#[tokio::test]
async fn cut_parts_continue_at_the_byte() {
    let cloud = Cloud::start(|number, _, act| if number % 3 == 1 { cut(act) } else { act }).await;
    cloud.objects.put("x", &content(1000), "e1");
    let to = folder("cut").join("x");
    cloud.files().download_file("x", &to).await.unwrap();
    assert_eq!(std::fs::read(&to).unwrap(), content(1000));
    let ranges: Vec<_> = cloud
        .store
        .seen()
        .iter()
        .map(|seen| seen.headers["range"].clone())
        .collect();
    let inside = ranges
        .iter()
        .filter(|range| !range.contains("00-") && !range.contains("=0-"));
    assert!(inside.count() >= 3, "{ranges:?}");
}

/// A cloud whose store breaks after five parts, until the flag is taken back.
async fn broken_cloud(how: Act) -> (Cloud, Arc<AtomicBool>) {
    let broken = Arc::new(AtomicBool::new(true));
    let breaks = broken.clone();
    let cloud = Cloud::start(move |number, _, act| {
        if breaks.load(Ordering::SeqCst) && number >= 5 {
            how.clone()
        } else {
            act
        }
    })
    .await;
    cloud.objects.put("x", &content(1000), "e1");
    (cloud, broken)
}

#[tokio::test]
async fn an_interrupted_download_is_continued() {
    let (cloud, broken) = broken_cloud(Act::Reset(vec![])).await;
    let at = folder("continued");
    let files = cloud.files().concurrency(1);
    let error = files.download_file("x", at.join("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connection, 3));
    assert_eq!(left(&at), ["x.part", "x.part.json"]);

    broken.store(false, Ordering::SeqCst);
    let before = cloud.store.count();
    files.download_file("x", at.join("x")).await.unwrap();
    assert_eq!(std::fs::read(at.join("x")).unwrap(), content(1000));
    assert_eq!(
        cloud.store.count() - before,
        5,
        "the first five parts are kept"
    );
    assert_eq!(left(&at), ["x"]);
}

#[tokio::test]
async fn a_dropped_download_is_continued() {
    let (cloud, broken) = broken_cloud(Act::Stall).await;
    let at = folder("dropped");
    let files = cloud.files().concurrency(1);
    let download = files.download_file("x", at.join("x"));
    let stalled = async {
        while cloud.store.count() < 6 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        _ = download => panic!("it stalls"),
        () = stalled => {}
    }
    assert_eq!(left(&at), ["x.part", "x.part.json"]);

    broken.store(false, Ordering::SeqCst);
    files.download_file("x", at.join("x")).await.unwrap();
    assert_eq!(std::fs::read(at.join("x")).unwrap(), content(1000));
    assert_eq!(cloud.store.count(), 6 + 5, "the first five parts are kept");
}

#[tokio::test]
async fn a_changed_object_is_not_stitched_together() {
    let new: Vec<u8> = content(1000).iter().rev().copied().collect();
    // Between two tries.
    let (cloud, broken) = broken_cloud(Act::Reset(vec![])).await;
    let at = folder("changed");
    cloud
        .files()
        .download_file("x", at.join("x"))
        .await
        .unwrap_err();
    broken.store(false, Ordering::SeqCst);
    cloud.objects.put("x", &new, "e2");
    cloud
        .files()
        .download_file("x", at.join("x"))
        .await
        .unwrap();
    assert_eq!(std::fs::read(at.join("x")).unwrap(), new);

    // While it is downloaded.
    let changes = Arc::new(Mutex::new(None::<Objects>));
    let change = changes.clone();
    let replacement = new.clone();
    let cloud = Cloud::start(move |number, _, act| {
        if number == 4 {
            change
                .lock()
                .unwrap()
                .take()
                .unwrap()
                .put("x", &replacement, "e2");
        }
        act
    })
    .await;
    cloud.objects.put("x", &content(1000), "e1");
    *changes.lock().unwrap() = Some(cloud.objects.clone());
    cloud
        .files()
        .download_file("x", at.join("y"))
        .await
        .unwrap();
    assert_eq!(std::fs::read(at.join("y")).unwrap(), new);
    assert_eq!(left(&at), ["x", "y"]);
}

#[tokio::test]
async fn parts_that_find_their_url_expired_share_the_next_one() {
    let cloud = Cloud::start(|number, seen, act| {
        // All that are under way at the time.
        let expired = number > 4 && seen.target.ends_with("s3cret0");
        let act = match expired {
            true => support::reply(
                403,
                "application/xml",
                "<Error><Code>AccessDenied</Code></Error>",
            ),
            false => act,
        };
        Act::Late(Duration::from_millis(30), Box::new(act))
    })
    .await;
    cloud.objects.put("x", &content(2000), "e1");
    let to = folder("shared").join("x");
    let files = cloud.files().concurrency(8);
    files.download_file("x", &to).await.unwrap();
    assert_eq!(std::fs::read(&to).unwrap(), content(2000));
    let seen = cloud.platform.seen();
    let urls = seen
        .iter()
        .filter(|seen| seen.path().ends_with("/generate-download-url"));
    assert_eq!(urls.count(), 2);
}

#[tokio::test]
async fn downloads_to_one_path_keep_each_other_away() {
    let cloud = Cloud::start(|_, _, act| Act::Late(Duration::from_millis(30), Box::new(act))).await;
    cloud.objects.put("x", &content(1000), "e1");
    let at = folder("alone");
    let files = cloud.files();
    let (one, other) = tokio::join!(
        files.download_file("x", at.join("x")),
        files.download_file("x", at.join("x")),
    );
    let failed = match (one, other) {
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => error,
        both => panic!("{both:?}"),
    };
    assert_eq!(failed.kind(), ErrorKind::Io);
    let text = "is being written by another download";
    assert!(failed.message().contains(text), "{failed}");
    assert_eq!(std::fs::read(at.join("x")).unwrap(), content(1000));
    assert_eq!(left(&at), ["x"]);
    // Later ones may.
    files.download_file("x", at.join("x")).await.unwrap();
}

#[tokio::test]
async fn a_note_that_is_damaged_begins_the_download_anew() {
    for (field, value) in [
        ("partSize", 0),
        ("partSize", u64::MAX),
        ("length", 0),
        ("done", 7),
    ] {
        let (cloud, broken) = broken_cloud(Act::Reset(vec![])).await;
        let at = folder("damaged");
        let files = cloud.files().concurrency(1);
        files.download_file("x", at.join("x")).await.unwrap_err();
        let note = at.join("x.part.json");
        let mut text: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&note).unwrap()).unwrap();
        text[field] = match field {
            "done" => serde_json::json!([value, 0, u64::MAX]),
            _ => value.into(),
        };
        std::fs::write(&note, text.to_string()).unwrap();
        broken.store(false, Ordering::SeqCst);
        files.download_file("x", at.join("x")).await.unwrap();
        assert_eq!(
            std::fs::read(at.join("x")).unwrap(),
            content(1000),
            "{field} {value}"
        );
    }
}

#[tokio::test]
async fn storage_that_has_moved_is_followed_without_the_token() {
    let home = Cloud::start(|_, _, act| act).await;
    home.objects.put("x", &content(1000), "e1");
    let target = home.store.address.clone();
    let cloud = Cloud::start(move |_, seen, _| {
        Act::Reply(
            307,
            vec![("Location", format!("{target}{}", seen.target))],
            vec![],
        )
    })
    .await;
    let to = folder("moved").join("x");
    cloud.files().download_file("x", &to).await.unwrap();
    assert_eq!(std::fs::read(&to).unwrap(), content(1000));
    for seen in home.store.seen() {
        assert!(!seen.headers.contains_key("authorization"));
        assert!(seen.headers.contains_key("range"));
    }
    // It may lead in circles.
    let circle =
        Cloud::start(|_, seen, _| Act::Reply(307, vec![("Location", seen.target.clone())], vec![]))
            .await;
    circle.objects.put("x", &content(10), "e1");
    let error = circle.files().download_file("x", &to).await.unwrap_err();
    assert!(
        error.message().contains("redirects more than 10 times"),
        "{error}"
    );
}

#[tokio::test]
async fn an_expired_url_is_made_anew() {
    let cloud = Cloud::start(|number, seen, act| {
        if number > 4 && seen.target.ends_with("s3cret0") {
            let text =
                "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
            return support::reply(403, "application/xml", text);
        }
        act
    })
    .await;
    cloud.objects.put("x", &content(1000), "e1");
    let to = folder("expired").join("x");
    cloud.files().download_file("x", &to).await.unwrap();
    assert_eq!(std::fs::read(&to).unwrap(), content(1000));
}

#[tokio::test]
async fn refusals_show_nothing_of_the_url() {
    let cloud = Cloud::start(|_, seen, _| {
        let text = format!(
            "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>{}</StringToSign></Error>",
            seen.target
        );
        support::reply(403, "application/xml", text)
    })
    .await;
    let error = cloud
        .files()
        .download_file("x", folder("refused").join("x"))
        .await
        .unwrap_err();
    let text = format!("{error} {error:?} {:?}", error.body());
    assert!(text.contains("SignatureDoesNotMatch"), "{text}");
    assert!(
        !text.contains("s3cret") && !text.contains("X-Sig"),
        "{text}"
    );

    let cloud = Cloud::start(|_, _, _| Act::Reset(vec![])).await;
    let error = cloud
        .files()
        .download_file("x", folder("refused").join("x"))
        .await
        .unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains("s3cret"), "{text}");
    assert_eq!(cloud.store.count(), 3, "attempts are bounded");
}

#[tokio::test]
async fn a_stalled_download_is_tried_again() {
    let cloud = Cloud::start(|number, _, act| if number == 2 { Act::Stall } else { act }).await;
    cloud.objects.put("x", &content(1000), "e1");
    let to = folder("stalled").join("x");
    cloud.files().download_file("x", &to).await.unwrap();
    assert_eq!(std::fs::read(&to).unwrap(), content(1000));
}

#[tokio::test]
async fn stores_without_ranges_and_empty_files() {
    let cloud = Cloud::start(|number, seen, act| {
        let Act::Reply(..) = &act else { return act };
        match (seen.path(), number) {
            ("/empty", _) => act,
            (_, 0) => cut(Act::Reply(200, vec![], content(1000))),
            _ => Act::Reply(200, vec![], content(1000)),
        }
    })
    .await;
    cloud.objects.put("x", &content(1000), "e1");
    cloud.objects.put("empty", b"", "e2");
    let at = folder("whole");
    let done = cloud
        .files()
        .download_file("x", at.join("x"))
        .await
        .unwrap();
    assert_eq!(done.bytes, 1000);
    assert_eq!(std::fs::read(at.join("x")).unwrap(), content(1000));
    cloud
        .files()
        .download_file("empty", at.join("empty"))
        .await
        .unwrap();
    assert_eq!(std::fs::read(at.join("empty")).unwrap(), b"");
    assert_eq!(left(&at), ["empty", "x"]);
}

#[tokio::test]
async fn stated_checksums_are_compared() {
    for (digest, fits) in [
        ("md5=1B2M2Y8AsgTpgAmY7PhCfg==", false),
        // Of 250 bytes of `content`.
        ("crc32c=AAAAAA==,md5=MD5", true),
    ] {
        let digest = digest.replace("MD5", &md5_of(&content(250)));
        let cloud = Cloud::start(move |_, _, act| match act {
            Act::Reply(status, mut headers, body) => {
                headers.push(("x-goog-hash", digest.clone()));
                Act::Reply(status, headers, body)
            }
            act => act,
        })
        .await;
        cloud.objects.put("x", &content(250), "e1");
        let at = folder("checksum");
        let done = cloud.files().download_file("x", at.join("x")).await;
        assert_eq!(done.is_ok(), fits, "{done:?}");
        if let Err(error) = done {
            assert!(error.to_string().contains("different checksums"), "{error}");
            assert!(left(&at).is_empty(), "nothing wrong is kept");
        }
    }
}

#[tokio::test]
async fn an_end_that_was_interrupted_is_checked_all_the_same() {
    let digest = md5_of(&content(1000));
    let cloud = Cloud::start(move |_, _, act| match act {
        Act::Reply(status, mut headers, body) => {
            headers.push(("x-goog-hash", format!("md5={digest}")));
            Act::Reply(status, headers, body)
        }
        act => act,
    })
    .await;
    cloud.objects.put("x", &content(1000), "e1");
    let mut wrong = content(1000);
    wrong[0] ^= 1;
    for (unfinished, etag, fits) in [
        (content(1000), "e1", true),
        (wrong.clone(), "e1", false),
        (wrong, "e0", true),
    ] {
        let at = folder("end");
        std::fs::write(at.join("x.part"), &unfinished).unwrap();
        let done: Vec<_> = (0..10).collect();
        let note = serde_json::json!({
            "length": 1000, "validator": format!("\"{etag}\""), "partSize": 100, "done": done,
        });
        std::fs::write(at.join("x.part.json"), note.to_string()).unwrap();
        let done = cloud.files().download_file("x", at.join("x")).await;
        assert_eq!(done.is_ok(), fits, "{etag}: {done:?}");
        match done {
            Ok(_) => assert_eq!(std::fs::read(at.join("x")).unwrap(), content(1000)),
            Err(error) => {
                assert!(error.to_string().contains("different checksums"), "{error}");
                assert!(left(&at).is_empty(), "nothing wrong is kept");
            }
        }
    }
}

#[tokio::test]
async fn objects_that_are_stored_compressed_arrive_as_they_are() {
    let cloud = Cloud::start(|_, _, act| match act {
        Act::Reply(status, mut headers, body) => {
            headers.push(("Content-Encoding", "gzip".to_owned()));
            Act::Reply(status, headers, body)
        }
        act => act,
    })
    .await;
    let mut stored = GzEncoder::new(Vec::new(), Compression::fast());
    stored.write_all(&[b'a'; 100_000]).unwrap();
    let stored = stored.finish().unwrap();
    cloud.objects.put("x", &stored, "e1");
    let at = folder("compressed");
    for part_size in [100, stored.len() as u64] {
        let files = cloud.files().part_size(part_size);
        files.download_file("x", at.join("x")).await.unwrap();
        assert_eq!(std::fs::read(at.join("x")).unwrap(), stored);

        let own = cloud.platform.builder().http_client(reqwest::Client::new());
        let files = own.build().unwrap().data_link(Id("v1")).workspace(7);
        let files = files.part_size(part_size);
        let error = files.download_file("x", at.join("y")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error}");
        assert!(!at.join("y").exists());
    }
}

fn md5_of(content: &[u8]) -> String {
    use base64::Engine;
    use md5::Digest;
    base64::prelude::BASE64_STANDARD.encode(md5::Md5::digest(content))
}

#[tokio::test]
async fn remote_names_stay_in_the_folder() {
    let cloud = Cloud::start(|_, _, act| act).await;
    let bad = [
        "../evil",
        "/etc/evil",
        "a/../../evil",
        "C:/evil",
        "a\\..\\evil",
        "nul\0l",
        "..",
        "good/x",
    ];
    for name in ["good", "GOOD", "fine.txt"].iter().chain(&bad) {
        cloud.objects.put(name, b"content", "e");
    }
    let at = folder("names");
    let done = cloud
        .files()
        .download_folder("", at.join("to/here"))
        .await
        .unwrap();
    let mut refused: Vec<_> = done
        .refused
        .iter()
        .map(|refused| refused.path.as_str())
        .collect();
    refused.sort_unstable();
    // `GOOD` comes first, so `good` has the name of another file.
    let mut expected = [&bad[..], &["good"]].concat();
    expected.sort_unstable();
    assert_eq!(refused, expected);
    assert_eq!(done.files, 2);
    assert_eq!(left(&at), ["to"]);
    assert_eq!(left(&at.join("to")), ["here"]);
    assert_eq!(left(&at.join("to/here")), ["GOOD", "fine.txt"]);
}

#[tokio::test]
async fn a_folder_that_lists_itself_is_an_error() {
    let object = serde_json::json!({"type": "FOLDER", "name": "again/"});
    let server =
        Server::start(move |_, _| support::ok(serde_json::json!({"objects": [object]}))).await;
    let files = server.client().data_link(Id("v1")).workspace(7);
    let error = files.tree("").try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(error.to_string().contains("1024 levels deep"), "{error}");
}

/// Names that the file system does not take, and links that are there already, end nothing.
#[cfg(unix)]
#[tokio::test]
async fn a_folder_comes_whole_but_for_what_can_not_be_there() {
    use std::os::unix::fs::symlink;

    let cloud = Cloud::start(|_, _, act| act).await;
    let long = |length: usize| "n".repeat(length);
    let taken = [
        long(241),
        "a/b/c".to_owned(),
        "inner/x".to_owned(),
        "replaced".to_owned(),
        "z".to_owned(),
    ];
    let refused = [
        // Too long: by itself, with what is added until it is complete, as a folder, as a whole.
        long(256),
        long(251),
        long(242),
        format!("{}/x", long(256)),
        vec![long(200); 25].join("/"),
        // Behind links that lead outside, those of unfinished files too.
        "out/x".to_owned(),
        "out/new/x".to_owned(),
        "unfinished".to_owned(),
        "noted".to_owned(),
        "noted-anew".to_owned(),
        "locked".to_owned(),
        "dead/x".to_owned(),
    ];
    for name in taken.iter().chain(&refused) {
        cloud.objects.put(name, name.as_bytes(), "e");
    }
    let (home, outside) = (folder("whole"), folder("outside"));
    let here = home.join("here");
    std::fs::create_dir_all(here.join("really/inner")).unwrap();
    std::fs::write(outside.join("replaced"), "as it was").unwrap();
    symlink(&outside, here.join("out")).unwrap();
    symlink("really/inner", here.join("inner")).unwrap();
    symlink(outside.join("dead"), here.join("dead")).unwrap();
    for name in [
        "unfinished.part",
        "noted.part.json",
        "noted-anew.part.json.new",
        "locked.part.lock",
        "replaced",
    ] {
        symlink(outside.join(name), here.join(name)).unwrap();
    }

    let done = cloud.files().download_folder("", &here).await.unwrap();
    let listed: BTreeMap<_, _> = (done.refused.iter())
        .map(|refused| (refused.path.as_str(), refused.reason.as_str()))
        .collect();
    let expected: BTreeMap<_, _> = refused.iter().map(|name| (name.as_str(), ())).collect();
    assert!(listed.keys().eq(expected.keys()), "{listed:#?}");
    assert!(listed.values().all(|reason| !reason.is_empty()));
    assert_eq!((done.files as usize, done.kept), (taken.len(), 0));
    for name in &taken {
        assert_eq!(std::fs::read(here.join(name)).unwrap(), name.as_bytes());
    }
    assert_eq!(left(&outside), ["replaced"]);
    assert_eq!(
        std::fs::read(outside.join("replaced")).unwrap(),
        b"as it was"
    );
    assert!(!here.join("replaced").is_symlink());

    let again = cloud.files().download_folder("", &here).await.unwrap();
    assert_eq!(again.kept as usize, taken.len());
    assert_eq!(again.refused.len(), refused.len());
}

#[tokio::test]
async fn a_tree_lists_folders_first_and_downloads_again_without_requests() {
    let (platform, client) = laboratory().await;
    let uri = format!("s3://{BUCKET}");
    let files = client.data_link(uri).workspace(WORKSPACE);
    let entries: Vec<_> = files.tree("").try_collect().await.unwrap();
    assert!(entries.iter().any(|entry| entry.is_folder) && entries.iter().any(|e| !e.is_folder));
    for (at, entry) in entries.iter().enumerate() {
        let parent = entry.path.rsplit_once('/').map(|(parent, _)| parent);
        let of_parent = |other: &&seqera::DataLinkEntry| {
            other.path.rsplit_once('/').map(|(parent, _)| parent) == parent
        };
        if let Some(parent) = parent {
            assert!(
                entries[..at]
                    .iter()
                    .any(|entry| entry.is_folder && entry.path == parent)
            );
        }
        if entry.is_folder {
            let earlier_file = entries[..at]
                .iter()
                .filter(of_parent)
                .any(|entry| !entry.is_folder);
            assert!(!earlier_file, "{} comes after a file", entry.path);
        }
    }
    let expected: Vec<_> = entries.iter().filter(|entry| !entry.is_folder).collect();

    let to = folder("tree");
    let done = files.download_folder("", &to).await.unwrap();
    assert_eq!((done.files as usize, done.kept), (expected.len(), 0));
    for entry in &expected {
        let found = std::fs::metadata(to.join(&entry.path)).unwrap();
        assert_eq!(Some(found.len()), entry.size, "{}", entry.path);
    }
    let before = platform.calls().len();
    let again = files.download_folder("", &to).await.unwrap();
    assert_eq!((again.kept as usize, again.bytes), (expected.len(), 0));
    let calls = platform.calls().split_off(before);
    assert!(
        calls.iter().all(|call| call.contains("/browse")),
        "{calls:?}"
    );
}
