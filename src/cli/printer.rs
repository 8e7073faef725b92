//! [`Printer`]: the only owner of stdout and stderr.

use std::fs::File;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::bars::{Bars, Lines, Remarks};
use super::globals::{Format, Globals};
use super::json::{Ending, NoValue};
use super::report::{exit_code, lines};
use super::signals::PATIENCE;
use super::stderr::err;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Cancellable, Progress, Silent};

/// Prints results to stdout, and everything else to stderr.
#[derive(Debug)]
pub(super) struct Printer {
    format: Format,
    quiet: bool,
    progress: bool,
    /// Whether standard output carries something else, so that results go to standard error.
    stdout_given: AtomicBool,
    cancel: Cancel,
    /// Whether the one JSON value of the run was printed.
    ended: AtomicBool,
    /// How many milliseconds the work may take to stop by itself.
    patience: Arc<AtomicU64>,
}

impl Printer {
    /// Prints as `globals` say. What is told of the work goes with `cancel`, which stops it.
    pub(super) fn new(globals: &Globals, cancel: Cancel) -> Printer {
        Printer {
            format: globals.format,
            quiet: globals.quiet,
            progress: !globals.quiet && !globals.no_progress,
            stdout_given: AtomicBool::new(false),
            cancel,
            ended: AtomicBool::new(false),
            patience: Arc::new(AtomicU64::new(milliseconds(PATIENCE))),
        }
    }

    /// The handle that stops the work.
    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// How many milliseconds the work may take to stop by itself.
    pub(super) fn patience(&self) -> &Arc<AtomicU64> {
        &self.patience
    }

    /// Lets the work take so long to stop by itself, once it is asked to.
    pub(super) fn finish_within(&self, patience: Duration) {
        self.patience.store(milliseconds(patience), Ordering::Relaxed);
    }

    /// Standard output, for bytes that are no result. From now on results go to standard error.
    ///
    /// # Errors
    /// [`Class::Usage`] when it is a terminal.
    pub(super) fn give_stdout(&self) -> Result<File> {
        use std::io::IsTerminal as _;
        if io::stdout().is_terminal() {
            return Err(Error::new(Class::Usage, "an archive is nothing for a terminal")
                .hint("name a file, or pipe it into something, as in `| docker load`"));
        }
        self.hand_over_stdout()
    }

    /// Standard output, for text that is no result. From now on results go to standard error.
    ///
    /// # Errors
    /// When it is closed.
    pub(super) fn hand_over_stdout(&self) -> Result<File> {
        use std::os::fd::AsFd as _;
        self.stdout_given.store(true, Ordering::Relaxed);
        let stdout = io::stdout();
        let stdout = stdout.as_fd().try_clone_to_owned();
        stdout.map(File::from).map_err(|e| Error::io("cannot write standard output", e))
    }

    /// Bars on a terminal, plain lines elsewhere; remarks alone, or nothing, when not wanted.
    pub(super) fn progress(&self) -> Arc<dyn Progress> {
        use std::io::IsTerminal as _;
        let told: Arc<dyn Progress> = match (self.progress, io::stderr().is_terminal()) {
            (true, true) => Arc::new(Bars::new()),
            (true, false) => Arc::new(Lines::new()),
            (false, _) if self.quiet => Arc::new(Silent),
            (false, _) => Arc::new(Remarks),
        };
        let told = if self.is_value_beside() { Arc::new(Silent) } else { told };
        Arc::new(Cancellable::new(told, self.cancel.clone()))
    }

    /// Whether standard error carries the one JSON value, and so nothing else.
    fn is_value_beside(&self) -> bool {
        self.is_json() && self.stdout_given.load(Ordering::Relaxed)
    }

    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a result: `value` as JSON, or the lines of `text`, which are escaped already.
    pub(super) fn result(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> Vec<String>,
    ) -> Result<()> {
        self.ending(value, None, text)
    }

    /// Prints what there is to show beside the failure `error`, if it is one: [`Printer::end`] says
    /// that for people. A run has one ending: what fails after it has its exit code alone.
    pub(super) fn ending(
        &self,
        value: &impl Serialize,
        error: Option<&Error>,
        text: impl FnOnce() -> Vec<String>,
    ) -> Result<()> {
        let text = match self.format {
            Format::Json => {
                let json = Ending::new(value, error).spelled()?;
                if self.ended.swap(true, Ordering::SeqCst) {
                    return Ok(());
                }
                json
            }
            Format::Text => text().iter().map(|line| format!("{line}\n")).collect(),
        };
        self.raw(text.as_bytes())
    }

    /// Prints bytes as they are.
    pub(super) fn raw(&self, bytes: &[u8]) -> Result<()> {
        let given = self.stdout_given.load(Ordering::Relaxed);
        write(if given { Outlet::Err } else { Outlet::Out }, bytes)
    }

    /// Prints a remark for people.
    pub(super) fn note(&self, line: &str) {
        if !self.quiet && !self.is_value_beside() {
            err(line);
        }
    }

    /// Prints what nobody may miss, asked to be quiet or not.
    pub(super) fn warn(&self, line: &str) {
        if !self.is_value_beside() {
            err(line);
        }
    }

    /// Prints a failure without results and gives its exit code.
    pub(super) fn failure(&self, error: &Error) -> ExitCode {
        // The exit code tells all the same when even this cannot be printed.
        let _ = self.ending(&NoValue {}, Some(error), Vec::new);
        self.end(Some(error))
    }

    /// Prints a failure for people, if there is one, and gives the exit code.
    pub(super) fn end(&self, error: Option<&Error>) -> ExitCode {
        let Some(error) = error else { return ExitCode::SUCCESS };
        self.complain(error);
        exit_code(error.class())
    }

    /// Prints a failure for people, and nothing else.
    pub(super) fn complain(&self, error: &Error) {
        let lines = if self.is_value_beside() { Vec::new() } else { lines(error) };
        lines.iter().for_each(|line| err(line));
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Where results go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlet {
    /// Standard output.
    Out,
    /// Standard error, where standard output has something else.
    Err,
}

/// Writes `bytes` to `stream`.
pub(super) fn write(stream: Outlet, bytes: &[u8]) -> Result<()> {
    let mut out: Box<dyn io::Write> = match stream {
        Outlet::Out => Box::new(io::stdout().lock()),
        Outlet::Err => Box::new(io::stderr().lock()),
    };
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever closed the pipe has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| Error::io("cannot write the result", e)),
    }
}
