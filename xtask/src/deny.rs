//! What `cargo deny` says: the rules of `deny.toml`, and known advisories where a database of them
//! can be reached. An extra that nobody has to install: without it both are skipped by name.

use crate::test::Outcome;
use crate::{Result, shell};
use std::process::Command;

/// Crates, licences and sources, for which no network is needed.
pub fn rules() -> Result<Outcome> {
    if let Some(skipped) = missing() {
        return Ok(skipped);
    }
    shell::run(deny().args(["check", "bans", "licenses", "sources"]))?;
    Ok(Outcome::Done)
}

/// Known faults of the crates that `Cargo.lock` names.
pub fn advisories() -> Result<Outcome> {
    if let Some(skipped) = missing() {
        return Ok(skipped);
    }
    // Apart from the check: a database out of reach is no advisory, and no advisory a lost network.
    if let Err(why) = shell::output(deny().args(["fetch", "db"])) {
        let why = why.lines().last().unwrap_or_default();
        let skipped =
            format!("the advisory database cannot be reached; nothing was checked: {why}");
        return Ok(Outcome::Skipped(skipped));
    }
    shell::run(deny().args(["--offline", "check", "advisories"]))?;
    Ok(Outcome::Done)
}

fn missing() -> Option<Outcome> {
    let there = shell::output(shell::cargo().args(["deny", "--version"])).is_ok();
    let why =
        "no cargo-deny, so nothing was checked; `cargo install --locked cargo-deny` brings it";
    (!there).then(|| Outcome::Skipped(why.to_owned()))
}

fn deny() -> Command {
    let mut cargo = shell::cargo();
    cargo.args(["deny", "--log-level", "error"]);
    cargo
}
