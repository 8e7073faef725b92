//! What went wrong at a registry, in words that name the end, the thing and the way out.

pub(super) mod codes;
pub(super) mod unusable;
pub(super) mod wire;

use std::fmt;
use std::io;
use std::time::Duration;

use jiff::Timestamp;

use super::http::answer::{Answer, MAX_ERROR_BODY};
use crate::words::error::{Class, Error, ErrorKind, Side, Subject};
use crate::words::escape::safe;
use crate::words::phrase::{Phrase, phrase};
use crate::words::reference::Registry;
use crate::words::remedy::Remedy;

/// How much of the refusal of a document is read, of which some registries list every part with an
/// error or two of some hundred bytes: a thousand parts. An image has 127 layers at most.
const MAX_DOCUMENT_ERRORS: u64 = 1 << 20;

/// How every server written in Go begins its answer to plain HTTP on a TLS port.
const PLAIN_TO_TLS: &[u8] = b"Client sent an HTTP request to an HTTPS server";

/// What a request that is refused has to do with the parts of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    /// It sent no document.
    OfNothing,
    /// It sent a document whose parts were all sent before.
    Sent,
    /// It sent a document some of whose parts were left out on purpose.
    LeftOut,
}

/// One end of a transfer, as every message names it.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) side: Side,
    pub(super) registry: Registry,
    /// Whether it is asked for files, and not for images.
    pub(super) is_web: bool,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            _ if self.is_web => write!(f, "web server {}", self.registry),
            Side::Source => write!(f, "source registry {}", self.registry),
            Side::Destination => write!(f, "destination registry {}", self.registry),
        }
    }
}

