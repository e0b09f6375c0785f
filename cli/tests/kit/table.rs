//! Each kind, with each `on_exists`, against nothing, the same, something different, and something
//! that differs in what can't be changed: what is planned, and which calls carry it out.

use seqera_cli::kit::{Action, Kit, Options};
use seqera_test_platform::TestPlatform;

use super::{apply, changes, client, plan, start, text, undone};

struct Row {
    block: &'static str,
    item: &'static str,
    /// Replaced in the item, for one that differs.
    different: Option<(&'static str, &'static str)>,
    /// Replaced in the item, for one that differs in what can't be changed.
    immutable: Option<(&'static str, &'static str)>,
    create: &'static [&'static str],
    update: &'static [&'static str],
    delete: &'static [&'static str],
}

const ROWS: [Row; 21] = [
    Row {
        block: "organizations",
        item: "name: table-org, full-name: One",
        different: Some(("One", "Two")),
        immutable: None,
        create: &["CreateOrganization"],
        update: &["UpdateOrganization"],
        delete: &["DeleteOrganization"],
    },
    Row {
        block: "teams",
        item: "name: table-team, organization: open-genomics, description: One",
        different: Some(("One", "Two, members: [night-shift]")),
        immutable: None,
        create: &["CreateOrganizationTeam"],
        update: &["CreateOrganizationTeamMember", "UpdateOrganizationTeam"],
        delete: &["DeleteOrganizationTeam"],
    },
    Row {
        block: "workspaces",
        item: "name: table-space, organization: open-genomics, full-name: One",
        different: Some(("One", "Two")),
        immutable: None,
        create: &["CreateWorkspace"],
        update: &["UpdateWorkspace"],
        delete: &["DeleteWorkspace"],
    },
    Row {
        block: "labels",
        item: "name: table, value: one, workspace: open-genomics/research",
        different: None,
        immutable: None,
        create: &["CreateLabel"],
        update: &[],
        delete: &["DeleteLabel"],
    },
    Row {
        block: "members",
        item: "user: table@open-genomics.example, organization: open-genomics, role: MEMBER",
        different: Some(("MEMBER", "OWNER")),
        immutable: None,
        create: &["CreateOrganizationMember"],
        update: &["UpdateOrganizationMemberRole"],
        delete: &["DeleteOrganizationMember"],
    },
    Row {
        block: "participants",
        item: "name: wet-lab, type: TEAM, workspace: open-genomics/research, role: VIEW",
        different: Some(("VIEW", "MAINTAIN")),
        immutable: None,
        create: &[
            "CreateWorkspaceParticipant",
            "UpdateWorkspaceParticipantRole",
        ],
        update: &["UpdateWorkspaceParticipantRole"],
        delete: &["DeleteWorkspaceParticipant"],
    },
    Row {
        block: "credentials",
        item: "name: table, type: github, username: one, password: secret-one, base-url: 'https://one.example', workspace: open-genomics/research",
        different: Some(("https://one", "https://two")),
        immutable: Some(("github", "bitbucket")),
        create: &["CreateCredentials"],
        update: &["UpdateCredentials"],
        delete: &["DeleteCredentials"],
    },
    Row {
        block: "compute-envs",
        item: "name: table, type: aws-batch manual, credentials: aws-batch-runner, region: eu-west-1, work-dir: 's3://one', head-queue: h, compute-queue: c, description: One, workspace: open-genomics/research",
        different: Some(("One", "Two")),
        immutable: Some(("eu-west-1", "eu-west-2")),
        create: &["CreateComputeEnv"],
        update: &["UpdateComputeEnv"],
        delete: &["DeleteComputeEnv"],
    },
    Row {
        block: "secrets",
        item: "name: TABLE, value: secret-one, workspace: open-genomics/research",
        different: None,
        immutable: None,
        create: &["CreatePipelineSecret"],
        update: &[],
        delete: &["DeletePipelineSecret"],
    },
    Row {
        block: "actions",
        item: "name: table, type: tower, pipeline: 'https://github.com/nextflow-io/hello', work-dir: 's3://one', workspace: open-genomics/research",
        different: Some(("s3://one", "s3://two")),
        immutable: Some(("tower", "github")),
        create: &["CreateAction"],
        update: &["UpdateAction"],
        delete: &["DeleteAction"],
    },
    Row {
        block: "datasets",
        item: "name: table, file-path: SAMPLES, header: true, description: One, workspace: open-genomics/research",
        different: Some(("SAMPLES", "MORE")),
        immutable: None,
        create: &["CreateDatasetV2", "UploadDatasetV2"],
        update: &["UploadDatasetV2"],
        delete: &["DeleteDatasetV2"],
    },
    Row {
        block: "pipelines",
        item: "name: table, url: 'https://github.com/nextflow-io/hello', params: {a: 1, b: [x]}, labels: production, workspace: open-genomics/research",
        different: Some(("a: 1", "a: 2")),
        immutable: None,
        create: &["CreatePipeline"],
        update: &["UpdatePipelineVersion"],
        delete: &["DeletePipeline"],
    },
    Row {
        block: "data-links",
        item: "name: table, provider: aws, uri: 's3://one', credentials: aws-batch-runner, description: One, workspace: open-genomics/research",
        different: Some(("One", "Two")),
        immutable: Some(("s3://one", "s3://two")),
        create: &["CreateCustomDataLink"],
        update: &["UpdateCustomDataLink"],
        delete: &["DeleteCustomDataLink"],
    },
    Row {
        block: "studios",
        item: "name: table, custom-template: 'image.example/one:1', compute-env: aws-batch-ireland, cpu: 2, workspace: open-genomics/research",
        different: Some(("cpu: 2", "cpu: 4")),
        immutable: Some(("one:1", "two:1")),
        create: &["CreateDataStudio"],
        update: &["UpdateDataStudio"],
        delete: &["DeleteDataStudio"],
    },
    Row {
        block: "roles",
        item: "name: table, organization: open-genomics, description: One, permissions: ['workflow:read']",
        different: Some(("One", "Two")),
        immutable: None,
        create: &["CreateRole"],
        update: &["UpdateRole"],
        delete: &["DeleteRole"],
    },
    Row {
        block: "managed-identities",
        item: "name: table, type: slurm, host-name: h, work-dir: /one, head-queue: q, organization: open-genomics",
        different: Some(("/one", "/two")),
        immutable: Some(("slurm", "lsf")),
        create: &["CreateManagedIdentity"],
        update: &["UpdateManagedIdentity"],
        delete: &["DeleteManagedIdentity"],
    },
    Row {
        block: "ssh-keys",
        item: "name: table, public-key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5-one",
        different: None,
        immutable: Some(("-one", "-two")),
        create: &["CreateSshKey"],
        update: &[],
        delete: &["DeleteSshKey"],
    },
    Row {
        block: "tokens",
        item: "name: table",
        different: None,
        immutable: None,
        create: &["CreateToken"],
        update: &[],
        delete: &["DeleteToken"],
    },
    Row {
        block: "workspace-settings",
        item: "workspace: open-genomics/research, lifespan-hours: 5, container-repository: one.example/studios",
        different: Some(("hours: 5", "hours: 9")),
        immutable: None,
        create: &["UpdateDataStudiosWorkspaceSettings"],
        update: &["UpdateDataStudiosWorkspaceSettings"],
        delete: &[],
    },
    Row {
        block: "pipeline-schemas",
        item: "pipeline: hello, file-path: SCHEMA, workspace: open-genomics/research",
        different: Some(("SCHEMA", "LONGER")),
        immutable: None,
        create: &["CreatePipelineSchema", "UpdatePipelineVersion"],
        update: &["CreatePipelineSchema", "UpdatePipelineVersion"],
        delete: &["UpdatePipelineVersion"],
    },
    Row {
        block: "pipeline-versions",
        item: "pipeline: hello, name: table, revision: one, workspace: open-genomics/research",
        different: Some(("one", "one, default: true")),
        immutable: Some(("one", "two")),
        create: &[
            // This server makes a new version the default one.
            "UpdatePipelineVersion",
            "ManagePipelineVersion",
            "ManagePipelineVersion",
        ],
        update: &["ManagePipelineVersion"],
        delete: &[],
    },
];

