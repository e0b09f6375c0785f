//! The listening side, called as others call it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

use super::Serving;
use crate::kit::Variables;
use crate::rules::clock::SystemClock;
use crate::rules::event::Seen;
use crate::rules::file::Reading;
use crate::rules::state::{Filter, State};

const SECRET: &str = "a-secret-of-the-lims";

struct World {
    _folder: tempfile::TempDir,
    state: State,
    serving: Arc<Serving>,
    _rules: watch::Sender<Arc<crate::rules::Rules>>,
    at: String,
    http: reqwest::Client,
}

async fn world(password: Option<&str>) -> World {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(&folder.path().join("state.db").to_string_lossy())
        .await
        .unwrap();
    let text = "rules:\n\
         - {name: lims, on: {webhook: /lims, secret: $LIMS_SECRET}, command: [echo]}\n\
         - {name: '<b>sheets</b>', on: {files: '/in/*.csv'}, notify: {post: $CHAT_URL, text: x}}\n";
    let own = [
        ("LIMS_SECRET", SECRET),
        ("CHAT_URL", "https://chat.example.com/hidden-hook"),
    ];
    let reading = Reading {
        variables: Variables {
            own: own
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            environment: false,
        },
        workspace: None,
    };
    let rules = reading
        .read_texts(&[("r.yml".to_owned(), text.to_owned())])
        .unwrap();
    let (send, receive) = watch::channel(Arc::new(rules));
    let found = Arc::new(Notify::new());
    let serving = Serving::new(
        state.clone(),
        receive,
        Arc::new(SystemClock),
        password.map(str::to_owned),
        found,
    );
    let listener = serving.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    tokio::spawn(serving.clone().serve(listener));
    World {
        _folder: folder,
        state,
        serving,
        _rules: send,
        at,
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
    }
}

fn signature(body: &str, secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digits: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256={digits}")
}

impl World {
    async fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = self
            .http
            .post(format!("http://{}{path}", self.at))
            .body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let reply = self
            .http
            .get(format!("http://{}{path}", self.at))
            .send()
            .await
            .unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    }

    async fn events(&self) -> usize {
        self.state.events(&Filter::default()).await.unwrap().len()
    }
}

