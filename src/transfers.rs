//! Files to and from the Platform and the storage behind it, and Studios.

mod checksum;
mod data_links;
mod datasets;
mod download;
mod studios;
mod upload;

pub use data_links::{DataLink, DataLinkEntry, DataLinkTree, RefusedName, Transferred};
pub use datasets::{Dataset, DatasetDownload, DatasetHeader, DatasetUpload};
pub use studios::{NewStudio, Studio};
