//! What a text that is no digest is as a failure.

use super::{Class, Error};
use crate::words::digest::DigestError;

impl DigestError {
    /// As a failure: a digest of another algorithm is a fine one that is refused, what is none is
    /// one of class `none`.
    #[must_use]
    pub fn into_error(self, none: Class) -> Error {
        let text = self.to_string();
        match self {
            DigestError::Algorithm(_) => Error::new(Class::Refused, text),
            DigestError::Grammar => Error::new(none, text),
        }
    }
}