impl End {
    /// What it is called.
    pub(super) fn noun(&self) -> &'static str {
        if self.is_web { "web server" } else { "registry" }
    }

    /// A failure at this end, about `what`.
    pub(super) fn error(&self, class: Class, what: &str, why: impl fmt::Display) -> Error {
        Error::new(class, format!("{self}: {what}: {why}"))
            .on(self.side)
            .subject(Subject::Host(self.registry.to_string()))
    }

    /// A failure that names this end already, with it and its host for programs; one that came from
    /// elsewhere, or from the user, stays as it is.
    pub(super) fn noted(&self, error: Error) -> Error {
        match error.side().is_some() || error.class() == Class::Interrupted {
            true => error,
            false => error.on(self.side).subject(Subject::Host(self.registry.to_string())),
        }
    }

    /// An answer about `what` that broke off. It may come whole a moment later.
    pub(super) fn broken_off(&self, what: &str, why: io::Error) -> Error {
        self.noted(Error::io(format!("{self}: {what}: cannot read the answer"), why)).transient()
    }

    /// What may not be pulled for a policy's sake: so Harbor answers 412 to whoever reads a
    /// manifest, while 412 to whoever writes one speaks of a tag that is immutable.
    pub(super) fn withheld(&self, what: &str) -> Error {
        let why = "a policy of the project keeps it from being pulled (HTTP 412)";
        self.error(Class::Refused, what, why).hint(
            "the project wants images scanned or signed before they are pulled; have that done, \
             or ask its administrator",
        )
    }

    /// What comes in the form `encoding`, and was asked for as it is: its digest, its size and its
    /// ranges would be those of something else.
    pub(super) fn compressed(&self, what: &str, encoding: &str) -> Error {
        let encoding = safe(encoding, codes::MAX_WORDS);
        let why =
            format!("it comes compressed (Content-Encoding: {encoding}), which nobody asked for");
        self.error(Class::Damaged, what, why).hint(
            "a proxy before the registry changes what it passes on; have it leave all below /v2/ \
             as it is",
        )
    }

    /// The refusal of a body that was another one when it arrived. Another try may get through.
    pub(super) fn changed(&self, what: &str, answer: Answer) -> Error {
        self.refusal(what, answer).transient().hint(
            "what was sent was right, and was not what arrived: something before the registry \
             changes it; have that mended, or go around it",
        )
    }

    /// An answer that is a refusal, in the words of whoever gave it.
    pub(super) fn refusal(&self, what: &str, answer: Answer) -> Error {
        let elsewhere = !answer.own;
        self.refused(what, answer, elsewhere, Parts::OfNothing)
    }

    /// The refusal of a document that was sent. Where the registry gives its `parts` as the reason,
    /// the failure [says so](ErrorKind::PartsLacking).
    pub(super) fn refusal_of_document(&self, what: &str, answer: Answer, parts: Parts) -> Error {
        let elsewhere = !answer.own;
        let error = self.refused(what, answer, elsewhere, parts);
        match error.kind() == ErrorKind::BodyTooLarge && !elsewhere {
            true => error.hint(phrase![
                "a proxy before the registry limits the size of uploads, and a manifest goes whole; \
                 have the limit raised, or leave the image behind with ",
                Remedy::Except
            ]),
            false => error,
        }
    }

    /// The refusal of a token server, which is shown the same credentials as the registry.
    pub(super) fn token_refusal(&self, what: &str, answer: Answer) -> Error {
        self.refused(what, answer, false, Parts::OfNothing)
    }

    fn refused(&self, what: &str, mut answer: Answer, elsewhere: bool, parts: Parts) -> Error {
        let status = answer.status;
        let body = answer.read_some(match parts {
            Parts::OfNothing => MAX_ERROR_BODY,
            Parts::Sent | Parts::LeftOut => MAX_DOCUMENT_ERRORS,
        });
        if status == 400 && body.starts_with(PLAIN_TO_TLS) {
            let why = format!("the {} speaks TLS and was asked in plain HTTP", self.noun());
            let error = self.error(Class::Refused, what, why);
            return error.hint(match self.is_web {
                true => phrase!["begin its address with https://"],
                false => {
                    phrase!["leave out ", Remedy::PlainHttp, format!(" {}", self.registry)]
                }
            });
        }
        let words = codes::own_words(&body);
        if status == 401 && answer.header("www-authenticate") == Some("") {
            return self.no_project(what);
        }
        let said = if words.is_empty() { String::new() } else { format!(", {words}") };
        let over = self.side == Side::Destination && status == 403 && is_over_quota(&words);
        let full = over || status == 507 || words.contains("no space left on device");
        let lacks = parts != Parts::OfNothing && codes::lack_parts(&body);
        // What was left out on purpose does not come by itself.
        let lacking = lacks && parts == Parts::LeftOut;
        let class = match status {
            _ if full => Class::NoRoom,
            404 if self.side == Side::Source => Class::Incomplete,
            _ if lacking => Class::Refused,
            400..=499 if status != 408 => Class::Refused,
            _ => Class::Other,
        };
        let meaning = match (full, lacking) {
            (true, _) => "no room",
            (false, true) => "it lacks parts of it",
            (false, false) if self.is_web && status >= 500 => "it failed",
            (false, false) => meaning(status, self.side),
        };
        let mut text = format!("{meaning} (HTTP {status}{said})");
        // Whoever left the parts out knows better.
        let mut way_out = self.way_out(status, &words).filter(|_| !lacking);
        if elsewhere {
            text += &format!(" at {}, where the registry leads", answer.url.origin());
            // Credentials are not shown there, so that logging in changes nothing.
            way_out = Some("its storage refuses or fails; ask whoever runs the registry".into());
        }
        let error = self.error(class, what, text);
        let error = match way_out {
            Some(hint) => error.hint(hint),
            None => error,
        };
        let turned_away = matches!(status, 401 | 403) && !elsewhere;
        let error = match (lacks, turned_away) {
            _ if full => error.of_kind(ErrorKind::NoSpace),
            (true, _) => error.of_kind(ErrorKind::PartsLacking),
            (false, true) => error.of_kind(ErrorKind::AccessDenied),
            _ if status == 413 => error.of_kind(ErrorKind::BodyTooLarge),
            _ if status == 415 => error.of_kind(ErrorKind::TypeNotTaken),
            (false, false) => error,
        };
        match is_transient(status) && !full && !lacking {
            true => {
                let wait = answer.header("retry-after");
                error.transient().retry_after(wait.and_then(|w| retry_after(w, Timestamp::now())))
            }
            false => error,
        }
    }

    /// A 401 that asks for nothing: so Harbor answers when no credentials could help
    /// (`src/server/middleware/v2auth/auth.go`, where the project is not found).
    fn no_project(&self, what: &str) -> Error {
        let why = "the project does not exist, or may not be seen (HTTP 401)";
        self.error(Class::Refused, what, why).hint(match self.side {
            Side::Source => "check the project's name".into(),
            Side::Destination => {
                phrase![
                    "check its name; ",
                    Remedy::CreateProjects,
                    " makes what is missing, where these credentials may"
                ]
            }
        })
    }

    fn way_out(&self, status: u16, words: &str) -> Option<Phrase> {
        let host = &self.registry;
        let log_in = phrase![
            "`",
            Remedy::Login,
            format!(" {host}` (or podman's or docker's), or "),
            Remedy::AuthFiles,
            " FILE"
        ];
        Some(match (status, self.side) {
            (403, Side::Destination) if is_over_quota(words) => {
                "the project's quota is used up; raise it or remove old images".into()
            }
            (401 | 403, Side::Source) => phrase!["check the image's name, and log in with ", log_in],
            (401 | 403, Side::Destination) => {
                phrase!["check that the project exists and may be pushed to; log in with ", log_in]
            }
            (404, Side::Source) => "check the name and the tag".into(),
            (404, Side::Destination) => {
                "the registry has no such project; it may have to be created first".into()
            }
            (405, Side::Destination) => {
                "it takes no pushes there: the registry may be read-only, or what is asked for only \
                 caches another one; choose another place"
                    .into()
            }
            (412, Side::Destination) => phrase![
                "a rule of the project keeps the tag as it is; choose another one with ",
                Remedy::Rules,
                ", or leave it with ",
                Remedy::Existing,
                " skip"
            ],
            (413, _) => phrase![
                "a proxy before the registry limits the size of uploads; have the limit raised, or \
                 name a ",
                Remedy::ChunkSize,
                " below it"
            ],
            (415, Side::Destination) => phrase![
                "the registry takes no manifests of this type; ",
                Remedy::ToOci,
                " makes OCI ones of Docker's, under new digests"
            ],
            (429, _) => {
                format!("the {} limits how often it is asked; log in, or wait", self.noun()).into()
            }
            (500..=599, _) => {
                format!("try again later, or ask whoever runs the {}", self.noun()).into()
            }
            _ => return None,
        })
    }
}

