//! Whole pieces of work against the test Platform: launches and their runs, files up and down.

#[path = "support/platform.rs"]
mod platform;
mod support;

use platform::{Platform, json_of};
use seqera_test_platform::{BUCKET, Course, WORKSPACE};
use support::{stderr, stdout};

/// The ids of the runs that a result tells of.
fn ids(rows: &serde_json::Value, field: &str) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.filter_map(|row| row[field].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn a_launch_by_name_takes_five_calls() {
    let platform = Platform::start();
    for words in [
        &["launch", "nf-core-rnaseq", "-w", WORKSPACE][..],
        &["-o", "json", "launch", "nf-core-rnaseq", "-w", WORKSPACE],
    ] {
        platform.platform.clear_calls();
        let launched = platform.run("seqctl", words);
        assert_eq!(launched.status.code(), Some(0), "{}", stderr(&launched));
        let calls = platform.platform.calls();
        assert!(calls.len() <= 5, "{calls:#?}");
    }
}

#[test]
fn a_launch_is_waited_for_and_its_run_found_and_dumped() {
    let platform = Platform::start();
    let workspaces = json_of(&platform.run("seqctl", &["-o", "json", "workspaces", "list"]));
    let entry = &workspaces["workspaces"][0];
    let workspace = format!(
        "{}/{}",
        entry["orgName"].as_str().unwrap(),
        entry["workspaceName"].as_str().unwrap()
    );
    let pipelines = json_of(&platform.run(
        "seqctl",
        &["-o", "json", "pipelines", "list", "-w", &workspace],
    ));
    let pipeline = pipelines["pipelines"][0]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let launched = platform.run("tw", &["-o", "json", "launch", &pipeline, "-w", &workspace]);
    assert!(launched.stderr.is_empty(), "{}", stderr(&launched));
    let id = json_of(&launched)["workflowId"]
        .as_str()
        .unwrap()
        .to_owned();
    let words = ["launch", &pipeline, "-w", &workspace, "--wait", "SUCCEEDED"];
    let waited = platform.run("seqctl", &words);
    assert!(
        matches!(waited.status.code(), Some(0 | 3)),
        "{}",
        stderr(&waited)
    );
    let runs = json_of(&platform.run(
        "seqctl",
        &[
            "-o", "json", "runs", "list", "-w", &workspace, "--max", "150",
        ],
    ));
    let runs = runs["workflows"].as_array().unwrap();
    assert_eq!(runs.len(), 150);
    assert!(runs.iter().any(|run| run["workflow"]["id"] == id.as_str()));
    let view = json_of(&platform.run(
        "tw",
        &[
            "-o", "json", "runs", "view", "-i", &id, "-w", &workspace, "--status",
        ],
    ));
    assert_eq!(view["general"]["id"], id.as_str());
    let folder = tempfile::tempdir().unwrap();
    for suffix in ["tar.gz", "tar.xz"] {
        let file = folder.path().join(format!("run.{suffix}"));
        let file = file.to_str().unwrap();
        let words = [
            "-o",
            "json",
            "runs",
            "dump",
            "-i",
            &id,
            "-w",
            &workspace,
            "-o",
            file,
            "--add-task-logs",
        ];
        let dumped = platform.run("tw", &words);
        assert_eq!(dumped.status.code(), Some(0), "{}", stderr(&dumped));
        assert!(
            json_of(&dumped)["outputFile"]
                .as_str()
                .unwrap()
                .starts_with("file:///")
        );
        assert!(std::fs::metadata(file).unwrap().len() > 500);
    }
    let entries = tar::Archive::new(flate2::read::GzDecoder::new(
        std::fs::File::open(folder.path().join("run.tar.gz")).unwrap(),
    ))
    .entries()
    .unwrap()
    .map(|entry| entry.unwrap().path().unwrap().display().to_string())
    .collect::<Vec<_>>();
    assert_eq!(
        entries[..3],
        [
            "service-info.json",
            "workflow.json",
            "workflow-metadata.json"
        ]
    );
}

#[test]
fn a_run_is_followed_to_its_end() {
    let platform = Platform::start();
    let words = ["launch", "nf-core-rnaseq", "-w", WORKSPACE, "--follow"];
    let followed = platform.run("seqctl", &words);
    assert_eq!(followed.status.code(), Some(0), "{}", stderr(&followed));
    let text = stdout(&followed);
    assert!(
        text.contains("submitted at") && text.contains("N E X T F L O W"),
        "{text}"
    );
    // Nobody watches standard error.
    assert!(followed.stderr.is_empty(), "{}", stderr(&followed));

    platform
        .platform
        .next_run("nf-core-rnaseq", Course::fails());
    let failed = platform.run("seqctl", &words);
    assert_eq!(failed.status.code(), Some(3), "{}", stderr(&failed));
    platform
        .platform
        .next_run("nf-core-rnaseq", Course::fails());
    let failed = platform.run("tw", &[&["-o", "json"], &words[..]].concat());
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.is_empty(), "{}", stderr(&failed));
    let id = json_of(&failed)["workflowId"].as_str().unwrap().to_owned();

    let watched = platform.run(
        "seqctl",
        &["-o", "json", "runs", "watch", &id, "-w", WORKSPACE],
    );
    assert_eq!(watched.status.code(), Some(3));
    assert_eq!(json_of(&watched)["runs"][0]["status"], "FAILED");
    let logs = platform.run("seqctl", &["runs", "logs", &id, "-w", WORKSPACE]);
    assert_eq!(logs.status.code(), Some(0));
    let lines = platform.run(
        "seqctl",
        &["-o", "jsonl", "runs", "logs", &id, "-w", WORKSPACE],
    );
    assert!(stdout(&logs).lines().count() > 5, "{}", stdout(&logs));
    for line in stdout(&lines).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["line"].is_string(), "{line}");
    }
    let followed = platform.run("seqctl", &["runs", "logs", &id, "-f", "-w", WORKSPACE]);
    assert_eq!(followed.status.code(), Some(3));
}

