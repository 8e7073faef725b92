//! [`PartStore`]: parts of blobs whose volumes are not at hand any more, kept on disk until the volumes
//! with the others come.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use rustix::fs::FileType;

use crate::storage::reading::digest_of;
use crate::storage::verifying::Verifying;
use crate::tools::file::{AtomicFile, sweep_in};
use crate::tools::folder::{FileInfo, Folder};
use crate::tools::lock::lock_folder;
use crate::tools::stretch::Stretch;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Error, Result};
use crate::words::progress::Progress;

/// Parts of blobs in a folder of their own, which no two runs have at a time. Each was what its volume
/// said when it was written; whoever makes a blob of them hashes that.
#[derive(Debug)]
pub struct PartStore {
    above: Folder,
    folder: Folder,
    name: String,
}

/// A part that is held. Its file is called by all that is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldPart {
    /// The digest of the whole blob.
    pub blob: Digest,
    /// Where in it the part begins.
    pub offset: u64,
    /// The digest of its bytes.
    pub sha256: Digest,
    /// How many bytes it has.
    pub size: u64,
}

/// A part of a blob whose others are not at hand.
#[derive(Debug)]
pub struct LoosePart {
    /// What it is, as its volume says.
    pub part: HeldPart,
    /// The file in its volume.
    pub path: String,
    /// Its volume, for people.
    pub whence: String,
    /// Where its bytes lie.
    pub bytes: Stretch,
}

impl HeldPart {
    fn name(&self) -> String {
        format!("{}.{:016}.{}", self.blob.hex(), self.offset, self.sha256.hex())
    }

    fn of(name: &str, size: u64) -> Option<HeldPart> {
        let mut words = name.split('.');
        let blob = Digest::from_hex(words.next()?).ok()?;
        let offset = words.next()?.parse().ok()?;
        let sha256 = Digest::from_hex(words.next()?).ok()?;
        let part = HeldPart { blob, offset, sha256, size };
        (part.name() == name).then_some(part)
    }
}

impl PartStore {
    /// Those below the folder `root` that are held for `purpose`, and for nothing else.
    ///
    /// # Errors
    /// When the folder cannot be written, is another's, or another run has it.
    pub fn open(root: &Path, purpose: &Digest) -> Result<PartStore> {
        let fault = |e| Error::io(format!("cannot write {}", root.display()), e);
        let above = Folder::make(root, 0o700).map_err(fault)?;
        let name = purpose.hex()[..32].to_owned();
        let folder = above.make_below(&name, 0o700).map_err(fault)?;
        let about = FileInfo::of(folder.handle()).map_err(fault)?;
        about.refuse_foreign(&above, folder.path())?;
        lock_folder(&folder)?;
        sweep_in(&folder)?;
        Ok(PartStore { above, folder, name })
    }

    /// The folder that they lie in.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// All of them.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn all(&self) -> Result<Vec<HeldPart>> {
        let fault = |e| Error::io(format!("cannot read {}", self.path().display()), e);
        let mut all = Vec::new();
        for name in self.folder.names().map_err(fault)? {
            let Some(about) = self.folder.look(&name).map_err(fault)? else { continue };
            if about.kind == FileType::RegularFile {
                all.extend(HeldPart::of(&name.to_string_lossy(), about.size));
            }
        }
        all.sort();
        Ok(all)
    }

    /// The bytes of `part`.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn file(&self, part: &HeldPart) -> Result<File> {
        let fault = |e| Error::io(format!("cannot read {}", self.path().display()), e);
        self.folder.file(part.name()).map_err(fault)
    }

    /// Holds `part`, whose bytes are hashed on their way.
    ///
    /// # Errors
    /// [`Class::Damaged`](crate::words::error::Class::Damaged) when they are not what its volume says;
    /// what keeps them from being read or written.
    pub fn hold(&self, part: &LoosePart, progress: &dyn Progress) -> Result<()> {
        let held = part.part;
        let about = Descriptor::new("", held.sha256, held.size);
        let mut content = Verifying::new(part.bytes.reader(0), &about, &part.whence, progress);
        // What a killed run left of it, the next one sweeps away.
        let mut file = AtomicFile::locked_within(&self.folder, held.name(), 0o600)?;
        let copied = io::copy(&mut content, &mut file).and_then(|_| file.flush());
        copied.map_err(|e| {
            let what = match content.is_at_fault() {
                true => format!("{}: cannot read {}", part.whence, part.path),
                false => format!("cannot write {}", self.path().display()),
            };
            Error::io(what, e)
        })?;
        file.commit()
    }

    /// Whether the bytes of `part` are what they were.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn is_sound(&self, part: &HeldPart, cancel: &Cancel) -> Result<bool> {
        let read = digest_of(&mut self.file(part)?, cancel);
        Ok(read.is_ok_and(|digest| digest == part.sha256))
    }

    /// Lets go of `part`.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn release(&self, part: &HeldPart) -> Result<()> {
        let fault = |e| Error::io(format!("cannot write {}", self.path().display()), e);
        self.folder.remove(part.name()).map_err(fault)
    }

    /// Lets go of all.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn remove(&self) -> Result<()> {
        let fault = |e| Error::io(format!("cannot remove {}", self.path().display()), e);
        self.above.remove_folder(&self.name, &self.folder).map_err(fault)
    }
}
