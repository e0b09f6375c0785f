//! Files on the wire, and what happens to them when an attempt fails.

mod support;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use seqera::{ErrorKind, Method, Upload};
use support::{Act, Server, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn chunks() -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    futures_util::stream::iter(["sample,", "fastq\n"].map(|text| Ok(Bytes::from(text))))
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

#[tokio::test]
async fn files_arrive_with_name_type_and_length() {
    let server = Server::start(|_, _| json(200, "")).await;
    let path = support::folder("sheet").join("sheet.tsv");
    std::fs::write(&path, "sample\tfastq\n").unwrap();
    let uploads = [
        (
            Upload::from_bytes("sample\tfastq\n").file_name("sheet.tsv"),
            "sheet.tsv",
            true,
        ),
        (
            Upload::from_path(&path).file_name("sheet.tsv"),
            "sheet.tsv",
            true,
        ),
        (
            Upload::from_stream(chunks(), Some(13)).file_name("sheet.tsv"),
            "sheet.tsv",
            true,
        ),
        (
            Upload::from_stream(chunks(), None).file_name("sheet.tsv"),
            "sheet.tsv",
            false,
        ),
    ];
    for (upload, name, has_length) in uploads {
        server
            .client()
            .upload_dataset_v2()
            .dataset_id("7x y")
            .file(upload)
            .send()
            .await
            .unwrap();
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.target, "/datasets/7x%20y/upload");
        assert!(seen.headers["content-type"].starts_with("multipart/form-data; boundary="));
        assert_eq!(seen.headers.contains_key("content-length"), has_length);
        let body = text(&seen.body);
        let head = format!(
            "Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/tab-separated-values\r\n\r\n"
        );
        assert!(body.contains(&head), "{body}");
        assert!(body.contains("sample"), "{body}");
    }
}

#[tokio::test]
async fn bytes_are_sent_again_after_429_and_a_stream_is_not() {
    let server = Server::start(|number, _| {
        if number == 0 {
            json(429, "")
        } else {
            json(204, "")
        }
    })
    .await;
    let bytes = Upload::from_bytes("sample\n").file_name("sheet.csv");
    server
        .client()
        .upload_dataset_v2()
        .dataset_id("7")
        .file(bytes)
        .send()
        .await
        .unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(
        seen.iter()
            .all(|seen| text(&seen.body).contains("sample\n"))
    );

    let server = Server::start(|_, _| json(429, "")).await;
    let call = server
        .client()
        .upload_dataset_v2()
        .dataset_id("7")
        .file(Upload::from_stream(chunks(), None));
    let again = call.clone();
    let error = call.send().await.unwrap_err();
    assert!(error.is_rate_limited());
    assert_eq!((server.count(), error.attempts()), (1, 1));
    assert!(
        error.message().contains("its stream was used up"),
        "{error}"
    );
    let error = again.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains("the stream was already sent"),
        "{error}"
    );
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_stream_that_fails_at_its_first_poll_is_used_up() {
    let server = Server::start(|_, _| json(204, "")).await;
    let mut polls = 0;
    let failing = futures_util::stream::poll_fn(move |_| {
        polls += 1;
        match polls {
            1 => std::task::Poll::Ready(Some(Err(std::io::Error::other("no disk")))),
            _ => panic!("polled after its end"),
        }
    });
    let client = server.client();
    let call = client
        .upload_dataset_v2()
        .dataset_id("7")
        .file(Upload::from_stream(failing, None));
    let again = call.clone();
    let error = call.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(
        error
            .message()
            .contains("the stream to upload could not be read"),
        "{error}"
    );
    let said = again.send().await.unwrap_err().to_string();
    assert!(said.contains("the stream was already sent"), "{said}");
}

