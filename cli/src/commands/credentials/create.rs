//! `credentials add` and `update`.

use clap::Args;
use seqera::types::{CreateCredentialsRequest, UpdateCredentialsRequest};
use serde::Serialize;
use serde_json::{Value, json};

use super::keys::{
    Agent, Aws, Azure, AzureEntra, CodeCommit, ContainerRegistry, GitHost, Gitlab, Google,
    Kubernetes, Ssh,
};
use super::{Add, Change, New, Update, all, delete, find};
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::without_nulls;
use crate::requests::{fields, request};

/// A provider: what the API calls it, and what `tw` does.
struct Provider {
    id: &'static str,
    constant: &'static str,
}

macro_rules! providers {
    ($($name:ident = $id:literal $constant:literal),+ $(,)?) => {
        $(const $name: Provider = Provider { id: $id, constant: $constant };)+
    };
}

providers! {
    AWS = "aws" "AWS",
    CODECOMMIT = "codecommit" "CODECOMMIT",
    GOOGLE = "google" "GOOGLE",
    GITHUB = "github" "GITHUB",
    GITLAB = "gitlab" "GITLAB",
    GITEA = "gitea" "GITEA",
    BITBUCKET = "bitbucket" "BITBUCKET",
    SSH = "ssh" "SSH",
    K8S = "k8s" "K8S",
    AZURE = "azure" "AZURE",
    AZURE_ENTRA = "azure_entra" "AZURE_ENTRA",
    CONTAINER_REG = "container-reg" "CONTAINER_REG",
    AGENT = "tw-agent" "TW_AGENT",
}

pub async fn add(context: &Context, command: Add) -> Result<Exit> {
    match command {
        Add::Aws(it) => it.run(context, &AWS).await,
        Add::CodeCommit(it) => it.run(context, &CODECOMMIT).await,
        Add::Google(it) => it.run(context, &GOOGLE).await,
        Add::Github(it) => it.run(context, &GITHUB).await,
        Add::Gitlab(it) => it.run(context, &GITLAB).await,
        Add::Gitea(it) => it.run(context, &GITEA).await,
        Add::Bitbucket(it) => it.run(context, &BITBUCKET).await,
        Add::Ssh(it) => it.run(context, &SSH).await,
        Add::K8s(it) => it.run(context, &K8S).await,
        Add::Azure(it) => it.run(context, &AZURE).await,
        Add::AzureEntra(it) => it.run(context, &AZURE_ENTRA).await,
        Add::ContainerReg(it) => it.run(context, &CONTAINER_REG).await,
        Add::Agent(it) => it.run(context, &AGENT).await,
    }
}

/// The request that options of a provider make, which are given by their names; and whether the
/// Platform makes an external id.
pub fn request_of(provider: &str, options: Value) -> Result<(CreateCredentialsRequest, bool)> {
    fn of<K: Args + Keys + serde::de::DeserializeOwned>(
        options: Value,
        provider: &Provider,
    ) -> Result<(CreateCredentialsRequest, bool)> {
        let mut new: New<K> = serde_json::from_value(options)?;
        let nobody: Ask<'_> = &|what| Err(Failure::usage(format!("{what} has no value")));
        let body = new.request(provider, nobody)?;
        Ok((body, new.keys.external_id()))
    }
    match provider {
        "aws" => of::<Aws>(options, &AWS),
        "codecommit" => of::<CodeCommit>(options, &CODECOMMIT),
        "google" => of::<Google>(options, &GOOGLE),
        "github" => of::<GitHost>(options, &GITHUB),
        "gitlab" => of::<Gitlab>(options, &GITLAB),
        "gitea" => of::<GitHost>(options, &GITEA),
        "bitbucket" => of::<GitHost>(options, &BITBUCKET),
        "ssh" => of::<Ssh>(options, &SSH),
        "k8s" => of::<Kubernetes>(options, &K8S),
        "azure" => of::<Azure>(options, &AZURE),
        "azure_entra" | "azure-entra" => of::<AzureEntra>(options, &AZURE_ENTRA),
        "container-reg" => of::<ContainerRegistry>(options, &CONTAINER_REG),
        "agent" => of::<Agent>(options, &AGENT),
        other => Err(Failure::usage(format!("There is no provider `{other}`"))),
    }
}

pub async fn update(context: &Context, command: Update) -> Result<Exit> {
    match command {
        Update::Aws(it) => it.run(context, &AWS).await,
        Update::CodeCommit(it) => it.run(context, &CODECOMMIT).await,
        Update::Google(it) => it.run(context, &GOOGLE).await,
        Update::Github(it) => it.run(context, &GITHUB).await,
        Update::Gitlab(it) => it.run(context, &GITLAB).await,
        Update::Bitbucket(it) => it.run(context, &BITBUCKET).await,
        Update::Ssh(it) => it.run(context, &SSH).await,
        Update::K8s(it) => it.run(context, &K8S).await,
        Update::Azure(it) => it.run(context, &AZURE).await,
        Update::AzureEntra(it) => it.run(context, &AZURE_ENTRA).await,
        Update::ContainerReg(it) => it.run(context, &CONTAINER_REG).await,
        Update::Agent(it) => it.run(context, &AGENT).await,
    }
}

