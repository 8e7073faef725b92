//! Aligned columns and human sizes.

use super::environment::size;
use crate::bundle::check::OtherSignature;
use crate::bundle::contents::{Image, LeftOut, Skipped};
use crate::bundle::screening::Screening;
use crate::tools::uncached::ReadBack;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::escape::Safe;
use crate::words::platform::Platform;

/// Rows as lines, each column as wide as its widest cell, text from outside escaped. At a terminal
/// that is narrower, each cell has a line of its own.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    grouped(rows, false).concat()
}

/// As [`table`], of rows of which the first names the columns.
pub(super) fn titled(rows: &[Vec<String>]) -> Vec<String> {
    grouped(rows, true).concat()
}

/// As [`table`], the lines row by row; the first row names the columns if it is `titled`.
pub(super) fn grouped(rows: &[Vec<String>], titled: bool) -> Vec<Vec<String>> {
    let width = size(&std::io::stdout()).map(|(columns, _)| columns);
    within(rows, titled, width.unwrap_or(usize::MAX))
}

/// How a bundle was read back from its medium.
pub(super) fn read_back(way: ReadBack) -> String {
    let from = match way {
        ReadBack::Device => "every byte was read back from the device",
        ReadBack::Memory => "every byte was read back, from memory, where the file system is",
        _ => "every byte was read back, as far as can be told from the device",
    };
    from.to_owned()
}

/// The lines of each row, in so many columns.
fn within(rows: &[Vec<String>], titled: bool, most: usize) -> Vec<Vec<String>> {
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
    let lines: Vec<String> = rows.iter().map(line).collect();
    match lines.iter().any(|line| line.chars().count() > most) {
        true => folded(&rows, titled),
        false => lines.into_iter().map(|line| vec![line]).collect(),
    }
}

/// The first cell of each row on a line, and below it the others, with the names of their columns.
fn folded(rows: &[Vec<String>], titled: bool) -> Vec<Vec<String>> {
    let heads: Vec<String> = match rows.first().filter(|_| titled) {
        Some(heads) => heads.iter().map(|head| head.to_lowercase()).collect(),
        None => Vec::new(),
    };
    let width = heads.iter().skip(1).map(|head| head.chars().count()).max().unwrap_or(0);
    let below = |(at, cell): (usize, &String)| match heads.get(at) {
        _ if at == 0 => cell.clone(),
        Some(head) => format!("  {head:width$}  {cell}"),
        None => format!("  {cell}"),
    };
    let lines = |(at, row): (usize, &Vec<String>)| match at == 0 && titled {
        true => Vec::new(),
        false => row.iter().enumerate().filter(|(_, it)| !it.is_empty()).map(below).collect(),
    };
    rows.iter().enumerate().map(lines).collect()
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

/// A line for each lock that asked for images.
pub(super) fn locks(locks: &[Digest]) -> Vec<String> {
    locks.iter().map(|lock| format!("asked for by the lock {lock}")).collect()
}

/// A line for each thing that images were held against before they were let in.
pub(super) fn screenings(screenings: &[Screening]) -> Vec<String> {
    screenings.iter().flat_map(screened).map(|line| Safe(&line).to_string()).collect()
}

fn screened(it: &Screening) -> Vec<String> {
    match it {
        Screening::Signature { image, rule, form, unchecked, .. } => {
            let but = match unchecked.is_empty() {
                true => String::new(),
                false => format!("; not checked: {}", unchecked.join(", ")),
            };
            vec![format!("{image} is signed as {rule} demands ({form}{but})")]
        }
        Screening::Scan { image, command, tool, layers, .. } => {
            let layers = count(*layers, "layer");
            vec![format!("{command} ({tool}) found nothing in {layers} of {image}")]
        }
        Screening::Policy { policy, warnings, warn_only } => {
            let kept = match warn_only {
                true => "was told only to warn",
                false => "was kept",
            };
            let mut lines = vec![format!("policy {} {kept}", digest(policy, false))];
            lines.extend(warnings.iter().map(|warning| format!("policy warns: {warning}")));
            lines
        }
    }
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
    fn what_is_wider_than_a_terminal_has_a_line_a_cell() {
        let rows = [["IMAGE", "OWN SIZE", "X"], ["a/b:1", "5 KiB", ""], ["c", "1 MiB", "y"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());

        assert_eq!(within(&rows, true, 18)[1], ["a/b:1  5 KiB"]);
        assert_eq!(within(&rows, true, 17).concat(), within(&rows, true, 2).concat());
        assert_eq!(
            within(&rows, true, 17).concat(),
            ["a/b:1", "  own size  5 KiB", "c", "  own size  1 MiB", "  x         y"]
        );
        assert_eq!(
            within(&rows[1..], false, 9).concat(),
            ["a/b:1", "  5 KiB", "c", "  1 MiB", "  y"]
        );
    }

    #[test]
    fn columns_are_aligned_and_escaped() {
        let rows = [vec!["a".into(), "b".into()], vec!["long\x1b".into(), "c".into()]];

        assert_eq!(table(&rows), ["a           b", "long\\u{1b}  c"]);
    }
}
