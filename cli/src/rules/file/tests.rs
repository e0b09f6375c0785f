//! What files of rules say, and what is told of those that are wrong.

use std::time::Duration;

use serde_json::json;

use super::{Action, Existing, Missed, On, Reading, Rules};
use crate::kit::{Error, Variables};

fn read(text: &str) -> Result<Rules, Vec<String>> {
    let own = [
        ("LIMS_SECRET", "s3cr3t-of-lims"),
        ("CHAT_URL", "https://chat.example.com/hook/7"),
    ];
    let own = own
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let reading = Reading {
        variables: Variables {
            own,
            environment: false,
        },
        workspace: None,
    };
    match reading.read_texts(&[("rules.yml".to_owned(), text.to_owned())]) {
        Ok(rules) => Ok(rules),
        Err(Error::Invalid(problems)) => Err(problems.iter().map(ToString::to_string).collect()),
        Err(error) => Err(vec![error.to_string()]),
    }
}

const WHOLE: &str = r#"
workspace: acme/production
rules:
  - name: demultiplex
    on:
      files: /data/novaseq/*/CopyComplete.txt
      every: 1h30m
      existing: launch
    collect:
      files: "{{ event.folder }}/**/*_{1,2}.fastq.gz"
      rows: {sample: "{{ file.name | split('_') | first }}", fastq_1: "{{ files[0].path }}"}
      dataset: "sheet-{{ event.folder_name }}"
    launch: {pipeline: demultiplex, params: {input: "{{ sheet.url }}"}, labels: [auto]}
  - name: again
    workspace: 7
    on: {run: {status: FAILED, labels: [auto], exit: [137, 140]}}
    relaunch: {resume: true, at_most: 2, after: 10m, compute-env: big}
  - name: nightly
    on: {schedule: "0 2 * * 1-5", timezone: Europe/Paris, missed: all}
    when: "event.date != '2026-12-25'"
    limit: {at_once: 4, per_hour: 20}
    then:
      - launch: {pipeline: qc}
      - command: [echo, "{{ launch.workflowId }}"]
  - name: lims
    on: {webhook: /lims, secret: $LIMS_SECRET}
    launch: {pipeline: "{{ body.pipeline }}", params: "{{ body.params }}", labels: "a,{{ body.label }}"}
  - name: tell
    on: {run: {status: [succeeded, FAILED], pipeline: rnaseq}}
    notify: {post: $CHAT_URL, json: {text: "{{ run.name }}: {{ run.status }} {{ run.url }} $$5"}}
  - name: link
    on: {data-link: novaseq, path: "runs/*/*.fastq"}
    launch: {pipeline: qc, params: {input: "{{ event.path }}"}}
"#;

