//! What a static program is built with: musl's target of Rust, and a C compiler for it.

use crate::{Result, debian, program, shell};
use std::path::PathBuf;
use std::process::Command;

/// Debian's compiler for musl, and the package it is in.
const COMPILER: (&str, &str) = ("musl-gcc", "musl-tools");

/// Builds the release, linked to nothing outside itself.
pub fn build() -> Result<PathBuf> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    provide_target(&target)?;
    provide_compiler(&target)?;
    program::build_for("release", &target)
}

/// Rust's own part of the target; rustup brings it.
fn provide_target(target: &str) -> Result {
    if has_target(target) {
        return Ok(());
    }
    println!("$ rustup target add {target}");
    let mut rustup = Command::new("rustup");
    let why = match shell::run(rustup.args(["target", "add", target]).current_dir(shell::root())) {
        Ok(()) if has_target(target) => return Ok(()),
        Ok(()) => "rustup added it to another toolchain than this one".to_owned(),
        Err(why) => why,
    };
    Err(format!(
        "this Rust has no target {target}, and it could not be added: {why}\n\
         add it where `rustup target add {target}` works, or take a program built elsewhere:\n    \
         cargo xtask dist --sealift FILE"
    ))
}

fn has_target(target: &str) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", target]).current_dir(shell::root());
    shell::output(&mut rustc).is_ok_and(|folder| PathBuf::from(folder.trim()).is_dir())
}

/// For the parts in C: `ring` and `zstd`.
fn provide_compiler(target: &str) -> Result {
    let chosen = format!("CC_{}", target.replace('-', "_"));
    let (compiler, package) = COMPILER;
    if std::env::var_os(&chosen).is_some() || shell::installed(compiler) {
        return Ok(());
    }
    debian::provide(&[package.to_owned()])?;
    if shell::installed(compiler) {
        return Ok(());
    }
    Err(format!("no {compiler}; it is in Debian's {package}, and {chosen} names another one"))
}
