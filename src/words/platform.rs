//! [`Platform`]: what an image runs on, and whether a selection takes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Class, Error};

/// An operating system, an architecture and its variant (OCI image-spec, image-index.md).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// `GOOS`, as in `linux`.
    pub os: String,
    /// `GOARCH`, as in `amd64`.
    pub architecture: String,
    /// As in `v8`; absent where the architecture has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variant: Option<String>,
}

impl Platform {
    /// Whether this selection takes an image for `other`. A selection without a variant takes
    /// every variant; `arm64` and `arm64/v8` are the same, as for containerd.
    #[must_use]
    pub fn takes(&self, other: &Platform) -> bool {
        let variant = |p: &Platform| match (p.architecture.as_str(), p.variant.as_deref()) {
            ("arm64", None) => Some("v8".to_owned()),
            (_, v) => v.map(str::to_owned),
        };
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || variant(self) == variant(other))
    }

    /// Whether the index entry is no image to run but something that goes with one: buildkit
    /// marks its attestations `unknown/unknown`.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

impl FromStr for Platform {
    type Err = Error;

    /// Reads `os/architecture` or `os/architecture/variant`.
    fn from_str(text: &str) -> Result<Platform, Error> {
        let word = |part: &str| {
            (!part.is_empty()
                && part.len() <= 32
                && part.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c)))
            .then(|| part.to_owned())
        };
        let parts: Option<Vec<String>> = text.split('/').map(word).collect();
        match parts.as_deref() {
            Some([os, architecture]) => {
                Ok(Platform { os: os.clone(), architecture: architecture.clone(), variant: None })
            }
            Some([os, architecture, variant]) => Ok(Platform {
                os: os.clone(),
                architecture: architecture.clone(),
                variant: Some(variant.clone()),
            }),
            _ => Err(Error::new(Class::Usage, format!("{text:?} is not a platform"))
                .hint("write os/architecture or os/architecture/variant, as in linux/arm64")),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_without_variant_takes_every_variant() {
        let p = |text: &str| text.parse::<Platform>().unwrap();

        assert!(p("linux/arm").takes(&p("linux/arm/v7")));
        assert!(p("linux/arm64/v8").takes(&p("linux/arm64")));
        assert!(!p("linux/arm/v7").takes(&p("linux/arm/v6")));
        assert!(!p("linux/amd64").takes(&p("windows/amd64")));
        assert!("linux".parse::<Platform>().is_err());
        assert!("a/b/c/d".parse::<Platform>().is_err());
    }
}
