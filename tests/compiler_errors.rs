//! What the compiler says to programs that are wrong: it refuses them, and says what to do.
#![cfg(feature = "default")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Lines of a program that is wrong, each with what the compiler has to say.
const WRONG: &[(&str, &[&str])] = &[
    // A name where an id is wanted.
    (
        r#"drop(client.describe_pipeline().pipeline_id("rnaseq"));"#,
        &[
            "`&str` can't be given where a parameter takes `i64`",
            "a name is looked up first",
        ],
    ),
    (
        "drop(client.list_workflows().max(10.5));",
        &["integers of every size are taken for an `i64`"],
    ),
    (
        r#"drop(client.list_credentials().platform_id(["aws"]));"#,
        &["nor an `Option` of that"],
    ),
    // A field of another type.
    (
        "drop(types::CreateLabelRequest::new().name(7));",
        &["can't be set where a `String` is wanted"],
    ),
    (
        "drop(client.create_label().resource(\"yes\"));",
        &["`&str` can't be set where a `bool` is wanted"],
    ),
    (
        "drop(client.create_compute_env().compute_env(types::WorkflowLaunchRequest::new()));",
        &["WorkflowLaunchRequest` can't be set where a `seqera::types::ComputeEnv` is wanted"],
    ),
    (
        "drop(types::Task::new().cpus(7_u64));",
        &["an integer of another size converts by `i64::try_from(value)`"],
    ),
    // One value where a list is wanted.
    (
        "drop(types::CreatePipelineRequest::new().label_ids(71));",
        &[
            "a list of `i64` is wanted",
            "a single value goes into an array: `[value]`",
        ],
    ),
    (
        r#"drop(client.launch("rnaseq").profiles("docker"));"#,
        &[
            "a list of `String` is wanted",
            "a single value goes into an array: `[value]`",
        ],
    ),
    // A launch's setting.
    (
        r#"drop(client.launch("rnaseq").revision(3.19));"#,
        &["can't be set where a `String` is wanted"],
    ),
    // A keyword that the list does not have.
    (
        r#"drop(Search::pipelines().status("FAILED"));"#,
        &["no method named `status` found for struct `Search<Pipelines>`"],
    ),
    // No list, and no body of an error.
    (
        "drop(seqera::paginate::ItemStream::new(client.user_info()));",
        &["is no list", "`.stream()` and `.all()`"],
    ),
    (
        r#"drop(api.user_info(|_, then| then.error(400, 7)));"#,
        &["can't be the body of an error", "a text for its message"],
    ),
];

/// Lines that are right, for the same setters.
const RIGHT: &[&str] = &[
    "drop(client.describe_pipeline().pipeline_id(Some(7_u64)));",
    r#"drop(client.list_credentials().platform_id(None::<&str>));"#,
    r#"drop(types::CreateLabelRequest::new().name("urgent"));"#,
    "drop(types::CreatePipelineRequest::new().label_ids([71]));",
    r#"drop(client.launch("rnaseq").profiles(["docker"]).revision(None::<String>));"#,
    "drop(Search::new().status(types::WorkflowStatus::Failed));",
    "drop(seqera::paginate::ItemStream::new(client.list_workflows()));",
    r#"drop(api.user_info(|_, then| then.error(400, "no")));"#,
];

fn program(lines: &[&str]) -> String {
    let parameters = "client: &seqera::Client, api: &seqera::mock::MockApi";
    let mut text = "#![allow(unused)]\nuse seqera::{Search, types};\n".to_owned();
    for (number, line) in lines.iter().enumerate() {
        text += &format!("fn case_{number}({parameters}) {{ {line} }}\n");
    }
    text
}

/// The library that this test is built with stands beside it; those of builds with other features
/// may too. The newest is meant of those with which what is right compiles.
fn library() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let files = fs::read_dir(own.parent().unwrap()).unwrap();
    let mut libraries: Vec<PathBuf> = files
        .map(|file| file.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libseqera-") && name.ends_with(".rlib")
        })
        .collect();
    libraries.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    let right = program(RIGHT);
    let mut said = Vec::new();
    for library in libraries.into_iter().rev() {
        let problems = compile(&right, &library);
        if problems.is_empty() {
            return library;
        }
        said.push(problems);
    }
    panic!("what is right does not compile: {said:#?}");
}

/// What the compiler says of a program: the messages with their notes, in order.
fn compile(program: &str, library: &Path) -> Vec<String> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let source = folder.path().join("program.rs");
    fs::write(&source, program).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compiled = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
        .args(["--error-format=json", "--extern"])
        .arg(format!("seqera={}", library.display()))
        .arg("-L")
        .arg(format!(
            "dependency={}",
            library.parent().unwrap().display()
        ))
        .arg("--out-dir")
        .arg(folder.path())
        .arg(&source)
        .output()
        .unwrap();
    let said = String::from_utf8(compiled.stderr).unwrap();
    let messages = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let rendered =
        messages.filter_map(|message: Value| message["rendered"].as_str().map(str::to_owned));
    rendered.collect()
}

#[test]
fn wrong_programs_are_refused_with_what_to_do() {
    let lines: Vec<&str> = WRONG.iter().map(|(line, _)| *line).collect();
    let said = compile(&program(&lines), &library());
    let mut missed = Vec::new();
    for (number, (line, texts)) in WRONG.iter().enumerate() {
        let place = format!("program.rs:{}:", number + 3);
        let about = said.iter().filter(|message| message.contains(&place));
        let about: String = about.map(String::as_str).collect();
        for text in *texts {
            if !about.contains(text) {
                missed.push(format!("{line}\nlacks {text:?} in\n{about}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn what_is_never_sent_is_warned_of() {
    let idle = [
        ("client.user_info();", "nothing happens until it is sent"),
        (
            "client.user_info().send();",
            "nothing is sent until it is awaited",
        ),
        (r#"client.launch("rnaseq");"#, "nothing is launched until"),
        (
            r#"client.dataset("a").upload(Vec::from("a,b"));"#,
            "does nothing until it is sent",
        ),
        (
            "client.list_workflows().stream();",
            "a stream does nothing until it is polled",
        ),
    ];
    let lines: Vec<&str> = idle.iter().map(|(line, _)| *line).collect();
    let program = program(&lines).replace(
        "#![allow(unused)]",
        "#![allow(dead_code, unused_imports, unused_variables)]",
    );
    let said = compile(&program, &library());
    for (number, (line, text)) in idle.iter().enumerate() {
        let place = format!("program.rs:{}:", number + 3);
        let about: String = said
            .iter()
            .filter(|message| message.contains(&place))
            .map(String::as_str)
            .collect();
        assert!(about.contains(text), "{line}: {said:#?}");
    }
}
