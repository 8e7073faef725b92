//! One medium after the other: what is asked between two volumes, and what is done with each.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::super::volumes::signer;
use super::super::volumes::slot::Slot;
use super::super::volumes::volume_file::VolumeFile;
use super::loading::{Fit, ToWrite, load, mount_point};
use super::{DriveDraft, Loaded, State};
use crate::bundle::check;
use crate::bundle::cut::CutVolume;
use crate::medium::attendant::MediaChange;
use crate::medium::in_volumes;
use crate::medium::volume_table::VolumeTable;
use crate::tools::folder::{Folder, Replace};
use crate::tools::uncached::ReadBack;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, ErrorKind, Result, Subject};
use crate::words::progress::Event;

impl DriveDraft {
    /// Gets a medium onto which volume `at` is written, and goes on there; nothing where a medium has it
    /// already.
    pub(super) fn turn_to(&self, state: &mut State, at: usize) -> Result<Option<Arc<Loaded>>> {
        match &state.current {
            Some(loaded) if loaded.at == at => return Ok(Some(Arc::clone(loaded))),
            // All that was to come was there already.
            Some(_) => self.finish_current(state)?,
            None => {}
        }
        let (mut done, mut trouble) = (state.last.take(), None);
        loop {
            self.drive.progress.check()?;
            if done.is_some() || trouble.is_some() {
                self.ask(at, done.as_deref(), trouble.as_deref())?;
            }
            match self.load(state, at)? {
                Fit::Open(folder, file) => {
                    let loaded = Arc::new(self.begin_volume(at, folder, file)?);
                    state.current = Some(Arc::clone(&loaded));
                    return Ok(Some(loaded));
                }
                Fit::Finished(file, table) => match self.adopt(state, at, file, table) {
                    Ok(()) => return Ok(None),
                    Err(e) if e.class() == Class::Interrupted => return Err(e),
                    Err(e) => {
                        let name = self.names(at).0;
                        trouble = Some(format!("{name} is there, and is not right: {}", e));
                    }
                },
                Fit::Not(why) => trouble = Some(why),
            }
            done = None;
        }
    }

    fn load(&self, state: &mut State, at: usize) -> Result<Fit> {
        let Some(cut) = self.cut.get(at) else {
            return Err(Error::new(Class::Other, "there is no such volume"));
        };
        let (name, partial) = self.names(at);
        let wanted = ToWrite {
            name: &name,
            partial: &partial,
            number: cut.table.number,
            set: cut.table.set,
            size: VolumeFile::size(cut),
        };
        let fit = load(&self.drive.folder, state.mounted.as_deref(), &wanted)?;
        if state.mounted.is_none() && !matches!(fit, Fit::Not(_)) {
            state.mounted = mount_point(&self.drive.folder);
        }
        Ok(fit)
    }

    /// Asks for a medium for volume `at`. Where there is nobody, the one that is there is taken if nothing
    /// is wrong with it.
    fn ask(&self, at: usize, done: Option<&str>, trouble: Option<&str>) -> Result<()> {
        let Some(cut) = self.cut.get(at) else { return Ok(()) };
        let (next, folder) = (cut.table.name(), self.drive.folder.display());
        let mut say = Vec::new();
        say.extend(done.map(|done| format!("{done} is done")));
        say.extend(trouble.map(|why| format!("the medium in {folder} does not do: {why}")));
        say.push(format!(
            "put a medium for {next} into {folder}, then press Enter (q: go on another day)"
        ));
        let why = trouble.map_or(String::new(), |why| format!(" does not do: {why}"));
        let error = match self.drive.attendant.asked(&say.join("\n")) {
            MediaChange::Done => return Ok(()),
            MediaChange::Nobody if trouble.is_none() => {
                let done = done.map(|done| Event::note(format!("{done} is done")));
                done.into_iter().for_each(|done| self.drive.progress.event(done));
                return Ok(());
            }
            MediaChange::Nobody => format!("{next} is next, and the medium in {folder}{why}"),
            MediaChange::Later => format!("{next} is next, on another day"),
        };
        Err(Error::new(Class::Incomplete, error)
            .of_kind(ErrorKind::NextMedium)
            .subject(Subject::Path(self.drive.folder.clone()))
            .hint(
                "put another medium there and run the same command again: volumes that are finished \
                 are not made again",
            ))
    }

