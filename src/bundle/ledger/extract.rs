//! [`LedgerExtract`]: a part of a ledger, or all of it, for whoever looks into it elsewhere.
//!
//! It is one file, in the form of a receipt: a line of JSON, the statement or its signed envelope, and
//! behind it the entries as they stand in the ledger.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::chain::LedgerChain;
use super::entry::LedgerEntry;
use super::faults;
use super::reading::{BUFFER, read_lines};
use super::state::LedgerState;
use crate::bundle::envelope::Envelope;
use crate::bundle::in_toto::{self, BEGINNINGS, StatementSubject};
use crate::bundle::keys::{PrivateKey, PublicKey};
use crate::bundle::receipt::ReceiptSigner;
use crate::bundle::statement::Tool;
use crate::tools::file::open_regular;
use crate::words::digest::{Digest, Hasher};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::moment::Moment;

/// `predicateType` of its statement.
const EXTRACT_TYPE: &str = "urn:sealift:ledger:v1";
/// What its subject is called: the file without its first line.
const SUBJECT: &str = "ledger";
/// Largest first line: it has less than two kilobytes.
const MAX_FIRST: u64 = 16 << 10;
/// An entry, by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerSpan {
    /// The number of the first entry.
    pub first: u64,
    /// The digest of the one before that, where there is one.
    pub previous: Option<Digest>,
    /// The number of the last entry.
    pub last: u64,
    /// The digest of that: it stands for all that came before.
    pub digest: Digest,
}

/// What is said of the entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerExtract {
    /// When it was made.
    pub created_at: Moment,
    /// Which entries.
    pub span: LedgerSpan,
    /// What made it.
    pub tool: Tool,
}

impl LedgerSpan {
    /// The entry `first`, behind `previous`, to the entry `last` with this `digest`.
    #[must_use]
    pub fn new(first: u64, previous: Option<Digest>, (last, digest): (u64, Digest)) -> LedgerSpan {
        LedgerSpan { first, previous, last, digest }
    }
}

impl LedgerExtract {
    /// Of the entries `span`, made at `created_at`.
    #[must_use]
    pub fn new(created_at: Moment, span: LedgerSpan) -> LedgerExtract {
        LedgerExtract { created_at, span, tool: Tool::own() }
    }

    /// Whether the file at `path` begins as one does.
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        in_toto::is_at(path)
    }

    /// The first line of the file, signed with `key` if there is one, in front of lines that have the
    /// digest `lines`.
    #[must_use]
    pub fn first_line(&self, lines: &Digest, key: Option<&PrivateKey>) -> Vec<u8> {
        let statement = self.to_statement(lines);
        match key {
            Some(key) => Envelope::sign(&statement, key).to_bytes(),
            None => [&statement[..], b"\n"].concat(),
        }
    }

    fn to_statement(&self, lines: &Digest) -> Vec<u8> {
        in_toto::to_bytes(&[StatementSubject::new(SUBJECT, lines)], EXTRACT_TYPE, self)
    }

    fn from_statement(payload: &[u8]) -> Result<(LedgerExtract, Digest)> {
        in_toto::read(payload, ("ledger", &[EXTRACT_TYPE]), |extract: &LedgerExtract, lines| {
            extract.to_statement(lines) == payload
        })
    }

    /// Reads the file at `path`, and hands `each` entry on that is as it was written. Where `keys` are
    /// given, one of them has to have signed it.
    ///
    /// # Errors
    /// [`Class::Untrusted`] where none of the keys signed it, or its statement is none of a ledger;
    /// [`Class::Damaged`] where its entries are not those that were signed; that of the disk.
    pub fn read(
        path: &Path,
        keys: &[PublicKey],
        mut each: impl FnMut(&LedgerEntry, &Digest) -> Result<()>,
    ) -> Result<(LedgerExtract, ReceiptSigner, LedgerState)> {
        let subject = || Subject::Path(path.to_owned());
        let named = |e: Error| e.context(path.display()).subject(subject());
        let fault = |e| faults::unreadable(path, e);
        let file = open_regular(path).map_err(fault)?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let mut first = Vec::new();
        (&mut reader).take(MAX_FIRST).read_until(b'\n', &mut first).map_err(fault)?;
        let envelope = match first.starts_with(BEGINNINGS[0]) {
            true => Some(Envelope::from_bytes(&first).map_err(named)?),
            false => None,
        };
        let signer = ReceiptSigner::of("the extract", envelope.as_ref(), keys).map_err(named)?;
        let plain = first.strip_suffix(b"\n").unwrap_or(&first);
        let statement = envelope.as_ref().map_or(plain, Envelope::payload);
        let (extract, lines) = LedgerExtract::from_statement(statement).map_err(named)?;
        let LedgerSpan { first, previous, last, digest } = extract.span.clone();
        let before = previous.map(|digest| (first.saturating_sub(1), digest));
        let mut chain = LedgerChain::behind(before, path, 0).bare();
        let mut hasher = Hasher::new();
        read_lines(reader, path, &mut |line| {
            hasher.update(line);
            chain.line(line, &mut each)
        })?;
        let mut state = chain.end(None, 0);
        state.anchored = true;
        if hasher.finish() != lines || state.last != Some((last, digest)) {
            let text = "its entries are not those that its statement has the digest of";
            let details = state.findings.iter().map(|it| it.text.clone());
            return Err(named(Error::new(Class::Damaged, text).details(details)));
        }
        Ok((extract, signer, state))
    }
}
