//! Where symbolic links in a tree lead.

use std::path::Path;

use super::entries::{Entries, missing};
use super::names::{inside, is_plain};
use crate::words::error::{Class, Error, Result};

/// How many links in a row are followed. The archives of podman and old docker have one for a layer
/// that stands under two names; more than that is made to confuse.
const MAX_HOPS: usize = 1;

/// The regular file of `entries` that `path` is, or that the symbolic link `path` leads to. The tree
/// is shown as `tree`.
///
/// # Errors
/// [`Class::Damaged`] for a path or a link that leaves the tree, and for one that leads to
/// more than one further link; [`Class::Incomplete`] when there is no file at its end.
pub(super) fn resolve(entries: &Entries, tree: &Path, path: &str) -> Result<String> {
    let bad = |why: &str| Error::new(Class::Damaged, format!("{}: {path} {why}", tree.display()));
    let mut here = inside(path).to_owned();
    if !is_plain(&here) {
        return Err(bad("is no acceptable file name"));
    }
    for _ in 0..=MAX_HOPS {
        let Some(to) = entries.links.get(&here) else {
            return match entries.files.contains_key(&here) {
                true => Ok(here),
                false => Err(missing(tree, &here)),
            };
        };
        here = beside(&here, to).ok_or_else(|| bad("is a link that leaves the archive"))?;
    }
    Err(bad("is a link to a link"))
}

/// Where the link `path` leads that says `to`; nothing when that is outside.
fn beside(path: &str, to: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    if to.starts_with('/') {
        return None;
    }
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/")).filter(|path| is_plain(path))
}
