//! [`Walk`]: one place, from its names down to its blobs, of which none is read.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::bundle::contents::MAX_LEVELS;
use crate::bundle::receipt::{HeldContent, MAX_RECEIPT};
use crate::storage::store::ImageSource;
use crate::tools::mutex::lock;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::diff::HeldParts;

/// The least that a digest takes in a receipt.
const LINE: u64 = 67;

/// What tells which manifests refer to one.
pub(super) type Refers<'r> = &'r (dyn Fn(&Descriptor) -> Result<Vec<Descriptor>> + Sync);

/// What was found so far. Manifests are let go of as soon as they were read.
pub(super) struct Walk<'p> {
    progress: &'p dyn Progress,
    seen: Mutex<BTreeSet<Digest>>,
    content: Mutex<HeldContent>,
    parts: Mutex<HeldParts>,
}

impl<'p> Walk<'p> {
    pub(super) fn new(progress: &'p dyn Progress) -> Walk<'p> {
        let (seen, content, parts) = Default::default();
        Walk { progress, seen, content, parts }
    }

    /// All that was found, and which of it belongs together.
    pub(super) fn finish(self) -> (HeldContent, HeldParts) {
        let content = self.content.into_inner().unwrap_or_else(PoisonError::into_inner);
        (content, self.parts.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds the image `name` of `source`, called as `shown`, with all that its manifests name and
    /// `refers` to them.
    ///
    /// # Errors
    /// Those of the source; a part of an index that is not there is none, as indexes may be kept
    /// with some of their platforms.
    pub(super) fn image(
        &self,
        source: &dyn ImageSource,
        name: &Reference,
        shown: &Reference,
        refers: Refers<'_>,
    ) -> Result<()> {
        self.progress.check()?;
        let root = source.resolve(name)?;
        let digest = root.descriptor().digest;
        self.within(|content| {
            content.names.insert((digest, shown.clone()));
        })?;
        let mut level = vec![root];
        for _ in 0..MAX_LEVELS {
            let mut below = Vec::new();
            for document in &level {
                below.extend(self.note(source, document, refers)?);
            }
            if below.is_empty() {
                self.progress.event(Event::Finished { digest });
                return Ok(());
            }
            level = below;
        }
        Err(Error::new(Class::Damaged, format!("manifests are nested deeper than {MAX_LEVELS}")))
    }

    /// Notes `document` and its blobs, and reads the manifests below it and those that refer to it.
    fn note(
        &self,
        source: &dyn ImageSource,
        document: &Document,
        refers: Refers<'_>,
    ) -> Result<Vec<Document>> {
        let about = document.descriptor();
        if !lock(&self.seen).insert(about.digest) {
            return Ok(Vec::new());
        }
        let children = document.children();
        let (documents, blobs): (Vec<&Descriptor>, Vec<&Descriptor>) =
            children.into_iter().partition(|child| child.is_document());
        let mut held = Vec::new();
        for blob in blobs.into_iter().filter(|blob| !blob.is_foreign()) {
            match source.look(blob) {
                Ok(()) => held.push((blob.digest, blob.size)),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let names = documents.iter().map(|child| child.digest);
        let names = names.chain(held.iter().map(|(digest, _)| *digest));
        lock(&self.parts).note(about.digest, names);
        self.within(|content| {
            content.manifest(about.digest, about.size);
            held.into_iter().for_each(|(digest, size)| content.blob(digest, size));
        })?;
        let referring = refers(about)?;
        referring.iter().for_each(|it| lock(&self.parts).refers(it.digest));
        let mut found = Vec::new();
        for child in documents.into_iter().chain(&referring) {
            self.progress.check()?;
            if lock(&self.seen).contains(&child.digest) {
                continue;
            }
            match source.document(child) {
                Ok(document) => found.push(document),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Adds to what was found, as long as it has room in a receipt.
    fn within(&self, add: impl FnOnce(&mut HeldContent)) -> Result<()> {
        let mut content = lock(&self.content);
        add(&mut content);
        let count = content.manifests.len() + content.blobs.len() + content.names.len();
        match count as u64 * LINE > MAX_RECEIPT {
            false => Ok(()),
            true => Err(Error::new(Class::Usage, "there is more than a receipt has room for")
                .hint("make several, each of some of the paths")),
        }
    }
}

/// Whether something is not there, or not as it was listed: then it is not held.
fn is_absent(error: &Error) -> bool {
    error.class() == Class::Incomplete
}
