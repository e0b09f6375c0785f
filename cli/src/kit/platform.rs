//! What the Platform has: lists, read once, and kept up with what is done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use seqera::Client;
use seqera::types::{ComputeEnvDetails, OrgAndWorkspace, Visibility};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::kinds::{self, Kind, Scope};
use super::problem::{Error, Result};
use crate::commands::labels;
use crate::values::Label;

/// Where things of a kind belong: the Platform, an organization, a workspace or the user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Home {
    /// As files name it; empty is the Platform, or the personal context.
    pub text: String,
    /// The organization.
    pub organization: Option<i64>,
    /// The workspace; none is the personal context.
    pub workspace: Option<i64>,
    /// Whether other workspaces see its pipelines.
    pub shared: bool,
}

impl Home {
    /// The id of the organization, for calls that need one.
    pub(crate) fn org(&self) -> i64 {
        self.organization.unwrap_or_default()
    }
}

/// A thing that is there.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// Its id, as text.
    pub id: String,
    /// The names that it goes by, the usual one first.
    pub names: Vec<String>,
    /// Its state, in the fields of the request that would make it.
    pub state: Value,
    /// What the Platform tells of it.
    pub raw: Value,
}

impl Present {
    /// The id as a number.
    pub(crate) fn number(&self) -> i64 {
        self.id.parse().unwrap_or_default()
    }
}

type Listed = std::result::Result<Vec<Present>, Arc<Error>>;

/// The Platform, with what is known of it.
pub struct Platform {
    /// The client that calls are made with.
    pub client: Client,
    lists: Mutex<BTreeMap<(&'static str, String), Listed>>,
    entries: OnceCell<Vec<OrgAndWorkspace>>,
    environments: Mutex<BTreeMap<String, Arc<ComputeEnvDetails>>>,
    making_labels: tokio::sync::Mutex<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Platform {
    /// A Platform of which nothing is known yet.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            lists: Mutex::default(),
            entries: OnceCell::new(),
            environments: Mutex::default(),
            making_labels: tokio::sync::Mutex::default(),
        }
    }

    /// The organizations and workspaces of the token's user.
    pub async fn entries(&self) -> Result<&[OrgAndWorkspace]> {
        let read = self.entries.get_or_try_init(async || {
            let user = self.client.user_info().send().await?.user;
            let id = user.and_then(|user| user.id).unwrap_or_default();
            let reply = self
                .client
                .list_workspaces_user()
                .user_id(id)
                .send()
                .await?;
            Result::<_, Error>::Ok(reply.orgs_and_workspaces.unwrap_or_default())
        });
        let read: &Vec<_> = read.await?;
        Ok(read)
    }

    /// A place, as files name it; none where there is none such.
    pub async fn home(&self, scope: Scope, text: &str) -> Result<Option<Home>> {
        let mut home = Home {
            text: text.to_owned(),
            ..Home::default()
        };
        match scope {
            Scope::Platform => return Ok(Some(home)),
            Scope::Workspace if text.is_empty() => return Ok(Some(home)),
            _ => {}
        }
        let entries = self.entries().await?;
        let id = text.trim().parse::<i64>().ok();
        if scope == Scope::Organization {
            let made = self
                .find("organizations", "", text)
                .map(|made| made.number());
            let found = entries.iter().find(|entry| {
                entry.org_name.as_deref() == Some(text) || (id.is_some() && entry.org_id == id)
            });
            home.organization = made.or(found.and_then(|entry| entry.org_id));
            return Ok(home.organization.is_some().then_some(home));
        }
        let (organization, name) = text.split_once('/').unwrap_or(("", ""));
        let (organization, name) = (organization.trim(), name.trim());
        if let Some(made) = self.find("workspaces", organization, name) {
            let parent = Box::pin(self.home(Scope::Organization, organization)).await?;
            home.organization = parent.and_then(|parent| parent.organization);
            home.workspace = Some(made.number());
            home.shared = made.state["visibility"] == "SHARED";
            return Ok(Some(home));
        }
        let found = entries.iter().find(|entry| {
            (id.is_some() && entry.workspace_id == id)
                || (entry.org_name.as_deref() == Some(organization)
                    && entry.workspace_name.as_deref() == Some(name))
        });
        let Some(entry) = found else {
            return Ok(None);
        };
        home.organization = entry.org_id;
        home.workspace = entry.workspace_id;
        home.shared = entry.visibility == Some(Visibility::Shared);
        Ok(Some(home))
    }

    /// The workspaces that files may name, as `organization/workspace`.
    pub async fn workspace_name(&self, id: i64) -> Result<Option<String>> {
        let mut entries = self.entries().await?.iter();
        let found = entries.find(|entry| entry.workspace_id == Some(id));
        Ok(found.map(|entry| {
            let part = |text: &Option<String>| text.clone().unwrap_or_default();
            format!("{}/{}", part(&entry.org_name), part(&entry.workspace_name))
        }))
    }

    /// Reads a list, unless it is known.
    pub(crate) async fn load(&self, kind: &'static Kind, home: &Home) {
        if !locked(&self.lists).contains_key(&(kind.block, home.text.clone())) {
            self.reload(kind, home).await;
        }
    }

