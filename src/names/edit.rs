//! Changes in one step: all that a write replaces is read, changed and written.

use std::fmt;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{self, BoxFuture};
use serde::Serialize;
use serde_json::Value;

use super::by_name::forget_if;
use super::{NameOrId, Organization, Workspace};
use crate::types::{
    DataStudioUpdateRequest, PipelineDetails, PipelineVersionInfo, PipelineVersionManageRequest,
    UpdateActionRequest, UpdateComputeEnvRequest, UpdateDatasetRequest, UpdateOrganizationRequest,
    UpdatePipelineRequest, UpdatePipelineSecretRequest, UpdateTeamRequest, UpdateWorkspaceRequest,
};
use crate::{Error, ErrorKind, Result};

/// So often a change is applied where others change the same thing at the same time.
const TRIES: u32 = 3;
/// So many names are tried for a version.
const VERSION_NAMES: u64 = 20;

/// What an edit changed.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Edited {
    /// The fields of the request that differ from what was there. If there are none, nothing was
    /// sent.
    pub changes: Vec<FieldChange>,
    /// The version that holds the change, where the server keeps versions of a pipeline and made
    /// another one of it.
    pub version: Option<PipelineVersion>,
}

/// A field that an edit changed. Displays as a line.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FieldChange {
    /// The field by its name in the API, such as `launch.revision`.
    pub field: String,
    /// What it was; `Null` if there was nothing.
    pub before: Value,
    /// What it is now; `Null` if there is nothing.
    pub after: Value,
}

/// A version of a pipeline, as an edit left it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineVersion {
    /// The id.
    pub id: String,
    /// The name; a draft has none.
    pub name: Option<String>,
    /// Whether it is what the pipeline launches.
    pub is_default: bool,
}

impl Edited {
    /// Whether there was nothing to change, so that nothing was sent.
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.field, self.before, self.after)
    }
}

/// Reads, changes and writes. `write` is given the request, and says what came of it.
///
/// The API has no way to write only what nobody else has changed. Between the read and the write
/// lies nothing but the change, and a conflict that the server does notice (409) is met by reading
/// anew, unless nothing has changed, so that the request itself is the conflict.
async fn edit<R: Clone + Serialize, T>(
    change: impl Fn(R) -> R,
    read: impl Fn() -> BoxFuture<'static, Result<R>>,
    write: impl Fn(R) -> BoxFuture<'static, Result<T>>,
) -> Result<(Vec<FieldChange>, Option<T>)> {
    let mut conflict: Option<(Value, Error)> = None;
    let mut tries = 0;
    loop {
        let request = match read().await {
            Ok(request) => request,
            Err(error) => return Err(conflict.map_or(error, |(_, conflict)| conflict)),
        };
        let before = value(&request)?;
        match conflict.take() {
            Some((same, error)) if same == before => return Err(error),
            _ => {}
        }
        let request = change(request);
        let changes = differences(&before, &value(&request)?);
        if changes.is_empty() {
            return Ok((changes, None));
        }
        tries += 1;
        match write(request).await {
            Ok(written) => return Ok((changes, Some(written))),
            Err(error) if error.is_conflict() && tries < TRIES => conflict = Some((before, error)),
            Err(error) => return Err(error),
        }
    }
}

fn value(request: &impl Serialize) -> Result<Value> {
    serde_json::to_value(request).map_err(|error| {
        Error::new(
            ErrorKind::InvalidRequest,
            "the request can't be written as JSON",
        )
        .caused_by(error)
    })
}

/// The fields that differ; of objects, those of theirs.
fn differences(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare(String::new(), before, after, &mut found);
    found
}

fn compare(field: String, before: &Value, after: &Value, found: &mut Vec<FieldChange>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        if before != after {
            let (before, after) = (before.clone(), after.clone());
            found.push(FieldChange {
                field,
                before,
                after,
            });
        }
        return;
    };
    let added = new.keys().filter(|name| !old.contains_key(*name));
    for name in old.keys().chain(added) {
        let inner = match field.as_str() {
            "" => name.clone(),
            _ => format!("{field}.{name}"),
        };
        let of = |object: &serde_json::Map<String, Value>| object.get(name).cloned();
        let (old, new) = (of(old).unwrap_or_default(), of(new).unwrap_or_default());
        compare(inner, &old, &new, found);
    }
}

