//! Moments: those of a schedule that have come since the last look.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use serde_json::{Value, json};

use super::memory::Memory;
use crate::kit::{Error, Result};
use crate::rules::event::Seen;
use crate::rules::file::{Missed, Schedule, parse_cron};

/// How late a moment may be seen without having been missed.
const LATE: TimeDelta = TimeDelta::minutes(1);
/// How many moments are taken at once.
const BATCH: usize = 1_000;
/// How far a clock may be set back without being believed.
const BACK: TimeDelta = TimeDelta::hours(25);

/// A schedule of a rule.
#[derive(Debug)]
pub struct ScheduleWatcher {
    rule: String,
    watcher: String,
    cron: Cron,
    timezone: Tz,
    missed: Missed,
    last: Option<DateTime<Utc>>,
}

impl ScheduleWatcher {
    /// Watches a schedule.
    pub async fn new(rule: &str, schedule: &Schedule, memory: &Memory) -> Result<Self> {
        // Another schedule begins when it is first there.
        let watcher = format!(
            "schedule of {rule}: {} {}",
            schedule.cron, schedule.timezone
        );
        let known = memory.memory(&watcher).await?;
        let last = known.as_ref().and_then(|known| known["last"].as_str());
        let last = last.and_then(|text| text.parse().ok());
        Ok(Self {
            rule: rule.to_owned(),
            cron: parse_cron(&schedule.cron).map_err(Error::other)?,
            timezone: schedule.timezone,
            missed: schedule.missed,
            last,
            watcher,
        })
    }

    /// When the next moment comes.
    pub fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let from = self.last.unwrap_or(now).max(now);
        self.after(from)
    }

    fn after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let here = time.with_timezone(&self.timezone);
        let next = self.cron.find_next_occurrence(&here, false).ok()?;
        Some(next.with_timezone(&Utc))
    }

    /// Takes the moments that have come. How many events are new.
    pub async fn look(&mut self, now: DateTime<Utc>, memory: &Memory) -> Result<u64> {
        let Some(last) = self.last.filter(|last| *last <= now + BACK) else {
            return self.note(now, &[], memory).await;
        };
        if last >= now {
            // The clock was set back: these moments have been.
            return Ok(0);
        }
        match self.missed {
            Missed::All => {
                let mut new = 0;
                let mut from = last;
                loop {
                    let mut moments = Vec::new();
                    while moments.len() < BATCH
                        && let Some(moment) = self.after(from).filter(|moment| *moment <= now)
                    {
                        moments.push(moment);
                        from = moment;
                    }
                    let is_end = moments.len() < BATCH;
                    let to = if is_end { now } else { from };
                    new += self.note(to, &self.events(&moments, now), memory).await?;
                    if is_end {
                        return Ok(new);
                    }
                }
            }
            Missed::Once | Missed::Skip => {
                let here = now.with_timezone(&self.timezone);
                let moment = self.cron.find_previous_occurrence(&here, true).ok();
                let moment = moment.map(|moment| moment.with_timezone(&Utc));
                let moment = moment.filter(|moment| *moment > last);
                let moment =
                    moment.filter(|moment| self.missed == Missed::Once || now - *moment <= LATE);
                let moments: Vec<_> = moment.into_iter().collect();
                self.note(now, &self.events(&moments, now), memory).await
            }
        }
    }

    async fn note(&mut self, last: DateTime<Utc>, seen: &[Seen], memory: &Memory) -> Result<u64> {
        let is_due = self.last.is_none_or(|before| {
            !seen.is_empty() || last < before || last - before >= TimeDelta::hours(1)
        });
        let note = json!({"last": last.to_rfc3339()});
        let new = match is_due {
            true => memory.see(seen, Some((&self.watcher, note))).await?,
            // Nothing has come since: the former note says as much.
            false => 0,
        };
        self.last = Some(last);
        Ok(new)
    }

    fn events(&self, moments: &[DateTime<Utc>], now: DateTime<Utc>) -> Vec<Seen> {
        let event = |moment: &DateTime<Utc>| {
            let here = moment.with_timezone(&self.timezone);
            let event: Value = json!({
                "kind": "schedule",
                "moment": here.to_rfc3339(),
                "date": here.format("%Y-%m-%d").to_string(),
                "time": here.format("%H:%M").to_string(),
                "missed": now - *moment > LATE,
            });
            Seen {
                rule: self.rule.clone(),
                key: moment.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                data: json!({"event": event}),
                at: *moment,
                ready: now.max(*moment),
            }
        };
        moments.iter().map(event).collect()
    }
}
