//! Credentials: which a computing platform takes, which of their fields are secret, and whether their
//! provider refuses them.

use serde_json::{Value, json};

use crate::state::{Record, object};

/// Which credentials a computing platform takes.
const PROVIDERS: &[(&str, &[&str])] = &[
    ("aws-batch", &["aws"]),
    ("aws-cloud", &["aws"]),
    ("eks-platform", &["aws", "k8s"]),
    ("seqeracompute-platform", &["seqeracompute"]),
    ("google-batch", &["google"]),
    ("google-cloud", &["google"]),
    ("google-lifesciences", &["google"]),
    ("gke-platform", &["google", "k8s"]),
    ("azure-batch", &["azure", "azure_entra"]),
    ("azure-cloud", &["azure-cloud"]),
    ("k8s-platform", &["k8s"]),
    ("local-platform", &[]),
];

/// The providers of credentials that a computing platform takes.
pub fn providers(platform: &str) -> &'static [&'static str] {
    (PROVIDERS.iter())
        .find(|(known, _)| *known == platform)
        .map_or(&["ssh", "tw-agent"], |(_, providers)| providers)
}

/// Fields of keys that no reply shows.
const SECRETS: &[&str] = &[
    "batchKey",
    "certificate",
    "clientSecret",
    "data",
    "passphrase",
    "password",
    "privateKey",
    "secretKey",
    "storageKey",
    "token",
    "webhookSecret",
];

/// Keeps the secrets of credentials where no reply shows them. What is written anew replaces what
/// there is; what isn't, stays.
pub fn hide_secrets(record: &mut Record) {
    let mut keys = object(record["keys"].clone());
    let mut secrets = object(record["_secrets"].clone());
    for name in SECRETS {
        if let Some(secret) = keys.remove(*name).filter(|secret| !secret.is_null()) {
            secrets.insert((*name).to_owned(), secret);
        }
    }
    let provider = json!(record.text("provider"));
    keys.entry("discriminator".to_owned()).or_insert(provider);
    record.set("keys", Value::Object(keys));
    record.set("_secrets", Value::Object(secrets));
}

/// Whether the provider would refuse these credentials: one of their secrets is `invalid`.
pub fn holds_invalid(record: &Record) -> bool {
    (record["_secrets"].as_object().into_iter().flatten()).any(|(_, secret)| secret == "invalid")
}
