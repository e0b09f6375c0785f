//! What holds for every list: its pages, its search, and what is null unless it is asked for.

use std::collections::BTreeSet;

use reqwest::Method;
use seqera_test_platform::{ORGANIZATION_ID, TestPlatform, WORKSPACE_ID};
use serde_json::{Value, json};

use crate::client::{Api, of_workspace};
use crate::schema;

/// A path of the laboratory in the place of a template's parameters.
fn filled(api: &Filled, template: &str) -> String {
    let path = template
        .replace("{orgId}", &ORGANIZATION_ID.to_string())
        .replace("{workspaceId}", &WORKSPACE_ID.to_string())
        .replace("{teamId}", "301")
        .replace("{pipelineId}", "20102")
        .replace("{computeEnvId}", "4mXqT0bHcW8zLdPfRk2VnS")
        .replace("{datasetId}", "3tLcR8nXeO1pWqVyGs5JdU")
        .replace("{sessionId}", "a1f4c09e")
        .replace("{workflowId}", &api.run)
        .replace("{actionId}", &api.action)
        .replace("{managedIdentityId}", &api.identity);
    match path.starts_with("/orgs") || template.contains("{workspaceId}") {
        true => path,
        false if path.starts_with("/roles") || path.starts_with("/identities") => {
            format!("{path}?orgId={ORGANIZATION_ID}")
        }
        false if path.starts_with("/admin") => path,
        false => of_workspace(&path),
    }
}

/// The laboratory with one of each of what it lacks.
struct Filled {
    api: Api,
    run: String,
    action: String,
    identity: String,
}

impl Filled {
    async fn start() -> Self {
        let api = Api::start().await;
        let identity = json!({ "name": "cluster", "platform": "slurm-platform", "config": { "hostName": "x" } });
        let path = format!("/identities?orgId={ORGANIZATION_ID}");
        let identity = api.post(&path, identity).await["id"].to_string();
        let launch =
            json!({ "pipeline": "https://github.com/nextflow-io/hello", "labelIds": [71] });
        let action = json!({ "name": "nightly", "source": "tower", "launch": launch });
        let action = api.post(&of_workspace("/actions"), action).await;
        let agent = json!({ "name": "helper" });
        api.post(&of_workspace("/agents"), agent).await;
        let path = of_workspace("/workflow/launch");
        let run = api.post(&path, json!({ "launch": launch })).await;
        let run = run["workflowId"].as_str().unwrap().to_owned();
        let action = action["actionId"].as_str().unwrap().to_owned();
        Self {
            api,
            run,
            action,
            identity,
        }
    }

    async fn get(&self, path: &str) -> Value {
        self.api.get(path).await
    }
}

fn with(path: &str, query: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}{query}")
}

#[tokio::test]
async fn every_list_has_pages_of_at_most_a_hundred() {
    let at = Filled::start().await;
    let mut lists = 0;
    for (id, template, _) in schema::reads().filter(|(_, _, query)| query.contains(&"max")) {
        lists += 1;
        let path = filled(&at, template);
        let message = at
            .api
            .refused(Method::GET, &with(&path, "max=101"), None, 400)
            .await;
        assert!(message.contains("max"), "{id}: {message}");
        at.api
            .refused(Method::GET, &with(&path, "max=-1"), None, 400)
            .await;
        let page = at.get(&with(&path, "max=1")).await;
        let total = page["totalSize"].as_u64().or(page["total"].as_u64());
        // The audit log and the list of runs have no total unless one is asked for.
        assert_eq!(
            total.is_none(),
            matches!(id, "ListAuditLogsV2" | "ListWorkflows"),
            "{id}: {page}"
        );
        let arrays = page
            .as_object()
            .unwrap()
            .values()
            .filter_map(Value::as_array);
        assert!(arrays.map(Vec::len).max().unwrap_or_default() <= 1, "{id}");
        if total.is_some_and(|total| total > 1) {
            let second = at.get(&with(&path, "max=1&offset=1")).await;
            assert_ne!(page, second, "{id}");
        }
    }
    assert_eq!(lists, 22);
}

