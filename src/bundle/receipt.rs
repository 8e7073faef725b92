//! [`Receipt`]: what a site holds, as it says itself, for whoever makes the next bundle for it; or what an
//! import left there, for whoever has to know.
//!
//! A receipt is one file: a line of JSON, the statement or its signed envelope, and behind it the
//! lists that the statement has the digest of. `docs/FORMAT.md` describes both.

mod about;
mod content;
mod received;

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::Path;

pub use self::about::{HeldBundle, ReceiptAbout, ReceiptTotals, Unread};
pub use self::content::{HeldContent, MAX_NAMES};
pub use self::received::{ReceivedImage, ReceivedState, ReceivedTotals};
use super::envelope::Envelope;
use super::in_toto::{self, BEGINNINGS};
use super::keys::{KeyId, PrivateKey, PublicKey};
use crate::tools::file::open_regular;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::reference::Reference;

/// Largest receipt that is written or read: one of 800,000 blobs. A hundred thousand take less than
/// 8 MB.
pub const MAX_RECEIPT: u64 = 64 << 20;
/// How much of a reason is kept, as for what a bundle leaves behind.
pub const MAX_REASON: usize = 1_000;
/// Most of what could not be read that is told with its reason: where more cannot be read, that is no receipt
/// of a place.
pub const MAX_UNREAD: usize = 1_000;
/// Largest first line: the statement with what could not be read, in base64.
const MAX_FIRST: usize = 2 << 20;
/// What a site holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// When and of what it was made.
    pub about: ReceiptAbout,
    /// What is held.
    pub content: HeldContent,
    /// What became of each image of a bundle, in order, where it is the receipt of an import: its names
    /// there are those of the content then.
    pub images: Vec<ReceivedImage>,
}

/// Whose word a receipt is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiptSigner {
    /// Nobody signed it.
    Nobody,
    /// It names this key, and nobody gave a key to check that with.
    Claimed(String),
    /// Signed by this key, which is one of those that were given.
    Key(KeyId),
}

/// A receipt as a file has it.
#[derive(Debug, Clone)]
pub struct ReadReceipt {
    /// What it says.
    pub receipt: Receipt,
    /// The digest of its statement, its identity.
    pub digest: Digest,
    /// Whose word it is.
    pub signer: ReceiptSigner,
}

impl Receipt {
    /// Puts `content` and what is known `about` it together, and counts.
    #[must_use]
    pub fn new(about: ReceiptAbout, content: HeldContent) -> Receipt {
        let about = ReceiptAbout { totals: ReceiptTotals::of(&content), images: None, ..about };
        Receipt { about, content, images: Vec::new() }
    }

    /// The receipt of an import: what is known `about` it, the manifests and blobs that are there, and
    /// what became of the `images`.
    #[must_use]
    pub fn import(
        about: ReceiptAbout,
        content: HeldContent,
        mut images: Vec<ReceivedImage>,
    ) -> Receipt {
        received::sort(&mut images);
        let content = HeldContent { names: names(&images), ..content };
        let counted = Some(ReceivedTotals::of(&images));
        let about = ReceiptAbout { totals: ReceiptTotals::of(&content), images: counted, ..about };
        Receipt { about, content, images }
    }

    /// The file, signed with `key` if there is one. The same receipt gives the same bytes.
    ///
    /// # Errors
    /// [`Class::Usage`] when it is too large to be read again.
    pub fn to_bytes(&self, key: Option<&PrivateKey>) -> Result<Vec<u8>> {
        let body = match self.about.images {
            None => self.content.to_text(),
            // The lines of the images have the names.
            Some(_) => self.content.to_text_without_names() + &received::to_text(&self.images),
        };
        let statement = self.about.to_statement(&Digest::of(body.as_bytes()));
        let mut bytes = match key {
            Some(key) => Envelope::sign(&statement, key).to_bytes(),
            None => [&statement[..], b"\n"].concat(),
        };
        let (first, names) = (bytes.len(), self.content.names.len().max(self.images.len()));
        bytes.extend_from_slice(body.as_bytes());
        let text = if first > MAX_FIRST || bytes.len() as u64 > MAX_RECEIPT {
            format!(
                "the receipt would have {} bytes, and {MAX_RECEIPT} are read at most",
                bytes.len()
            )
        } else if names > MAX_NAMES {
            format!("the receipt would have {names} names, and {MAX_NAMES} are read at most")
        } else {
            return Ok(bytes);
        };
        let hint = "make several, each of some of the places";
        Err(Error::new(Class::Usage, text).hint(hint))
    }
}

