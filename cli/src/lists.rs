//! Lists: which part is read, and how it is told.

use futures_util::TryStreamExt;
use seqera::paginate::ItemStream;
use serde::Serialize;
use serde_json::Value;

use crate::exit::{Failure, Result};
use crate::options::Paging;
use crate::output::{Column, Table, View};

/// As long as the server's longest page.
const USUAL: i64 = 100;

/// The part of a list that was asked for.
pub struct Listed<T> {
    pub items: Vec<T>,
    footer: Option<String>,
}

impl Paging {
    /// How many entries are skipped; none where nothing is.
    ///
    /// # Errors
    /// Page and offset are both given, or impossible.
    pub fn skipped(&self) -> Result<Option<i64>> {
        match (self.page, self.offset) {
            (Some(_), Some(_)) => Err(Failure::failed(
                "Please use either --page or --offset as pagination parameter",
            )),
            (Some(page), _) if page < 1 => {
                Err(Failure::failed("Page number must be greater than zero"))
            }
            (_, Some(offset)) if offset < 0 => Err(Failure::failed(
                "Offset must be greater than or equal to zero",
            )),
            (Some(page), None) => Ok(Some((page - 1) * self.max.unwrap_or(USUAL))),
            (None, offset) => Ok(offset),
        }
    }

    /// The most entries to show; none where all are.
    fn limit(&self) -> Result<Option<u64>> {
        let part = self.page.is_some() || self.offset.is_some();
        match self.max.or(part.then_some(USUAL)) {
            None => Ok(None),
            Some(max) => u64::try_from(max)
                .map(Some)
                .map_err(|_| Failure::failed("--max must not be negative")),
        }
    }

    /// Reads the part of a list that was asked for. The list begins behind what is
    /// [skipped](Self::skipped).
    pub async fn read<T: Send + 'static>(&self, list: ItemStream<T>) -> Result<Listed<T>> {
        let skipped = self.skipped()?.unwrap_or_default();
        let limit = self.limit()?;
        let mut list = match limit {
            Some(limit) => list.limit(limit),
            None => list,
        };
        let total = match limit {
            Some(_) => list.total().await?,
            None => None,
        };
        let items: Vec<_> = list.try_collect().await?;
        let footer = limit.is_some().then(|| {
            let last = skipped + i64::try_from(items.len()).unwrap_or(i64::MAX);
            let shown = format!("Showing from {} to {last}", (skipped + 1).min(last));
            match total {
                Some(total) => format!("{shown} from a total of {total} entries"),
                None => shown,
            }
        });
        Ok(Listed { items, footer })
    }
}

impl<T: Serialize> Listed<T> {
    /// As a table.
    pub fn table(&self, title: impl Into<String>, columns: &'static [Column]) -> Result<View> {
        let mut view = table(title, columns, &self.items)?;
        if let View::Table(table) = &mut view {
            table.footer = self.footer.clone();
        }
        Ok(view)
    }
}

/// A whole list as a table.
pub fn table<T: Serialize>(
    title: impl Into<String>,
    columns: &'static [Column],
    items: &[T],
) -> Result<View> {
    let rows = items.iter().map(serde_json::to_value);
    Ok(View::Table(Table {
        title: title.into(),
        rows: rows.collect::<Result<Vec<Value>, _>>()?,
        columns,
        footer: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(page: Option<i64>, offset: Option<i64>, max: Option<i64>) -> Option<i64> {
        Paging { page, offset, max }.skipped().ok().flatten()
    }

    #[test]
    fn a_page_is_as_long_as_the_most_entries() {
        assert_eq!(skipped(Some(3), None, Some(10)), Some(20));
        assert_eq!(skipped(Some(2), None, None), Some(100));
        assert_eq!(skipped(None, Some(7), None), Some(7));
        let both = Paging {
            page: Some(1),
            offset: Some(1),
            max: None,
        };
        assert!(both.skipped().is_err());
        assert!(
            Paging {
                page: Some(0),
                ..Paging::default()
            }
            .skipped()
            .is_err()
        );
    }
}
