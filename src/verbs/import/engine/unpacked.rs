//! How large a layer is once it is unpacked, guessed from a few bytes of it.
//!
//! The bytes are not verified: they decide nothing but whether there is room, before the layer is
//! read.

use std::io::Read as _;

use crate::storage::store::BlobSource;
use crate::words::document::Descriptor;
use crate::words::packing::Packing;

/// How many times its size a layer has unpacked, where nothing tells: what distributions' bases
/// have, rounded up.
const USUAL: u64 = 3;
/// From this size on a gzip stream whose length seems too small has passed 4 GiB.
const LARGE: u64 = 1 << 30;
/// What gzip counts to.
const GZIP_WRAPS: u64 = 1 << 32;
/// The longest header of a zstd frame (RFC 8878, 3.1.1.1), magic and all.
const ZSTD_HEADER: u64 = 18;

/// The size in bytes of `layer` unpacked, as far as one can tell; at least its own.
pub(super) fn unpacked(bundle: &dyn BlobSource, layer: &Descriptor) -> u64 {
    let packed = layer.size;
    let told = match layer.media_type.packing() {
        Some(Packing::Plain) => Some(packed),
        Some(Packing::Gzip) => read(bundle, layer, packed.saturating_sub(4), 4)
            .and_then(|bytes| bytes.try_into().ok())
            .and_then(|bytes| gzip(u32::from_le_bytes(bytes).into(), packed)),
        Some(Packing::Zstd) => read(bundle, layer, 0, ZSTD_HEADER.min(packed))
            .and_then(|bytes| zstd::zstd_safe::get_frame_content_size(&bytes).ok().flatten())
            // Less than it has packed: it is the first of several frames.
            .filter(|size| *size >= packed || is_stored(*size, packed)),
        _ => None,
    };
    told.unwrap_or_else(|| packed.saturating_mul(USUAL)).max(packed)
}

/// The length of a gzip stream from the one in its trailer, which is that modulo 4 GiB. Nothing
/// for a stream of several members, of which the trailer tells the last one's.
fn gzip(trailer: u64, packed: u64) -> Option<u64> {
    let mut size = trailer;
    while size < packed && !is_stored(size, packed) {
        if packed < LARGE {
            return None;
        }
        size += GZIP_WRAPS;
    }
    Some(size)
}

/// Whether content of `size` bytes may have `packed` bytes because it does not compress.
fn is_stored(size: u64, packed: u64) -> bool {
    size.saturating_add(size / 512).saturating_add(1024) >= packed
}

fn read(bundle: &dyn BlobSource, layer: &Descriptor, offset: u64, count: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bundle.open(layer, offset).ok()?.unchecked().take(count).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::storage::raw::Raw;
    use crate::words::error::Result;

    struct Bytes(Vec<u8>);

    impl BlobSource for Bytes {
        fn open(&self, _: &Descriptor, offset: u64) -> Result<Raw<'_>> {
            Ok(Raw::new(&self.0[usize::try_from(offset).unwrap()..]))
        }
    }

    fn guess(kind: &str, bytes: Vec<u8>) -> u64 {
        let layer = Descriptor::of(format!("application/vnd.oci.image.layer.v1.{kind}"), &bytes);
        unpacked(&Bytes(bytes), &layer)
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    }

    #[test]
    fn each_compression_tells_its_size_in_its_own_way() {
        let content = vec![7; 100_000];
        let (gz, zst) = (gzipped(&content), zstd::bulk::compress(&content, 3).unwrap());
        let streamed = zstd::stream::encode_all(&content[..], 3).unwrap();
        let several = [gz.clone(), gzipped(b"")].concat();

        assert_eq!(guess("tar", content.clone()), 100_000);
        assert_eq!(guess("tar+gzip", gz.clone()), 100_000);
        assert_eq!(guess("tar.gzip", gz), 100_000);
        assert_eq!(guess("tar+zstd", zst), 100_000);
        assert_eq!(guess("tar+zstd", streamed.clone()), 3 * streamed.len() as u64);
        assert!(guess("tar+gzip", several.clone()) >= several.len() as u64);
        assert_eq!(guess("tar+other", content), 300_000);
        assert_eq!(guess("tar+gzip", b"x".to_vec()), 3);
    }

    #[test]
    fn a_trailer_that_wrapped_is_set_right() {
        let gb = 1 << 30;
        for (trailer, packed, size) in [
            (2 * gb, gb, Some(2 * gb)),
            (gb, 2 * gb, Some(5 * gb)),
            (gb, 6 * gb, Some(9 * gb)),
            (0, 1 << 20, None),
            ((1 << 20) - 20, 1 << 20, Some((1 << 20) - 20)),
        ] {
            assert_eq!(gzip(trailer, packed), size, "{trailer} {packed}");
        }
    }
}
