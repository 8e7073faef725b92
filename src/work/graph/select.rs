//! Platform selections: which entries of an index are taken.

use std::collections::BTreeSet;

use super::asked::Selection;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::platform::Platform;

/// Annotation with which buildkit ties an attestation to its image.
const REFERS_TO: &str = "vnd.docker.reference.digest";

/// The entries that `select` takes: those for one of its platforms, those for none in particular,
/// and the attestations of those, if referrers come along. All, when no platform was selected.
pub(super) fn children<'a>(manifests: &'a [Descriptor], select: &Selection) -> Vec<&'a Descriptor> {
    let platforms = &select.platforms;
    if platforms.is_empty() {
        return manifests.iter().collect();
    }
    let takes = |entry: &&Descriptor| match &entry.platform {
        None => true,
        // What is no image comes along with the index, which stays as it is.
        Some(_) if !entry.is_document() => true,
        Some(platform) => platforms.iter().any(|wanted| wanted.takes(platform)),
    };
    let images: BTreeSet<Digest> = manifests.iter().filter(takes).map(|e| e.digest).collect();
    let attests = |entry: &&Descriptor| {
        !select.no_referrers
            && entry.platform.as_deref().is_some_and(Platform::is_unknown)
            && entry
                .annotations
                .get(REFERS_TO)
                .and_then(|digest| digest.parse().ok())
                .is_some_and(|digest: Digest| images.contains(&digest))
    };
    manifests.iter().filter(|entry| takes(entry) || attests(entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::media::OCI_MANIFEST;

    fn entry(content: &str, platform: Option<&str>, of: Option<&Descriptor>) -> Descriptor {
        let mut entry = Descriptor::of(OCI_MANIFEST, content.as_bytes());
        entry.platform = platform.map(|p| Box::new(p.parse().unwrap()));
        let of = of.map(|of| (REFERS_TO.to_owned(), of.digest.to_string()));
        entry.annotations = of.into_iter().collect();
        entry
    }

    #[test]
    fn attestations_go_with_their_image() {
        let amd64 = entry("1", Some("linux/amd64"), None);
        let arm64 = entry("2", Some("linux/arm64"), None);
        let of_amd64 = entry("3", Some("unknown/unknown"), Some(&amd64));
        let of_arm64 = entry("4", Some("unknown/unknown"), Some(&arm64));
        let any = entry("5", None, None);
        let all = [amd64, arm64, of_amd64, of_arm64, any];

        let mut select =
            Selection { platforms: vec!["linux/arm64".parse().unwrap()], ..Selection::default() };

        assert_eq!(children(&all, &select), [&all[1], &all[3], &all[4]]);
        select.no_referrers = true;
        assert_eq!(children(&all, &select), [&all[1], &all[4]]);
        select.platforms.clear();
        assert_eq!(children(&all, &select).len(), 5);
    }
}
