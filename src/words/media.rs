//! Media types of images: which are configs and layers, how a layer is packed, and which are foreign
//! (OCI image-spec, media-types.md; Docker's image manifest, version 2, schema 2).

/// The config of an image that runs.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The same as Docker calls it.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// The layers that are carried: what Docker calls them, and what OCI does.
const LAYERS: [(&str, &str); 3] = [
    ("application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"),
    (
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
    (
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.oci.image.layer.v1.tar+zstd",
    ),
];
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

/// How a tar is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packing {
    /// Not at all.
    Plain,
    /// With gzip.
    Gzip,
    /// With zstd.
    Zstd,
}

/// Whether it is the config of an image that runs, and not an artifact's.
#[must_use]
pub fn is_config(kind: &str) -> bool {
    matches!(kind, OCI_CONFIG | DOCKER_CONFIG)
}

/// Whether it is a layer of an image that is carried like any blob, and not an artifact's content.
#[must_use]
pub fn is_layer(kind: &str) -> bool {
    LAYERS.iter().any(|(docker, oci)| kind == *docker || kind == *oci)
}

/// Whether it is a layer that its owner does not allow registries to hand on.
#[must_use]
pub fn is_foreign(kind: &str) -> bool {
    FOREIGN_BEGIN.iter().any(|begin| kind.starts_with(begin))
}

/// How the tar is packed that a type of any vendor says it is: `...tar`, `...tar+gzip`, and with a
/// dot, as Docker has it.
#[must_use]
pub fn packing(kind: &str) -> Option<Packing> {
    match kind.rsplit(['.', '+']).next() {
        Some("tar") => Some(Packing::Plain),
        Some("gzip") => Some(Packing::Gzip),
        Some("zstd") => Some(Packing::Zstd),
        _ => None,
    }
}

/// What OCI calls the bytes to which Docker gives this type. Those that only Docker knows have no
/// other.
#[must_use]
pub fn of_oci(kind: &str) -> Option<&'static str> {
    if kind == DOCKER_CONFIG {
        return Some(OCI_CONFIG);
    }
    LAYERS.iter().chain(&FOREIGN).find(|(docker, _)| *docker == kind).map(|(_, oci)| *oci)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_a_layer_mean_the_same() {
        for (docker, oci) in LAYERS {
            assert!(is_layer(docker) && is_layer(oci) && !is_foreign(docker) && !is_foreign(oci));
            assert_eq!(packing(docker), packing(oci));
            assert_eq!(of_oci(docker), Some(oci));
            assert_eq!(of_oci(oci), None);
        }
        for (docker, oci) in FOREIGN {
            assert!(is_foreign(docker) && is_foreign(oci) && !is_layer(docker) && !is_layer(oci));
            assert_eq!(packing(docker), packing(oci));
            assert_eq!(of_oci(docker), Some(oci));
        }
        let all = LAYERS.map(|(docker, _)| packing(docker).unwrap());
        assert_eq!(all, [Packing::Plain, Packing::Gzip, Packing::Zstd]);
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
            assert!(!is_layer(kind) && !is_config(kind) && of_oci(kind).is_none(), "{kind}");
        }
        assert!(is_config(OCI_CONFIG) && is_config(DOCKER_CONFIG));
        assert_eq!(of_oci(DOCKER_CONFIG), Some(OCI_CONFIG));
        assert!(is_foreign("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"));
    }
}
