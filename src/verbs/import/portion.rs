//! What of a bundle belongs into one archive.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::contents::{Contents, Image, Referrer};
use crate::bundle::head::index_json;
use crate::bundle::subset::{Referring, Subset};
use crate::places::layout::archive::ArchiveContents;
use crate::words::at::At;
use crate::words::error::Result;
use crate::words::reference::Reference;

/// Referrers of the contents, with their new names, if they have one.
type NamedReferrers = Vec<(At<Referrer>, Option<Reference>)>;

/// What an archive of `images`, places in the contents with their new names, has to hold, with
/// docker's list if there is one; and the referrers among it, as a
/// [`Delivery`](crate::work::plan::Delivery) has them.
///
/// # Errors
/// As [`ArchiveContents::new`].
pub(super) fn listing(
    contents: &Contents,
    referring: &Referring<'_>,
    images: &[(At<Image>, Reference)],
    docker: Option<Vec<u8>>,
) -> Result<(ArchiveContents, NamedReferrers)> {
    let (portion, referrers) = portion(contents, referring, images);
    let index = index_json(&portion);
    Ok((ArchiveContents::new(index, docker, portion.documents, portion.blobs.needed())?, referrers))
}

/// The part of `contents` that belongs to `images`, under their new names, and which of its
/// referrers those are.
fn portion(
    contents: &Contents,
    referring: &Referring<'_>,
    images: &[(At<Image>, Reference)],
) -> (Contents, NamedReferrers) {
    let part =
        Subset::of(contents, referring, images.iter().map(|(at, _)| at.of(&contents.images)));
    let mut repositories: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut renamed = Vec::new();
    for (at, to) in images {
        let image = at.of(&contents.images);
        repositories.entry(image.name.name()).or_default().insert(to.name());
        renamed.push(Image { name: to.clone(), ..image.clone() });
    }
    let (mut named, mut referrers) = (Vec::new(), Vec::new());
    for at in &part.referrers {
        let referrer = at.of(&contents.referrers);
        for repository in repositories.get(&referrer.repository).into_iter().flatten() {
            let renamed = Referrer { repository: repository.clone(), ..referrer.clone() };
            named.push((*at, renamed.name()));
            referrers.push(renamed);
        }
    }
    renamed.sort_by(|one, other| one.name.cmp(&other.name));
    referrers.sort();
    named.sort();
    (part.cut(contents, renamed, referrers), named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::samples::Stock;
    use crate::words::digest::Digest;

    #[test]
    fn an_image_takes_along_what_refers_to_it_and_to_that_and_nothing_else() {
        let (mut stock, mut contents, [a, b, of_a, of_b, of_that]) = Stock::family();
        // The same image elsewhere, where nobody signed it.
        let other = stock.contents(&[("x.example/s:a", &a)]).images.remove(0);
        contents.images.push(other);
        let images = |at: usize| vec![(At::nth(at), "y.example/new:1".parse().unwrap())];
        let all = Referring::among(&contents);

        let (of_first, referrers) = portion(&contents, &all, &images(0));
        let held: BTreeSet<Digest> = of_first.referrers.iter().map(|r| r.digest).collect();
        assert_eq!(held, BTreeSet::from([of_a.digest, of_that.digest]));
        assert!(of_first.referrers.iter().all(|r| r.repository == "y.example/new"));
        assert_eq!(referrers.len(), 2);
        assert_eq!(of_first.documents.len(), 3);
        assert_eq!(of_first.images[0].name.to_string(), "y.example/new:1");
        assert!(portion(&contents, &all, &images(2)).1.is_empty());
        // What stands for an index that was made smaller takes along what refers to that.
        contents.images[2].name = "x.example/r:c".parse().unwrap();
        contents.images[2].digest = stock.image("c", "linux/amd64").digest;
        contents.images[2].rewritten_from = Some(b.digest);
        let contents = &contents;
        let held = portion(contents, &Referring::among(contents), &images(2)).0.referrers;
        assert_eq!(held[0].digest, of_b.digest);
    }
}
