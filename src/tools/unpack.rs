//! [`unpack`]: the files of a tar that nobody trusts, for another program to look at.
//!
//! What counts is that no byte of a file escapes whoever looks, and that nothing is written but plain files
//! below the folder that was given. So no file ever takes the place of another; what cannot have its name
//! is written under a number; and links, devices and owners, which have no bytes, are not made.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::rc::Rc;

use tar::{Archive, EntryType};

use super::buffer::{BUFFER, copy};
use super::folder::Folder;
use crate::words::error::{Class, Error, Result};

/// Most files and folders of one tar. Large layers have some hundred thousand; each takes an inode of the
/// disk, which would run out for others.
pub const MAX_FILES: u64 = 4_000_000;
/// Most bytes of all headers of one entry, which are held in memory: names and attributes. A name has 4 KiB.
const MAX_HEADERS: u64 = 1 << 20;
/// Deepest folder: fewer than can be removed again ([`Folder::clear`]). Layers have some thirty.
const MAX_DEPTH: usize = 48;
/// Most files whose other names are told.
const MAX_TOLD: usize = 1_000;
/// Permissions of folders and files, which nobody else may see.
const PRIVATE: (u32, u32) = (0o700, 0o600);

/// What was unpacked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// How many files.
    pub files: u64,
    /// The first thousand that could not have their names, by their numbers, with what they are called in
    /// the tar.
    pub renamed: Vec<(u64, String)>,
    /// How many could not.
    pub unnamed: u64,
}

/// Unpacks the tar that `reader` gives, which errors call `what`: its files into `files`, under the
/// names that they have, else into `renamed` under a number. Bytes behind its end are one of those.
///
/// # Errors
/// Those of `reader`, and of the disk; [`Class::Damaged`] for what is no tar, or would be read in different
/// ways by different programs.
pub fn unpack(
    reader: &mut dyn Read,
    files: &Folder,
    renamed: &Folder,
    what: &str,
) -> Result<Unpacked> {
    let mut into = Unpacking {
        files,
        renamed,
        last: None,
        made: 0,
        buffer: vec![0; BUFFER],
        done: Unpacked::default(),
    };
    let broken = |e: io::Error| match Error::from_io(e) {
        Ok(error) => error,
        Err(e) => Error::new(Class::Damaged, format!("{what}: is no tar that can be unpacked"))
            .source(e)
            .hint("what was not scanned does not cross: have it made anew"),
    };
    let left = Rc::new(Cell::new(MAX_HEADERS));
    let mut archive = Archive::new(Metered { reader: &mut *reader, left: Rc::clone(&left) });
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        // Its own bytes go to the disk, and those of the next headers to memory.
        left.set(u64::MAX);
        let path = entry.path_bytes().into_owned();
        let kind = entry.header().entry_type();
        if kind == EntryType::GNUSparse {
            // Its holes would be written out, as many bytes as it says.
            let name = String::from_utf8_lossy(&path).into_owned();
            let text =
                format!("{what}: {name} is a sparse file of GNU tar's, which is not unpacked");
            return Err(Error::new(Class::Damaged, text)
                .hint("what was not scanned does not cross: have it made anew"));
        }
        let has_none = matches!(
            kind,
            EntryType::Directory
                | EntryType::Symlink
                | EntryType::Link
                | EntryType::Char
                | EntryType::Block
                | EntryType::Fifo
        );
        if has_none && entry.size() > 0 {
            // Some programs read these bytes as further entries, and others do not.
            let name = String::from_utf8_lossy(&path).into_owned();
            let text = format!("{what}: {name} is no file, and has bytes");
            return Err(Error::new(Class::Damaged, text)
                .hint("what was not scanned does not cross: have it made anew"));
        }
        match kind {
            EntryType::Directory => into.folder(&path)?,
            EntryType::XGlobalHeader => {}
            _ if has_none => {}
            _ => into.file(&path, &mut entry)?,
        }
        left.set(MAX_HEADERS);
    }
    drop(archive);
    into.rest(reader)?;
    Ok(into.done)
}

/// Gives no more than so many bytes, as long as it stands.
struct Metered<'r> {
    reader: &'r mut dyn Read,
    left: Rc<Cell<u64>>,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.reader.read(buffer)?;
        match self.left.get().checked_sub(got as u64) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other("the names of a file take more than 1 MiB")),
        }
        Ok(got)
    }
}

struct Unpacking<'u> {
    files: &'u Folder,
    renamed: &'u Folder,
    /// The folder that was used last, and its path.
    last: Option<(Vec<OsString>, Folder)>,
    /// How many files and folders were made.
    made: u64,
    buffer: Vec<u8>,
    done: Unpacked,
}

