//! [`signed_by`]: whether an image carries a signature by a key, as cosign makes them. Pure: documents and
//! bytes in, a verdict out; nothing here opens a connection or asks a log.
//!
//! Three ways of attaching one are known: simple signing under a tag (`sha256-HEX.sig`), the same as a
//! referrer of OCI 1.1, and a Sigstore bundle of version 0.3 as a referrer. Nothing that comes along with an
//! image is believed but what the key signed: not a hint at a key, a type or an annotation; and a certificate
//! as far as a root leads to it that whoever asks has given ([`signed_keyless`]).
//!
//! ```
//! use sealift::bundle::contents::Contents;
//! use sealift::bundle::image_signature::{ImageKey, SignatureDemand, SignedNames, Unsigned, signed_by};
//! use sealift::words::digest::Digest;
//!
//! let pem = std::fs::read_to_string("testdata/image-signatures/p256.pub.pem").unwrap();
//! let keys = ImageKey::all_from_pem(&pem)?;
//! let name = "quay.io/org/app:1".parse()?;
//! let demand = SignatureDemand { keys: &keys, names: SignedNames::Own };
//! let read = |_: &_| unreachable!("nothing is attached to it");
//! let verdict = signed_by(&Contents::default(), Digest::of(b"image"), &name, demand, &read)?;
//! assert_eq!(verdict, Err(Unsigned::NothingAttached));
//! # Ok::<(), sealift::words::error::Error>(())
//! ```

mod attached;
mod attested;
mod dsse;
mod image_key;
mod image_statement;
mod keyless;
mod log_entry;
mod signed_name;
mod signing_certificate;
mod simple_signing;
mod trusted_root;
mod unsigned;

use serde::Serialize;

use self::attached::{Attached, MAX_TRIED};
pub use self::attached::{MAX_PART, ReadPart, SignatureForm, is_signature_part};
pub use self::attested::{
    ImageAttestation, MAX_ATTESTATION, SIGN_PREDICATE, attested_by, evidence, is_sbom,
};
use self::dsse::{ForeignEnvelope, SigstoreBundle};
pub use self::image_key::ImageKey;
use self::image_statement::ImageStatement;
pub use self::keyless::KeylessSigner;
use self::log_entry::Logged;
pub use self::signed_name::SignedNames;
use self::simple_signing::SimpleSigning;
pub use self::trusted_root::{MAX_ROOT, TrustedRoot};
pub use self::unsigned::Unsigned;
use super::contents::Contents;
use super::keys::KeyId;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::reference::Reference;

/// What is wrong with what comes without a certificate, or without a log entry that says when.
const NO_CERTIFICATE: &str = "no certificate goes with it";
const NO_ENTRY: &str = "no log promised to keep it, so that nobody can tell when it was made";

/// What a signature has to be.
#[derive(Debug, Clone, Copy)]
pub struct SignatureDemand<'a> {
    /// By any one of these keys.
    pub keys: &'a [ImageKey],
    /// Over which name.
    pub names: SignedNames,
}

/// A signature that was found good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImageSignature {
    /// The key that made it.
    pub key: KeyId,
    /// How it is attached.
    pub form: SignatureForm,
    /// The manifest that it is in.
    pub manifest: Digest,
    /// The name that it is over, where it says one.
    pub name: Option<String>,
}

/// What one attached part is worth.
pub type TriedSignature = std::result::Result<ImageSignature, Unsigned>;

/// Who has to have signed, and over which name.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    by: SignerWanted<'a>,
    names: SignedNames,
}

