//! The runs of the past weeks.

use std::collections::HashMap;

use crate::behaviour::launch::filled_in;
use crate::behaviour::recipes::{always_fails, run_name};
use crate::behaviour::versions::launch_of;
use crate::state::{
    DAY, HOUR, Launch, Millis, Outcome, Progress, Run, State, below, fraction, mix, pick, short_id,
    uuid,
};

/// What past runs are of.
struct Choice {
    id: i64,
    name: String,
    labels: Vec<i64>,
    launch: Launch,
}

/// Adds runs of a workspace's pipelines, evenly over six weeks, the last some hours ago.
pub fn past(state: &mut State, opened: Millis, count: usize, scope: i64) {
    let launches: HashMap<i64, Launch> = (state.within("pipeline_version", scope))
        .filter(|version| version.is("isDefault"))
        .map(|version| {
            let launch = Launch {
                created: opened - 80 * DAY,
                ..filled_in(state, scope, launch_of(version))
            };
            (version.number("_pipeline"), launch)
        })
        .collect();
    let choices: Vec<Choice> = (state.within("pipeline", scope))
        .filter_map(|pipeline| {
            let id = pipeline.number("pipelineId");
            Some(Choice {
                id,
                name: pipeline.text("name").to_owned(),
                labels: pipeline.labels(),
                launch: launches.get(&id)?.clone(),
            })
        })
        .collect();
    let members: Vec<i64> = state.all("user").map(|user| user.number("id")).collect();
    if choices.is_empty() || members.is_empty() {
        return;
    }
    let step = 42 * DAY / count.max(1) as Millis;
    let runs = (0..count as u64).map(|number| {
        let seed = mix(number ^ 0x5EED);
        let pipeline = pick(&choices, seed ^ 1);
        let age = 8 * HOUR + step * (count as Millis - 1 - number as Millis);
        let length = (HOUR as f64 * (0.2 + 6.0 * fraction(seed ^ 2))) as Millis;
        let fails = below(10, seed ^ 3) == 0 || always_fails(&pipeline.name);
        let cancelled = below(25, seed ^ 4) == 0;
        // Now and then somebody runs Nextflow on a workstation and only reports to the Platform.
        let outside = below(15, seed ^ 5) == 0;
        Run {
            id: short_id(seed, 14),
            scope,
            name: run_name(seed),
            session_id: uuid(seed),
            owner: *pick(&members, seed ^ 6),
            launch_id: (!outside).then(|| short_id(seed ^ 7, 22)),
            launch: pipeline.launch.clone(),
            pipeline: (!outside).then_some(pipeline.id),
            labels: pipeline.labels.clone(),
            stars: if below(12, seed ^ 8) == 0 {
                members[..1].to_vec()
            } else {
                Vec::new()
            },
            samples: 3 + below(45, seed ^ 9) as usize,
            seed,
            submitted: opened - age,
            length,
            outcome: if fails {
                Outcome::Failed
            } else {
                Outcome::Succeeded
            },
            progress: Progress::Over,
            cancelled: cancelled.then(|| 0.2 + 0.6 * fraction(seed ^ 10)),
            report: None,
            extension: None,
        }
    });
    state.runs.extend(runs);
}
