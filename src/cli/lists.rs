//! Lists of images in files.

use std::path::Path;

use super::secrets::read_text;
use crate::places::location::Source;
use crate::words::error::{Error, Result};

/// Largest list that is read: a hundred thousand names.
const MAX_LIST: u64 = 16 << 20;

/// Reads a plain list: one image a line, `#` for comments.
pub(super) fn read(path: &Path) -> Result<Vec<Source>> {
    parse(&read_text(path, MAX_LIST)?).map_err(|e| e.context(path.display()))
}

fn parse(text: &str) -> Result<Vec<Source>> {
    let mut images = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = match line.split_once('#') {
            Some((before, _)) => before.trim(),
            None => line.trim(),
        };
        if !line.is_empty() {
            let named = |e: Error| e.context(format!("line {}", number + 1));
            images.push(line.parse().map_err(named)?);
        }
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_passed_over() {
        let images = parse("# base\nalpine:3.20  # small\n\n\tquay.io/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n").unwrap();

        assert_eq!(images.len(), 2);
        assert_eq!(images[0].to_string(), "docker://docker.io/library/alpine:3.20");
        let error = parse("alpine\n\nAlpine\n").unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
    }
}
