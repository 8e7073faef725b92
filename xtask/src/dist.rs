//! `cargo xtask dist`: what is handed out. A static program, alone, in an archive for any Linux and
//! in a Debian package, with manual pages, completions and checksums, into `target/dist`.

mod archive;
mod notices;
mod stage;
mod toolchain;

use crate::{Result, program, shell};
use stage::Stage;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = "target/dist";
const SUMS: &str = "SHA256SUMS";

/// A program and what has to be known to pack it.
pub struct Release {
    program: PathBuf,
    /// As it says itself.
    version: String,
    /// As Rust names it: `x86_64`.
    architecture: &'static str,
    /// Needs no library of the system it runs on.
    is_static: bool,
    /// Seconds since 1970: when everything in the packages was made.
    time: String,
}

pub fn run(args: &[&str]) -> Result {
    let program = match program::given(args)? {
        (Some(file), rest) if rest.is_empty() => file,
        (None, rest) if rest.is_empty() => toolchain::build()?,
        (_, rest) => return Err(format!("unknown argument {}", rest[0])),
    };
    let release = Release::of(&program)?;
    if !release.is_static {
        println!("{} is not static; the package will ask for the C library", program.display());
    }
    let folder = shell::root().join(FOLDER);
    make(&release, &folder)?;
    println!("{}", shell::output(Command::new("cat").arg(SUMS).current_dir(&folder))?.trim_end());
    println!("in {}", folder.display());
    Ok(())
}

/// Builds the static program that is handed out, and answers where it is.
pub fn build() -> Result<PathBuf> {
    toolchain::build()
}

/// Fills `folder` with everything that is handed out of this release, and nothing else.
pub fn make(release: &Release, folder: &Path) -> Result {
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    shell::make_folder(folder)?;
    let name = format!("sealift-{}-{}-linux", release.version, release.architecture);
    let scratch = shell::Scratch::new("sealift-dist")?;
    let stage = Stage::fill(release, scratch.path())?;
    shell::write(&folder.join(&name), shell::read(&release.program)?)?;
    shell::output(Command::new("chmod").arg("755").arg(folder.join(&name)))?;
    archive::tar(release, &stage, &folder.join(format!("{name}.tar.gz")), &name)?;
    archive::deb(release, &stage, folder)?;
    let sums = shell::output(shell::script("LC_ALL=C sha256sum *").current_dir(folder))?;
    shell::write(&folder.join(SUMS), sums)
}

impl Release {
    /// The release that this program is.
    pub fn of(program: &Path) -> Result<Release> {
        let said = shell::output(Command::new(program).arg("--version"))?;
        let version =
            said.trim().strip_prefix("sealift ").ok_or(format!("no version: {said:?}"))?;
        Ok(Release {
            program: program.to_path_buf(),
            version: version.to_owned(),
            architecture: std::env::consts::ARCH,
            is_static: is_static(&shell::read(program)?),
            time: time()?,
        })
    }
}

/// `SOURCE_DATE_EPOCH`, else the time of the last commit: the same source makes the same packages.
fn time() -> Result<String> {
    if let Ok(time) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(time);
    }
    let mut git = Command::new("git");
    let time = shell::output(git.args(["log", "-1", "--format=%ct"]).current_dir(shell::root()));
    let time = time.map_err(|error| format!("set SOURCE_DATE_EPOCH: no commit here: {error}"))?;
    Ok(time.trim().to_owned())
}

/// Whether an ELF program of 64 bits asks for no loader (`PT_INTERP`), and so for no library.
fn is_static(elf: &[u8]) -> bool {
    const INTERPRETER: u32 = 3;
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let field = elf.get(at..at.checked_add(bytes)?)?;
        Some(field.iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte)))
    };
    let interpreted = || -> Option<bool> {
        let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        let kinds = (0..count).map(|i| number(table.checked_add(i * size)?, 4));
        let kinds: Option<Vec<usize>> = kinds.collect();
        Some(kinds?.contains(&(INTERPRETER as usize)))
    };
    elf.starts_with(b"\x7fELF\x02\x01") && interpreted() == Some(false)
}

#[cfg(test)]
mod tests {
    use super::is_static;

    #[test]
    fn a_program_that_asks_for_a_loader_is_not_static() {
        let mut elf = vec![0; 64 + 2 * 56];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (elf[32], elf[54], elf[56]) = (64, 56, 2);
        (elf[64], elf[64 + 56]) = (1, 2);
        assert!(is_static(&elf));
        elf[64 + 56] = 3;
        assert!(!is_static(&elf));
        assert!(!is_static(&elf[..100]) && !is_static(b"#!/bin/sh"));
    }
}
