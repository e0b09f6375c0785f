//! What goes by a name: changed, described and deleted in one step.
#![cfg(feature = "names")]

mod support;
#[cfg(feature = "default")]
mod support_schema;

use std::sync::Mutex;

use seqera::{Client, ErrorKind, Id};
use serde_json::{Value, json};
use support::{Act, Seen, Server, json as answer, ok};

/// A Platform that remembers what is written, and answers with it.
struct Platform {
    server: Server,
    client: Client,
}

async fn platform(act: impl Fn(&Seen) -> Option<Act> + Send + Sync + 'static) -> Platform {
    let server = Server::start(move |_, seen: &Seen| {
        act(seen).unwrap_or_else(|| match (&*seen.method, seen.path()) {
            ("GET", "/user-info") => ok(json!({"user": {"id": 3}})),
            ("GET", "/user/3/workspaces") => ok(json!({"orgsAndWorkspaces": [
                {"orgId": 8, "orgName": "acme", "workspaceId": 42, "workspaceName": "research"},
            ]})),
            (_, path) => answer(404, json!({"message": path}).to_string()),
        })
    })
    .await;
    let client = server.client().in_workspace(42).await.unwrap();
    Platform { server, client }
}

impl Platform {
    fn calls(&self, method: &str) -> Vec<(String, Value)> {
        let seen = self.server.seen().into_iter();
        let calls = seen.filter(|seen| seen.method == method).map(|seen| {
            let body = serde_json::from_slice(&seen.body).unwrap_or_default();
            (seen.path().to_owned(), body)
        });
        calls.collect()
    }

    async fn workspace(&self) -> seqera::Workspace {
        self.client.workspace(42).await.unwrap()
    }
}

fn launch() -> Value {
    json!({"launch": {
        "id": "l1", "pipeline": "https://github.com/acme/rnaseq", "revision": "3.18.0",
        "computeEnv": {"id": "ce1"}, "workDir": "s3://acme-work", "configProfiles": ["docker"],
    }})
}

/// The pipeline 5, `rnaseq`, with a label and its default version; updates answer with `version`.
fn pipeline(seen: &Seen, version: &Value) -> Option<Act> {
    let default = json!({"id": "v9", "name": "rnaseq-9", "isDefault": true});
    let described = |version: &Value| {
        json!({"pipeline": {
            "pipelineId": 5, "name": "rnaseq", "description": "RNA", "workspaceId": 42,
            "labels": [{"id": 71, "name": "urgent"}], "version": version,
        }})
    };
    Some(match (&*seen.method, seen.path()) {
        ("GET", "/pipelines") => ok(json!({
            "pipelines": [{"pipelineId": 5, "name": "rnaseq", "workspaceId": 42}], "totalSize": 1,
        })),
        ("GET", "/pipelines/5") => ok(described(&default)),
        ("GET", "/pipelines/5/launch") => ok(launch()),
        ("PUT", "/pipelines/5") => ok(described(version)),
        ("GET", "/pipelines/5/versions/validate") => match seen.query("name").as_deref() {
            Some("rnaseq-10") => answer(400, r#"{"message": "taken"}"#),
            _ => Act::Reply(204, Vec::new(), Vec::new()),
        },
        ("PUT", "/pipelines/5/versions/v10/manage") => Act::Reply(204, Vec::new(), Vec::new()),
        _ => return None,
    })
}

#[tokio::test]
async fn a_pipeline_is_read_changed_and_written_whole_and_its_draft_becomes_the_default() {
    let draft = json!({"id": "v10", "isDefault": false});
    let platform = platform(move |seen| pipeline(seen, &draft)).await;
    let edit = async |keep: bool| {
        let workspace = platform.workspace().await;
        let edit = workspace.edit_pipeline("rnaseq", |mut request| {
            if let Some(launch) = &mut request.launch {
                launch.revision = Some("3.19.0".to_owned());
            }
            request.description("RNA, nightly")
        });
        match keep {
            true => edit.keep_draft().await,
            false => edit.await,
        }
    };
    let edited = edit(false).await.unwrap();
    let told: Vec<_> = edited.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            r#"description: "RNA" -> "RNA, nightly""#,
            r#"launch.revision: "3.18.0" -> "3.19.0""#,
        ]
    );
    let version = edited.version.unwrap();
    assert_eq!(
        (&*version.id, version.name.as_deref(), version.is_default),
        ("v10", Some("rnaseq-11"), true)
    );
    let puts = platform.calls("PUT");
    let [(update, body), (manage, managed)] = &*puts else {
        panic!("{puts:?}")
    };
    assert_eq!(
        (&**update, &**manage),
        ("/pipelines/5", "/pipelines/5/versions/v10/manage")
    );
    assert_eq!(*managed, json!({"name": "rnaseq-11", "isDefault": true}));
    assert_eq!(body["labelIds"], json!([71]));
    assert_eq!(body["name"], "rnaseq");
    assert_eq!(body["launch"]["revision"], "3.19.0");
    assert_eq!(body["launch"]["computeEnvId"], "ce1");
    assert_eq!(body["launch"]["configProfiles"], json!(["docker"]));

    let kept = edit(true).await.unwrap().version.unwrap();
    assert_eq!((kept.name, kept.is_default), (None, false));
    assert_eq!(platform.calls("PUT").len(), 3);
}

