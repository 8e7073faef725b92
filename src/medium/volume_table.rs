//! [`VolumeTable`]: what a volume says of itself: which one of which set it is, and which pieces of which
//! blobs lie in it. It tells where bytes lie and what they were, and what a bundle holds is told by its own
//! signed list, which every volume has: it need not be signed. Where it is, its volume is proven alone.

use serde::{Deserialize, Serialize};

use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};

/// The file, which is the first in a volume.
pub const VOLUME: &str = "volume.json";
/// The file behind it that says who made that, where somebody does.
pub const SIGNATURE: &str = "volume.dsse.json";
/// Largest such file that is read: it holds no more than a digest.
pub const MAX_SIGNATURE: u64 = 4 << 10;
/// What stands in front of the pieces of blobs that do not lie in one volume.
pub const PIECES: &str = "pieces/";
/// Largest table that is read: room for half a million blobs in one volume.
pub const MAX_TABLE: u64 = 64 << 20;
/// Most volumes of a set: each is a file that is held open.
pub const MAX_VOLUMES: u32 = 500;
/// Longest label, in bytes.
pub const MAX_LABEL: usize = 64;
/// The version of what is here described.
const VERSION: u32 = 1;

/// What a volume says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeTable {
    version: u32,
    /// What the volumes of one cut of one bundle have in common, and nothing else has.
    pub set: Digest,
    /// Which one it is; the first is 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    /// What people call the set.
    pub label: String,
    /// The digest of the bundle's signed statement.
    pub statement: Digest,
    /// How many bytes a volume has at most.
    pub volume_size: u64,
    /// What lies in it beside the small files of the bundle, in the order in which it lies there.
    pub pieces: Vec<PieceOfBlob>,
}

/// A blob, or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PieceOfBlob {
    /// The digest of the whole blob.
    pub blob: Digest,
    /// How many bytes that has.
    pub size: u64,
    /// Which part of it is here, where that is not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// A part of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where in it the part begins.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
    /// The digest of these bytes.
    pub sha256: Digest,
}

/// What stands in front of the digest at the end of a table, and behind it.
const CHECK: (&str, &str) = (",\"check\":\"", "\"}\n");

impl VolumeTable {
    /// Volume `number` of the set of `of` that the bundle with this `statement` is cut into, of
    /// `volume_size` bytes each at most.
    #[must_use]
    pub fn new(
        label: &str,
        statement: Digest,
        volume_size: u64,
        (number, of): (u32, u32),
        pieces: Vec<PieceOfBlob>,
    ) -> VolumeTable {
        let (set, label) = (set_of(&statement, volume_size), label.to_owned());
        VolumeTable { version: VERSION, set, number, of, label, statement, volume_size, pieces }
    }

    /// The file. How long it is does not depend on any digest in it.
    ///
    /// # Errors
    /// None that is known: plain members are always written.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let fault = |e| Error::new(Class::Other, format!("{VOLUME} cannot be written: {e}"));
        let mut bytes = serde_json::to_vec(self).map_err(fault)?;
        let check = Digest::of(&bytes);
        bytes.pop();
        bytes.extend_from_slice(format!("{}{}{}", CHECK.0, check.hex(), CHECK.1).as_bytes());
        Ok(bytes)
    }

    /// Reads the file. It has one spelling only.
    ///
    /// # Errors
    /// [`Class::Damaged`] for any other.
    pub fn from_bytes(bytes: &[u8]) -> Result<VolumeTable> {
        let bad = |why: &str| Error::new(Class::Damaged, format!("{VOLUME} {why}"));
        let end = CHECK.0.len() + 64 + CHECK.1.len();
        let body = bytes.len().checked_sub(end).map(|at| [&bytes[..at], b"}"].concat());
        let Some(body) = body else { return Err(bad("is no table of a volume")) };
        let table: VolumeTable =
            serde_json::from_slice(&body).map_err(|_| bad("is no table of a volume"))?;
        if table.version != VERSION {
            return Err(bad("is of another version").hint("a newer sealift may read it"));
        }
        // Whatever differs in it, the digest does.
        if table.to_bytes()? != bytes {
            return Err(bad("is not what was written"));
        }
        match table.is_sound() {
            true => Ok(table),
            false => Err(bad("has numbers that do not go together")),
        }
    }

    fn is_sound(&self) -> bool {
        let is_part = |piece: &PieceOfBlob| {
            piece.part.is_none_or(|part| {
                let end = part.offset.checked_add(part.length);
                part.length > 0
                    && part.length < piece.size
                    && end.is_some_and(|it| it <= piece.size)
            })
        };
        (1..=self.of).contains(&self.number)
            && self.of <= MAX_VOLUMES
            && is_label(&self.label)
            && self.set == set_of(&self.statement, self.volume_size)
            && self.pieces.iter().all(is_part)
    }

    /// What it is called, for people.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(self.number, self.of, &self.label)
    }
}

