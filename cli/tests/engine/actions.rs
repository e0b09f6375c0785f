//! What rules do, beside launches: each against the Platform, or a receiver of their own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use chrono::Utc;
use futures_util::TryStreamExt;
use seqera_cli::kit::Place;
use seqera_cli::rules::Action;
use seqera_cli::rules::file::{Collect, Command, Item, Label, Limit, Notify, Relaunch};
use seqera_cli::rules::state::Condition;
use seqera_test_platform::{Course, TestPlatform, WORKSPACE};
use serde_json::{Value, json};

use crate::state::file;
use crate::{fields, launch, launch_of, only, platform, rule, rules, runs, seen, seen_with, work};

fn item(block: &'static str, keys: Value) -> Item {
    Item {
        block,
        fields: fields(keys),
        place: Place::default(),
    }
}

async fn run_of(platform: &TestPlatform, id: &str) -> seqera::types::WorkflowDetails {
    let client = crate::client(platform.endpoint(), platform.token());
    let run = client.run(id).workspace(WORKSPACE);
    run.describe().await.unwrap().workflow.unwrap()
}

#[tokio::test]
async fn a_table_of_files_becomes_the_parameter_of_a_launch() {
    let folder = tempfile::tempdir().unwrap();
    let reads = folder.path().join("run {7}");
    std::fs::create_dir_all(reads.join("lane")).unwrap();
    for name in [
        "s2_1.fastq.gz",
        "s2_2.fastq.gz",
        "lane/s1_1.fastq.gz",
        "lane/s1_2.fastq.gz",
        "notes",
    ] {
        std::fs::write(reads.join(name), name).unwrap();
    }
    let collect = Action::Collect(Collect {
        files: "{{ event.folder }}/**/*_{1,2}.fastq.gz".to_owned(),
        rows: fields(json!({
            "sample": "{{ file.name | split('_') | first }}",
            "fastq_1": "{{ files[0].path }}",
            "fastq_2": "{{ files[1].path }}",
        })),
        dataset: "sheet-7".to_owned(),
        at_least: 1,
    });
    let launch = launch_of(json!({
        "pipeline": crate::PIPELINE,
        "params": {"input": "{{ sheet.url }}", "rows": "{{ sheet.rows }}"},
        "labels": ["made-by-rules"],
    }));
    let platform = platform(|builder| builder).await;
    let state = file(&folder).await;
    let data = json!({"event": {"folder": reads}});
    state.see(&[seen_with("r", "a", data)], None).await.unwrap();
    let work = work(
        &state,
        rules(vec![rule("r", vec![collect, launch])]),
        &platform,
    )
    .await;
    work.until_all_ended().await;
    let event = only(&state).await;
    assert_eq!(event.condition, Condition::Done, "{event:#?}");
    let run = run_of(&platform, event.made[1]["id"].as_str().unwrap()).await;
    let params = run.params.unwrap();
    assert_eq!(params["input"], event.made[0]["url"]);
    assert_eq!(params["rows"], 2);
    let client = crate::client(platform.endpoint(), platform.token());
    let dataset = client.dataset("sheet-7").workspace(WORKSPACE);
    let parts = dataset.download().send().await.unwrap();
    let bytes = parts.try_fold(Vec::new(), async |mut all, part| {
        all.extend_from_slice(&part);
        Ok(all)
    });
    let text = String::from_utf8(bytes.await.unwrap()).unwrap();
    let path = |name: &str| reads.join(name).display().to_string();
    let wanted = format!(
        "sample,fastq_1,fastq_2\ns1,{},{}\ns2,{},{}\n",
        path("lane/s1_1.fastq.gz"),
        path("lane/s1_2.fastq.gz"),
        path("s2_1.fastq.gz"),
        path("s2_2.fastq.gz"),
    );
    // The order of columns is that of the map.
    let sorted = |text: &str| {
        let mut cells: Vec<_> = text.split([',', '\n']).map(str::to_owned).collect();
        cells.sort();
        cells
    };
    assert_eq!(sorted(&text), sorted(&wanted));
}

