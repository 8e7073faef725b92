//! Pulling through a file of configuration, to see that it leads to the image. Nothing of it is kept.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::answers::HANGS;
use super::driver::Driver;
use super::named::Engine;
use crate::tools::process::{Ended, Keep, Program};
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::reference::Reference;

/// The namespace of containerd's that has the image meanwhile.
const NAMESPACE: &str = "sealift-check";

/// The configuration that says where an image is pulled from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullFile<'a> {
    /// `registries.conf`, which skopeo reads by the library that podman and CRI-O have as well.
    RegistriesConf {
        /// The file.
        conf: &'a Path,
        /// The folder with the authorities of the registry, where it has some of its own.
        certs: Option<&'a Path>,
    },
    /// The folder of containerd's `hosts.toml`, which `ctr` reads.
    HostsFolder(&'a Path),
}

/// Pulls `name` as `file` says, and throws it away. Gives the digest of what came, as far as the program tells.
///
/// # Errors
/// When the program is not there, or cannot pull it; when `cancel` says stop.
pub fn pull_through(
    file: PullFile<'_>,
    name: &Reference,
    cancel: &Cancel,
) -> Result<Option<Digest>> {
    let run = |command: Command, keep: Keep| -> Result<Ended> {
        let watch = &mut || cancel.check().map(|()| false);
        let ended = Program::start(command, keep, cancel)?;
        let ended = ended.wait(Duration::from_secs(HANGS), watch)?;
        match ended.success {
            true => Ok(ended),
            false => Err(ended.failure(&format!("cannot pull {name}"))),
        }
    };
    match file {
        PullFile::RegistriesConf { conf, certs } => {
            run(copied(conf, certs, name), Keep::End)?;
            let raw = run(manifest(conf, certs, name), Keep::All)?;
            Ok(Some(Digest::of(&raw.said)))
        }
        PullFile::HostsFolder(folder) => {
            let shown = name.to_string();
            let engine = Engine::containerd(Some(NAMESPACE));
            let containerd = Driver::new(engine, cancel.clone());
            let mut fetch = containerd.command();
            fetch.args(["content", "fetch", "--hosts-dir"]).arg(folder).arg(&shown);
            let mut look = containerd.command();
            look.args(["images", "ls", &format!("name=={shown}")]);
            let found = run(fetch, Keep::End).and_then(|_| run(look, Keep::All));
            let undone =
                [&["images", "rm", "--sync", &shown][..], &["namespaces", "rm", NAMESPACE]];
            for arguments in undone {
                let mut undo = containerd.command();
                undo.args(arguments);
                containerd.undo(undo);
            }
            let found = String::from_utf8_lossy(&found?.said).into_owned();
            let mut lines = found.lines().map(|line| line.split_whitespace());
            let of_it = lines.find_map(|mut words| (words.next()? == shown).then_some(words));
            Ok(of_it.and_then(|mut words| words.nth(1)?.parse().ok()))
        }
    }
}

/// skopeo, which reads all of `name` and hands it on to a pipe that keeps the end.
fn copied(conf: &Path, certs: Option<&Path>, name: &Reference) -> Command {
    let mut skopeo = skopeo(conf, "copy");
    if let Some(certs) = certs {
        skopeo.arg("--src-cert-dir").arg(certs);
    }
    skopeo.arg(format!("docker://{name}")).arg("docker-archive:/dev/stdout");
    skopeo
}

/// skopeo, which gives the manifest of `name` as the registry has it.
fn manifest(conf: &Path, certs: Option<&Path>, name: &Reference) -> Command {
    let mut skopeo = skopeo(conf, "inspect");
    if let Some(certs) = certs {
        skopeo.arg("--cert-dir").arg(certs);
    }
    skopeo.arg("--raw").arg(format!("docker://{name}"));
    skopeo
}

fn skopeo(conf: &Path, verb: &str) -> Command {
    let mut skopeo = Command::new("skopeo");
    // Whose signatures count is the business of whoever runs the image.
    skopeo.args(["--insecure-policy", "--registries-conf"]).arg(conf).arg(verb);
    skopeo
}
