//! What options of platforms say that is not a field of its own: what depends on several, and what
//! contradicts.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::cloud::{
    AwsBatchForge, AwsBatchManual, AwsBatchOptions, AwsCloud, AzureBatchForge, AzureBatchManual,
    AzureCloud, FusionMetrics, GoogleBatch, GoogleCloud, Scheduler,
};
use super::platforms::{CloudKubernetes, Common, Grid, Kubernetes, Lsf, SeqeraCompute};
use crate::exit::{Failure, Result};
use crate::requests::fields;
use crate::values::{List, last_of_each};

pub type Config = Map<String, Value>;

/// Options of a platform, which serialize as its configuration.
pub trait Configure: Serialize {
    /// Adds what is not a field of its own.
    fn finish(&self, _config: &mut Config) -> Result<()> {
        Ok(())
    }

    /// Beside the configuration.
    fn metrics(&self) -> Option<&FusionMetrics> {
        None
    }

    /// The names of credentials of container registries.
    fn registries(&self) -> &[String] {
        &[]
    }
}

impl Configure for Kubernetes {}
impl Configure for CloudKubernetes {}
impl Configure for Grid {}
impl Configure for Lsf {}
impl Configure for SeqeraCompute {}

impl Common {
    /// Adds what all platforms know.
    pub fn finish(&self, config: &mut Config) -> Result<()> {
        config.extend(fields(self)?);
        if self.env.is_empty() {
            return Ok(());
        }
        let variables = last_of_each(&self.env).into_iter().map(|pair| {
            let (name, head, compute) = match pair.name.split_once(':') {
                Some(("compute", name)) => (name, false, true),
                Some(("both", name)) => (name, true, true),
                Some(("head", name)) => (name, true, false),
                _ => (pair.name.as_str(), true, false),
            };
            json!({"name": name, "value": pair.value, "head": head, "compute": compute})
        });
        config.insert("environment".to_owned(), variables.collect());
        Ok(())
    }
}

impl AwsBatchOptions {
    fn check(&self) -> Result<()> {
        if self.fusion_v2 && !self.wave {
            return Err(Failure::failed("Fusion v2 requires Wave service"));
        }
        Ok(())
    }
}

impl Configure for AwsBatchForge {
    fn finish(&self, config: &mut Config) -> Result<()> {
        if self.fusion {
            return Err(Failure::failed(
                "Fusion v1 is deprecated, please use '--fusion-v2' instead",
            ));
        }
        self.batch.check()?;
        let mut forge = fields(&self.forge)?;
        forge.entry("minCpus").or_insert(json!(0));
        if self.forge.create_efs || self.forge.efs_id.is_some() || self.forge.efs_mount.is_some() {
            forge.insert("efsCreate".to_owned(), self.forge.create_efs.into());
        }
        config.insert("forge".to_owned(), forge.into());
        Ok(())
    }

    fn metrics(&self) -> Option<&FusionMetrics> {
        Some(&self.batch.metrics)
    }
}

impl Configure for AwsBatchManual {
    fn finish(&self, _: &mut Config) -> Result<()> {
        self.batch.check()
    }

    fn metrics(&self) -> Option<&FusionMetrics> {
        Some(&self.batch.metrics)
    }
}

/// What all machines of clouds have in common.
fn on_machines(scheduler: &Scheduler, config: &mut Config) -> Result<()> {
    config.insert("waveEnabled".to_owned(), true.into());
    config.insert("fusion2Enabled".to_owned(), true.into());
    if scheduler.sched_enabled == Some(true) {
        config.insert("schedEnabled".to_owned(), true.into());
    }
    let said = fields(scheduler)?;
    if !said.is_empty() || scheduler.sched_enabled.is_some() {
        config.insert("schedConfig".to_owned(), said.into());
    }
    Ok(())
}

impl Configure for AwsCloud {
    fn finish(&self, config: &mut Config) -> Result<()> {
        if self.ebs_kms_key.is_some() && self.ebs_encryption != Some(true) {
            return Err(Failure::failed("--ebs-kms-key needs --ebs-encryption"));
        }
        if self.subnet_id.is_some() && self.subnet_ids.is_some() {
            return Err(Failure::failed(
                "--subnet-id and --subnet-ids exclude each other",
            ));
        }
        on_machines(&self.scheduler, config)
    }

    fn metrics(&self) -> Option<&FusionMetrics> {
        Some(&self.metrics)
    }
}

impl Configure for AzureCloud {
    fn finish(&self, config: &mut Config) -> Result<()> {
        on_machines(&self.scheduler, config)
    }

    fn metrics(&self) -> Option<&FusionMetrics> {
        Some(&self.metrics)
    }
}

