//! What the file of a layer is called.

use crate::tools::file::TEMP_PREFIX;
use crate::words::escape::Safe;

/// The annotation of a layer that says what its file is called (OCI image-spec, annotations.md).
pub const TITLE: &str = "org.opencontainers.image.title";

/// Longest name of a file: no file system of any system here takes more bytes.
const MAX_NAME: usize = 255;

/// Why no file may be called `title`, which anybody may have written, if none may: it has to be a single
/// name, on every system that reads the medium, and to look like what it is.
///
/// # Errors
/// The reason, to be read behind the title.
pub fn file_name(title: &str) -> Result<(), &'static str> {
    match title {
        "" => Err("is empty"),
        "." | ".." => Err("is a folder"),
        _ if title.contains(['/', '\\']) => Err("is a path, and not a name"),
        _ if title.len() > MAX_NAME => Err("is longer than 255 bytes"),
        _ if Safe(title).to_string() != title => Err("has control characters in it"),
        _ if title.starts_with(TEMP_PREFIX) => Err("is one of unfinished files"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_a_name_or_nothing_is_written() {
        for good in ["a", ".env", "größe 1.iso", "..a", "a..", &"x".repeat(255)] {
            assert_eq!(file_name(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "a\nb",
            "a\0b",
            "a\u{202e}b",
            ".sealift-locked-0000000000000000",
            &"x".repeat(256),
        ] {
            assert!(file_name(bad).is_err(), "{bad:?}");
        }
    }
}
