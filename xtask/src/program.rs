//! The product under its command line: building it, or taking one that is built.

use crate::{Result, shell};
use serde_json::Value;
use std::path::PathBuf;

/// Splits `--sealift FILE` off a chore's arguments.
pub fn given<'a>(args: &[&'a str]) -> Result<(Option<PathBuf>, Vec<&'a str>)> {
    let Some(at) = args.iter().position(|arg| *arg == "--sealift") else {
        return Ok((None, args.to_vec()));
    };
    let file = args.get(at + 1).ok_or("--sealift needs a file")?;
    let file = std::path::absolute(file).map_err(|error| format!("{file}: {error}"))?;
    let rest = args.iter().enumerate().filter(|(i, _)| *i != at && *i != at + 1);
    Ok((Some(file), rest.map(|(_, arg)| *arg).collect()))
}

/// Builds the program with this profile and answers where cargo put it.
pub fn build(profile: &str) -> Result<PathBuf> {
    cargo_build(profile, &[])
}

/// Builds the program for another target, without the paths of this machine in it.
pub fn build_for(profile: &str, target: &str) -> Result<PathBuf> {
    let home = std::env::var("CARGO_HOME")
        .unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").unwrap_or_default()));
    let root = shell::root();
    let flags = [
        format!("--remap-path-prefix={home}=/cargo"),
        format!("--remap-path-prefix={}=/sealift", root.display()),
    ];
    let flags = serde_json::json!(flags);
    cargo_build(profile, &["--target", target, "--config", &format!("build.rustflags={flags}")])
}

fn cargo_build(profile: &str, more: &[&str]) -> Result<PathBuf> {
    let mut cargo = shell::cargo();
    cargo.args(["build", "--locked", "--package", "sealift", "--bin", "sealift"]).args(more);
    cargo.args(["--profile", profile, "--message-format", "json-render-diagnostics"]);
    println!("$ {}", shell::shown(&cargo).replacen(&cargo_path(), "cargo", 1));
    let output = cargo
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err("sealift does not build".to_owned());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| "cargo named no executable".to_owned())
}

fn cargo_path() -> String {
    shell::shown(&shell::cargo())
}