#[tokio::test]
async fn a_file_that_grows_is_sent_as_long_as_it_was_said_to_be() {
    let path = support::folder("growing").join("sheet.csv");
    std::fs::write(&path, vec![b'a'; 1 << 20]).unwrap();
    let server = Server::start(|_, _| json(204, "")).await;
    let client = server.builder().read_timeout(Duration::from_secs(20));
    let client = client.build().unwrap();
    let upload = async |path: &std::path::Path| {
        let call = client.upload_dataset_v2().dataset_id("7");
        call.file(Upload::from_path(path)).send().await
    };
    let growing = path.clone();
    let writer = std::thread::spawn(move || {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.append(true).open(growing).unwrap();
        // A megabyte, for as long as the uploads last.
        for _ in 0..1000 {
            std::io::Write::write_all(&mut file, &[b'b'; 1024]).unwrap();
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    for _ in 0..8 {
        upload(&path).await.unwrap();
    }
    writer.join().unwrap();
    for seen in server.seen() {
        let text = text(&seen.body);
        let boundary = text.lines().next().unwrap();
        assert!(
            text.ends_with(&format!("\r\n{boundary}--\r\n")),
            "it is cut off"
        );
    }
}

#[tokio::test]
async fn a_file_that_shrinks_is_an_error_that_says_so() {
    let path = support::folder("shrinking").join("sheet.csv");
    // Large enough that not all of it is on its way before it shrinks.
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(64 << 20).unwrap();
    let server = Server::start(|_, _| json(204, "")).await;
    let (shrinking, begun) = (path.clone(), server.connections.clone());
    std::thread::spawn(move || {
        while begun.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(shrinking)
            .unwrap();
        file.set_len(1000).unwrap();
    });
    let client = server.client();
    let call = client.upload_dataset_v2().dataset_id("7");
    let error = call
        .file(Upload::from_path(&path))
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
    assert!(error.message().contains("became shorter"), "{error}");
}

#[tokio::test]
async fn a_stream_that_was_not_begun_is_tried_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let client = support::client_of(&address).build().unwrap();
    let call = client
        .upload_dataset_v2()
        .dataset_id("7")
        .file(Upload::from_stream(chunks(), None));
    let error = call.send().await.unwrap_err();
    assert!(error.is_connect());
    assert_eq!(error.attempts(), 3);
}

#[tokio::test]
async fn uploads_that_may_have_arrived_are_not_sent_twice() {
    for act in [json(502, ""), Act::Reset(vec![]), Act::Stall] {
        let server = Server::start(move |_, _| act.clone()).await;
        let upload = Upload::from_bytes("sample\n");
        let error = server
            .client()
            .upload_dataset_v2()
            .dataset_id("7")
            .file(upload)
            .send()
            .await
            .unwrap_err();
        assert!(error.is_retryable());
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_sends_nothing() {
    let server = Server::start(|_, _| json(200, "")).await;
    let upload = Upload::from_path("no/such/sheet.csv");
    let error = server
        .client()
        .upload_dataset_v2()
        .dataset_id("7")
        .file(upload)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("no/such/sheet.csv"), "{error}");
    assert_eq!((server.count(), error.attempts()), (0, 0));
}

#[tokio::test]
async fn a_stream_that_fails_is_told_from_a_connection_that_does() {
    let server = Server::start(|_, _| json(200, "")).await;
    let broken = futures_util::stream::iter([
        Ok(Bytes::from("sample")),
        Err(std::io::Error::other("the disk is gone")),
    ]);
    let call = server
        .client()
        .upload_dataset_v2()
        .dataset_id("7")
        .file(Upload::from_stream(broken, None));
    let error = call.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
    assert_eq!(error.attempts(), 1);
}

/// Takes a MiB and pauses, so many times, and answers when all is there.
async fn slow_reader(pauses: usize) -> (String, tokio::task::JoinHandle<usize>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let reader = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        for pause in 1..=pauses {
            while read.len() < pause * MIB {
                let length = stream.read_buf(&mut read).await.unwrap();
                assert!(length > 0, "the client gave up after {} bytes", read.len());
                if read.ends_with(b"the end\"}") {
                    let reply = support::message(200, &[], b"{}");
                    stream.write_all(&reply).await.unwrap();
                    return read.len();
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending().await
    });
    (address, reader)
}

const MIB: usize = 1024 * 1024;
const LONG: usize = 32 * MIB;

/// What the system takes into its buffers moves within it.
const READ_TIMEOUT: Duration = Duration::from_millis(1_200);

async fn send_long_json(address: &str) -> Result<Duration, seqera::Error> {
    let client = support::client_of(address)
        .read_timeout(READ_TIMEOUT)
        .build()
        .unwrap();
    let text = format!("{}the end", "x".repeat(LONG));
    let begun = Instant::now();
    let call = client.request(Method::POST, "/x");
    call.json(&serde_json::json!({ "text": text }))
        .send_empty()
        .await?;
    Ok(begun.elapsed())
}

#[tokio::test]
async fn an_upload_may_take_longer_than_the_read_timeout_while_it_moves() {
    let (address, reader) = slow_reader(usize::MAX).await;
    let took = send_long_json(&address).await.unwrap();
    assert!(took > 2 * READ_TIMEOUT, "{took:?} shows nothing");
    assert!(reader.await.unwrap() > LONG);

    // The caller's own stream may be the slow side.
    let server = Server::start(|_, _| json(200, "")).await;
    let slow = futures_util::stream::unfold(0, |number| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        (number < 12).then(|| (Ok(Bytes::from("a line\n")), number + 1))
    });
    let begun = Instant::now();
    server
        .client()
        .upload_dataset_v2()
        .dataset_id("7")
        .file(Upload::from_stream(slow, None))
        .send()
        .await
        .unwrap();
    assert!(begun.elapsed() > Duration::from_millis(500));
    assert_eq!(text(&server.seen()[0].body).matches("a line").count(), 12);
}

#[tokio::test]
async fn an_upload_that_stands_still_times_out() {
    let (address, _reader) = slow_reader(2).await;
    let call = send_long_json(&address);
    let outcome = tokio::time::timeout(Duration::from_secs(20), call).await;
    let error = outcome.expect("an end").unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(error.attempts(), 1);
}
