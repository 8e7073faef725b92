//! Running an engine's program: what it says is bounded, and it does not outlive whoever asked.

use std::io::{ErrorKind, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::seams::interrupt;
use crate::words::error::{Class, Error, Result};

/// Most that a program may say: what `podman image inspect` tells of a hundred images has a
/// megabyte.
const MAX_SAID: usize = 16 << 20;
/// How much of its complaints is kept, from their end.
const MAX_COMPLAINTS: usize = 16 << 10;
/// How many lines of them are shown.
const SHOWN: usize = 5;
/// How often a program is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How long a program has to clean up when it is asked to end.
const GRACE: Duration = Duration::from_secs(5);
/// How long the rest of what it said may take, once it has ended. A grandchild that lives on may
/// hold the pipe for ever.
const REST: Duration = Duration::from_secs(2);
/// How long an engine may take to answer a question. Passwords are typed (`DOCKER_HOST=ssh://`),
/// and podman waits for others that use its storage.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a program left.
#[derive(Debug)]
pub struct Ended {
    /// Whether it calls itself successful.
    pub success: bool,
    /// What it said.
    pub said: Vec<u8>,
    /// The end of what it complained about.
    pub complaints: String,
}

/// Runs `command` until it ends, asking `watch` all the while: an error there, or an interrupt,
/// ends the program, and so does `patience` without `Ok(true)`, which says that something moved.
///
/// # Errors
/// Those of `watch`; [`Class::Interrupted`]; when the program is not there, says too much, or does
/// nothing any more.
pub fn run(
    command: Command,
    patience: Duration,
    watch: &mut dyn FnMut() -> Result<bool>,
) -> Result<Ended> {
    // Of what it says while it works, the end will do: it may draw bars for an hour.
    start(command, Keep::End, patience, watch)
}

fn start(
    mut command: Command,
    keep: Keep,
    patience: Duration,
    watch: &mut dyn FnMut() -> Result<bool>,
) -> Result<Ended> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|e| match e.kind() {
        ErrorKind::NotFound => {
            Error::new(Class::Other, format!("{program} is not installed, or not on the PATH"))
                .hint(format!("install {program}, or name another destination"))
        }
        _ => Error::io(format!("cannot run {program}"), e),
    })?;
    let mut running = Running(child);
    let said = collect(running.0.stdout.take(), keep);
    let complaints = collect(running.0.stderr.take(), Keep::End);
    let mut moved = Instant::now();
    let status = loop {
        let status = running.0.try_wait();
        if let Some(status) =
            status.map_err(|e| Error::io(format!("cannot wait for {program}"), e))?
        {
            break status;
        }
        if watch()? {
            moved = Instant::now();
        }
        if moved.elapsed() > patience {
            let text = format!("{program} did nothing for {} seconds", patience.as_secs());
            return Err(Error::new(Class::Other, text).hint("see whether the engine still runs"));
        }
        std::thread::sleep(POLL);
    };
    ended(&program, status, &said, &complaints)
}

fn ended(
    program: &str,
    status: ExitStatus,
    said: &Collected,
    complaints: &Collected,
) -> Result<Ended> {
    let complaints = complaints.take().unwrap_or_default();
    match said.take() {
        Some(said) => Ok(Ended {
            success: status.success(),
            said,
            complaints: String::from_utf8_lossy(&complaints).into_owned(),
        }),
        None => Err(Error::new(Class::Other, format!("{program} says more than can be read"))),
    }
}

/// Asks the engine something.
///
/// # Errors
/// As [`run`]; a program that fails is no error yet.
pub fn question(command: Command) -> Result<Ended> {
    start(command, Keep::All, PATIENCE, &mut || interrupt::check().map(|()| false))
}

/// Asks the engine something that it can answer.
///
/// # Errors
/// As [`run`], and the program's own complaint when it fails.
pub fn answer(command: Command, what: &str) -> Result<Vec<u8>> {
    let ended = question(command)?;
    match ended.success {
        true => Ok(ended.said),
        false => Err(ended.failure(what)),
    }
}

/// Has the engine take something back, whatever was asked of sealift meanwhile.
pub fn undo(command: Command) {
    // What cannot be taken back now is taken back by the next run.
    let _ = run(command, PATIENCE, &mut || Ok(false));
}

