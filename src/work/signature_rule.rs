//! [`SignatureRule`]: of which images which signature is demanded.

use std::fmt;

use super::choice::Pattern;
use crate::bundle::contents::Image;
use crate::bundle::image_signature::{ImageKey, SignatureDemand, SignedNames};
use crate::words::error::{Class, Error, Result};

/// What stands behind the key of a rule for which the name that was signed does not matter.
const ANY_NAME: &str = ",any-name";
/// What stands in place of a key for signers who have none.
const KEYLESS: &str = "keyless:";

/// That images whose names look like a pattern carry a signature by a key.
#[derive(Debug, Clone)]
pub struct SignatureRule {
    text: String,
    pattern: Pattern,
    keys: Vec<ImageKey>,
    names: SignedNames,
}

impl SignatureRule {
    /// Reads `PATTERN=KEY.pem` or `PATTERN=KEY.pem,any-name`: a [`Pattern`] for names of images, and a file
    /// of public keys, of which any one has to have signed, whose text `read` gives. The signature has to
    /// be over the image's own repository, and over its tag where it says one; with `any-name` the digest
    /// alone counts.
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
    /// [`Class::Usage`] for anything else, for keys that cannot be used, and for signatures by certificate,
    /// which are not checked; those of `read`.
    pub fn parse(text: &str, read: impl FnOnce(&str) -> Result<String>) -> Result<SignatureRule> {
        let bad = |why: &str| {
            Error::new(Class::Usage, format!("{text:?} is no rule for signatures: {why}"))
                .hint("write PATTERN=KEY.pem, as in 'quay.io/org/*=cosign.pub'")
        };
        let (pattern, key) = text.split_once('=').ok_or_else(|| bad("it names no key"))?;
        if key.starts_with(KEYLESS) {
            return Err(Error::new(
                Class::Usage,
                format!("{text:?}: signatures by certificate (keyless) are not checked"),
            )
            .hint("have the images signed with a key, too, and name that"));
        }
        let (path, names) = match key.strip_suffix(ANY_NAME) {
            Some(path) => (path, SignedNames::Any),
            None => (key, SignedNames::Own),
        };
        if path.is_empty() || pattern.trim().is_empty() {
            return Err(bad("it has no pattern, or no key"));
        }
        let pattern = Pattern::parse(pattern)?;
        let keys = ImageKey::all_from_pem(&read(path)?).map_err(|e| e.context(path))?;
        Ok(SignatureRule { text: text.to_owned(), pattern, keys, names })
    }

    /// Whether it is for `image`.
    #[must_use]
    pub fn is_for(&self, image: &Image) -> bool {
        self.pattern.matches(image)
    }

    /// What it demands.
    #[must_use]
    pub fn demand(&self) -> SignatureDemand<'_> {
        SignatureDemand { keys: &self.keys, names: self.names }
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

    fn parse(text: &str) -> Result<SignatureRule> {
        let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/image-signatures/p256.pub.pem");
        SignatureRule::parse(text, |path| match path {
            "k.pem" => Ok(std::fs::read_to_string(pem).unwrap()),
            "a=b,c.pem" => Ok(std::fs::read_to_string(pem).unwrap().repeat(2)),
            _ => Err(Error::new(Class::Usage, format!("no file {path}"))),
        })
    }

    #[test]
    fn a_rule_is_a_pattern_and_a_file_of_keys() {
        let rule = parse("quay.io/org/*=k.pem").unwrap();
        assert_eq!((rule.demand().keys.len(), rule.names), (1, SignedNames::Own));
        let rule = parse("alpine=k.pem,any-name").unwrap();
        assert_eq!(rule.names, SignedNames::Any);
        assert_eq!(parse("*=a=b,c.pem").unwrap().demand().keys.len(), 2);
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
            ("*=keyless:root.json,identity=a@b", "are not checked"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{text}");
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
    }
}