/// Asks for a secret that an option of this name has no value for.
pub type Ask<'a> = &'a dyn Fn(&str) -> Result<String>;

/// Keys of a provider, which serialize as the API wants them.
pub trait Keys: Serialize {
    /// Finds what contradicts, and asks for what is to be asked for.
    fn complete(&mut self, _: Ask<'_>) -> Result<()> {
        Ok(())
    }

    fn base_url(&self) -> Option<&str> {
        None
    }

    /// Whether the Platform makes an external id for a role.
    fn external_id(&self) -> bool {
        false
    }
}

impl Keys for Azure {}
impl Keys for AzureEntra {}
impl Keys for Agent {}

/// Asks for a secret whose option has no value.
fn complete_secret(ask: Ask<'_>, secret: &mut Option<Option<String>>, what: &str) -> Result<()> {
    if let Some(None) = secret {
        *secret = Some(Some(ask(what)?));
    }
    Ok(())
}

impl Keys for ContainerRegistry {
    fn complete(&mut self, ask: Ask<'_>) -> Result<()> {
        complete_secret(ask, &mut self.password, "--password")
    }
}

impl Keys for GitHost {
    fn complete(&mut self, ask: Ask<'_>) -> Result<()> {
        complete_secret(ask, &mut self.login.password, "--password")
    }

    fn base_url(&self) -> Option<&str> {
        self.base.base_url.as_deref()
    }
}

impl Keys for Gitlab {
    fn complete(&mut self, ask: Ask<'_>) -> Result<()> {
        self.host.complete(ask)?;
        complete_secret(ask, &mut self.token, "--token")
    }

    fn base_url(&self) -> Option<&str> {
        self.host.base_url()
    }
}

impl Keys for CodeCommit {
    fn base_url(&self) -> Option<&str> {
        self.base.base_url.as_deref()
    }
}

impl Keys for Ssh {
    fn complete(&mut self, ask: Ask<'_>) -> Result<()> {
        complete_secret(ask, &mut self.passphrase, "--passphrase")
    }
}

impl Keys for Kubernetes {
    fn complete(&mut self, _: Ask<'_>) -> Result<()> {
        if self.token.is_none() && self.certificate.is_none() && self.private_key.is_none() {
            return Err(Failure::usage(
                "Give either --token, or --certificate and --private-key",
            ));
        }
        Ok(())
    }
}

impl Aws {
    fn is_role(&self) -> bool {
        self.mode.as_deref() == Some("role")
    }
}

impl Keys for Aws {
    fn complete(&mut self, _: Ask<'_>) -> Result<()> {
        if let Some(mode) = &mut self.mode {
            *mode = mode.to_lowercase();
            if !["keys", "role"].contains(&mode.as_str()) {
                return Err(Failure::failed(format!(
                    "Invalid value for option '--mode': expected one of [keys, role] but was '{mode}'"
                )));
            }
        }
        if self.is_role() && (self.access_key.is_some() || self.secret_key.is_some()) {
            return Err(Failure::failed(
                "--access-key and --secret-key do not go with --mode=role",
            ));
        }
        if (self.is_role() || self.generate_external_id) && self.assume_role_arn.is_none() {
            return Err(Failure::failed(
                "--assume-role-arn is required with --mode=role and --generate-external-id",
            ));
        }
        Ok(())
    }

    fn external_id(&self) -> bool {
        self.is_role() || self.generate_external_id
    }
}

