//! [`Raw`]: bytes from outside that nobody checked.

use std::io::Read;

/// Bytes as a source gives them, which nobody has checked. They are read when they are
/// [`verified`](Raw::verified).
pub struct Raw<'a>(pub(super) Box<dyn Read + Send + 'a>);

impl std::fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Raw")
    }
}

impl<'a> Raw<'a> {
    /// What `reader` gives.
    pub fn new(reader: impl Read + Send + 'a) -> Raw<'a> {
        Raw(Box::new(reader))
    }

    /// Reads them as they are, for a guess that nothing depends on but an estimate.
    #[must_use]
    pub fn unchecked(self) -> Box<dyn Read + Send + 'a> {
        self.0
    }
}
