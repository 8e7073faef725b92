//! [`ReceiptReport`]: what a receipt says, and whose word it is.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::against::{NotTold, ToldBundle};
use super::request::Request;
use crate::bundle::receipt::{
    HeldBundle, ReadReceipt, Receipt, ReceiptAbout, ReceiptSigner, ReceiptTotals, ReceivedImage,
    ReceivedState, ReceivedTotals, Unread,
};
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Subject};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// What a receipt is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReceiptKind {
    /// All that places hold.
    Places,
    /// What is held of some bundles.
    Bundles,
    /// What an import left at its destination.
    Import,
}

/// What a receipt says, and whose word it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReceiptReport {
    /// Whether its signer counts, and nothing is missing.
    #[serde(skip)]
    pub ok: bool,
    /// The receipt.
    #[serde(serialize_with = "shown")]
    pub receipt: PathBuf,
    /// Its digest.
    pub digest: Digest,
    /// What it is about.
    pub kind: ReceiptKind,
    /// The id of the key that signed it, as it says where nobody checked that.
    pub key: Option<String>,
    /// Whether that key was given.
    pub trusted: bool,
    /// When it was made.
    pub created_at: Moment,
    /// The places that it is of.
    pub places: Vec<String>,
    /// The bundles that it is of.
    pub bundles: Vec<HeldBundle>,
    /// How much is held.
    pub totals: ReceiptTotals,
    /// How many images were found how, by an import.
    pub images: Option<ReceivedTotals>,
    /// Those that were not found as they were to be.
    pub missing: Vec<ReceivedImage>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// Whether it tells of all of a bundle, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<ToldBundle>,
    #[serde(skip)]
    any_signer: bool,
}

fn shown<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(to)
}

impl ReceiptReport {
    pub(super) fn of(
        request: &Request,
        read: ReadReceipt,
        against: Option<ToldBundle>,
    ) -> ReceiptReport {
        let (key, trusted) = match read.signer {
            ReceiptSigner::Key(id) => (Some(id.hex()), true),
            ReceiptSigner::Claimed(id) => (Some(id), false),
            ReceiptSigner::Nobody => (None, false),
        };
        let Receipt { about, images, .. } = read.receipt;
        let ReceiptAbout { created_at, places, against: bundles, unread, totals, .. } = about;
        let kind = match (&about.images, &bundles) {
            (Some(_), _) => ReceiptKind::Import,
            (None, Some(_)) => ReceiptKind::Bundles,
            (None, None) => ReceiptKind::Places,
        };
        let is_missing = |image: &ReceivedImage| image.state != ReceivedState::Complete;
        let report = ReceiptReport {
            ok: false,
            receipt: request.path.clone(),
            digest: read.digest,
            kind,
            key,
            trusted,
            created_at,
            places,
            bundles: bundles.unwrap_or_default(),
            totals,
            images: about.images,
            missing: images.into_iter().filter(is_missing).collect(),
            unread,
            against,
            any_signer: request.any_signer,
        };
        ReceiptReport { ok: report.failure().is_none(), ..report }
    }

    /// Why it is no proof that all is there, if it is none.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.nobody().or_else(|| self.not_told()).or_else(|| self.not_held())
    }

    /// That nobody's word counts.
    fn nobody(&self) -> Option<Error> {
        let text = match (self.trusted || self.any_signer, &self.key) {
            (true, _) => return None,
            (false, None) => "the receipt is not signed, and is nobody's word".to_owned(),
            (false, Some(key)) => {
                format!("the receipt says that {key} signed it, which nobody checked")
            }
        };
        let hint = match &self.key {
            None => phrase!["ask the site that made it for one that it has signed"],
            Some(_) => phrase!["name the key of the site that made it with ", Remedy::Trust],
        };
        let subject = Subject::Path(self.receipt.clone());
        Some(Error::new(Class::Untrusted, text).subject(subject).hint(hint))
    }

    /// That it does not tell of all of the bundle.
    fn not_told(&self) -> Option<Error> {
        let against = self.against.as_ref()?;
        if !against.is_told {
            let text =
                format!("the receipt does not tell of {}, but of another bundle", against.bundle);
            let told = self.bundles.iter().map(|it| format!("it tells of {}", it.statement));
            return Some(Error::new(Class::Incomplete, text).details(told.collect::<Vec<_>>()));
        }
        let all = usize::try_from(against.images).unwrap_or(usize::MAX);
        let text = format!("the receipt does not tell that all of {} is held", count(all, "image"));
        (!against.missing.is_empty()).then(|| {
            Error::new(Class::Incomplete, text)
                .details(against.missing.iter().map(NotTold::words).collect::<Vec<_>>())
        })
    }

    /// That it says itself that something is missing.
    fn not_held(&self) -> Option<Error> {
        let images = self.missing.iter().map(words);
        let unread = self.unread.iter().map(|it| format!("{}: {}", it.image, it.reason));
        let is_of_bundles = self.kind == ReceiptKind::Bundles;
        let bundles = self.bundles.iter().filter(|it| is_of_bundles && !it.complete);
        let bundles = bundles.map(|it| match &it.position {
            Some(position) => format!("{position} is not all held"),
            None => format!("{} is not all held", it.statement),
        });
        let details: Vec<String> = images.chain(unread).chain(bundles).collect();
        (!details.is_empty()).then(|| {
            Error::new(Class::Incomplete, "the receipt says that something is missing")
                .details(details)
        })
    }
}

/// What `image` was found as, for people.
fn words(image: &ReceivedImage) -> String {
    let ReceivedImage { name, state, signed, there, .. } = image;
    match (state, there) {
        (ReceivedState::Other, Some(there)) => {
            format!("{name} is {there} there, and {signed} was signed")
        }
        (ReceivedState::Incomplete, _) => format!("{name} is not there whole"),
        (ReceivedState::Absent, _) => format!("{name} is not there"),
        _ => format!("{name} could not be read there"),
    }
}
