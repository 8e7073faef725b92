//! [`ENCRYPTED`]: a bundle as one plain tar that is encrypted while it is written, front to back. Each
//! piece of it has a number, so nothing is written twice and nothing out of turn.
//!
//! An interrupted one is begun again: what would open it is in memory alone.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::making::{BlobOrder, Maker, Making};
use super::packed::{FILE, MTIME, open_or_create, packed_size};
use super::site::{Site, stays};
use crate::bundle::head::Head;
use crate::medium::header::{BLOCK, header};
use crate::medium::in_age;
use crate::medium::tree::Tree;
use crate::places::layout::blob_path;
use crate::storage::checked::Checked;
use crate::storage::holdings::BlobHoldings;
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::buffer::BUFFER;
use crate::tools::cipher::{Recipients, Seal, Unlocked};
use crate::tools::lock::lock;
use crate::tools::uncached::sync;
use crate::words::digest::Hasher;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::progress::Progress;
use crate::words::remedy::Remedy;

/// Bundles that are one encrypted file.
pub(super) const ENCRYPTED: Maker = Maker {
    open: |site| Ok(Box::new(EncryptedDraft::open(site)?)),
    may_update: |site| Err(stays(site, "is an encrypted file")),
    update: |site| Err(stays(&site, "is an encrypted file")),
    left: |site| Ok(site.left(&site.partial, FILE)?.map_or(0, |about| about.allocated)),
    check: |_, _| Ok(()),
    largest: |_, head| Unlocked::sealed_size(packed_size(head)),
    size: |_, head| Unlocked::sealed_size(packed_size(head)),
    is_one_file: true,
};

/// An encrypted bundle in the making.
struct EncryptedDraft {
    site: Site,
    path: PathBuf,
    file: Arc<File>,
    recipients: Arc<Recipients>,
    layers: Vec<Descriptor>,
    size: u64,
    /// Whether something was left behind.
    begins_anew: bool,
    state: Mutex<State>,
}

/// How far it got.
enum State {
    /// Not begun.
    New,
    /// Under way.
    Writing(Box<Written>),
    /// Something was written that is wrong, and nothing can be taken back.
    Spoilt,
    /// All is written.
    Done(Arc<Unlocked>),
}

/// What was written, and where it goes on.
struct Written {
    seal: Writer,
    /// So many layers are there to their end.
    whole: usize,
    /// Of the next one, what its source gave before it failed.
    part: Option<Part>,
}

/// The first bytes of a layer.
#[derive(Default)]
struct Part {
    count: u64,
    hasher: Hasher,
}

impl fmt::Debug for EncryptedDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptedDraft({})", self.path.display())
    }
}

impl EncryptedDraft {
    fn open(site: Site) -> Result<EncryptedDraft> {
        let path = site.folder.at(&site.partial);
        let recipients =
            site.recipients.clone().filter(|all| !all.is_empty()).ok_or_else(|| {
                let name = site.folder.at(&site.name);
                Error::new(Class::Usage, format!("{} would be encrypted to nobody", name.display()))
                    .hint(phrase!["say who may read it: ", Remedy::Recipients])
            })?;
        let file = Arc::new(open_or_create(&site)?);
        lock(&file, &site.folder, &site.partial)?;
        let begins_anew = file.metadata().is_ok_and(|about| about.len() > 0);
        let (layers, size, state) = (Vec::new(), 0, Mutex::new(State::New));
        Ok(EncryptedDraft { site, path, file, recipients, layers, size, begins_anew, state })
    }

    fn state(&self) -> Result<MutexGuard<'_, State>> {
        self.state.lock().map_err(|_| Error::new(Class::Other, "another thread failed"))
    }

    fn fault(&self, error: io::Error) -> Error {
        Error::io(format!("cannot write {}", self.path.display()), error)
    }

    /// Fills up the last block of an entry of `size` bytes.
    fn pad(&self, seal: &mut Writer, size: u64) -> Result<()> {
        let padding = size.next_multiple_of(BLOCK) - size;
        let zeros = vec![0; usize::try_from(padding).unwrap_or(0)];
        seal.write_all(&zeros).map_err(|e| self.fault(e))
    }

    /// Writes the bytes of `blob`, behind those that are there. Where `content` fails, what it gave
    /// stays, and its source may be asked again: it has to give the same once more.
    fn write(&self, at: &mut Written, blob: &Descriptor, content: &mut dyn Checked) -> Put {
        if at.part.is_none() {
            let header = header(&blob_path(&blob.digest), blob.size, MTIME).map_err(Spoilt)?;
            at.seal.write_all(&header).map_err(|e| Spoilt(self.fault(e)))?;
        }
        let part = at.part.get_or_insert_default();
        let mut again = Part::default();
        let mut buffer = vec![0; BUFFER];
        loop {
            let ahead = part.count.saturating_sub(again.count);
            let most = match ahead {
                0 => BUFFER,
                ahead => usize::try_from(ahead).unwrap_or(BUFFER).min(BUFFER),
            };
            let got = content.read(&mut buffer[..most]).map_err(|e| Later(self.fault(e)))?;
            if got == 0 {
                break;
            }
            if ahead > 0 {
                again.take(&buffer[..got]);
                if again.count == part.count
                    && again.hasher.clone().finish() != part.hasher.clone().finish()
                {
                    return Err(Spoilt(self.changed(blob)));
                }
                continue;
            }
            at.seal.write_all(&buffer[..got]).map_err(|e| Spoilt(self.fault(e)))?;
            part.take(&buffer[..got]);
            again.count = part.count;
        }
        self.pad(&mut at.seal, blob.size).map_err(Spoilt)?;
        (at.whole, at.part) = (at.whole + 1, None);
        Ok(())
    }

    fn changed(&self, blob: &Descriptor) -> Error {
        let text = format!("blob {} came in two ways, and what was written is wrong", blob.digest);
        Error::new(Class::Damaged, text).hint(
            "an encrypted file cannot be mended: run the same command again, which begins anew",
        )
    }

    fn out_of_turn(&self, blob: &Descriptor) -> Error {
        let text = format!("{}: it is not the turn of blob {}", self.path.display(), blob.digest);
        Error::new(Class::Other, text)
            .hint("what was written cannot be taken back: run the same command again")
    }
}

