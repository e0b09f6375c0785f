//! Stops the Studios that still run in the evening, and starts one in the morning.

use std::time::Duration;

use seqera::types::DataStudioStatus;
use seqera::{Client, Result, Search, shown};

pub async fn evening(research: &Client) -> Result<usize> {
    let running = Search::studios().status(DataStudioStatus::Running);
    let running = research.list_data_studios().search(running).all().await?;
    for studio in &running {
        let id = &studio.session_id;
        research.stop_data_studio().session_id(id).await?;
    }
    Ok(running.len())
}

pub async fn morning(research: &Client, name: &str) -> Result<String> {
    let studio = research.studio(name).timeout(Duration::from_secs(900));
    let running = studio.start().await?;
    Ok(shown(&running.studio_url).to_string())
}
