//! [`Attached`]: the parts of what is attached to an image that may be signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::log_entry::{LogEntry, der_of};
use crate::bundle::contents::Contents;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Kind};
use crate::words::error::Result as Outcome;

/// Type of a layer that is a payload of simple signing; its signature is an annotation.
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation with the signature, in base64.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The annotation with the certificate of a signer who has no key.
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// The annotation with what a log promised.
const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";
/// Type of a layer that is a DSSE envelope: an attestation under a tag.
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// Both spellings of the type of a Sigstore bundle.
pub(super) const BUNDLES: [&str; 2] = [
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
];

/// Largest part with a signature that is read: a payload of cosign has 300 bytes, a bundle with proofs of
/// a log some 10 KiB.
pub const MAX_PART: u64 = 1 << 20;
/// Most signatures of one image that are tried, the first that are attached: an image that is signed anew
/// every day has as many in two years. Whoever may write to the registry chooses the number.
pub(super) const MAX_TRIED: usize = 1000;

/// Reads a blob whole, checked against its digest and size.
pub type ReadPart<'a> = dyn Fn(&Descriptor) -> Outcome<Vec<u8>> + Sync + 'a;

/// How a signature is attached to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SignatureForm {
    /// A payload of simple signing, under a tag or as a referrer.
    SimpleSigning,
    /// A Sigstore bundle.
    SigstoreBundle,
}

impl SignatureForm {
    /// The name that it has in a statement. It never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SignatureForm::SimpleSigning => "simple-signing",
            SignatureForm::SigstoreBundle => "sigstore-bundle",
        }
    }
}

/// One layer of a manifest that refers to the image.
#[derive(Debug)]
pub(super) struct Attached {
    /// The manifest.
    pub(super) manifest: Digest,
    /// The layer.
    pub(super) layer: Descriptor,
    pub(super) form: SignatureForm,
}

impl Attached {
    /// What may be a signature of `subject`, in the order of the bundle.
    pub(super) fn signatures(contents: &Contents, subject: Digest) -> Vec<Attached> {
        let layers = layers(contents, subject).into_iter();
        let found = layers.filter_map(|(manifest, layer)| {
            Some(Attached { manifest, layer: layer.clone(), form: form(layer)? })
        });
        found.collect()
    }

    /// The signature that stands beside a payload.
    pub(super) fn signature(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.layer.annotations.get(SIGNATURE)?.trim()).ok()
    }

    /// The certificate that stands beside a payload, as DER.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        der_of(self.layer.annotations.get(CERTIFICATE)?.as_bytes())
    }

    /// What stands beside a payload of its log entry.
    pub(super) fn log_entry(&self) -> Option<Result<LogEntry, String>> {
        self.layer.annotations.get(LOG_ENTRY).map(|text| LogEntry::of_annotation(&text))
    }

    /// Whether a certificate stands beside a payload.
    pub(super) fn has_certificate(&self) -> bool {
        self.layer.annotations.get(CERTIFICATE).is_some_and(|text| !text.is_empty())
    }
}

/// What `layer` may be, by its type.
fn form(layer: &Descriptor) -> Option<SignatureForm> {
    match &*layer.media_type {
        SIMPLE_SIGNING => Some(SignatureForm::SimpleSigning),
        kind if BUNDLES.contains(&kind) => Some(SignatureForm::SigstoreBundle),
        _ => None,
    }
}

/// Whether `blob` is read by whoever asks for signatures: all that a signature is over, or that it is in.
#[must_use]
pub fn is_signature_part(blob: &Descriptor) -> bool {
    blob.size <= MAX_PART && form(blob).is_some()
}

/// Layers that may be signed attestations of `subject`, with the manifests that they are in; those that are
/// bundles first told.
pub(super) fn envelopes(contents: &Contents, subject: Digest) -> Vec<(Digest, &Descriptor, bool)> {
    let layers = layers(contents, subject).into_iter();
    let found = layers.filter_map(|(manifest, layer)| match &*layer.media_type {
        ENVELOPE => Some((manifest, layer, false)),
        kind if BUNDLES.contains(&kind) => Some((manifest, layer, true)),
        _ => None,
    });
    found.collect()
}

/// The layers of all manifests that refer to `subject`.
pub(super) fn layers(contents: &Contents, subject: Digest) -> Vec<(Digest, &Descriptor)> {
    let referrers = contents.referrers.iter().filter(|referrer| referrer.subject == subject);
    let documents = referrers.filter_map(|referrer| contents.documents.get(&referrer.digest));
    let layers = documents.flat_map(|document| match document.kind() {
        Kind::Manifest { layers, .. } => {
            let digest = document.descriptor().digest;
            layers.iter().map(|layer| (digest, layer)).collect()
        }
        Kind::Index { .. } => Vec::new(),
    });
    layers.collect()
}
