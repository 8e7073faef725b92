//! The two forms in which the tree is handed out: `.tar.gz` and `.deb`. Both hold nothing that
//! depends on who made them, when or where.

use super::Release;
use super::stage::Stage;
use crate::{Result, shell};
use std::path::Path;
use std::process::Command;

/// An archive of the tree below one folder: `tar xzf FILE -C /usr/local --strip-components=1`.
pub fn tar(release: &Release, stage: &Stage, file: &Path, folder: &str) -> Result {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--format=gnu", "--numeric-owner"]);
    tar.args(["--owner=0", "--group=0"]).arg(format!("--mtime=@{}", release.time));
    tar.arg(format!("--transform=s,^\\.,{folder},")).arg("--file").arg(file.with_extension(""));
    shell::output(tar.arg("--directory").arg(&stage.prefix).arg("."))?;
    shell::output(Command::new("gzip").arg("-9n").arg(file.with_extension(""))).map(drop)
}

/// A Debian package in `folder`, made by Debian's own `dpkg-deb`.
pub fn deb(release: &Release, stage: &Stage, folder: &Path) -> Result {
    if !shell::installed("dpkg-deb") {
        return Err("no dpkg-deb; it is in Debian's package dpkg".to_owned());
    }
    let architecture = match release.architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let file = folder.join(format!("sealift_{}_{architecture}.deb", release.version));
    let root = shell::Scratch::new("sealift-deb")?;
    shell::output(Command::new("cp").arg("-a").arg(&stage.prefix).arg(root.path().join("usr")))?;
    shell::write(&root.path().join("DEBIAN/control"), control(release, architecture, stage)?)?;
    let sums = "find usr -type f | LC_ALL=C sort | xargs -d '\\n' md5sum > DEBIAN/md5sums
                chmod 755 . DEBIAN usr
                chmod 644 DEBIAN/*";
    shell::output(shell::script(sums).current_dir(root.path()))?;
    let mut build = Command::new("dpkg-deb");
    // One thread: how many there are would show in the compressed stream.
    build.env("SOURCE_DATE_EPOCH", &release.time).env("DPKG_DEB_THREADS_MAX", "1");
    build.args(["--root-owner-group", "-Zxz", "--build"]).arg(root.path()).arg(&file);
    shell::output(&mut build).map(drop)
}

fn control(release: &Release, architecture: &str, stage: &Stage) -> Result<String> {
    let bytes: usize = shell::files(&stage.prefix)?
        .iter()
        .map(|path| shell::read(path).map(|content| content.len().next_multiple_of(1024)))
        .sum::<Result<usize>>()?;
    let depends = if release.is_static { "" } else { "Depends: libc6, libgcc-s1\n" };
    Ok(format!(
        "Package: sealift\n\
         Version: {}\n\
         Architecture: {architecture}\n\
         Maintainer: The sealift authors <sealift@localhost>\n\
         Installed-Size: {}\n\
         {depends}\
         Recommends: ca-certificates\n\
         Section: admin\n\
         Priority: optional\n\
         Description: carries container images across an air gap\n \
         On the connected side sealift exports container images from registries, archives\n \
         and engines into one signed, deduplicated bundle, an OCI image layout. On the\n \
         isolated side it verifies every byte and imports the images into a private\n \
         registry, podman, docker or containerd, or serves them as a registry itself.\n",
        release.version,
        bytes / 1024
    ))
}
