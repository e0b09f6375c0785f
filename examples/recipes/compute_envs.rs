//! Writes the compute environments of a workspace to files, and makes from the files what is gone.

use std::error::Error;
use std::fs;
use std::path::Path;

use seqera::types::ComputeEnv;
use seqera::{Client, shown};

pub async fn export(research: &Client, folder: &Path) -> Result<(), Box<dyn Error>> {
    for listed in research.list_compute_envs().all().await? {
        let described = research.describe_compute_env().compute_env_id(listed.id);
        let env = described.await?.compute_env.unwrap_or_default();
        let file = folder.join(format!("{}.json", shown(&env.name)));
        fs::write(file, serde_json::to_vec_pretty(&ComputeEnv::from(&env))?)?;
    }
    Ok(())
}

pub async fn recreate(research: &Client, folder: &Path) -> Result<(), Box<dyn Error>> {
    for file in fs::read_dir(folder)? {
        let env: ComputeEnv = seqera::from_json(fs::read(file?.path())?)?;
        match research.create_compute_env().compute_env(env).await {
            Err(error) if error.is_conflict() => println!("is there: {error}"),
            created => println!("created {}", shown(&created?.compute_env_id)),
        }
    }
    Ok(())
}
