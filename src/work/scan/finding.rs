//! What is said of layers that were found bad, and of those that nobody can look into.

use std::fmt::Display;
use std::path::Path;

use crate::bundle::contents::{Contents, RootAt};
use crate::tools::scanner::Scanner;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, RuleRefusal, Subject};

/// How many images are named that need a layer, since half of a bundle may share one.
const SHOWN: usize = 5;
/// The rule that is broken by what nobody can look into.
const ALL: &str = "all is scanned";

/// The names of what needs a layer.
pub(super) fn needing(contents: &Contents, users: Option<&Vec<RootAt>>) -> Vec<String> {
    let mut names: Vec<String> =
        users.into_iter().flatten().map(|at| contents.root_name(*at)).collect();
    names.dedup();
    names
}

/// That `scanner`, which calls itself `tool`, found something in `what`, which `names` need, and said these
/// `lines`.
pub(super) fn finding(
    (scanner, tool): (&Scanner, &str),
    what: &str,
    names: &[String],
    lines: Vec<String>,
) -> Error {
    let (shown, more) = names.split_at(names.len().min(SHOWN));
    let more = match more.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!("{scanner} found something in {what} of {}{more}", shown.join(", "));
    let said = format!("found something in {what}: {}", lines.join("; "));
    let refusal = RuleRefusal::new(scanner.to_string(), names.to_vec(), said).by_tool(tool);
    Error::new(Class::Untrusted, text)
        .refusing([refusal])
        .details(lines)
        .about(names.iter().cloned().map(Subject::Image))
        .hint("the image does not cross: leave it out, or have it made anew without that")
}

/// That nobody can look into `blob`, a layer that is packed as `kind` says.
pub(super) fn unscannable(contents: &Contents, blob: &Descriptor, kind: &dyn Display) -> Error {
    let names = contents.touched_by(&blob.digest);
    let text =
        format!("layer {} of {} cannot be scanned: it is {kind}", blob.digest, names.join(", "));
    let said = format!("layer {} cannot be scanned: it is {kind}", blob.digest);
    Error::new(Class::Untrusted, text)
        .refusing([RuleRefusal::new(ALL, names.clone(), said)])
        .about(names.into_iter().map(Subject::Image))
        .hint("what was not scanned does not cross: leave the image out")
}

/// `lines` without `scratch` in front of paths.
pub(super) fn below(scratch: &Path, lines: Vec<String>) -> Vec<String> {
    let begin = format!("{}/", scratch.display());
    lines.into_iter().map(|line| line.replace(&begin, "")).collect()
}
