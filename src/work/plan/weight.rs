//! What the images of a [`Plan`] weigh.

use std::collections::BTreeMap;

use super::Plan;
use crate::bundle::contents::Contents;
use crate::words::digest::Digest;
use crate::words::document::Document;

impl Plan {
    /// Enters what each image weighs.
    pub(super) fn weigh(&mut self, contents: &Contents) {
        let documents = contents.documents.values().map(Document::descriptor);
        let sizes: BTreeMap<Digest, u64> =
            documents.chain(contents.blobs.needed()).map(|blob| (blob.digest, blob.size)).collect();
        let names = self.repositories.iter_mut().flat_map(|repository| &mut repository.names);
        for step in names.filter(|step| !step.is_list()) {
            let parts = contents.closure(step.digest);
            let weights = parts.iter().filter_map(|digest| sizes.get(digest));
            step.bytes = weights.fold(0, |sum, size| sum.saturating_add(*size));
        }
    }
}
