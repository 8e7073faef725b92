//! [`ENCRYPTED`]: a bundle as one plain tar that is encrypted while it is written, front to back. Each
//! piece of it has a number, so nothing is written twice and nothing out of turn.
//!
//! An interrupted one is begun again: what would open it is in memory alone.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::front_to_back::{FrontToBack, Road};
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
    takes_ahead: false,
};

/// An encrypted bundle in the making.
struct EncryptedDraft {
    site: Site,
    path: PathBuf,
    file: Arc<File>,
    recipients: Arc<Recipients>,
    size: u64,
    /// Whether something was left behind.
    begins_anew: bool,
    turn: FrontToBack<OneTar>,
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
        let (size, turn) = Default::default();
        Ok(EncryptedDraft { site, path, file, recipients, size, begins_anew, turn })
    }
}

impl Making for EncryptedDraft {
    fn begin(&mut self, head: &Head) -> Result<()> {
        let fault = |e| Error::io(format!("cannot write {}", self.path.display()), e);
        self.file.set_len(0).and_then(|()| (&*self.file).rewind()).map_err(fault)?;
        let (path, file) = (self.path.clone(), Arc::clone(&self.file));
        let output = BufWriter::with_capacity(BUFFER, Arc::clone(&self.file));
        let mut road = OneTar { seal: self.recipients.seal(output).map_err(fault)?, path, file };
        for (path, bytes) in &head.files {
            road.write(&header(path, bytes.len() as u64, MTIME)?)?;
            road.write(bytes)?;
            road.pad(bytes.len() as u64)?;
        }
        self.size = Unlocked::sealed_size(packed_size(head));
        self.turn.begin(road, head.layers.clone())
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
        self.turn.finish()
    }

    fn tree(&self) -> Result<Tree> {
        in_age::list(&self.path, self.turn.made()?)
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
        self.turn.put(content)
    }
}

/// One tar that is encrypted while it is written.
struct OneTar {
    seal: Seal<BufWriter<Arc<File>>>,
    path: PathBuf,
    file: Arc<File>,
}

impl OneTar {
    fn fault(&self, error: io::Error) -> Error {
        Error::io(format!("cannot write {}", self.path.display()), error)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.seal.write_all(bytes).map_err(|e| self.fault(e))
    }

    /// Fills up the last block of an entry of `size` bytes.
    fn pad(&mut self, size: u64) -> Result<()> {
        let padding = size.next_multiple_of(BLOCK) - size;
        self.write(&vec![0; usize::try_from(padding).unwrap_or(0)])
    }
}

impl Road for OneTar {
    type Made = Arc<Unlocked>;

    fn begin(&mut self, blob: &Descriptor) -> Result<()> {
        self.write(&header(&blob_path(&blob.digest), blob.size, MTIME)?)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.write(bytes)
    }

    fn end(&mut self, blob: &Descriptor) -> Result<()> {
        self.pad(blob.size)
    }

    fn finish(mut self) -> Result<Arc<Unlocked>> {
        self.write(&[0; 2 * BLOCK as usize])?;
        let OneTar { seal, path, file } = self;
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        let key = seal.finish().map_err(fault)?;
        sync(&file).map_err(fault)?;
        Unlocked::by_key(&path.display().to_string(), file, key).map(Arc::new)
    }
}
