//! [`ONE_DRIVE`]: a bundle in volumes that are written one after the other straight onto media in one
//! drive. Nothing of them is on this side before or afterwards.
//!
//! Blobs come in the order of the cut. A volume is finished when its last piece came: it is synced,
//! checked where it lies, and gets its name; then another medium is asked for. A blob that goes on in
//! the next volume is proven there, with its last byte, and what lies on media that are finished is
//! compared with what comes whenever it comes again.

mod changing;
pub(super) mod kept;
mod loading;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::kept::{Finished, Kept};
use super::making::{BlobOrder, Maker, Making, hash};
use super::site::{Site, stays};
use super::volumes::left::named;
use super::volumes::slot::{Slot, Slots};
use super::volumes::volume_file::{VolumeFile, ended, pass, small_files};
use super::volumes::{checked, signer};
use super::written::Spoilt;
use crate::bundle::cut::{Cut, CutVolume, ToCut};
use crate::bundle::head::Head;
use crate::bundle::keys::PrivateKey;
use crate::bundle::labels::{Labels, SHEET, TEXT};
use crate::medium::cutting::Cutting;
use crate::medium::drive::Drive;
use crate::medium::tree::Tree;
use crate::medium::volume_table::VolumeTable;
use crate::storage::checked::Checked;
use crate::storage::content::Content;
use crate::storage::holdings::BlobHoldings;
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::buffer::BUFFER;
use crate::tools::folder::Folder;
use crate::tools::stretch::Stretch;
use crate::tools::uncached::ReadBack;
use crate::words::digest::{Digest, Hasher};
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::progress::Progress;

/// Bundles in volumes that go onto media in one drive.
pub(super) const ONE_DRIVE: Maker = Maker {
    open: |site| Ok(Box::new(DriveDraft::open(site)?)),
    may_update: |site| Err(stays(site, "is a set of volumes")),
    update: |site| Err(stays(&site, "is a set of volumes")),
    left: |site| {
        let pieces = |it: &Finished| -> u64 {
            it.values().flat_map(|(table, _)| &table.pieces).map(|piece| piece.length()).sum()
        };
        Kept::left(site).map(|finished| pieces(&finished))
    },
    check: |output, head| output.cutting().map_or(Ok(()), |by| checked(head, by).map(drop)),
    largest: |output, head| {
        let cut = output.cutting().and_then(|by| Cut::of(&ToCut::of(head), by).ok());
        cut.and_then(|cut| cut.0.iter().map(VolumeFile::size).max()).unwrap_or(0)
    },
    size: |output, head| {
        let cut = output.cutting().and_then(|by| Cut::of(&ToCut::of(head), by).ok());
        cut.map_or(0, |cut| cut.size(None))
    },
    is_one_file: false,
    takes_ahead: false,
};

/// Volumes in the making, of which one at most is at hand.
#[derive(Debug)]
struct DriveDraft {
    site: Site,
    kept: Kept,
    drive: Drive,
    cutting: Cutting,
    /// Who signs the tables.
    key: Option<PrivateKey>,
    /// What is written onto all sleeves.
    labels: Labels,
    cut: Vec<CutVolume>,
    slots: Slots,
    /// The small files, as each volume has them.
    small: Vec<u8>,
    small_sha256: Digest,
    statement: Option<Digest>,
    spoilt: Spoilt,
    state: Mutex<State>,
}

/// How far it got.
#[derive(Debug, Default)]
struct State {
    finished: Finished,
    /// The volume that is being written.
    current: Option<Arc<Loaded>>,
    /// The last one that was finished by this run, whose medium is in the drive.
    last: Option<String>,
    /// Where media are mounted, once one was.
    mounted: Option<PathBuf>,
    /// How volumes were read back.
    read_back: Option<ReadBack>,
    /// Whether blobs come.
    is_fetching: bool,
}

/// A volume with its medium.
#[derive(Debug)]
struct Loaded {
    at: usize,
    folder: Folder,
    volume: VolumeFile,
}

