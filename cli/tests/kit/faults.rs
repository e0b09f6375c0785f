//! What goes wrong: answers that are lost, calls that are refused, interruptions.

use std::time::Duration;

use seqera_cli::kit::{Action, Ended, Error, Kit, Options, State};
use seqera_test_platform::TestPlatform;
use tokio::sync::Notify;

use super::{all, apply, changes, client, kit, plan, start, text, undone};

/// What makes and changes the things of the files.
pub const OPERATIONS: [&str; 23] = [
    "CreateOrganization",
    "CreateOrganizationTeam",
    "CreateOrganizationTeamMember",
    "CreateWorkspace",
    "CreateLabel",
    "CreateOrganizationMember",
    "CreateWorkspaceParticipant",
    "CreateCredentials",
    "CreateComputeEnv",
    "CreatePipelineSecret",
    "CreateAction",
    "CreateDatasetV2",
    "UploadDatasetV2",
    "CreatePipeline",
    "CreateCustomDataLink",
    "CreateDataStudio",
    "CreateRole",
    "CreateManagedIdentity",
    "CreateSshKey",
    "UpdateDataStudiosWorkspaceSettings",
    "CreatePipelineSchema",
    "UpdatePipelineVersion",
    "ManagePipelineVersion",
];

/// However answers are lost, everything is there in the end, once.
async fn survives(fault: impl Fn(&TestPlatform, &str)) {
    let platform = start(TestPlatform::builder().latency(Duration::from_millis(2))).await;
    for operation in OPERATIONS {
        fault(&platform, operation);
    }
    let set = all();
    let mut report = apply(&platform, &set).await;
    if !undone(&report).is_empty() {
        // What could not be decided is left to the next run.
        report = apply(&platform, &set).await;
    }
    assert_eq!(undone(&report), Vec::<String>::new());
    assert_eq!(changes(&plan(&platform, &set).await), Vec::<String>::new());
    let workspace = ["river-lab/sequencing".to_owned()];
    let export = kit(&platform)
        .export(&["river-lab".to_owned()], &workspace, &[])
        .await
        .unwrap();
    // The user who made the organization is in it too; participants of it as well. The launch, a
    // token and a key are of no place; versions are more than were asked for.
    let versions = export.files["pipeline-versions.yml"]
        .matches("\n  - ")
        .count();
    let own = export.items - versions - 2;
    assert_eq!(own, set.items().len() - 4, "{:#?}", export.files);
}

#[tokio::test]
async fn nothing_is_made_twice_where_servers_act_and_answer_502() {
    survives(|platform, operation| platform.act_then_fail(operation, 1, 502)).await;
}

#[tokio::test]
async fn nothing_is_made_twice_where_connections_break_after_the_act() {
    survives(|platform, operation| platform.act_then_break(operation, 1)).await;
}

#[tokio::test]
async fn what_was_not_carried_out_is_tried_again() {
    survives(|platform, operation| platform.break_next(operation, 1)).await;
}

#[tokio::test]
async fn kinds_that_may_not_be_read_stop_nothing_else() {
    let platform = start(TestPlatform::builder()).await;
    apply(&platform, &all()).await;
    platform.fail_next("ListPipelineSecrets", 100, 403);
    platform.fail_next("ListLabels", 100, 403);
    let set = all();
    let shown = plan(&platform, &set).await;
    let refused: Vec<_> = shown
        .steps
        .iter()
        .filter(|step| step.action == Action::Refused)
        .map(|step| step.block)
        .collect();
    assert_eq!(refused, ["labels", "labels", "secrets"]);
    let report = apply(&platform, &set).await;
    let failed = report
        .outcomes
        .iter()
        .filter(|one| matches!(&one.ended, Ended::Failed(why) if why.contains("can't be read")));
    assert_eq!(failed.count(), 3);
}

