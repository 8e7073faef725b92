//! Peers that only the registry of another language has: libraries of Python and of Node, all of a list at
//! fixed versions in one folder below `target/peers`. A machine without pip or npm goes without them.

use crate::{Result, debian, shell};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const FOLDER: &str = "target/peers";
/// Holds the list as it was installed: it is written last.
const INSTALLED: &str = "installed.txt";

/// The libraries of one language.
pub struct LanguagePeers {
    pub name: &'static str,
    list: &'static str,
    /// What has to be there to install them.
    tools: &'static [&'static str],
    install: fn(folder: &Path, list: &Path) -> Result,
}

pub const PYTHON: LanguagePeers = LanguagePeers {
    name: "python",
    list: "tests/python-peers.txt",
    tools: &["python3"],
    install: with_pip,
};

pub const NPM: LanguagePeers = LanguagePeers {
    name: "npm",
    list: "tests/npm-peers.txt",
    tools: &["node", "npm"],
    install: with_npm,
};

impl LanguagePeers {
    /// Why they cannot be had here at all.
    pub fn toolchain(&self) -> Result {
        match self.tools.iter().find(|tool| !shell::installed(tool)) {
            Some(missing) => Err(format!("no {missing}")),
            None => Ok(()),
        }
    }

    /// Installs all of the list, unless it is there as it is now.
    pub fn provide(&self) -> Result<PathBuf> {
        let list = shell::root().join(self.list);
        let wanted = shell::read_text(&list)?;
        let folder = shell::root().join(FOLDER).join(self.name);
        let mark = folder.join(INSTALLED);
        if shell::read_text(&mark).is_ok_and(|there| there == wanted) {
            println!("{} peers are there", self.name);
            return Ok(folder);
        }
        println!("installing {} peers", self.name);
        let start = Instant::now();
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        shell::make_folder(&folder)?;
        (self.install)(&folder, &list)?;
        shell::write(&mark, wanted)?;
        println!("installed {} peers in {:.0} s", self.name, start.elapsed().as_secs_f64());
        Ok(folder)
    }
}

/// Nothing but what the list names, so that no version is anybody else's choice.
fn with_pip(folder: &Path, list: &Path) -> Result {
    shell::output(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r"]).arg(list);
    shell::output(&mut pip).map(drop)
}

/// The same; nothing that a package brings along is run.
fn with_npm(folder: &Path, list: &Path) -> Result {
    let names = debian::parse(&shell::read_text(list)?);
    // Without one of its own, npm looks for a project in the folders above.
    shell::write(&folder.join("package.json"), "{\"private\": true}\n")?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]);
    shell::output(npm.args(names).current_dir(folder)).map(drop)
}
