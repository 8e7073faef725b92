//! [`HeldContent`]: the lists of a receipt, one line a digest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::words::digest::Digest;
use crate::words::reference::Reference;

/// The line before the manifests.
const MANIFESTS: &str = "manifests";
/// The line before the blobs.
const BLOBS: &str = "blobs";
/// Most names that are written or read: those of a registry of two thousand repositories with five
/// hundred tags each. A file has room for sixteen times as many, of which each takes a quarter of a
/// kilobyte of memory, before anybody knows who signed.
pub const MAX_NAMES: usize = 1_000_000;

/// What is held: manifests, blobs, and names. Digests are there once, however many names, images
/// and repositories have them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldContent {
    /// Manifests and indexes, with their sizes.
    pub manifests: BTreeMap<Digest, u64>,
    /// All other blobs, with their sizes.
    pub blobs: BTreeMap<Digest, u64>,
    /// Names, each behind the manifest that it stands for.
    pub names: BTreeSet<(Digest, Reference)>,
}

impl HeldContent {
    /// Adds all of `other`.
    pub fn join(&mut self, other: HeldContent) {
        other.manifests.into_iter().for_each(|(digest, size)| self.manifest(digest, size));
        other.blobs.into_iter().for_each(|(digest, size)| self.blob(digest, size));
        self.names.extend(other.names);
    }

    /// Adds a manifest.
    pub fn manifest(&mut self, digest: Digest, size: u64) {
        least(&mut self.manifests, digest, size);
    }

    /// Adds a blob.
    pub fn blob(&mut self, digest: Digest, size: u64) {
        least(&mut self.blobs, digest, size);
    }

    /// The lists as text: `HEX SIZE` a line, in order of the digests, the names of a manifest
    /// behind it. What all names begin with, up to a slash, stands once, in the first line.
    #[must_use]
    pub(super) fn to_text(&self) -> String {
        self.text_with(&self.names)
    }

    /// The same, as if it had no names.
    #[must_use]
    pub(super) fn to_text_without_names(&self) -> String {
        self.text_with(&BTreeSet::new())
    }

    fn text_with(&self, names: &BTreeSet<(Digest, Reference)>) -> String {
        // 64 digits, a size of ten, a space and the end; names have lengths of their own.
        let lines = self.manifests.len() + self.blobs.len();
        let mut text = String::with_capacity(76 * lines + 80 * names.len());
        let prefix = prefix(names);
        let mut names = names.iter().peekable();
        let _ = match prefix.as_str() {
            "" => writeln!(text, "{MANIFESTS}"),
            prefix => writeln!(text, "{MANIFESTS} {prefix}"),
        };
        for (digest, size) in &self.manifests {
            let _ = write!(text, "{} {size}", digest.hex());
            // A name without a manifest stands for nothing.
            while let Some((of, name)) = names.next_if(|(of, _)| of <= digest) {
                if of == digest {
                    let _ = write!(text, " {}", &name.to_string()[prefix.len()..]);
                }
            }
            text.push('\n');
        }
        let _ = writeln!(text, "{BLOBS}");
        for (digest, size) in &self.blobs {
            let _ = writeln!(text, "{} {size}", digest.hex());
        }
        text
    }

    /// Reads what [`to_text`](HeldContent::to_text) wrote, and nothing else.
    pub(super) fn from_text(bytes: &[u8]) -> Result<HeldContent, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "its lists are no text")?;
        let mut lines = text.lines();
        let first = lines.next().and_then(|first| first.strip_prefix(MANIFESTS));
        let first = first.ok_or("its lists do not begin with its manifests")?;
        let prefix = first.trim_start_matches(' ');
        let mut content = HeldContent::default();
        let mut in_blobs = false;
        for line in lines {
            if line == BLOBS && !in_blobs {
                in_blobs = true;
                continue;
            }
            let bad =
                || format!("{:?} is no line of one", line.chars().take(80).collect::<String>());
            let mut words = line.split(' ');
            let digest = words.next().and_then(|hex| Digest::from_hex(hex).ok()).ok_or_else(bad)?;
            let size = words.next().and_then(|size| size.parse().ok()).ok_or_else(bad)?;
            match in_blobs {
                true => content.blobs.insert(digest, size),
                false => content.manifests.insert(digest, size),
            };
            for name in words {
                let name = format!("{prefix}{name}").parse().map_err(|_| bad())?;
                content.names.insert((digest, name));
                if content.names.len() > MAX_NAMES {
                    return Err(format!("it has more than {MAX_NAMES} names"));
                }
            }
        }
        match content.to_text() == text {
            true => Ok(content),
            false => Err("its lists are not spelled as sealift writes them".to_owned()),
        }
    }
}

/// What all `names` begin with, up to a slash.
fn prefix(names: &BTreeSet<(Digest, Reference)>) -> String {
    let mut names = names.iter().map(|(_, name)| name.to_string());
    let Some(mut prefix) = names.next() else { return String::new() };
    for name in names {
        let same = prefix.bytes().zip(name.bytes()).take_while(|(one, other)| one == other);
        prefix.truncate(same.count());
    }
    prefix.truncate(prefix.rfind('/').map_or(0, |slash| slash + 1));
    prefix
}

/// Notes `size` of `digest`, or the least where manifests do not agree: that is no matter of theirs
/// which one is read first.
fn least(all: &mut BTreeMap<Digest, u64>, digest: Digest, size: u64) {
    all.entry(digest).and_modify(|known| *known = size.min(*known)).or_insert(size);
}
