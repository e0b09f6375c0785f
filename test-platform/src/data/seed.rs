//! What a Platform holds at the start, written down: in YAML, or as a value.

pub mod behaviour;
mod run;

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use behaviour::{CourseSeed, FaultSeed, ServerSeed, Span};
use run::RunSeed;

use super::files::sample_sheet;
use crate::behaviour::{credentials, datasets, make, versions};
use crate::state::store::Store;
use crate::state::{Pace, Record, State, object, short_id};

/// What a Platform holds at the start. The guide of this crate shows the form.
///
/// ```
/// # use seqera_test_platform::Seed;
/// let seed = Seed::from_yaml("
/// users:
///   - { userName: ada, token: token-of-ada }
/// organizations:
///   - name: acme
///     members: [{ user: ada, role: owner }]
///     workspaces:
///       - name: research
///         credentials: [{ name: aws, provider: aws }]
///         computeEnvs:
///           - { name: batch, platform: aws-batch, credentials: aws, primary: true, config: { workDir: s3://acme-work } }
///         pipelines:
///           - { name: rnaseq, launch: { pipeline: https://github.com/nf-core/rnaseq } }
///         runs:
///           - { pipeline: rnaseq, outcome: failed, ago: 2h }
/// files:
///   acme-data: { README.md: 'Reads.' }
/// ")?;
/// # Ok::<(), seqera_test_platform::SeedError>(())
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Seed {
    users: Vec<User>,
    organizations: Vec<Organization>,
    /// By bucket and key.
    files: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) server: ServerSeed,
    pub(crate) faults: Vec<FaultSeed>,
    courses: Vec<CourseSeed>,
    /// Tokens whose validity ends.
    expired_tokens: Vec<String>,
    /// How far the clock moves, once all the rest is there.
    advance: Option<Span>,
}

/// Why a seed can't be used.
#[derive(Debug, Clone)]
pub struct SeedError(pub(crate) String);

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the seed can't be used: {}", self.0)
    }
}

impl std::error::Error for SeedError {}

impl From<SeedError> for std::io::Error {
    fn from(error: SeedError) -> Self {
        Self::new(std::io::ErrorKind::InvalidInput, error)
    }
}

