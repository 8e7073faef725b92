//! [`SignedTable`]: what is signed of the table of a volume, so that the volume is proven without the others.

use serde::Serialize;

use super::envelope::Envelope;
use super::in_toto::{StatementSubject, to_bytes};
use super::keys::PrivateKey;
use crate::medium::volume_table::{VOLUME, VolumeTable};
use crate::words::digest::Digest;

/// The kind of what is said.
const PREDICATE_TYPE: &str = "urn:sealift:volume:v1";
/// Most bytes that the signature of a table has as a file. It is kept free for it in each volume, so that
/// the cut is the same whether anybody signs.
pub const SIGNATURE_ROOM: u64 = 1024;

/// A table, of which somebody can say that it is theirs.
#[derive(Debug)]
pub struct SignedTable(Vec<u8>);

/// What is said of it.
#[derive(Serialize)]
struct Predicate<'t> {
    set: &'t Digest,
    number: u32,
    of: u32,
    statement: &'t Digest,
}

impl SignedTable {
    /// That of `table`, whose file has this `digest`.
    #[must_use]
    pub fn of(table: &VolumeTable, digest: &Digest) -> SignedTable {
        let VolumeTable { set, number, of, statement, .. } = table;
        let predicate = Predicate { set, number: *number, of: *of, statement };
        let subject = [StatementSubject::new(VOLUME, digest)];
        SignedTable(to_bytes(&subject, PREDICATE_TYPE, &predicate))
    }

    /// The file that says that whoever has `key` made it.
    #[must_use]
    pub fn sign(&self, key: &PrivateKey) -> Vec<u8> {
        Envelope::sign(&self.0, key).to_bytes()
    }

    /// How many bytes that file has, whoever signs.
    #[must_use]
    pub fn size(&self) -> u64 {
        Envelope::size_of(self.0.len())
    }

    /// Whether `envelope` is about this table.
    #[must_use]
    pub fn is_in(&self, envelope: &Envelope) -> bool {
        envelope.payload() == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medium::volume_table::MAX_VOLUMES;

    #[test]
    fn a_signature_is_about_one_table_and_has_room_in_every_volume() {
        let key = PrivateKey::generate().unwrap();
        let table = |number, of| {
            VolumeTable::new("june", Digest::of(b"s"), u64::MAX, (number, of), Vec::new())
        };
        let digest = Digest::of(b"table");
        let largest = SignedTable::of(&table(MAX_VOLUMES, MAX_VOLUMES), &digest);

        let bytes = largest.sign(&key);

        assert_eq!(bytes.len() as u64, largest.size());
        assert!(largest.size() <= SIGNATURE_ROOM, "{}", largest.size());
        let envelope = Envelope::from_bytes(&bytes).unwrap();
        assert!(envelope.is_by(key.public()) && largest.is_in(&envelope));
        let other = SignedTable::of(&table(MAX_VOLUMES, MAX_VOLUMES), &Digest::of(b"other"));
        assert!(!other.is_in(&envelope));
        assert!(!SignedTable::of(&table(1, MAX_VOLUMES), &digest).is_in(&envelope));
    }
}
