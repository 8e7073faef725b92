//! [`Record`]: what a bundle says of itself, kept without its layers and configs.

use super::check::{Examined, Recalled, Trust, recall};
use super::contents::Contents;
use super::keys::KeyId;
use super::statement::Statement;
use crate::medium::Medium;
use crate::tools::file::{TEMP_PREFIX, write_whole};
use crate::tools::folder::{Folder, OPEN_FOLDER, Replace};
use crate::tools::parallel;
use crate::words::error::{Class, Error, Result};

/// Permissions of what is in a record, which is as secret as the bundle was.
const MODE: u32 = 0o644;
/// How many files are written at a time: each has to reach the disk, and together they get there in
/// a few turns.
const WRITERS: usize = 16;

/// What a bundle says of itself: its signed statement, and its contents with every blob that it
/// needs. It is read from a record or from the bundle, of which layers and configs are not asked for.
///
/// A record is a folder with the files of the bundle, but for layers and configs. Wherever a person
/// names the statement of a bundle, it is a path to one.
///
/// ```
/// use sealift::bundle::check::Trust;
/// use sealift::bundle::record::Record;
/// use sealift::medium::Medium;
///
/// let record = Record::read(&Medium::at("testdata/formats/v1/packed.tar"), &Trust::UnsafeAnySigner)?;
/// assert_eq!(record.statement().predicate.images.len(), 5);
/// assert!(!record.contents().blobs.needed().is_empty());
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Record(Examined<Recalled>);

impl Record {
    /// Reads the record, or the bundle, at `medium`: its signature as `trust` says, the list of
    /// files, the small files and every manifest. An expired one is as good as any: what it says was
    /// so.
    ///
    /// # Errors
    /// As [`examine`](super::check::examine); [`Class::Damaged`] and [`Class::Incomplete`] where
    /// something of that is wrong or missing.
    pub fn read(medium: &Medium, trust: &Trust) -> Result<Record> {
        recall(medium, trust)?.flawless().map(Record)
    }

    /// That of a bundle that was examined.
    #[must_use]
    pub(super) fn of(examined: Examined<Recalled>) -> Record {
        Record(examined)
    }

