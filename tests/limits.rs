//! The budget of a token, seen from the server.

mod support;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use seqera::RateLimit;
use seqera::prelude::*;
use support::{Act, Server, Stopwatch, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_of_one_token_never_exceed_its_limit_together() {
    support::measure(two_hundred_calls_of_two_clients).await;
}

async fn two_hundred_calls_of_two_clients() -> Result<(), String> {
    const LIMIT: usize = 50;
    let server = Server::start(|number, _| match number {
        // Retries count as well.
        7 | 30 => json(503, ""),
        _ => json(200, "{}"),
    })
    .await;
    let client = || {
        Client::builder("one-t0ken")
            .endpoint(&server.address)
            .rate_limit(RateLimit::per_second(LIMIT as u32))
            .retry(support::hasty())
            .build()
            .unwrap()
    };
    let clients = [client(), client()];
    let stopwatch = Stopwatch::start();
    let tasks: Vec<_> = (0..200)
        .map(|number| tokio::spawn(clients[number % 2].user_info().send()))
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let took = stopwatch.elapsed();

    let mut starts: Vec<Instant> = server.seen().iter().map(|seen| seen.at).collect();
    starts.sort();
    assert_eq!(starts.len(), 202);
    let windows = starts.iter().zip(&starts[LIMIT..]);
    let shortest = windows.map(|(first, next)| *next - *first).min().unwrap();
    if shortest < Duration::from_secs(1) {
        return Err(format!("{} calls in {shortest:?}", LIMIT + 1));
    }
    // 50 at once and 152 at the limit: 3.04 s at best; 4 windows on a busy machine.
    if took > Duration::from_secs(5) {
        return Err(format!("all calls took {took:?}"));
    }
    Ok(())
}

#[tokio::test]
async fn sustained_load_counts_from_the_starts_of_its_calls() {
    support::measure(three_calls_in_turn).await;
}

async fn three_calls_in_turn() -> Result<(), String> {
    let latency = Duration::from_millis(400);
    let server = Server::start(move |_, _| Act::Late(latency, Box::new(json(200, "{}")))).await;
    let limit = RateLimit::per_second(1);
    let builder = server.builder().read_timeout(Duration::from_secs(5));
    let client = builder.rate_limit(limit).build().unwrap();
    let stopwatch = Stopwatch::start();
    for _ in 0..3 {
        client.user_info().send().await.unwrap();
    }
    let took = stopwatch.elapsed();
    // The first counts until 1.4 s, since it makes the connection. The second counts until 2.416 s;
    // from its reply, it would until 2.8 s.
    if took > Duration::from_millis(3_000) {
        return Err(format!("all calls took {took:?}"));
    }
    Ok(())
}

#[tokio::test]
async fn another_call_inside_a_loop_over_pages_is_not_held_up() {
    let server = Server::start(|_, seen| match seen.path() {
        "/workflow" => {
            let offset: u64 = seen.query("offset").unwrap().parse().unwrap();
            json(
                200,
                format!(r#"{{"workflows":[{{"id":"{offset}"}}],"totalSize":12}}"#),
            )
        }
        _ => json(200, "{}"),
    })
    .await;
    let client = server
        .builder()
        .rate_limit(RateLimit::per_second(6))
        .build()
        .unwrap();
    let mut runs = client
        .list_workflows()
        .stream()
        .page_size(1)
        .concurrency(50);
    let work = async {
        let mut count = 0;
        while let Some(_run) = runs.try_next().await.unwrap() {
            if count < 3 {
                client.user_info().send().await.unwrap();
            }
            count += 1;
        }
        count
    };
    let count = tokio::time::timeout(Duration::from_secs(10), work)
        .await
        .expect("no deadlock");
    assert_eq!(count, 12);
}

/// A proxy that takes `rate` calls a second, evenly, and `burst` more at a time, and refuses others;
/// in the way of nginx (`limit_req` with `nodelay`), which counts those that it takes alone.
fn leaky_bucket(rate: f64, burst: f64) -> impl Fn() -> bool + Send + Sync {
    let state = Mutex::new(None::<(f64, Instant)>);
    move || {
        let (mut state, now) = (state.lock().unwrap(), Instant::now());
        let excess = state.map_or(0.0, |(excess, last)| {
            f64::max(0.0, excess - rate * (now - last).as_secs_f64() + 1.0)
        });
        if excess > burst {
            return false;
        }
        *state = Some((excess, now));
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_calls_are_answered_where_bursts_are_not_allowed() {
    for burst in [20, 5, 0] {
        support::measure(async || two_hundred_calls_at_once(burst).await).await;
    }
}

async fn two_hundred_calls_at_once(burst: u32) -> Result<(), String> {
    const CALLS: u32 = 200;
    let takes = leaky_bucket(20.0, f64::from(burst));
    let server = Server::start(move |_, _| match takes() {
        true => json(200, "{}"),
        false => json(429, r#"{"message":"Too many requests"}"#),
    })
    .await;
    let client = server.builder().rate_limit(RateLimit::default());
    let client = client
        .read_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let stopwatch = Stopwatch::start();
    let calls: Vec<_> = (0..CALLS)
        .map(|_| tokio::spawn(client.user_info().send()))
        .collect();
    for call in calls {
        call.await
            .unwrap()
            .map_err(|error| format!("burst {burst}: {error}"))?;
    }
    let allowed = Duration::from_secs_f64(f64::from(CALLS - 1 - burst) / 20.0);
    let took = stopwatch.elapsed().as_secs_f64() / allowed.as_secs_f64();
    println!(
        "burst {burst}: {took:.3} times what the limit allows, {} requests",
        server.count()
    );
    match took < 1.2 {
        true => Ok(()),
        false => Err(format!(
            "burst {burst}: {took:.3} times what the limit allows"
        )),
    }
}
