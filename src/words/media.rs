//! [`MediaType`]: what some bytes are, and what is made of them: which types are documents, configs and
//! layers, how a layer is packed, and which are foreign (OCI image-spec, media-types.md; Docker's image
//! manifest, version 2, schema 2). Nothing else decides by a type's text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::{Serialize, Serializer};

use super::packing::Packing;

/// An OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The withdrawn OCI artifact manifest, which registries still hold.
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// A Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// A Docker schema 2 manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Every document type that sealift carries, for an `Accept` header.
pub const DOCUMENT_TYPES: &[&str] =
    &[OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT];

/// The config of an image that runs.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The same as Docker calls it.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// The layers that are carried: what Docker calls them, and what OCI does.
const LAYERS: [(&str, &str, Packing); 3] = [
    (
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.oci.image.layer.v1.tar",
        Packing::Plain,
    ),
    (
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        Packing::Gzip,
    ),
    (
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        Packing::Zstd,
    ),
];
/// What the types of layers begin with, those of which nobody here knows what they are.
const LAYERS_BEGIN: [&str; 2] =
    ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];
/// Those that their owners do not allow registries to hand on, in the same way.
const FOREIGN: [(&str, &str); 2] = [
    (
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
    ),
    (
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ),
];
/// What the types of foreign layers begin with, those that nobody knows yet among them.
const FOREIGN_BEGIN: [&str; 2] = [
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
];

/// Types of which nobody has a copy: those of nearly all there are.
const SHARED: &[&str] = &[
    OCI_MANIFEST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    DOCKER_LIST,
    OCI_ARTIFACT,
    OCI_CONFIG,
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.v1.tar",
    DOCKER_CONFIG,
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.oci.empty.v1+json",
    "application/vnd.in-toto+json",
    "application/vnd.dev.cosign.simplesigning.v1+json",
];

/// What a media type is acted on as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A manifest, of an image or an artifact.
    Manifest,
    /// A list of manifests.
    Index,
    /// The config of an image that runs, and not an artifact's.
    Config,
    /// A layer of an image, which is carried like any blob, and how it is packed; `None` where that
    /// is nothing that is known here (encrypted ones).
    Layer(Option<Packing>),
    /// A layer that its owner does not allow registries to hand on.
    Foreign,
    /// Anything else: it is carried as it is.
    Other,
}

impl Role {
    /// The role of what has the type `text`.
    #[must_use]
    pub fn of(text: &str) -> Role {
        let begins = |with: &[&str]| with.iter().any(|begin| text.starts_with(begin));
        match text {
            OCI_MANIFEST | DOCKER_MANIFEST | OCI_ARTIFACT => Role::Manifest,
            OCI_INDEX | DOCKER_LIST => Role::Index,
            OCI_CONFIG | DOCKER_CONFIG => Role::Config,
            _ if begins(&FOREIGN_BEGIN) => Role::Foreign,
            _ if begins(&LAYERS_BEGIN) => {
                let known = LAYERS.iter().find(|(docker, oci, _)| text == *docker || text == *oci);
                Role::Layer(known.map(|(.., packing)| *packing))
            }
            _ => Role::Other,
        }
    }

    /// Whether the bytes are a manifest or an index, so that they have children.
    #[must_use]
    pub fn is_document(self) -> bool {
        matches!(self, Role::Manifest | Role::Index)
    }

    /// Whether it is a layer that is carried, of a kind that is known here.
    #[must_use]
    pub fn is_known_layer(self) -> bool {
        matches!(self, Role::Layer(Some(_)))
    }

    /// Whether it is a layer of any kind, foreign ones among them.
    #[must_use]
    pub fn is_layer(self) -> bool {
        matches!(self, Role::Layer(_) | Role::Foreign)
    }
}

/// The type of some bytes: its text as it stood, read once for what it means.
#[derive(Clone)]
pub struct MediaType {
    text: Cow<'static, str>,
    role: Role,
}

impl MediaType {
    /// `text` as a type. None is wrong; most are none that means anything here.
    #[must_use]
    pub fn of(text: &str) -> MediaType {
        let shared = SHARED.iter().find(|known| **known == text);
        let text =
            shared.map_or_else(|| Cow::Owned(text.to_owned()), |known| Cow::Borrowed(*known));
        MediaType { role: Role::of(&text), text }
    }

    /// What it is acted on as.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// How the tar is packed that a type of any vendor says it is: `...tar`, `...tar+gzip`, and with
    /// a dot, as Docker has it.
    #[must_use]
    pub fn packing(&self) -> Option<Packing> {
        match self.text.rsplit(['.', '+']).next() {
            Some("tar") => Some(Packing::Plain),
            Some("gzip") => Some(Packing::Gzip),
            Some("zstd") => Some(Packing::Zstd),
            _ => None,
        }
    }

    /// How many bytes its text takes beyond the type itself.
    pub(super) fn weight(&self) -> usize {
        match &self.text {
            Cow::Borrowed(_) => 0,
            Cow::Owned(text) => text.len(),
        }
    }
}

