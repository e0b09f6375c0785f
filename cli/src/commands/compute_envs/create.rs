//! `compute-envs add`: a compute environment from options, and the wait for one.

use std::time::Duration;

use clap::Args;
use seqera::types::CreateComputeEnvRequest;
use serde_json::{Map, Value, json};

use super::cloud::{
    AwsBatchForge, AwsBatchManual, AwsCloud, AzureBatchForge, AzureBatchManual, AzureCloud,
    GoogleBatch, GoogleCloud,
};
use super::configuration::{Config, Configure};
use super::platforms::{
    Add, AwsBatch, AzureBatch, CloudKubernetes, Common, Grid, Kubernetes, Lsf, Platform,
    SeqeraPlatform,
};
use super::{ComputeEnvStatus, New};
use crate::commands::labels::{self, Absent};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::output::without_nulls;
use crate::requests::{fields, request};
use crate::values::Label;

/// Makes the compute environment that the options describe.
pub async fn add(context: &Context, command: Add) -> Result<Exit> {
    match command {
        Add::K8s(it) => it.run(context, "k8s-platform").await,
        Add::AwsBatch(AwsBatch::Forge(it)) => it.run(context, "aws-batch").await,
        Add::AwsBatch(AwsBatch::Manual(it)) => it.run(context, "aws-batch").await,
        Add::AwsCloud(it) => it.run(context, "aws-cloud").await,
        Add::Eks(it) => it.run(context, "eks-platform").await,
        Add::Slurm(it) => it.run(context, "slurm-platform").await,
        Add::Lsf(it) => it.run(context, "lsf-platform").await,
        Add::Uge(it) => it.run(context, "uge-platform").await,
        Add::Altair(it) => it.run(context, "altair-platform").await,
        Add::Moab(it) => it.run(context, "moab-platform").await,
        Add::Gke(it) => it.run(context, "gke-platform").await,
        Add::GoogleBatch(it) => it.run(context, "google-batch").await,
        Add::GoogleCloud(it) => it.run(context, "google-cloud").await,
        Add::AzureBatch(AzureBatch::Forge(it)) => it.run(context, "azure-batch").await,
        Add::AzureBatch(AzureBatch::Manual(it)) => it.run(context, "azure-batch").await,
        Add::AzureCloud(it) => it.run(context, "azure-cloud").await,
        Add::SeqeraCompute(it) => it.run(context).await,
    }
}

impl<P: Args + Configure> Platform<P> {
    fn making<'a>(&'a self, id: &'a str) -> Result<Making<'a>> {
        let metrics = self.platform.metrics();
        Ok(Making {
            config: config(&self.platform, &self.common, Some(&self.work_dir))?,
            platform: id,
            metrics: metrics.and_then(|metrics| metrics.fusion_metrics_collection),
            registries: self.platform.registries(),
            labels: self.new.labels(),
            new: &self.new,
        })
    }

    pub async fn run(self, context: &Context, id: &str) -> Result<Exit> {
        self.making(id)?.run(context).await
    }
}

impl SeqeraPlatform {
    fn making(&self) -> Result<Making<'_>> {
        Ok(Making {
            config: config(&self.platform, &self.common, self.work_dir.as_deref())?,
            new: &self.new,
            platform: "seqeracompute-platform",
            metrics: None,
            registries: &[],
            labels: self.new.labels(),
        })
    }

    pub async fn run(self, context: &Context) -> Result<Exit> {
        self.making()?.run(context).await
    }
}

impl New {
    fn labels(&self) -> Vec<Label> {
        let labels = self.labels.labels.clone();
        labels.map(|list| list.0).unwrap_or_default()
    }
}

/// What options of a platform make, which are given by their names, with the ids of credentials and
/// of those of registries by their names.
pub fn request_of(
    platform: &str,
    options: Value,
    credentials: Option<String>,
    registry: &dyn Fn(&str) -> Option<String>,
) -> Result<CreateComputeEnvRequest> {
    let finish = |mut making: Making<'_>| {
        if !making.registries.is_empty() {
            let ids: Vec<_> = making
                .registries
                .iter()
                .filter_map(|name| registry(name))
                .collect();
            if let Some(Value::Object(forge)) = making.config.get_mut("forge") {
                forge.insert("containerRegIds".to_owned(), ids.into());
            }
        }
        making.request(credentials.clone(), Vec::new())
    };
    macro_rules! of {
        ($($name:literal => $options:ty, $id:literal;)+) => {
            match platform {
                $($name => {
                    let read: Platform<$options> = serde_json::from_value(options)?;
                    finish(read.making($id)?)
                })+
                "seqera-compute" => {
                    let read: SeqeraPlatform = serde_json::from_value(options)?;
                    finish(read.making()?)
                }
                other => Err(Failure::usage(format!("There is no platform `{other}`"))),
            }
        };
    }
    of! {
        "k8s" => Kubernetes, "k8s-platform";
        "aws-batch forge" => AwsBatchForge, "aws-batch";
        "aws-batch manual" => AwsBatchManual, "aws-batch";
        "aws-cloud" => AwsCloud, "aws-cloud";
        "eks" => CloudKubernetes, "eks-platform";
        "slurm" => Grid, "slurm-platform";
        "lsf" => Lsf, "lsf-platform";
        "uge" => Grid, "uge-platform";
        "altair" => Grid, "altair-platform";
        "moab" => Grid, "moab-platform";
        "gke" => CloudKubernetes, "gke-platform";
        "google-batch" => GoogleBatch, "google-batch";
        "google-cloud" => GoogleCloud, "google-cloud";
        "azure-batch forge" => AzureBatchForge, "azure-batch";
        "azure-batch manual" => AzureBatchManual, "azure-batch";
        "azure-cloud" => AzureCloud, "azure-cloud";
    }
}

