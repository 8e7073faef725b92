//! What an engine holds, as far as it tells.

use std::collections::BTreeSet;

use super::found::{Found, KeepGoing};
use super::walk::Walk;
use crate::bundle::contents::Contents;
use crate::bundle::receipt::HeldContent;
use crate::places::engine::content::ContentStore;
use crate::places::engine::{Driver, Engine, EngineImage};
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSource, ImageSource, Referrers};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;
use crate::words::reference::Reference;

/// All that `engine` holds. podman and docker unpack what they pull, and keep no layer as it came:
/// of them the digests are told that they know, without sizes.
///
/// # Errors
/// When it cannot be asked.
pub(super) fn all(
    engine: &Engine,
    keep_going: KeepGoing,
    progress: &dyn Progress,
) -> Result<Found> {
    let driver = Driver::new(engine.clone(), progress.handle());
    if let Engine::Containerd { .. } = engine {
        return of_content_store(&driver, keep_going, progress);
    }
    let mut found = Found::default();
    for image in driver.all()? {
        for (name, digest) in image.names {
            if let Some(digest) = digest {
                found.content.manifest(digest, 0);
                found.content.names.insert((digest, name));
            }
        }
        image.config.into_iter().chain(image.layers).for_each(|blob| found.content.blob(blob, 0));
    }
    Ok(found)
}

fn of_content_store(
    driver: &Driver,
    keep_going: KeepGoing,
    progress: &dyn Progress,
) -> Result<Found> {
    let present = Present { blobs: driver.kept()?.blobs, store: ContentStore::new(driver.clone()) };
    let mut found = Found::default();
    let walk = Walk::new(progress);
    for name in present.store.names()? {
        match walk.image(&present, &name, &name, &|_| Ok(Vec::new())) {
            Ok(()) => {}
            Err(error) => found.unread.push(keep_going.pass(&name.to_string(), error)?),
        }
    }
    (found.content, found.parts) = walk.finish();
    found.checked()
}

/// What `engine` holds of `contents`.
///
/// # Errors
/// When it cannot be asked.
pub(super) fn of_bundle(
    engine: &Engine,
    contents: &Contents,
    progress: &dyn Progress,
) -> Result<HeldContent> {
    let driver = Driver::new(engine.clone(), progress.handle());
    let mut held = HeldContent::default();
    if let Engine::Containerd { .. } = engine {
        let blobs = driver.kept()?.blobs;
        let documents = contents.documents.values().map(Document::descriptor);
        for about in documents.filter(|about| blobs.contains(&about.digest)) {
            held.manifest(about.digest, about.size);
        }
        for blob in contents.blobs.needed().iter().filter(|blob| blobs.contains(&blob.digest)) {
            held.blob(blob.digest, blob.size);
        }
        return Ok(held);
    }
    for image in &contents.images {
        progress.check()?;
        let Some(there) = driver.held(&image.name)?.filter(|there| there.whole) else { continue };
        for manifest in contents.manifests(image.digest) {
            if is_it(&there, manifest) {
                held.manifest(manifest.descriptor().digest, manifest.descriptor().size);
                let parts = manifest.children().into_iter().filter(|part| !part.is_foreign());
                parts.for_each(|part| held.blob(part.digest, part.size));
            }
        }
    }
    Ok(held)
}

/// Whether what an engine has under a name is the image of `manifest`.
fn is_it(there: &EngineImage, manifest: &Document) -> bool {
    let Kind::Manifest { config: Some(config), .. } = manifest.kind() else { return false };
    there.id == Some(config.digest) || there.digests.contains(&manifest.descriptor().digest)
}

/// A store of which it is known what is in it: it may keep an index with some of its platforms.
struct Present {
    store: ContentStore,
    blobs: BTreeSet<Digest>,
}

impl BlobSource for Present {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        self.store.open(blob, offset)
    }

    fn look(&self, blob: &Descriptor) -> Result<()> {
        match self.blobs.contains(&blob.digest) {
            true => Ok(()),
            false => {
                let text = format!("{} lacks {}", self.store, blob.digest);
                Err(Error::new(Class::Incomplete, text))
            }
        }
    }
}

impl ImageSource for Present {
    fn resolve(&self, name: &Reference) -> Result<Document> {
        self.store.resolve(name)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document> {
        self.look(descriptor).and_then(|()| self.store.document(descriptor))
    }

    fn referrers(&self, subject: &Descriptor) -> Result<Referrers> {
        self.store.referrers(subject)
    }
}
