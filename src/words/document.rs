//! [`Descriptor`] and [`Document`]: manifests and indexes as raw bytes with a read-only view.
//!
//! The only user of `oci_spec`. A document keeps its bytes for ever: nothing that was digested is
//! written again from a parsed form, because parsing drops what it does not know.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use oci_spec::image::{ImageIndex, ImageManifest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::digest::Digest;
use super::error::{Class, Error, Result};
use super::json::parse_strict;
use super::platform::Platform;

/// Largest manifest or index that is read into memory. The distribution-spec asks registries to
/// take 4 MiB; docker and containers/image read no more than that.
pub const MAX_DOCUMENT: u64 = 4 << 20;
/// Largest size in a descriptor: the largest whole number that every JSON reader takes for itself.
const MAX_SIZE: u64 = (1 << 53) - 1;

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
    let value = parse_strict(raw).ok()?;
    let has = |name: &str| value.get(name).is_some();
    match value.get("mediaType") {
        Some(own) => own.as_str().map(str::to_owned),
        None if has("manifests") => Some(OCI_INDEX.to_owned()),
        None if has("config") && has("layers") => Some(OCI_MANIFEST.to_owned()),
        None => None,
    }
}

/// What a blob is and how to check it (OCI image-spec, descriptor.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The type of the bytes.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
    /// What the image runs on, in an index.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub platform: Option<Platform>,
    /// The type of an artifact.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub artifact_type: Option<String>,
    /// Where else the bytes are offered. Never fetched on their own account.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub urls: Vec<String>,
    /// Free text; never a path, never an identity.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A descriptor with nothing optional.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type: media_type.into(),
            digest,
            size,
            platform: None,
            artifact_type: None,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// Describes `bytes`.
    pub fn of(media_type: impl Into<String>, bytes: &[u8]) -> Descriptor {
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
    /// [`Class::Damaged`] when it is none, or one that cannot be.
    pub fn from_value(value: Value) -> Result<Descriptor> {
        let spec: oci_spec::image::Descriptor = serde_json::from_value(value).map_err(|e| {
            Error::new(Class::Damaged, format!("is no descriptor of an image: {e}"))
        })?;
        Descriptor::from_spec(&spec)
    }

    fn from_spec(spec: &oci_spec::image::Descriptor) -> Result<Descriptor> {
        let digest: Digest = spec
            .digest()
            .to_string()
            .parse()
            .map_err(|e: super::digest::DigestError| e.into_error(Class::Damaged))?;
        let platform = spec.platform().as_ref().map(|p| Platform {
            os: p.os().to_string(),
            architecture: p.architecture().to_string(),
            variant: p.variant().clone(),
        });
        if spec.size() > MAX_SIZE {
            let text = format!("descriptor {digest} has an impossible size: {}", spec.size());
            return Err(Error::new(Class::Damaged, text));
        }
        let descriptor = Descriptor {
            media_type: spec.media_type().to_string(),
            digest,
            size: spec.size(),
            platform,
            artifact_type: spec.artifact_type().as_ref().map(ToString::to_string),
            urls: spec.urls().clone().unwrap_or_default(),
            annotations: spec.annotations().clone().unwrap_or_default().into_iter().collect(),
        };
        if let Some(data) = spec.data() {
            descriptor.check_data(data)?;
        }
        Ok(descriptor)
    }

    /// `data` repeats the content inside the descriptor; a mismatch is a second content.
    fn check_data(&self, data: &str) -> Result<()> {
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).ok();
        match bytes {
            Some(bytes) if bytes.len() as u64 == self.size && Digest::of(&bytes) == self.digest => {
                Ok(())
            }
            _ => Err(Error::new(
                Class::Damaged,
                format!("descriptor {} carries data of another content", self.digest),
            )),
        }
    }
}

/// What a document is, and its children in their order.
#[expect(clippy::large_enum_variant, reason = "most documents are manifests, and few are held")]
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

