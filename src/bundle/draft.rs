//! [`Draft`]: a bundle in the making. It has the name `NAME.partial` until every byte is there.

#[cfg(feature = "age")]
mod encrypted;
#[cfg(feature = "age")]
mod encrypted_volumes;
mod folder;
#[cfg(feature = "age")]
mod front_to_back;
mod left;
mod making;
mod one_drive;
mod outdated;
pub(super) mod packed;
mod site;
mod volumes;
mod written;

use std::collections::BTreeMap;
use std::path::Path;

#[cfg(feature = "age")]
use self::encrypted::ENCRYPTED;
#[cfg(feature = "age")]
use self::encrypted_volumes::ENCRYPTED_VOLUMES;
use self::folder::FOLDER;
pub use self::making::BlobOrder;
use self::making::{Maker, Making};
use self::one_drive::ONE_DRIVE;
use self::one_drive::kept::finished_record;
use self::outdated::Outdated;
use self::packed::PACKED;
use self::site::Site;
pub(super) use self::site::partial_of;
pub(crate) use self::site::taken;
use self::volumes::VOLUMES;
use super::check::{self, Trust};
use super::envelope::{Envelope, MAX_ENVELOPE};
use super::head::{Head, envelope_path};
use super::keys::{PrivateKey, PublicKey};
use super::record::Record;
use super::statement::Statement;
use crate::medium::tree::Tree;
use crate::medium::{Form, Medium};
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::named_file::NamedFile;
use crate::tools::uncached::ReadBack;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::progress::Progress;

/// A bundle in the making, in one of its forms. What an interrupted export left behind is used
/// again, after being hashed again.
#[derive(Debug)]
#[must_use = "an unsealed draft is not a bundle"]
pub struct Draft(Box<dyn Making>);

/// What makes a bundle on `medium`: a form is chosen here, and nowhere else.
fn maker(medium: &Medium) -> Maker {
    match medium.form() {
        Form::Folder => FOLDER,
        Form::Packed => PACKED,
        Form::Volumes if medium.drive().is_some() => ONE_DRIVE,
        #[cfg(feature = "age")]
        Form::Volumes if medium.recipients().is_some() => ENCRYPTED_VOLUMES,
        Form::Volumes => VOLUMES,
        #[cfg(feature = "age")]
        Form::Encrypted => ENCRYPTED,
    }
}

/// Refuses an output that exists: a bundle is never changed once it has its name.
///
/// # Errors
/// [`Class::Usage`] when something stands at `output`.
pub fn refuse_existing(output: &Medium) -> Result<()> {
    match output.is_taken() {
        Ok(false) => Ok(()),
        Ok(true) => Err(taken(output.path())),
        Err(e) => Err(Error::io(format!("cannot look at {output}"), e)),
    }
}

impl Draft {
    /// Starts or continues the bundle that will be `output`.
    ///
    /// # Errors
    /// [`Class::Usage`] when `output` exists, [`Class::Busy`] when another export is writing it,
    /// [`Class::Refused`] when what was left behind is not ours alone.
    pub fn open(output: &Medium) -> Result<Draft> {
        let draft = refuse_existing(output)
            .and_then(|()| (maker(output).open)(Site::of(output)?))
            .map_err(|error| error.subject(Subject::Path(output.path().to_owned())))?;
        Ok(Draft(draft))
    }

    /// Fails where the bundle at `output` cannot be brought up to date in place: it is no folder, or
    /// its file system cannot put another one in its place at once.
    ///
    /// # Errors
    /// [`Class::Usage`], with the way out;
    /// [`Class::Refused`] when it is not ours alone.
    pub fn may_update(output: &Medium) -> Result<()> {
        (maker(output).may_update)(&Site::of(output)?)
            .map_err(|error| error.subject(Subject::Path(output.path().to_owned())))
    }

    /// Starts or continues the bundle that comes in the place of the one at `output`, which stands
    /// until [`seal`](Draft::seal) exchanges the two, and goes then.
    ///
    /// # Errors
    /// As [`may_update`](Draft::may_update), and as [`open`](Draft::open) but for what exists.
    pub fn update(output: &Medium) -> Result<Draft> {
        (maker(output).update)(Site::of(output)?)
            .map(Draft)
            .map_err(|error| error.subject(Subject::Path(output.path().to_owned())))
    }