#[tokio::test]
async fn a_run_is_launched_again_at_most_so_often() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder.run_time(Duration::from_millis(100))).await;
    platform.every_run(
        crate::PIPELINE,
        Course::fails().takes(Duration::from_millis(100)),
    );
    let state = file(&folder).await;
    let again = Action::Relaunch(Relaunch {
        run: "{{ run.id }}".to_owned(),
        resume: true,
        at_most: 2,
        after: Duration::from_millis(300),
        fields: fields(json!({"labels": ["again"]})),
    });
    let work = work(&state, rules(vec![rule("again", vec![again])]), &platform).await;
    let client = crate::client(platform.endpoint(), platform.token());
    let first = client
        .launch(crate::PIPELINE)
        .workspace(WORKSPACE)
        .send()
        .await
        .unwrap();
    let mut run = first.id().to_owned();
    let mut conditions = Vec::new();
    for number in 0..3 {
        client.run(&run).workspace(WORKSPACE).wait().await.unwrap();
        let data = json!({"run": {"id": run}, "event": {}});
        let mut found = seen_with("again", &format!("{number}"), data);
        found.at = Utc::now();
        state.see(&[found], None).await.unwrap();
        let seen_at = Utc::now();
        work.until_all_ended().await;
        let event = crate::all(&state).await.pop().unwrap();
        conditions.push(event.condition);
        if let Some(made) = event.made.first() {
            assert!(
                (Utc::now() - seen_at).num_milliseconds() >= 250,
                "it came before its time"
            );
            run = made["id"].as_str().unwrap().to_owned();
            let details = run_of(&platform, &run).await;
            assert_eq!(details.resume, Some(true));
        }
    }
    assert_eq!(
        conditions,
        [Condition::Done, Condition::Done, Condition::Skipped]
    );
}

