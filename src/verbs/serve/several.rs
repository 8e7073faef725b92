//! [`Several`]: the blobs of several bundles as those of one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::storage::raw::Raw;
use crate::storage::store::BlobSource;
use crate::tools::stretch::Stretch;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};

/// Bundles, of which the first that carries a blob gives it.
pub struct Several {
    sources: Vec<Arc<dyn BlobSource>>,
    /// Which of them has it.
    holders: HashMap<Digest, usize>,
}

impl fmt::Debug for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Several").field("blobs", &self.holders.len()).finish_non_exhaustive()
    }
}

impl Several {
    /// Each of `sources` with the blobs that it carries.
    pub fn new(sources: Vec<(Arc<dyn BlobSource>, Vec<Digest>)>) -> Several {
        let mut several = Several { sources: Vec::new(), holders: HashMap::new() };
        for (at, (source, blobs)) in sources.into_iter().enumerate() {
            blobs.into_iter().for_each(|blob| {
                several.holders.entry(blob).or_insert(at);
            });
            several.sources.push(source);
        }
        several
    }

    fn holder(&self, blob: &Descriptor) -> Result<&dyn BlobSource> {
        let source = self.holders.get(&blob.digest).and_then(|at| self.sources.get(*at));
        source.map(|source| &**source).ok_or_else(|| {
            Error::new(Class::Incomplete, format!("no bundle has blob {}", blob.digest))
        })
    }
}

impl BlobSource for Several {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        self.holder(blob)?.open(blob, offset)
    }

    fn stretch(&self, blob: &Descriptor) -> Result<Option<Stretch>> {
        self.holder(blob)?.stretch(blob)
    }

    fn whence(&self, blob: &Descriptor) -> Option<String> {
        self.holder(blob).ok()?.whence(blob)
    }
}
