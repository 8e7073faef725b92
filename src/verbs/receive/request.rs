//! [`Request`]: which drop folder, and what is done with what arrives there.

use std::path::PathBuf;

use crate::verbs::import;
use crate::words::error::Result;
use crate::words::moment::Moment;

/// Which drop folder, and what is done with what arrives there.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The drop folder.
    pub folder: PathBuf,
    /// How each bundle is imported. Its own bundle, time and the path of its receipt do not matter: those of each
    /// stand in their place.
    pub import: import::Request,
    /// Tells the time.
    pub clock: fn() -> Result<Moment>,
}

impl Request {
    /// Receives in `folder` as `import` says; `clock` tells the time.
    #[must_use]
    pub fn new(
        folder: impl Into<PathBuf>,
        import: import::Request,
        clock: fn() -> Result<Moment>,
    ) -> Request {
        Request { folder: folder.into(), import, clock }
    }
}
