//! What a failure is about: which images a blob is needed by, and what a manifest was sent without.

use crate::bundle::contents::Contents;
use crate::words::count::are;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error, ErrorKind};
use crate::words::foreign::Foreign;
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// `error`, met while content was read that is at fault, if nobody said what it is about.
#[must_use]
pub fn at_fault(error: Error) -> Error {
    match error.class() {
        Class::Interrupted => error,
        _ if error.kind() == ErrorKind::Unreadable => error,
        _ => error.of_kind(ErrorKind::ContentAtFault),
    }
}

/// Says of a blob that is damaged or not there which images need it.
#[must_use]
pub fn name_images(error: Error, blob: &Descriptor, contents: &Contents) -> Error {
    match error.class() {
        Class::Damaged | Class::Incomplete => {
            let images = contents.touched_by(&blob.digest).into_iter();
            error.details(images.map(|image| format!("needed by {image}")))
        }
        _ => error,
    }
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