/// What a volume is called, for people.
#[must_use]
pub fn name_of(number: u32, of: u32, label: &str) -> String {
    format!("volume {number} of {of} ({label})")
}

/// Whether a set may be called so: what any pen, terminal and file system takes.
#[must_use]
pub fn is_label(label: &str) -> bool {
    let known = |c: u8| c.is_ascii_alphanumeric() || b" ._-".contains(&c);
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(known)
        && label.trim() == label
        && !label.starts_with('.')
}

/// What the volumes of one cut of one bundle have in common.
fn set_of(statement: &Digest, volume_size: u64) -> Digest {
    Digest::of(format!("sealift volumes\n{statement}\n{volume_size}\n").as_bytes())
}

impl PieceOfBlob {
    /// The file in the volume that it is.
    #[must_use]
    pub fn path(&self) -> String {
        let hex = self.blob.hex();
        match self.part {
            None => format!("blobs/sha256/{hex}"),
            // In the order in which `cat pieces/HEX.*` makes the blob of them.
            Some(part) => format!("{PIECES}{hex}.{:016}", part.offset),
        }
    }

    /// Where in the blob it begins.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.part.map_or(0, |part| part.offset)
    }

    /// How many bytes it has.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.part.map_or(self.size, |part| part.length)
    }

    /// The digest of its bytes.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        self.part.map_or(self.blob, |part| part.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> VolumeTable {
        let (blob, sha256) = (Digest::of(b"blob"), Digest::of(b"part"));
        let part = Some(Part { offset: 5, length: 7, sha256 });
        let pieces = vec![
            PieceOfBlob { blob, size: 12, part },
            PieceOfBlob { blob: Digest::of(b"whole"), size: 3, part: None },
        ];
        VolumeTable::new("june", Digest::of(b"statement"), 1 << 20, (2, 3), pieces)
    }

    #[test]
    fn a_table_has_one_spelling_and_its_length_depends_on_no_digest() {
        let table = table();
        let bytes = table.to_bytes().unwrap();

        assert_eq!(VolumeTable::from_bytes(&bytes).unwrap(), table);
        let mut other = table.clone();
        other.pieces[0].part =
            Some(Part { sha256: Digest::of(b""), ..table.pieces[0].part.unwrap() });
        assert_eq!(other.to_bytes().unwrap().len(), bytes.len());
        let paths: Vec<String> = table.pieces.iter().map(PieceOfBlob::path).collect();
        assert!(paths[0].ends_with(".0000000000000005") && paths[1].starts_with("blobs/sha256/"));
    }

    #[test]
    fn each_flipped_bit_of_a_table_is_damage() {
        let bytes = table().to_bytes().unwrap();

        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            assert!(VolumeTable::from_bytes(&wrong).is_err(), "{at}");
        }
        assert!(VolumeTable::from_bytes(b"").is_err());
        assert!(VolumeTable::from_bytes(&bytes[1..]).is_err());
    }

    #[test]
    fn numbers_that_do_not_go_together_are_refused_though_they_are_well_spelled() {
        let wrong: [fn(&mut VolumeTable); 6] = [
            |it| it.number = 0,
            |it| it.number = 4,
            |it| it.of = MAX_VOLUMES + 1,
            |it| it.label = "../x".to_owned(),
            |it| it.volume_size += 1,
            |it| it.pieces[0].size = 11,
        ];
        for wrong in wrong {
            let mut table = table();
            wrong(&mut table);
            assert!(VolumeTable::from_bytes(&table.to_bytes().unwrap()).is_err(), "{table:?}");
        }
    }
}
