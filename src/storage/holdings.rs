//! What a place holds: the questions that a plan asks. Whoever answers them changes nothing.
//!
//! Places that also take images answer as [sinks](super::store); a receipt or an earlier bundle
//! could answer too. Content is asked for by descriptor, names are kept apart from it.

use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::Result;
use crate::words::reference::{Reference, Tag};

/// Tells which blobs are there.
pub trait BlobHoldings: Send + Sync {
    /// Whether `blob` is present with the right size. Never reads its content over a line.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn has(&self, blob: &Descriptor) -> Result<bool>;
}

/// A list of referrers as it is kept under its fallback tag.
#[derive(Debug, Clone)]
pub struct KeptList {
    /// The list.
    pub document: Document,
    /// What the place calls this version of it, where it can replace one version alone.
    pub version: Option<String>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    Nothing,
    /// This.
    Known(Digest),
    /// Something that the place lets nobody read for now; what it is, where that can be told.
    Withheld(Option<Digest>),
}

/// Tells which images are there, and what their names stand for.
pub trait Holdings: BlobHoldings {
    /// Whether the manifest or index is present.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn has_document(&self, descriptor: &Descriptor) -> Result<bool>;

    /// The digest and size of what stands under `name` now, if anything does.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn published(&self, name: &Reference) -> Result<Option<Descriptor>>;

    /// What stands under `name` now, also where it may not be read.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn held(&self, name: &Reference) -> Result<Held> {
        Ok(self.published(name)?.map_or(Held::Nothing, |found| Held::Known(found.digest)))
    }

    /// Which of `referrers` the place itself does not list as referring to `subject`, though it
    /// lists such; `None` where it lists nothing, so that the fallback tag is the caller's to write.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn unlisted(&self, _subject: &Digest, _referrers: &[Digest]) -> Result<Option<Vec<Digest>>> {
        Ok(Some(Vec::new()))
    }

    /// Whether the place keeps `name`, which stands for something, from ever standing for anything
    /// else. `false` where it cannot tell.
    ///
    /// # Errors
    /// When the place cannot be asked.
    fn is_fixed(&self, _name: &Reference) -> Result<bool> {
        Ok(false)
    }

    /// Whether what [`published`](Holdings::published) tells of a name was read from the document
    /// itself, which is there then.
    fn names_show_documents(&self) -> bool {
        false
    }

    /// Whether a document that is there vouches for its blobs, so that nobody looks for them.
    fn vouches(&self) -> bool {
        false
    }

    /// Whether an image may be there under its digest alone, beside a name that stands for another.
    fn keeps_untagged(&self) -> bool {
        true
    }

    /// What the place calls the image that is to come under `name`, where it knows no digests of
    /// manifests.
    fn own_id(&self, _name: &Reference) -> Option<Digest> {
        None
    }

    /// Whether the place takes an index of type `media_type` while it does not have `missing`,
    /// some of its children. `None` where that is only known after
    /// [trying](crate::storage::store::ImageSink::try_sparse).
    ///
    /// # Errors
    /// When the place cannot be asked.
    fn takes_sparse(&self, _media_type: &str, _missing: &[Descriptor]) -> Result<Option<bool>> {
        Ok(Some(true))
    }

    /// The fallback list of referrers under `tag`, to be merged and published again.
    ///
    /// # Errors
    /// Any fault but "there is none".
    fn referrers_list(&self, tag: &Tag) -> Result<Option<KeptList>>;
}
