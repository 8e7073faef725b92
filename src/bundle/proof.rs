//! The signatures of a bundle in the forms that other programs check: openssl, Sigstore, signify, minisign
//! and ssh.
//!
//! All but ssh's are over the same bytes as the envelope's, so that they are the same 64 bytes, and no
//! private key is needed to write them in another form. minisign has a second signature over its comment and
//! ssh one over a hash of the message: those are made where the key is at hand.

mod form;
mod minisign;
mod page;
mod sigstore;
mod ssh;

use self::form::ProofForm;
pub use self::form::{ALLOWED_SIGNERS, NAMESPACE, PAGE, SIGNED, STATEMENT};
use super::check::{Attested, CountedSignature};
use super::envelope::{PAYLOAD_TYPE, pae};
use super::keys::PrivateKey;
use crate::words::error::Result;

/// A file of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProofFile {
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl ProofFile {
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> ProofFile {
        ProofFile { name: name.into(), bytes: bytes.into() }
    }
}

/// The files that are there once, whoever signed.
#[must_use]
pub fn common(of: &Attested, private: Option<&PrivateKey>) -> Vec<ProofFile> {
    let mut files = vec![
        ProofFile::new(PAGE, page::text(of, private.map(|key| key.public().id()))),
        ProofFile::new(STATEMENT, of.payload.as_slice()),
        ProofFile::new(SIGNED, pae(PAYLOAD_TYPE, &of.payload)),
    ];
    files.extend(private.map(|key| {
        let id = key.public().id();
        ProofFile::new(ALLOWED_SIGNERS, ssh::allowed_signer(&id.short(), key.public()))
    }));
    files
}

/// The files of one `signature`, with those that need the `private` key where it is that of the signer. The
/// same signature gives the same bytes.
///
/// # Errors
/// None in practice.
pub fn of_signature(
    of: &Attested,
    signature: &CountedSignature,
    private: Option<&PrivateKey>,
) -> Result<Vec<ProofFile>> {
    let (key, bytes) = (&signature.key, signature.signature.as_slice());
    let id = key.id();
    let file = |form: ProofForm, bytes: Vec<u8>| ProofFile::new(form.name(&id), bytes);
    let mut files = vec![
        file(ProofForm::PublicKey, key.to_pem()?.into_bytes()),
        file(ProofForm::Signature, bytes.to_vec()),
        file(ProofForm::Sigstore, sigstore::bundle(&of.payload, &id, bytes)),
        file(ProofForm::SignifyKey, minisign::public_key(key)),
        file(ProofForm::Signify, minisign::signify(key, bytes)),
    ];
    if let Some(private) = private.filter(|private| private.public() == key) {
        let comment =
            format!("statement {} of {}", of.statement.digest, of.statement.predicate.created_at);
        files.push(file(ProofForm::Minisign, minisign::minisign(private, bytes, &comment)));
        let message = pae(PAYLOAD_TYPE, &of.payload);
        files.push(file(ProofForm::Ssh, ssh::signature(private, &message)));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::check::{Trust, attested};
    use crate::bundle::samples::Sample;
    use crate::medium::Medium;

    #[test]
    fn what_needs_a_key_is_written_where_it_is_at_hand_and_the_rest_without() {
        let sample = Sample::new();
        sample.seal("bundle");
        let trust = Trust::Keys(vec![sample.key.public().clone()]);
        let of = attested(&Medium::at(sample.at("bundle")), &trust).unwrap();
        let other = PrivateKey::generate().unwrap();
        let made = |key: Option<&PrivateKey>| of_signature(&of, &of.signatures[0], key).unwrap();

        let (without, with) = (made(None), made(Some(&sample.key)));

        assert_eq!(without, made(Some(&other)), "somebody else's key makes nothing");
        assert_eq!(with[..without.len()], without[..]);
        assert_eq!((without.len(), with.len()), (5, 7));
        let message = pae(PAYLOAD_TYPE, &of.payload);
        assert!(sample.key.public().verifies(&message, &without[1].bytes));
    }

    #[test]
    fn what_is_for_signify_is_a_comment_and_the_algorithm_the_number_and_the_signature() {
        use base64::Engine as _;
        let key = PrivateKey::generate().unwrap();
        let text = String::from_utf8(minisign::signify(key.public(), &[7; 64])).unwrap();

        let mut lines = text.lines();
        assert!(lines.next().unwrap().starts_with("untrusted comment: "));
        let body = base64::prelude::BASE64_STANDARD.decode(lines.next().unwrap()).unwrap();
        let number: String = body[2..10].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(number, key.public().id().short());
        assert_eq!((&body[..2], &body[10..]), (&b"Ed"[..], &[7; 64][..]));
        assert_eq!(lines.next(), None);
    }
}
