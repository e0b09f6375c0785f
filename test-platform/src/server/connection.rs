//! Connections: HTTP/1.1 on loopback.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub type Reply = Response<Full<Bytes>>;

/// A request with its whole body.
pub struct Asked {
    pub head: hyper::http::request::Parts,
    pub body: Bytes,
}

impl Asked {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }
}

/// Why a connection ends without a reply.
#[derive(Debug)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is broken on request")
    }
}

impl std::error::Error for Broken {}

/// Listens on a port of loopback; 0 is any free one.
pub async fn listen(port: u16) -> io::Result<(TcpListener, String)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))?;
    let host = format!("http://{}", listener.local_addr()?);
    Ok((listener, host))
}

/// Answers requests until the sender of `stop` is gone.
pub fn serve<F, R>(listener: TcpListener, mut stop: watch::Receiver<()>, answer: F)
where
    F: Fn(Asked) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Reply, Broken>> + Send + 'static,
{
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    // Mostly a caller who is gone already.
                    Err(_) => continue,
                },
                _ = stop.changed() => return,
            };
            // Replies are small and waited for.
            let _ = stream.set_nodelay(true);
            let (answer, mut stop) = (answer.clone(), stop.clone());
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
                        answer(Asked { head, body }).await
                    }
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::select! {
                    // Broken connections are the callers' business, or asked for.
                    _ = connection => {}
                    _ = stop.changed() => {}
                }
            });
        }
    });
}

/// A reply of a status, headers and a body.
pub fn reply<'a>(
    status: u16,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    body: Bytes,
) -> Reply {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(body)).unwrap_or_else(|_| {
        let mut failed = Response::new(Full::default());
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}
