//! [`Document`]: manifests and indexes as raw bytes with a read-only view.
//!
//! A document keeps its bytes for ever: nothing that was digested is written again from a parsed
//! form, because parsing drops what it does not know.

use std::fmt::Display;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use super::descriptor::{Annotations, Descriptor};
use super::descriptor::{RawDescriptor, Text};
use super::error::{Class, Error, Result};
use super::json::check_strict;
use super::media::{OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST, Role};
use super::shape::{DOCUMENT, Object, fault};

/// Largest manifest or index that is read into memory. The distribution-spec asks registries to
/// take 4 MiB; docker and containers/image read no more than that.
pub const MAX_DOCUMENT: u64 = 4 << 20;

/// The type of a document that nobody gives one, by the members that make it one; `None` when they
/// are not those of one kind.
#[must_use]
pub fn guess_type(raw: &[u8]) -> Option<String> {
    let mut shape = Shape::of(raw)?;
    shape
        .media_type
        .take()
        .filter(|own| !own.is_empty())
        .or_else(|| shape.kind().map(str::to_owned))
}

/// Whether `raw`, which somebody calls something else, is a manifest or an index by its members: it
/// names parts of its own then.
#[must_use]
pub fn is_disguised(raw: &[u8]) -> bool {
    Shape::of(raw).is_some_and(|shape| {
        let own = shape.media_type.as_deref().is_some_and(|own| Role::of(own).is_document());
        own || shape.schema_version == Some(2) && shape.kind().is_some()
    })
}

/// Which of the members are there; the lists also as null, which is an empty one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default, deserialize_with = "there")]
    manifests: Option<Option<IgnoredAny>>,
    #[serde(default)]
    config: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "there")]
    layers: Option<IgnoredAny>,
}

impl Shape {
    fn of(raw: &[u8]) -> Option<Shape> {
        check_strict(raw).ok()?;
        let Object(shape): Object<Shape> = serde_json::from_slice(raw).ok()?;
        Some(shape)
    }

    /// Which of OCI's two kinds it has the members of, if of one alone.
    fn kind(&self) -> Option<&'static str> {
        match (self.config.is_some() && self.layers.is_some(), &self.manifests) {
            (true, None | Some(None)) => Some(OCI_MANIFEST),
            (false, Some(_)) => Some(OCI_INDEX),
            _ => None,
        }
    }
}

/// Reads a member that is there, so that null is told from nothing.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(member: D) -> Result<Option<T>, D::Error> {
    T::deserialize(member).map(Some)
}

/// What a document is, and its children in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A list of manifests or further indexes.
    Index {
        /// Its entries.
        manifests: Vec<Descriptor>,
    },
    /// An image or an artifact.
    Manifest {
        /// The configuration; absent only in the withdrawn artifact manifest.
        config: Option<Descriptor>,
        /// The layers, base first; one digest may stand twice.
        layers: Vec<Descriptor>,
    },
}

/// A manifest or an index: its raw bytes, and a view of them. A copy shares both.
#[derive(Debug, Clone)]
pub struct Document(Arc<DocumentParts>);

#[derive(Debug)]
struct DocumentParts {
    raw: Arc<[u8]>,
    descriptor: Descriptor,
    kind: Kind,
    subject: Option<Descriptor>,
    artifact_type: Option<Box<str>>,
    annotations: Annotations,
}

/// The members of a document that are looked at. Those that may be null and there are told from
/// those that are not there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default, borrow)]
    media_type: Text<'a>,
    #[serde(default, borrow)]
    artifact_type: Text<'a>,
    #[serde(default, borrow, deserialize_with = "there")]
    manifests: Option<Option<Vec<Object<RawDescriptor<'a>>>>>,
    #[serde(default, borrow)]
    config: Option<Object<RawDescriptor<'a>>>,
    #[serde(default, borrow, deserialize_with = "there")]
    layers: Option<Option<Vec<Object<RawDescriptor<'a>>>>>,
    #[serde(default, borrow, deserialize_with = "there")]
    blobs: Option<Option<Vec<Object<RawDescriptor<'a>>>>>,
    #[serde(default, borrow)]
    subject: Option<Object<RawDescriptor<'a>>>,
    #[serde(default)]
    annotations: Option<Annotations>,
}

