//! [`Platform`]: what an image runs on, and whether a selection takes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Class, Error};

/// An operating system, an architecture and its variant (OCI image-spec, image-index.md).
///
/// ```
/// use sealift::words::platform::Platform;
///
/// let wanted: Platform = "linux/arm64".parse()?;
/// assert!(wanted.takes(&"linux/arm64/v8".parse()?));
/// assert!(!wanted.takes(&"linux/amd64".parse()?));
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
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
    /// every variant; `arm64` and `arm64/v8` are the same, as are `arm` and `arm/v7`, and `amd64`
    /// and `amd64/v1`: so containerd has it.
    #[must_use]
    pub fn takes(&self, other: &Platform) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.full_variant() == other.full_variant())
    }

    /// How well an image for this platform does where only its system and architecture were asked
    /// for: the smallest number first. What runs everywhere is best (`amd64/v1` before `v2`,
    /// `arm64/v8` before `v9`), but for `arm`, where `v7` is what one has, and older ones run on it.
    #[must_use]
    pub fn rank(&self) -> u32 {
        let number = |variant: &str| variant.strip_prefix('v').and_then(|n| n.parse().ok());
        match (self.architecture.as_str(), self.full_variant().map_or(Some(0), number)) {
            ("arm", Some(version @ 0..=7)) => 7 - version,
            ("arm64", Some(version @ 0..=7)) => 1_000 - version,
            (_, Some(version)) => version,
            (_, None) => u32::MAX,
        }
    }

    /// The same without its variant.
    #[must_use]
    pub fn any_variant(&self) -> Platform {
        Platform { variant: None, ..self.clone() }
    }

    /// The variant, also where it is so usual that nobody writes it.
    fn full_variant(&self) -> Option<&str> {
        match (self.architecture.as_str(), self.variant.as_deref()) {
            ("arm64", None) => Some("v8"),
            ("arm", None) => Some("v7"),
            ("amd64", None) => Some("v1"),
            (_, variant) => variant,
        }
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

/// `platforms`, joined by commas, for people; where there are none, that no platform is named.
#[must_use]
pub fn in_words<'a>(platforms: impl Iterator<Item = &'a Platform>) -> String {
    let all: Vec<String> = platforms.map(ToString::to_string).collect();
    match all.is_empty() {
        true => "no platform that is named".to_owned(),
        false => all.join(", "),
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
        assert!(p("linux/arm/v7").takes(&p("linux/arm")));
        assert!(p("linux/amd64").takes(&p("linux/amd64/v3")));
        assert!(p("linux/amd64/v1").takes(&p("linux/amd64")));
        assert!(!p("linux/amd64/v3").takes(&p("linux/amd64")));
        assert!(!p("linux/amd64").takes(&p("windows/amd64")));
        assert!("linux".parse::<Platform>().is_err());
        assert!("a/b/c/d".parse::<Platform>().is_err());
    }
    #[test]
    fn the_variant_that_runs_everywhere_comes_first() {
        for (architecture, order) in [
            ("amd64", ["", "/v2", "/v3", "/v4", "/odd"]),
            ("arm", ["/v7", "/v6", "/v5", "/v8", "/odd"]),
            ("arm64", ["/v8", "/v9", "/v7", "/v6", "/odd"]),
            ("riscv64", ["", "/v1", "/v2", "/v10", "/odd"]),
        ] {
            let of = |variant| format!("linux/{architecture}{variant}").parse::<Platform>();
            let ranks: Vec<u32> = order.map(|variant| of(variant).unwrap().rank()).to_vec();

            assert!(ranks.is_sorted_by(|one, next| one < next), "{architecture}: {ranks:?}");
        }
    }
}
