//! [`Descriptor`]: what a blob is and how to check it, kept in about the room that it has in JSON.
//!
//! A manifest of four megabytes has tens of thousands of them, and a bundle a hundred thousand, so
//! types that everybody uses are not copied, and annotations stay the text that they are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::digest::{Digest, DigestError};
use super::error::{Class, Error, Result};
use super::platform::Platform;

/// Largest size in a descriptor: the largest whole number that every JSON reader takes for itself.
const MAX_SIZE: u64 = (1 << 53) - 1;

/// Types of which no descriptor has a copy: those of nearly all there are.
const KNOWN_TYPES: &[&str] = &[
    super::document::OCI_MANIFEST,
    super::document::DOCKER_MANIFEST,
    super::document::OCI_INDEX,
    super::document::DOCKER_LIST,
    super::document::OCI_ARTIFACT,
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.oci.empty.v1+json",
    "application/vnd.in-toto+json",
    "application/vnd.dev.cosign.simplesigning.v1+json",
];

/// The type of some bytes.
pub type MediaType = Cow<'static, str>;

/// `text` as a type.
pub fn media_type(text: impl AsRef<str>) -> MediaType {
    let text = text.as_ref();
    match KNOWN_TYPES.iter().find(|known| **known == text) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(text.to_owned()),
    }
}

/// What a blob is and how to check it (OCI image-spec, descriptor.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The type of the bytes.
    pub media_type: MediaType,
    /// Their digest.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
    /// What the image runs on, in an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Box<Platform>>,
    /// The type of an artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<Box<str>>,
    /// Where else the bytes are offered. Never fetched on their own account.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub urls: Box<[Box<str>]>,
    /// Free text; never a path, never an identity.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

impl Descriptor {
    /// A descriptor with nothing optional.
    pub fn new(kind: impl AsRef<str>, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type: media_type(kind),
            digest,
            size,
            platform: None,
            artifact_type: None,
            urls: Box::default(),
            annotations: Annotations::default(),
        }
    }

    /// Describes `bytes`.
    pub fn of(media_type: impl AsRef<str>, bytes: &[u8]) -> Descriptor {
        Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// Whether this is a layer that its owner does not allow registries to hand on. It is never
    /// fetched, and its absence is no fault.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
            || self.media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
    }

    /// The descriptor that `value` is, as it stands in a document.
    ///
    /// # Errors
    /// [`Class::Damaged`] when it is none, or one that cannot be; [`Class::Refused`] for a digest
    /// of a kind that is not carried.
    pub fn from_value(value: &Value) -> Result<Descriptor> {
        let raw = Raw::deserialize(value).map_err(|e| {
            Error::new(Class::Damaged, format!("is no descriptor of an image: {e}"))
        })?;
        raw.checked()
    }

    /// About how many bytes of memory it takes, and what it names in the lists that are made of it.
    pub(super) fn weight(&self) -> usize {
        /// A blob is in the list of files, that of what there is, and those of where it comes from
        /// and goes to.
        const LISTS: usize = 400;
        /// What the system adds to each piece of memory that is asked for.
        const PIECE: usize = 16;
        let owned = |text: &MediaType| match text {
            Cow::Borrowed(_) => 0,
            Cow::Owned(text) => text.len() + PIECE,
        };
        let platform = |p: &Platform| {
            size_of::<Platform>()
                + p.os.len()
                + p.architecture.len()
                + 4 * PIECE
                + p.variant.as_ref().map_or(0, String::len)
        };
        let urls = self.urls.iter().map(|url| url.len() + size_of::<Box<str>>() + PIECE);
        size_of::<Descriptor>()
            + LISTS
            + owned(&self.media_type)
            + self.platform.as_deref().map_or(0, platform)
            + self.artifact_type.as_ref().map_or(0, |it| it.len() + PIECE)
            + urls.sum::<usize>()
            + self.annotations.0.len()
            + PIECE
    }
}

/// A descriptor as it stands in JSON, not checked yet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Raw<'a> {
    #[serde(borrow)]
    media_type: Cow<'a, str>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
    size: u64,
    #[serde(default)]
    platform: Option<Box<Platform>>,
    #[serde(default)]
    artifact_type: Option<Box<str>>,
    #[serde(default)]
    urls: Option<Box<[Box<str>]>>,
    #[serde(default)]
    annotations: Option<Annotations>,
    #[serde(default)]
    data: Option<Box<str>>,
}

