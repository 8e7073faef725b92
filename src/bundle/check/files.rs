//! [`Files`]: what is checked, a bundle on a medium or one that is only described so far.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::Read;
use std::sync::Arc;

use crate::bundle::head::Head;
use crate::medium::fault::TreeFault;
use crate::medium::tree::Tree;
use crate::medium::volumes::Volumes;
use crate::places::layout::blob_path;
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::{Class, Error, Result};

/// Named files, of which small ones can be read.
pub trait Files: Debug {
    /// All paths.
    fn paths(&self) -> Vec<&str>;

    /// The size of a file that is there.
    fn size(&self, path: &str) -> Option<u64>;

    /// What is no file.
    fn faults(&self) -> &[TreeFault];

    /// Whether `path`, which is not there, may be there all the same: in a folder that cannot be seen.
    fn hides(&self, _path: &str) -> bool {
        false
    }

    /// The volumes that they lie in, where they do.
    fn volumes(&self) -> Option<&Volumes> {
        None
    }

    /// Whether everything that was signed for has to be there; else layers and configs may be missing.
    fn has_all(&self) -> bool {
        true
    }

    /// A file of at most `limit` bytes.
    fn read_small(&self, path: &str, limit: u64) -> Result<Vec<u8>>;

    /// As [`read_small`](Files::read_small), shared with who has the bytes already.
    fn read_shared(&self, path: &str, limit: u64) -> Result<Arc<[u8]>> {
        self.read_small(path, limit).map(Into::into)
    }

    /// The manifest or index of that digest, where it was read before.
    fn parsed(&self, _: &Digest) -> Option<&Document> {
        None
    }

    /// A file from its beginning.
    fn open(&self, path: &str) -> Result<Box<dyn Read + '_>>;
}

impl Files for Tree {
    fn paths(&self) -> Vec<&str> {
        self.files().map(|(path, _)| path).collect()
    }

    fn size(&self, path: &str) -> Option<u64> {
        Tree::size(self, path)
    }

    fn faults(&self) -> &[TreeFault] {
        Tree::faults(self)
    }

    fn hides(&self, path: &str) -> bool {
        Tree::hides(self, path)
    }

    fn volumes(&self) -> Option<&Volumes> {
        Tree::volumes(self)
    }

    fn read_small(&self, path: &str, limit: u64) -> Result<Vec<u8>> {
        Tree::read_small(self, path, limit)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.open_file(path, 0)?))
    }
}

/// The files that a bundle will have: the small ones with their bytes, layers with their sizes.
#[derive(Debug)]
pub struct Described<'h> {
    small: BTreeMap<&'h str, &'h Arc<[u8]>>,
    documents: &'h BTreeMap<Digest, Document>,
    layers: BTreeMap<String, u64>,
}

impl<'h> Described<'h> {
    pub(super) fn new(head: &'h Head) -> Described<'h> {
        let small = head.files.iter().map(|(path, bytes)| (path.as_str(), bytes));
        let layers = head.layers.iter().map(|layer| (blob_path(&layer.digest), layer.size));
        Described { small: small.collect(), documents: &head.documents, layers: layers.collect() }
    }

    fn bytes(&self, path: &str, limit: u64) -> Result<&'h Arc<[u8]>> {
        let bytes = self.there(path)?;
        match bytes.len() as u64 {
            size if size > limit => {
                let text = format!("{path} would have {size} bytes, and may have {limit} at most");
                Err(Error::new(Class::Usage, text).hint("export into several bundles"))
            }
            _ => Ok(bytes),
        }
    }

    fn there(&self, path: &str) -> Result<&'h Arc<[u8]>> {
        self.small.get(path).copied().ok_or_else(|| {
            Error::new(Class::Incomplete, format!("{path} is not among the small files"))
        })
    }
}

impl Files for Described<'_> {
    fn paths(&self) -> Vec<&str> {
        self.small.keys().copied().chain(self.layers.keys().map(String::as_str)).collect()
    }

    fn size(&self, path: &str) -> Option<u64> {
        let small = self.small.get(path).map(|bytes| bytes.len() as u64);
        small.or_else(|| self.layers.get(path).copied())
    }

    fn faults(&self) -> &[TreeFault] {
        &[]
    }

    fn read_small(&self, path: &str, limit: u64) -> Result<Vec<u8>> {
        Ok(self.bytes(path, limit)?.to_vec())
    }

    fn read_shared(&self, path: &str, limit: u64) -> Result<Arc<[u8]>> {
        self.bytes(path, limit).cloned()
    }

    fn parsed(&self, digest: &Digest) -> Option<&Document> {
        self.documents.get(digest)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(&**self.there(path)?))
    }
}