impl Unpacking<'_> {
    fn folder(&mut self, path: &[u8]) -> Result<()> {
        if let Some(parts) = parts(path) {
            // What has no bytes and cannot be made is not missed.
            if let Err(e) = self.open(&parts) {
                self.harmless(e)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &[u8], from: &mut dyn Read) -> Result<()> {
        let made = match self.create(path)? {
            Some(file) => file,
            None => self.create_renamed(path)?,
        };
        self.write(made, from)
    }

    fn write(&mut self, mut file: File, from: &mut dyn Read) -> Result<()> {
        self.done.files += 1;
        copy(from, &mut file, &mut self.buffer)
            .and_then(|_| file.flush())
            .map_err(|e| Error::io("cannot unpack what is scanned", e))
    }

    /// The file `path`, where it can have that name.
    fn create(&mut self, path: &[u8]) -> Result<Option<File>> {
        let Some(mut parts) = parts(path) else { return Ok(None) };
        let Some(name) = parts.pop() else { return Ok(None) };
        self.count()?;
        let made = self.open(&parts).and_then(|folder| folder.create(&name, PRIVATE.1));
        match made {
            Ok(file) => Ok(Some(file)),
            Err(e) => self.harmless(e).map(|()| None),
        }
    }

    fn create_renamed(&mut self, path: &[u8]) -> Result<File> {
        self.count()?;
        self.done.unnamed += 1;
        let number = self.done.unnamed;
        if self.done.renamed.len() < MAX_TOLD {
            self.done.renamed.push((number, String::from_utf8_lossy(path).into_owned()));
        }
        let made = self.renamed.create(number.to_string(), PRIVATE.1);
        made.map_err(|e| Error::io("cannot unpack what is scanned", e))
    }

    /// The folder whose path is `parts`, which is made where it is missing.
    fn open(&mut self, parts: &[OsString]) -> io::Result<Folder> {
        if let Some((path, folder)) = &self.last
            && path == parts
        {
            return Ok(folder.clone());
        }
        let mut folder = self.files.clone();
        for part in parts {
            folder = match folder.below(part) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    self.count().map_err(Error::into_io)?;
                    folder.create_folder(part, PRIVATE.0)?
                }
                other => other?,
            };
        }
        self.last = Some((parts.to_vec(), folder.clone()));
        Ok(folder)
    }

    fn count(&mut self) -> Result<()> {
        self.made += 1;
        match self.made > MAX_FILES {
            true => {
                let text = format!("it has more than {MAX_FILES} files, too many to be unpacked");
                Err(Error::new(Class::Damaged, text)
                    .hint("scan it as a stream, without a folder of its files"))
            }
            false => Ok(()),
        }
    }

    /// Nothing where `error` is about a name, which another one gets round.
    fn harmless(&self, error: io::Error) -> Result<()> {
        match error.kind() {
            io::ErrorKind::AlreadyExists
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidData => Ok(()),
            _ => Err(Error::io("cannot unpack what is scanned", error)),
        }
    }

    /// Writes what stands behind the end, unless that is zeros.
    fn rest(&mut self, reader: &mut dyn Read) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let got = match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(got) => got,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Error::io("cannot read what is scanned", e)),
            };
            if buffer[..got].iter().any(|byte| *byte != 0) {
                let file = self.create_renamed(b"(behind the end of the tar)")?;
                return self.write(file, &mut (&buffer[..got]).chain(reader));
            }
        }
    }
}

