//! What can be done where parts of an image are gone.

use std::collections::BTreeSet;

use super::asked::Selection;
use crate::bundle::contents::Contents;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::phrase::{Phrase, phrase};
use crate::words::platform::Platform;
use crate::words::remedy::Remedy;

/// How images can be had without their attestations, where nothing but one of these needs `blob`.
#[must_use]
pub fn without_attestation(
    contents: &Contents,
    select: &Selection,
    blob: &Digest,
) -> Option<Phrase> {
    let needs = |document: &&Document| document.children().iter().any(|it| it.digest == *blob);
    let users: Vec<Digest> =
        contents.documents.values().filter(needs).map(|it| it.descriptor().digest).collect();
    let is_user = |entry: &Descriptor| users.contains(&entry.digest);
    let attests = |entry: &Descriptor| entry.platform.as_deref().is_some_and(Platform::is_unknown);
    let mut found: Option<&Document> = None;
    for index in contents.documents.values() {
        let Kind::Index { manifests } = index.kind() else { continue };
        for entry in manifests.iter().filter(|entry| is_user(entry)) {
            if !attests(entry) {
                return None;
            }
            found = Some(index);
        }
    }
    Some(way_out(found?, &users, select))
}

/// How the rest of `index` can be had without the parts that are `gone`.
pub(super) fn way_out(index: &Document, gone: &[Digest], select: &Selection) -> Phrase {
    let is_gone = |d: &Descriptor| gone.contains(&d.digest);
    let unknown = |d: &Descriptor| d.platform.as_deref().is_some_and(Platform::is_unknown);
    let Kind::Index { manifests } = index.kind() else { return Phrase::default() };
    let chosen = |platform: &&Platform| {
        select.platforms.is_empty() || select.platforms.iter().any(|wanted| wanted.takes(platform))
    };
    let rest: BTreeSet<String> = manifests
        .iter()
        .filter(|entry| !is_gone(entry) && !unknown(entry))
        .filter_map(|entry| entry.platform.as_deref())
        .filter(|platform| !platform.os.is_empty())
        .filter(chosen)
        .map(ToString::to_string)
        .collect();
    let rest = rest.into_iter().collect::<Vec<_>>().join(",");
    let attestations = manifests.iter().filter(|entry| is_gone(entry)).all(unknown);
    match (rest.is_empty(), attestations) {
        (true, _) => "have the image pushed again, with all its parts".into(),
        (false, true) => phrase![
            Remedy::Platform,
            format!(" {rest} "),
            Remedy::NoReferrers,
            " ",
            Remedy::RewriteIndex,
            " exports the images without their attestations, under a new digest"
        ],
        (false, false) => phrase![
            Remedy::Platform,
            format!(" {rest} exports what is there; with "),
            Remedy::RewriteIndex,
            " the index names no more than that, under a new digest"
        ],
    }
}
