//! What it means when a web server does not give the part of a file that was asked for, and the way out.

use std::fmt;

use super::Asking;
use crate::medium::no_tar::{SNIFF, no_tar};
use crate::places::registry::auth::challenge::Challenge;
use crate::places::registry::auth::challenges;
use crate::places::registry::http::answer::Answer;
use crate::words::error::{Class, Error, ErrorKind};
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

impl Asking<'_> {
    /// A failure about it, with the way out.
    pub(super) fn error(
        &self,
        class: Class,
        why: impl fmt::Display,
        hint: impl Into<Phrase>,
    ) -> Error {
        self.session.end.error(class, &self.what(), why).hint(hint)
    }

    /// That the file is not the one any more that was looked at.
    pub(super) fn changed(&self) -> Error {
        self.error(
            Class::Damaged,
            "the file was changed or replaced while it was read",
            "nothing that was half read was used; run the same command again once the file stays as it is",
        )
    }

    pub(super) fn wrong_range(&self, is_other: bool) -> Error {
        let why = match is_other {
            true => "another range came than the one that was asked for",
            false => "a part of the file came without saying which",
        };
        self.error(Class::Refused, why, "ask whoever runs the web server, or a proxy before it")
    }

    /// What an answer that gives nothing means.
    pub(super) fn refused(&self, mut answer: Answer) -> Error {
        let (status, host) = (answer.status, &self.session.end.registry);
        match status {
            200 => self.whole(&mut answer),
            300..=399 => {
                let to = answer.header("location").and_then(|to| answer.url.join(to));
                let (to, hint) = match to {
                    // A query may be what lets its bearer in.
                    Some(to) if to.path().contains('?') => {
                        (to.origin(), "ask for an address that leads to the file itself".to_owned())
                    }
                    Some(to) => (to.to_string(), format!("if it is there, name that: {to}")),
                    None => ("nowhere".to_owned(), "check the address".to_owned()),
                };
                let why = format!("it leads to {to} (HTTP {status}), and was not followed");
                self.error(Class::Refused, why, hint)
            }
            401 | 403 => {
                if status == 401 && wants_a_token(&answer) {
                    let why = "it wants a token, and no name and password (HTTP 401)";
                    let hint = "nothing was sent to whoever gives those; have the web server ask for Basic, as nginx does";
                    let error = self.error(Class::Refused, why, hint);
                    return error.of_kind(ErrorKind::AccessDenied);
                }
                let why = match status {
                    401 => "not logged in, or not allowed (HTTP 401)",
                    _ => "not allowed (HTTP 403)",
                };
                let hint = phrase![
                    "log in with `",
                    Remedy::Login,
                    format!(
                        " {host}` (or podman's or docker's), or name a file with credentials for {host}: "
                    ),
                    Remedy::AuthFiles,
                    " FILE"
                ];
                self.error(Class::Refused, why, hint).of_kind(ErrorKind::AccessDenied)
            }
            404 | 410 => {
                let why = format!("no such file (HTTP {status})");
                self.error(Class::Incomplete, why, "check the address")
            }
            416 => self.no_ranges("no part of it is given (HTTP 416)"),
            _ => self.session.end.refusal(&self.what(), answer),
        }
    }

    /// A server that gives the whole file instead of a part of it, or something else altogether.
    fn whole(&self, answer: &mut Answer) -> Error {
        let begin = answer.read_some(SNIFF as u64);
        match no_tar(&begin).filter(|_| !begin.is_empty()) {
            Some(other) => {
                let why = format!("what came is no bundle: it is {}", other.what);
                let error = self.error(Class::Untrusted, why, other.way_out());
                error.of_kind(ErrorKind::AnswerUnusable)
            }
            None => self.no_ranges("the whole file came where a part of it was asked for"),
        }
    }

    fn no_ranges(&self, why: &str) -> Error {
        self.error(
            Class::Refused,
            why,
            "the web server, or a proxy before it, has to give ranges (Accept-Ranges: bytes), as nginx does; or copy \
             the file to this machine, and name the copy",
        )
    }
}

/// Whether it asks for what a token service gives, and would not take a name and a password.
fn wants_a_token(answer: &Answer) -> bool {
    let asked = challenges(answer);
    let bearer = asked.iter().any(|it| matches!(it, Challenge::Bearer { .. }));
    bearer && !asked.contains(&Challenge::Basic)
}
