//! Connections that lie idle, and servers that close them without a word.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use seqera::Method;
use seqera::prelude::*;
use support::{client_of, message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that resets a connection which was idle for so long, when the next request comes on it:
/// so it looks from behind a box in between that dropped the connection.
struct Forgetful {
    address: String,
    answered: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Forgetful {
    async fn start(kept: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (answered, connections) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let (count, made) = (answered.clone(), connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                made.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, kept, count.clone()));
            }
        });
        Self {
            address,
            answered,
            connections,
        }
    }

    fn client(&self) -> Client {
        let client = client_of(&self.address).read_timeout(Duration::from_secs(5));
        client.build().unwrap()
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, kept: Duration, answered: Arc<AtomicUsize>) {
    let mut last: Option<Instant> = None;
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = stream.read(&mut buffer).await
        && read > 0
    {
        if last.is_some_and(|last| last.elapsed() > kept) {
            stream.set_zero_linger().unwrap();
            return;
        }
        let kind = [("Content-Type", "application/json".to_owned())];
        if stream.write_all(&message(200, &kind, b"{}")).await.is_err() {
            return;
        }
        answered.fetch_add(1, Ordering::SeqCst);
        last = Some(Instant::now());
    }
}

async fn post(client: &Client) -> seqera::Result<()> {
    let call = client.request(Method::POST, "/launch").json(&7);
    call.send_empty().await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_may_not_be_sent_twice_take_no_connection_that_lay_idle() {
    let server = Forgetful::start(Duration::from_millis(1_100)).await;
    let client = server.client();
    for _ in 0..4 {
        // Others leave connections behind that are no longer good for it.
        client.user_info().send().await.unwrap();
        post(&client).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_300)).await;
    }
    assert_eq!(server.answered(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_a_row_share_their_connection() {
    let server = Forgetful::start(Duration::from_secs(60)).await;
    let client = server.client();
    for _ in 0..30 {
        post(&client).await.unwrap();
    }
    // A connection may be back only when the next call has begun.
    let made = server.connections.load(Ordering::SeqCst);
    assert!(made <= 4, "{made} connections");
    let launches = (0..100).map(|_| post(&client));
    let launches = futures_util::stream::iter(launches).buffer_unordered(8);
    launches.try_collect::<()>().await.unwrap();
    assert!(server.connections.load(Ordering::SeqCst) <= made + 16);
}

/// A connection of which the other side is gone is found out by probes, while nothing is sent.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_are_kept_alive() {
    let server = Forgetful::start(Duration::from_secs(60)).await;
    server.client().user_info().send().await.unwrap();
    let port = server.address.rsplit(':').next().unwrap();
    let remote = format!("0100007F:{:04X}", port.parse::<u16>().unwrap());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let connection = table
        .lines()
        .find(|line| line.split_whitespace().nth(2) == Some(&remote));
    let timer = connection.unwrap().split_whitespace().nth(5).unwrap();
    assert!(timer.starts_with("02:"), "no keep-alive timer: {timer}");
}