#[tokio::test]
async fn one_failure_stops_what_needs_it_and_nothing_else() {
    let platform = start(TestPlatform::builder()).await;
    platform.fail_next("CreateComputeEnv", 10, 400);
    let set = all();
    let report = apply(&platform, &set).await;
    let of = |block: &str, name: &str| {
        let found = report
            .outcomes
            .iter()
            .find(|one| one.block == block && one.name == name);
        found
            .unwrap_or_else(|| panic!("{block} {name}"))
            .ended
            .clone()
    };
    assert!(matches!(of("compute-envs", "spot"), Ended::Failed(_)));
    assert!(
        matches!(of("pipelines", "greet"), Ended::NotTried(because) if because.contains("spot"))
    );
    assert!(matches!(of("launch", "greet"), Ended::NotTried(_)));
    assert!(matches!(of("data-links", "river-reads"), Ended::Done(_)));
    assert!(matches!(of("datasets", "samples"), Ended::Done(_)));
    // It goes on from there.
    platform.clear_faults();
    let report = apply(&platform, &set).await;
    assert_eq!(undone(&report), Vec::<String>::new());
}

#[tokio::test]
async fn what_vanishes_after_the_plan_is_made_anew_and_what_appears_is_found() {
    let platform = start(TestPlatform::builder()).await;
    let secret = "secrets:\n  - {name: MINE, value: one-two, workspace: open-genomics/research}\n";
    let label = "labels:\n  - {name: mine, workspace: open-genomics/research}\n";
    let link = |text: &str| {
        format!(
            "data-links:\n  - {{name: mine, provider: aws, uri: 's3://mine', description: {text}, workspace: open-genomics/research}}\n"
        )
    };
    apply(&platform, &text(&link("one"))).await;
    let set = text(&format!("{secret}{label}{}", link("two")));
    let kit = kit(&platform);
    let shown = kit.plan(&set, None).await.unwrap();
    // Meanwhile others make two of them, and delete one.
    apply(&platform, &text(secret)).await;
    apply(&platform, &text(label)).await;
    let gone = super::kit(&platform)
        .plan_deletion(&text(&link("one")))
        .await
        .unwrap();
    let set_of_link = text(&link("one"));
    let report = super::kit(&platform)
        .apply(&set_of_link, &gone, None, std::future::pending(), |_| ())
        .await;
    assert_eq!(undone(&report), Vec::<String>::new());
    let report = kit
        .apply(&set, &shown, None, std::future::pending(), |_| ())
        .await;
    assert_eq!(undone(&report), Vec::<String>::new());
    assert_eq!(changes(&plan(&platform, &set).await), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_interrupted_goes_on_and_makes_nothing_twice() {
    let set = all();
    for after in [1, 4, 9] {
        let platform = start(TestPlatform::builder().latency(Duration::from_millis(3))).await;
        let kit = kit(&platform);
        let shown = kit.plan(&set, None).await.unwrap();
        let stop = Notify::new();
        let mut ended = 0;
        let told = |_: &_| {
            ended += 1;
            if ended == after {
                stop.notify_one();
            }
        };
        let report = kit.apply(&set, &shown, None, stop.notified(), told).await;
        assert!(report.stopped && !report.is_done());
        let report = apply(&platform, &set).await;
        assert_eq!(undone(&report), Vec::<String>::new());
        assert_eq!(changes(&plan(&platform, &set).await), Vec::<String>::new());
    }
}

const LAUNCH: &str = "launch:\n  - {pipeline: hello, workspace: open-genomics/research}\n  - {name: by-name, pipeline: hello, workspace: open-genomics/research}\n";

async fn launch_once(platform: &TestPlatform, file: &std::path::Path) -> Vec<String> {
    let set = text(LAUNCH);
    let options = Options {
        launch_once: Some("2026-11".to_owned()),
        ..Options::default()
    };
    let kit = Kit::new(client(platform), options);
    let mut state = State::open(file, false).unwrap();
    let shown = kit.plan(&set, Some(&state)).await.unwrap();
    let report = kit
        .apply(
            &set,
            &shown,
            Some(&mut state),
            std::future::pending(),
            |_| (),
        )
        .await;
    undone(&report)
}

fn launches(platform: &TestPlatform) -> usize {
    let calls = platform.received().into_iter();
    let launches = calls.filter(|call| call.operation.as_deref() == Some("CreateWorkflowLaunch"));
    launches.count()
}

#[tokio::test]
async fn what_is_launched_under_a_key_is_launched_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let platform = start(TestPlatform::builder()).await;
    platform.act_then_fail("CreateWorkflowLaunch", 1, 502);
    assert_eq!(launch_once(&platform, &file).await, Vec::<String>::new());
    assert_eq!(launches(&platform), 2);
    assert_eq!(launch_once(&platform, &file).await, Vec::<String>::new());
    assert_eq!(launches(&platform), 2);
    // Without a key it can't be told, and is said.
    platform.act_then_fail("CreateWorkflowLaunch", 1, 502);
    let report = apply(&platform, &text(LAUNCH)).await;
    assert!(
        undone(&report)[0].contains("may have been launched"),
        "{:?}",
        undone(&report)
    );
}

#[tokio::test]
async fn a_launch_that_was_begun_and_not_noted_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let platform = start(TestPlatform::builder()).await;
    assert_eq!(launch_once(&platform, &file).await, Vec::<String>::new());
    // As a program leaves it that is ended between the launch and the note.
    let noted = std::fs::read_to_string(&file).unwrap();
    let mut data: serde_json::Value = serde_json::from_str(&noted).unwrap();
    for launched in data["launches"]["2026-11"]
        .as_object_mut()
        .unwrap()
        .values_mut()
    {
        launched["workflowId"] = serde_json::Value::Null;
    }
    std::fs::write(&file, data.to_string()).unwrap();
    assert_eq!(launch_once(&platform, &file).await, Vec::<String>::new());
    assert_eq!(launches(&platform), 2);
    let again: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let before: serde_json::Value = serde_json::from_str(&noted).unwrap();
    assert_eq!(again["launches"], before["launches"]);
}