const ON_EXISTS: [&str; 4] = ["update", "fail", "ignore", "overwrite"];

/// What is planned for what is there, by `on_exists`.
const EQUAL: [Action; 4] = [Action::Same, Action::Refused, Action::Ignore, Action::Same];
const DIFFERENT: [Action; 4] = [
    Action::Update,
    Action::Refused,
    Action::Ignore,
    Action::Replace,
];
const IMMUTABLE: [Action; 4] = [
    Action::Immutable,
    Action::Refused,
    Action::Ignore,
    Action::Replace,
];

/// Kinds of which none can be deleted, and so made anew.
const STAY: [&str; 2] = ["workspace-settings", "pipeline-versions"];
const DIFFERENT_STAYS: [Action; 4] = [
    Action::Update,
    Action::Refused,
    Action::Ignore,
    Action::Update,
];
const IMMUTABLE_STAYS: [Action; 4] = [
    Action::Immutable,
    Action::Refused,
    Action::Ignore,
    Action::Immutable,
];

fn file(row: &Row, change: Option<(&str, &str)>, on_exists: &str) -> String {
    let mut item = row.item.to_owned();
    if let Some((from, to)) = change {
        item = item.replace(from, to);
    }
    let folder = super::folder("all");
    let path = |name: &str| format!("'{}'", folder.join(name).display());
    let item = item.replace("SAMPLES", &path("samples.csv"));
    let item = item.replace("MORE", &path("more-samples.csv"));
    let item = item.replace("SCHEMA", &path("schema.json"));
    let item = item.replace("LONGER", &path("longer-schema.json"));
    format!("{}:\n  - {{{item}, on_exists: {on_exists}}}\n", row.block)
}

