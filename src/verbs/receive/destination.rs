//! What cannot lie in a drop folder: where its bundles go, and what is needed for them.

use std::path::Path;

use crate::medium::Medium;
use crate::places::location::{Destination, is_stream};
use crate::tools::file::lies_in;
use crate::verbs::import::Request;
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
        false => return outside(path, drop),
    };
    Err(Error::new(Class::Usage, text).hint(hint).subject(Subject::Path(path.clone())))
}

/// Fails where what `import` needs, or writes beside the images, lies in the drop folder `drop`: its ledger, what it
/// remembers of streams, and bundles that others lean on.
///
/// # Errors
/// [`Class::Usage`].
pub(super) fn beside(import: &Request, drop: &Path) -> Result<()> {
    let ledger = import.ledger.as_ref().map(|keeper| keeper.book().path());
    let all = import.demands.state.as_deref().into_iter().chain(ledger);
    let mut all = all.chain(import.bases.iter().flat_map(Medium::places));
    all.try_for_each(|path| outside(path, drop))
}

fn outside(path: &Path, drop: &Path) -> Result<()> {
    if !lies_in(path, drop) {
        return Ok(());
    }
    let text = format!("{} lies in the drop folder {}", path.display(), drop.display());
    let hint = "name another place: what lies there is taken for a bundle that arrives, or away with the medium";
    Err(Error::new(Class::Usage, text).hint(hint).subject(Subject::Path(path.to_owned())))
}