fn config(platform: &impl Configure, common: &Common, work_dir: Option<&str>) -> Result<Config> {
    let mut config = fields(platform)?;
    platform.finish(&mut config)?;
    common.finish(&mut config)?;
    if let Some(folder) = work_dir {
        config.insert("workDir".to_owned(), folder.into());
    }
    Ok(config)
}

/// A compute environment in the making.
pub struct Making<'a> {
    pub new: &'a New,
    /// Its platform, which is the configuration's discriminator too.
    pub platform: &'a str,
    pub config: Map<String, Value>,
    pub metrics: Option<bool>,
    pub registries: &'a [String],
    pub labels: Vec<Label>,
}

impl Making<'_> {
    /// The request that makes it, with the ids of what it names.
    pub fn request(
        &self,
        credentials: Option<String>,
        label_ids: Vec<i64>,
    ) -> Result<CreateComputeEnvRequest> {
        let mut config = self.config.clone();
        config.insert("discriminator".to_owned(), self.platform.into());
        request(json!({
            "computeEnv": {
                "name": self.new.name,
                "description": self.new.description,
                "platform": self.platform,
                "credentialsId": credentials,
                "config": config,
                "fusionMetricsCollectionEnabled": self.metrics,
            },
            "labelIds": (!label_ids.is_empty()).then_some(label_ids),
        }))
    }

    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.new.workspace).await?;
        self.run_at(context, &place).await
    }

    pub async fn run_at(mut self, context: &Context, place: &Place<'_>) -> Result<Exit> {
        let New {
            name,
            credentials,
            wait: wanted,
            ..
        } = self.new;
        let label_ids = labels::ids(context, place, &self.labels, Absent::Make).await?;
        if !self.registries.is_empty() {
            let ids = registries(context, place, self.registries).await?;
            if let Some(Value::Object(forge)) = self.config.get_mut("forge") {
                forge.insert("containerRegIds".to_owned(), ids.into());
            }
        }
        let credentials = match self.platform {
            "seqeracompute-platform" => None,
            platform => {
                Some(find_credentials(context, place, platform, credentials.as_deref()).await?)
            }
        };
        let mut body = self.request(credentials, label_ids)?;
        if self.platform == "azure-batch" {
            body = with_nulls(body)?;
        }
        let call = context
            .client()?
            .create_compute_env()
            .workspace_id(place.id())
            .body(body);
        let made = match call.clone().send().await {
            // One of this name that is being deleted keeps it until it is gone.
            Err(error) if error.is_conflict() => {
                let Ok(Some(id)) = deleting(context, place, name).await else {
                    return Err(error.into());
                };
                wait(context, place, &id, ComputeEnvStatus::Deleted).await?;
                call.send().await?
            }
            made => made?,
        };
        let id = made.compute_env_id.unwrap_or_default();
        let reference = place.reference().await?;
        let value = json!({
            "platform": self.platform,
            "id": id,
            "name": name,
            "workspaceId": place.id(),
            "workspaceRef": reference,
        });
        let text = format!(
            "New {} compute environment '{name}' added at {reference} workspace",
            self.platform.to_uppercase()
        );
        context.say(without_nulls(value), text)?;
        match wanted {
            Some(wanted) => wait(context, place, &id, *wanted).await,
            None => Ok(Exit::Done),
        }
    }
}

/// What the schema lets be null of Azure Batch, of the configuration and of `forge`.
const NULLS: [&str; 7] = [
    "subnetId",
    "managedIdentityClientId",
    "managedIdentityPoolClientId",
    "deleteJobsOnCompletionEnabled",
    "deleteTasksOnCompletion",
    "jobMaxWallClockTime",
    "terminateJobsOnCompletion",
];
const NULLS_OF_FORGE: [&str; 2] = [
    "managedIdentityHeadResourceId",
    "managedIdentityPoolResourceId",
];

