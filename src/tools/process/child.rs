//! A program as the system has it: started, what it says collected, ended with its value.

use std::io::{ErrorKind, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};

/// Most that a program may say: what `podman image inspect` tells of a hundred images has a
/// megabyte.
const MAX_SAID: usize = 16 << 20;
/// How much of its complaints is kept, from their end.
pub const MAX_COMPLAINTS: usize = 16 << 10;
/// The variable with the passphrase of a signing key, which is nobody else's business.
pub const PASSPHRASE: &str = "SEALIFT_PASSPHRASE";
/// How often a program is looked at.
pub(super) const POLL: Duration = Duration::from_millis(20);
/// How long a program has to clean up when it is asked to end.
const GRACE: Duration = Duration::from_secs(5);
/// How long the rest of what it said may take, once it has ended. A grandchild that lives on may
/// hold the pipe for ever.
const REST: Duration = Duration::from_secs(2);

/// What a program left.
#[derive(Debug)]
pub struct Ended {
    /// Whether it calls itself successful.
    pub success: bool,
    /// Its exit code; nothing when a signal ended it.
    pub code: Option<i32>,
    /// What it said.
    pub said: Vec<u8>,
    /// The end of what it complained about.
    pub complaints: String,
}

impl Ended {
    pub(super) fn of(status: ExitStatus, said: Vec<u8>, complaints: &Collected) -> Ended {
        let complaints = complaints.take().unwrap_or_default();
        let complaints = String::from_utf8_lossy(&complaints).into_owned();
        Ended { success: status.success(), code: status.code(), said, complaints }
    }
}

/// Asks all programs that run for the job of `cancel` to end: for who cannot wait until their values
/// are dropped.
pub fn end_all(cancel: &Cancel) {
    for pid in cancel.programs().into_iter().filter_map(Pid::from_raw) {
        signal(pid, Signal::TERM);
    }
}

/// Signals the program `pid`, with those that it started where it is at the head of a group.
fn signal(pid: Pid, signal: Signal) {
    if kill_process_group(pid, signal).is_err() {
        // Fails when it has ended meanwhile.
        let _ = kill_process(pid, signal);
    }
}

/// Starts `command` for the job of `cancel`, with pipes for what it says.
pub(super) fn spawn(mut command: Command, cancel: &Cancel) -> Result<(String, Leash)> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.env_remove(PASSPHRASE);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.map_err(|e| match e.kind() {
        ErrorKind::NotFound => {
            Error::new(Class::Other, format!("{name} is not installed, or not on the PATH"))
                .hint(format!("install {name}, or use an archive that it reads and writes"))
        }
        _ => Error::io(format!("cannot run {name}"), e),
    })?;
    let leash = Leash(child, cancel.clone());
    cancel.started(leash.pid().as_raw_nonzero().get());
    Ok((name, leash))
}

/// What is kept of a stream.
#[derive(Debug, Clone, Copy)]
pub enum Keep {
    /// All, or nothing when it is too much.
    All,
    /// Its end.
    End,
}

/// What came out of a pipe so far; nothing once it was too much.
#[derive(Debug)]
pub(super) struct Collected {
    kept: Arc<Mutex<Option<Vec<u8>>>>,
    /// Closed at the end of the pipe.
    open: Receiver<()>,
}

impl Collected {
    /// All of it, when the program has ended.
    pub(super) fn take(&self) -> Option<Vec<u8>> {
        // Nothing is ever sent: this waits for the end, or for long enough.
        let _ = self.open.recv_timeout(REST);
        self.kept.lock().ok()?.take()
    }
}

/// Reads a pipe on a thread of its own, so that the program never waits for us.
pub(super) fn collect(pipe: Option<impl Read + Send + 'static>, keep: Keep) -> Collected {
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

/// A program that ends with this value: asked first, so that it can clean up, then made to. The job
/// that it runs for knows of it as long.
#[derive(Debug)]
pub(super) struct Leash(pub(super) Child, pub(super) Cancel);

impl Leash {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    /// Whether it ends within the time that a program has to clean up.
    pub(super) fn wait_a_little(&mut self) -> bool {
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(POLL);
        }
        false
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            signal(self.pid(), Signal::TERM);
            if !self.wait_a_little() {
                signal(self.pid(), Signal::KILL);
                // Fails when it has ended meanwhile.
                let _ = self.0.wait();
            }
            // What it started and did not listen: nobody else can be called so this soon.
            let _ = kill_process_group(self.pid(), Signal::KILL);
        }
        self.1.ended(self.pid().as_raw_nonzero().get());
    }
}
