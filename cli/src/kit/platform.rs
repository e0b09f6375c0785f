//! What the Platform has: lists, read once, and kept up with what is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use seqera::Client;
use seqera::types::{ComputeEnvDetails, OrgAndWorkspace, Visibility};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::kinds::{self, Kind, Scope};
use super::list::List;
use super::problem::{Error, Result};
use super::secrets::Secrets;
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

type Listed = std::result::Result<List, Arc<Error>>;

/// A compute environment, which is read once, however many want it at a time.
type Environment = Arc<OnceCell<Arc<ComputeEnvDetails>>>;

/// What is done one after the other.
type Turn = Arc<tokio::sync::Mutex<()>>;

/// The Platform, with what is known of it.
pub struct Platform {
    /// The client that calls are made with.
    pub client: Client,
    lists: Mutex<BTreeMap<(&'static str, String), Listed>>,
    turns: Mutex<BTreeMap<(&'static str, String), Turn>>,
    asked: Mutex<BTreeMap<(&'static str, String), BTreeSet<String>>>,
    entries: OnceCell<Vec<OrgAndWorkspace>>,
    environments: Mutex<BTreeMap<String, Environment>>,
    secrets: Mutex<Secrets>,
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
            turns: Mutex::default(),
            asked: Mutex::default(),
            entries: OnceCell::new(),
            environments: Mutex::default(),
            secrets: Mutex::default(),
        }
    }

    /// Remembers a secret that the Platform told.
    pub(crate) fn hush(&self, secret: &str) {
        locked(&self.secrets).add(secret);
    }

    /// A text without the secrets that the Platform told.
    pub(crate) fn hide(&self, text: &str) -> String {
        locked(&self.secrets).hide(text)
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

    /// Says what is looked for in a list, for kinds that can't be listed without a call for each.
    pub(crate) fn ask(&self, block: &'static str, home: &str, name: String) {
        let mut asked = locked(&self.asked);
        let names = asked.entry((block, home.to_owned())).or_default();
        names.insert(name);
    }

    /// What is looked for in a list; none is all that there is.
    pub(crate) fn asked(&self, block: &'static str, home: &str) -> Option<BTreeSet<String>> {
        locked(&self.asked).get(&(block, home.to_owned())).cloned()
    }

    /// The turn to do something that is done one after the other.
    pub(crate) async fn turn(
        &self,
        what: &'static str,
        of: &str,
    ) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = locked(&self.turns)
            .entry((what, of.to_owned()))
            .or_default()
            .clone();
        turn.lock_owned().await
    }

    /// Reads a list, unless it is known.
    pub(crate) async fn load(&self, kind: &'static Kind, home: &Home) {
        let key = (kind.block, home.text.clone());
        let is_known = || locked(&self.lists).contains_key(&key);
        if is_known() {
            return;
        }
        // Once, however many want it at a time.
        let _turn = self.turn(kind.block, &home.text).await;
        if !is_known() {
            self.reload(kind, home).await;
        }
    }

    /// Reads a list, unless it is known; an error is not kept.
    pub(crate) async fn read(&self, kind: &'static Kind, home: &Home) -> Result<()> {
        let key = (kind.block, home.text.clone());
        if !matches!(locked(&self.lists).get(&key), Some(Ok(_))) {
            let list = (kind.list)(self, home).await?;
            locked(&self.lists).insert(key, Ok(list.into_iter().collect()));
        }
        Ok(())
    }

    /// Reads a list anew.
    pub(crate) async fn reload(&self, kind: &'static Kind, home: &Home) {
        let list = (kind.list)(self, home).await;
        let list = list
            .map(|list| list.into_iter().collect())
            .map_err(Arc::new);
        locked(&self.lists).insert((kind.block, home.text.clone()), list);
    }

    /// That a place is new: nothing is in it.
    pub(crate) fn is_empty(&self, kind: &'static Kind, home: &str) {
        let mut lists = locked(&self.lists);
        lists
            .entry((kind.block, home.to_owned()))
            .or_insert(Ok(List::default()));
    }

    /// What is done with a list, as far as it is known.
    fn in_list<T>(
        &self,
        block: &'static str,
        home: &str,
        look: impl FnOnce(&List) -> T,
    ) -> Result<T, Arc<Error>> {
        match locked(&self.lists).get(&(block, home.to_owned())) {
            Some(Ok(list)) => Ok(look(list)),
            Some(Err(error)) => Err(error.clone()),
            None => Ok(look(&List::default())),
        }
    }

    /// Whether a list can be read.
    ///
    /// # Errors
    /// The list can't be read.
    pub(crate) fn is_readable(&self, block: &'static str, home: &str) -> Result<(), Arc<Error>> {
        self.in_list(block, home, |_| ())
    }

    /// What is listed, as far as it is known.
    ///
    /// # Errors
    /// The list can't be read.
    pub(crate) fn listed(
        &self,
        block: &'static str,
        home: &str,
    ) -> Result<Vec<Arc<Present>>, Arc<Error>> {
        self.in_list(block, home, |list| list.iter().cloned().collect())
    }

    /// The thing of a name, or of an id.
    pub(crate) fn find(&self, block: &'static str, home: &str, name: &str) -> Option<Arc<Present>> {
        self.in_list(block, home, |list| list.find(name).cloned())
            .ok()?
    }

    /// Keeps what a thing is now.
    pub(crate) fn keep(&self, block: &'static str, home: &str, present: Present) {
        let mut lists = locked(&self.lists);
        let list = lists.entry((block, home.to_owned()));
        if let Ok(list) = list.or_insert(Ok(List::default())) {
            list.keep(Arc::new(present));
        }
    }

    /// Forgets a thing that is gone.
    pub(crate) fn forget(&self, block: &'static str, home: &str, id: &str) {
        if let Some(Ok(list)) = locked(&self.lists).get_mut(&(block, home.to_owned())) {
            list.forget(id);
        }
    }

    /// The name of what has an id in a place.
    pub(crate) fn name_of(&self, home: &str, id: &str) -> Option<String> {
        let lists = locked(&self.lists);
        let lists = lists.iter().filter(|((_, own), _)| own == home);
        let mut found = lists.filter_map(|(_, list)| list.as_ref().ok()?.of(id));
        found.next().and_then(|one| one.names.first().cloned())
    }

    /// The name of what has an id in a place, or the id where nothing is known of it.
    pub(crate) fn name_or(&self, home: &Home, id: &str) -> String {
        self.name_of(&home.text, id)
            .unwrap_or_else(|| id.to_owned())
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
        let known = locked(&self.environments)
            .entry(found.id.clone())
            .or_default()
            .clone();
        let details = known.get_or_try_init(async || {
            let call = self.client.describe_compute_env().compute_env_id(&found.id);
            let call = call.workspace_id(home.workspace).attributes(["labels"]);
            let details = call.send().await?.compute_env.unwrap_or_default();
            Result::<_, Error>::Ok(Arc::new(details))
        });
        Ok(details.await?.clone())
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
            let _turn = self.turn("a label", &home.text).await;
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
