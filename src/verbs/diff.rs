//! `diff`: what changes from one set of images to another, and what that weighs.

mod comparand;
mod compared;

use serde::Serialize;

pub use self::comparand::Comparand;
pub use self::compared::{CompareKind, Compared};
use crate::bundle::check::Trust;
use crate::words::error::{Class, Error, ErrorKind, Result};
use crate::words::moment::Moment;
use crate::work::diff::Difference;

/// What to compare, and whom to believe.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// What there was.
    pub before: Comparand,
    /// What there is, or will be.
    pub after: Comparand,
    /// Whom to believe.
    pub trust: Trust,
    /// The time, for the expiry.
    pub now: Moment,
}

impl Request {
    /// Compares `before` with `after`, what is signed of them against `trust`, at the time `now`.
    #[must_use]
    pub fn new(before: Comparand, after: Comparand, trust: Trust, now: Moment) -> Request {
        Request { before, after, trust, now }
    }
}

/// How two sets of images differ, and what was compared.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Comparison {
    /// What there was.
    pub before: Compared,
    /// What there is, or will be.
    pub after: Compared,
    /// How they differ.
    #[serde(flatten)]
    pub difference: Difference,
}

impl Comparison {
    /// That the two differ, or cannot be told to be the same, as a failure, for one who asks that.
    #[must_use]
    pub fn unlike(&self) -> Option<Error> {
        let (before, after) = (&self.before.name, &self.after.name);
        let text = format!("{before} and {after} differ");
        let error = || Error::new(Class::Other, text).of_kind(ErrorKind::Differs);
        (!self.difference.is_none()).then(error)
    }
}

/// Compares as `request` says. Layers are not read.
///
/// ```
/// use std::time::SystemTime;
///
/// use sealift::bundle::check::Trust;
/// use sealift::verbs::diff::{Comparand, Request, diff};
///
/// let list = Comparand::List { path: "images.txt".into(), names: vec!["acme/list:1.0".parse()?] };
/// let bundle = Comparand::Bundle("testdata/formats/v1/folder".into());
/// let now = SystemTime::now().try_into()?;
/// let told = diff(&Request::new(list, bundle, Trust::UnsafeAnySigner, now))?;
/// assert_eq!(told.difference.counts.removed, 0, "the bundle has all of the list");
/// assert_eq!(told.difference.new, None, "what the list stands for is not known");
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// As [`Record::read`](crate::bundle::record::Record::read), or
/// [`ReadReceipt::at`](crate::bundle::receipt::ReadReceipt::at), of either.
pub fn diff(request: &Request) -> Result<Comparison> {
    // 1. What does each hold? One at a time: of a bundle that was read, little is kept.
    let (before, old) = request.before.look(&request.trust, request.now)?;
    let (after, now) = request.after.look(&request.trust, request.now)?;

    // 2. How do they differ?
    Ok(Comparison { difference: Difference::between(&old, &now), before, after })
}

#[cfg(test)]
mod tests;
