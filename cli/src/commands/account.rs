//! `auth`: profiles of the configuration file, each a Platform and an account.

use std::path::Path;

use clap::{Args, Subcommand};
use seqera::Client;
use serde_json::json;

use crate::config::{Config, Profile};
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::{Answer, Column, Table, View, without_nulls};

/// Log in and out: profiles, each of them a Platform and an account
#[derive(Subcommand, Debug)]
pub enum Auth {
    /// Store an access token in the configuration file, in the profile that --profile names
    Login(Login),
    /// Show the profiles, and who you are
    Status,
    /// Remove a profile's token from the configuration file
    Logout,
}

#[derive(Args, Debug)]
pub struct Login {
    /// A shell command that prints the token, instead of the token itself
    #[arg(long, value_name = "COMMAND")]
    token_command: Option<String>,
    /// Default workspace of the profile: organization/workspace, or its id
    #[arg(short, long)]
    workspace: Option<String>,
}

/// The profile's name where none is given.
const USUAL: &str = "default";

impl Auth {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let path = context.config_path.as_ref().ok_or_else(|| {
            Failure::failed("`auth` needs a configuration file, which `tw` has not: call `seqctl`")
        })?;
        let mut config = Config::read(path)?;
        let name = context.global.profile.clone().or(config.current.clone());
        let name = name.unwrap_or_else(|| USUAL.to_owned());
        match self {
            Self::Login(login) => {
                let mut profile = Profile {
                    endpoint: Some(context.endpoint().to_owned()),
                    token_command: login.token_command,
                    workspace: login.workspace,
                    token: None,
                };
                let token = match profile.read_token()? {
                    Some(token) => token,
                    None => {
                        context.secret(context.global.access_token.clone(), "the access token")?
                    }
                };
                let user = user_of(context, &profile, &token).await?;
                if profile.token_command.is_none() {
                    profile.token = Some(token);
                }
                config.profiles.insert(name.clone(), profile);
                config.current = Some(name.clone());
                if context.global.dry_run {
                    return context
                        .say(json!({"profile": name, "userName": user}), unwritten(path));
                }
                config.write(path)?;
                let value =
                    json!({"profile": name, "userName": user, "endpoint": context.endpoint()});
                let text = format!(
                    "Logged in to {} as {user}; the profile is `{name}`.",
                    context.endpoint()
                );
                context.say(value, text)
            }
            Self::Logout => {
                let known = config.profiles.remove(&name);
                known.ok_or_else(|| Failure::failed(format!("There is no profile `{name}`")))?;
                if config.current.as_ref() == Some(&name) {
                    config.current = config.profiles.keys().next().cloned();
                }
                if context.global.dry_run {
                    return context.say(json!({"profile": name}), unwritten(path));
                }
                config.write(path)?;
                context.say(
                    json!({"profile": name}),
                    format!("The profile `{name}` is gone."),
                )
            }
            Self::Status => {
                let mut rows = Vec::new();
                for (name, profile) in &config.profiles {
                    rows.push(without_nulls(json!({
                        "profile": name,
                        "current": Some(name) == config.current.as_ref(),
                        "endpoint": profile.endpoint,
                        "workspace": profile.workspace,
                        "token": if profile.token_command.is_some() { "from a command" } else { "in the file" },
                    })));
                }
                let user = context.user_name().await;
                let title = match &user {
                    Ok(user) => format!("You are {user} at {}.", context.endpoint()),
                    Err(_) => format!("You are not logged in at {}.", context.endpoint()),
                };
                let value = without_nulls(json!({
                    "endpoint": context.endpoint(),
                    "userName": user.as_ref().ok(),
                    "profiles": rows,
                }));
                const COLUMNS: &[Column] = &[
                    Column::new("Profile", "profile"),
                    Column::new("Current", "current"),
                    Column::new("Endpoint", "endpoint"),
                    Column::new("Workspace", "workspace"),
                    Column::new("Token", "token"),
                ];
                let table = Table {
                    title,
                    rows,
                    columns: COLUMNS,
                    footer: None,
                };
                context.show(&Answer::new(value, View::Table(table)))?;
                user.map(|_| Exit::Done)
            }
        }
    }
}

/// What a dry run says.
fn unwritten(path: &Path) -> String {
    format!("{} would be written; a dry run leaves it.", path.display())
}

async fn user_of(context: &Context, profile: &Profile, token: &str) -> Result<String> {
    let endpoint = profile.endpoint.clone().unwrap_or_default();
    let settings = Client::builder(token)
        .endpoint(endpoint)
        .allow_http(context.global.insecure);
    let reply = settings.build()?.user_info().send().await?;
    Ok(reply
        .user
        .and_then(|user| user.user_name)
        .unwrap_or_default())
}