fn lacks<T>(value: Option<T>, operation: &'static str) -> Result<T> {
    value.ok_or_else(|| {
        let text = "the reply does not have what is to be changed";
        Error::new(ErrorKind::InvalidResponse, text).in_operation(operation)
    })
}

/// `method: what, find, id, request, read: (client, id) => request, write: (client, id, request);`
macro_rules! edits {
    ($owner:ident { $($(#[$doc:meta])* $method:ident: $find:ident -> $id:ty, $request:ident,
        read($client:pat_param, $own:pat_param, $at:pat_param) $read:block,
        write $written:ident($parameter:ident)$(, $place:ident)?;)* }) => {
        impl $owner {$(
            $(#[$doc])*
            ///
            /// What is there is read, changed and written as a whole; where nothing differs,
            /// nothing is sent. The change is made once more on what is there then, if the server
            /// says that another one came between.
            ///
            /// # Errors
            /// There is not exactly one of that name; a call failed.
            pub async fn $method(
                &self,
                $find: impl Into<NameOrId<$id>>,
                change: impl Fn($request) -> $request,
            ) -> Result<Edited> {
                let id = self.$find($find).await?;
                let place = self.id;
                let read = || {
                    let ($client, $own, $at) = (self.client.clone(), id.clone(), place);
                    let read: BoxFuture<'static, Result<$request>> = Box::pin(async move { $read });
                    read
                };
                let write = |request: $request| {
                    let call = self.client.$written().$parameter(id.clone())$(.$place(place))?;
                    let written: BoxFuture<'static, Result<()>> =
                        Box::pin(async move { call.body(request).send().await.map(drop) });
                    written
                };
                let edited = edit(change, read, write).await;
                let (changes, _) = edited.inspect_err(|error| forget_if(&self.client, error))?;
                // It may have another name now.
                if changes.iter().any(|change| change.field == "name") {
                    self.client.forget_names();
                }
                Ok(Edited { changes, version: None })
            }
        )*}
    };
}

edits! {
    Workspace {
        /// Changes an action, by name or `Id`: its labels are in the request's `launch`.
        edit_action: action -> String, UpdateActionRequest,
            read(client, id, _) {
                let call = client.describe_action().action_id(id).attributes(["labels"]);
                let action = lacks(call.send().await?.action, "describe_action")?;
                let mut request = UpdateActionRequest::from(&action);
                if let (Some(launch), Some(labels)) = (&mut request.launch, action.labels) {
                    let ids = labels.into_iter().filter_map(|label| label.id);
                    launch.label_ids = Some(ids.collect());
                }
                Ok(request)
            },
            write update_action(action_id);
        /// Changes what can be changed of a compute environment, by name or `Id`.
        edit_compute_env: compute_env -> String, UpdateComputeEnvRequest,
            read(client, id, _) {
                let call = client.describe_compute_env().compute_env_id(id);
                let env = call.send().await?.compute_env;
                Ok((&lacks(env, "describe_compute_env")?).into())
            },
            write update_compute_env(compute_env_id);
        /// Changes a dataset's name and description, by its name or `Id`.
        edit_dataset: dataset -> String, UpdateDatasetRequest,
            read(client, id, _) {
                let reply = client.describe_dataset_v2().dataset_id(id).send().await?;
                let dataset = lacks(reply.dataset, "describe_dataset_v2")?;
                let mut request = UpdateDatasetRequest::new();
                (request.name, request.description) = (dataset.name, dataset.description);
                Ok(request)
            },
            write update_dataset_v2(dataset_id);
        /// Changes a Studio, its labels included, by name or `Id`.
        edit_studio: studio -> String, DataStudioUpdateRequest,
            read(client, id, _) {
                let reply = client.describe_data_studio().session_id(id).send().await?;
                Ok((&reply).into())
            },
            write update_data_studio(session_id);
    }
}

edits! {
    Organization {
        /// Changes a team, by name or `Id`.
        edit_team: team -> i64, UpdateTeamRequest,
            read(client, id, organization) {
                let call = client.describe_organization_team().team_id(id).org_id(organization);
                let team = call.send().await?.team;
                Ok((&lacks(team, "describe_organization_team")?).into())
            },
            write update_organization_team(team_id), org_id;
    }
}

impl Workspace {
    /// Gives a secret of pipelines another value, by name or `Id`. It can't be read, so that the
    /// change begins with an empty request, and shows no value.
    ///
    /// # Errors
    /// There is not exactly one of that name; the call failed.
    pub async fn edit_secret(
        &self,
        secret: impl Into<NameOrId<i64>>,
        change: impl FnOnce(UpdatePipelineSecretRequest) -> UpdatePipelineSecretRequest,
    ) -> Result<Edited> {
        let id = self.secret(secret).await?;
        let request = change(UpdatePipelineSecretRequest::new());
        let mut changes = differences(
            &value(&UpdatePipelineSecretRequest::new())?,
            &value(&request)?,
        );
        if changes.is_empty() {
            return Ok(Edited::default());
        }
        for change in &mut changes {
            change.after = Value::from("[redacted]");
        }
        let call = self.client.update_pipeline_secret().secret_id(id);
        let written = call.body(request).send().await;
        written.inspect_err(|error| forget_if(&self.client, error))?;
        Ok(Edited {
            changes,
            version: None,
        })
    }

    /// Changes the workspace itself: its names, description and visibility.
    ///
    /// # Errors
    /// It is the personal context; a call failed.
    pub async fn edit(
        &self,
        change: impl Fn(UpdateWorkspaceRequest) -> UpdateWorkspaceRequest,
    ) -> Result<Edited> {
        let own = self.details().await?;
        let (organization, id) = (own.organization_id, own.id);
        let read = || {
            let call = self.client.describe_workspace();
            let call = call.org_id(organization).workspace_id(id);
            let read: BoxFuture<'static, Result<UpdateWorkspaceRequest>> = Box::pin(async move {
                let workspace = call.send().await?.workspace;
                Ok((&lacks(workspace, "describe_workspace")?).into())
            });
            read
        };
        let write = |request: UpdateWorkspaceRequest| {
            let call = self.client.update_workspace();
            let call = call.org_id(organization).workspace_id(id).body(request);
            let written: BoxFuture<'static, Result<()>> =
                Box::pin(async move { call.send().await.map(drop) });
            written
        };
        let (changes, _) = edit(change, read, write).await?;
        self.client.forget_names();
        Ok(Edited {
            changes,
            version: None,
        })
    }

    /// Changes a pipeline of the launchpad, by name or `Id`: what describes it, its labels, and its
    /// launch in the request's `launch`.
    ///
    /// Servers that keep versions of pipelines make a draft of a change of the launch (repository,
    /// revision, parameters, …). It gets the name of the default version with the number at its end
    /// counted up, and becomes the default, as in the web interface;
    /// [`keep_draft`](EditPipeline::keep_draft) leaves it as it is.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// let research = client.workspace("acme/research").await?;
    /// let edited = research
    ///     .edit_pipeline("rnaseq", |mut request| {
    ///         if let Some(launch) = &mut request.launch {
    ///             launch.revision = Some("3.19.0".to_owned());
    ///         }
    ///         request.description("RNA sequencing, nightly")
    ///     })
    ///     .await?;
    /// for change in &edited.changes {
    ///     println!("{change}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn edit_pipeline<F>(&self, pipeline: impl Into<NameOrId<i64>>, change: F) -> EditPipeline<F>
    where
        F: Fn(UpdatePipelineRequest) -> UpdatePipelineRequest,
    {
        EditPipeline {
            workspace: self.clone(),
            pipeline: pipeline.into(),
            change,
            keep_draft: false,
        }
    }
}

