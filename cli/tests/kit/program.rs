//! The program: the guide's commands, secrets in whatever it prints, and the options of `seqerakit`.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use seqera_test_platform::TestPlatform;

use super::{VARIABLES, folder};

/// A Platform that lives as long as this.
struct Server {
    platform: TestPlatform,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    fn start() -> Self {
        Self::start_with(Duration::ZERO)
    }

    fn start_with(latency: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.unwrap();
        let builder = TestPlatform::builder().calls_per_second(None).runs(0);
        let builder = builder
            .settle_time(Duration::from_millis(20))
            .latency(latency);
        let platform = runtime.block_on(builder.start()).unwrap();
        Self {
            platform,
            _runtime: runtime,
        }
    }

    fn with(&self, command: &mut Command, at: &Path) -> Output {
        self.prepared(command, at).output().unwrap()
    }

    fn prepared<'a>(&self, command: &'a mut Command, at: &Path) -> &'a mut Command {
        command
            .env_clear()
            .env("SEQCTL_CONFIG", "/nonexistent/seqctl.yml")
            .env("TOWER_API_ENDPOINT", self.platform.endpoint())
            .env("TOWER_ACCESS_TOKEN", self.platform.token())
            .env("HOME", at)
            .envs(VARIABLES)
            .current_dir(at);
        let own = assert_cmd::cargo::cargo_bin!("seqctl").parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", own.display()))
    }

    fn run(&self, words: &[&str], at: &Path) -> Output {
        self.with(
            Command::new(assert_cmd::cargo::cargo_bin!("seqctl")).args(words),
            at,
        )
    }
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn each_command_of_the_guide_does_what_the_page_shows() {
    let server = Server::start();
    let at = tempfile::tempdir().unwrap();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/setup.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut commands = 0;
    for block in page.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for part in block.split("$ ").filter(|part| !part.is_empty()) {
            // A command is a line, or several up to the end of a text in it.
            let (command, expected) = match part.find("\nFILE\n") {
                Some(end) => part.split_at(end + 6),
                None => part.split_once('\n').unwrap(),
            };
            let output = server.with(Command::new("sh").args(["-c", command]), at.path());
            let told = told(&output);
            assert!(
                output.status.success(),
                "{command}: {:?}\n{told}",
                output.status
            );
            for line in expected.lines() {
                assert!(
                    told.contains(line),
                    "`{line}` is not told by {command}:\n{told}"
                );
            }
            commands += 1;
        }
    }
    assert!(commands > 14, "{commands}");
}

#[test]
fn no_secret_is_in_what_is_told_or_kept() {
    let server = Server::start();
    let at = tempfile::tempdir().unwrap();
    let files = folder("all").display().to_string();
    let state = ["--state", "state.json", "--remember-secrets"];
    let mut kept = String::new();
    let mut run = |words: &[&str]| {
        let output = server.run(words, at.path());
        kept.push_str(&told(&output));
        output
    };
    run(&[
        &[
            "-v",
            "plan",
            &files,
            "--all",
            "--update-secrets",
            "--out",
            "plan.json",
        ][..],
        &state,
    ]
    .concat());
    run(&[&["apply", &files, "--dryrun"][..], &state].concat());
    // Refused, with the secret in the server's words.
    let words = "No: value-of-the-token is a bad value, as value-of-the-password is";
    for operation in ["CreatePipelineSecret", "CreateCredentials"] {
        server.platform.fail_next(operation, 1, 400);
        server
            .platform
            .alter_replies(operation, "/message", words.into());
    }
    let failed = run(&[&["-v", "apply", &files][..], &state].concat());
    assert_eq!(failed.status.code(), Some(1), "{}", told(&failed));
    assert!(told(&failed).contains("(sensitive) is a bad value, as (sensitive) is"));
    server.platform.clear_faults();
    let done = run(&[&["-v", "-o", "json", "apply", &files][..], &state].concat());
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    run(&[
        &["plan", &files, "--all", "--update-secrets", "-o", "yaml"][..],
        &state,
    ]
    .concat());
    run(&[
        "export",
        "-w",
        "river-lab/sequencing",
        "--organization",
        "river-lab",
    ]);
    run(&["delete", &files, "--dryrun"]);
    let mut files_kept = 0;
    for entry in walk(at.path()) {
        kept.push_str(&std::fs::read_to_string(entry).unwrap_or_default());
        files_kept += 1;
    }
    assert!(files_kept > 10, "{files_kept}");
    for (name, value) in &VARIABLES[..4] {
        assert!(!kept.contains(value), "{name} is in what is told or kept");
    }
    assert!(kept.contains("(sensitive)"));
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(walk(&path)),
            false => files.push(path),
        }
    }
    files
}

