//! Reading a blob whole, once or from every place that has it.

use std::io::{self, Read};

use super::store::BlobSource;
use super::verifying::Verifying;
use crate::tools::buffer::BUFFER;
use crate::words::cancel::Cancel;
use crate::words::digest::{Digest, Hasher};
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Cancellable, Silent};

/// Reads `blob` whole, checked, when it has at most `limit` bytes, until `cancel` says stop.
///
/// # Errors
/// [`Class::Damaged`] when it is larger or its bytes are wrong.
pub fn read_small(
    source: &dyn BlobSource,
    blob: &Descriptor,
    limit: u64,
    what: &str,
    cancel: &Cancel,
) -> Result<Vec<u8>> {
    if blob.size > limit {
        let text = format!("{what}: {} has {} bytes, more than {limit}", blob.digest, blob.size);
        return Err(Error::new(Class::Damaged, text));
    }
    let silent = &Cancellable::new(Silent, cancel.clone());
    from_all_places(source, blob, || {
        let whence = source.whence(blob);
        let what = whence.as_deref().unwrap_or(what);
        let mut bytes = Vec::with_capacity(usize::try_from(blob.size).unwrap_or(0));
        Verifying::from_source(source, blob, what, silent)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io(format!("{what}: reading {}", blob.digest), e))?;
        Ok(bytes)
    })
}

/// Runs `read`, which reads `blob` from `source`; again when its bytes prove wrong, as often as
/// the source has another place for it.
///
/// # Errors
/// The last failure of `read`.
pub fn from_all_places<T>(
    source: &dyn BlobSource,
    blob: &Descriptor,
    mut read: impl FnMut() -> Result<T>,
) -> Result<T> {
    loop {
        match read() {
            Err(error) if error.class() == Class::Damaged && source.distrust(blob) => {}
            done => return done,
        }
    }
}

/// The digest of all that `reader` gives.
///
/// # Errors
/// Those of `reader`, and [`Class::Interrupted`] when `cancel` says stop.
pub fn digest_of(reader: &mut dyn Read, cancel: &Cancel) -> io::Result<Digest> {
    let (mut hasher, mut buffer) = (Hasher::new(), vec![0; BUFFER]);
    loop {
        cancel.check().map_err(Error::into_io)?;
        match reader.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            got => hasher.update(&buffer[..got]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::samples::Shaky;

    #[test]
    fn what_is_to_be_small_is_not_read_when_it_is_not() {
        let blob = Descriptor::of("a/b", b"hello");

        assert_eq!(
            read_small(&Shaky(b"hello"), &blob, 5, "test", &Cancel::default()).unwrap(),
            b"hello"
        );
        let error = read_small(&Shaky(b"hello"), &blob, 4, "test", &Cancel::default()).unwrap_err();
        assert_eq!(error.class(), Class::Damaged);
    }
}
