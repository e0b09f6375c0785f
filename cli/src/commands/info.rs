//! `info`: is all well between here and the server?

use seqera::API_VERSION;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::{Answer, View, without_nulls};

/// Whether a check passed.
#[derive(Clone, Copy, PartialEq)]
enum Check {
    Passed = 1,
    Failed = 0,
    NotMade = -1,
}

impl Check {
    fn of(passed: bool) -> Self {
        if passed { Self::Passed } else { Self::Failed }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Passed => "OK",
            Self::Failed => "FAILED",
            Self::NotMade => "not checked",
        }
    }
}

pub async fn run(context: &Context) -> Result<Exit> {
    let client = context.client()?;
    let service = client.info().send().await;
    let service = service.ok().and_then(|reply| reply.service_info);
    let connection = Check::of(service.is_some());
    let (mut version, mut credentials, mut user) = (Check::NotMade, Check::NotMade, None);
    let service = service.unwrap_or_default();
    if connection == Check::Passed {
        if let Some(text) = &service.api_version {
            version = Check::of(at_least(text, API_VERSION));
        }
        match context.user_name().await {
            Ok(name) => {
                credentials = Check::Passed;
                user = Some(name);
            }
            Err(failure) if failure.kind() == crate::exit::Kind::Unauthorized => {
                credentials = Check::Failed;
            }
            Err(_) => {}
        }
    }
    let value = json!({
        "connectionCheck": connection as i8,
        "versionCheck": version as i8,
        "credentialsCheck": credentials as i8,
        "opts": {
            "cliVersion": env!("CARGO_PKG_VERSION"),
            "cliApiVersion": API_VERSION,
            "towerVersion": service.version,
            "towerApiVersion": service.api_version,
            "towerApiEndpoint": context.endpoint(),
            "userName": user,
        },
    });
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    let facts = vec![
        fact("Address of the API", context.endpoint()),
        fact("Connection", connection.text()),
        fact("Version of the Platform", &known(&service.version)),
        fact("Version of the API", &known(&service.api_version)),
        fact(
            &format!("Version is at least {API_VERSION}"),
            version.text(),
        ),
        fact("Access token", credentials.text()),
        fact("User", &known(&user)),
        fact("Version of this program", env!("CARGO_PKG_VERSION")),
    ];
    context.show(&Answer::new(without_nulls(value), View::Facts(facts)))?;
    let well = [connection, version, credentials]
        .iter()
        .all(|check| *check == Check::Passed);
    Ok(if well { Exit::Done } else { Exit::Failed })
}

/// Compares versions number by number.
fn at_least(version: &str, wanted: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        let parts = text.split(|c: char| !c.is_ascii_digit());
        parts.map_while(|part| part.parse().ok()).collect()
    };
    numbers(version) >= numbers(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(at_least("1.200.0", "1.187.0") && at_least("1.187", "1.187"));
        assert!(!at_least("1.99.0", "1.187.0"));
    }
}
