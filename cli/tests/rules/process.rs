//! How a runner begins, reads again, and ends.

use crate::{Runner, World, pipe, stderr, stdout, told};

/// A command that goes on until it may end.
const SLOW: &str = "rules:\n\
    - name: slow\n  \
      on: {files: 'in/*.txt', every: 1s, settled: 0s, existing: launch}\n  \
      command: [sh, -c, 'touch \"begun-$0\"; until [ -e go ]; do sleep 0.1; done; touch \"ended-$0\"', '{{ event.name }}']\n";

#[test]
fn a_runner_that_is_told_to_end_ends_what_is_under_way() {
    for signal in ["-TERM", "-INT"] {
        let world = World::new();
        world.write("rules.yml", SLOW);
        world.write("in/one.txt", "");
        let runner = world.start("rules run rules.yml --no-listen");
        world.until("begun-one.txt", &runner);
        runner.signal(signal);
        runner.says("nothing more is begun", 1);
        // What comes then is for the next one.
        world.write("in/two.txt", "");
        world.write("go", "");
        assert_eq!(runner.ended(), Some(0), "{signal}");
        assert!(world.has("ended-one.txt") && !world.has("begun-two.txt"));
        // The state is closed: nothing is left beside the file, and nobody holds it.
        assert!(!world.has("seqctl-rules.db-wal"));
        let next = world.run("rules run rules.yml --once");
        assert_eq!(next.status.code(), Some(0), "{}", told(&next));
        assert!(world.has("ended-two.txt"));
        assert_eq!(world.count("done"), 2);
    }
}

#[test]
fn a_runner_that_is_told_twice_ends_at_once() {
    let world = World::new();
    world.write("rules.yml", SLOW);
    world.write("in/one.txt", "");
    for words in ["--no-listen", "--once"] {
        let runner = world.start(&format!("rules run rules.yml {words}"));
        world.until("begun-one.txt", &runner);
        std::fs::remove_file(world.path("begun-one.txt")).unwrap();
        runner.signal("-INT");
        runner.says("nothing more is begun", 1);
        runner.signal("-INT");
        assert_eq!(runner.ended(), Some(130), "{words}");
        // Nobody saw the end of the program: the next one does not run it again by itself.
        world.write("go", "");
        let next = world.run("rules run rules.yml --once");
        assert!(stdout(&next).contains("1 stuck"), "{}", told(&next));
        assert!(!world.has("begun-one.txt"));
        std::fs::remove_file(world.path("go")).unwrap();
        let stuck = world.json("rules events --state stuck");
        let id = stuck["events"][0]["id"].as_str().unwrap();
        assert_eq!(
            world.run(&format!("rules retry {id}")).status.code(),
            Some(0)
        );
    }
}

/// Starts a runner that stands still in the middle of its start, until the password is written.
fn in_the_middle_of_its_start(world: &World) -> (Runner, std::fs::File) {
    pipe(&world.path("password"));
    let words = "rules run rules.yml --listen 127.0.0.1:0 --password-file password";
    let runner = world.start(words);
    // Whoever opens it to write waits for whoever opens it to read.
    let password = std::fs::File::options()
        .write(true)
        .open(world.path("password"))
        .unwrap();
    (runner, password)
}

#[test]
fn signals_during_the_start_are_heard() {
    let world = World::new();
    world.write("rules.yml", SLOW);
    let (runner, password) = in_the_middle_of_its_start(&world);
    runner.signal("-HUP");
    std::io::Write::write_all(&mut &password, b"open sesame\n").unwrap();
    drop(password);
    runner.says("reading the files again", 1);
    runner.says("watching", 2);
    runner.signal("-TERM");
    assert_eq!(runner.ended(), Some(0));

    let world = World::new();
    world.write("rules.yml", SLOW);
    let (runner, password) = in_the_middle_of_its_start(&world);
    runner.signal("-TERM");
    drop(password);
    assert_eq!(runner.ended(), Some(0));
}