impl Organization {
    /// Changes the organization itself.
    ///
    /// # Errors
    /// A call failed.
    pub async fn edit(
        &self,
        change: impl Fn(UpdateOrganizationRequest) -> UpdateOrganizationRequest,
    ) -> Result<Edited> {
        let read = || {
            let call = self.client.describe_organization().org_id(self.id);
            let read: BoxFuture<'static, Result<UpdateOrganizationRequest>> =
                Box::pin(async move {
                    let organization = call.send().await?.organization;
                    Ok((&lacks(organization, "describe_organization")?).into())
                });
            read
        };
        let write = |request: UpdateOrganizationRequest| {
            let call = self
                .client
                .update_organization()
                .org_id(self.id)
                .body(request);
            let written: BoxFuture<'static, Result<()>> =
                Box::pin(async move { call.send().await.map(drop) });
            written
        };
        let (changes, _) = edit(change, read, write).await?;
        self.client.forget_names();
        Ok(Edited {
            changes,
            version: None,
        })
    }
}

/// A change of a pipeline: see [`Workspace::edit_pipeline`].
#[derive(Clone)]
#[must_use = "nothing is changed until it is awaited"]
pub struct EditPipeline<F> {
    workspace: Workspace,
    pipeline: NameOrId<i64>,
    change: F,
    keep_draft: bool,
}

