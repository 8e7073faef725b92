//! [`Owners`]: for people, which image a blob is a part of.

use std::collections::BTreeMap;

use crate::bundle::contents::{Contents, Image};
use crate::words::at::At;
use crate::words::digest::Digest;

/// Which image needs a blob: the first by name, if several do.
#[derive(Debug, Default)]
pub(super) struct Owners<'c> {
    contents: Option<&'c Contents>,
    first: BTreeMap<Digest, At<Image>>,
}

impl<'c> Owners<'c> {
    /// Those of `contents`.
    pub(super) fn of(contents: &'c Contents) -> Owners<'c> {
        let mut first = BTreeMap::new();
        for (at, image) in At::each(&contents.images) {
            for digest in contents.closure(image.digest) {
                first.entry(digest).or_insert(at);
            }
        }
        Owners { contents: Some(contents), first }
    }

    /// The image that needs `blob`; nothing where none does by itself.
    pub(super) fn name(&self, blob: &Digest) -> String {
        let image = self.first.get(blob).and_then(|at| at.get(&self.contents?.images));
        image.map(|image| image.name.to_string()).unwrap_or_default()
    }
}