impl Keys for Google {
    fn complete(&mut self, _: Ask<'_>) -> Result<()> {
        let identity = [
            ("--service-account-email", &self.service_account_email),
            (
                "--workload-identity-provider",
                &self.workload_identity_provider,
            ),
            ("--token-audience", &self.token_audience),
        ];
        let complain = |text: String| Err(Failure::failed(text));
        match self.mode.as_deref().map(str::to_lowercase).as_deref() {
            None | Some("service-account-key") => {
                if let Some((name, _)) = identity.iter().find(|(_, value)| value.is_some()) {
                    return complain(format!("{name} goes with --mode=workload-identity only"));
                }
                if self.key.is_none() {
                    return complain("--key is required".to_owned());
                }
            }
            Some("workload-identity") => {
                if self.key.is_some() {
                    return complain("--key does not go with --mode=workload-identity".to_owned());
                }
                let missing = identity[..2].iter().find(|(_, value)| value.is_none());
                if let Some((name, _)) = missing {
                    return complain(format!("{name} is required with --mode=workload-identity"));
                }
                let email = self.service_account_email.as_deref().unwrap_or_default();
                if !email.ends_with(".iam.gserviceaccount.com") {
                    return complain(format!(
                        "'{email}' is no service account: it must end in .iam.gserviceaccount.com"
                    ));
                }
                let provider = self
                    .workload_identity_provider
                    .as_deref()
                    .unwrap_or_default();
                let parts: Vec<_> = provider.split('/').collect();
                if !matches!(
                    parts.as_slice(),
                    [
                        "projects",
                        _,
                        "locations",
                        "global",
                        "workloadIdentityPools",
                        _,
                        "providers",
                        _
                    ]
                ) {
                    return complain(format!(
                        "'{provider}' is no provider: give projects/P/locations/global/workloadIdentityPools/X/providers/Y"
                    ));
                }
            }
            Some(mode) => {
                return complain(format!(
                    "Invalid value for option '--mode': expected one of [service-account-key, workload-identity] but was '{mode}'"
                ));
            }
        }
        Ok(())
    }
}

impl<K: Args + Keys> New<K> {
    /// The request that makes them.
    fn request(&mut self, provider: &Provider, ask: Ask<'_>) -> Result<CreateCredentialsRequest> {
        self.keys.complete(ask)?;
        request(json!({"credentials": {
            "name": self.name,
            "provider": provider.id,
            "baseUrl": self.keys.base_url(),
            "keys": fields(&self.keys)?,
        }}))
    }

    async fn run(mut self, context: &Context, provider: &Provider) -> Result<Exit> {
        let body = self.request(provider, &|what| context.secret(None, what))?;
        let place = context.place(&self.workspace).await?;
        if self.overwrite.overwrite {
            let mut present = all(context, &place).await?.into_iter();
            let present = present.find(|one| one.name.as_ref() == Some(&self.name));
            if let Some(id) = present.and_then(|one| one.id) {
                context.step(delete(context, &place, &id).await)?;
            }
        }
        let external = self.keys.external_id();
        let client = context.client()?;
        let call = client
            .create_credentials()
            .workspace_id(place.id())
            .use_external_id(external);
        let id = call
            .body(body)
            .send()
            .await?
            .credentials_id
            .unwrap_or_default();
        let (mut external_id, mut snippet) = (None, None);
        if external {
            let call = client.describe_credentials().credentials_id(&id);
            match call.workspace_id(place.id()).send().await {
                Ok(reply) => {
                    snippet = reply.setup_snippet;
                    let keys = reply.credentials.and_then(|one| one.keys);
                    let keys = serde_json::to_value(keys)?;
                    external_id = keys.get("externalId").cloned();
                }
                Err(error) => context.note(&format!("The external id can't be read: {error}")),
            }
        }
        let reference = place.reference().await?;
        let value = without_nulls(json!({
            "id": id,
            "provider": provider.constant,
            "name": self.name,
            "workspaceRef": reference,
            "externalId": external_id,
            "setupSnippet": snippet,
        }));
        let mut text = format!(
            "New {} credentials '{} ({id})' added at {reference} workspace",
            provider.constant, self.name
        );
        for more in [
            external_id.as_ref().and_then(Value::as_str),
            snippet.as_deref(),
        ]
        .into_iter()
        .flatten()
        {
            text.push_str("\n\n");
            text.push_str(more);
        }
        context.say(value, text)
    }
}

impl<K: Args + Keys> Change<K> {
    async fn run(mut self, context: &Context, provider: &Provider) -> Result<Exit> {
        self.keys.complete(&|what| context.secret(None, what))?;
        let keys = fields(&self.keys)?;
        let place = context.place(&self.which.workspace).await?;
        let present = find(context, &place, &self.which.credentials).await?;
        let id = present.id.clone().unwrap_or_default();
        let body = request::<UpdateCredentialsRequest>(json!({"credentials": {
            "id": id,
            "name": present.name,
            "description": present.description,
            "provider": provider.id,
            "baseUrl": self.keys.base_url().or(present.base_url.as_deref()),
            "keys": keys,
        }}))?;
        let external = self.keys.external_id().then_some(true);
        let call = context.client()?.update_credentials().credentials_id(&id);
        let call = call.workspace_id(place.id()).use_external_id(external);
        call.body(body).send().await?;
        let reference = place.reference().await?;
        let name = present.name.unwrap_or_default();
        let value = json!({"provider": provider.constant, "name": name, "workspaceRef": reference});
        let text = format!(
            "{} credentials '{name}' updated at {reference} workspace",
            provider.constant
        );
        context.say(value, text)
    }
}
