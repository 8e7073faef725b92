//! [`PipeReading`]: a program whose output is read as it comes.

use std::io::{self, Read};
use std::process::{ChildStdout, Command};

use super::child::{Collected, Ended, Keep, Leash, collect, spawn};
use crate::words::cancel::Cancel;
use crate::words::error::{Error, Result};

/// How much is still read when nobody wants more: a program that has next to nothing left to say
/// ends by itself, and tidies up.
const LAST_WORDS: u64 = 1 << 20;

/// A running program, to be read from. At the end of its output it has to have succeeded, else
/// reading fails. Dropped before, the program is ended.
#[derive(Debug)]
pub struct PipeReading {
    name: String,
    child: Leash,
    output: Option<ChildStdout>,
    complaints: Collected,
    explain: fn(&Ended) -> Error,
}

impl PipeReading {
    /// Starts `command` for the job of `cancel`. What it complains about when it fails becomes an error by `explain`.
    ///
    /// # Errors
    /// When it is not installed, or the system refuses.
    pub fn start(
        command: Command,
        cancel: &Cancel,
        explain: fn(&Ended) -> Error,
    ) -> Result<PipeReading> {
        let (name, mut child) = spawn(command, cancel)?;
        let output = child.0.stdout.take();
        let complaints = collect(child.0.stderr.take(), Keep::End);
        Ok(PipeReading { name, child, output, complaints, explain })
    }

    /// Waits for the end; an error unless it went well.
    fn finish(&mut self) -> Result<()> {
        self.output = None;
        let status = self.child.0.wait();
        let status = status.map_err(|e| Error::io(format!("cannot wait for {}", self.name), e))?;
        let ended = Ended::of(status, Vec::new(), &self.complaints);
        match ended.success {
            true => Ok(()),
            false => Err((self.explain)(&ended)),
        }
    }
}

impl Read for PipeReading {
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

impl Drop for PipeReading {
    fn drop(&mut self) {
        let Some(output) = self.output.take() else { return };
        let mut rest = output.take(LAST_WORDS);
        let ended = !self.child.1.is_cancelled()
            && io::copy(&mut rest, &mut io::sink()).is_ok_and(|got| got < LAST_WORDS);
        if ended {
            // It said all; how it ends is of no interest any more, but it may still tidy up.
            let _ = self.child.wait_a_little();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::words::error::Class;

    fn shell(script: &str) -> PipeReading {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        PipeReading::start(command, &Cancel::default(), |ended| {
            Error::new(Class::Other, ended.complaints.as_str())
        })
        .unwrap()
    }

    #[test]
    fn what_a_program_says_is_read_and_why_it_failed_is_told() {
        let mut said = String::new();
        shell("echo hello").read_to_string(&mut said).unwrap();
        assert_eq!(said, "hello\n");

        let error = shell("echo part; echo why >&2; exit 7").read_to_string(&mut said).unwrap_err();

        assert_eq!(Error::io("x", error).message(), "why\n");
    }

    #[test]
    fn a_program_that_nobody_reads_any_more_is_ended_and_gone() {
        for script in ["exec yes", "trap '' TERM; while :; do echo y; done"] {
            let mut reading = shell(script);
            reading.read_exact(&mut [0; 10]).unwrap();
            let pid = reading.child.0.id();
            let begun = Instant::now();

            drop(reading);

            assert!(begun.elapsed() < Duration::from_secs(20));
            assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{script}");
        }
    }

    #[test]
    fn the_programs_of_one_job_end_and_those_of_another_run_on() {
        let jobs = [Cancel::default(), Cancel::default()];
        let start = |cancel| {
            let mut command = Command::new("sleep");
            command.arg("600");
            PipeReading::start(command, cancel, |_| Error::new(Class::Other, "ended")).unwrap()
        };
        let [mut one, mut other] = [start(&jobs[0]), start(&jobs[1])];

        super::super::end_all(&jobs[0]);

        assert_eq!(Error::io("x", one.read(&mut [0]).unwrap_err()).message(), "ended");
        assert!(matches!(other.child.0.try_wait(), Ok(None)));
        drop(one);
        assert!(jobs[0].programs().is_empty());
        assert_eq!(jobs[1].programs().len(), 1);
        jobs[1].cancel();
    }

    #[test]
    fn a_program_that_is_almost_done_is_let_end() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("tidy");
        let script = format!("echo content; echo rest; sleep 0.1; : > {}", mark.display());
        let mut reading = shell(&script);
        reading.read_exact(&mut [0; 7]).unwrap();

        drop(reading);

        assert!(mark.exists());
    }
}
