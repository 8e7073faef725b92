//! [`SignatureRule`]: of which images which signature is demanded.

use std::fmt;

use super::choice::Pattern;
use crate::bundle::contents::{Contents, Image};
use crate::bundle::image_signature::{
    ImageKey, KeylessSigner, ReadPart, SignatureDemand, SignedNames, TriedSignature, TrustedRoot,
    signed_by, signed_keyless,
};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// What stands behind the key of a rule for which the name that was signed does not matter.
const ANY_NAME: &str = ",any-name";
/// What stands in place of a key for signers who have none.
const KEYLESS: &str = "keyless:";
/// What stands behind the root of certificates: whom they have to name, and who has to say so.
const IDENTITY: &str = ",identity=";
const ISSUER: &str = ",issuer=";
/// What no rule checks.
const LOG: &str = "that a transparency log has it";

/// That images whose names look like a pattern carry a signature by a key, or by whom a certificate names.
#[derive(Debug, Clone)]
pub struct SignatureRule {
    text: String,
    pattern: Pattern,
    signer: RuleSigner,
    names: SignedNames,
}

#[derive(Debug, Clone)]
enum RuleSigner {
    Keys(Vec<ImageKey>),
    Keyless(Box<KeylessSigner>),
}

impl SignatureRule {
    /// Reads `PATTERN=KEY.pem` or `PATTERN=KEY.pem,any-name`: a [`Pattern`] for names of images, and a file
    /// of public keys, of which any one has to have signed, whose text `read` gives. The signature has to
    /// be over the image's own repository, and over its tag where it says one; with `any-name` the digest
    /// alone counts. In place of the key `keyless:ROOT.json,identity=WHO,issuer=URL` is somebody who signs
    /// with certificates, and the root that those have to lead to ([`KeylessSigner`]).
    ///
    /// ```
    /// use sealift::work::signature_rule::SignatureRule;
    ///
    /// let read = |path: &str| Ok(std::fs::read_to_string(path).unwrap());
    /// let key = "testdata/image-signatures/p256.pub.pem";
    /// let rule = SignatureRule::parse(&format!("quay.io/org/*={key}"), read)?;
    /// assert_eq!(rule.to_string(), format!("quay.io/org/*={key}"));
    /// # Ok::<(), sealift::words::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Class::Usage`] for anything else, and for keys and roots that cannot be used; those of `read`.
    pub fn parse(text: &str, read: impl FnOnce(&str) -> Result<String>) -> Result<SignatureRule> {
        let bad = |why: &str| {
            Error::new(Class::Usage, format!("{text:?} is no rule for signatures: {why}"))
                .hint("write PATTERN=KEY.pem, as in 'quay.io/org/*=cosign.pub'")
        };
        let (pattern, key) = text.split_once('=').ok_or_else(|| bad("it names no key"))?;
        let (signer, names) = match key.strip_suffix(ANY_NAME) {
            Some(signer) => (signer, SignedNames::Any),
            None => (key, SignedNames::Own),
        };
        if signer.is_empty() || pattern.trim().is_empty() {
            return Err(bad("it has no pattern, or no key"));
        }
        let pattern = Pattern::parse(pattern)?;
        let signer = match signer.strip_prefix(KEYLESS) {
            None => {
                let keys = ImageKey::all_from_pem(&read(signer)?);
                RuleSigner::Keys(keys.map_err(|e| e.context(signer))?)
            }
            Some(who) => {
                let split = who.split_once(IDENTITY).and_then(|(root, rest)| {
                    let (identity, issuer) = rest.split_once(ISSUER)?;
                    let all = [root, identity, issuer];
                    all.iter().all(|it| !it.is_empty()).then_some(all)
                });
                let [path, identity, issuer] = split.ok_or_else(|| {
                    bad("keyless lacks a root, an identity or an issuer").hint(
                        "write PATTERN=keyless:trusted_root.json,identity=WHO,issuer=URL, in this order",
                    )
                })?;
                let root = TrustedRoot::parse(read(path)?.as_bytes());
                let root = root.map_err(|e| e.context(path))?;
                RuleSigner::Keyless(Box::new(KeylessSigner::new(root, identity, issuer)))
            }
        };
        Ok(SignatureRule { text: text.to_owned(), pattern, signer, names })
    }