impl Document {
    /// Reads `raw`, whose type its descriptor or its `Content-Type` gives as `media_type`.
    ///
    /// # Errors
    /// [`Class::Damaged`] when the bytes are larger than [`MAX_DOCUMENT`], are no strict JSON, can
    /// be read both as a manifest and as an index (CVE-2021-41190), name another `mediaType`, or
    /// hold an impossible descriptor; [`Class::Refused`] for Docker's schema 1, and for a
    /// `media_type` that is none of [`DOCUMENT_TYPES`](super::media::DOCUMENT_TYPES).
    pub fn parse(raw: impl Into<Arc<[u8]>>, media_type: &str) -> Result<Document> {
        let raw = raw.into();
        if raw.len() as u64 > MAX_DOCUMENT {
            return Err(Error::new(Class::Damaged, "manifest is larger than 4 MiB"));
        }
        let descriptor = Descriptor::of(media_type, &raw);
        let bad = |why: String| {
            Error::new(Class::Damaged, format!("{media_type} {}: {why}", descriptor.digest))
        };
        check_strict(&raw).map_err(|e| e.context(descriptor.digest))?;
        let Object(view): Object<View<'_>> =
            serde_json::from_slice(&raw).map_err(|_| bad(odd_member(&raw)))?;
        check_schema(view.schema_version, media_type, bad)?;
        if !descriptor.is_document() {
            let text = format!("{} is given out as {media_type:?}", descriptor.digest);
            return Err(Error::new(Class::Refused, format!("{text}, which is no manifest's type"))
                .hint("have it pushed again with a current docker, podman or skopeo"));
        }
        // The member became obligatory late: umoci and older podman write none. The shape decides
        // alone then.
        if let Some(own) = view.media_type.some().filter(|own| own != media_type) {
            return Err(bad(format!("calls itself {own:?}")));
        }
        let kind = kind(view.manifests, view.config, view.layers, view.blobs, media_type, bad)?;
        Ok(Document(Arc::new(DocumentParts {
            kind,
            subject: view.subject.map(|raw| part(raw, "subject", bad)).transpose()?,
            artifact_type: view.artifact_type.some().map(|text| text.into_owned().into()),
            annotations: view.annotations.unwrap_or_default(),
            descriptor,
            raw,
        })))
    }

    /// About how many bytes of memory it takes, its own among them.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let parts = self.children().into_iter().chain(self.subject()).map(Descriptor::weight);
        let view = size_of::<DocumentParts>() + self.0.annotations.len() + parts.sum::<usize>();
        (self.raw().len() + view) as u64
    }

    /// The bytes, to be shared.
    #[must_use]
    pub fn shared(&self) -> Arc<[u8]> {
        Arc::clone(&self.0.raw)
    }

    /// The bytes, exactly as they came.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.0.raw
    }

    /// Type, digest and size of the bytes.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.0.descriptor
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// What it refers to, for a signature, an SBOM and the like.
    #[must_use]
    pub fn subject(&self) -> Option<&Descriptor> {
        self.0.subject.as_ref()
    }

    /// The type of the artifact: `artifactType`, else the config's type, as the
    /// distribution-spec defines it for referrers.
    #[must_use]
    pub fn artifact_type(&self) -> Option<&str> {
        match (self.0.artifact_type.as_deref(), &self.0.kind) {
            (Some(own), _) => Some(own),
            (None, Kind::Manifest { config: Some(config), .. }) => Some(&config.media_type),
            _ => None,
        }
    }

    /// The document's own annotations.
    #[must_use]
    pub fn annotations(&self) -> &Annotations {
        &self.0.annotations
    }

    /// Everything the document points at, in order: config before layers. Foreign layers are
    /// among them.
    #[must_use]
    pub fn children(&self) -> Vec<&Descriptor> {
        match &self.0.kind {
            Kind::Index { manifests } => manifests.iter().collect(),
            Kind::Manifest { config, layers } => config.iter().chain(layers).collect(),
        }
    }
}

type List<'a> = Option<Option<Vec<Object<RawDescriptor<'a>>>>>;

