//! Rows as a table, and as CSV.

use std::io::{IsTerminal, Write};

use chrono::{DateTime, Datelike, Utc};
use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, presets};
use serde_json::Value;

use super::cell::{at, harmless, text};
use super::{Column, Table, Trouble};

/// The columns that were asked for, by a column's name or by a path in the row.
fn chosen(table: &Table, names: Option<&[String]>) -> Result<Vec<(String, String)>, Trouble> {
    let Some(names) = names else {
        if table.columns.is_empty() {
            return Ok(plain_fields(table));
        }
        return Ok((table.columns.iter())
            .map(|column| (column.name.to_owned(), column.path.to_owned()))
            .collect());
    };
    let find = |name: &String| {
        let named = |column: &&Column| column.name.eq_ignore_ascii_case(name);
        if let Some(column) = table.columns.iter().find(named) {
            return Ok((column.name.to_owned(), column.path.to_owned()));
        }
        if table.rows.is_empty() || table.rows.iter().any(|row| at(row, name).is_some()) {
            return Ok((name.clone(), name.clone()));
        }
        let known: Vec<_> = table.columns.iter().map(|column| column.name).collect();
        Err(Trouble::Wrong(format!(
            "There is no column `{name}`: there are {}, and the fields of the JSON form",
            known.join(", ")
        )))
    };
    names.iter().map(find).collect()
}

/// The columns of rows whose type nobody knows: the fields that are no lists or objects, also of the
/// objects that they hold.
fn plain_fields(table: &Table) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut add = |name: String| {
        if !found.iter().any(|(known, _)| *known == name) {
            found.push((name.clone(), name));
        }
    };
    for (name, value) in table.rows.iter().filter_map(Value::as_object).flatten() {
        match value {
            Value::Object(inner) => {
                for (inner, value) in inner {
                    if !value.is_object() && !value.is_array() {
                        add(format!("{name}.{inner}"));
                    }
                }
            }
            Value::Array(_) => {}
            _ => add(name.clone()),
        }
    }
    found
}

pub fn write_table(
    table: &Table,
    names: Option<&[String]>,
    out: &mut impl Write,
) -> Result<(), Trouble> {
    let columns = chosen(table, names)?;
    if !table.title.is_empty() {
        writeln!(out, "{}\n", harmless(&table.title))?;
    }
    if table.rows.is_empty() {
        writeln!(out, "None.")?;
        return Ok(());
    }
    let mut drawn = draw(table, &columns, Times::Whole);
    if std::io::stdout().is_terminal() {
        let widths = drawn.column_max_content_widths();
        let wide: usize = widths.iter().map(|width| usize::from(*width) + 2).sum();
        if drawn.width().is_some_and(|width| wide > width.into()) {
            drawn = draw(table, &columns, Times::Short(Utc::now()));
        }
        drawn.set_content_arrangement(ContentArrangement::Dynamic);
    }
    for line in drawn.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    if let Some(footer) = &table.footer {
        writeln!(out, "\n{}", harmless(footer))?;
    }
    Ok(())
}

