//! What is told where a private key does not open.

use crate::words::error::{Class, Error};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// That it takes a passphrase, and has none.
pub(super) fn no_passphrase() -> Error {
    Error::new(Class::Usage, "the private key is encrypted and no passphrase was given")
        .hint(phrase!["set SEALIFT_PASSPHRASE, or name a file with ", Remedy::Passphrase])
}

/// That it takes another one.
pub(super) fn wrong_passphrase() -> Error {
    Error::new(Class::Usage, "the passphrase does not open the private key")
}