impl ReadReceipt {
    /// Whether the file at `path` begins as a receipt does.
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        in_toto::is_at(path)
    }

    /// Reads the receipt at `path`. Where `keys` are given, one of them has to have signed it; that is
    /// asked before its lists are read.
    ///
    /// # Errors
    /// As [`from_bytes`](ReadReceipt::from_bytes), and those of the disk.
    pub fn at(path: &Path, keys: &[PublicKey]) -> Result<ReadReceipt> {
        let fault = |e: io::Error| {
            let text = format!("cannot read {}", path.display());
            match e.kind() {
                io::ErrorKind::InvalidData => Error::new(Class::Usage, text).source(e),
                _ => Error::io(text, e),
            }
        };
        let mut bytes = Vec::new();
        let file = open_regular(path).map_err(fault)?;
        file.take(MAX_RECEIPT + 1).read_to_end(&mut bytes).map_err(fault)?;
        ReadReceipt::from_bytes(&bytes, keys)
            .map_err(|e| e.context(path.display()).subject(Subject::Path(path.to_owned())))
    }

    /// Reads a receipt. Every byte is spelled in one way only. Where `keys` are given, one of them has to
    /// have signed it; that is asked before its lists are read.
    ///
    /// # Errors
    /// [`Class::Damaged`] for anything but a receipt whose lists have the digest that its statement
    /// gives; [`Class::Untrusted`] where that is no statement of a receipt, or none of the keys signed it.
    pub fn from_bytes(bytes: &[u8], keys: &[PublicKey]) -> Result<ReadReceipt> {
        let damaged = |why: &str| Error::new(Class::Damaged, format!("not a receipt: {why}"));
        if bytes.len() as u64 > MAX_RECEIPT {
            return Err(damaged("it is larger than any"));
        }
        let end = bytes.iter().take(MAX_FIRST).position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| damaged("its first line has no end"))?;
        let (first, body) = bytes.split_at(end + 1);
        let envelope = match BEGINNINGS.map(|begin| first.starts_with(begin)) {
            [true, _] => Some(Envelope::from_bytes(first)?),
            [_, true] => None,
            _ => return Err(damaged("it does not begin as one")),
        };
        let signer = ReceiptSigner::of("the receipt", envelope.as_ref(), keys)?;
        let statement = envelope.as_ref().map_or(&first[..end], Envelope::payload);
        let (about, listed) = ReceiptAbout::from_statement(statement)?;
        if Digest::of(body) != listed {
            return Err(damaged("its lists are not those that its statement has the digest of")
                .hint("fetch it again from whoever made it"));
        }
        let (content, images) = lists(&about, body).map_err(|why| damaged(&why))?;
        let counted = about.images.map(|_| ReceivedTotals::of(&images));
        if ReceiptTotals::of(&content) != about.totals || counted != about.images {
            return Err(damaged("its lists are not counted as its statement counts them"));
        }
        let digest = Digest::of(statement);
        Ok(ReadReceipt { receipt: Receipt { about, content, images }, digest, signer })
    }
}

/// The lists of a receipt, as what is known `about` it says that there are.
fn lists(
    about: &ReceiptAbout,
    body: &[u8],
) -> std::result::Result<(HeldContent, Vec<ReceivedImage>), String> {
    if about.images.is_none() {
        return Ok((HeldContent::from_text(body)?, Vec::new()));
    }
    let text = std::str::from_utf8(body).map_err(|_| "its lists are no text")?;
    let begin = text.find(&format!("\n{}\n", received::IMAGES)).map(|at| at + 1);
    let begin = begin.ok_or("its lists have no images")?;
    let content = HeldContent::from_text(&body[..begin])?;
    if !content.names.is_empty() {
        return Err("its lists have names beside those of its images".to_owned());
    }
    let images = received::from_text(&text[begin..])?;
    Ok((HeldContent { names: names(&images), ..content }, images))
}

/// What the names of `images` stand for at their place; what has no tag has no name, as at a registry.
fn names(images: &[ReceivedImage]) -> BTreeSet<(Digest, Reference)> {
    let tagged = |to: &Reference| to.tag.is_some();
    let name = |image: &ReceivedImage| Some((image.there?, image.to.clone().filter(tagged)?));
    images.iter().filter_map(name).collect()
}

impl ReceiptSigner {
    /// Whose word `what` is, which has this `envelope`. Where `keys` are given, one of them has to have
    /// signed it.
    ///
    /// # Errors
    /// [`Class::Untrusted`] where none has.
    pub(super) fn of(
        what: &str,
        envelope: Option<&Envelope>,
        keys: &[PublicKey],
    ) -> Result<ReceiptSigner> {
        let untrusted = |why: &str| Error::new(Class::Untrusted, format!("{what} {why}"));
        match (envelope, keys) {
            (None, []) => Ok(ReceiptSigner::Nobody),
            (None, _) => {
                Err(untrusted("is not signed").hint("ask whoever made it for a signed one"))
            }
            (Some(envelope), []) => {
                Ok(ReceiptSigner::Claimed(envelope.claimed_key_id().to_owned()))
            }
            (Some(envelope), keys) => match keys.iter().find(|key| envelope.is_by(key)) {
                Some(key) => Ok(ReceiptSigner::Key(key.id())),
                None => Err(untrusted("has no valid signature by a key that was given")
                    .subject(Subject::Key(envelope.claimed_key_id().to_owned()))
                    .hint("see whether the key is that of the site which made it")),
            },
        }
    }
}

#[cfg(test)]
mod tests;
