//! Names in files, one a line, and among the arguments: all that is wrong with any is told at once.

use std::path::{Path, PathBuf};

use super::secrets::read_text;
use crate::lists::named_lines;
use crate::words::error::{Class, Error, Result};
use crate::words::misnamed::alone;

/// Largest list that is read: a hundred thousand names.
const MAX_LIST: u64 = 16 << 20;

/// A name as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// The text.
    pub(super) text: String,
    /// The file and the line, where it is from a list.
    pub(super) place: Option<String>,
}

/// The names among the arguments, then those of the lists.
///
/// # Errors
/// When a list cannot be read.
pub(super) fn gather(arguments: Vec<String>, lists: &[PathBuf]) -> Result<Vec<Written>> {
    let mut names: Vec<Written> =
        arguments.into_iter().map(|text| Written { text, place: None }).collect();
    for list in lists {
        names.extend(lines(&read_text(list, MAX_LIST)?, list));
    }
    Ok(names)
}

/// The names that a list's `text` has.
fn lines(text: &str, list: &Path) -> Vec<Written> {
    let written = |(number, name): (usize, &str)| Written {
        text: name.to_owned(),
        place: Some(format!("{}: line {number}", list.display())),
    };
    named_lines(text).map(written).collect()
}

/// What `parse` makes of all `names`, each with its place, and everything that is wrong with any.
pub(super) fn parse<T>(
    names: Vec<Written>,
    parse: impl Fn(&str) -> Result<T>,
) -> (Vec<(T, Option<String>)>, Vec<Error>) {
    let (mut parsed, mut wrong) = (Vec::new(), Vec::new());
    for Written { text, place } in names {
        match (parse(&text), place) {
            (Ok(value), place) => parsed.push((value, place)),
            (Err(error), Some(place)) => wrong.push(alone(error, &text).context(place)),
            (Err(error), None) => wrong.push(error),
        }
    }
    (parsed, wrong)
}

/// Fails for a name that is a file or folder here, which no name of an image is.
///
/// # Errors
/// [`Class::Usage`], with how places are named.
pub(super) fn no_path(text: &str) -> Result<()> {
    let lower = text.to_ascii_lowercase();
    let is_one = |ending: &[&str]| ending.iter().any(|end| lower.ends_with(end));
    let is_list = is_one(&[".yaml", ".yml", ".txt", ".lock", ".json", ".toml"]);
    let is_archive = is_one(&[".tar", ".tar.gz", ".tgz", ".tar.zst", ".img"]);
    let path = Path::new(text);
    if !(is_list || is_archive || text.starts_with(['.', '/'])) || !path.exists() {
        return Ok(());
    }
    let what = if path.is_dir() { "folder" } else { "file" };
    let hint = match is_list && path.is_file() {
        true => "write -f FILE for the images that it names",
        false => "write oci:FOLDER, oci-archive:FILE or docker-archive:FILE for images in it",
    };
    Err(Error::new(Class::Usage, format!("{text} is a {what} here, and no image name")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::location::Source;
    use crate::words::misnamed::misnamed;

    fn read(text: &str) -> Result<Vec<(Source, Option<String>)>> {
        let (parsed, wrong) = parse(lines(text, Path::new("l.txt")), |text| text.parse::<Source>());
        misnamed(wrong, |n| format!("{n} of the names cannot be read")).map_or(Ok(parsed), Err)
    }

    #[test]
    fn comments_and_empty_lines_are_passed_over() {
        let images = read("# base\nalpine:3.20  # small\n\n\tquay.io/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n").unwrap();

        assert_eq!(images.len(), 2);
        assert_eq!(images[0].0.to_string(), "docker://docker.io/library/alpine:3.20");
        assert_eq!(images[1].1.as_deref(), Some("l.txt: line 4"));
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_line() {
        let one = read("alpine\n\nAlpine\n").unwrap_err();
        assert!(one.to_string().starts_with("l.txt: line 3: "), "{one}");

        let hex = "a".repeat(128);
        let other = read(&format!("x@sha512:{hex}\ny@sha512:{hex}\n")).unwrap_err();
        assert_eq!(other.class(), Class::Refused, "{other}");
        let mixed = read(&format!("x@sha512:{hex}\ny@sha512:{}\n", &hex[1..])).unwrap_err();
        assert_eq!(mixed.class(), Class::Usage, "{mixed}");

        for line in
            ["\"alpine:3\"", "'alpine:3'", "alpine:3,", "alpine:3\tsmall", "docker pull a/b:1"]
        {
            let error = read(line).unwrap_err();
            assert!(error.way_out().is_some_and(|it| it.contains("one name")), "{error:?}");
        }

        let both = read("Alpine\nfine\na b\n").unwrap_err();
        assert_eq!(both.class(), Class::Usage);
        assert_eq!(both.message(), "2 of the names cannot be read");
        assert!(both.findings()[0].starts_with("l.txt: line 1: "), "{:?}", both.findings());
        assert!(both.findings()[1].starts_with("l.txt: line 3: "), "{:?}", both.findings());
    }
}
