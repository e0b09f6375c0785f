//! What Studios run on: options, and what they make of what there is.

use clap::Args;
use seqera::types::{DataStudioConfiguration, StudioInfo};
use serde::{Deserialize, Serialize};

use super::StudioStatus;
use crate::commands::data_links::Lookup;
use crate::context::{Context, Place};
use crate::exit::{Failure, Result};
use crate::requests::{changed, fields, or_null};
use crate::values::{List as Words, Pair, last_of_each, pairs};

/// What a Studio runs on. In requests the fields have the API's names.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct Machine {
    /// GPUs
    #[arg(long)]
    pub gpu: Option<i32>,
    /// CPUs
    #[arg(long)]
    pub cpu: Option<i32>,
    /// Memory in megabytes
    #[arg(long)]
    pub memory: Option<i32>,
    /// Hours after which it stops; 0 is never
    #[arg(long)]
    #[serde(rename(serialize = "lifespanHours"))]
    pub lifespan: Option<i32>,
    /// Environment variable; may be given several times
    #[arg(short, long, value_name = "NAME=VALUE")]
    #[serde(skip_serializing, deserialize_with = "pairs")]
    pub env: Vec<Pair>,
}

/// Data links that are mounted.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[group(multiple = true)]
pub struct Mounts {
    /// Data links to mount, by URI, separated by commas
    #[arg(long)]
    pub mount_data_uris: Option<Words<String>>,
    /// Data links to mount, by name, separated by commas
    #[arg(long)]
    pub mount_data: Option<Words<String>>,
    /// Data links to mount, by id, separated by commas
    #[arg(long)]
    pub mount_data_ids: Option<Words<String>>,
}

/// Who may use it besides you.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct AllowedUser {
    /// User who may connect to a private Studio: user name, e-mail address or id
    #[arg(long)]
    pub allow_user: Option<String>,
}

/// How a new Studio begins.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Beginning {
    /// Start it at once
    #[arg(short, long)]
    pub auto_start: bool,
    /// Keep it private: nobody else may connect
    #[arg(long)]
    pub private: bool,
    /// Wait until it has this status
    #[arg(long, value_enum)]
    pub wait: Option<StudioStatus>,
}

/// What a Studio runs on, as options change it.
pub struct Settings<'a> {
    pub machine: &'a Machine,
    pub mounts: &'a Mounts,
    pub ssh: Option<bool>,
}

impl Settings<'_> {
    /// The options over what a Studio has.
    pub async fn over(
        &self,
        context: &Context,
        place: &Place<'_>,
        studio: &StudioInfo,
    ) -> Result<DataStudioConfiguration> {
        self.over_configuration(
            context,
            place,
            studio.configuration.clone().unwrap_or_default(),
        )
        .await
    }

    pub async fn over_configuration(
        &self,
        context: &Context,
        place: &Place<'_>,
        present: DataStudioConfiguration,
    ) -> Result<DataStudioConfiguration> {
        let mounts = self.mounts.ids(context, place).await?;
        let mut configuration = self.over_with(present, mounts)?;
        leave_mounts(&mut configuration);
        Ok(configuration)
    }

    /// The options, with the ids of the data links that they mount, over a configuration.
    pub fn over_with(
        &self,
        present: DataStudioConfiguration,
        mounts: Option<Vec<String>>,
    ) -> Result<DataStudioConfiguration> {
        let mut changes = fields(self.machine)?;
        if !self.machine.env.is_empty() {
            let variables = last_of_each(&self.machine.env).into_iter();
            let variables: serde_json::Map<_, _> = variables
                .map(|pair| (pair.name.clone(), pair.value.clone().into()))
                .collect();
            changes.insert("environment".to_owned(), variables.into());
        }
        if let Some(ids) = mounts {
            changes.insert("mountData".to_owned(), ids.into());
        }
        if let Some(ssh) = self.ssh {
            changes.insert("sshEnabled".to_owned(), ssh.into());
        }
        changed(present, changes.into())
    }
}

/// Says that there are no mounts, or that those there are stay, as `tw` does.
pub fn leave_mounts(configuration: &mut DataStudioConfiguration) {
    let mounts = configuration.mount_data.take();
    configuration.mount_data = or_null(mounts);
}

impl Mounts {
    /// The ids of the data links; none where nothing was said.
    pub async fn ids(&self, context: &Context, place: &Place<'_>) -> Result<Option<Vec<String>>> {
        let said = [
            &self.mount_data,
            &self.mount_data_uris,
            &self.mount_data_ids,
        ];
        if said.iter().filter(|list| list.is_some()).count() > 1 {
            return Err(Failure::failed(
                "Please use only one of --mount-data, --mount-data-uris and --mount-data-ids",
            ));
        }
        if let Some(ids) = &self.mount_data_ids {
            return Ok(Some(ids.0.clone()));
        }
        let lookup = Lookup {
            context,
            place,
            credentials: None,
        };
        let mut ids = Vec::new();
        match (&self.mount_data, &self.mount_data_uris) {
            (None, None) => return Ok(None),
            (Some(names), _) => {
                for name in &names.0 {
                    ids.push(lookup.named(name).await?);
                }
            }
            (None, Some(uris)) => {
                for uri in &uris.0 {
                    ids.push(lookup.at(uri).await?);
                }
            }
        }
        Ok(Some(ids))
    }
}
