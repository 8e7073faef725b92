//! Progress on a terminal, and in a log.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::err;
use crate::words::escape::safe;
use crate::words::progress::{Event, Progress};

/// Longest remark that is shown; a server's message can be a page.
const MAX_NOTE: usize = 300;

/// One bar a phase: bytes, rate, time left.
#[derive(Debug)]
pub(super) struct Bars {
    now: Mutex<Bar>,
}

#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    /// Whether it counts things, because their bytes are not known.
    counting: bool,
}

impl Bars {
    pub(super) fn new() -> Bars {
        Bars { now: Mutex::new(Bar::none()) }
    }
}

impl Bar {
    fn none() -> Bar {
        Bar { bar: ProgressBar::hidden(), counting: false }
    }

    fn start(name: &'static str, bytes: u64, items: u64) -> Bar {
        let counting = bytes == 0;
        let length = if counting { items } else { bytes };
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let template = match counting {
            true => "{prefix} [{bar:30}] {pos}/{len}",
            false => "{prefix} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left",
        };
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar { bar, counting }
    }

    /// Prints a line above the bar, or by itself where none is drawn.
    fn say(&self, line: &str) {
        self.bar.suspend(|| err(line));
    }
}

impl Progress for Bars {
    fn event(&self, event: Event) {
        let Ok(mut now) = self.now.lock() else { return };
        match event {
            Event::Phase { bytes: 0, items: 0, .. } | Event::Started { .. } => {}
            Event::Phase { name, bytes, items } => *now = Bar::start(name, bytes, items),
            Event::Advanced { bytes } => now.bar.inc(bytes),
            Event::Rewound { bytes } => now.bar.dec(bytes),
            Event::Finished { .. } if now.counting => now.bar.inc(1),
            Event::Finished { .. } => {}
            Event::Retrying { why, wait_ms } => now.say(&retrying(&why, wait_ms)),
            Event::Note(text) => now.say(&note(&text)),
            Event::Answered(line) => now.say(&safe(&line, MAX_NOTE)),
            Event::Done => {
                now.bar.finish_and_clear();
                *now = Bar::none();
            }
        }
    }
}

fn note(text: &str) -> String {
    format!("note: {}", safe(text, MAX_NOTE))
}

fn retrying(why: &str, wait_ms: u64) -> String {
    let seconds = Duration::from_millis(wait_ms).as_secs_f64();
    format!("retrying in {seconds:.1} s: {}", safe(why, MAX_NOTE))
}

/// Remarks, and why it takes long, without any progress.
#[derive(Debug)]
pub(super) struct Remarks;

impl Progress for Remarks {
    fn event(&self, event: Event) {
        match event {
            Event::Retrying { why, wait_ms } => err(&retrying(&why, wait_ms)),
            Event::Note(text) => err(&note(&text)),
            _ => {}
        }
    }
}

/// A line now and then, for logs.
#[derive(Debug)]
pub(super) struct Lines {
    phase: Mutex<Phase>,
}

#[derive(Debug)]
struct Phase {
    name: &'static str,
    bytes: u64,
    items: u64,
    moved: u64,
    begun: Instant,
    told: Instant,
}

/// How often a long phase is reported.
const EVERY: Duration = Duration::from_secs(10);

impl Lines {
    pub(super) fn new() -> Lines {
        let now = Instant::now();
        let phase = Phase { name: "", bytes: 0, items: 0, moved: 0, begun: now, told: now };
        Lines { phase: Mutex::new(phase) }
    }
}

impl Phase {
    /// Bytes, rate and time left.
    fn tell(&mut self) {
        self.told = Instant::now();
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        let rate = self.moved as f64 / seconds;
        let left = self.bytes.saturating_sub(self.moved) as f64 / rate.max(1.0);
        err(&format!(
            "{}: {} of {}, {}/s, {} left",
            self.name,
            HumanBytes(self.moved),
            HumanBytes(self.bytes),
            HumanBytes(rate as u64),
            HumanDuration(Duration::from_secs_f64(left.min(1e9))),
        ));
    }
}

impl Progress for Lines {
    fn event(&self, event: Event) {
        let Ok(mut phase) = self.phase.lock() else { return };
        match event {
            Event::Phase { name, bytes, items } => {
                let now = Instant::now();
                *phase = Phase { name, bytes, items, moved: 0, begun: now, told: now };
                match (items, bytes) {
                    (0, _) => {}
                    (_, 0) => err(&format!("{name}: {items} to look at")),
                    _ => err(&format!("{name}: {items} files, {}", HumanBytes(bytes))),
                }
            }
            Event::Advanced { bytes } => {
                phase.moved += bytes;
                if phase.told.elapsed() >= EVERY {
                    phase.tell();
                }
            }
            Event::Rewound { bytes } => phase.moved = phase.moved.saturating_sub(bytes),
            Event::Retrying { why, wait_ms } => err(&retrying(&why, wait_ms)),
            Event::Note(text) => err(&note(&text)),
            Event::Answered(line) => err(&safe(&line, MAX_NOTE)),
            Event::Done if phase.items > 0 && phase.bytes > 0 => {
                let took = phase.begun.elapsed();
                err(&format!("{}: done in {:.1} s", phase.name, took.as_secs_f64()));
            }
            Event::Done | Event::Started { .. } | Event::Finished { .. } => {}
        }
    }
}
