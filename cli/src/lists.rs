//! Lists: which part is read, and how it is told.

use std::cmp::Ordering;

use seqera::paginate::ItemStream;
use serde::Serialize;
use serde_json::Value;

use crate::exit::{Failure, Result};
use crate::options::Paging;
use crate::output::{Column, Table, View, at, text};

/// As long as the server's longest page.
const USUAL: i64 = 100;

/// A list, entry by entry, over all its pages.
pub struct Entries<T> {
    list: ItemStream<T>,
    begun: bool,
}

impl<T: Send + 'static> Entries<T> {
    pub fn of(list: ItemStream<T>) -> Self {
        Self { list, begun: false }
    }

    /// The next entry. A page that the server does not know is the end of a list that it said to be
    /// longer.
    pub async fn try_next(&mut self) -> seqera::Result<Option<T>> {
        match self.list.next().await {
            Some(Err(error)) if self.begun && error.is_not_found() => Ok(None),
            Some(entry) => {
                self.begun = true;
                entry.map(Some)
            }
            None => Ok(None),
        }
    }

    /// All that are left.
    pub async fn all(mut self) -> seqera::Result<Vec<T>> {
        let mut all = Vec::new();
        while let Some(entry) = self.try_next().await? {
            all.push(entry);
        }
        Ok(all)
    }
}

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
        let items = Entries::of(list).all().await?;
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
    /// Puts the entries in the order of a column, or of a field by its path; with `-` before it,
    /// the other way round. Entries without it come last.
    ///
    /// # Errors
    /// No entry has it.
    pub fn sort(&mut self, order: &str, columns: &[Column]) -> Result<()> {
        let (name, down) = match order.strip_prefix('-') {
            Some(name) => (name, true),
            None => (order, false),
        };
        let column = columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name));
        let path = column.map_or(name, |column| column.path);
        let mut keyed = Vec::with_capacity(self.items.len());
        for item in self.items.drain(..) {
            let value = serde_json::to_value(&item)?;
            keyed.push((at(&value, path).cloned().unwrap_or_default(), item));
        }
        let missing = column.is_none() && keyed.iter().all(|(key, _)| key.is_null());
        if missing && !keyed.is_empty() {
            let known: Vec<_> = columns.iter().map(|column| column.name).collect();
            return Err(Failure::usage(format!(
                "There is nothing `{name}` to sort by: there are {}, and the fields of the JSON form",
                known.join(", ")
            )));
        }
        keyed.sort_by(|(a, _), (b, _)| {
            let order = compare(a, b);
            let both = !a.is_null() && !b.is_null();
            if down && both { order.reverse() } else { order }
        });
        self.items = keyed.into_iter().map(|(_, item)| item).collect();
        Ok(())
    }

    /// As a table.
    pub fn table(&self, title: impl Into<String>, columns: &'static [Column]) -> Result<View> {
        let mut view = table(title, columns, &self.items)?;
        if let View::Table(table) = &mut view {
            table.footer = self.footer.clone();
        }
        Ok(view)
    }
}

/// Numbers by size, anything else by its text; nothing is last.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (Value::Number(a), Value::Number(b)) => a
            .as_f64()
            .partial_cmp(&b.as_f64())
            .unwrap_or(Ordering::Equal),
        (a, b) => text(Some(a)).cmp(&text(Some(b))),
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
    fn entries_are_sorted_by_a_column_or_a_field() {
        const COLUMNS: &[Column] = &[Column::new("Name", "run.name")];
        let entry = |name: Option<&str>, size: u64| serde_json::json!({"run": {"name": name}, "size": size});
        let sorted = |order: &str| {
            let mut listed = Listed {
                items: vec![entry(Some("b"), 10), entry(None, 1), entry(Some("a"), 9)],
                footer: None,
            };
            listed.sort(order, COLUMNS).map(|()| {
                let sizes = listed
                    .items
                    .iter()
                    .map(|item| item["size"].as_u64().unwrap());
                sizes.collect::<Vec<_>>()
            })
        };
        assert_eq!(sorted("name").unwrap(), [9, 10, 1]);
        assert_eq!(sorted("-Name").unwrap(), [10, 9, 1]);
        assert_eq!(sorted("size").unwrap(), [1, 9, 10]);
        assert!(sorted("colour").is_err());
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
