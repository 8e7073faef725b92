//! Why a root is not taken, or a trust folder cannot be used; each with the way out.

use std::io;
use std::path::Path;

use super::document::Root;
use super::role::RoleTally;
use crate::words::error::{Class, Error, Subject};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Root `version` is not signed by enough.
pub(super) fn too_few(version: u64, tallies: &[RoleTally]) -> Error {
    let missing = tallies.iter().flat_map(|it| &it.missing);
    Error::new(Class::Untrusted, format!("root {version} is not signed by enough"))
        .about(missing.map(|signer| Subject::Key(signer.key.hex())))
        .details(tallies.iter().map(RoleTally::in_words))
        .hint(phrase!["each of them signs the same file with `", Remedy::Roots, " sign`"])
}

/// Root `version` does not follow `current`.
pub(super) fn no_successor(current: u64, version: u64) -> Error {
    let text = match version <= current {
        true => format!("root {version} is old: root {current} was taken already"),
        false => {
            format!("root {version} does not follow root {current}: those between are missing")
        }
    };
    Error::new(Class::Stale, text).hint("roots are taken one after the other, none left out")
}

/// There are two roots of one version.
pub(super) fn forked(own: &Root, other: &Root) -> Error {
    let text = format!(
        "there are two roots of version {}: {} is known here, and this is {}",
        own.version,
        own.fingerprint(),
        other.fingerprint()
    );
    Error::new(Class::Stale, text)
        .hint("those who sign roots have signed two: ask each of them which one is right")
}

/// The trust folder `path` is not used, for it is as others want it.
pub(super) fn open_to_others(path: &Path, why: &str) -> Error {
    let text = format!("{} {why}: whom it names is not believed", path.display());
    Error::new(Class::Untrusted, text)
        .subject(Subject::Path(path.to_owned()))
        .hint("only you, or root, may write it: see chown, and chmod go-w")
}

/// `path` in a trust folder is no file, or the folder no folder.
pub(super) fn a_link(path: &Path, what: &str) -> Error {
    let text = format!("{} is no {what}, and a link is not followed", path.display());
    Error::new(Class::Untrusted, text)
        .subject(Subject::Path(path.to_owned()))
        .hint(phrase!["name the folder itself with ", Remedy::TrustFolder])
}

/// There is no trust folder in `path`, or nothing in it.
pub(super) fn none(path: &Path) -> Error {
    let text = format!("there is no root of trust in {}", path.display());
    Error::new(Class::Usage, text).subject(Subject::Path(path.to_owned())).hint(phrase![
        "`",
        Remedy::Roots,
        " init` takes the first one"
    ])
}

/// There is a root of trust in `path` already.
pub(super) fn taken(path: &Path, version: u64) -> Error {
    let text = format!("{} has a root of trust already, of version {version}", path.display());
    Error::new(Class::Usage, text).subject(Subject::Path(path.to_owned())).hint(phrase![
        "`",
        Remedy::Roots,
        " rotate` takes the next one"
    ])
}

/// `path` cannot be read.
pub(super) fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot read {}", path.display()), error)
        .subject(Subject::Path(path.to_owned()))
        .hint(phrase!["see who may read it, or name another folder with ", Remedy::TrustFolder])
}

/// A root that was accepted cannot be written into `path`.
pub(super) fn unwritable(path: &Path, error: Error) -> Error {
    let error =
        error.context("cannot keep the root of trust").subject(Subject::Path(path.to_owned()));
    match error.class() {
        Class::NoRoom | Class::Stale | Class::Busy => error,
        _ => error.hint(phrase![
            "have it taken by who may write there: `",
            Remedy::Roots,
            " rotate` reads it from the bundle as well"
        ]),
    }
}