impl Deref for MediaType {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl AsRef<str> for MediaType {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl From<&str> for MediaType {
    fn from(text: &str) -> MediaType {
        MediaType::of(text)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl PartialEq for MediaType {
    fn eq(&self, other: &MediaType) -> bool {
        self.text == other.text
    }
}

impl Eq for MediaType {}

impl PartialEq<str> for MediaType {
    fn eq(&self, other: &str) -> bool {
        self.text == *other
    }
}

impl PartialEq<&str> for MediaType {
    fn eq(&self, other: &&str) -> bool {
        self.text == **other
    }
}

impl PartialEq<String> for MediaType {
    fn eq(&self, other: &String) -> bool {
        self.text == *other
    }
}

impl Serialize for MediaType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// The type of a layer that is packed so, as OCI calls it.
#[must_use]
pub fn layer(packing: Packing) -> &'static str {
    LAYERS.iter().find(|(.., own)| *own == packing).map_or(LAYERS[0].1, |(_, oci, _)| *oci)
}

/// What OCI calls the bytes to which Docker gives this type. Those that only Docker knows have no
/// other.
#[must_use]
pub fn of_oci(kind: &str) -> Option<&'static str> {
    if kind == DOCKER_CONFIG {
        return Some(OCI_CONFIG);
    }
    let layers = LAYERS.iter().map(|(docker, oci, _)| (docker, oci));
    let foreign = FOREIGN.iter().map(|(docker, oci)| (docker, oci));
    layers.chain(foreign).find(|(docker, _)| **docker == kind).map(|(_, oci)| *oci)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(kind: &str) -> Role {
        MediaType::of(kind).role()
    }

    fn packing(kind: &str) -> Option<Packing> {
        MediaType::of(kind).packing()
    }

    #[test]
    fn both_names_of_a_layer_mean_the_same() {
        for (docker, oci, packed) in LAYERS {
            for kind in [docker, oci] {
                assert_eq!(role(kind), Role::Layer(Some(packed)), "{kind}");
                assert!(role(kind).is_known_layer() && role(kind).is_layer(), "{kind}");
                assert_eq!(packing(kind), Some(packed), "{kind}");
            }
            assert_eq!(of_oci(docker), Some(oci));
            assert_eq!(of_oci(oci), None);
            assert_eq!(layer(packed), oci);
        }
        for (docker, oci) in FOREIGN {
            for kind in [docker, oci] {
                assert_eq!(role(kind), Role::Foreign, "{kind}");
                assert!(!role(kind).is_known_layer() && role(kind).is_layer(), "{kind}");
            }
            assert_eq!(packing(docker), packing(oci));
            assert_eq!(of_oci(docker), Some(oci));
        }
        let all = LAYERS.map(|(docker, ..)| packing(docker).unwrap());
        assert_eq!(all, [Packing::Plain, Packing::Gzip, Packing::Zstd]);
    }

    #[test]
    fn a_layer_of_a_kind_that_is_not_known_is_one_all_the_same() {
        for kind in [
            "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
            "application/vnd.oci.image.layer.v9.tar+gzip",
            "application/vnd.docker.image.rootfs.diff.tar+gzip",
        ] {
            assert_eq!(role(kind), Role::Layer(None), "{kind}");
            assert!(role(kind).is_layer() && !role(kind).is_known_layer(), "{kind}");
        }
    }

    #[test]
    fn documents_are_known_by_their_types_alone() {
        for kind in DOCUMENT_TYPES {
            assert!(role(kind).is_document(), "{kind}");
        }
        assert_eq!([OCI_INDEX, DOCKER_LIST].map(role), [Role::Index; 2]);
        assert!(!role("application/vnd.oci.image.manifest.v2+json").is_document());
    }

    #[test]
    fn what_is_no_image_is_neither_config_nor_layer() {
        for kind in [
            "",
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "application/vnd.cncf.helm.config.v1+json",
            "application/vnd.docker.plugin.v1+json",
            "application/vnd.oci.empty.v1+json",
        ] {
            assert!(role(kind) == Role::Other && of_oci(kind).is_none(), "{kind}");
        }
        assert_eq!([OCI_CONFIG, DOCKER_CONFIG].map(role), [Role::Config; 2]);
        assert_eq!(of_oci(DOCKER_CONFIG), Some(OCI_CONFIG));
        assert_eq!(
            role("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"),
            Role::Foreign
        );
    }

    #[test]
    fn a_type_is_its_text_and_shared_where_many_have_it() {
        let (known, other) = (MediaType::of(OCI_CONFIG), MediaType::of("x/y"));

        assert_eq!((known.weight(), other.weight()), (0, 3));
        assert_eq!(serde_json::to_string(&other).unwrap(), "\"x/y\"");
        assert_eq!(format!("{other} {other:?}"), "x/y \"x/y\"");
        assert!(other == "x/y" && other != known);
    }
}