impl<F> EditPipeline<F>
where
    F: Fn(UpdatePipelineRequest) -> UpdatePipelineRequest + Send + Sync,
{
    /// Leaves a draft that the change makes as it is: without a name, and not what the pipeline
    /// launches.
    pub fn keep_draft(mut self) -> Self {
        self.keep_draft = true;
        self
    }

    /// Makes the change; so does `.await`.
    ///
    /// # Errors
    /// There is not exactly one pipeline of that name; another workspace shares it; a call failed.
    /// Where the change was made and only the draft could not be named or made the default, the
    /// error says so.
    pub async fn send(self) -> Result<Edited> {
        let Self {
            workspace,
            pipeline,
            change,
            keep_draft,
        } = self;
        let id = workspace.own_pipeline(pipeline).await?;
        let client = &workspace.client;
        let default = Arc::new(Mutex::new(None));
        let read = || {
            let default = default.clone();
            let described = client.describe_pipeline().pipeline_id(id);
            let described = described.attributes(["labels"]);
            let launch = client.describe_pipeline_launch().pipeline_id(id);
            let read: BoxFuture<'static, Result<UpdatePipelineRequest>> = Box::pin(async move {
                let (described, launch) = future::try_join(described.send(), launch.send()).await?;
                let pipeline = lacks(described.pipeline, "describe_pipeline")?;
                let launch = lacks(launch.launch, "describe_pipeline_launch")?;
                let version = pipeline.version.as_ref();
                *default.lock().unwrap_or_else(PoisonError::into_inner) =
                    version.and_then(|version| version.id.clone());
                Ok(UpdatePipelineRequest::from(&pipeline).launch(&launch))
            });
            read
        };
        let write = |request: UpdatePipelineRequest| {
            let call = client.update_pipeline().pipeline_id(id).body(request);
            let written: BoxFuture<'static, Result<Option<PipelineDetails>>> =
                Box::pin(async move { Ok(call.send().await?.pipeline) });
            written
        };
        let edited = edit(change, read, write).await;
        let (changes, written) = edited.inspect_err(|error| forget_if(client, error))?;
        if changes.iter().any(|change| change.field == "name") {
            client.forget_names();
        }
        let version = written.flatten().and_then(|pipeline| pipeline.version);
        let before = default
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let another = version
            .and_then(PipelineVersion::of)
            .filter(|version| Some(&version.id) != before.as_ref());
        let version = match another {
            Some(draft) if !draft.is_default && !keep_draft => {
                let publishing = workspace.publish(id, draft).await;
                Some(publishing.map_err(|error| {
                    error.noting("the pipeline was changed, and the change is a draft still")
                })?)
            }
            version => version,
        };
        Ok(Edited { changes, version })
    }
}

