//! Files to and from the Platform and the storage behind it.

#[cfg(feature = "datasets")]
mod datasets;

#[cfg(feature = "datasets")]
pub use datasets::{DatasetByName, DatasetDownload, DatasetHeader, DatasetUpload};
