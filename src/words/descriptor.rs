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
use super::media::{MediaType, Role};
use super::platform::Platform;
use super::shape::{DESCRIPTOR, Object, fault};

/// Largest size in a descriptor: the largest whole number that every JSON reader takes for itself.
const MAX_SIZE: u64 = (1 << 53) - 1;

/// How much of what is no digest is shown.
const SHOWN: usize = 80;

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
            media_type: MediaType::of(kind.as_ref()),
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

    /// Whether the bytes are a manifest or an index, so that they have children.
    #[must_use]
    pub fn is_document(&self) -> bool {
        self.media_type.role().is_document()
    }

    /// Whether this is a layer that its owner does not allow registries to hand on. It is never
    /// fetched, and its absence is no fault.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.media_type.role() == Role::Foreign
    }

    /// The descriptor that `value` is, as it stands in a document.
    ///
    /// # Errors
    /// [`Class::Damaged`] when it is none, or one that cannot be; [`Class::Refused`] for a digest
    /// of a kind that is not carried.
    pub fn from_value(value: &Value) -> Result<Descriptor> {
        let Object(raw) = Object::<RawDescriptor<'_>>::deserialize(value).map_err(|_| {
            let why = fault(value, DESCRIPTOR).unwrap_or_else(|| "it is none".to_owned());
            Error::new(Class::Damaged, format!("is no descriptor of an image: {why}"))
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
        let owned = |media_type: &MediaType| match media_type.weight() {
            0 => 0,
            text => text + PIECE,
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

/// A descriptor as it stands in JSON, not checked yet. What is null is what is not there, as for Go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawDescriptor<'a> {
    #[serde(default, borrow)]
    media_type: Text<'a>,
    #[serde(default, borrow)]
    digest: Text<'a>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default, borrow)]
    platform: Option<Object<RawPlatform<'a>>>,
    #[serde(default, borrow)]
    artifact_type: Text<'a>,
    #[serde(default, borrow)]
    urls: Option<Vec<Text<'a>>>,
    #[serde(default)]
    annotations: Option<Annotations>,
    #[serde(default, borrow)]
    data: Text<'a>,
}

/// A platform as it stands in JSON.
#[derive(Deserialize)]
struct RawPlatform<'a> {
    #[serde(default, borrow)]
    os: Text<'a>,
    #[serde(default, borrow)]
    architecture: Text<'a>,
    #[serde(default, borrow)]
    variant: Text<'a>,
}

impl RawPlatform<'_> {
    /// The platform; none where the system or the architecture is not said, since nobody can ask
    /// for such a one.
    fn whole(self) -> Option<Box<Platform>> {
        Some(Box::new(Platform {
            os: self.os.some()?.into_owned(),
            architecture: self.architecture.some()?.into_owned(),
            variant: self.variant.some().map(Cow::into_owned),
        }))
    }
}

impl RawDescriptor<'_> {
    /// The descriptor, where it can be one. Its type may be empty.
    ///
    /// # Errors
    /// As [`Descriptor::from_value`].
    pub(super) fn checked(self) -> Result<Descriptor> {
        let text = self.digest.some().ok_or_else(|| Error::new(Class::Damaged, "has no digest"))?;
        let digest: Digest = text.parse().map_err(|e: DigestError| {
            // A digest of another kind is a fine one that this program does not carry.
            match e {
                DigestError::Algorithm(_) => e.into_error(Class::Damaged),
                DigestError::Grammar => {
                    let text: String = text.chars().take(SHOWN).collect();
                    Error::new(Class::Damaged, format!("digest {text:?} is none"))
                }
            }
        })?;
        // Go writes a zero that may be left out as nothing.
        let nothing = || (digest == Digest::of(b"")).then_some(0);
        let size = self.size.or_else(nothing).ok_or_else(|| {
            Error::new(Class::Damaged, format!("descriptor {digest} has no size"))
        })?;
        if size > MAX_SIZE {
            let text = format!("descriptor {digest} has an impossible size: {size}");
            return Err(Error::new(Class::Damaged, text));
        }
        let urls = self.urls.into_iter().flatten().filter_map(Text::some);
        let descriptor = Descriptor {
            media_type: MediaType::of(&self.media_type.0),
            digest,
            size,
            platform: self.platform.and_then(|Object(raw)| raw.whole()),
            artifact_type: self.artifact_type.some().map(|text| text.into_owned().into()),
            urls: urls.map(|url| url.into_owned().into()).collect(),
            annotations: self.annotations.unwrap_or_default(),
        };
        match self.data.some().is_none_or(|data| is_content(&descriptor, &data)) {
            true => Ok(descriptor),
            false => {
                let text = format!("descriptor {digest} carries data of another content");
                Err(Error::new(Class::Damaged, text))
            }
        }
    }
}