async fn check(
    platform: &TestPlatform,
    row: &Row,
    change: Option<(&str, &str)>,
    wanted: [Action; 4],
) {
    for (on_exists, wanted) in ON_EXISTS.iter().zip(wanted) {
        let shown = plan(platform, &text(&file(row, change, on_exists))).await;
        let step = &shown.steps[0];
        assert_eq!(
            step.action, wanted,
            "{} with {on_exists}: {:?} {:?}",
            row.block, step.note, step.changes
        );
    }
}

/// Carries an item out. The calls that changed something.
async fn carry_out(platform: &TestPlatform, row: &Row, file: &str) -> Vec<String> {
    let set = text(file);
    platform.clear_calls();
    let report = apply(platform, &set).await;
    assert_eq!(undone(&report), Vec::<String>::new(), "{}", row.block);
    let calls = super::changing_calls(platform);
    let then = plan(platform, &set).await;
    assert_eq!(changes(&then), Vec::<String>::new(), "{}", row.block);
    calls
}

#[tokio::test]
async fn each_kind_with_each_on_exists() {
    for row in &ROWS {
        let platform = start(TestPlatform::builder()).await;
        let stays = STAY.contains(&row.block);
        match row.block {
            // These are always there.
            "workspace-settings" => check(&platform, row, None, DIFFERENT_STAYS).await,
            _ => check(&platform, row, None, [Action::Create; 4]).await,
        }
        let calls = carry_out(&platform, row, &file(row, None, "update")).await;
        assert_eq!(calls, row.create, "{}", row.block);
        check(&platform, row, None, EQUAL).await;
        if row.different.is_some() {
            let wanted = if stays { DIFFERENT_STAYS } else { DIFFERENT };
            check(&platform, row, row.different, wanted).await;
            let calls = carry_out(&platform, row, &file(row, row.different, "update")).await;
            assert_eq!(calls, row.update, "{}", row.block);
            // And back, by making it anew.
            let calls = carry_out(&platform, row, &file(row, None, "overwrite")).await;
            let deleted = calls.iter().any(|call| row.delete.contains(&call.as_str()));
            assert!(
                deleted || stays || row.block == "teams",
                "{}: {calls:?}",
                row.block
            );
        }
        if row.immutable.is_some() && stays {
            check(&platform, row, row.immutable, IMMUTABLE_STAYS).await;
        } else if row.immutable.is_some() {
            check(&platform, row, row.immutable, IMMUTABLE).await;
            let file = file(row, row.immutable, "overwrite");
            let calls = carry_out(&platform, row, &file).await;
            let wanted: Vec<_> = row.delete.iter().chain(row.create).copied().collect();
            assert_eq!(calls, wanted, "{}", row.block);
        }
    }
}

#[tokio::test]
async fn secrets_are_sent_again_where_that_is_asked_for() {
    let platform = start(TestPlatform::builder()).await;
    let row = ROWS.iter().find(|row| row.block == "secrets").unwrap();
    let set = text(&file(row, None, "update"));
    apply(&platform, &set).await;
    let options = Options {
        update_secrets: true,
        ..Options::default()
    };
    let kit = Kit::new(client(&platform), options);
    let shown = kit.plan(&set, None).await.unwrap();
    assert_eq!(shown.steps[0].action, Action::Update);
    assert_eq!(shown.steps[0].changes[0].new, "(sensitive)");
    platform.clear_calls();
    kit.apply(&set, &shown, None, std::future::pending(), |_| ())
        .await;
    assert_eq!(super::changing_calls(&platform), ["UpdatePipelineSecret"]);
}
