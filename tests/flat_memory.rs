//! Large files take no more memory than small ones. Alone in its process, whose peak it measures.
#![cfg(all(feature = "transfers", target_os = "linux"))]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use support::{Server, folder, json, peak_memory};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const MIB: u64 = 1 << 20;
const LENGTH: u64 = 1024 * MIB;
const ROOM: u64 = 32 * MIB;

/// A store that takes in bytes without keeping them, and sends zeros.
async fn store(taken: Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let taken = taken.clone();
            tokio::spawn(async move {
                let _ = serve(BufReader::new(stream), &taken).await;
            });
        }
    });
    address
}

async fn serve(mut stream: BufReader<TcpStream>, taken: &AtomicU64) -> std::io::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        let (mut length, mut range) = (0, None);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse::<u64>().unwrap();
            } else if let Some(value) = line.strip_prefix("range: bytes=") {
                let (first, last) = value.split_once('-').unwrap();
                let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
                range = Some((first, last.min(LENGTH - 1)));
            } else if line.is_empty() {
                break;
            }
        }
        while length > 0 {
            let room = buffer.len().min(length as usize);
            let read = stream.read(&mut buffer[..room]).await?;
            if read == 0 {
                return Ok(());
            }
            taken.fetch_add(read as u64, Ordering::Relaxed);
            length -= read as u64;
        }
        let Some((first, last)) = range else {
            let reply = b"HTTP/1.1 200 OK\r\nETag: \"part\"\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(reply).await?;
            continue;
        };
        let mut left = last + 1 - first;
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nETag: \"whole\"\r\nContent-Range: bytes {first}-{last}/{LENGTH}\r\nContent-Length: {left}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        buffer.fill(0);
        while left > 0 {
            let piece = buffer.len().min(left as usize);
            stream.write_all(&buffer[..piece]).await?;
            left -= piece as u64;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_goes_up_and_comes_down_in_little_memory() {
    let taken = Arc::new(AtomicU64::new(0));
    let address = store(taken.clone()).await;
    let platform = Server::start(move |_, seen| match seen.path() {
        "/data-links/v1" => json(200, r#"{"dataLink":{"provider":"aws"}}"#),
        "/data-links/v1/generate-download-url" => json(200, format!(r#"{{"url":"{address}/x"}}"#)),
        "/data-links/v1/upload" => {
            let urls = vec![format!("{address}/x"); 16];
            json(
                200,
                serde_json::json!({"uploadId":"u","uploadUrls":urls}).to_string(),
            )
        }
        _ => json(200, ""),
    })
    .await;
    let at = folder("memory");
    let (from, to) = (at.join("from"), at.join("to"));
    // Sparse, so that it is there at once.
    std::fs::File::create(&from)
        .unwrap()
        .set_len(LENGTH)
        .unwrap();
    let client = platform
        .builder()
        .read_timeout(std::time::Duration::from_secs(30))
        .build()
        .unwrap();
    let files = client.data_link(seqera::Id("v1"));

    let before = peak_memory();
    let begun = Instant::now();
    files
        .clone()
        .part_size(64 * MIB)
        .upload_file(&from, "x")
        .await
        .unwrap();
    let up = (peak_memory(), begun.elapsed());
    assert_eq!(taken.load(Ordering::Relaxed), LENGTH);
    let begun = Instant::now();
    files.download_file("x", &to).await.unwrap();
    let down = (peak_memory(), begun.elapsed());
    assert_eq!(std::fs::metadata(&to).unwrap().len(), LENGTH);
    println!(
        "before {} MiB; up {:.1?}, peak {} MiB; down {:.1?}, peak {} MiB",
        before / MIB,
        up.1,
        up.0 / MIB,
        down.1,
        down.0 / MIB
    );
    assert!(
        down.0 - before < ROOM,
        "{} MiB more",
        (down.0 - before) / MIB
    );
    std::fs::remove_dir_all(at).unwrap();
}
