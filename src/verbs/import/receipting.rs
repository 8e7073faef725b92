//! [`Receipting`]: the receipt that an import is to write.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::landing::Landing;
use super::request::Request;
use crate::bundle::keys::PrivateKey;
use crate::tools::file::lies_in;
use crate::tools::ground;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::moment::Moment;

/// The receipt that an import is to write.
#[derive(Debug, Clone)]
pub struct Receipting {
    /// Where it is to lie; one that is there is replaced.
    pub(super) path: PathBuf,
    /// What signs it, if anything.
    pub(super) key: Option<Arc<PrivateKey>>,
    /// Tells the time, when the destination was read back.
    pub(super) clock: fn() -> Result<Moment>,
}

impl Receipting {
    /// In the file `path`, signed with `key` if there is one; `clock` tells the time.
    #[must_use]
    pub fn new(
        path: impl Into<PathBuf>,
        key: Option<PrivateKey>,
        clock: fn() -> Result<Moment>,
    ) -> Receipting {
        Receipting { path: path.into(), key: key.map(Arc::new), clock }
    }

    /// Fails as writing it will, where that can be known.
    ///
    /// # Errors
    /// [`Class::Usage`] where the `landing` cannot be read back, and for a path in the bundle or at the
    /// destination; those of [`ground::check`].
    pub(super) fn check(&self, request: &Request, landing: &dyn Landing) -> Result<()> {
        let refused = |text: String, hint: &str| {
            Err(Error::new(Class::Usage, text)
                .subject(Subject::Path(self.path.clone()))
                .hint(hint.to_owned()))
        };
        let shown = self.path.display();
        if !landing.can_be_read() {
            let text = "what goes to standard output cannot be read back, and gets no receipt";
            return refused(text.to_owned(), "import into a file or a folder");
        }
        let elsewhere = "name another place for the receipt";
        if self.path.is_dir() {
            return refused(format!("{shown} is a folder, not a file"), "name a file in it");
        }
        if request.bundle.contains(&self.path) {
            return refused(format!("{shown} lies in the bundle itself"), elsewhere);
        }
        let is_there = |place: &Path| place == self.path || lies_in(&self.path, place);
        if landing.path().is_some_and(is_there) {
            return refused(format!("{shown} lies at the destination itself"), elsewhere);
        }
        ground::check(&self.path)
    }
}
