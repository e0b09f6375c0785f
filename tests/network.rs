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

/// The server of a certificate of its own.
async fn server_with(
    params: CertificateParams,
    authority: &CertifiedIssuer<'static, KeyPair>,
) -> String {
    tls_server_of(params, authority, None).await
}

/// Such a server, which takes only clients with a certificate of an authority, if there is one.
async fn tls_server_for(
    authority: &CertifiedIssuer<'static, KeyPair>,
    clients: Option<&CertifiedIssuer<'static, KeyPair>>,
) -> String {
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    tls_server_of(params, authority, clients).await
}

async fn tls_server_of(
    params: CertificateParams,
    authority: &CertifiedIssuer<'static, KeyPair>,
    clients: Option<&CertifiedIssuer<'static, KeyPair>>,
) -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
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
                .contains("could not connect to localhost: its certificate is of an authority that is not trusted here"),
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

async fn refused_by(endpoint: &str, authority: &CertifiedIssuer<'static, KeyPair>) -> String {
    let client = client_of(endpoint)
        .read_timeout(Duration::from_secs(5))
        .root_certificates(authority.pem())
        .build();
    let error = client.unwrap().user_info().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    format!("{} attempts: {error}", error.attempts())
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_stands_in_the_line() {
    let own = authority();
    let valid = |from, until| {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (from, until);
        params
    };
    let year = |year| rcgen::date_time_ymd(year, 1, 1);
    let table = [
        (
            valid(year(2001), year(2002)),
            "1 attempts: user_info: could not connect to localhost: its certificate has expired (it must be renewed",
        ),
        (
            valid(year(2301), year(2302)),
            "1 attempts: user_info: could not connect to localhost: its certificate is not valid yet (check the clock",
        ),
        (
            CertificateParams::new(["seqera.example.com".to_owned()]).unwrap(),
            "1 attempts: user_info: could not connect to localhost: its certificate is for another host name (use",
        ),
    ];
    for (params, expected) in table {
        let endpoint = server_with(params, &own).await;
        let said = refused_by(&endpoint, &own).await;
        assert!(said.starts_with(expected), "{said}");
    }
}

/// Answers whatever comes first on a connection with these bytes, then ends it.
async fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut first = [0; 512];
            let _ = stream.read(&mut first).await;
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
        }
    });
    endpoint
}

#[tokio::test]
async fn what_is_wrong_with_tls_stands_in_the_line() {
    let own = authority();
    // A fatal alert: protocol_version.
    const OLD: &[u8] = &[0x15, 3, 1, 0, 2, 2, 70];
    let table: [(&[u8], &str); 3] = [
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "1 attempts: user_info: could not connect to 127.0.0.1: it does not speak TLS on that port",
        ),
        (
            OLD,
            "1 attempts: user_info: could not connect to 127.0.0.1: it offers no TLS version that is still accepted",
        ),
        (
            b"",
            "3 attempts: user_info: could not connect to 127.0.0.1: it ended the connection",
        ),
    ];
    for (bytes, expected) in table {
        let said = refused_by(&answering(bytes).await, &own).await;
        assert!(said.starts_with(expected), "{said}");
    }
    // The other way round.
    let plain = answering(OLD).await.replace("https", "http");
    let error = client_of(&plain).build().unwrap().user_info().send().await;
    let said = error.unwrap_err().to_string();
    assert!(
        said.contains("the reply of 127.0.0.1 is no HTTP (is the endpoint `https://`?"),
        "{said}"
    );
}

#[tokio::test]
async fn a_certificate_file_that_holds_none_is_named() {
    let pem = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let error = client_of("https://localhost")
        .root_certificates(pem)
        .build();
    let said = error.unwrap_err().to_string();
    assert!(said.starts_with("a root certificate is PEM, but"), "{said}");
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
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => return println!("<<{error}>>"),
    };
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
    let address = proxy.address.trim_start_matches("http://");
    let expected = format!(
        "<<user_info: could not connect to seqera.example.com through the proxy {address}: it refused to connect (check"
    );
    assert!(said.contains(&expected), "{said}");
    let seen = proxy.seen();
    assert_eq!(
        (&*seen[1].method, &*seen[1].target),
        ("CONNECT", "seqera.example.com:443")
    );
    assert!(
        !seen[1].headers.contains_key("authorization"),
        "the token is for the endpoint"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_plain_and_stays_on_this_machine_takes_no_proxy() {
    let proxy = Server::start(|_, _| json(502, "")).await;
    let local = Server::start(|_, _| json(200, r#"{"user":{}}"#)).await;
    for variable in ["HTTP_PROXY", "ALL_PROXY", "http_proxy"] {
        let said = call_in_child(&local.address, &[(variable, &proxy.address)]);
        assert!(said.contains("<<true>>"), "{said}");
    }
    assert_eq!((proxy.count(), local.count()), (0, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_wants_a_password_or_is_not_there_is_named() {
    let proxy = Server::start(|_, _| Act::Reply(407, vec![], vec![])).await;
    let address = proxy.address.trim_start_matches("http://");
    for (endpoint, variable) in [
        ("https://seqera.example.com/api", "HTTPS_PROXY"),
        ("https://seqera.example.com/api", "ALL_PROXY"),
        ("http://seqera.example.com/api", "HTTP_PROXY"),
    ] {
        let said = call_in_child(endpoint, &[(variable, &proxy.address)]);
        let expected =
            format!("the proxy {address} wants a name and a password: put them into {variable}");
        assert!(said.contains(&expected), "{said}");
    }

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = free.local_addr().unwrap().to_string();
    drop(free);
    let said = call_in_child(
        "https://seqera.example.com/api",
        &[("HTTPS_PROXY", &format!("http://user:s3cret@{gone}"))],
    );
    let expected = format!(
        "<<user_info: could not connect to the proxy {gone}, on the way to seqera.example.com: connection refused (check HTTPS_PROXY, or let NO_PROXY name the host)>>"
    );
    assert!(said.contains(&expected), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_variable_that_can_not_be_read_is_an_error() {
    let said = call_in_child("https://seqera.example.com", &[("https_proxy", "htp//x")]);
    assert!(
        said.contains("<<https_proxy does not name a proxy"),
        "{said}"
    );
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
            let post = client.request(Method::POST, "/x").send_empty();
            runtime.block_on(post).unwrap();
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
