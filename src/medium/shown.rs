//! How a [`Medium`] is told from others, and what it is called.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::Medium;

/// Media are the same where they lie in the same place, by whatever they are opened.
impl PartialEq for Medium {
    fn eq(&self, other: &Medium) -> bool {
        self.path == other.path && self.further == other.further
    }
}

impl Eq for Medium {}

impl<P: Into<PathBuf>> From<P> for Medium {
    fn from(path: P) -> Medium {
        Medium::at(path)
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)?;
        match self.further.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl Serialize for Medium {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Bytes that are no text are replaced: a result is worth more than they are.
        serializer.collect_str(self)
    }
}
