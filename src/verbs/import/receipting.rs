//! [`Receipting`]: the receipt that an import is to write.

use std::path::PathBuf;
use std::sync::Arc;

use crate::bundle::keys::PrivateKey;
use crate::words::error::Result;
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

    /// The same, in the file `path`.
    #[must_use]
    pub fn at(&self, path: impl Into<PathBuf>) -> Receipting {
        Receipting { path: path.into(), ..self.clone() }
    }
}
