//! [`Document`]: manifests and indexes as raw bytes with a read-only view.
//!
//! A document keeps its bytes for ever: nothing that was digested is written again from a parsed
//! form, because parsing drops what it does not know.

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::descriptor::Raw;
pub use super::descriptor::{Annotations, Descriptor, MediaType, media_type};
use super::error::{Class, Error, Result};
use super::json::check_strict;

/// Largest manifest or index that is read into memory. The distribution-spec asks registries to
/// take 4 MiB; docker and containers/image read no more than that.
pub const MAX_DOCUMENT: u64 = 4 << 20;

/// `mediaType` of an OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// `mediaType` of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// `mediaType` of the withdrawn OCI artifact manifest, which registries still hold.
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// `mediaType` of a Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// `mediaType` of a Docker schema 2 manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Every document type that sealift carries, for an `Accept` header.
pub const DOCUMENT_TYPES: &[&str] =
    &[OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT];

/// Whether `media_type` is that of a manifest or an index, so that its bytes have children.
#[must_use]
pub fn is_document(media_type: &str) -> bool {
    DOCUMENT_TYPES.contains(&media_type)
}

/// The type of a document that nobody gives one, by the members that make it one; `None` when they
/// are not those of one kind.
#[must_use]
pub fn guess_type(raw: &[u8]) -> Option<String> {
    /// Which of the members are there, also as null.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        #[serde(default, deserialize_with = "there")]
        media_type: Option<Option<String>>,
        #[serde(default, deserialize_with = "there")]
        manifests: Option<IgnoredAny>,
        #[serde(default, deserialize_with = "there")]
        config: Option<IgnoredAny>,
        #[serde(default, deserialize_with = "there")]
        layers: Option<IgnoredAny>,
    }
    check_strict(raw).ok()?;
    let shape: Shape = serde_json::from_slice(raw).ok()?;
    match shape.media_type {
        Some(own) => own,
        None if shape.manifests.is_some() => Some(OCI_INDEX.to_owned()),
        None if shape.config.is_some() && shape.layers.is_some() => Some(OCI_MANIFEST.to_owned()),
        None => None,
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
pub struct Document(Arc<Inner>);

#[derive(Debug)]
struct Inner {
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
    media_type: Option<Cow<'a, str>>,
    #[serde(default)]
    artifact_type: Option<Box<str>>,
    #[serde(default, borrow, deserialize_with = "there")]
    manifests: Option<Option<Vec<Raw<'a>>>>,
    #[serde(default, borrow)]
    config: Option<Raw<'a>>,
    #[serde(default, borrow, deserialize_with = "there")]
    layers: Option<Option<Vec<Raw<'a>>>>,
    #[serde(default, borrow, deserialize_with = "there")]
    blobs: Option<Option<Vec<Raw<'a>>>>,
    #[serde(default, borrow)]
    subject: Option<Raw<'a>>,
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
    /// `media_type` that is none of [`DOCUMENT_TYPES`].
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
        let view: View<'_> = serde_json::from_slice(&raw).map_err(|e| bad(e.to_string()))?;
        refuse_schema_1(view.schema_version, media_type)?;
        if !is_document(media_type) {
            let text = format!("{} is given out as {media_type:?}", descriptor.digest);
            return Err(Error::new(Class::Refused, format!("{text}, which is no manifest's type"))
                .hint("have it pushed again with a current docker, podman or skopeo"));
        }
        // The member became obligatory late: umoci and older podman write none. The shape decides
        // alone then.
        if let Some(own) = view.media_type.as_deref().filter(|own| *own != media_type) {
            return Err(bad(format!("calls itself {own:?}")));
        }
        let kind = kind(view.manifests, view.config, view.layers, view.blobs, media_type, bad)?;
        Ok(Document(Arc::new(Inner {
            kind,
            subject: view.subject.map(Raw::checked).transpose()?,
            artifact_type: view.artifact_type,
            annotations: view.annotations.unwrap_or_default(),
            descriptor,
            raw,
        })))
    }

    /// About how many bytes of memory it takes, its own among them.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let parts = self.children().into_iter().chain(self.subject()).map(Descriptor::weight);
        let view = size_of::<Inner>() + self.0.annotations.len() + parts.sum::<usize>();
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

type List<'a> = Option<Option<Vec<Raw<'a>>>>;

/// What a document with these members is. Go writes an empty list that nobody made as null, and reads
/// null as nothing at all. So the list that a document is made of is empty then, and any other member
/// that is null is not there.
fn kind(
    manifests: List<'_>,
    config: Option<Raw<'_>>,
    layers: List<'_>,
    blobs: List<'_>,
    media_type: &str,
    bad: impl Fn(String) -> Error,
) -> Result<Kind> {
    let wants_index = media_type == OCI_INDEX || media_type == DOCKER_LIST;
    let manifests = or_empty(manifests, wants_index);
    let (layers, blobs) = (or_empty(layers, !wants_index), or_empty(blobs, !wants_index));
    let is_manifest = layers.is_some() || config.is_some() || blobs.is_some();
    if manifests.is_some() == is_manifest || manifests.is_some() != wants_index {
        return Err(bad("its members do not fit its type".to_owned()));
    }
    let missing = |name: &str| bad(format!("it has no {name}"));
    if let Some(manifests) = manifests {
        return Ok(Kind::Index { manifests: all(manifests)? });
    }
    if media_type == OCI_ARTIFACT {
        return Ok(Kind::Manifest { config: None, layers: all(blobs.unwrap_or_default())? });
    }
    let config = Some(config.ok_or_else(|| missing("config"))?.checked()?);
    Ok(Kind::Manifest { config, layers: all(layers.ok_or_else(|| missing("layers"))?)? })
}

fn or_empty(list: List<'_>, is_own: bool) -> Option<Vec<Raw<'_>>> {
    match list {
        Some(None) if is_own => Some(Vec::new()),
        list => list.flatten(),
    }
}

fn refuse_schema_1(schema: Option<u64>, media_type: &str) -> Result<()> {
    if schema == Some(1) || media_type.contains("manifest.v1+") && media_type.contains("docker") {
        return Err(Error::new(Class::Refused, "the image is in Docker's schema 1 of 2014")
            .hint("push it again with a current docker, podman or skopeo, then export it"));
    }
    if media_type != OCI_ARTIFACT && schema != Some(2) {
        return Err(Error::new(Class::Damaged, "schemaVersion is not 2"));
    }
    Ok(())
}

/// In a vector of that size and no larger: collecting would leave room for what they were read from.
fn all(raw: Vec<Raw<'_>>) -> Result<Vec<Descriptor>> {
    let mut all = Vec::with_capacity(raw.len());
    for raw in raw {
        all.push(raw.checked()?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn schema_1_gets_a_message_of_its_own() {
        let raw = br#"{"schemaVersion":1,"name":"x","fsLayers":[]}"#;

        let error =
            Document::parse(&raw[..], "application/vnd.docker.distribution.manifest.v1+json")
                .unwrap_err();

        assert_eq!(error.class(), Class::Refused);
        assert!(error.to_string().contains("schema 1"));
    }
}
