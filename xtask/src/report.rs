//! What a new schema means for the users of the crate, on the terminal and as Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use semver::Version;
use seqera_codegen::fixups::Applied;

use crate::diff::{Change, Kind, Subject};
use crate::manifest::plain;
use crate::provenance::Provenance;
use crate::release::{Step, level};

/// Everything that is worth knowing before a refresh is released.
#[derive(Debug)]
pub struct Report {
    /// The schema that is replaced, if there was one: its version and its checksum.
    pub from: Option<(String, String)>,
    /// Where the new one comes from.
    pub to: Provenance,
    /// Whether the new one is another.
    pub is_new: bool,
    /// What changes for programs.
    pub changes: Vec<Change>,
    /// Why that is not known, if it is not.
    pub unknown: Option<String>,
    /// What follows for the crate's version, if something was released.
    pub verdict: Option<Verdict>,
    /// How often each fixup applied, to the old schema and to the new one.
    pub fixups: Vec<(String, Option<usize>, usize)>,
    /// What hand-written code needs and the new schema lacks, by feature.
    pub lacking: BTreeMap<String, Vec<String>>,
    /// Features that can't be built with the new schema.
    pub lost_features: BTreeSet<String>,
    /// What the new schema lacks and hand-written code uses where a server knows it.
    pub grafted: Vec<String>,
    /// What was such with the schema that is replaced, and is no more.
    pub no_longer_grafted: Vec<String>,
    /// Operations that look paged, but whose paging was not recognised.
    pub unrecognised_paging: Vec<String>,
    /// Operations without documentation of ours.
    pub undocumented_operations: Vec<String>,
    /// Types without documentation of ours.
    pub undocumented_types: Vec<String>,
    /// Targets of our documentation that the new schema does not have.
    pub dangling_documentation: Vec<String>,
    /// Whether our documentation was written for a newer version, which has these targets.
    pub is_older_than_documented: bool,
    /// Features that were added for new tags.
    pub new_tags: Vec<String>,
    /// Features whose tags the new schema does not have.
    pub gone_tags: Vec<String>,
}

/// What everything that is unreleased means for the crate's version.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The version that was released last.
    pub released: Version,
    /// The step from it.
    pub step: Step,
    /// The numbers of breaking and of compatible changes since.
    pub changes: (usize, usize),
    /// The version that follows.
    pub next: Version,
}

/// Lists longer than this are folded away, and on a terminal cut off.
const LONG: usize = 40;

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

/// The numbers of breaking and of compatible changes.
pub fn count(changes: &[Change]) -> (usize, usize) {
    let breaking = changes.iter().filter(|change| change.breaking).count();
    (breaking, changes.len() - breaking)
}

fn counted((breaking, compatible): (usize, usize)) -> String {
    format!("{breaking} breaking and {compatible} compatible changes")
}

/// A heading with lines under it.
struct Section {
    title: String,
    lines: Vec<String>,
}

impl Report {
    /// One line: the versions, the changes, the step, and what can't be built.
    pub fn summary(&self) -> String {
        let mut parts = vec![match &self.unknown {
            Some(reason) => format!("what changes for programs is not known: {reason}"),
            None if !self.is_new => "the vendored schema is this one".to_owned(),
            None if self.changes.is_empty() => {
                "nothing changes for programs that use the crate".to_owned()
            }
            None => counted(count(&self.changes)),
        }];
        parts.extend(self.verdict.as_ref().map(Verdict::text));
        if !self.lost_features.is_empty() {
            let features: Vec<&str> = self.lost_features.iter().map(String::as_str).collect();
            parts.push(format!(
                "NOT TO BE BUILT with it: the features `{}`",
                features.join("`, `")
            ));
        }
        format!("{}: {}", self.way(), parts.join("; "))
    }

    /// From which version to which.
    fn way(&self) -> String {
        let to = &self.to.version;
        let Some((from, _)) = &self.from else {
            return format!("API {to}");
        };
        let number = |text: &str| Version::parse(text).ok();
        match (number(from), number(to)) {
            _ if from == to && self.is_new => {
                format!("API {from} to other contents of {to}")
            }
            _ if from == to => format!("API {to}"),
            (Some(old), Some(new)) if new < old => format!("API {from} BACK to {to}"),
            _ => format!("API {from} to {to}"),
        }
    }

