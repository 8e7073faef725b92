//! Standard error, as lines for people.

use std::io::{self, Write as _};

/// Prints a line for people. Where nobody can read it there is nobody to tell, and the exit code
/// says the same.
pub(super) fn err(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
