//! Making image layouts: blobs by digest, descriptors, a tar of one's own.

use crate::{Result, shell};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What a manifest says about a blob.
#[derive(Clone)]
pub struct Descriptor {
    pub media_type: &'static str,
    pub digest: String,
    pub size: u64,
}

impl Descriptor {
    pub fn of(media_type: &'static str, content: &[u8]) -> Descriptor {
        Descriptor { media_type, digest: digest(content), size: content.len() as u64 }
    }

    pub fn json(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.size})
    }
}

/// `sha256:` and 64 hex digits.
pub fn digest(content: &[u8]) -> String {
    named(&Sha256::digest(content))
}

/// The digest and the length of a file, read in pieces.
pub fn file_digest(path: &Path) -> Result<(String, u64)> {
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = std::fs::File::open(path).map_err(fail)?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece).map_err(fail)?;
        if read == 0 {
            return Ok((named(&hash.finalize()), size));
        }
        hash.update(&piece[..read]);
        size += read as u64;
    }
}

fn named(hash: &[u8]) -> String {
    hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Where a layout keeps a blob.
pub fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replacen(':', "/", 1))
}

/// Puts a document into a layout.
pub fn put(layout: &Path, media_type: &'static str, content: &[u8]) -> Result<Descriptor> {
    let descriptor = Descriptor::of(media_type, content);
    shell::write(&blob(layout, &descriptor.digest), content)?;
    Ok(descriptor)
}

/// An image configuration for layers with these diff ids.
pub fn config(architecture: &str, created: &str, diff_ids: &[String], process: &Value) -> Vec<u8> {
    let history: Vec<Value> =
        diff_ids.iter().map(|_| json!({"created": created, "created_by": "xtask"})).collect();
    json!({
        "created": created,
        "architecture": architecture,
        "os": "linux",
        "config": process,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    })
    .to_string()
    .into_bytes()
}

/// An image manifest.
pub fn manifest(config: &Descriptor, layers: &[Descriptor]) -> Vec<u8> {
    let layers: Vec<Value> = layers.iter().map(Descriptor::json).collect();
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.json(),
        "layers": layers,
    })
    .to_string()
    .into_bytes()
}

/// Writes `oci-layout` and an `index.json` that names each root by both customary annotations.
pub fn finish(layout: &Path, roots: &[(String, Descriptor)]) -> Result {
    let manifests: Vec<Value> = roots
        .iter()
        .map(|(name, root)| {
            let mut entry = root.json();
            entry["annotations"] = json!({
                "io.containerd.image.name": name,
                "org.opencontainers.image.ref.name": name,
            });
            entry
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
    shell::write(&layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    shell::write(&layout.join("index.json"), index.to_string())
}

/// A tar with one file, owned by root, dated at the epoch.
pub fn tar(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut field = |at: usize, text: &str| {
        header[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    field(0, name);
    field(100, &format!("{mode:07o}"));
    field(108, "0000000");
    field(116, "0000000");
    field(124, &format!("{:011o}", content.len()));
    field(136, "00000000000");
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\u{0}00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\u{0} ").as_bytes());
    let mut tar = header.to_vec();
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar
}

/// A gzip stream that stores `content` as it is: the same bytes whoever writes it.
pub fn gzip_stored(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    assert_eq!(usize::from(length), content.len(), "one stored block holds 65535 bytes");
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1];
    gzip.extend(length.to_le_bytes());
    gzip.extend((!length).to_le_bytes());
    gzip.extend(content);
    gzip.extend(crc32(content).to_le_bytes());
    gzip.extend(u32::from(length).to_le_bytes());
    gzip
}

fn crc32(content: &[u8]) -> u32 {
    !content.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_and_checksums_match_the_published_ones() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(b""), empty);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_tar_ends_in_two_empty_blocks() {
        let tar = tar("hello", 0o755, b"x");
        assert_eq!(tar.len(), 2048);
        assert_eq!(&tar[512..513], b"x");
        assert!(tar[1024..].iter().all(|byte| *byte == 0));
    }
}
