//! Names in place of ids: workspaces, pipelines, compute environments and the rest.
//!
//! A look-up reads every page of the list and compares names exactly. What it finds is remembered
//! for five minutes ([`ClientBuilder::remember_names`](crate::ClientBuilder::remember_names)), or
//! until a call of the client is refused, which may be because it is gone (400, 403, 404, 410 or
//! 422). [`Client::forget_names`] drops it all. An id costs no look-up:
//!
//! ```no_run
//! # async fn example(client: seqera::Client) -> seqera::Result<()> {
//! use seqera::Id;
//!
//! let research = client.workspace("acme/research").await?;
//! let cluster = research.compute_env("campus-cluster").await?;
//! let same = research.compute_env(Id(cluster.as_str())).await?;
//! let lab = client.organization("acme").await?;
//! let team = lab.team("bioinformatics").await?;
//! # Ok(()) }
//! ```

use std::fmt;
use std::time::Duration;

use crate::paginate::{ItemStream, Paged};
use crate::poll::{Rhythm, poll_until};
use crate::transport::kept::{Kept, OnRefusal};
use crate::transport::workspace::FindWorkspace;
use crate::types;
use crate::{Client, Error, ErrorKind, Result, WorkspaceRef};

mod by_name;
mod cache;
mod edit;
mod kinds;
mod labels;
mod people;
mod reference;
mod search;

pub use edit::{EditPipeline, Edited, FieldChange, PipelineVersion};
pub use reference::{Id, NameOrId};

pub(crate) use cache::Found;

use cache::Key;
pub(crate) use cache::NameCache;
use search::{Candidate, Search};

/// How long to wait while the Platform is still listing buckets.
pub(crate) const USUAL_LISTING: Duration = Duration::from_secs(30);
const FIRST_LISTING_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_LISTING_PAUSE: Duration = Duration::from_secs(5);

/// A workspace, or the personal context: where names are looked up.
#[derive(Clone)]
pub struct Workspace {
    /// In this workspace.
    pub(crate) client: Client,
    id: Option<i64>,
}

/// A workspace's names and its organization: see [`Workspace::details`]. Displays as
/// `organization/workspace`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct WorkspaceDetails {
    /// The workspace's id.
    pub id: i64,
    /// The workspace's name, as in `organization/workspace`.
    pub name: String,
    /// The workspace's name for people.
    pub full_name: Option<String>,
    /// The organization's id.
    pub organization_id: i64,
    /// The organization's name, as in `organization/workspace`.
    pub organization: String,
}

impl fmt::Display for WorkspaceDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organization, self.name)
    }
}

/// An organization: where the names of teams and members are looked up.
#[derive(Clone)]
pub struct Organization {
    client: Client,
    id: i64,
}

/// The token's user: where the names of own SSH keys and access tokens are looked up.
#[derive(Clone)]
pub struct Account {
    client: Client,
}

/// A launchpad pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PipelineId {
    /// The pipeline's id.
    pub id: i64,
    /// The workspace that it is of, where that is not the workspace it was looked up in: one that
    /// shares its pipelines.
    pub source_workspace_id: Option<i64>,
}

/// Where a look-up looks.
struct Place {
    id: Option<i64>,
    /// For people: ` in workspace 42`.
    text: String,
}

/// Lets clients be in workspaces by name.
pub(crate) fn set_up(kept: &mut Kept) {
    kept.set(FindWorkspace(|transport, name| {
        Box::pin(async move { Client::of(transport).find_workspace(&name).await })
    }));
    kept.set(OnRefusal(|kept, begun| {
        if let Some(names) = kept.get::<NameCache>() {
            names.doubt(begun);
        }
    }));
}

impl Client {
    /// A workspace by `organization/workspace` or by its id.
    ///
    /// # Errors
    /// The token's user sees no workspace of that name; the error lists near matches. Or the
    /// environment variable was asked for and says nothing.
    pub async fn workspace(&self, workspace: impl Into<WorkspaceRef>) -> Result<Workspace> {
        let client = self.in_workspace(workspace).await?;
        Ok(Workspace {
            id: client.workspace_id().await?,
            client,
        })
    }

