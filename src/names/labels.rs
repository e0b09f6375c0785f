//! Labels by name, and new ones.

use super::cache::Found;
use super::search::{Candidate, Search};
use super::{NameOrId, Workspace, number, search_lists};
use crate::types::CreateLabelRequest;
use crate::{ErrorKind, Result};

/// Labels go by `name`, or by `name=value` for a resource label.
impl Workspace {
    /// The id of a label.
    ///
    /// # Errors
    /// There is not exactly one of that name; the error lists what there is.
    pub async fn label(&self, label: impl Into<NameOrId<i64>>) -> Result<i64> {
        match label.into() {
            NameOrId::Id(id) => Ok(id),
            NameOrId::Name(name) => {
                number(self.look_up("label", &name, self.find_label(&name)).await?)
            }
        }
    }

    /// The id of a label, which is created where there is none.
    ///
    /// # Errors
    /// The label can't be created; a call failed.
    pub async fn label_or_new(&self, label: impl Into<NameOrId<i64>>) -> Result<i64> {
        let name = match label.into() {
            NameOrId::Id(id) => return Ok(id),
            NameOrId::Name(name) => name,
        };
        let found = self.look_up("label", &name, async {
            match self.find_label(&name).await {
                Err(error) if error.kind() == ErrorKind::NotFound => self.new_label(&name).await,
                found => found,
            }
        });
        number(found.await?)
    }

    /// The ids of labels, for whatever takes labels.
    ///
    /// # Errors
    /// As [`label`](Self::label).
    pub async fn labels(
        &self,
        labels: impl IntoIterator<Item: Into<NameOrId<i64>>>,
    ) -> Result<Vec<i64>> {
        let labels: Vec<NameOrId<i64>> = labels.into_iter().map(Into::into).collect();
        let mut ids = Vec::with_capacity(labels.len());
        for label in labels {
            ids.push(self.label(label).await?);
        }
        Ok(ids)
    }

    /// The ids of labels, for whatever takes labels. Those that don't exist are created.
    ///
    /// ```no_run
    /// # async fn example(research: seqera::Workspace) -> seqera::Result<()> {
    /// let ids = research.labels_or_new(["urgent", "cost-centre=genomics"]).await?;
    /// research.edit_pipeline("rnaseq", |request| request.label_ids(ids.clone())).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`label_or_new`](Self::label_or_new).
    pub async fn labels_or_new(
        &self,
        labels: impl IntoIterator<Item: Into<NameOrId<i64>>>,
    ) -> Result<Vec<i64>> {
        let labels: Vec<NameOrId<i64>> = labels.into_iter().map(Into::into).collect();
        let mut ids = Vec::with_capacity(labels.len());
        for label in labels {
            ids.push(self.label_or_new(label).await?);
        }
        Ok(ids)
    }

    async fn find_label(&self, name: &str) -> Result<Found> {
        let all = self.client.list_labels().workspace_id(self.id).type_("all");
        let (plain, _) = name.split_once('=').unwrap_or((name, ""));
        let lists = [all.clone().search(plain), all];
        let mut search = Search::new(name);
        search_lists(&mut search, lists, |item| {
            let name = match (item.name, item.value) {
                (Some(name), Some(value)) => Some(format!("{name}={value}")),
                (name, _) => name,
            };
            Candidate::new(item.id, [name])
        })
        .await?;
        search.finish("label", &self.place().text)
    }

    /// The server answers with the label that is there, should somebody else just have made it.
    async fn new_label(&self, name: &str) -> Result<Found> {
        let body = CreateLabelRequest::new();
        let body = match name.split_once('=') {
            Some((name, value)) => body.name(name).value(value).resource(true),
            None => body.name(name).resource(false),
        };
        match self.client.create_label().body(body).send().await?.id {
            Some(id) => Ok(Found::of(id)),
            None => self.find_label(name).await,
        }
    }
}
