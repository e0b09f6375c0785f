//! The log of a run or a task as a stream of lines.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::time::Instant;

use super::pace::Pace;
use super::{Run, status_of};
use crate::transport::again::{Trouble, USUAL_PATIENCE};
use crate::types::{LogPage, TaskStatus};
use crate::{Error, Result, StatusCode};

/// Looks in a row that bring nothing at the end of a log, while its token moves or the server says
/// that it is still on its way.
const LATE_LOOKS: u32 = 5;

/// The lines of a log: see [`Run::logs`].
#[must_use = "a stream does nothing until it is polled"]
pub struct Logs {
    state: State,
    truncated: Arc<AtomicBool>,
}

enum State {
    Idle(Box<Reader>),
    Running(BoxStream<'static, Result<String>>),
    Done,
}

impl Run {
    /// The lines of the run's log, from the first, following it until the run ends.
    ///
    /// ```no_run
    /// # async fn example(run: seqera::runs::Run) -> seqera::Result<()> {
    /// use seqera::prelude::*;
    ///
    /// let mut lines = run.logs();
    /// while let Some(line) = lines.try_next().await? {
    ///     println!("{line}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The stream ends with an error where the Platform has no log: at once for a run that has
    /// ended or was started outside it, else when there is none for ten minutes. Or where trouble
    /// outlasts as long.
    pub fn logs(&self) -> Logs {
        let truncated = Arc::<AtomicBool>::default();
        let state = State::Idle(Box::new(Reader {
            run: self.clone(),
            task: None,
            follow: true,
            pace: Pace::default(),
            trouble: Trouble::new(USUAL_PATIENCE),
            idle_since: Instant::now(),
            place: Place::default(),
            delivered: 0,
            restarted: false,
            begun: false,
            lines: VecDeque::new(),
            ended: false,
            late_looks: 0,
            over: false,
            truncated: truncated.clone(),
        }));
        Logs { state, truncated }
    }
}

impl Logs {
    /// The log of a task in place of the run's.
    pub fn task(self, task_id: i64) -> Self {
        self.set(|reader| reader.task = Some(task_id))
    }

    /// Whether to follow the log as it grows. Default: yes; otherwise the stream ends with what
    /// there is now.
    pub fn follow(self, follow: bool) -> Self {
        self.set(|reader| reader.follow = follow)
    }

    /// How often to look for more. The time that counts is that since the last line.
    pub fn pace(self, pace: Pace) -> Self {
        self.set(|reader| reader.pace = pace)
    }

    /// For how long looks may fail in a row, or a run that has not ended may be without a log,
    /// before the stream fails. Default 10 minutes.
    pub fn patience(self, patience: Duration) -> Self {
        self.set(|reader| reader.trouble = Trouble::new(patience))
    }

    /// Whether there is more of the log than the Platform shows, as it said last. Where that is so
    /// when the lines have ended, `download_workflow_log` or `download_workflow_task_log` may have
    /// all of it.
    pub fn is_truncated(&self) -> bool {
        self.truncated.load(Ordering::Relaxed)
    }

    fn set(mut self, change: impl FnOnce(&mut Reader)) -> Self {
        if let State::Idle(reader) = &mut self.state {
            change(reader);
        }
        self
    }
}

impl Stream for Logs {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let state = &mut self.state;
        if let State::Idle(_) = state
            && let State::Idle(mut reader) = std::mem::replace(state, State::Done)
        {
            reader.idle_since = Instant::now();
            let lines = stream::unfold(reader, |mut reader| async {
                reader.next().await.map(|line| (line, reader))
            });
            *state = State::Running(lines.fuse().boxed());
        }
        match state {
            State::Running(lines) => lines.poll_next_unpin(context),
            State::Idle(_) | State::Done => Poll::Ready(None),
        }
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").finish_non_exhaustive()
    }
}

/// Where to read on: after so many lines of what the token gives.
#[derive(Clone, Debug, Default)]
struct Place {
    token: Option<String>,
    skip: usize,
}

impl Place {
    /// Takes the lines of a page that are new, and moves on.
    ///
    /// Without a new token the next page begins where this one did, and holds its lines again.
    fn advance(&mut self, entries: Vec<String>, token: Option<String>) -> Vec<String> {
        let count = entries.len();
        let new = entries.into_iter().skip(self.skip).collect();
        match token.filter(|token| !token.is_empty() && self.token.as_ref() != Some(token)) {
            Some(token) => {
                self.token = Some(token);
                self.skip = self.skip.saturating_sub(count);
            }
            None => self.skip = self.skip.max(count),
        }
        new
    }
}

