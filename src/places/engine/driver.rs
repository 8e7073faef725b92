//! [`Driver`]: an engine for one job; asking its program, and having it work.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use super::named::Engine;
use crate::tools::process::{Ended, Keep, Program};
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, ErrorKind, Result};

/// How many lines of complaints are shown.
const SHOWN: usize = 5;
/// How long an engine may take to answer a question. Passwords are typed (`DOCKER_HOST=ssh://`),
/// and podman waits for others that use its storage.
const PATIENCE: Duration = Duration::from_secs(300);

/// Speaks to an engine for one job, through the engine's program. Displays as the engine does.
#[derive(Debug, Clone)]
pub struct Driver {
    engine: Engine,
    cancel: Cancel,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.engine.fmt(f)
    }
}

impl Driver {
    /// Speaks to `engine`, and waits for it no longer once `cancel` says stop.
    #[must_use]
    pub fn new(engine: Engine, cancel: Cancel) -> Driver {
        Driver { engine, cancel }
    }

    /// Which engine it is.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The handle that stops the job.
    #[must_use]
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// As [`Engine::command`].
    pub(super) fn command(&self) -> Command {
        self.engine.command()
    }

    /// Runs `command` until it ends, asking `watch` all the while: an error there ends the program,
    /// and so does `patience` without `Ok(true)`, which says that something moved.
    ///
    /// # Errors
    /// Those of `watch`; when the program is not there, or does nothing any more.
    pub(super) fn run(
        &self,
        command: Command,
        patience: Duration,
        watch: &mut dyn FnMut() -> Result<bool>,
    ) -> Result<Ended> {
        // Of what it says while it works, the end will do: it may draw bars for an hour.
        Program::start(command, Keep::End, &self.cancel)?.wait(patience, watch)
    }

    /// Asks the engine something.
    ///
    /// # Errors
    /// As [`run`](Driver::run); a program that fails is no error yet.
    pub(super) fn question(&self, command: Command) -> Result<Ended> {
        question_within(command, PATIENCE, &self.cancel)
    }

    /// Asks the engine something that it can answer.
    ///
    /// # Errors
    /// As [`run`](Driver::run), and the program's own complaint when it fails.
    pub(super) fn answer(&self, command: Command, what: &str) -> Result<Vec<u8>> {
        let ended = self.question(command)?;
        match ended.success {
            true => Ok(ended.said),
            false => Err(ended.failure(what)),
        }
    }

    /// Has the engine take something back, whatever was asked of sealift meanwhile.
    pub(super) fn undo(&self, command: Command) {
        // What cannot be taken back now is taken back by the next run.
        let _ = self.run(command, PATIENCE, &mut || Ok(false));
    }
}

/// Has any program answer a question that is not worth waiting for beyond `patience`.
///
/// # Errors
/// When it is not there, does not answer, or `cancel` says stop.
pub(super) fn question_within(
    command: Command,
    patience: Duration,
    cancel: &Cancel,
) -> Result<Ended> {
    let watch = &mut || cancel.check().map(|()| false);
    Program::start(command, Keep::All, cancel)?.wait(patience, watch)
}

impl Ended {
    /// The failure that the complaints amount to; `what` begins its message.
    #[must_use]
    pub fn failure(&self, what: &str) -> Error {
        let lines: Vec<&str> =
            self.complaints.lines().filter(|line| !line.trim().is_empty()).collect();
        let (class, kind, hint) = meaning(&self.complaints.to_lowercase());
        let last = lines.last().map_or("it does not say why", |line| line.trim());
        let shown = &lines[lines.len().saturating_sub(SHOWN)..];
        let details = if lines.len() > 1 { shown } else { &[] };
        let error = Error::new(class, format!("{what}: {last}"))
            .hint(hint)
            .details(details.iter().map(|line| (*line).to_owned()));
        match details.iter().chain([&last]).any(|line| is_about_the_way(line)) {
            true => error.of_kind(ErrorKind::Unreachable),
            false => error.of_kind(kind),
        }
    }
}

/// What an engine may complain of, in lower case, what that is, and the way out; the first that is
/// met counts.
const COMPLAINTS: &[(&[&str], Class, ErrorKind, &str)] = &[
    (
        &["no space left on device", "disk quota exceeded"],
        Class::NoRoom,
        ErrorKind::NoSpace,
        "free some room in the engine's storage, and run the command again",
    ),
    (
        &["rejected by policy", "source image rejected", "policy.json"],
        Class::Refused,
        ErrorKind::Other,
        "the engine's policy for signatures (containers-policy.json) decides",
    ),
    (
        &["in use by a container", "is using its referenced image", "is being used by"],
        Class::Refused,
        ErrorKind::Other,
        "a container uses it; remove that first, or keep the image",
    ),
    (
        &["permission denied"],
        Class::Refused,
        ErrorKind::AccessDenied,
        "run it as a user who may use the engine",
    ),
    (
        &[
            "cannot connect",
            "unable to connect",
            "failed to connect",
            "failed to dial",
            "dial unix",
            "dial tcp",
            "connection refused",
        ],
        Class::Refused,
        ErrorKind::Unreachable,
        "see that the engine runs, and where: DOCKER_HOST, CONTAINER_HOST and \
         CONTAINERD_ADDRESS say so",
    ),
    (&["no such image", "image not known", "reference does not exist"], GONE.0, GONE.1, GONE.2),
];
/// That it does not have what it was asked for.
const GONE: (Class, ErrorKind, &str) = (
    Class::Incomplete,
    ErrorKind::Other,
    "see what the engine has: podman images, docker images, ctr images ls",
);

