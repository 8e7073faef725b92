//! What the specification of OCI image layouts names: paths and annotations.

use crate::words::digest::Digest;

/// Annotation with an image's name in `index.json` (image-spec, annotations.md).
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Annotation with the full image name that containerd reads and writes.
pub const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// The one content of `oci-layout`, as this version of the specification has it.
pub const LAYOUT_MARK: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// The path of a blob inside a layout.
#[must_use]
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// The digest of the blob whose path is `path`, if it is that of one.
#[must_use]
pub fn blob_digest(path: &str) -> Option<Digest> {
    Digest::from_hex(path.strip_prefix("blobs/sha256/")?).ok()
}