/// A manifest or an index: its raw bytes, and a view of them.
#[derive(Debug, Clone)]
pub struct Document {
    raw: Arc<[u8]>,
    descriptor: Descriptor,
    kind: Kind,
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
    annotations: BTreeMap<String, String>,
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
        let mut value = parse_strict(&raw).map_err(|e| e.context(descriptor.digest))?;
        refuse_schema_1(&value, media_type)?;
        let wants_index = media_type == OCI_INDEX || media_type == DOCKER_LIST;
        fill_nulls(&mut value, wants_index);
        if !is_document(media_type) {
            let text = format!("{} is given out as {media_type:?}", descriptor.digest);
            return Err(Error::new(Class::Refused, format!("{text}, which is no manifest's type"))
                .hint("have it pushed again with a current docker, podman or skopeo"));
        }
        match value.get("mediaType") {
            // The member became obligatory late: umoci and older podman write none. The shape
            // check below then decides alone.
            None => {}
            Some(Value::String(own)) if own == media_type => {}
            Some(own) => return Err(bad(format!("calls itself {own}"))),
        }
        let has = |name: &str| value.get(name).is_some();
        let (index, manifest) = (has("manifests"), has("layers") || has("config") || has("blobs"));
        let annotations = string_map(value.get("annotations"));
        let artifact_type = value.get("artifactType").and_then(Value::as_str).map(str::to_owned);
        if index == manifest || index != wants_index {
            return Err(bad("its members do not fit its type".to_owned()));
        }
        let (kind, subject) = if media_type == OCI_ARTIFACT {
            artifact(&value).map_err(&bad)?
        } else if wants_index {
            let spec: ImageIndex = serde_json::from_value(value).map_err(|e| bad(e.to_string()))?;
            let manifests = all(spec.manifests())?;
            (Kind::Index { manifests }, one(spec.subject().as_ref())?)
        } else {
            let spec: ImageManifest =
                serde_json::from_value(value).map_err(|e| bad(e.to_string()))?;
            let config = Some(Descriptor::from_spec(spec.config())?);
            (Kind::Manifest { config, layers: all(spec.layers())? }, one(spec.subject().as_ref())?)
        };
        Ok(Document { raw, descriptor, kind, subject, artifact_type, annotations })
    }

    /// The bytes, exactly as they came.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Type, digest and size of the bytes.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What it refers to, for a signature, an SBOM and the like.
    #[must_use]
    pub fn subject(&self) -> Option<&Descriptor> {
        self.subject.as_ref()
    }

    /// The type of the artifact: `artifactType`, else the config's type, as the
    /// distribution-spec defines it for referrers.
    #[must_use]
    pub fn artifact_type(&self) -> Option<&str> {
        match (&self.artifact_type, &self.kind) {
            (Some(own), _) => Some(own),
            (None, Kind::Manifest { config: Some(config), .. }) => Some(&config.media_type),
            _ => None,
        }
    }

    /// The document's own annotations.
    #[must_use]
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// Everything the document points at, in order: config before layers. Foreign layers are
    /// among them.
    #[must_use]
    pub fn children(&self) -> Vec<&Descriptor> {
        match &self.kind {
            Kind::Index { manifests } => manifests.iter().collect(),
            Kind::Manifest { config, layers } => config.iter().chain(layers).collect(),
        }
    }
}

/// Go writes an empty list that nobody made as null, and reads null as nothing at all. So the list
/// that a document is made of is empty then, and any other member that is null is not there.
fn fill_nulls(value: &mut Value, is_index: bool) {
    let Some(members) = value.as_object_mut() else { return };
    let own: &[&str] = if is_index { &["manifests"] } else { &["layers", "blobs"] };
    for name in own {
        if let Some(list @ Value::Null) = members.get_mut(*name) {
            *list = Value::Array(Vec::new());
        }
    }
    members.retain(|_, member| !member.is_null());
}

fn refuse_schema_1(value: &Value, media_type: &str) -> Result<()> {
    let schema = value.get("schemaVersion").and_then(Value::as_u64);
    if schema == Some(1) || media_type.contains("manifest.v1+") && media_type.contains("docker") {
        return Err(Error::new(Class::Refused, "the image is in Docker's schema 1 of 2014")
            .hint("push it again with a current docker, podman or skopeo, then export it"));
    }
    if media_type != OCI_ARTIFACT && schema != Some(2) {
        return Err(Error::new(Class::Damaged, "schemaVersion is not 2"));
    }
    Ok(())
}

fn artifact(value: &Value) -> Result<(Kind, Option<Descriptor>), String> {
    let spec = |value: &Value| {
        serde_json::from_value::<oci_spec::image::Descriptor>(value.clone())
            .map_err(|e| e.to_string())
            .and_then(|d| Descriptor::from_spec(&d).map_err(|e| e.to_string()))
    };
    let blobs = value.get("blobs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let layers = blobs.iter().map(spec).collect::<Result<_, _>>()?;
    let subject = value.get("subject").map(spec).transpose()?;
    Ok((Kind::Manifest { config: None, layers }, subject))
}

fn all(specs: &[oci_spec::image::Descriptor]) -> Result<Vec<Descriptor>> {
    specs.iter().map(Descriptor::from_spec).collect()
}

fn one(spec: Option<&oci_spec::image::Descriptor>) -> Result<Option<Descriptor>> {
    spec.map(Descriptor::from_spec).transpose()
}

fn string_map(value: Option<&Value>) -> BTreeMap<String, String> {
    let members = value.and_then(Value::as_object).into_iter().flatten();
    members.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
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
