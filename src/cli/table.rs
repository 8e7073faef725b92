//! Aligned columns and human sizes.

use crate::bundle::check::OtherSignature;
use crate::bundle::contents::{Image, LeftOut, Skipped};
use crate::words::digest::Digest;
use crate::words::escape::Safe;
use crate::words::platform::Platform;

/// Rows as lines, each column as wide as its widest cell, text from outside escaped.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| Safe(cell).to_string()).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Bytes as people read them, in binary units.
pub(super) fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}

/// `1 blob`, `2 blobs`.
pub(super) fn blobs(count: u64) -> String {
    format!("{count} blob{}", if count == 1 { "" } else { "s" })
}

/// A digest, whole or shortened.
pub(super) fn digest(digest: &Digest, long: bool) -> String {
    if long { digest.to_string() } else { digest.short() }
}

/// Platforms in a column.
pub(super) fn platforms(all: &[Platform]) -> String {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(",") }
}

/// A line on what of an image its bundle does not hold, where that is anything.
pub(super) fn left_out(image: &Image, long: bool) -> Option<String> {
    let named = |left: &LeftOut| match &left.platform {
        Some(platform) if long => format!("{platform} ({})", left.digest),
        Some(platform) => platform.to_string(),
        None => digest(&left.digest, long),
    };
    let left: Vec<String> = image.left_out.iter().map(named).collect();
    let text = format!("{} is carried without {}", image.name, left.join(", "));
    (!left.is_empty()).then(|| Safe(&text).to_string())
}

/// A line for each image that an export could not read and left behind.
pub(super) fn skipped(skipped: &[Skipped]) -> Vec<String> {
    let line = |it: &Skipped| {
        format!("skipped {} of {}: {}", Safe(&it.image), Safe(&it.source), Safe(&it.reason))
    };
    skipped.iter().map(line).collect()
}

/// A line for each signature that does not count.
pub(super) fn others(others: &[OtherSignature]) -> Vec<String> {
    let line = |it: &OtherSignature| {
        format!("beside it: {} does not count: it {}", Safe(&it.path), Safe(&it.what))
    };
    others.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_escaped() {
        let rows = [vec!["a".into(), "b".into()], vec!["long\x1b".into(), "c".into()]];

        assert_eq!(table(&rows), ["a           b", "long\\u{1b}  c"]);
    }
}
