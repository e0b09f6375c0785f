//! Rules that would launch for ever: each run that one makes is an event of the next.

use crate::kit::{Problem, is_template};

use super::{Action, On, Rule, Run};

/// Tells rules that fire for their own runs. What depends on templates or conditions is not seen here;
/// the engine bounds it.
pub fn find(rules: &[Rule]) -> Vec<Problem> {
    let next: Vec<Vec<usize>> = rules
        .iter()
        .map(|rule| {
            let others = rules.iter().enumerate();
            let fired = others.filter(|(_, other)| {
                other.when.is_none()
                    && matches!(&other.on, On::Run(run) if rule.then.iter().any(|step| makes(&step.action, run)))
            });
            fired.map(|(place, _)| place).collect()
        })
        .collect();
    let mut problems = Vec::new();
    for (start, rule) in rules.iter().enumerate() {
        // Each circle is told once, at its first rule.
        if let Some(circle) = way_back(&next, start)
            && circle.iter().all(|place| *place >= start)
        {
            let names: Vec<_> = circle
                .iter()
                .map(|place| format!("`{}`", rules[*place].name))
                .collect();
            let way = match names.len() {
                1 => "each run that it launches makes it launch the next".to_owned(),
                _ => format!(
                    "its runs make {} launch, and so on to it again",
                    names[1..].join(", ")
                ),
            };
            problems.push(Problem {
                place: rule.place.clone(),
                text: format!(
                    "`{}` would launch for ever: {way}. Let it watch for labels that those runs do not \
                     have, or say in `when` where it ends",
                    rule.name
                ),
            });
        }
    }
    problems
}

/// The shortest way from a rule back to it.
fn way_back(next: &[Vec<usize>], start: usize) -> Option<Vec<usize>> {
    let mut ways = std::collections::VecDeque::from([vec![start]]);
    let mut seen = vec![false; next.len()];
    while let Some(way) = ways.pop_front() {
        for place in next.get(*way.last()?)? {
            if *place == start {
                return Some(way);
            }
            if !std::mem::replace(seen.get_mut(*place)?, true) {
                ways.push_back(way.iter().copied().chain([*place]).collect());
            }
        }
    }
    None
}

/// Whether an action surely makes runs that are watched for.
fn makes(action: &Action, run: &Run) -> bool {
    let Action::Launch(item) = action else {
        // What is launched again is counted.
        return false;
    };
    let text = |key: &str| item.fields.get(key).and_then(|value| value.as_str());
    let pipeline = text("pipeline").or(text("url")).unwrap_or_default();
    let fits = match is_template(pipeline) {
        true => run.pipeline.is_empty(),
        false => {
            let mut wanted = run.pipeline.iter();
            run.pipeline.is_empty() || wanted.any(|wanted| is_pipeline(wanted, pipeline))
        }
    };
    let labels: Vec<String> = match item.fields.get("labels") {
        Some(serde_json::Value::Array(labels)) => labels
            .iter()
            .filter_map(|label| label.as_str().map(str::to_owned))
            .collect(),
        Some(serde_json::Value::String(labels)) => labels
            .split(',')
            .map(|label| label.trim().to_owned())
            .collect(),
        _ => Vec::new(),
    };
    fits && run.labels.iter().all(|label| labels.contains(label))
}

/// Whether a pipeline is the one that is meant: a name of the launchpad, or the address of a repository,
/// of which the end is enough.
pub fn is_pipeline(wanted: &str, pipeline: &str) -> bool {
    fn plain(text: &str) -> &str {
        let text = text.trim().trim_end_matches('/');
        text.strip_suffix(".git").unwrap_or(text)
    }
    let (wanted, pipeline) = (plain(wanted), plain(pipeline));
    !wanted.is_empty()
        && (wanted == pipeline
            || pipeline
                .strip_suffix(wanted)
                .is_some_and(|before| before.ends_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_known_by_the_end_of_its_address() {
        let url = "https://github.com/nf-core/rnaseq";
        for (wanted, pipeline, expected) in [
            ("rnaseq", "rnaseq", true),
            ("rnaseq", url, true),
            ("nf-core/rnaseq", url, true),
            (url, "https://github.com/nf-core/rnaseq.git", true),
            ("seq", url, false),
            ("rnaseq", "rnaseq-dev", false),
            ("", url, false),
        ] {
            assert_eq!(
                is_pipeline(wanted, pipeline),
                expected,
                "{wanted} {pipeline}"
            );
        }
    }
}
