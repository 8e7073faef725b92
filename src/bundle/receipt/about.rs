//! [`ReceiptAbout`]: the statement of a receipt, an in-toto Statement v1.

use serde::{Deserialize, Serialize};

use super::content::HeldContent;
use super::received::ReceivedTotals;
use crate::bundle::in_toto::{self, StatementSubject};
use crate::bundle::position::StreamPosition;
use crate::bundle::statement::Tool;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::moment::Moment;

/// `predicateType` of a receipt of what places hold.
const HELD_TYPE: &str = "urn:sealift:receipt:v1";
/// `predicateType` of a receipt of an import, which tells of its images one by one.
const RECEIVED_TYPE: &str = "urn:sealift:receipt:v2";
/// What its subject is called: the file without its first line.
const SUBJECT: &str = "receipt";

/// When and of what a receipt was made. `docs/FORMAT.md` describes each member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ReceiptAbout {
    /// When it was made.
    pub created_at: Moment,
    /// The places that were looked at, as they were named: the destination of an import; else none
    /// where `against` says which bundles it is about, as it tells nothing else of the site then.
    pub places: Vec<String>,
    /// The bundles that it is about, in order; `None` where it is about all that the places hold.
    pub against: Option<Vec<HeldBundle>>,
    /// What could not be read, in order.
    pub unread: Vec<Unread>,
    /// How much is held.
    pub totals: ReceiptTotals,
    /// What became of the images, where it is the receipt of an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ReceivedTotals>,
    /// What made it.
    pub tool: Tool,
}

/// A bundle that a receipt is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct HeldBundle {
    /// Where in a stream it stands, where it does.
    pub position: Option<StreamPosition>,
    /// The digest of its statement.
    pub statement: Digest,
    /// Whether all that it brought is held.
    pub complete: bool,
}

/// What of a place could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Unread {
    /// The image, or the place where that could not be read at all.
    pub image: String,
    /// Why.
    pub reason: String,
}

/// How much a receipt tells of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ReceiptTotals {
    /// Names of images.
    pub names: u64,
    /// Manifests and indexes.
    pub manifests: u64,
    /// Other blobs.
    pub blobs: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl ReceiptTotals {
    /// Counts `content`.
    #[must_use]
    pub fn of(content: &HeldContent) -> ReceiptTotals {
        let sizes = content.manifests.values().chain(content.blobs.values());
        ReceiptTotals {
            names: content.names.len() as u64,
            manifests: content.manifests.len() as u64,
            blobs: content.blobs.len() as u64,
            bytes: sizes.fold(0, |sum, size| sum.saturating_add(*size)),
        }
    }
}

impl Unread {
    /// `image` could not be read for this `reason`.
    #[must_use]
    pub fn new(image: impl Into<String>, reason: impl Into<String>) -> Unread {
        Unread { image: image.into(), reason: reason.into() }
    }
}

impl HeldBundle {
    /// A bundle with this `statement`, at `position` in a stream; whether it is held whole.
    #[must_use]
    pub fn new(position: Option<StreamPosition>, statement: Digest, complete: bool) -> HeldBundle {
        HeldBundle { position, statement, complete }
    }
}

impl ReceiptAbout {
    /// A receipt made at `created_at` of all that `places` hold.
    #[must_use]
    pub fn places(created_at: Moment, places: Vec<String>) -> ReceiptAbout {
        ReceiptAbout {
            created_at,
            places,
            against: None,
            unread: Vec::new(),
            totals: ReceiptTotals::default(),
            images: None,
            tool: Tool::own(),
        }
    }

    /// A receipt made at `created_at` of what is held of `bundles` alone.
    #[must_use]
    pub fn bundles(created_at: Moment, mut bundles: Vec<HeldBundle>) -> ReceiptAbout {
        bundles.sort();
        bundles.dedup();
        let about = ReceiptAbout::places(created_at, Vec::new());
        ReceiptAbout { against: Some(bundles), ..about }
    }

    /// The receipt of an import of `bundle` to `place`, which was read back at `created_at`.
    #[must_use]
    pub fn import(created_at: Moment, place: String, bundle: HeldBundle) -> ReceiptAbout {
        let about = ReceiptAbout::places(created_at, vec![place]);
        let images = Some(ReceivedTotals::default());
        ReceiptAbout { against: Some(vec![bundle]), images, ..about }
    }

    /// The same, and says what could not be read.
    #[must_use]
    pub fn without(self, mut unread: Vec<Unread>) -> ReceiptAbout {
        unread.sort();
        unread.dedup();
        ReceiptAbout { unread, ..self }
    }

    /// The statement's bytes, of lists with the digest `lists`.
    #[must_use]
    pub(super) fn to_statement(&self, lists: &Digest) -> Vec<u8> {
        let of = if self.images.is_some() { RECEIVED_TYPE } else { HELD_TYPE };
        in_toto::to_bytes(&[StatementSubject::new(SUBJECT, lists)], of, self)
    }

    /// Reads a statement, exactly, and the digest of the lists that it is about.
    ///
    /// # Errors
    /// [`Class::Untrusted`] for a statement of something else.
    pub(super) fn from_statement(payload: &[u8]) -> Result<(ReceiptAbout, Digest)> {
        let types = [HELD_TYPE, RECEIVED_TYPE];
        in_toto::read(payload, ("receipt", &types), |about: &ReceiptAbout, lists| {
            about.to_statement(lists) == payload && about.is_in_order()
        })
    }

    /// Whether its lists are in order, each entry once, and it is about places, about bundles, or about
    /// one bundle at one place.
    fn is_in_order(&self) -> bool {
        let bundles = self.against.as_deref().unwrap_or_default();
        let fits = match (&self.images, &self.against) {
            (Some(_), _) => self.places.len() == 1 && bundles.len() == 1,
            (None, None) => true,
            (None, Some(_)) => self.places.is_empty() && !bundles.is_empty(),
        };
        bundles.is_sorted_by(|one, next| one < next)
            && self.unread.is_sorted_by(|one, next| one < next)
            && fits
    }
}