#[test]
fn a_table_is_a_launch_for_each_row() {
    let platform = Platform::start();
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("table.csv");
    let text = "pipeline,--name,input\n,table-1,s3://a\n,table-2,s3://b\nnothing,table-3,s3://c\n";
    std::fs::write(&table, text).unwrap();
    let table = table.to_str().unwrap();
    let words = [
        "-o",
        "json",
        "launch",
        "nf-core-rnaseq",
        "-w",
        WORKSPACE,
        "--from",
        table,
    ];
    let dry = platform.run("seqctl", &[&["--dry-run"], &words[..]].concat());
    assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
    let requests = json_of(&dry);
    assert_eq!(requests.as_array().unwrap().len(), 2, "{requests:#}");
    assert!(
        requests[1]["body"]["launch"]["paramsText"]
            .as_str()
            .unwrap()
            .contains("s3://b")
    );
    let before = platform.platform.changes();
    let launched = platform.run("seqctl", &words);
    assert_eq!(launched.status.code(), Some(1), "{}", stderr(&launched));
    assert_eq!(platform.platform.changes() - before, 2);
    let launches = &json_of(&launched)["launches"];
    assert_eq!(launches[2]["result"], "failed", "{launches}");
    let runs = ids(launches, "workflowId");
    assert_eq!(runs.len(), 2);
    let watched = platform.run(
        "seqctl",
        &[
            &["runs", "watch", "-w", WORKSPACE],
            &[&*runs[0], &*runs[1]][..],
        ]
        .concat(),
    );
    assert_eq!(watched.status.code(), Some(0), "{}", stderr(&watched));
}

#[test]
fn runs_are_found_by_filters_and_cancelled_together() {
    let platform = Platform::start();
    platform
        .platform
        .every_run("nf-core-rnaseq", Course::never_ends());
    for _ in 0..2 {
        let words = [
            "launch",
            "nf-core-rnaseq",
            "-w",
            WORKSPACE,
            "--wait",
            "RUNNING",
        ];
        assert_eq!(platform.run("seqctl", &words).status.code(), Some(0));
    }
    let list = |more: &[&str]| {
        let words = [&["-o", "json", "runs", "list", "-w", WORKSPACE][..], more].concat();
        let listed = platform.run("seqctl", &words);
        assert_eq!(listed.status.code(), Some(0), "{}", stderr(&listed));
        json_of(&listed)["workflows"].as_array().unwrap().clone()
    };
    let running = list(&[
        "--status",
        "running",
        "--since",
        "1h",
        "--pipeline",
        "nf-core-rnaseq",
    ]);
    assert_eq!(running.len(), 2);
    let by_name = list(&["--max", "20", "--sort", "run"]);
    let names: Vec<_> = (by_name.iter())
        .map(|run| run["workflow"]["runName"].as_str().unwrap())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let words = [
        "-o", "json", "runs", "cancel", "-w", WORKSPACE, "--status", "running",
    ];
    let dry = platform.run("seqctl", &[&["--dry-run"], &words[..]].concat());
    assert_eq!(json_of(&dry).as_array().unwrap().len(), 2);
    let cancelled = json_of(&platform.run("seqctl", &words));
    assert_eq!(ids(&cancelled["runs"], "id").len(), 2, "{cancelled}");
    assert!(list(&["--status", "running"]).is_empty());
    let none = platform.run("seqctl", &words);
    assert_eq!(none.status.code(), Some(5), "{}", stderr(&none));
}

