//! [`MadeArtifact`]: what is no image, as the OCI artifact that registries keep it as.
//!
//! Its manifest is made of the bytes and their names alone, so that the same content gets the same digest
//! whenever and wherever it is made (docs/decisions/064-charts-and-files.md).

mod chart;
mod chart_about;
mod chart_archive;
mod chart_bytes;
mod file;
mod helm;
mod local_file;
mod manifest;
mod title;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Cursor;
use std::sync::Arc;

pub use self::chart_bytes::ChartBytes;
pub use self::helm::{HELM_CHART, HELM_CONFIG, HELM_PROVENANCE};
use self::local_file::LocalFile;
pub use self::title::{TITLE, file_name};
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSource, ImageSource, Referrers};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// Something that is no image, as an artifact to be read from.
#[derive(Debug)]
pub struct MadeArtifact {
    /// What it is called for people.
    shown: String,
    name: Reference,
    document: Document,
    parts: BTreeMap<Digest, ArtifactPart>,
}

/// Where the bytes of a part are.
#[derive(Debug)]
enum ArtifactPart {
    Bytes(Arc<[u8]>),
    File(LocalFile),
}

impl MadeArtifact {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Reference {
        &self.name
    }

    fn part(&self, digest: &Digest) -> Result<&ArtifactPart> {
        self.parts.get(digest).ok_or_else(|| self.has_no("blob", digest))
    }

    fn has_no(&self, kind: &str, what: &dyn fmt::Display) -> Error {
        Error::new(Class::Incomplete, format!("{self} has no {kind} {what}"))
    }
}

impl fmt::Display for MadeArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl BlobSource for MadeArtifact {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        Ok(match self.part(&blob.digest)? {
            ArtifactPart::Bytes(bytes) => {
                let mut bytes = Cursor::new(Arc::clone(bytes));
                bytes.set_position(offset);
                Raw::new(bytes)
            }
            ArtifactPart::File(file) => Raw::new(file.reader(offset)),
        })
    }

    fn look(&self, blob: &Descriptor) -> Result<()> {
        self.part(&blob.digest).map(drop)
    }

    fn is_at_hand(&self) -> bool {
        true
    }
}

impl ImageSource for MadeArtifact {
    fn resolve(&self, name: &Reference) -> Result<Document> {
        match name.kept() == self.name {
            true => Ok(self.document.clone()),
            false => Err(self.has_no("image", name)),
        }
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document> {
        match descriptor.digest == self.document.descriptor().digest {
            true => Ok(self.document.clone()),
            false => Err(self.has_no("manifest", &descriptor.digest)),
        }
    }

    fn referrers(&self, _: &Descriptor) -> Result<Referrers> {
        Ok(Referrers::default())
    }

    fn is_made(&self, digest: &Digest) -> bool {
        *digest == self.document.descriptor().digest
    }
}
