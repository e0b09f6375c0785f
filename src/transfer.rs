//! Files to and from the Platform and the storage behind it.

#[cfg(feature = "data-links")]
mod checksum;
#[cfg(feature = "data-links")]
mod data_links;
#[cfg(feature = "datasets")]
mod datasets;
#[cfg(feature = "data-links")]
mod download;
#[cfg(feature = "data-links")]
mod upload;

#[cfg(feature = "data-links")]
pub use data_links::{DataLinkEntry, DataLinkFiles, RefusedName, Transferred};
#[cfg(feature = "datasets")]
pub use datasets::{DatasetByName, DatasetDownload, DatasetHeader, DatasetUpload};
