//! The compute environment of a launch: whether it is ready, and what it is asked for.

use std::time::Duration;

use super::base::Bases;
use super::brought::{Environment, brought_by};
use crate::names::{Id, Workspace};
use crate::poll::{Rhythm, poll_until};
use crate::types::ComputeEnvStatus;
use crate::{Error, ErrorKind, Result};

/// The longest time between two looks at a compute environment that is not ready.
const COMPUTE_ENV_PAUSE: Duration = Duration::from_secs(5);
/// How often to look at least within the time given.
const COMPUTE_ENV_LOOKS: u32 = 20;

/// How often to look, and how long to wait.
pub(super) fn rhythm(at_most: Duration) -> Rhythm {
    Rhythm::every((at_most / COMPUTE_ENV_LOOKS).min(COMPUTE_ENV_PAUSE)).at_most(at_most)
}

impl Workspace {
    /// Waits until a compute environment takes launches. False if it had to wait.
    pub(super) async fn ready(&self, id: &str, rhythm: &mut Rhythm) -> Result<bool> {
        let mut looks = 0;
        let mut last = None;
        let ready = poll_until!(rhythm, {
            looks += 1;
            let env = match self.describe_compute_env(Id(id)).await {
                Err(error) if error.may_pass() => {
                    tracing::warn!(reason = %error, "waiting for a compute environment goes on");
                    last = Some(error);
                    return Ok(None);
                }
                env => env?,
            };
            let status = env.status.unwrap_or(ComputeEnvStatus::Available);
            let shown = format!("compute environment {id} is {status}");
            match status {
                ComputeEnvStatus::Available => Ok(Some(looks == 1)),
                ComputeEnvStatus::Creating | ComputeEnvStatus::Unrecognized(_) => {
                    let text = format!("{shown} after the time given to become ready");
                    last = Some(Error::time_over(text).in_operation("launch"));
                    Ok(None)
                }
                _ => {
                    let why = env.message.unwrap_or_default();
                    let text = format!("{shown} and takes no launches. {why}");
                    Err(Error::new(ErrorKind::NotReached, text).in_operation("launch"))
                }
            }
        });
        match ready? {
            Some(at_once) => Ok(at_once),
            None => Err(last.unwrap_or_else(|| Error::time_over("the time is over"))),
        }
    }

    pub(super) async fn primary(&self, bases: &Bases) -> Result<String> {
        let primary = Box::pin(self.primary_compute_env());
        bases.primaries.get(self.id(), primary).await
    }

    /// What a compute environment brings to a launch.
    pub(super) async fn environment(
        &self,
        compute_env: &str,
        bases: &Bases,
    ) -> Result<Environment> {
        let key = (self.id(), compute_env.to_owned());
        let environment = Box::pin(async {
            let env = self.describe_compute_env(Id(compute_env)).await?;
            Ok(brought_by(&env))
        });
        bases.environments.get(key, environment).await
    }
}