impl DriveDraft {
    fn open(site: Site) -> Result<DriveDraft> {
        let (Some(cutting), Some(drive)) = (site.cutting.clone(), site.drive.clone()) else {
            return Err(Error::new(Class::Other, "nobody said where media are changed"));
        };
        #[cfg(feature = "age")]
        if site.recipients.is_some() {
            let text = "volumes that go onto media in one drive cannot be encrypted";
            return Err(Error::new(Class::Usage, text)
                .hint("make them in a folder, and copy them, or encrypt them with age"));
        }
        let kept = Kept::open(&site)?;
        let state = State { finished: kept.finished()?, ..State::default() };
        let (key, labels, cut, slots, small, statement, spoilt) = Default::default();
        let state = Mutex::new(state);
        Ok(DriveDraft {
            site,
            kept,
            drive,
            cutting,
            key,
            labels,
            cut,
            slots,
            small,
            small_sha256: Digest::of(b""),
            statement,
            spoilt,
            state,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the file of a volume is called, and what as long as it is in the making.
    fn names(&self, at: usize) -> (String, String) {
        let name = named(&self.site.name.to_string_lossy(), at, ".tar");
        let partial = format!("{name}.partial");
        (name, partial)
    }

    /// Writes a blob that lies in one volume.
    fn put_whole(&self, slot: &Slot, blob: &Descriptor, content: &mut dyn Checked) -> Result<()> {
        let mut state = self.state();
        if state.finished.contains_key(&slot.volume) {
            return Ok(());
        }
        let Some(loaded) = self.turn_to(&mut state, slot.volume)? else { return Ok(()) };
        let volume = &loaded.volume;
        let mut buffer = vec![0; BUFFER];
        let write = |from, content: &mut dyn Content| {
            volume.fill(slot, from, content, &mut buffer)?;
            ended(content)
        };
        self.spoilt.go_on(&blob.digest, || volume.there(slot), content, write)?;
        self.conclude(&mut state, &loaded, slot)
    }

    /// Writes a blob that lies in several volumes. Of those that are finished it has to be the same.
    fn put_parts(
        &self,
        slots: &[Slot],
        blob: &Descriptor,
        content: &mut dyn Checked,
    ) -> Result<()> {
        let mut state = self.state();
        let (mut wrong, mut buffer) = (BTreeSet::new(), vec![0; BUFFER]);
        for slot in slots {
            let loaded = match state.finished.contains_key(&slot.volume) {
                true => None,
                false => self.turn_to(&mut state, slot.volume)?,
            };
            match loaded {
                Some(loaded) => {
                    loaded.volume.fill(slot, 0, content, &mut buffer)?;
                    self.conclude(&mut state, &loaded, slot)?;
                }
                None => {
                    let mut hasher = Hasher::new();
                    pass(slot, 0, content, &mut buffer, |bytes, _| {
                        hasher.update(bytes);
                        Ok(())
                    })?;
                    if state.part(slot) != Some(hasher.finish()) {
                        wrong.insert(slot.volume);
                    }
                }
            }
        }
        ended(content)?;
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(self.wrong(&mut state, &wrong, blob)),
        }
    }

    /// That the volumes `wrong`, which were taken for finished, have other bytes of `blob` than it has.
    fn wrong(&self, state: &mut State, wrong: &BTreeSet<usize>, blob: &Descriptor) -> Error {
        let mut names = Vec::new();
        for at in wrong {
            if let Some((table, _)) = state.finished.remove(at) {
                names.push(table.name());
            }
            if let Err(error) = self.kept.forget(*at) {
                return error;
            }
        }
        let text = format!("{} got wrong bytes of blob {}", names.join(", "), blob.digest);
        Error::new(Class::Damaged, text)
            .subject(Subject::Digest(blob.digest))
            .hint("delete it from its medium, and run the same command again: it is made once more")
    }
}

impl State {
    /// What the table of a finished volume says of a piece.
    fn part(&self, slot: &Slot) -> Option<Digest> {
        let (table, _) = self.finished.get(&slot.volume)?;
        table.pieces.get(slot.piece)?.part.map(|part| part.sha256)
    }
}

impl Making for DriveDraft {
    fn begin(&mut self, head: &Head) -> Result<()> {
        signer(self.key.as_ref(), &self.cutting)?;
        let cut = checked(head, &self.cutting)?;
        (self.slots, self.small) = (Slots::of(&cut), small_files(head)?);
        self.small_sha256 = Digest::of(&self.small);
        (self.labels, self.statement) = (Labels::of(head)?, Some(head.statement));
        self.cut = cut.0;
        let mut state = self.state();
        let is_ours = |at: usize, table: &VolumeTable| {
            let ours = self.cut.get(at).map(|cut| &cut.table);
            ours.is_some_and(|ours| (ours.set, &ours.label) == (table.set, &table.label))
        };
        if !state.finished.iter().all(|(at, (table, _))| is_ours(*at, table)) {
            return Err(self.kept.of_another(&state.finished));
        }
        self.kept.record(&self.small)?;
        // A medium that does not do is told before anything is fetched.
        loop {
            let next = (0..self.cut.len()).find(|at| !state.finished.contains_key(at));
            match next {
                Some(at) if self.turn_to(&mut state, at)?.is_none() => {}
                _ => return Ok(()),
            }
        }
    }

    fn keep_key(&mut self, key: PrivateKey) {
        self.key = self.cutting.is_signed.then_some(key);
    }

    fn order(&self) -> BlobOrder {
        BlobOrder::OfHead
    }

    fn is_bound(&self) -> bool {
        !self.state().finished.is_empty()
    }

    fn holds(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        let slots = self.slots.of_blob(blob)?;
        let own = {
            let state = self.state();
            if slots.iter().all(|slot| state.finished.contains_key(&slot.volume)) {
                return Ok(true);
            }
            match &state.current {
                Some(it) if slots.iter().all(|slot| slot.volume == it.at) => Own(self, it.clone()),
                _ => return Ok(false),
            }
        };
        let is_there = slots.iter().all(|slot| own.1.volume.is_concluded(slot));
        Ok(is_there && hash(&own, blob, progress)?)
    }

    fn sink(&self) -> &dyn BlobSink {
        self
    }

    /// Each medium is asked for its room when it is in the drive.
    fn needs(&self, _missing: &[Descriptor]) -> u64 {
        0
    }

    fn path(&self) -> &Path {
        self.kept.root.path()
    }

    fn finish(&self) -> Result<()> {
        let mut state = self.state();
        for at in 0..self.cut.len() {
            if !state.finished.contains_key(&at) && self.turn_to(&mut state, at)?.is_some() {
                self.finish_current(&mut state)?;
            }
        }
        let mut labels = self.labels.clone();
        for (cut, (table, bytes)) in self.cut.iter().zip(state.finished.values()) {
            labels.add(table, bytes, VolumeFile::size(cut));
        }
        self.kept.write(TEXT, &labels.text())?;
        self.kept.write(SHEET, &labels.sheet())?;
        self.kept.root.sync()
    }

    fn tree(&self) -> Result<Tree> {
        self.kept.tree()
    }

    fn is_whole(&self) -> bool {
        false
    }

    fn read_back(&self) -> Option<Option<ReadBack>> {
        Some(self.state().read_back)
    }

    fn name(&self) -> Result<()> {
        self.site.give_name(self.kept.root.handle())
    }
}

/// The blobs that the volume in the drive holds so far.
struct Own<'a>(&'a DriveDraft, Arc<Loaded>);

impl BlobSource for Own<'_> {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let slots = self.0.slots.of_blob(blob)?;
        let parts = slots.iter().map(|slot| self.1.volume.piece(slot));
        Ok(Raw::new(Stretch::joined(parts).reader(offset)))
    }
}

/// Small files are read again from where they come.
impl BlobSource for DriveDraft {
    fn open(&self, _: &Descriptor, _: u64) -> Result<Raw<'_>> {
        Err(Error::new(Class::Incomplete, "not left behind"))
    }
}

impl BlobHoldings for DriveDraft {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        self.holds(blob, &crate::words::progress::Silent)
    }
}

impl BlobSink for DriveDraft {
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        let blob = content.blob().clone();
        self.state().is_fetching = true;
        match self.slots.of_blob(&blob)? {
            [slot] => self.put_whole(slot, &blob, content),
            slots => self.put_parts(slots, &blob, content),
        }
    }
}

#[cfg(test)]
mod tests;
