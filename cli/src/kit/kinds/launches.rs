//! Launches, and the parameters of whatever launches.

use std::path::Path;

use seqera::types::{SubmitWorkflowLaunchRequest, WorkflowLaunchRequest};
use serde_json::{Map, Value, json};

use super::computing;
use super::{Entity, Reference, Scope, Task, beside, key, labels_of, several};
use crate::commands::launch::{Launch, Ready};
use crate::kit::item::{Item, map_texts};
use crate::kit::keys::{Key, Takes};
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};
use crate::kit::variables::{Used, Variables, expand_param};
use crate::values::TextFile;

/// Puts the parameters of files under those of an item, at the top.
pub fn complete_params(
    item: &mut Item,
    variables: &Variables,
    used: &mut Used,
) -> Result<(), String> {
    let Some(Value::Object(own)) = item.fields.get("params").cloned() else {
        return Ok(());
    };
    let files = several(item, "params-file");
    if own.is_empty() {
        item.fields.remove("params");
        return Ok(());
    }
    let mut all = Map::new();
    for file in &files {
        let text = TextFile(Path::new(file).to_owned()).read()?;
        let read = yaml_serde::from_str::<Option<Map<String, Value>>>(&text);
        let read = read.map_err(|error| format!("{file} holds no parameters: {error}"))?;
        let mut read = Value::from(read.unwrap_or_default());
        let mut problem = None;
        map_texts(
            &mut read,
            &mut |text| match expand_param(text, variables, used) {
                Ok(expanded) => *text = expanded,
                Err(wrong) => problem = Some(format!("{file}: {wrong}")),
            },
        );
        if let Some(problem) = problem {
            return Err(problem);
        }
        if let Value::Object(read) = read {
            all.extend(read);
        }
    }
    all.extend(own);
    all.retain(|_, value| !value.is_null());
    item.fields.remove("params-file");
    item.fields.insert("params".to_owned(), all.into());
    Ok(())
}

/// A reference to the dataset whose address is a parameter.
pub fn dataset_of(item: &Item) -> Option<Reference> {
    let name = item.fields.get("params")?.get("dataset")?.as_str()?;
    (!item.scope().is_empty()).then(|| Reference {
        block: "datasets",
        home: item.scope().to_owned(),
        name: name.to_owned(),
        required: true,
    })
}

/// The parameters of an item as text; none where it says none.
pub fn params_text(item: &Item, home: &Home, platform: &Platform) -> Option<String> {
    let Some(Value::Object(params)) = item.fields.get("params") else {
        return None;
    };
    let mut params = params.clone();
    if let Some(reference) = dataset_of(item) {
        let found = platform.find("datasets", &home.text, &reference.name);
        let url = found.and_then(|found| found.raw["url"].as_str().map(str::to_owned));
        let url = url.unwrap_or_else(|| format!("({}, not there yet)", reference.name));
        params.remove("dataset");
        params.insert("input".to_owned(), url.into());
    }
    Some(canonical(&params))
}

fn canonical(params: &Map<String, Value>) -> String {
    // Names of a map are sorted, so that equal parameters are equal texts.
    let sorted: std::collections::BTreeMap<_, _> = params.iter().collect();
    serde_json::to_string_pretty(&sorted).unwrap_or_default()
}

/// Texts of parameters that say the same, as one.
pub fn canonical_params(launch: &mut Value) {
    if let Some(text) = launch["paramsText"].as_str()
        && let Ok(params) = yaml_serde::from_str::<Map<String, Value>>(text)
    {
        launch["paramsText"] = canonical(&params).into();
    }
}

/// A launch that only has to be sent: nothing was launched for it, but labels may have been made.
pub async fn prepare(
    platform: &Platform,
    home: &Home,
    item: &Item,
    run_name: Option<String>,
) -> Result<Ready> {
    let launch: Launch = item.options()?;
    let wanted = launch.options.compute_env.as_deref();
    let env = match launch.is_of_repository() || wanted.is_some() {
        true => {
            let env = platform.environment(home, wanted).await?;
            let id = env.id.as_deref().unwrap_or_default();
            computing::wait(platform, home, id, "AVAILABLE").await?;
            Some(env)
        }
        false => None,
    };
    let ready = launch.ready(&platform.client, home.workspace, env.as_deref(), None);
    // Whoever launches has to know what kind of error it is.
    let mut ready = ready.await.map_err(|failure| match failure.into_error() {
        Ok(error) => Error::Platform(error),
        Err(failure) => failure.into(),
    })?;
    complete(platform, home, item, run_name, &mut ready.request).await?;
    Ok(ready)
}

