//! [`ImageFacts`]: what is known of an image that is to be let in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::bundle::image_signature::{ImageSignature, SignedNames};
use crate::bundle::keys::KeyId;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error};
use crate::words::json::{member_of_any_case, parse_strict_with};
use crate::words::moment::Moment;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// What is known of an image.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ImageFacts {
    /// Its name.
    pub name: Reference,
    /// What that stands for, where it is known.
    pub digest: Option<Digest>,
    /// Whether it was asked for by its digest.
    pub by_digest: bool,
    /// What it consists of, where that is known.
    pub parts: Option<ImageParts>,
}

/// What an image consists of.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ImageParts {
    /// Bytes of all that it needs, of all its platforms.
    pub bytes: u64,
    /// What it runs on.
    pub platforms: Vec<Platform>,
    /// Its manifests, those among them that run nothing.
    pub manifests: Vec<ManifestFacts>,
    /// What came along with it.
    pub carried: Vec<CarriedFacts>,
    /// The digest that has to be signed, where signatures were looked at.
    pub signed_as: Option<Digest>,
    /// Its signature by one of these keys, which counts under such names, where rules ask for it; or why
    /// it has none, as the rest of a sentence that begins with the image.
    pub signatures: BTreeMap<(BTreeSet<KeyId>, SignedNames), Result<ImageSignature, String>>,
    /// The types of what one of these keys attests of it, or of one of its manifests, where rules ask for it.
    pub attested: BTreeMap<(BTreeSet<KeyId>, Digest), BTreeSet<String>>,
}

/// What is known of a manifest.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ManifestFacts {
    /// Its digest.
    pub digest: Digest,
    /// What it runs on, where that is said.
    pub platform: Option<Platform>,
    /// What its config says.
    pub config: ConfigFacts,
}

/// What the config of an image says, as far as rules ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigFacts {
    /// It belongs to nothing that runs.
    RunsNothing,
    /// It was not looked into, for this reason.
    Unread(String),
    /// It says this.
    Says {
        /// When the image was made, as its maker says.
        created: Option<Moment>,
        /// As whom it runs.
        user: String,
        /// What its maker says of it.
        labels: BTreeMap<String, String>,
    },
}

/// Something that came along with an image, and names what it is about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CarriedFacts {
    /// What it is about: the image, or one of its manifests.
    pub subject: Digest,
    /// What it is: types, and the words `signature`, `sbom` and `attestation`.
    pub kinds: BTreeSet<String>,
}

impl ImageFacts {
    /// The image that is asked for as `name`, of which nothing else is known.
    #[must_use]
    pub fn named(name: &Reference) -> ImageFacts {
        let (digest, by_digest) = (name.digest, name.digest.is_some());
        ImageFacts { name: name.kept(), digest, by_digest, parts: None }
    }

    /// The image `name`, which stands for `digest` and has these `parts`.
    #[must_use]
    pub fn whole(
        name: Reference,
        digest: Digest,
        by_digest: bool,
        parts: ImageParts,
    ) -> ImageFacts {
        ImageFacts { name, digest: Some(digest), by_digest, parts: Some(parts) }
    }
}

impl ImageParts {
    /// Those of its manifests that run something.
    pub fn running(&self) -> impl Iterator<Item = &ManifestFacts> {
        self.manifests.iter().filter(|it| it.config != ConfigFacts::RunsNothing)
    }
}

impl ManifestFacts {
    /// The manifest `digest`, for `platform`, of which the config says `config`.
    #[must_use]
    pub fn new(digest: Digest, platform: Option<Platform>, config: ConfigFacts) -> ManifestFacts {
        ManifestFacts { digest, platform, config }
    }
}

impl CarriedFacts {
    /// What is about `subject`, and is of these `kinds`.
    #[must_use]
    pub fn new(subject: Digest, kinds: BTreeSet<String>) -> CarriedFacts {
        CarriedFacts { subject, kinds }
    }
}

impl ConfigFacts {
    /// What `bytes` say, read as engines read them, which are written in Go: names of members in any
    /// case. What could be read in two ways is not looked into.
    #[must_use]
    pub fn read(bytes: &[u8]) -> ConfigFacts {
        match read(bytes) {
            Ok(says) => says,
            Err(error) => ConfigFacts::Unread(error.spelled()),
        }
    }
}

fn read(bytes: &[u8]) -> Result<ConfigFacts, Error> {
    let all = parse_strict_with(bytes, &[])?;
    let bad = |what: &str| Error::new(Class::Damaged, format!("its {what} is of another kind"));
    let text = |value: &Value, what: &str| match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        _ => Err(bad(what)),
    };
    if !all.is_object() {
        return Err(bad("config"));
    }
    let config = member_of_any_case(&all, "config")?;
    if !config.is_object() && !config.is_null() {
        return Err(bad("config"));
    }
    let created = text(member_of_any_case(&all, "created")?, "created")?;
    let created = match created.is_empty() {
        true => None,
        false => Some(Moment::of_rfc3339(&created).ok_or_else(|| bad("created"))?),
    };
    let user = text(member_of_any_case(config, "User")?, "User")?;
    let labels = match member_of_any_case(config, "Labels")? {
        Value::Null => BTreeMap::new(),
        Value::Object(labels) => {
            let label =
                |(name, value): (&String, &Value)| Ok((name.clone(), text(value, "Labels")?));
            labels.iter().map(label).collect::<Result<_, Error>>()?
        }
        _ => return Err(bad("Labels")),
    };
    Ok(ConfigFacts::Says { created, user, labels })
}

/// Whether `user`, as a config says it, is root: by name, by number, or by saying nothing; or a number that no
/// user has, which engines have taken for root.
pub(super) fn is_root(user: &str) -> bool {
    let name = user.split_once(':').map_or(user, |(name, _)| name);
    // Engines read numbers with a sign, too.
    let number = name.strip_prefix(['+', '-']).unwrap_or(name);
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    let is_user = || number.parse::<i32>().is_ok_and(|id| id > 0) && !name.starts_with('-');
    matches!(name, "" | "root") || is_number && !is_user()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_user_has_are_roots() {
        for root in [
            "",
            "root",
            "0",
            "000",
            "+0",
            "-0",
            "0:1",
            "root:users",
            "4294967296",
            "-1",
            "2147483648",
        ] {
            assert!(is_root(root), "{root:?}");
        }
        for other in ["1", "65534", "+7", "2147483647", "app", "1000:0", "rooty", "0x"] {
            assert!(!is_root(other), "{other:?}");
        }
    }
}
