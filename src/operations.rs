//! All operations as data, and calls of them by name: what generic tools are made of.
//!
//! The [builders](crate::builder) are for programs that know what they call. A tool that is told by
//! its user, such as a command line or a server of another protocol, finds the operation here, with
//! its parameters, their types and allowed values, its documentation and the schema of its body, and
//! calls it through the same transport: authorised, limited, retried and traced.
//!
//! ```no_run
//! use seqera::operations;
//!
//! # async fn example(client: seqera::Client) -> seqera::Result<()> {
//! let operation = operations::find("list-workflows").unwrap();
//! for parameter in operation.parameters {
//!     println!("{} ({:?}): {}", parameter.name, parameter.kind, parameter.description);
//! }
//! let runs = client
//!     .call(operation)
//!     .set("workspaceId", "42")?
//!     .set("search", "rnaseq")?
//!     .all()
//!     .await?;
//! println!("{} runs", runs.len());
//! # Ok(())
//! # }
//! ```
//!
//! Names and texts are those of the wire: `workspaceId`. Only the operations of the tags whose
//! features are on are in the table.

use std::fmt;

use reqwest::Method;

use crate::builder;
use crate::nearest::nearest;
use crate::paginate::Paging;
use crate::transport::target;

mod body;
mod call;
mod table;
mod values;

pub use call::Call;

/// An operation of the API.
#[non_exhaustive]
pub struct Operation {
    /// The id in the schema: `ListWorkflows`.
    pub id: &'static str,
    /// The method of [`Client`](crate::Client): `list_workflows`.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path, with its parameters in braces: `/workflow/{workflowId}`.
    pub path: &'static str,
    /// The tag, which is a feature of this crate: `workflows`.
    pub tag: &'static str,
    /// What it does, in a line without a full stop. May be empty.
    pub summary: &'static str,
    /// What it does, Markdown. May be empty.
    pub description: &'static str,
    /// Whether the vendor advises against it.
    pub deprecated: bool,
    /// What it takes beside a body, in the schema's order.
    pub parameters: &'static [Parameter],
    /// The body that it takes.
    pub body: Option<Body>,
    /// The successes that the schema declares.
    pub replies: &'static [Reply],
    /// What a success brings, by the richest of them.
    pub content: Content,
    listing: Option<Listing>,
    sent: &'static target::Operation,
}

/// A parameter of an operation.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// The name on the wire: `workspaceId`.
    pub name: &'static str,
    /// Where it goes.
    pub place: Place,
    /// What its values are.
    pub kind: Kind,
    /// The values that are allowed, where the schema lists them; otherwise empty.
    pub values: &'static [&'static str],
    /// Whether it takes several values, and how they are sent.
    pub list: Option<List>,
    /// Whether a call needs it. A client in a workspace gives `workspaceId` by itself.
    pub required: bool,
    /// What it means, Markdown.
    pub description: &'static str,
}

/// Where a parameter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into the path, as one segment unless it is a path itself.
    Path,
    /// Into the query.
    Query,
    /// Into a header.
    Header,
}

/// What the values of a parameter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Text; one of [`values`](Parameter::values), where there are some.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A date-time: `2026-03-01T09:30:00Z`.
    Timestamp,
}

/// How several values are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// As one value, joined by commas.
    Joined,
    /// By repeating the name.
    Repeated,
}

/// The body that an operation takes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Body {
    /// In which form it is sent.
    pub form: BodyForm,
    /// Whether a call needs it.
    pub required: bool,
    /// What it is, Markdown. May be empty.
    pub description: &'static str,
    /// The parts of a form that are files.
    pub files: &'static [&'static str],
    schema: &'static str,
}

/// In which form a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyForm {
    /// As JSON.
    Json,
    /// As an object without fields, which every call sends by itself.
    Empty,
    /// As a form with files.
    Form,
    /// As a form where there are files, as JSON where there are none.
    JsonOrForm,
    /// As it is, in this media type.
    Bytes {
        /// The media type.
        media_type: &'static str,
    },
}

/// A success that the schema declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The status: 200, 201, …
    pub status: u16,
    /// What comes with it.
    pub content: Content,
}

/// What a success brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// A file or another download.
    Bytes,
    /// JSON.
    Json,
}

/// How the pages of a list are asked for and read, by names on the wire.
#[doc(hidden)]
#[derive(Debug)]
pub struct Listing {
    by: Paging,
    /// The member through which the others are reached.
    inside: Option<&'static str>,
    items: &'static str,
    total: Option<&'static str>,
    has_more: Option<&'static str>,
    cursor: Option<&'static str>,
    cursor_back: Option<&'static str>,
    /// The members that lead from an item to its id.
    id: &'static [&'static str],
}

