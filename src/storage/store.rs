//! The small traits between a verb and a place where images live.
//!
//! A source or a sink stands for one *repository*; content is addressed by descriptor, names are
//! kept apart from it. Sinks take a reader, because the receiver knows best how to buffer.

use super::checked::Checked;
use super::holdings::{BlobHoldings, Holdings};
use super::raw::Raw;
use crate::tools::stretch::Stretch;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::Result;
use crate::words::reference::{Reference, Repository, Tag};

/// Gives the bytes of blobs.
pub trait BlobSource: Send + Sync {
    /// Opens the raw bytes of `blob`, from byte `offset` on (`offset <= blob.size`).
    ///
    /// The bytes are *not* checked: they are read as [`Verifying`](crate::storage::verifying::Verifying).
    /// Foreign `urls` are never followed.
    ///
    /// # Errors
    /// [`Class::Incomplete`](crate::words::error::Class::Incomplete) when the blob is not there.
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>>;

    /// Hears that the bytes it gave for `blob` proved wrong. Whether the next
    /// [`open`](BlobSource::open) asks another place, so that it is worth it: for a source that
    /// has mirrors.
    fn distrust(&self, _blob: &Descriptor) -> bool {
        false
    }

    /// The file of this machine that the bytes of `blob` lie in as they are, for a source that has
    /// them so. They are no more checked than those of [`open`](BlobSource::open).
    ///
    /// # Errors
    /// As for [`open`](BlobSource::open).
    fn stretch(&self, _blob: &Descriptor) -> Result<Option<Stretch>> {
        Ok(None)
    }

    /// Fails where the source knows without asking anybody that it does not have `blob`. A source
    /// that would have to ask says nothing.
    ///
    /// # Errors
    /// [`Class::Incomplete`](crate::words::error::Class::Incomplete) for a blob that is not there.
    fn look(&self, _blob: &Descriptor) -> Result<()> {
        Ok(())
    }

    /// What people call the place that gives the bytes of `blob`, where it is not the source as a
    /// whole.
    fn whence(&self, _blob: &Descriptor) -> Option<String> {
        None
    }

    /// What people find the bytes of `blob` under in the source, where that is not their digest.
    fn called(&self, _blob: &Descriptor) -> Option<&str> {
        None
    }

    /// Whether reading small blobs twice is no cost worth a thought: they are in local files.
    fn is_at_hand(&self) -> bool {
        false
    }

    /// Where the bytes of `blob` lie in the source, for one that is read faster in that order.
    fn position(&self, _blob: &Descriptor) -> u64 {
        0
    }
}

/// Knows which source has each blob.
pub trait BlobSources: Sync {
    /// Where the bytes of `digest` come from, and what that place is called.
    ///
    /// # Errors
    /// When none of them has it.
    fn source_of(&self, digest: &Digest) -> Result<(&dyn BlobSource, &str)>;
}

/// What refers to a manifest, of both kinds.
#[derive(Debug, Clone, Default)]
pub struct Referrers {
    /// Manifests whose `subject` it is (OCI 1.1), as the place itself says.
    pub manifests: Vec<Descriptor>,
    /// Entries of the list under the fallback tag, which anybody may have written: they refer to
    /// it only if their own `subject` says so.
    pub claimed: Vec<Descriptor>,
    /// Documents found under tags made from its digest: the fallback tag itself, and cosign's
    /// `sha256-<hex>.sig`, `.att` and `.sbom`.
    pub tags: Vec<(Tag, Document)>,
}

/// Gives images by name.
pub trait ImageSource: BlobSource {
    /// The document under `name`: by its digest if it has one, else by its tag.
    ///
    /// # Errors
    /// [`Class::Incomplete`](crate::words::error::Class::Incomplete) when there is none,
    /// [`Class::Damaged`](crate::words::error::Class::Damaged) when the bytes are not those of
    /// the digest.
    fn resolve(&self, name: &Reference) -> Result<Document>;

    /// The document that `descriptor` describes, checked against digest and size.
    ///
    /// # Errors
    /// As for [`resolve`](ImageSource::resolve).
    fn document(&self, descriptor: &Descriptor) -> Result<Document>;

    /// Everything that refers to `subject`; empty where nothing does.
    ///
    /// # Errors
    /// Any fault but a plain "there is none": a referrer that cannot be fetched is an error.
    fn referrers(&self, subject: &Descriptor) -> Result<Referrers>;

    /// Whether the source made the document `digest` itself, because it keeps no manifests.
    fn is_made(&self, _digest: &Digest) -> bool {
        false
    }
}

/// Takes blobs, and tells which it has.
pub trait BlobSink: BlobHoldings {
    /// Stores the blob that `content` is of. Nothing is visible until all its bytes came; `content`
    /// fails by itself when they are wrong, short or too many.
    ///
    /// # Errors
    /// Those of `content` come out as themselves, so that the source is named and not the sink.
    fn put(&self, content: &mut dyn Checked) -> Result<()>;

    /// Whether a `put` that failed has stored `blob` all the same, as happens when only the
    /// answer got lost. Asked before the bytes are sent again.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn kept(&self, _blob: &Descriptor) -> Result<bool> {
        Ok(false)
    }

    /// Whether `blob`, which this place has taken, is there: asked in every way that it knows.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn has_taken(&self, blob: &Descriptor) -> Result<bool> {
        self.has(blob)
    }

    /// The sibling repository `from` as a source, where this place has such: for what it has and cannot
    /// or will not hand over by itself.
    fn sibling(&self, _from: &Repository) -> Option<Box<dyn BlobSource>> {
        None
    }

    /// Takes `blob` from the sibling repository `from` without moving bytes. `false` when the
    /// place cannot or will not: then `put` has to.
    ///
    /// # Errors
    /// Only faults that would stop a `put` too.
    fn mount(&self, _blob: &Descriptor, _from: &Repository) -> Result<bool> {
        Ok(false)
    }
}

/// Takes images, and tells which it has.
pub trait ImageSink: Holdings + BlobSink {
    /// Stores a manifest or index under its digest, byte for byte. Its children are there
    /// already. Returns whether the place itself lists it as a referrer of its subject; where it
    /// does not, the fallback tag is the caller's to write.
    ///
    /// # Errors
    /// When the place refuses it.
    fn put_document(&self, document: &Document) -> Result<bool>;

    /// Makes `document`, stored before, findable as `name`, replacing what stood there.
    ///
    /// # Errors
    /// When the place refuses.
    fn publish(&self, name: &Reference, document: &Document) -> Result<()>;

    /// Tries whether an index of type `media_type` is taken while `missing`, some of its children,
    /// are not there: asked where [`takes_sparse`](Holdings::takes_sparse) cannot tell. Leaves
    /// nothing behind that anybody could see.
    ///
    /// # Errors
    /// When the place cannot be asked.
    fn try_sparse(&self, _media_type: &str, _missing: &[Descriptor]) -> Result<bool> {
        Ok(true)
    }

    /// Makes everything published so far visible and durable, where that takes a step of its own.
    ///
    /// # Errors
    /// When the place refuses; then what was there before stands.
    fn finish(&self) -> Result<()> {
        Ok(())
    }

    /// As [`publish`](ImageSink::publish), but only if the `version` that was read is still there,
    /// as far as the place can tell; whether it was.
    ///
    /// # Errors
    /// When the place refuses for another reason.
    fn replace(
        &self,
        name: &Reference,
        _version: Option<&str>,
        document: &Document,
    ) -> Result<bool> {
        self.publish(name, document).map(|()| true)
    }
}
