//! What `--since` takes: a path, or a line that was read out.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::at_hand::at_hand;
use super::unlock::Unlocking;
use crate::bundle::history::History;
use crate::bundle::line::HeldLine;
use crate::verbs::export::Since;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::stream::StreamName;

/// What `texts` mean; the bundles of lines are in the `history`, others are opened by `opener`. What is
/// there as a file is no line.
///
/// # Errors
/// For a line that was misheard, and where there is no history.
pub(super) fn since(
    texts: Vec<OsString>,
    opener: &Unlocking,
    history: impl Fn() -> Result<History>,
) -> Result<Vec<Since>> {
    let read = |text: OsString| match line(&text) {
        Some(line) => Ok(Since::Line(line.parse()?, history()?)),
        None => {
            there(at_hand("--since", text.into())?).map(|path| opener.medium(path)).map(Since::from)
        }
    };
    texts.into_iter().map(read).collect()
}

/// `path`, if something is there or it is called as no stream is: a line without its quotes begins so.
fn there(path: PathBuf) -> Result<PathBuf> {
    let is_stream = |name: &str| !name.contains('.') && name.parse::<StreamName>().is_ok();
    if path.exists() || !path.to_str().is_some_and(is_stream) {
        return Ok(path);
    }
    let text = format!("{}: no such file or folder", path.display());
    Err(Error::new(Class::Incomplete, text).subject(Subject::Path(path)).hint(
        "check the path, and whether the medium is mounted; a line that was read out goes in \
         quotes, as in --since 'prod 7 my329-vqnkb'",
    ))
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
