//! What a seed puts into a workspace, or into a user's own context.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::records::{self, Form, check_fields};
use super::run::RunSeed;
use super::{More, SeedError, id_named, take_labels};
use crate::behaviour::{actions, credentials, datasets, make, versions};
use crate::data::files::sample_sheet;
use crate::state::store::Store;
use crate::state::{Record, State, object, short_id};

/// What a workspace, or a user's own context, holds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Contents {
    labels: Vec<More>,
    credentials: Vec<More>,
    pipeline_secrets: Vec<More>,
    compute_envs: Vec<More>,
    pipelines: Vec<More>,
    datasets: Vec<More>,
    data_links: Vec<More>,
    studios: Vec<More>,
    actions: Vec<More>,
    runs: Vec<RunSeed>,
    past_runs: usize,
    /// Fields of the workspace itself.
    #[serde(flatten)]
    pub(super) more: More,
}

/// A version of a dataset.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DatasetVersion {
    file_name: String,
    content: Option<String>,
    /// The first sample of a sample sheet, and how many there are.
    samples: Option<(usize, usize)>,
    #[serde(default)]
    has_header: bool,
}

impl Contents {
    pub(super) fn sow(
        self,
        state: &mut State,
        store: &Store,
        scope: i64,
        owner: i64,
    ) -> Result<(), SeedError> {
        let mut context = Context {
            now: state.today(),
            state,
            store,
            scope,
            owner,
        };
        let kinds: [(Vec<More>, Sow<'_>); 9] = [
            (self.labels, Context::label),
            (self.credentials, Context::credentials),
            (self.pipeline_secrets, Context::pipeline_secret),
            (self.compute_envs, Context::compute_env),
            (self.pipelines, Context::pipeline),
            (self.datasets, Context::dataset),
            (self.data_links, Context::data_link),
            (self.studios, Context::studio),
            (self.actions, Context::action),
        ];
        for (seeds, sow) in kinds {
            for seed in seeds {
                sow(&mut context, seed)?;
            }
        }
        for run in self.runs {
            run.sow(context.state, scope, owner)?;
        }
        if self.past_runs > 0 {
            let now = context.state.now();
            crate::data::runs::past(context.state, now, self.past_runs, scope);
        }
        Ok(())
    }
}

/// Where records are put.
struct Context<'a> {
    state: &'a mut State,
    store: &'a Store,
    scope: i64,
    owner: i64,
    now: String,
}

/// Puts one record of a kind there.
type Sow<'a> = fn(&mut Context<'a>, More) -> Result<(), SeedError>;