#[tokio::test]
async fn only_signed_deliveries_are_taken_each_once() {
    let world = world(None).await;
    let body = r#"{"pipeline": "qc"}"#;
    let right = signature(body, SECRET);
    let wrong = signature(body, "another");
    let large = "x".repeat((1 << 20) + 1);
    let of_large = signature(&large, SECRET);
    for (path, body, headers, expected) in [
        ("/lims", body, vec![], 401),
        (
            "/lims",
            body,
            vec![("x-hub-signature-256", wrong.as_str())],
            401,
        ),
        (
            "/lims",
            "{}",
            vec![("x-hub-signature-256", right.as_str())],
            401,
        ),
        (
            "/other",
            body,
            vec![("x-hub-signature-256", right.as_str())],
            404,
        ),
        (
            "/lims",
            large.as_str(),
            vec![("x-signature-256", of_large.as_str())],
            413,
        ),
    ] {
        assert_eq!(
            world.post(path, body, &headers).await,
            expected,
            "{path} {headers:?}"
        );
    }
    assert_eq!(world.get("/lims").await.0, 405);
    assert_eq!(world.events().await, 0);
    let signed = [
        ("x-hub-signature-256", right.as_str()),
        ("x-github-delivery", "d1"),
    ];
    assert_eq!(world.post("/lims", body, &signed).await, 202);
    assert_eq!(world.post("/lims", body, &signed).await, 200);
    let another = [
        ("x-hub-signature-256", right.as_str()),
        ("x-github-delivery", "d2"),
    ];
    assert_eq!(world.post("/lims", body, &another).await, 202);
    assert_eq!(world.events().await, 2);
    let (_, metrics) = world.get("/metrics").await;
    for line in [
        "seqctl_rules_events{rule=\"lims\",state=\"waiting\"} 2",
        "seqctl_rules_deliveries_total{outcome=\"unsigned\"} 3",
        "seqctl_rules_deliveries_total{outcome=\"new\"} 2",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn slow_senders_hold_nobody_up() {
    let world = world(None).await;
    let mut slow = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(&world.at).await.unwrap();
        let head = match number % 2 {
            0 => "POST /lims HTTP/1.1\r\nHost: x\r\nX-Signa".to_owned(),
            _ => format!(
                "POST /lims HTTP/1.1\r\nHost: x\r\nX-Signature: {}\r\nContent-Length: 100\r\n\r\n{{",
                "0".repeat(64)
            ),
        };
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let body = "{}";
    let right = signature(body, SECRET);
    let began = Instant::now();
    assert_eq!(
        world
            .post("/lims", body, &[("x-signature-256", &right)])
            .await,
        202
    );
    assert!(began.elapsed() < Duration::from_secs(8));
    // Each is let go of, whatever it goes on to send.
    for stream in &mut slow {
        let mut rest = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok());
        let text = String::from_utf8_lossy(&rest);
        assert!(text.is_empty() || text.contains("408"), "{text}");
    }
}

/// Sends so many deliveries at once, and again what was refused for now.
async fn flood(count: usize) {
    let world = Arc::new(world(None).await);
    let mut sending = tokio::task::JoinSet::new();
    for sender in 0..50 {
        let world = world.clone();
        sending.spawn(async move {
            for number in (sender..count).step_by(50) {
                let body = format!("{{\"number\": {number}}}");
                let right = signature(&body, SECRET);
                loop {
                    match world
                        .post("/lims", &body, &[("x-signature-256", &right)])
                        .await
                    {
                        200 | 202 => break,
                        429 | 503 => tokio::time::sleep(Duration::from_millis(100)).await,
                        other => panic!("{other}"),
                    }
                }
            }
        });
    }
    while let Some(ended) = sending.join_next().await {
        ended.unwrap();
    }
    assert_eq!(world.events().await, count);
}

#[tokio::test]
async fn many_deliveries_at_once_are_each_noted() {
    flood(1_000).await;
}

#[tokio::test]
#[ignore = "takes a minute"]
async fn ten_thousand_deliveries_at_once_are_each_noted() {
    flood(10_000).await;
}

#[tokio::test]
async fn the_page_shows_events_and_no_secret() {
    let world = world(Some("open:sesame")).await;
    let now = chrono::Utc::now();
    let seen = Seen {
        rule: "lims".to_owned(),
        key: format!("<img src=x onerror=alert(1)> {SECRET} https://chat.example.com/hidden-hook"),
        data: serde_json::json!({"body": SECRET}),
        at: now,
        ready: now,
    };
    world.state.see(&[seen], None).await.unwrap();
    for path in ["/", "/metrics"] {
        assert_eq!(world.get(path).await.0, 401, "{path}");
    }
    assert_eq!(world.get("/healthz").await, (200, "ok\n".to_owned()));
    let read = async |path: &str| {
        let request = world.http.get(format!("http://{}{path}", world.at));
        let reply = request
            .basic_auth("any", Some("open:sesame"))
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), 200);
        let policy = reply.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        reply.text().await.unwrap()
    };
    let page = read("/").await;
    for shown in [
        "lims",
        "POST &#x2f;lims",
        "&lt;b&gt;sheets&lt;&#x2f;b&gt;",
        "(sensitive)",
        "waiting",
    ] {
        assert!(page.contains(shown), "{shown} is not in\n{page}");
    }
    for text in [page, read("/metrics").await] {
        for hidden in [SECRET, "hidden-hook", "<img", "<b>sheets"] {
            assert!(!text.contains(hidden), "{hidden} is in\n{text}");
        }
    }
    // Who listens to others needs a password.
    assert!(
        world
            .serving
            .bind("0.0.0.0:0".parse().unwrap())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn others_are_not_listened_to_without_a_password() {
    let world = world(Some("")).await;
    let refused = world
        .serving
        .bind("0.0.0.0:0".parse().unwrap())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("--password-file"), "{refused}");
    assert_eq!(world.get("/").await.0, 200);
}
