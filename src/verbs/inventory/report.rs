//! [`InventoryReport`]: what came of an inventory.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::found::Found;
use crate::bundle::keys::KeyId;
use crate::bundle::line::HeldLine;
use crate::bundle::position::StreamPosition;
use crate::bundle::receipt::{HeldBundle, Receipt, ReceiptTotals, Unread};
use crate::places::location::Place;
use crate::words::digest::Digest;
use crate::words::reference::Reference;

/// What came of an inventory.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InventoryReport {
    /// Whether all of the bundles is held, or all of the places was read.
    #[serde(skip)]
    pub ok: bool,
    /// Where the receipt lies, if it was written.
    #[serde(serialize_with = "shown")]
    pub receipt: Option<PathBuf>,
    /// Its digest, by which a delta names it.
    pub digest: Option<Digest>,
    /// Who signed it.
    pub key: Option<KeyId>,
    /// What each place holds; nothing where it is about bundles.
    pub places: Vec<PlaceHeld>,
    /// How much of each bundle is held.
    pub bundles: Vec<BundleHeld>,
    /// How much the receipt tells of.
    pub totals: ReceiptTotals,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

fn shown<S: serde::Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(Path::to_string_lossy).serialize(to)
}

/// What a place holds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlaceHeld {
    /// The place, as it was named.
    pub place: String,
    /// How many repositories it has, where it has such.
    pub repositories: Option<u64>,
    /// How much.
    pub totals: ReceiptTotals,
}

/// How much of a bundle is held.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BundleHeld {
    /// Where in a stream it stands, where it does.
    pub position: Option<StreamPosition>,
    /// The digest of its statement.
    pub statement: Digest,
    /// Whether all of it is held.
    pub complete: bool,
    /// The line that says so over the phone, where it is, and the bundle is one of a stream.
    pub line: Option<String>,
    /// How many images it brought.
    pub images: u64,
    /// Those that are not held whole.
    pub missing: Vec<MissingImage>,
}

/// An image that is not held whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MissingImage {
    /// Its name in the bundle.
    pub name: String,
    /// What of it is not there, manifests first.
    pub lacks: Vec<Digest>,
}

impl PlaceHeld {
    pub(super) fn of(place: &Place, found: &Found) -> PlaceHeld {
        PlaceHeld {
            place: place.to_string(),
            repositories: found.repositories,
            totals: ReceiptTotals::of(&found.content),
        }
    }
}

impl BundleHeld {
    pub(super) fn of(
        position: Option<StreamPosition>,
        statement: Digest,
        images: u64,
        missing: Vec<MissingImage>,
    ) -> BundleHeld {
        let complete = missing.is_empty();
        let line = position.clone().filter(|_| complete);
        let line = line.map(|position| HeldLine::of(position, &statement).to_string());
        BundleHeld { position, statement, complete, line, images, missing }
    }

    /// As a receipt has it.
    pub(super) fn told(&self) -> HeldBundle {
        HeldBundle::new(self.position.clone(), self.statement, self.complete)
    }
}

impl MissingImage {
    pub(super) fn new(name: &Reference, lacks: Vec<Digest>) -> MissingImage {
        MissingImage { name: name.to_string(), lacks }
    }
}

impl InventoryReport {
    pub(super) fn of(
        receipt: &Receipt,
        places: Vec<PlaceHeld>,
        bundles: Vec<BundleHeld>,
    ) -> InventoryReport {
        let unread = receipt.about.unread.clone();
        InventoryReport {
            ok: unread.is_empty() && bundles.iter().all(|bundle| bundle.complete),
            receipt: None,
            digest: None,
            key: None,
            places,
            bundles,
            totals: receipt.about.totals,
            unread,
        }
    }

    /// The same, of a receipt that was written.
    pub(super) fn written(
        self,
        output: &Option<PathBuf>,
        digest: Option<Digest>,
        key: Option<KeyId>,
    ) -> InventoryReport {
        let receipt = output.clone();
        InventoryReport { receipt, key: key.filter(|_| digest.is_some()), digest, ..self }
    }
}