/// Whether the same request may be answered better a moment later.
pub(super) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

fn meaning(status: u16, side: Side) -> &'static str {
    match (status, side) {
        (401, _) => "not logged in, or not allowed",
        (403, _) => "not allowed",
        (404, Side::Source) => "no such thing",
        (404, Side::Destination) => "no such repository",
        (412, Side::Destination) => "the tag is immutable",
        (413, _) => "too large",
        (415, _) => "a type that is not taken",
        (429, _) => "too many requests",
        (500..=599, _) => "the registry failed",
        (300..=399, _) => "redirected to nowhere",
        (200..=299, _) => "an answer that makes no sense",
        _ => "refused",
    }
}

/// Whether a refusal's words are those of a quota: Harbor's name the limit, others the quota.
fn is_over_quota(words: &str) -> bool {
    words.contains("will exceed the configured upper limit") || words.contains("quota")
}

/// How long a `Retry-After` asks to wait: seconds, or a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::from_secs(u64::try_from(until.as_second() - now.as_second()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sat, 21 Nov 2026 10:00:30 GMT", Some(30)),
            ("Sat, 21 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn a_quota_is_told_from_a_missing_right() {
        let harbor = "DENIED: adding 3.1 GiB of storage resource, which when updated to current \
                      usage of 49.0 GiB will exceed the configured upper limit of 50.0 GiB.";
        assert!(is_over_quota(harbor));
        assert!(is_over_quota("DENIED: quota exceeded"));
        assert!(!is_over_quota("DENIED: requested access to the resource is denied"));
    }
}
