//! What the examples share: a client that works with a token and without.

#![allow(dead_code)]

use std::env;
use std::error::Error;

use seqera::Client;
use seqera_test_platform::TestPlatform;

/// Where an example works.
pub struct Connection {
    /// The client.
    pub client: Client,
    /// The Platform inside this process, if that is where the client works. It stops when dropped.
    pub embedded: Option<TestPlatform>,
}

/// Connects to the Platform that `TOWER_ACCESS_TOKEN` and `TOWER_API_ENDPOINT` name, or, without a
/// token, to one inside this process.
pub async fn connect() -> Result<Connection, Box<dyn Error>> {
    if env::var_os("TOWER_ACCESS_TOKEN").is_some() {
        return Ok(Connection {
            client: Client::from_env()?,
            embedded: None,
        });
    }
    println!("TOWER_ACCESS_TOKEN is not set: working on a Platform inside this process.\n");
    let (client, platform) = embedded().await?;
    Ok(Connection {
        client,
        embedded: Some(platform),
    })
}

/// A Platform inside this process, whatever the environment says: for examples that change things.
pub async fn embedded() -> Result<(Client, TestPlatform), Box<dyn Error>> {
    let platform = TestPlatform::start().await?;
    let client = Client::builder(platform.token())
        .endpoint(platform.endpoint())
        .build()?;
    Ok((client, platform))
}

/// The value after a command-line option: `option("--launch")`.
pub fn option(name: &str) -> Option<String> {
    env::args().skip_while(|argument| argument != name).nth(1)
}