impl Ended {
    /// The failure that the complaints amount to; `what` begins its message.
    #[must_use]
    pub fn failure(&self, what: &str) -> Error {
        let lines: Vec<&str> =
            self.complaints.lines().filter(|line| !line.trim().is_empty()).collect();
        let all = self.complaints.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| all.contains(word));
        let (class, hint) = if has(&["no space left on device", "disk quota exceeded"]) {
            (Class::NoRoom, "free some room in the engine's storage, and run the command again")
        } else if has(&["rejected by policy", "source image rejected", "policy.json"]) {
            (Class::Refused, "the engine's policy for signatures (containers-policy.json) decides")
        } else if has(&["permission denied"]) {
            (Class::Refused, "run it as a user who may use the engine")
        } else {
            (Class::Other, "see what the engine says for itself")
        };
        let last = lines.last().map_or("it does not say why", |line| line.trim());
        let shown = &lines[lines.len().saturating_sub(SHOWN)..];
        let details = if lines.len() > 1 { shown } else { &[] };
        Error::new(class, format!("{what}: {last}"))
            .hint(hint)
            .details(details.iter().map(|line| (*line).to_owned()))
    }
}

/// What is kept of a stream.
#[derive(Clone, Copy)]
enum Keep {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_a_program_says_and_complains_of_is_kept_apart() {
        let ended =
            question(sh("echo said; echo one >&2; printf 'two\\033[1m' >&2; exit 3")).unwrap();

        assert!(!ended.success);
        assert_eq!(ended.said, b"said\n");
        let error = ended.failure("cannot pull x");
        assert_eq!(error.to_string(), "cannot pull x: two\\u{1b}[1m");
        assert_eq!(error.findings(), ["one", "two\u{1b}[1m"]);
    }

    #[test]
    fn the_class_of_a_failure_follows_the_complaint() {
        for (complaint, class) in [
            ("write /x: no space left on device", Class::NoRoom),
            (
                "Error: Source image rejected: Running image x is rejected by policy.",
                Class::Refused,
            ),
            ("dial unix /run/x: permission denied", Class::Refused),
            ("it broke", Class::Other),
        ] {
            let complaints = complaint.to_owned();
            let ended = Ended { success: false, said: Vec::new(), complaints };
            assert_eq!(ended.failure("x").class(), class, "{complaint}");
        }
    }

    #[test]
    fn a_program_that_says_without_end_is_bounded() {
        let error = question(sh("head -c 20000000 /dev/zero")).unwrap_err();
        let ended = question(sh("head -c 20000000 /dev/zero >&2; exit 1")).unwrap();

        assert!(error.to_string().contains("more than can be read"), "{error}");
        assert!(ended.complaints.len() <= 2 * MAX_COMPLAINTS);
    }

    #[test]
    fn a_missing_program_is_called_that() {
        let error = question(Command::new("no-such-engine")).unwrap_err();

        assert!(error.to_string().contains("no-such-engine is not installed"), "{error}");
    }

    #[test]
    fn a_program_does_not_outlive_the_fault_or_the_patience_of_whoever_waits() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("echo $$ > {}; exec sleep 600", pid.display());
        let gone = || {
            let number = std::fs::read_to_string(&pid).unwrap();
            !std::path::Path::new("/proc").join(number.trim()).exists()
        };

        let fault =
            run(sh(&script), PATIENCE, &mut || match pid.metadata().map_or(0, |m| m.len()) {
                0 => Ok(true),
                _ => Err(Error::new(Class::Damaged, "stop")),
            });
        assert_eq!(fault.unwrap_err().class(), Class::Damaged);
        assert!(gone());

        let hung = run(sh(&script), Duration::from_millis(300), &mut || Ok(false)).unwrap_err();
        assert!(hung.to_string().contains("did nothing"), "{hung}");
        assert!(gone());
    }

    #[test]
    fn a_grandchild_that_holds_the_pipe_does_not_hold_us() {
        let begun = Instant::now();

        let ended = question(sh("sleep 30 & echo done")).unwrap();

        assert_eq!(ended.said, b"done\n");
        assert!(ended.success && begun.elapsed() < Duration::from_secs(20));
    }
}
