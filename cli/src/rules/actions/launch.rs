//! Runs that are launched, and launched again.

use serde_json::{Map, Value, json};

use super::{Outcome, Run, Task, home};
use crate::commands::launch::{Launch, Ready};
use crate::exit::Failure;
use crate::kit::{self, Home, Item, Platform, Variables};
use crate::rules::engine::judge;
use crate::rules::file::{Action, Relaunch, Rules, Step};
use crate::rules::state::{Event, StateError, id_of};
use crate::rules::template;

/// The longest part of a run's name that says whose it is.
const LONGEST: usize = 40;

/// The name of the run of the next action of an event: the same, as long as it is not begun anew by
/// hand; and no other's. It begins with the name that the file says, else with that of the rule.
pub(crate) fn run_name(task: &Task<'_>, event: &Event) -> Result<String, Outcome> {
    let fields = fields(task)?;
    let said = fields.get("name").and_then(Value::as_str);
    let said = said.unwrap_or(&task.rule.name);
    Ok(named(said, &event.id, event.made.len(), event.round))
}

fn named(whose: &str, event: &str, made: usize, round: u32) -> String {
    let mut name = String::new();
    for c in whose.chars().take(LONGEST) {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || (c.is_ascii_digit() && !name.is_empty()) => name.push(c),
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let whole = format!("{event} {made} {round}");
    let digest = &id_of("run", &whole)[..16];
    match name.trim_end_matches('-') {
        "" => format!("rule-{digest}"),
        name => format!("{name}-{digest}"),
    }
}

/// A launch that only has to be sent.
pub(crate) struct Prepared {
    platform: std::sync::Arc<Platform>,
    home: Home,
    ready: Ready,
}

/// The keys of the launch, filled.
fn fields(task: &Task<'_>) -> Result<Map<String, Value>, Outcome> {
    filled(&task.step.action, &task.data)
}

fn filled(action: &Action, data: &Value) -> Result<Map<String, Value>, Outcome> {
    let none = Map::new();
    let fields = match action {
        Action::Launch(item) => &item.fields,
        Action::Relaunch(relaunch) => &relaunch.fields,
        _ => &none,
    };
    Ok(template::fill_map(fields, data)?)
}

/// The workspace that a launch is made in.
fn workspace(task: &Task<'_>, fields: &Map<String, Value>) -> String {
    let own = fields.get("workspace").and_then(Value::as_str);
    own.unwrap_or(task.workspace()).to_owned()
}

/// Works a launch out, with its name. Nothing is launched.
pub(crate) async fn prepare(
    task: &Task<'_>,
    event: &Event,
    name: &str,
) -> Result<Prepared, Outcome> {
    let mut fields = fields(task)?;
    let workspace = workspace(task, &fields);
    fields.insert("workspace".to_owned(), workspace.as_str().into());
    let platform = task.engine.platform().map_err(Outcome::Nobody)?;
    let home = task.home(&platform, &workspace).await?;
    if let Action::Relaunch(relaunch) = &task.step.action {
        may_be_again(task, relaunch, event).await?;
    }
    let ready = worked_out(
        &platform, &home, task.rules, task.step, fields, &task.data, name,
    )
    .await?;
    Ok(Prepared {
        platform,
        home,
        ready,
    })
}

/// What variables stand for in files of parameters: what they do in the rules. A file whose name is known
/// only with the event may come from elsewhere, and is told nothing.
fn variables(rules: &Rules, action: &Action) -> Variables {
    let named = match action {
        Action::Launch(item) => item.fields.get("params-file"),
        Action::Relaunch(relaunch) => relaunch.fields.get("params-file"),
        _ => None,
    };
    match named.is_some_and(|named| kit::is_template(&named.to_string())) {
        true => Variables::default(),
        false => rules.variables.clone(),
    }
}

/// The launch that some filled keys come to.
async fn worked_out(
    platform: &Platform,
    home: &Home,
    rules: &Rules,
    step: &Step,
    mut fields: Map<String, Value>,
    data: &Value,
    name: &str,
) -> Result<Ready, Outcome> {
    let variables = variables(rules, &step.action);
    // It is part of the run's.
    fields.remove("name");
    let of_kit = |error: kit::Error| judge::of_kit(&error);
    let kind = kit::kind_of("launch").map_err(of_kit)?;
    match &step.action {
        Action::Relaunch(relaunch) => {
            let run = template::fill_to_text(&relaunch.run, data)?;
            fields.insert("pipeline".to_owned(), "that of the run".into());
            let item =
                Item::of_values(kind, fields, step.place.clone(), &variables).map_err(of_kit)?;
            referred(platform, home, &item).await?;
            again(platform, home, &item, &run, relaunch.resume, name).await
        }
        _ => {
            let item =
                Item::of_values(kind, fields, step.place.clone(), &variables).map_err(of_kit)?;
            referred(platform, home, &item).await?;
            let ready = kit::prepare(platform, home, &item, Some(name.to_owned()));
            ready.await.map_err(of_kit)
        }
    }
}

/// The request of a launch that is to come: method, address and body. Nothing is sent that changes
/// something, if the client of the Platform is one of a dry run. Labels are left out: those that are not
/// there are made before it.
pub(crate) async fn request(
    platform: &Platform,
    workspace: &str,
    (rules, rule): (&Rules, &str),
    step: &Step,
    (event, made): (&str, usize),
    data: &Value,
) -> Result<Value, Outcome> {
    let mut fields = filled(&step.action, data)?;
    fields.remove("labels");
    let said = fields.get("name").and_then(Value::as_str);
    let name = named(said.unwrap_or(rule), event, made, 0);
    let workspace = match fields.get("workspace").and_then(Value::as_str) {
        Some(own) => own.to_owned(),
        None => workspace.to_owned(),
    };
    fields.insert("workspace".to_owned(), workspace.as_str().into());
    let home = home(platform, &workspace).await?;
    let ready = worked_out(platform, &home, rules, step, fields, data, &name).await?;
    let unsent = match kit::submit(platform, &home, ready).await {
        Err(kit::Error::Platform(error)) => Failure::from(*error).unsent(),
        _ => None,
    };
    unsent.ok_or_else(|| Outcome::Failed("there is no request".to_owned()))
}

/// Reads the lists of what an item names, as far as a launch does not look itself.
async fn referred(platform: &Platform, home: &Home, item: &Item) -> Result<(), Outcome> {
    for reference in (item.kind.references)(item) {
        if reference.block == "pipelines" || reference.block == "labels" {
            continue;
        }
        let kind = kit::kind_of(reference.block).map_err(|error| judge::of_kit(&error))?;
        let read = platform.read(kind, home).await;
        read.map_err(|error| judge::of_kit(&error))?;
        let found = || platform.find(reference.block, &home.text, &reference.name);
        if found().is_none() {
            // It may be new.
            platform.reload(kind, home).await;
        }
        if found().is_none() && reference.required {
            let text = format!("there is no {} `{}`", kind.noun, reference.name);
            return Err(Outcome::Failed(text));
        }
    }
    Ok(())
}

/// Whether a run may be launched again by now.
async fn may_be_again(task: &Task<'_>, relaunch: &Relaunch, event: &Event) -> Result<(), Outcome> {
    let until = event.happened + relaunch.after;
    if until > task.engine.clock().now() {
        return Err(Outcome::At(
            until,
            format!("it waits for {:?}", relaunch.after),
        ));
    }
    let mut times = 0;
    let mut run = task.text(&relaunch.run)?;
    let state = task.engine.state();
    let told = |error: StateError| Outcome::Later(error.to_string());
    while let Some(maker) = state.maker_of(&run).await.map_err(told)? {
        if maker.rule != event.rule || times >= relaunch.at_most {
            break;
        }
        times += 1;
        let mut data = maker.data.clone();
        task.rule.add_made(&maker.made, &mut data);
        match template::fill_to_text(&relaunch.run, &data) {
            Ok(before) if before != run => run = before,
            _ => break,
        }
    }
    match times >= relaunch.at_most && event.round == 0 {
        true => Err(Outcome::Skipped(format!(
            "it was launched again {times} times"
        ))),
        false => Ok(()),
    }
}

/// The launch of a run, with what is to be otherwise.
async fn again(
    platform: &Platform,
    home: &Home,
    item: &Item,
    run: &str,
    resume: bool,
    name: &str,
) -> Result<Ready, Outcome> {
    let of_kit = |error: kit::Error| judge::of_kit(&error);
    let run = platform.client.run(run).workspace(home.workspace);
    let mut launch = match resume {
        true => run.resume(),
        false => run.relaunch(),
    };
    let options: Launch = item.options().map_err(of_kit)?;
    if let Some(env) = options.options.compute_env.as_deref() {
        let env = platform
            .environment(home, Some(env))
            .await
            .map_err(of_kit)?;
        launch = launch.compute_env(seqera::Id(env.id.clone().unwrap_or_default()));
    }
    let preview = launch
        .preview()
        .await
        .map_err(|error| judge::of_look(&error))?;
    let mut request = preview.request;
    if !item.fields.is_empty() {
        let changed = options.change(request);
        request = changed.map_err(|failure| Outcome::Failed(failure.text().to_owned()))?;
    }
    kit::complete(platform, home, item, Some(name.to_owned()), &mut request)
        .await
        .map_err(of_kit)?;
    Ok(Ready {
        request,
        source_workspace_id: preview.source_workspace_id,
    })
}

/// Sends a launch, once.
pub(crate) async fn send(prepared: Prepared, name: &str) -> Outcome {
    let Prepared {
        platform,
        home,
        ready,
    } = prepared;
    match kit::submit(&platform, &home, ready).await {
        Ok(id) if id.is_empty() => Outcome::Unclear("the server answered without an id".to_owned()),
        Ok(id) => made_in(&platform, &home, &id, name).await,
        Err(kit::Error::Platform(error)) => match judge::of_act(&error) {
            Outcome::Nobody(why) => Outcome::NotSent(why),
            outcome => outcome,
        },
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// The run of a name, if the server lists one.
pub(crate) async fn find(task: &Task<'_>, name: &str) -> Result<Option<String>, Outcome> {
    let platform = task.engine.platform().map_err(Outcome::Nobody)?;
    let home = task
        .home(&platform, &workspace(task, &fields(task)?))
        .await?;
    let call = platform
        .client
        .list_workflows()
        .workspace_id(home.workspace);
    let mut runs = call.search(name).stream();
    while let Some(run) = runs
        .try_next()
        .await
        .map_err(|error| judge::of_look(&error))?
    {
        let run = run.workflow.unwrap_or_default();
        if run.run_name.as_deref() == Some(name) {
            return Ok(run.id);
        }
    }
    Ok(None)
}

/// What a launch has made that was found.
pub(crate) async fn made(task: &Task<'_>, id: &str, name: &str) -> Outcome {
    let home = async {
        let platform = task.engine.platform().map_err(Outcome::Nobody)?;
        let home = task
            .home(&platform, &workspace(task, &fields(task)?))
            .await?;
        Ok::<_, Outcome>((platform, home))
    };
    match home.await {
        Ok((platform, home)) => made_in(&platform, &home, id, name).await,
        Err(Outcome::Nobody(why)) => Outcome::Nobody(why),
        Err(outcome) => Outcome::Unseen(outcome.text()),
    }
}

async fn made_in(platform: &Platform, home: &Home, id: &str, name: &str) -> Outcome {
    let mut made = json!({"id": id, "name": name, "workspace": home.text});
    let workspace = match home.workspace {
        Some(id) => platform.workspace_name(id).await.ok().flatten(),
        None => None,
    };
    if let Some((organization, workspace)) =
        workspace.as_deref().and_then(|name| name.split_once('/'))
    {
        let web = crate::context::web_of(platform.client.endpoint());
        made["url"] = format!("{web}/orgs/{organization}/workspaces/{workspace}/watch/{id}").into();
    }
    Outcome::Done {
        made,
        run: Some(Run {
            id: id.to_owned(),
            workspace: home.text.clone(),
        }),
    }
}