/// All operations, in the schema's order.
pub fn all() -> &'static [Operation] {
    table::OPERATIONS
}

/// The operation of this name: its id (`ListWorkflows`), its method (`list_workflows`), either in
/// any other way of writing words (`list-workflows`), or its route (`GET /workflow`), in which
/// parameters may have any name.
pub fn find(name: &str) -> Option<&'static Operation> {
    if let Some((method, path)) = name.trim().split_once(char::is_whitespace) {
        let path = template(path.trim());
        return all().iter().find(|operation| {
            operation.method.as_str().eq_ignore_ascii_case(method)
                && template(operation.path) == path
        });
    }
    let wanted = normal(name);
    let mut all = all().iter();
    all.find(|operation| normal(operation.id) == wanted || normal(operation.name) == wanted)
}

/// The operations whose names are like this one: what may be meant where [`find`] finds nothing.
pub fn similar(name: &str) -> Vec<&'static Operation> {
    let names = all().iter().map(|operation| operation.name);
    let wanted = name.replace(['-', ' '], "_");
    nearest(&wanted, names)
        .into_iter()
        .filter_map(find)
        .collect()
}

/// The operations that have all of these words in their id, path, tag, summary or description, in
/// any case: those with the words in id or tag first, then those with them in the summary.
pub fn search(words: &str) -> Vec<&'static Operation> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<(usize, &Operation)> = all()
        .iter()
        .filter_map(|operation| {
            let names = [operation.id, operation.name, operation.path, operation.tag].join(" ");
            let names = names.to_lowercase();
            let summary = operation.summary.to_lowercase();
            let description = operation.description.to_lowercase();
            let rank = |word: &String| {
                let places = [&names, &summary, &description];
                places.iter().position(|text| text.contains(word.as_str()))
            };
            let ranks: Option<Vec<usize>> = words.iter().map(rank).collect();
            Some((ranks?.into_iter().sum(), operation))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, operation)| operation).collect()
}

impl Operation {
    /// The parameter of this name, in whatever way it is written: `workspaceId`, `workspace_id`,
    /// `workspace-id`.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        let exact = self.parameters.iter().find(|known| known.name == name);
        let wanted = normal(name);
        exact.or_else(|| (self.parameters.iter()).find(|known| normal(known.name) == wanted))
    }

    /// Whether it returns a list that comes in pages, all of which [`Call::pages`] reads.
    pub fn is_paged(&self) -> bool {
        (self.listing.as_ref()).is_some_and(|listing| !matches!(listing.by, Paging::Whole))
    }

    /// Whether it returns a list, in pages or as a whole.
    pub fn is_list(&self) -> bool {
        self.listing.is_some()
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Letters and digits in lower case: what all ways of writing a name have in common.
fn normal(name: &str) -> String {
    let name = name.chars().filter(char::is_ascii_alphanumeric);
    name.map(|c| c.to_ascii_lowercase()).collect()
}

/// A path whose parameters have no names.
fn template(path: &str) -> String {
    let nameless = |segment: &str| match segment.starts_with('{') {
        true => "{}".to_owned(),
        false => segment.to_owned(),
    };
    path.split('/').map(nameless).collect::<Vec<_>>().join("/")
}

#[cfg(all(test, feature = "all-tags"))]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_found_by_its_id_its_method_and_its_route() {
        for name in [
            "ListWorkflows",
            "list_workflows",
            "list-workflows",
            "GET /workflow",
            "get  /workflow",
        ] {
            assert_eq!(
                find(name).map(|found| found.id),
                Some("ListWorkflows"),
                "{name}"
            );
        }
        let run = find("GET /workflow/{id}").map(|found| found.id);
        assert_eq!(run, Some("DescribeWorkflow"));
        assert!(find("list-flows").is_none() && find("PUT /workflow").is_none());
        assert_eq!(similar("list-workflow")[0].id, "ListWorkflows");
    }

    #[test]
    fn words_are_searched_in_all_texts_and_names_come_first() {
        let found = search("cancel workflow");
        assert_eq!(found[0].id, "CancelWorkflow");
        assert!(search("no-such-word-anywhere").is_empty());
        assert_eq!(search("").len(), all().len());
    }

    #[test]
    fn parameters_are_found_in_any_way_of_writing() {
        let operation = find("ListWorkflows").unwrap();
        for name in ["workspaceId", "workspace_id", "workspace-id"] {
            assert_eq!(operation.parameter(name).unwrap().name, "workspaceId");
        }
        assert!(operation.is_paged());
        assert!(!find("DescribeWorkflow").unwrap().is_list());
    }
}