/// A request with null where nothing was said and the schema allows it, as all clients of the Platform send it.
fn with_nulls(request: CreateComputeEnvRequest) -> Result<CreateComputeEnvRequest> {
    let mut value = serde_json::to_value(request)?;
    if let Some(config) = value["computeEnv"]["config"].as_object_mut() {
        let forge = config.get_mut("forge").and_then(Value::as_object_mut);
        let of_forge: &[&str] = if forge.is_some() {
            &NULLS_OF_FORGE
        } else {
            &[]
        };
        if let Some(forge) = forge {
            forge.entry("bootDiskSizeGB").or_insert(Value::Null);
            for pool in ["headPool", "workerPool"] {
                if let Some(pool) = forge.get_mut(pool).and_then(Value::as_object_mut) {
                    pool.entry("bootDiskSizeGB").or_insert(Value::Null);
                }
            }
        }
        for name in NULLS.iter().chain(of_forge) {
            config.entry(*name).or_insert(Value::Null);
        }
    }
    Ok(serde_json::from_value(value)?)
}

/// The id of the compute environment of that name that is being deleted.
async fn deleting(context: &Context, place: &Place<'_>, name: &str) -> Result<Option<String>> {
    let mut all = super::all(context, place, None).await?.into_iter();
    let found = all.find(|env| {
        let status = env.status.as_ref().map(ToString::to_string);
        env.name.as_deref() == Some(name) && status.as_deref() == Some("DELETING")
    });
    Ok(found.and_then(|env| env.id))
}

async fn registries(context: &Context, place: &Place<'_>, names: &[String]) -> Result<Vec<String>> {
    let call = context
        .client()?
        .list_credentials()
        .workspace_id(place.id());
    let all = call.send().await?.credentials.unwrap_or_default();
    let find = |name: &String| {
        let mut fitting = all.iter().filter(|one| {
            one.name.as_ref() == Some(name)
                && one
                    .provider
                    .as_ref()
                    .is_some_and(|provider| provider.to_string() == "container-reg")
        });
        fitting
            .next()
            .and_then(|one| one.id.clone())
            .ok_or_else(|| {
                Failure::not_found(format!(
                    "Credentials '{name}' not found at {} workspace",
                    place.label()
                ))
            })
    };
    names.iter().map(find).collect()
}

async fn find_credentials(
    context: &Context,
    place: &Place<'_>,
    platform: &str,
    wanted: Option<&str>,
) -> Result<String> {
    let call = context
        .client()?
        .list_credentials()
        .workspace_id(place.id())
        .platform_id(platform);
    let all = call.send().await?.credentials.unwrap_or_default();
    let none = || Failure::not_found("No valid credentials found at the workspace");
    let found = match (wanted, all.as_slice()) {
        (Some(text), all) => all
            .iter()
            .find(|one| one.id.as_deref() == Some(text) || one.name.as_deref() == Some(text)),
        (None, []) => None,
        (None, [one]) => Some(one),
        (None, _) => {
            return Err(Failure::failed(
                "Multiple credentials match this compute environment. Please provide the credentials id or name that you want to use",
            ));
        }
    };
    found.and_then(|one| one.id.clone()).ok_or_else(none)
}

/// Waits until a compute environment has a status.
pub async fn wait(
    context: &Context,
    place: &Place<'_>,
    id: &str,
    wanted: ComputeEnvStatus,
) -> Result<Exit> {
    context.goes_on(format!("Compute environment {id} goes on."));
    let ends: &[&str] = match wanted {
        ComputeEnvStatus::Deleted => &["ERRORED", "INVALID"],
        _ => &["AVAILABLE", "ERRORED", "INVALID", "DELETED"],
    };
    let mut last = String::new();
    let mut pause = Duration::from_secs(2);
    let mut troubles = 0;
    loop {
        let call = context.client()?.describe_compute_env().compute_env_id(id);
        let status = match call.workspace_id(place.id()).send().await {
            Ok(reply) => {
                troubles = 0;
                let found = reply.compute_env.unwrap_or_default().status;
                found.map(|status| status.to_string()).unwrap_or_default()
            }
            Err(error) if wanted == ComputeEnvStatus::Deleted && error.is_gone_or_forbidden() => {
                "DELETED".to_owned()
            }
            // A look does no harm: one that fails is made again.
            Err(error) if error.is_retryable() && troubles < 10 => {
                troubles += 1;
                last.clone()
            }
            Err(error) => return Err(error.into()),
        };
        if status != last {
            context.note(&format!("Compute environment {id} is {status}"));
            last = status;
        }
        if last == wanted.as_str() {
            return Ok(Exit::Done);
        }
        if ends.contains(&last.as_str()) {
            return Ok(Exit::Otherwise);
        }
        tokio::time::sleep(pause).await;
        pause = (pause + Duration::from_secs(1)).min(Duration::from_secs(30));
    }
}
