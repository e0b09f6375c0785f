//! What a command works with: the client, the account, the workspace, and where results go. The
//! only reader of the configuration and of environment variables.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use seqera::Client;
use seqera::types::{OrgAndWorkspace, User};
use serde_json::Value;
use tokio::sync::{Notify, OnceCell};

use crate::config::{self, Config, Profile};
use crate::exit::{Exit, Failure, Kind, Result};
use crate::options::{Global, InOrganization, InWorkspace};
use crate::output::{Answer, Form, Printer, Program, Progress, View};

const CLOUD: &str = "https://api.cloud.seqera.io";

/// What a command works with.
pub struct Context {
    /// Whether the program was called through a link of that name.
    pub as_tw: bool,
    pub global: Global,
    pub config_path: Option<PathBuf>,
    pub printer: Printer,
    profile: Profile,
    endpoint: String,
    workspace: Option<String>,
    client: OnceCell<Client>,
    user: OnceCell<User>,
    workspaces: OnceCell<Vec<OrgAndWorkspace>>,
    progress: Progress,
    /// What a dry run left out on the way to the last request.
    unsent: RefCell<Vec<Value>>,
    /// What goes on at the server, should the program end now.
    going_on: RefCell<Option<String>>,
    /// Whether anything does.
    goes: Notify,
}

