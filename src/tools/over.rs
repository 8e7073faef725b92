//! What is written over: a file of the same kind, and nothing else.

use std::io::{self, Read as _};
use std::path::Path;

use super::file::open_regular;
use crate::words::error::{Class, Error, Result, Subject};

/// How much of a file is looked at, to see what it is.
const START: u64 = 1 << 10;

/// Fails where a file is at `path` that is no `what`, as `is_one` says of how it begins. One that is empty
/// counts as one; that no file is to be made there at all is told where it is made.
///
/// # Errors
/// [`Class::Usage`].
pub fn only_over(path: &Path, what: &str, is_one: impl FnOnce(&[u8]) -> bool) -> Result<()> {
    let mut start = Vec::new();
    let read = open_regular(path).and_then(|file| file.take(START).read_to_end(&mut start));
    let is_other = match read {
        Ok(_) => !start.is_empty() && !is_one(&start),
        // What may not be read may be anything.
        Err(e) => e.kind() == io::ErrorKind::PermissionDenied,
    };
    match is_other {
        false => Ok(()),
        true => {
            let text = format!("{} is there, and is no {what}", path.display());
            Err(Error::new(Class::Usage, text)
                .subject(Subject::Path(path.to_owned()))
                .hint("name another file: only one of the kind is replaced"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_of_the_kind_or_empty_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let asked = || only_over(&path, "page", |start| start.starts_with(b"<html>"));

        asked().unwrap();
        for (text, is_fine) in [("", true), ("<html>, and more", true), ("-----BEGIN", false)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(asked().is_ok(), is_fine, "{text:?}");
        }
        assert_eq!(asked().unwrap_err().class(), Class::Usage);
    }
}
