//! The binary against the test Platform.

use std::process::Output;

use seqera_test_platform::TestPlatform;
use serde_json::Value;

use crate::support::{of_name, stderr, stdout};

/// A Platform that lives as long as this.
pub struct Platform {
    pub platform: TestPlatform,
    _runtime: tokio::runtime::Runtime,
}

impl Platform {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let starting = TestPlatform::builder().run_polls(2).start();
        let platform = runtime.block_on(starting).unwrap();
        Self {
            platform,
            _runtime: runtime,
        }
    }

    /// Runs the binary under a name.
    pub fn run(&self, name: &str, words: &[&str]) -> Output {
        of_name(name)
            .env("TOWER_API_ENDPOINT", self.platform.endpoint())
            .env("TOWER_ACCESS_TOKEN", self.platform.token())
            .arg("--insecure")
            .args(words)
            .output()
            .unwrap()
    }
}

/// What was printed, as JSON.
pub fn json_of(output: &Output) -> Value {
    let text = stdout(output);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{}", stderr(output)))
}
