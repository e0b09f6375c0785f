//! What a compute environment brings to a launch.

use std::collections::BTreeMap;

use crate::types::{ComputeEnvDetails, WorkflowLaunchRequest};

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
