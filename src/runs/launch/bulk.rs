//! Many launches at the pace of the limit.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};

use super::Launch;
use super::base::Bases;
use crate::runs::run::Run;
use crate::transport::task::Task;
use crate::{Client, Result};

/// Uses up a limit of 20 calls a second where each launch takes two seconds.
const CONCURRENCY: usize = 40;

impl Client {
    /// Launches all of these through this client, as fast as the rate limit allows, and gives for
    /// each, in their order, the run or why there is none.
    ///
    /// The launch configuration of a pipeline is read once for all of its launches, and so is each
    /// name, so that a launch takes one call. Launches are taken from the iterator as they are
    /// sent. Dropping the stream ends it: what was sent by then goes on.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client, sheets: Vec<String>) -> seqera::Result<()> {
    /// use seqera::prelude::*;
    ///
    /// let pipeline = client.launch("nf-core-rnaseq").workspace("acme/research");
    /// let launches = sheets.iter().map(|sheet| pipeline.clone().param("input", sheet));
    /// let mut runs = client.launch_all(launches.collect::<Vec<_>>());
    /// while let Some(run) = runs.next().await {
    ///     match run {
    ///         Ok(run) => println!("{}", run.id()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn launch_all<I>(&self, launches: I) -> LaunchStream
    where
        I: IntoIterator<Item = Launch>,
        I::IntoIter: Send + 'static,
    {
        let bases = Arc::new(Bases::of(self));
        let client = self.clone();
        let runs = stream::iter(launches)
            .map(move |mut launch| {
                let bases = bases.clone();
                launch.client = client.in_place_of(&launch.client);
                // Goes on while the caller is busy with the run before.
                Task::spawn(async move { launch.send_sharing(&bases).await })
            })
            .buffered(CONCURRENCY);
        LaunchStream(runs.boxed())
    }
}

/// The runs of [`Client::launch_all`], in the order of the launches.
#[must_use = "nothing is launched until the stream is polled"]
pub struct LaunchStream(BoxStream<'static, Result<Run>>);

impl Stream for LaunchStream {
    type Item = Result<Run>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl fmt::Debug for LaunchStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchStream").finish_non_exhaustive()
    }
}
