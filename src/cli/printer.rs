//! [`Printer`]: the only owner of stdout and stderr.

use std::fs::File;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::bars::{Bars, Lines, Remarks};
use super::globals::{Format, Globals};
use super::report::{Failure, exit_code, lines};
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
        }
    }

    /// The handle that stops the work.
    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Standard output, for bytes that are no result. From now on results go to standard error.
    ///
    /// # Errors
    /// [`Class::Usage`] when it is a terminal.
    pub(super) fn give_stdout(&self) -> Result<File> {
        use std::io::IsTerminal as _;
        use std::os::fd::AsFd as _;
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Err(Error::new(Class::Usage, "an archive is nothing for a terminal")
                .hint("name a file, or pipe it into something, as in `| docker load`"));
        }
        self.stdout_given.store(true, Ordering::Relaxed);
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
        Arc::new(Cancellable::new(told, self.cancel.clone()))
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
        match self.format {
            Format::Json => {
                let json = serde_json::to_string_pretty(value)
                    .map_err(|e| Error::new(Class::Other, "cannot write JSON").source(e))?;
                self.out(&format!("{}\n", ascii(&json)))
            }
            Format::Text => {
                self.out(&text().iter().map(|line| format!("{line}\n")).collect::<String>())
            }
        }
    }

    /// Prints bytes as they are.
    pub(super) fn raw(&self, bytes: &[u8]) -> Result<ExitCode> {
        self.write(bytes).map(|()| ExitCode::SUCCESS)
    }

    /// Prints a remark for people.
    pub(super) fn note(&self, line: &str) {
        if !self.quiet {
            err(line);
        }
    }

    /// Prints a failure and gives its exit code.
    pub(super) fn failure(&self, error: &Error) -> ExitCode {
        if self.is_json() {
            // The exit code tells all the same when even this cannot be printed.
            let _ = self.result(&Failure::of(error), Vec::new);
        }
        self.complain(error);
        exit_code(error.class())
    }

    /// Prints a failure for people, and nothing else.
    pub(super) fn complain(&self, error: &Error) {
        for line in lines(error) {
            err(&line);
        }
    }

    fn out(&self, text: &str) -> Result<()> {
        self.write(text.as_bytes())
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        let mut out: Box<dyn io::Write> = match self.stdout_given.load(Ordering::Relaxed) {
            true => Box::new(io::stderr().lock()),
            false => Box::new(io::stdout().lock()),
        };
        match out.write_all(bytes).and_then(|()| out.flush()) {
            // Whoever closed the pipe has seen enough.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|e| Error::io("cannot write the result", e)),
        }
    }
}

/// JSON in ASCII: what is not plain is spelled `\uXXXX`, so that nothing in a name can act on a
/// terminal that shows it.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_spelled_in_ascii() {
        let json = serde_json::to_string("a\u{202e}\u{1b}ü\u{1f600}\u{7f}").unwrap();

        let spelled = ascii(&json);

        assert_eq!(spelled, r#""a\u202e\u001b\u00fc\ud83d\ude00\u007f""#);
        assert_eq!(
            serde_json::from_str::<String>(&spelled).unwrap(),
            "a\u{202e}\u{1b}ü\u{1f600}\u{7f}"
        );
    }
}