struct Reader {
    run: Run,
    task: Option<i64>,
    follow: bool,
    pace: Pace,
    trouble: Trouble,
    idle_since: Instant,
    place: Place,
    delivered: usize,
    /// Whether reading began anew since the last line.
    restarted: bool,
    /// Whether there is a log.
    begun: bool,
    lines: VecDeque<String>,
    /// Whether what is logged had ended before the last look.
    ended: bool,
    late_looks: u32,
    over: bool,
    truncated: Arc<AtomicBool>,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<String>> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(Ok(line));
            }
            if self.over {
                return None;
            }
            match self.read_on().await {
                Ok(()) => self.trouble.is_over(),
                Err(error) if self.trouble.outlasts(&error) || self.may_begin(&error).await => {
                    self.rest().await;
                }
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Whether the log that the server has not may yet come to be, as right after a launch.
    ///
    /// The failure has been counted as trouble.
    async fn may_begin(&mut self, error: &Error) -> bool {
        if self.begun
            || !self.follow
            || self.ended
            || !has_none(error)
            || self.trouble.is_too_long()
        {
            return false;
        }
        let may_begin = self.look_for_a_beginning().await;
        may_begin.unwrap_or_else(|error| error.may_pass())
    }

    async fn look_for_a_beginning(&mut self) -> Result<bool> {
        let run = self.run.describe().await?;
        // A log that began and ended since is found by one more look.
        self.ended = status_of(&run).is_end() || self.task_has_ended().await?;
        // Without a launch it was started elsewhere, and so is its log.
        Ok(run.workflow.is_some_and(|run| run.launch_id.is_some()))
    }

    async fn read_on(&mut self) -> Result<()> {
        self.run.locate().await?;
        let page = match self.page().await {
            Ok(page) => page,
            // The token may have gone out of use: read anew, without what was delivered.
            Err(error) if self.place.token.is_some() && !self.restarted && has_none(&error) => {
                self.restarted = true;
                self.place = Place {
                    token: None,
                    skip: self.delivered,
                };
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.begun = true;
        let truncated = page.truncated == Some(true);
        self.truncated.store(truncated, Ordering::Relaxed);
        let pending = page.pending == Some(true);
        let had_entries = page
            .entries
            .as_ref()
            .is_some_and(|entries| !entries.is_empty());
        let token = self.place.token.clone();
        let new = self
            .place
            .advance(page.entries.unwrap_or_default(), page.forward_token);
        if !new.is_empty() {
            self.delivered += new.len();
            self.restarted = false;
            self.late_looks = 0;
            self.idle_since = Instant::now();
            self.lines.extend(new);
            return Ok(());
        }
        let moved = self.place.token != token;
        if had_entries && moved {
            // Lines that were delivered before; the new ones follow.
            return Ok(());
        }
        if self.follow && !self.ended {
            // What came between the last look and the end is read by one more look.
            self.ended = self.has_ended().await?;
            if !self.ended {
                self.rest().await;
            }
            return Ok(());
        }
        let awaited = self.follow && pending;
        self.late_looks += 1;
        self.over = !(moved || awaited) || self.late_looks > LATE_LOOKS;
        if awaited && !self.over {
            self.rest().await;
        }
        Ok(())
    }

    async fn page(&self) -> Result<LogPage> {
        let (client, id) = (self.run.at_home().await?, &self.run.id);
        let token = self.place.token.clone();
        let reply = match self.task {
            None => {
                let call = client.get_workflow_log().workflow_id(id);
                call.next(token).send().await?
            }
            Some(task) => {
                let call = client.get_workflow_task_log().workflow_id(id).task_id(task);
                call.next(token).send().await?
            }
        };
        Ok(reply.log.unwrap_or_default())
    }

    async fn has_ended(&self) -> Result<bool> {
        Ok(self.task_has_ended().await? || self.run.status().await?.is_end())
    }

    /// False where the log is the run's.
    async fn task_has_ended(&self) -> Result<bool> {
        let Some(task) = self.task else {
            return Ok(false);
        };
        let call = self.run.at_home().await?.describe_workflow_task();
        let call = call.workflow_id(&self.run.id).task_id(task);
        let reply = call.send().await?;
        let status = reply.task.and_then(|task| task.status);
        Ok(matches!(
            status,
            Some(
                TaskStatus::Completed
                    | TaskStatus::Failed
                    | TaskStatus::Aborted
                    | TaskStatus::Cached
            )
        ))
    }

    async fn rest(&self) {
        let pause = self
            .pace
            .pause(self.idle_since.elapsed(), self.trouble.failures);
        tokio::time::sleep(pause).await;
    }
}

/// Whether the server says that there is no such log, or none of this token.
fn has_none(error: &Error) -> bool {
    matches!(
        error.status(),
        Some(StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::GONE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_told_once_whatever_the_token_does() {
        let pages: [(&[&str], Option<&str>); 7] = [
            (&["a", "b"], None),
            (&["a", "b", "c"], Some("t1")),
            (&[], Some("t1")),
            (&["d"], Some("t1")),
            (&["d", "e"], Some("t2")),
            (&["f"], Some("")),
            (&["f", "g"], Some("t3")),
        ];
        let mut place = Place::default();
        let mut told = Vec::new();
        for (entries, token) in pages {
            let entries = entries.iter().map(|line| (*line).to_owned()).collect();
            told.extend(place.advance(entries, token.map(str::to_owned)));
        }
        assert_eq!(told.concat(), "abcdefg");
        assert_eq!(place.token.as_deref(), Some("t3"));
    }

    #[test]
    fn reading_anew_skips_what_was_told_over_several_pages() {
        let mut place = Place {
            token: None,
            skip: 3,
        };
        let lines = |text: &str| text.chars().map(String::from).collect();
        assert!(place.advance(lines("ab"), Some("1".into())).is_empty());
        assert_eq!(place.advance(lines("cd"), Some("2".into())), ["d"]);
        assert_eq!(place.advance(lines("e"), Some("3".into())), ["e"]);
    }
}
