//! The failed runs of a workspace, and why: the first program of the README.

use seqera::{Client, Result, shown};

#[tokio::main]
async fn main() -> Result<()> {
    let client = Client::from_env()?; // TOWER_ACCESS_TOKEN, TOWER_API_ENDPOINT

    let research = client.in_workspace("open-genomics/research").await?;
    let failed = research.list_workflows().search("status:failed");
    for run in failed.stream().limit(5).all().await? {
        let run = run.workflow.unwrap_or_default();
        println!("{}  {}", shown(&run.run_name), shown(&run.project_name));
        println!("    {}", shown(&run.error_message));
    }
    Ok(())
}
