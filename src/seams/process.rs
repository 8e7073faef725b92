//! Other programs, whose output is read as it comes.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::words::error::{Class, Error, Result};

/// How many of a program's last lines on standard error are told. They say why it failed.
const MAX_LINES: usize = 8;
/// Longest such line that is kept.
const MAX_LINE: usize = 400;
/// How much is still read when nobody wants more: a program that has next to nothing left to say
/// ends by itself, and tidies up.
const LAST_WORDS: u64 = 1 << 20;
/// How often, and how long apart, a program is looked at after it was asked to end.
const LOOKS: (u32, Duration) = (100, Duration::from_millis(20));

/// A running program, to be read from. At the end of its output it has to have succeeded, else
/// reading fails. Dropped before, the program is ended.
#[derive(Debug)]
pub struct Running {
    program: String,
    child: Child,
    output: Option<ChildStdout>,
    complaints: Option<JoinHandle<VecDeque<String>>>,
    explain: fn(Error) -> Error,
}

impl Running {
    /// Starts `command`. What it says when it fails becomes an [`Error`], which `explain` may
    /// make a better one, by its [`findings`](Error::findings): the last lines on standard error.
    ///
    /// # Errors
    /// When it is not installed, or the system refuses.
    pub fn start(command: &mut Command, explain: fn(Error) -> Error) -> Result<Running> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                Error::new(Class::Other, format!("{program} is not installed, or not in PATH"))
                    .hint(format!("install {program}, or export from an archive that it wrote"))
            }
            _ => Error::io(format!("cannot run {program}"), e),
        })?;
        let output = child.stdout.take();
        let complaints =
            child.stderr.take().map(|stderr| std::thread::spawn(|| last_lines(stderr)));
        Ok(Running { program, child, output, complaints, explain })
    }

    /// Waits for the end; an error unless it went well.
    fn finish(&mut self) -> Result<()> {
        self.output = None;
        let status =
            self.child.wait().map_err(|e| Error::io(format!("cannot run {}", self.program), e))?;
        let said = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        match status.success() {
            true => Ok(()),
            false => {
                // Whoever stops sealift from a terminal stops the program as well.
                crate::seams::interrupt::check()?;
                let text = format!("{} failed ({status})", self.program);
                Err((self.explain)(Error::new(Class::Other, text).details(said)))
            }
        }
    }
}

impl Read for Running {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(output) = &mut self.output else { return Ok(0) };
        match output.read(buffer)? {
            0 if !buffer.is_empty() => {
                self.finish().map_err(Error::into_io)?;
                Ok(0)
            }
            got => Ok(got),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(output) = self.output.take() else { return };
        let mut rest = output.take(LAST_WORDS);
        // Errors are of no interest any more, nor is how it ends.
        let ended = !crate::seams::interrupt::raised()
            && io::copy(&mut rest, &mut io::sink()).is_ok_and(|got| got < LAST_WORDS);
        drop(rest);
        if !ended {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
        for _ in 0..LOOKS.0 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOKS.1);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last lines of what a program says.
fn last_lines(stderr: ChildStderr) -> VecDeque<String> {
    let mut stderr = BufReader::new(stderr);
    let mut lines = VecDeque::new();
    loop {
        let mut line = Vec::new();
        // A line without an end comes in parts, each a line.
        let got = stderr.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line).unwrap_or(0);
        if got == 0 {
            return lines;
        }
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        if !line.is_empty() {
            lines.push_back(line);
        }
        if lines.len() > MAX_LINES {
            lines.pop_front();
        }
    }
}

/// Runs `command` to its end, for at most `limit` bytes of output.
///
/// # Errors
/// As [`Running::start`], and when it fails or says more.
pub fn output(command: &mut Command, limit: u64, explain: fn(Error) -> Error) -> Result<Vec<u8>> {
    let mut running = Running::start(command, explain)?;
    let what = format!("cannot read from {}", running.program);
    let mut bytes = Vec::new();
    let got = running.by_ref().take(limit + 1).read_to_end(&mut bytes);
    match got.map_err(|e| Error::io(what, e))? as u64 > limit {
        true => {
            let text = format!("{} says more than {limit} bytes", running.program);
            Err(Error::new(Class::Other, text))
        }
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_a_program_says_is_read_and_why_it_failed_is_told() {
        assert_eq!(output(&mut shell("echo hello"), 100, |e| e).unwrap(), b"hello\n");
        assert!(output(&mut shell("echo hello"), 3, |e| e).is_err());

        let error = output(&mut shell("echo part; seq 20 >&2; exit 7"), 100, |e| e).unwrap_err();

        assert_eq!(error.findings().len(), MAX_LINES);
        assert_eq!(error.findings().last().unwrap(), "20");
        assert!(error.to_string().contains('7'), "{error}");
        let error = output(&mut Command::new("no-such-program"), 1, |e| e).unwrap_err();
        assert!(error.to_string().contains("not installed"), "{error}");
    }

    #[test]
    fn a_program_that_nobody_reads_any_more_is_ended_and_gone() {
        for script in ["exec yes", "trap '' TERM; while :; do echo y; done"] {
            let mut running = Running::start(&mut shell(script), |e| e).unwrap();
            running.read_exact(&mut [0; 10]).unwrap();
            let pid = running.child.id();
            let begun = Instant::now();

            drop(running);

            assert!(begun.elapsed() < Duration::from_secs(10));
            assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{script}");
        }
    }

    #[test]
    fn a_program_that_is_almost_done_is_let_end() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("tidy");
        let script = format!("echo content; echo rest; sleep 0.1; : > {}", mark.display());
        let mut running = Running::start(&mut shell(&script), |e| e).unwrap();
        running.read_exact(&mut [0; 7]).unwrap();

        drop(running);

        assert!(mark.exists());
    }
}
