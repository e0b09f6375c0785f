//! Files to and from the Platform and the storage behind it.

mod checksum;
mod data_links;
mod datasets;
mod download;
mod upload;

pub use data_links::{DataLinkEntry, DataLinkFiles, RefusedName, Transferred};
pub use datasets::{DatasetByName, DatasetDownload, DatasetHeader, DatasetUpload};