    /// Reads a list anew.
    pub(crate) async fn reload(&self, kind: &'static Kind, home: &Home) {
        let list = (kind.list)(self, home).await.map_err(Arc::new);
        locked(&self.lists).insert((kind.block, home.text.clone()), list);
    }

    /// That a place is new: nothing is in it.
    pub(crate) fn is_empty(&self, kind: &'static Kind, home: &str) {
        let mut lists = locked(&self.lists);
        lists
            .entry((kind.block, home.to_owned()))
            .or_insert(Ok(Vec::new()));
    }

    /// What is listed, as far as it is known.
    ///
    /// # Errors
    /// The list can't be read.
    pub(crate) fn listed(
        &self,
        block: &'static str,
        home: &str,
    ) -> Result<Vec<Present>, Arc<Error>> {
        let lists = locked(&self.lists);
        lists
            .get(&(block, home.to_owned()))
            .cloned()
            .unwrap_or(Ok(Vec::new()))
    }

    /// A thing by a name of it, or its id.
    pub(crate) fn find(&self, block: &'static str, home: &str, name: &str) -> Option<Present> {
        let lists = locked(&self.lists);
        let list = lists.get(&(block, home.to_owned()))?.as_ref().ok()?;
        let named = list
            .iter()
            .find(|one| one.names.iter().any(|own| own == name));
        named
            .or_else(|| list.iter().find(|one| one.id == name))
            .cloned()
    }

    /// Keeps what a thing is now.
    pub(crate) fn keep(&self, block: &'static str, home: &str, present: Present) {
        let mut lists = locked(&self.lists);
        let list = lists
            .entry((block, home.to_owned()))
            .or_insert(Ok(Vec::new()));
        if let Ok(list) = list {
            match list.iter_mut().find(|one| one.id == present.id) {
                Some(one) => *one = present,
                None => list.push(present),
            }
        }
    }

    /// Forgets a thing that is gone.
    pub(crate) fn forget(&self, block: &'static str, home: &str, id: &str) {
        if let Some(Ok(list)) = locked(&self.lists).get_mut(&(block, home.to_owned())) {
            list.retain(|one| one.id != id);
        }
    }

    /// The name of what has an id in a place.
    pub(crate) fn name_of(&self, home: &str, id: &str) -> Option<String> {
        let lists = locked(&self.lists);
        let lists = lists.iter().filter(|((_, own), _)| own == home);
        let mut all = lists.filter_map(|(_, list)| list.as_ref().ok()).flatten();
        all.find(|one| one.id == id)
            .and_then(|one| one.names.first().cloned())
    }

    /// A compute environment whole, by name or id; the primary one where none is said.
    pub(crate) async fn environment(
        &self,
        home: &Home,
        wanted: Option<&str>,
    ) -> Result<Arc<ComputeEnvDetails>> {
        let kind = kinds::of("compute-envs")?;
        self.load(kind, home).await;
        let found = match wanted {
            Some(name) => self.find(kind.block, &home.text, name),
            None => {
                let all = self.listed(kind.block, &home.text).unwrap_or_default();
                all.into_iter().find(|one| one.raw["primary"] == true)
            }
        };
        let found = found.ok_or_else(|| {
            Error::other(match wanted {
                Some(name) => format!("there is no compute environment `{name}`"),
                None => "there is no primary compute environment, and none is said".to_owned(),
            })
        })?;
        if let Some(known) = locked(&self.environments).get(&found.id) {
            return Ok(known.clone());
        }
        let call = self.client.describe_compute_env().compute_env_id(&found.id);
        let reply = call
            .workspace_id(home.workspace)
            .attributes(["labels"])
            .send()
            .await?;
        let details = Arc::new(reply.compute_env.unwrap_or_default());
        locked(&self.environments).insert(found.id, details.clone());
        Ok(details)
    }

    /// The ids of labels, which are made where they are not there.
    pub(crate) async fn label_ids(&self, home: &Home, names: &[String]) -> Result<Vec<i64>> {
        let kind = kinds::of("labels")?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.load(kind, home).await;
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            let found = || self.find(kind.block, &home.text, name);
            if let Some(label) = found() {
                ids.push(label.number());
                continue;
            }
            // One at a time, so that no two make the same.
            let _turn = self.making_labels.lock().await;
            if let Some(label) = found() {
                ids.push(label.number());
                continue;
            }
            let label: Label = name.parse().map_err(Error::other)?;
            let call = self.client.create_label().workspace_id(home.workspace);
            let made = call.body(labels::request_of(&label)?).send().await;
            let id = match made {
                Ok(made) => made.id.unwrap_or_default(),
                // It may be there since the list was read, or made all the same.
                Err(error) => {
                    self.reload(kind, home).await;
                    found().ok_or(error)?.number()
                }
            };
            self.keep(
                kind.block,
                &home.text,
                Present {
                    id: id.to_string(),
                    names: vec![name.clone()],
                    ..Present::default()
                },
            );
            ids.push(id);
        }
        Ok(ids)
    }
}
