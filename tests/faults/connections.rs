//! Connections that are refused, reset, stall or break.

use super::*;

#[tokio::test]
async fn refused_connections_are_tried_again_whatever_the_method() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let client = client_of(&address).build().unwrap();
    for method in METHODS {
        let error = call(&client, method.clone()).await.unwrap_err();
        assert!(error.is_connect() && error.is_retryable());
        assert_eq!(error.attempts(), 3, "{method}");
        assert!(
            error
                .to_string()
                .contains("could not connect to 127.0.0.1: connection refused"),
            "{error}"
        );
    }
    let once = client.with_retry(RetryPolicy::none());
    assert_eq!(once.user_info().send().await.unwrap_err().attempts(), 1);
}

#[tokio::test]
async fn names_that_do_not_resolve_are_told() {
    let client = client_of("https://seqera.invalid/api").build().unwrap();
    let error = client.user_info().send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}

#[tokio::test]
async fn connections_that_are_reset_at_once_are_attempts_each() {
    for method in METHODS {
        let server = Server::resetting(Reset::OnAccept).await;
        let error = call(&server.client(), method.clone()).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Connection | ErrorKind::Connect),
            "{error:?}"
        );
        // How much of a request was on its way by then is a matter of luck.
        let attempts = error.attempts() as usize;
        assert_eq!(server.connections.load(Ordering::SeqCst), attempts);
        assert!(attempts == 3 || !is_idempotent(&method) && attempts < 3);
    }
}

#[tokio::test]
async fn connections_that_break_within_the_request_repeat_only_what_is_safe() {
    for method in METHODS {
        let server = Server::resetting(Reset::AtFirstByte).await;
        let error = call(&server.client(), method.clone()).await.unwrap_err();
        let expected = if is_idempotent(&method) { 3 } else { 1 };
        assert_eq!(server.count(), expected, "{method}: {error:?}");
        assert_eq!(error.attempts() as usize, expected);
        assert_eq!(error.kind(), ErrorKind::Connection, "{method}: {error:?}");
    }
}

#[tokio::test]
async fn connections_that_break_after_the_request_repeat_only_what_is_safe() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n";
    let phases: [(&str, Act); 7] = [
        ("reset before the reply", Act::Reset(vec![])),
        ("end before the reply", Act::Raw(vec![])),
        (
            "reset in the head",
            Act::Reset(b"HTTP/1.1 200 OK\r\nContent-".to_vec()),
        ),
        (
            "end in the head",
            Act::Raw(b"HTTP/1.1 200 OK\r\nContent-".to_vec()),
        ),
        (
            "reset in the body",
            Act::Reset([head, "{\"userName\""].concat().into_bytes()),
        ),
        (
            "body shorter than its length",
            Act::Raw([head, "{\"userName\""].concat().into_bytes()),
        ),
        (
            "body cut off in a chunk",
            Act::Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"a\"".to_vec()),
        ),
    ];
    for (phase, act) in phases {
        let methods = if phase.contains("body") {
            WITH_BODY
        } else {
            &METHODS
        };
        for (method, count, error) in of_methods(methods, || act.clone()).await {
            let expected = if is_idempotent(&method) { 3 } else { 1 };
            assert_eq!(count, expected, "{phase} {method}: {error:?}");
            assert_eq!(
                error.kind(),
                ErrorKind::Connection,
                "{phase} {method}: {error:?}"
            );
            assert!(error.is_retryable() && !error.is_connect());
        }
    }
}

#[tokio::test]
async fn stalls_time_out() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{".to_vec();
    let in_the_body = Act::Drip(vec![head, vec![b'}'; 49]], Duration::from_millis(600));
    for (act, methods) in [(Act::Stall, &METHODS[..]), (in_the_body, WITH_BODY)] {
        for (method, count, error) in of_methods(methods, || act.clone()).await {
            assert!(error.is_timeout() && error.is_retryable(), "{error:?}");
            let expected = if is_idempotent(&method) { 3 } else { 1 };
            assert_eq!(count, expected, "{method}");
        }
    }
}
