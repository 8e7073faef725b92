//! PlainList lists: a name a line, `#` for comments.

use super::around::Around;
use super::entry::{Asked, Entry};
use super::expressions;
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;
use super::tag_rule::TagRule;

/// What places beside registries begin with.
const PLACES: [&str; 9] = [
    "oci:",
    "oci-archive:",
    "docker-archive:",
    "docker-daemon:",
    "containers-storage:",
    "containerd:",
    "dir:",
    "file:",
    "chart:",
];

/// A name a line.
#[derive(Debug)]
pub(super) struct PlainList;

impl ListFormat for PlainList {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn title(&self) -> &'static str {
        "a plain list"
    }

    /// What is nothing else is one.
    fn is(&self, _: &ListText) -> bool {
        true
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            for (number, name) in named_lines(list.text()) {
                let spot = list.spot(number, "");
                match asked(name) {
                    Ok(asked) => reading.add(Entry::new(asked, spot)),
                    Err(error) => reading.fault(spot, error),
                }
            }
        }
        reading
    }
}

/// The lines of `text` that say something, each with its number from 1 on, without comments, which begin with `#`.
pub fn named_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.split_once('#').map_or(line, |(before, _)| before).trim()));
    lines.filter(|(_, name)| !name.is_empty())
}

/// What a `name` of a plain list asks for, as one on the command line does.
///
/// # Errors
/// When it has a rule for tags that is none.
pub fn asked(name: &str) -> crate::words::error::Result<Asked> {
    let bare = name.strip_prefix("docker://").unwrap_or(name);
    // Behind a space there are only more conditions, and a slash behind a colon begins an expression; a
    // digest has a colon of its own.
    let head = bare.split(char::is_whitespace).next().unwrap_or(bare);
    let slash = head.rfind('/').map_or(0, |at| at + 1);
    let colon = || head[slash..].find([':', '@']).map(|at| slash + at);
    let Some((repository, tags)) = expressions::begin(bare)
        .or_else(colon)
        .and_then(|at| Some((&bare[..at], bare[at..].strip_prefix(':')?)))
    else {
        return Ok(Asked::Place(name.to_owned()));
    };
    let is_rule =
        tags.contains(['*', '?', '/']) || tags.trim_start().starts_with(['<', '>', '=', '^', '~']);
    if !is_rule || PLACES.iter().any(|place| bare.starts_with(place)) {
        return Ok(Asked::Place(name.to_owned()));
    }
    Ok(Asked::Tags { repository: repository.to_owned(), rule: TagRule::parse(tags.trim())? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::{Nothing, read};

    #[test]
    fn a_hundred_thousand_lines_are_read_each_with_its_spot() {
        let text: String =
            (0..100_000).map(|n| format!("registry.example/team/app-{n}:1.{n}  # {n}\n")).collect();

        let reading = read(&[ListText::new("l.txt", None, &text)], None, &Nothing);

        assert!(reading.faults.is_empty());
        assert_eq!(reading.entries.len(), 100_000);
        assert_eq!(reading.entries[99_999].spot.line, 100_000);
    }

    #[test]
    fn lines_are_places_and_rules_for_tags() {
        let text = "# base\nalpine:3.20  # small\n\n\tquay.io/a/b@sha256:e3b0\nquay.io/a/b:>=1 <2\nx:*\noci:dir:*\nx:/^1/ not /a/\noci:/x:*\n";
        let list = ListText::new("l.txt", None, text);

        let reading = read(&[list], None, &Nothing);

        let shown: Vec<String> =
            reading.entries.iter().map(|it| format!("{} {:?}", it.spot, it.asked)).collect();
        assert_eq!(shown.len(), 7, "{shown:?}");
        assert_eq!(shown[0], "l.txt: line 2 Place(\"alpine:3.20\")");
        assert!(shown[1].starts_with("l.txt: line 4 Place"), "{shown:?}");
        assert!(shown[2].contains("Tags { repository: \"quay.io/a/b\""), "{shown:?}");
        assert!(shown[3].contains("Tags { repository: \"x\""), "{shown:?}");
        assert!(shown[4].contains("Place(\"oci:dir:*\")"), "{shown:?}");
        assert!(shown[5].contains("repository: \"x\""), "{shown:?}");
        assert!(shown[6].contains("Place(\"oci:/x:*\")"), "{shown:?}");
        assert!(reading.faults.is_empty());
    }
}
