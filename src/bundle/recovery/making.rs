//! [`protect`]: recovery data is made.

use std::ffi::OsString;

use super::existing::Existing;
use super::layout::{RecoveryFile, Redundancy, SetLayout};
use super::sources::{ProtectedFiles, Sliced};
use super::spot::RecoverySpot;
use crate::medium::Medium;
use crate::tools::file::{AtomicFile, sweep_in};
use crate::tools::par2::{RECOVERY_HEAD, RecoveryPacket, RecoverySet, critical, encode};
use crate::tools::room;
use crate::words::error::{Error, Result};
use crate::words::progress::{Event, Progress};

/// Permissions of the files: whoever carries the bundle may read them.
const MODE: u32 = 0o644;
/// Who made them, as `par2` shows it.
const CREATOR: &str = concat!("sealift ", env!("CARGO_PKG_VERSION"));

/// The recovery data of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// How it was cut.
    pub layout: SetLayout,
    /// The files, in order, as paths beside the bundle or within it.
    pub files: Vec<String>,
    /// How many bytes they have.
    pub bytes: u64,
    /// Whether all of it was there already.
    pub was_there: bool,
}

/// Makes recovery data for the bundle on `medium`, as much as `redundancy` says, unless it is there. Each
/// file gets its name when it is whole, the one without recovery slices last; the same call goes on
/// after it was stopped.
///
/// # Errors
/// Those of the disk; [`Class::Refused`](crate::words::error::Class::Refused) where recovery data of
/// something else is in the way; [`Class::Usage`](crate::words::error::Class::Usage) for what PAR2 has no
/// room for.
pub fn protect(
    medium: &Medium,
    redundancy: Redundancy,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Protection> {
    let sources = ProtectedFiles::open(medium)?;
    sources.refuse_faults()?;
    let layout = SetLayout::of(&sources, redundancy)?;
    let bytes = sources.names().iter().map(|(_, size)| size).sum();
    let items = sources.names().len() as u64;
    progress.event(Event::Phase { name: "cutting into slices", bytes, items });
    let set = sources.sums(layout.slice_size, jobs, progress)?;
    progress.event(Event::Done);

    let spot = RecoverySpot::make(medium)?;
    sweep_in(&spot.folder)?;
    let head = critical(&set, CREATOR);
    let volumes: Vec<Volume> =
        layout.files(head.len() as u64).into_iter().map(|it| Volume::of(it, &spot)).collect();
    let files = volumes.iter().map(|volume| volume.name.clone()).chain([spot.index()]).collect();
    let bytes = volumes.iter().fold(head.len() as u64, |sum, volume| sum + volume.file.len);
    let there = Existing::of(&set, &spot, progress)?;
    let is_there = |name: &String| there.names.iter().any(|there| there == name.as_str());
    let protection = Protection { layout, files, bytes, was_there: true };
    if protection.files.iter().all(is_there)
        && (0..layout.recovery).all(|it| there.slices.contains(&it))
    {
        return Ok(protection);
    }

    room::check(spot.folder.path(), bytes, "for recovery data")?;
    write(&volumes, &head, &set, &Sliced::named(&set, &sources), layout, &spot, jobs, progress)?;
    // What is there of the same set under other names says nothing that is not said now.
    let is_stale = |name: &&OsString| !protection.files.iter().any(|file| *name == file.as_str());
    for name in there.names.iter().filter(is_stale) {
        let fault = |e| Error::io(format!("cannot remove {}", spot.folder.at(name).display()), e);
        spot.folder.remove(name).map_err(fault)?;
    }
    spot.folder.is_found()?;
    Ok(Protection { was_there: false, ..protection })
}

/// A file of recovery slices to be.
struct Volume {
    name: String,
    file: RecoveryFile,
}

impl Volume {
    fn of(file: RecoveryFile, spot: &RecoverySpot) -> Volume {
        Volume { name: spot.volume(file.first.into(), file.count.into()), file }
    }
}

/// A file of recovery slices in the making.
struct Begun<'v> {
    volume: &'v Volume,
    file: AtomicFile,
    packets: Vec<RecoveryPacket>,
}

#[expect(clippy::too_many_arguments, reason = "what is written, of what, and where")]
fn write(
    volumes: &[Volume],
    head: &[u8],
    set: &RecoverySet,
    slices: &Sliced<'_>,
    layout: SetLayout,
    spot: &RecoverySpot,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<()> {
    let fault = |name: &str| {
        let path = spot.folder.at(name);
        move |e| Error::io(format!("cannot write {}", path.display()), e)
    };
    let mut begun = Vec::new();
    for volume in volumes {
        let file = AtomicFile::locked_within(&spot.folder, &volume.name, MODE)?;
        let rows = volume.file.first..volume.file.first + volume.file.count;
        let packets = rows.map(|row| RecoveryPacket::new(set, row)).collect();
        file.write_at(head, 0).map_err(fault(&volume.name))?;
        begun.push(Begun { volume, file, packets });
    }
    let most = usize::from(volumes.first().map_or(1, |volume| volume.file.count));
    let begins = |row: usize| head.len() as u64 + row as u64 * (layout.slice_size + RECOVERY_HEAD);
    let bytes = layout.slices as u64 * layout.slice_size;
    let items = layout.slices as u64;
    progress.event(Event::Phase { name: "making recovery data", bytes, items });
    let sizes = (layout.slices, layout.slice_size, layout.recovery);
    encode(slices, sizes, jobs, progress, &mut |row, offset, bytes| {
        let (volume, row) = (usize::from(row) / most, usize::from(row) % most);
        let Begun { volume, file, packets } = &mut begun[volume];
        packets[row].update(bytes);
        file.write_at(bytes, begins(row) + RECOVERY_HEAD + offset).map_err(fault(&volume.name))
    })?;
    for Begun { volume, file, packets } in begun {
        let end = begins(packets.len());
        for (row, packet) in packets.into_iter().enumerate() {
            file.write_at(&packet.head(), begins(row)).map_err(fault(&volume.name))?;
        }
        // What the files are is said at both ends: without it nothing can be repaired.
        file.write_at(head, end).map_err(fault(&volume.name))?;
        file.commit()?;
    }
    let index = AtomicFile::locked_within(&spot.folder, spot.index(), MODE)?;
    index.write_at(head, 0).map_err(fault(&spot.index()))?;
    index.commit()?;
    progress.event(Event::Done);
    Ok(())
}