/// The names that `path` is made of; nothing for one that leads out of where it begins, or too deep.
fn parts(path: &[u8]) -> Option<Vec<OsString>> {
    let parts = path.split(|byte| *byte == b'/').filter(|part| !matches!(part, [] | [b'.']));
    let parts: Vec<OsString> = parts.map(|part| OsString::from_vec(part.to_vec())).collect();
    let leads_out = |part: &OsString| part == OsStr::new("..") || part.as_bytes().contains(&0);
    (parts.len() <= MAX_DEPTH && !parts.iter().any(leads_out)).then_some(parts)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A tar of entries: name, type, bytes or where a link leads.
    fn tar(entries: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
        let mut tar = Vec::new();
        for (name, kind, bytes) in entries {
            let mut header = tar::Header::new_gnu();
            let raw = header.as_mut_bytes();
            raw[..name.len()].copy_from_slice(name);
            raw[156] = *kind;
            let is_link = matches!(kind, b'1' | b'2');
            if is_link {
                raw[157..157 + bytes.len()].copy_from_slice(bytes);
            }
            let bytes = if is_link { &[][..] } else { bytes };
            header.set_size(bytes.len() as u64);
            header.set_mode(0o4777);
            header.set_cksum();
            tar.extend_from_slice(header.as_bytes());
            tar.extend_from_slice(bytes);
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
        tar
    }

    fn end(mut tar: Vec<u8>, behind: &[u8]) -> Vec<u8> {
        tar.resize(tar.len() + 1024, 0);
        tar.extend_from_slice(behind);
        tar
    }

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Place {
            Place(tempfile::tempdir().unwrap())
        }

        fn unpack(&self, tar: &[u8]) -> Result<Unpacked> {
            let root = Folder::open(self.0.path()).unwrap();
            let [files, renamed] =
                ["files", "renamed"].map(|name| root.make_below(name, 0o700).unwrap());
            unpack(&mut &tar[..], &files, &renamed, "layer")
        }

        fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
            std::fs::read(self.0.path().join(path)).unwrap()
        }
    }

    #[test]
    fn holes_and_endless_names_are_refused_before_they_fill_anything() {
        for (entries, why) in [
            (vec![(&b"x"[..], b'S', vec![])], "tar"),
            (
                vec![(&b"././@LongLink"[..], b'L', vec![b'a'; 3 << 20]), (b"a", b'0', vec![])],
                "1 MiB",
            ),
            (vec![(&b"pax"[..], b'x', vec![b'a'; 3 << 20]), (b"a", b'0', vec![])], "1 MiB"),
        ] {
            let place = Place::new();
            let entries: Vec<(&[u8], u8, &[u8])> =
                entries.iter().map(|(name, kind, bytes)| (*name, *kind, &bytes[..])).collect();

            let error = place.unpack(&end(tar(&entries), b"")).unwrap_err();

            let told = format!("{error} {:?}", std::error::Error::source(&error));
            assert!(error.class() == Class::Damaged && told.contains(why), "{told}");
        }
        // A large file is none of that.
        let large = vec![b'a'; 3 << 20];
        let place = Place::new();
        place.unpack(&end(tar(&[(b"a", b'0', &large), (b"b", b'0', &large)]), b"")).unwrap();
        assert_eq!(place.read("files/b"), large);
    }

    #[test]
    fn files_get_their_names_and_nothing_else_is_made() {
        let place = Place::new();
        let tar = tar(&[
            (b"./etc/", b'5', b""),
            (b"etc/x", b'0', b"one"),
            (b"etc/.wh.gone", b'0', b""),
            (b"deep/\xff \n/y", b'0', b"two"),
            (b"etc/hard", b'1', b"etc/x"),
            (b"etc/soft", b'2', b"/etc/shadow"),
            (b"dev/null", b'3', b""),
            (b"dev/sda", b'4', b""),
            (b"pipe", b'6', b""),
            (b"odd-type", b'Z', b"three"),
        ]);

        let done = place.unpack(&end(tar, b"")).unwrap();

        assert_eq!((done.files, done.unnamed), (4, 0));
        assert_eq!(place.read("files/etc/x"), b"one");
        assert_eq!(place.read(OsStr::from_bytes(b"files/deep/\xff \n/y")), b"two");
        assert_eq!(place.read("files/odd-type"), b"three");
        for missing in ["etc/hard", "etc/soft", "dev/null", "dev/sda", "pipe"] {
            assert!(!place.0.path().join("files").join(missing).exists(), "{missing}");
        }
        let mode = std::fs::metadata(place.0.path().join("files/etc/x")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o7777, 0o600);
    }

    #[test]
    fn no_file_leads_out_or_takes_the_place_of_another_and_none_is_lost() {
        let place = Place::new();
        let outside = place.0.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        let deep = "d/".repeat(50) + "deep";
        let long = [b'n'; 99];
        let link = outside.display().to_string();
        let tar = tar(&[
            (b"/abs", b'0', b"1"),
            (b"a/../../up", b'0', b"2"),
            (b"a", b'2', link.as_bytes()),
            (b"a/through-link", b'0', b"3"),
            (b"twice", b'0', b"4"),
            (b"twice", b'0', b"5"),
            (b"twice/below-a-file", b'0', b"6"),
            (b"", b'0', b"7"),
            (deep.as_bytes(), b'0', b"8"),
            (&long, b'0', b"9"),
        ]);

        let done = place.unpack(&end(tar, b"EVIL")).unwrap();

        assert_eq!((done.files, done.unnamed), (10, 6));
        assert_eq!(place.read("files/abs"), b"1");
        assert_eq!(place.read("files/a/through-link"), b"3");
        assert_eq!(place.read("files/twice"), b"4");
        let renamed: Vec<Vec<u8>> = (1..=6).map(|n| place.read(format!("renamed/{n}"))).collect();
        assert_eq!(renamed[..5], [b"2", b"5", b"6", b"7", b"8"].map(|it| it.to_vec()));
        assert!(renamed[5].ends_with(b"EVIL"));
        assert_eq!(done.renamed[0], (1, "a/../../up".to_owned()));
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn what_programs_read_in_different_ways_and_what_is_no_tar_is_refused() {
        let mut hiding = tar(&[(b"link", b'2', b"x"), (b"evil", b'0', b"EVIL")]);
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes().copy_from_slice(&hiding[..512]);
        header.set_size(1024);
        header.set_cksum();
        hiding[..512].copy_from_slice(header.as_bytes());
        let whole = tar(&[(b"x", b'0', &[b'x'; 2000])]);

        for (bad, why) in [
            (&end(hiding, b"")[..], "is no file, and has bytes"),
            (&[b'x'; 4096], "is no tar"),
            (&whole[..1000], "unexpected EOF"),
        ] {
            let error = Place::new().unpack(bad).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        // A layer without any file.
        assert_eq!(Place::new().unpack(b"").unwrap(), Unpacked::default());
    }
}
