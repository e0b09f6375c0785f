//! Rows as a table, and as CSV.

use std::io::{IsTerminal, Write};

use chrono::{DateTime, Datelike, Utc};
use comfy_table::{Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, presets};
use serde_json::Value;

use super::cell::{at, harmless, text};
use super::{Column, Table, Trouble, Unit};

/// A column that is shown.
struct Shown {
    name: String,
    path: String,
    unit: Unit,
}

impl Shown {
    fn plain(name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            unit: Unit::Plain,
        }
    }
}

impl From<&Column> for Shown {
    fn from(column: &Column) -> Self {
        Self {
            unit: column.unit,
            ..Self::plain(column.name, column.path)
        }
    }
}

/// The columns that were asked for, by a column's name or by a path in the row.
fn chosen(table: &Table, names: Option<&[String]>) -> Result<Vec<Shown>, Trouble> {
    let Some(names) = names else {
        if table.columns.is_empty() {
            return Ok(plain_fields(table));
        }
        return Ok(table.columns.iter().map(Shown::from).collect());
    };
    let find = |name: &String| {
        let named = |column: &&Column| column.name.eq_ignore_ascii_case(name);
        if let Some(column) = table.columns.iter().find(named) {
            return Ok(Shown::from(column));
        }
        if table.rows.is_empty() || table.rows.iter().any(|row| at(row, name).is_some()) {
            return Ok(Shown::plain(name, name));
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
fn plain_fields(table: &Table) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut add = |name: String| {
        if !found.iter().any(|known| known.path == name) {
            found.push(Shown::plain(&name, &name));
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
    let mut columns = chosen(table, names)?;
    if !table.title.is_empty() {
        writeln!(out, "{}\n", harmless(&table.title))?;
    }
    if table.rows.is_empty() {
        writeln!(out, "None.")?;
        return Ok(());
    }
    let mut drawn = draw(table, &columns, Times::Whole);
    let width = drawn.width().map(usize::from);
    let width = width.filter(|_| std::io::stdout().is_terminal());
    if let Some(width) = width.filter(|width| room(&drawn) > *width) {
        if names.is_none() {
            // What nobody has takes no room.
            let is_told = |row: &Value, path: &str| !text(at(row, path)).is_empty();
            columns.retain(|column| table.rows.iter().any(|row| is_told(row, &column.path)));
        }
        let times = Times::Short(Utc::now());
        drawn = draw(table, &columns, times);
        // Ids and names, which are copied from there, stay whole, and so do times, numbers with a
        // unit, and what has a colour.
        let fits = fit(&mut drawn, width, |index| {
            let column = &columns[index];
            let is_whole = |row: &Value| {
                let text = text(at(row, &column.path));
                times.of(&text).is_some() || color(&text).is_some()
            };
            index == 0 || column.unit != Unit::Plain || table.rows.iter().any(is_whole)
        });
        if !fits {
            write_one_by_one(table, &columns, out)?;
            return Ok(write_footer(table, out)?);
        }
    }
    for line in drawn.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(write_footer(table, out)?)
}

fn write_footer(table: &Table, out: &mut impl Write) -> std::io::Result<()> {
    match &table.footer {
        Some(footer) => writeln!(out, "\n{}", harmless(footer)),
        None => Ok(()),
    }
}

/// The blanks around each column.
const BLANKS: usize = 2;

/// Columns as narrow as this are never broken, and others not made narrower than `NARROWEST`.
const NARROW: usize = 10;
const NARROWEST: usize = 8;

fn widths(drawn: &comfy_table::Table) -> Vec<usize> {
    let widths = drawn.column_max_content_widths().into_iter();
    widths.map(usize::from).collect()
}

/// How wide a table is.
fn room(drawn: &comfy_table::Table) -> usize {
    widths(drawn).iter().map(|width| width + BLANKS).sum()
}

/// Breaks the cells of a table so that it fits, but for columns that stay whole. It may not.
fn fit(drawn: &mut comfy_table::Table, width: usize, stays_whole: impl Fn(usize) -> bool) -> bool {
    let mut least = 0;
    for (index, content) in widths(drawn).into_iter().enumerate() {
        let whole = content <= NARROW || stays_whole(index);
        least += BLANKS + if whole { content } else { NARROWEST };
        if let Some(column) = drawn.column_mut(index).filter(|_| whole) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    drawn.set_content_arrangement(ContentArrangement::Dynamic);
    least <= width
}

/// Row by row, a line for each column, where they don't fit beside each other.
fn write_one_by_one(table: &Table, columns: &[Shown], out: &mut impl Write) -> std::io::Result<()> {
    for (index, row) in table.rows.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let facts = columns.iter().map(|column| {
            let told = told(row, column, Times::Whole).0;
            (column.name.clone(), told)
        });
        let facts: Vec<_> = facts.filter(|(_, told)| !told.is_empty()).collect();
        super::write_facts("", &facts, out)?;
    }
    Ok(())
}

fn draw(table: &Table, columns: &[Shown], times: Times) -> comfy_table::Table {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(presets::NOTHING);
    // What may be seen is the stream's to say, which takes colours away.
    drawn.enforce_styling();
    drawn.set_header(columns.iter().map(|column| {
        Cell::new(column.name.to_uppercase()).add_attribute(comfy_table::Attribute::Bold)
    }));
    for row in &table.rows {
        drawn.add_row(columns.iter().map(|column| cell(row, column, times)));
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

/// What a cell tells, and whether that is a number with its unit.
fn told(row: &Value, column: &Shown, times: Times) -> (String, bool) {
    let value = at(row, &column.path);
    let unit = column.unit.in_row(row);
    let number = value.and_then(Value::as_f64);
    if let Some(number) = number.filter(|_| unit != Unit::Plain) {
        return (unit.tell(number), true);
    }
    let text = harmless(&text(value));
    (times.of(&text).unwrap_or(text), false)
}

fn cell(row: &Value, column: &Shown, times: Times) -> Cell {
    let (text, is_number) = told(row, column, times);
    let color = color(&text);
    let cell = Cell::new(text);
    match (color, is_number) {
        (_, true) => cell.set_alignment(CellAlignment::Right),
        (Some(color), _) => cell.fg(color),
        (None, _) => cell,
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
    csv.write_record(columns.iter().map(|column| &column.name))
        .map_err(wrong)?;
    for row in &table.rows {
        let cells = columns.iter().map(|column| text(at(row, &column.path)));
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

    #[test]
    fn rows_that_do_not_fit_beside_each_other_stand_one_by_one() {
        const COLUMNS: &[Column] = &[
            Column::new("Id", "id"),
            Column::new("Name", "name"),
            Column::of(Unit::Milliseconds, "Took", "took"),
            Column::new("Ended", "ended"),
        ];
        let row = |id: &str, took: u64| {
            serde_json::json!({
                "id": id,
                "name": "a name that may well be broken",
                "took": took,
                "ended": "2026-11-27T23:50:45Z",
            })
        };
        let table = Table {
            title: String::new(),
            rows: vec![row("0123456789abcdef", 1500), row("b", 61_000)],
            columns: COLUMNS,
            footer: None,
        };
        let columns: Vec<_> = COLUMNS.iter().map(Shown::from).collect();
        let fits = |width: usize| {
            let mut drawn = draw(&table, &columns, Times::Whole);
            fit(&mut drawn, width, |index| index != 1)
        };
        // 16 and 17 and 5 whole, 8 for the name, and the blanks.
        assert!(fits(54) && !fits(53));
        let mut out = Vec::new();
        write_one_by_one(&table, &columns, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let second = text.split("\n\n").nth(1).unwrap();
        assert_eq!(
            second,
            "Id     b\nName   a name that may well be broken\nTook   1m 1s\nEnded  2026-11-27 23:50Z\n"
        );
    }
}
