#![doc = include_str!("../README.md")]
// What only the operations of some tags need is idle without them.
#![cfg_attr(
    not(feature = "all-tags"),
    allow(dead_code, unused_imports, unused_macros)
)]

mod argument;
mod body;
mod check;
mod client;
mod convert;
mod error;
mod generated;
mod lenient;
mod multipart;
mod nullable;
mod open_enum;
pub mod paginate;
mod raw;
mod record;
mod secret;
mod tagged_union;
mod timestamp;
mod transport;

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
pub use error::{Error, ErrorKind, Result};
pub use generated::{API_VERSION, Client, builder, types};
pub use lenient::ExitCode;
pub use multipart::{MultipartForm, Upload};
pub use nullable::{Null, Nullable};
pub use progenitor_client::ResponseValue;
pub use raw::RawRequest;
pub use reqwest::{Method, StatusCode};
pub use timestamp::{ParseTimestampError, Timestamp};
pub use transport::rate_limit::RateLimit;
pub use transport::retry::RetryPolicy;
