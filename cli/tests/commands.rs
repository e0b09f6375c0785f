//! Each command as a process, against a server that answers as the cases in `tests/cases/` say:
//! what it sends to change something, and what it prints, as JSON and as text; and a failure.

mod support;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use support::{Call, Replies, Server, run, stderr, stdout};

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

#[derive(Deserialize)]
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
    let words: Vec<_> = case.run.split(' ').collect();
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
    let changes = server.changes();
    if changes != expected {
        return complain(format!("sends {changes:#?}\nand not {expected:#?}\n{told}"));
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

    // As text.
    let server = Server::start(replies(group, case));
    let output = run("seqctl", server.endpoint(), &words);
    if output.status.code() == Some(0) && (output.stdout.is_empty() || server.changes() != expected)
    {
        return complain(format!("as text it prints {:?}", stdout(&output)));
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

macro_rules! groups {
    ($($name:ident)+) => {$(
        #[test]
        fn $name() {
            let group = read(stringify!($name));
            let wrong: Vec<_> = group.cases.iter().filter_map(|case| check(&group, case).err()).collect();
            assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), group.cases.len(), wrong.join("\n"));
        }
    )+};
}

groups! {
    labels secrets organizations workspaces members teams participants credentials compute_envs
    datasets actions pipelines launch runs studios data_links
}
