//! An uncompressed tar as a [`Tree`](super::Tree): its headers are read, its contents stay where
//! they are.
//!
//! Only what every tar reader understands alike is accepted: plain files and folders, one header
//! each. Extensions that rename or resize an entry, links, sparse files, names that stand twice,
//! padding that is not zero, and anything behind the end are faults
//! (RUSTSEC-2026-0068, RUSTSEC-2025-0111 and their kin).

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use tar::{EntryType, Header};

use super::{Fault, MAX_FAULTS, MAX_FILES, Place};
use crate::words::error::{Error, Result as Checked};

/// tar's unit, in bytes.
pub const BLOCK: u64 = 512;
/// Most zeros behind the end. GNU tar fills its last record of 10 KiB; one MiB is the largest
/// record size in use.
const MAX_TAIL: u64 = 1 << 20;
/// Largest extension header that is looked at; timestamps and owners need a few hundred bytes.
const MAX_EXTENSION: u64 = 64 << 10;

/// The block in front of a plain file of `size` bytes, with nothing in it that depends on who
/// writes it and where. `mtime` is in seconds since 1970.
///
/// # Errors
/// When `path` is longer than a header has room for.
pub fn header(path: &str, size: u64, mtime: u64) -> Checked<[u8; BLOCK as usize]> {
    let mut header = Header::new_ustar();
    header
        .set_path(path)
        .map_err(|e| Error::io(format!("{path} does not fit into a tar header"), e))?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    // Above 8 GiB this is the base-256 form, which GNU tar, Go and libarchive all read.
    header.set_size(size);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// What a walk over the headers found.
struct Scan<'a> {
    file: &'a File,
    length: u64,
    files: BTreeMap<String, Place>,
    faults: Vec<Fault>,
}

/// Why the walk cannot go on behind this point.
struct Stop;

/// Lists the regular files of the tar in `file`, and what is wrong with it.
pub(super) fn list(file: &File) -> io::Result<(BTreeMap<String, Place>, Vec<Fault>)> {
    let length = file.metadata()?.len();
    let mut scan = Scan { file, length, files: BTreeMap::new(), faults: Vec::new() };
    let mut at = 0;
    while let Ok(next) = scan.entry(at)? {
        at = next;
    }
    Ok((scan.files, scan.faults))
}

