//! [`Known`]: what is known of the blobs that the other side holds.

use std::collections::BTreeSet;

use super::base::{Base, LeansOn, Witness};
use super::blob_list::BlobList;
use super::contents::Contents;
use super::image_signature::is_signature_part;
use super::receipt::ReadReceipt;
use super::record::Record;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;

/// What the other side holds, as far as one witness tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// Whence it is known.
    pub on: LeansOn,
    /// The configs and layers that are there.
    pub blobs: BTreeSet<Digest>,
}

impl Known {
    /// What is there once the bundle of `record` arrived: what it carries, and what it leans on itself,
    /// without which it would not have arrived.
    #[must_use]
    pub fn by_record(record: &Record) -> Known {
        let (statement, contents) = (record.statement(), record.contents());
        let position = statement.predicate.position();
        let on = LeansOn { kind: Witness::Bundle, digest: statement.digest, position };
        Known { on, blobs: contents.blobs.needed().iter().map(|blob| blob.digest).collect() }
    }

    /// What is there as a receipt tells.
    #[must_use]
    pub fn by_receipt(read: &ReadReceipt) -> Known {
        let on = LeansOn { kind: Witness::Receipt, digest: read.digest, position: None };
        Known { on, blobs: read.receipt.content.blobs.keys().copied().collect() }
    }

    /// What is there as a line tells that was read out: all that the bundle of `record` needs.
    #[must_use]
    pub fn by_line(record: &Record) -> Known {
        let Known { on, blobs } = Known::by_record(record);
        Known { on: LeansOn { kind: Witness::Line, ..on }, blobs }
    }

    /// Takes out of what `contents` carry what `all` of these know to be there, but for signatures of images:
    /// they are small, and whoever imports may demand them of the bundle alone. Gives what the delta
    /// leans on then: those that know of something that is left out.
    #[must_use]
    pub fn leave_out(all: &[Known], contents: &mut Contents) -> Option<Base> {
        let needed = std::mem::take(&mut contents.blobs).needed().to_vec();
        let is_held = |digest: &Digest| all.iter().any(|known| known.blobs.contains(digest));
        let is_carried = |blob: &Descriptor| !is_held(&blob.digest) || is_signature_part(blob);
        contents.blobs = BlobList::carrying(needed, is_carried);
        let lacks: Vec<Digest> = contents.blobs.lacking().map(|blob| blob.digest).collect();
        let tells = |known: &&Known| lacks.iter().any(|digest| known.blobs.contains(digest));
        let on = all.iter().filter(tells).map(|known| known.on.clone()).collect();
        Base::of(on, lacks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_knows_to_be_there_is_left_out_and_they_are_named() {
        let [a, b, c] = ["a", "b", "c"].map(|text| Descriptor::of("x/y", text.as_bytes()));
        let known = |number: &[u8], blobs: &[&Descriptor]| Known {
            on: LeansOn { kind: Witness::Bundle, digest: Digest::of(number), position: None },
            blobs: blobs.iter().map(|blob| blob.digest).collect(),
        };
        let needing = |blobs: &[&Descriptor]| {
            let blobs = BlobList::whole(blobs.iter().map(|blob| (*blob).clone()).collect());
            Contents { blobs, ..Contents::default() }
        };
        let witnesses = [known(b"1", &[&a, &b]), known(b"2", &[&b]), known(b"3", &[])];

        let mut contents = needing(&[&c, &b]);
        let base = Known::leave_out(&witnesses, &mut contents).unwrap();
        assert!(contents.blobs.carried().eq([&c]));
        assert_eq!(base.lacks, [b.digest]);
        assert_eq!(base.on.len(), 2, "the third told nothing");

        let kind = "application/vnd.dev.cosign.simplesigning.v1+json";
        let signature = Descriptor::of(kind, b"a");
        let mut signed = needing(&[&signature]);
        assert_eq!(Known::leave_out(&witnesses, &mut signed), None, "a signature comes along");

        let mut whole = needing(&[&c]);
        assert_eq!(Known::leave_out(&witnesses, &mut whole), None);
        assert_eq!(whole.blobs, BlobList::whole(vec![c]));
    }
}
