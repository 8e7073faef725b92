//! [`GivenFile`]: a bundle that is given as the file that it lies in, for machines that read it themselves.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::bundle::check::Trusted;
use crate::tools::stretch::{Stretch, StretchState};
use crate::words::digest::Digest;

/// Where they are listed, and below which they are.
pub const FOLDER: &str = "/bundles/";

/// A bundle that is one file, packed or encrypted, which is open. It is given as it lies, whatever was
/// found about it: whoever takes it verifies it.
#[derive(Debug)]
pub struct GivenFile {
    name: Vec<u8>,
    file: Arc<File>,
    /// Whether it is a tar as it lies.
    is_tar: bool,
    statement: Option<Digest>,
}

impl GivenFile {
    /// `file`, which lies at `path`, with the bundle of this `statement`, where that is known; nothing where
    /// the path has no name.
    #[must_use]
    pub fn new(path: &Path, file: Arc<File>, statement: Option<Digest>) -> Option<GivenFile> {
        let name = path.file_name()?.as_bytes().to_vec();
        let mut mark = [0; 5];
        // Where a tar has it, in its first header (POSIX.1-2017, "ustar Interchange Format").
        let read = Stretch::new(Arc::clone(&file), 257, 5).read_exact_at(&mut mark, 0);
        let is_tar = read.is_ok() && mark == *b"ustar";
        Some(GivenFile { name, file, is_tar, statement })
    }

    /// The file that `bundle` is, where it is one.
    pub(super) fn of(bundle: &Trusted) -> Option<GivenFile> {
        let (path, file) = bundle.file()?;
        GivenFile::new(path, Arc::clone(file), Some(bundle.about().statement().digest))
    }

    /// Its name; what is no text in it is replaced.
    #[must_use]
    pub fn name(&self) -> String {
        OsStr::from_bytes(&self.name).to_string_lossy().into_owned()
    }

    /// The path that it is asked for by: its name below `/bundles/`, with all but letters, digits and
    /// `-._~` percent-encoded.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = FOLDER.to_owned();
        for byte in &self.name {
            // Writing to a string cannot fail.
            let _ = match byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                true => write!(path, "{}", char::from(*byte)),
                false => write!(path, "%{byte:02X}"),
            };
        }
        path
    }

    /// The digest of its statement, where that is known.
    #[must_use]
    pub fn statement(&self) -> Option<&Digest> {
        self.statement.as_ref()
    }

    /// All of it as it is now; nothing when it cannot be read any more.
    pub(super) fn now(&self) -> Option<(Stretch, StretchState)> {
        Stretch::whole(Arc::clone(&self.file))
    }

    /// What it is as it lies.
    pub(super) fn media_type(&self) -> &'static str {
        if self.is_tar { "application/x-tar" } else { "application/octet-stream" }
    }
}

/// The bundles that are given so, each under a name of its own.
#[derive(Debug, Default)]
pub struct GivenFiles {
    files: Vec<Arc<GivenFile>>,
    withheld: Vec<String>,
}

impl GivenFiles {
    /// `file` alone, where there are no pages.
    pub(super) fn only(file: GivenFile) -> GivenFiles {
        GivenFiles { files: vec![Arc::new(file)], withheld: Vec::new() }
    }

    /// Takes in `file`, unless another one has its name, or a page has.
    pub(super) fn add(&mut self, file: GivenFile) {
        let is_page = file.name().parse::<usize>().is_ok();
        match is_page || self.files.iter().any(|other| other.name == file.name) {
            true => self.withheld.push(file.name()),
            false => self.files.push(Arc::new(file)),
        }
    }

    /// Those that are given, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &GivenFile> {
        self.files.iter().map(|file| &**file)
    }

    /// The names of those that are not, since what came before has them.
    #[must_use]
    pub fn withheld(&self) -> &[String] {
        &self.withheld
    }

    /// That at `path`.
    pub(super) fn find(&self, path: &str) -> Option<&Arc<GivenFile>> {
        let name = decoded(path.strip_prefix(FOLDER)?)?;
        self.files.iter().find(|file| file.name == name)
    }

    /// All of them, for programs. Blocks no longer than a look at a file does.
    pub(super) fn list(&self) -> Value {
        let size = |file: &GivenFile| file.now().map(|(all, _)| all.size());
        let one = |file: &GivenFile| {
            json!({
                "name": file.name(),
                "path": file.path(),
                "size": size(file),
                "statement": file.statement,
            })
        };
        json!({ "bundles": self.iter().map(one).collect::<Vec<_>>() })
    }
}

/// The bytes that percent-encoded `text` stands for.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(name: &[u8], bytes: &[u8]) -> GivenFile {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let path = Path::new("/somewhere").join(OsStr::from_bytes(name));
        GivenFile::new(&path, Arc::new(file), Some(Digest::of(name))).unwrap()
    }

    #[test]
    fn every_name_is_found_by_its_own_path_and_by_no_other() {
        let names: [&[u8]; 6] =
            [b"june.tar", b"a b%2Fc+d?.tar", "j\u{fc}ni.tar".as_bytes(), b"\xff\n", b"..x", b"%"];
        let mut files = GivenFiles::default();
        names.iter().for_each(|name| files.add(file(name, b"x")));

        assert_eq!(files.iter().count(), names.len());
        for (file, name) in files.iter().zip(names) {
            let path = file.path();
            assert!(path.bytes().all(|c| c.is_ascii_graphic() && c != b'?' && c != b'#'), "{path}");
            assert_eq!(files.find(&path).unwrap().name, name, "{path}");
        }
        assert!(files.find("/bundles/june%2Etar").is_some());
        for path in
            ["/bundles/", "/bundles/june", "/bundles/%", "/bundles/%4", "/bundles/%zz", "/x"]
        {
            assert!(files.find(path).is_none(), "{path}");
        }
        for path in ["/bundles/../june.tar", "/bundles//june.tar", "/bundles/..%2Fjune.tar"] {
            assert!(files.find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_name_is_given_once_and_never_that_of_a_page() {
        let mut files = GivenFiles::default();
        [&b"a"[..], b"a", b"2", b"02", b"2.tar"]
            .iter()
            .for_each(|name| files.add(file(name, b"x")));

        assert_eq!(files.iter().map(GivenFile::name).collect::<Vec<_>>(), ["a", "2.tar"]);
        assert_eq!(files.withheld(), ["a", "2", "02"]);
    }

    #[test]
    fn a_tar_is_known_as_one_and_a_change_as_another_state() {
        let tar = [&[0; 257][..], b"ustar\0\0\0"].concat();
        let (tar, other) = (file(b"t", &tar), file(b"o", b"age-encryption.org/v1"));
        assert_eq!(
            (tar.media_type(), other.media_type()),
            ("application/x-tar", "application/octet-stream")
        );

        let (before, state) = other.now().unwrap();
        assert_eq!(other.now().unwrap().1, state);
        other.file.set_len(3).unwrap();
        let (after, changed) = other.now().unwrap();
        assert_eq!((before.size(), after.size()), (21, 3));
        assert_ne!(state.digest(), changed.digest());
    }
}
