//! Rows as a table, and as CSV.

use std::io::{IsTerminal, Write};

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Width, presets};
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
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(presets::NOTHING);
    if std::io::stdout().is_terminal() {
        drawn.set_content_arrangement(ContentArrangement::Dynamic);
    }
    // What may be seen is the stream's to say, which takes colours away.
    drawn.enforce_styling();
    drawn.set_header(columns.iter().map(|(name, _)| {
        Cell::new(name.to_uppercase()).add_attribute(comfy_table::Attribute::Bold)
    }));
    for row in &table.rows {
        drawn.add_row(columns.iter().map(|(_, path)| cell(at(row, path))));
    }
    // Days and times of day are not broken.
    for (index, (_, path)) in columns.iter().enumerate() {
        let is_time = table
            .rows
            .iter()
            .any(|row| moment(&text(at(row, path))).is_some());
        if let Some(column) = drawn.column_mut(index).filter(|_| is_time) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(DAY)));
        }
    }
    // Ids and names, which are copied from there, stay whole.
    if let Some(first) = drawn.column_mut(0) {
        first.set_constraint(ColumnConstraint::ContentWidth);
    }
    for line in drawn.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    if let Some(footer) = &table.footer {
        writeln!(out, "\n{}", harmless(footer))?;
    }
    Ok(())
}

/// The width of a day with the blanks around it.
const DAY: u16 = 12;

/// A time as people read it in a table, which may be broken after the day.
fn moment(text: &str) -> Option<String> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.to_utc().format("%Y-%m-%d %H:%MZ").to_string())
}

fn cell(value: Option<&Value>) -> Cell {
    let text = harmless(&text(value));
    let text = moment(&text).unwrap_or(text);
    // The colours that terminals adapt to a light or a dark background.
    let color = match text.as_str() {
        "SUCCEEDED" | "AVAILABLE" | "COMPLETED" | "CACHED" | "running" => Some(Color::DarkGreen),
        "FAILED" | "ERRORED" | "INVALID" | "errored" | "buildFailed" => Some(Color::DarkRed),
        "RUNNING" | "SUBMITTED" | "CREATING" | "DELETING" | "starting" | "stopping"
        | "building" => Some(Color::DarkYellow),
        _ => None,
    };
    let cell = Cell::new(text);
    match color {
        Some(color) => cell.fg(color),
        None => cell,
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
    fn times_are_short_and_break_after_the_day() {
        let time = moment("2026-11-27T23:50:45.123+01:00");
        assert_eq!(time.as_deref(), Some("2026-11-27 22:50Z"));
        assert_eq!(moment("2026-11-27"), None);
        assert_eq!(moment("nightly"), None);
    }
}
