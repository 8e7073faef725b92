//! Standard error, as lines for people.

use std::io::{self, Write as _};

use crate::words::escape::Safe;

/// Prints a line for people. Where nobody can read it there is nobody to tell, and the exit code
/// says the same.
pub(super) fn err(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Prints what clap says of wrong arguments. They may have come from a list that somebody else
/// wrote.
pub(super) fn usage(text: &str) {
    for line in text.trim_end().lines() {
        err(&Safe(line).to_string());
    }
}