impl Making for EncryptedDraft {
    fn begin(&mut self, head: &Head) -> Result<()> {
        self.file.set_len(0).and_then(|()| (&*self.file).rewind()).map_err(|e| self.fault(e))?;
        let output = BufWriter::with_capacity(BUFFER, Shared(Arc::clone(&self.file)));
        let mut seal = self.recipients.seal(output).map_err(|e| self.fault(e))?;
        for (path, bytes) in &head.files {
            let size = bytes.len() as u64;
            seal.write_all(&header(path, size, MTIME)?).map_err(|e| self.fault(e))?;
            seal.write_all(bytes).map_err(|e| self.fault(e))?;
            self.pad(&mut seal, size)?;
        }
        self.layers.clone_from(&head.layers);
        self.size = Unlocked::sealed_size(packed_size(head));
        *self.state()? = State::Writing(Box::new(Written { seal, whole: 0, part: None }));
        Ok(())
    }

    fn holds(&self, _blob: &Descriptor, _progress: &dyn Progress) -> Result<bool> {
        Ok(false)
    }

    fn order(&self) -> BlobOrder {
        BlobOrder::OfSources
    }

    fn begins_anew(&self) -> bool {
        self.begins_anew
    }

    fn sink(&self) -> &dyn BlobSink {
        self
    }

    fn needs(&self, _missing: &[Descriptor]) -> u64 {
        let there = self.file.metadata().map_or(0, |about| about.len());
        self.size.saturating_sub(there)
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn finish(&self) -> Result<()> {
        let mut state = self.state()?;
        match std::mem::replace(&mut *state, State::Spoilt) {
            State::Writing(mut at) if at.whole == self.layers.len() => {
                let end = at.seal.write_all(&[0; 2 * BLOCK as usize]);
                let done = end.and_then(|()| at.seal.finish());
                let key = done.map_err(|e| self.fault(e))?;
                sync(&self.file).map_err(|e| self.fault(e))?;
                let name = self.path.display().to_string();
                let unlocked = Unlocked::by_key(&name, Arc::clone(&self.file), key)?;
                *state = State::Done(Arc::new(unlocked));
                Ok(())
            }
            _ => Err(Error::new(Class::Other, format!("{} is not whole", self.path.display()))),
        }
    }

    fn tree(&self) -> Result<Tree> {
        match &*self.state()? {
            State::Done(unlocked) => in_age::list(&self.path, Arc::clone(unlocked)),
            _ => Err(Error::new(Class::Other, format!("{} is not whole", self.path.display()))),
        }
    }

    fn name(&self) -> Result<()> {
        self.site.give_name(&self.file)
    }
}

/// Nothing that an interrupted export left can be read.
impl BlobSource for EncryptedDraft {
    fn open(&self, _blob: &Descriptor, _offset: u64) -> Result<Raw<'_>> {
        Err(Error::new(Class::Incomplete, "not left behind"))
    }
}

impl BlobHoldings for EncryptedDraft {
    fn has(&self, _blob: &Descriptor) -> Result<bool> {
        Ok(false)
    }
}

impl BlobSink for EncryptedDraft {
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        let blob = content.blob().clone();
        let mut state = self.state()?;
        match std::mem::replace(&mut *state, State::Spoilt) {
            State::Writing(mut at)
                if self.layers.get(at.whole).is_some_and(|next| next.digest == blob.digest) =>
            {
                match self.write(&mut at, &blob, content) {
                    Ok(()) => *state = State::Writing(at),
                    Err(Later(error)) => {
                        *state = State::Writing(at);
                        return Err(error);
                    }
                    Err(Spoilt(error)) => return Err(error),
                }
                Ok(())
            }
            other => {
                *state = other;
                Err(self.out_of_turn(&blob))
            }
        }
    }
}

use Unput::{Later, Spoilt};

type Put = std::result::Result<(), Unput>;

/// Why a layer was not written to its end.
enum Unput {
    /// Its source failed, and can be asked again.
    Later(Error),
    /// The file is of no use any more.
    Spoilt(Error),
}

impl Part {
    fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.count += bytes.len() as u64;
    }
}

type Writer = Seal<BufWriter<Shared>>;

/// The file, which others read meanwhile.
struct Shared(Arc<File>);

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
