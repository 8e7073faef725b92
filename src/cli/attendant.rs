//! [`AtTerminal`]: whoever sits at the terminal changes the media.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;

use super::prompt::waiting;
use super::stderr::err;
use crate::medium::attendant::{Attendant, MediaChange};
use crate::words::escape::Safe;
use crate::words::progress::{Event, Progress};

/// Whoever sits at the terminal, where standard input is one.
pub(super) struct AtTerminal(Arc<dyn Progress>);

impl AtTerminal {
    /// Asks while what is told of the work waits, too.
    pub(super) fn new(progress: Arc<dyn Progress>) -> AtTerminal {
        AtTerminal(progress)
    }
}

impl std::fmt::Debug for AtTerminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AtTerminal")
    }
}

impl Attendant for AtTerminal {
    fn asked(&self, what: &str) -> MediaChange {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return MediaChange::Nobody;
        }
        self.0.event(Event::Paused);
        what.lines().for_each(|line| err(&Safe(line).to_string()));
        let mut line = String::new();
        let read = waiting(|| stdin.lock().read_line(&mut line));
        self.0.event(Event::Resumed);
        match read {
            Ok(1..) if !line.trim().eq_ignore_ascii_case("q") => MediaChange::Done,
            _ => MediaChange::Later,
        }
    }
}