/// A workspace, or the personal context.
pub struct Place<'a> {
    context: &'a Context,
    id: Option<i64>,
    typed: Option<String>,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Context {
    /// Reads options, variables and the configuration file. Nothing is asked of a server.
    pub fn new(as_tw: bool, global: Global, makes_profiles: bool) -> Result<Self> {
        // `tw` has no configuration file, and none may change what it does.
        let config_path = match as_tw {
            true => None,
            false => config::path(variable(config::FILE_VARIABLE)).ok(),
        };
        let config = match &config_path {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        let profile = match config.profile(global.profile.as_deref()) {
            // The profile is in the making.
            Err(_) if makes_profiles => Profile::default(),
            profile => profile?,
        };
        let form = match (global.output, variable("TOWER_CLI_OUTPUT_FORMAT")) {
            (Some(form), _) => form,
            (None, Some(text)) => text.parse::<Form>().map_err(|error| {
                Failure::usage(format!(
                    "Invalid value for TOWER_CLI_OUTPUT_FORMAT: {error}"
                ))
            })?,
            (None, None) => Form::Console,
        };
        let program = global
            .jq
            .as_deref()
            .map(Program::new)
            .transpose()
            .map_err(Failure::usage)?;
        let given = |option: &Option<String>, name| option.clone().or_else(|| variable(name));
        let endpoint = given(&global.url, "TOWER_API_ENDPOINT").or(profile.endpoint.clone());
        let workspace = variable("TOWER_WORKSPACE_ID").or(profile.workspace.clone());
        let printer = Printer {
            form,
            program,
            columns: global.columns.clone().map(|columns| columns.0),
        };
        Ok(Self {
            as_tw,
            config_path,
            // Whoever reads what `tw` prints as JSON reads both streams as one.
            progress: Progress::new(!as_tw || printer.for_people()),
            unsent: RefCell::default(),
            going_on: RefCell::default(),
            goes: Notify::new(),
            printer,
            profile,
            endpoint: endpoint.unwrap_or_else(|| CLOUD.to_owned()),
            workspace,
            client: OnceCell::new(),
            user: OnceCell::new(),
            workspaces: OnceCell::new(),
            global,
        })
    }

    /// The address of the API.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The address of the Platform's pages.
    pub fn web(&self) -> String {
        web_of(&self.endpoint)
    }

    /// What tells a Platform and an account from others.
    pub fn fingerprint(&self) -> Result<u64> {
        let mut hasher = DefaultHasher::new();
        (&self.endpoint, self.access().token()?, &self.workspace).hash(&mut hasher);
        Ok(hasher.finish())
    }

    /// The client of the Platform.
    pub fn client(&self) -> Result<&Client> {
        if self.client.get().is_none() {
            let _ = self.client.set(self.access().client()?);
        }
        self.client
            .get()
            .ok_or_else(|| Failure::failed("There is no client"))
    }

    /// What makes clients, each with the token that there is then.
    pub fn connector(&self) -> Result<Connector> {
        // What is wrong from the start is told at once.
        self.client()?;
        let access = self.access();
        Ok(Arc::new(move || {
            let made = access.client();
            made.map_err(|failure| failure.text().to_owned())
        }))
    }

    fn access(&self) -> Access {
        Access {
            as_tw: self.as_tw,
            global: self.global.clone(),
            profile: self.profile.clone(),
            endpoint: self.endpoint.clone(),
        }
    }

    /// The token's user.
    pub async fn user(&self) -> Result<&User> {
        self.user
            .get_or_try_init(async || {
                let reply = self.client()?.user_info().send().await?;
                Ok(reply.user.unwrap_or_default())
            })
            .await
    }

    /// The user's name.
    pub async fn user_name(&self) -> Result<String> {
        Ok(self.user().await?.user_name.clone().unwrap_or_default())
    }

    /// The user's organizations and workspaces.
    pub async fn workspaces(&self) -> Result<&[OrgAndWorkspace]> {
        let found = self
            .workspaces
            .get_or_try_init(async || {
                let user = self.user().await?.id.unwrap_or_default();
                let call = self.client()?.list_workspaces_user().user_id(user);
                let reply = call.send().await?;
                Result::<_, Failure>::Ok(reply.orgs_and_workspaces.unwrap_or_default())
            })
            .await?;
        Ok(found)
    }

    /// The workspace of commands that name none.
    pub fn default_workspace(&self) -> Option<&str> {
        self.workspace.as_deref()
    }

    /// The workspace that a command works in.
    pub async fn place(&self, given: &InWorkspace) -> Result<Place<'_>> {
        let typed = given.workspace.clone().or_else(|| self.workspace.clone());
        let id = match typed.as_deref() {
            None => None,
            Some("") if !self.as_tw => None,
            Some(text) => match (text.trim().parse::<i64>(), text.split_once('/')) {
                (Ok(id), _) => Some(id),
                (_, Some((organization, name))) if !name.contains('/') => {
                    let entry = self
                        .workspace_named(organization.trim(), name.trim())
                        .await?;
                    entry.workspace_id
                }
                _ => {
                    return Err(Failure::failed(format!(
                        "Invalid workspace parameter '{text}'. Expected format: <organization_name>/<workspace_name> or <workspace_id>"
                    )));
                }
            },
        };
        let typed = typed.filter(|text| !text.is_empty());
        Ok(Place {
            context: self,
            id,
            typed,
        })
    }

    /// The workspace that a command works in, where there must be one.
    pub async fn required_place(&self, given: &InWorkspace) -> Result<Place<'_>> {
        let place = self.place(given).await?;
        if place.typed.is_none() {
            return Err(Failure::usage(
                "Missing required option: '--workspace=<workspace>'",
            ));
        }
        Ok(place)
    }

    /// The user's workspace of that name.
    pub async fn workspace_named(
        &self,
        organization: &str,
        name: &str,
    ) -> Result<&OrgAndWorkspace> {
        let mut all = self.workspaces().await?.iter();
        all.find(|entry| {
            entry.org_name.as_deref() == Some(organization)
                && entry.workspace_name.as_deref() == Some(name)
        })
        .ok_or_else(|| {
            Failure::not_found(format!(
                "Workspace '{name}' at organization '{organization}' not found"
            ))
        })
    }

    /// The user's workspace of that id.
    pub async fn workspace_of_id(&self, id: i64) -> Result<&OrgAndWorkspace> {
        let mut all = self.workspaces().await?.iter();
        all.find(|entry| entry.workspace_id == Some(id))
            .ok_or_else(|| Failure::not_found(format!("Workspace '{id}' not found")))
    }

    /// The id of an organization of the user.
    pub async fn organization(&self, given: &InOrganization) -> Result<i64> {
        Ok(self
            .organization_named(&given.organization)
            .await?
            .org_id
            .unwrap_or_default())
    }

    /// An organization of the user, by name or id.
    pub async fn organization_named(&self, text: &str) -> Result<&OrgAndWorkspace> {
        let id = text.parse::<i64>().ok();
        let mut all = self.workspaces().await?.iter();
        all.find(|entry| {
            entry.org_name.as_deref() == Some(text) || (id.is_some() && entry.org_id == id)
        })
        .ok_or_else(|| Failure::not_found(format!("Organization '{text}' not found")))
    }

    /// Writes a result.
    pub fn show(&self, answer: &Answer) -> Result<Exit> {
        self.progress.apart(|| self.printer.print(answer))?;
        Ok(Exit::Done)
    }

    /// Writes a value that a sentence tells.
    pub fn say(&self, value: Value, text: impl Into<String>) -> Result<Exit> {
        self.show(&Answer::new(value, View::Text(text.into())))
    }

    /// Writes a line of a result that comes line by line.
    pub fn print_line(&self, line: &str) -> Result<()> {
        let mut out = anstream::stdout().lock();
        self.progress.apart(|| writeln!(out, "{line}"))?;
        Ok(())
    }

    /// Tells what goes on, where somebody watches.
    pub fn note(&self, text: &str) {
        if self.tells_notes() {
            self.progress.apart(|| anstream::eprintln!("{text}"));
        }
    }

    /// Whether notes are told: to whoever watches, or asks for them.
    pub fn tells_notes(&self) -> bool {
        let quiet = self.as_tw && !self.printer.for_people();
        !quiet && (std::io::stderr().is_terminal() || self.global.verbose)
    }

    /// How far things are, drawn where somebody watches.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Says what goes on at the server, should the user end the program.
    pub fn goes_on(&self, text: impl Into<String>) {
        *self.going_on.borrow_mut() = Some(text.into());
        self.goes.notify_one();
    }

    /// Ends when the user ends the program by Ctrl-C while something goes on. Until then Ctrl-C is
    /// the system's to handle: a question that waits for its answer ends by it.
    pub async fn interruption(&self) -> Failure {
        self.goes.notified().await;
        if tokio::signal::ctrl_c().await.is_err() {
            // Nothing tells of it here.
            std::future::pending::<()>().await;
        }
        let text = self.going_on.take().unwrap_or_default();
        Failure::new(Kind::Interrupted, format!("Interrupted. {text}"))
    }

    /// The reply to a change on the way to the one that was asked for. A dry run notes the request
    /// and goes on without a reply.
    pub fn step<T: Default>(&self, reply: Result<T, impl Into<Failure>>) -> Result<T> {
        let failure = match reply {
            Ok(reply) => return Ok(reply),
            Err(error) => error.into(),
        };
        match failure.unsent() {
            Some(request) => {
                self.unsent.borrow_mut().push(request);
                Ok(T::default())
            }
            None => Err(failure),
        }
    }

    /// Shows the requests of a dry run, which ends with this one.
    pub fn show_unsent(&self, last: Value) -> Result<Exit> {
        let mut requests = self.unsent.take();
        requests.push(last);
        self.show(&Answer::requests(requests))
    }

    /// Asks whether to do something. Where nobody can be asked, it was meant.
    pub fn confirm(&self, question: &str) -> Result<()> {
        let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if self.global.yes || self.global.dry_run || self.as_tw || !asks {
            return Ok(());
        }
        anstream::eprint!("{question} [y/N] ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if answer.trim().eq_ignore_ascii_case("y") || answer.trim().eq_ignore_ascii_case("yes") {
            Ok(())
        } else {
            Err(Failure::failed("Nothing was done"))
        }
    }

    /// A password that was given, or is asked for now.
    pub fn secret(&self, given: Option<String>, what: &str) -> Result<String> {
        match given {
            Some(secret) => Ok(secret),
            None if std::io::stdin().is_terminal() => Ok(rpassword::prompt_password(format!(
                "Enter value for {what}: "
            ))?),
            None => {
                let mut line = String::new();
                std::io::stdin().read_line(&mut line)?;
                Ok(line.trim_end_matches(['\n', '\r']).to_owned())
            }
        }
    }
}