impl Raw<'_> {
    pub(super) fn checked(self) -> Result<Descriptor> {
        let digest: Digest = self.digest.parse().map_err(|e: DigestError| {
            // A digest of another kind is a fine one that this program does not carry.
            let class = match e {
                DigestError::Algorithm(_) => Class::Refused,
                DigestError::Grammar => Class::Damaged,
            };
            Error::new(class, e.to_string())
        })?;
        if self.size > MAX_SIZE {
            let text = format!("descriptor {digest} has an impossible size: {}", self.size);
            return Err(Error::new(Class::Damaged, text));
        }
        let descriptor = Descriptor {
            media_type: media_type(self.media_type),
            digest,
            size: self.size,
            platform: self.platform,
            artifact_type: self.artifact_type,
            urls: self.urls.unwrap_or_default(),
            annotations: self.annotations.unwrap_or_default(),
        };
        match self.data.is_none_or(|data| is_content(&descriptor, &data)) {
            true => Ok(descriptor),
            false => {
                let text = format!("descriptor {digest} carries data of another content");
                Err(Error::new(Class::Damaged, text))
            }
        }
    }
}

/// Whether `data`, which repeats the content inside a descriptor, is not a second content.
fn is_content(descriptor: &Descriptor, data: &str) -> bool {
    base64::engine::general_purpose::STANDARD.decode(data).is_ok_and(|bytes| {
        bytes.len() as u64 == descriptor.size && Digest::of(&bytes) == descriptor.digest
    })
}

/// Names with texts, as JSON: a map of them would take ten times the room.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Annotations(Box<str>);

impl Annotations {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        serde_json::Deserializer::from_str(&self.0).deserialize_map(Find(key)).ok().flatten()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, String> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Bytes of the text.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<(String, String)> for Annotations {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Annotations {
        let all: BTreeMap<String, String> = pairs.into_iter().collect();
        match all.is_empty() {
            true => Annotations::default(),
            // Plain text members cannot fail to be written.
            false => Annotations(serde_json::to_string(&all).unwrap_or_default().into()),
        }
    }
}

impl<const N: usize> From<[(String, String); N]> for Annotations {
    fn from(pairs: [(String, String); N]) -> Annotations {
        pairs.into_iter().collect()
    }
}

impl fmt::Debug for Annotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Annotations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Annotations, D::Error> {
        deserializer.deserialize_map(Collect)
    }
}

/// Writes a map of texts down again.
struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Annotations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Annotations, A::Error> {
        use serde::de::Error as _;
        let mut text = String::new();
        while let Some((key, value)) = members.next_entry::<Cow<'_, str>, Cow<'_, str>>()? {
            text.push(if text.is_empty() { '{' } else { ',' });
            text.push_str(&serde_json::to_string(&key).map_err(A::Error::custom)?);
            text.push(':');
            text.push_str(&serde_json::to_string(&value).map_err(A::Error::custom)?);
        }
        if !text.is_empty() {
            text.push('}');
        }
        Ok(Annotations(text.into()))
    }
}

/// Finds one text in a map of them.
struct Find<'k>(&'k str);

impl<'de> Visitor<'de> for Find<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<String>, A::Error> {
        let mut found = None;
        while let Some(key) = members.next_key::<Cow<'_, str>>()? {
            match key == self.0 {
                true => found = Some(members.next_value()?),
                false => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn annotations_are_found_and_written_as_they_were() {
        let digest = Digest::of(b"x");
        let value = json!({
            "mediaType": "a/b", "digest": digest, "size": 1, "artifactType": "x/y",
            "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
            "urls": ["https://x.example/y"],
            "annotations": {"a": "größe \u{7f}\"", "b\n": "", "": "é"},
        });

        let descriptor = Descriptor::from_value(&value).unwrap();

        assert_eq!(serde_json::to_value(&descriptor).unwrap(), value);
        assert_eq!(descriptor.annotations.get("a").as_deref(), Some("größe \u{7f}\""));
        assert_eq!(descriptor.annotations.get("").as_deref(), Some("é"));
        assert_eq!(descriptor.annotations.get("A"), None);
        let again: Annotations = descriptor.annotations.all().into_iter().collect();
        assert_eq!(again.all(), descriptor.annotations.all());
        assert!(Descriptor::of("a/b", b"").annotations.get("a").is_none());
    }

    #[test]
    fn what_is_no_descriptor_is_refused_by_its_kind() {
        let fine = json!({"mediaType": "a/b", "digest": Digest::of(b"x"), "size": 1, "urls": null});
        Descriptor::from_value(&fine).unwrap();
        for (member, bad, class) in [
            ("mediaType", json!(7), Class::Damaged),
            ("digest", json!(format!("sha512:{}", "0".repeat(128))), Class::Refused),
            ("digest", json!("sha512:00"), Class::Damaged),
            ("digest", json!("../x"), Class::Damaged),
            ("size", json!(1_u64 << 53), Class::Damaged),
            ("size", json!("1"), Class::Damaged),
            ("annotations", json!({"a": 1}), Class::Damaged),
            ("annotations", json!([]), Class::Damaged),
            ("urls", json!([1]), Class::Damaged),
            ("platform", json!({"os": "linux"}), Class::Damaged),
            ("data", json!("YQ=="), Class::Damaged),
        ] {
            let mut value = fine.clone();
            value[member] = bad.clone();

            assert_eq!(Descriptor::from_value(&value).unwrap_err().class(), class, "{bad}");
        }
    }
}