    /// What stands above the lists.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let to = &self.to;
        let mut facts = vec![
            ("source", format!("{}, read on {}", to.source, to.date)),
            ("SHA-256", to.sha256.clone()),
        ];
        if let Some(verdict) = &self.verdict {
            let since = match verdict.step {
                Step::None => "the same schema".to_owned(),
                _ => counted(verdict.changes),
            };
            facts.push((
                "since the release",
                format!("{}: {since}", verdict.released),
            ));
        }
        let compiles = if self.lacking.is_empty() {
            "all that it needs is there (`cargo xtask try-schema` compiles it)"
        } else {
            "does NOT compile with this version: see what it needs"
        };
        facts.push(("hand-written code", compiles.to_owned()));
        if self.is_older_than_documented {
            let gone = self.dangling_documentation.len();
            let without = self.undocumented_operations.len() + self.undocumented_types.len();
            let mut text = format!("of a newer version; {gone} of its targets are not in this one");
            if without > 0 {
                let _ = write!(
                    text,
                    "; of operations and types of this one it lacks {without}"
                );
            }
            facts.push(("our documentation", text));
        }
        facts
    }

    /// What a maintainer does after the refresh.
    fn next_steps(&self) -> Vec<String> {
        let mut steps = Vec::new();
        if !self.lost_features.is_empty() {
            steps.push(
                "mend the files that need what is lacking, or build without their features"
                    .to_owned(),
            );
        }
        if self.is_new {
            steps.push("review `git diff tests/golden CHANGELOG.md`".to_owned());
        }
        let undocumented = self.undocumented_operations.len() + self.undocumented_types.len();
        if undocumented > 0 && !self.is_older_than_documented {
            steps.push("document what is new in `overlays/docs.yml`".to_owned());
        }
        if !self.dangling_documentation.is_empty() && !self.is_older_than_documented {
            steps.push("take documentation without target out of `overlays/docs.yml`".to_owned());
        }
        if self.is_new {
            // What stands on the library is written for the version that it has.
            let tested = match self.is_older_than_documented {
                true => "--package seqera",
                false => "--workspace",
            };
            steps.push(format!(
                "`cargo xtask check`, `cargo test {tested}`, commit"
            ));
        }
        steps
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        let mut list = |title: &str, lines: Vec<String>| {
            sections.push(Section {
                title: title.to_owned(),
                lines,
            });
        };
        let code = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect();
        let lacking = self
            .lacking
            .iter()
            .map(|(feature, needs)| format!("`{feature}` needs {}", needs.join(", ")));
        list(
            "What hand-written code needs and this version lacks",
            lacking.collect(),
        );
        for (breaking, how) in [(true, "Breaking"), (false, "Compatible")] {
            for (subject, what) in SUBJECTS {
                let of_subject =
                    |change: &&Change| change.breaking == breaking && change.subject == subject;
                let changes = self.changes.iter().filter(of_subject);
                list(&format!("{how}: {what}"), changes.map(line).collect());
            }
        }
        list("Features added for new tags", code(&self.new_tags));
        list("Features whose tags are gone", code(&self.gone_tags));
        list("Fixups", self.fixup_lines());
        list(
            "Added by us, because hand-written code uses it where a server knows it",
            code(&self.grafted),
        );
        list(
            "No longer added by us: the schema has it",
            code(&self.no_longer_grafted),
        );
        list(
            "List operations whose paging is not recognised",
            code(&self.unrecognised_paging),
        );
        if !self.is_older_than_documented {
            list(
                "Operations without documentation of ours",
                code(&self.undocumented_operations),
            );
            list(
                "Types without documentation of ours",
                code(&self.undocumented_types),
            );
            let targets = code(&self.dangling_documentation);
            list("Documentation whose target is gone", targets);
        }
        list("What to do next", self.next_steps());
        sections.retain(|section| !section.lines.is_empty());
        sections
    }

    fn fixup_lines(&self) -> Vec<String> {
        let said = |count: usize| match count {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let line = |(name, before, now): &(String, Option<usize>, usize)| {
            let before = (*before)?;
            let verdict = match (before, *now) {
                (before, now) if before == now => return None,
                (0, now) => format!("applies now: {}", said(now)),
                (before, 0) => format!("no longer applies (before: {})", said(before)),
                (before, now) => {
                    let how = if before < now { "more" } else { "less" };
                    format!(
                        "applies {how} often: {} (before: {})",
                        said(now),
                        said(before)
                    )
                }
            };
            Some(format!("`{name}` {verdict}"))
        };
        self.fixups.iter().filter_map(line).collect()
    }

    /// The report for a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.summary());
        for (name, fact) in self.facts() {
            let _ = writeln!(text, "{:<18} {}", format!("{name}:"), fact.replace('`', ""));
        }
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
        let mut text = format!("# Schema refresh\n\n{}.\n\n", self.summary());
        for (name, fact) in self.facts() {
            let _ = writeln!(text, "- {name}: {fact}");
        }
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

    /// The entry of the changelog; none where nothing changes for programs. The heading tells apart
    /// contents that were published under one version.
    pub fn changelog(&self) -> Option<String> {
        if self.changes.is_empty() {
            return None;
        }
        let (from, from_sha256) = self.from.as_ref()?;
        let short = |checksum: &str| checksum.get(..8).unwrap_or(checksum).to_owned();
        let mut text = format!(
            "### API {from} ({}) to {} ({})\n",
            short(from_sha256),
            self.to.version,
            short(&self.to.kept_sha256)
        );
        for (breaking, title) in [(true, "Breaking"), (false, "Compatible")] {
            let mut lines = Vec::new();
            for (subject, _) in SUBJECTS {
                let changes = self.changes.iter();
                let changes = changes
                    .filter(|change| change.breaking == breaking && change.subject == subject);
                lines.extend(entries(changes));
            }
            if !lines.is_empty() {
                let _ = write!(text, "\n{title}:\n\n");
                lines.iter().for_each(|line| {
                    let _ = writeln!(text, "- {line}");
                });
            }
        }
        Some(text)
    }
}

