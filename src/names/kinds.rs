//! What goes by a name, as a table: the kind, the list that has it, and how an entry is read.

use super::cache::Found;
use super::search::{Candidate, Search};
use super::{Account, NameOrId, Organization, Workspace, number};
use crate::Result;

/// The type of an id.
trait FromFound: Sized {
    fn of(found: Found) -> Result<Self>;
}

impl FromFound for String {
    fn of(found: Found) -> Result<Self> {
        Ok(found.id)
    }
}

impl FromFound for i64 {
    fn of(found: Found) -> Result<Self> {
        number(found)
    }
}

/// `method: id, kind, list by search or field of the list's reply, entry => (id, names);`
macro_rules! kinds {
    ($owner:ident { $($(#[$doc:meta])* $method:ident: $id:ty, $kind:literal,
        $list:ident $(of $place:ident)? by $how:ident,
        $item:ident => ($entry_id:expr, $names:expr);)* }) => {
        impl $owner {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// There is not exactly one of that name; the error lists what there is.
            pub async fn $method(&self, $method: impl Into<NameOrId<$id>>) -> Result<$id> {
                let name = match $method.into() {
                    NameOrId::Id(id) => return Ok(id),
                    NameOrId::Name(name) => name,
                };
                let list = self.client.$list()$(.$place(self.id))?;
                let found = kinds!(@find self, $kind, name, list, $how,
                    $item => Candidate::new($entry_id, $names));
                <$id as FromFound>::of(found)
            }
        )*}
    };
    // For lists that grow without end.
    (@find $self:ident, $kind:literal, $name:ident, $list:ident, narrow_search,
        $item:ident => $candidate:expr) => {{
        let lists = [$list.search(&$name)];
        let place = $self.place();
        $self.client.find($kind, place, &$name, lists, |$item| $candidate).await?
    }};
    (@find $self:ident, $kind:literal, $name:ident, $list:ident, search,
        $item:ident => $candidate:expr) => {{
        let lists = [$list.clone().search(&$name), $list];
        let place = $self.place();
        $self.client.find($kind, place, &$name, lists, |$item| $candidate).await?
    }};
    (@find $self:ident, $kind:literal, $name:ident, $list:ident, $field:ident,
        $item:ident => $candidate:expr) => {{
        let place = $self.place();
        let ask = async {
            let mut search = Search::new(&$name);
            for $item in $list.send().await?.$field.unwrap_or_default() {
                search.offer($candidate);
            }
            search.finish($kind, &place.text)
        };
        $self.client.look_up($kind, place.id, &$name, ask).await?
    }};
}

kinds! {
    Workspace {
        /// The id of an action.
        action: String, "action", list_actions by actions, item => (item.id, [item.name]);
        /// The id of an agent.
        agent: String, "agent", list_agents by search, item => (item.id, [item.name]);
        /// The id of a compute environment, whatever its status.
        compute_env: String, "compute environment", list_compute_envs by compute_envs,
            item => (item.id, [item.name]);
        /// The id of credentials.
        credentials: String, "set of credentials", list_credentials by credentials,
            item => (item.id, [item.name]);
        /// The id of a dataset.
        dataset: String, "dataset", list_datasets_v2 by search, item => (item.id, [item.name]);
        /// The id of a run, by the run's name: as [`Client::run`](crate::Client::run) takes it.
        run: String, "run", list_workflows by narrow_search,
            item => (
                item.workflow.as_ref().and_then(|run| run.id.clone()),
                [item.workflow.and_then(|run| run.run_name)]
            );
        /// The id of a secret of pipelines.
        secret: i64, "secret", list_pipeline_secrets by pipeline_secrets,
            item => (item.id, [item.name]);
        /// The session id of a Studio.
        studio: String, "Studio", list_data_studios by search,
            item => (item.session_id, [item.name]);
    }
}

kinds! {
    Organization {
        /// The id of a group of the identity provider.
        idp_group: i64, "group of the identity provider", list_organization_idp_groups of org_id by groups,
            item => (item.id, [item.display_name]);
        /// The id of a managed identity.
        managed_identity: i64, "managed identity", list_managed_identities of org_id by search,
            item => (item.id, [item.name]);
        /// The id of a team.
        team: i64, "team", list_organization_teams of org_id by search,
            item => (item.team_id, [item.name]);
        /// The member id of a user, by user name or e-mail address.
        member: i64, "member", list_organization_members of org_id by search,
            item => (item.member_id, [item.user_name, item.email]);
    }
}

kinds! {
    Account {
        /// The id of an access token.
        access_token: i64, "access token", token_list by tokens, item => (item.id, [item.name]);
        /// The id of an SSH key.
        ssh_key: i64, "SSH key", list_ssh_keys by ssh_keys, item => (item.id, [item.name]);
    }
}
