//! A question that waits for an answer at the terminal, and what a Ctrl-C does meanwhile: it ends
//! at once, and the terminal shows again what is typed.

use std::fs::File;
use std::sync::{Mutex, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// What is waited for.
struct Question {
    /// The terminal as it was before, where there is one.
    terminal: Option<(File, Termios)>,
}

static WAITING: Mutex<Option<Question>> = Mutex::new(None);

/// Calls `ask`, which reads what a person types.
pub(super) fn waiting<T>(ask: impl FnOnce() -> T) -> T {
    let terminal = File::open("/dev/tty").ok().and_then(|tty| {
        let before = tcgetattr(&tty).ok()?;
        Some((tty, before))
    });
    let set = |waiting| *WAITING.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    set(Some(Question { terminal }));
    let answer = ask();
    set(None);
    answer
}

/// Whether an answer is waited for, and so nobody sees a flag. The terminal is put back then.
pub(super) fn give_up() -> bool {
    let waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Question { terminal }) = waiting else { return false };
    if let Some((tty, before)) = terminal {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(&tty, OptionalActions::Now, &before);
    }
    true
}