#[test]
fn a_state_file_is_of_one_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let first = State::open(&file, false).unwrap();
    assert!(matches!(State::open(&file, false), Err(Error::Locked(_))));
    drop(first);
    assert!(State::open(&file, false).is_ok());
    std::fs::write(&file, "no state").unwrap();
    assert!(State::open(&file, false).is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "no state");
}

#[tokio::test]
async fn secrets_that_are_remembered_are_seen_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let platform = start(TestPlatform::builder()).await;
    let secret = |value: &str| {
        text(&format!(
            "secrets:\n  - {{name: MINE, value: {value}, workspace: open-genomics/research}}\n"
        ))
    };
    let mut state = State::open(&file, true).unwrap();
    for (value, wanted) in [
        ("first-value", Action::Create),
        ("first-value", Action::Same),
        ("other-value", Action::Update),
        ("other-value", Action::Same),
    ] {
        let (set, kit) = (secret(value), kit(&platform));
        let shown = kit.plan(&set, Some(&state)).await.unwrap();
        assert_eq!(shown.steps[0].action, wanted, "{value}");
        kit.apply(
            &set,
            &shown,
            Some(&mut state),
            std::future::pending(),
            |_| (),
        )
        .await;
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(
        !kept.contains("first-value") && !kept.contains("other-value") && kept.contains("MINE")
    );
}

/// A token that is saved, and a secret that is made of it.
fn token(file: &std::path::Path) -> seqera_cli::kit::Set {
    text(&format!(
        "tokens:\n  - {{name: ci, save-to: '{}'}}\nsecrets:\n  - {{name: CI_TOKEN, value: \
         '${{tokens.ci.accessKey}}', workspace: open-genomics/research}}\n",
        file.display()
    ))
}

/// The value of the secret that was sent last.
fn sent(platform: &TestPlatform) -> serde_json::Value {
    let calls = platform.received().into_iter().rev();
    let mut secrets =
        calls.filter(|call| call.operation.as_deref() == Some("CreatePipelineSecret"));
    secrets.next().unwrap().body.unwrap()["value"].clone()
}

