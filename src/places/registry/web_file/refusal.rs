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

/// The way out where only somebody else has one.
const ASK: &str = "check the address, or ask whoever runs the web server, or a proxy before it";

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
            "nothing that was half read was used; run the same command again once it stays as it is",
        )
        .of_kind(ErrorKind::Replaced)
    }

    pub(super) fn wrong_range(&self, is_other: bool) -> Error {
        let why = match is_other {
            true => "another range came than the one that was asked for",
            false => "a part of the file came without saying which",
        };
        self.error(Class::Refused, why, ASK)
    }

    /// What an answer that gives nothing means.
    pub(super) fn refused(&self, mut answer: Answer) -> Error {
        let (status, host) = (answer.status, &self.session.end.registry);
        match status {
            200 => self.whole(&mut answer),
            300..=399 => {
                let said = answer.header("location").filter(|to| !to.is_empty());
                let file = "ask for an address that leads to the file itself";
                let (to, hint) = match (said, said.and_then(|to| answer.url.join(to))) {
                    // A query may be what lets its bearer in.
                    (_, Some(to)) if to.path().contains('?') => {
                        (format!("another address at {}", to.origin()), file.to_owned())
                    }
                    (_, Some(to)) => (to.to_string(), format!("if it is there, name that: {to}")),
                    // It may have a password in it.
                    (Some(_), None) => ("another address".to_owned(), file.to_owned()),
                    (None, None) => ("nowhere".to_owned(), "check the address".to_owned()),
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
                let (why, hint) = match status {
                    401 => (
                        "not logged in, or not allowed (HTTP 401)",
                        phrase![
                            format!(
                                "a name and a password for it stand in podman's or docker's file \
                                 ({{\"auths\": {{\"{host}\": {{\"auth\": BASE64 of NAME:PASSWORD}}}}}}), or in one that "
                            ),
                            Remedy::AuthFiles,
                            " names"
                        ],
                    ),
                    _ => ("not allowed (HTTP 403)", "ask whoever runs the web server".into()),
                };
                self.error(Class::Refused, why, hint).of_kind(ErrorKind::AccessDenied)
            }
            407 => {
                let why = "the proxy wants a name and a password (HTTP 407)";
                let hint = format!(
                    "name them in http_proxy or https_proxy (http://NAME:PASSWORD@PROXY), or go past it with \
                     no_proxy={}",
                    self.url.host()
                );
                self.error(Class::Refused, why, hint)
            }
            201..=299 => {
                let why = format!("an answer without the file (HTTP {status})");
                self.error(Class::Refused, why, ASK)
            }
            404 | 410 => {
                let why = format!("no such file (HTTP {status})");
                self.error(Class::Incomplete, why, "check the address")
            }
            416 => self.no_ranges("no part of it is given (HTTP 416)"),
            _ => {
                let error = self.session.end.refusal(&self.what(), answer);
                if error.way_out().is_some() { error } else { error.hint(ASK) }
            }
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

    /// That bytes come behind those that were asked for.
    pub(super) fn too_much(&self) -> Error {
        self.error(Class::Refused, "more bytes came than were asked for", ASK)
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
