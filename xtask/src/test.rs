//! `cargo xtask test`: everything that must pass, in the order that fails soonest.

use crate::language_peers::{LanguagePeers, NPM, PYTHON};
use crate::{Result, debian, demo, deny, dist, go, package, program, shell, slowest, tidy};
use std::time::{Duration, Instant};

const PACKAGES: &str = "tests/debian-packages.txt";
/// Optimised, since the tests move gigabytes; without the link-time optimisation of a release.
const PROFILE: &str = "test-fast";
/// What it takes on a machine with two cores that has built nothing yet.
const USUALLY: &str = "35 to 40 minutes on two cores, half of it to build";
/// How long the last run that passed took here, in seconds.
const LAST: &str = "target/xtask-test-took";
/// How many of the slowest tests are named at the end.
const SLOWEST: usize = 10;

/// What the library alone does without.
const PROGRAMS_OWN: [&str; 4] = ["clap", "indicatif", "tokio", "hyper"];

/// Whether a step was done, or why not.
pub enum Outcome {
    Done,
    Skipped(String),
}

type Step = (&'static str, fn() -> Result<Outcome>);

const STEPS: [Step; 14] = [
    ("packages", packages),
    ("go peers", go_peers),
    ("python", || language_peers(&PYTHON)),
    ("npm", || language_peers(&NPM)),
    ("fmt", fmt),
    ("tidy", || tidy::run().map(|()| Outcome::Done)),
    ("deny", deny::rules),
    ("advisories", deny::advisories),
    ("clippy", clippy),
    ("library", library),
    ("doc", doc),
    ("test", tests),
    ("demo", demonstration),
    ("package", packaged),
];

pub fn run() -> Result {
    let start = Instant::now();
    println!("all of it takes {}", expected());
    let mut lines = Vec::new();
    for (name, step) in STEPS {
        println!("\n== {name}");
        let began = Instant::now();
        let outcome = step();
        let took = seconds(began.elapsed());
        match outcome {
            Ok(Outcome::Done) => {
                println!("== {name} ok, {took}");
                lines.push(format!("  ok    {name:<10} {took:>7}"));
            }
            Ok(Outcome::Skipped(why)) => {
                println!("== {name} SKIPPED: {why}");
                lines.push(format!("  skip  {name:<10} {took:>7}  {why}"));
            }
            Err(message) => {
                println!("== {name} FAILED, {took}");
                lines.push(format!("  FAIL  {name:<10} {took:>7}"));
                println!("\n{}", lines.join("\n"));
                return Err(message);
            }
        }
    }
    let took = start.elapsed();
    println!("\n{}\n\nall passed in {}", lines.join("\n"), minutes(took));
    shell::write(&shell::root().join(LAST), took.as_secs().to_string())
}

/// How long the run will take: what the last one took here, else what it usually takes.
fn expected() -> String {
    let last = std::fs::read_to_string(shell::root().join(LAST));
    match last.ok().and_then(|seconds| seconds.trim().parse().ok()) {
        Some(seconds) => format!("about {}, as last time", minutes(Duration::from_secs(seconds))),
        None => USUALLY.to_owned(),
    }
}

fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn packages() -> Result<Outcome> {
    let list = shell::root().join(PACKAGES);
    if !list.exists() {
        return Ok(Outcome::Skipped(format!("there is no {PACKAGES}")));
    }
    debian::provide(&debian::parse(&shell::read_text(&list)?))?;
    Ok(Outcome::Done)
}

/// What cannot be built is a skip, by name; on CI only where it is Go that is missing, or what takes
/// minutes and was not asked for.
fn go_peers() -> Result<Outcome> {
    if let Err(why) = go::toolchain() {
        return Ok(Outcome::Skipped(why));
    }
    let (mut large, mut failed) = (Vec::new(), Vec::new());
    for peer in go::peers()? {
        if peer.is_left_out() {
            println!("no {}: takes minutes to build; {}=1 does it", peer.name, go::FULL);
            large.push(peer.name);
        } else if let Err(why) = peer.provide() {
            println!("no {}: {why}", peer.name);
            failed.push(peer.name);
        }
    }
    if failed.is_empty() && large.is_empty() {
        return Ok(Outcome::Done);
    }
    if shell::on_ci() && !failed.is_empty() {
        return Err(format!("cannot be built: {}", failed.join(", ")));
    }
    failed.append(&mut large);
    Ok(Outcome::Skipped(format!("no {}", failed.join(", "))))
}

/// What cannot be installed is a skip; on CI only where it is the language that is missing.
fn language_peers(peers: &LanguagePeers) -> Result<Outcome> {
    if let Err(why) = peers.toolchain() {
        return Ok(Outcome::Skipped(why));
    }
    match peers.provide() {
        Ok(_) => Ok(Outcome::Done),
        Err(why) => missing(format!("{} peers cannot be installed: {why}", peers.name)),
    }
}

fn fmt() -> Result<Outcome> {
    with_component("fmt", "rustfmt", &["fmt", "--all", "--check"])
}

fn clippy() -> Result<Outcome> {
    let args =
        ["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"];
    with_component("clippy", "clippy", &args)
}

/// The library alone, as one who does without the program and the server has it.
fn library() -> Result<Outcome> {
    let all = ["--lib", "--tests", "--examples", "--locked", "--quiet"];
    let args = [&["clippy", "--no-default-features"][..], &all, &["--", "-D", "warnings"]].concat();
    let clippy = with_component("clippy", "clippy", &args)?;
    shell::run(shell::cargo().args([
        "test",
        "--no-default-features",
        "--test",
        "library",
        "--locked",
        // What it is built from is what the tests are built from, so that it is built once.
        "--profile",
        PROFILE,
    ]))?;
    let mut tree = shell::cargo();
    tree.args(["tree", "--no-default-features", "--edges", "normal", "--prefix", "none"]);
    let tree = shell::output(tree.args(["--format", "{p}", "--locked"]))?;
    match tree.lines().find(|line| PROGRAMS_OWN.iter().any(|name| is_crate(line, name))) {
        Some(found) => Err(format!("the library alone depends on {found}")),
        None => Ok(clippy),
    }
}

/// Whether a line of `cargo tree` is about the crate `name`, or one of its companions.
fn is_crate(line: &str, name: &str) -> bool {
    let found = line.split(' ').next().unwrap_or_default();
    found == name || found.strip_prefix(name).is_some_and(|rest| rest.starts_with(['-', '_']))
}

/// Runs a part of the toolchain that some machines lack.
fn with_component(subcommand: &str, component: &str, args: &[&str]) -> Result<Outcome> {
    if shell::output(shell::cargo().args([subcommand, "--version"])).is_err() {
        return missing(format!("no {component}; `rustup component add {component}` brings it"));
    }
    shell::run(shell::cargo().args(args))?;
    Ok(Outcome::Done)
}

fn missing(what: String) -> Result<Outcome> {
    if shell::on_ci() { Err(what) } else { Ok(Outcome::Skipped(what)) }
}

fn tests() -> Result<Outcome> {
    let args = ["test", "--workspace", "--locked", "--profile", PROFILE];
    let slowest = slowest::run(shell::cargo().args(args), SLOWEST)?;
    println!("the {} slowest tests:", slowest.len());
    for (name, took) in slowest {
        println!("  {:>7}  {name}", seconds(took));
    }
    Ok(Outcome::Done)
}

fn demonstration() -> Result<Outcome> {
    demo::perform(&program::build(PROFILE)?)?;
    Ok(Outcome::Done)
}

/// The package of the program that the tests have built; with `SEALIFT_TEST_FULL=1` of the one that
/// is handed out, which takes minutes to build.
fn packaged() -> Result<Outcome> {
    let full = std::env::var(go::FULL).as_deref() == Ok("1");
    package::try_out(&if full { dist::build()? } else { program::build(PROFILE)? })
}

fn doc() -> Result<Outcome> {
    let mut cargo = shell::cargo();
    cargo.args(["doc", "--workspace", "--no-deps", "--locked", "--quiet"]);
    shell::run(cargo.env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::is_crate;

    #[test]
    fn a_crate_is_known_with_its_companions_and_not_by_a_part_of_its_name() {
        for line in ["tokio v1.54.1", "clap_lex v1.0.0", "hyper-util v0.1.21 (*)"] {
            assert!(["tokio", "clap", "hyper"].iter().any(|name| is_crate(line, name)), "{line}");
        }
        assert!(!is_crate("hypersomething v1.0.0", "hyper") && !is_crate("", "clap"));
    }
}
