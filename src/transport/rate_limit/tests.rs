//! Budgets, lines and turns, on a clock that the tests move.

use super::*;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use std::sync::atomic::AtomicUsize;
use std::task::Context;
use tokio::time::{advance, sleep};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Starts `calls` waiting callers in order, each of which is answered at once; returns when
/// each started, in order of starting.
async fn starts(limiter: &Arc<Limiter>, calls: usize) -> Vec<(usize, Instant)> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for call in 0..calls {
        let (limiter, log) = (limiter.clone(), log.clone());
        tasks.push(tokio::spawn(async move {
            limiter.wait_in_line(Asking::default()).await.replied();
            lock(&log).push((call, Instant::now()));
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    lock(&log).clone()
}

/// The most of these moments that are in one second.
fn most_in_a_second(moments: impl IntoIterator<Item = Instant>) -> usize {
    let mut moments: Vec<Instant> = moments.into_iter().collect();
    moments.sort();
    let within = |first: usize| {
        let end = moments.partition_point(|moment| *moment < moments[first] + SECOND);
        end - first
    };
    (0..moments.len()).map(within).max().unwrap_or(0)
}

fn most_started_in_a_second(starts: &[(usize, Instant)]) -> usize {
    most_in_a_second(starts.iter().map(|(_, at)| *at))
}

fn is_in_order(starts: &[(usize, Instant)]) -> bool {
    starts.iter().map(|(call, _)| *call).is_sorted()
}

fn new(limit: RateLimit) -> Arc<Limiter> {
    Arc::new(Limiter::of(SharedBudget::new(limit)))
}

fn limiter(calls: u32) -> Arc<Limiter> {
    new(RateLimit::per_second(calls))
}

/// A caller that asks and is not polled again.
fn stalled(limiter: &Limiter) -> impl Future<Output = Turn<'_>> {
    let mut stalled = Box::pin(limiter.wait_in_line(Asking::default()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(stalled.as_mut().poll(&mut context).is_pending());
    stalled
}

#[tokio::test(start_paused = true)]
async fn no_second_has_more_and_sustained_load_reaches_98_percent() {
    let limiter = limiter(20);
    let begun = Instant::now();
    let starts = starts(&limiter, 2_020).await;
    assert_eq!(most_started_in_a_second(&starts), 20);
    assert!(is_in_order(&starts));
    // 20 at once, then 2,000 at the limit: 100 s at best.
    let rate = 2_000.0 / begun.elapsed().as_secs_f64();
    assert!(rate >= 0.983 * 20.0, "{rate}");
}

/// Workers that make one call after the other, on connections that are made when there is none
/// to spare. Returns when the calls reached the server.
async fn closed_loop(limiter: &Arc<Limiter>, workers: u64, latency: Duration) -> Vec<Instant> {
    const MINUTES: Duration = Duration::from_secs(520);
    const CONNECT: Duration = Duration::from_millis(150);
    let begun = Instant::now();
    let (spare, arrivals) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = async |worker: u64| {
        let mut random = fastrand::Rng::with_seed(worker);
        while begun.elapsed() < MINUTES {
            let turn = limiter.wait_in_line(Asking::default()).await;
            let minus_one = |spare: usize| spare.checked_sub(1);
            let relaxed = Ordering::Relaxed;
            if spare.fetch_update(relaxed, relaxed, minus_one).is_err() {
                sleep(CONNECT).await;
            }
            sleep(latency / 4).await;
            lock(&arrivals).push(Instant::now());
            sleep(latency.mul_f64(0.6 + 0.3 * random.f64())).await;
            turn.replied();
            spare.fetch_add(1, relaxed);
        }
    };
    join_all((0..workers).map(work)).await;
    arrivals.into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn workers_that_wait_for_replies_reach_98_percent() {
    for (workers, latency) in [(10, 450), (12, 500), (16, 600), (40, 100), (50, 2_000)] {
        let limiter = limiter(20);
        let begun = Instant::now();
        let arrivals = closed_loop(&limiter, workers, latency * MILLISECOND).await;
        let seconds = |moment: &Instant| moment.duration_since(begun).as_secs_f64();
        let sustained = arrivals.iter().map(seconds);
        let sustained = sustained.filter(|at| (10.0..510.0).contains(at)).count();
        println!("{workers} workers, {latency} ms: {sustained} of 10000");
        assert!(
            sustained >= 9_800,
            "{workers} workers: {sustained} of 10000"
        );
        let most = most_in_a_second(arrivals);
        assert!(most <= 20, "{workers} workers: {most} in a second");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_may_burst_and_order_is_kept() {
    let limiter = limiter(5);
    let begun = Instant::now();
    let starts = starts(&limiter, 12).await;
    assert!(starts[..5].iter().all(|(_, at)| *at == begun));
    assert!(starts[5].1 >= begun + WINDOW);
    assert!(is_in_order(&starts));
}

/// Lets calls of a client each ask in order, and be answered after so many milliseconds. Returns
/// when each started, in milliseconds.
async fn calls<const N: usize>(calls: [(&Limiter, u32); N]) -> [u128; N] {
    let begun = Instant::now();
    let call = async |(limiter, latency): (&Limiter, u32)| {
        let turn = limiter.wait_in_line(Asking::default()).await;
        let started = begun.elapsed().as_millis();
        sleep(latency * MILLISECOND).await;
        turn.replied();
        started
    };
    join_all(calls.map(call)).await.try_into().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_burst_counts_from_its_replies_and_what_follows_from_its_starts() {
    let limiter = limiter(2);
    let six = [(&*limiter, 300); 6];
    assert_eq!(calls(six).await, [0, 0, 1_300, 1_300, 2_316, 2_316]);
    sleep(SECOND).await;
    assert_eq!(calls([(&*limiter, 300); 3]).await, [0, 0, 1_016]);
    sleep(3 * SECOND).await;
    assert_eq!(calls([(&*limiter, 300); 3]).await, [0, 0, 1_300]);
}

#[tokio::test(start_paused = true)]
async fn calls_count_from_their_replies_where_there_is_no_connection_to_spare() {
    let limiter = limiter(2);
    let latencies = [100, 100, 1_500, 1_500, 100, 100, 100];
    let started = calls(latencies.map(|latency| (&*limiter, latency))).await;
    assert_eq!(started, [0, 0, 1_100, 1_100, 2_116, 2_116, 3_216]);
}

#[tokio::test(start_paused = true)]
async fn each_client_has_connections_of_its_own() {
    let client = || Limiter::shared("pools", "https://a", RateLimit::per_second(1));
    let (one, other) = (&client(), &client());
    let started = calls([(one, 100), (one, 100), (other, 100), (other, 100), (one, 1)]).await;
    assert_eq!(started, [0, 1_100, 2_116, 3_216, 4_232]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_reply_counts_from_its_end_and_takes_its_connection_with_it() {
    let limiter = limiter(1);
    let begun = Instant::now();
    limiter.wait_in_line(Asking::default()).await.replied();
    let failed = limiter.wait_in_line(Asking::default()).await;
    sleep(100 * MILLISECOND).await;
    drop(failed);
    assert_eq!(begun.elapsed(), WINDOW + 100 * MILLISECOND);
    let started = calls([(&*limiter, 100); 3]).await;
    assert_eq!(started, [1_000, 2_100, 3_116], "it is made again");
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_reply_count_for_two_windows_at_most() {
    let limiter = limiter(1);
    let begun = Instant::now();
    let _unanswered = limiter.wait_in_line(Asking::default()).await;
    limiter.wait_in_line(Asking::default()).await.replied();
    assert!(begun.elapsed() < UNANSWERED + 20 * MILLISECOND);
    assert!(begun.elapsed() >= UNANSWERED);
}

#[tokio::test(start_paused = true)]
async fn windows_hold_wherever_they_begin() {
    let limiter = limiter(4);
    let mut all = Vec::new();
    for pause in [0, 300, 450, 100, 900, 20, 20, 990] {
        advance(pause * MILLISECOND).await;
        all.extend(starts(&limiter, 3).await);
    }
    assert_eq!(most_started_in_a_second(&all), 4);
}

#[tokio::test(start_paused = true)]
async fn dropped_callers_cost_nothing() {
    let limiter = limiter(2);
    starts(&limiter, 2).await;
    let begun = Instant::now();
    let wait = || {
        let limiter = limiter.clone();
        tokio::spawn(async move {
            limiter.wait_in_line(Asking::default()).await.replied();
            begun.elapsed()
        })
    };
    let waiting: Vec<_> = (0..500).map(|_| wait()).collect();
    let last = wait();
    sleep(500 * MILLISECOND).await;
    waiting.iter().for_each(|task| task.abort());
    assert_eq!(last.await.unwrap(), WINDOW);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_not_used_goes_to_the_next() {
    let limiter = limiter(1);
    starts(&limiter, 1).await;
    let stalled = stalled(&limiter);
    let begun = Instant::now();
    let next = limiter.clone();
    let next = tokio::spawn(async move {
        next.wait_in_line(Asking::default()).await.replied();
        begun.elapsed()
    });
    let looked = WINDOW + 15 * MILLISECOND;
    sleep(looked).await;
    drop(stalled);
    assert_eq!(next.await.unwrap(), looked);
}

#[tokio::test(start_paused = true)]
async fn callers_that_are_not_polled_delay_nobody() {
    for (limit, others) in [(1, 1), (1, 2), (2, 2), (2, 9), (20, 40)] {
        let limiter = limiter(limit);
        starts(&limiter, limit as usize).await;
        let mut all: Vec<_> = (0..others).map(|_| stalled(&limiter)).collect();
        let begun = Instant::now();
        // One that is alone, in a task of its own, and others later.
        assert_eq!(starts(&limiter, 1).await.len(), 1);
        let took = begun.elapsed();
        println!("{others} at limit {limit}: {took:?}");
        assert!(took < WINDOW + 300 * MILLISECOND, "{took:?}");
        assert!(is_in_order(&starts(&limiter, 3 * limit as usize).await));
        // They may still start, or go.
        all.truncate(1);
        all.remove(0).await.replied();
        assert!(lock(&limiter.budget.budget).waiting() == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_inside_a_loop_over_calls_is_not_held_up() {
    let limiter = limiter(20);
    let mut answers = stream::iter(0..100)
        .map(async |number| {
            limiter.wait_in_line(Asking::default()).await.replied();
            number
        })
        .buffered(40);
    let begun = Instant::now();
    let mut number = 0;
    while let Some(answer) = answers.next().await {
        assert_eq!(answer, number);
        limiter.wait_in_line(Asking::default()).await.replied();
        number += 1;
    }
    // 20 calls at once, 180 at the limit: 9.1 s at best.
    println!("{:?}", begun.elapsed());
    assert!(begun.elapsed() < 11 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_overtaken_caller_is_still_before_later_ones() {
    let limiter = limiter(1);
    starts(&limiter, 1).await;
    let mut early = pin!(stalled(&limiter));
    starts(&limiter, 1).await;
    let late = starts(&limiter, 1);
    let begun = Instant::now();
    let early = async {
        early.as_mut().await.replied();
        begun.elapsed()
    };
    let (late, early) = tokio::join!(late, early);
    assert!(late[0].1.duration_since(begun) > early);
}

/// Polls a future and counts how often.
async fn counted<T>(polls: &AtomicUsize, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|context| {
        polls.fetch_add(1, Ordering::Relaxed);
        future.as_mut().poll(context)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn the_work_of_a_line_does_not_grow_with_its_length() {
    const CALLS: usize = 3_000;
    let limiter = limiter(20);
    let polls = Arc::new(AtomicUsize::new(0));
    let mut line: Vec<_> = (0..CALLS)
        .map(|_| {
            let (limiter, polls) = (limiter.clone(), polls.clone());
            tokio::spawn(async move {
                counted(&polls, limiter.wait_in_line(Asking::default()))
                    .await
                    .replied()
            })
        })
        .collect();
    for task in line.drain(..CALLS / 3) {
        task.await.unwrap();
    }
    let each = polls.swap(0, Ordering::Relaxed) / (CALLS / 3);
    println!("{each} polls for a call");
    assert!(each < 25, "{each} polls for a call");
    for task in &line {
        task.abort();
    }
    for task in line {
        assert!(task.await.unwrap_err().is_cancelled());
    }
    let polls = polls.load(Ordering::Relaxed);
    println!("{polls} polls for all that were cancelled");
    assert!(polls < CALLS, "{polls} polls for all that were cancelled");
    assert!(lock(&limiter.budget.budget).waiting() == 0);
}

#[tokio::test(start_paused = true)]
async fn to_start_now_overtakes_nobody() {
    let limiter = limiter(2);
    let first = limiter.start_now(Asking::default()).unwrap();
    sleep(100 * MILLISECOND).await;
    let second = limiter.start_now(Asking::default()).unwrap();
    assert!(limiter.start_now(Asking::default()).is_none());
    let _waiting = stalled(&limiter);
    first.replied();
    second.replied();
    // One may start, and has to be that which waits.
    sleep(950 * MILLISECOND).await;
    assert!(limiter.start_now(Asking::default()).is_none());
    sleep(SECOND).await;
    // Two may.
    assert!(limiter.start_now(Asking::default()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_hold_stops_everyone_even_without_a_limit() {
    for limit in [RateLimit::per_second(20), RateLimit::unlimited()] {
        let limiter = new(limit);
        assert_eq!(limiter.held_until(), None);
        let until = Instant::now() + 7 * SECOND;
        limiter.hold_until(until);
        limiter.hold_until(until - 3 * SECOND);
        assert_eq!(limiter.held_until(), Some(until));
        assert!(limiter.start_now(Asking::default()).is_none());
        let starts = starts(&limiter, 3).await;
        assert!(starts.iter().all(|(_, at)| *at == until), "{limit:?}");
        assert!(is_in_order(&starts));
        assert_eq!(limiter.held_until(), None);
        drop(limiter.start_now(Asking::default()).unwrap());
        assert_eq!(limiter.budget.is_free(), limit.0.is_none());
    }
}

/// A server that takes `rate` calls a second and `burst` more at a time: whether it takes one now.
fn leaky_bucket(rate: f64, burst: f64) -> impl FnMut() -> bool {
    let mut state = None;
    move || {
        let now = Instant::now();
        let excess = match state {
            None => 0.0,
            Some((excess, last)) => {
                let passed = now.duration_since(last).as_secs_f64();
                f64::max(0.0, excess - rate * passed + 1.0)
            }
        };
        let is_taken = excess <= burst;
        if is_taken {
            state = Some((excess, now));
        }
        is_taken
    }
}

#[tokio::test(start_paused = true)]
async fn refused_calls_take_their_turn_again_until_all_are_answered() {
    const CALLS: u32 = 200;
    for (limit, burst) in [(20, 0), (20, 5), (20, 20), (50, 3)] {
        for rate in [RateLimit::per_second(limit), RateLimit::unlimited()] {
            let limiter = new(rate);
            let bucket = Mutex::new(leaky_bucket(20.0, f64::from(burst)));
            let begun = Instant::now();
            let call = async |number: u32| {
                let mut asking = Asking::default();
                loop {
                    let turn = match limiter.start_now(asking) {
                        Some(turn) => turn,
                        None => limiter.wait_in_line(asking).await,
                    };
                    // Not all take the same way.
                    sleep(Duration::from_micros(u64::from(number * 37 % 700))).await;
                    let is_taken = lock(&bucket)();
                    sleep(2 * MILLISECOND).await;
                    if is_taken {
                        return turn.replied();
                    }
                    asking.place = Some(turn.refused());
                }
            };
            join_all((0..CALLS).map(call)).await;
            let allowed = f64::from(CALLS - 1 - burst) / 20.0;
            let took = begun.elapsed().as_secs_f64() / allowed;
            println!("{rate:?}, burst {burst}: {took:.3} times what is allowed");
            // Without a limit, that of the server has to be found out.
            let bound = if rate == RateLimit::default() {
                1.2
            } else {
                2.0
            };
            assert!(took < bound, "{rate:?}, burst {burst}: {took}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_may_start_again_some_time_after_a_refusal() {
    let limiter = limiter(20);
    let turn = limiter.start_now(Asking::default()).unwrap();
    turn.refused();
    let spaced = starts(&limiter, 10).await;
    assert!(
        spaced
            .windows(2)
            .all(|two| two[1].1 - two[0].1 >= WINDOW / 20)
    );
    sleep(150 * SECOND).await;
    let begun = Instant::now();
    starts(&limiter, 20).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn calls_that_can_not_be_sent_again_have_connections_of_their_own() {
    let limiter = limiter(1);
    let once = Asking {
        once: true,
        ..Asking::default()
    };
    limiter.wait_in_line(Asking::default()).await.replied();
    let begun = Instant::now();
    let _first = limiter.wait_in_line(once).await;
    let until = lock(&limiter.budget.budget).first_uncounted();
    assert_eq!(until, Some(begun + WINDOW + UNANSWERED));
}

#[tokio::test(start_paused = true)]
async fn clients_of_one_token_and_endpoint_share_a_budget() {
    let shared = |token, endpoint, limit| Arc::new(Limiter::shared(token, endpoint, limit));
    let limit = RateLimit::per_second;
    let first = shared("one", "https://a", limit(10));
    for (token, endpoint, same) in [
        ("one", "https://a", true),
        ("two", "https://a", false),
        ("one", "https://b", false),
    ] {
        let other = shared(token, endpoint, limit(10));
        assert_eq!(Arc::ptr_eq(&first.budget, &other.budget), same);
    }

    starts(&first, 9).await;
    let second = shared("one", "https://a", limit(4));
    let mut all = starts(&first, 12).await;
    all.extend(starts(&second, 3).await);
    assert_eq!(most_started_in_a_second(&all), 4);
    drop(second);
    // The lowest holds for what is left of them, and for new ones.
    let third = shared("one", "https://a", limit(10));
    assert_eq!(most_started_in_a_second(&starts(&third, 9).await), 4);
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_the_highest_of_limits() {
    let shared = |limit| Arc::new(Limiter::shared("mixed", "https://a", limit));
    let unlimited = shared(RateLimit::unlimited());
    assert_eq!(most_started_in_a_second(&starts(&unlimited, 9).await), 9);
    let limited = shared(RateLimit::per_second(4));
    assert_eq!(most_started_in_a_second(&starts(&unlimited, 9).await), 4);

    limited.hold_until(Instant::now() + 7 * SECOND);
    assert_eq!(limited.held_until(), unlimited.held_until());
    let again = shared(RateLimit::unlimited());
    drop((limited, unlimited));
    assert!(again.held_until().is_some());
    sleep(7 * SECOND).await;
    assert_eq!(most_started_in_a_second(&starts(&again, 9).await), 4);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_is_one_and_a_budget_that_nobody_has_is_forgotten() {
    let shared = |limit| Arc::new(Limiter::shared("gone", "https://a", limit));
    let budget = Arc::downgrade(&shared(RateLimit::per_second(0)).budget);
    drop(Limiter::shared(
        "other",
        "https://a",
        RateLimit::unlimited(),
    ));
    assert!(budget.upgrade().is_none());
    let again = shared(RateLimit::per_second(0));
    assert_eq!(most_started_in_a_second(&starts(&again, 3).await), 1);
}

#[tokio::test(start_paused = true)]
async fn a_budget_outlives_its_clients_while_their_calls_count() {
    let shared = || {
        Arc::new(Limiter::shared(
            "one by one",
            "https://a",
            RateLimit::per_second(5),
        ))
    };
    let mut all = Vec::new();
    for _ in 0..12 {
        all.extend(starts(&shared(), 1).await);
    }
    assert_eq!(most_started_in_a_second(&all), 5);
    shared().hold_until(Instant::now() + 7 * SECOND);
    let held = starts(&shared(), 1).await;
    assert!(held[0].1 >= all[11].1 + 7 * SECOND);
}
