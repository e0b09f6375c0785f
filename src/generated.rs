//! The bindings that the build script generates from `seqera-api-latest.yml`.

#![allow(clippy::all, missing_docs, rustdoc::bare_urls)]

use progenitor_client::{ClientHooks, ClientInfo};

/// The types of requests and replies, under the schema's names.
///
/// # Read, change, write
///
/// An update replaces what is there: a field that is left out is cleared. So the `edit_…` methods of
/// `Workspace` and `Organization` read, change and write in one step. And what a describe operation
/// returns converts to the matching request, with every field that the request knows, and those that
/// neither knows. Labels come only where they are asked for: without them the conversion fails, since
/// the request would remove them.
///
/// ```no_run
/// use seqera::prelude::*;
/// use seqera::types::UpdatePipelineRequest;
///
/// # async fn run(client: Client) -> seqera::Result<()> {
/// let described = client.describe_pipeline().pipeline_id(7).attributes(["labels"]).send().await?;
/// let launch = client.describe_pipeline_launch().pipeline_id(7).send().await?;
/// if let (Some(pipeline), Some(launch)) = (&described.pipeline, &launch.launch) {
///     let request = UpdatePipelineRequest::try_from(pipeline)?
///         .launch(launch)
///         .description("RNA sequencing, nightly");
///     client.update_pipeline().pipeline_id(7).body(request).send().await?;
/// }
/// # Ok(())
/// # }
/// ```
pub mod types {
    use crate::wire::record::{self, Fields, Record};
    #[allow(unused_imports)]
    use crate::wire::setting::{Setting, SettingList, SettingTexts};

    include!(concat!(env!("OUT_DIR"), "/types.rs"));
}

// Each operation is lowered onto `transport::request::Request`, which leaves hooks nothing to do.
impl ClientHooks<crate::transport::Transport> for Client {}

include!(concat!(env!("OUT_DIR"), "/operations.rs"));
