//! A stop that the user asked for: raised once, seen by every loop that moves bytes or waits.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::words::error::{Class, Error, Result};

static RAISED: AtomicBool = AtomicBool::new(false);

/// Asks all work to stop. Safe to call from a signal-handling thread.
pub fn raise() {
    RAISED.store(true, Ordering::SeqCst);
}

/// Whether a stop was asked for.
#[must_use]
pub fn raised() -> bool {
    RAISED.load(Ordering::Relaxed)
}

/// Fails once a stop was asked for.
///
/// # Errors
/// [`Class::Interrupted`].
pub fn check() -> Result<()> {
    match raised() {
        true => Err(Error::new(Class::Interrupted, "interrupted")
            .hint("run the same command again; it goes on where it stopped")),
        false => Ok(()),
    }
}