#[tokio::test]
async fn somebody_is_told_at_least_once_and_addresses_stay_secret() {
    type Got = Arc<Mutex<Vec<(String, Option<String>, Value)>>>;
    let got = Got::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!(
        "http://{}/hooks/secret-of-the-chat",
        listener.local_addr().unwrap()
    );
    let noting = got.clone();
    let app = Router::new().fallback(move |headers: HeaderMap, body: String| {
        let noting = noting.clone();
        async move {
            let header = |name: &str| {
                headers
                    .get(name)
                    .map(|value| value.to_str().unwrap().to_owned())
            };
            let mut got = noting.lock().unwrap();
            let body = serde_json::from_str(&body).unwrap_or(Value::Null);
            got.push((header("idempotency-key").unwrap(), header("x-from"), body));
            match got.len() {
                1 => StatusCode::BAD_GATEWAY,
                _ => StatusCode::NO_CONTENT,
            }
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder).await;
    let state = file(&folder).await;
    let notify = |post: String| {
        Action::Notify(Notify {
            post,
            json: Some(json!({"text": "{{ event.sample }} is there", "number": 1})),
            text: None,
            headers: fields(json!({"X-From": "rules"})),
        })
    };
    let nowhere = "http://127.0.0.1:9/secret-of-nowhere".to_owned();
    state
        .see(&[seen("tell", "a"), seen("nowhere", "b")], None)
        .await
        .unwrap();
    let all = rules(vec![
        rule("tell", vec![notify(address)]),
        rule("nowhere", vec![notify(nowhere)]),
    ]);
    let work = work(&state, all, &platform).await;
    let watched = state.clone();
    let stop = async move {
        let put_off = async {
            loop {
                let all = crate::all(&watched).await;
                if all[0].condition == Condition::Done && all[1].tries > 0 {
                    break all;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let all = tokio::time::timeout(Duration::from_secs(60), put_off)
            .await
            .unwrap();
        assert_eq!(all[1].condition, Condition::Waiting);
        let text =
            serde_json::to_string(&all.iter().map(|event| &event.why).collect::<Vec<_>>()).unwrap();
        assert!(!text.contains("secret-of"), "{text}");
    };
    work.engine.run(stop).await.unwrap();
    let got = got.lock().unwrap().clone();
    assert_eq!(got.len(), 2, "{got:?}");
    assert_eq!(got[0], got[1]);
    assert_eq!(got[1].1.as_deref(), Some("rules"));
    assert_eq!(got[1].2, json!({"text": "a is there", "number": 1}));
    drop(work);
    state.close().await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("secret-of"));
    }
}

#[tokio::test]
async fn programs_run_without_a_shell() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder).await;
    let state = file(&folder).await;
    let command = |words: &[&str], seconds| {
        Action::Command(Command {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            folder: Some(folder.path().display().to_string()),
            timeout: Duration::from_secs(seconds),
        })
    };
    let all = rules(vec![
        rule(
            "cat",
            vec![
                command(&["cat"], 60),
                command(&["echo", "{{ command.output.key }}; $(id)"], 60),
            ],
        ),
        rule(
            "fails",
            vec![command(&["ls", "/nonexistent/{{ event.sample }}"], 60)],
        ),
        rule("none", vec![command(&["no-such-program"], 60)]),
        rule("slow", vec![command(&["sleep", "600"], 1)]),
    ]);
    let names = ["cat", "fails", "none", "slow"];
    let found: Vec<_> = names
        .iter()
        .map(|name| seen(name, &format!("key of {name}")))
        .collect();
    state.see(&found, None).await.unwrap();
    let work = work(&state, all, &platform).await;
    work.until_all_ended().await;
    let all = crate::all(&state).await;
    assert_eq!(all[0].made[0]["output"]["event"]["sample"], "key of cat");
    assert_eq!(all[0].made[1]["output"], "key of cat; $(id)");
    for (event, why) in all[1..]
        .iter()
        .zip(["No such file", "can't be run", "took longer"])
    {
        assert_eq!(event.condition, Condition::Failed);
        assert!(event.why.as_deref().unwrap().contains(why), "{event:#?}");
    }
}

#[tokio::test]
async fn runs_are_labelled_and_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder).await;
    let state = file(&folder).await;
    let label = Action::Label(Label {
        run: "{{ launch.id }}".to_owned(),
        add: vec!["seen-{{ event.sample }}".to_owned()],
        remove: vec!["never-there".to_owned()],
    });
    let cancel = || {
        Action::Cancel(seqera_cli::rules::file::Cancel {
            run: "{{ launch.id }}".to_owned(),
        })
    };
    state.see(&[seen("r", "a")], None).await.unwrap();
    let all = rules(vec![rule("r", vec![launch(), label, cancel(), cancel()])]);
    let work = work(&state, all, &platform).await;
    work.until_all_ended().await;
    let event = only(&state).await;
    assert_eq!(event.condition, Condition::Done, "{event:#?}");
    let client = crate::client(platform.endpoint(), platform.token());
    let run = client
        .run(event.made[0]["id"].as_str().unwrap())
        .workspace(WORKSPACE);
    let described = run.describe().await.unwrap();
    assert_eq!(
        described.workflow.unwrap().status,
        Some(seqera::types::WorkflowStatus::Cancelled)
    );
    let workspace = client.workspace(WORKSPACE).await.unwrap().id();
    let list = client
        .list_workflows()
        .workspace_id(workspace)
        .attributes(["labels"]);
    let runs: Vec<_> = list.stream().try_collect().await.unwrap();
    let labels = runs
        .into_iter()
        .flat_map(|run| run.labels.unwrap_or_default());
    let labels: Vec<_> = labels.filter_map(|label| label.name).collect();
    assert!(labels.contains(&"seen-a".to_owned()), "{labels:?}");
}