    /// What its signer says.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        self.0.statement()
    }

    /// What the bundle holds, as it was signed: its blobs with their sizes are those that it
    /// [needs](super::blob_list::BlobList::needed), [carries](super::blob_list::BlobList::carried)
    /// and [lacks](super::blob_list::BlobList::lacking), wherever the bundle is now.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        self.0.contents()
    }

    /// Whose signatures count; none where nobody's was asked for.
    #[must_use]
    pub fn signers(&self) -> &[KeyId] {
        self.0.signers()
    }

    /// Who claims to have signed, believed by nobody.
    #[must_use]
    pub fn claimed_signers(&self) -> &[String] {
        self.0.claimed_signers()
    }

    /// Writes it as the folder `name` in `folder`, whole or not at all; what stands there goes, if
    /// it may be `replaced`.
    ///
    /// # Errors
    /// When the disk refuses, something stands there that may not go, or what was read has changed
    /// since.
    pub fn write(&self, folder: &Folder, name: &str, replace: Replace) -> Result<()> {
        let path = folder.at(name);
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        let temp = format!("{TEMP_PREFIX}{name}");
        folder.remove_all(&temp).map_err(fault)?;
        let root = folder.create_folder(&temp, OPEN_FOLDER).map_err(fault)?;
        let written = self.write_into(&root).and_then(|()| match replace {
            Replace::Yes => folder.remove_all(name).map_err(fault),
            Replace::No => Ok(()),
        });
        let written = written.and_then(|()| {
            folder.rename(&temp, name, root.handle(), Replace::No).map_err(fault)?;
            folder.sync()
        });
        written.inspect_err(|_| {
            // Nothing better can be done about a leftover: the next one that is written removes it.
            let _ = folder.remove_all(&temp);
        })
    }

    fn write_into(&self, root: &Folder) -> Result<()> {
        let fault = |e| Error::io(format!("cannot write {}", root.path().display()), e);
        let sig = root.create_folder("sig", OPEN_FOLDER).map_err(fault)?;
        let blobs = root.create_folder("blobs", OPEN_FOLDER).map_err(fault)?;
        let sha256 = blobs.create_folder("sha256", OPEN_FOLDER).map_err(fault)?;
        for (path, bytes) in self.0.small_files()? {
            match path.split_once('/') {
                None => write_whole(root, &path, MODE, &bytes)?,
                Some(("sig", name)) => write_whole(&sig, name, MODE, &bytes)?,
                Some(_) => {
                    let text = format!("{}: {path} has no place in a record", self.0.name());
                    return Err(Error::new(Class::Other, text));
                }
            }
        }
        let documents: Vec<_> = self.contents().documents.values().collect();
        parallel::map(WRITERS, &documents, |document| {
            write_whole(&sha256, &document.descriptor().digest.hex(), MODE, document.raw())
        })?;
        [&sig, &sha256, &blobs, root].into_iter().try_for_each(Folder::sync)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::problem::ProblemKind;
    use crate::bundle::samples::Sample;

    fn trust(sample: &Sample) -> Trust {
        Trust::Keys(vec![sample.key.public().clone()])
    }

    fn read(sample: &Sample, name: &str) -> Result<Record> {
        Record::read(&Medium::at(sample.at(name)), &trust(sample))
    }

    /// The record `record` of a sample's bundle.
    fn recorded(sample: &Sample, bundle: &str) -> Record {
        sample.seal(bundle);
        let folder = Folder::open(sample.folder.path()).unwrap();
        read(sample, bundle).unwrap().write(&folder, "record", Replace::No).unwrap();
        read(sample, "record").unwrap()
    }

    #[test]
    fn a_record_says_what_the_bundle_said_without_a_layer_of_it() {
        for form in ["bundle", "bundle.tar"] {
            let sample = Sample::new();

            let record = recorded(&sample, form);

            assert_eq!(record.statement().digest, sample.head().statement);
            assert_eq!(record.contents().blobs, sample.contents.blobs);
            assert_eq!(record.signers(), [sample.key.public().id()]);
            let blobs = std::fs::read_dir(sample.at("record/blobs/sha256")).unwrap().count();
            assert_eq!(blobs, sample.contents.documents.len());
            // One of a record is the same.
            let folder = Folder::open(sample.folder.path()).unwrap();
            record.write(&folder, "again", Replace::No).unwrap();
            assert_eq!(read(&sample, "again").unwrap().statement(), record.statement());
            let taken = record.write(&folder, "again", Replace::No);
            assert!(taken.is_err() && !sample.at(".sealift-again").exists());
        }
    }

    #[test]
    fn a_record_is_read_by_itself_alone_as_what_was_signed() {
        let sample = Sample::new();
        recorded(&sample, "bundle");
        let manifest = sample.at("record/blobs/sha256").join(sample.a.digest.hex());
        let class = || read(&sample, "record").unwrap_err().class();
        let restore = |path: &std::path::Path, bytes: &[u8]| std::fs::write(path, bytes).unwrap();

        for name in ["index.json", "manifest.json", "oci-layout", "SHA256SUMS"] {
            let path = sample.at("record").join(name);
            let bytes = std::fs::read(&path).unwrap();
            restore(&path, &[&bytes[..], b" "].concat());
            assert_eq!(class(), Class::Damaged, "{name}");
            std::fs::remove_file(&path).unwrap();
            assert_eq!(class(), Class::Incomplete, "{name}");
            restore(&path, &bytes);
        }
        let bytes = std::fs::read(&manifest).unwrap();
        restore(&manifest, &[&bytes[..], b" "].concat());
        assert_eq!(class(), Class::Damaged);
        std::fs::remove_file(&manifest).unwrap();
        let error = read(&sample, "record").unwrap_err();
        assert_eq!(error.class(), Class::Incomplete);
        assert!(error.findings()[0].contains("x.example/a:1"), "{:?}", error.findings());
        restore(&manifest, &bytes);
        restore(&sample.at("record/extra"), b"");
        assert_eq!(class(), Class::Damaged);
        std::fs::remove_file(sample.at("record/extra")).unwrap();
        read(&sample, "record").unwrap();

        let other = Trust::Keys(vec![
            crate::bundle::keys::PrivateKey::generate().unwrap().public().clone(),
        ]);
        let by_other = Record::read(&Medium::at(sample.at("record")), &other).unwrap_err();
        assert_eq!(by_other.class(), Class::Untrusted);
    }

    #[test]
    fn a_manifest_in_an_index_is_asked_for_as_any() {
        let mut sample = Sample::new();
        let index = sample.stock.index(&[&sample.a, &sample.b]);
        sample.contents = sample.stock.contents(&[("x.example/list:1", &index)]);
        recorded(&sample, "bundle");

        std::fs::remove_file(sample.at("record/blobs/sha256").join(sample.b.digest.hex())).unwrap();

        let error = read(&sample, "record").unwrap_err();
        assert_eq!(error.class(), Class::Incomplete);
        assert!(error.findings()[0].contains(&sample.b.digest.hex()), "{:?}", error.findings());
    }

    #[test]
    fn a_record_is_no_bundle() {
        let sample = Sample::new();
        recorded(&sample, "bundle");

        let now = sample.predicate().created_at;
        let examined =
            crate::bundle::check::examine(&Medium::at(sample.at("record")), &trust(&sample), now);

        let examined = examined.unwrap();
        assert!(!examined.problems().is_empty());
        assert!(examined.problems().iter().all(|it| it.kind == ProblemKind::Missing));
    }

    #[test]
    fn a_delta_lacks_in_its_record_what_it_lacked() {
        use crate::bundle::base::{Base, LeansOn, Witness};
        use crate::bundle::blob_list::BlobList;

        let mut sample = Sample::new();
        let lacked = sample.contents.blobs.needed()[0].clone();
        let needed = sample.contents.blobs.needed().to_vec();
        sample.contents.blobs = BlobList::carrying(needed, |blob| *blob != lacked);
        let on = LeansOn {
            kind: Witness::Bundle,
            digest: crate::words::digest::Digest::of(b"x"),
            position: None,
        };
        let predicate = sample.predicate().upon(Base::of(vec![on], vec![lacked.digest]));
        sample.stock.seal(
            &sample.stock.head(&sample.contents, &predicate, &sample.key),
            &sample.at("delta"),
        );
        let folder = Folder::open(sample.folder.path()).unwrap();
        read(&sample, "delta").unwrap().write(&folder, "record", Replace::No).unwrap();

        let record = read(&sample, "record").unwrap();

        assert!(record.contents().blobs.lacking().eq([&lacked]));
    }
}
