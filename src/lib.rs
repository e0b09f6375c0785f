// In the documentation the README's links lead to the pages of this version: the first definition counts.
//! [`Nullable`]: crate::Nullable
//! [`Error`]: crate::Error
//! [`shown`]: crate::shown
//! [`guide::authentication`]: crate::guide::authentication
//! [`guide::limits_and_retries`]: crate::guide::limits_and_retries
//! [`guide::errors`]: crate::guide::errors
//! [`guide::paging`]: crate::guide::paging
//! [`guide::search`]: crate::guide::search
//! [`guide::runs`]: crate::guide::runs
//! [`guide::transfers`]: crate::guide::transfers
//! [`guide::changes`]: crate::guide::changes
//! [`guide::tracing`]: crate::guide::tracing
//! [`guide::testing`]: crate::guide::testing
//! [`guide::operations`]: crate::guide::operations
//! [`guide::features`]: crate::guide::features
//! [`guide::schema`]: crate::guide::schema
//! [`guide::other_tools`]: crate::guide::other_tools
//! [`guide::examples`]: crate::guide::examples
//! [`guide::upgrading`]: crate::guide::upgrading
//! [`guide::workspaces`]: crate::guide::workspaces
//! [`guide::first_hour`]: crate::guide::first_hour
//! [`Client`]: crate::Client
//! [`builder`]: crate::builder
//! [`types`]: crate::types
//!
#![doc = include_str!("../README.md")]
// docs.rs builds with a nightly toolchain, which tells the feature of each item.
#![cfg_attr(docsrs, feature(doc_cfg))]
// A part of the API does not need all that the whole does.
#![cfg_attr(
    not(all(
        feature = "all-tags",
        feature = "names",
        feature = "runs",
        feature = "transfers"
    )),
    allow(dead_code, unused_imports, unused_macros)
)]
// Whatever arrives is a value or an error.
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::panic, clippy::unwrap_used)
)]

mod client;
mod error;
mod files;
mod generated;
#[cfg(feature = "mock")]
pub mod mock;
#[cfg(feature = "names")]
pub mod names;
#[cfg(any(feature = "names", feature = "operations"))]
mod nearest;
#[cfg(feature = "operations")]
pub mod operations;
pub mod paginate;
#[cfg(feature = "names")]
mod poll;
#[cfg(any(feature = "runs", feature = "transfers"))]
mod progress;
#[cfg(feature = "runs")]
pub mod runs;
pub mod search;
#[cfg(feature = "transfers")]
pub mod transfers;
mod transport;
mod wire;

/// How to use this crate, subject by subject.
#[cfg(any(doc, doctest))]
pub mod guide {
    macro_rules! pages {
        ($($page:ident)*) => {$(
            #[doc = include_str!(concat!("guide/", stringify!($page), ".md"))]
            pub mod $page {}
        )*};
    }

    pages! {
        first_hour authentication workspaces search paging runs transfers changes errors limits_and_retries
        tracing testing operations features schema upgrading examples other_tools
    }
}

/// What each feature sets up with a new client.
const FEATURES: &[fn(&mut transport::kept::Kept)] = &[
    #[cfg(feature = "names")]
    names::set_up,
];

/// What most programs use: the client, [`Null`], and the methods that all streams have.
pub mod prelude {
    pub use futures_util::{StreamExt as _, TryStreamExt as _};

    pub use crate::{Client, Null};
}

pub use client::raw::RawRequest;
pub use client::workspace::WorkspaceRef;
pub use client::{AccessToken, ClientBuilder};
pub use error::{Error, ErrorKind, Result};
pub use generated::{API_VERSION, Client, builder, types};
#[cfg(feature = "names")]
pub use names::{Account, Id, NameOrId, Workspace};
#[cfg(any(feature = "runs", feature = "transfers"))]
pub use progress::Progress;
pub use reqwest;
pub use reqwest::{Method, StatusCode};
#[cfg(feature = "runs")]
pub use runs::{Dump, Dumped, Missing};
pub use search::{Search, SearchDate};
#[cfg(feature = "transfers")]
pub use transfers::{DataLink, DataLinkEntry, DataLinkTree, RefusedName, Transferred};
#[cfg(feature = "transfers")]
pub use transfers::{Dataset, DatasetDownload, DatasetHeader, DatasetUpload};
#[cfg(feature = "transfers")]
pub use transfers::{NewStudio, Studio};
pub use transport::body::ByteStream;
pub use transport::hooks::{IncomingReply, OutgoingRequest};
pub use transport::multipart::{MultipartForm, Upload};
pub use transport::rate_limit::RateLimit;
pub use transport::response::{Response, Sending};
pub use transport::retry::RetryPolicy;
pub use wire::argument::Argument;
pub use wire::lenient::ExitCode;
pub use wire::nullable::Nullable;
pub use wire::nullable::Nullable::Null;
pub use wire::reread::from_json;
pub use wire::setting::{Setting, SettingList, SettingTexts};
pub use wire::shown::{Field, Shown, shown};
pub use wire::timestamp::{ParseTimestampError, Timestamp};
