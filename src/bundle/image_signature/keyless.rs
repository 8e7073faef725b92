//! [`KeylessSigner`]: somebody who signs images with certificates that hold for minutes.

use super::image_key::ImageKey;
use super::log_entry::{LogEntry, Logged};
use super::signing_certificate::SigningCertificate;
use super::trusted_root::TrustedRoot;
use super::unsigned::Unsigned;

/// Who signs, as a certificate names him, and whom that certificate has to lead to. What can be checked of it
/// without a network: that a log promised to keep the signature with its certificate, and when; that the
/// certificate held then, is for signing code, and is by an authority of the root; whom it is for.
#[derive(Debug, Clone)]
pub struct KeylessSigner {
    root: TrustedRoot,
    identity: String,
    issuer: String,
}

impl KeylessSigner {
    /// What stays unchecked of all that they sign.
    pub const UNCHECKED: [&'static str; 2] =
        ["that the log kept what it promised", "that a log of certificates has the certificate"];

    /// Whoever is called `identity` (a mail address, or a URI) by `issuer` (a URL), both to the letter.
    #[must_use]
    pub fn new(
        root: TrustedRoot,
        identity: impl Into<String>,
        issuer: impl Into<String>,
    ) -> KeylessSigner {
        KeylessSigner { root, identity: identity.into(), issuer: issuer.into() }
    }

    /// Whether this signer made the signature that was `logged` as `entry`, over `message`; with the key that it
    /// was made with.
    pub(super) fn vouches(
        &self,
        entry: &LogEntry,
        logged: Logged<'_>,
        message: &[u8],
    ) -> Result<ImageKey, Unsigned> {
        entry.vouches(&self.root, logged).map_err(Unsigned::Unvouched)?;
        if !self.root.issued(logged.certificate, entry.time) {
            let why = "its certificate is by no authority that is believed, or did not hold then";
            return Err(Unsigned::Unvouched(why.to_owned()));
        }
        let said = SigningCertificate::parse(logged.certificate).map_err(Unsigned::Unvouched)?;
        let SigningCertificate { key, identity, issuer } = said;
        if !key.verifies(message, logged.signature) {
            return Err(Unsigned::Unvouched("its certificate is of another key".to_owned()));
        }
        match (identity == self.identity, issuer == self.issuer) {
            (true, true) => Ok(key),
            _ => Err(Unsigned::OtherSigner(format!("{identity} ({issuer})"))),
        }
    }
}
