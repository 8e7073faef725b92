//! Progress on a terminal, and in a log.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{
    HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle,
};

use super::environment::size;
use super::remedies::told;
use super::stderr::err;
use crate::words::digest::Digest;
use crate::words::escape::{Safe, safe};
use crate::words::phrase::Phrase;
use crate::words::progress::{Event, Progress};

/// Longest remark that is shown; a server's message can be a page.
const MAX_NOTE: usize = 300;
/// Most lines of images below the bar of the whole.
const MAX_LINES: usize = 8;
/// Rows that stay free for the bar itself, and for what was said before.
const OTHER_ROWS: usize = 4;
/// What a terminal has that does not say: the size of the oldest.
const USUAL: (usize, usize) = (80, 24);

/// A bar for the phase, and below it a line for each image in flight, as far as there is room.
#[derive(Debug)]
pub(super) struct Bars {
    now: Mutex<Screen>,
}

#[derive(Debug)]
struct Screen {
    all: MultiProgress,
    bar: ProgressBar,
    /// Whether anything is drawn.
    is_shown: bool,
    /// Whether it counts things, because their bytes are not known.
    counting: bool,
    flying: Vec<Flying>,
    /// The image of each blob in flight.
    blobs: BTreeMap<Digest, String>,
}

/// An image of which something moves.
#[derive(Debug)]
struct Flying {
    name: String,
    /// How many of its blobs are on their way.
    blobs: usize,
    at: u64,
    of: u64,
    /// Its line, where there is room.
    line: Option<ProgressBar>,
}

impl Bars {
    pub(super) fn new() -> Bars {
        Bars { now: Mutex::new(Screen::none()) }
    }
}

/// How a phase is shown in so many columns.
fn style_of_phase(columns: usize, counting: bool) -> ProgressStyle {
    let template = match (counting, columns) {
        (true, 80..) => "{msg} [{bar:30}] {pos}/{len}",
        (true, _) => "{wide_msg} {pos}/{len}",
        (false, 112..) => "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left",
        (false, 80..) => "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left",
        (false, 60..) => "{wide_msg} {percent:>3}% {bytes}/{total_bytes} {bytes_per_sec}",
        (false, _) => "{wide_msg} {percent:>3}% of {total_bytes}",
    };
    style(template).progress_chars("=> ")
}

