//! [`LedgerEntry`]: a line of a ledger.

use std::fs::File;
use std::io::{self, BufRead as _, Read as _, Seek as _};

use serde::{Deserialize, Serialize};

use super::event::LedgerEvent;
use crate::bundle::statement::Tool;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;

/// The version of the form.
const VERSION: u64 = 1;
/// Longest line: that of a bundle with as many images as one has room for, each with the longest name.
pub const MAX_LINE: u64 = 16 << 20;
/// What stands in front of the digest at the end of each line, and behind it.
const DIGEST: &str = ",\"digest\":\"sha256:";
const END: &str = "\"}";
const TAIL: usize = DIGEST.len() + 64 + END.len();
/// Most characters of a user's name or a host's.
const MAX_NAME: usize = 256;

/// Who notes something, and what the time is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerScribe {
    /// The user, as the system calls him.
    pub user: String,
    /// The machine.
    pub host: String,
    /// When.
    pub at: Moment,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerEntry {
    pub(super) version: u64,
    /// Its number: one more than that of the one before, and 1 in the beginning.
    pub sequence: u64,
    /// The digest of the one before it.
    pub previous: Option<Digest>,
    /// When it was written, as the clock here said.
    pub at: Moment,
    /// By which user.
    pub user: String,
    /// On which machine.
    pub host: String,
    /// By which program.
    pub tool: Tool,
    /// What it tells.
    pub event: LedgerEvent,
}

impl LedgerEntry {
    /// The entry behind `last`, in which `scribe` notes `event`.
    pub(super) fn behind(
        last: Option<(u64, Digest)>,
        event: LedgerEvent,
        scribe: &LedgerScribe,
    ) -> LedgerEntry {
        let short = |text: &str| text.chars().take(MAX_NAME).collect();
        LedgerEntry {
            version: VERSION,
            sequence: last.map_or(0, |(sequence, _)| sequence) + 1,
            previous: last.map(|(_, digest)| digest),
            at: scribe.at,
            user: short(&scribe.user),
            host: short(&scribe.host),
            tool: Tool::own(),
            event,
        }
    }

    /// Its line, with the line feed, and its digest: that of all in front of the member `digest`, and
    /// a closing brace.
    ///
    /// # Errors
    /// When it is longer than any that is read.
    pub fn to_line(&self) -> Result<(Vec<u8>, Digest)> {
        let mut line = self.to_body();
        let digest = Digest::of(&line);
        line.pop();
        line.extend_from_slice(format!("{DIGEST}{}{END}\n", digest.hex()).as_bytes());
        match line.len() as u64 > MAX_LINE {
            false => Ok((line, digest)),
            true => {
                let text = format!("an entry of the ledger would have {} bytes", line.len());
                Err(Error::new(Class::Other, format!("{text}, and {MAX_LINE} are read at most")))
            }
        }
    }

    fn to_body(&self) -> Vec<u8> {
        // Only maps with keys that are no text cannot be written, and there are none.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The entry in the first line of `file`, if that is one.
    pub(super) fn first_in(mut file: &File) -> io::Result<Option<LedgerEntry>> {
        file.rewind()?;
        let mut line = Vec::new();
        io::BufReader::new(file.take(MAX_LINE)).read_until(b'\n', &mut line)?;
        Ok(LedgerEntry::from_line(&line).ok().map(|(entry, _)| entry))
    }

    /// Reads a line, which has one spelling.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(super) fn from_line(line: &[u8]) -> Result<(LedgerEntry, Digest), String> {
        let line = line.strip_suffix(b"\n").ok_or("it has no end")?;
        let claimed = claimed(line).ok_or("it is no entry")?;
        let mut body = line[..line.len() - TAIL].to_vec();
        body.push(b'}');
        if Digest::of(&body) != claimed {
            return Err("it does not have the digest that stands in it".to_owned());
        }
        let entry: LedgerEntry = serde_json::from_slice(&body)
            .map_err(|e| format!("it cannot be understood ({e}); a newer version may"))?;
        match entry.version == VERSION && entry.to_body() == body {
            true => Ok((entry, claimed)),
            false => Err("it is not spelled as sealift writes it".to_owned()),
        }
    }
}

/// The digest that stands in `line`, which has no line feed.
pub(super) fn claimed(line: &[u8]) -> Option<Digest> {
    let tail = line.get(line.len().checked_sub(TAIL)?..)?;
    let tail = std::str::from_utf8(tail).ok()?;
    let hex = tail.strip_prefix(DIGEST)?.strip_suffix(END)?;
    Digest::from_hex(hex).ok()
}