/// Puts what an item says in other words than options into a launch: parameters and labels.
pub async fn complete(
    platform: &Platform,
    home: &Home,
    item: &Item,
    run_name: Option<String>,
    request: &mut WorkflowLaunchRequest,
) -> Result<()> {
    if let Some(text) = params_text(item, home, platform) {
        let mut params = match request.params_text.as_deref().map(str::trim) {
            None | Some("") => Map::new(),
            Some(text) => yaml_serde::from_str::<Map<String, Value>>(text)
                .map_err(|error| Error::other(format!("the pipeline's parameters: {error}")))?,
        };
        params.extend(serde_json::from_str::<Map<String, Value>>(&text)?);
        request.params_text = Some(canonical(&params));
    }
    if run_name.is_some() {
        request.run_name = run_name;
    }
    if item.fields.contains_key("labels") {
        let names = several(item, "labels");
        request.label_ids = Some(platform.label_ids(home, &names).await?);
    }
    Ok(())
}

/// Sends a launch, once. The id of the run.
pub async fn submit(platform: &Platform, home: &Home, ready: Ready) -> Result<String> {
    let call = platform.client.create_workflow_launch();
    let call = call
        .workspace_id(home.workspace)
        .source_workspace_id(ready.source_workspace_id);
    let body = SubmitWorkflowLaunchRequest::new().launch(ready.request);
    let reply = call.body(body).send().await?;
    Ok(reply.workflow_id.unwrap_or_default())
}

pub struct Launches;

impl Launches {
    fn options(item: &Item) -> Result<Launch> {
        item.options()
    }
}

impl Entity for Launches {
    const BLOCK: &'static str = "launch";
    const NOUN: &'static str = "launch";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["launch"];
    const RUNS_ALWAYS: bool = true;
    const STAYS: Option<&'static str> = Some("runs stay");
    type State = WorkflowLaunchRequest;

    fn name(item: &Item) -> String {
        let said = item.text("name").or_else(|| item.text("pipeline"));
        said.unwrap_or_default().to_owned()
    }

    fn extra(_: &str) -> Vec<Key> {
        // Either says the pipeline.
        vec![
            key("pipeline", Takes::Text),
            key("url", Takes::Text),
            key("params", Takes::Map),
        ]
    }

    fn complete(item: &mut Item, variables: &Variables, used: &mut Used) -> Result<(), String> {
        match (
            item.fields.remove("url"),
            item.fields.contains_key("pipeline"),
        ) {
            (Some(_), true) => return Err("give either `pipeline` or `url`".to_owned()),
            (Some(url), false) => {
                item.fields.insert("pipeline".to_owned(), url);
            }
            (None, false) => return Err("`pipeline` of `launch` must be given".to_owned()),
            (None, true) => {}
        }
        complete_params(item, variables, used)
    }

    fn references(item: &Item) -> Vec<Reference> {
        let mut all = labels_of(item);
        all.extend(beside(item, "compute-envs", "compute-env"));
        all.extend(dataset_of(item));
        // A pipeline of another workspace may be shared with this one.
        if let Some(pipeline) = beside(item, "pipelines", "pipeline")
            && !pipeline.name.contains("://")
        {
            all.push(Reference {
                required: false,
                ..pipeline
            });
        }
        all
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let launch = Self::options(item)?;
        launch.check()?;
        Ok(json!({"pipeline": launch.pipeline, "runName": launch.name}))
    }

    async fn list(_: &Platform, _: &Home) -> Result<Vec<Present>> {
        Ok(Vec::new())
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let (home, state) = (task.home, task.desired);
        let name = state["runName"].as_str().map(str::to_owned);
        let ready = prepare(task.platform, home, task.item, name).await?;
        let id = submit(task.platform, home, ready).await?;
        Ok(Present {
            names: vec![Self::name(task.item)],
            raw: json!({"workflowId": id, "id": id}),
            state: state.clone(),
            id,
        })
    }

    async fn update(_: Task<'_>, present: &Present, _: &Value) -> Result<Present> {
        Ok(present.clone())
    }

    async fn delete(_: &Platform, _: &Home, _: &Present) -> Result<()> {
        Ok(())
    }

    fn export(
        _: &Platform,
        _: &Home,
        _: &Present,
        _: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        Err(Error::other("runs are no set-up"))
    }
}
