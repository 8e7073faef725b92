//! [`Unsigned`]: why an image does not count as signed.

use crate::words::digest::Digest;

/// Why an image does not count as signed. Of several reasons the last of these is told: it belongs to
/// the signature that came closest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unsigned {
    /// No signature is attached to it.
    NothingAttached,
    /// What is attached cannot be used, for this reason.
    Unusable(String),
    /// More are attached than are tried: so many.
    TooMany(usize),
    /// Those that are attached are by signers with certificates.
    Keyless,
    /// None is by the key.
    OtherKey,
    /// A certificate, or its log entry, does not hold, for this reason.
    Unvouched(String),
    /// It is signed by this one, whom a certificate names.
    OtherSigner(String),
    /// The key signed another image, with this digest.
    OtherDigest(Digest),
    /// The key signed this image, and said no name.
    Nameless,
    /// The key signed this image, under this name.
    OtherName(String),
}

impl Unsigned {
    pub(super) fn unusable(why: &str) -> Unsigned {
        Unsigned::Unusable(why.to_owned())
    }

    pub(super) fn not_by_key(has_certificate: bool) -> Unsigned {
        if has_certificate { Unsigned::Keyless } else { Unsigned::OtherKey }
    }

    /// What is wrong, as the rest of a sentence that begins with the image.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Unsigned::NothingAttached => "carries no signature".to_owned(),
            Unsigned::Unusable(why) => format!("carries no signature that can be used: {why}"),
            Unsigned::TooMany(most) => {
                format!("carries no signature by the key among the first {most}")
            }
            Unsigned::Keyless => {
                "is signed with certificates (keyless), and with no key".to_owned()
            }
            Unsigned::OtherKey => "is not signed by the key".to_owned(),
            Unsigned::Unvouched(why) => format!("carries no certificate that holds: {why}"),
            Unsigned::OtherSigner(who) => format!("is signed by somebody else, {who}"),
            Unsigned::OtherDigest(other) => {
                format!("carries a signature of another image, {other}")
            }
            Unsigned::Nameless => "carries a signature that says no name".to_owned(),
            Unsigned::OtherName(name) => format!("is signed under another name, {name}"),
        }
    }

    /// The way out, where there is one but to have it signed.
    #[must_use]
    pub fn way_out(&self) -> Option<&'static str> {
        match self {
            Unsigned::Keyless => {
                Some("write keyless:ROOT.json,identity=WHO,issuer=URL in place of the key")
            }
            Unsigned::Nameless => Some(
                "Sigstore bundles of cosign say none; write ,any-name behind the key to have the \
                 digest alone count",
            ),
            Unsigned::OtherName(_) => Some(
                "have it signed where it lies now, or write ,any-name behind the key to have the \
                 digest alone count",
            ),
            _ => None,
        }
    }
}
