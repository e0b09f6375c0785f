//! Who has access to a workspace: users and teams, by role.

use std::collections::BTreeMap;

use seqera::{Result, Workspace, shown};

pub async fn access(research: &Workspace) -> Result<BTreeMap<String, Vec<String>>> {
    let mut by_role: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for who in research.participants().all().await? {
        let name = who.user_name.or(who.team_name);
        let role = by_role.entry(shown(&who.wsp_role).to_string()).or_default();
        role.push(shown(&name).to_string());
    }
    Ok(by_role)
}
