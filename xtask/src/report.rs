//! What a new schema means for the users of the crate, on the terminal and as Markdown.

use std::fmt::Write as _;

use semver::Version;
use seqera_codegen::fixups::Applied;

use crate::diff::{Change, Kind, Subject};

/// Everything that is worth knowing before a refresh is released.
#[derive(Debug)]
pub struct Report {
    /// The version of the schema that is replaced, if there was one.
    pub from: Option<String>,
    /// The version of the new schema.
    pub to: String,
    /// The crate's version.
    pub current: Version,
    /// What changes for programs.
    pub changes: Vec<Change>,
    /// Why that is not known, if it is not.
    pub unknown: Option<String>,
    /// How often each fixup applied, to the old schema and to the new one.
    pub fixups: Vec<(String, Option<usize>, usize)>,
    /// Features that can't be built with the new schema, with the operations that it lacks.
    pub lacking: Vec<String>,
    /// What the new schema lacks and hand-written code uses where a server knows it.
    pub grafted: Vec<String>,
    /// Operations that look paged, but whose paging was not recognised.
    pub unrecognised_paging: Vec<String>,
    /// Operations without documentation of ours.
    pub undocumented_operations: Vec<String>,
    /// Types without documentation of ours.
    pub undocumented_types: Vec<String>,
    /// Targets of our documentation that the new schema does not have.
    pub dangling_documentation: Vec<String>,
    /// Features that were added for new tags.
    pub new_tags: Vec<String>,
    /// Features whose tags the new schema does not have.
    pub gone_tags: Vec<String>,
}

/// Lists longer than this are folded away, and on a terminal cut off.
const LONG: usize = 40;

/// How a version number is to be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Programs may stop to compile or to work.
    Breaking,
    /// There is more than before.
    Feature,
    /// Nothing that a program can name is different.
    Fix,
}

impl Step {
    /// The step that follows from changes.
    pub fn of(changes: &[Change]) -> Self {
        if changes.iter().any(|change| change.breaking) {
            Self::Breaking
        } else if changes.is_empty() {
            Self::Fix
        } else {
            Self::Feature
        }
    }

    /// The version after this step, by Cargo's rules: below 1.0 the second number is the one that
    /// tells of breaking changes. The build metadata is not kept.
    pub fn after(self, version: &Version) -> Version {
        let Version {
            major,
            minor,
            patch,
            ..
        } = *version;
        match (self, major) {
            (Self::Breaking, 0) if minor > 0 => Version::new(0, minor + 1, 0),
            (_, 0) => Version::new(0, minor, patch + 1),
            (Self::Breaking, _) => Version::new(major + 1, 0, 0),
            (Self::Feature, _) => Version::new(major, minor + 1, 0),
            (Self::Fix, _) => Version::new(major, minor, patch + 1),
        }
    }

    /// The number of a version that this step raises.
    fn name(self, version: &Version) -> &'static str {
        let next = self.after(version);
        if next.major > version.major {
            "major"
        } else if next.minor > version.minor {
            "minor"
        } else {
            "patch"
        }
    }
}

/// Pairs the counts of two runs.
pub fn compare_fixups(
    old: Option<&[Applied]>,
    new: &[Applied],
) -> Vec<(String, Option<usize>, usize)> {
    let before = |name: &str| old?.iter().find(|fixup| fixup.name == name);
    new.iter()
        .map(|fixup| {
            let before = before(&fixup.name).map(|fixup| fixup.count);
            (fixup.name.clone(), before, fixup.count)
        })
        .collect()
}

/// A heading with lines under it.
struct Section {
    title: String,
    lines: Vec<String>,
}

