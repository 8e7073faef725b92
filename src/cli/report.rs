//! What a failure looks like, and its exit code.

use std::process::ExitCode;
use std::str::FromStr;

use super::remedies::{Said, shown};
use crate::words::error::{Class, Error};

/// The exit code of each class of failure: documented in `--help` and the README, and stable.
pub(super) fn code(class: Class) -> u8 {
    match class {
        Class::Other => 1,
        Class::Usage => 2,
        Class::Untrusted => 3,
        Class::Damaged => 4,
        Class::Incomplete => 5,
        Class::Refused => 6,
        Class::Stale => 7,
        Class::NoRoom => 8,
        Class::Busy => 9,
        Class::Interrupted => 130,
    }
}

/// [`code`], for `main`.
pub(super) fn exit_code(class: Class) -> ExitCode {
    ExitCode::from(code(class))
}

/// Most findings that are shown to people. With `--format json` all of them are.
const MAX_FINDINGS: usize = 1_000;

/// The lines of a failure: the error, its findings, and the way out.
pub(super) fn lines(error: &Error) -> Vec<String> {
    let mut lines = vec![format!("error: {}", Said(error))];
    let findings = error.findings();
    lines.extend(findings.iter().take(MAX_FINDINGS).map(|it| format!("  {}", shown(it))));
    if let Some(more) = findings.len().checked_sub(MAX_FINDINGS).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more, which --format json shows"));
    }
    lines.extend(error.advice().map(|hint| format!("  hint: {}", shown(hint))));
    lines
}

/// An argument as the parser of arguments takes it: with the way out behind what is wrong.
pub(super) fn argument<T: FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: Error| match error.advice() {
        Some(hint) => format!("{}\n  hint: {}", Said(&error), shown(hint)),
        None => Said(&error).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_the_exit_code_that_the_help_names() {
        use Class::{
            Damaged, Incomplete, Interrupted, NoRoom, Other, Refused, Stale, Untrusted, Usage,
        };
        for (class, expected, word) in [
            (Other, 1, "other failure"),
            (Usage, 2, "usage"),
            (Untrusted, 3, "not trusted"),
            (Damaged, 4, "damaged"),
            (Incomplete, 5, "incomplete"),
            (Refused, 6, "refused"),
            (Stale, 7, "expired"),
            (NoRoom, 8, "no room"),
            (Interrupted, 130, "interrupted"),
        ] {
            assert_eq!(code(class), expected);
            let named = format!("{expected} {word}");
            assert!(super::super::EXAMPLES.contains(&named), "{named}");
        }
    }

    #[test]
    fn a_failure_shows_findings_and_the_way_out_escaped() {
        let error = Error::new(Class::Damaged, "bad\x1b")
            .details(["one\x1b".to_owned()])
            .hint("copy\x1b it again");

        assert_eq!(
            lines(&error),
            ["error: bad\\u{1b}", "  one\\u{1b}", "  hint: copy\\u{1b} it again"]
        );
        let many = Error::new(Class::Damaged, "bad").details((0..1_200).map(|n| n.to_string()));
        assert_eq!(lines(&many)[1_001], "  and 200 more, which --format json shows");
    }
}