    /// Removes what an update of the bundle at `output` left that was killed when it was done.
    ///
    /// # Errors
    /// As [`open`](Draft::open), but for what exists.
    pub fn tidy_up(output: &Medium) -> Result<()> {
        Outdated::tidy_up(&Site::of(output)?)
    }

    /// Makes the name durable of the bundle that is at `output`: the run that gave it may have been ended
    /// before it could.
    ///
    /// # Errors
    /// When the disk reports a fault.
    pub fn keep_name(output: &Medium) -> Result<()> {
        Site::there(output)?.map_or(Ok(()), |site| site.folder.sync())
    }

    /// What the bundle says of itself that was made as `output` wants it, where its volumes went onto media
    /// and are not there.
    #[must_use]
    pub fn record_of(output: &Medium) -> Option<Medium> {
        finished_record(output)
    }

    /// Whether the bundle that will be `output` takes blobs before it [began](Draft::begin), when nothing is
    /// signed yet. They are [found](Draft::found) then.
    #[must_use]
    pub fn takes_ahead(output: &Medium) -> bool {
        maker(output).takes_ahead
    }

    /// How many bytes an interrupted export of `output` left on the disk, without touching them.
    ///
    /// # Errors
    /// As [`open`](Draft::open), as far as that can be known.
    pub fn left(output: &Medium) -> Result<u64> {
        refuse_existing(output)?;
        Site::there(output)?.map_or(Ok(0), |site| (maker(output).left)(&site))
    }

    /// How large the largest file gets of a bundle of `head` on `output`, and what that is, for
    /// people.
    #[must_use]
    pub fn largest_file(output: &Medium, head: &Head) -> (u64, String) {
        let maker = maker(output);
        let what = match maker.is_one_file {
            true => output.to_string(),
            false => format!("the largest file of {output}"),
        };
        ((maker.largest)(output, head), what)
    }

    /// How many bytes a bundle of `head` has on `output`.
    #[must_use]
    pub fn size(output: &Medium, head: &Head) -> u64 {
        (maker(output).size)(output, head)
    }

    /// Fails where no bundle of `head` can be made on `output`.
    ///
    /// # Errors
    /// [`Class::Usage`] for volumes that are too small, with what would do.
    pub fn check(output: &Medium, head: &Head) -> Result<()> {
        (maker(output).check)(output, head)
    }

    /// Blobs that an interrupted export left behind, to be read through
    /// [`Verifying`](crate::storage::verifying::Verifying).
    #[must_use]
    pub fn found(&self) -> &dyn BlobSource {
        &*self.0
    }

    /// Lays down the small files. From now on the draft takes the blobs of `head.layers`.
    ///
    /// # Errors
    /// When the disk refuses, or has too little room for what is missing.
    pub fn begin(&mut self, head: &Head) -> Result<()> {
        self.0.begin(head)
    }

    /// Takes the key that signed the bundle. The tables of volumes are signed at last, when the digests of
    /// all pieces are known; for anything else it is wiped now.
    pub fn keep_key(&mut self, key: PrivateKey) {
        self.0.keep_key(key);
    }

    /// Whether the bytes of `blob` are there, whole and right. Reads them.
    ///
    /// # Errors
    /// Only a stop that was asked for; unreadable bytes do not count as there.
    pub fn holds(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        self.0.holds(blob, progress)
    }

    /// Whether `blob` could be taken whole from what another export left behind.
    ///
    /// # Errors
    /// Only a stop that was asked for.
    pub fn take_over(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        self.0.take_over(blob, progress)
    }

