//! Dumps of runs: complete, at the limit's pace, through failures, and continued.
#![cfg(feature = "runs")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seqera::mock::MockApi;
use seqera::{ErrorKind, Progress, RateLimit, types};
use seqera_test_platform::{WORKSPACE, WORKSPACE_ID};
use support::{Act, Seen, Server, Stopwatch, folder, json, laboratory, reply};

/// A run of so many tasks that ended with `status`, whose ids are 1 to n.
fn platform(tasks: usize, status: &str, seen: &Seen) -> Act {
    let rest = seen.path().strip_prefix("/workflow/run1");
    match (seen.path(), rest) {
        ("/service-info", _) => json(200, r#"{"serviceInfo":{"version":"26.1"}}"#),
        (_, Some("")) => json(
            200,
            format!(
                r#"{{"workflow":{{"id":"run1","status":"{status}","launchId":"l1","newer":[1]}}}}"#
            ),
        ),
        (_, Some("/progress")) => json(
            200,
            r#"{"progress":{"workflowProgress":{"succeeded":9},"processesProgress":[]}}"#,
        ),
        (_, Some("/log")) => json(
            200,
            r#"{"log":{"downloads":[{"fileName":"nf-run1.log"},{"fileName":"nf-run1.txt"}]}}"#,
        ),
        (_, Some("/launch" | "/metrics")) => json(200, "{}"),
        (_, Some("/tasks")) => {
            let offset: usize = seen
                .query("offset")
                .unwrap_or_default()
                .parse()
                .unwrap_or(0);
            let ids = (offset + 1..=tasks).take(100);
            let page: Vec<_> = ids
                .map(|id| {
                    format!(r#"{{"task":{{"taskId":{id},"status":"COMPLETED","newer":true}}}}"#)
                })
                .collect();
            json(
                200,
                format!(r#"{{"tasks":[{}],"total":{tasks}}}"#, page.join(",")),
            )
        }
        (_, Some("/download")) => reply(200, "text/plain", seen.query("fileName").unwrap()),
        (path, _) => match path.strip_prefix("/workflow/run1/download/") {
            Some(task) => reply(200, "application/octet-stream", format!("log of {task}\n")),
            None => reply(501, "text/plain", format!("unexpected: {path}")),
        },
    }
}

/// All files below a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

fn log_requests(server: &Server) -> usize {
    let seen = server.seen();
    let logs = seen
        .iter()
        .filter(|seen| seen.path().contains("/download/"));
    logs.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_tasks_with_logs_at_the_limits_pace() {
    support::measure(dump_of_five_thousand_tasks).await;
}

async fn dump_of_five_thousand_tasks() -> Result<(), String> {
    const LIMIT: u32 = 400;
    let server = Server::start(|_, seen| {
        let reply = platform(5000, "SUCCEEDED", seen);
        Act::Late(Duration::from_millis(50), Box::new(reply))
    })
    .await;
    let client = server
        .builder()
        .rate_limit(RateLimit::per_second(LIMIT))
        .read_timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let to = folder("pace");
    let stopwatch = Stopwatch::start();
    // The limit is 20 times the Platform's, so that the test is quick: so more calls are under way.
    let dump = client.dump("run1").task_logs().concurrency(96);
    let dumped = dump.to_dir(&to).await.unwrap();
    let took = stopwatch.elapsed();

    let calls = server.count();
    assert_eq!(calls, 5000 + 50 + 8, "no call is made twice");
    assert_eq!((dumped.files, dumped.missing.len()), (5009, 0));
    let allowed = support::allowed(calls, LIMIT);
    println!("{calls} calls in {took:?}; the limit allows them in {allowed:?}");
    std::fs::remove_dir_all(to).unwrap();
    if took > allowed.mul_f64(1.15) {
        return Err(format!("{took:?}, but {allowed:?} are allowed"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_and_broken_downloads_in_the_middle_are_ridden_out() {
    let server = Server::start(|number, seen| {
        let act = platform(5000, "SUCCEEDED", seen);
        if number > 0 && number % 500 == 0 {
            let wait = ("Retry-After", "0".to_owned());
            return Act::Reply(
                429,
                vec![wait],
                br#"{"message":"Maximum request rate exceeded"}"#.to_vec(),
            );
        }
        match act {
            Act::Reply(_, _, body) if number % 601 == 0 && seen.path().contains("/download/") => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                Act::Raw([head.as_bytes(), &body[..3]].concat())
            }
            act => act,
        }
    })
    .await;
    let client = server
        .builder()
        .read_timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let to = folder("middle");
    let dumped = client.dump("run1").task_logs().to_dir(&to).await.unwrap();
    assert_eq!((dumped.files, dumped.missing.len()), (5009, 0));

    let found = files(&to);
    let tasks: BTreeSet<u64> = found["tasks.ndjson"]
        .lines()
        .map(|line| {
            let task: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(task["newer"], true, "fields of newer servers are kept");
            task["taskId"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(tasks, (1..=5000).collect());
    for id in 1..=5000 {
        assert_eq!(
            found[&format!("tasks/{id}.command.log")],
            format!("log of {id}\n")
        );
    }
    assert!(!found.keys().any(|name| name.contains(".unfinished")));
    std::fs::remove_dir_all(to).unwrap();
}

#[tokio::test]
async fn the_layout_is_as_documented() {
    let server = Server::start(|_, seen| platform(3, "SUCCEEDED", seen)).await;
    let to = folder("layout");
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let log = told.clone();
    let dump = server
        .client()
        .dump("run1")
        .workspace(7)
        .task_files([".command.err"]);
    dump.on_progress(move |progress| log.lock().unwrap().push(progress.clone()))
        .to_dir(&to)
        .await
        .unwrap();
    let found = files(&to);
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "launch.json",
            "load.json",
            "logs/nf-run1.log",
            "logs/nf-run1.txt",
            "manifest.json",
            "metrics.json",
            "progress.json",
            "service-info.json",
            "tasks.ndjson",
            "tasks/1.command.err",
            "tasks/2.command.err",
            "tasks/3.command.err",
            "workflow.json",
        ]
    );
    assert!(found["load.json"].contains("\"succeeded\": 9"));
    assert!(found["workflow.json"].contains("newer"));
    assert!(found["manifest.json"].contains("\"missing\": []"));
    let seen = server.seen();
    let of_run = seen.iter().filter(|seen| seen.path() != "/service-info");
    assert!(
        of_run
            .clone()
            .all(|seen| seen.query("workspaceId").as_deref() == Some("7"))
    );

    let told = told.lock().unwrap();
    assert!(told.is_sorted_by_key(|progress| (progress.files, progress.bytes)));
    let last = told.last().unwrap();
    assert_eq!((last.files, last.files_total), (12, Some(12)));
}

#[tokio::test]
async fn an_interrupted_dump_is_continued() {
    let broken = Arc::new(AtomicBool::new(true));
    let off = broken.clone();
    let server = Server::start(move |_, seen| {
        let late = seen.path().strip_prefix("/workflow/run1/download/");
        let late = late
            .and_then(|id| id.parse().ok())
            .is_some_and(|id: u32| id > 30);
        if broken.load(Ordering::SeqCst) && late {
            return Act::Reset(vec![]);
        }
        platform(60, "SUCCEEDED", seen)
    })
    .await;
    let to = folder("continued");
    let dump = server.client().dump("run1").task_logs().concurrency(4);
    let error = dump.clone().to_dir(&to).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    let kept = files(&to)
        .keys()
        .filter(|name| name.starts_with("tasks/"))
        .count();
    assert!((25..=30).contains(&kept), "{kept}");
    assert!(!files(&to).contains_key("manifest.json"));

    off.store(false, Ordering::SeqCst);
    let before = (server.count(), log_requests(&server));
    let dumped = dump.clone().to_dir(&to).await.unwrap();
    assert_eq!((dumped.files, dumped.missing.len()), (69, 0));
    assert_eq!(
        log_requests(&server) - before.1,
        60 - kept,
        "no log is fetched again"
    );
    assert_eq!(
        server.count() - before.0,
        60 - kept + 2,
        "but the run, and the list of its logs"
    );

    let error = server.client().dump("run2").to_dir(&to).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 501);
}

#[tokio::test]
async fn a_run_that_had_not_ended_is_fetched_again() {
    let ended = Arc::new(AtomicBool::new(false));
    let end = ended.clone();
    let server = Server::start(move |_, seen| match ended.load(Ordering::SeqCst) {
        false => platform(2, "RUNNING", seen),
        true => platform(5, "SUCCEEDED", seen),
    })
    .await;
    let to = folder("running");
    std::fs::write(to.join("notes.txt"), "mine").unwrap();
    let dump = server.client().dump("run1").task_logs();
    assert_eq!(dump.clone().to_dir(&to).await.unwrap().files, 11);
    end.store(true, Ordering::SeqCst);
    assert_eq!(dump.clone().to_dir(&to).await.unwrap().files, 14);
    let found = files(&to);
    assert_eq!(found["tasks.ndjson"].lines().count(), 5);
    assert_eq!(found["notes.txt"], "mine");
}

#[tokio::test]
async fn the_folder_of_another_run_is_refused() {
    let server = Server::start(|_, seen| platform(1, "SUCCEEDED", seen)).await;
    let to = folder("other");
    let other = r#"{"workflow":{"id":"run9","status":"SUCCEEDED"}}"#;
    std::fs::write(to.join("workflow.json"), other).unwrap();
    let error = server.client().dump("run1").to_dir(&to).await.unwrap_err();
    assert!(
        error.to_string().contains("dump of another run, run9"),
        "{error}"
    );
    assert_eq!(files(&to).len(), 1);
}

#[tokio::test]
async fn files_that_no_dump_wrote_are_neither_adopted_nor_removed() {
    let server = Server::start(|_, seen| platform(1, "SUCCEEDED", seen)).await;
    for (name, content) in [
        ("workflow.json", r#"{"workflow":{"status":"RUNNING"}}"#),
        ("workflow.json", "mine"),
        ("launch.json", "mine"),
        ("logs/mine.log", "mine"),
    ] {
        let to = folder("mine");
        std::fs::create_dir_all(to.join(name).parent().unwrap()).unwrap();
        std::fs::write(to.join(name), content).unwrap();
        std::fs::write(to.join("notes.txt"), "mine").unwrap();
        let before = files(&to);
        let error = server.client().dump("run1").to_dir(&to).await.unwrap_err();
        assert!(error.to_string().contains("which no dump wrote"), "{error}");
        assert_eq!(files(&to), before);
        std::fs::remove_dir_all(to).unwrap();
    }
}

#[tokio::test]
async fn tasks_in_other_forms_are_kept_and_named_twice_is_fetched_once() {
    let server = Server::start(|_, seen| match seen.path() {
        "/workflow/run1/tasks" => json(
            200,
            r#"{"tasks":[{"taskId":1},{"task":{"taskId":"2"}},"odd",null],"total":4}"#,
        ),
        "/workflow/run1/log" => {
            let file = r#"{"fileName":"nf-run1.log"}"#;
            json(200, format!(r#"{{"log":{{"downloads":[{file},{file}]}}}}"#))
        }
        _ => platform(2, "SUCCEEDED", seen),
    })
    .await;
    let to = folder("forms");
    let dump = server.client().dump("run1").task_logs();
    dump.to_dir(&to).await.unwrap();
    let found = files(&to);
    assert_eq!(
        found["tasks.ndjson"],
        "{\"taskId\":1}\n{\"taskId\":\"2\"}\n\"odd\"\nnull\n"
    );
    assert_eq!(found["tasks/1.command.log"], "log of 1\n");
    assert_eq!(found["tasks/2.command.log"], "log of 2\n");
    let logs = server.seen();
    let logs = logs
        .iter()
        .filter(|seen| seen.path().ends_with("/download"));
    assert_eq!(logs.count(), 1);
}

#[tokio::test]
async fn what_a_run_from_outside_does_not_have_is_listed() {
    let (_platform, client) = laboratory().await;
    let mut runs = client.list_workflows().workspace_id(WORKSPACE_ID).stream();
    let outside = loop {
        let run = runs
            .try_next()
            .await
            .unwrap()
            .expect("one of the runs is from outside");
        let run = run.workflow.unwrap();
        if run.launch_id.is_none() {
            break run.id.unwrap();
        }
    };
    let run = client.run(&outside).workspace(WORKSPACE);
    let dump = run.dump().task_logs();
    let dumped = dump.to_dir(folder("outside")).await.unwrap();
    let paths: Vec<_> = dumped
        .missing
        .iter()
        .map(|missing| missing.path.as_str())
        .collect();
    assert_eq!(paths, ["launch.json", "logs", "tasks/*.command.log"]);
    assert!(
        dumped
            .missing
            .iter()
            .all(|missing| !missing.reason.is_empty())
    );
}

#[tokio::test]
async fn an_archive_holds_the_same_and_appears_when_complete() {
    let server = Server::start(|_, seen| platform(30, "SUCCEEDED", seen)).await;
    let at = folder("archive");
    let dump = server.client().dump("run1").task_logs();
    dump.clone().to_dir(at.join("plain")).await.unwrap();
    let archive = at.join("run.tar.gz");
    dump.clone().to_archive(&archive).await.unwrap();
    let mut written = std::io::Cursor::new(Vec::new());
    dump.to_tar_gz(&mut written).await.unwrap();

    let plain: BTreeMap<_, _> = files(&at.join("plain"))
        .into_iter()
        .map(|(name, content)| (format!("run1/{name}"), content))
        .collect();
    for packed in [std::fs::read(&archive).unwrap(), written.into_inner()] {
        let mut unpacked = tar::Archive::new(flate2::read::GzDecoder::new(&packed[..]));
        let mut found = BTreeMap::new();
        for entry in unpacked.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            found.insert(entry.path().unwrap().to_str().unwrap().to_owned(), content);
        }
        assert_eq!(found, plain);
    }
    let mut names: Vec<_> = std::fs::read_dir(&at)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["plain", "run.tar.gz"]);
}

#[cfg(target_os = "linux")]
#[test]
fn an_archive_that_is_there_is_a_success_whatever_becomes_of_its_folder() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

    let at = folder("kept");
    let archive = at.join("run.tar.gz");
    // Something in the folder that can't be removed from it.
    let kept = at.join("run.tar.gz.parts/kept");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(kept.join("file"), "").unwrap();
    set_permissions(&kept, Permissions::from_mode(0o555)).unwrap();
    let to = archive.clone();
    let dumping = std::thread::spawn(move || {
        // The superuser could.
        let mut rights = capabilities(None).unwrap();
        rights.effective -= CapabilitySet::DAC_OVERRIDE;
        set_capabilities(None, rights).unwrap();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(async {
            let server = Server::start(|_, seen| platform(3, "SUCCEEDED", seen)).await;
            server.client().dump("run1").to_archive(&to).await
        })
    });
    let dumped = dumping.join().unwrap();
    let is_kept = kept.join("file").exists();
    set_permissions(&kept, Permissions::from_mode(0o755)).unwrap();
    assert!(is_kept, "it could be removed");
    dumped.unwrap();
    let packed = std::fs::read(&archive).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&*packed));
    assert!(archive.entries().unwrap().all(|entry| entry.is_ok()));
}

#[tokio::test]
async fn logs_are_in_the_archive_whatever_their_names_end_in() {
    let server = Server::start(|_, seen| match seen.path() {
        "/workflow/run1/log" => json(
            200,
            r#"{"log":{"downloads":[{"fileName":"x"},{"fileName":"x.part"},{"fileName":".unfinished"}]}}"#,
        ),
        _ => platform(0, "SUCCEEDED", seen),
    })
    .await;
    let mut packed = Vec::new();
    let dumped = server.client().dump("run1").to_tar_gz(&mut packed).await;
    assert_eq!(dumped.unwrap().missing, []);
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&*packed));
    let mut logs = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        if let Some(name) = name.strip_prefix("run1/logs/") {
            logs.insert(name.to_owned(), text);
        }
    }
    for name in ["x", "x.part", ".unfinished"] {
        assert_eq!(logs[name], name, "{logs:?}");
    }
}

#[tokio::test]
async fn server_names_stay_in_the_folder() {
    let server = Server::start(|_, seen| match seen.path() {
        "/workflow/run1/log" => {
            let names = ["../../evil", "/evil", "fine.log", &"n".repeat(256)];
            let downloads = names.map(|name| serde_json::json!({ "fileName": name }));
            json(
                200,
                serde_json::json!({"log": {"downloads": downloads}}).to_string(),
            )
        }
        _ => platform(1, "SUCCEEDED", seen),
    })
    .await;
    let at = folder("names");
    let dumped = server.client().dump("run1").to_dir(at.join("a/b"));
    let dumped = dumped.await.unwrap();
    let mut noted: Vec<_> = (dumped.missing.iter())
        .map(|missing| (&*missing.path, &*missing.reason))
        .collect();
    noted.sort_unstable();
    let long = format!("logs/{}", "n".repeat(256));
    assert_eq!(
        noted,
        [
            ("logs/../../evil", "its name has `.` or `..` as a folder"),
            ("logs//evil", "its name has a folder without a name"),
            (&*long, "its name is one that the file system does not take"),
        ]
    );
    let files = files(&at);
    assert!(
        files.contains_key("a/b/logs/fine.log"),
        "{:?}",
        files.keys()
    );
    assert!(files.keys().all(|name| name.starts_with("a/b/")));
}

#[tokio::test]
async fn dropping_the_future_stops_the_dump() {
    let server = Server::start(|_, seen| {
        Act::Late(
            Duration::from_millis(5),
            Box::new(platform(5000, "SUCCEEDED", seen)),
        )
    })
    .await;
    let bytes = Arc::new(AtomicU64::new(0));
    let files_done = Arc::new(AtomicUsize::new(0));
    let (count, done) = (bytes.clone(), files_done.clone());
    let dump = server
        .client()
        .dump("run1")
        .task_logs()
        .concurrency(4)
        .on_progress(move |progress| {
            count.store(progress.bytes, Ordering::SeqCst);
            done.store(progress.files as usize, Ordering::SeqCst);
        });
    let to = folder("dropped");
    let running = tokio::spawn(dump.to_dir(to.clone()));
    while files_done.load(Ordering::SeqCst) < 30 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let calls = server.count();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.count(), calls);
    assert!(bytes.load(Ordering::SeqCst) > 0);
    std::fs::remove_dir_all(to).unwrap();
}

#[tokio::test]
async fn what_the_server_does_not_have_is_listed_and_the_rest_is_there() {
    let api = MockApi::start().await;
    let run = types::WorkflowDetails::new()
        .id("run1")
        .status(types::WorkflowStatus::Succeeded);
    api.info(|_, then| then.json(200, &serde_json::json!({"serviceInfo": {}})))
        .await;
    let described = api
        .describe_workflow(|when, then| {
            when.workflow_id("run1").workspace_id(7);
            then.ok(types::DescribeWorkflowResponse::new().workflow(run));
        })
        .await;
    api.list_workflow_tasks(|when, then| {
        when.workflow_id("run1").workspace_id(7);
        then.ok(types::ListTasksResponse::new().tasks([]).total(0));
    })
    .await;
    api.describe_workflow_launch(|_, then| then.error(404, "no launch"))
        .await;
    api.describe_workflow_metrics(|_, then| then.error(404, "no metrics"))
        .await;
    api.describe_workflow_progress(|_, then| then.error(404, "no progress"))
        .await;
    api.get_workflow_log(|_, then| then.error(404, "no log"))
        .await;
    api.download_workflow_log(|_, then| then.error(404, "no log"))
        .await;

    let to = folder("mocked");
    let dump = api.client().dump("run1").workspace(7);
    let dumped = dump.to_dir(&to).await.unwrap();
    assert_eq!(api.unexpected(), [""; 0]);
    let missing: BTreeSet<&str> = (dumped.missing.iter())
        .map(|missing| missing.path.as_str())
        .collect();
    for name in ["launch.json", "metrics.json", "progress.json", "load.json"] {
        assert!(missing.contains(name), "{name}: {missing:?}");
        assert!(!to.join(name).exists());
    }
    for name in ["service-info.json", "workflow.json", "manifest.json"] {
        assert!(to.join(name).exists(), "{name}");
    }
    assert!(described.calls() >= 1);
    std::fs::remove_dir_all(to).unwrap();
}