    /// Begins a volume in `file`, or goes on with it.
    fn begin_volume(&self, at: usize, folder: Folder, file: File) -> Result<Loaded> {
        let path = folder.at(self.names(at).1);
        let cut = self.cut.get(at).cloned();
        let cut = cut.ok_or_else(|| Error::new(Class::Other, "there is no such volume"))?;
        let volume = VolumeFile::new(cut, Arc::new(file), path);
        if !volume.has_begun(&self.small) {
            volume.file.set_len(0).map_err(|e| volume.fault(e))?;
            volume.begin(&self.small)?;
        }
        Ok(Loaded { at, folder, volume })
    }

    /// Takes a volume for finished that has its name already, if it is right to the last byte: what was
    /// to remember it was ended before it could.
    fn adopt(&self, state: &mut State, at: usize, file: File, table: VolumeTable) -> Result<()> {
        let path = self.drive.folder.join(self.names(at).0);
        let way = self.prove(&path, &Arc::new(file), &[self.small_at(at)], true)?;
        state.read_back = state.read_back.max(way);
        let bytes = table.to_bytes()?;
        self.kept.keep(at, &bytes)?;
        state.last = Some(table.name());
        state.finished.insert(at, (table, bytes));
        Ok(())
    }

    /// Where the small files lie in a volume.
    fn small_at(&self, at: usize) -> check::Beginning {
        let at = self.cut.get(at).map_or(0, |cut| cut.head);
        check::Beginning { at, length: self.small.len() as u64, sha256: self.small_sha256 }
    }

    /// Checks the volume in `file` where it lies; every byte of it where it `is_read`.
    fn prove(
        &self,
        path: &Path,
        file: &Arc<File>,
        beginnings: &[check::Beginning],
        is_read: bool,
    ) -> Result<Option<ReadBack>> {
        let tree = in_volumes::of_plain(path, file)?;
        let tree = tree.ok_or_else(|| {
            Error::new(Class::Damaged, format!("{} is no volume any more", path.display()))
        })?;
        let tree = if self.drive.verify_media { tree.past_cache()? } else { tree };
        let way = tree.read_back();
        let statement = self.statement.unwrap_or_else(|| Digest::of(b""));
        let progress = &*self.drive.progress;
        check::volume(tree, file, &statement, beginnings, is_read, progress).map(|()| way)
    }

    /// Finishes the volume that is being written, and gives it its name.
    pub(super) fn finish_current(&self, state: &mut State) -> Result<()> {
        let Some(loaded) = state.current.take() else { return Ok(()) };
        let Loaded { at, folder, volume } = &*loaded;
        if !volume.is_whole() {
            let text = format!("{} has not all of its pieces", volume.path.display());
            return Err(Error::new(Class::Other, text).hint("run the same command again"));
        }
        let (table, bytes, start) = volume.finish(signer(self.key.as_ref(), &self.cutting)?)?;
        let beginnings = [start, self.small_at(*at)];
        let is_read = self.drive.verify_media;
        let proven = self.prove(&volume.path, &volume.file, &beginnings, is_read);
        let way = proven.inspect_err(|_| {
            // What did not come back is not believed by the next run either.
            if let Ok(Some(tree)) = in_volumes::of_plain(&volume.path, &volume.file) {
                tree.forget();
            }
        })?;
        state.read_back = state.read_back.max(way);
        let (name, partial) = self.names(*at);
        folder.rename(&partial, &name, &*volume.file, Replace::No).map_err(|e| {
            Error::io(format!("cannot rename {} to {name}", volume.path.display()), e)
        })?;
        folder.sync()?;
        self.kept.keep(*at, &bytes)?;
        state.last = Some(table.name());
        state.finished.insert(*at, (table, bytes));
        if self.drive.verify_media && state.is_fetching {
            // The bar of what is read back has taken the place of that of what comes.
            self.drive.progress.event(self.rest(state));
        }
        Ok(())
    }

    /// The phase of what is still to come.
    fn rest(&self, state: &State) -> Event {
        let rest = |(at, _): &(usize, &CutVolume)| !state.finished.contains_key(at);
        let volumes = self.cut.iter().enumerate().filter(rest);
        let pieces = volumes.flat_map(|(_, volume)| &volume.table.pieces);
        let (items, bytes) =
            pieces.fold((0, 0), |(items, bytes), it| (items + 1, bytes + it.length()));
        Event::Phase { name: "fetching", bytes, items }
    }

    /// Says that a piece is there, and finishes the volume where it was the last.
    pub(super) fn conclude(&self, state: &mut State, loaded: &Loaded, slot: &Slot) -> Result<()> {
        loaded.volume.conclude(slot)?;
        match slot.piece + 1 == loaded.volume.cut.pieces.len() {
            true => self.finish_current(state),
            false => Ok(()),
        }
    }
}
