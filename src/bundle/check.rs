//! Verification, in the order in which belief is earned: envelopes, signatures, the statement,
//! its expiry, the list of files, the files themselves, the documents, and at last every byte.
//!
//! What is made is checked as what arrives is: [`promise`] before the layers of a bundle are
//! fetched, and `made` before it gets its name. So each limit stands in one place.

mod attested;
mod examined;
mod files;
mod graph;
mod hashed;
mod instead;
mod listed;
mod own;
mod proven;
mod reading;
mod recalled;
mod ruled;
mod signatures;
mod small_files;
mod tables;
mod touched;
mod traced;
mod trust;
mod trusted;
mod usable;
mod volumes;

pub use self::attested::{Attested, CountedSignature, attested};
use self::examined::look;
pub use self::examined::{Examined, MAX_INDEX};
pub(super) use self::listed::{SmallFiles, signed_list};
pub use self::own::promise;
pub(super) use self::own::{Beginning, made, stored, volume};
pub use self::proven::ProvenBytes;
pub use self::recalled::Recalled;
pub use self::signatures::OtherSignature;
pub use self::trust::Trust;
pub use self::trusted::{Trusted, Verified};
pub use self::usable::Usable;
pub use self::volumes::VolumeAlone;
use crate::medium::Medium;
use crate::medium::tree::Tree;
use crate::words::error::{Result, Subject};
use crate::words::moment::Moment;

/// Opens the bundle on `medium` and checks everything but the bytes of layers. `now` is for
/// the expiry.
///
/// # Errors
/// [`Untrusted`](crate::words::error::Class::Untrusted) without an acceptable signature,
/// [`Stale`](crate::words::error::Class::Stale) after its expiry,
/// [`Damaged`](crate::words::error::Class::Damaged) when the list of files itself is not the signed
/// one. Everything found behind that is in [`Examined::problems`].
pub fn examine(medium: &Medium, trust: &Trust, now: Moment) -> Result<Examined> {
    opened(medium, trust, Some(now))
}

/// As [`examine`], of a bundle that was opened on `medium` as `tree`.
///
/// # Errors
/// As there.
pub fn examine_tree(tree: Tree, medium: &Medium, trust: &Trust, now: Moment) -> Result<Examined> {
    let name = medium.to_string();
    let examined = instead::refuse(&tree, &name)
        .and_then(|()| look(tree, name.clone(), trust, Some(now)))
        .and_then(Examined::reached);
    examined.map_err(|error| error.subject(Subject::Path(medium.path().to_owned())))
}

fn opened(medium: &Medium, trust: &Trust, now: Option<Moment>) -> Result<Examined> {
    let name = medium.to_string();
    let examined = medium.open().and_then(|tree| {
        instead::refuse(&tree, &name)?;
        let trust = trust.brought_up(&tree).map_err(|e| e.context(&name))?;
        look(tree, name, &trust, now)?.reached()
    });
    examined.map_err(|error| error.subject(Subject::Path(medium.path().to_owned())))
}

/// As [`examine`], for one who only looks: a bundle that has expired is no failure.
///
/// # Errors
/// As there, but for its expiry.
pub fn examine_expired(medium: &Medium, trust: &Trust) -> Result<Examined> {
    opened(medium, trust, None)
}

/// As [`examine_expired`], for one who asks no more than what the bundle says of itself: its layers
/// and configs may be missing.
///
/// # Errors
/// As there.
pub fn recall(medium: &Medium, trust: &Trust) -> Result<Examined<Recalled>> {
    let name = medium.to_string();
    let examined = medium.open().and_then(|tree| {
        instead::refuse(&tree, &name)?;
        let trust = trust.brought_up(&tree).map_err(|e| e.context(&name))?;
        look(Recalled(tree), name, &trust, None)
    });
    examined.map_err(|error| error.subject(Subject::Path(medium.path().to_owned())))
}

#[cfg(test)]
mod tests;
