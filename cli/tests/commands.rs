//! Each command as a process, against a server that answers as the cases in `tests/cases/` say:
//! what it sends to change something, and what it prints, as JSON and as text; and a failure.

#[path = "support/server.rs"]
mod server;
mod support;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use server::{Call, Replies, Server, run};
use support::{stderr, stdout};

#[derive(Deserialize)]
struct Group {
    /// What all cases of the group are answered with.
    #[serde(default)]
    replies: BTreeMap<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The words after the program's name, separated by blanks.
    run: String,
    #[serde(default)]
    replies: BTreeMap<String, Value>,
    /// The calls that change something, in their order.
    #[serde(default)]
    sends: Vec<Sent>,
    /// They are under way at the same time, and may come in any order.
    #[serde(default)]
    at_once: bool,
    /// The calls that read, in any order: method, path and query, by name. A call that `tw` does not
    /// make is marked with `+`: what it tells is not needed.
    #[serde(default)]
    reads: Vec<String>,
    /// What `-o json` prints: these fields, and perhaps others.
    #[serde(default)]
    prints: Value,
    /// The exit status of `tw`.
    #[serde(default)]
    status: i32,
    /// What standard error holds.
    #[serde(default)]
    says: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    call: String,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
}

fn read(name: &str) -> Group {
    let path = format!("{}/tests/cases/{name}.yml", env!("CARGO_MANIFEST_DIR"));
    yaml_serde::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Whether a value has all that is wanted of it.
fn holds(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (_, Value::Null) => true,
        (Value::Object(value), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| value.get(name).is_some_and(|value| holds(value, wanted))),
        (Value::Array(value), Value::Array(wanted)) => {
            value.len() == wanted.len()
                && value
                    .iter()
                    .zip(wanted)
                    .all(|(value, wanted)| holds(value, wanted))
        }
        (Value::Number(value), Value::Number(wanted)) => value.as_f64() == wanted.as_f64(),
        (value, wanted) => value == wanted,
    }
}

fn replies(group: &Group, case: &Case) -> Replies {
    // A reply `{status: 409, body: …}` is no success.
    let reply = |value: &Value| match (&value["status"], &value["body"]) {
        (Value::Number(status), body) if value.get("body").is_some() => {
            (status.as_u64().unwrap() as u16, body.clone())
        }
        _ => (if value.is_null() { 204 } else { 200 }, value.clone()),
    };
    let common: Group = read("common");
    let all = common
        .replies
        .iter()
        .chain(&group.replies)
        .chain(&case.replies);
    all.map(|(line, value)| (line.clone(), reply(value)))
        .collect()
}

