//! `inspect`: what a bundle says it holds, without reading its layers.

mod usage;

use std::collections::BTreeMap;

use serde::Serialize;

pub(in crate::verbs) use self::usage::usage;
pub use self::usage::{UsageKind, UsageRow};
use crate::bundle::check::{self, OtherSignature, Trust};
use crate::bundle::contents::{Contents, Image, Referrer, Skipped};
use crate::bundle::problem::Problem;
use crate::bundle::screening::Screening;
use crate::medium::Medium;
use crate::verbs::evidence::Evidence;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::moment::Moment;

/// An image with its sizes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Sized {
    /// The image.
    #[serde(flatten)]
    pub image: Image,
    /// Bytes of everything it needs.
    pub bytes: u64,
    /// Bytes that no other image of the bundle needs.
    pub own_bytes: u64,
}

/// What came along, with what it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct KnownReferrer {
    /// It.
    #[serde(flatten)]
    pub referrer: Referrer,
    /// What it is, for people, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
}

impl KnownReferrer {
    /// It with what it is.
    pub(in crate::verbs) fn of(referrer: &Referrer) -> KnownReferrer {
        KnownReferrer { kind: referrer.kind(), referrer: referrer.clone() }
    }
}

/// What a bundle says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Overview {
    /// Whether nothing is wrong with what was looked at.
    #[serde(skip)]
    pub ok: bool,
    /// Whether a trusted key signed it. Without one, everything here is a mere claim.
    pub trusted: bool,
    /// What was signed, when and by whom.
    #[serde(flatten)]
    pub evidence: Evidence,
    /// Who claims to have signed.
    pub claimed_signers: Vec<String>,
    /// Signatures that do not count, beside one that does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_signatures: Vec<OtherSignature>,
    /// What made it.
    pub tool: String,
    /// Images, by name.
    pub images: Vec<Sized>,
    /// What came along with them.
    pub referrers: Vec<KnownReferrer>,
    /// Blobs, manifests among them.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that the images would take without sharing.
    pub bytes_unshared: u64,
    /// Bytes of what it needs and does not carry: nothing of a bundle that is whole.
    pub bytes_lacking: u64,
    /// Who shares which layers, where that was asked for: the largest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Vec<UsageRow>>,
    /// What the export was asked for and could not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// What the sender held the images against before they were let in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub screenings: Vec<Screening>,
    /// The SHA-256 of each lock that was among the lists which asked for the images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Digest>,
    /// What is wrong at first sight.
    pub problems: Vec<Problem>,
}

/// Looks into the bundle on `medium`. With [`Trust::UnsafeAnySigner`] whatever it says is shown. One that
/// has expired is shown too, and the caller says so. Who shares which layers is told `with_usage`.
///
/// ```
/// use std::time::SystemTime;
///
/// use sealift::bundle::check::Trust;
/// use sealift::medium::Medium;
/// use sealift::verbs::inspect::inspect;
///
/// let bundle = Medium::at("testdata/formats/v1/folder");
/// let now = SystemTime::now().try_into()?;
/// let overview = inspect(&bundle, &Trust::UnsafeAnySigner, now, false)?;
/// assert!(!overview.trusted, "nobody was asked for a signature");
/// assert_eq!(overview.images[0].image.name.to_string(), "docker.io/acme/list:1.0");
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// As [`check::examine_expired`].
pub fn inspect(medium: &Medium, trust: &Trust, now: Moment, with_usage: bool) -> Result<Overview> {
    let examined = check::examine_expired(medium, trust)?;
    let about = &examined.statement().predicate;
    let images = sized(examined.contents());
    Ok(Overview {
        ok: examined.problems().is_empty(),
        trusted: !examined.signers().is_empty(),
        evidence: Evidence::of(medium, &examined, now),
        claimed_signers: examined.claimed_signers().to_vec(),
        other_signatures: examined.other_signatures().to_vec(),
        tool: format!("{} {}", about.tool.name, about.tool.version),
        bytes_unshared: images.iter().map(|image| image.bytes).fold(0, u64::saturating_add),
        images,
        referrers: about.referrers.iter().map(KnownReferrer::of).collect(),
        bytes_lacking: lacking(examined.contents()),
        usage: with_usage.then(|| usage(examined.contents())),
        skipped: about.skipped.clone(),
        screenings: about.screenings.clone(),
        locks: about.locks.clone(),
        blobs: about.inventory.blobs,
        bytes: about.inventory.bytes,
        problems: examined.problems().to_vec(),
    })
}

pub(in crate::verbs) fn lacking(contents: &Contents) -> u64 {
    contents.blobs.lacking().fold(0, |sum, blob| sum.saturating_add(blob.size))
}

/// The images with what they weigh, alone and together.
pub(in crate::verbs) fn sized(contents: &Contents) -> Vec<Sized> {
    let documents = contents.documents.values().map(|document| document.descriptor());
    let sizes: BTreeMap<Digest, u64> =
        documents.chain(contents.blobs.needed()).map(|blob| (blob.digest, blob.size)).collect();
    let parts: Vec<Vec<Digest>> = contents
        .images
        .iter()
        .map(|image| contents.closure(image.digest).into_iter().collect())
        .collect();
    let mut users: BTreeMap<Digest, usize> = BTreeMap::new();
    for digest in parts.iter().flatten() {
        *users.entry(*digest).or_default() += 1;
    }
    let weigh = |digest: &Digest| sizes.get(digest).copied().unwrap_or(0);
    contents
        .images
        .iter()
        .zip(&parts)
        .map(|(image, parts)| Sized {
            image: image.clone(),
            bytes: parts.iter().map(weigh).sum(),
            own_bytes: parts.iter().filter(|digest| users[digest] == 1).map(weigh).sum(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
