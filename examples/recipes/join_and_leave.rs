//! Somebody joins the laboratory, with a role in a workspace, and leaves it again.

use seqera::names::Organization;
use seqera::{Result, Workspace};

pub async fn join(lab: &Organization, research: &Workspace, email: &str) -> Result<()> {
    lab.add_member(email).await?;
    lab.add_team_member("bioinformatics", email).await?;
    research.add_participant(email, "launch").await
}

pub async fn leave(lab: &Organization, email: &str) -> Result<()> {
    lab.delete_member(email).await
}
