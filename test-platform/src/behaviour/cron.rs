//! Cron expressions: minute, hour, day of the month, month, day of the week.

use crate::state::{Millis, SECOND};

const MINUTE: Millis = 60 * SECOND;

/// An expression, taken apart.
pub struct Cron([Vec<u32>; 5]);

impl Cron {
    /// Reads five fields of `*`, numbers, lists, ranges and steps, or a preset such as `@daily`.
    pub fn read(text: &str) -> Option<Self> {
        let text = match text.trim().trim_start_matches('@').to_lowercase().as_str() {
            "hourly" => "0 * * * *",
            "daily" | "midnight" => "0 0 * * *",
            "weekly" => "0 0 * * 0",
            "monthly" => "0 0 1 * *",
            "yearly" | "annually" => "0 0 1 1 *",
            _ => text.trim(),
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return None;
        };
        Some(Self([
            field(minute, 0, 59)?,
            field(hour, 0, 23)?,
            field(day, 1, 31)?,
            field(month, 1, 12)?,
            field(weekday, 0, 7)?
                .into_iter()
                .map(|day| day % 7)
                .collect(),
        ]))
    }

    /// The next moment after another, in UTC; none within four years.
    pub fn after(&self, moment: Millis) -> Option<Millis> {
        let mut next = (moment.div_euclid(MINUTE) + 1) * MINUTE;
        let end = moment + 4 * 366 * 24 * 60 * MINUTE;
        while next < end {
            let [minute, hour, day, month, weekday] = parts(next);
            let [minutes, hours, days, months, weekdays] = &self.0;
            let is_day = match (days.len() == 31, weekdays.len() >= 7) {
                // Where both are restricted, either is enough.
                (false, false) => days.contains(&day) || weekdays.contains(&weekday),
                _ => days.contains(&day) && weekdays.contains(&weekday),
            };
            if !months.contains(&month) || !is_day {
                let day = 24 * 60 * MINUTE;
                next = (next.div_euclid(day) + 1) * day;
            } else if !hours.contains(&hour) {
                let hour = 60 * MINUTE;
                next = (next.div_euclid(hour) + 1) * hour;
            } else if !minutes.contains(&minute) {
                next += MINUTE;
            } else {
                return Some(next);
            }
        }
        None
    }
}

fn field(text: &str, first: u32, last: u32) -> Option<Vec<u32>> {
    let mut values = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (first, last),
            (_, Some((from, to))) => (from.parse().ok()?, to.parse().ok()?),
            (one, None) if step > 1 => (one.parse().ok()?, last),
            (one, None) => (one.parse().ok()?, one.parse().ok()?),
        };
        if from < first || to > last || from > to {
            return None;
        }
        values.extend((from..=to).step_by(step as usize));
    }
    Some(values)
}

/// Minute, hour, day of the month, month, day of the week (0 is Sunday).
fn parts(moment: Millis) -> [u32; 5] {
    let minutes = moment.div_euclid(MINUTE);
    let days = minutes.div_euclid(24 * 60);
    // Civil date of a day count, after the proleptic Gregorian calendar.
    let shifted = days + 719_468;
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    [
        minutes.rem_euclid(60) as u32,
        minutes.div_euclid(60).rem_euclid(24) as u32,
        day as u32,
        month as u32,
        (days + 4).rem_euclid(7) as u32,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{iso, parse_time};

    #[test]
    fn the_next_moment_of_an_expression() {
        for (expression, after, next) in [
            (
                "*/15 * * * *",
                "2026-02-28T23:50:10Z",
                "2026-03-01T00:00:00Z",
            ),
            (
                "30 6 * * 1-5",
                "2026-07-03T06:30:00Z",
                "2026-07-06T06:30:00Z",
            ),
            ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 12 1 * 0", "2026-08-02T12:00:00Z", "2026-08-09T12:00:00Z"),
            ("@daily", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            let from = parse_time(after).unwrap();
            let found = Cron::read(expression).unwrap().after(from).unwrap();
            assert_eq!(iso(found), next, "{expression}");
        }
        for wrong in ["", "* * * *", "60 * * * *", "a * * * *", "5-1 * * * *"] {
            assert!(Cron::read(wrong).is_none(), "{wrong}");
        }
    }
}
