//! [`ENCRYPTED_VOLUMES`]: a bundle as a folder of volumes, each encrypted by itself while it is written, front
//! to back.
//!
//! What is in each is the tar that a plain volume is, but for the table, which stands last: the digests of
//! parts are known when they passed, and what was written cannot be written again. An interrupted set is
//! begun again: what would open it is in memory alone.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

mod road;

use self::road::{ENDING, SealedVolumes, sealed, size_of};
use super::front_to_back::FrontToBack;
use super::making::{BlobOrder, Maker, Making};
use super::site::{Site, stays};
use super::volumes::left::left_in;
use super::volumes::slot::Slots;
use super::volumes::volume_file::small_files;
use super::volumes::{OTHERS, allocated, checked, left, signer};
use crate::bundle::cut::{Cut, CutVolume, ToCut};
use crate::bundle::head::Head;
use crate::bundle::keys::PrivateKey;
use crate::bundle::labels::Labels;
use crate::medium::cutting::Cutting;
use crate::medium::in_volumes;
use crate::medium::tree::Tree;
use crate::storage::checked::Checked;
use crate::storage::holdings::BlobHoldings;
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::cipher::Recipients;
use crate::tools::folder::Folder;
use crate::tools::room;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// Bundles that are folders of encrypted volumes.
pub(super) const ENCRYPTED_VOLUMES: Maker = Maker {
    open: |site| Ok(Box::new(EncryptedVolumesDraft::open(site)?)),
    may_update: |site| Err(stays(site, "is a set of volumes")),
    update: |site| Err(stays(&site, "is a set of volumes")),
    left: |site| left(site, ENDING),
    check: |output, head| output.cutting().map_or(Ok(()), |by| checked(head, by).map(drop)),
    largest: |output, _| output.cutting().map_or(0, |by| sealed(by.volume_size)),
    size: |output, head| {
        let Some(by) = output.cutting() else { return 0 };
        Cut::of(&ToCut::of(head), by).map_or(0, |cut| cut_size(&cut, by.only))
    },
    is_one_file: false,
    takes_ahead: false,
};

fn cut_size(cut: &Cut, only: Option<u32>) -> u64 {
    let made = cut.0.iter().filter(|it| only.is_none_or(|only| only == it.table.number));
    made.fold(0, |sum, volume| sum.saturating_add(sealed(size_of(volume))))
}

/// Encrypted volumes in the making.
struct EncryptedVolumesDraft {
    site: Site,
    root: Folder,
    cutting: Cutting,
    recipients: Arc<Recipients>,
    key: Option<PrivateKey>,
    slots: Option<(Slots, Cut)>,
    needed: u64,
    begins_anew: bool,
    turn: FrontToBack<SealedVolumes>,
}

impl fmt::Debug for EncryptedVolumesDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptedVolumesDraft({})", self.root.path().display())
    }
}

impl EncryptedVolumesDraft {
    fn open(site: Site) -> Result<EncryptedVolumesDraft> {
        let (Some(cutting), Some(recipients)) = (site.cutting.clone(), site.recipients.clone())
        else {
            return Err(Error::new(Class::Other, "nobody said how large a volume is, or for whom"));
        };
        let root = site.open_folder()?;
        let begins_anew = !left_in(&root, &site, ENDING, OTHERS)?.is_empty();
        let (key, slots, needed, turn) = Default::default();
        Ok(EncryptedVolumesDraft {
            site,
            root,
            cutting,
            recipients,
            key,
            slots,
            needed,
            begins_anew,
            turn,
        })
    }

    fn is_made(&self, volume: &CutVolume) -> bool {
        self.cutting.only.is_none_or(|only| only == volume.table.number)
    }
}

impl Making for EncryptedVolumesDraft {
    fn begin(&mut self, head: &Head) -> Result<()> {
        signer(self.key.as_ref(), &self.cutting)?;
        let cut = checked(head, &self.cutting)?;
        self.needed = cut_size(&cut, self.cutting.only);
        let left = left_in(&self.root, &self.site, ENDING, OTHERS)?;
        room::check(
            self.root.path(),
            self.needed.saturating_sub(allocated(&left)),
            "for the volumes",
        )
        .map_err(|e| e.hint("free some, or name an output on another disk"))?;
        for (name, _) in left {
            let path = self.root.at(&name);
            let removed = self.root.remove(&name);
            removed.map_err(|e| Error::io(format!("cannot remove {}", path.display()), e))?;
        }
        let slots = Slots::of(&cut);
        let is_wanted = |blob: &&Descriptor| {
            let slots = slots.of_blob(blob).unwrap_or_default();
            slots.iter().any(|slot| cut.0.get(slot.volume).is_some_and(|it| self.is_made(it)))
        };
        let blobs: Vec<Descriptor> = head.layers.iter().filter(is_wanted).cloned().collect();
        let road = SealedVolumes::new(
            (self.root.clone(), self.site.name.to_string_lossy().into_owned()),
            (cut.0.clone(), self.cutting.only),
            (Arc::clone(&self.recipients), self.key.take()),
            (small_files(head)?, Labels::sorting()),
        );
        self.slots = Some((slots, cut));
        self.turn.begin(road, blobs)
    }

    fn keep_key(&mut self, key: PrivateKey) {
        self.key = self.cutting.is_signed.then_some(key);
    }

    /// Nothing is there that could be read; what belongs to volumes that are not made is not asked for.
    fn holds(&self, blob: &Descriptor, _progress: &dyn Progress) -> Result<bool> {
        let Some((slots, cut)) = &self.slots else { return Ok(false) };
        let mut volumes = slots.of_blob(blob)?.iter().filter_map(|slot| cut.0.get(slot.volume));
        Ok(!volumes.any(|volume| self.is_made(volume)))
    }

    fn order(&self) -> BlobOrder {
        BlobOrder::OfHead
    }

    fn begins_anew(&self) -> bool {
        self.begins_anew
    }

    fn sink(&self) -> &dyn BlobSink {
        self
    }

    fn needs(&self, _missing: &[Descriptor]) -> u64 {
        self.needed
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn finish(&self) -> Result<()> {
        self.turn.finish()?;
        self.root.sync()
    }

    fn tree(&self) -> Result<Tree> {
        let made = self.turn.made()?;
        in_volumes::made_locked(self.root.path(), made)
    }

    fn is_whole(&self) -> bool {
        self.cutting.only.is_none()
    }

    fn name(&self) -> Result<()> {
        self.site.give_name(self.root.handle())
    }
}

/// Nothing that an interrupted export left can be read.
impl BlobSource for EncryptedVolumesDraft {
    fn open(&self, _blob: &Descriptor, _offset: u64) -> Result<Raw<'_>> {
        Err(Error::new(Class::Incomplete, "not left behind"))
    }
}

impl BlobHoldings for EncryptedVolumesDraft {
    fn has(&self, _blob: &Descriptor) -> Result<bool> {
        Ok(false)
    }
}

impl BlobSink for EncryptedVolumesDraft {
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        self.turn.put(content)
    }
}