fn check(group: &Group, case: &Case) -> Result<(), String> {
    let run_words = case.run.replace("$TMP", env!("CARGO_TARGET_TMPDIR"));
    let words: Vec<_> = run_words.split(' ').collect();
    let complain = |what: String| Err(format!("`{}`: {what}", case.run));

    // As JSON, called as `tw`: nothing else is printed on success.
    let server = Server::start(replies(group, case));
    let output = run(
        "tw",
        server.endpoint(),
        &[&["-o", "json"], &words[..]].concat(),
    );
    let told = format!("{}{}", stdout(&output), stderr(&output));
    if output.status.code() != Some(case.status) {
        return complain(format!("status {:?}: {told}", output.status.code()));
    }
    let expected: Vec<_> = (case.sends.iter())
        .map(|sent| Call {
            line: sent.call.clone(),
            query: sent.query.clone(),
            body: sent.body.clone(),
        })
        .collect();
    let sent = |server: &Server| {
        let mut changes = server.changes();
        if case.at_once {
            // The cases have them in the order of their lines.
            changes.sort_by(|a, b| a.line.cmp(&b.line));
        }
        changes
    };
    let changes = sent(&server);
    if changes != expected {
        return complain(format!("sends {changes:#?}\nand not {expected:#?}\n{told}"));
    }
    let lines = server.lines();
    let reads = lines.iter().map(String::as_str);
    let mut reads: Vec<_> = reads.filter(|line| line.starts_with("GET ")).collect();
    let mut wanted: Vec<_> = case
        .reads
        .iter()
        .map(|read| read.trim_start_matches("+ "))
        .collect();
    reads.sort_unstable();
    wanted.sort_unstable();
    if reads != wanted {
        return complain(format!("reads {reads:#?}\nand not {wanted:#?}\n{told}"));
    }
    // As `seqctl`, as text. The calls that `tw` makes are enough, each as often as it makes it.
    let is_made = |line: &String| !case.reads.contains(&format!("+ {line}"));
    let made: Vec<_> = lines.into_iter().filter(is_made).collect();
    let server = Server::strict(replies(group, case), made.clone());
    let replayed = run("seqctl", server.endpoint(), &words);
    if replayed.status.success() != (case.status == 0) {
        return complain(format!(
            "with {made:#?} alone it ends with {:?}, having asked {:#?}: {}{}",
            replayed.status.code(),
            server.lines(),
            stdout(&replayed),
            stderr(&replayed)
        ));
    }
    match &case.says {
        Some(text) => {
            let error = stderr(&output);
            let form = error.starts_with("\n ERROR: ") || case.status == 2;
            if !error.contains(text.as_str()) || !form {
                return complain(format!("standard error is {error:?}"));
            }
            return Ok(());
        }
        None if case.status == 0 && !output.stderr.is_empty() => {
            return complain(format!("standard error is not empty: {}", stderr(&output)));
        }
        None => {}
    }
    let printed: Value = match serde_json::from_slice(&output.stdout) {
        Ok(printed) => printed,
        Err(error) => return complain(format!("prints no JSON ({error}): {told}")),
    };
    if !holds(&printed, &case.prints) {
        return complain(format!("prints {printed:#}\nwithout {:#}", case.prints));
    }

    let same = sent(&server) == expected;
    if replayed.status.success() && (replayed.stdout.is_empty() || !same) {
        return complain(format!(
            "as text it sends {:#?} and prints {:?}",
            sent(&server),
            stdout(&replayed)
        ));
    }

    // A dry run sends nothing, and shows what it would send, without secrets.
    if case.status == 0 && !expected.is_empty() {
        let server = Server::start(replies(group, case));
        let words = [&["--dry-run", "-o", "json"], &words[..]].concat();
        let output = run("seqctl", server.endpoint(), &words);
        let told = format!("{}{}", stdout(&output), stderr(&output));
        if output.status.code() != Some(0) || !server.changes().is_empty() {
            return complain(format!("a dry run sends {:?}: {told}", server.changes()));
        }
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let shown = match shown {
            Value::Array(requests) => requests,
            request => vec![request],
        };
        let same = shown.iter().zip(&expected).all(|(shown, sent)| {
            let url = shown["url"].as_str().unwrap_or_default();
            let path = url.split_once("/api").map_or(url, |(_, path)| path);
            let path = path.split('?').next().unwrap_or_default();
            format!("{} {path}", shown["method"].as_str().unwrap_or_default()) == sent.line
        });
        let body = shown[0].get("body").cloned().unwrap_or_default();
        let mut body = body;
        drop_nulls(&mut body);
        if !same || without_secrets(&expected[0]) != body {
            return complain(format!("a dry run shows {shown:#?}\nand not {expected:#?}"));
        }
    }

    // Refused: the server's reason is told, and nothing looks like a result.
    let mut refusing = replies(group, case);
    for (status, body) in refusing.values_mut() {
        (*status, *body) = (403, serde_json::json!({"message": "Not for you"}));
    }
    let server = Server::start(refusing);
    let output = run("seqctl", server.endpoint(), &words);
    let untold = !stderr(&output).contains("ERROR: ");
    if server.calls().is_empty() || output.status.success() || (untold && words[0] != "info") {
        return complain(format!(
            "refused, it ends with {:?}: {}",
            output.status.code(),
            stderr(&output)
        ));
    }
    Ok(())
}

