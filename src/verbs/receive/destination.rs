//! Where what arrives in a drop folder cannot go.

use std::path::Path;

use crate::places::location::{Destination, is_stream};
use crate::tools::file::lies_in;
use crate::words::error::{Class, Error, Result, Subject};

/// Fails where `to` takes no bundle that arrives in the drop folder `drop`, whichever it is.
///
/// # Errors
/// [`Class::Usage`] for standard output, of which no receipt can be written, and for a place in the drop folder, in
/// which it would be taken for a bundle.
pub(super) fn check(to: &Destination, drop: &Path) -> Result<()> {
    let (Destination::Layout { path }
    | Destination::Archive { path, .. }
    | Destination::Files { path }) = to
    else {
        return Ok(());
    };
    let (text, hint) = match is_stream(path) {
        true => (
            "what goes to standard output cannot be read back, and gets no receipt".to_owned(),
            "receive into a file or a folder",
        ),
        false if lies_in(path, drop) => (
            format!("{} lies in the drop folder {}", path.display(), drop.display()),
            "name another place: what lies there is taken for a bundle that arrives",
        ),
        false => return Ok(()),
    };
    Err(Error::new(Class::Usage, text).hint(hint).subject(Subject::Path(path.clone())))
}
