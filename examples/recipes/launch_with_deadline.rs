//! Launches a pipeline, and cancels the run if it takes too long.

use std::time::Duration;

use seqera::runs::FinishedRun;
use seqera::{Client, Result};

pub async fn launch(research: &Client, pipeline: &str, at_most: Duration) -> Result<FinishedRun> {
    let run = research.launch(pipeline).label("urgent").send().await?;
    match run.wait().timeout(at_most).await {
        Err(error) if error.is_time_over() => {
            run.cancel().await?;
            run.wait().await
        }
        ended => ended,
    }
}
