// In the documentation the README's links lead to the pages of this version: the first definition counts.
//! [`Nullable`]: crate::Nullable
//! [`Error`]: crate::Error
//! [`guide::authentication`]: crate::guide::authentication
//! [`guide::limits_and_retries`]: crate::guide::limits_and_retries
//! [`guide::errors`]: crate::guide::errors
//! [`guide::paging`]: crate::guide::paging
//! [`guide::runs`]: crate::guide::runs
//! [`guide::transfers`]: crate::guide::transfers
//! [`guide::tracing`]: crate::guide::tracing
//! [`guide::testing`]: crate::guide::testing
//! [`guide::features`]: crate::guide::features
//! [`guide::schema`]: crate::guide::schema
//! [`prelude`]: crate::prelude
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

#[cfg(any(feature = "runs", feature = "transfers"))]
mod again;
mod argument;
mod body;
mod check;
mod client;
mod convert;
#[cfg(feature = "runs")]
mod dump;
mod error;
mod extra;
mod generated;
#[cfg(feature = "runs")]
pub mod launch;
mod lenient;
#[cfg(any(feature = "runs", feature = "transfers"))]
mod local;
mod mend;
#[cfg(feature = "mock")]
pub mod mock;
mod multipart;
#[cfg(feature = "names")]
pub mod names;
mod nullable;
mod open_enum;
pub mod paginate;
#[cfg(any(feature = "runs", feature = "transfers"))]
mod progress;
mod raw;
mod record;
#[cfg(any(feature = "runs", feature = "transfers"))]
mod remote_name;
mod reread;
#[cfg(feature = "runs")]
pub mod run;
mod secret;
#[cfg(feature = "transfers")]
mod studios;
mod tagged_union;
mod task;
mod timestamp;
#[cfg(feature = "transfers")]
mod transfer;
mod transport;

/// How to use this crate, subject by subject.
#[cfg(any(doc, doctest))]
pub mod guide {
    macro_rules! pages {
        ($($page:ident)*) => {$(
            #[doc = include_str!(concat!("guide/", stringify!($page), ".md"))]
            pub mod $page {}
        )*};
    }

    pages! { authentication limits_and_retries errors paging runs transfers tracing testing features schema }
}

use open_enum::open_enum;
use record::record_serde;
use tagged_union::tagged_union;

/// What most programs use: the client, the traits with its operations, and the methods of streams.
pub mod prelude {
    pub use futures_util::{StreamExt as _, TryStreamExt as _};

    pub use crate::generated::prelude::*;
}

pub use argument::Argument;
pub use body::ByteStream;
pub use client::{AccessToken, ClientBuilder};
#[cfg(feature = "runs")]
pub use dump::{Dump, Dumped, Missing};
pub use error::{Error, ErrorKind, Result};
pub use generated::{API_VERSION, Client, builder, types};
pub use lenient::ExitCode;
pub use multipart::{MultipartForm, Upload};
#[cfg(feature = "names")]
pub use names::{Id, NameOrId, Workspace, WorkspaceRef};
pub use nullable::Nullable;
pub use nullable::Nullable::Null;
pub use progenitor_client::ResponseValue;
#[cfg(any(feature = "runs", feature = "transfers"))]
pub use progress::Progress;
pub use raw::RawRequest;
pub use reqwest::{Method, StatusCode};
pub use reread::from_json;
#[cfg(feature = "transfers")]
pub use studios::{NewStudio, Studio};
pub use timestamp::{ParseTimestampError, Timestamp};
#[cfg(feature = "transfers")]
pub use transfer::{DataLink, DataLinkEntry, RefusedName, Transferred};
#[cfg(feature = "transfers")]
pub use transfer::{Dataset, DatasetDownload, DatasetHeader, DatasetUpload};
pub use transport::rate_limit::RateLimit;
pub use transport::retry::RetryPolicy;