#[test]
fn files_are_read_again_and_a_broken_one_is_not_taken() {
    let world = World::new();
    let rule = |name: &str| {
        format!(
            "rules:\n- name: {name}\n  on: {{files: 'in/*.txt', every: 1s, settled: 0s, existing: launch}}\n  \
             command: [touch, '{name}-{{{{ event.name }}}}']\n"
        )
    };
    world.write("rules.yml", &rule("first"));
    world.write("in/1.txt", "");
    let mut runner = world.start("rules run rules.yml --no-listen");
    world.until("first-1.txt", &runner);
    // A mistake, and a workspace that is not there: what was said before goes on.
    let broken = rule("second").replace("every", "evry");
    let nowhere = "rules: [{name: r, workspace: no/where, on: {run: {}}, command: [echo]}]\n";
    for (times, (text, says)) in [(broken.as_str(), "`evry` is no key"), (nowhere, "no/where")]
        .into_iter()
        .enumerate()
    {
        world.write("rules.yml", text);
        runner.signal("-HUP");
        runner.says("the files were not taken", times + 1);
        runner.says(says, 1);
        world.write(&format!("in/{}.txt", times + 2), "");
        world.until(&format!("first-{}.txt", times + 2), &runner);
    }
    assert!(!world.has("second-1.txt"));
    world.write("rules.yml", &rule("third"));
    runner.signal("-HUP");
    world.until("third-1.txt", &runner);
    runner.says("there is no such rule any more", 1);
    world.write("in/9.txt", "");
    world.until("third-9.txt", &runner);
    assert!(!world.has("first-9.txt"));
    assert!(runner.is_there());
    runner.signal("-TERM");
    assert_eq!(runner.ended(), Some(0));
    // What the first rule has done, it does not do again under its old name.
    std::fs::remove_file(world.path("first-1.txt")).unwrap();
    world.write("rules.yml", &rule("first"));
    let again = world.run("rules run rules.yml --once");
    assert_eq!(again.status.code(), Some(0), "{}", told(&again));
    assert!(world.has("first-9.txt") && !world.has("first-1.txt"));
}

#[test]
fn files_are_told_of_long_before_the_next_look() {
    let world = World::new();
    // A folder beside the file of rules, by a path that is not whole.
    world.write(
        "rules.yml",
        "rules: [{name: r, on: {files: './in/*/Done.txt', every: 1d}, command: [touch, 'seen-{{ event.folder_name }}']}]\n",
    );
    world.write("in/before/Done.txt", "");
    let runner = world.start("rules run rules.yml --no-listen");
    runner.says("watching", 1);
    // The first look has come to its end when what it found is known.
    let is_known = || world.json("rules plan rules.yml")["events"] == serde_json::json!([]);
    crate::until(is_known, || runner.told());
    for name in ["one", "two"] {
        world.write(&format!("in/{name}/Done.txt"), "");
        world.until(&format!("seen-{name}"), &runner);
    }
    assert!(!world.has("seen-before"));
    // What was told of is the same file for the next look.
    runner.signal("-TERM");
    assert_eq!(runner.ended(), Some(0));
    let next = world.run("rules run rules.yml --once");
    assert!(stdout(&next).contains("0 new"), "{}", told(&next));
}

const LAUNCHES: &str = "rules:\n\
    - name: launches\n  \
      on: {files: 'in/*/Done.txt', existing: launch}\n  \
      launch: {pipeline: nf-core-rnaseq, params: {input: '{{ event.folder }}'}}\n";

