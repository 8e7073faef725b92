//! What an uncompressed tar holds: its headers are read, its contents stay where they are.
//!
//! Only what every tar reader understands alike is accepted: plain files and folders, one header
//! each. Extensions that rename an entry or contradict its header, links, sparse files, names that
//! stand twice, padding that is not zero, dialects of headers that are rare, and anything behind the
//! end are faults (RUSTSEC-2026-0068, RUSTSEC-2025-0111 and their kin). Symbolic links are listed
//! where they are asked for, and followed by nobody but [`resolve`](super::links::resolve).

use std::io;

use tar::{EntryType, Header};

use super::entries::{Entries, MAX_LISTING, TOO_MANY, listing};
use super::fault::{FaultKind, MAX_FAULTS, TreeFault};
use super::header::{BLOCK, read_header};
use super::names::{inside, is_plain};
use super::pax;
use super::pieces::{Extent, FileNumber, Pieces};
use super::tar_bytes::TarBytes;

/// Most zeros behind the end. GNU tar fills its last record of 10 KiB; one MiB is the largest
/// record size in use.
const MAX_TAIL: u64 = 1 << 20;
/// Largest extension header that is looked at: what Go reads. Times and owners need a few hundred
/// bytes, a Mac's extended attributes some thousand.
const MAX_EXTENSION: u64 = 1 << 20;

/// What a walk over the headers found.
struct Scan<'a> {
    bytes: &'a mut dyn TarBytes,
    /// Whether it is somebody else's archive: symbolic links are listed instead of being faults,
    /// and names may begin with a slash.
    is_source: bool,
    /// Which file of the medium it is.
    file: FileNumber,
    entries: &'a mut Entries,
    /// What an extension header says of the next entry's size.
    size: Option<u64>,
}

/// That the walk does not go on behind this point.
struct Ended;

/// Lists the regular files of the tar in `bytes`, its symbolic links too if it `is_source`, and
/// what is wrong with it.
pub(super) fn list(bytes: &mut dyn TarBytes, is_source: bool) -> io::Result<Entries> {
    let mut entries = Entries::default();
    go_on(&mut entries, bytes, is_source, FileNumber::default())?;
    entries.check_parents();
    Ok(entries)
}

/// Goes on with a list by what the tar in `bytes` holds, which is `file` of its medium. Whoever has
/// listed the last of them [checks](Entries::check_parents) the list.
pub(super) fn go_on(
    entries: &mut Entries,
    bytes: &mut dyn TarBytes,
    is_source: bool,
    file: FileNumber,
) -> io::Result<()> {
    let mut scan = Scan { bytes, is_source, file, entries, size: None };
    let mut at = 0;
    while let Ok(next) = scan.entry(at)? {
        at = next;
    }
    Ok(())
}

