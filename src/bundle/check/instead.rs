//! What was named as a bundle and is none: people name the file beside the right one, and a hint
//! at that helps more than the first thing that is odd.

use crate::bundle::inventory::SUMS;
use crate::bundle::receipt::ReadReceipt;
use crate::medium::kind::{DOCKER, LAYOUT};
use crate::medium::no_tar::EMPTY;
use crate::medium::tree::Tree;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// Fails when `tree` can be no bundle, with what it is instead.
///
/// # Errors
/// [`Class::Incomplete`] for what has nothing in it, else [`Class::Untrusted`]: nobody signed it.
pub(super) fn refuse(tree: &Tree, name: &str) -> Result<()> {
    if let Some(other) = tree.no_tar()? {
        if ReadReceipt::is_at(tree.path()) {
            let text = format!("{name} is no bundle: it is a receipt, of what a site holds");
            let hint = phrase![
                Remedy::Since,
                " takes it when the next bundle is made, and `",
                Remedy::Diff,
                "` shows how it differs from a bundle"
            ];
            return Err(Error::new(Class::Untrusted, text).hint(hint));
        }
        let class = if other == EMPTY { Class::Incomplete } else { Class::Untrusted };
        let text = format!("{name} is no bundle: it is {}", other.what);
        return Err(Error::new(class, text).hint(other.way_out()));
    }
    let mut paths = tree.files().map(|(path, _)| path);
    let is_cut = tree.faults().iter().any(|fault| fault.is_truncated());
    if is_cut || paths.any(|path| path.starts_with("sig/") || path == SUMS) {
        return Ok(());
    }
    let Some((what, hint)) = instead(tree, name) else { return Ok(()) };
    let nothing = tree.files().next().is_none() && tree.faults().is_empty();
    let class = if nothing { Class::Incomplete } else { Class::Untrusted };
    Err(Error::new(class, format!("{name} is no bundle: it {what}")).hint(hint))
}

/// What it is, to be added to a sentence, and the way out.
fn instead(tree: &Tree, name: &str) -> Option<(String, Phrase)> {
    let said = |what: &str, hint: Phrase| Some((what.to_owned(), hint));
    let names = || tree.files().map(|(path, _)| path);
    if let Some(folder) = names().find_map(|path| path.strip_suffix(SUMS)?.strip_suffix('/')) {
        let what = format!("holds one in the folder {folder}");
        return match tree.is_folder() {
            true => {
                said(&what, format!("name that: {}/{folder}", name.trim_end_matches('/')).into())
            }
            false => said(&what, "unpack it, and name that folder".into()),
        };
    }
    if tree.size(DOCKER).is_some() && tree.size(LAYOUT).is_none() {
        let hint = phrase![
            Remedy::Export,
            " docker-archive:FILE makes a bundle of it, where its sender can"
        ];
        return said("is a docker archive, which nobody signed", hint);
    }
    if tree.size(LAYOUT).is_some() {
        let hint = phrase![
            "sealift bundles have signatures in sig/; ",
            Remedy::Export,
            " makes one of it, where its sender can (oci:DIR, oci-archive:FILE)"
        ];
        return said("is an OCI layout, which nobody signed", hint);
    }
    if names().next().is_none() && tree.faults().is_empty() {
        return said("is empty", "copy it from its origin again".into());
    }
    if let Some(tar) = names().find(|path| path.ends_with(".tar") && !path.contains('/')) {
        let hint = match tree.is_folder() {
            true => format!("if that is the bundle, name it: {}/{tar}", name.trim_end_matches('/')),
            false => format!("if that is the bundle, unpack it and name {tar}"),
        };
        return said(&format!("holds {tar}"), hint.into());
    }
    let mut few: Vec<&str> = names().take(4).collect();
    let more = if few.len() > 3 { ", ..." } else { "" };
    few.truncate(3);
    (!few.is_empty()).then(|| {
        let (what, s) = (few.join(", "), if tree.is_folder() { "folder" } else { "tar" });
        (
            format!("is a {s} of other things ({what}{more})"),
            "sealift bundles have signatures in sig/ and a list of their files in SHA256SUMS"
                .into(),
        )
    })
}
