//! What the words of a typed search find on the test Platform, list by list.
#![cfg(feature = "all-tags")]

use seqera::prelude::*;
use seqera::types::{
    CreateManagedCredentialsRequest, CreateManagedIdentityRequest, Credentials,
    CredentialsProvider, DataLinkProvider, DataStudioStartRequest, DataStudioStatus, SecurityKeys,
    SshSecurityKeys, WorkflowStatus,
};
use seqera::{RateLimit, Search};
use seqera_test_platform::TestPlatform;

const WORKSPACE: i64 = 70;

const SEED: &str = "
users:
  - { userName: ada, id: 11, token: token-of-ada }
  - { userName: grace, id: 12 }
organizations:
  - name: acme
    id: 7
    members: [{ user: ada, role: owner }, { user: grace }]
    workspaces:
      - name: research
        id: 70
        participants: [{ user: ada, role: owner }, { user: grace, role: launch }]
        labels: [{ name: urgent }, { name: cohort-a }]
        credentials: [{ name: aws, provider: aws }]
        computeEnvs:
          - { name: batch, id: 4mXqT0bHcW8zLdPfRk2VnS, platform: aws-batch, credentials: aws, config: { workDir: s3://acme-work } }
          - { name: gpu pool, platform: aws-batch, credentials: aws, config: { workDir: s3://acme-work } }
        pipelines:
          - { name: rnaseq, id: 91, labels: [urgent], launch: { pipeline: https://github.com/nf-core/rnaseq } }
          - { name: rnaseq pilot, launch: { pipeline: https://github.com/nf-core/rnaseq } }
        datasets:
          - { name: samples, id: 3tLcR8nXeO1pWqVyGs5JdU, labels: [cohort-a] }
          - { name: old samples }
        dataLinks:
          - { name: reads, resourceRef: s3://acme-reads, region: eu-west-1, provider: aws }
          - { name: results, resourceRef: gs://acme results, region: europe-west1, provider: google }
        studios:
          - { name: desk, tool: rstudio, computeEnv: batch }
          - { name: notebook, tool: jupyter, computeEnv: gpu pool }
        runs:
          - { pipeline: rnaseq, name: calm_curie, id: 1aBcDeFgHiJkLm, outcome: failed, ago: 30days, labels: [urgent, cohort-a] }
          - { pipeline: rnaseq, name: bold_bohr, ago: 2days, user: grace, labels: [urgent], params: { input: dataset://3tLcR8nXeO1pWqVyGs5JdU } }
          - { pipeline: rnaseq, name: under_way, ago: 10m, length: 1h }
";

async fn platform() -> (TestPlatform, Client) {
    let builder = TestPlatform::builder()
        .empty()
        .clock_at("2026-03-31T12:00:00Z")
        .calls_per_second(None)
        .seed_yaml(SEED)
        .unwrap();
    let platform = builder.start().await.unwrap();
    let client = Client::builder("token-of-ada")
        .endpoint(platform.endpoint())
        .rate_limit(RateLimit::unlimited())
        .workspace(WORKSPACE)
        .build()
        .unwrap();
    (platform, client)
}

/// Expects searches of a list to find entries of these names.
macro_rules! finds {
    ($list:expr, $item:ident => $name:expr; $($search:expr => $found:expr;)*) => {$({
        let search = $search;
        let items: Vec<_> = $list.search(search.clone()).stream().try_collect().await.unwrap();
        let mut names: Vec<String> = items.into_iter().map(|$item| $name.unwrap()).collect();
        names.sort();
        let found: &[&str] = &$found[..];
        assert_eq!(names, found, "{search}");
    })*};
}

#[tokio::test]
async fn runs() {
    let (_platform, client) = platform().await;
    client
        .create_workflow_star()
        .workflow_id("1aBcDeFgHiJkLm")
        .send()
        .await
        .unwrap();
    let session = client.describe_workflow().workflow_id("1aBcDeFgHiJkLm");
    let session = session.send().await.unwrap().workflow.unwrap().session_id;
    finds! { client.list_workflows(), item => item.workflow.unwrap_or_default().run_name;
        Search::new() => ["bold_bohr", "calm_curie", "under_way"];
        Search::new().text("_b") => ["bold_bohr"];
        Search::new().text("rnaseq*") => ["bold_bohr", "calm_curie", "under_way"];
        Search::new().status(WorkflowStatus::Failed) => ["calm_curie"];
        Search::new().status(WorkflowStatus::Running) => ["under_way"];
        Search::new().status(WorkflowStatus::Failed).status(WorkflowStatus::Succeeded) => [];
        Search::new().label("urgent") => ["bold_bohr", "calm_curie"];
        Search::new().label("urgent").label("cohort-a") => ["calm_curie"];
        Search::new().workflow_id("1aBcDeFgHiJkLm") => ["calm_curie"];
        Search::new().run_name("calm_curie") => ["calm_curie"];
        Search::new().run_name("calm") => [];
        Search::new().user_name("grace") => ["bold_bohr"];
        Search::new().project_name("nf-core/rnaseq").text("under") => ["under_way"];
        Search::new().project_name("rnaseq") => [];
        Search::new().session_id(session.unwrap()) => ["calm_curie"];
        Search::new().after("2026-03") => ["bold_bohr", "calm_curie", "under_way"];
        Search::new().after("2026-03-29T12:00:00Z") => ["bold_bohr", "under_way"];
        Search::new().after("2026-03-29T12:00:01Z") => ["under_way"];
        Search::new().before("2026-03-29T12:00:00Z") => ["bold_bohr", "calm_curie"];
        Search::new().before("2026-03-29") => ["calm_curie"];
        Search::new().starred() => ["calm_curie"];
        Search::new().dataset_id("3tLcR8nXeO1pWqVyGs5JdU") => ["bold_bohr"];
    }
}

#[tokio::test]
async fn pipelines_and_their_versions() {
    let (_platform, client) = platform().await;
    finds! { client.list_pipelines(), item => item.name;
        Search::pipelines().text("rnaseq") => ["rnaseq", "rnaseq pilot"];
        Search::pipelines().exact_name("rnaseq") => ["rnaseq"];
        Search::pipelines().exact_name("rnaseq pilot") => ["rnaseq pilot"];
        Search::pipelines().text("rnaseq").label("urgent") => ["rnaseq"];
    }
    let versions = client.list_pipeline_versions().pipeline_id(91);
    let found = versions.clone().all().await.unwrap();
    let version = found[0].version.clone().unwrap();
    let (id, hash) = (version.id.unwrap(), version.hash.unwrap());
    finds! { versions.clone(), item => item.version.unwrap_or_default().name;
        Search::pipeline_versions().text("seq") => ["rnaseq-1"];
        Search::pipeline_versions().version_name("rnaseq-1") => ["rnaseq-1"];
        Search::pipeline_versions().version_name("rnaseq") => [];
        Search::pipeline_versions().version_id(id) => ["rnaseq-1"];
        Search::pipeline_versions().version_hash(hash) => ["rnaseq-1"];
        Search::pipeline_versions().version_hash("0") => [];
    }
}

#[tokio::test]
async fn data_links_and_datasets() {
    let (_platform, client) = platform().await;
    finds! { client.list_data_links(), item => item.name;
        Search::data_links().text("re") => ["reads", "results"];
        Search::data_links().region("eu-west-1") => ["reads"];
        Search::data_links().provider(DataLinkProvider::Google) => ["results"];
        Search::data_links().resource_ref("gs://acme results") => ["results"];
        Search::data_links().text("reads").region("europe-west1") => [];
    }
    finds! { client.list_datasets_v2(), item => item.name;
        Search::datasets().text("samples") => ["old samples", "samples"];
        Search::datasets().label("cohort-a") => ["samples"];
        Search::datasets().created_after("2026-03-31") => ["old samples", "samples"];
        Search::datasets().created_after("2026-04") => [];
        Search::datasets().created_before("2026-03-31") => [];
    }
}

#[tokio::test]
async fn studios_and_their_checkpoints() {
    let (platform, client) = platform().await;
    finds! { client.list_data_studios(), item => item.name;
        Search::studios().text("note") => ["notebook"];
        Search::studios().text("studio-ride") => ["desk"];
        Search::studios().status(DataStudioStatus::Stopped) => ["desk", "notebook"];
        Search::studios().status(DataStudioStatus::Running) => [];
        Search::studios().user_id(11).text("desk") => ["desk"];
        Search::studios().user_id(12) => [];
        Search::studios().user_name("ada").text("desk") => ["desk"];
        Search::studios().compute_env_id("4mXqT0bHcW8zLdPfRk2VnS") => ["desk"];
        Search::studios().compute_env_name("gpu pool") => ["notebook"];
    }
    let found = client.list_data_studios().all().await.unwrap();
    let id = found[0].session_id.clone().unwrap();
    client
        .start_data_studio()
        .session_id(&id)
        .body(DataStudioStartRequest::new())
        .send()
        .await
        .unwrap();
    platform.advance(std::time::Duration::from_secs(600));
    client
        .stop_data_studio()
        .session_id(&id)
        .send()
        .await
        .unwrap();
    platform.advance(std::time::Duration::from_secs(600));
    let checkpoints = client.list_data_studio_checkpoints().session_id(&id);
    let all = checkpoints.clone().all().await.unwrap();
    let names: Vec<&str> = all.iter().filter_map(|item| item.name.as_deref()).collect();
    assert!(!names.is_empty());
    let status = all[0].status.clone().unwrap();
    finds! { checkpoints.clone(), item => item.name;
        Search::checkpoints().status(status.clone()) => names.as_slice();
        Search::checkpoints().after("2026-03-31") => names.as_slice();
        Search::checkpoints().before("2026-03-31") => [];
    }
}

#[tokio::test]
async fn managed_identities_and_who_has_credentials() {
    let (_platform, client) = platform().await;
    let identities = client.list_managed_identities().org_id(7);
    for (name, platform) in [("campus", "slurm-platform"), ("hospital", "lsf-platform")] {
        let identity = CreateManagedIdentityRequest::new()
            .name(name)
            .platform(platform);
        let call = client.create_managed_identity().org_id(7).body(identity);
        call.send().await.unwrap();
    }
    finds! { identities.clone(), item => item.name;
        Search::managed_identities() => ["campus", "hospital"];
        Search::managed_identities().text("cam") => ["campus"];
        Search::managed_identities().platform("lsf-platform") => ["hospital"];
    }
    let campus = identities.search("campus").all().await.unwrap()[0]
        .id
        .unwrap();
    let keys = SshSecurityKeys::new().private_key("-----BEGIN OPENSSH PRIVATE KEY-----");
    let credentials = Credentials::new()
        .name("ada")
        .provider(CredentialsProvider::Ssh)
        .keys(SecurityKeys::Ssh(keys));
    let credentials = CreateManagedCredentialsRequest::new().credentials(credentials);
    client
        .create_managed_credentials()
        .org_id(7)
        .managed_identity_id(campus)
        .body(credentials)
        .send()
        .await
        .unwrap();
    let users = client
        .list_managed_credentials()
        .org_id(7)
        .managed_identity_id(campus);
    finds! { users.clone(), item => item.user_name;
        Search::managed_credentials() => ["ada", "grace"];
        Search::managed_credentials().added() => ["ada"];
        Search::managed_credentials().missing() => ["grace"];
        Search::managed_credentials().added().missing() => ["ada", "grace"];
        Search::managed_credentials().text("gra") => ["grace"];
    }
}
