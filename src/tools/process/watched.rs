//! [`watch`]: a program that is given bytes, and that is not waited for without end.

use std::io::{self, ErrorKind, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};

use super::child::{Leash, POLL, spawn};
use super::heard::Heard;
use crate::tools::buffer::BUFFER;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// What a program that did not do its work means for whoever waits for it.
const UNSEEN: &str =
    "what was not scanned does not cross: see that the scanner is installed and works";

/// How a program ended that was watched.
#[derive(Debug)]
pub struct Watched {
    /// Its exit code; nothing when a signal ended it.
    pub code: Option<i32>,
    /// The lines that name something found, at most twenty.
    pub found: Vec<String>,
    /// The last lines of its output, at most twenty.
    pub said: Vec<String>,
    /// The last lines of its complaints, at most twenty.
    pub complaints: Vec<String>,
    /// The first line of its output.
    pub first: Option<String>,
    /// Whether it did not want all that it was given.
    pub unread: bool,
}

/// Runs `command` for the job of `cancel`, in a process group of its own, and gives it `input`. What it may
/// take, beside waiting for `input`, is `patience`; then it is ended, with all that it started.
///
/// # Errors
/// Those of `input`; when it is not installed, does not end in time, or is stopped.
pub fn watch(
    mut command: Command,
    input: Option<&mut dyn Read>,
    patience: Duration,
    cancel: &Cancel,
) -> Result<Watched> {
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() }).process_group(0);
    let (name, child) = spawn(command, cancel).map_err(|e| match e.class() {
        // Whoever may not look into a folder on the PATH gets that in place of "not there".
        Class::Refused => Error::new(Class::Other, e.words()).hint(UNSEEN),
        _ => e.hint(UNSEEN),
    })?;
    let mut watch = Watch { name, child, patience, waited: Duration::ZERO };
    let out = Heard::of(watch.child.0.stdout.take());
    let complaints = Heard::of(watch.child.0.stderr.take());
    let mut unread = false;
    if let (Some(input), Some(stdin)) = (input, watch.child.0.stdin.take()) {
        unread = !watch.feed(input, stdin)?;
    }
    let code = watch.end()?;
    let (found, said, first) = out.end();
    let (_, complaints, _) = complaints.end();
    Ok(Watched { code, found, said, complaints, first, unread })
}

struct Watch {
    name: String,
    child: Leash,
    patience: Duration,
    /// How long it was waited for.
    waited: Duration,
}

impl Watch {
    /// Gives it `input`; whether it took all.
    fn feed(&mut self, input: &mut dyn Read, mut stdin: ChildStdin) -> Result<bool> {
        let fault = |name: &str, e| Error::io(format!("cannot write to {name}"), e);
        // It may never read: then a write that blocks would never end.
        fcntl_setfl(&stdin, OFlags::NONBLOCK).map_err(|e| fault(&self.name, e.into()))?;
        let mut buffer = vec![0; BUFFER];
        loop {
            let got = match input.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(got) => got,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(Error::io("cannot read what is scanned", e)),
            };
            let mut rest = &buffer[..got];
            while !rest.is_empty() {
                match stdin.write(rest) {
                    Ok(done) => rest = &rest[done..],
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) if e.kind() == ErrorKind::BrokenPipe => return Ok(false),
                    Err(e) if e.kind() == ErrorKind::WouldBlock => self.wait(|| {
                        let mut ready = [PollFd::new(&stdin, PollFlags::OUT)];
                        let for_long = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
                        // Where that fails, the next write tells why.
                        let _ = poll(&mut ready, Some(&for_long));
                    })?,
                    Err(e) => return Err(fault(&self.name, e)),
                }
            }
        }
    }

    /// Waits until it ends; its exit code.
    fn end(&mut self) -> Result<Option<i32>> {
        loop {
            let status = self.child.0.try_wait();
            let fault = |e: io::Error| Error::io(format!("cannot wait for {}", self.name), e);
            if let Some(status) = status.map_err(fault)? {
                return Ok(status.code());
            }
            self.wait(|| std::thread::sleep(POLL))?;
        }
    }

    /// Lets a little time go by, unless it is over.
    fn wait(&mut self, a_little: impl FnOnce()) -> Result<()> {
        let begun = Instant::now();
        a_little();
        self.waited += begun.elapsed();
        self.child.1.check()?;
        match self.waited > self.patience {
            true => {
                let seconds = self.patience.as_secs();
                let text = format!("{} did not end within {seconds} seconds", self.name);
                Err(Error::new(Class::Other, text).hint(phrase![
                    "what was not scanned does not cross: give it longer with ",
                    Remedy::ScanPatience,
                    ", or see what it waits for"
                ]))
            }
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &[u8], patience: u64) -> Result<Watched> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut input = input;
        watch(command, Some(&mut input), Duration::from_millis(patience), &Cancel::default())
    }

    const LONG: u64 = 600_000;

    #[test]
    fn a_program_gets_all_bytes_and_says_how_it_ended() {
        let bytes = vec![b'x'; 3 << 20];

        let ended = shell("wc -c; echo why >&2; exit 3", &bytes, LONG).unwrap();

        assert_eq!((ended.code, ended.unread), (Some(3), false));
        assert_eq!((ended.said[0].trim(), ended.complaints[0].as_str()), ("3145728", "why"));
        let killed = shell("kill -9 $$", b"", LONG).unwrap();
        assert_eq!(killed.code, None);
    }

    #[test]
    fn one_that_does_not_want_all_is_told_and_one_that_takes_nothing_is_ended() {
        let bytes = vec![b'x'; 3 << 20];
        assert!(shell("head -c 1; exit 0", &bytes, LONG).unwrap().unread);

        // What it started goes with it, though it does not listen.
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script =
            format!("sh -c 'trap \"\" TERM; echo $$ > {}; sleep 600' & sleep 600", pid.display());
        let error = shell(&script, &bytes, 700).unwrap_err();
        assert!(error.message().contains("did not end within"), "{error}");
        let pid = std::fs::read_to_string(pid).unwrap();
        // A signal takes its time, and whoever adopts it may not have buried it yet.
        let is_gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            stat.map_or(true, |stat| stat.contains(") Z "))
        };
        let begun = Instant::now();
        while !is_gone() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it lives on");
            std::thread::sleep(POLL);
        }
    }

    #[test]
    fn a_stop_ends_it() {
        let cancel = Cancel::default();
        cancel.cancel();
        let mut command = Command::new("sleep");
        command.arg("600");

        let error = watch(command, None, Duration::from_secs(600), &cancel).unwrap_err();

        assert_eq!(error.class(), Class::Interrupted);
    }
}