impl Scan<'_> {
    /// Reads the header at `at` and gives the position of the next one.
    fn entry(&mut self, at: u64) -> io::Result<Result<u64, Ended>> {
        let mut block = [0; BLOCK as usize];
        if self.bytes.read_at(&mut block, at)? < block.len() {
            let end = self.bytes.end();
            if at == 0 && self.is_source {
                return Ok(self.stop("", false, "is no archive of images".to_owned()));
            }
            let what = format!("the file ends at byte {end} without its end mark");
            return Ok(self.stop("", true, what));
        }
        if block == [0; BLOCK as usize] {
            return self.tail(at);
        }
        let Ok((path, size)) = read_header(&block, self.is_source) else {
            let what = match at {
                0 => "is no plain tar, or its first header is damaged or of an uncommon dialect"
                    .to_owned(),
                _ => format!("the header at byte {at} is damaged, or of an uncommon dialect"),
            };
            return Ok(self.stop("", false, what));
        };
        let header = Header::from_byte_slice(&block);
        let (kind, data) = (header.entry_type(), at + BLOCK);
        let size = self.true_size(kind, &path, size);
        let about = match kind {
            EntryType::XHeader | EntryType::XGlobalHeader if size <= MAX_EXTENSION => {
                self.read(data, size)?
            }
            EntryType::Symlink | EntryType::Link => {
                header.link_name_bytes().unwrap_or_default().into_owned()
            }
            EntryType::Regular => {
                self.bytes.file(data, size)?;
                Vec::new()
            }
            _ => Vec::new(),
        };
        let end = data.checked_add(size).filter(|end| end.checked_add(BLOCK).is_some());
        let whole = match end {
            Some(end) => self.bytes.reaches(end)?,
            None => false,
        };
        let Some(end) = end.filter(|_| whole) else {
            let what = format!("the file ends at byte {}, inside this entry", self.bytes.end());
            return Ok(self.stop(&path, true, what));
        };
        let next = end.next_multiple_of(BLOCK);
        let padding = self.read(end, next - end)?;
        if (padding.len() as u64) < next - end {
            let end = self.bytes.end();
            let what = format!("the file ends at byte {end}, right behind this entry");
            // Its bytes are all there: who only looks for bytes may have them.
            self.keep(kind, path.clone(), data, size, &about);
            return Ok(self.stop(&path, true, what));
        }
        if padding.iter().any(|byte| *byte != 0) {
            self.fault(&path, "is followed by padding that is not zero");
        }
        self.entries.listed += match kind {
            EntryType::XHeader | EntryType::XGlobalHeader => 0,
            EntryType::Symlink | EntryType::Link => listing(&path) + about.len(),
            _ => listing(&path),
        };
        self.keep(kind, path, data, size, &about);
        if self.entries.faults.len() >= MAX_FAULTS {
            return Ok(self.stop("", false, "has further faults".to_owned()));
        }
        if self.entries.listed > MAX_LISTING {
            return Ok(self.stop("", false, TOO_MANY.to_owned()));
        }
        Ok(Ok(next))
    }

    /// The size of an entry whose header says `size`: what an extension header in front of it
    /// says, where the two do not contradict each other.
    fn true_size(&mut self, kind: EntryType, path: &str, size: u64) -> u64 {
        let Some(told) = self.size.take() else { return size };
        if kind == EntryType::Regular && (size == 0 || size == told) {
            return told;
        }
        let what = format!("has {size} bytes by its header and {told} by an extension header");
        self.fault(path, &what);
        size
    }

    /// The `size` bytes at `at`, or fewer where the tar ends.
    fn read(&mut self, at: u64, size: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        let got = self.bytes.read_at(&mut bytes, at)?;
        bytes.truncate(got);
        Ok(bytes)
    }

    /// Files the entry under what it is. `about` is what an extension header holds, and where a
    /// link leads.
    fn keep(&mut self, kind: EntryType, path: String, data: u64, size: u64, about: &[u8]) {
        let name = self.name(&path).to_owned();
        match kind {
            EntryType::Regular if is_plain(&name) => {
                let pieces = Pieces::several(&[Extent { file: self.file, at: data, size }]);
                match self.entries.files.get(&name) {
                    None if !self.entries.links.contains_key(&name) => {
                        self.entries.files.insert(name, pieces);
                    }
                    // Whether it is the same is seen when all are known.
                    Some(first) if self.is_source && first.size() == size => {
                        self.entries.again.push((name, pieces));
                    }
                    _ => self.fault(&name, "stands twice"),
                }
            }
            EntryType::Regular => self.fault(&path, "is no acceptable file name"),
            EntryType::Directory if size == 0 => {
                let name = name.strip_suffix('/').unwrap_or(&name);
                match name {
                    "" | "." => {}
                    _ if is_plain(name) => drop(self.entries.folders.insert(name.to_owned())),
                    _ => self.fault(&path, "is no acceptable file name"),
                }
            }
            EntryType::XHeader | EntryType::XGlobalHeader => {
                self.extension(&path, size, about, kind == EntryType::XGlobalHeader);
            }
            EntryType::Symlink if self.is_source && size == 0 && is_plain(&name) => {
                match String::from_utf8(about.to_vec()) {
                    Ok(to) => self.link(name, to),
                    Err(_) => self.fault(&name, "is a link to a name that is not UTF-8"),
                }
            }
            // Another name of a file, given from where the archive begins.
            EntryType::Link if self.is_source && size == 0 && is_plain(&name) => {
                match std::str::from_utf8(about).map(inside) {
                    Ok(to) if is_plain(to) => {
                        let up = "../".repeat(name.matches('/').count());
                        self.link(name, up + to);
                    }
                    _ => self.fault(&name, "is a hard link to no acceptable file name"),
                }
            }
            // What GNU tar calls the archive, and its lists of what was in a folder.
            other if self.is_source && other.as_byte() == b'V' && size == 0 => {}
            other if self.is_source && other.as_byte() == b'D' => {
                self.keep(EntryType::Directory, path, data, 0, about);
            }
            EntryType::Symlink => self.no_file(&name, "a symbolic link"),
            EntryType::Link => self.no_file(&name, "a hard link"),
            other => self.no_file(&name, &spelled(other)),
        }
    }

    fn link(&mut self, name: String, to: String) {
        let twice = self.entries.files.contains_key(&name);
        match self.entries.links.get(&name) {
            Some(first) if *first == to => {}
            None if !twice => drop(self.entries.links.insert(name, to)),
            _ => self.fault(&name, "stands twice"),
        }
    }

    /// What an entry is called in the tree.
    fn name<'p>(&self, path: &'p str) -> &'p str {
        if self.is_source { inside(path) } else { path.strip_prefix("./").unwrap_or(path) }
    }

    /// An extension header may say anything that does not make the next entry another one.
    fn extension(&mut self, path: &str, size: u64, bytes: &[u8], is_global: bool) {
        if size > MAX_EXTENSION {
            self.fault(path, "is an extension header larger than 1 MiB");
            return;
        }
        match pax::size(bytes, is_global) {
            Ok(size) => self.size = size,
            Err(what) => self.fault(path, &what),
        }
    }

    /// Behind the first zero block, which is at `at`: a second one, and nothing but zeros.
    fn tail(&mut self, at: u64) -> io::Result<Result<u64, Ended>> {
        if self.size.take().is_some() {
            self.fault("", "ends with an extension header that is for nothing");
        }
        let rest = self.read(at + BLOCK, MAX_TAIL)?;
        let got = rest.len() as u64;
        if got < BLOCK {
            let what = format!("the file ends at byte {}, inside its end mark", self.bytes.end());
            return Ok(self.stop("", true, what));
        }
        if got + BLOCK > MAX_TAIL || rest.iter().any(|byte| *byte != 0) {
            return Ok(self.stop("", false, format!("has data behind its end at byte {at}")));
        }
        Ok(Err(Ended))
    }

    fn fault(&mut self, path: &str, what: &str) {
        self.note(path, FaultKind::Unacceptable, what.to_owned());
    }

    fn no_file(&mut self, path: &str, what: &str) {
        self.note(path, FaultKind::NotAFile, format!("is {what}, not a file"));
    }

    fn stop<T>(&mut self, path: &str, truncated: bool, what: String) -> Result<T, Ended> {
        let kind = if truncated { FaultKind::Truncated } else { FaultKind::Unacceptable };
        self.note(path, kind, what);
        Err(Ended)
    }

    fn note(&mut self, path: &str, kind: FaultKind, what: String) {
        self.entries.faults.push(TreeFault { path: path.to_owned(), kind, what });
    }
}

/// What an entry of a type that no archive of images has is, for people.
fn spelled(kind: EntryType) -> String {
    let known = match kind.as_byte() {
        b'3' => "a character device",
        b'4' => "a block device",
        b'5' => "a folder with content",
        b'6' => "a pipe (FIFO)",
        b'7' => "a contiguous file",
        b'D' => "a list of a folder's files, as incremental GNU tar writes them",
        b'M' => "the continuation of a file from another volume",
        b'N' => "a long name of old GNU tar",
        b'S' => "a sparse file",
        b'V' => "a volume label",
        b'A' | b'E' | b'I' | b'X' => "an entry of Solaris' tar",
        0..=b' ' | 0x7f.. => return format!("an entry of the unknown tar type {}", kind.as_byte()),
        other => return format!("an entry of the unknown tar type \"{}\"", char::from(other)),
    };
    known.to_owned()
}
