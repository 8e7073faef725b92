//! [`ImageRemoval`]: images taken away from where they are.

use super::holdings::Held;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::Result;
use crate::words::reference::Reference;

/// Takes images away: names, and the documents that nothing needs any more. A trait of its own beside
/// [`ImageSink`](super::store::ImageSink), since few who may write may do that. It tells what one has
/// to know to take nothing away that is another's.
pub trait ImageRemoval: Send + Sync {
    /// All names there.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn names(&self) -> Result<Vec<Reference>>;

    /// What `name` stands for now.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn stands_for(&self, name: &Reference) -> Result<Held>;

    /// Documents that are listed there without a name.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn unnamed(&self) -> Result<Vec<Digest>> {
        Ok(Vec::new())
    }

    /// The document `digest`; nothing where it is not there, is none, or may not be read.
    ///
    /// # Errors
    /// When the place cannot tell, or its bytes are wrong.
    fn look_into(&self, digest: &Digest) -> Result<Option<Document>>;

    /// Whether `about` can be [removed](ImageRemoval::remove): it is there.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn is_there(&self, about: &Descriptor) -> Result<bool>;

    /// Everything that refers to `subject`, as far as the place tells; lists of such are none.
    ///
    /// # Errors
    /// When the place cannot tell.
    fn referring(&self, subject: &Descriptor) -> Result<Vec<Digest>>;

    /// Whether the place keeps `name` where it is.
    ///
    /// # Errors
    /// When the place cannot be asked.
    fn is_fixed(&self, _name: &Reference) -> Result<bool> {
        Ok(false)
    }

    /// Whether a name can be taken away without what it stands for. Changes nothing.
    ///
    /// # Errors
    /// [`Class::Refused`](crate::words::error::Class::Refused) where nothing may be taken away at all.
    fn parts_names(&self) -> Result<bool>;

    /// Whether blobs are taken away one by one, too. Elsewhere the place collects them by itself.
    fn removes_blobs(&self) -> bool {
        false
    }

    /// Takes `name` away, and nothing else. One that is not there is fine.
    ///
    /// # Errors
    /// When the place refuses.
    fn unname(&self, name: &Reference) -> Result<()>;

    /// Makes it visible and durable that names are gone, and lists `without` no more, where that takes
    /// a step of its own.
    ///
    /// # Errors
    /// When the place refuses; then what was there before stands.
    fn settle(&self, _without: &[Descriptor]) -> Result<()> {
        Ok(())
    }

    /// Takes a document or a blob away. One that is not there is fine.
    ///
    /// # Errors
    /// When the place refuses.
    fn remove(&self, about: &Descriptor) -> Result<()>;
}
