//! The program under test, in a home of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::Process;

/// What most exports are dated, so that bundles compare.
pub const EPOCH: &str = "1760000000";

/// The exit codes, as documented.
pub mod code {
    pub const DONE: i32 = 0;
    pub const USAGE: i32 = 2;
    pub const UNTRUSTED: i32 = 3;
    pub const DAMAGED: i32 = 4;
    pub const INCOMPLETE: i32 = 5;
    pub const REFUSED: i32 = 6;
    pub const STALE: i32 = 7;
    pub const NO_ROOM: i32 = 8;
    pub const INTERRUPTED: i32 = 130;
}

/// The program with an empty home and a scratch folder.
pub struct Sealift {
    home: TempDir,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    shown: String,
}

impl Sealift {
    /// A fresh home.
    pub fn new() -> Sealift {
        Sealift::with(TempDir::new().unwrap())
    }

    /// A fresh home in the folder `base`.
    pub fn new_in(base: &Path) -> Sealift {
        Sealift::with(TempDir::new_in(base).unwrap())
    }

    fn with(home: TempDir) -> Sealift {
        for folder in ["home", "run", "config", "scratch"] {
            std::fs::create_dir(home.path().join(folder)).unwrap();
        }
        Sealift { home }
    }

    /// A path in the scratch folder.
    pub fn at(&self, name: &str) -> PathBuf {
        self.home.path().join("scratch").join(name)
    }

    /// Its user's home.
    pub fn home(&self) -> PathBuf {
        self.home.path().join("home")
    }

    /// The program, in its own environment and nothing else.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealift"));
        command
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", self.home.path().join("home"))
            .env("XDG_RUNTIME_DIR", self.home.path().join("run"))
            // As it is without, and for root too, whose ledger is the machine's own otherwise.
            .env("XDG_STATE_HOME", self.home.path().join("home/.local/state"))
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("SOURCE_DATE_EPOCH", EPOCH)
            .current_dir(self.home.path().join("scratch"))
            .stdin(Stdio::null());
        command
    }

    /// The same as a user whom permissions bind, as they do not bind root.
    pub fn bound_command(&self) -> Command {
        if !rustix::process::geteuid().is_root() {
            return self.command();
        }
        let plain = self.command();
        let mut command = Command::new("setpriv");
        let powers = "-dac_override,-dac_read_search";
        command.args(["--inh-caps", powers, "--bounding-set", powers]).arg(plain.get_program());
        command.env_clear().stdin(Stdio::null());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.home.path().join("scratch"));
        command
    }

    /// Runs to the end.
    pub fn run(&self, arguments: &[&OsStr]) -> Ran {
        ran(self.command().args(arguments))
    }

    /// A key pair without passphrase.
    pub fn keys(&self, name: &str) -> Keys {
        let path = self.at(name);
        run!(self, "key", "generate", "--no-passphrase", "-o", path).ok();
        Keys {
            private: self.at(&format!("{name}.key.pem")),
            public: self.at(&format!("{name}.pub.pem")),
        }
    }

    /// Serves a bundle on a free port until the value is dropped.
    pub fn serve(&self, bundle: &Path, key: &Path) -> Served {
        self.serve_with(bundle, key, &[])
    }

    /// The same, with further arguments.
    pub fn serve_with(&self, bundle: &Path, key: &Path, more: &[&str]) -> Served {
        let mut command = self.command();
        command
            .arg("serve")
            .args(more)
            .arg(bundle)
            .arg("--key")
            .arg(key)
            .args(["--listen", "127.0.0.1:0"]);
        let mut process = Process::start(command.stdout(Stdio::piped()));
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let line = lines.next().expect("serve ended without a word").unwrap();
        let port = line.rsplit(':').next().and_then(|port| port.trim_end_matches('/').parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        Served { process, port }
    }
}

/// Runs `command` to the end.
pub fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Ran::new(format!("{command:?}"), output)
}

impl Ran {
    /// What `command` left behind.
    pub fn new(command: String, output: Output) -> Ran {
        use std::os::unix::process::ExitStatusExt as _;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        let code = code.unwrap_or_else(|| -output.status.signal().unwrap_or_default());
        let shown = format!("{command}\nexit {code}\n{stdout}{stderr}");
        Ran { code, stdout, stderr, shown }
    }

    /// What printed `stdout`, and nothing else so far.
    pub fn printed(stdout: String) -> Ran {
        Ran { code: code::DONE, shown: stdout.clone(), stdout, stderr: String::new() }
    }

    /// Asserts success.
    #[track_caller]
    pub fn ok(self) -> Ran {
        self.exits(code::DONE)
    }

    /// Asserts the exit code, and that a failure says so on standard error.
    #[track_caller]
    pub fn exits(self, code: i32) -> Ran {
        assert!(self.code == code, "expected exit {code}\n{}", self.shown);
        // A report in JSON may say it instead.
        let said = self.stderr.contains("error: ") || self.stdout.starts_with('{');
        assert!(said || code == code::DONE, "no error message\n{}", self.shown);
        self
    }

    /// Asserts that either stream contains `words`.
    #[track_caller]
    pub fn says(self, words: &str) -> Ran {
        let said = self.stdout.contains(words) || self.stderr.contains(words);
        assert!(said, "{words:?} is not said by\n{}", self.shown);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON: {error}\n{}", self.shown))
    }

    /// A whole number in the JSON report.
    #[track_caller]
    pub fn number(&self, pointer: &str) -> u64 {
        let found = self.json().pointer(pointer).and_then(Value::as_u64);
        found.unwrap_or_else(|| panic!("no number at {pointer}\n{}", self.shown))
    }
}

/// A key pair.
#[derive(Clone)]
pub struct Keys {
    pub private: PathBuf,
    pub public: PathBuf,
}

/// A bundle being served.
pub struct Served {
    pub process: Process,
    pub port: u16,
}

impl Served {
    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