    async fn find_workspace(&self, name: &str) -> Result<i64> {
        let found = self.look_up("workspace", None, name, async {
            let mut search = Search::new(name);
            for entry in self.visible_workspaces().await? {
                let full_name = entry.org_name.zip(entry.workspace_name);
                let full_name = full_name.map(|(org, workspace)| format!("{org}/{workspace}"));
                search.offer(Candidate::new(entry.workspace_id, [full_name]));
            }
            search.finish("workspace that you see", "")
        });
        number(found.await?)
    }

    /// The organizations and workspaces that the token's user sees.
    async fn visible_workspaces(&self) -> Result<Vec<types::OrgAndWorkspace>> {
        let user = self.user_id().await?;
        let reply = self.list_workspaces_user().user_id(user).send().await?;
        Ok(reply.orgs_and_workspaces.unwrap_or_default())
    }

    /// The id of the token's user, who stays the same as long as the client.
    async fn user_id(&self) -> Result<i64> {
        let found = self.look_up("user", None, "", async {
            let reply = self.user_info().send().await?;
            let id = reply.user.and_then(|user| user.id);
            let id = id.ok_or_else(|| {
                Error::new(ErrorKind::InvalidResponse, "the reply names no user")
                    .in_operation("user_info")
            })?;
            Ok(Found::of(id))
        });
        number(found.await?)
    }

    /// An organization by name or id.
    ///
    /// # Errors
    /// The token's user sees no organization of that name; the error lists near matches.
    pub async fn organization(
        &self,
        organization: impl Into<NameOrId<i64>>,
    ) -> Result<Organization> {
        let id = match organization.into() {
            NameOrId::Id(id) => id,
            NameOrId::Name(name) => {
                let found = self.look_up("organization", None, &name, async {
                    let reply = self.list_organizations().send().await?;
                    let mut search = Search::new(&name);
                    for entry in reply.organizations.unwrap_or_default() {
                        search.offer(Candidate::new(entry.org_id, [entry.name]));
                    }
                    search.finish("organization that you see", "")
                });
                number(found.await?)?
            }
        };
        Ok(Organization {
            client: self.clone(),
            id,
        })
    }

    /// What is the token's user's own: SSH keys and access tokens, by name.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// client.account().delete_access_token("old-laptop").await?;
    /// # Ok(()) }
    /// ```
    pub fn account(&self) -> Account {
        Account {
            client: self.clone(),
        }
    }

    /// Drops what names were found to stand for: the next use of each looks it up again. Clones of
    /// the client share this memory.
    pub fn forget_names(&self) {
        NameCache::of(self).forget();
    }

    /// The one of this name in the lists.
    async fn find<P: Paged, const N: usize>(
        &self,
        kind: &'static str,
        place: Place,
        name: &str,
        lists: [P; N],
        read: impl Fn(P::Item) -> Option<Candidate>,
    ) -> Result<Found> {
        let ask = async {
            let mut search = Search::new(name);
            search_lists(&mut search, lists, read).await?;
            search.finish(kind, &place.text)
        };
        self.look_up(kind, place.id, name, ask).await
    }

    async fn look_up(
        &self,
        kind: &'static str,
        place: Option<i64>,
        name: &str,
        ask: impl Future<Output = Result<Found>>,
    ) -> Result<Found> {
        let key = Key {
            kind,
            place,
            name: name.to_owned(),
        };
        NameCache::of(self).get_or_ask(key, ask).await
    }
}

impl Workspace {
    /// The id; `None` is the personal context.
    pub fn id(&self) -> Option<i64> {
        self.id
    }

    /// A client in this workspace: see [`Client::in_workspace`].
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The workspace's names and its organization. Asks the server.
    ///
    /// # Errors
    /// The token's user does not see the workspace; it is the personal context; a call failed.
    pub async fn details(&self) -> Result<WorkspaceDetails> {
        let all = self.client.visible_workspaces().await?;
        let own = |entry: &types::OrgAndWorkspace| {
            entry.workspace_id.is_some() && entry.workspace_id == self.id
        };
        let details = all.into_iter().find(own).and_then(|entry| {
            Some(WorkspaceDetails {
                id: entry.workspace_id?,
                name: entry.workspace_name?,
                full_name: entry.workspace_full_name,
                organization_id: entry.org_id?,
                organization: entry.org_name?,
            })
        });
        details.ok_or_else(|| {
            let text = match self.id {
                Some(id) => format!("workspace {id} is none that you see"),
                None => "the personal context is no workspace".to_owned(),
            };
            Error::new(ErrorKind::NotFound, text)
        })
    }