impl Context<'_> {
    /// What every record has, with an id of its own where the seed gives none.
    fn record(&mut self, form: &Form, mut fields: More, usual: Value) -> Result<Record, SeedError> {
        let id = fields.remove("id");
        form.check(&fields)?;
        let number = self.state.next_id();
        let id = match (id, form.id_length) {
            (Some(given), _) => given,
            (None, Some(length)) => json!(short_id(number, length)),
            (None, None) => json!(number),
        };
        let text = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let mut record = Record::new(text, self.scope, usual);
        record.fields.extend(fields);
        record.set(form.id_field, id);
        record.set("dateCreated", self.now.clone());
        record.set("lastUpdated", self.now.clone());
        record.set("_user", self.owner);
        let is_same = |other: &Record| {
            other.id == record.id
                || other["name"] == record["name"] && other["value"] == record["value"]
        };
        match self.state.within(form.kind, self.scope).any(is_same) {
            true => Err(SeedError(format!(
                "there are two of {} {}",
                form.kind,
                record.text("name")
            ))),
            false => Ok(record),
        }
    }

    fn keep(&mut self, form: &Form, record: Record) -> Result<(), SeedError> {
        self.state.keep(form.kind, record);
        Ok(())
    }

    /// The id of the record that a field names.
    fn take_id(&self, fields: &mut More, field: &str, kind: &str) -> Result<Value, SeedError> {
        match take_text(fields, field) {
            Some(name) => Ok(json!(id_named(self.state, kind, self.scope, &name)?)),
            None => Ok(Value::Null),
        }
    }

    /// What a pipeline or an action launches.
    fn take_launch(&self, fields: &mut More) -> Result<More, SeedError> {
        let mut launch = object(take(fields, "launch"));
        let env = self.take_id(fields, "computeEnv", "compute_env")?;
        if !env.is_null() {
            launch.insert("computeEnvId".to_owned(), env);
        }
        if let Some(params) = launch.remove("params") {
            launch.insert("paramsText".to_owned(), json!(params.to_string()));
        }
        let name = fields.get("name").and_then(Value::as_str);
        let launch_of = format!("the launch of {}", name.unwrap_or_default());
        check_fields(&launch_of, &launch, &["WorkflowLaunchRequest"])?;
        if !launch.get("pipeline").is_some_and(Value::is_string) {
            return Err(SeedError(format!("{launch_of} has no `pipeline`")));
        }
        Ok(launch)
    }

    fn label(&mut self, fields: More) -> Result<(), SeedError> {
        let is_resource = fields.contains_key("value");
        let usual = json!({ "value": null, "resource": is_resource, "isDefault": false, "isDynamic": false, "isInterpolated": false });
        let label = self.record(&records::LABEL, fields, usual)?;
        self.keep(&records::LABEL, label)
    }

    fn credentials(&mut self, fields: More) -> Result<(), SeedError> {
        let usual = json!({ "deleted": false, "status": "AVAILABLE", "lastValidated": self.now, "keys": {} });
        let mut credentials = self.record(&records::CREDENTIALS, fields, usual)?;
        credentials::hide_secrets(&mut credentials);
        self.keep(&records::CREDENTIALS, credentials)
    }

    fn pipeline_secret(&mut self, mut fields: More) -> Result<(), SeedError> {
        let value = take(&mut fields, "value");
        let mut secret = self.record(&records::SECRET, fields, json!({}))?;
        secret.set("_value", value);
        self.keep(&records::SECRET, secret)
    }

    fn compute_env(&mut self, mut fields: More) -> Result<(), SeedError> {
        let labels = take_labels(self.state, self.scope, &mut fields)?;
        let credentials = self.take_id(&mut fields, "credentials", "credentials")?;
        let is_first = (self.state.within("compute_env", self.scope))
            .next()
            .is_none();
        let context = self.state.context(self.scope);
        let usual = json!({
            "deleted": false, "status": "AVAILABLE", "primary": is_first, "credentialsId": credentials,
            "fusionMetricsCollectionEnabled": false, "orgId": context["orgId"], "workspaceId": context["workspaceId"],
        });
        let mut env = self.record(&records::COMPUTE_ENV, fields, usual)?;
        let mut config = object(env["config"].clone());
        config.insert("discriminator".to_owned(), env["platform"].clone());
        env.set("config", Value::Object(config));
        env.set_labels(&labels);
        self.keep(&records::COMPUTE_ENV, env)
    }

    fn pipeline(&mut self, mut fields: More) -> Result<(), SeedError> {
        let labels = take_labels(self.state, self.scope, &mut fields)?;
        let version = take_text(&mut fields, "version");
        let mut launch = self.take_launch(&mut fields)?;
        for (name, usual) in [
            ("configProfiles", json!([])),
            ("pullLatest", json!(false)),
            ("stubRun", json!(false)),
        ] {
            launch.entry(name.to_owned()).or_insert(usual);
        }
        let mut pipeline = self.record(&records::PIPELINE, fields, json!({ "deleted": false }))?;
        pipeline.set_labels(&labels);
        let version = version.unwrap_or_else(|| format!("{}-1", pipeline.text("name")));
        self.keep(&records::PIPELINE, pipeline.clone())?;
        versions::add(self.state, &pipeline, Some(&version), launch, self.owner);
        Ok(())
    }

    fn dataset(&mut self, mut fields: More) -> Result<(), SeedError> {
        let labels = take_labels(self.state, self.scope, &mut fields)?;
        let versions = fields.remove("versions").unwrap_or_else(|| json!([]));
        let versions: Vec<DatasetVersion> = (serde_json::from_value(versions))
            .map_err(|error| SeedError(format!("the versions of a dataset: {error}")))?;
        let is_linked = take(&mut fields, "linked") == true;
        let context = self.state.context(self.scope);
        let usual = json!({
            "deleted": false, "hidden": false, "sourceType": if is_linked { "LINKED" } else { "UPLOADED" },
            "organizationId": context["orgId"], "workspaceId": context["workspaceId"], "_changed_by": self.owner,
        });
        let mut dataset = self.record(&records::DATASET, fields, usual)?;
        dataset.set_labels(&labels);
        for (version, number) in versions.into_iter().zip(1..) {
            self.dataset_version(&dataset, version, number);
        }
        self.keep(&records::DATASET, dataset)
    }

    fn dataset_version(&mut self, dataset: &Record, version: DatasetVersion, number: u64) {
        let name = version.file_name;
        let content: Bytes = match (version.content, version.samples) {
            (Some(content), _) => content.into(),
            (None, Some((first, count))) => sample_sheet(first, count).into(),
            (None, None) => Bytes::new(),
        };
        let id = format!("{}/{number}", dataset.id);
        let record = json!({
            "datasetId": dataset.id,
            "version": number,
            "fileName": name,
            "fileSize": content.len(),
            "mediaType": datasets::media_type_of(&name),
            "hasHeader": version.has_header,
            "disabled": false,
            "dateCreated": self.now,
            "lastUpdated": self.now,
            "_user": dataset.number("_user"),
        });
        self.state
            .keep("dataset_version", Record::new(&id, dataset.scope, record));
        self.store.put(datasets::BUCKET, &id, content);
    }

    fn data_link(&mut self, mut fields: More) -> Result<(), SeedError> {
        let credentials = self.take_id(&mut fields, "credentials", "credentials")?;
        let usual = json!({
            "type": "bucket", "provider": "aws", "publicAccessible": false, "hidden": false, "_credentials": credentials,
        });
        let link = self.record(&records::DATA_LINK, fields, usual)?;
        self.keep(&records::DATA_LINK, link)
    }

    fn studio(&mut self, mut fields: More) -> Result<(), SeedError> {
        let labels = take_labels(self.state, self.scope, &mut fields)?;
        let tool = take_text(&mut fields, "tool").unwrap_or_else(|| "jupyter".to_owned());
        let env = self.take_id(&mut fields, "computeEnv", "compute_env")?;
        let image = make::TEMPLATES
            .iter()
            .find(|(known, _)| *known == tool)
            .map_or(tool.as_str(), |(_, image)| image);
        let usual = json!({
            "isPrivate": false, "customImage": false, "template": make::studio_template(image), "_env": env,
            "configuration": { "cpu": 2, "gpu": 0, "memory": 8192, "mountData": [] },
            "statusInfo": { "status": "stopped", "message": "" }, "progress": [],
        });
        let mut studio = self.record(&records::STUDIO, fields, usual)?;
        studio.set_labels(&labels);
        let number = self.state.next_id();
        studio.set("_number", number);
        studio.set(
            "studioUrl",
            format!("https://{}.studios.open-genomics.example", studio.id),
        );
        self.keep(&records::STUDIO, studio)
    }

    fn action(&mut self, mut fields: More) -> Result<(), SeedError> {
        let labels = take_labels(self.state, self.scope, &mut fields)?;
        let launch = self.take_launch(&mut fields)?;
        fields.entry("source".to_owned()).or_insert(json!("tower"));
        let mut action = self.record(&records::ACTION, fields, json!({ "status": "ACTIVE" }))?;
        action.set("launch", launch);
        action.set("hookId", action.id.clone());
        action.set_labels(&labels);
        actions::configure(self.state, &mut action).map_err(|refusal| {
            let reason = refusal.body["message"].as_str().unwrap_or_default();
            SeedError(format!("action {}: {reason}", action.text("name")))
        })?;
        self.keep(&records::ACTION, action)
    }
}

/// Takes a field out of a record of a seed.
fn take(fields: &mut More, name: &str) -> Value {
    fields.remove(name).unwrap_or_default()
}

fn take_text(fields: &mut More, name: &str) -> Option<String> {
    take(fields, name).as_str().map(str::to_owned)
}
