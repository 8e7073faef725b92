//! One header of a tar: written so that it depends on nothing but the file, and taken only when all
//! readers see the same name and numbers in it.

use std::ops::Range;

use tar::{EntryType, Header};

use crate::words::error::{Error, Result as Checked};

/// tar's unit, in bytes.
pub const BLOCK: u64 = 512;

/// The block in front of a plain file of `size` bytes, with nothing in it that depends on who
/// writes it and where. `mtime` is in seconds since 1970.
///
/// # Errors
/// When `path` is longer than a header has room for.
pub fn header(path: &str, size: u64, mtime: u64) -> Checked<[u8; BLOCK as usize]> {
    let mut header = Header::new_ustar();
    header
        .set_path(path)
        .map_err(|e| Error::io(format!("{path} does not fit into a tar header"), e))?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    // Above 8 GiB this is the base-256 form, which GNU tar, Go and libarchive all read.
    header.set_size(size);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// Whether all readers take the header for the same dialect, and so for the same name. They differ
/// in what they believe: Go (docker, podman, skopeo) does not look at ustar's version, takes times
/// in GNU's fields for a prefix where they are no numbers, and star's trailer makes ustar's prefix
/// shorter.
///
/// The times that GNU tar writes for incremental archives are a prefix for Python; they are taken
/// `with_times` in sources alone, where docker and its kin decide.
fn is_one_dialect(block: &[u8; BLOCK as usize], with_times: bool) -> bool {
    const TIMES: Range<usize> = 345..369;
    let is_octal = |digits: &[u8]| digits.iter().all(|c| matches!(c, b'0'..=b'7'));
    let is_time = |field: &[u8]| match field {
        [digits @ .., 0 | b' '] => is_octal(digits) || field.iter().all(|byte| *byte == 0),
        _ => false,
    };
    let rest = match &block[257..265] {
        b"ustar\x0000" => &block[500..],
        b"ustar  \0" if with_times && block[TIMES].chunks(12).all(is_time) => &block[TIMES.end..],
        b"ustar  \0" | [0, 0, 0, 0, 0, 0, 0, 0] => &block[345..],
        _ => return false,
    };
    rest.iter().all(|byte| *byte == 0)
}

/// Where a header has numbers: mode, owner, group, size, time, checksum; and those of devices, which
/// GNU tar looks at for devices alone.
const NUMBERS: [Range<usize>; 6] = [100..108, 108..116, 116..124, 124..136, 136..148, 148..156];
const DEVICE: [Range<usize>; 2] = [329..337, 337..345];
const TIME: Range<usize> = 136..148;

/// Whether GNU tar and Python read the same number in each field: octal digits, blanks around them,
/// a zero byte behind; nothing at all; or GNU's base 256, below zero for a time alone. What is behind
/// a blank is nothing to the one and a fault to the other, the one passes over a leading zero byte,
/// and each has spellings of its own (`-7`, `1_0`, base 64).
fn has_numbers(block: &[u8; BLOCK as usize]) -> bool {
    let is_number = |range: &Range<usize>| {
        let field = &block[range.clone()];
        let text = field.split(|byte| *byte == 0).next().unwrap_or_default();
        match (field, text.trim_ascii()) {
            ([0x80, ..], _) => true,
            ([0xff, ..], _) => *range == TIME,
            (_, []) if text.is_empty() => field.iter().all(|byte| *byte == 0),
            (_, []) => DEVICE.contains(range),
            (_, digits) => digits.iter().all(|byte| matches!(byte, b'0'..=b'7')),
        }
    };
    NUMBERS.iter().chain(&DEVICE).all(is_number)
}

/// The name and size in a header whose checksum holds, of a dialect that all readers know.
///
/// In a source GNU's headers may hold the times of access and change.
pub(super) fn read_header(
    block: &[u8; BLOCK as usize],
    is_source: bool,
) -> Result<(String, u64), ()> {
    let header = Header::from_byte_slice(block);
    let sum = block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]);
    let sum: u32 = sum.map(|byte| u32::from(*byte)).sum();
    // A size of more than 64 bits: readers differ in which of its bytes they drop.
    let oversized = block[124] & 0x80 != 0 && (block[124] != 0x80 || block[125..128] != [0; 3]);
    if header.cksum().map_err(drop)? != sum
        || oversized
        || !is_one_dialect(block, is_source)
        || !has_numbers(block)
    {
        return Err(());
    }
    let name = header.path_bytes();
    let name = std::str::from_utf8(&name).map_err(drop)?.to_owned();
    // GNU tar leaves the field empty where an extension header has the size.
    let is_empty = block[124..136].iter().all(|byte| *byte == 0);
    let size = if is_empty { 0 } else { header.entry_size().map_err(drop)? };
    Ok((name, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(at: usize, field: &[u8]) -> Result<(String, u64), ()> {
        let mut header = Header::new_ustar();
        header.set_path("p").unwrap();
        header.set_size(7);
        header.as_mut_bytes()[at..at + field.len()].copy_from_slice(field);
        header.set_cksum();
        read_header(header.as_bytes(), false)
    }

    #[test]
    fn numbers_that_gnu_tar_or_python_refuse_are_refused() {
        let fields = NUMBERS.iter().filter(|field| field.start != 148).chain(&DEVICE);
        for Range { start, end } in fields.cloned() {
            let wide = |text: &[u8]| [text, &vec![0; end - start - text.len()]].concat();
            let blank = vec![b' '; end - start];
            for bad in [
                &b"xyz"[..],
                b"8",
                b"1_1",
                b"-1",
                b"+1",
                b"11 x",
                b"1 1",
                b"\x0011",
                b"\xc0\0\0\x01",
                b"\xe9",
            ] {
                assert!(read(start, &wide(bad)).is_err(), "{start}: {}", bad.escape_ascii());
            }
            assert_eq!(read(start, &blank).is_ok(), start >= 329, "{start}");
            assert_eq!(read(start, &vec![0xff; end - start]).is_ok(), start == 136, "{start}");
            for good in [&b"11"[..], b" 11 ", b"11\0x", b""] {
                assert!(read(start, &wide(good)).is_ok(), "{start}: {}", good.escape_ascii());
            }
        }
    }
}