/// What `complaints`, in lower case, amount to, and the way out.
fn meaning(complaints: &str) -> (Class, ErrorKind, &'static str) {
    let is_it = |words: &[&str]| words.iter().any(|word| complaints.contains(word));
    match COMPLAINTS.iter().find(|(words, ..)| is_it(words)) {
        Some((_, class, kind, hint)) => (*class, *kind, *hint),
        None if complaints.trim_end().ends_with(": not found") => GONE,
        None => (Class::Other, ErrorKind::Other, "see what the engine says for itself"),
    }
}

/// Whether an engine complains in `line` that it reaches nobody.
fn is_about_the_way(line: &str) -> bool {
    let line = line.to_lowercase();
    ["dial tcp", "connection refused", "no route to host", "network is unreachable"]
        .iter()
        .any(|word| line.contains(word))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::places::engine::samples::{docker, sh};
    use crate::tools::process::MAX_COMPLAINTS;

    #[test]
    fn what_a_program_says_and_complains_of_is_kept_apart() {
        let ended = docker()
            .question(sh("echo said; echo one >&2; printf 'two\\033[1m' >&2; exit 3"))
            .unwrap();

        assert!(!ended.success);
        assert_eq!(ended.said, b"said\n");
        let error = ended.failure("cannot pull x");
        assert_eq!(error.to_string(), "cannot pull x: two\\u{1b}[1m");
        assert_eq!(error.findings(), ["one", "two\u{1b}[1m"]);
        assert_eq!(error.kind(), ErrorKind::Other);
        let lost =
            docker().question(sh("echo 'Dial TCP 127.0.0.1:1: no' >&2; echo bye >&2; exit 1"));
        let lost = lost.unwrap().failure("cannot pull x");
        assert_eq!(lost.kind(), ErrorKind::Unreachable);
    }

    #[test]
    fn the_class_of_a_failure_follows_the_complaint() {
        use ErrorKind::{AccessDenied, NoSpace, Other, Unreachable};
        for (complaint, class, kind) in [
            ("write /x: no space left on device", Class::NoRoom, NoSpace),
            (
                "Error: Source image rejected: Running image x is rejected by policy.",
                Class::Refused,
                Other,
            ),
            ("dial unix /run/x: permission denied", Class::Refused, AccessDenied),
            ("Error response from daemon: No such image: x:latest", Class::Incomplete, Other),
            ("Error: x: image not known", Class::Incomplete, Other),
            ("ctr: content digest sha256:0: not found", Class::Incomplete, Other),
            ("Cannot connect to the Docker daemon at unix:///x", Class::Refused, Unreachable),
            (
                "failed to connect to the docker API at unix:///x; check if the path is correct",
                Class::Refused,
                Unreachable,
            ),
            ("Error: unable to connect to Podman socket: x", Class::Refused, Unreachable),
            ("ctr: failed to dial \"/x\": timeout", Class::Refused, Unreachable),
            ("it broke", Class::Other, Other),
        ] {
            let complaints = complaint.to_owned();
            let ended = Ended { success: false, code: Some(1), said: Vec::new(), complaints };
            let error = ended.failure("x");
            assert_eq!((error.class(), error.kind()), (class, kind), "{complaint}");
        }
    }

    #[test]
    fn a_program_that_says_without_end_is_bounded() {
        let error = docker().question(sh("head -c 20000000 /dev/zero")).unwrap_err();
        let ended = docker().question(sh("head -c 20000000 /dev/zero >&2; exit 1")).unwrap();

        assert!(error.to_string().contains("more than can be read"), "{error}");
        assert!(ended.complaints.len() <= 2 * MAX_COMPLAINTS);
    }

    #[test]
    fn a_missing_program_is_called_that() {
        let error = docker().question(Command::new("no-such-engine")).unwrap_err();

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

        let fault = docker().run(sh(&script), PATIENCE, &mut || match pid
            .metadata()
            .map_or(0, |m| m.len())
        {
            0 => Ok(true),
            _ => Err(Error::new(Class::Damaged, "stop")),
        });
        assert_eq!(fault.unwrap_err().class(), Class::Damaged);
        assert!(gone());

        let hung =
            docker().run(sh(&script), Duration::from_millis(300), &mut || Ok(false)).unwrap_err();
        assert!(hung.to_string().contains("did nothing"), "{hung}");
        assert!(gone());
    }

    #[test]
    fn a_grandchild_that_holds_the_pipe_does_not_hold_us() {
        let begun = Instant::now();

        let ended = docker().question(sh("sleep 30 & echo done")).unwrap();

        assert_eq!(ended.said, b"done\n");
        assert!(ended.success && begun.elapsed() < Duration::from_secs(20));
    }
}