    /// A pipeline of the launchpad by name, or one that another workspace shares with this one.
    /// Where both are of that name, the workspace's own is meant.
    ///
    /// # Errors
    /// There is none of that name, or only shared ones, and more than one; the error lists them.
    pub async fn pipeline(&self, pipeline: impl Into<NameOrId<i64>>) -> Result<PipelineId> {
        let name = match pipeline.into() {
            NameOrId::Name(name) => name,
            NameOrId::Id(id) => {
                return Ok(PipelineId {
                    id,
                    source_workspace_id: None,
                });
            }
        };
        let found = self.look_up("pipeline", &name, async {
            let all = self.client.list_pipelines().workspace_id(self.id);
            // Nothing is shared with the personal context.
            let all = all.visibility(self.id.map(|_| "all"));
            // Quotes ask for the exact name. Servers that don't know them find nothing.
            let exact = (!name.contains('"')).then(|| all.clone().search(format!("\"{name}\"")));
            let mut search = Search::new(&name);
            search_lists(&mut search, exact.into_iter().chain([all]), |item| {
                let home = item.workspace_id.or(self.id);
                Some(Candidate::new(item.pipeline_id, [item.name])?.at_home(home))
            })
            .await?;
            search.prefer_home(self.id);
            search.finish("pipeline", &self.place().text)
        });
        let found = found.await?;
        Ok(PipelineId {
            source_workspace_id: found.home.filter(|home| Some(*home) != self.id),
            id: number(found)?,
        })
    }

    /// The id of a version of a pipeline, by the version's name.
    ///
    /// # Errors
    /// There is not exactly one of that name; the error lists what there is.
    pub async fn pipeline_version(
        &self,
        pipeline: PipelineId,
        version: impl Into<NameOrId<String>>,
    ) -> Result<String> {
        let name = match version.into() {
            NameOrId::Id(id) => return Ok(id),
            NameOrId::Name(name) => name,
        };
        let PipelineId {
            id,
            source_workspace_id,
        } = pipeline;
        let place = Place {
            id: Some(id),
            text: format!(" of pipeline {id}"),
        };
        let all = self.client.list_pipeline_versions().pipeline_id(id);
        let all = all.workspace_id(source_workspace_id.or(self.id));
        let lists = [all.clone().search(&name), all];
        let found = self.client.find("version", place, &name, lists, |item| {
            let version = item.version?;
            Candidate::new(version.id, [version.name])
        });
        Ok(found.await?.id)
    }

    /// The id of the primary compute environment. It decides where runs go, so that it is asked for
    /// each time.
    ///
    /// # Errors
    /// The workspace has none.
    pub async fn primary_compute_env(&self) -> Result<String> {
        // It is available, as a rule, and few are.
        for status in [Some("AVAILABLE"), None] {
            let all = self.client.list_compute_envs().workspace_id(self.id);
            let all = all.status(status).send().await?.compute_envs;
            let mut all = all.unwrap_or_default().into_iter();
            let primary = all.find(|entry| entry.primary == Some(true));
            if let Some(id) = primary.and_then(|entry| entry.id) {
                return Ok(id);
            }
        }
        let text = format!(
            "no compute environment{} is the primary one",
            self.place().text
        );
        Err(Error::new(ErrorKind::NotFound, text))
    }

    /// The id of a data link, by its name or its URI, such as `s3://acme-sequencing`. Waits, for
    /// half a minute at most, while the Platform is still listing the buckets.
    ///
    /// # Errors
    /// There is not exactly one of that name or URI; the error lists what there is.
    pub async fn data_link(&self, data_link: impl Into<NameOrId<String>>) -> Result<String> {
        self.listed_data_link(data_link.into(), USUAL_LISTING).await
    }