/// Fields beyond those that a seed treats: they are taken over as the API names them.
type More = Map<String, Value>;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_name: String,
    id: Option<i64>,
    token: Option<String>,
    /// What is in the user's own context.
    #[serde(default)]
    personal: Contents,
    #[serde(flatten)]
    more: More,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Organization {
    name: String,
    id: Option<i64>,
    #[serde(default)]
    members: Vec<Member>,
    #[serde(default)]
    teams: Vec<Team>,
    #[serde(default)]
    roles: Vec<More>,
    #[serde(default)]
    workspaces: Vec<Workspace>,
    #[serde(flatten)]
    more: More,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Member {
    user: String,
    id: Option<i64>,
    #[serde(default = "member")]
    role: String,
}

fn member() -> String {
    "member".to_owned()
}

#[derive(Debug, Clone, Deserialize)]
struct Team {
    name: String,
    id: Option<i64>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(flatten)]
    more: More,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Workspace {
    name: String,
    id: Option<i64>,
    #[serde(default)]
    participants: Vec<Participant>,
    #[serde(flatten)]
    contents: Contents,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Participant {
    user: Option<String>,
    team: Option<String>,
    role: String,
}

/// What a workspace, or a user's own context, holds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Contents {
    labels: Vec<More>,
    credentials: Vec<More>,
    pipeline_secrets: Vec<More>,
    compute_envs: Vec<More>,
    pipelines: Vec<More>,
    datasets: Vec<More>,
    data_links: Vec<More>,
    studios: Vec<More>,
    actions: Vec<More>,
    runs: Vec<RunSeed>,
    past_runs: usize,
    #[serde(flatten)]
    more: More,
}

impl Seed {
    /// Reads a seed.
    ///
    /// # Errors
    /// If the text is no YAML, or has not the form of a seed.
    pub fn from_yaml(text: &str) -> Result<Self, SeedError> {
        yaml_serde::from_str(text).map_err(|error| SeedError(error.to_string()))
    }

    /// Reads a seed from a value of the same form.
    ///
    /// # Errors
    /// If it has not the form of a seed.
    pub fn from_value(value: Value) -> Result<Self, SeedError> {
        serde_json::from_value(value).map_err(|error| SeedError(error.to_string()))
    }

    /// Puts everything into the state and the store.
    pub(crate) fn sow(self, state: &mut State, store: &Store) -> Result<(), SeedError> {
        // Ids that a seed gives are small or large; those of what comes later are in between.
        state.number_from(1_000_000);
        let mut personal = Vec::new();
        for user in self.users {
            let id = user.id.unwrap_or_else(|| state.next_id() as i64);
            let email = user.more.get("email").and_then(Value::as_str);
            make::user_with_id(state, id, &user.user_name, email, ("", ""));
            if let Some(record) = state.known_mut("user", &id.to_string()) {
                record.fields.extend(user.more.clone());
            }
            if let Some(token) = user.token {
                make::token(state, id, "seed", token);
            }
            personal.push((id, user.personal));
        }
        for organization in self.organizations {
            organization.sow(state, store)?;
        }
        for (user, contents) in personal {
            contents.sow(state, store, -user, user)?;
        }
        for (bucket, files) in self.files {
            for (key, content) in files {
                store.put(&bucket, &key, content.into());
            }
        }
        for course in self.courses {
            let pace = match (course.takes, course.polls) {
                (Some(Span(time)), _) => Some(Pace::Time(time.as_millis() as i64)),
                (None, Some(polls)) => Some(Pace::Polls(polls.max(1))),
                (None, None) => None,
            };
            let (outcome, samples) = (course.outcome, course.samples);
            make::course(
                state,
                &course.pipeline,
                (outcome, samples, pace),
                course.always,
            );
        }
        for token in &self.expired_tokens {
            state.forget("token", |known| known["_secret"] == token.as_str());
        }
        if let Some(Span(by)) = self.advance {
            state.advance(by);
        }
        Ok(())
    }
}

fn unknown(what: &str, name: &str) -> SeedError {
    SeedError(format!("there is no {what} named {name}"))
}

fn user_id(state: &State, name: &str) -> Result<i64, SeedError> {
    let user = state.all("user").find(|user| user.text("userName") == name);
    user.map(|user| user.number("id"))
        .ok_or_else(|| unknown("user", name))
}

impl Organization {
    fn sow(self, state: &mut State, store: &Store) -> Result<(), SeedError> {
        let id = self.id.unwrap_or_else(|| state.next_id() as i64);
        let mut record = Record::new(
            id,
            0,
            json!({
                "orgId": id, "name": self.name, "fullName": self.name, "type": "basic", "paying": false,
            }),
        );
        record.fields.extend(self.more);
        state.keep("organization", record);
        for member in &self.members {
            let user = user_id(state, &member.user)?;
            match member.id {
                Some(member_id) => make::member_with_id(state, member_id, id, user, &member.role),
                None => make::member(state, id, user, &member.role),
            };
        }
        for team in self.teams {
            let team_id = team.id.unwrap_or_else(|| state.next_id() as i64);
            let mut record =
                Record::new(team_id, id, json!({ "teamId": team_id, "name": team.name }));
            record.fields.extend(team.more);
            state.keep("team", record);
            for name in &team.members {
                let user = user_id(state, name)?;
                let member = make::member(state, id, user, "member");
                make::join_team(state, team_id, &member);
            }
        }
        for role in self.roles {
            let name = role
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let mut record = Record::new(&name, id, Value::Object(role));
            record.set("isPredefined", false);
            state.keep("role", record);
        }
        let owner = (self.members.first())
            .map(|member| user_id(state, &member.user))
            .transpose()?
            .unwrap_or_default();
        for workspace in self.workspaces {
            let scope = workspace.id.unwrap_or_else(|| state.next_id() as i64);
            let mut record = Record::new(
                scope,
                id,
                json!({
                    "id": scope, "name": workspace.name, "fullName": workspace.name, "description": null, "visibility": "PRIVATE",
                }),
            );
            record.fields.extend(workspace.contents.more.clone());
            state.keep("workspace", record);
            for participant in &workspace.participants {
                match (&participant.user, &participant.team) {
                    (Some(user), _) => {
                        let user = user_id(state, user)?;
                        make::participant(state, scope, id, user, &participant.role);
                    }
                    (None, Some(name)) => {
                        let team = state
                            .within("team", id)
                            .find(|team| team.text("name") == name)
                            .cloned();
                        let team = team.ok_or_else(|| unknown("team", name))?;
                        make::team_participant(state, scope, &team, &participant.role);
                    }
                    (None, None) => {
                        return Err(SeedError("a participant is a user or a team".to_owned()));
                    }
                }
            }
            workspace.contents.sow(state, store, scope, owner)?;
        }
        Ok(())
    }
}

/// Takes a field out of a record of a seed.
fn take(fields: &mut More, name: &str) -> Value {
    fields.remove(name).unwrap_or_default()
}

fn take_text(fields: &mut More, name: &str) -> Option<String> {
    take(fields, name).as_str().map(str::to_owned)
}

/// The id of a record of a name in the context.
fn id_named(state: &State, kind: &str, scope: i64, name: &str) -> Result<String, SeedError> {
    let record = state
        .within(kind, scope)
        .find(|record| record.text("name") == name);
    record
        .map(|record| record.id.clone())
        .ok_or_else(|| unknown(kind, name))
}

/// The ids of the labels that a record names.
fn take_labels(state: &State, scope: i64, fields: &mut More) -> Result<Vec<i64>, SeedError> {
    let names = take(fields, "labels");
    (names.as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .map(|name| {
            Ok(id_named(state, "label", scope, name)?
                .parse()
                .unwrap_or_default())
        })
        .collect()
}

impl Contents {
    fn sow(
        self,
        state: &mut State,
        store: &Store,
        scope: i64,
        owner: i64,
    ) -> Result<(), SeedError> {
        let now = state.today();
        let context = state.context(scope);
        // What every record has, with an id of its own where the seed gives none.
        let record = |state: &mut State,
                      fields: &mut More,
                      id_field: &str,
                      length: Option<usize>,
                      usual: Value| {
            let number = state.next_id();
            let id = match (take(fields, "id"), length) {
                (Value::Null, Some(length)) => json!(short_id(number, length)),
                (Value::Null, None) => json!(number),
                (given, _) => given,
            };
            let mut record = Record::new(
                id.as_str().map_or_else(|| id.to_string(), str::to_owned),
                scope,
                usual,
            );
            record.fields.append(fields);
            record.set(id_field, id);
            record.set("dateCreated", now.clone());
            record.set("lastUpdated", now.clone());
            record.set("_user", owner);
            record
        };
        for mut fields in self.labels {
            let is_resource = fields.contains_key("value");
            let usual = json!({ "value": null, "resource": is_resource, "isDefault": false, "isDynamic": false, "isInterpolated": false });
            let label = record(state, &mut fields, "id", None, usual);
            state.keep("label", label);
        }
        for mut fields in self.credentials {
            let usual = json!({ "deleted": false, "status": "AVAILABLE", "lastValidated": now, "keys": {} });
            let mut credentials = record(state, &mut fields, "id", Some(22), usual);
            credentials::hide_secrets(&mut credentials);
            state.keep("credentials", credentials);
        }
        for mut fields in self.pipeline_secrets {
            let value = take(&mut fields, "value");
            let mut secret = record(state, &mut fields, "id", None, json!({}));
            secret.set("_value", value);
            state.keep("pipeline_secret", secret);
        }
        for mut fields in self.compute_envs {
            let labels = take_labels(state, scope, &mut fields)?;
            let credentials = take_text(&mut fields, "credentials");
            let credentials = credentials
                .map(|name| id_named(state, "credentials", scope, &name))
                .transpose()?;
            let is_first = state.within("compute_env", scope).next().is_none();
            let usual = json!({
                "deleted": false, "status": "AVAILABLE", "primary": is_first, "credentialsId": credentials,
                "fusionMetricsCollectionEnabled": false, "orgId": context["orgId"], "workspaceId": context["workspaceId"],
            });
            let mut env = record(state, &mut fields, "id", Some(22), usual);
            let platform = env["platform"].clone();
            let mut config = object(env["config"].clone());
            config.insert("discriminator".to_owned(), platform);
            env.set("config", Value::Object(config));
            env.set_labels(&labels);
            state.keep("compute_env", env);
        }
        for mut fields in self.pipelines {
            let labels = take_labels(state, scope, &mut fields)?;
            let version = take_text(&mut fields, "version");
            let mut launch = object(take(&mut fields, "launch"));
            if let Some(name) = take_text(&mut fields, "computeEnv") {
                let id = id_named(state, "compute_env", scope, &name)?;
                launch.insert("computeEnvId".to_owned(), json!(id));
            }
            if let Some(params) = launch.remove("params") {
                launch.insert("paramsText".to_owned(), json!(params.to_string()));
            }
            for (name, usual) in [
                ("configProfiles", json!([])),
                ("pullLatest", json!(false)),
                ("stubRun", json!(false)),
            ] {
                launch.entry(name.to_owned()).or_insert(usual);
            }
            let mut pipeline = record(
                state,
                &mut fields,
                "pipelineId",
                None,
                json!({ "deleted": false }),
            );
            pipeline.set_labels(&labels);
            let version = version.unwrap_or_else(|| format!("{}-1", pipeline.text("name")));
            state.keep("pipeline", pipeline.clone());
            versions::add(state, &pipeline, Some(&version), launch, owner);
        }
        for mut fields in self.datasets {
            let labels = take_labels(state, scope, &mut fields)?;
            let versions = take(&mut fields, "versions");
            let is_linked = take(&mut fields, "linked") == true;
            let usual = json!({
                "deleted": false, "hidden": false, "sourceType": if is_linked { "LINKED" } else { "UPLOADED" },
                "organizationId": context["orgId"], "workspaceId": context["workspaceId"], "_changed_by": owner,
            });
            let mut dataset = record(state, &mut fields, "id", Some(22), usual);
            dataset.set_labels(&labels);
            for (version, number) in versions.as_array().into_iter().flatten().zip(1..) {
                sow_version(state, store, &dataset, version, number, &now);
            }
            state.keep("dataset", dataset);
        }
        for mut fields in self.data_links {
            let credentials = take_text(&mut fields, "credentials");
            let credentials = credentials
                .map(|name| id_named(state, "credentials", scope, &name))
                .transpose()?;
            let usual = json!({
                "type": "bucket", "provider": "aws", "publicAccessible": false, "hidden": false, "_credentials": credentials,
            });
            let link = record(state, &mut fields, "id", Some(22), usual);
            state.keep("data_link", link);
        }
        for mut fields in self.studios {
            let tool = take_text(&mut fields, "tool").unwrap_or_else(|| "jupyter".to_owned());
            let env = take_text(&mut fields, "computeEnv").unwrap_or_default();
            let env = id_named(state, "compute_env", scope, &env)?;
            let image = make::TEMPLATES
                .iter()
                .find(|(known, _)| *known == tool)
                .map_or(tool.as_str(), |(_, image)| image);
            let usual = json!({
                "isPrivate": false, "customImage": false, "template": make::studio_template(image), "_env": env,
                "configuration": { "cpu": 2, "gpu": 0, "memory": 8192, "mountData": [] },
                "statusInfo": { "status": "stopped", "message": "" }, "progress": [],
            });
            let mut studio = record(state, &mut fields, "sessionId", Some(8), usual);
            let number = state.next_id();
            studio.set("_number", number);
            studio.set(
                "studioUrl",
                format!("https://{}.studios.open-genomics.example", studio.id),
            );
            state.keep("studio", studio);
        }
        for mut fields in self.actions {
            let source = take_text(&mut fields, "source").unwrap_or_else(|| "tower".to_owned());
            let number = state.next_id();
            let usual = json!({
                "status": "ACTIVE", "source": source, "config": { "discriminator": source }, "_launch": short_id(number, 22),
            });
            let mut action = record(state, &mut fields, "id", Some(22), usual);
            let url = format!("{}/actions/{}/launch", state.settings.endpoint, action.id);
            action.set("hookUrl", url);
            state.keep("action", action);
        }
        for run in self.runs {
            run.sow(state, scope, owner)?;
        }
        if self.past_runs > 0 {
            let now = state.now();
            super::runs::past(state, now, self.past_runs, scope);
        }
        Ok(())
    }
}

fn sow_version(
    state: &mut State,
    store: &Store,
    dataset: &Record,
    version: &Value,
    number: u64,
    now: &str,
) {
    let name = version["fileName"].as_str().unwrap_or("data.csv");
    let content: Bytes = match (
        version["content"].as_str(),
        version["samples"].as_array().map(Vec::as_slice),
    ) {
        (Some(content), _) => content.to_owned().into(),
        (None, Some([first, count])) => {
            let number = |value: &Value| value.as_u64().unwrap_or_default() as usize;
            sample_sheet(number(first), number(count)).into()
        }
        _ => Bytes::new(),
    };
    let id = format!("{}/{number}", dataset.id);
    let record = json!({
        "datasetId": dataset.id,
        "version": number,
        "fileName": name,
        "fileSize": content.len(),
        "mediaType": datasets::media_type_of(name),
        "hasHeader": version["hasHeader"] == true,
        "disabled": false,
        "dateCreated": now,
        "lastUpdated": now,
        "_user": dataset.number("_user"),
    });
    state.keep("dataset_version", Record::new(&id, dataset.scope, record));
    store.put(datasets::BUCKET, &id, content);
}
