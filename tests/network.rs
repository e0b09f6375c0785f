//! What lies between a client and its server: certificates, proxies, hosts that do not answer.

mod support;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use seqera::{ErrorKind, Method, RetryPolicy};
use support::{Act, Server, client_of, hasty, json, message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// An authority of a site's own.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server for `localhost` with a certificate of that authority; returns its endpoint.
async fn tls_server(authority: &CertifiedIssuer<'static, KeyPair>) -> String {
    tls_server_for(authority, None).await
}

/// Such a server, which takes only clients with a certificate of an authority, if there is one.
async fn tls_server_for(
    authority: &CertifiedIssuer<'static, KeyPair>,
    clients: Option<&CertifiedIssuer<'static, KeyPair>>,
) -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, authority)
        .unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
            config.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let config = config
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap() > 0 {}
            let reply = message(200, &[], br#"{"user":{"userName":"ada"}}"#);
            stream.write_all(&reply).await.unwrap();
            let _ = stream.shutdown().await;
        }
    });
    format!("https://localhost:{port}")
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named_and_refused_otherwise() {
    let (own, other) = (authority(), authority());
    let endpoint = tls_server(&own).await;

    let trusting = client_of(&endpoint)
        .read_timeout(Duration::from_secs(5))
        .root_certificates(own.pem())
        .build()
        .unwrap();
    let reply = trusting.user_info().send().await.unwrap();
    let name = reply
        .user
        .as_ref()
        .and_then(|user| user.user_name.as_deref());
    assert_eq!(name, Some("ada"));

    let wary = client_of(&endpoint);
    for client in [wary.clone(), wary.root_certificates(other.pem())] {
        let error = client
            .build()
            .unwrap()
            .user_info()
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
        assert!(
            error
                .to_string()
                .contains("could not connect to localhost: its TLS certificate was refused"),
            "{error}"
        );
        assert_eq!(error.attempts(), 1, "asking again changes no certificate");
    }

    // The name counts too.
    let by_address = endpoint.replace("localhost", "127.0.0.1");
    let client = client_of(&by_address).root_certificates(own.pem()).build();
    let error = client.unwrap().user_info().send().await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_servers_that_ask_for_one() {
    let (own, clients) = (authority(), authority());
    let endpoint = tls_server_for(&own, Some(&clients)).await;
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([])
        .unwrap()
        .signed_by(&key, &clients)
        .unwrap();
    let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
    let builder = client_of(&endpoint)
        .read_timeout(Duration::from_secs(5))
        .root_certificates(own.pem());

    let known = builder.clone().client_certificate(pem).build().unwrap();
    known.user_info().send().await.unwrap();
    builder
        .clone()
        .build()
        .unwrap()
        .user_info()
        .send()
        .await
        .unwrap_err();

    let error = builder.client_certificate("s3cret").build().unwrap_err();
    assert!(error.to_string().contains("as PEM"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_given_up() {
    // Takes connections, and never answers the TLS handshake that belongs to making one.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let client = client_of(&endpoint)
        .connect_timeout(Duration::from_millis(100))
        .read_timeout(Duration::from_secs(60))
        .retry(hasty().attempts(2))
        .build()
        .unwrap();
    let begun = Instant::now();
    let error = client
        .create_label()
        .body(seqera::types::CreateLabelRequest::new().name("x"));
    let error = error.send().await.unwrap_err();
    assert!(error.is_connect() && error.is_retryable(), "{error:?}");
    assert!(error.message().ends_with("no answer in time"), "{error}");
    assert_eq!(
        error.attempts(),
        2,
        "nothing was sent, so that a POST is tried again"
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_read_timeout_can_be_turned_off() {
    let server = Server::start(|_, _| {
        let reply = json(200, r#"{"user":{}}"#);
        Act::Late(Duration::from_millis(50), Box::new(reply))
    })
    .await;
    let client = server.builder().read_timeout(Duration::MAX).build();
    client.unwrap().user_info().send().await.unwrap();
}

const ENDPOINT: &str = "SEQERA_TEST_ENDPOINT";

/// Makes one call in a process with these variables, as they are read when a client is built.
fn call_in_child(endpoint: &str, variables: &[(&str, &str)]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child", "--ignored", "--nocapture"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        child.env_remove(name).env_remove(name.to_lowercase());
    }
    child
        .env(ENDPOINT, endpoint)
        .envs(variables.iter().copied());
    String::from_utf8(child.output().unwrap().stdout).unwrap()
}

#[tokio::test]
#[ignore = "run by the tests of proxies, in a process with variables of its own"]
async fn child() {
    let endpoint = std::env::var(ENDPOINT).unwrap();
    let client = client_of(&endpoint)
        .allow_http(true)
        .retry(RetryPolicy::none())
        .read_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    match client.user_info().send().await {
        Ok(reply) => println!("<<{}>>", reply.user.as_ref().is_some()),
        Err(error) => println!("<<{error}>>"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_of_the_environment_are_used() {
    let proxy = Server::start(|_, seen| match &*seen.method {
        "CONNECT" => Act::Reply(403, vec![], vec![]),
        _ => json(200, r#"{"user":{}}"#),
    })
    .await;

    let plain = "http://seqera.example.com/api";
    let said = call_in_child(plain, &[("HTTP_PROXY", &proxy.address)]);
    assert!(said.contains("<<true>>"), "{said}");
    let seen = proxy.seen();
    assert_eq!(seen[0].target, "http://seqera.example.com/api/user-info");
    assert!(seen[0].headers.contains_key("authorization"));

    let secure = "https://seqera.example.com/api";
    let said = call_in_child(secure, &[("HTTPS_PROXY", &proxy.address)]);
    assert!(
        said.contains("<<user_info: could not connect to seqera.example.com"),
        "{said}"
    );
    let seen = proxy.seen();
    assert_eq!(
        (&*seen[1].method, &*seen[1].target),
        ("CONNECT", "seqera.example.com:443")
    );
    assert!(
        !seen[1].headers.contains_key("authorization"),
        "the token is for the endpoint"
    );

    let local = Server::start(|_, _| json(200, r#"{"user":{}}"#)).await;
    let exempt = [("HTTP_PROXY", &*proxy.address), ("NO_PROXY", "127.0.0.1")];
    let said = call_in_child(&local.address, &exempt);
    assert!(said.contains("<<true>>"), "{said}");
    assert_eq!((proxy.count(), local.count()), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_dies_with_its_runtime_is_a_broken_one() {
    let server = Server::start(|number, _| match number {
        0 => json(200, "{}"),
        _ => Act::Late(Duration::from_millis(400), Box::new(json(200, "{}"))),
    })
    .await;
    let client = server.client();
    let other = std::thread::spawn({
        let client = client.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(client.user_info().send()).unwrap();
            runtime
        }
    });
    let runtime = other.join().unwrap();
    let post = client.request(Method::POST, "/x").send_empty();
    let post = tokio::spawn(post);
    tokio::time::sleep(Duration::from_millis(100)).await;
    runtime.shutdown_background();
    let error = post.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    assert_eq!(server.count(), 2);
}
