//! What PAR2 files are made of: packets, each with a digest of its own.

use md5::{Digest as _, Md5};

use super::set::RecoverySet;
use super::sums::{FileSums, Md5Sum, md5};

pub(super) const MAGIC: [u8; 8] = *b"PAR2\0PKT";
/// How many bytes stand in front of what a packet says.
pub(super) const HEADER: usize = 64;
/// Where the bytes begin that the digest of a packet is of.
pub(super) const SUMMED: usize = 32;
/// How many bytes stand in front of the bytes of a recovery slice.
pub const RECOVERY_HEAD: u64 = HEADER as u64 + 4;

/// What a packet is.
pub(super) type PacketKind = [u8; 16];
pub(super) const MAIN: PacketKind = *b"PAR 2.0\0Main\0\0\0\0";
pub(super) const FILE: PacketKind = *b"PAR 2.0\0FileDesc";
pub(super) const SLICES: PacketKind = *b"PAR 2.0\0IFSC\0\0\0\0";
pub(super) const RECOVERY: PacketKind = *b"PAR 2.0\0RecvSlic";
const CREATOR: PacketKind = *b"PAR 2.0\0Creator\0";

/// What stands in front of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// How many bytes the packet has, with this.
    pub(super) len: u64,
    /// The digest of all behind it.
    pub(super) md5: Md5Sum,
    /// The set that it belongs to.
    pub(super) set: Md5Sum,
    /// What it is.
    pub(super) kind: PacketKind,
}

impl Header {
    /// Reads one, if that is one.
    pub(super) fn read(bytes: &[u8; HEADER]) -> Option<Header> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first_chunk::<8>()?;
        let (md5, rest) = rest.split_first_chunk::<16>()?;
        let (set, rest) = rest.split_first_chunk::<16>()?;
        let (kind, len) = (rest.first_chunk::<16>()?, u64::from_le_bytes(*len));
        let is_one = *magic == MAGIC && len >= HEADER as u64 && len.is_multiple_of(4);
        is_one.then_some(Header { len, md5: *md5, set: *set, kind: *kind })
    }

    fn to_bytes(self) -> Vec<u8> {
        let len = self.len.to_le_bytes();
        [&MAGIC[..], &len[..], &self.md5[..], &self.set[..], &self.kind[..]].concat()
    }
}

fn packet(set: Md5Sum, kind: PacketKind, mut body: Vec<u8>) -> Vec<u8> {
    body.resize(body.len().next_multiple_of(4), 0);
    let md5 = md5([&set[..], &kind[..], &body[..]]);
    let len = (HEADER + body.len()) as u64;
    [Header { len, md5, set, kind }.to_bytes(), body].concat()
}

fn file(sums: &FileSums) -> Vec<u8> {
    let len = sums.len.to_le_bytes();
    [&sums.id()[..], &sums.md5[..], &sums.start[..], &len[..], sums.name.as_bytes()].concat()
}

fn slices(sums: &FileSums) -> Vec<u8> {
    let of_slices =
        sums.slices.iter().flat_map(|slice| [&slice.md5[..], &slice.crc.to_le_bytes()].concat());
    sums.id().into_iter().chain(of_slices).collect()
}

/// All packets of `set` that tell what the files are, and that `creator` made them.
#[must_use]
pub fn critical(set: &RecoverySet, creator: &str) -> Vec<u8> {
    let mut all = packet(set.id, MAIN, set.main());
    for sums in &set.files {
        all.extend(packet(set.id, FILE, file(sums)));
        all.extend(packet(set.id, SLICES, slices(sums)));
    }
    all.extend(packet(set.id, CREATOR, creator.as_bytes().to_vec()));
    all
}

/// A packet with a recovery slice, whose bytes come bit by bit.
#[derive(Debug)]
pub struct RecoveryPacket {
    set: Md5Sum,
    exponent: u16,
    sum: Md5,
    len: u64,
}

impl RecoveryPacket {
    /// That of the recovery slice `exponent` of `set`.
    #[must_use]
    pub fn new(set: &RecoverySet, exponent: u16) -> RecoveryPacket {
        let mut sum = Md5::new();
        sum.update(set.id);
        sum.update(RECOVERY);
        sum.update(u32::from(exponent).to_le_bytes());
        RecoveryPacket { set: set.id, exponent, sum, len: RECOVERY_HEAD }
    }

    /// Takes the next bytes of it.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// The [`RECOVERY_HEAD`] bytes in front of all that it took.
    #[must_use]
    pub fn head(self) -> Vec<u8> {
        let (md5, set) = (self.sum.finalize().into(), self.set);
        let mut head = Header { len: self.len, md5, set, kind: RECOVERY }.to_bytes();
        head.extend(u32::from(self.exponent).to_le_bytes());
        head
    }
}