    /// Takes the bytes of `file` for those of `blob` without copying them, where the file system
    /// can; whether it did. [`holds`](Draft::holds) then tells whether they are right. The file
    /// `passes` when its own name goes soon.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn share(&self, blob: &Descriptor, file: &NamedFile, passes: bool) -> Result<bool> {
        self.0.share(blob, file, passes)
    }

    /// In which order it takes blobs.
    #[must_use]
    pub fn order(&self) -> BlobOrder {
        self.0.order()
    }

    /// Whether what an interrupted run said of it stands on media already, and cannot be said otherwise.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.0.is_bound()
    }

    /// Whether an interrupted export left something that cannot be gone on with.
    #[must_use]
    pub fn begins_anew(&self) -> bool {
        self.0.begins_anew()
    }

    /// Where the blobs go.
    #[must_use]
    pub fn sink(&self) -> &dyn BlobSink {
        self.0.sink()
    }

    /// How many bytes of the disk `missing` take beyond those that the draft has already.
    #[must_use]
    pub fn needs(&self, missing: &[Descriptor]) -> u64 {
        self.0.needs(missing)
    }

    /// Where the draft is being written.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.0.path()
    }

    /// What an interrupted export by `key` said of the bundle that it was making.
    #[must_use]
    pub fn said(&self, key: &PublicKey) -> Option<Statement> {
        let path = envelope_path(&key.id());
        let tree = self.0.tree().ok()?;
        tree.size(&path)?;
        let envelope = Envelope::from_bytes(&tree.read_small(&path, MAX_ENVELOPE).ok()?).ok()?;
        match envelope.is_by(key) {
            true => Statement::from_payload(envelope.payload()).ok(),
            false => None,
        }
    }

    /// Proves the finished bundle, signed by `key`. Every blob is there, and was hashed; everything
    /// else passes what [`examine`](check::examine) asks of any bundle.
    ///
    /// # Errors
    /// When the disk refuses, or what is there does not verify.
    pub fn prove(self, key: &PublicKey) -> Result<Proven> {
        self.proven(&Trust::Keys(vec![key.clone()]))
    }

    /// As [`prove`](Draft::prove), of one that is the same as another, whoever signed that: it bears the
    /// `signatures` of that, by their files, which no key says anything about.
    ///
    /// # Errors
    /// As there.
    pub fn prove_same(self, signatures: BTreeMap<String, Digest>) -> Result<Proven> {
        let proven = self.proven(&Trust::UnsafeAnySigner)?;
        let proven = Proven { signatures, ..proven };
        proven.bears(&proven.draft.0.tree()?)?;
        Ok(proven)
    }

    fn proven(self, trust: &Trust) -> Result<Proven> {
        self.finish()?;
        let record = Record::of(check::made(self.0.tree()?, trust, self.0.is_whole())?);
        Ok(Proven { draft: self, record, signatures: BTreeMap::new() })
    }

    /// As [`prove`](Draft::prove), and gives it its name.
    ///
    /// # Errors
    /// As there, and as [`Proven::name`].
    pub fn seal(self, key: &PublicKey) -> Result<()> {
        self.prove(key)?.name()
    }

    /// Writes what is left and makes it durable.
    pub(super) fn finish(&self) -> Result<()> {
        self.0.finish()
    }

    /// Gives it its name, whatever it is.
    pub(super) fn name(self) -> Result<()> {
        self.0.name()
    }
}

/// A bundle that lacks nothing but its name.
#[derive(Debug)]
#[must_use = "it has no name yet"]
pub struct Proven {
    draft: Draft,
    record: Record,
    /// Those that it has to bear word for word, by their files.
    signatures: BTreeMap<String, Digest>,
}

impl Proven {
    /// What it says of itself.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Reads every byte back as the device gives it, past what the system has of it in memory, as far
    /// as the file system lets it be, on `jobs` threads. It is signed as `trust` wants it. Gives how it was read.
    ///
    /// # Errors
    /// [`Class::Damaged`] where anything else comes back than was
    /// written, with the file and the bytes as far as they are known;
    /// [`Class::Refused`] where nothing does. What is there stays,
    /// and whoever goes on with it sees what the device has of it.
    pub fn read_back(
        &self,
        trust: &Trust,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<Option<ReadBack>> {
        if let Some(way) = self.draft.0.read_back() {
            return Ok(way);
        }
        let tree = self.draft.0.tree()?.past_cache()?;
        let way = tree.read_back();
        let bears = self.bears(&tree);
        bears.and_then(|()| check::stored(tree, trust, jobs, progress)).inspect_err(|_| {
            // What cannot be listed is not believed by the next run either.
            let _ = self.draft.0.tree().map(|tree| tree.forget());
        })?;
        Ok(way)
    }

    /// Fails where `tree` has not the signatures that it has to bear.
    fn bears(&self, tree: &Tree) -> Result<()> {
        for (path, wanted) in &self.signatures {
            let bytes = tree.read_small(path, MAX_ENVELOPE)?;
            if Digest::of(&bytes) != *wanted {
                let text = format!("{}: {path} is not what was written", tree.path().display());
                let error = Error::new(Class::Damaged, text);
                return Err(error.hint("the medium may be failing: run the same command again"));
            }
        }
        Ok(())
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// When the disk refuses, or somebody else has taken the name meanwhile.
    pub fn name(self) -> Result<()> {
        drop(self.record);
        self.draft.name()
    }
}

#[cfg(test)]
mod tests;
