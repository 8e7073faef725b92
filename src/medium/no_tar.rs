//! [`NoTar`]: what a file is that is no tar, by how it begins.

use crate::words::phrase::Phrase;
use crate::words::remedy::Remedy;

/// How much of a file is looked at: a tar says what it is within its first block.
pub const SNIFF: usize = 512;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoTar {
    /// For people, with its article.
    pub what: &'static str,
    /// What a person can do about it.
    hint: &'static str,
    /// With what, where that is something.
    with: Option<Remedy>,
}

impl NoTar {
    /// What a person can do about it.
    #[must_use]
    pub fn way_out(&self) -> Phrase {
        let hint = Phrase::from(self.hint);
        self.with.into_iter().fold(hint, Phrase::and)
    }
}

/// A file without a byte.
pub const EMPTY: NoTar = NoTar { what: "an empty file", hint: COPY, with: None };

/// Where a tar has the word `ustar`.
const USTAR: usize = 257;

const UNPACK: &str = "unpack it first, and name what comes out";
const DECRYPT: &str = "decrypt it with age, and name what comes out";
const COPY: &str = "copy it from its origin again";
const OTHER: &str = "see whether it is the file that was meant";

/// What a file is that begins with `head`, its first [`SNIFF`] bytes or all if it has fewer;
/// nothing for a tar, and for what may have been one.
#[must_use]
pub fn no_tar(head: &[u8]) -> Option<NoTar> {
    let sort = |what, hint| Some(NoTar { what, hint, with: None });
    match head {
        [] => return Some(EMPTY),
        [0x1f, 0x8b, ..] => return sort("compressed with gzip", UNPACK),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => return sort("compressed with xz", UNPACK),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => return sort("compressed with bzip2", UNPACK),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return sort("compressed with zstd", UNPACK),
        [0x04, 0x22, 0x4d, 0x18, ..] => return sort("compressed with lz4", UNPACK),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => return sort("a zip file", UNPACK),
        [b'7', b'z', 0xbc, 0xaf, ..] => return sort("a 7z file", UNPACK),
        [b'R', b'a', b'r', b'!', ..] => return sort("a rar file", UNPACK),
        [0x7f, b'E', b'L', b'F', ..] => return sort("a program", OTHER),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return sort("a text file in UTF-16", OTHER),
        _ => {}
    }
    if head.starts_with(b"age-encryption.org/") {
        return sort("encrypted with age", DECRYPT);
    }
    if head.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----") {
        return sort("encrypted with age and written as text", DECRYPT);
    }
    if head.get(USTAR..USTAR + 5) == Some(b"ustar") {
        return None;
    }
    if head.starts_with(b"-----BEGIN ") {
        let hint = "name the bundle first, and the key behind ";
        return Some(NoTar { what: "a key or certificate", hint, with: Some(Remedy::Trust) });
    }
    if is_text(head) {
        let start = String::from_utf8_lossy(head).trim_start().to_ascii_lowercase();
        return match start.chars().next() {
            Some('<') => sort(
                "a web page or XML",
                "a proxy or a login page may have answered in its place; fetch it again",
            ),
            Some('{' | '[') => sort("a JSON file", OTHER),
            _ => sort("a text file", OTHER),
        };
    }
    match head.iter().all(|byte| *byte == 0) {
        true => sort("a file that begins with nothing but zeros", COPY),
        // The old format of tar has no mark; its first field is a name that zeros follow.
        false if old_tar(head) => None,
        false => sort("a file of no kind that is known here", OTHER),
    }
}

/// Whether it is all text, but for a character that is cut off at the end.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() => {
            std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}'))
}

/// Whether a header of tar's first format may stand there: its checksum, in octal digits, is that
/// of the block, or the block is not there to its end.
fn old_tar(head: &[u8]) -> bool {
    let Some(block) = head.get(..SNIFF) else {
        return head.iter().filter(|b| **b == 0).count() > 8;
    };
    let digits: String =
        block[148..156].iter().map(|byte| char::from(*byte)).filter(|c| c.is_digit(8)).collect();
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
        .sum();
    u64::from_str_radix(&digits, 8).is_ok_and(|said| said == sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(head: &[u8]) -> Option<&'static str> {
        no_tar(head).map(|it| it.what)
    }

    #[test]
    fn a_file_is_called_what_it_is() {
        for (head, expected) in [
            (&b""[..], "empty"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"\xfd7zXZ\0", "xz"),
            (b"BZh91AY", "bzip2"),
            (b"\x28\xb5\x2f\xfd\0", "zstd"),
            (b"PK\x03\x04\x14", "zip"),
            (b"PK\x05\x06\0", "zip"),
            (b"7z\xbc\xaf\x27\x1c", "7z"),
            (b"\x7fELF\x02", "program"),
            (b"\xff\xfeh\0i\0", "UTF-16"),
            (b"-----BEGIN PUBLIC KEY-----\n", "key"),
            (b"age-encryption.org/v1\n-> X25519", "encrypted with age"),
            (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "as text"),
            (b"<!DOCTYPE html>", "web page"),
            (b"\n {\"a\": 1}", "JSON"),
            ("Grüße\r\n".as_bytes(), "text"),
            (&"ü".as_bytes()[..1], "text"),
            (&[0; 512], "zeros"),
            (b"\x01\x02\x03\xff\xfe\xfd", "no kind"),
        ] {
            let found = what(head).unwrap_or_else(|| panic!("{head:?} passes for a tar"));
            assert!(found.contains(expected), "{head:?}: {found}");
        }
    }

    #[test]
    fn a_tar_is_none_of_these_in_any_of_its_formats() {
        let header = crate::medium::header::header("a", 1, 0).unwrap();
        assert_eq!(what(&header), None);

        let mut old = tar::Header::new_old();
        old.set_path("a").unwrap();
        old.set_size(1);
        old.set_cksum();
        assert_eq!(what(old.as_bytes()), None);
        assert_eq!(what(&old.as_bytes()[..300]), None, "cut off in its header");
    }
}
