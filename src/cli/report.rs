//! What a failure looks like, and its exit code.

use std::process::ExitCode;

use serde::Serialize;

use crate::words::error::{Class, Error};
use crate::words::escape::Safe;

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
        Class::Interrupted => 130,
    }
}

/// [`code`], for `main`.
pub(super) fn exit_code(class: Class) -> ExitCode {
    ExitCode::from(code(class))
}

/// The lines of a failure: the error, its findings, and the way out.
pub(super) fn lines(error: &Error) -> Vec<String> {
    let mut lines = vec![format!("error: {error}")];
    lines.extend(error.findings().iter().map(|finding| format!("  {}", Safe(finding))));
    lines.extend(error.way_out().map(|hint| format!("  hint: {}", Safe(hint))));
    lines
}

/// A failure as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    ok: bool,
    error: Body,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    exit_code: u8,
    message: String,
    findings: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    pub(super) fn of(error: &Error) -> Failure {
        Failure {
            ok: false,
            error: Body {
                exit_code: code(error.class()),
                message: error.to_string(),
                findings: error.findings().to_vec(),
                hint: error.way_out().map(str::to_owned),
            },
        }
    }
}