#[tokio::test]
async fn a_token_goes_to_its_file_and_to_what_names_it_also_after_an_interruption() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ci.token");
    let platform = start(TestPlatform::builder()).await;
    let set = token(&file);
    // The secret fails, with its value in the server's words.
    platform.fail_next("CreatePipelineSecret", 1, 400);
    let report = apply(&platform, &set).await;
    let saved = std::fs::read_to_string(&file).unwrap();
    let saved = saved.trim();
    assert!(saved.len() > 20, "{saved}");
    assert_eq!(undone(&report).len(), 1, "{:?}", undone(&report));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Another run takes the token from the file.
    platform.fail_next("CreatePipelineSecret", 1, 400);
    platform.alter_replies(
        "CreatePipelineSecret",
        "/message",
        format!("bad: {saved}").into(),
    );
    let report = apply(&platform, &set).await;
    let told = undone(&report);
    assert!(told[0].contains("bad: (sensitive)"), "{told:?}");
    platform.clear_faults();
    assert_eq!(undone(&apply(&platform, &set).await), Vec::<String>::new());
    assert_eq!(sent(&platform), saved);
    let shown = plan(&platform, &set).await;
    assert_eq!(changes(&shown), Vec::<String>::new());
    assert!(!shown.value().to_string().contains(saved));
}

#[tokio::test]
async fn a_token_whose_reply_is_lost_is_told_and_what_needs_it_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ci.token");
    let platform = start(TestPlatform::builder()).await;
    let set = token(&file);
    platform.act_then_break("CreateToken", 1);
    let told = undone(&apply(&platform, &set).await);
    assert!(told[0].contains("nobody can read it"), "{told:?}");
    assert!(told[1].contains("NotTried"), "{told:?}");
    assert!(!file.exists());
    let told = undone(&apply(&platform, &set).await);
    assert!(
        told[0].contains("`${tokens.ci.accessKey}` is not known"),
        "{told:?}"
    );
    // Deleted, it is made anew.
    let kit = kit(&platform);
    let gone = kit.plan_deletion(&set).await.unwrap();
    kit.apply(&set, &gone, None, std::future::pending(), |_| ())
        .await;
    assert_eq!(undone(&apply(&platform, &set).await), Vec::<String>::new());
    assert_eq!(
        sent(&platform),
        std::fs::read_to_string(&file).unwrap().trim()
    );
    // A file that is there is not written over.
    let other = text(&format!(
        "tokens:\n  - {{name: two, save-to: '{}'}}\n",
        file.display()
    ));
    let told = undone(&apply(&platform, &other).await);
    assert!(told[0].contains("can't be made"), "{told:?}");
}

#[tokio::test]
async fn versions_are_made_once_on_servers_with_drafts_and_without() {
    let item = "pipeline-versions:
  - {pipeline: hello, name: one, revision: r1, workspace: open-genomics/research}
  - {pipeline: hello, name: two, revision: r2, default: true, workspace: open-genomics/research}
";
    for drafts in [true, false] {
        let builder = TestPlatform::builder();
        let platform = start(match drafts {
            true => builder.draft_versions(),
            false => builder,
        })
        .await;
        // The version is made, and its naming fails.
        platform.fail_next("ManagePipelineVersion", 1, 400);
        let set = text(item);
        apply(&platform, &set).await;
        let report = apply(&platform, &set).await;
        assert_eq!(undone(&report), Vec::<String>::new(), "{drafts}");
        assert_eq!(changes(&plan(&platform, &set).await), Vec::<String>::new());
        let workspace = client(&platform)
            .workspace("open-genomics/research")
            .await
            .unwrap();
        let pipeline = workspace.describe_pipeline("hello").await.unwrap();
        let version = pipeline.version.unwrap_or_default();
        assert_eq!(version.name.as_deref(), Some("two"), "{drafts}");
        let call = client(&platform).list_pipeline_versions();
        let call = call.pipeline_id(pipeline.pipeline_id.unwrap());
        let all = call.workspace_id(workspace.id()).all().await.unwrap();
        if drafts {
            let drafts = all
                .iter()
                .filter(|one| one.version.as_ref().unwrap().name.is_none());
            assert_eq!(drafts.count(), 0, "{all:#?}");
            assert_eq!(all.len(), 3);
        }
    }
}