impl Verdict {
    fn text(&self) -> String {
        let released = plain(&self.released);
        match self.step {
            Step::None => format!("the schema is that of the release {released}"),
            _ => {
                let level = level(&released, &self.next);
                format!("a {level} release follows ({} after {released})", self.next)
            }
        }
    }
}

/// The lines of a changelog: what only came, or only went, is gathered by what it belongs to.
fn entries<'a>(changes: impl Iterator<Item = &'a Change>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut gathered: BTreeMap<(Kind, String), Vec<String>> = BTreeMap::new();
    for change in changes {
        match (change.kind, change.name.split_once('.')) {
            (Kind::Added | Kind::Removed, Some((owner, member))) => {
                let members = gathered.entry((change.kind, owner.to_owned())).or_default();
                members.push(format!("`{member}` ({})", change.detail));
            }
            _ => lines.push(line(change)),
        }
    }
    lines.extend(gathered.into_iter().map(|((kind, owner), members)| {
        let members = members.join(", ");
        match kind {
            Kind::Added => format!("added to `{owner}`: {members}"),
            _ => format!("removed from `{owner}`: {members}"),
        }
    }));
    lines
}

/// The subjects in the order in which they are told.
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
    use crate::source::Source;

    #[test]
    fn fixups_say_how_often_they_applied_before_and_now() {
        let applied = |name: &str, count| Applied {
            name: name.to_owned(),
            count,
        };
        let names = ["same", "more", "less", "gone", "idle", "woken"];
        let old = [5, 5, 5, 5, 0, 0].into_iter().zip(names);
        let new = [5, 6, 4, 0, 0, 1].into_iter().zip(names);
        let old: Vec<_> = old.map(|(count, name)| applied(name, count)).collect();
        let mut new: Vec<_> = new.map(|(count, name)| applied(name, count)).collect();
        new.push(applied("fresh", 1));
        let report = Report {
            fixups: compare_fixups(Some(&old), &new),
            ..empty("1.0.0", "1.1.0")
        };
        assert_eq!(
            report.fixup_lines(),
            [
                "`more` applies more often: 6 times (before: 5 times)",
                "`less` applies less often: 4 times (before: 5 times)",
                "`gone` no longer applies (before: 5 times)",
                "`woken` applies now: once",
            ]
        );
    }

    #[test]
    fn a_report_without_changes_says_so_and_leaves_the_changelog_alone() {
        let report = empty("1.0.0", "1.1.0");
        assert!(report.summary().contains("nothing changes"));
        assert_eq!(report.changelog(), None);
    }

    #[test]
    fn the_first_line_says_where_it_goes_and_what_is_lost() {
        let way = |from, to| empty(from, to).way();
        assert_eq!(way("1.9.0", "1.10.0"), "API 1.9.0 to 1.10.0");
        assert_eq!(way("1.10.0", "1.9.0"), "API 1.10.0 BACK to 1.9.0");
        assert_eq!(
            way("1.9.0", "1.9.0"),
            "API 1.9.0 to other contents of 1.9.0"
        );
        assert_eq!(way("may", "june"), "API may to june");
        let report = Report {
            lost_features: ["names", "runs"].map(str::to_owned).into(),
            ..empty("1.0.0", "1.1.0")
        };
        let expected = "NOT TO BE BUILT with it: the features `names`, `runs`";
        assert!(report.summary().ends_with(expected), "{}", report.summary());
        assert!(!report.summary().contains('\n'));
    }

    #[test]
    fn every_list_is_told_by_name_and_long_ones_are_folded_away() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut report = Report {
            lacking: [(
                "runs".to_owned(),
                names(&["`Thing.id` as `Option<String>`, not `Option<i64>`"]),
            )]
            .into(),
            grafted: names(&["list_things.search"]),
            no_longer_grafted: names(&["Status.Lost"]),
            unrecognised_paging: names(&["list_colors"]),
            undocumented_operations: (0..50)
                .map(|number| format!("operation_{number}"))
                .collect(),
            undocumented_types: names(&["Thing"]),
            dangling_documentation: names(&["$.paths['/things'].get"]),
            new_tags: names(&["beta"]),
            gone_tags: names(&["alpha"]),
            ..empty("1.0.0", "1.1.0")
        };
        let markdown = report.markdown();
        for expected in [
            "## What hand-written code needs and this version lacks (1)\n\n- `runs` needs `Thing.id` as `Option<String>`, not `Option<i64>`\n",
            "## Features added for new tags (1)\n\n- `beta`\n",
            "## Features whose tags are gone (1)\n\n- `alpha`\n",
            "## Added by us, because hand-written code uses it where a server knows it (1)\n\n- `list_things.search`\n",
            "## No longer added by us: the schema has it (1)\n\n- `Status.Lost`\n",
            "## List operations whose paging is not recognised (1)\n\n- `list_colors`\n",
            "## Operations without documentation of ours (50)\n\n<details><summary>Show</summary>\n\n- `operation_0`\n",
            "## Types without documentation of ours (1)\n\n- `Thing`\n",
            "## Documentation whose target is gone (1)\n\n- `$.paths['/things'].get`\n",
            "- take documentation without target out of `overlays/docs.yml`\n",
        ] {
            assert!(markdown.contains(expected), "{expected}{markdown}");
        }
        let text = report.text();
        assert!(
            text.contains("  operation_39\n  … and 10 more: see --report\n"),
            "{text}"
        );

        // What an older version lacks is not to be taken out.
        report.is_older_than_documented = true;
        let markdown = report.markdown();
        assert!(
            markdown.contains(
                "- our documentation: of a newer version; 1 of its targets are not in this one; of operations and types of this one it lacks 51\n"
            ),
            "{markdown}"
        );
        for left_out in [
            "take documentation",
            "without documentation",
            "document what is new",
        ] {
            assert!(!markdown.contains(left_out), "{left_out}{markdown}");
        }
        assert!(markdown.contains("`cargo test --package seqera`, commit"));
    }

    #[test]
    fn the_changelog_gathers_members_and_tells_contents_of_one_version_apart() {
        let change = |subject, kind, name: &str, detail: &str| Change {
            subject,
            kind,
            name: name.to_owned(),
            detail: detail.to_owned(),
            breaking: kind == Kind::Removed,
        };
        let report = Report {
            changes: vec![
                change(Subject::Field, Kind::Added, "Thing.a", "`String`"),
                change(Subject::Field, Kind::Added, "Thing.b", "`i64`"),
                change(Subject::Field, Kind::Removed, "Thing.c", "`bool`"),
                change(Subject::Type, Kind::Added, "Other", "a struct"),
            ],
            ..empty("1.0.0", "1.0.0")
        };
        let to = &report.to.kept_sha256[..8];
        assert_eq!(
            report.changelog().unwrap(),
            format!(
                "### API 1.0.0 (01234567) to 1.0.0 ({to})\n\n\
                 Breaking:\n\n- removed from `Thing`: `c` (`bool`)\n\n\
                 Compatible:\n\n- added `Other`: a struct\n\
                 - added to `Thing`: `a` (`String`), `b` (`i64`)\n"
            )
        );
    }

    fn empty(from: &str, to: &str) -> Report {
        Report {
            from: Some((from.to_owned(), "0123456789".to_owned())),
            to: Provenance::new(&Source::Stdin, to, b"abc", "abc"),
            is_new: true,
            changes: Vec::new(),
            unknown: None,
            verdict: None,
            fixups: Vec::new(),
            lacking: BTreeMap::new(),
            lost_features: BTreeSet::new(),
            grafted: Vec::new(),
            no_longer_grafted: Vec::new(),
            unrecognised_paging: Vec::new(),
            undocumented_operations: Vec::new(),
            undocumented_types: Vec::new(),
            dangling_documentation: Vec::new(),
            is_older_than_documented: false,
            new_tags: Vec::new(),
            gone_tags: Vec::new(),
        }
    }
}