#[test]
fn a_dataset_goes_up_and_comes_back() {
    let platform = Platform::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("samples.tsv");
    std::fs::write(&file, "sample\tfastq\na\ts3://x\n").unwrap();
    let file = file.to_str().unwrap();
    let at = ["-n", "round-trip", "-w", WORKSPACE];
    let run = |name, words: &[&str]| {
        let output = platform.run(name, words);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?}: {}",
            stderr(&output)
        );
        output
    };
    let add = [
        &["-o", "json", "datasets", "add", file, "--header"],
        &at[..],
    ]
    .concat();
    let made = json_of(&run("tw", &add));
    assert_eq!(made["datasetName"], "round-trip");
    assert_eq!(made["workspaceRef"], WORKSPACE);
    let again = platform.run("tw", &add);
    assert!(
        stderr(&again).contains("already exists"),
        "{}",
        stderr(&again)
    );
    let replaced = json_of(&run("tw", &[&add[..], &["--overwrite"]].concat()));
    assert_ne!(replaced["datasetId"], made["datasetId"]);
    run(
        "seqctl",
        &[&["datasets", "update", "--file", file], &at[..]].concat(),
    );
    let versions = run(
        "seqctl",
        &[&["-o", "json", "datasets", "view"], &at[..], &["versions"]].concat(),
    );
    assert_eq!(json_of(&versions)["versions"].as_array().unwrap().len(), 2);
    let content = run("seqctl", &[&["datasets", "download"], &at[..]].concat());
    assert_eq!(content.stdout, std::fs::read(file).unwrap());
}

#[test]
fn files_go_up_and_come_back() {
    let platform = Platform::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("plate/deep")).unwrap();
    std::fs::write(folder.path().join("plate/a.txt"), "a").unwrap();
    std::fs::write(folder.path().join("plate/deep/empty"), "").unwrap();
    std::fs::write(folder.path().join("one.txt"), "one").unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (plate, one, down) = (path("plate"), path("one.txt"), path("down"));
    let run = |name, words: &[&str]| {
        let at = ["-n", BUCKET, "-w", WORKSPACE, "-c", "aws-batch-runner"];
        let output = platform.run(name, &[words, &at[..]].concat());
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?}: {}",
            stderr(&output)
        );
        output
    };
    let up = [
        "-o",
        "json",
        "data-links",
        "upload",
        &plate,
        &one,
        "-o",
        "from-cli",
    ];
    let up = run("tw", &up);
    assert!(up.stderr.is_empty());
    let told = json_of(&up);
    assert_eq!(told["transferDirection"], "UPLOAD");
    assert_eq!(told["paths"][0]["type"], "FOLDER");
    assert_eq!(told["paths"][0]["fileCount"], 2);
    assert_eq!(told["paths"][1]["type"], "FILE");
    assert_eq!(
        platform
            .platform
            .object(BUCKET, "from-cli/plate/a.txt")
            .unwrap(),
        b"a"
    );
    std::fs::create_dir(&down).unwrap();
    let words = [
        "data-links",
        "download",
        "from-cli/plate",
        "from-cli/one.txt",
        "-o",
        &down,
    ];
    let told = run("seqctl", &words);
    assert!(
        stdout(&told).contains("folder from-cli/plate: 2 files"),
        "{}",
        stdout(&told)
    );
    let read = |name: &str| std::fs::read(folder.path().join("down").join(name)).unwrap();
    assert_eq!(read("from-cli/plate/a.txt"), b"a");
    assert_eq!(read("from-cli/plate/deep/empty"), b"");
    assert_eq!(read("one.txt"), b"one");
    let missing = platform.run(
        "tw",
        &[
            "data-links",
            "download",
            "nothing.txt",
            "-n",
            BUCKET,
            "-w",
            WORKSPACE,
            "-c",
            "aws-batch-runner",
        ],
    );
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        stderr(&missing).starts_with("\n ERROR: "),
        "{}",
        stderr(&missing)
    );
}

#[test]
#[cfg(unix)]
fn who_ends_a_wait_is_told_what_goes_on() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let platform = Platform::start();
    platform
        .platform
        .every_run("nf-core-rnaseq", Course::never_ends());
    for (name, status) in [("seqctl", 130), ("tw", 1)] {
        let mut waiting = support::of_name(name)
            .env("TOWER_API_ENDPOINT", platform.platform.endpoint())
            .env("TOWER_ACCESS_TOKEN", platform.platform.token())
            .args(["--insecure", "launch", "nf-core-rnaseq", "-w", WORKSPACE])
            .args(["--wait", "SUCCEEDED"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(waiting.stdout.as_mut().unwrap())
            .read_line(&mut first)
            .unwrap();
        assert!(first.contains("submitted"), "{first}");
        // The wait begins.
        std::thread::sleep(std::time::Duration::from_millis(500));
        let id = waiting.id().to_string();
        let mut kill = std::process::Command::new("kill");
        assert!(kill.args(["-INT", &id]).status().unwrap().success());
        let ended = waiting.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(status), "{}", stderr(&ended));
        assert!(stderr(&ended).contains("goes on"), "{}", stderr(&ended));
    }
}