/// The fields that a caller must ask for: operation, attribute, and where it shows.
const ATTRIBUTES: &[(&str, &str, &str)] = &[
    ("ListActions", "labels", "/actions/0/labels"),
    ("DescribeAction", "labels", "/action/labels"),
    ("ListComputeEnvs", "labels", "/computeEnvs/0/labels"),
    ("ListComputeEnvs", "resources", "/computeEnvs/0/resources"),
    ("DescribeComputeEnv", "labels", "/computeEnv/labels"),
    ("ListDatasetsV2", "labels", "/datasets/0/labels"),
    ("DescribeDatasetV2", "labels", "/dataset/labels"),
    ("DescribeDataset", "labels", "/dataset/labels"),
    ("ListPipelines", "labels", "/pipelines/0/labels"),
    (
        "ListPipelines",
        "optimized",
        "/pipelines/0/optimizationStatus",
    ),
    ("ListPipelines", "computeEnv", "/pipelines/0/computeEnv"),
    ("DescribePipeline", "labels", "/pipeline/labels"),
    ("ListDataStudios", "labels", "/studios/0/labels"),
    (
        "ListDataStudioCompatibleComputeEnvs",
        "labels",
        "/computeEnvs/0/labels",
    ),
    ("ListWorkflows", "labels", "/workflows/0/labels"),
    ("ListWorkflows", "optimized", "/workflows/0/optimized"),
    ("ListWorkflows", "pipelineInfo", "/workflows/0/pipelineInfo"),
    ("DescribeWorkflow", "messages", "/messages"),
    ("DescribeWorkflow", "labels", "/labels"),
    ("DescribeWorkflow", "optimized", "/optimized"),
    ("DescribeWorkflow", "pipelineInfo", "/pipelineInfo"),
];

#[tokio::test]
async fn what_is_not_asked_for_is_null() {
    let at = Filled::start().await;
    let reads: Vec<_> = schema::reads().collect();
    for (id, attribute, pointer) in ATTRIBUTES {
        let (_, template, _) = reads.iter().find(|(known, ..)| known == id).unwrap();
        let path = filled(&at, template);
        let bare = at.get(&path).await;
        assert_eq!(bare.pointer(pointer), Some(&Value::Null), "{id} {pointer}");
        let full = at
            .get(&with(&path, &format!("attributes={attribute}")))
            .await;
        assert!(
            full.pointer(pointer).is_some_and(|value| !value.is_null()),
            "{id} {pointer}"
        );
    }
    let covered: BTreeSet<&str> = ATTRIBUTES.iter().map(|(id, ..)| *id).collect();
    let missing: Vec<&str> = (reads.iter())
        .filter(|(id, _, query)| query.contains(&"attributes") && !covered.contains(id))
        .map(|(id, ..)| *id)
        // Theirs are tested where audit logs and schemas are: they narrow what is there.
        .filter(|id| !id.contains("AuditLog") && *id != "DescribePipelineSchema")
        .collect();
    assert_eq!(missing, [""; 0]);
    // Both forms of a list of attributes.
    for query in [
        "attributes=labels,optimized",
        "attributes=labels&attributes=optimized",
    ] {
        let list = at
            .get(&of_workspace(&format!("/workflow?max=1&{query}")))
            .await;
        assert!(list["workflows"][0]["labels"].is_array(), "{query}");
        assert_eq!(list["workflows"][0]["optimized"], false, "{query}");
    }
}