#[test]
fn calls_from_cron_double_nothing() {
    let world = World::new();
    world.write("rules.yml", LAUNCHES);
    for number in 0..5 {
        world.write(&format!("in/{number}/Done.txt"), "");
    }
    // Several at once: one works, others say so.
    let calls: Vec<Runner> = (0..3)
        .map(|_| world.start("rules run rules.yml --once"))
        .collect();
    let mut done = 0;
    for call in calls {
        let said = call.told.clone();
        match call.ended() {
            Some(0) => done += 1,
            Some(1) => {
                let said = said.lock().unwrap().clone();
                assert!(said.contains("another runner is at work"), "{said}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(done >= 1);
    let again = world.json("rules run rules.yml --once");
    assert_eq!((&again["new"], &again["done"]), (&0.into(), &5.into()));
    assert_eq!(world.launches(), 5);
    world.write("in/late/Done.txt", "");
    let late = world.run("rules run rules.yml --once");
    assert!(stdout(&late).contains("1 new"), "{}", told(&late));
    assert_eq!((world.launches(), world.count("done")), (6, 6));
}

#[test]
fn a_call_from_cron_tells_by_its_exit_status_that_something_stands_in_the_way() {
    let world = World::new();
    world.write("rules.yml", LAUNCHES);
    world.write("in/1/Done.txt", "");
    let away = world.once_while_away();
    assert!(
        stdout(&away).contains("1 new, 1 waiting"),
        "{}",
        told(&away)
    );
    assert!(stderr(&away).contains("nothing can be done for now"));
    let back = world.run("rules run rules.yml --once");
    assert_eq!(back.status.code(), Some(0), "{}", told(&back));
    assert_eq!((world.launches(), world.count("done")), (1, 1));
    // Mistakes in the file, and options that make none.
    world.write("rules.yml", "rules: [{name: r}]\n");
    assert_eq!(
        world.run("rules run rules.yml --once").status.code(),
        Some(1)
    );
    let short = world.run("rules run rules.yml --once --keep 1d");
    assert_eq!(short.status.code(), Some(2), "{}", told(&short));
    assert!(stderr(&short).contains("at least 30d"));
}

#[test]
fn a_plan_shows_the_requests_that_would_be_sent() {
    let world = World::new();
    world.write("params.yml", "genome: $GENOME\nkey: $REFERENCE_TOKEN\n");
    world.write(
        "rules.yml",
        "rules:\n\
         - name: launches\n  \
           on: {files: 'in/*/Done.txt', existing: launch}\n  \
           launch: {pipeline: nf-core-rnaseq, params-file: params.yml, params: {input: '{{ event.folder }}'}, labels: [new-one]}\n\
         - name: tells\n  \
           on: {files: 'in/*/Done.txt', existing: launch}\n  \
           notify: {post: 'https://chat.example.com/$REFERENCE_TOKEN', text: '{{ file.name }} is there'}\n",
    );
    for number in 0..3 {
        world.write(&format!("in/{number}/Done.txt"), "");
    }
    let call = |words: &str| {
        let mut command = world.command(words);
        command
            .env("GENOME", "GRCh38")
            .env("REFERENCE_TOKEN", "s3cret-of-the-reference");
        command.output().unwrap()
    };
    world.platform.clear_calls();
    let plan = call("rules plan rules.yml -o json");
    let value: serde_json::Value = serde_json::from_str(&stdout(&plan)).unwrap();
    let events = value["events"].as_array().unwrap();
    assert_eq!(events.len(), 6, "{value:#}");
    let of_first = |event: &&serde_json::Value| {
        let key = event["key"].as_str().unwrap();
        event["rule"] == "launches" && key.starts_with("in/0/")
    };
    let event = events.iter().find(of_first).unwrap();
    let request = &event["actions"][0]["request"];
    assert_eq!(request["method"], "POST", "{value:#}");
    let url = request["url"].as_str().unwrap();
    assert!(url.contains("/workflow/launch?workspaceId="), "{url}");
    let launch = &request["body"]["launch"];
    let params = launch["paramsText"].as_str().unwrap();
    let params: serde_json::Value = serde_json::from_str(params).unwrap();
    assert_eq!(
        (&params["genome"], &params["input"]),
        (&"GRCh38".into(), &"in/0".into())
    );
    let name = launch["runName"].as_str().unwrap().to_owned();
    // For people it is a line.
    let shown = stdout(&call("rules plan rules.yml"));
    assert!(shown.contains(&format!("POST {url} {{")), "{shown}");
    for text in [stdout(&plan), shown] {
        assert!(!text.contains("s3cret-of-the-reference"), "{text}");
    }
    // Nothing was sent but questions, and nothing noted; and it comes as it was said.
    let sent = world.platform.received();
    let changes: Vec<_> = sent.iter().filter(|call| call.method != "GET").collect();
    assert!(changes.is_empty(), "{changes:?}");
    assert!(!world.has("seqctl-rules.db"));
    world.write(
        "rules.yml",
        &std::fs::read_to_string(world.path("rules.yml"))
            .unwrap()
            .replace(
                "https://chat.example.com/$REFERENCE_TOKEN",
                "http://127.0.0.1:9/",
            ),
    );
    let done = call("rules run rules.yml --once");
    assert_eq!(world.count("done"), 3, "{}", told(&done));
    let runs = stdout(&world.run("runs list"));
    assert!(runs.contains(&name), "{name} is not in\n{runs}");
}