/// What a document with these members is. Go writes an empty list that nobody made as null, and reads
/// null as nothing at all. So the list that a document is made of is empty then, and any other member
/// that is null is not there.
fn kind(
    manifests: List<'_>,
    config: Option<Object<RawDescriptor<'_>>>,
    layers: List<'_>,
    blobs: List<'_>,
    media_type: &str,
    bad: impl Fn(String) -> Error + Copy,
) -> Result<Kind> {
    let wants_index = Role::of(media_type) == Role::Index;
    let manifests = or_empty(manifests, wants_index);
    let (layers, blobs) = (or_empty(layers, !wants_index), or_empty(blobs, !wants_index));
    let is_manifest = layers.is_some() || config.is_some() || blobs.is_some();
    if manifests.is_some() == is_manifest || manifests.is_some() != wants_index {
        return Err(bad("its members do not fit its type".to_owned()));
    }
    let missing = |name: &str| bad(format!("it has no {name}"));
    if let Some(manifests) = manifests {
        let manifests = all(manifests, "manifests", bad)?;
        // Nobody could tell whether it has parts of its own.
        if let Some(at) = manifests.iter().position(|entry| entry.media_type.is_empty()) {
            return Err(bad(format!("manifests[{at}] has no mediaType")));
        }
        return Ok(Kind::Index { manifests });
    }
    if media_type == OCI_ARTIFACT {
        let layers = all(blobs.unwrap_or_default(), "blobs", bad)?;
        return Ok(Kind::Manifest { config: None, layers });
    }
    let config = Some(part(config.ok_or_else(|| missing("config"))?, "config", bad)?);
    let layers = all(layers.ok_or_else(|| missing("layers"))?, "layers", bad)?;
    Ok(Kind::Manifest { config, layers })
}

