//! How far things are, drawn on standard error where somebody watches.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Bars on a terminal, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    bars: Option<MultiProgress>,
}

impl Progress {
    /// Bars, where standard error is a terminal and they are `wanted`.
    pub fn new(wanted: bool) -> Self {
        let shown = wanted && std::io::stderr().is_terminal();
        Self {
            bars: shown.then(MultiProgress::new),
        }
    }

    /// Whether anything is drawn.
    pub fn is_shown(&self) -> bool {
        self.bars.is_some()
    }

    /// A bar of so many steps. It is gone when it is dropped.
    pub fn bar(&self, steps: u64) -> Bar {
        self.add(steps, "{bar:30} {pos}/{len} {msg}")
    }

    /// A bar of so many bytes.
    pub fn bytes(&self) -> Bar {
        self.add(0, "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg}")
    }

    /// A line with a message and the time that it has stood there.
    pub fn line(&self) -> Bar {
        let bar = self.add(0, "{spinner} {wide_msg} {elapsed}");
        if let Some(bar) = &bar.0 {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        bar
    }

    fn add(&self, steps: u64, template: &str) -> Bar {
        // The templates stand above, and are right.
        let style = ProgressStyle::with_template(template);
        Bar(self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(steps));
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        }))
    }

    /// Writes with `write` while no bar is in the way.
    pub fn apart<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

/// A bar, or nothing where nobody watches.
#[derive(Debug)]
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// One step more.
    pub fn step(&self) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
        }
    }

    /// So far, of so much.
    pub fn set(&self, done: u64, all: u64) {
        if let Some(bar) = &self.0 {
            bar.set_length(all);
            bar.set_position(done);
        }
    }

    /// What stands beside it.
    pub fn say(&self, text: impl Into<String>) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.into());
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
