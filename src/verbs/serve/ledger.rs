//! [`Ledger`]: what a private shelf gave out, and what turned out wrong with it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::words::digest::Digest;
use crate::words::error::Error;

/// Kept by the server while it answers, read by whoever waits for its clients.
#[derive(Debug, Default)]
pub struct Ledger {
    answered: AtomicU64,
    bytes: AtomicU64,
    blobs: Mutex<BTreeMap<Digest, u64>>,
    fault: Mutex<Option<(Digest, Error)>>,
}

impl Ledger {
    /// How many requests found what they asked for.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// How many bytes of blobs were given out.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The bytes that were given out of each blob, those of all requests for it together.
    #[must_use]
    pub fn blobs(&self) -> BTreeMap<Digest, u64> {
        self.blobs.lock().map(|blobs| blobs.clone()).unwrap_or_default()
    }

    /// The first blob whose bytes were wrong or could not be read, and what was wrong with them.
    /// Given once.
    #[must_use]
    pub fn take_fault(&self) -> Option<(Digest, Error)> {
        self.fault.lock().ok()?.take()
    }

    /// Notes a request that found something.
    pub(super) fn answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes `bytes` of `blob`.
    pub(super) fn gave(&self, blob: Digest, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Ok(mut blobs) = self.blobs.lock() {
            *blobs.entry(blob).or_default() += bytes;
        }
    }

    /// Notes why `blob` was broken off.
    pub(super) fn failed(&self, blob: Digest, error: Error) {
        if let Ok(mut fault) = self.fault.lock() {
            fault.get_or_insert((blob, error));
        }
    }
}