/// What makes clients.
pub type Connector = Arc<dyn Fn() -> Result<Client, String> + Send + Sync>;

/// What clients are made of.
struct Access {
    as_tw: bool,
    global: Global,
    profile: Profile,
    endpoint: String,
}

impl Access {
    fn token(&self) -> Result<String> {
        let given = self.global.access_token.clone();
        match given.or_else(|| variable("TOWER_ACCESS_TOKEN")) {
            Some(token) => Ok(token),
            None => self.profile.read_token()?.ok_or_else(|| {
                Failure::new(
                    Kind::Unauthorized,
                    if self.as_tw {
                        "Missing TOWER_ACCESS_TOKEN environment variable or 'tw -t <token> ...' parameter"
                    } else {
                        "There is no access token: run `seqctl auth login`, set TOWER_ACCESS_TOKEN, or \
                         give --access-token"
                    },
                )
            }),
        }
    }

    fn client(&self) -> Result<Client> {
        let insecure = !self.endpoint.starts_with("https");
        if insecure && !self.global.insecure && (self.as_tw || !is_loopback(&self.endpoint)) {
            return Err(Failure::failed(format!(
                "You are trying to connect to an insecure server: {}\n        if you want to force \
                 the connection use '--insecure'. NOT RECOMMENDED!",
                self.endpoint
            )));
        }
        if insecure && self.global.insecure && !self.as_tw && !is_loopback(&self.endpoint) {
            anstream::eprintln!(
                "The access token goes to {} without encryption.",
                self.endpoint
            );
        }
        let program = if self.as_tw { "tw" } else { "seqctl" };
        let mut settings = Client::builder(self.token()?)
            .endpoint(&self.endpoint)
            .allow_http(self.global.insecure)
            .user_agent(format!("{program}/{}", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &self.global.ca_file {
            let pem = std::fs::read(path).map_err(|error| {
                Failure::failed(format!("{} can't be read: {error}", path.display()))
            })?;
            settings = settings.root_certificates(pem);
        }
        let client = settings.build()?;
        Ok(if self.global.dry_run {
            client.dry_run()
        } else {
            client
        })
    }
}

impl<'a> Place<'a> {
    /// The id; none is the personal context.
    pub fn id(&self) -> Option<i64> {
        self.id
    }

    /// What was typed, or stands for it.
    pub fn typed(&self) -> Option<&str> {
        self.typed.as_deref()
    }

    /// The entry among the user's workspaces.
    pub async fn entry(&self) -> Result<Option<&'a OrgAndWorkspace>> {
        match self.id {
            None => Ok(None),
            Some(id) => Ok(Some(self.context.workspace_of_id(id).await?)),
        }
    }

    /// `[organization / workspace]`, or `user`.
    pub async fn reference(&self) -> Result<String> {
        Ok(match self.entry().await? {
            None => "user".to_owned(),
            Some(entry) => format!(
                "[{} / {}]",
                entry.org_name.as_deref().unwrap_or_default(),
                entry.workspace_name.as_deref().unwrap_or_default()
            ),
        })
    }

    /// The address of the workspace's pages.
    pub async fn url(&self) -> Result<String> {
        let web = self.context.web();
        Ok(match self.entry().await? {
            None => format!("{web}/user/{}", self.context.user_name().await?),
            Some(entry) => format!(
                "{web}/orgs/{}/workspaces/{}",
                entry.org_name.as_deref().unwrap_or_default(),
                entry.workspace_name.as_deref().unwrap_or_default()
            ),
        })
    }

    /// The id as texts tell it.
    pub fn label(&self) -> String {
        self.id
            .map_or_else(|| "user".to_owned(), |id| id.to_string())
    }
}

/// The pages are where the API is, without the `api` in its address.
pub fn web_of(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    let (scheme, rest) = endpoint.split_once("://").unwrap_or(("https", endpoint));
    let rest = rest.strip_prefix("api.").unwrap_or(rest);
    let rest = rest.strip_suffix("/api").unwrap_or(rest);
    format!("{scheme}://{rest}")
}

fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest);
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|local| {
        host.strip_prefix(local)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_where_the_api_is() {
        assert_eq!(
            web_of("https://api.cloud.seqera.io"),
            "https://cloud.seqera.io"
        );
        assert_eq!(
            web_of("https://tower.example.com/api/"),
            "https://tower.example.com"
        );
        assert_eq!(
            web_of("https://myapi.example.com"),
            "https://myapi.example.com"
        );
    }

    #[test]
    fn only_this_machine_is_this_machine() {
        assert!(is_loopback("http://127.0.0.1:80/api") && is_loopback("http://localhost"));
        assert!(!is_loopback("http://localhost.example.com"));
    }
}
