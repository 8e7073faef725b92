//! [`OldLock`]: what stands at a lock's place.

use std::io::{self, Read as _};
use std::path::Path;

use crate::lists::{ListText, LockedList, MAX_LOCK};
use crate::tools::file::open_regular;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};

/// A lock that is there, or what seems to be one.
pub(super) struct OldLock {
    list: ListText,
    /// Of its bytes.
    pub(super) digest: Digest,
}

impl OldLock {
    /// What it says.
    pub(super) fn read(&self) -> Result<LockedList> {
        LockedList::read(&self.list)
    }
}

/// What stands at `path`; nothing where nothing does.
///
/// # Errors
/// [`Class::Usage`] where it is no lock, and so is none to be replaced.
pub(super) fn look(path: &Path) -> Result<Option<OldLock>> {
    match open_regular(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => existing(path).map(Some),
    }
}

/// The lock at `path`.
///
/// # Errors
/// [`Class::Usage`] where there is none.
pub(super) fn existing(path: &Path) -> Result<OldLock> {
    let shown = path.display().to_string();
    let subject = Subject::Path(path.to_owned());
    let fault = |e: io::Error| {
        let error = Error::new(Class::Usage, format!("cannot read {shown}")).source(e);
        error.hint("see whether it is there, is a file, and may be read by you")
    };
    let mut bytes = Vec::new();
    let read = open_regular(path).and_then(|file| file.take(MAX_LOCK + 1).read_to_end(&mut bytes));
    read.map_err(|e| fault(e).subject(subject.clone()))?;
    let text = std::str::from_utf8(&bytes).ok().filter(|_| bytes.len() as u64 <= MAX_LOCK);
    // As lists are read, wherever they were edited.
    let text = text.map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
    let list = text.map(|text| ListText::new(&shown, Some(path), text));
    match list.filter(|list| LockedList::form_of(list).is_some()) {
        Some(list) => Ok(OldLock { list, digest: Digest::of(&bytes) }),
        None => {
            let text = format!("{shown} is there, and is no lock");
            Err(Error::new(Class::Usage, text)
                .subject(subject)
                .hint("nothing is put in its place; name another file"))
        }
    }
}
