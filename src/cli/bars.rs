//! Progress on a terminal, and in a log.
#![expect(clippy::print_stderr, reason = "progress lines go to stderr")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::words::escape::safe;
use crate::words::progress::{Event, Progress};

/// Longest remark that is shown; a server's message can be a page.
const MAX_NOTE: usize = 300;

/// One bar a phase: bytes, rate, time left.
#[derive(Debug)]
pub(super) struct Bars {
    bar: Mutex<ProgressBar>,
}

impl Bars {
    pub(super) fn new() -> Bars {
        Bars { bar: Mutex::new(ProgressBar::hidden()) }
    }

    fn start(name: &'static str, bytes: u64, items: u64) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(
            Some(if bytes > 0 { bytes } else { items }),
            ProgressDrawTarget::stderr_with_hz(10),
        );
        let template = match bytes > 0 {
            true => "{prefix} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left  {msg}",
            false => "{prefix} [{bar:30}] {pos}/{len}  {msg}",
        };
        // The templates are constants that a test parses.
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

impl Progress for Bars {
    fn event(&self, event: Event) {
        let Ok(mut bar) = self.bar.lock() else { return };
        match event {
            Event::Phase { bytes: 0, items: 0, .. } => {}
            Event::Phase { name, bytes, items } => *bar = Bars::start(name, bytes, items),
            Event::Started { .. } => {}
            Event::Advanced { bytes } => bar.inc(bytes),
            Event::Rewound { bytes } => bar.dec(bytes),
            Event::Finished { .. } => {
                if bar.length().is_some() && bar.message().is_empty() && is_counting(&bar) {
                    bar.inc(1);
                }
            }
            Event::Retrying { why, wait_ms } => bar.println(retrying(&why, wait_ms)),
            Event::Note(text) => bar.println(format!("note: {}", safe(&text, MAX_NOTE))),
            Event::Done => {
                bar.finish_and_clear();
                *bar = ProgressBar::hidden();
            }
        }
    }
}

/// Whether the bar counts things rather than bytes: such a bar never gets as long as a kilobyte.
fn is_counting(bar: &ProgressBar) -> bool {
    bar.prefix() == "reading manifests"
}

fn retrying(why: &str, wait_ms: u64) -> String {
    let seconds = Duration::from_millis(wait_ms).as_secs_f64();
    format!("retrying in {seconds:.1} s: {}", safe(why, MAX_NOTE))
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
        eprintln!(
            "{}: {} of {}, {}/s, {} left",
            self.name,
            HumanBytes(self.moved),
            HumanBytes(self.bytes),
            HumanBytes(rate as u64),
            HumanDuration(Duration::from_secs_f64(left.min(1e9))),
        );
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
                    (_, 0) => eprintln!("{name}: {items} to look at"),
                    _ => eprintln!("{name}: {items} blobs, {}", HumanBytes(bytes)),
                }
            }
            Event::Advanced { bytes } => {
                phase.moved += bytes;
                if phase.told.elapsed() >= EVERY {
                    phase.tell();
                }
            }
            Event::Rewound { bytes } => phase.moved = phase.moved.saturating_sub(bytes),
            Event::Retrying { why, wait_ms } => eprintln!("{}", retrying(&why, wait_ms)),
            Event::Note(text) => eprintln!("note: {}", safe(&text, MAX_NOTE)),
            Event::Done if phase.items > 0 && phase.bytes > 0 => {
                let took = phase.begun.elapsed();
                eprintln!("{}: done in {:.1} s", phase.name, took.as_secs_f64());
            }
            Event::Done | Event::Started { .. } | Event::Finished { .. } => {}
        }
    }
}
