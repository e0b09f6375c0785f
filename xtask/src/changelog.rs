//! The changelog's section of what is not released yet.

fn is_unreleased(line: &str) -> bool {
    line.strip_prefix("## ").is_some_and(|title| {
        let title = title.trim().trim_matches(['[', ']']);
        title.eq_ignore_ascii_case("unreleased")
    })
}

/// Gives the unreleased section the name of a release, and begins another above it.
pub fn released(changelog: &str, release: &str) -> String {
    let lines = changelog.lines().map(|line| match is_unreleased(line) {
        true => format!("{line}\n\n## {release}\n"),
        false => format!("{line}\n"),
    });
    lines.collect()
}

/// Puts an entry into the unreleased section, in place of one with the same heading. The entry
/// begins with its heading, `### …`.
pub fn with_entry(changelog: Option<&str>, entry: &str) -> String {
    let changelog = changelog.unwrap_or("# Changelog\n");
    let heading = entry.lines().next().unwrap_or_default();
    let mut lines: Vec<&str> = changelog.lines().collect();
    let start = match lines.iter().position(|line| is_unreleased(line)) {
        Some(start) => start,
        None => {
            // Before the newest release, else at the end.
            let newest = lines.iter().position(|line| line.starts_with("## "));
            let start = newest.unwrap_or(lines.len());
            let mut section = vec!["## Unreleased", ""];
            if start > 0 && !lines[start - 1].is_empty() {
                section.insert(0, "");
            }
            let offset = section.len() - 2;
            lines.splice(start..start, section);
            start + offset
        }
    };
    let end = |from: usize, level: &[&str]| {
        lines[from..]
            .iter()
            .position(|line| level.iter().any(|mark| line.starts_with(mark)))
            .map_or(lines.len(), |offset| from + offset)
    };
    let section_end = end(start + 1, &["## "]);
    let old = lines[start..section_end]
        .iter()
        .position(|line| *line == heading)
        .map(|offset| start + offset);
    let (from, to) = match old {
        Some(from) => (from, end(from + 1, &["## ", "### "])),
        None => (section_end, section_end),
    };
    let trimmed = |lines: &[&str]| lines.join("\n").trim_end().to_owned();
    let (head, tail) = (trimmed(&lines[..from]), trimmed(&lines[to..]));
    let mut text = format!("{head}\n\n{}\n", entry.trim_end());
    if !tail.is_empty() {
        text.push_str(&format!("\n{tail}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "### API 1.1.0 to 1.2.0\n\n- a\n";

    #[test]
    fn a_changelog_is_begun() {
        let text = with_entry(None, ENTRY);
        assert_eq!(
            text,
            "# Changelog\n\n## Unreleased\n\n### API 1.1.0 to 1.2.0\n\n- a\n"
        );
    }

    #[test]
    fn a_release_takes_what_was_unreleased() {
        let changelog = "# Changelog\n\n## [Unreleased]\n\n- a\n\n## 0.1.0\n";
        let text = released(changelog, "0.2.0 (2026-11-27)");
        assert_eq!(
            text,
            "# Changelog\n\n## [Unreleased]\n\n## 0.2.0 (2026-11-27)\n\n- a\n\n## 0.1.0\n"
        );
        let next = with_entry(Some(&text), ENTRY);
        assert!(
            next.contains("## [Unreleased]\n\n### API 1.1.0 to 1.2.0\n\n- a\n\n## 0.2.0"),
            "{next}"
        );
    }

    #[test]
    fn entries_stand_before_the_releases() {
        let changelog = "# Changelog\n\n## [0.1.0]\n\n- first\n";
        let text = with_entry(Some(changelog), ENTRY);
        assert_eq!(
            text,
            "# Changelog\n\n## Unreleased\n\n### API 1.1.0 to 1.2.0\n\n- a\n\n## [0.1.0]\n\n- first\n"
        );
    }

    #[test]
    fn what_others_wrote_stays_and_the_same_entry_is_replaced() {
        let changelog = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- by hand\n\n## 0.1.0\n";
        let once = with_entry(Some(changelog), ENTRY);
        assert_eq!(
            once,
            "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- by hand\n\n### API 1.1.0 to 1.2.0\n\n- a\n\n## 0.1.0\n"
        );
        assert_eq!(with_entry(Some(&once), ENTRY), once);
        let other = with_entry(Some(&once), &ENTRY.replace("- a", "- b"));
        assert_eq!(other, once.replace("- a", "- b"));
    }
}
