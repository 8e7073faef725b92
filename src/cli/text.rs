//! Text files as people have them: in UTF-8 or UTF-16, with any system's ends of lines.

use zeroize::Zeroizing;

use crate::words::error::{Class, Error, Result};

/// The text in `bytes`: UTF-8, with a byte order mark or without, or UTF-16 with one. Lines end as
/// on Unix, whatever system wrote them.
///
/// # Errors
/// [`Class::Usage`] for everything else, with what it seems to be.
pub(super) fn decode(bytes: &[u8]) -> Result<Zeroizing<String>> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest)?,
        // UTF-32 begins as UTF-16 does.
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(other("is text in UTF-32")),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [_, 0, ..] | [0, _, ..] if looks_wide(bytes) => {
            return Err(other("is text in UTF-16 without the mark that says so"));
        }
        bytes => utf8(bytes)?,
    };
    if !text.contains('\r') {
        return Ok(text);
    }
    let unix = Zeroizing::new(text.replace("\r\n", "\n"));
    Ok(Zeroizing::new(unix.replace('\r', "\n")))
}

fn other(what: &str) -> Error {
    Error::new(Class::Usage, what).hint("save it again as UTF-8")
}

fn utf8(bytes: &[u8]) -> Result<Zeroizing<String>> {
    if bytes.contains(&0) {
        return Err(other("is no text").hint("see whether it is the file that was meant"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(e) => {
            let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            Err(other(&format!("is not in UTF-8: line {line} has a byte that is none")))
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Zeroizing<String>> {
    let pairs = bytes.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(other("is text in UTF-16 that ends within a character"));
    }
    let units = Zeroizing::new(pairs.map(|pair| unit([pair[0], pair[1]])).collect::<Vec<u16>>());
    match String::from_utf16(&units) {
        Ok(text) if !text.contains('\0') => Ok(Zeroizing::new(text)),
        Ok(_) => Err(other("is no text").hint("see whether it is the file that was meant")),
        Err(_) => Err(other("is broken text in UTF-16")),
    }
}

/// Whether every second byte is zero, as in Latin text in UTF-16.
fn looks_wide(bytes: &[u8]) -> bool {
    let zeros = |first: usize| bytes.iter().skip(first).step_by(2).all(|byte| *byte == 0);
    bytes.len() >= 4 && (zeros(0) || zeros(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn text_is_read_as_windows_and_others_write_it() {
        let text = "alpine:3.20\nd\u{e9}j\u{e0} \u{1f600}\n";
        let windows = text.replace('\n', "\r\n");
        let marked = format!("\u{feff}{windows}");

        for bytes in [
            text.as_bytes().to_vec(),
            windows.clone().into_bytes(),
            text.replace('\n', "\r").into_bytes(),
            marked.clone().into_bytes(),
            wide(&marked, u16::to_le_bytes),
            wide(&marked, u16::to_be_bytes),
        ] {
            assert_eq!(*decode(&bytes).unwrap(), text, "{bytes:?}");
        }
        assert_eq!(*decode(b"").unwrap(), "");
    }

    #[test]
    fn what_is_no_text_is_called_what_it_is() {
        for (bytes, said) in [
            (wide("alpine\n", u16::to_le_bytes), "UTF-16 without"),
            (wide("alpine\n", u16::to_be_bytes), "UTF-16 without"),
            (b"\xff\xfea".to_vec(), "UTF-16 that ends"),
            (b"\xff\xfe\x00\xd8a\0".to_vec(), "broken text"),
            (b"\xff\xfe\0\0a\0\0\0".to_vec(), "UTF-32"),
            (b"one\ntw\xf6\n".to_vec(), "line 2"),
            (b"MZ\x90\0\x03\0\0\0\x04".to_vec(), "is no text"),
        ] {
            let error = decode(&bytes).unwrap_err();
            assert_eq!(error.class(), Class::Usage);
            assert!(error.message().contains(said), "{bytes:?}: {error}");
        }
    }
}
