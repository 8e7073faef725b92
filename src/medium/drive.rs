//! [`Drive`]: the one place in which media are changed while a set of volumes is written.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::attendant::Attendant;
use crate::words::progress::Progress;

/// The one place in which media are changed while a set of volumes is written.
#[derive(Clone)]
pub struct Drive {
    /// The folder in which the medium is, which may be another one whenever it is looked at.
    pub folder: PathBuf,
    /// Whoever changes the media.
    pub attendant: Arc<dyn Attendant>,
    /// Whether each volume is read back from its medium, past what the system has in memory, before it
    /// gets its name.
    pub verify_media: bool,
    /// What is told meanwhile.
    pub progress: Arc<dyn Progress>,
}

impl fmt::Debug for Drive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Drive");
        shown.field("folder", &self.folder).field("verify_media", &self.verify_media);
        shown.finish_non_exhaustive()
    }
}
