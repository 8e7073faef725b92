//! Aligned columns and human sizes.

use crate::bundle::check::OtherSignature;
use crate::bundle::contents::Skipped;
use crate::words::escape::Safe;

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