/// A text as Go reads one: null is an empty one.
#[derive(Default)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// The text, where it is not empty.
    pub(super) fn some(self) -> Option<Cow<'a, str>> {
        Some(self.0).filter(|text| !text.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        deserializer.deserialize_any(ReadText).map(Text)
    }
}

struct ReadText;

impl<'de> Visitor<'de> for ReadText {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
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
        while let Some((key, Text(value))) = members.next_entry::<Cow<'_, str>, Text<'_>>()? {
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
            ("platform", json!({"os": 7}), Class::Damaged),
            ("platform", json!("linux/amd64"), Class::Damaged),
            ("platform", json!(["linux", "amd64", "v1"]), Class::Damaged),
            ("data", json!("YQ=="), Class::Damaged),
            ("size", json!(null), Class::Damaged),
            ("size", json!(-1), Class::Damaged),
            ("size", json!(1e3), Class::Damaged),
            ("digest", json!(null), Class::Damaged),
            ("digest", json!(""), Class::Damaged),
        ] {
            let mut value = fine.clone();
            value[member] = bad.clone();

            let error = Descriptor::from_value(&value).unwrap_err();

            assert_eq!(error.class(), class, "{bad}");
            let text = error.to_string();
            assert!(text.contains(member) || class == Class::Refused, "{bad}: {text}");
            for serdes in ["invalid type", "invalid value", "expected", "column"] {
                assert!(!text.contains(serdes), "{bad}: {text}");
            }
        }
        let texts = json!({"mediaType": "a/b", "annotations": {"a": "", "b\n": [1]}});
        let error = Descriptor::from_value(&texts).unwrap_err();
        assert!(error.message().contains(r#"annotations["b\n"] is a list, and not a text"#));
    }

    #[test]
    fn what_go_reads_as_empty_is_empty() {
        let full = json!({
            "mediaType": "a/b", "digest": Digest::of(b"x"), "size": 1, "artifactType": "x/y",
            "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
            "urls": ["https://x.example/y"], "annotations": {"a": "b"}, "data": "eA==",
        });
        let fine = Descriptor::from_value(&full).unwrap();
        let without = |member: &str| {
            let mut value = full.clone();
            value[member] = Value::Null;
            Descriptor::from_value(&value).unwrap()
        };
        for (member, empty) in [
            ("platform", json!({})),
            ("platform", json!({"os": null, "architecture": "arm"})),
            ("platform", json!({"os": "linux", "architecture": ""})),
            ("platform", json!({"os.features": ["x"], "OSVersion": 1})),
            ("annotations", json!({})),
            ("urls", json!([])),
            ("urls", json!([null, ""])),
            ("data", json!("")),
            ("artifactType", json!("")),
            ("mediaType", json!("")),
        ] {
            let mut value = full.clone();
            value[member] = empty.clone();

            let descriptor = Descriptor::from_value(&value).unwrap();

            assert_eq!(descriptor, without(member), "{empty}");
            let mut gone = full.clone();
            gone.as_object_mut().unwrap().remove(member);
            assert_eq!(descriptor, Descriptor::from_value(&gone).unwrap(), "{empty}");
            assert_eq!(descriptor == fine, member == "data", "{empty}");
        }
        let mut value = full.clone();
        value["annotations"] = json!({"a": null, "b": "c"});
        value["platform"]["variant"] = json!("");
        let descriptor = Descriptor::from_value(&value).unwrap();
        assert_eq!(descriptor.annotations.get("a").as_deref(), Some(""));
        assert_eq!(descriptor.annotations.get("b").as_deref(), Some("c"));
        assert_eq!(descriptor.platform.unwrap().to_string(), "linux/arm");
        let nothing = json!({"mediaType": "a/b", "digest": Digest::of(b""), "size": null});
        assert_eq!(Descriptor::from_value(&nothing).unwrap().size, 0);
    }
}
