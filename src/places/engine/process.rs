//! A program while it runs: what it says is bounded, and it does not outlive whoever waits.

use std::io::{ErrorKind, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::run::Ended;
use crate::words::error::{Class, Error, Result};

/// Most that a program may say: what `podman image inspect` tells of a hundred images has a
/// megabyte.
const MAX_SAID: usize = 16 << 20;
/// How much of its complaints is kept, from their end.
pub(super) const MAX_COMPLAINTS: usize = 16 << 10;
/// How often a program is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How long a program has to clean up when it is asked to end.
const GRACE: Duration = Duration::from_secs(5);
/// How long the rest of what it said may take, once it has ended. A grandchild that lives on may
/// hold the pipe for ever.
const REST: Duration = Duration::from_secs(2);

/// A program that was started. It ends with this value.
pub(super) struct Program {
    name: String,
    child: Running,
    said: Collected,
    complaints: Collected,
}

impl Program {
    /// Starts `command` and keeps of what it says what `keep` asks for.
    pub(super) fn start(mut command: Command, keep: Keep) -> Result<Program> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|e| match e.kind() {
            ErrorKind::NotFound => {
                let text = format!("{name} is not installed, or not on the PATH");
                Error::new(Class::Other, text)
                    .hint(format!("install {name}, or name another destination"))
            }
            _ => Error::io(format!("cannot run {name}"), e),
        })?;
        let mut child = Running(child);
        let said = collect(child.0.stdout.take(), keep);
        let complaints = collect(child.0.stderr.take(), Keep::End);
        Ok(Program { name, child, said, complaints })
    }

    /// Its standard input, once, if that is a pipe.
    pub(super) fn input(&mut self) -> Option<ChildStdin> {
        self.child.0.stdin.take()
    }

    /// Waits until it ends, asking `watch` all the while: an error there ends it, and so does
    /// `patience` without `Ok(true)`, which says that something moved.
    pub(super) fn wait(
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
        let complaints = self.complaints.take().unwrap_or_default();
        match self.said.take() {
            Some(said) => Ok(Ended {
                success: status.success(),
                code: status.code(),
                said,
                complaints: String::from_utf8_lossy(&complaints).into_owned(),
            }),
            None => Err(Error::new(Class::Other, format!("{name} says more than can be read"))),
        }
    }
}

/// What is kept of a stream.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    /// All, or nothing when it is too much.
    All,
    /// Its end.
    End,
}

/// What came out of a pipe so far; nothing once it was too much.
struct Collected {
    kept: Arc<Mutex<Option<Vec<u8>>>>,
    /// Closed at the end of the pipe.
    open: Receiver<()>,
}

impl Collected {
    /// All of it, when the program has ended.
    fn take(&self) -> Option<Vec<u8>> {
        // Nothing is ever sent: this waits for the end, or for long enough.
        let _ = self.open.recv_timeout(REST);
        self.kept.lock().ok()?.take()
    }
}

/// Reads a pipe on a thread of its own, so that the program never waits for us.
fn collect(pipe: Option<impl Read + Send + 'static>, keep: Keep) -> Collected {
    let (held, open) = channel::<()>();
    let kept = Arc::new(Mutex::new(Some(Vec::new())));
    let collected = Collected { kept: Arc::clone(&kept), open };
    let Some(mut pipe) = pipe else { return collected };
    std::thread::spawn(move || {
        let _held = held;
        let mut buffer = [0; 8192];
        while let Ok(got @ 1..) = pipe.read(&mut buffer) {
            let Ok(mut kept) = kept.lock() else { break };
            let Some(bytes) = kept.as_mut() else { continue };
            bytes.extend_from_slice(&buffer[..got]);
            match keep {
                Keep::All if bytes.len() > MAX_SAID => *kept = None,
                Keep::End if bytes.len() > 2 * MAX_COMPLAINTS => {
                    bytes.drain(..bytes.len() - MAX_COMPLAINTS);
                }
                _ => {}
            }
        }
    });
    collected
}

/// A program that ends with this value: asked first, so that it can clean up, then made to.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        let pid = rustix::process::Pid::from_child(&self.0);
        // Fails when it has ended meanwhile, as do the calls below.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(POLL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
