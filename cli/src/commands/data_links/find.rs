//! Data links by name or by the address of the bucket.

use std::time::{Duration, Instant};

use seqera::StatusCode;
use seqera::types::DataLinkInfo;

use crate::context::{Context, Place};
use crate::exit::{Failure, Result};
use crate::lists::Entries;

/// How long the Platform may take to list the buckets.
const LISTING: Duration = Duration::from_secs(10 * 60);

/// Where a data link is looked for.
pub struct Lookup<'a> {
    pub context: &'a Context,
    pub place: &'a Place<'a>,
    /// The id of the credentials that list the buckets.
    pub credentials: Option<&'a str>,
}

impl Lookup<'_> {
    /// Whether the Platform has listed all buckets that the credentials reach.
    pub async fn is_listed(&self) -> Result<bool> {
        let call = self.list()?.max(1).offset(0);
        Ok(call.send_with_response().await?.status() != StatusCode::ACCEPTED)
    }

    /// The id of the data link of that name.
    pub async fn named(&self, name: &str) -> Result<String> {
        let is_it = |link: &DataLinkInfo| link.name.as_deref() == Some(name);
        self.find(name, name, is_it).await
    }

    /// The id of the data link of that address.
    pub async fn at(&self, uri: &str) -> Result<String> {
        let wanted = uri.trim_end_matches('/');
        let is_it = |link: &DataLinkInfo| {
            let own = link.resource_ref.as_deref().unwrap_or_default();
            own.trim_end_matches('/') == wanted
        };
        self.find(uri, &format!("resourceRef:{uri}"), is_it).await
    }

    fn list(&self) -> Result<seqera::builder::ListDataLinks> {
        let call = self.context.client()?.list_data_links();
        let call = call.workspace_id(self.place.id());
        Ok(call.credentials_id(self.credentials.map(str::to_owned)))
    }

    /// The one that is it. While the Platform still lists buckets, it may come.
    async fn find(
        &self,
        typed: &str,
        search: &str,
        is_it: impl Fn(&DataLinkInfo) -> bool,
    ) -> Result<String> {
        let begun = Instant::now();
        let mut pause = Duration::from_secs(2);
        loop {
            let mut found = self.search(search, None, &is_it).await?;
            if found.is_empty() {
                // Hidden ones are told on demand only.
                let hidden = self.search(search, Some("all"), &is_it).await;
                found = hidden.unwrap_or_default();
            }
            let workspace = self.place.label();
            match (found.len(), found.pop()) {
                (1, Some(id)) => return Ok(id),
                (0, _) if begun.elapsed() < LISTING && !self.is_listed().await? => {}
                (0, _) => {
                    return Err(Failure::not_found(format!(
                        "DataLink '{typed}' not found at workspace '{workspace}'"
                    )));
                }
                _ => {
                    return Err(Failure::failed(format!(
                        "Multiple DataLink items found for '{typed}' at workspace '{workspace}'"
                    )));
                }
            }
            tokio::time::sleep(pause).await;
            pause += Duration::from_secs(1);
        }
    }

    async fn search(
        &self,
        text: &str,
        visibility: Option<&str>,
        is_it: impl Fn(&DataLinkInfo) -> bool,
    ) -> Result<Vec<String>> {
        let call = self.list()?.search(text).visibility(visibility);
        let all = Entries::of(call.stream()).all().await?;
        Ok(all
            .into_iter()
            .filter(is_it)
            .filter_map(|link| link.id)
            .collect())
    }
}
