//! What an archive is that was named as one of images: people mix up what docker and its kin
//! write, and a hint at the right place helps more than the first thing that is odd.

use super::no_tar::EMPTY;
use super::tree::Tree;
use crate::words::document::MAX_DOCUMENT;
use crate::words::error::{Class, Error, Result};
use crate::words::json::parse_strict;

/// The file that makes a layout.
pub const LAYOUT: &str = "oci-layout";
/// The file that makes a docker archive.
pub const DOCKER: &str = "manifest.json";

/// Folders of a system's files, as `docker export` writes them; no archive of images has any.
const SYSTEM: &[&str] = &["bin", "sbin", "etc", "usr", "lib", "lib64", "proc", "dev", ".dockerenv"];
/// What the file `version` of a folder of skopeo's kind dir: begins with, which is all it has but a
/// number.
const DIR_MARK: &[u8] = b"Directory Transport Version:";
/// Most bytes of that file.
const MAX_MARK: u64 = 256;
/// How the names of archives end that others are packed into.
const ARCHIVES: &[&str] = &[".tar", ".tar.gz", ".tgz", ".tar.zst", ".img"];

/// Fails unless `tree` can be read and holds `mark`, the file that makes it what it was named as;
/// then with what it is instead.
///
/// # Errors
/// [`Class::Incomplete`] for what was cut off, [`Class::Refused`] for what cannot be read, else
/// [`Class::Damaged`].
pub fn check(tree: &Tree, mark: &str) -> Result<()> {
    let wanted = if mark == LAYOUT { "OCI layout" } else { "docker archive" };
    if let Some(other) = tree.no_tar()? {
        let class = if other == EMPTY { Class::Incomplete } else { Class::Damaged };
        let text = format!("{}: is no {wanted}; it is {}", tree.path().display(), other.what);
        return Err(Error::new(class, text).hint(other.way_out()));
    }
    let names = || tree.files().map(|(path, _)| path).chain(tree.links().map(|(path, _)| path));
    let odd = tree.faults();
    let is_unseen = odd.iter().any(|fault| fault.is_truncated() || fault.is_unreadable());
    if tree.size(mark).is_some() || is_unseen || names().next().is_none() {
        tree.refuse_faults()?;
    }
    if let Some((what, hint)) = unread(tree) {
        let text = format!("{}: is no {wanted}; it is {what}", tree.path().display());
        return Err(Error::new(Class::Damaged, text).hint(hint));
    }
    if tree.size(mark).is_some() {
        return Ok(());
    }
    if mark == LAYOUT && tree.size(DOCKER).is_none() && looks_like_layout(tree) {
        let text = format!("{}: {LAYOUT} is missing", tree.path().display());
        return Err(Error::new(Class::Incomplete, text)
            .hint("the rest looks like a layout; copy it again, with all of its files"));
    }
    let all = || names().chain(odd.iter().map(|fault| fault.path.as_str()));
    let (what, hint) = instead(tree, &all).unwrap_or((
        String::new(),
        match mark {
            LAYOUT => "name an OCI image layout: a folder, or a tar, with oci-layout in it",
            _ => "docker save and podman save write one",
        }
        .to_owned(),
    ));
    let text = format!("{}: is no {wanted}{what}", tree.path().display());
    Err(Error::new(Class::Damaged, text).hint(hint))
}

/// What `tree` is where it holds images in a form that is not read here, and the way out.
fn unread(tree: &Tree) -> Option<(&'static str, String)> {
    let small = |path: &str| tree.read_small(path, MAX_MARK).ok();
    if tree.size(LAYOUT).is_none() && tree.size(DOCKER).is_some() {
        // Older ones have no such file, but the manifest itself where docker has its list.
        let is_marked = small("version").is_some_and(|text| text.starts_with(DIR_MARK));
        let is_manifest = || {
            let manifest = tree.read_small(DOCKER, MAX_DOCUMENT).ok();
            let manifest = manifest.and_then(|bytes| parse_strict(&bytes).ok());
            manifest.is_some_and(|manifest| manifest.get("schemaVersion").is_some())
        };
        return (is_marked || is_manifest()).then(|| {
            let from = tree.path().display();
            let hint = format!(
                "write it anew with skopeo copy --all dir:{from} oci:NEW:TAG, and name oci:NEW; of a \
                 tar unpack it first"
            );
            ("a folder of skopeo's kind dir: (docker-dir for podman save)", hint)
        });
    }
    // Without names that has no list at all, only a folder for each layer.
    let is_layer = |(path, _): (&str, u64)| {
        path.strip_suffix("/VERSION").is_some_and(|layer| {
            ["json", "layer.tar"].iter().all(|file| tree.size(&format!("{layer}/{file}")).is_some())
        })
    };
    (tree.size(DOCKER).is_none() && tree.files().any(is_layer)).then(|| {
        let hint = "load it into a docker that still takes it (1.10 to 24), and save it again";
        (
            "one without manifest.json, as docker 1.9 and older saved, and those are not read",
            hint.to_owned(),
        )
    })
}

/// Whether all but the mark of a layout is there.
fn looks_like_layout(tree: &Tree) -> bool {
    let is_blob = |(path, _): (&str, u64)| path.starts_with("blobs/");
    tree.size("index.json").is_some() || tree.files().any(is_blob)
}

/// What it is, to be added to a sentence, and the way out.
fn instead<'t, I: Iterator<Item = &'t str>>(
    tree: &'t Tree,
    names: &dyn Fn() -> I,
) -> Option<(String, String)> {
    let said = |what: &str, hint: &str| Some((format!("; it {what}"), hint.to_owned()));
    if tree.size(DOCKER).is_some() {
        return said("is a docker archive", "write docker-archive: before it");
    }
    if tree.size(LAYOUT).is_some() {
        return said(
            "is an OCI layout",
            "it is an OCI layout: write oci-archive: or oci: before it",
        );
    }
    let below = |mark: &str| {
        let folder = |path: &'t str| path.strip_suffix(mark)?.strip_suffix('/');
        names().filter_map(folder).find(|folder| !folder.contains('/'))
    };
    for (mark, place) in [(LAYOUT, "oci"), (DOCKER, "docker-archive")] {
        if let Some(folder) = below(mark) {
            let what = format!("holds one below the folder {folder}");
            return said(&what, &format!("unpack it, and name {place}:{folder}"));
        }
    }
    if below("Chart.yaml").is_some() {
        let hint = "push it to a registry with helm push, and export it from there";
        return said("is a Helm chart", hint);
    }
    let is_system = |path: &str| {
        let first = path.trim_start_matches(['.', '/']).split('/').next();
        path.contains('/') && SYSTEM.iter().any(|system| Some(*system) == first)
            || path == ".dockerenv"
    };
    if names().any(is_system) {
        let hint = "docker save and podman save write images; docker import makes one of this";
        return said("holds the files of a container, as docker export writes them", hint);
    }
    let inner = names().find(|path| ARCHIVES.iter().any(|ending| path.ends_with(ending)))?;
    let hint = "unpack it, and name the folder that the archives are in, or one of them";
    said(&format!("holds other archives, {inner} among them"), hint)
}