#[derive(Clone, Copy)]
enum SignerWanted<'a> {
    Keys(&'a [ImageKey]),
    Keyless(&'a KeylessSigner),
}

/// Whether the image with this `digest` and `name` carries a signature of `contents` as `demand` says;
/// [`Unsigned`] says what is wrong with the one that came closest. For an image of several platforms this
/// is about its index, which is what is signed. `read` is asked for small blobs alone.
///
/// # Errors
/// Those of `read`.
pub fn signed_by(
    contents: &Contents,
    digest: Digest,
    name: &Reference,
    demand: SignatureDemand<'_>,
    read: &ReadPart<'_>,
) -> Result<TriedSignature> {
    let by = SignerWanted::Keys(demand.keys);
    try_all(contents, digest, name, Wanted { by, names: demand.names }, read)
}

/// As [`signed_by`], by somebody who signs with certificates, over a name as `names` says.
///
/// # Errors
/// As there.
pub fn signed_keyless(
    contents: &Contents,
    digest: Digest,
    name: &Reference,
    (signer, names): (&KeylessSigner, SignedNames),
    read: &ReadPart<'_>,
) -> Result<TriedSignature> {
    try_all(contents, digest, name, Wanted { by: SignerWanted::Keyless(signer), names }, read)
}

fn try_all(
    contents: &Contents,
    digest: Digest,
    name: &Reference,
    wanted: Wanted<'_>,
    read: &ReadPart<'_>,
) -> Result<TriedSignature> {
    let attached = Attached::signatures(contents, digest);
    let mut closest = Unsigned::NothingAttached;
    for (at, part) in attached.iter().enumerate() {
        let tried = match (at < MAX_TRIED, part.layer.size <= MAX_PART) {
            (false, _) => Err(Unsigned::TooMany(MAX_TRIED)),
            (true, false) => Err(Unsigned::Unusable(format!("more than {MAX_PART} bytes"))),
            (true, true) => tried(part, &read(&part.layer)?, digest, name, wanted),
        };
        match tried {
            Ok(signature) => return Ok(Ok(signature)),
            Err(why) => closest = closest.max(why),
        }
        if at == MAX_TRIED {
            break;
        }
    }
    Ok(Err(closest))
}

/// What a part with these `bytes` is worth. They are parsed once a key has vouched for them; of a bundle,
/// the envelope alone before.
fn tried(
    part: &Attached,
    bytes: &[u8],
    digest: Digest,
    name: &Reference,
    wanted: Wanted<'_>,
) -> TriedSignature {
    let (key, said) = match part.form {
        SignatureForm::SimpleSigning => {
            let key = of_payload(part, bytes, wanted.by)?;
            let payload = SimpleSigning::parse(bytes).map_err(Unsigned::Unusable)?;
            if payload.digest != digest {
                return Err(Unsigned::OtherDigest(payload.digest));
            }
            (key, payload.name)
        }
        SignatureForm::SigstoreBundle => {
            let bundle = SigstoreBundle::parse(bytes).map_err(Unsigned::Unusable)?;
            let key = of_bundle(&bundle, wanted.by)?;
            let statement = statement(&bundle.envelope)?;
            (key, statement.subject_named(digest, name)?)
        }
    };
    wanted.names.fit(said.as_deref(), name, digest)?;
    Ok(ImageSignature { key, form: part.form, manifest: part.manifest, name: said })
}

/// The key that signed the payload of `part`, which has these `bytes`.
fn of_payload(
    part: &Attached,
    bytes: &[u8],
    by: SignerWanted<'_>,
) -> std::result::Result<KeyId, Unsigned> {
    let signature = part.signature().ok_or_else(|| Unsigned::unusable("no base64"))?;
    match by {
        SignerWanted::Keys(keys) => {
            let key = keys.iter().find(|key| key.verifies(bytes, &signature));
            key.map(ImageKey::id).ok_or_else(|| Unsigned::not_by_key(part.has_certificate()))
        }
        SignerWanted::Keyless(signer) => {
            let certificate =
                part.certificate().ok_or_else(|| Unsigned::unusable(NO_CERTIFICATE))?;
            let entry = part.log_entry().ok_or_else(|| Unsigned::unusable(NO_ENTRY))?;
            let entry = entry.map_err(Unsigned::Unusable)?;
            let logged =
                Logged { payload: bytes, signature: &signature, certificate: &certificate };
            signer.vouches(&entry, logged, bytes).map(|key| key.id())
        }
    }
}

/// The key that signed the envelope of `bundle`.
fn of_bundle(
    bundle: &SigstoreBundle,
    by: SignerWanted<'_>,
) -> std::result::Result<KeyId, Unsigned> {
    let envelope = &bundle.envelope;
    match by {
        SignerWanted::Keys(keys) => {
            let key = envelope.by(keys);
            key.map(ImageKey::id).ok_or_else(|| Unsigned::not_by_key(bundle.has_certificate))
        }
        SignerWanted::Keyless(signer) => {
            let certificate = bundle.certificate.as_deref();
            let certificate = certificate.ok_or_else(|| Unsigned::unusable(NO_CERTIFICATE))?;
            let (payload, signature) = (envelope.payload(), envelope.signature());
            let logged = Logged { payload, signature, certificate };
            let mut closest = Unsigned::unusable(NO_ENTRY);
            for entry in &bundle.entries {
                match signer.vouches(entry, logged, &envelope.message()) {
                    Ok(key) => return Ok(key.id()),
                    Err(why) => closest = closest.max(why),
                }
            }
            Err(closest)
        }
    }
}

/// The statement that this is a signature, of an envelope that a key vouches for.
fn statement(envelope: &ForeignEnvelope) -> std::result::Result<ImageStatement, Unsigned> {
    let statement = ImageStatement::parse_strict(envelope).map_err(Unsigned::Unusable)?;
    match statement.is_signature() {
        true => Ok(statement),
        false => Err(Unsigned::unusable("it attests something else")),
    }
}

#[cfg(test)]
mod tests;
