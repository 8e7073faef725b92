//! Peers that only Go's module proxy has, built once by name at fixed versions, each into a folder
//! of its own below `target/peers`. A machine without Go goes without them.

use crate::{Result, shell};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

const LIST: &str = "tests/go-peers.txt";
const FOLDER: &str = "target/peers";
/// The minor version of Go 1 that builds everything on the list.
const OLDEST: u32 = 25;
/// What builds the peers that take minutes too.
pub const FULL: &str = "SEALIFT_TEST_FULL";

/// One line of the list.
#[derive(PartialEq, Eq, Debug)]
pub struct Peer {
    pub name: String,
    package: String,
    version: String,
    /// Takes minutes: only with [`FULL`].
    large: bool,
}

/// Where a peer is, or why it is not there.
pub type Found = std::result::Result<PathBuf, String>;

impl Peer {
    fn parse(line: &str) -> Result<Peer> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, spec, large) = match words.as_slice() {
            [name, spec] => (name, spec, false),
            [name, spec, "full"] => (name, spec, true),
            _ => return Err(format!("{LIST}: {line:?} is no name and package@version")),
        };
        let (package, version) =
            spec.split_once('@').ok_or(format!("{LIST}: {name} has no fixed version"))?;
        let [name, package, version] = [*name, package, version].map(str::to_owned);
        Ok(Peer { name, package, version, large })
    }

    /// The program, whether it is there or not.
    pub fn program(&self) -> PathBuf {
        let folder = format!("{}-{}", self.name, self.version);
        shell::root().join(FOLDER).join(folder).join(&self.name)
    }

    /// Whether it takes minutes to build, which nobody asked for, and is not there yet.
    pub fn is_left_out(&self) -> bool {
        self.large && std::env::var(FULL).as_deref() != Ok("1") && !self.program().is_file()
    }

    /// Builds the program unless it is there.
    pub fn provide(&self) -> Found {
        let program = self.program();
        if program.is_file() {
            println!("{} {} is there", self.name, self.version);
            return Ok(program);
        }
        println!("building {} {}", self.name, self.version);
        let start = Instant::now();
        // Under a name of its own until it is whole: a build that is interrupted leaves no program.
        let scratch = shell::Scratch::below(&shell::root().join(FOLDER), "building")?;
        let in_module = || {
            let mut go = go();
            go.current_dir(scratch.path());
            go
        };
        // In a module of its own, since `go install` takes none that excludes or replaces others.
        shell::output(in_module().args(["mod", "init", "peer"]))?;
        shell::output(in_module().arg("get").arg(format!("{}@{}", self.package, self.version)))?;
        let built = scratch.path().join(&self.name);
        let mut build = in_module();
        build.args(["build", "-trimpath", "-ldflags=-s -w", "-o"]).arg(&built);
        shell::output(build.arg(&self.package))?;
        let fail = |error: std::io::Error| format!("{}: {error}", program.display());
        program.parent().map_or(Ok(()), shell::make_folder)?;
        std::fs::rename(&built, &program).map_err(fail)?;
        println!("built {} in {:.0} s", self.name, start.elapsed().as_secs_f64());
        Ok(program)
    }
}

/// Builds those of these names, all that take no minutes without any, and prints where they are.
pub fn run(names: &[&str]) -> Result {
    let all = peers()?;
    let all = all.iter().filter(|peer| !peer.is_left_out());
    let all: Vec<&str> = all.map(|peer| peer.name.as_str()).collect();
    for name in if names.is_empty() { &all } else { names } {
        println!("{}", provide(name)?.display());
    }
    Ok(())
}

/// Everything on the list.
pub fn peers() -> Result<Vec<Peer>> {
    let list = shell::read_text(&shell::root().join(LIST))?;
    let lines = list.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(Peer::parse).collect()
}

/// The peer of that name, built if need be; the reason where it cannot be had.
pub fn provide(name: &str) -> Found {
    let peer = peers()?.into_iter().find(|peer| peer.name == name);
    let peer = peer.ok_or(format!("{LIST} has no {name}"))?;
    if !peer.program().is_file() {
        toolchain()?;
    }
    peer.provide().map_err(|why| format!("{name}: {why}"))
}

/// Why there is no Go that builds the list.
pub fn toolchain() -> Result {
    let wanted = format!("Go 1.{OLDEST} or newer");
    let said =
        shell::output(go().args(["env", "GOVERSION"])).map_err(|_| format!("no {wanted}"))?;
    match minor(said.trim()) {
        Some(minor) if minor >= OLDEST => Ok(()),
        _ => Err(format!("{} is here, and {wanted} is needed", said.trim())),
    }
}

/// `go`, as the same on every machine: no other toolchain, no C, no work file, no vendored code.
fn go() -> Command {
    let mut go = Command::new("go");
    go.current_dir(std::env::temp_dir());
    go.env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=mod");
    go.env("GOWORK", "off");
    go
}

/// The `25` of `go1.25.3`.
fn minor(version: &str) -> Option<u32> {
    let after = version.strip_prefix("go1.")?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_a_package_at_a_version() {
        let peer = Peer::parse("crane   example.org/a/cmd/crane@v1.2.3").unwrap();
        assert_eq!((&*peer.package, &*peer.version), ("example.org/a/cmd/crane", "v1.2.3"));
        assert!(peer.program().ends_with("target/peers/crane-v1.2.3/crane") && !peer.large);
        assert!(Peer::parse("large example.org/large@v1.0.0 full").unwrap().large);
        assert!(Peer::parse("crane example.org/a/cmd/crane").is_err());
        assert!(Peer::parse("crane").is_err());
        assert!(!peers().unwrap().is_empty());
    }

    #[test]
    fn versions_of_go_are_compared_as_numbers() {
        assert_eq!(minor("go1.25"), Some(25));
        assert_eq!(minor("go1.26.8"), Some(26));
        assert_eq!(minor("go1.9rc1"), Some(9));
        assert_eq!(minor("devel +abc"), None);
    }
}
