//! The compute environment of a launch: whether it is ready, and what it brings.

use std::collections::BTreeMap;
use std::time::Duration;

use super::base::Bases;
use crate::names::{Id, Workspace};
use crate::poll::{Rhythm, poll_until};
use crate::types::{ComputeEnvDetails, ComputeEnvStatus, WorkflowLaunchRequest};
use crate::{Error, ErrorKind, Result};

/// The longest time between two looks at a compute environment that is not ready.
const COMPUTE_ENV_PAUSE: Duration = Duration::from_secs(5);
/// How often to look at least within the time given.
const COMPUTE_ENV_LOOKS: u32 = 20;

/// What a compute environment brings, by the names in its configuration.
pub(super) type Environment = BTreeMap<&'static str, String>;

/// A setting of a launch that a compute environment may have.
pub(super) struct Brought {
    /// Its name in the environment's configuration.
    pub of_environment: &'static str,
    pub of_request: fn(&mut WorkflowLaunchRequest) -> &mut Option<String>,
}

pub(super) static PRE_RUN_SCRIPT: Brought = Brought {
    of_environment: "preRunScript",
    of_request: |request| &mut request.pre_run_script,
};

pub(super) static POST_RUN_SCRIPT: Brought = Brought {
    of_environment: "postRunScript",
    of_request: |request| &mut request.post_run_script,
};

pub(super) static CONFIG: Brought = Brought {
    of_environment: "nextflowConfig",
    of_request: |request| &mut request.config_text,
};

pub(super) static WORK_DIR: Brought = Brought {
    of_environment: "workDir",
    of_request: |request| &mut request.work_dir,
};

/// What the web form adds to a launch, and so does `tw`; the server does not.
pub(super) static BROUGHT: [&Brought; 3] = [&PRE_RUN_SCRIPT, &POST_RUN_SCRIPT, &CONFIG];

/// What a compute environment brings.
pub(super) fn brought_by(env: &ComputeEnvDetails) -> Environment {
    let config = serde_json::to_value(&env.config).unwrap_or_default();
    let all = BROUGHT.into_iter().chain([&WORK_DIR]);
    all.filter_map(|brought| {
        let name = brought.of_environment;
        let value = config[name].as_str().filter(|value| !value.is_empty())?;
        Some((name, value.to_owned()))
    })
    .collect()
}

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