    /// Whether it is for `image`.
    #[must_use]
    pub fn is_for(&self, image: &Image) -> bool {
        self.pattern.matches(image)
    }

    /// Whether the image with this `digest` and `name` carries a signature of `contents` as it demands.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn ask(
        &self,
        contents: &Contents,
        digest: Digest,
        name: &Reference,
        read: &ReadPart<'_>,
    ) -> Result<TriedSignature> {
        match &self.signer {
            RuleSigner::Keys(keys) => {
                let demand = SignatureDemand { keys, names: self.names };
                signed_by(contents, digest, name, demand, read)
            }
            RuleSigner::Keyless(signer) => {
                signed_keyless(contents, digest, name, (signer, self.names), read)
            }
        }
    }

    /// What is not checked of a signature that keeps it.
    #[must_use]
    pub fn unchecked(&self) -> Vec<String> {
        let name = (self.names == SignedNames::Any).then_some("the name");
        let rest = match &self.signer {
            RuleSigner::Keys(_) => &[LOG][..],
            RuleSigner::Keyless(_) => &KeylessSigner::UNCHECKED[..],
        };
        name.iter().chain(rest).map(|it| (*it).to_owned()).collect()
    }
}

impl fmt::Display for SignatureRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/image-signatures/trusted_root.json");

    fn parse(text: &str) -> Result<SignatureRule> {
        let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/image-signatures/p256.pub.pem");
        SignatureRule::parse(text, |path| match path {
            "k.pem" => Ok(std::fs::read_to_string(pem).unwrap()),
            "root.json" => Ok(std::fs::read_to_string(ROOT).unwrap()),
            "a=b,c.pem" => Ok(std::fs::read_to_string(pem).unwrap().repeat(2)),
            _ => Err(Error::new(Class::Usage, format!("no file {path}"))),
        })
    }

    #[test]
    fn a_rule_is_a_pattern_and_a_file_of_keys() {
        let keys = |rule: &SignatureRule| match &rule.signer {
            RuleSigner::Keys(keys) => keys.len(),
            RuleSigner::Keyless(_) => 0,
        };
        let rule = parse("quay.io/org/*=k.pem").unwrap();
        assert_eq!((keys(&rule), rule.names), (1, SignedNames::Own));
        let rule = parse("alpine=k.pem,any-name").unwrap();
        assert_eq!(rule.names, SignedNames::Any);
        assert_eq!(rule.unchecked(), ["the name", LOG]);
        assert_eq!(keys(&parse("*=a=b,c.pem").unwrap()), 2);
        let rule = parse("*=keyless:root.json,identity=a@b,issuer=https://i,any-name").unwrap();
        assert_eq!((keys(&rule), rule.names), (0, SignedNames::Any));
        assert_eq!(rule.unchecked().len(), 3);
    }

    #[test]
    fn anything_else_is_refused_with_what_is_wrong() {
        for (text, why) in [
            ("quay.io/org/*", "it names no key"),
            ("=k.pem", "it has no pattern"),
            ("*=", "no key"),
            ("*=,any-name", "no key"),
            ("*=k.pem,any-tag", "no file k.pem,any-tag"),
            ("a b=k.pem", "is not"),
            ("*=keyless:root.json,identity=a@b", "lacks a root, an identity or an issuer"),
            ("*=keyless:,identity=a@b,issuer=https://i", "lacks a root, an identity or an issuer"),
            ("*=keyless:root.json,issuer=https://i,identity=a@b", "lacks a root"),
            ("*=keyless:k.pem,identity=a@b,issuer=https://i", "not a usable root"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{text}");
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
    }
}
