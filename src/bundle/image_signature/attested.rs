//! [`attested_by`] and [`evidence`]: what is attested of an image, signed and unsigned.

use std::collections::BTreeSet;

use super::attached::{MAX_TRIED, ReadPart, envelopes, layers};
use super::dsse::{ForeignEnvelope, SigstoreBundle};
use super::image_key::ImageKey;
use super::image_statement::ImageStatement;
use crate::bundle::contents::Contents;
use crate::bundle::keys::KeyId;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::Result;

/// Largest attestation that is read: an SBOM of some ten thousand packages has 20 MiB, a third more in
/// base64.
pub const MAX_ATTESTATION: u64 = 32 << 20;
/// The predicate of a signature, as cosign makes it since version 3: it says no more than that somebody signed.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
/// Annotations that say the type of a predicate: of cosign's layers, of a bundle's manifest, of BuildKit's.
const PREDICATE_TYPES: [&str; 3] =
    ["predicateType", "dev.sigstore.bundle.predicateType", "in-toto.io/predicate-type"];

/// An attestation that a key vouches for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ImageAttestation {
    /// What it attests: a URI, as `https://spdx.dev/Document`.
    pub predicate_type: String,
    /// The key that made it.
    pub key: KeyId,
    /// The manifest that it is in.
    pub manifest: Digest,
}

/// The attestations in `contents` of the image with this `digest` that one of `keys` signed: in-toto
/// statements in DSSE envelopes, under cosign's tags (`sha256-HEX.att`) or in Sigstore bundles. What is
/// broken, too large (32 MiB), by other keys or about other images is none. Signatures are among them, with
/// the predicate type that cosign has for those.
///
/// # Errors
/// Those of `read`.
pub fn attested_by(
    contents: &Contents,
    digest: Digest,
    keys: &[ImageKey],
    read: &ReadPart<'_>,
) -> Result<BTreeSet<ImageAttestation>> {
    let mut found = BTreeSet::new();
    for (manifest, layer, is_bundle) in envelopes(contents, digest).into_iter().take(MAX_TRIED) {
        if layer.size > MAX_ATTESTATION {
            continue;
        }
        let bytes = read(layer)?;
        let envelope = match is_bundle {
            true => SigstoreBundle::parse(&bytes).map(|bundle| bundle.envelope),
            false => ForeignEnvelope::parse(&bytes),
        };
        let Ok(envelope) = envelope else { continue };
        let Some(key) = envelope.by(keys) else { continue };
        if let Ok(statement) = ImageStatement::parse(&envelope)
            && statement.is_about(digest)
        {
            let predicate_type = statement.predicate_type;
            found.insert(ImageAttestation { predicate_type, key: key.id(), manifest });
        }
    }
    Ok(found)
}

/// What the documents in `contents` claim to be attached to the image with this `digest`, signed or not:
/// types of predicates, and types of artifacts, of what refers to it, and of what BuildKit put into its
/// index. Whoever may write to the registry may have attached it.
#[must_use]
pub fn evidence(contents: &Contents, digest: Digest) -> BTreeSet<String> {
    let referrers = contents.referrers.iter().filter(|referrer| referrer.subject == digest);
    let referring: Vec<&Document> =
        referrers.clone().filter_map(|it| contents.documents.get(&it.digest)).collect();
    let own = contents.documents.get(&digest).map(Document::children).unwrap_or_default();
    let within = own.into_iter().filter(|entry| is_attestation(entry));
    let within = within.filter_map(|entry| contents.documents.get(&entry.digest));
    let said =
        |get: &dyn Fn(&str) -> Option<String>| PREDICATE_TYPES.iter().find_map(|key| get(key));

    let mut found: BTreeSet<String> = referrers.filter_map(|it| it.artifact_type.clone()).collect();
    found.extend(referring.iter().filter_map(|it| said(&|key| it.annotations().get(key))));
    let attached = layers(contents, digest).into_iter().map(|(_, layer)| layer);
    for layer in attached.chain(within.flat_map(layers_of)) {
        found.extend(said(&|key| layer.annotations.get(key)));
        found.insert(layer.media_type.to_string());
    }
    found
}

/// Whether a type that [`evidence`] or [`attested_by`] tells is that of an SBOM, SPDX or CycloneDX.
#[must_use]
pub fn is_sbom(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    ["spdx", "cyclonedx"].iter().any(|format| kind.contains(format))
}

/// Whether an entry of an index is what BuildKit attests of another.
fn is_attestation(entry: &Descriptor) -> bool {
    let kind = entry.annotations.get("vnd.docker.reference.type");
    kind.as_deref() == Some("attestation-manifest")
}

fn layers_of(document: &Document) -> &[Descriptor] {
    match document.kind() {
        Kind::Manifest { layers, .. } => layers,
        Kind::Index { .. } => &[],
    }
}
