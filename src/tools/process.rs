//! Other programs while they run: what they say is bounded, and none outlives whoever waits.

mod child;
mod heard;
mod reading;
mod watched;

use std::process::{ChildStdin, Command, ExitStatus};
use std::time::{Duration, Instant};

use self::child::{Collected, Leash, POLL, collect, spawn};
pub use self::child::{Ended, Keep, MAX_COMPLAINTS, PASSPHRASE, end_all};
pub use self::reading::PipeReading;
pub use self::watched::{Watched, watch};
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};

/// A program that was started. It ends with this value.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Leash,
    said: Collected,
    complaints: Collected,
}

impl Program {
    /// Starts `command` for the job of `cancel`, and keeps of what it says what `keep` asks for.
    ///
    /// # Errors
    /// When it is not installed, or the system refuses.
    pub fn start(command: Command, keep: Keep, cancel: &Cancel) -> Result<Program> {
        let (name, mut child) = spawn(command, cancel)?;
        let said = collect(child.0.stdout.take(), keep);
        let complaints = collect(child.0.stderr.take(), Keep::End);
        Ok(Program { name, child, said, complaints })
    }

    /// Its standard input, once, if that is a pipe.
    pub fn input(&mut self) -> Option<ChildStdin> {
        self.child.0.stdin.take()
    }

    /// Whether it has ended, and how: told once.
    ///
    /// # Errors
    /// When the system does not say, or it said more than can be kept.
    pub fn poll(&mut self) -> Result<Option<Ended>> {
        let status = self.child.0.try_wait();
        let fault = |e| Error::io(format!("cannot wait for {}", self.name), e);
        match status.map_err(fault)? {
            Some(status) => self.ended(status).map(Some),
            None => Ok(None),
        }
    }

    fn ended(&self, status: ExitStatus) -> Result<Ended> {
        match self.said.take() {
            Some(said) => Ok(Ended::of(status, said, &self.complaints)),
            None => {
                let text = format!("{} says more than can be read", self.name);
                Err(Error::new(Class::Other, text))
            }
        }
    }

    /// Waits until it ends, asking `watch` all the while: an error there ends it, and so does
    /// `patience` without `Ok(true)`, which says that something moved.
    ///
    /// # Errors
    /// Those of `watch`; when it does nothing any more, or said more than can be kept.
    pub fn wait(
        mut self,
        patience: Duration,
        watch: &mut dyn FnMut() -> Result<bool>,
    ) -> Result<Ended> {
        let name = &self.name;
        let mut moved = Instant::now();
        let status = loop {
            let status = self.child.0.try_wait();
            let fault = |e| Error::io(format!("cannot wait for {name}"), e);
            if let Some(status) = status.map_err(fault)? {
                break status;
            }
            if watch()? {
                moved = Instant::now();
            }
            if moved.elapsed() > patience {
                let text = format!("{name} did nothing for {} seconds", patience.as_secs());
                return Err(
                    Error::new(Class::Other, text).hint("see whether the engine still runs")
                );
            }
            std::thread::sleep(POLL);
        };
        self.ended(status)
    }
}