/// The names that a search finds, by the pointer to each item's name.
async fn found(api: &Api, path: &str, items: &str, name: &str) -> Vec<String> {
    let list = api.get(path).await;
    let items = list[items].as_array().unwrap_or_else(|| panic!("{list}"));
    let name = |item: &Value| {
        item.pointer(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    items
        .iter()
        .map(|item| name(item).unwrap_or_default())
        .collect()
}

const SEARCHED: &str = "
users:
  - { userName: ada, firstName: Ada, lastName: Byron }
  - { userName: grace, firstName: Grace, lastName: Hopper }
organizations:
  - name: acme
    id: 7
    members: [{ user: ada, role: owner }, { user: grace }]
    teams: [{ name: analysts, id: 5, members: [ada, grace] }, { name: builders }]
    workspaces:
      - name: research
        id: 70
        participants: [{ user: grace, role: maintain }, { team: analysts, role: view }]
        labels: [{ name: urgent }, { name: cost, value: centre }]
        credentials: [{ name: aws, provider: aws }]
        computeEnvs:
          - { name: batch, id: env1, platform: aws-batch, credentials: aws, config: { workDir: 's3://w' } }
        pipelines:
          - { name: rnaseq, id: 1, labels: [urgent], computeEnv: batch, launch: { pipeline: https://github.com/nf-core/rnaseq } }
          - { name: rnaseq-pilot, id: 2, labels: [cost], computeEnv: batch, launch: { pipeline: https://github.com/acme/pilot } }
        datasets:
          - { name: sheet, labels: [urgent], versions: [{ fileName: sheet.csv, content: 'a,b' }] }
          - { name: table, versions: [{ fileName: table.tsv, content: 'a' }] }
        dataLinks:
          - { name: reads, resourceRef: 's3://reads', region: eu-west-1 }
          - { name: results, resourceRef: 'gs://results', provider: google, region: europe-west2 }
        studios:
          - { name: desk, id: s1, tool: rstudio, computeEnv: batch }
          - { name: bench, id: s2, tool: jupyter, computeEnv: batch }
        runs:
          - { pipeline: rnaseq, id: r1, name: slow_whale, outcome: failed, ago: 3days, length: 1h, labels: [urgent], user: grace }
          - { pipeline: rnaseq, id: r2, name: fast_whale, ago: 2days, length: 1h, params: { sheet: 'set-42' } }
          - { pipeline: rnaseq-pilot, id: r3, name: calm_newt, ago: 10m, length: 1h, labels: [cost] }
";

#[tokio::test]
async fn every_list_takes_its_keywords() {
    let builder = TestPlatform::builder().empty().calls_per_second(None);
    let builder = builder.clock_at("2026-01-10T00:00:00Z");
    let api = Api::of(builder.seed_yaml(SEARCHED).unwrap()).await;
    for name in ["cluster", "farm"] {
        let platform = if name == "farm" {
            "lsf-platform"
        } else {
            "slurm-platform"
        };
        let identity = json!({ "name": name, "platform": platform, "config": {} });
        api.post("/identities?orgId=7", identity).await;
    }
    let list = api.get("/identities?orgId=7").await;
    let identity = list["managedIdentities"][0]["id"].as_i64().unwrap();
    let keys = json!({ "provider": "ssh", "credentials": { "provider": "ssh", "keys": { "discriminator": "ssh" } } });
    api.post(&format!("/identities/{identity}/credentials?orgId=7"), keys)
        .await;
    for name in ["reader", "writer"] {
        api.post("/agents?workspaceId=70", json!({ "name": name }))
            .await;
        let role = json!({ "name": name, "description": "", "permissions": ["pipeline:read"] });
        api.call(Method::POST, "/roles?orgId=7", Some(role), 201)
            .await;
    }
    api.post("/workflow/r1/star?workspaceId=70", json!({}))
        .await;
    let versions = api.get("/pipelines/1/versions?workspaceId=70").await;
    let version = &versions["versions"][0]["version"];
    let (version_id, hash) = (
        version["id"].as_str().unwrap(),
        version["hash"].as_str().unwrap(),
    );
    let session = api.get("/workflow/r2?workspaceId=70").await;
    let session = session["workflow"]["sessionId"]
        .as_str()
        .unwrap()
        .to_owned();
    api.call(
        Method::PUT,
        "/studios/s1/start?workspaceId=70",
        Some(json!({})),
        200,
    )
    .await;
    let members = api.get("/orgs/7/members?search=grace").await;
    let grace = &members["members"][0]["userId"];

    let runs = ("/workflow", "workflows", "/workflow/id");
    let pipelines = ("/pipelines", "pipelines", "/name");
    let versions = ("/pipelines/1/versions", "versions", "/version/name");
    let links = ("/data-links", "dataLinks", "/name");
    let datasets = ("/datasets", "datasets", "/name");
    let studios = ("/studios", "studios", "/name");
    let checkpoints = ("/studios/s1/checkpoints", "checkpoints", "/status");
    let version_id = format!("versionId:{version_id}");
    let hash = format!("versionHash:{hash}");
    let by_session = format!("sessionId:{session}");
    let by_user = format!("userId:{grace}");
    /// The path of a list, the field of its reply, and where an entry has its name.
    type List<'a> = (&'a str, &'a str, &'a str);
    let table: &[(List<'_>, &str, &[&str])] = &[
        (runs, "whale", &["r2", "r1"]),
        (runs, "fast*", &["r2"]),
        (runs, "*newt", &["r3"]),
        (runs, "acme/pilot", &["r3"]),
        (runs, &session, &["r2"]),
        (runs, "status:failed", &["r1"]),
        (runs, "status:running", &["r3"]),
        (runs, "status:failed status:running", &[]),
        (runs, "label:urgent", &["r1"]),
        (runs, "label:cost=centre", &["r3"]),
        (runs, "label:cost=other", &[]),
        (runs, "workflowId:r2", &["r2"]),
        (runs, "runName:fast_whale", &["r2"]),
        (runs, "runName:fast", &[]),
        (runs, "userName:grace", &["r1"]),
        (runs, "username:grace whale", &["r1"]),
        (runs, "projectName:nf-core/rnaseq", &["r2", "r1"]),
        (runs, &by_session, &["r2"]),
        (runs, "after:2026-01-08", &["r3", "r2"]),
        (runs, "before:2026-01-08", &["r2", "r1"]),
        (
            runs,
            "after:2026-01-07T12:00:00Z before:2026-01-09",
            &["r2"],
        ),
        (runs, "before:2026", &[]),
        (runs, "is:starred", &["r1"]),
        (runs, "datasetId:set-42", &["r2"]),
        (runs, "colour:red", &[]),
        (pipelines, "RNA", &["rnaseq", "rnaseq-pilot"]),
        (pipelines, "\"rnaseq\"", &["rnaseq"]),
        (pipelines, "label:urgent", &["rnaseq"]),
        (pipelines, "label:cost pilot", &["rnaseq-pilot"]),
        (versions, "rna", &["rnaseq-1"]),
        (versions, &version_id, &["rnaseq-1"]),
        (versions, "versionName:rnaseq-1", &["rnaseq-1"]),
        (versions, "versionName:rnaseq", &[]),
        (versions, &hash, &["rnaseq-1"]),
        (links, "rea", &["reads"]),
        (links, "region:eu-west-1", &["reads"]),
        (links, "provider:google", &["results"]),
        (links, "resourceRef:gs://results", &["results"]),
        (links, "provider:google region:eu-west-1", &[]),
        (datasets, "she", &["sheet"]),
        (datasets, "label:urgent", &["sheet"]),
        (datasets, "createdAfter:2026-01-10", &["sheet", "table"]),
        (datasets, "createdAfter:2026-01-11", &[]),
        (datasets, "createdBefore:2026-01-09", &[]),
        (studios, "des", &["desk"]),
        (studios, "data-studio-jupyter", &["bench"]),
        (studios, "status:stopped", &["bench"]),
        (studios, "status:starting", &["desk"]),
        (studios, "username:ada", &["desk", "bench"]),
        (studios, &by_user, &[]),
        (studios, "computeEnvId:env1 ben", &["bench"]),
        (studios, "computeEnvName:batch", &["desk", "bench"]),
        (studios, "computeEnvName:other", &[]),
        (checkpoints, "desk", &["interim"]),
        (checkpoints, "status:interim", &["interim"]),
        (checkpoints, "status:finalized", &[]),
        (checkpoints, "after:2026-01-10", &["interim"]),
        (checkpoints, "before:2026-01-09", &[]),
        (("/agents", "agents", "/name"), "read", &["reader"]),
        (("/labels", "labels", "/name"), "urg", &["urgent"]),
        (("/labels", "labels", "/name"), "centre", &["cost"]),
        (
            ("/datasets/versions", "versions", "/fileName"),
            "tab",
            &["table.tsv"],
        ),
        (
            ("/workflow/r3/tasks", "tasks", "/task/status"),
            "no-such-task",
            &[],
        ),
        (
            ("/orgs/7/members", "members", "/userName"),
            "hopp",
            &["grace"],
        ),
        (
            ("/orgs/7/collaborators", "members", "/userName"),
            "grace",
            &[],
        ),
        (("/orgs/7/teams", "teams", "/name"), "anal", &["analysts"]),
        (
            ("/orgs/7/teams/5/members", "members", "/userName"),
            "byron",
            &["ada"],
        ),
        (
            ("/orgs/7/teams/5/workspaces", "workspaces", "/workspaceName"),
            "res",
            &["research"],
        ),
        (
            (
                "/orgs/7/workspaces/70/participants",
                "participants",
                "/userName",
            ),
            "grace",
            &["grace"],
        ),
        (
            (
                "/orgs/7/workspaces/70/participants",
                "participants",
                "/teamName",
            ),
            "analysts",
            &["analysts"],
        ),
        (
            ("/identities?orgId=7", "managedIdentities", "/name"),
            "far",
            &["farm"],
        ),
        (
            ("/identities?orgId=7", "managedIdentities", "/name"),
            "platform:slurm-platform",
            &["cluster"],
        ),
    ];
    for ((path, items, name), search, expected) in table {
        let text = search
            .replace(' ', "%20")
            .replace('"', "%22")
            .replace('+', "%2B");
        let path = with(path, &format!("search={text}"));
        let of_organization = path.starts_with("/orgs") || path.starts_with("/identities");
        let path = if of_organization {
            path
        } else {
            with(&path, "workspaceId=70")
        };
        assert_eq!(found(&api, &path, items, name).await, *expected, "{path}");
    }
    let credentials = format!("/identities/{identity}/credentials?orgId=7");
    for (search, expected) in [
        ("", ["ada", "grace"].as_slice()),
        ("is:added", &["ada"]),
        ("is:missing", &["grace"]),
        ("is:added%20is:missing", &["ada", "grace"]),
        ("grace%20hop", &["grace"]),
    ] {
        let path = with(&credentials, &format!("search={search}"));
        assert_eq!(
            found(&api, &path, "managedCredentials", "/userName").await,
            expected
        );
    }
    for (query, expected) in [
        ("name=read", ["reader"].as_slice()),
        ("type=custom", &["reader", "writer"]),
        ("type=predefined&name=own", &["owner"]),
    ] {
        let path = with("/roles?orgId=7", query);
        assert_eq!(found(&api, &path, "roles", "/name").await, expected);
    }
    // What can't be a date is refused.
    api.refused(
        Method::GET,
        "/workflow?workspaceId=70&search=after:soon",
        None,
        400,
    )
    .await;
}