fn draw(table: &Table, columns: &[(String, String)], times: Times) -> comfy_table::Table {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(presets::NOTHING);
    // What may be seen is the stream's to say, which takes colours away.
    drawn.enforce_styling();
    drawn.set_header(columns.iter().map(|(name, _)| {
        Cell::new(name.to_uppercase()).add_attribute(comfy_table::Attribute::Bold)
    }));
    for row in &table.rows {
        drawn.add_row(columns.iter().map(|(_, path)| cell(at(row, path), times)));
    }
    // Ids and names, which are copied from there, stay whole, and so do times and what has a colour.
    for (index, (_, path)) in columns.iter().enumerate() {
        let stays = |row: &Value| {
            let text = text(at(row, path));
            times.of(&text).is_some() || color(&text).is_some()
        };
        if index == 0 || table.rows.iter().any(stays) {
            if let Some(column) = drawn.column_mut(index) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    drawn
}

/// How times stand in a table.
#[derive(Clone, Copy)]
enum Times {
    /// To the minute.
    Whole,
    /// Those of the present year without the year, and others without the time of day.
    Short(DateTime<Utc>),
}

impl Times {
    /// A time as people read it in a table.
    fn of(self, text: &str) -> Option<String> {
        let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
        let form = match self {
            Self::Whole => "%Y-%m-%d %H:%MZ",
            Self::Short(now) if now.year() == time.year() => "%m-%d %H:%MZ",
            Self::Short(_) => "%Y-%m-%d",
        };
        Some(time.format(form).to_string())
    }
}

fn cell(value: Option<&Value>, times: Times) -> Cell {
    let text = harmless(&text(value));
    let text = times.of(&text).unwrap_or(text);
    let color = color(&text);
    let cell = Cell::new(text);
    match color {
        Some(color) => cell.fg(color),
        None => cell,
    }
}

fn color(text: &str) -> Option<Color> {
    // The colours that terminals adapt to a light or a dark background.
    match text {
        "SUCCEEDED" | "AVAILABLE" | "COMPLETED" | "CACHED" | "running" => Some(Color::DarkGreen),
        "FAILED" | "ERRORED" | "INVALID" | "errored" | "buildFailed" => Some(Color::DarkRed),
        "RUNNING" | "SUBMITTED" | "CREATING" | "DELETING" | "starting" | "stopping"
        | "building" => Some(Color::DarkYellow),
        _ => None,
    }
}

pub fn write_csv(
    table: &Table,
    names: Option<&[String]>,
    out: &mut impl Write,
) -> Result<(), Trouble> {
    let columns = chosen(table, names)?;
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(columns.iter().map(|(name, _)| name))
        .map_err(wrong)?;
    for row in &table.rows {
        let cells = columns.iter().map(|(_, path)| text(at(row, path)));
        csv.write_record(cells).map_err(wrong)?;
    }
    Ok(csv.flush()?)
}

/// A value that is no list: its plain fields are the columns of one row.
pub fn write_csv_of_one(
    value: &Value,
    names: Option<&[String]>,
    out: &mut impl Write,
) -> Result<(), Trouble> {
    let fields: Vec<(String, String)> = match (names, value) {
        (Some(names), _) => (names.iter())
            .map(|name| (name.clone(), text(at(value, name))))
            .collect(),
        (None, Value::Object(map)) => (map.iter())
            .filter(|(_, value)| !value.is_object())
            .map(|(name, value)| (name.clone(), text(Some(value))))
            .collect(),
        (None, value) => vec![("value".to_owned(), text(Some(value)))],
    };
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(fields.iter().map(|(name, _)| name))
        .map_err(wrong)?;
    csv.write_record(fields.iter().map(|(_, value)| value))
        .map_err(wrong)?;
    Ok(csv.flush()?)
}

fn wrong(error: csv::Error) -> Trouble {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Trouble::Write(error),
        kind => Trouble::Wrong(format!("{kind:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_or_short() {
        let text = "2026-11-27T23:50:45.123+01:00";
        let told = |times: Times, text: &str| times.of(text);
        assert_eq!(
            told(Times::Whole, text).as_deref(),
            Some("2026-11-27 22:50Z")
        );
        let in_year = |year: &str| {
            let now = DateTime::parse_from_rfc3339(&format!("{year}-12-01T00:00:00Z"));
            Times::Short(now.unwrap().to_utc())
        };
        assert_eq!(told(in_year("2026"), text).as_deref(), Some("11-27 22:50Z"));
        assert_eq!(told(in_year("2027"), text).as_deref(), Some("2026-11-27"));
        assert_eq!(told(Times::Whole, "2026-11-27"), None);
        assert_eq!(told(Times::Whole, "nightly"), None);
    }
}
