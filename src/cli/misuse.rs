//! Arguments that are none: what clap says of them, for people and for programs.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;

use super::json::{Ending, NoValue};
use super::printer::{Outlet, write};
use super::report::exit_code;
use super::stderr::err;
use crate::words::error::{Class, Error};
use crate::words::escape::Safe;

/// Tells what `error` says, also as JSON where the `arguments` ask for it, and gives the exit code.
/// Help and version are results.
pub(super) fn tell(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A closed pipe is no reason to fail: whoever read it has seen enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.render().to_string();
    let arguments = before_dashes(arguments);
    if wants_json(&arguments) {
        let failure = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => no_verb(),
            _ => failure(&text),
        };
        let stream = if takes_stdout(&arguments) { Outlet::Err } else { Outlet::Out };
        // The exit code tells all the same when even this cannot be printed.
        let _ = Ending::new(&NoValue {}, Some(&failure))
            .spelled()
            .and_then(|json| write(stream, json.as_bytes()));
    }
    // They may have come from a list that somebody else wrote.
    text.trim_end().lines().for_each(|line| err(&Safe(line).to_string()));
    exit_code(Class::Usage)
}

/// The arguments that can be options, as far as they are text.
fn before_dashes(arguments: &[OsString]) -> Vec<&str> {
    arguments
        .iter()
        .map(|it| it.to_str().unwrap_or_default())
        .take_while(|it| *it != "--")
        .collect()
}

/// Whether JSON is asked for. Clap, which knows no better than that something is wrong, does not say.
fn wants_json(arguments: &[&str]) -> bool {
    let apart = arguments.windows(2).any(|pair| pair == ["--format", "json"]);
    apart || arguments.contains(&"--format=json")
}

/// Whether standard output was to be an archive, into which no JSON belongs.
fn takes_stdout(arguments: &[&str]) -> bool {
    let archive = |it: &&str| it.ends_with("docker-archive:-") || it.ends_with("oci-archive:-");
    arguments.contains(&"import") && arguments.iter().any(archive)
}

fn no_verb() -> Error {
    Error::new(Class::Usage, "a verb is needed").hint("--help shows them")
}

/// What clap says, by its layout: the message, what it is about in indented lines below, and a tip.
fn failure(text: &str) -> Error {
    let mut parts = text.split("\n\n");
    let mut lines = parts.next().unwrap_or_default().lines();
    let first = lines.next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first);
    let (hints, findings): (Vec<&str>, Vec<&str>) =
        lines.map(str::trim).partition(|line| line.starts_with("hint: "));
    let tips = parts.flat_map(str::lines).filter_map(|line| line.trim().strip_prefix("tip: "));
    let hints = hints.into_iter().filter_map(|line| line.strip_prefix("hint: "));
    let error = Error::new(Class::Usage, message).details(findings.into_iter().map(str::to_owned));
    match hints.chain(tips).next() {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_format_is_read_from_arguments_that_clap_does_not_take() {
        for (text, json) in [
            ("verify --format json --nonsense", true),
            ("--format=json", true),
            ("verify b --format json", true),
            ("verify b --format text", false),
            ("verify b --format", false),
            ("verify b --format=jsonx", false),
            ("verify -- --format json", false),
            ("json --format", false),
        ] {
            assert_eq!(wants_json(&before_dashes(&all(text))), json, "{text}");
        }
    }

    #[test]
    fn an_archive_on_standard_output_has_no_json_in_it() {
        for (text, takes) in [
            ("import b --to docker-archive:- --platform x", true),
            ("import b --to=oci-archive:-", true),
            ("import b --to docker-archive:x", false),
            ("export docker-archive:- -o b", false),
        ] {
            assert_eq!(takes_stdout(&before_dashes(&all(text))), takes, "{text}");
        }
    }

    #[test]
    fn what_clap_says_is_taken_apart() {
        let error = failure(
            "error: the following required arguments were not provided:\n  --output <BUNDLE>\n  \
             --sign-key <KEY.pem>\n\nUsage: sealift export\n\nFor more information, try '--help'.\n",
        );
        assert_eq!(error.message(), "the following required arguments were not provided:");
        assert_eq!(error.findings(), ["--output <BUNDLE>", "--sign-key <KEY.pem>"]);
        assert_eq!((error.class(), error.way_out()), (Class::Usage, None));

        let error = failure(
            "error: invalid value 'x' for '--to <DEST>': x is no place\n  hint: write oci:x\n\nUsage",
        );
        assert_eq!(error.message(), "invalid value 'x' for '--to <DEST>': x is no place");
        assert_eq!(error.way_out(), Some("write oci:x"));
        assert!(error.findings().is_empty());

        let tip =
            failure("error: unexpected argument '--k'\n\n  tip: to pass it, use '-- --k'\n\nU");
        assert_eq!(tip.way_out(), Some("to pass it, use '-- --k'"));
    }
}