impl Report {
    /// One sentence: the versions, the step.
    pub fn summary(&self) -> String {
        let from = match &self.from {
            Some(from) => format!("API {from} to {}", self.to),
            None => format!("API {}", self.to),
        };
        if let Some(reason) = &self.unknown {
            return format!("{from}: what changes for programs is not known: {reason}");
        }
        let step = Step::of(&self.changes);
        let breaking = self.changes.iter().filter(|change| change.breaking).count();
        let compatible = self.changes.len() - breaking;
        if self.changes.is_empty() {
            return format!("{from}: nothing changes for programs that use the crate");
        }
        format!(
            "{from}: {breaking} breaking and {compatible} compatible changes; a {} release follows ({} after {})",
            step.name(&self.current),
            step.after(&self.current),
            Version {
                build: semver::BuildMetadata::EMPTY,
                ..self.current.clone()
            },
        )
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        for (breaking, how) in [(true, "Breaking"), (false, "Compatible")] {
            for (subject, what) in SUBJECTS {
                let lines = self
                    .changes
                    .iter()
                    .filter(|change| change.breaking == breaking && change.subject == subject)
                    .map(line)
                    .collect();
                sections.push(Section {
                    title: format!("{how}: {what}"),
                    lines,
                });
            }
        }
        let mut list = |title: &str, lines: Vec<String>| {
            sections.push(Section {
                title: title.to_owned(),
                lines,
            });
        };
        let code = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect();
        list("Features added for new tags", code(&self.new_tags));
        list("Features whose tags are gone", code(&self.gone_tags));
        list("Fixups", self.fixup_lines());
        list(
            "Features that this version can't have",
            self.lacking.clone(),
        );
        list(
            "Added, because hand-written code uses it where a server knows it",
            code(&self.grafted),
        );
        list(
            "List operations whose paging is not recognised",
            code(&self.unrecognised_paging),
        );
        list(
            "Operations without documentation of ours",
            code(&self.undocumented_operations),
        );
        list(
            "Types without documentation of ours",
            code(&self.undocumented_types),
        );
        list(
            "Documentation whose target is gone",
            code(&self.dangling_documentation),
        );
        sections.retain(|section| !section.lines.is_empty());
        sections
    }

    fn fixup_lines(&self) -> Vec<String> {
        let said = |count: &usize| match count {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let line = |(name, before, now): &(String, Option<usize>, usize)| {
            let verdict = match (before, now) {
                (Some(before), now) if before == now && *now > 0 => return None,
                (None, now) if *now > 0 => return None,
                (Some(before), 0) if *before > 0 => {
                    format!("no longer applies (before: {})", said(before))
                }
                (_, 0) => return None,
                (Some(before), now) if before < now => {
                    format!(
                        "applies more often: {} (before: {})",
                        said(now),
                        said(before)
                    )
                }
                (before, now) => format!(
                    "applies less often: {} (before: {})",
                    said(now),
                    said(&before.unwrap_or(0))
                ),
            };
            Some(format!("`{name}` {verdict}"))
        };
        let mut lines: Vec<String> = self.fixups.iter().filter_map(line).collect();
        let is_idle = |(_, before, now): &&(String, Option<usize>, usize)| {
            before.unwrap_or(0) == 0 && *now == 0
        };
        let idle = self.fixups.iter().filter(is_idle);
        let idle: Vec<String> = idle.map(|(name, ..)| format!("`{name}`")).collect();
        if !idle.is_empty() {
            lines.push(format!("apply nowhere: {}", idle.join(", ")));
        }
        lines
    }

    /// The report for a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.summary());
        for section in self.sections() {
            let count = section.lines.len();
            let _ = writeln!(text, "\n{} ({count})", section.title);
            for line in section.lines.iter().take(LONG) {
                let _ = writeln!(text, "  {}", line.replace('`', ""));
            }
            if count > LONG {
                let _ = writeln!(text, "  … and {} more: see --report", count - LONG);
            }
        }
        text
    }

    /// The report for a pull request.
    pub fn markdown(&self) -> String {
        let mut text = format!("# Schema refresh\n\n{}.\n", self.summary());
        for section in self.sections() {
            let (title, count) = (section.title, section.lines.len());
            let items: String = section
                .lines
                .iter()
                .map(|line| format!("- {line}\n"))
                .collect();
            let _ = write!(text, "\n## {title} ({count})\n\n");
            let _ = if count > LONG {
                write!(
                    text,
                    "<details><summary>Show</summary>\n\n{items}\n</details>\n"
                )
            } else {
                write!(text, "{items}")
            };
        }
        text
    }

