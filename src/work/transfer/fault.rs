//! What a failure is about: which images a blob is needed by, and what a manifest was sent without.

use crate::bundle::contents::Contents;
use crate::words::count::are;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error, ErrorKind, Subject};
use crate::words::foreign::Foreign;
use crate::words::phrase::{Phrase, phrase};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;

/// How many images a failure of the place names.
const SHOWN: usize = 5;

/// `error`, met while content was read that is at fault, if nobody said what it is about.
#[must_use]
pub fn at_fault(error: Error) -> Error {
    match error.class() {
        Class::Interrupted => error,
        // Of what was replaced no other blob is asked for.
        _ if matches!(error.kind(), ErrorKind::Unreadable | ErrorKind::Replaced) => error,
        _ => error.of_kind(ErrorKind::ContentAtFault),
    }
}

/// Says of a blob that is damaged or not there which images need it.
#[must_use]
pub fn name_images(error: Error, blob: &Descriptor, contents: &Contents) -> Error {
    let error = error.subject(Subject::Digest(blob.digest));
    match error.class() {
        Class::Damaged | Class::Incomplete => {
            let images = contents.touched_by(&blob.digest);
            let error = error.about(images.iter().cloned().map(Subject::Image));
            error.details(images.into_iter().map(|image| format!("needed by {image}")))
        }
        _ => error,
    }
}

/// Says of `error`, for which a place did not take `digest` of `contents`, which images it stopped:
/// the first ones, since half of a bundle may share a layer. What is about the content is told by
/// [`name_images`].
pub(super) fn name_stopped(error: Error, digest: &Digest, contents: &Contents) -> Error {
    if error.class() == Class::Interrupted || error.is_about_content() {
        return error;
    }
    let images = contents.touched_by(digest);
    let (shown, more) = images.split_at(images.len().min(SHOWN));
    let error =
        error.subject(Subject::Digest(*digest)).about(shown.iter().cloned().map(Subject::Image));
    match (shown, more.len()) {
        ([], _) => error,
        (shown, 0) => error.details([format!("needed by {}", shown.join(", "))]),
        (shown, more) => error.details([format!("needed by {} and {more} more", shown.join(", "))]),
    }
}

/// Says of `error`, for which a place did not keep the name of an image, which image it stopped.
pub(super) fn name_unnamed(error: Error, image: &Reference) -> Error {
    let image = image.to_string();
    let error = match error.names(&image) || error.class() == Class::Interrupted {
        true => error,
        false => error.details([format!("needed by {image}")]),
    };
    error.subject(Subject::Image(image))
}

/// What can be done where a registry wants the foreign layers of an image.
#[must_use]
pub fn no_foreign() -> Phrase {
    phrase![
        Remedy::Except,
        " NAME leaves them behind; export ",
        Remedy::Platform,
        " linux/amd64 ",
        Remedy::RewriteIndex,
        " brings other platforms alone; or push the layers there yourself first, from their \
         owner"
    ]
}

/// Says of a manifest that is refused for the sake of its parts that the foreign layers were not
/// carried.
pub(super) fn explain_foreign(error: Error, document: &Document) -> Error {
    let foreign = Foreign::among(document.children());
    match foreign.is_any() && error.kind() == ErrorKind::PartsLacking {
        true => error
            .details([format!(
                "{} of its layers {} foreign, and not carried; only their owner hands them out{}",
                foreign.layers,
                are(foreign.layers),
                foreign.at()
            )])
            .hint(no_foreign()),
        false => error,
    }
}

/// Says of an index that is refused for the sake of its parts that it was not carried whole.
pub(super) fn explain_sparse(error: Error, document: &Document, contents: &Contents) -> Error {
    let carried = |child: &&Descriptor| contents.documents.contains_key(&child.digest);
    let Kind::Index { manifests } = document.kind() else { return error };
    match manifests.iter().all(|child| carried(&child)) || error.kind() != ErrorKind::PartsLacking {
        true => error,
        false => error.hint(phrase![
            "the index names platforms that the bundle leaves out, which this registry does not \
             take; ",
            Remedy::RewriteIndex,
            " pushes a smaller one, or export all platforms"
        ]),
    }
}
