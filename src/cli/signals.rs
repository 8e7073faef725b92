//! Ctrl-C and its kin.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::prompt;
use super::report::code;
use super::stderr::err;
use crate::tools::{interrupt, process};
use crate::words::error::{Class, Error, Result};

/// The first Ctrl-C (or SIGTERM) asks the work to stop, which it does between two pieces of data;
/// the second one does not wait. Nothing is lost by either: a rerun goes on.
pub(super) fn catch() -> Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    let fault = |e| Error::io("cannot watch for signals", e);
    // Writing beyond the size that a file may have is a failure with words, not a sudden end.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map_err(fault)?;
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(fault)?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in signals.forever() {
                if prompt::give_up() {
                    // The line with the question is not ended.
                    err("");
                    leave();
                }
                if SEEN.fetch_add(1, Ordering::SeqCst) > 0 {
                    leave();
                }
                interrupt::raise();
                // A read that hangs on a dead connection would not see the flag for a minute.
                let _ = std::thread::Builder::new().spawn(|| {
                    std::thread::sleep(PATIENCE);
                    leave();
                });
            }
        })
        .map_err(fault)?;
    Ok(())
}

/// Ends at once, and engines' programs with it.
fn leave() -> ! {
    process::end_all();
    std::process::exit(code(Class::Interrupted).into());
}

/// How long work may take to stop by itself.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