/// How an image's line is shown in so many columns, and how much room its name has there.
fn style_of_image(columns: usize) -> (ProgressStyle, usize) {
    match columns {
        112.. => (style("  {msg:76} {bytes:>11} of {total_bytes}"), 76),
        60.. => (style("  {wide_msg} {bytes:>11} of {total_bytes:<11}"), columns - 30),
        _ => (style("  {wide_msg} {percent:>3}%"), columns.saturating_sub(8)),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The end of a name, which tells most, in so many characters.
fn shortened(name: &str, room: usize) -> String {
    let name = Safe(name).to_string();
    let count = name.chars().count();
    match count > room {
        true => format!("…{}", name.chars().skip(count + 1 - room.max(1)).collect::<String>()),
        false => name,
    }
}

/// The columns and rows of the terminal.
fn room() -> (usize, usize) {
    let (columns, rows) = size(&std::io::stderr()).unwrap_or(USUAL);
    (columns, if rows == 0 { USUAL.1 } else { rows })
}

impl Screen {
    fn none() -> Screen {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let (bar, flying, blobs) = (ProgressBar::hidden(), Vec::new(), BTreeMap::new());
        Screen { all, bar, is_shown: false, counting: false, flying, blobs }
    }

    fn start(name: &'static str, bytes: u64, items: u64) -> Screen {
        let counting = bytes == 0;
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let bar = all.add(ProgressBar::new(if counting { items } else { bytes }));
        bar.set_style(style_of_phase(room().0, counting));
        bar.set_message(name);
        bar.enable_steady_tick(Duration::from_millis(200));
        let (is_shown, flying, blobs) = (true, Vec::new(), BTreeMap::new());
        Screen { all, bar, is_shown, counting, flying, blobs }
    }

    /// Prints a line above the bars, or by itself where none is drawn.
    fn say(&self, line: &str) {
        self.all.suspend(|| err(line));
    }

    /// Wipes the bars, until they are drawn again.
    fn hide(&self) {
        // What cannot be drawn cannot be wiped either.
        let _ = self.all.clear();
        self.all.set_draw_target(ProgressDrawTarget::hidden());
    }

    fn show(&self) {
        if self.is_shown {
            self.all.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
    }

    fn started(&mut self, digest: Digest, bytes: u64, of: String) {
        if self.bar.is_hidden() || of.is_empty() {
            return;
        }
        self.blobs.insert(digest, of.clone());
        match self.flying.iter_mut().find(|flying| flying.name == of) {
            Some(flying) => {
                flying.blobs += 1;
                flying.of = flying.of.saturating_add(bytes);
                flying.show();
            }
            None => {
                self.flying.push(Flying { name: of, blobs: 1, at: 0, of: bytes, line: None });
                self.fill();
            }
        }
    }

    /// Gives those a line that have none, where there is room.
    fn fill(&mut self) {
        let (columns, rows) = room();
        let most = rows.saturating_sub(OTHER_ROWS).min(MAX_LINES);
        let shown = self.flying.iter().filter(|flying| flying.line.is_some()).count();
        let (style, width) = style_of_image(columns);
        let without = self.flying.iter_mut().filter(|flying| flying.line.is_none());
        for flying in without.take(most.saturating_sub(shown)) {
            let line = self.all.add(ProgressBar::new(flying.of));
            line.set_style(style.clone());
            line.set_message(shortened(&flying.name, width));
            flying.line = Some(line);
            flying.show();
        }
    }

    fn moved(&mut self, digest: Option<Digest>, by: impl Fn(u64) -> u64) {
        let name = digest.and_then(|digest| self.blobs.get(&digest));
        let flying = name.and_then(|name| self.flying.iter_mut().find(|it| it.name == *name));
        if let Some(flying) = flying {
            flying.at = by(flying.at);
            flying.show();
        }
    }

    fn finished(&mut self, digest: &Digest) {
        let Some(name) = self.blobs.remove(digest) else { return };
        let Some(place) = self.flying.iter().position(|flying| flying.name == name) else { return };
        self.flying[place].blobs -= 1;
        if self.flying[place].blobs == 0 {
            let flying = self.flying.remove(place);
            if let Some(line) = flying.line {
                line.finish_and_clear();
                self.all.remove(&line);
            }
            self.fill();
        }
    }

    fn end(&mut self) {
        for flying in &mut self.flying {
            if let Some(line) = flying.line.take() {
                line.finish_and_clear();
            }
        }
        self.bar.finish_and_clear();
        *self = Screen::none();
    }
}

impl Flying {
    fn show(&self) {
        if let Some(line) = &self.line {
            line.set_length(self.of);
            line.set_position(self.at.min(self.of));
        }
    }
}

impl Progress for Bars {
    fn event(&self, event: Event) {
        let Ok(mut now) = self.now.lock() else { return };
        match event {
            Event::Phase { bytes: 0, items: 0, .. } => {}
            Event::Phase { name, bytes, items } => {
                now.end();
                *now = Screen::start(name, bytes, items);
            }
            Event::Started { digest, bytes, of } => now.started(digest, bytes, of),
            Event::Advanced { digest, bytes } => {
                now.bar.inc(bytes);
                now.moved(digest, |at| at.saturating_add(bytes));
            }
            Event::Rewound { digest, bytes } => {
                now.bar.dec(bytes);
                now.moved(Some(digest), |at| at.saturating_sub(bytes));
            }
            Event::Finished { digest } => {
                if now.counting {
                    now.bar.inc(1);
                }
                now.finished(&digest);
            }
            Event::Retrying { why, wait_ms } => now.say(&retrying(&why, wait_ms)),
            Event::Note(text) => now.say(&note(&text)),
            Event::Answered(line) => now.say(&safe(&line, MAX_NOTE)),
            Event::Done => now.end(),
            Event::Paused => now.hide(),
            Event::Resumed => now.show(),
        }
    }
}

fn note(text: &Phrase) -> String {
    format!("note: {}", safe(&told(text), MAX_NOTE))
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

/// `1 file`, `2 files`.
fn files(items: u64) -> String {
    format!("{items} file{}", if items == 1 { "" } else { "s" })
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
                    _ => err(&format!("{name}: {}, {}", files(items), HumanBytes(bytes))),
                }
            }
            Event::Advanced { bytes, .. } => {
                phase.moved += bytes;
                if phase.told.elapsed() >= EVERY {
                    phase.tell();
                }
            }
            Event::Rewound { bytes, .. } => phase.moved = phase.moved.saturating_sub(bytes),
            Event::Retrying { why, wait_ms } => err(&retrying(&why, wait_ms)),
            Event::Note(text) => err(&note(&text)),
            Event::Answered(line) => err(&safe(&line, MAX_NOTE)),
            Event::Done if phase.items > 0 && phase.bytes > 0 => {
                let took = phase.begun.elapsed();
                err(&format!("{}: done in {:.1} s", phase.name, took.as_secs_f64()));
            }
            Event::Done | Event::Started { .. } | Event::Finished { .. } => {}
            Event::Paused | Event::Resumed => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(shortened("docker.io/library/alpine:3.20", 40), "docker.io/library/alpine:3.20");
        assert_eq!(shortened("docker.io/library/alpine:3.20", 12), "…alpine:3.20");
        assert_eq!(shortened("a\u{1b}b", 40), "a\\u{1b}b");
        assert_eq!(shortened("abc", 0), "…");
    }

    #[test]
    fn every_template_is_one() {
        for columns in [0, 20, 40, 59, 60, 79, 80, 111, 112, 200] {
            for counting in [true, false] {
                let _ = style_of_phase(columns, counting);
            }
            let (_, width) = style_of_image(columns);
            assert!(width <= columns);
        }
    }
}
