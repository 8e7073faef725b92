//! A packed bundle seen as what it is: a plain tar. Read and damaged by hand, entry by entry.

use std::path::Path;

use super::content::digest;

const BLOCK: usize = 512;

/// Where an entry lies in the file.
#[derive(Clone, Debug)]
pub struct Entry {
    pub path: String,
    pub header: usize,
    pub data: usize,
    pub size: usize,
}

impl Entry {
    /// The first byte after the entry and its padding.
    pub fn end(&self) -> usize {
        self.data + self.size.div_ceil(BLOCK) * BLOCK
    }
}

/// The entries of a tar, as far as their headers are whole; the last one's data may not be.
pub fn entries(tar: &[u8]) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut at = 0;
    while let Some(header) = tar.get(at..at + BLOCK) {
        let text = |from: usize, to: usize| {
            let field = &header[from..to];
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).trim().to_owned()
        };
        let Ok(size) = usize::from_str_radix(&text(124, 136), 8) else { break };
        if header[0] == 0 {
            break;
        }
        let prefix = text(345, 500);
        let name = text(0, 100);
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let entry = Entry { path, header: at, data: at + BLOCK, size };
        at = entry.end();
        found.push(entry);
    }
    found
}

/// The one entry whose path ends in `suffix`.
pub fn entry(tar: &[u8], suffix: &str) -> Entry {
    let found = entries(tar).into_iter().find(|entry| entry.path.ends_with(suffix));
    found.unwrap_or_else(|| panic!("no entry ends in {suffix}"))
}

/// The blobs in a file, perhaps unfinished, whose bytes are whole.
pub fn whole_blobs(file: &Path) -> Vec<String> {
    let Ok(tar) = std::fs::read(file) else { return Vec::new() };
    entries(&tar)
        .into_iter()
        .filter_map(|entry| {
            let name = format!("sha256:{}", entry.path.strip_prefix("blobs/sha256/")?);
            let bytes = tar.get(entry.data..entry.data + entry.size)?;
            (digest(bytes) == name).then_some(name)
        })
        .collect()
}

/// A header for one more entry of the given kind, with a right checksum.
pub fn header(path: &str, kind: tar::EntryType, size: usize, link: Option<&str>) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    // Not `set_path`, which would refuse the very paths that a hostile tar has.
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    if let Some(link) = link {
        header.set_link_name(link).unwrap();
    }
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// The tar with a regular file added at its end.
pub fn with_added(tar: &[u8], path: &str, content: &[u8]) -> Vec<u8> {
    let end = entries(tar).last().unwrap().end();
    let mut out = tar[..end].to_vec();
    out.extend(header(path, tar::EntryType::Regular, content.len(), None));
    out.extend(content);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    out.extend(&tar[end..]);
    out
}

/// The tar without the entry.
pub fn without(tar: &[u8], entry: &Entry) -> Vec<u8> {
    [&tar[..entry.header], &tar[entry.end()..]].concat()
}

/// The tar with a symbolic link in the entry's place.
pub fn with_link(tar: &[u8], entry: &Entry, target: &str) -> Vec<u8> {
    let link = header(&entry.path, tar::EntryType::Symlink, 0, Some(target));
    [&tar[..entry.header], &link, &tar[entry.end()..]].concat()
}