#[tokio::test]
async fn what_is_no_draft_stays_as_the_server_made_it_and_no_change_sends_nothing() {
    let named = json!({"id": "v10", "name": "rnaseq-10", "isDefault": true});
    let platform = platform(move |seen| pipeline(seen, &named)).await;
    let workspace = platform.workspace().await;
    let icon = "x".to_owned();
    let edited = workspace
        .edit_pipeline(5, |request| request.icon(&*icon))
        .await;
    assert!(edited.unwrap().version.unwrap().is_default);
    assert_eq!(platform.calls("PUT").len(), 1);

    let same = workspace.edit_pipeline("rnaseq", |request| request.description("RNA"));
    assert!(same.await.unwrap().is_unchanged());
    assert_eq!(platform.calls("PUT").len(), 1);
}

#[tokio::test]
async fn a_change_that_others_came_before_is_made_on_what_is_there_then() {
    let state = Mutex::new(("RNA".to_owned(), 0));
    let platform = platform(move |seen| {
        let mut state = state.lock().unwrap();
        Some(match (&*seen.method, seen.path()) {
            ("GET", "/datasets/d1/metadata") => {
                ok(json!({"dataset": {"id": "d1", "name": "samples", "description": state.0}}))
            }
            ("PUT", "/datasets/d1") => {
                state.1 += 1;
                match state.1 {
                    1 => {
                        state.0 = "theirs".to_owned();
                        answer(409, r#"{"message": "conflict"}"#)
                    }
                    _ => Act::Reply(204, Vec::new(), Vec::new()),
                }
            }
            _ => return None,
        })
    })
    .await;
    let workspace = platform.workspace().await;
    let edited = workspace.edit_dataset(Id("d1"), |mut request| {
        let said = request.description.take().unwrap_or_default();
        request.description(format!("{said}, mine"))
    });
    let edited = edited.await.unwrap();
    assert_eq!(edited.changes[0].after, "theirs, mine");
    let last = platform.calls("PUT").pop().unwrap().1;
    assert_eq!(
        last,
        json!({"name": "samples", "description": "theirs, mine"})
    );
}

#[tokio::test]
async fn a_conflict_that_is_the_requests_own_is_told_at_once() {
    let platform = platform(|seen| {
        Some(match (&*seen.method, seen.path()) {
            ("GET", "/compute-envs/ce1") => {
                ok(json!({"computeEnv": {"id": "ce1", "name": "campus", "description": "x"}}))
            }
            ("PUT", "/compute-envs/ce1") => answer(409, r#"{"message": "the name is taken"}"#),
            _ => return None,
        })
    })
    .await;
    let workspace = platform.workspace().await;
    let edit = workspace.edit_compute_env(Id("ce1"), |request| request.name("cluster"));
    let error = edit.await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(platform.calls("PUT").len(), 1);
}

#[tokio::test]
async fn actions_studios_secrets_teams_workspaces_and_organizations_are_changed_too() {
    let platform = platform(|seen| {
        let path = seen.path();
        let described = match path {
            "/actions" => json!({"actions": [{"id": "a1", "name": "nightly"}]}),
            "/actions/a1" => json!({"action": {
                "id": "a1", "name": "nightly", "source": "tower",
                "labels": [{"id": 71}], "launch": launch()["launch"],
            }}),
            "/studios/s1" => json!({"sessionId": "s1", "name": "notebook", "labels": [{"id": 72}]}),
            "/pipeline-secrets" => json!({"pipelineSecrets": [{"id": 9, "name": "TOKEN"}]}),
            "/orgs" => json!({"organizations": [{"orgId": 8, "name": "acme"}]}),
            "/orgs/8" => json!({"organization": {"orgId": 8, "name": "acme", "fullName": "Acme"}}),
            "/orgs/8/teams" => json!({"teams": [{"teamId": 4, "name": "lab"}], "totalSize": 1}),
            "/orgs/8/teams/4" => json!({"team": {"teamId": 4, "name": "lab"}}),
            "/orgs/8/workspaces/42" => json!({"workspace": {
                "id": 42, "name": "research", "fullName": "Research", "visibility": "PRIVATE",
            }}),
            "/pipeline-secrets/9" if seen.method == "PUT" => json!({}),
            _ => return None,
        };
        Some(ok(described))
    })
    .await;
    let workspace = platform.workspace().await;
    let organization = platform.client.organization("acme").await.unwrap();
    let edited = [
        workspace
            .edit_action("nightly", |request| request.name("weekly"))
            .await,
        workspace
            .edit_studio(Id("s1"), |request| request.description("x"))
            .await,
        workspace
            .edit_secret("TOKEN", |request| request.value("s3cret"))
            .await,
        workspace.edit(|request| request.description("x")).await,
        organization
            .edit_team("lab", |request| request.description("x"))
            .await,
        organization.edit(|request| request.location("Turin")).await,
    ];
    for edited in edited {
        let edited = edited.unwrap();
        assert_eq!(edited.changes.len(), 1, "{edited:?}");
        assert!(!format!("{edited:?}").contains("s3cret"), "{edited:?}");
    }
    let puts = platform.calls("PUT");
    let body = |path: &str| puts.iter().find(|(put, _)| put == path).unwrap().1.clone();
    assert_eq!(body("/actions/a1")["launch"]["labelIds"], json!([71]));
    assert_eq!(body("/actions/a1")["launch"]["revision"], "3.18.0");
    assert_eq!(body("/studios/s1")["labelIds"], json!([72]));
    assert_eq!(body("/pipeline-secrets/9"), json!({"value": "s3cret"}));
    assert_eq!(
        body("/orgs/8/workspaces/42"),
        json!({"name": "research", "fullName": "Research", "visibility": "PRIVATE", "description": "x"})
    );
    assert_eq!(body("/orgs/8/teams/4")["name"], "lab");
    assert_eq!(body("/orgs/8")["fullName"], "Acme");
}

#[tokio::test]
async fn things_are_described_and_deleted_by_name() {
    let platform = platform(|seen| {
        Some(match (&*seen.method, seen.path()) {
            ("DELETE", _) => Act::Reply(204, Vec::new(), Vec::new()),
            (_, "/credentials") => ok(json!({"credentials": [{"id": "c1", "name": "login"}]})),
            (_, "/credentials/c1") => ok(json!({"credentials": {"id": "c1", "name": "login"}})),
            (_, "/labels") => ok(json!({"labels": [{"id": 71, "name": "urgent"}], "totalSize": 1})),
            (_, "/pipelines") => ok(json!({"pipelines": [
                {"pipelineId": 6, "name": "shared", "workspaceId": 7},
            ], "totalSize": 1})),
            _ => return None,
        })
    })
    .await;
    let workspace = platform.workspace().await;
    let described = workspace.describe_credentials("login").await.unwrap();
    assert_eq!(described.id.as_deref(), Some("c1"));
    workspace.delete_credentials("login").await.unwrap();
    workspace.delete_label("urgent").await.unwrap();
    let error = workspace.delete_credentials("logon").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = workspace.delete_pipeline("shared").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    let deleted: Vec<_> = platform
        .calls("DELETE")
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(deleted, ["/credentials/c1", "/labels/71"]);
}

#[tokio::test]
async fn labels_are_found_or_made_for_whatever_takes_labels() {
    let platform = platform(|seen| {
        Some(match (&*seen.method, seen.path()) {
            ("GET", "/labels") => {
                ok(json!({"labels": [{"id": 71, "name": "urgent"}], "totalSize": 1}))
            }
            ("POST", "/labels") => ok(json!({"id": 90})),
            _ => return None,
        })
    })
    .await;
    let workspace = platform.workspace().await;
    let ids = workspace
        .labels_or_new(["urgent", "cost-centre=genomics"])
        .await;
    assert_eq!(ids.unwrap(), [71, 90]);
    let made = platform.calls("POST");
    assert_eq!(
        made[0].1,
        json!({"name": "cost-centre", "value": "genomics", "resource": true})
    );
    assert!(workspace.labels(["nothing"]).await.is_err());
    assert_eq!(platform.calls("POST").len(), 1);
}

/// The server answers with the label where there is one of that name, so that a refusal is one.
#[tokio::test]
async fn a_label_that_can_not_be_made_is_not_looked_for_again() {
    for status in [400, 409] {
        let platform = platform(move |seen| {
            Some(match (&*seen.method, seen.path()) {
                ("GET", "/labels") => ok(json!({"labels": [], "totalSize": 0})),
                ("POST", "/labels") => answer(status, r#"{"message": "not this one"}"#),
                _ => return None,
            })
        })
        .await;
        let error = platform.workspace().await.label_or_new("urgent").await;
        assert!(error.unwrap_err().to_string().contains("not this one"));
        assert_eq!(platform.calls("POST").len(), 1);
        let looks = platform.calls("GET").len();
        assert!(looks <= 2, "{looks} looks before, none after");
    }
}

#[cfg(feature = "default")]
mod inventory {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use seqera::{Method, types};
    use seqera_test_platform::{
        ORGANIZATION, ORGANIZATION_ID, TestPlatform, USER, WORKSPACE, WORKSPACE_ID,
    };
    use serde::Serialize;

    use super::support_schema::{self, Operation, schema};
    use super::*;

    /// Operations that describe or delete one thing which does not go by a name, and why.
    const NAMELESS: &[(&str, &str)] = &[
        ("DeleteAllTokens", "all of them"),
        (
            "DeleteDataLinkItem",
            "files go by their path: `Client::data_link`",
        ),
        ("DeleteDataset", "deprecated"),
        ("DeleteDatasets", "several, by id"),
        (
            "DeleteUser",
            "an administrator's: no list of users to look names up in",
        ),
        ("DeleteWorkflowStar", "of a run: `Run::unstar`"),
        (
            "DeleteWorkspaceUser",
            "`DeleteWorkspaceParticipant` does the same",
        ),
        ("DescribeAuditLogV2", "an event has no name"),
        ("DescribeDataset", "deprecated"),
        (
            "DescribeLaunch",
            "a launch has no name: it is its pipeline's or run's",
        ),
        (
            "DescribePlatform",
            "its id is its name, such as `aws-batch`",
        ),
        ("DescribeUser", "no list of all users to look names up in"),
        (
            "DescribeWorkflowTask",
            "one of a run's, whose names repeat: `Run::tasks`",
        ),
        (
            "Ga4ghRunDescribe",
            "`DescribeWorkflow` in the words of GA4GH",
        ),
        ("LeaveOrganization", "the caller"),
        ("LeaveWorkspaceParticipant", "the caller"),
        ("RevokeOrganizationScimToken", "one for each organization"),
    ];

    /// Whether an operation reads or deletes one thing: its path ends with the thing's id.
    fn is_of_one_thing(operation: &Operation<'_>) -> bool {
        let is = |method: &str| operation.method.eq_ignore_ascii_case(method);
        let ends = ["}", "/metadata"]
            .iter()
            .any(|end| operation.path.ends_with(end));
        let content = ["Explore", "Download", "GetWorkflow"];
        let is_content = content.iter().any(|word| operation.id.starts_with(word));
        is("delete") || is("get") && ends && !is_content
    }

    #[tokio::test]
    async fn whatever_has_a_name_is_described_and_deleted_by_it() {
        // It makes one of each thing, and older versions know nothing of some.
        if support_schema::is_other_version() {
            return;
        }
        let platform = TestPlatform::builder()
            .calls_per_second(None)
            .settle_time(Duration::ZERO)
            .run_polls(1);
        let platform = platform.start().await.unwrap();
        let client = support::client_of_embedded(&platform).build().unwrap();
        let workspace = client.workspace(WORKSPACE).await.unwrap();
        let lab = client.organization(ORGANIZATION).await.unwrap();
        let (research, account) = (workspace.client(), client.account());
        let make = async |path: &str, body: Value| -> Value {
            let call = research.request(Method::POST, path).json(&body);
            let call = call.query("workspaceId", WORKSPACE_ID);
            let call = call.query("orgId", ORGANIZATION_ID);
            call.send().await.unwrap()
        };
        let hello = "https://github.com/nextflow-io/hello";
        make(
            "/agents",
            json!({"name": "helper", "description": "Reads logs"}),
        )
        .await;
        make(
            "/actions",
            json!({"name": "nightly", "source": "tower", "launch": {"pipeline": hello}}),
        )
        .await;
        let bucket = json!({"name": "own", "resourceRef": "s3://open-genomics-sequencing/samplesheets",
        "provider": "aws", "type": "bucket", "credentialsId": "2rKbN9wAoS6vDyHmGi4XcE"});
        make("/data-links", bucket).await;
        let role =
            json!({"name": "curator", "description": "Cares", "permissions": ["dataset:read"]});
        make("/roles", role).await;
        let cluster = json!({"name": "cluster", "platform": "slurm-platform",
        "config": {"hostName": "login.example", "workDir": "/scratch"}});
        let identity = make("/identities", cluster).await["id"].clone();
        let keys = json!({"discriminator": "ssh", "privateKey": "secret"});
        let credentials = json!({"provider": "ssh", "metadata": {"discriminator": "ssh"},
        "credentials": {"name": "k", "provider": "ssh", "keys": keys}});
        make(&format!("/identities/{identity}/credentials"), credentials).await;
        let groups = format!("/orgs/{ORGANIZATION_ID}/idp-groups");
        make(&groups, json!({"displayName": "scientists"})).await;
        let key = client.create_ssh_key().name("desk");
        key.public_key("ssh-ed25519 AAAAC3NzaC1lZDI1")
            .await
            .unwrap();
        client.create_token().name("laptop").await.unwrap();
        let secret = research.create_pipeline_secret().name("LICENCE");
        secret.value("hush").await.unwrap();
        let other = types::Organization::new()
            .name("other-lab")
            .full_name("Other");
        client
            .create_organization()
            .organization(other)
            .await
            .unwrap();
        let run = research
            .launch("hello")
            .run_name("first_try")
            .send()
            .await
            .unwrap();
        run.wait().await.unwrap();
        let studio = research.studio("expression-notebook");
        studio.start().await.unwrap();
        studio.stop().await.unwrap();
        let checkpoint = research.list_data_studio_checkpoints();
        let checkpoint = checkpoint.session_id(studio.session_id().await.unwrap());
        let checkpoint = checkpoint.all().await.unwrap().pop().unwrap();
        let rename = research
            .update_data_studio_checkpoint()
            .checkpoint_id(checkpoint.id);
        let rename = rename.session_id(studio.session_id().await.unwrap());
        rename.name("before-lunch").await.unwrap();
        platform.clear_calls();

        workspace.describe().await.unwrap();
        workspace.describe_action("nightly").await.unwrap();
        workspace.describe_agent("helper").await.unwrap();
        workspace
            .describe_compute_env("campus-cluster")
            .await
            .unwrap();
        workspace
            .describe_credentials("google-batch-runner")
            .await
            .unwrap();
        workspace.describe_data_link("own").await.unwrap();
        workspace.describe_dataset("germline-cohort").await.unwrap();
        workspace.describe_pipeline("nf-core-sarek").await.unwrap();
        workspace.describe_run("first_try").await.unwrap();
        workspace.describe_secret("LICENCE").await.unwrap();
        workspace
            .describe_studio("expression-notebook")
            .await
            .unwrap();
        let described = workspace
            .describe_checkpoint("expression-notebook", "before-lunch")
            .await;
        assert_eq!(described.unwrap().id, checkpoint.id);
        lab.describe().await.unwrap();
        lab.describe_managed_identity("cluster").await.unwrap();
        assert_eq!(
            lab.describe_role("curator").await.unwrap().is_predefined,
            Some(false)
        );
        lab.describe_team("wet-lab").await.unwrap();
        account.describe_ssh_key("desk").await.unwrap();

        workspace.delete_action("nightly").await.unwrap();
        workspace.delete_agent("helper").await.unwrap();
        workspace
            .delete_compute_env("google-batch-belgium")
            .await
            .unwrap();
        workspace
            .delete_credentials("google-batch-runner")
            .await
            .unwrap();
        workspace.delete_data_link("own").await.unwrap();
        workspace.delete_dataset("germline-cohort").await.unwrap();
        workspace
            .delete_label("cost-centre=genomics")
            .await
            .unwrap();
        workspace.delete_pipeline("nf-core-sarek").await.unwrap();
        workspace.delete_run("first_try").await.unwrap();
        workspace.delete_secret("LICENCE").await.unwrap();
        workspace
            .delete_studio("expression-notebook")
            .await
            .unwrap();
        workspace.delete_participant("night-shift").await.unwrap();
        lab.delete_team_member("wet-lab", "night-shift")
            .await
            .unwrap();
        lab.delete_team("wet-lab").await.unwrap();
        lab.delete_member("night-shift").await.unwrap();
        lab.delete_managed_credentials("cluster", USER)
            .await
            .unwrap();
        lab.delete_managed_identity("cluster").await.unwrap();
        lab.delete_role("curator").await.unwrap();
        lab.delete_idp_group("scientists").await.unwrap();
        account.delete_ssh_key("desk").await.unwrap();
        account.delete_access_token("laptop").await.unwrap();
        let gone = workspace.describe_action("nightly").await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        let other = client.organization("other-lab").await.unwrap();
        other.delete().await.unwrap();
        workspace.delete().await.unwrap();

        let received = platform.received().into_iter();
        let called: BTreeSet<String> = received.filter_map(|call| call.operation).collect();
        let all = schema().operations().filter(is_of_one_thing);
        let all: BTreeSet<String> = all.map(|operation| operation.id.to_owned()).collect();
        let nameless: BTreeSet<String> = NAMELESS.iter().map(|(id, _)| (*id).to_owned()).collect();
        let forgotten: Vec<_> = all
            .iter()
            .filter(|id| !called.contains(*id) && !nameless.contains(*id))
            .collect();
        assert!(
            forgotten.is_empty(),
            "neither by name nor said why not: {forgotten:?}"
        );
        let idle: Vec<_> = nameless
            .iter()
            .filter(|id| !all.contains(*id) || called.contains(*id))
            .collect();
        assert!(idle.is_empty(), "no reason is needed: {idle:?}");
    }

    /// Fields of requests that take labels.
    #[tokio::test]
    async fn ids_of_labels_that_are_found_or_made_go_wherever_labels_are_taken() {
        let (_platform, client) = support::laboratory().await;
        let workspace = client.workspace(WORKSPACE).await;
        let ids = workspace
            .unwrap()
            .labels_or_new(["urgent", "brand-new"])
            .await
            .unwrap();
        let mut takers = BTreeSet::new();
        fn sends(takers: &mut BTreeSet<String>, ids: &[i64], name: &str, request: impl Serialize) {
            let sent = serde_json::to_value(&request).unwrap();
            assert_eq!(sent["labelIds"], json!(ids), "{name}");
            takers.insert(name.to_owned());
        }
        macro_rules! all_of {
        ($($request:ident)*) => {$(
            sends(&mut takers, &ids, stringify!($request), types::$request::new().label_ids(ids.clone()));
        )*};
    }
        all_of! {
            AssociateActionLabelsRequest AssociateDatasetsLabelsRequest AssociatePipelineLabelsRequest
            AssociateWorkflowLabelsRequest CreateComputeEnvRequest CreatePipelineRequest
            DataStudioCreateRequest DataStudioStartRequest DataStudioUpdateRequest UpdatePipelineRequest
            WorkflowLaunchRequest
        }
        let takes = |schema: &Value| schema["properties"]["labelIds"].is_object();
        let all = schema().types().filter(|(_, schema)| takes(schema));
        let all: BTreeSet<String> = all.map(|(name, _)| name.clone()).collect();
        assert_eq!(takers, all);
    }
}
