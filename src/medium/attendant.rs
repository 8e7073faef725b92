//! [`Attendant`]: whoever changes the media in the one drive that there is.

use std::fmt::Debug;

/// Whoever changes media.
///
/// ```
/// use sealift::medium::attendant::{MediaChange, Attendant};
///
/// /// A machine with a single medium, and nobody who would change it.
/// #[derive(Debug)]
/// struct Alone;
///
/// impl Attendant for Alone {
///     fn asked(&self, _what: &str) -> MediaChange {
///         MediaChange::Nobody
///     }
/// }
/// ```
pub trait Attendant: Debug + Send + Sync {
    /// Says `what` is to be done, a line or several, and waits until it is.
    fn asked(&self, what: &str) -> MediaChange;
}

/// What an [`Attendant`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaChange {
    /// It is done, or so they say.
    Done,
    /// It will be done another day.
    Later,
    /// There is nobody who could be asked.
    Nobody,
}
