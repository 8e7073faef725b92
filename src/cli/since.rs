//! What `--since` takes: a path, or a line that was read out.

use std::ffi::OsString;
use std::path::Path;

use super::at_hand::at_hand;
use crate::bundle::history::History;
use crate::bundle::line::HeldLine;
use crate::verbs::export::Since;
use crate::words::error::Result;

/// What `texts` mean; the bundles of lines are in the `history`. What is there as a file is no line.
///
/// # Errors
/// For a line that was misheard, and where there is no history.
pub(super) fn since(
    texts: Vec<OsString>,
    history: impl Fn() -> Result<History>,
) -> Result<Vec<Since>> {
    let read = |text: OsString| match line(&text) {
        Some(line) => Ok(Since::Line(line.parse()?, history()?)),
        None => at_hand("--since", text.into()).map(Since::from),
    };
    texts.into_iter().map(read).collect()
}

/// The line that `text` is meant to be.
fn line(text: &OsString) -> Option<&str> {
    let is_meant = |line: &&str| HeldLine::is_meant(line) || HeldLine::is_cut_short(line);
    let line = text.to_str().filter(is_meant)?;
    (!Path::new(text).exists()).then_some(line)
}

/// Whether any of `texts` is a line.
pub(super) fn any_line(texts: &[OsString]) -> bool {
    texts.iter().any(|text| line(text).is_some())
}
