//! Pulling through a file of configuration, to see that it leads to the image. Nothing of it is kept.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::answers::HANGS;
use super::driver::Driver;
use super::named::Engine;
use crate::tools::process::{Ended, Keep, Program};
use crate::words::cancel::Cancel;
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

/// Pulls `name` as `file` says, and throws it away.
///
/// # Errors
/// When the program is not there, or cannot pull it; when `cancel` says stop.
pub fn pull_through(file: PullFile<'_>, name: &Reference, cancel: &Cancel) -> Result<()> {
    let run = |command: Command| -> Result<Ended> {
        let watch = &mut || cancel.check().map(|()| false);
        Program::start(command, Keep::End, cancel)?.wait(Duration::from_secs(HANGS), watch)
    };
    let ended = match file {
        PullFile::RegistriesConf { conf, certs } => run(copied(conf, certs, name))?,
        PullFile::HostsFolder(folder) => {
            let shown = name.to_string();
            let engine = Engine::containerd(Some(NAMESPACE));
            let containerd = Driver::new(engine, cancel.clone());
            let mut fetch = containerd.command();
            fetch.args(["content", "fetch", "--hosts-dir"]).arg(folder).arg(&shown);
            let ended = run(fetch);
            let undone =
                [&["images", "rm", "--sync", &shown][..], &["namespaces", "rm", NAMESPACE]];
            for arguments in undone {
                let mut undo = containerd.command();
                undo.args(arguments);
                containerd.undo(undo);
            }
            ended?
        }
    };
    match ended.success {
        true => Ok(()),
        false => Err(ended.failure(&format!("cannot pull {name}"))),
    }
}

/// skopeo, which reads all of `name` and hands it on to a pipe that keeps the end.
fn copied(conf: &Path, certs: Option<&Path>, name: &Reference) -> Command {
    let mut skopeo = Command::new("skopeo");
    // Whose signatures count is the business of whoever runs the image.
    skopeo.args(["--insecure-policy", "--registries-conf"]).arg(conf).arg("copy");
    if let Some(certs) = certs {
        skopeo.arg("--src-cert-dir").arg(certs);
    }
    skopeo.arg(format!("docker://{name}")).arg("docker-archive:/dev/stdout");
    skopeo
}