impl<F> IntoFuture for EditPipeline<F>
where
    F: Fn(UpdatePipelineRequest) -> UpdatePipelineRequest + Send + Sync + 'static,
{
    type Output = Result<Edited>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl<F> fmt::Debug for EditPipeline<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EditPipeline")
            .field("pipeline", &self.pipeline)
            .field("keep_draft", &self.keep_draft)
            .finish_non_exhaustive()
    }
}

impl PipelineVersion {
    fn of(version: PipelineVersionInfo) -> Option<Self> {
        Some(Self {
            id: version.id?,
            name: version.name.filter(|name| !name.is_empty()),
            is_default: version.is_default == Some(true),
        })
    }
}

impl Workspace {
    /// Names a draft, unless it has a name, and makes it what the pipeline launches.
    async fn publish(&self, pipeline: i64, draft: PipelineVersion) -> Result<PipelineVersion> {
        let name = match &draft.name {
            Some(name) => name.clone(),
            None => self.version_name(pipeline).await?,
        };
        let body = PipelineVersionManageRequest::new();
        let body = body.name(&name).is_default(true);
        let call = self.client.manage_pipeline_version().pipeline_id(pipeline);
        call.version_id(&draft.id).body(body).send().await?;
        Ok(PipelineVersion {
            id: draft.id,
            name: Some(name),
            is_default: true,
        })
    }

    /// A name for the version after the default one, which the server takes.
    async fn version_name(&self, pipeline: i64) -> Result<String> {
        let call = self.client.describe_pipeline().pipeline_id(pipeline);
        let described = call.send().await?.pipeline.unwrap_or_default();
        let version = described.version.and_then(|version| version.name);
        let default = version.or(described.name).unwrap_or_default();
        let mut last = None;
        for name in following(&default) {
            let call = self.client.validate_pipeline_version_name();
            match call.pipeline_id(pipeline).name(&name).send().await {
                Ok(_) => return Ok(name),
                // It is taken.
                Err(error) if is_refused(&error) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        let text = format!("no name after `{default}` is free");
        let error = Error::new(ErrorKind::NotFound, text);
        Err(match last {
            Some(cause) => error.caused_by(cause),
            None => error,
        })
    }
}

/// The names after a name: the number at its end counted up, or one put there.
fn following(name: &str) -> impl Iterator<Item = String> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name[stem.len()..].parse::<u64>().ok();
    let (stem, number) = match number {
        Some(number) => (stem.to_owned(), number),
        None => (format!("{name}-"), 1),
    };
    (1..=VERSION_NAMES).map(move |step| format!("{stem}{}", number.saturating_add(step)))
}

fn is_refused(error: &Error) -> bool {
    matches!(
        error.status().map(|status| status.as_u16()),
        Some(400 | 409)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_told_by_field_with_what_was_and_what_is() {
        let before = json!({"name": "a", "launch": {"revision": "1", "pull": true}, "ids": [1]});
        let after = json!({"name": "a", "launch": {"revision": "2", "pull": true}, "ids": [1, 2],
            "icon": "x"});
        let changes = differences(&before, &after);
        let told: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                r#"ids: [1] -> [1,2]"#,
                r#"launch.revision: "1" -> "2""#,
                r#"icon: null -> "x""#,
            ]
        );
        assert!(differences(&after, &after).is_empty());
    }

    #[test]
    fn names_of_versions_are_counted_up() {
        let next = |name: &str| following(name).next().unwrap();
        assert_eq!(next("rnaseq-9"), "rnaseq-10");
        assert_eq!(next("v3"), "v4");
        assert_eq!(next("rnaseq"), "rnaseq-2");
        assert_eq!(following("rnaseq-9").nth(1).unwrap(), "rnaseq-11");
    }
}
