//! [`VolumeBytes`]: one volume of a set, a tar as it lies in a file, or one that is decrypted where it is read.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

#[cfg(feature = "age")]
use super::decrypted;
use super::entries::Entries;
use super::header::{BLOCK, read_header};
use super::scan;
use super::tar_bytes::{InPlace, PastCache};
use super::volume_table::VOLUME;
#[cfg(feature = "age")]
use crate::tools::cipher::{Plain, Unlocked};
use crate::tools::stretch::Stretch;
use crate::tools::uncached::UncachedReader;

/// The first file of a bundle that is one tar, and of a volume whose table stands last.
const FIRST: &str = "oci-layout";

/// The tar that is a volume.
#[derive(Debug, Clone)]
pub(super) enum VolumeBytes {
    /// As it lies in a file.
    Plain(Arc<File>),
    /// In a file that is encrypted, and open.
    #[cfg(feature = "age")]
    Locked(Arc<Unlocked>),
}

/// Some bytes of a volume that lie together.
#[derive(Debug, Clone)]
pub struct PieceBytes(Lying);

#[derive(Debug, Clone)]
enum Lying {
    Placed(Stretch),
    #[cfg(feature = "age")]
    Locked {
        from: Arc<Unlocked>,
        at: u64,
        size: u64,
    },
}

impl VolumeBytes {
    /// What is in it; as the device has that, where `past_cache`, as far as it is not encrypted.
    pub(super) fn list(&self, past_cache: bool) -> io::Result<Entries> {
        match self {
            VolumeBytes::Plain(file) if past_cache => scan::list(&mut PastCache::new(file)?, false),
            VolumeBytes::Plain(file) => scan::list(&mut InPlace::new(file)?, false),
            #[cfg(feature = "age")]
            VolumeBytes::Locked(unlocked) => {
                // A set has many.
                unlocked.keep_no_readers();
                decrypted::entries(unlocked)
            }
        }
    }

    /// `size` bytes of it from `at` on.
    pub(super) fn piece(&self, at: u64, size: u64) -> PieceBytes {
        PieceBytes(match self {
            VolumeBytes::Plain(file) => Lying::Placed(Stretch::new(Arc::clone(file), at, size)),
            #[cfg(feature = "age")]
            VolumeBytes::Locked(unlocked) => Lying::Locked { from: Arc::clone(unlocked), at, size },
        })
    }

    /// The same bytes, to be held in memory; as the device has them, where `past_cache`.
    pub(super) fn read(&self, at: u64, size: u64, past_cache: bool) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        match self.piece(at, size).0 {
            Lying::Placed(stretch) if past_cache => {
                UncachedReader::new(stretch).read_exact(&mut bytes)?;
            }
            lying => PieceBytes(lying).reader(0).read_exact(&mut bytes)?,
        }
        Ok(bytes)
    }

    /// Whether it is a volume: its table stands first, or, where the volume was encrypted while it was made,
    /// last.
    pub(super) fn is_volume(&self) -> bool {
        let block = self.read(0, BLOCK, false).ok().and_then(|block| block.try_into().ok());
        let block: Option<[u8; BLOCK as usize]> = block;
        let first = block.and_then(|block| read_header(&block, false).ok());
        match first {
            Some((path, _)) if path == VOLUME => true,
            Some((path, _)) if path == FIRST => {
                self.list(false).is_ok_and(|entries| entries.files.contains_key(VOLUME))
            }
            _ => false,
        }
    }
}

impl PieceBytes {
    /// How many they are.
    #[must_use]
    pub fn size(&self) -> u64 {
        match &self.0 {
            Lying::Placed(stretch) => stretch.size(),
            #[cfg(feature = "age")]
            Lying::Locked { size, .. } => *size,
        }
    }

    /// Where they lie, where that is in a file as they are.
    pub(super) fn stretch(self) -> Option<Stretch> {
        match self.0 {
            Lying::Placed(stretch) => Some(stretch),
            #[cfg(feature = "age")]
            Lying::Locked { .. } => None,
        }
    }

    /// Reads them from byte `offset` on.
    #[must_use]
    pub fn reader(&self, offset: u64) -> Box<dyn Read + Send> {
        match &self.0 {
            Lying::Placed(stretch) => Box::new(stretch.reader(offset)),
            #[cfg(feature = "age")]
            Lying::Locked { from, at, size } => {
                let (begin, end) = (at + offset.min(*size), at + size);
                Box::new(Plain::new(Arc::clone(from), begin, end))
            }
        }
    }
}

/// Reads `pieces` one behind the other, from byte `offset` of all on.
pub(super) fn reader_of(
    pieces: impl Iterator<Item = PieceBytes>,
    offset: u64,
) -> Box<dyn Read + Send> {
    let mut skip = offset;
    let mut all: Box<dyn Read + Send> = Box::new(io::empty());
    for piece in pieces {
        let passed = skip.min(piece.size());
        skip -= passed;
        if passed < piece.size() {
            all = Box::new(all.chain(piece.reader(passed)));
        }
    }
    all
}