#[test]
fn a_file_says_rules() {
    let rules = read(WHOLE).unwrap();
    assert_eq!(rules.rules.len(), 6);
    let rule = |name: &str| rules.get(name).unwrap();
    let On::Files(files) = &rule("demultiplex").on else {
        panic!()
    };
    assert_eq!(
        (files.every, files.settled, files.existing),
        (Duration::from_secs(5400), Duration::ZERO, Existing::Launch)
    );
    assert_eq!(
        rule("demultiplex").workspace.as_deref(),
        Some("acme/production")
    );
    assert_eq!(rule("again").workspace.as_deref(), Some("7"));
    let made: Vec<_> = rule("demultiplex")
        .then
        .iter()
        .map(|step| step.action.made())
        .collect();
    assert_eq!(made, ["sheet", "launch"]);
    let Action::Launch(launch) = &rule("demultiplex").then[1].action else {
        panic!()
    };
    assert_eq!(launch.fields["params"], json!({"input": "{{ sheet.url }}"}));
    assert_eq!(launch.fields["labels"], json!(["auto"]));
    let Action::Relaunch(again) = &rule("again").then[0].action else {
        panic!()
    };
    assert_eq!(
        (again.at_most, again.after.as_secs(), again.run.as_str()),
        (2, 600, "{{ run.id }}")
    );
    assert_eq!(again.fields["compute-env"], "big");
    let On::Schedule(schedule) = &rule("nightly").on else {
        panic!()
    };
    assert_eq!(
        (schedule.timezone, schedule.missed),
        (chrono_tz::Europe::Paris, Missed::All)
    );
    assert_eq!(rule("nightly").limit.at_once, Some(4));
    assert_eq!(rule("nightly").place.to_string(), "rules.yml:18:5");
    let Action::Launch(lims) = &rule("lims").then[0].action else {
        panic!()
    };
    assert_eq!(lims.fields["params"], "{{ body.params }}");
    let Action::Notify(tell) = &rule("tell").then[0].action else {
        panic!()
    };
    assert_eq!(tell.post, "https://chat.example.com/hook/7");
    assert!(
        tell.json.as_ref().unwrap()["text"]
            .as_str()
            .unwrap()
            .ends_with(" $5")
    );
    let On::DataLink(link) = &rule("link").on else {
        panic!()
    };
    assert_eq!(link.settled, Duration::from_secs(600));
    // Nothing that is told tells a secret.
    assert_eq!(
        rules.hide("is s3cr3t-of-lims at https://chat.example.com/hook/7"),
        "is (sensitive) at (sensitive)"
    );
    assert!(!format!("{:?}", rule("lims")).contains("s3cr3t"));
}

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    let problems = read(
        r#"
workspce: acme/production
rules:
  - name: one
    on: {files: /data/**x/*.txt, evry: 5m, settled: 5 minutes, existing: lanch}
    launch: {pipelin: a, params: {x: "{{ evnt.path }}"}}
  - name: two
    on: {run: {status: [SUCCEDED], labels: [a]}}
    when: "run.exit >"
    lanch: {pipeline: a}
  - name: two
    on: {schedule: "0 2 * * *", timezone: Europe/Pari, missed: never}
    launch: {params: {a: $NONE, b: "{{ run.name }}"}}
    limit: {at_once: 0}
  - name: three
    on: {webhook: lims}
    notify: {post: "x", json: {}, text: "{{ run.name }}"}
  - name: four
    on: {schedule: "61 * * * *"}
    then: [{launch: {pipeline: a}, label: {}}, {mail: x}]
  - name: five
    on: {schedule: "0 0 30 2 *", files: /x}
    cancel: {}
  - on: {schedule: "0 0 30 2 *"}
    relaunch: {after: -1s, max-cpus: 3}
  - name: six
    on: {webhook: /metrics, secret: "{{ x }}"}
    label: {run: "{{ body.id }}"}
"#,
    )
    .unwrap_err();
    let expected = [
        "rules.yml:2:1: `workspce` is no key of `the file`: is `workspace` meant?",
        "rules.yml:5:17: `files`: `**` stands alone between slashes, not in `**x`",
        "rules.yml:5:34: `evry` is no key of `on`: is `every` meant?",
        "`settled` takes a time such as 30s, 5m, 1h30m or 2d",
        "`lanch` of `existing` is none of ignore, launch (is `launch` meant?)",
        "rules.yml:6:14: `pipelin` is no key of `launch`: is `pipeline` meant?",
        "`evnt` is not known here: is `event` meant?",
        "`SUCCEDED` of `status` is none of SUBMITTED, RUNNING, SUCCEEDED, FAILED, CANCELLED, UNKNOWN (is `SUCCEEDED` meant?)",
        "rules.yml:9:11: `run.exit >`: ",
        "rules.yml:10:5: `lanch` is no key of `rules`: is `launch` meant?",
        "a rule does something: collect, launch, relaunch, dataset, studio, cancel, label, notify, command",
        "there is a rule `two` already: at rules.yml:7:5",
        "`Europe/Pari` is no time zone: is `Europe/Paris` meant?",
        "`never` of `missed` is none of once, all, skip",
        "the variable `NONE` is not set",
        "`at_once` takes a whole number from 1",
        "`webhook` takes a path such as `/lims`, not `lims`",
        "`secret` of `on` must be given",
        "`run` is not known here: ",
        "`notify` says either `json` or `text`",
        "`61 * * * *` is no schedule of five fields",
        "each item of `then` is one action with what it takes",
        "`mail` is no action: ",
        "rules.yml:22:9: `on` says one of files, data-link, run, schedule, webhook",
        "`name` of `rules` must be given",
        "`0 0 30 2 *` never comes",
        "`max-cpus` is no key of `launch`: ",
        "`after` takes a time such as 30s, 5m, 1h30m or 2d",
        "`/metrics` is an address of the page's own",
        "`secret` is read before there is an event: it takes no template",
        "`label` says what to `add` or `remove`",
    ];
    for expected in expected {
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{expected} is not in\n{}",
            problems.join("\n")
        );
    }
    let sorted = problems
        .windows(2)
        .all(|pair| place(&pair[0]) <= place(&pair[1]));
    assert!(sorted, "{problems:#?}");
}

fn place(problem: &str) -> (usize, usize) {
    let mut parts = problem.split(':').skip(1);
    let mut number = || parts.next().unwrap().parse().unwrap();
    (number(), number())
}

#[test]
fn a_rule_that_would_launch_for_ever_is_told() {
    let rule = |name: &str, on: &str, then: &str| {
        format!("  - {{name: {name}, on: {{run: {on}}}, {then}}}\n")
    };
    let file = |rules: &[String]| format!("rules:\n{}", rules.concat());
    let told = |rules: &[String]| read(&file(rules)).err().unwrap_or_default();
    let launch = |pipeline: &str, labels: &str| {
        format!("launch: {{pipeline: {pipeline}, labels: [{labels}]}}")
    };
    // By the pipeline, by the end of its address, by labels, and by nothing at all.
    for (on, then) in [
        ("{pipeline: a}", launch("a", "")),
        (
            "{pipeline: nf-core/a}",
            launch("https://github.com/nf-core/a", ""),
        ),
        ("{labels: [auto]}", launch("b", "auto, x")),
        ("{status: SUCCEEDED}", launch("b", "")),
        ("{}", launch("\"{{ run.pipeline }}\"", "")),
    ] {
        let problems = told(&[rule("one", on, &then)]);
        assert!(
            problems.len() == 1 && problems[0].contains("`one` would launch for ever"),
            "{on} {problems:?}"
        );
    }
    // In a circle, which is told once.
    let circle = [
        rule("a", "{pipeline: p}", &launch("q", "")),
        rule("b", "{pipeline: q}", &launch("r", "")),
        rule("c", "{pipeline: r}", &launch("p", "")),
    ];
    let problems = told(&circle);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("`b`, `c`"), "{problems:?}");
    // A chain, other labels, what is counted, and what a condition ends.
    let fine = [
        rule("a", "{pipeline: p}", &launch("q", "")),
        rule("b", "{pipeline: q, labels: [auto]}", &launch("q", "")),
        rule("c", "{status: FAILED}", "relaunch: {at_most: 3}"),
        rule(
            "d",
            "{pipeline: s}",
            &format!("when: \"run.exit == 3\", {}", launch("s", "")),
        ),
    ];
    assert_eq!(told(&fine), Vec::<String>::new());
}

#[test]
fn files_of_parameters_are_read_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = put("good.yml", "genome: GRCh38\nkey: '$LIMS_SECRET'\n");
    let lacks = put("lacks.yml", "key: $NOT_SET_ANYWHERE\n");
    let launch = |file: &str| {
        format!(
            "rules: [{{name: r, on: {{files: '/in/*'}}, launch: {{pipeline: p, params-file: '{file}', \
             params: {{input: '{{{{ event.path }}}}'}}}}}}]"
        )
    };
    let rules = read(&launch(&good)).unwrap();
    // It is read again when it is launched; what is secret in it is known from now on.
    let Action::Launch(item) = &rules.rules[0].then[0].action else {
        panic!()
    };
    assert!(item.fields.contains_key("params-file"));
    assert_eq!(rules.hide("s3cr3t-of-lims"), "(sensitive)");
    assert!(!format!("{rules:?}").contains("s3cr3t-of-lims"));
    for (file, told) in [
        (lacks.as_str(), "NOT_SET_ANYWHERE"),
        (
            "/nowhere/params.yml",
            "there is no file `/nowhere/params.yml`",
        ),
    ] {
        let problems = read(&launch(file)).err().unwrap_or_default();
        assert!(
            problems.len() == 1 && problems[0].contains(told),
            "{problems:?}"
        );
    }
    // One that comes with the event is not known yet.
    assert!(read(&launch("{{ event.folder }}/params.yml")).is_ok());
}
