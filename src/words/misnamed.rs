//! What is wrong with names that somebody wrote: [`misnamed`] of all of them, [`alone`] of one.

use super::error::{Class, Error};

/// What is wrong with names, as one failure: a mistake, unless the same can be said of all. Nothing
/// when nothing is.
#[must_use]
pub fn misnamed(wrong: Vec<Error>, summary: impl FnOnce(usize) -> String) -> Option<Error> {
    let class = wrong.first().map_or(Class::Usage, Error::class);
    let class = if wrong.iter().all(|e| e.class() == class) { class } else { Class::Usage };
    Error::all(wrong, |count| (class, summary(count)))
}

/// `error` about what stands where one name should, `text`; with the way out where more than one seems to.
#[must_use]
pub fn alone(error: Error, text: &str) -> Error {
    match text.contains(['"', '\'', ',', ';', ' ', '\t']) {
        true => error.hint("a line has one name, without quotes, commas or further words"),
        false => error,
    }
}
