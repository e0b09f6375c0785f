//! Redirects: followed where only reading is done, and without the token.

use super::*;

#[tokio::test]
async fn the_body_of_a_read_follows_no_redirect() {
    let away = Server::start(|_, seen| json(200, seen.body.len().to_string())).await;
    let target = format!("{}/elsewhere", away.address);
    let server =
        Server::start(move |_, _| Act::Reply(307, vec![("Location", target.clone())], vec![]))
            .await;
    let client = server.client();
    let call = client.request(Method::GET, "/x").json(&"s3cret");
    assert_eq!(call.send::<u64>().await.unwrap(), 0);
}

#[tokio::test]
async fn reads_follow_redirects_and_the_token_stays_at_home() {
    let storage = Server::start(|_, _| reply(200, "application/octet-stream", "a,b\n1,2\n")).await;
    let location = format!("{}/bucket/key?X-Signature=s3cret", storage.address);
    let platform = Server::start(move |_, seen| match seen.path() {
        "/moved" => Act::Reply(302, vec![("Location", "/datasets/1".into())], vec![]),
        _ => Act::Reply(307, vec![("Location", location.clone())], vec![]),
    })
    .await;
    let client = platform.client();
    for (method, content) in [(Method::GET, "a,b\n1,2\n"), (Method::HEAD, "")] {
        for path in ["/datasets/1", "/moved"] {
            let call = client.request(method.clone(), path).send_bytes();
            let reply = call.await.unwrap();
            assert_eq!(reply.bytes().await.unwrap(), content);
        }
    }
    assert!(
        platform
            .seen()
            .iter()
            .all(|seen| seen.headers.contains_key("authorization"))
    );
    assert_eq!((platform.count(), storage.count()), (6, 4));
    for seen in storage.seen() {
        assert_eq!(seen.target, "/bucket/key?X-Signature=s3cret");
        for name in ["authorization", "accept-version", "referer", "cookie"] {
            assert!(!seen.headers.contains_key(name), "{name}");
        }
    }
}

#[tokio::test]
async fn writes_follow_no_redirect() {
    let elsewhere = Server::start(|_, _| json(200, "{}")).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/x?X-Signature=s3cret", elsewhere.address);
        let server = Server::start(move |_, _| {
            Act::Reply(status, vec![("Location", location.clone())], vec![])
        })
        .await;
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let error = call(&server.client(), method).await.unwrap_err();
            assert_eq!(error.status().unwrap().as_u16(), status);
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
        assert_eq!(server.count(), 4);
    }
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test]
async fn redirects_end() {
    let server =
        Server::start(|_, _| Act::Reply(302, vec![("Location", "/again".into())], vec![])).await;
    let error = server.client().user_info().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert_eq!(server.count(), 11);
    for location in ["", "ftp://x/y", "http://", "\u{1}"] {
        let bytes = message(302, &[("Location", location.into())], b"");
        let server = Server::start(move |_, _| Act::Raw(bytes.clone())).await;
        let once = server.builder().retry(RetryPolicy::none()).build().unwrap();
        once.user_info().send().await.unwrap_err();
    }
}