fn or_empty(list: List<'_>, is_own: bool) -> Option<Vec<Object<RawDescriptor<'_>>>> {
    match list {
        Some(None) if is_own => Some(Vec::new()),
        list => list.flatten(),
    }
}

/// Which member of `raw`, a JSON text that is no document, is odd.
fn odd_member(raw: &[u8]) -> String {
    let value: Option<Value> = serde_json::from_slice(raw).ok();
    let fault = value.and_then(|value| fault(&value, DOCUMENT));
    fault.unwrap_or_else(|| "is no manifest and no index".to_owned())
}

fn check_schema(
    schema: Option<u64>,
    media_type: &str,
    bad: impl Fn(String) -> Error,
) -> Result<()> {
    if schema == Some(1) || media_type.contains("manifest.v1+") && media_type.contains("docker") {
        return Err(Error::new(Class::Refused, "the image is in Docker's schema 1 of 2014")
            .hint("push it again with a current docker, podman or skopeo, then export it"));
    }
    match schema {
        Some(2) => Ok(()),
        _ if media_type == OCI_ARTIFACT => Ok(()),
        // Engines look away, and registries take no such manifest: here it can still be mended.
        None => Err(bad("has no schemaVersion, which has to be 2".to_owned())
            .hint("build and push it again with another tool; registries refuse it as it is")),
        Some(other) => Err(bad(format!("has the schemaVersion {other}, which has to be 2"))),
    }
}

/// The descriptor `raw`, which stands in a document as `member`.
fn part(
    Object(raw): Object<RawDescriptor<'_>>,
    member: impl Display,
    bad: impl Fn(String) -> Error,
) -> Result<Descriptor> {
    raw.checked().map_err(|e| {
        let (class, text) = (e.class(), bad(format!("{member}: {}", e.message())));
        Error::new(class, text.message())
    })
}

/// In a vector of that size and no larger: collecting would leave room for what they were read from.
fn all(
    raw: Vec<Object<RawDescriptor<'_>>>,
    member: &str,
    bad: impl Fn(String) -> Error + Copy,
) -> Result<Vec<Descriptor>> {
    let mut all = Vec::with_capacity(raw.len());
    for (at, raw) in raw.into_iter().enumerate() {
        all.push(part(raw, format_args!("{member}[{at}]"), bad)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::digest::Digest;
    use crate::words::media::DOCKER_MANIFEST;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn manifest(extra: &str) -> String {
        let d = format!(r#"{{"mediaType":"a/b","digest":"sha256:{HEX}","size":0}}"#);
        format!(r#"{{"schemaVersion":2,"config":{d},"layers":[{d},{d}]{extra}}}"#)
    }

    #[test]
    fn bytes_are_kept_as_they_came() {
        let raw = format!("\n {} \t", manifest(r#", "mystery" : [ 1 ]"#));

        let document = Document::parse(raw.as_bytes(), OCI_MANIFEST).unwrap();

        assert_eq!(document.raw(), raw.as_bytes());
        assert_eq!(document.children().len(), 3);
        assert_eq!(document.artifact_type(), Some("a/b"));
    }

    #[test]
    fn a_document_of_two_kinds_is_refused() {
        let index = format!(r#"{{"schemaVersion":2,"manifests":[],"mediaType":"{OCI_INDEX}"}}"#);
        for (raw, media_type) in [
            (manifest(r#","manifests":[]"#), OCI_MANIFEST),
            (manifest(r#","manifests":[]"#), OCI_INDEX),
            (manifest(""), OCI_INDEX),
            (index.clone(), OCI_MANIFEST),
            (index.replace("manifests", "manifestz"), OCI_INDEX),
            (manifest(&format!(r#","mediaType":"{DOCKER_MANIFEST}""#)), OCI_MANIFEST),
            (manifest(r#","mediaType":7"#), OCI_MANIFEST),
            (manifest("").replace(":0}", ":-1}"), OCI_MANIFEST),
            (manifest("").replace(":0}", ":1e3}"), OCI_MANIFEST),
            (manifest("").replace(":0}", ":9223372036854775808999}"), OCI_MANIFEST),
            (manifest("").replace(":0}", ":9007199254740992}"), OCI_MANIFEST),
            (manifest("").replace(HEX, "../x"), OCI_MANIFEST),
            (manifest("").replace("\"schemaVersion\":2", "\"schemaVersion\":3"), OCI_MANIFEST),
            (manifest("").replace(":0}", ":0,\"data\":\"YQ==\"}"), OCI_MANIFEST),
        ] {
            assert!(Document::parse(raw.as_bytes(), media_type).is_err(), "{raw}");
        }
        Document::parse(index.as_bytes(), OCI_INDEX).unwrap();
        Document::parse(manifest("").replace(":0}", ":0,\"data\":\"\"}").as_bytes(), OCI_MANIFEST)
            .unwrap();
    }

    #[test]
    fn a_type_that_is_no_manifests_is_refused() {
        for media_type in ["application/vnd.evil+json", "text/html", ""] {
            let error = Document::parse(manifest("").as_bytes(), media_type).unwrap_err();

            assert_eq!(error.class(), Class::Refused, "{error}");
        }
    }

    #[test]
    fn a_list_that_is_null_is_empty() {
        for (raw, media_type) in [
            (r#"{"schemaVersion":2,"manifests":null}"#.to_owned(), OCI_INDEX),
            (r#"{"schemaVersion":2,"mediaType":null,"manifests":null,"layers":null,"config":null,"subject":null,"annotations":null}"#.to_owned(), OCI_INDEX),
            (r#"{"blobs":null,"subject":null}"#.to_owned(), OCI_ARTIFACT),
            (manifest("").replace("\"layers\":[", "\"manifests\":null,\"old\":["), OCI_MANIFEST),
        ] {
            let raw = match media_type {
                OCI_MANIFEST => raw.replacen("\"old\"", "\"layers\":null,\"old\"", 1),
                _ => raw,
            };
            let document = Document::parse(raw.as_bytes(), media_type)
                .unwrap_or_else(|e| panic!("{raw}: {e}"));

            assert!(document.children().len() < 2, "{raw}");
            assert_eq!(document.raw(), raw.as_bytes());
        }
        for (raw, media_type) in [
            (r#"{"schemaVersion":2,"manifests":null}"#, OCI_MANIFEST),
            (r#"{"schemaVersion":2,"layers":null}"#, OCI_INDEX),
            (r#"{"schemaVersion":2,"manifests":null,"layers":[]}"#, OCI_INDEX),
            (r#"{"schemaVersion":2}"#, OCI_INDEX),
        ] {
            assert!(Document::parse(raw.as_bytes(), media_type).is_err(), "{raw}");
        }
    }

    #[test]
    fn what_is_odd_in_a_document_is_named_with_its_place() {
        let index = |entries: &str| {
            format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{entries}]}}"#)
        };
        let entry = |extra: &str| format!(r#"{{"digest":"sha256:{HEX}","size":0{extra}}}"#);
        let first = entry(r#","mediaType":"a/b""#);
        for (raw, media_type, said) in [
            (index("null"), OCI_INDEX, "manifests[0] is null, and not an object"),
            (index(&format!("{first},{}", entry(""))), OCI_INDEX, "manifests[1] has no mediaType"),
            (index(&entry(r#","mediaType":"""#)), OCI_INDEX, "manifests[0] has no mediaType"),
            (index(r#"{"mediaType":"a/b","size":1}"#), OCI_INDEX, "manifests[0]: has no digest"),
            (index(&first.replace(HEX, "x")), OCI_INDEX, "manifests[0]: digest \"sha256:x\""),
            (
                index(&first.replace('}', r#","platform":{"os":[]}}"#)),
                OCI_INDEX,
                "manifests[0].platform.os is a list, and not a text",
            ),
            (
                manifest("").replacen(":0}", ":\"0\"}", 1),
                OCI_MANIFEST,
                "config.size is a text, and not a whole number",
            ),
            (
                manifest(r#","annotations":{"a":1}"#),
                OCI_MANIFEST,
                r#"annotations["a"] is the number 1, and not a text"#,
            ),
            (manifest(r#","subject":{"size":1}"#), OCI_MANIFEST, "subject: has no digest"),
            (manifest("").replace("\"schemaVersion\":2,", ""), OCI_MANIFEST, "no schemaVersion"),
            (manifest("").replace("n\":2", "n\":null"), OCI_MANIFEST, "no schemaVersion"),
            (manifest("").replace("n\":2", "n\":0"), OCI_MANIFEST, "has the schemaVersion 0"),
            (manifest("").replace("n\":2", "n\":\"2\""), OCI_MANIFEST, "schemaVersion is a text"),
            (
                manifest("")
                    .replacen(r#"{"mediaType":"a/b""#, r#"["a/b""#, 1)
                    .replacen(r#""digest":"sha256:e3b0"#, r#""sha256:e3b0"#, 1)
                    .replacen(r#""size":0}"#, "0]", 1),
                OCI_MANIFEST,
                "config is a list, and not an object",
            ),
            ("[]".to_owned(), OCI_MANIFEST, "is a list, and not an object"),
            (manifest(r#","Layers":[]"#), OCI_MANIFEST, "\"Layers\" is \"layers\" in disguise"),
            (manifest(r#","layers":[]"#), OCI_MANIFEST, "\"layers\" stands twice"),
            ("{".to_owned(), OCI_MANIFEST, "it ends too early"),
        ] {
            let error = Document::parse(raw.as_bytes(), media_type).unwrap_err();

            assert_eq!(error.class(), Class::Damaged);
            let text = error.to_string();
            assert!(text.contains(said), "{raw}: {text}");
            assert!(text.contains(&Digest::of(raw.as_bytes()).to_string()), "{text}");
            for serdes in ["invalid type", "invalid value", "expected"] {
                assert!(!text.contains(serdes), "{raw}: {text}");
            }
        }
        let other = index(&first.replace(&format!("256:{HEX}"), &format!("512:{HEX}{HEX}")));
        let error = Document::parse(other.as_bytes(), OCI_INDEX).unwrap_err();
        assert_eq!(error.class(), Class::Refused, "{error}");
    }

    #[test]
    fn what_go_reads_as_empty_changes_no_document() {
        let plain = manifest("");
        for extra in [
            r#","annotations":null,"subject":null,"artifactType":null,"mediaType":null"#,
            r#","annotations":{"a":null},"artifactType":"","mediaType":"","manifests":null"#,
        ] {
            let raw = plain.replacen(":0}", r#":0,"data":"","platform":{},"urls":null}"#, 1);
            let raw = raw.replace("]}", &format!("]{extra}}}"));

            let document = Document::parse(raw.as_bytes(), OCI_MANIFEST).unwrap();

            assert_eq!(document.raw(), raw.as_bytes());
            assert_eq!(document.children().len(), 3);
            assert_eq!(document.artifact_type(), Some("a/b"), "that of the config");
            assert_eq!(guess_type(raw.as_bytes()).as_deref(), Some(OCI_MANIFEST), "{raw}");
        }
    }

    #[test]
    fn schema_1_gets_a_message_of_its_own() {
        let raw = br#"{"schemaVersion":1,"name":"x","fsLayers":[]}"#;

        let error =
            Document::parse(&raw[..], "application/vnd.docker.distribution.manifest.v1+json")
                .unwrap_err();

        assert_eq!(error.class(), Class::Refused);
        assert!(error.to_string().contains("schema 1"));
    }
}
