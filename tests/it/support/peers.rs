//! Peers that `cargo xtask test` builds from Go's module proxy, by the names of the list, and those that it
//! installs from PyPI and from npm's registry, by language.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::sealift::{Ran, ran};

const LIST: &str = include_str!("../../go-peers.txt");
/// The lists of the peers of other languages.
const LANGUAGES: [(&str, &str); 2] = [
    ("python", include_str!("../../python-peers.txt")),
    ("npm", include_str!("../../npm-peers.txt")),
];

/// Where the peers of a language are, if those of the list were installed.
pub fn libraries(language: &str) -> Option<PathBuf> {
    let (_, list) = LANGUAGES.into_iter().find(|(name, _)| *name == language)?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers").join(language);
    let installed = std::fs::read_to_string(folder.join("installed.txt"));
    installed.is_ok_and(|installed| installed == list).then_some(folder)
}

/// Where a peer of the listed version is, whether it was built or not.
pub fn program(name: &str) -> PathBuf {
    let line = LIST.lines().find(|line| line.split_whitespace().next() == Some(name));
    let spec = line.and_then(|line| line.split_whitespace().nth(1));
    let version = spec.and_then(|spec| spec.split_once('@')).map(|(_, version)| version);
    let version = version.unwrap_or_else(|| panic!("tests/go-peers.txt has no {name}"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    folder.join(format!("{name}-{version}")).join(name)
}

/// A command for a peer, with `home` as its user's home and nothing of the environment but `PATH`.
pub fn command(name: &str, home: &Path) -> Command {
    let mut command = Command::new(program(name));
    command.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("HOME", home);
    command.current_dir(home);
    command
}

/// Runs a peer in `home` to the end; it must succeed.
#[track_caller]
pub fn run(name: &str, home: &Path, arguments: &[&str]) -> Ran {
    ran(command(name, home).args(arguments)).ok()
}