#[test]
fn exit_codes_tell_changes_and_a_plan_of_another_day_is_refused() {
    let server = Server::start();
    let at = tempfile::tempdir().unwrap();
    let file = at.path().join("one.yml");
    std::fs::write(
        &file,
        "labels:\n  - {name: one, workspace: open-genomics/research}\n",
    )
    .unwrap();
    let status = |words: &[&str]| {
        let output = server.run(words, at.path());
        (output.status.code(), told(&output))
    };
    assert_eq!(
        status(&["plan", "one.yml", "--exit-code", "--out", "kept.json"]).0,
        Some(10)
    );
    assert_eq!(status(&["apply", "one.yml"]).0, Some(0));
    assert_eq!(status(&["diff", "one.yml", "--exit-code"]).0, Some(0));
    let (code, told) = status(&["apply", "kept.json"]);
    assert_eq!(code, Some(6), "{told}");
    assert!(told.contains("plan again"), "{told}");
    let (code, told) = status(&["plan", "nowhere.yml"]);
    assert_eq!(code, Some(1), "{told}");
    let (code, told) = status(&["validate", "one.yml", "-o", "json"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("\"valid\""), "{told}");
}

#[test]
fn called_as_seqerakit_it_takes_its_options() {
    let server = Server::start();
    let at = tempfile::tempdir().unwrap();
    let link = at.path().join("seqerakit");
    std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin!("seqctl"), &link).unwrap();
    std::fs::write(
        at.path().join("env.yml"),
        "PLACE: open-genomics/research\nSAME: $PLACE\n",
    )
    .unwrap();
    std::fs::write(
        at.path().join("one.yml"),
        "labels:\n  - {name: one, workspace: $SAME}\n  - {name: two, workspace: $PLACE}\n",
    )
    .unwrap();
    let run = |words: &[&str]| {
        let output = server.with(Command::new(&link).args(words), at.path());
        (output.status.code(), told(&output))
    };
    let common = [
        "--env-file",
        "env.yml",
        "--cli",
        "--insecure",
        "-l",
        "DEBUG",
    ];
    let with = |words: &[&'static str]| [&common[..], words].concat();
    let (code, text) = run(&with(&["one.yml", "--dryrun", "--target", "labels=one"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("labels one") && !text.contains("labels two"),
        "{text}"
    );
    let (code, text) = run(&with(&["--json", "one.yml"]));
    assert_eq!(code, Some(0), "{text}");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["done"], 2);
    let (code, text) = run(&with(&["one.yml", "--on-exists", "fail"]));
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = run(&with(&["one.yml", "--delete", "--targets", "labels"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("2 done"), "{text}");
    assert_eq!(run(&["--info"]).0, Some(0));
    assert!(run(&["-v"]).1.contains(env!("CARGO_PKG_VERSION")));
    // Standard input, without a name.
    let mut child = Command::new("sh");
    let output = server.with(
        child.args(["-c", "printf 'labels: [{name: piped, workspace: open-genomics/research}]' | ./seqerakit --dryrun"]),
        at.path(),
    );
    assert!(told(&output).contains("labels piped"), "{}", told(&output));
}

fn seqctl(words: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("seqctl"));
    command.args(words);
    command
}

#[test]
fn a_program_that_is_killed_goes_on_where_it_was_and_makes_nothing_twice() {
    let server = Server::start_with(Duration::from_millis(10));
    let at = tempfile::tempdir().unwrap();
    let files = folder("all").display().to_string();
    let words = ["apply", &files, "--launch-once", "k"];
    // Killed after so many calls that change something, wherever that is.
    for changes in [1, 4, 9, 15, 22, 30] {
        let mut command = seqctl(&words);
        let command = server.prepared(&mut command, at.path());
        let command = command.stdout(std::process::Stdio::null());
        let mut process = command.stderr(std::process::Stdio::null()).spawn().unwrap();
        while server.platform.changes() < changes && process.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = process.kill();
        process.wait().unwrap();
    }
    let done = server.run(&words, at.path());
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    let done = server.run(
        &["plan", &files, "--launch-once", "k", "--exit-code"],
        at.path(),
    );
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    // Names are unique but for these.
    let calls = server.platform.received().into_iter();
    let launched = calls.filter(|call| {
        call.operation.as_deref() == Some("CreateWorkflowLaunch") && call.status < 400
    });
    assert_eq!(launched.count(), 1);
    let versions = server.run(
        &[
            "-o",
            "json",
            "pipelines",
            "versions",
            "list",
            "-n",
            "greet",
            "-w",
            "river-lab/sequencing",
        ],
        at.path(),
    );
    let versions: serde_json::Value = serde_json::from_slice(&versions.stdout).unwrap();
    let versions = versions["versions"].as_array().unwrap();
    let named = versions
        .iter()
        .filter(|version| version["name"] == "greet-dev");
    assert_eq!(named.count(), 1, "{versions:#?}");
}

#[test]
fn of_two_runs_at_once_on_one_state_file_one_is_told_so() {
    let server = Server::start_with(Duration::from_millis(50));
    let at = tempfile::tempdir().unwrap();
    let launch = "launch:\n  - {pipeline: hello, workspace: open-genomics/research}\n";
    std::fs::write(at.path().join("launch.yml"), launch).unwrap();
    let run = || {
        let mut command = seqctl(&["apply", "launch.yml", "--launch-once", "k"]);
        let command = server.prepared(&mut command, at.path());
        let command = command.stdout(std::process::Stdio::piped());
        command
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let ended = [run(), run()].map(|process| process.wait_with_output().unwrap());
    let launches = || {
        let calls = server.platform.received().into_iter();
        let launches =
            calls.filter(|call| call.operation.as_deref() == Some("CreateWorkflowLaunch"));
        launches.count()
    };
    assert_eq!(launches(), 1);
    let (done, refused): (Vec<_>, Vec<_>) = ended.iter().partition(|one| one.status.success());
    // They may have come one after the other.
    assert!(!done.is_empty());
    for one in refused {
        assert!(
            told(one).contains("another run is at work"),
            "{}",
            told(one)
        );
    }
}

#[cfg(unix)]
#[test]
fn files_without_an_end_are_refused_in_a_line() {
    let server = Server::start();
    let at = tempfile::tempdir().unwrap();
    let large = std::fs::File::create(at.path().join("large.json")).unwrap();
    large.set_len(17 << 20).unwrap();
    std::fs::create_dir(at.path().join("folder.json")).unwrap();
    let made = Command::new("mkfifo")
        .arg(at.path().join("pipe.json"))
        .status();
    assert!(made.unwrap().success());
    let table = [
        ("large.json", "holds more than 16 MB"),
        ("/dev/zero", "holds more than 16 MB"),
        ("folder.json", "is a folder"),
        ("pipe.json", "is a pipe"),
        ("/dev/null", "is no exported configuration"),
    ];
    for (path, expected) in table {
        let file = format!(
            "compute-envs:\n  - {{name: x, file-path: {path}, workspace: open-genomics/research}}\n"
        );
        std::fs::write(at.path().join("one.yml"), file).unwrap();
        let output = server.run(&["validate", "one.yml"], at.path());
        let told = told(&output);
        assert_eq!(output.status.code(), Some(1), "{path}: {told}");
        let lines = told.lines().filter(|line| !line.trim().is_empty());
        assert_eq!(lines.count(), 1, "{told}");
        assert!(
            told.contains(expected) && told.len() < 300,
            "{path}: {told}"
        );
    }
    let output = server.run(&["validate", "/dev/zero"], at.path());
    assert!(
        told(&output).contains("holds more than 16 MB"),
        "{}",
        told(&output)
    );
}

#[test]
fn changes_of_texts_are_told_line_by_line() {
    let server = Server::start();
    let at = tempfile::tempdir().unwrap();
    let item = |params: &str, script: &str| {
        std::fs::write(at.path().join("pre.sh"), script).unwrap();
        let file = format!(
            "pipelines:\n  - {{name: lines, url: 'https://example.org/p', params: {params}, \
             pre-run: pre.sh, workspace: open-genomics/research}}\n"
        );
        std::fs::write(at.path().join("one.yml"), file).unwrap();
    };
    item("{greeting: hi, place: here}", "one\ntwo\nthree\n");
    let done = server.run(&["apply", "one.yml"], at.path());
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    item("{greeting: hello, place: here}", "one\n2\nthree\n");
    let output = server.run(&["plan", "one.yml"], at.path());
    let expected = "  ~ pipelines lines (open-genomics/research)
      launch.paramsText:
        -   \"greeting\": \"hi\",
        +   \"greeting\": \"hello\",
      launch.preRunScript:
        - two
        + 2
1 to change
";
    assert_eq!(
        told(&output).replace("`pre.sh` is read from pre.sh\n", ""),
        expected
    );
}
