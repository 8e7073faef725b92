//! Roots in files.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::bundle::roots::{MAX_ROOT, SignedRoot};
use crate::words::error::{Class, Error, Result, Subject};

/// The root in the file `path`, signed or not.
///
/// # Errors
/// [`Class::Usage`] where it cannot be read; [`Class::Untrusted`] where it is none.
pub fn read_root(path: &Path) -> Result<SignedRoot> {
    let about = || Subject::Path(path.to_owned());
    let fault = |e: std::io::Error| {
        let text = format!("cannot read {}", path.display());
        Error::new(Class::Usage, text).source(e).subject(about())
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(fault)?;
    file.take(MAX_ROOT + 1).read_to_end(&mut bytes).map_err(fault)?;
    SignedRoot::from_bytes(&bytes).map_err(|e| e.context(path.display()).subject(about()))
}
