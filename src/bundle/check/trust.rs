//! [`Trust`]: whom to believe.

use crate::bundle::keys::PublicKey;

/// Whom to believe.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Trust {
    /// Any one of these keys.
    Keys(Vec<PublicKey>),
    /// Whoever signed: the list of files and every byte are still checked, but against a list
    /// that anybody may have written.
    UnsafeAnySigner,
}
