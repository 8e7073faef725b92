//! [`Recalled`]: a bundle, or a record of one, of which no more is asked for than what it says of itself.

use std::io::Read;

use super::files::Files;
use crate::medium::fault::TreeFault;
use crate::medium::tree::Tree;
use crate::words::error::Result;

/// The files of a bundle of which layers and configs may be missing: what of them is there is not
/// read.
#[derive(Debug)]
pub struct Recalled(pub(super) Tree);

impl Files for Recalled {
    fn paths(&self) -> Vec<&str> {
        Files::paths(&self.0)
    }

    fn size(&self, path: &str) -> Option<u64> {
        self.0.size(path)
    }

    fn faults(&self) -> &[TreeFault] {
        self.0.faults()
    }

    fn hides(&self, path: &str) -> bool {
        self.0.hides(path)
    }

    fn has_all(&self) -> bool {
        false
    }

    fn read_small(&self, path: &str, limit: u64) -> Result<Vec<u8>> {
        self.0.read_small(path, limit)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + '_>> {
        Files::open(&self.0, path)
    }
}