/// Takes out what is null.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The body of a call, as a dry run shows it.
fn without_secrets(call: &Call) -> Value {
    fn hide(value: &mut Value, secrets: &[&str]) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if secrets.contains(&name.as_str()) => {
                            "…".clone_into(text);
                        }
                        value => hide(value, secrets),
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| hide(value, secrets)),
            _ => {}
        }
    }
    let mut body = call.body.clone();
    drop_nulls(&mut body);
    let mut secrets = vec![
        "accessKey",
        "batchKey",
        "certificate",
        "clientSecret",
        "data",
        "passphrase",
        "password",
        "privateKey",
        "secretKey",
        "storageKey",
        "token",
    ];
    if call.line.contains("/pipeline-secrets") {
        secrets.push("value");
    }
    hide(&mut body, &secrets);
    body
}

const GROUPS: &[&str] = &[
    "labels",
    "secrets",
    "organizations",
    "workspaces",
    "members",
    "teams",
    "participants",
    "credentials",
    "compute_envs",
    "platforms",
    "datasets",
    "actions",
    "pipelines",
    "launch",
    "runs",
    "studios",
    "data_links",
];

/// Commands that other tests run, and which.
const ELSEWHERE: &[(&str, &str)] = &[
    ("tw info", "frame.rs: info_tells_whether_all_is_well"),
    (
        "tw generate-completion",
        "frame.rs: completion_and_man_pages_are_made_from_the_grammar",
    ),
    (
        "tw runs dump",
        "platform.rs: a_launch_is_waited_for_and_its_run_found_and_dumped",
    ),
    (
        "tw datasets add",
        "platform.rs: a_dataset_goes_up_and_comes_back",
    ),
    (
        "tw data-links upload",
        "platform.rs: files_go_up_and_come_back",
    ),
    (
        "tw data-links download",
        "platform.rs: files_go_up_and_come_back",
    ),
];

/// The command of the grammar that a case runs.
fn command_of(run: &str, grammar: &BTreeMap<String, Value>) -> String {
    let mut path = "tw".to_owned();
    for word in run.split(' ') {
        let inner = format!("{path} {word}");
        if grammar.contains_key(&inner) {
            path = inner;
        }
    }
    path
}

#[test]
fn every_command_of_the_grammar_is_run() {
    let grammar: BTreeMap<String, Value> =
        yaml_serde::from_str(include_str!("facts/grammar.yml")).unwrap();
    let cases: Vec<Case> = GROUPS.iter().flat_map(|name| read(name).cases).collect();
    let run: Vec<_> = (cases.iter())
        .filter(|case| case.says.is_none())
        .map(|case| command_of(&case.run, &grammar))
        .collect();
    let runs = |path: &str| run.iter().any(|known| known == path);
    let groups = ["tw runs view", "tw teams members", "tw datasets view"];
    let mut missing = Vec::new();
    for path in grammar.keys() {
        let is_group = grammar
            .keys()
            .any(|other| other.starts_with(&format!("{path} ")));
        let elsewhere = ELSEWHERE.iter().any(|(known, _)| known == path);
        if (!is_group || groups.contains(&path.as_str())) && !runs(path) && !elsewhere {
            missing.push(path);
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    // Each case that does not fail is refused once, which is the failure of its command.
    assert!(
        cases
            .iter()
            .all(|case| case.says.is_some() || case.status < 2)
    );
}

macro_rules! groups {
    ($($name:ident)+) => {$(
        #[test]
        fn $name() {
            assert!(GROUPS.contains(&stringify!($name)));
            let group = read(stringify!($name));
            let wrong: Vec<_> = group.cases.iter().filter_map(|case| check(&group, case).err()).collect();
            assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), group.cases.len(), wrong.join("\n"));
        }
    )+};
}

groups! {
    labels secrets organizations workspaces members teams participants credentials compute_envs platforms
    datasets actions pipelines launch runs studios data_links
}
