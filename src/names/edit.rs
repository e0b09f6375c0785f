//! Changes in one step: all that a write replaces is read, changed and written.

use std::fmt;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;

use super::{NameOrId, Organization, Workspace};
use crate::types::{
    DataStudioUpdateRequest, UpdateActionRequest, UpdateComputeEnvRequest, UpdateDatasetRequest,
    UpdateOrganizationRequest, UpdatePipelineSecretRequest, UpdateTeamRequest,
    UpdateWorkspaceRequest,
};
use crate::{Error, ErrorKind, Result};

mod pipeline;

pub use pipeline::{EditPipeline, PipelineVersion};

/// So often a change is applied where others change the same thing at the same time.
const TRIES: u32 = 3;

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
                let (changes, _) = edit(change, read, write).await?;
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
                (&action).try_into()
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
                (&reply).try_into()
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
        call.body(request).send().await?;
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
}