impl Scan<'_> {
    /// Reads the header at `at` and gives the position of the next one.
    fn entry(&mut self, at: u64) -> io::Result<Result<u64, Stop>> {
        if at + BLOCK > self.length {
            let what = format!("the file ends at byte {} without its end mark", self.length);
            return Ok(self.stop("", true, what));
        }
        let mut block = [0; BLOCK as usize];
        self.file.read_exact_at(&mut block, at)?;
        if block == [0; BLOCK as usize] {
            return self.tail(at);
        }
        let header = Header::from_byte_slice(&block);
        let Ok((path, size)) = read_header(header, &block) else {
            let what = match at {
                0 => "is no plain tar, or its first header is damaged".to_owned(),
                _ => format!("the header at byte {at} is damaged"),
            };
            return Ok(self.stop("", false, what));
        };
        let data = at + BLOCK;
        let Some(end) = data.checked_add(size).filter(|end| *end <= self.length) else {
            let what = format!("the file ends at byte {}, inside this entry", self.length);
            return Ok(self.stop(&path, true, what));
        };
        let next = end.next_multiple_of(BLOCK);
        if next > self.length {
            let what = format!("the file ends at byte {}, right behind this entry", self.length);
            // Its bytes are all there: who only looks for bytes may have them.
            self.keep(header.entry_type(), path.clone(), data, size)?;
            return Ok(self.stop(&path, true, what));
        }
        if !self.is_zero(end, next)? {
            self.fault(&path, "is followed by padding that is not zero");
        }
        self.keep(header.entry_type(), path, data, size)?;
        if self.faults.len() >= MAX_FAULTS {
            return Ok(self.stop("", false, "has further faults".to_owned()));
        }
        if self.files.len() > MAX_FILES {
            return Ok(self.stop("", false, format!("holds more than {MAX_FILES} files")));
        }
        Ok(Ok(next))
    }

    /// Files the entry under what it is.
    fn keep(&mut self, kind: EntryType, path: String, data: u64, size: u64) -> io::Result<()> {
        let name = path.strip_prefix("./").unwrap_or(&path).to_owned();
        match kind {
            EntryType::Regular if is_plain(&name) => {
                let place = Place { offset: Some(data), size };
                if self.files.insert(name.clone(), place).is_some() {
                    self.fault(&name, "stands twice");
                }
            }
            EntryType::Regular => self.fault(&path, "is no acceptable file name"),
            EntryType::Directory if size == 0 => {}
            EntryType::XHeader | EntryType::XGlobalHeader => self.extension(&path, data, size)?,
            EntryType::Symlink => self.fault(&name, "is a symbolic link, not a file"),
            EntryType::Link => self.fault(&name, "is a hard link, not a file"),
            other => {
                self.fault(&name, &format!("is of tar type {:?}, not a file", other.as_byte()))
            }
        }
        Ok(())
    }

    /// An extension header may carry times and owners, but nothing that another reader would
    /// take for another name, size or content.
    fn extension(&mut self, path: &str, data: u64, size: u64) -> io::Result<()> {
        if size > MAX_EXTENSION {
            self.fault(path, "is an extension header larger than 64 KiB");
            return Ok(());
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, data)?;
        let harmless = |key: &str| {
            matches!(key, "mtime" | "atime" | "ctime" | "uid" | "gid" | "uname" | "gname")
        };
        let fine = tar::PaxExtensions::new(&bytes)
            .all(|record| record.is_ok_and(|record| record.key().is_ok_and(harmless)));
        if !fine {
            self.fault(path, "is an extension header that changes a name, size or content");
        }
        Ok(())
    }

    /// Behind the first zero block: a second one, and nothing but zeros.
    fn tail(&mut self, at: u64) -> io::Result<Result<u64, Stop>> {
        if at + 2 * BLOCK > self.length {
            let what = format!("the file ends at byte {}, inside its end mark", self.length);
            return Ok(self.stop("", true, what));
        }
        if self.length - at > MAX_TAIL || !self.is_zero(at, self.length)? {
            return Ok(self.stop("", false, format!("has data behind its end at byte {at}")));
        }
        Ok(Err(Stop))
    }

    fn is_zero(&self, from: u64, to: u64) -> io::Result<bool> {
        let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, from)?;
        Ok(bytes.iter().all(|byte| *byte == 0))
    }

    fn fault(&mut self, path: &str, what: &str) {
        self.faults.push(Fault { path: path.to_owned(), truncated: false, what: what.to_owned() });
    }

    fn stop<T>(&mut self, path: &str, truncated: bool, what: String) -> Result<T, Stop> {
        self.faults.push(Fault { path: path.to_owned(), truncated, what });
        Err(Stop)
    }
}

/// The name and size in a header whose checksum holds.
fn read_header(header: &Header, block: &[u8; BLOCK as usize]) -> Result<(String, u64), ()> {
    let sum = block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]);
    let sum: u32 = sum.map(|byte| u32::from(*byte)).sum();
    // A size of more than 64 bits: readers differ in which of its bytes they drop.
    let oversized = block[124] & 0x80 != 0 && (block[124] != 0x80 || block[125..128] != [0; 3]);
    if header.cksum().map_err(drop)? != sum || oversized {
        return Err(());
    }
    let name = header.path_bytes();
    let name = std::str::from_utf8(&name).map_err(drop)?.to_owned();
    Ok((name, header.entry_size().map_err(drop)?))
}

/// A relative path of plain components.
fn is_plain(path: &str) -> bool {
    path.len() <= 255 && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
