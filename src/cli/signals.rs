//! Ctrl-C and its kin.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::prompt;
use super::report::code;
use super::stderr::err;
use crate::tools::process;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};

/// The first Ctrl-C (or SIGTERM) asks the work to stop, which it does between two pieces of data;
/// the second one does not wait. Nothing is lost by either: a rerun goes on.
///
/// `patience` is how many milliseconds the first one waits for the work to stop by itself.
///
/// `tell` is called before the end of one who does not stop in time, to say how it ended.
pub(super) fn catch(
    cancel: Cancel,
    patience: Arc<AtomicU64>,
    tell: impl Fn() + Send + Sync + 'static,
) -> Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
    let fault = |e| Error::io("cannot watch for signals", e);
    // Writing beyond the size that a file may have is a failure with words, not a sudden end.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map_err(fault)?;
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(fault)?;
    let tell = Arc::new(tell);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in signals.forever() {
                if prompt::give_up() {
                    // The line with the question is not ended.
                    err("");
                    cancel.cancel();
                    say(&tell);
                    leave(&cancel);
                }
                if cancel.is_cancelled() {
                    leave(&cancel);
                }
                cancel.cancel();
                // A read of what nobody writes would not see the flag.
                let (programs, tell) = (cancel.clone(), Arc::clone(&tell));
                let patience = Duration::from_millis(patience.load(Ordering::Relaxed));
                let _ = std::thread::Builder::new().spawn(move || {
                    std::thread::sleep(patience);
                    say(&tell);
                    leave(&programs);
                });
            }
        })
        .map_err(fault)?;
    Ok(())
}

/// Ends at once, and engines' programs with it.
fn leave(cancel: &Cancel) -> ! {
    process::end_all(cancel);
    std::process::exit(code(Class::Interrupted).into());
}

/// Calls `tell`, unless nobody takes what it says.
fn say(tell: &Arc<impl Fn() + Send + Sync + 'static>) {
    let (said, heard) = std::sync::mpsc::channel();
    let tell = Arc::clone(tell);
    let speaker = std::thread::Builder::new().spawn(move || {
        tell();
        let _ = said.send(());
    });
    if speaker.is_ok() {
        let _ = heard.recv_timeout(LAST_WORDS);
    }
}

/// How long a pipe may take what is said in the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long work may take to stop by itself, unless it says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
