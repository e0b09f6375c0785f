//! Files to and from the Platform and the storage behind it.

mod checksum;
mod data_links;
mod datasets;
mod download;
mod upload;

pub use data_links::{DataLink, DataLinkEntry, RefusedName, Transferred};
pub use datasets::{Dataset, DatasetDownload, DatasetHeader, DatasetUpload};
