//! Refusals for the limit, and waits that the server asks for.

use super::*;

#[tokio::test]
async fn every_call_is_repeated_after_429_whatever_it_says() {
    let past = "Sun, 01 Mar 2020 09:30:00 GMT";
    for header in [Some("0"), Some(past), Some("soon"), None] {
        for body in [
            r#"{"message": "Maximum request rate exceeded. Wait 0secs before issuing a new request"}"#,
            "",
        ] {
            let headers = header.map(|value| ("Retry-After", value.to_owned()));
            let headers: Vec<_> = headers.into_iter().collect();
            // More often than a call is tried again otherwise.
            let calls = METHODS.map(async |method| {
                let headers = headers.clone();
                let server = Server::start(move |number, _| match number {
                    0..4 => Act::Reply(429, headers.clone(), body.into()),
                    _ => json(200, "{}"),
                })
                .await;
                call(&server.client(), method.clone()).await.unwrap();
                assert_eq!(server.count(), 5, "{method} {header:?}");
            });
            join_all(calls).await;
        }
    }
}

#[tokio::test]
async fn a_call_that_is_refused_for_the_limit_again_and_again_ends_after_its_time() {
    let server = Server::start(|_, _| json(429, r#"{"message":"busy"}"#)).await;
    let total = Duration::from_millis(400);
    let client = server.client();
    let begun = std::time::Instant::now();
    let patient = client.with_retry(support::hasty().total_time(total));
    let error = patient.user_info().send().await.unwrap_err();
    assert!(error.is_rate_limited(), "{error}");
    assert!(error.attempts() > 3, "{error}");
    assert!(
        (total / 2..4 * total).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
    let once = client.with_retry(RetryPolicy::none());
    assert_eq!(once.user_info().send().await.unwrap_err().attempts(), 1);
}

#[tokio::test]
async fn a_429_slows_everyone_on_the_token() {
    let forms = [
        Act::Reply(429, vec![("Retry-After", "1".into())], vec![]),
        json(
            429,
            r#"{"message":"Maximum request rate exceeded. Wait 1secs before issuing a new request"}"#,
        ),
    ];
    for refusal in forms {
        let server = Server::start(move |number, _| match number {
            0 => refusal.clone(),
            _ => json(200, OK),
        })
        .await;
        let client = server.client();
        let first = tokio::spawn(client.user_info().send());
        while server.count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let other = client.clone().user_info().send().await.unwrap();
        assert_eq!(user_name(&other), Some("ada"));
        first.await.unwrap().unwrap();
        let seen = server.seen();
        assert_eq!(seen.len(), 3);
        for later in &seen[1..] {
            let wait = later.at - seen[0].at;
            assert!(wait >= Duration::from_millis(990), "{wait:?}");
        }
    }
}

#[tokio::test]
async fn a_wait_beyond_the_total_time_ends_the_call_and_is_told() {
    let server =
        Server::start(|_, _| Act::Reply(429, vec![("Retry-After", "3600".into())], vec![])).await;
    let client = server.client();
    let error = client.user_info().send().await.unwrap_err();
    assert_eq!((server.count(), error.attempts()), (1, 1));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert!(error.to_string().contains("wait 3600 s"), "{error}");

    // The next one does not hang for an hour.
    let error = client.list_workflows().send().await.unwrap_err();
    assert!(error.is_rate_limited(), "{error}");
    assert_eq!((server.count(), error.attempts()), (1, 0));
    assert!(error.retry_after() > Some(Duration::from_secs(3590)));
}

#[tokio::test]
async fn an_absurd_wait_holds_the_token_for_an_hour_at_most() {
    let server =
        Server::start(|_, _| Act::Reply(429, vec![("Retry-After", "1764000000".into())], vec![]))
            .await;
    let client = server.client();
    client.user_info().send().await.unwrap_err();
    let next = client.user_info().send().await.unwrap_err();
    assert_eq!(server.count(), 1);
    assert!(next.retry_after() <= Some(Duration::from_secs(3600)));
}

#[tokio::test]
async fn a_429_of_cloud_storage_holds_up_nobody() {
    let storage =
        Server::start(|_, _| Act::Reply(429, vec![("Retry-After", "60".into())], vec![])).await;
    let target = storage.address.clone();
    let server = Server::start(move |number, _| match number {
        0 => Act::Reply(307, vec![("Location", target.clone())], vec![]),
        _ => json(200, OK),
    })
    .await;
    let client = server.client().with_retry(RetryPolicy::none());
    let error = client.user_info().send().await.unwrap_err();
    assert!(error.is_rate_limited(), "{error}");
    let next = tokio::time::timeout(Duration::from_secs(5), client.user_info().send());
    assert_eq!(user_name(&next.await.unwrap().unwrap()), Some("ada"));
}

/// Five calls a second, and so much time for each with its retries.
fn limited(server: &Server, total: Duration) -> Client {
    client_of(&server.address)
        .rate_limit(RateLimit::per_second(5))
        .retry(support::hasty().total_time(total))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_short_hold_fails_nobody_who_has_waited_for_long() {
    let server = Server::start(|number, _| match number {
        5 => Act::Reply(429, vec![("Retry-After", "1".into())], vec![]),
        _ => json(200, "{}"),
    })
    .await;
    let client = limited(&server, Duration::from_millis(1_500));
    let calls = (0..12).map(|_| client.user_info().send());
    for reply in join_all(calls).await {
        reply.unwrap();
    }
    assert_eq!(server.count(), 13);
}

#[tokio::test]
async fn waiting_for_the_limit_takes_nothing_from_the_time_for_retries() {
    let server = Server::start(|number, _| match number {
        5 => json(503, ""),
        _ => json(200, "{}"),
    })
    .await;
    let client = limited(&server, Duration::from_millis(300));
    let calls = (0..6).map(|_| client.user_info().send());
    for reply in join_all(calls).await {
        reply.unwrap();
    }
    assert_eq!(server.count(), 7);
}