#[tokio::test]
async fn no_more_runs_at_once_than_said() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder.run_time(Duration::from_millis(700))).await;
    let state = file(&folder).await;
    let mut limited = rule("r", vec![launch()]);
    limited.limit = Limit {
        at_once: Some(2),
        per_hour: None,
    };
    let many: Vec<_> = (0..6)
        .map(|number| seen("r", &number.to_string()))
        .collect();
    state.see(&many, None).await.unwrap();
    let settings = seqera_cli::rules::Settings {
        ends_every: Duration::from_millis(200),
        ..crate::settings()
    };
    let clock = Arc::new(seqera_cli::rules::SystemClock);
    let all = rules(vec![limited]);
    let work = crate::work_with(&state, all, crate::connect(&platform), clock, settings).await;
    let client = crate::client(platform.endpoint(), platform.token());
    let most = Arc::new(Mutex::new(0));
    let noting = most.clone();
    let watched = tokio::spawn(async move {
        loop {
            let list = client
                .list_workflows()
                .workspace_id(client.workspace(WORKSPACE).await.unwrap().id());
            let runs: Vec<_> = list.stream().try_collect().await.unwrap();
            let mut statuses: BTreeMap<bool, usize> = BTreeMap::new();
            for run in runs {
                let status = run.workflow.unwrap_or_default().status.unwrap();
                *statuses.entry(status.is_end()).or_default() += 1;
            }
            let going = statuses.get(&false).copied().unwrap_or_default();
            {
                let mut most = noting.lock().unwrap();
                *most = going.max(*most);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    work.until_all_ended().await;
    watched.abort();
    assert_eq!(runs(&platform).await.len(), 6);
    assert_eq!(*most.lock().unwrap(), 2);
}

#[tokio::test]
async fn datasets_and_studios_are_made_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("samples.csv"), "a,b\n1,2\n").unwrap();
    let platform = platform(|builder| builder.settle_time(Duration::from_millis(20))).await;
    let state = file(&folder).await;
    let path = folder.path().join("samples.csv");
    let dataset = Action::Dataset(item(
        "datasets",
        json!({"name": "of {{ event.sample }}", "file-path": path, "header": true}),
    ));
    let same = dataset.clone();
    platform.act_then_fail("CreateDatasetV2", 1, 502);
    state.see(&[seen("r", "a")], None).await.unwrap();
    let work = work(
        &state,
        rules(vec![rule("r", vec![dataset, same])]),
        &platform,
    )
    .await;
    work.until_all_ended().await;
    let event = only(&state).await;
    assert_eq!(event.condition, Condition::Done, "{event:#?}");
    assert_eq!(event.made[0]["id"], event.made[1]["id"]);
    assert!(
        event.made[1]["url"]
            .as_str()
            .is_some_and(|url| url.contains("/1/")),
        "{event:#?}"
    );
}

#[tokio::test]
async fn a_studio_is_made_once_and_later_actions_see_it() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(|builder| builder.settle_time(Duration::from_millis(20))).await;
    let state = file(&folder).await;
    let studio = Action::Studio(item(
        "studios",
        json!({
            "name": "look-at-{{ event.sample }}",
            "template": "public.cr.seqera.io/platform/data-studio-jupyter:4.2.5",
            "compute-env": "aws-batch-ireland",
            "cpu": 2,
            "memory": 8192,
        }),
    ));
    let same = studio.clone();
    let tell = Action::Command(Command {
        words: vec!["echo".to_owned(), "{{ studio.name }} {{ rule }}".to_owned()],
        folder: None,
        timeout: Duration::from_secs(60),
    });
    // It was made, and nobody heard of it.
    platform.act_then_fail("CreateDataStudio", 1, 502);
    state.see(&[seen("r", "a")], None).await.unwrap();
    let all = rules(vec![rule("r", vec![studio, tell, same])]);
    let work = work(&state, all, &platform).await;
    work.until_all_ended().await;
    let event = only(&state).await;
    assert_eq!(event.condition, Condition::Done, "{event:#?}");
    assert_eq!(event.made[1]["output"], "look-at-a r");
    assert_eq!(event.made[0]["id"], event.made[2]["id"]);
    let client = crate::client(platform.endpoint(), platform.token());
    let workspace = client.workspace(WORKSPACE).await.unwrap().id();
    let list = client.list_data_studios().workspace_id(workspace);
    let studios: Vec<_> = list.stream().try_collect().await.unwrap();
    let names = studios.iter().filter_map(|studio| studio.name.as_deref());
    assert_eq!(names.filter(|name| *name == "look-at-a").count(), 1);
}
