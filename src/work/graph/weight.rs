//! How much memory documents may take.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::bundle::contents::MAX_DOCUMENTS_WEIGHT;
use crate::words::document::Document;
use crate::words::error::{Class, Error, Result};

pub(super) fn add(sum: u64, size: u64) -> u64 {
    sum.saturating_add(size)
}

/// Documents are held in memory, and whoever serves them chooses how many there are.
pub(super) fn within(weight: u64) -> Result<()> {
    match weight > MAX_DOCUMENTS_WEIGHT {
        false => Ok(()),
        true => {
            let text = "the manifests of the images take more memory than a bundle has room for";
            Err(Error::new(Class::Damaged, text).hint("export them into several bundles"))
        }
    }
}

/// Adds the weight of `document` to `held`, which other threads add to as well.
pub(super) fn keep(held: &AtomicU64, document: &Document) -> Result<()> {
    let weight = document.weight();
    within(add(held.fetch_add(weight, Ordering::Relaxed), weight))
}