    /// Whether the Platform has listed all buckets that the credentials reach. While it has not,
    /// `list_data_links` tells of some of them only.
    ///
    /// # Errors
    /// The call failed.
    pub async fn has_listed_data_links(&self) -> Result<bool> {
        let list = self.client.list_data_links().workspace_id(self.id);
        Ok(!is_filling(list).await?)
    }

    /// As [`data_link`](Self::data_link), with another time for the list to become complete.
    pub(crate) async fn listed_data_link(
        &self,
        data_link: NameOrId<String>,
        listed_within: Duration,
    ) -> Result<String> {
        let name = match data_link {
            NameOrId::Id(id) => return Ok(id),
            NameOrId::Name(name) => name,
        };
        let wanted = trim_slash(&name);
        let found = self.look_up("data link", wanted, async {
            let all = self
                .client
                .list_data_links()
                .workspace_id(self.id)
                .visibility("all");
            let by_name = (!wanted.contains("://")).then(|| all.clone().search(wanted));
            let mut missed = None;
            let rhythm = Rhythm::growing(FIRST_LISTING_PAUSE, LONGEST_LISTING_PAUSE, 2.0);
            let listed = poll_until!(&mut rhythm.at_most(listed_within), {
                let mut search = Search::new(wanted);
                let lists = by_name.clone().into_iter().chain([all.clone()]);
                search_lists(&mut search, lists, |item| {
                    let uri = item.resource_ref.as_deref().map(trim_slash);
                    Candidate::new(item.id, [item.name, uri.map(str::to_owned)])
                })
                .await?;
                let error = match search.finish("data link", &self.place().text) {
                    Err(error) if error.kind() == ErrorKind::NotFound => error,
                    found => return found.map(Some),
                };
                if !is_filling(all.clone()).await? {
                    return Err(error);
                }
                missed = Some(error);
                Ok(None)
            });
            listed?.ok_or_else(|| {
                let note = format!(
                    "the Platform has listed buckets for {listed_within:?}, and is not done"
                );
                let missed = missed.unwrap_or_else(|| Error::new(ErrorKind::NotFound, ""));
                missed.noting(note)
            })
        });
        Ok(found.await?.id)
    }

    pub(crate) async fn look_up(
        &self,
        kind: &'static str,
        name: &str,
        ask: impl Future<Output = Result<Found>>,
    ) -> Result<Found> {
        self.client.look_up(kind, self.id, name, ask).await
    }

    fn place(&self) -> Place {
        Place {
            id: self.id,
            text: match self.id {
                Some(id) => format!(" in workspace {id}"),
                None => " in the personal context, no workspace being given,".to_owned(),
            },
        }
    }
}

impl Organization {
    /// The id.
    pub fn id(&self) -> i64 {
        self.id
    }

    fn place(&self) -> Place {
        Place {
            id: Some(self.id),
            text: format!(" in organization {}", self.id),
        }
    }
}

impl Account {
    fn place(&self) -> Place {
        Place {
            id: None,
            text: " of yours".to_owned(),
        }
    }
}

/// Offers what the lists hold, the narrow one first, until one held what is wanted.
///
/// The wide list is for servers that search otherwise, and for near matches.
async fn search_lists<P: Paged>(
    search: &mut Search<'_>,
    lists: impl IntoIterator<Item = P>,
    read: impl Fn(P::Item) -> Option<Candidate>,
) -> Result<()> {
    for list in lists {
        let mut items = ItemStream::new(list);
        while let Some(item) = items.try_next().await? {
            search.offer(read(item));
        }
        if search.has_found() {
            break;
        }
    }
    Ok(())
}

/// Whether the Platform has not yet seen all buckets.
async fn is_filling(list: crate::builder::ListDataLinks) -> Result<bool> {
    let reply = list.max(1).send_with_response().await?;
    Ok(reply.status() == crate::StatusCode::ACCEPTED)
}

fn trim_slash(uri: &str) -> &str {
    uri.trim_end_matches('/')
}

pub(crate) fn number(found: Found) -> Result<i64> {
    found.id.parse().map_err(|_| {
        Error::new(
            ErrorKind::InvalidResponse,
            format!("`{}` is not a numeric id", found.id),
        )
    })
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Organization")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").finish_non_exhaustive()
    }
}
