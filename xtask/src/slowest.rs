//! Which tests took longest, from what a stable test harness says and when it says it.
//!
//! The harness starts tests by name, as many at once as it has threads, and the next one whenever
//! one has ended; it prints a line as each ends. So the moments of those lines are all it takes.

use crate::{Result, shell};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A test by name, and how long it ran.
pub type Timed = (String, Duration);

/// Runs `cargo test`, on one thread more than there are processors, and answers its `count` slowest
/// tests, slowest first; what it says is passed on as it comes.
pub fn run(cargo: &mut Command, count: usize) -> Result<Vec<Timed>> {
    // One more than there are processors: tests wait for daemons a fifth of their time.
    let threads = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    cargo.args(["--", &format!("--test-threads={threads}")]);
    let shown = shell::shown(cargo);
    let fail = |error: std::io::Error| format!("{shown}: {error}");
    let mut child = cargo.stdout(Stdio::piped()).spawn().map_err(fail)?;
    let stdout = child.stdout.take().ok_or("no standard output")?;
    let (mut all, mut program) = (Vec::new(), Program::begin(Instant::now()));
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(fail)?;
        println!("{line}");
        if line.starts_with("running ") {
            program = Program::begin(Instant::now());
        } else if line.starts_with("test result: ") {
            all.extend(program.times(threads));
        } else if let Some(name) = ended(&line) {
            program.ended.push((name.to_owned(), Instant::now()));
        }
    }
    let status = child.wait().map_err(fail)?;
    if !status.success() {
        return Err(format!("{shown}: {status}"));
    }
    all.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
    all.truncate(count);
    Ok(all)
}

/// The test that a line of the harness says has ended.
fn ended(line: &str) -> Option<&str> {
    let (name, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    matches!(outcome, "ok" | "FAILED").then_some(name)
}

/// One test program's run.
struct Program {
    began: Instant,
    /// In the order in which they ended.
    ended: Vec<(String, Instant)>,
}

impl Program {
    fn begin(began: Instant) -> Program {
        Program { began, ended: Vec::new() }
    }

    /// How long each test ran, where `threads` of them ran at a time.
    fn times(&self, threads: usize) -> Vec<Timed> {
        let mut waiting: Vec<&str> = self.ended.iter().map(|(name, _)| name.as_str()).collect();
        waiting.sort_unstable();
        let mut waiting = waiting.into_iter();
        let first = waiting.by_ref().take(threads).map(|name| (name, self.began));
        let mut began: HashMap<&str, Instant> = first.collect();
        let mut times = Vec::new();
        for (name, end) in &self.ended {
            // One that ends before its turn came was not started by this order: not timed.
            if let Some(begin) = began.remove(name.as_str()) {
                times.push((name.clone(), *end - begin));
            }
            began.extend(waiting.next().map(|next| (next, *end)));
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_runs_from_when_a_thread_was_free_until_its_line() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let ended = [("b", 2), ("c", 3), ("a", 10), ("d", 11)];
        let ended = ended.map(|(name, seconds)| (name.to_owned(), at(seconds))).to_vec();

        let mut times = Program { began, ended }.times(2);

        times.sort();
        let seconds = [("a", 10), ("b", 2), ("c", 1), ("d", 8)];
        assert_eq!(times, seconds.map(|(name, s)| (name.to_owned(), Duration::from_secs(s))));
    }

    #[test]
    fn the_lines_of_a_harness_are_told_apart() {
        assert_eq!(ended("test a::b ... ok"), Some("a::b"));
        assert_eq!(ended("test a ... FAILED"), Some("a"));
        assert_eq!(ended("test a ... ignored"), None);
        assert_eq!(ended("test a has been running for over 60 seconds"), None);
        assert_eq!(ended("test result: ok. 3 passed"), None);
    }
}