fn check_tags(tags: &Option<List<String>>, network: &Option<String>) -> Result<()> {
    let Some(List(tags)) = tags else {
        return Ok(());
    };
    if network.is_none() {
        return Err(Failure::failed("--network-tags needs --network"));
    }
    if tags.len() > 64 {
        return Err(Failure::failed("There may be at most 64 network tags"));
    }
    let fits = |tag: &String| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=63).contains(&tag.len())
            && tag.chars().all(inner)
            && tag.starts_with(|c: char| c.is_ascii_lowercase())
            && !tag.ends_with('-')
    };
    match tags.iter().find(|tag| !fits(tag)) {
        Some(tag) => Err(Failure::failed(format!("'{tag}' is no network tag"))),
        None => Ok(()),
    }
}

impl Configure for GoogleCloud {
    fn finish(&self, config: &mut Config) -> Result<()> {
        check_tags(&self.network_tags, &self.network)?;
        on_machines(&self.scheduler, config)
    }

    fn metrics(&self) -> Option<&FusionMetrics> {
        Some(&self.metrics)
    }
}

impl Configure for GoogleBatch {
    fn finish(&self, _: &mut Config) -> Result<()> {
        check_tags(&self.network_tags, &self.network)?;
        let complain = |what: &str| Err(Failure::failed(what));
        if self.fusion_snapshots && !self.fusion_v2 {
            return complain("--fusion-snapshots needs --fusion-v2");
        }
        if self.head_job_machine_type.is_some() && self.head_job_template.is_some() {
            return complain("--head-job-machine-type and --head-job-template exclude each other");
        }
        if self.compute_jobs_machine_type.is_some() && self.compute_job_template.is_some() {
            return complain(
                "--compute-jobs-machine-type and --compute-job-template exclude each other",
            );
        }
        let head = self.head_job_machine_type.iter();
        if let Some(wrong) = head.clone().find(|text| text.contains('*')) {
            return complain(&format!("'{wrong}' is not one machine type"));
        }
        let tasks = self
            .compute_jobs_machine_type
            .iter()
            .flat_map(|list| &list.0);
        if let Some(wrong) = head.chain(tasks).find(|text| !is_machine_type(text)) {
            return complain(&format!("'{wrong}' is no machine type"));
        }
        match &self.boot_disk_image {
            Some(image) if !is_image(image) => complain(&format!(
                "'{image}' is no boot disk image: give projects/PROJECT/global/images/IMAGE or batch-IMAGE"
            )),
            _ => Ok(()),
        }
    }

    fn metrics(&self) -> Option<&FusionMetrics> {
        Some(&self.metrics)
    }
}

fn is_machine_type(text: &str) -> bool {
    let mut parts = text.split('-');
    let family = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    let low = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    family.starts_with(|c: char| c.is_ascii_lowercase())
        && family.chars().all(low)
        && rest.peek().is_some()
        && rest.all(|part| !part.is_empty() && part.chars().all(|c| low(c) || c == '*'))
}

fn is_image(text: &str) -> bool {
    if let Some(name) = text.strip_prefix("batch-") {
        return !name.is_empty();
    }
    let parts: Vec<_> = text.split('/').collect();
    match parts.as_slice() {
        ["projects", project, "global", "images", image]
        | ["projects", project, "global", "images", "family", image] => {
            !project.is_empty() && !image.is_empty()
        }
        _ => false,
    }
}

impl Configure for AzureBatchForge {
    fn finish(&self, config: &mut Config) -> Result<()> {
        let mut forge = if self.dual_pool {
            let mut forge = Config::new();
            forge.insert("headPool".to_owned(), fields(&self.head)?.into());
            forge.insert("workerPool".to_owned(), fields(&self.worker)?.into());
            forge
        } else {
            fields(&self.pool)?
        };
        if let Some(size) = self.pool.boot_disk_size {
            forge.insert("bootDiskSizeGB".to_owned(), size.into());
        }
        forge.insert(
            "disposeOnDeletion".to_owned(),
            (!self.preserve_resources).into(),
        );
        config.insert("forge".to_owned(), forge.into());
        Ok(())
    }

    fn metrics(&self) -> Option<&FusionMetrics> {
        Some(&self.batch.metrics)
    }

    fn registries(&self) -> &[String] {
        self.registry_credentials
            .as_ref()
            .map_or(&[], |list| &list.0)
    }
}

impl Configure for AzureBatchManual {
    fn metrics(&self) -> Option<&FusionMetrics> {
        Some(&self.batch.metrics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_google_are_checked() {
        assert!(is_machine_type("n2-standard-4") && is_machine_type("n2-*"));
        assert!(
            !is_machine_type("n2") && !is_machine_type("N2-standard") && !is_machine_type("n2-")
        );
        assert!(is_image("batch-debian") && is_image("projects/p/global/images/family/x"));
        assert!(!is_image("debian") && !is_image("projects/p/images/x"));
        let tags = |text: &str| Some(text.parse::<List<String>>().unwrap());
        let network = Some("net".to_owned());
        assert!(check_tags(&tags("a,b-1"), &network).is_ok());
        for wrong in ["1a", "a-", "A", ""] {
            assert!(check_tags(&tags(wrong), &network).is_err(), "{wrong}");
        }
        assert!(check_tags(&tags("a"), &None).is_err());
    }
}
