//! [`Compared`]: what is to be known of one side of a comparison.

use std::fmt::Display;
use std::path::Path;

use serde::Serialize;

use crate::bundle::keys::KeyId;
use crate::bundle::receipt::{ReceiptAbout, ReceiptSigner};
use crate::bundle::record::Record;
use crate::medium::Medium;
use crate::words::digest::Digest;
use crate::words::moment::Moment;
use crate::work::diff::ImageSet;
use crate::work::plan::Count;

/// What kind of thing is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CompareKind {
    /// A bundle, or a record of one.
    Bundle,
    /// A receipt.
    Receipt,
    /// A place with images: a registry, a layout, an archive or an engine.
    Place,
    /// A list of names.
    List,
}

/// What is to be known of one side of a comparison.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Compared {
    /// What it was called.
    pub name: String,
    /// What kind of thing it is.
    pub kind: CompareKind,
    /// How many images it has.
    pub image_count: u64,
    /// What these and what refers to them consist of; nothing where that is not known.
    pub total: Option<Count>,
    /// What of that a bundle does not carry itself: more than nothing of a delta. Nothing for anything
    /// else.
    pub lacking: Option<Count>,
    /// Whether a trusted key signed it. Without one, its images are a mere claim. Nothing for what
    /// nobody signs.
    pub trusted: Option<bool>,
    /// The digest of what was signed, of a bundle.
    pub statement: Option<Digest>,
    /// When it was made, as it says.
    pub created_at: Option<Moment>,
    /// Whether it has expired.
    pub expired: bool,
    /// Whose signatures count.
    pub signers: Vec<KeyId>,
    /// Who claims to have signed it.
    pub claimed_signers: Vec<String>,
}

impl Compared {
    /// What is to be known of a bundle.
    pub(in crate::verbs) fn bundle(
        medium: &Medium,
        record: &Record,
        now: Moment,
        set: &ImageSet,
    ) -> Compared {
        let statement = record.statement();
        Compared {
            lacking: Some(record.contents().blobs.lacking().collect()),
            trusted: Some(!record.signers().is_empty()),
            statement: Some(statement.digest),
            created_at: Some(statement.predicate.created_at),
            expired: statement.not_expired(now).is_err(),
            signers: record.signers().to_vec(),
            claimed_signers: record.claimed_signers().to_vec(),
            ..Compared::unsigned(CompareKind::Bundle, medium, set)
        }
    }

    /// What is to be known of a receipt.
    pub(super) fn receipt(
        path: &Path,
        about: &ReceiptAbout,
        signer: ReceiptSigner,
        set: &ImageSet,
    ) -> Compared {
        let told = Compared::unsigned(CompareKind::Receipt, path.display(), set);
        let told = Compared { created_at: Some(about.created_at), trusted: Some(false), ..told };
        match signer {
            ReceiptSigner::Nobody => told,
            ReceiptSigner::Claimed(key) => Compared { claimed_signers: vec![key], ..told },
            ReceiptSigner::Key(key) => Compared {
                trusted: Some(true),
                claimed_signers: vec![key.hex()],
                signers: vec![key],
                ..told
            },
        }
    }

    /// What is to be known of what nobody signs.
    pub(super) fn unsigned(kind: CompareKind, name: impl Display, set: &ImageSet) -> Compared {
        let total = set.sizes().map(|sizes| {
            let mut total = Count::default();
            sizes.values().for_each(|size| total.weigh(*size));
            total
        });
        Compared {
            name: name.to_string(),
            kind,
            image_count: set.images().len() as u64,
            total,
            lacking: None,
            trusted: None,
            statement: None,
            created_at: None,
            expired: false,
            signers: Vec::new(),
            claimed_signers: Vec::new(),
        }
    }
}
