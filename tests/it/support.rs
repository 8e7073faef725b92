//! What the tests stand on: real components on loopback ports, images written byte for byte, and
//! the program itself, each stopped and removed by the value that stands for it.

/// Returns from the test when a component is not installed, after saying so by name.
/// Where `CI=true` a missing component fails the test instead, unless it is one of the peers that
/// only machines with Go, pip or npm have.
macro_rules! need {
    ($($component:expr),+ $(,)?) => {
        if !$crate::support::have(&[$($component),+]) {
            return;
        }
    };
}

/// Runs the program with arguments of any kind of text: `run!(sealift, "verify", &bundle)`.
macro_rules! run {
    ($sealift:expr, $($argument:expr),+ $(,)?) => {
        $sealift.run(&[$(std::ffi::OsStr::new(&$argument)),+])
    };
}

pub mod age;
pub mod buildkit;
pub mod ceremony;
pub mod chromium;
pub mod content;
pub mod debian;
pub mod double;
pub mod each_call;
pub mod engines;
pub mod files;
pub mod gap;
pub mod gate;
pub mod harbor;
pub mod http;
pub mod images;
pub mod inside;
pub mod kubelet;
pub mod kubernetes;
pub mod later;
pub mod months;
pub mod nginx;
pub mod nodes;
pub mod packed;
pub mod peers;
pub mod proxy;
pub mod registry;
pub mod resuming;
pub mod sealift;
pub mod shaky;
pub mod shared;
pub mod site;
pub mod six_months;
pub mod slow;
pub mod slurm;
pub mod small_world;
pub mod snapshot;
pub mod ssh;
pub mod stock;
pub mod terminal;
pub mod token;
pub mod told;
pub mod walk;
pub mod wire;
pub mod zot;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a component may take until it answers. Generous, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the python that is found has PyYAML.
fn python_has_yaml() -> bool {
    let import = Command::new("python3").args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    import.is_ok_and(|status| status.success())
}

/// Whether all `components` are here; see [`need`]. `root` stands for being the superuser,
/// `go:NAME` for one of the [`peers`], `peers:LANGUAGE` for all those of a language.
pub fn have(components: &[&str]) -> bool {
    let missing = components.iter().find(|component| match **component {
        "python3-yaml" => !python_has_yaml(),
        "root" => !rustix::process::geteuid().is_root(),
        "peers:python" => peers::libraries("python").is_none(),
        "peers:npm" => peers::libraries("npm").is_none(),
        program => match program.strip_prefix("go:") {
            Some(peer) => !peers::program(peer).is_file(),
            None => find(program).is_none(),
        },
    });
    let Some(missing) = missing else { return true };
    let test = std::thread::current().name().unwrap_or("test").to_owned();
    let reason = match *missing {
        "root" => "needs the superuser".to_owned(),
        "peers:python" => "not installed; `cargo xtask peers python` does it, with pip".to_owned(),
        "peers:npm" => "not installed; `cargo xtask peers npm` does it".to_owned(),
        program => match program.strip_prefix("go:") {
            Some(peer) => format!("{peer} is not built; `cargo xtask peers {peer}` does, with Go"),
            None => format!("{program} is not installed"),
        },
    };
    let is_peer = missing.starts_with("go:") || missing.starts_with("peers:");
    let required = std::env::var("CI").as_deref() == Ok("true") && !is_peer;
    assert!(!required, "{test}: {reason}");
    // Not `eprintln!`: the harness keeps that back for a test that passes.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
    false
}

/// Where `program` is. Daemons live in folders that an ordinary user's `PATH` leaves out.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
        .map(|folder| PathBuf::from(folder).join(program))
        .find(|candidate| candidate.is_file())
}

/// A command for `program` that inherits no proxy and no registry settings.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(find(program).unwrap_or_else(|| PathBuf::from(program)));
    for (name, _) in std::env::vars() {
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("registry_") || lower.ends_with("_proxy") || lower == "docker_host" {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to the end and returns standard output; any failure shows the command and both streams.
pub fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// [`output`] as text.
pub fn text(command: &mut Command) -> String {
    String::from_utf8(output(command)).unwrap()
}

/// Polls until `ready` says so; fails by name after [`PATIENCE`].
pub fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ready() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A child process that does not outlive its value: asked to end, then made to.
pub struct Process(pub Child);

impl Process {
    /// Starts `command`.
    pub fn start(command: &mut Command) -> Process {
        Process(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Whether the process has ended.
    pub fn ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// The pid, for signals.
    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.0)
    }

    /// Sends `signal` and says nothing when the process is gone already.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let _ = rustix::process::kill_process(self.pid(), signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.ended() {
            self.signal(rustix::process::Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_secs(15);
        while !self.ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Small, fast, seeded numbers (xorshift64*): tests that need chance print their seed.
pub struct Random(u64);

impl Random {
    /// Numbers that depend on `seed` alone.
    pub fn new(seed: u64) -> Random {
        Random(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// A seed from `SEALIFT_TEST_SEED`, else from the clock; printed either way.
    pub fn printed(test: &str) -> Random {
        let seed = std::env::var("SEALIFT_TEST_SEED").ok().and_then(|s| s.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.unwrap().subsec_nanos().into()
        });
        let _ = writeln!(std::io::stderr(), "{test}: SEALIFT_TEST_SEED={seed}");
        Random::new(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number in `0..end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// `len` bytes that do not compress.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            (0..len.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
        bytes.truncate(len);
        bytes
    }
}
