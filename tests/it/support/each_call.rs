//! The program with one of its calls to the kernel gone wrong: see `each_call.c` beside this file.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::output;
use super::sealift::{Ran, ran};

/// What is printed where the kernel lets nobody look.
const CANNOT: i32 = 125;

/// A call, by its kind and the path below the folder that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub kind: String,
    pub path: String,
}

impl Call {
    /// Whether it changes what is on the disk, or makes it durable.
    pub fn writes(&self) -> bool {
        !matches!(self.kind.as_str(), "open" | "read" | "list" | "look" | "close")
    }
}

/// Whether calls can be watched here, as they have to be where `CI` is true; elsewhere it says so. `cc` is
/// asked for by `need!`.
pub fn is_possible() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let (ran, _) = watched(&Command::new("true"), folder.path(), 0, "EIO");
    if ran.code == CANNOT {
        let required = std::env::var("CI").as_deref() == Ok("true");
        assert!(!required, "seccomp does not let calls be watched");
        let _ = writeln!(std::io::stderr(), "skipped: seccomp does not let calls be watched");
    }
    ran.code != CANNOT
}

/// What watches, compiled once.
fn watcher() -> &'static Path {
    static WATCHER: OnceLock<PathBuf> = OnceLock::new();
    WATCHER.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/each_call.c");
        let built = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("each_call");
        // Under a name of its own first: another run may be using the old one.
        let new = built.with_extension(std::process::id().to_string());
        output(Command::new("cc").args(["-O1", "-Wall", "-Werror", "-o"]).arg(&new).arg(source));
        std::fs::rename(&new, &built).unwrap();
        built
    })
}

/// Runs `command` and has call `number` below `folder` go wrong as `fault` says (`each_call.c`); none if
/// that is 0. Gives all calls that there were.
pub fn watched(command: &Command, folder: &Path, number: usize, fault: &str) -> (Ran, Vec<Call>) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut all = Command::new(watcher());
    all.arg(folder).arg(number.to_string()).arg(fault).arg(log.path());
    all.arg(command.get_program()).args(command.get_args()).env_clear();
    all.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    all.stdin(std::process::Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        all.current_dir(folder);
    }
    let ran = ran(&mut all);
    let calls = std::fs::read_to_string(log.path()).unwrap();
    let call = |line: &str| {
        let (kind, path) = line.split_once(' ').unwrap();
        Call { kind: kind.to_owned(), path: path.to_owned() }
    };
    (ran, calls.lines().map(call).collect())
}
