//! Many launches at once: what they share, and the pace of the limit.

use super::*;

/// Which one is primary may change at any time, and decides where a run goes.
#[tokio::test]
async fn the_primary_compute_environment_is_asked_for_each_time_but_once_for_a_batch() {
    let (platform, client) = support::laboratory().await;
    let launch = client
        .launch("https://github.com/nextflow-io/hello")
        .workspace(WORKSPACE_ID);
    for id in ["1cGvJ7yQeN5tUaZxKo9BwD", "4mXqT0bHcW8zLdPfRk2VnS"] {
        let primary = client.update_compute_env_primary().compute_env_id(id);
        let primary = primary.workspace_id(WORKSPACE_ID);
        primary.send().await.unwrap();
        let request = launch.clone().preview().await.unwrap().request;
        assert_eq!(request.compute_env_id.as_deref(), Some(id));
    }
    let before = platform.calls().len();
    let runs: Vec<_> = client
        .launch_all(vec![launch; 5])
        .try_collect()
        .await
        .unwrap();
    // The list, the environment, and the launches.
    assert_eq!((runs.len(), platform.calls().len() - before), (5, 2 + 5));
}

#[tokio::test]
async fn a_pipeline_that_is_not_there_is_looked_for_once_in_a_batch() {
    let (platform, client) = support::laboratory().await;
    let launches = vec![client.launch(5).workspace(WORKSPACE_ID); 6];
    let outcomes: Vec<_> = client.launch_all(launches).collect().await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.as_ref().is_err_and(|error| error.is_not_found()))
    );
    assert_eq!(platform.calls().len(), 1);
}

/// Also where the names of the batch have been looked up, and where the server gives no reason.
#[tokio::test]
async fn a_base_that_failed_is_asked_for_once_in_a_batch_whatever_it_is() {
    for (status, path) in [
        (403, "/pipelines/5/launch"),
        (400, "/pipelines/5/launch"),
        (403, "/compute-envs/ce1"),
    ] {
        let server = Server::start(move |_, seen| match seen.path() {
            found if found == path => json(status, "{}"),
            "/pipelines" => {
                reply(json!({"pipelines": [{"pipelineId": 5, "name": "rnaseq"}], "totalSize": 1}))
            }
            "/pipelines/5/launch" => reply(json!({"launch": {"pipeline": "https://x/y"}})),
            "/compute-envs" => reply(json!({"computeEnvs": [{"id": "ce1", "name": "cloud"}]})),
            path => panic!("{path}"),
        })
        .await;
        let client = server.client();
        let launch = client.launch("rnaseq").workspace(7).compute_env("cloud");
        let outcomes: Vec<_> = client.launch_all(vec![launch; 100]).collect().await;
        let failed = |outcome: &seqera::Result<_>| {
            outcome
                .as_ref()
                .is_err_and(|error| error.status().unwrap() == status)
        };
        assert!(outcomes.iter().all(failed));
        let asked = |path: &str| {
            server
                .seen()
                .iter()
                .filter(|seen| seen.path() == path)
                .count()
        };
        assert_eq!(asked(path), 1, "{status} of {path}");
        assert_eq!(asked("/pipelines"), 1, "{status} of {path}");
    }
}

#[tokio::test]
async fn many_launches_are_made_by_the_client_that_is_asked_to() {
    let (theirs, ours) = (full_server().await, full_server().await);
    let launches = vec![theirs.client().launch(5).workspace(7); 3];
    let runs = ours.client().launch_all(launches).try_collect::<Vec<_>>();
    assert_eq!(runs.await.unwrap().len(), 3);
    assert_eq!((theirs.count(), ours.count()), (0, 1 + 3));
}

#[tokio::test]
async fn many_launches_create_their_label_once() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let launch = client.launch(20_101).workspace(WORKSPACE_ID);
    let launch = launch.label("batch-08").create_labels();
    let runs = client.launch_all(vec![launch; 30]).try_collect::<Vec<_>>();
    runs.await.unwrap();
    let calls = platform.calls();
    let of = |start: &str| calls.iter().filter(|call| call.starts_with(start)).count();
    assert_eq!(of("POST /labels"), 1);
    assert_eq!(of("GET /labels"), 2);
    assert_eq!(calls.len(), 1 + 2 + 1 + 30);
}

/// The calls of 500 launches fill five seconds.
const LIMIT: u32 = 101;

#[tokio::test]
async fn five_hundred_launches_keep_the_pace_of_the_limit() {
    support::measure(five_hundred_launches).await;
}

async fn five_hundred_launches() -> Result<(), String> {
    let platform = TestPlatform::builder()
        // What load of the machine lets arrive together is not refused: the calls are counted.
        .calls_per_second(None)
        .latency(Duration::from_millis(30))
        .start()
        .await
        .unwrap();
    let client = Client::builder(platform.token())
        .endpoint(platform.endpoint())
        .rate_limit(RateLimit::per_second(LIMIT))
        .build()
        .unwrap();
    let launch = client.launch("nf-core-rnaseq").workspace(WORKSPACE);
    let launches = (0..500).map(move |number| match number {
        250 => launch.clone().compute_env("no-such"),
        _ => launch.clone().param("batch", number),
    });
    let (stopwatch, begun) = (Stopwatch::start(), Instant::now());
    let runs: Vec<_> = client.launch_all(launches).collect().await;
    let (took, passed) = (stopwatch.elapsed(), begun.elapsed());

    let failed: Vec<_> = (0..500).filter(|number| runs[*number].is_err()).collect();
    assert_eq!(failed, [250], "results are per launch and in order");
    let calls = platform.calls().len();
    // Three look-ups of names, one configuration, one list of compute environments.
    assert_eq!(calls, 499 + 5, "{:#?}", &platform.calls()[..8]);
    let allowed = support::allowed(calls, LIMIT);
    assert!(
        passed >= allowed,
        "{passed:?} is faster than the limit allows"
    );
    println!("500 launches: {took:?}, the limit allows them in {allowed:?}");
    if took >= allowed.mul_f64(1.15) {
        return Err(format!("{took:?}, but {allowed:?} are allowed"));
    }
    Ok(())
}

#[tokio::test]
async fn dropped_launches_are_not_sent() {
    let server = full_server().await;
    let client = server
        .builder()
        .rate_limit(RateLimit::per_second(5))
        .build();
    let client = client.unwrap();
    let launch = client.launch(5).workspace(7);
    let mut runs = client.launch_all(std::iter::repeat_n(launch, 100));
    runs.next().await.unwrap().unwrap();
    drop(runs);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let sent = server.count();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!((server.count(), sent <= 6), (sent, true));
}