    /// The entry of the changelog; none where nothing changes for programs.
    pub fn changelog(&self) -> Option<String> {
        if self.changes.is_empty() {
            return None;
        }
        let from = self.from.as_ref()?;
        let mut text = format!("### API {from} to {}\n", self.to);
        let mut list = |title: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                let _ = write!(text, "\n{title}:\n\n");
                lines.iter().for_each(|line| {
                    let _ = writeln!(text, "- {line}");
                });
            }
        };
        let breaking = self.changes.iter().filter(|change| change.breaking);
        list("Breaking", breaking.map(line).collect());
        let (mut named, mut counted) = (Vec::new(), Vec::new());
        for (subject, what) in SUBJECTS {
            let compatible = |change: &&Change| !change.breaking && change.subject == subject;
            let changes: Vec<&Change> = self.changes.iter().filter(compatible).collect();
            if subject == Subject::Operation {
                named.extend(changes.into_iter().map(line));
            } else if !changes.is_empty() {
                counted.push(format!("{} {what}", changes.len()));
            }
        }
        if !counted.is_empty() {
            named.push(format!("new or more lenient: {}", counted.join(", ")));
        }
        list("Compatible", named);
        Some(text)
    }
}

const SUBJECTS: [(Subject, &str); 5] = [
    (Subject::Operation, "operations"),
    (Subject::Parameter, "parameters"),
    (Subject::Type, "types"),
    (Subject::Field, "fields"),
    (Subject::Value, "enum values"),
];

fn line(change: &Change) -> String {
    let Change { name, detail, .. } = change;
    match change.kind {
        Kind::Added => format!("added `{name}`: {detail}"),
        Kind::Removed => format!("removed `{name}`: {detail}"),
        Kind::Renamed => format!("renamed `{name}`: {detail}"),
        Kind::Changed => format!("changed `{name}`: {detail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_cargos_rules() {
        let after = |step: Step, version: &str| {
            let version = Version::parse(version).unwrap();
            (step.after(&version).to_string(), step.name(&version))
        };
        for (step, version, expected) in [
            (Step::Breaking, "0.1.4+1.2.0", ("0.2.0", "minor")),
            (Step::Feature, "0.1.4+1.2.0", ("0.1.5", "patch")),
            (Step::Fix, "0.1.4+1.2.0", ("0.1.5", "patch")),
            (Step::Breaking, "0.0.4", ("0.0.5", "patch")),
            (Step::Breaking, "2.1.4", ("3.0.0", "major")),
            (Step::Feature, "2.1.4", ("2.2.0", "minor")),
            (Step::Fix, "2.1.4", ("2.1.5", "patch")),
        ] {
            let (number, name) = after(step, version);
            assert_eq!((number.as_str(), name), expected, "{step:?} {version}");
        }
    }

    #[test]
    fn fixups_say_how_often_they_applied_before_and_now() {
        let applied = |name: &str, count| Applied {
            name: name.to_owned(),
            count,
        };
        let names = ["same", "more", "less", "gone", "idle"];
        let old = [5, 5, 5, 5, 0].into_iter().zip(names);
        let new = [5, 6, 4, 0, 0].into_iter().zip(names);
        let old: Vec<_> = old.map(|(count, name)| applied(name, count)).collect();
        let mut new: Vec<_> = new.map(|(count, name)| applied(name, count)).collect();
        new.push(applied("fresh", 1));
        let report = Report {
            fixups: compare_fixups(Some(&old), &new),
            ..empty()
        };
        assert_eq!(
            report.fixup_lines(),
            [
                "`more` applies more often: 6 times (before: 5 times)",
                "`less` applies less often: 4 times (before: 5 times)",
                "`gone` no longer applies (before: 5 times)",
                "apply nowhere: `idle`",
            ]
        );
    }

    #[test]
    fn a_report_without_changes_says_so_and_leaves_the_changelog_alone() {
        let report = empty();
        assert!(report.text().contains("nothing changes"));
        assert_eq!(report.changelog(), None);
    }

    fn empty() -> Report {
        Report {
            from: Some("1.0.0".to_owned()),
            to: "1.1.0".to_owned(),
            current: Version::new(0, 1, 0),
            changes: Vec::new(),
            unknown: None,
            fixups: Vec::new(),
            lacking: Vec::new(),
            grafted: Vec::new(),
            unrecognised_paging: Vec::new(),
            undocumented_operations: Vec::new(),
            undocumented_types: Vec::new(),
            dangling_documentation: Vec::new(),
            new_tags: Vec::new(),
            gone_tags: Vec::new(),
        }
    }
}
