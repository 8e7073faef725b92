//! Layers byte for byte, with no library between the test and the bytes: a tar, and around it
//! gzip of stored blocks or a zstd frame of raw blocks, which every reader has to take.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// `sha256:HEX` of `bytes`.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A tar of regular files with nothing in it that depends on time or machine.
pub fn tar(files: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content, mode) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(1_700_000_000);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// `bytes` as gzip, in stored blocks.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks = bytes.chunks(0xffff).count();
    for (index, block) in bytes.chunks(0xffff).enumerate() {
        let len = u16::try_from(block.len()).unwrap();
        out.push(u8::from(index + 1 == blocks));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend(block);
    }
    out.extend(crc32(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

/// `bytes` as one zstd frame of raw blocks (RFC 8878, 3.1.1).
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    // Magic; then "single segment, 8-byte content size" and the size.
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    out.extend((bytes.len() as u64).to_le_bytes());
    let block_max = 128 << 10;
    let blocks = bytes.chunks(block_max).count();
    for (index, block) in bytes.chunks(block_max).enumerate() {
        let header = (block.len() as u32) << 3 | u32::from(index + 1 == blocks);
        out.extend(&header.to_le_bytes()[..3]);
        out.extend(block);
    }
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256)
        .map(|n: u32| {
            (0..8).fold(n, |c, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 })
        })
        .collect();
    !bytes.iter().fold(!0, |crc, byte| table[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

/// A layer as a manifest lists it.
#[derive(Clone)]
pub struct Layer {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
    pub diff_id: String,
}

impl Layer {
    /// `application/vnd.oci.image.layer.v1.tar+gzip`.
    pub fn gzip(tar: &[u8]) -> Layer {
        let media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
        Layer { media_type, bytes: gzip(tar), diff_id: digest(tar) }
    }

    /// Docker's name for the same bytes.
    pub fn docker(tar: &[u8]) -> Layer {
        let media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip";
        Layer { media_type, ..Layer::gzip(tar) }
    }

    /// `application/vnd.oci.image.layer.v1.tar+zstd`.
    pub fn zstd(tar: &[u8]) -> Layer {
        let media_type = "application/vnd.oci.image.layer.v1.tar+zstd";
        Layer { media_type, bytes: zstd(tar), diff_id: digest(tar) }
    }

    /// `application/vnd.oci.image.layer.v1.tar`, not compressed.
    pub fn plain(tar: &[u8]) -> Layer {
        let media_type = "application/vnd.oci.image.layer.v1.tar";
        Layer { media_type, bytes: tar.to_vec(), diff_id: digest(tar) }
    }
}

#[test]
fn the_hand_made_compression_is_what_gzip_and_zstd_read() {
    need!("gzip", "zstd");
    let dir = tempfile::TempDir::new().unwrap();
    let bytes = super::Random::new(1).bytes(300_000);

    for (program, packed) in [("gzip", gzip(&bytes)), ("zstd", zstd(&bytes))] {
        let file = dir.path().join(program);
        std::fs::write(&file, packed).unwrap();
        let input = std::fs::File::open(&file).unwrap();
        assert!(bytes == super::output(super::command(program).args(["-dc"]).stdin(input)));
    }
}
